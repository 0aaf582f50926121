"""Bases of equivariant linear maps: dimensions from tables and characters, equivariance, orthonormality."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from physym.symmetry import (
    PSEUDO,
    SO,
    SU,
    A,
    AboutAxis,
    D,
    Group,
    Hyperoctahedral,
    Lorentz,
    MatrixGroup,
    O,
    Product,
    Rep,
    Rosette,
    S,
    Scalings,
    Sp,
    T,
    U,
    V,
    Z,
    dimension,
    equivariant_basis,
    invariant_basis,
    translations,
)  # fmt: skip
from simulators import InputError

# of invariants in T(0), T(1), ...; physym's GROUND_TRUTHS, from Weyl's formulas and by counting orbits
TABLE = {
    SO(3): [1, 0, 1, 1, 3, 6, 15, 36],
    O(3): [1, 0, 1, 0, 3, 0, 15, 0],
    SO(2): [1, 0, 2, 0, 6, 0, 20, 0, 70],
    O(2): [1, 0, 1, 0, 3, 0, 10, 0, 35],
    Lorentz(3, proper=True): [1, 0, 1, 0, 4, 0, 25],
    Lorentz(3): [1, 0, 1, 0, 3, 0, 15],
    Sp(4): [1, 0, 1, 0, 3, 0, 14],
    S(3): [1, 1, 2, 5, 14, 41, 122],
    S(4): [1, 1, 2, 5, 15, 51, 187],
    S(7): [1, 1, 2, 5, 15, 52],
    Z(6): [1, 1, 6, 36, 216],
    D(5): [1, 1, 3, 13, 63],
    D(6): [1, 1, 4, 20],
    A(5): [1, 1, 2, 5, 16, 63],
}
OTHERS = [
    SO(1), O(1), SO(4), O(4), SO(5), Sp(2), Lorentz(1), Lorentz(2), SU(2), U(2), SU(3), Hyperoctahedral(3), Rosette(5),
    Rosette(5, reflections=False), AboutAxis(O(2)), AboutAxis(SO(2), axis=(1.0, -2.0, 3.0)), AboutAxis(Rosette(6)),
    Product(S(3), O(2)), Product(Z(2), SO(3)), Product(O(2), O(2), on="pairs"), translations(2, 3),
]  # fmt: skip


@pytest.mark.parametrize("group", TABLE, ids=repr)
def test_invariants_of_tensor_powers(group: Group) -> None:
    wanted = TABLE[group]
    assert [dimension(group, T(0), T(k)) for k in range(len(wanted))] == wanted
    few = min(len(wanted), 6)
    assert [len(invariant_basis(group, T(k))) for k in range(few)] == wanted[:few]


@pytest.mark.parametrize("group", OTHERS, ids=repr)
def test_null_space_and_character_agree(group: Group) -> None:
    sign = T(0) if group.complex else PSEUDO
    for rep_in, rep_out in [(T(0), T(3)), (V, T(1, 1)), (V + sign, 2 * T(2)), (T(1, 1), sign * T(1, 1))]:
        assert len(equivariant_basis(group, rep_in, rep_out)) == dimension(group, rep_in, rep_out)


def test_rotations_of_high_powers_are_counted_and_built() -> None:
    assert [dimension(SO(3), T(0), T(k)) for k in (8, 9, 10)] == [91, 232, 603]
    assert dimension(O(3), T(4), T(4)) == 91
    assert equivariant_basis(SO(3), T(4), T(4)).shape == (91, 81, 81)
    assert equivariant_basis(S(20), T(2), T(2)).shape == (15, 400, 400)


def test_unitary_groups_have_factorials_of_permutations() -> None:
    """End T(k) of U(n): permutations of k without an increasing run longer than n."""
    assert [dimension(U(1), T(k), T(k)) for k in (1, 2, 3)] == [1, 1, 1]
    assert [dimension(U(2), T(k), T(k)) for k in range(1, 7)] == [1, 2, 5, 14, 42, 132]
    assert [dimension(U(3), T(k), T(k)) for k in range(1, 7)] == [1, 2, 6, 23, 103, 513]
    assert [len(equivariant_basis(U(2), T(k), T(k))) for k in (1, 2, 3)] == [1, 2, 5]


@pytest.mark.parametrize(
    ("group", "power", "shape"), [(Z(6), 2, (6, 36)), (SO(3), 3, (1, 27)), (S(5), 5, (52, 3125)), (A(5), 5, (63, 3125))]
)
def test_published_shapes(group: Group, power: int, shape: tuple[int, int]) -> None:
    """Of Finzi et al. 2021."""
    assert invariant_basis(group, T(power)).shape == shape


CASES = [
    (SO(3), T(3), T(2) + V),
    (O(3), PSEUDO * V, T(2) + T(3)),
    (O(3), V + PSEUDO * T(2), PSEUDO + T(1, 1)),
    (Lorentz(3), T(2), T(1, 1) + V + PSEUDO * V),
    (Lorentz(3, proper=True), T(1, 1), T(2)),
    (Sp(4), T(2), T(1, 1) + T(0, 2)),
    (U(2), T(2), T(2) + V + T(1, 1)),
    (SU(2), V, V.dual + T(2)),
    (S(4), V + T(2), T(2)),
    (Hyperoctahedral(3), PSEUDO * T(2), V + T(3)),
    (AboutAxis(Rosette(6)), 2 * V + T(2), T(2) + PSEUDO * V + V),
    (Product(S(3), O(2)), V, V + T(2)),
    (Product(O(3), S(2)), PSEUDO * T(2), T(1, 1) + PSEUDO),
    (Product(SO(2), Z(2), on="pairs"), T(2), V + PSEUDO),
    (Scalings(((1, 0), (0, 1), (1, 1), (-1, 0))), T(2), V),
]


@pytest.mark.parametrize(("group", "rep_in", "rep_out"), CASES, ids=str)
def test_maps_commute_with_random_elements_and_are_orthonormal(group: Group, rep_in: Rep, rep_out: Rep) -> None:
    basis = equivariant_basis(group, rep_in, rep_out)
    assert len(basis) > 0
    flat = basis.reshape(len(basis), -1)
    np.testing.assert_allclose(flat.conj() @ flat.T, np.eye(len(basis)), atol=1e-12)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, rep_in.dim(group)))
    for _ in range(100):
        g = group.random(rng)
        before = rep_out.act(g, np.einsum("noi,bi->nbo", basis, x))
        after = np.einsum("noi,bi->nbo", basis, rep_in.act(g, x))
        # a boost enlarges what it acts on, and the rounding with it
        size = np.linalg.norm(g, 2) * np.linalg.norm(np.linalg.inv(g), 2)
        assert np.abs(before - after).max() <= 1e-12 * size ** max(rep_in.degree, rep_out.degree) * np.abs(x).max()


def test_the_basis_is_complete_against_a_dense_null_space() -> None:
    """The same space as by the singular values of the whole Kronecker system."""
    for group, rep in [(SO(3), T(4)), (Lorentz(2), T(4)), (AboutAxis(Rosette(3)), T(3)), (Sp(2), T(4)), (D(4), T(3))]:
        rows = [rep.derivative(a, np.eye(rep.dim(group))).T for a in group.lie_algebra()]
        rows += [rep.matrix(h) - np.eye(rep.dim(group)) for h in group.discrete_generators()]
        _, sizes, right = np.linalg.svd(np.concatenate(rows))
        dense = right[np.append(sizes, np.zeros(len(right) - len(sizes))) < 1e-9]
        found = invariant_basis(group, rep)
        np.testing.assert_allclose(found.T @ found, dense.T @ dense, atol=1e-11)


def test_averaging_over_a_finite_group_projects_onto_the_basis() -> None:
    group, rep = Hyperoctahedral(3), T(4)
    mean = np.mean([rep.matrix(g) for g in group.elements()], axis=0)
    found = invariant_basis(group, rep)
    np.testing.assert_allclose(found.T @ found, mean, atol=1e-12)


def test_products_of_many_points_are_quick() -> None:
    assert len(equivariant_basis(Product(S(5), O(3)), T(2), T(2))) == dimension(Product(S(5), O(3)), T(2), T(2)) == 45
    assert len(equivariant_basis(SO(20), V, V)) == 1


def test_generators_that_are_no_normal_subgroup() -> None:
    """Rotations about z and a quarter turn about x generate SO(3), though neither family keeps the other."""
    about_z = np.zeros((3, 3))
    about_z[0, 1], about_z[1, 0] = -1.0, 1.0
    quarter = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    group = MatrixGroup(lie_algebra=[about_z], discrete=[quarter])
    for power, count in enumerate([1, 0, 1, 1, 3, 6]):
        found, rotations = invariant_basis(group, T(power)), invariant_basis(SO(3), T(power))
        assert len(found) == count
        np.testing.assert_allclose(found.T @ found, rotations.T @ rotations, atol=1e-10)


def test_a_shear_leaves_its_axis() -> None:
    """exp(sN)(x, y) = (x + s y, y): a generator that has no basis of eigenvectors."""
    group = MatrixGroup(lie_algebra=[[[0.0, 1.0], [0.0, 0.0]]])
    np.testing.assert_allclose(np.abs(invariant_basis(group, V)), [[1.0, 0.0]], atol=1e-12)
    assert len(equivariant_basis(group, V, V)) == 2


def test_dimensionless_products_are_the_invariants_of_scalings() -> None:
    """Speed, length and time: v t / l alone."""
    units = Scalings(((1, -1), (1, 0), (0, 1)))
    found = invariant_basis(units, T(2, 1))
    index = np.argwhere(found.reshape(-1, 3, 3, 3).any(axis=0))
    assert {tuple(i) for i in index.tolist()} == {(0, 2, 1), (2, 0, 1)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: equivariant_basis(3, V, V), "group: expected one of physym.symmetry such as SO(3), given 3"),
        (lambda: equivariant_basis(SO(3), 2, V), "representation: expected one made of T, V and PSEUDO, given 2"),
        (lambda: equivariant_basis(U(2), PSEUDO, V), "expected none with PSEUDO for the complex U(2), given P"),
        (lambda: PSEUDO.act(np.eye(2) * 1j, np.zeros(1)), "PSEUDO: expected real matrices"),
        (lambda: invariant_basis(SO(3), "V"), "representation: expected one made of T, V and PSEUDO, given 'V'"),
        (
            lambda: dimension(MatrixGroup(lie_algebra=[[[0.0, 1.0], [-1.0, 0.0]]]), V, V),
            "expected a group whose classes are known, or that can be listed, given one that is neither",
        ),
        (lambda: equivariant_basis(S(40), T(3), T(3)), "basis: expected at most 2^28 numbers, given 4096000000"),
        (lambda: T(-1), "T: expected numbers of factors that are integers >= 0, given -1"),
        (lambda: V * -1, "representation: expected a multiple >= 0, given -1"),
        (lambda: V.act(np.eye(3), np.zeros(4)), "tensors: expected 3 entries of V in the last axis"),
        (lambda: V.dual.act(np.zeros((3, 3)), np.zeros(3)), "matrix: expected one with an inverse"),
    ],
)
def test_refusals(call, message) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        call()


def test_bases_may_be_written_to():
    """Small ones are remembered, but not what is made of them."""
    for group, rep_in, rep_out in ((SO(3), V, V), (SO(3), V + T(0), V), (Z(120), V, V)):
        first = equivariant_basis(group, rep_in, rep_out)
        kept = first.copy()
        first[:] = 7.0
        np.testing.assert_array_equal(equivariant_basis(group, rep_in, rep_out), kept)


def conjugate(group, frame):
    """The same group in another frame."""
    back = np.linalg.inv(frame)
    parts = {"lie_algebra": group.lie_algebra(), "discrete": group.discrete_generators()}
    return MatrixGroup(**{name: frame @ part @ back for name, part in parts.items() if len(part)})


FRAMES = {
    "a rotation": O(3).random(0),
    "units": np.diag([1.0, 10.0, 100.0]),
    "far units": np.diag([1.0, 3e8, 1e-5]),
    "shear": np.eye(3) + np.triu(np.random.default_rng(0).standard_normal((3, 3)), 1),
    "skewed units": O(3).random(1) @ np.diag([1.0, 10.0, 100.0]) @ O(3).random(2),
}


@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize(
    "group", [O(3), SO(3), AboutAxis(SO(2)), Lorentz(2), S(3), Hyperoctahedral(3), AboutAxis(Rosette(5))], ids=repr
)
def test_the_same_in_any_frame(group, frame):
    """As many maps in skewed frames and odd units as in good ones, and as many as its elements keep."""
    other = conjugate(group, FRAMES[frame])
    for rep_in, rep_out in ((V, V), (T(2), T(2)), (T(2), V), (T(0), T(2)), (T(0, 2), T(0)), (T(0), T(5))):
        basis = equivariant_basis(other, rep_in, rep_out)
        assert len(basis) == len(equivariant_basis(group, rep_in, rep_out))
        np.testing.assert_allclose(np.einsum("aij,bij->ab", basis, basis), np.eye(len(basis)), atol=1e-10)
        # entries of far units differ by more digits than a number has: how many maps there are is all that is asked
        for g in group.random(0, 0 if frame == "far units" else 3):
            turned = FRAMES[frame] @ g @ np.linalg.inv(FRAMES[frame])
            left, right = rep_out.matrix(turned), rep_in.matrix(turned)
            for one in basis:
                assert np.abs(left @ one - one @ right).max() < 1e-7 * max(1.0, abs(left).max(), abs(right).max())


@pytest.mark.parametrize("size", [5 / 128, 5e-7, 1e6])
def test_generators_of_any_size(size):
    frame = O(3).random(3)
    group = MatrixGroup(lie_algebra=size * frame @ SO(3).lie_algebra() @ frame.T)
    assert [len(invariant_basis(group, T(k))) for k in range(2, 7)] == [1, 1, 3, 6, 15]
    small = MatrixGroup(lie_algebra=[[[0.0, -size], [size, 0.0]]])
    assert len(invariant_basis(small, T(2))) == 2
    assert len(invariant_basis(Scalings(((size,), (size,))), T(2))) == 0
    # two factors whose generators differ in size
    blocks = [np.zeros((6, 6)) for _ in range(6)]
    for n, one in enumerate(SO(3).lie_algebra()):
        blocks[n][:3, :3], blocks[3 + n][3:, 3:] = one, size * one
    assert [len(invariant_basis(MatrixGroup(lie_algebra=blocks), T(k))) for k in range(3)] == [1, 0, 2]


def test_groups_that_are_not_reductive():
    """Shears have no frame in which they are normal. Of T(k) they keep as many tensors as SL(2) has irreps in it."""
    shear = MatrixGroup(lie_algebra=[[[0.0, 1.0], [0.0, 0.0]]])
    assert [len(invariant_basis(shear, T(k))) for k in range(5)] == [1, 1, 2, 3, 6]
    galilei = MatrixGroup(lie_algebra=[[[0.0, 0, 0], [1.0, 0, 0], [0, 0, 0]], [[0.0, 0, 0], [0, 0, 0], [1.0, 0, 0]]])
    assert [len(invariant_basis(galilei, rep)) for rep in (V, V.dual, T(1, 1))] == [2, 1, 3]


def entry(i, j, size=3):
    return np.eye(size)[:, [i]] @ np.eye(size)[[j]]


QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
MOTIONS = {
    "SE(2)": ([entry(0, 2), entry(1, 2), entry(0, 1) - entry(1, 0)], []),
    "affine maps of a line": ([entry(0, 1, 2), entry(0, 0, 2)], []),
    "p4": ([], [QUARTER, np.eye(3) + entry(0, 2)]),
    "p4 in metres": ([], [QUARTER, np.eye(3) + 3e-9 * entry(0, 2)]),
    "glide": ([], [np.diag([1.0, -1.0, 1.0]) + 0.5 * entry(0, 2)]),
    "small glide": ([], [np.diag([1.0, -1.0, 1.0]) + 1e-6 * entry(0, 2)]),
    "large glide": ([], [np.diag([1.0, -1.0, 1.0]) + 1e3 * entry(0, 2)]),
    "small shift": ([], [np.eye(2) + 1e-7 * entry(0, 1, 2)]),
}


@pytest.mark.parametrize("name", list(MOTIONS))
def test_groups_of_motions(name):
    """Translations as shears of one more component: as many maps as a dense null space has, in whatever units."""
    flat, discrete = MOTIONS[name]
    group = MatrixGroup(lie_algebra=flat, discrete=discrete)
    for rep_in, rep_out in ((V, V), (T(2), V), (T(0), V), (V, T(0)), (T(0), T(1, 1))):
        basis = equivariant_basis(group, rep_in, rep_out)
        a, b = rep_in.dim(group), rep_out.dim(group)
        # the same in units in which all translations are 1
        shift = max(np.abs(one[:-1, -1]).max() for one in [*flat, *discrete])
        units = np.diag([*[shift] * (group.dim - 1), 1.0])
        rows = [np.zeros((0, a * b))]
        for one in flat:
            moved = np.linalg.inv(units) @ one @ units
            left, right = rep_out.derivative(moved, np.eye(b)).T, rep_in.derivative(moved, np.eye(a)).T
            rows.append(np.kron(left, np.eye(a)) - np.kron(np.eye(b), right.T))
        for one in discrete:
            left, right = (rep.matrix(np.linalg.inv(units) @ one @ units) for rep in (rep_out, rep_in))
            rows.append(np.kron(left, np.eye(a)) - np.kron(np.eye(b), right.T))
        sizes = np.linalg.svd(np.concatenate(rows), compute_uv=False)
        assert len(basis) == a * b - np.sum(sizes > 1e-9)
        for one in basis:
            off = [rep_out.matrix(g) @ one - one @ rep_in.matrix(g) for g in discrete]
            assert np.abs(off).max(initial=0.0) < 1e-10


@pytest.mark.parametrize("seed", range(3))
def test_symplectic_groups_in_any_frame(seed):
    """Generators without a basis of eigenvectors, of a group that is reductive all the same."""
    frame = np.eye(4) + np.triu(np.random.default_rng(seed).standard_normal((4, 4)), 1) * 3
    other = conjugate(Sp(4), frame @ np.diag([1.0, 100.0, 0.1, 7.0]))
    for rep_in, rep_out, count in ((V, V, 1), (T(2), T(2), 3), (T(3), V, 3), (T(3), T(3), 14), (V, T(2), 0)):
        assert len(equivariant_basis(other, rep_in, rep_out)) == count


def test_too_skewed_a_frame_is_refused():
    frame = np.array([[1.0, 1e5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(InputError, match="generators: expected a frame less skewed than 1e\\+03"):
        equivariant_basis(conjugate(SO(3), frame), T(2), T(2))


def test_what_is_too_much_to_hold_is_refused_at_once():
    """Before the memory for it is asked for."""
    begin = time.perf_counter()
    with pytest.raises(InputError, match="basis: expected at most 2\\^28 numbers, given 203 x 64000000"):
        equivariant_basis(S(20), T(3), T(3))
    assert time.perf_counter() - begin < 5


def test_dimensions_of_large_groups():
    """Stable ranges: what k vectors allow does not depend on n >= k."""
    assert [dimension(group, V, V) for group in (U(8), SU(6), SO(16), Sp(16), O(12))] == [1] * 5
    assert [dimension(U(8), T(k), T(k)) for k in range(1, 5)] == [1, 2, 6, 24]
    assert [dimension(O(11), T(0), T(k)) for k in range(0, 9, 2)] == [1, 1, 3, 15, 105]
    assert [dimension(Sp(12), T(0), T(k)) for k in range(0, 9, 2)] == [1, 1, 3, 15, 105]
    with pytest.raises(InputError, match=r"expected at most .* classes, given more; count by"):
        dimension(S(70), V, V)
    with pytest.raises(InputError, match=r"classes: expected at most .* angles"):
        dimension(U(20), V, V)
