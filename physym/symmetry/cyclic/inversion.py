"""A string from its bispectrum, up to a turn: the proof that nothing else is lost.

Of a real string x with X_k ≠ 0 for all k,

    B(0, 0) = X_0³,    B(0, k) = X_0 |X_k|²,    B(1, k) = X_1 X_k conj(X_{k+1}).

The first gives X_0, the second all moduli. If X_1 is given any phase, the third gives the phases of X_2, …, X_{N-1},
and at last of X_N, which is X_0. A wrong phase θ of X_1 makes that of X_k wrong by k θ, so X_N tells N θ, and the N
values of θ that are left are the N turns of x.

A coefficient that vanishes cuts the chain, and where enough of them do, inequivalent strings share a bispectrum: the
first of bits have N = 12. Then take an invariant of more points (`four_point`) or the least rotation.

Sources: as for `spectra`; G. B. Giannakis, Signal reconstruction from multiple correlations: frequency- and time-domain
approaches (Journal of the Optical Society of America A 6, 1989).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from physym.symmetry.cyclic.rotation import as_array
from physym.symmetry.cyclic.spectra import bispectrum
from simulators.errors import InputError

__all__ = ["from_bispectrum"]


def from_bispectrum(spectrum: Any, *, tolerance: float = 1e-6) -> np.ndarray:  # noqa: ANN401
    """Real strings with these bispectra: each is one of the N turns of what was transformed.

    Args:
        spectrum: B(j, k), complex (..., N, N).
        tolerance: a coefficient vanishes if |X_k| is at most this times the root of Σ_k |X_k|²/N; and the bispectrum
            of the result may be off by this times the largest |B|. To be raised for bispectra with noise.

    Returns:
        float64 (..., N). Its error is that of rounding over the smallest |X_k|.

    Raises:
        InputError: if coefficients vanish (they are named; where X_0 does, all those in no product that is left), or
            these are no bispectra of real strings.

    >>> x = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    >>> y = from_bispectrum(bispectrum(x))
    >>> bool(min(np.abs(np.roll(y, n) - x).max() for n in range(5)) < 1e-14)
    True
    """
    given = as_array("spectrum", spectrum)
    if given.dtype.kind not in "iufc" or given.ndim < 2 or given.shape[-1] != given.shape[-2] or not given.shape[-1]:
        raise InputError(f"spectrum: expected numbers (..., N, N), given {given.dtype} of shape {given.shape}")
    if not np.isfinite(given).all():
        raise InputError("spectrum: expected finite numbers, given NaN or infinity")
    if not isinstance(tolerance, int | float) or not 0 < tolerance < np.inf:
        raise InputError(f"tolerance: expected a number > 0, given {tolerance!r}")
    size = given.shape[-1]
    flat = given.reshape(-1, size, size)
    mean = np.cbrt(flat[:, 0, 0].real)
    # X_0 against the moduli of B itself: nothing else is known while it may vanish
    sizes = np.abs(flat).max(axis=2, initial=0.0)
    largest = sizes.max(axis=1, keepdims=True, initial=0.0)
    hidden = np.abs(mean)[:, None] <= tolerance * np.cbrt(largest)
    _refuse(hidden & ((sizes <= tolerance * largest) | (np.arange(size) == 0)), given.shape)
    squares = np.maximum((flat[:, 0] / mean[:, None]).real, 0.0)
    moduli = np.sqrt(squares)
    _refuse(moduli <= tolerance * np.sqrt(squares.mean(axis=1, keepdims=True)), given.shape)
    phases = np.ones((len(flat), size + 1), complex)
    for k in range(1, size):
        phases[:, k + 1] = phases[:, 1] * phases[:, k] * np.conj(_unit(flat[:, 1 % size, k]))
    wrong = np.angle(phases[:, size] * np.sign(mean)) / size if size > 1 else np.zeros(len(flat))
    modes = moduli * phases[:, :size] * np.exp(-1j * wrong[:, None] * np.arange(size))
    modes[:, 0] = mean
    found = np.fft.ifft(modes, axis=-1)
    _require_match(flat, found, tolerance, given.shape)
    return np.ascontiguousarray(found.real).reshape(given.shape[:-1])


def _unit(values: np.ndarray) -> np.ndarray:
    return np.exp(1j * np.angle(values))


def _refuse(vanishing: np.ndarray, shape: tuple[int, ...]) -> None:
    """Name the first string's coefficients that vanish (strings, N); with X_0 also those that it may hide."""
    if not vanishing.any():
        return
    row = int(np.argmax(vanishing.any(axis=1)))
    which = f" of string {row}" if len(shape) > 2 else ""
    first, *others = np.flatnonzero(vanishing[row]).tolist()
    names = ", ".join(map(str, others if first == 0 else [first, *others]))
    if first:
        found = f"k = {names}"
        remedy = "use four_point, which may still tell strings apart, or least_rotation, which always does"
    elif others:
        found = f"k = 0, and in all products at k = {names}"
        remedy = (
            "take the bispectrum of x plus a constant, which tells which of these vanish; if any does, least_rotation"
        )
    else:
        found = "k = 0"
        remedy = "take the bispectrum of x plus a constant, and subtract it from the result"
    raise InputError(f"spectrum: expected X_k other than zero for all k, given zero{which} at {found}; {remedy}")


def _require_match(flat: np.ndarray, found: np.ndarray, tolerance: float, shape: tuple[int, ...]) -> None:
    error = np.abs(bispectrum(found.real) - flat).max(axis=(1, 2), initial=0.0)
    bad = error > tolerance * np.abs(flat).max(axis=(1, 2), initial=0.0)
    if bad.any():
        row = int(np.argmax(bad))
        which = f" of string {row}" if len(shape) > 2 else ""
        share = error[row] / np.abs(flat[row]).max()
        raise InputError(
            f"spectrum: expected the bispectrum of a real string, given one{which} that no string has within"
            f" {share:.1e} of its largest entry; raise tolerance if it holds noise"
        )
