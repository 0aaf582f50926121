"""Groups: their equations, orders and generators."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import expm

from physym.symmetry import (
    SO,
    SU,
    A,
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
    T,
    U,
    V,
    Z,
    average,
    dimension,
    translations,
)  # fmt: skip
from simulators.errors import InputError

GOLDEN = (1 + 5**0.5) / 2


def turn(axis, fold):
    """The rotation by a turn divided by fold."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    return expm(2 * np.pi / fold * np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))


TETRAHEDRON = MatrixGroup(discrete=[turn((0, 0, 1), 2), turn((1, 1, 1), 3)], name="T")
CUBE = MatrixGroup(discrete=[turn((0, 0, 1), 4), turn((1, 1, 1), 3)], name="O")
ICOSAHEDRON = MatrixGroup(discrete=[turn((0, 1, GOLDEN), 5), turn((1, 1, 1), 3)], name="I")

AXIS = (1.0, -2.0, 2.0)
ORTHOGONAL = [O(1), O(2), O(3), O(4), SO(1), SO(2), SO(3), SO(4), SO(5)]
OTHERS = [AboutAxis(O(2), AXIS), AboutAxis(SO(2)), Product(SO(2), S(3)), Product(O(2), SO(3), on="pairs")]
UNITARY = [U(1), U(2), U(3), SU(1), SU(2), SU(3)]
FINITE = {
    S(1): 1, S(2): 2, S(3): 6, S(5): 120, A(1): 1, A(2): 1, A(3): 3, A(5): 60, Z(1): 1, Z(6): 6, D(1): 1, D(2): 2,
    D(3): 6, D(6): 12, Hyperoctahedral(1): 2, Hyperoctahedral(2): 8, Hyperoctahedral(3): 48, Rosette(1): 2,
    Rosette(2): 4, Rosette(6): 12, Rosette(5, reflections=False): 5, AboutAxis(Rosette(6), AXIS): 12,
    Product(S(3), Z(2)): 12, Product(D(3), Rosette(3), on="pairs"): 36, translations(2, 3): 6, translations(3): 3,
    TETRAHEDRON: 12, CUBE: 24, ICOSAHEDRON: 60,
}  # fmt: skip
NOT_COMPACT = [Lorentz(1), Lorentz(3), Lorentz(3, proper=True), Sp(2), Sp(4), Scalings(((1, 0), (2, -1), (0, 3)))]
EVERY = ORTHOGONAL + OTHERS + UNITARY + list(FINITE) + NOT_COMPACT


def key(g):
    """The same for the same matrix, but for rounding errors and the sign of 0."""
    return (np.round(g, 6) + 0.0).tobytes()


def belongs(g, group):
    """The defining equations, by which no group generates itself."""
    if isinstance(group, Lorentz):
        fits = np.allclose(g.T @ group.metric @ g, group.metric, atol=1e-9 * np.linalg.norm(g, 2) ** 2)
        return fits and (not group.proper or (g[0, 0] > 0 and np.linalg.det(g) > 0))
    if isinstance(group, Sp):
        return np.allclose(g.T @ group.form @ g, group.form, atol=1e-9 * np.linalg.norm(g, 2) ** 2)
    if isinstance(group, Scalings):
        powers = np.array(group.exponents)
        logs = np.log(np.diag(g))
        return np.allclose(g, np.diag(np.diag(g))) and np.allclose(powers @ np.linalg.pinv(powers) @ logs, logs)
    if not np.allclose(g.conj().T @ g, np.eye(group.dim), atol=1e-12):
        return False
    if isinstance(group, (SO, SU)):
        return np.isclose(np.linalg.det(g), 1.0)
    if isinstance(group, AboutAxis):
        return np.allclose(g @ group.axis, group.axis)
    if isinstance(group, (S, A, Z, D)):
        return np.isin(g, (0, 1)).all() and (not isinstance(group, A) or np.isclose(np.linalg.det(g), 1.0))
    if isinstance(group, Product):
        a = group.first.dim
        if group.on == "pairs":
            apart = not g[:a, a:].any() and not g[a:, :a].any()
            return apart and belongs(g[:a, :a], group.first) and belongs(g[a:, a:], group.second)
        # of a Kronecker product the rearranged matrix has rank 1, and the factors are its vectors
        b = group.second.dim
        left, sizes, right = np.linalg.svd(g.reshape(a, b, a, b).swapaxes(1, 2).reshape(a * a, b * b))
        second = np.round(right[0].reshape(b, b) * b**0.5, 12)
        first = np.round(left[:, 0].reshape(a, a) * a**0.5, 12)
        signs = [s for s in (1.0, -1.0) if belongs(s * first, group.first) and belongs(s * second, group.second)]
        return np.allclose(sizes[1:], 0.0, atol=1e-12) and bool(signs)
    return not group.finite or np.abs(group.elements() - g).max(axis=(1, 2)).min() < 1e-9


