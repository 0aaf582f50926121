"""Averages of class functions over the classical compact groups.

A class function depends on the eigenvalues alone. Weyl's integration formula averages it over the angles θ of the
maximal torus, with a density that is a trigonometric polynomial:

    U(n)         Π_{j<k} |e^{iθj} - e^{iθk}|² / n!
    SU(n)        the same with Σθ = 0
    USp(2n)      Π_{j<k} (2cos θj - 2cos θk)² Π_j (2 sin θj)² / (2^n n!)
    SO(2n)       Π_{j<k} (2cos θj - 2cos θk)² / (2^{n-1} n!)
    SO(2n+1)     Π_{j<k} (2cos θj - 2cos θk)² Π_j (2 sin θj/2)² / (2^n n!)

all over [0, 2π)^n with dθ/2π. The elements of O(2n) of determinant -1 have the eigenvalues 1 and -1 and the angles of
USp(2n - 2); those of O(2n+1) are the negatives of SO(2n+1). Equal angles average a trigonometric polynomial exactly, if
they are more than its degree. The density vanishes where two angles, or their cosines, are equal, and class functions
do not see their order or, for real groups, their sign: it is enough to take each selection of different angles once.

Source: H. Weyl, The Classical Groups (1939); for the component of determinant -1, E. M. Rains, "Increasing subsequences
and the classical groups", Electronic J. Combinatorics 5 (1998).
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from physym.symmetry.groups.group import check_degree
from simulators.errors import InputError

__all__ = ["odd_part", "torus_so", "torus_sp", "torus_su", "torus_u"]

_MOST = 2**24
Classes = tuple[np.ndarray, np.ndarray]


def torus_u(dim: int, degree: int) -> Classes:
    """Of U(n): eigenvalues (m, n) and weights (m,)."""
    check_degree(degree)
    angles = degree + 2 * dim - 1
    phases = np.exp(2j * np.pi / angles * _chosen(angles, dim))
    return phases, _normal(_pairs(phases, lambda a, b: np.abs(a - b) ** 2))


def torus_su(dim: int, degree: int) -> Classes:
    """Of SU(n): eigenvalues (m, n) and weights (m,)."""
    check_degree(degree)
    angles = 2 * degree + 4 * dim - 3
    chosen = _chosen(angles, dim)
    phases = np.exp(2j * np.pi / angles * chosen[chosen.sum(axis=1) % angles == 0])
    return phases, _normal(_pairs(phases, lambda a, b: np.abs(a - b) ** 2))


def torus_sp(dim: int, degree: int) -> Classes:
    """Of USp(dim), dim even: eigenvalues (m, dim) and weights (m,)."""
    check_degree(degree)
    angles, density = _half_turn(dim // 2, degree + dim + 1)
    density = density * np.prod(np.sin(angles) ** 2, axis=1)
    return _both(angles), _normal(density)


def torus_so(dim: int, degree: int) -> Classes:
    """Of SO(dim): eigenvalues (m, dim) and weights (m,)."""
    check_degree(degree)
    angles, density = _half_turn(dim // 2, degree + dim + 1)
    eigenvalues = _both(angles)
    if dim % 2:
        density = density * np.prod(np.sin(angles / 2) ** 2, axis=1)
        eigenvalues = np.concatenate([eigenvalues, np.ones((len(angles), 1))], axis=1)
    return eigenvalues, _normal(density)


def odd_part(dim: int, degree: int) -> Classes:
    """Of the elements of O(dim) with determinant -1: eigenvalues (m, dim) and weights (m,)."""
    if dim % 2:
        eigenvalues, weights = torus_so(dim, degree)
        return -eigenvalues, weights
    if dim == 2:
        return np.array([[1.0 + 0j, -1.0]]), np.ones(1)
    eigenvalues, weights = torus_sp(dim - 2, degree)
    ends = np.broadcast_to(np.array([1.0, -1.0]), (len(weights), 2))
    return np.concatenate([eigenvalues, ends], axis=1), weights


def _chosen(count: int, size: int) -> np.ndarray:
    """All selections (m, size) of different numbers below a count, in order."""
    total = math.comb(count, size)
    if total * max(1, size) > _MOST:
        raise InputError(
            f"classes: expected at most {_MOST:.0e} angles, given {total} times {size}; count by"
            " len(equivariant_basis(...))"
        )
    chosen = itertools.chain.from_iterable(itertools.combinations(range(count), size))
    return np.fromiter(chosen, dtype=np.int64, count=total * size).reshape(total, size)


def _half_turn(rank: int, count: int) -> Classes:
    """Angles (m, rank) from 0 to π, of so many equal ones, and Π (cosθj - cosθk)² over both signs of each (m,)."""
    chosen = _chosen(count // 2 + 1, rank)
    angles = 2 * np.pi / count * chosen
    signs = np.where((chosen == 0) | (2 * chosen == count), 1.0, 2.0).prod(axis=1)
    return angles, signs * _pairs(np.cos(angles), lambda a, b: (a - b) ** 2)


def _both(angles: np.ndarray) -> np.ndarray:
    return np.concatenate([np.exp(1j * angles), np.exp(-1j * angles)], axis=1)


def _pairs(values: np.ndarray, factor) -> np.ndarray:  # noqa: ANN001
    """The product of a factor over all pairs of columns."""
    found = np.ones(len(values))
    for a, b in itertools.combinations(range(values.shape[1]), 2):
        found = found * factor(values[:, a], values[:, b])
    return found


def _normal(density: np.ndarray) -> np.ndarray:
    return density / density.sum()
