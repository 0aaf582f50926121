"""Averages over groups: exact where they say so, and equivariant, whatever is averaged."""

from __future__ import annotations

import numpy as np
import pytest

from physym.symmetry import (
    SO,
    SU,
    AboutAxis,
    D,
    Hyperoctahedral,
    Lorentz,
    MatrixGroup,
    O,
    Product,
    Rosette,
    S,
    Scalings,
    Sp,
    U,
    Z,
)  # fmt: skip
from physym.symmetry.averaging.reynolds import average
from physym.symmetry.linear.maps import equivariant_basis
from physym.symmetry.linear.representations import PSEUDO, T, V
from simulators.errors import InputError

AXIS = (1.0, -2.0, 2.0)
ONE_PLANE = AboutAxis(O(2), AXIS)


def polynomial(degree, size, out, seed=0):
    """A random polynomial of vectors, from (..., size) to (..., out)."""
    rng = np.random.default_rng(seed)
    first, mixing = rng.standard_normal((degree, size, 5)), rng.standard_normal((5, out))
    return lambda x: np.prod(np.stack([x @ one for one in first]) + 0.3, axis=0) @ mixing


def wild(size, out, seed=0):
    """A function of no symmetry at all."""
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((size, 7)), rng.standard_normal((7, out))
    return lambda x: np.tanh(x @ first + np.arange(7) / 5) @ second


