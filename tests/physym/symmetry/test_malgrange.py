"""Invariants to equivariants: symbolic, in torch, and counted degree by degree."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy
import torch

from physym.symmetry import SO, SU, Lorentz, O, S, Sp
from physym.symmetry.vectors.equivariants import cross
from physym.symmetry.vectors.invariants import invariants
from physym.symmetry.vectors.malgrange import equivariants_from_invariants, equivariants_torch
from simulators.errors import InputError


def symbols(count, dim):
    """Vectors of symbols (count, dim) and a dual one."""
    vectors = [sympy.Matrix(sympy.symbols(f"v{k}_1:{dim + 1}")) for k in range(1, count + 1)]
    return vectors, sympy.Matrix(sympy.symbols(f"l1:{dim + 1}"))


def products(vectors, dual, metric):
    """All products in a form of the vectors and the dual one, the square of this one included."""
    everything = [*vectors, dual]
    pairs = itertools.combinations_with_replacement(range(len(everything)), 2)
    return [(everything[i].T * metric * everything[j])[0] for i, j in pairs]


def series(eigenvalues, copies, top):
    """Traces (element, degree) on the polynomials of each degree in some copies of V."""
    found = np.zeros((len(eigenvalues), top + 1), complex)
    found[:, 0] = 1
    for values in [*eigenvalues.T] * copies:
        for degree in range(1, top + 1):
            found[:, degree] += values * found[:, degree - 1]
    return found


def counts(group, copies, top):
    """Dimensions by degree of invariants, and of equivariants to V, by averaging characters (Molien)."""
    eigenvalues, weights = group.classes(top + 1)
    traces = series(eigenvalues, copies, top)
    found = weights @ traces, weights @ (traces * eigenvalues.sum(axis=1).conj()[:, None])
    return [np.round(row.real, 9).astype(int).tolist() for row in found]


def spanned(generated, variables, degrees, top):
    """Dimensions by degree of what monomials of invariants times equivariants span, by ranks at random points."""
    scalars = sympy.lambdify(variables, list(generated.invariants), "numpy")
    vectors = sympy.lambdify(variables, [list(column) for column in generated.equivariants], "numpy")
    points = np.random.default_rng(0).standard_normal((40, len(variables)))
    values = np.array([scalars(*point) for point in points], dtype=float)
    fields = np.array([vectors(*point) for point in points], dtype=float)
    sizes = [sympy.Poly(one, *variables).total_degree() for one in generated.invariants]
    found = [0] * (top + 1)
    for degree in range(top + 1):
        columns = []
        for field, own in zip(np.swapaxes(fields, 0, 1), degrees, strict=True):
            powers = itertools.product(*(range((degree - own) // size + 1) for size in sizes))
            for power in powers:
                if sum(p * size for p, size in zip(power, sizes, strict=True)) == degree - own:
                    columns.append((np.prod(values ** np.array(power), axis=1)[:, None] * field).ravel())
        found[degree] = int(np.linalg.matrix_rank(np.array(columns))) if columns else 0
    return found


def test_two_vectors_under_rotations_and_reflections():
    vectors, dual = symbols(2, 3)
    variables = [*vectors[0], *vectors[1]]
    generated = equivariants_from_invariants(products(vectors, dual, sympy.eye(3)), list(dual))
    assert list(generated.equivariants) == vectors
    assert set(generated.invariants) == {sympy.expand((a.T * b)[0]) for a in vectors for b in vectors}
    invariant, equivariant = counts(O(3), 2, 8)
    assert invariant == [1, 0, 3, 0, 6, 0, 10, 0, 15]
    assert equivariant == [0, 2, 0, 6, 0, 12, 0, 20, 0]
    assert spanned(generated, variables, [1, 1], 8) == equivariant


def test_two_vectors_under_rotations_alone():
    vectors, dual = symbols(2, 3)
    volume = sympy.Matrix.hstack(*vectors, dual).det()
    generated = equivariants_from_invariants([*products(vectors, dual, sympy.eye(3)), volume], list(dual))
    assert generated.equivariants[2] == vectors[0].cross(vectors[1])
    assert counts(SO(3), 2, 8)[1] == [0, 2, 1, 6, 3, 12, 6, 20, 10]
    found = spanned(generated, [*vectors[0], *vectors[1]], [1, 1, 2], 8)
    assert found == [0, 2, 1, 6, 3, 12, 6, 20, 10]


def test_permutations_of_three_numbers():
    x, dual = sympy.symbols("x1:4"), sympy.symbols("l1:4")
    # the power sums of the pairs (x_i, ℓ_i); those with ℓ² and ℓ³ are left out of the result
    pairs = list(zip(x, dual, strict=True))
    polarised = [sum(a**k * b**j for a, b in pairs) for k in range(4) for j in range(4 - k) if k + j]
    generated = equivariants_from_invariants(polarised, dual)
    assert [list(column) for column in generated.equivariants] == [[a**k for a in x] for k in range(3)]
    assert set(generated.invariants) == {sum(a**k for a in x) for k in (1, 2, 3)}
    elements = S(3).elements()
    eigenvalues = np.linalg.eigvals(elements)
    traces = series(eigenvalues, 1, 6)
    wanted = np.mean(traces * eigenvalues.sum(axis=1).conj()[:, None], axis=0).real.round(9)
    # the Hilbert series (1 + t + t²)/((1 - t)(1 - t²)(1 - t³))
    assert wanted.tolist() == [1, 2, 4, 6, 9, 12, 16]
    assert spanned(generated, x, [0, 1, 2], 6) == wanted.tolist()


@pytest.mark.parametrize("group", [Lorentz(3), Sp(4)], ids=repr)
def test_the_form_raises_the_index(group):
    metric = group.metric if isinstance(group, Lorentz) else group.form
    vectors, dual = symbols(2, 4)
    exact = sympy.Matrix(metric.astype(int))
    generators = products(vectors, dual, exact)
    raised = equivariants_from_invariants(generators, list(dual), group)
    assert list(raised.equivariants) == vectors
    # as if the dual were Euclidean: ηv and -Jv, which no error forbids, and no boost respects
    lowered = equivariants_from_invariants(generators, list(dual))
    assert list(lowered.equivariants) == [exact.T * v for v in vectors]
    rng = np.random.default_rng(1)
    variables = [*vectors[0], *vectors[1]]
    point, worst = rng.standard_normal((2, 4)), 0.0
    for _ in range(100):
        g = group.random(rng)
        for generated, holds in ((raised, True), (lowered, False)):
            function = sympy.lambdify(variables, generated.equivariants[0], "numpy")
            before, after = function(*point.ravel())[:, 0], function(*(point @ g.T).ravel())[:, 0]
            error = np.abs(after - g @ before).max() / np.linalg.norm(g, 2)
            if holds:
                assert error < 1e-12
            else:
                worst = max(worst, error)
    assert worst > 0.5


@pytest.mark.parametrize("group", [O(3), SO(3), Lorentz(3), Lorentz(3, proper=True), Sp(4)], ids=repr)
def test_a_net_of_invariants_gives_an_equivariant_one(group):
    """Its derivative at 0 by the dual vector; with its gradient."""
    rng = np.random.default_rng(2)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.tensor(rng.standard_normal((3, group.dim)))
    count = invariants(np.zeros((4, group.dim)), group).shape[-1]
    weights = torch.randn(count, 2, generator=generator, requires_grad=True)

    def net(v, w):
        scalars = invariants(torch.cat([v, w[..., None, :]], dim=-2), group)
        return torch.tanh(scalars / 5) @ weights

    equivariant = equivariants_torch(net, group.dim, group)
    before = equivariant(vectors)
    assert before.shape == (2, group.dim)
    assert before.norm() > 1e-2
    batch = torch.tensor(np.array([group.random(rng) for _ in range(100)]))
    after = equivariant(vectors @ batch.mT)
    boosts = torch.linalg.matrix_norm(batch, 2)[:, None, None]
    assert ((after - before @ batch.mT).abs() / boosts).max() < 1e-11
    before.square().sum().backward()
    assert weights.grad.abs().max() > 0
    with torch.no_grad():
        assert not equivariant(vectors).requires_grad


def test_torch_agrees_with_sympy():
    vectors, dual = symbols(2, 3)
    generators = [*products(vectors, dual, sympy.eye(3)), sympy.Matrix.hstack(*vectors, dual).det()]
    columns = equivariants_from_invariants(generators, list(dual)).equivariants
    function = sympy.lambdify([*vectors[0], *vectors[1]], [list(column) for column in columns], "numpy")
    points = np.random.default_rng(3).standard_normal((5, 2, 3))
    wanted = np.array([function(*point.ravel()) for point in points])

    def numbers(v, w):
        return torch.cat([(v @ w[..., None])[..., 0], torch.linalg.det(torch.cat([v, w[:, None]], 1))[:, None]], -1)

    found = equivariants_torch(numbers, 3)(torch.tensor(points))
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found[:, 2].detach().numpy(), cross(points), rtol=1e-12, atol=1e-13)


def test_an_invariant_without_the_dual_gives_zero():
    v = torch.ones(4, 2, 3)
    assert equivariants_torch(lambda v, w: v.sum((-1, -2)), 3)(v).tolist() == np.zeros((4, 3)).tolist()
    trained = torch.ones((), requires_grad=True)
    assert equivariants_torch(lambda v, w: trained * v.sum((-1, -2)), 3)(v).abs().max() == 0
    permuted = equivariants_torch(lambda x, w: (x**2 * w).sum(-1), 3, axes=1)(torch.tensor([[1.0, 2.0, 3.0]]))
    assert permuted.tolist() == [[1.0, 4.0, 9.0]]


@pytest.mark.parametrize(
    ("generators", "dual", "group", "message"),
    [
        (["x*l1 + l1*l2"], ["l1", "l2"], None, "expected polynomials homogeneous in .* of degrees"),
        (["sin(l1)"], ["l1"], None, "expected polynomials in"),
        (["x/l1"], ["l1"], None, "expected polynomials in"),
        (["x*l1"], ["l1", "l1"], None, "expected different SymPy symbols"),
        (["x*l1"], [], None, "expected different SymPy symbols"),
        (["x*l1"], ["l1"], O(3), "expected 3 variables for this form, given 1"),
        (["x*l1"], ["l1", "l2"], SU(2), "expected a bilinear form"),
    ],
)
def test_what_are_no_generators(generators, dual, group, message):
    with pytest.raises(InputError, match=message):
        equivariants_from_invariants([sympy.sympify(one) for one in generators], list(map(sympy.Symbol, dual)), group)


def test_a_single_generator_is_no_sequence():
    x, dual = sympy.symbols("x l")
    with pytest.raises(InputError, match=r"expected a sequence of polynomials, given l\*x; give \[l\*x\]"):
        equivariants_from_invariants(x * dual, [dual])
    with pytest.raises(InputError, match=r"expected a sequence of SymPy symbols, given l; give \[l\]"):
        equivariants_from_invariants([x * dual], dual)


def test_what_is_no_invariant_of_torch():
    with pytest.raises(InputError, match="expected the dimension of W"):
        equivariants_torch(lambda v, w: w.sum(), 0)
    with pytest.raises(InputError, match="expected the number of axes"):
        equivariants_torch(lambda v, w: w.sum(), 3, axes=-1)
    with pytest.raises(InputError, match=r"expected numbers of the shape \(5,\)"):
        equivariants_torch(lambda v, w: w.sum(), 3)(torch.zeros(5, 2, 3))
    with pytest.raises(InputError, match="expected 4 variables for this form"):
        equivariants_torch(lambda v, w: w.sum(), 3, Lorentz(3))
    with pytest.raises(InputError, match="function: expected a function of v and ℓ, given None"):
        equivariants_torch(None, 3)
    with pytest.raises(InputError, match="function: expected one that gives a tensor, given one with float"):
        equivariants_torch(lambda v, w: 1.0, 3)(torch.zeros(2, 3))
    moment = equivariants_torch(lambda v, w: torch.linalg.det(torch.cat([v, w[None]])), 3)
    with pytest.raises(InputError, match="v: expected a tensor of torch with 2 axes or more, given ndarray"):
        moment(np.eye(3)[:2])
    with pytest.raises(InputError, match=r"v: expected a tensor of torch with 2 axes or more, given the shape \(3,\)"):
        moment(torch.zeros(3))


def test_whole_numbers_of_torch_are_taken_as_floats():
    moment = equivariants_torch(lambda v, w: torch.linalg.det(torch.cat([v, w[None]])), 3)
    assert moment(torch.eye(3, dtype=torch.int64)[:2]).tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("l*x", "generators: expected SymPy expressions, given the text 'l\\*x'"),
        (object(), r"generators: expected polynomials in \[l\], given .*, which is none"),
    ],
)
def test_what_sympy_cannot_read(given, message):
    with pytest.raises(InputError, match=message):
        equivariants_from_invariants([given], [sympy.Symbol("l")])