@pytest.mark.parametrize("group", EVERY, ids=repr)
def test_random_elements_and_words_of_generators_satisfy_the_equations(group):
    rng = np.random.default_rng(0)
    flat, discrete = group.lie_algebra(), group.discrete_generators()
    letters = [expm(0.5 * rng.standard_normal() * a) for a in flat] + list(discrete)
    for _ in range(20):
        assert belongs(group.random(rng), group)
        if letters:
            word = np.eye(group.dim)
            for n in rng.integers(0, len(letters), 6):
                word = letters[n] @ word
            assert belongs(word, group)
    assert (np.iscomplexobj(group.random(rng))) == group.complex


DIMENSIONS = {
    O(1): 0, O(2): 1, O(4): 6, SO(3): 3, SO(5): 10, Lorentz(1): 1, Lorentz(3): 6, Lorentz(3, proper=True): 6, Sp(2): 3,
    Sp(4): 10, Sp(6): 21, U(1): 1, U(3): 9, SU(1): 0, SU(2): 3, SU(3): 8, S(4): 0, AboutAxis(O(2), AXIS): 1,
    Product(O(3), SO(2)): 4, Product(Lorentz(3), U(2), on="pairs"): 10, Scalings(((1, 0), (1, -1))): 2,
}  # fmt: skip


@pytest.mark.parametrize("group", DIMENSIONS, ids=repr)
def test_lie_algebra(group):
    """Independent matrices as many as the dimension of the group, closed under commutators."""
    algebra = group.lie_algebra()
    assert algebra.shape == (DIMENSIONS[group], group.dim, group.dim)
    # over the reals, in which U(n) is a group
    flat = np.concatenate([algebra.real, algebra.imag], axis=-1).reshape(len(algebra), 2 * group.dim**2)
    assert np.linalg.matrix_rank(flat) == len(flat)
    for a, b in itertools.combinations(algebra, 2):
        bracket = a @ b - b @ a
        both = np.concatenate([bracket.real, bracket.imag], axis=-1).ravel()
        np.testing.assert_allclose(both @ np.linalg.pinv(flat) @ flat, both, atol=1e-12)


def test_discrete_generators_lead_to_every_component():
    for dim in (1, 2, 3, 4):
        assert {round(np.linalg.det(g)) for g in O(dim).discrete_generators()} == {-1}
    for space in (1, 2, 3):
        group = Lorentz(space)
        first, second = group.discrete_generators()
        four = np.array([np.eye(space + 1), first, second, first @ second])
        found = set(zip(np.sign(four[:, 0, 0]), np.sign(np.linalg.det(four)), strict=True))
        assert found == {(1, 1), (-1, -1), (1, -1), (-1, 1)}
        drawn = np.array([group.random(np.random.default_rng(n)) for n in range(200)])
        assert set(zip(np.sign(drawn[:, 0, 0]), np.sign(np.linalg.det(drawn)), strict=True)) == found