def worst(averaged, group, rep_in, rep_out, seed=0):
    """The largest error of F(gx) = ρ(g) F(x) under 100 random elements, relative to the values."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((4, rep_in.dim(group)))
    values = averaged(x)
    elements = rng.permutation(group.elements())[:100] if group.finite else [group.random(rng) for _ in range(100)]
    found = averaged(np.array([rep_in.act(g, x) for g in elements]))
    return np.abs(found - np.array([rep_out.act(g, values) for g in elements])).max() / np.abs(values).max()


@pytest.mark.parametrize(
    ("group", "rep_in", "rep_out"),
    [
        (S(4), T(1), T(1)),
        (D(5), T(1), T(0) + T(1)),
        (Z(6), 2 * T(1), T(2)),
        (Hyperoctahedral(2), 3 * T(1), T(2) + PSEUDO),
        (Hyperoctahedral(3), 2 * T(1), PSEUDO * T(1)),
        (Rosette(6), 2 * T(1), T(1)),
        (AboutAxis(Rosette(6), AXIS), 2 * T(1), T(1)),
        (Product(S(3), Rosette(3)), T(1), T(1)),
        (MatrixGroup(discrete=[[[0.0, -1.0], [1.0, -1.0]]]), 2 * T(1), T(1, 1) + T(0, 1)),
    ],
    ids=repr,
)
def test_any_function_becomes_equivariant_under_a_finite_group(group, rep_in, rep_out):
    averaged = average(wild(rep_in.dim(group), rep_out.dim(group)), group, rep_in, rep_out)
    assert averaged.exact
    assert worst(averaged, group, rep_in, rep_out) < 1e-10


@pytest.mark.parametrize(
    ("group", "rep_in", "rep_out", "degree"),
    [
        (SO(2), 3 * T(1), T(1), 4),
        (O(2), 3 * T(1), T(2) + PSEUDO, 3),
        (SO(3), 3 * T(1), T(0) + T(1) + T(2), 3),
        (O(3), 3 * T(1), T(1) + PSEUDO * T(1) + T(2), 3),
        (O(1), 3 * T(1), T(1), 5),
        (ONE_PLANE, 3 * T(1), T(1), 3),
        (Product(S(3), O(2)), T(1), T(1), 2),
    ],
    ids=repr,
)
def test_polynomials_become_equivariant_by_quadrature(group, rep_in, rep_out, degree):
    """Exactly from their degree on; a quadrature of lower degree fails."""
    f = polynomial(degree, rep_in.dim(group), rep_out.dim(group))
    averaged = average(f, group, rep_in, rep_out, degree=degree + rep_out.degree)
    assert averaged.exact
    assert worst(averaged, group, rep_in, rep_out) < 1e-10
    finer = average(f, group, rep_in, rep_out, degree=degree + rep_out.degree + 2)
    x = np.random.default_rng(5).standard_normal((3, rep_in.dim(group)))
    np.testing.assert_allclose(averaged(x), finer(x), rtol=1e-10, atol=1e-10 * np.abs(finer(x)).max())
    if group != O(1):
        low = degree + rep_out.degree - 1
        coarse = average(f, group, rep_in, rep_out, degree=low, check=False)
        assert worst(coarse, group, rep_in, rep_out) > 1e-6
        with pytest.raises(InputError, match=rf"given {low}, for which the average changes by .* take a larger degree"):
            average(f, group, rep_in, rep_out, degree=low)(x)


def test_known_averages():
    """⟨(g x)_1⟩ = 0, ⟨(g x)_1²⟩ = |x|²/d, ⟨(g x)_1⁴⟩ = 3|x|⁴/(d(d + 2)), also of x in the plane by random elements."""
    x = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 3.0]])
    square = np.sum(x**2, axis=1)
    for group in (SO(3), O(3)):
        for power, wanted in ((1, 0 * square), (2, square / 3), (3, 0 * square), (4, square**2 / 5)):
            found = average(lambda x, power=power: x[..., 0] ** power, group, T(1), T(0), degree=power)(x)
            np.testing.assert_allclose(found, wanted, atol=1e-12)
    # the axis keeps its component; across it the square of the rest is shared
    axis = np.array(AXIS) / 3
    found = average(lambda x: x[..., 0] ** 2, ONE_PLANE, T(1), T(0), degree=2)(x)
    along = x @ axis
    wanted = (along * axis[0]) ** 2 + (square - along**2) * (1 - axis[0] ** 2) / 2
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    # what four equal angles take for a constant: the wave that turns four times
    wave = average(lambda x: np.cos(4 * np.arctan2(x[..., 1], x[..., 0])), SO(2), T(1), T(0), degree=3, check=False)
    np.testing.assert_allclose(wave([[np.cos(0.2), np.sin(0.2)]]), [np.cos(0.8)], atol=1e-12)


@pytest.mark.parametrize("group", [S(4), D(5), Hyperoctahedral(3), SO(3), O(2), ONE_PLANE], ids=repr)
def test_linear_maps_are_projected_on_the_equivariant_ones(group):
    """As by their basis, which is found from generators: two roads."""
    matrix = np.random.default_rng(1).standard_normal((group.dim, group.dim))
    averaged = average(lambda x: x @ matrix.T, group, V, V, degree=None if group.finite else 2)
    found = averaged(np.eye(group.dim)).T
    basis = equivariant_basis(group, V, V)
    np.testing.assert_allclose(found, np.tensordot(np.tensordot(basis, matrix, 2), basis, 1), atol=1e-12)


def test_equivariant_functions_stay_and_a_second_average_changes_nothing():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((5, 6))

    def spin(x):
        return np.cross(x[..., :3], x[..., 3:])

    for group, rep in ((SO(3), V), (O(3), PSEUDO * V)):
        np.testing.assert_allclose(average(spin, group, 2 * V, rep, degree=3)(x), spin(x), atol=1e-12)
    # as a vector, not a pseudovector, the reflections leave nothing of it
    np.testing.assert_allclose(average(spin, O(3), 2 * V, V, degree=3)(x), 0.0, atol=1e-12)
    once = average(wild(6, 4), S(3), 2 * V, T(0) + V)
    np.testing.assert_allclose(average(once, S(3), 2 * V, T(0) + V)(x), once(x), atol=1e-13)


def test_averaging_is_an_orthogonal_projection():
    """⟨Qf, h - Qh⟩ = 0 over the inputs and their orbits."""
    group, f, h = Hyperoctahedral(2), wild(4, 2), wild(4, 2, seed=1)
    qf, qh = (average(one, group, 2 * V, V) for one in (f, h))
    x = np.random.default_rng(3).standard_normal((20, 4))
    orbit = np.concatenate([(2 * V).act(g, x) for g in group.elements()])
    inner = np.sum(qf(orbit) * (h(orbit) - qh(orbit)))
    assert abs(inner) < 1e-11 * np.sum(np.abs(qf(orbit) * h(orbit)))


@pytest.mark.parametrize("group", [SO(4), U(2), SU(2), Product(SO(3), SO(3), on="pairs")], ids=repr)
def test_random_elements_with_error_bars(group):
    """|x_1|² averages to |x|²/d, each half on its own for pairs; the errors are as large as they say."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((40, group.dim))
    if group.complex:
        x = x + 1j * rng.standard_normal(x.shape)
    within = x[:, :3] if isinstance(group, Product) else x
    exact = np.sum(np.abs(within) ** 2, axis=1) / within.shape[1]
    deviations = []
    for seed in range(10):
        averaged = average(lambda x: np.abs(x[..., 0]) ** 2, group, V, T(0), samples=400, seed=seed)
        assert not averaged.exact
        mean, error = averaged.with_error(x[4 * seed : 4 * seed + 4])
        np.testing.assert_allclose(mean, averaged(x[4 * seed : 4 * seed + 4]), rtol=1e-12)
        deviations.append((mean - exact[4 * seed : 4 * seed + 4]) / error)
    # 10 independent groups of 4: the mean square of a normal deviate is 1 ± √(2/10), if the four are as one
    assert np.abs(deviations).max() < 5
    assert 0.2 < np.mean(np.square(deviations)) < 2.5


