"""Tensors of space fall into irreducible ones: counted by characters, and block diagonal under random elements."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.special import sph_harm_y

from physym.symmetry import PSEUDO, SO, AboutAxis, Lorentz, O, T, V
from physym.symmetry.linear.clebsch_gordan import Irrep, clebsch_gordan, decompose, harmonic_tensors, irrep
from simulators.errors import InputError

REPS = [T(0), PSEUDO, V, T(2), T(3), PSEUDO * T(3), T(4), 2 * V + PSEUDO * T(2) + T(0) + T(1, 1) * V.dual, T(5)]


def character(angle, one, reflected):
    """sin((2l+1) θ/2) / sin(θ/2), times the parity for -1 times the rotation."""
    value = np.sin((2 * one.l + 1) * angle / 2) / np.sin(angle / 2)
    return value * one.parity if reflected else value


@pytest.mark.parametrize("group", [SO(3), O(3)], ids=repr)
@pytest.mark.parametrize("rep", [*REPS, T(6)], ids=repr)
def test_multiplicities_are_those_of_the_characters(group, rep):
    """Two ways: products with a vector, and averages of characters over the classes, 2 sin²(θ/2)/π dθ."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    angles, weights = (nodes + 1) * np.pi / 2, weights * np.pi / 2 * 2 * np.sin((nodes + 1) * np.pi / 4) ** 2 / np.pi
    found = decompose(rep, group)
    parities = (0,) if isinstance(group, SO) else (-1, 1)
    for one in (Irrep(l, p) for l in range(rep.degree + 2) for p in parities):  # noqa: E741
        total = 0.0
        for angle, weight in zip(angles, weights, strict=True):
            values = np.array([1.0, np.exp(1j * angle), np.exp(-1j * angle)])
            total += weight * rep.character(values).real * character(angle, one, reflected=False)
            if one.parity:
                total += weight * rep.character(-values).real * character(angle, one, reflected=True)
        assert total / len(parities) == pytest.approx(found.get(one, 0), abs=1e-9)


@pytest.mark.parametrize("group", [SO(3), O(3)], ids=repr)
@pytest.mark.parametrize(("rep", "elements"), [*((rep, 100 if rep.dim(3) < 50 else 10) for rep in REPS), (T(6), 2)])
def test_irreducible_blocks(group, rep, elements):
    q, found = clebsch_gordan(rep, group), decompose(rep, group)
    np.testing.assert_allclose(q @ q.T, np.eye(rep.dim(3)), rtol=0, atol=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(elements):
        g = group.random(rng)
        want = block_diag(*(irrep(one.l, g, one.parity) for one, count in found.items() for _ in range(count)))
        np.testing.assert_allclose(q @ rep.matrix(g) @ q.T, want, rtol=0, atol=1e-12)


def test_known_decompositions():
    assert decompose(T(2), SO(3)) == {Irrep(0): 1, Irrep(1): 1, Irrep(2): 1}
    assert decompose(T(2), O(3)) == {Irrep(0, 1): 1, Irrep(1, 1): 1, Irrep(2, 1): 1}
    assert decompose(T(3), SO(3)) == {Irrep(0): 1, Irrep(1): 3, Irrep(2): 2, Irrep(3): 1}
    # Motzkin sums, Riordan numbers: invariants of T(k)
    assert [decompose(T(k), SO(3)).get(Irrep(0), 0) for k in range(9)] == [1, 0, 1, 1, 3, 6, 15, 36, 91]
    assert list(decompose(T(6), O(3)))[-1] == Irrep(6, 1)


@pytest.mark.parametrize("l", range(8))
def test_irreps_are_homomorphisms_and_irreducible(l):  # noqa: E741
    rng = np.random.default_rng(l)
    for parity in (-1, 0, 1):
        for _ in range(10):
            g, h = O(3).random(rng), O(3).random(rng)
            product = irrep(l, g, parity) @ irrep(l, h, parity)
            np.testing.assert_allclose(product, irrep(l, g @ h, parity), rtol=0, atol=1e-12)
        np.testing.assert_allclose(irrep(l, -np.eye(3), parity), (parity or (-1) ** l) * np.eye(2 * l + 1), atol=1e-12)
    # the trace at a rotation by any angle is the character of the irreducible representation, about any axis
    for angle in (0.3, 1.7, 3.0):
        c, s = np.cos(angle), np.sin(angle)
        axis = O(3).random(rng)
        g = axis @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ axis.T
        assert np.trace(irrep(l, g)) == pytest.approx(character(angle, Irrep(l), reflected=False), abs=1e-12)


@pytest.mark.parametrize("l", range(7))
def test_the_basis_is_that_of_the_spherical_harmonics(l):  # noqa: E741
    """On the sphere, E_m · x^{⊗l} is proportional to the real harmonics of scipy, with one constant for all m."""
    rng = np.random.default_rng(l)
    points = rng.standard_normal((20, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    theta, phi = np.arccos(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])
    powers = np.ones((20, 1))
    for _ in range(l):
        powers = (powers[:, :, None] * points[:, None]).reshape(20, -1)
    values = powers @ harmonic_tensors(l).T
    for m in range(-l, l + 1):
        complex_one = sph_harm_y(l, abs(m), theta, phi)
        real = complex_one.real if m >= 0 else complex_one.imag
        real = real * (np.sqrt(2) * (-1) ** m if m else 1.0) / np.sqrt((2 * l + 1) / (4 * np.pi))
        scale = np.linalg.norm(values[0])
        np.testing.assert_allclose(values[:, l + m], scale * real, rtol=0, atol=1e-12)


def test_symmetric_and_traceless():
    tensors = harmonic_tensors(4).reshape(9, 3, 3, 3, 3)
    np.testing.assert_allclose(tensors, tensors.transpose(0, 2, 1, 3, 4), atol=1e-15)
    np.testing.assert_allclose(tensors, tensors.transpose(0, 2, 3, 4, 1), atol=1e-15)
    np.testing.assert_allclose(np.einsum("maabc->mbc", tensors), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decompose(T(2), O(2)), r"expected SO\(3\) or O\(3\), given O\(2\)"),
        (lambda: decompose(T(2), Lorentz(3)), r"expected SO\(3\) or O\(3\)"),
        (lambda: clebsch_gordan(T(2), AboutAxis(O(2))), r"expected SO\(3\) or O\(3\)"),
        (lambda: clebsch_gordan(T(9), O(3)), "at most 6561 components, given 19683"),
        (lambda: decompose(3, O(3)), "expected one made of T, V and PSEUDO, given 3"),
        (lambda: irrep(-1, np.eye(3)), "l: expected an integer from 0 to 10, given -1"),
        (lambda: irrep(2, np.eye(2)), "orthogonal matrix"),
        (lambda: irrep(2, 2 * np.eye(3)), "orthogonal matrix"),
        (lambda: irrep(2, np.eye(3), 3), "parity: expected 1, -1, or 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()