@pytest.mark.parametrize("group", FINITE, ids=repr)
def test_finite_groups_are_groups_of_the_right_order(group):
    elements = group.elements()
    assert group.finite
    assert elements.shape == (FINITE[group], group.dim, group.dim)
    np.testing.assert_allclose(elements[0], np.eye(group.dim), atol=1e-15)
    keys = {key(g) for g in elements}
    assert len(keys) == len(elements)
    rng = np.random.default_rng(0)
    for a, b in elements[rng.integers(0, len(elements), (60, 2))]:
        assert key(a @ b) in keys
        assert key(np.linalg.inv(a)) in keys
    # the generators make as many, and no others
    found = MatrixGroup(discrete=group.discrete_generators()).elements()
    assert {key(g) for g in found} == keys


@pytest.mark.parametrize("group", [S(4), A(4), D(5), Z(7), Hyperoctahedral(2), Rosette(4)], ids=repr)
def test_each_element_is_as_likely_as_any_other(group):
    """By χ², of which the mean is the number of degrees of freedom and the variance twice that."""
    rng = np.random.default_rng(1)
    elements = group.elements().reshape(-1, group.dim**2)
    drawn = np.array([group.random(rng).ravel() for _ in range(100 * len(elements))])
    counts = np.bincount(np.argmin(((drawn[:, None] - elements) ** 2).sum(axis=-1), axis=1), minlength=len(elements))
    chi = np.sum((counts - 100) ** 2 / 100)
    assert chi < len(elements) - 1 + 4 * np.sqrt(2 * (len(elements) - 1))