def test_error_bars_fall_as_the_root_of_the_number_of_samples():
    x = np.array([1.0, 2.0, -1.0])
    errors = [average(wild(3, 1), SO(3), V, T(0), samples=n).with_error(x)[1][0] for n in (100, 1600)]
    assert 3.0 < errors[0] / errors[1] < 5.3
    mean, error = average(wild(3, 1), Hyperoctahedral(3), V, T(0)).with_error(x)
    assert error == 0.0
    assert np.shape(mean) == (1,)


def test_what_decides_between_elements_quadrature_and_samples():
    def f(x):
        return x[..., 0]

    assert average(f, S(4), V, T(0)).exact
    assert average(f, S(4), V, T(0), degree=2).exact
    assert not average(f, S(4), V, T(0), samples=10).exact
    assert not average(f, SO(3), V, T(0)).exact
    # too many to list
    crowd = average(f, S(30), V, T(0), samples=300)
    mean, error = crowd.with_error(np.arange(30.0))
    assert abs(mean - 14.5) < 5 * error
    assert not average(f, S(30), V, T(0)).exact
    first, second = (average(wild(3, 1), SO(3), V, T(0), seed=3)(np.ones(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.any(first != average(wild(3, 1), SO(3), V, T(0), seed=4)(np.ones(3)))


def test_representations_may_be_functions_of_the_elements():
    """Here the irreducible representation of SO(2) that turns m times as fast."""

    def fast(m):
        def rho(g):
            angle = m * np.arctan2(g[1, 0], g[0, 0])
            return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

        return rho

    averaged = average(polynomial(3, 2, 2), SO(2), fast(2), fast(4), degree=10)
    x, g = np.array([0.3, -1.1]), SO(2).random(np.random.default_rng(0))
    np.testing.assert_allclose(averaged(fast(2)(g) @ x), fast(4)(g) @ averaged(x), atol=1e-12)
    # (x + iy)² is the one such map, up to a turn
    assert np.linalg.norm(averaged(2 * x)) == pytest.approx(4 * np.linalg.norm(averaged(x)))
    assert np.linalg.norm(averaged(x)) > 1e-3


def test_scalars_may_have_any_shape():
    x = np.random.default_rng(6).standard_normal((2, 5, 3))
    found = average(lambda x: x @ x.swapaxes(-1, -2), O(3), V, T(0), degree=2)(x)
    np.testing.assert_allclose(found, x @ x.swapaxes(-1, -2), atol=1e-12)
    # a pseudoscalar of the same shape changes sign
    odd = average(lambda x: np.linalg.det(x[..., :3, :]), O(3), V, PSEUDO, degree=3)(x)
    np.testing.assert_allclose(odd, np.linalg.det(x[..., :3, :]), atol=1e-12)
    np.testing.assert_allclose(
        average(lambda x: np.linalg.det(x[..., :3, :]), O(3), V, T(0), degree=3)(x), 0.0, atol=1e-12
    )


def first(x):
    return x[..., 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average(first, Lorentz(3), V, T(0)), "expected a compact group, .* no average over it exists"),
        (lambda: average(first, Sp(4), V, T(0), samples=10), "expected a compact group"),
        (lambda: average(first, Scalings(((1,),)), V, T(0)), "expected a compact group"),
        (lambda: average(first, Product(S(3), Lorentz(1)), V, T(0)), r"Lorentz\(1\): expected a compact group"),
        (lambda: average(first, MatrixGroup(lie_algebra=SO(3).lie_algebra()), V, T(0)), "random elements are known"),
        (lambda: average(first, MatrixGroup(discrete=[[[1.0, 1], [0, 1]]]), V, T(0)), "take the group by its name"),
        (lambda: average(first, MatrixGroup(discrete=[-np.eye(2)]), V, T(0), samples=9), "leave out the samples"),
        (lambda: average(first, "SO(3)", V, T(0)), "expected one of physym.symmetry"),
        (lambda: average(first, SO(3), 3, T(0)), "rho_in: expected a representation"),
        (lambda: average(first, SO(3), V, None), "rho_out: expected a representation"),
        (lambda: average(3, SO(3), V, V), "expected a function"),
        (lambda: average(first, SO(3), V, V, degree=2, samples=3), "given both; leave out one"),
        (lambda: average(first, SO(3), V, V, samples=1), "expected an integer >= 2"),
        (lambda: average(first, SO(3), V, V, samples=2.5), "expected an integer >= 2"),
        (lambda: average(first, SO(3), V, V, degree=-1), "expected an integer >= 0"),
        (lambda: average(first, O(4), V, V, degree=2), r"^O\(4\): .* samples= instead of degree="),
        (lambda: average(first, S(3), V, V, degree=-1), "degree: expected an integer >= 0, given -1"),
        (lambda: average(first, S(3), V, V, degree=True), "degree: expected an integer >= 0, given True"),
        (lambda: average(first, S(30), V, V, degree=2), "expected at most"),
        (lambda: average(first, SO(4), V, V, samples="a"), "samples: expected an integer >= 2"),
        (lambda: average(first, SO(4), V, V, seed="a"), "seed: expected an integer >= 0, given 'a'"),
        (lambda: average(first, SO(4), V, V, seed=-1), "seed: expected an integer >= 0"),
        (lambda: average(first, S(3), V, T(0))([1.0, np.nan, 0.0]), "x: expected finite numbers"),
        (lambda: average(first, S(3), V, T(0)).with_error([1.0, np.inf, 0.0]), "x: expected finite numbers"),
        (lambda: average(first, S(3), V, T(0))(["a", "b", "c"]), "x: expected numbers"),
        (lambda: average(first, S(3), V, T(0))([[1.0], [1.0, 2.0]]), "given lists of several lengths"),
        (lambda: average(lambda x: x / np.linalg.norm(x), S(3), V, V)(np.arange(3.0)), "each on its own"),
        (lambda: average(lambda x: x[:, 0] * x[0, 0], S(3), V, T(0))([1.0, 2.0, 4.0]), "each on its own"),
        (lambda: average(first, S(3), V, T(0))(np.ones(4)), "expected 3 entries of V"),
        (lambda: average(lambda x: 1.0, S(3), V, T(0))(np.ones(3)), "takes a batch"),
        (lambda: average(first, S(3), V, T(0))(1.0), "given a number"),
        (lambda: average(first, S(3), V, V)(np.ones((2, 3))), r"gives \(..., dim_out\), given the shape \(6, 2\)"),
        (lambda: average(first, S(3), V, lambda g: g)(np.ones((2, 3))), r"gives \(..., dim_out\)"),
        (lambda: average(np.sin, S(3), V, lambda g: g[:2, :2])(np.ones((2, 3))), "expected 2 entries along the last"),
        (lambda: average(lambda x: x[..., :2], S(3), V, V)(np.ones((2, 3))), "expected 3 entries of V"),
        (lambda: average(first, S(3), lambda g: g[0], V)(np.ones(3)), "a function that gives matrices"),
        (lambda: average(lambda x: [["a"]] * len(x), S(3), V, T(0))(np.ones(3)), "f: expected numbers"),
        (lambda: average(lambda x: [[1.0], [1.0, 2.0]], S(3), V, T(0))(np.ones(3)), "f: .* lists of several lengths"),
    ],
)
def test_what_cannot_be_averaged(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_degree_is_made_sure_of_at_the_first_call_that_tells():
    calls = []

    def f(x):
        calls.append(len(x))
        return x[..., 0] ** 4

    low = average(f, O(3), V, T(0), degree=2)
    # at the origin there is nothing to tell
    assert low(np.zeros(3)) == 0.0
    with pytest.raises(InputError, match="given 2, for which the average changes"):
        low(np.ones(3))
    exact = average(f, O(3), V, T(0), degree=4)
    exact(np.ones(3))
    calls.clear()
    assert exact(np.array([0.0, 0.0, 3.0])) == pytest.approx(81 / 5)
    assert calls == [len(exact.elements)]
    assert exact(np.zeros((0, 3))).shape == (0,)
    # the other entries are rounding errors: what averages to nothing is no reason to refuse
    assert abs(average(lambda x: 1e6 * x[..., 0] ** 3, O(3), V, T(0), degree=3)(np.ones(3))) < 1e-8


def test_what_gives_nan_is_refused():
    """At the first call and later ones, whether the average is exact or random; of tensors at the first."""
    torch = pytest.importorskip("torch")

    def far(x):
        return np.where(x[..., 0] > 5.0, np.nan, x[..., 0])

    for group, count in ((S(3), None), (O(4), 50)):
        averaged = average(far, group, V, T(0), samples=count)
        good, bad = np.ones(group.dim), np.full(group.dim, 10.0)
        with pytest.raises(InputError, match="f: expected finite numbers"):
            averaged(bad)
        averaged(good)
        for call in (averaged, averaged.with_error):
            with pytest.raises(InputError, match="f: expected finite numbers"):
                call(bad)
    with pytest.raises(InputError, match="f: expected finite numbers"):
        average(lambda x: torch.log(x[..., 0]), S(3), V, T(0))(-torch.ones(3))
    with pytest.raises(InputError, match="x: expected finite numbers"):
        average(lambda x: x[..., 0], S(3), V, T(0))(torch.tensor([1.0, np.nan, 0.0]))
