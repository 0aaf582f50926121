"""Invariants of circular strings: correlations and their Fourier transforms.

With X_k = Σ_m x(m) exp(-2πi k m/N), a turn by n multiplies X_k by exp(-2πi k n/N). Products of which the indices sum
to zero do not change:

    power spectrum   P(k)    = |X_k|²                      the transform of  a(k)    = Σ_m x(m) x(m + k)
    bispectrum       B(j, k) = X_j X_k conj(X_{j+k})       the transform of  t(j, k) = Σ_m x(m) x(m + j) x(m + k)

and so on for four points and more. The correlations are integers where the letters are, so whether two strings share
them is decided exactly.

The power spectrum is not complete: it forgets all phases. A string and its mirror image share it, and others do too.
The bispectrum fixes x up to a turn if no X_k vanishes (see `from_bispectrum`). Where one does, `four_point` may still
tell strings apart. All correlations of up to N points together are complete, by Noether's bound on the degree of
invariants of a group of N elements; and so is the least rotation, at less expense.

Sources: R. Kakarala, The bispectrum as a source of phase-sensitive invariants for Fourier descriptors (Journal of
Mathematical Imaging and Vision 44, 2012); T. Bendory, N. Boumal, C. Ma, Z. Zhao and A. Singer, Bispectrum inversion
with application to multireference alignment (IEEE Transactions on Signal Processing 66, 2018).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physym.symmetry.cyclic.necklaces import check_size
from physym.symmetry.cyclic.rotation import as_strings
from simulators.errors import InputError
from simulators.parameters import count

__all__ = ["autocorrelation", "bispectrum", "correlation", "four_point", "power_spectrum", "triple_correlation"]

# numbers held at once beside the result
_CHUNK = 2**22


def correlation(strings: Any, points: int) -> np.ndarray:  # noqa: ANN401
    """The correlation of so many points, Σ_m x(m) x(m + k_1) ⋯ x(m + k_{p-1}).

    Args:
        strings: booleans, integers or real numbers (..., N).
        points: 1 or more: 1 is the sum, 2 the autocorrelation, 3 the triple correlation.

    Returns:
        (..., N, …, N) with points - 1 axes k: exact int64 of booleans and integers, float64 of real numbers.

    Raises:
        InputError: if the strings are not as described, a sum might leave 64 bits, or the result would take more than
            a gigabyte.

    >>> correlation([0, 0, 1, 0, 1, 1], 2)
    array([3, 1, 1, 2, 1, 1])
    """
    points, given = count("points", points), _finite(strings)
    size = given.shape[-1]
    _check_result(given, points - 1, f"correlations of {points} points", 8)
    values = given.astype(float if given.dtype.kind == "f" else np.int64)
    largest = max(abs(int(given.max())), abs(int(given.min()))) if given.size and given.dtype.kind != "f" else 0
    if size * largest**points >= 2**63:
        raise InputError(
            f"strings: expected sums of {size} products of {points} letters to fit 64 bits, given letters up to"
            f" {largest}; give real numbers"
        )
    if points == 1:
        return values.sum(axis=-1)
    rows = values.reshape(-1, size)
    found = np.empty((len(rows), size ** (points - 2), size), values.dtype)
    step = max(1, _CHUNK // size ** max(points - 1, 2))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        # (string, m, k), and products of more and more points (string, m, k_1 ⋯ k_p)
        windows, products = part[:, _sums(size)], part[:, :, None]
        for _ in range(points - 2):
            products = (products[..., None] * windows[:, :, None, :]).reshape(*part.shape, -1)
        np.matmul(products.swapaxes(1, 2), windows, out=found[start : start + step])
    return found.reshape(*values.shape[:-1], *(size,) * (points - 1))


def autocorrelation(strings: Any) -> np.ndarray:  # noqa: ANN401
    """a(k) = Σ_m x(m) x(m + k), (..., N): as much as the power spectrum, exact of integers; see `correlation`."""
    return correlation(strings, 2)


def triple_correlation(strings: Any) -> np.ndarray:  # noqa: ANN401
    """t(j, k) = Σ_m x(m) x(m + j) x(m + k), (..., N, N): as much as the bispectrum, exact of integers."""
    return correlation(strings, 3)


def four_point(strings: Any) -> np.ndarray:  # noqa: ANN401
    """Σ_m x(m) x(m + i) x(m + j) x(m + k), (..., N, N, N): tells strings apart that the bispectrum does not."""
    return correlation(strings, 4)


def power_spectrum(strings: Any) -> np.ndarray:  # noqa: ANN401
    """P(k) = |X_k|² of real strings (..., N), for k = 0, …, N/2: (..., N//2 + 1); the others are the same again.

    Raises:
        InputError: if the strings are not real numbers (..., N).

    >>> import numpy as np
    >>> np.allclose(power_spectrum([1, 1, 0, 1, 0, 0]), power_spectrum([1, 1, 0, 0, 1, 0]))
    True
    """
    return np.abs(np.fft.rfft(_finite(strings).astype(float), axis=-1)) ** 2


def bispectrum(strings: Any) -> np.ndarray:  # noqa: ANN401
    """B(j, k) = X_j X_k conj(X_{j+k}) of real strings (..., N): complex (..., N, N).

    Raises:
        InputError: if the strings are not real numbers (..., N), or the result would take more than a gigabyte.
    """
    given = _finite(strings)
    _check_result(given, 2, "bispectra", 16)
    modes = np.fft.fft(given.astype(float), axis=-1)
    return modes[..., :, None] * modes[..., None, :] * np.conj(modes[..., _sums(modes.shape[-1])])


def _sums(size: int) -> np.ndarray:
    """The sums j + k modulo N."""
    return (np.arange(size) + np.arange(size)[:, None]) % size


def _check_result(strings: np.ndarray, axes: int, what: str, each: int) -> None:
    size = strings.shape[-1]
    # the number itself may have millions of digits
    numbers = strings.size // size * (size**axes if axes * math.log2(size) <= 64 else 2**64)
    given = f"the {what} of strings of the shape {strings.shape}"
    check_size(
        each * numbers, given, "strings", "take fewer strings at once, or `least_rotation`, which needs no table"
    )


def _finite(strings: Any) -> np.ndarray:  # noqa: ANN401
    given = as_strings(strings)
    if not np.isfinite(given).all():
        raise InputError("strings: expected finite numbers, given infinity; replace or drop it")
    return given