def test_a_group_from_generators():
    spiral = MatrixGroup(lie_algebra=SO(2).lie_algebra(), discrete=O(2).discrete_generators(), name="O(2) again")
    assert repr(spiral) == "O(2) again"
    assert not spiral.finite
    assert belongs(spiral.random(np.random.default_rng(0)), O(2))
    assert spiral == MatrixGroup(lie_algebra=SO(2).lie_algebra(), discrete=O(2).discrete_generators())
    assert spiral != TETRAHEDRON
    assert hash(spiral) != hash(TETRAHEDRON)
    shear = MatrixGroup(discrete=[[[1, 1], [0, 1]]])
    assert not shear.finite
    complex_one = MatrixGroup(discrete=[[[1j]]])
    assert complex_one.complex
    assert len(complex_one.elements()) == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: O(0), "expected a dimension that is an integer >= 1"),
        (lambda: Lorentz(0), "expected the dimensions of space"),
        (lambda: Sp(3), "expected an even dimension"),
        (lambda: Rosette(0), "expected a number of rotations"),
        (lambda: Rosette(True), "expected a number of rotations"),
        (lambda: AboutAxis(O(3)), "expected a group of the plane"),
        (lambda: AboutAxis(U(2)), "expected a group of the plane"),
        (lambda: AboutAxis(O(2), (0, 0, 0)), "not all zero"),
        (lambda: AboutAxis(O(2), (0, np.nan, 1)), "expected an axis of three numbers"),
        (lambda: Product(O(3), 3), "expected two groups"),
        (lambda: Product(O(3), O(3), on="sums"), "expected 'matrices' or 'pairs'"),
        (lambda: MatrixGroup(), "expected matrices of one size, given sizes none"),
        (lambda: MatrixGroup(discrete=[[1.0, 0.0]]), "expected finite matrices"),
        (lambda: MatrixGroup(discrete=[[[0.0]]]), "expected matrices with an inverse"),
        (lambda: MatrixGroup(discrete=[np.eye(2)], lie_algebra=[np.eye(3)]), "expected matrices of one size"),
        (lambda: Scalings(()), "expected finite numbers"),
        (lambda: Scalings(((1, 2), (1,))), "expected numbers"),
        (lambda: SO(3).elements(), "draw some"),
        (lambda: S(20).elements(), "expected at most 50000 elements"),
        (lambda: SO(4).quadrature(2), "expected a group with an exact quadrature"),
        (lambda: Lorentz(3).quadrature(2), "expected a group with an exact quadrature"),
        (lambda: SO(3).quadrature(-1), "expected an integer >= 0"),
        (lambda: SO(3).quadrature(2.0), "expected an integer >= 0"),
        (lambda: U(2).classes(-1), "expected an integer >= 0"),
        (lambda: Scalings(((1, 0),)).classes(2), "expected a group whose classes are known"),
    ],
)
def test_what_is_no_group(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_random_elements_of_generated_groups_reach_all_of_them():
    """A word of a fixed length would be the identity for a generator whose order divides it."""
    rng = np.random.default_rng(3)
    quarter = MatrixGroup(discrete=[[[0.0, -1.0], [1.0, 0.0]]])
    assert {np.round(quarter.random(rng), 6).tobytes() for _ in range(60)} == {
        np.round(g, 6).tobytes() for g in quarter.elements()
    }
    shear = MatrixGroup(discrete=[[[1.0, 1.0], [0.0, 1.0]]])
    assert not shear.finite
    steps = {round(float(shear.random(rng)[0, 1])) for _ in range(200)}
    assert min(steps) < -2
    assert max(steps) > 2
    assert {0, 1} <= steps


@pytest.mark.parametrize("group", [Product(S(8), S(8)), Hyperoctahedral(8), translations(64, 64), S(10)], ids=repr)
def test_groups_too_large_to_list_say_so(group):
    with pytest.raises(InputError, match="expected at most 50000 elements to list"):
        group.elements()


def test_lorentz_groups_are_named_by_space_or_by_time_and_space():
    assert Lorentz(3) == Lorentz(1, 3) == Lorentz()
    assert Lorentz(1, 3).dim == 4
    assert Lorentz(3) != Lorentz(3, proper=True)
    for call in (lambda: Lorentz(3, 1), lambda: Lorentz(0), lambda: Lorentz(1, 1, 2), lambda: Lorentz(3, proper=1)):
        with pytest.raises(InputError, match="expected"):
            call()


def test_dihedral_groups_about_an_axis_are_those_of_polygons():
    """D(2) as permutations of two places is a swap alone; about an axis it is meant as the rosette group."""
    assert AboutAxis(D(2)).order() == 4
    assert AboutAxis(Z(6), axis="x").order() == 6
    assert AboutAxis(D(6)) == AboutAxis(Rosette(6))
    with pytest.raises(InputError, match="or 'x', 'y', 'z'"):
        AboutAxis(O(2), axis="w")


@pytest.mark.parametrize(
    "matrix",
    [[[0.5, 0.0], [0.0, 1.0]], [[2.0, 1.0], [1.0, 1.0]], [[1.0, 1e-9], [0.0, 1.0]], [[1.0, 1e-7], [-1e-7, 1.0]]],
)
def test_groups_that_only_seem_finite_are_not(matrix):
    group = MatrixGroup(discrete=[matrix])
    assert not group.finite
    with pytest.raises(InputError):
        group.elements()


@pytest.mark.parametrize(
    "group",
    [Z(1), Z(6), D(1), D(2), D(3), D(5), D(6), A(1), A(2), A(4), A(5), Hyperoctahedral(1), Hyperoctahedral(3), S(4)],
    ids=repr,
)
def test_orders_elements_and_random_elements_agree(group):
    elements = group.elements()
    assert len(elements) == group.order() == len({np.round(g, 6).tobytes() for g in elements})
    np.testing.assert_allclose(elements[0], np.eye(group.dim))
    known = {np.round(g, 6).tobytes() for g in elements}
    rng = np.random.default_rng(0)
    assert {np.round(group.random(rng) + 0.0, 6).tobytes() for _ in range(200)} <= known


def test_large_groups_are_counted_at_once():
    assert (D(1000).order(), Z(20000).order()) == (2000, 20000)
    assert D(2000).random(np.random.default_rng(0)).sum() == 2000
    assert dimension(D(1000), V, V) == 501
    assert dimension(A(20), T(2), T(2)) == 15
    assert dimension(Hyperoctahedral(8), T(2), T(2)) == dimension(Hyperoctahedral(4), T(2), T(2)) == 4


def test_random_elements_by_seed_and_by_number():
    """A seed is the generator that it seeds; several elements are those drawn one after the other."""
    for group in (O(3), SU(2), S(4), Lorentz(3), Product(S(3), O(2)), AboutAxis(SO(2))):
        rng = np.random.default_rng(7)
        several = np.array([group.random(rng) for _ in range(5)])
        np.testing.assert_array_equal(group.random(7, count=5), several)
        np.testing.assert_array_equal(group.random(np.random.default_rng(7), 5), several)
        np.testing.assert_array_equal(group.random(7), several[0])
        assert group.random(7, count=0).shape == (0, group.dim, group.dim)
        assert not np.array_equal(O(3).random(), O(3).random())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: O(3).random("7"), "rng: expected a generator .* or a seed, given '7'"),
        (lambda: O(3).random(True), "rng: expected a generator"),
        (lambda: O(3).random(-1), "rng: expected a seed >= 0, given -1"),
        (lambda: O(3).random(0, count=-1), "count: expected .* integer >= 0, given -1"),
        (lambda: O(3).random(0, count=2.0), "count: expected .* integer >= 0, given 2.0"),
    ],
)
def test_random_elements_refuse(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("frame", "group"),
    [
        (np.diag([1.0, 3 / 128]), Rosette(4)),
        (np.diag([1.0, 0.3115237714979923]), Rosette(3)),
        (np.diag([1.0, 1e-7]), Rosette(4)),
        (np.diag([1.0, 1e9]), Rosette(6)),
        (np.eye(3) + np.triu(np.ones((3, 3)), 1), Hyperoctahedral(3)),
    ],
    ids=str,
)
def test_elements_in_any_frame_are_listed_once(frame, group):
    """Whatever units they are in, and though their entries lie on the edges of what is rounded."""
    back = np.linalg.inv(frame)
    other = MatrixGroup(discrete=frame @ group.discrete_generators() @ back)
    assert other.finite
    assert other.order() == group.order()
    found = np.linalg.inv(frame) @ other.elements() @ frame
    far = np.abs(found[:, None] - group.elements()[None]).max(axis=(2, 3))
    np.testing.assert_allclose(far.min(axis=0), 0.0, atol=1e-8)


