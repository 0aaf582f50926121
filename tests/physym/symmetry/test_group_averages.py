"""Averages over groups: Haar moments, classes and quadratures, by numbers that are known and by two roads."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    Sp,
    U,
    Z,
    translations,
)  # fmt: skip
from physym.symmetry.linear.maps import invariant_basis
from physym.symmetry.linear.representations import PSEUDO, T

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


@functools.cache
def draws_of(group):
    rng = np.random.default_rng(2)
    return np.array([group.random(rng) for _ in range(1000)])


@pytest.mark.parametrize("group", ORTHOGONAL + OTHERS + UNITARY, ids=repr)
def test_haar_moments(group):
    """E[g] and E[g ⊗ g*] are the projections on the invariants of T(1) and T(1, 1), within 5 standard errors."""
    draws = draws_of(group)
    pairs = np.einsum("nij,nkl->nikjl", draws, draws.conj()).reshape(len(draws), group.dim**2, -1)
    for moments, rep in ((draws, T(1)), (pairs, T(1, 1))):
        basis = invariant_basis(group, rep)
        off = np.abs(moments.mean(axis=0) - basis.T @ basis.conj())
        assert np.all(off <= 5 * moments.std(axis=0) / np.sqrt(len(draws)) + 1e-12)


@pytest.mark.parametrize("group", ORTHOGONAL + OTHERS + UNITARY, ids=repr)
def test_classes_average_as_random_elements_do(group):
    """E[(tr g)^a (tr g)*^b] for a, b <= 2."""
    traces = np.trace(draws_of(group), axis1=1, axis2=2) + 0j
    eigenvalues, weights = group.classes(4)
    assert eigenvalues.shape == (len(weights), group.dim)
    np.testing.assert_allclose(np.abs(eigenvalues), 1.0, atol=1e-12)
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    exact = eigenvalues.sum(axis=1)
    for a, b in itertools.product(range(3), repeat=2):
        drawn, wanted = traces**a * traces.conj() ** b, weights @ (exact**a * exact.conj() ** b)
        assert abs(drawn.mean() - wanted) <= 5 * drawn.std() / np.sqrt(len(drawn)) + 1e-12


@pytest.mark.parametrize("group", FINITE, ids=repr)
def test_classes_average_as_elements_do(group):
    eigenvalues, weights = group.classes(6)
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    elements = group.elements()
    for some, values in ((elements, eigenvalues), (elements @ elements, eigenvalues**2)):
        for power in range(7):
            exact = np.mean(np.trace(some, axis1=1, axis2=2) ** power)
            assert weights @ values.sum(axis=1) ** power == pytest.approx(exact, rel=1e-9, abs=1e-9)


MOMENTS = {
    SO(3): [1, 0, 1, 1, 3, 6, 15, 36, 91, 232, 603],
    O(3): [1, 0, 1, 0, 3, 0, 15, 0, 91],
    SO(2): [1, 0, 2, 0, 6, 0, 20, 0, 70],
    O(2): [1, 0, 1, 0, 3, 0, 10, 0, 35],
    Lorentz(3, proper=True): [1, 0, 1, 0, 4, 0, 25, 0, 196],
    Lorentz(3): [1, 0, 1, 0, 3, 0, 15, 0, 105],
    Sp(4): [1, 0, 1, 0, 3, 0, 14, 0, 84],
    S(3): [1, 1, 2, 5, 14, 41, 122],
    S(4): [1, 1, 2, 5, 15, 51, 187],
    S(20): [1, 1, 2, 5, 15, 52, 203, 877],
    Z(5): [1, 1, 5, 25, 125],
    D(5): [1, 1, 3, 13, 63],
    D(6): [1, 1, 4, 20],
}


@pytest.mark.parametrize("group", MOMENTS, ids=repr)
def test_moments_of_the_trace(group):
    for power, wanted in enumerate(MOMENTS[group]):
        eigenvalues, weights = group.classes(power)
        assert weights @ eigenvalues.sum(axis=1) ** power == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(
    ("dim", "wanted"), [(1, [1, 1, 1, 1]), (2, [1, 2, 5, 14, 42, 132]), (3, [1, 2, 6, 23, 103, 513])]
)
def test_moments_of_unitary_traces(dim, wanted):
    """E|tr g|^2k: permutations of k without an increasing run longer than the dimension; SU(n) has the same below n."""
    for power, value in enumerate(wanted, start=1):
        eigenvalues, weights = U(dim).classes(2 * power)
        assert weights @ np.abs(eigenvalues.sum(axis=1)) ** (2 * power) == pytest.approx(value, rel=1e-12)
        eigenvalues, weights = SU(dim).classes(2 * power)
        assert weights @ np.abs(eigenvalues.sum(axis=1)) ** (2 * power) == pytest.approx(value, rel=1e-12)
    # the determinant, of degree n, is what SU(n) keeps besides
    eigenvalues, weights = SU(dim).classes(dim)
    assert weights @ eigenvalues.sum(axis=1) ** dim == pytest.approx(1, abs=1e-12)
    eigenvalues, weights = U(dim).classes(dim)
    assert weights @ eigenvalues.sum(axis=1) ** dim == pytest.approx(0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 12), st.floats(-4, 4))
def test_equal_angles_are_exact_up_to_their_degree_and_alias_above(degree, start):
    """M angles: frequencies below M average to 0, M to 1."""
    elements, weights = SO(2).quadrature(degree)
    assert len(elements) == degree + 1
    phases = elements[:, 0, 0] + 1j * elements[:, 1, 0]
    for k in range(1, degree + 1):
        assert abs(weights @ (phases * np.exp(1j * start)) ** k) < 1e-12
    assert weights @ phases ** (degree + 1) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("degree", "nodes"), [(2, 18), (4, 75), (6, 196), (8, 405)])
def test_quadrature_in_space(degree, nodes):
    """Exact up to the degree for (tr R)^m and for single entries, and not for the next degree."""
    elements, weights = SO(3).quadrature(degree)
    assert len(elements) == len(weights) == nodes
    np.testing.assert_allclose(np.linalg.det(elements), 1.0)
    traces = np.trace(elements, axis1=1, axis2=2)
    for power in range(degree + 1):
        assert weights @ traces**power == pytest.approx(MOMENTS[SO(3)][power], rel=1e-12, abs=1e-11)
        # E[R_ij^m] = 1/(m + 1) for even m: the entry is uniform in [-1, 1]
        wanted = 0.0 if power % 2 else 1 / (power + 1)
        np.testing.assert_allclose(np.tensordot(weights, elements**power, axes=1), wanted, atol=1e-12)
    assert abs(weights @ traces ** (degree + 1) - MOMENTS[SO(3)][degree + 1]) > 1e-6


def test_second_moment_is_isotropic():
    v = np.array([1.0, -2.0, 0.5])
    for group, count in ((SO(3), 18), (O(3), 36), (TETRAHEDRON, 12), (Hyperoctahedral(3), 48)):
        elements, weights = group.quadrature(2)
        assert len(elements) == count
        turned = elements @ v
        np.testing.assert_allclose((turned.T * weights) @ turned, v @ v / 3 * np.eye(3), atol=1e-13)


@pytest.mark.parametrize("group", [SO(1), O(1), SO(2), O(2), SO(3), O(3), *OTHERS], ids=repr)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_quadrature_is_the_projection_on_invariants(group, degree):
    """E[ρ(g)] on T(degree) and on pseudotensors: two roads to the same matrix."""
    elements, weights = group.quadrature(degree)
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    for rep in (T(degree), PSEUDO * T(degree)):
        if rep.dim(group) > 250:
            continue
        mean = sum(w * rep.matrix(g) for w, g in zip(weights, elements, strict=True))
        basis = invariant_basis(group, rep)
        np.testing.assert_allclose(mean, basis.T @ basis, atol=1e-11)


@pytest.mark.parametrize(
    "group", [Product(O(1), SO(3)), Product(SO(3), O(1)), Product(SO(2), SO(3), on="pairs")], ids=repr
)
def test_products_keep_weights_with_their_elements(group):
    """At degree 4, from which on the weights of rotations in space are not all the same."""
    elements, weights = group.quadrature(4)
    assert np.ptp(weights) > 0
    mean = np.einsum("n,nij,nkl->ikjl", weights, elements, elements)
    basis = invariant_basis(group, T(2))
    np.testing.assert_allclose(mean.reshape(group.dim**2, -1), basis.T @ basis, atol=1e-12)
    fourth = weights @ elements[:, -1, -1] ** 4
    eigenvalues, shares = group.classes(4)
    assert weights @ np.trace(elements, axis1=1, axis2=2) ** 4 == pytest.approx((shares @ eigenvalues.sum(1) ** 4).real)
    # the last entry is one of SO(3), or of SO(3) with a sign
    assert fourth == pytest.approx(1 / 5)


@pytest.mark.parametrize(("group", "degree"), [(TETRAHEDRON, 2), (CUBE, 3), (ICOSAHEDRON, 5)], ids=repr)
def test_rotations_of_the_platonic_solids_average_as_all_rotations_up_to_a_degree(group, degree):
    elements, weights = group.quadrature(degree)
    np.testing.assert_allclose(weights, 1 / len(elements))
    for power in range(degree + 2):
        rep = T(power)
        if power <= degree:
            some = np.eye(rep.dim(3))[:5]
            turned = np.mean([rep.act(g, some) for g in elements], axis=0)
            exact, shares = SO(3).quadrature(power)
            wanted = sum(w * rep.act(g, some) for w, g in zip(shares, exact, strict=True))
            np.testing.assert_allclose(turned, wanted, atol=1e-12)
        trace = np.mean(np.trace(elements, axis1=1, axis2=2) ** power)
        # the first that they do not share: the solid itself, a harmonic of l = 3, 4, 6
        assert trace == pytest.approx(MOMENTS[SO(3)][power] + (power == degree + 1), abs=1e-9)


def test_permutations_are_cycles_by_their_partitions():
    """Sizes of classes of S(n) add up to n!; as many as partitions."""
    for count, partitions in ((1, 1), (4, 5), (7, 15)):
        _, weights = S(count).classes(0)
        assert len(weights) == partitions
        np.testing.assert_allclose(np.round(weights * math.factorial(count)), weights * math.factorial(count))
        assert weights.sum() == pytest.approx(1.0)
