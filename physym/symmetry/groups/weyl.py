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
they are more than its degree.

Source: H. Weyl, The Classical Groups (1939); for the component of determinant -1, E. M. Rains, "Increasing subsequences
and the classical groups", Electronic J. Combinatorics 5 (1998).
"""

from __future__ import annotations

import itertools

import numpy as np

__all__ = ["odd_part", "torus_so", "torus_sp", "torus_su", "torus_u"]

Classes = tuple[np.ndarray, np.ndarray]


def torus_u(dim: int, degree: int) -> Classes:
    """Of U(n): eigenvalues (m, n) and weights (m,)."""
    phases = np.exp(1j * _angles(dim, degree + 2 * (dim - 1)))
    return phases, _normal(_pairs(phases, lambda a, b: np.abs(a - b) ** 2))


def torus_su(dim: int, degree: int) -> Classes:
    """Of SU(n): eigenvalues (m, n) and weights (m,)."""
    free = np.exp(1j * _angles(dim - 1, 2 * degree + 4 * (dim - 1)))
    phases = np.concatenate([free, 1 / np.prod(free, axis=1, keepdims=True)], axis=1)
    return phases, _normal(_pairs(phases, lambda a, b: np.abs(a - b) ** 2))


def torus_sp(dim: int, degree: int) -> Classes:
    """Of USp(dim), dim even: eigenvalues (m, dim) and weights (m,)."""
    angles = _angles(dim // 2, degree + 2 * (dim // 2))
    density = _pairs(np.cos(angles), lambda a, b: (a - b) ** 2) * np.prod(np.sin(angles) ** 2, axis=1)
    return _both(angles), _normal(density)


def torus_so(dim: int, degree: int) -> Classes:
    """Of SO(dim): eigenvalues (m, dim) and weights (m,)."""
    angles = _angles(dim // 2, degree + dim)
    density = _pairs(np.cos(angles), lambda a, b: (a - b) ** 2)
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


def _angles(rank: int, degree: int) -> np.ndarray:
    """All combinations (m, rank) of more equal angles than the degree."""
    turns = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    return np.array(list(itertools.product(turns, repeat=rank))).reshape((degree + 1) ** rank, rank)


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