def test_generators_cannot_be_written_to():
    group = MatrixGroup(lie_algebra=SO(3).lie_algebra(), discrete=[-np.eye(3)])
    for array in (group.lie_algebra(), group.discrete_generators()):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 5.0


def test_one_dimension_is_finite():
    assert (O(1).finite, O(1).order(), SO(1).finite, SO(1).order()) == (True, 2, True, 1)
    assert average(lambda x: x[..., 0] ** 3, O(1), V, T(0)).exact


def test_axes_of_any_size():
    for size in (1e300, 1e-310):
        np.testing.assert_array_equal(AboutAxis(SO(2), axis=(0.0, 0.0, size)).axis, (0.0, 0.0, 1.0))
        np.testing.assert_allclose(AboutAxis(SO(2), axis=(size, -2 * size, 2 * size)).axis, np.array([1, -2, 2]) / 3)


def test_quadrature_of_products_is_refused_before_it_is_made():
    with pytest.raises(InputError, match=r"expected elements with at most 2\^28 entries, given 23532201"):
        Product(SO(3), SO(3), on="pairs").quadrature(20)
    for bad in ("a", -1, 2.0, True):
        for group in (Z(4), SO(3), U(2), Sp(2)):
            with pytest.raises(InputError, match="degree: expected an integer >= 0"):
                (group.quadrature if group.finite else group.classes)(bad)
