"""Matrices of forms in their canonical shape: signed squares, or pairs of conjugate components.

A symmetric or Hermitian matrix is G = X D Xᴴ with D = diag(1, ..., 1, -1, ..., -1), by its eigenvalues; a skew one is
G = X J Xᵀ with J = [[0, 1], [-1, 0]]: if a + ib is an eigenvector of length 1 of iG for the eigenvalue μ > 0, then
Ga = μb and Gb = -μa, and the plane of a and b adds 2μ (b aᵀ - a bᵀ).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Canonical", "canonical", "planes", "squares"]


class Canonical(NamedTuple):
    """A matrix in its canonical shape, X D Xᴴ or, if it is skew, X J Xᵀ.

    Attributes:
        positive: the number of directions of positive length; half the dimension if it is skew.
        negative: the number of directions of negative length; half the dimension if it is skew.
        basis: X (d, d).
    """

    positive: int
    negative: int
    basis: np.ndarray


def canonical(matrix: np.ndarray, *, skew: bool) -> Canonical:
    """A matrix (d, d) with an inverse in its canonical shape."""
    size = len(matrix)
    if skew:
        return Canonical(size // 2, size // 2, planes(matrix, size))
    positive = int(np.sum(np.linalg.eigvalsh(matrix) > 0))
    return Canonical(positive, size - positive, squares(matrix, positive, size - positive))


def squares(matrix: np.ndarray, positive: int, negative: int, scale: float = 0.0) -> np.ndarray:
    """X (..., n, positive + negative) with X D Xᴴ as near as can be to a symmetric or Hermitian matrix (..., n, n).

    Its rank is that of the matrix: eigenvalues that are rounding of numbers as large as `scale`, or the largest of
    them, are 0.
    """
    values, axes = np.linalg.eigh((matrix + np.swapaxes(matrix, -1, -2).conj()) / 2)
    values = _beyond_rounding(values, scale)
    found = np.zeros((*matrix.shape[:-1], positive + negative), dtype=axes.dtype)
    plus, minus = min(positive, matrix.shape[-1]), min(negative, matrix.shape[-1])
    found[..., :plus] = (axes * np.sqrt(np.maximum(values, 0.0))[..., None, :])[..., ::-1][..., :plus]
    found[..., positive : positive + minus] = (axes * np.sqrt(np.maximum(-values, 0.0))[..., None, :])[..., :minus]
    return found


def planes(matrix: np.ndarray, dim: int, scale: float = 0.0) -> np.ndarray:
    """X (..., n, dim) with X J Xᵀ as near as can be to a skew matrix (..., n, n); its rank is as in `squares`."""
    half = dim // 2
    values, axes = np.linalg.eigh(0.5j * (matrix - np.swapaxes(matrix, -1, -2)))
    values = _beyond_rounding(values, scale)
    kept = min(half, matrix.shape[-1] // 2)
    sizes = np.sqrt(2.0 * np.maximum(values, 0.0))[..., None, ::-1][..., :kept]
    chosen = axes[..., ::-1][..., :kept]
    found = np.zeros((*matrix.shape[:-1], dim))
    found[..., :kept] = sizes * chosen.imag
    found[..., half : half + kept] = sizes * chosen.real
    return found


def _beyond_rounding(values: np.ndarray, scale: float) -> np.ndarray:
    sizes = np.abs(values)
    largest = np.maximum(sizes.max(axis=-1, keepdims=True, initial=0.0), scale)
    return np.where(sizes > 16 * values.shape[-1] * np.finfo(np.float64).eps * largest, values, 0.0)
