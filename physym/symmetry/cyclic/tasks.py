"""A task whose answer is a function of necklaces, and how far simple learners could come with all data.

The longest circular run of ones is invariant under turns and reflections, and no low-degree polynomial of the bits, so
it tells the ways to impose a symmetry apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from physym.symmetry.cyclic.rotation import as_array, as_strings
from simulators.errors import InputError

__all__ = ["best_error", "least_squares_error", "longest_run", "require_invariant"]


def longest_run(strings: Any) -> np.ndarray:  # noqa: ANN401
    """The length of the longest run of ones around the circle: int64 (...) of bits (..., N).

    Raises:
        InputError: if the strings are not bits (..., N).

    >>> longest_run([[1, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0]])
    array([3, 4, 0])
    """
    bits = as_strings(strings)
    if not ((bits == 0) | (bits == 1)).all():
        raise InputError(f"strings: expected bits 0 and 1, given {bits[(bits != 0) & (bits != 1)].flat[0]}")
    size = bits.shape[-1]
    current = np.zeros(bits.shape[:-1], np.int64)
    longest = current
    for place in range(2 * size):
        current = (current + 1) * (bits[..., place % size] != 0)
        longest = np.maximum(longest, current)
    return np.minimum(longest, size)


def least_squares_error(features: Any, values: Any) -> float:  # noqa: ANN401
    """The mean absolute error of the linear function with constant that fits best in the mean square.

    Args:
        features: real numbers (samples, features).
        values: real numbers (samples,).

    Raises:
        InputError: if the shapes are not these, or there is no sample.
    """
    x, y = as_array("features", features, float), as_array("values", values, float)
    if x.ndim != 2 or y.shape != x.shape[:1] or not y.size:
        raise InputError(f"features: expected (samples, features) and values (samples,); given {x.shape}, {y.shape}")
    x = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    return float(np.mean(np.abs(x @ np.linalg.lstsq(x, y, rcond=None)[0] - y)))


def best_error(labels: Any, values: Any) -> float:  # noqa: ANN401
    """The least mean absolute error of any function of an invariant: that of the median of each of its classes.

    Args:
        labels: integers (samples,), equal where the invariant is.
        values: real numbers (samples,).

    Raises:
        InputError: if the shapes are not these, or there is no sample.
    """
    classes, y = as_array("labels", labels), as_array("values", values, float)
    if classes.ndim != 1 or classes.dtype.kind not in "bui" or y.shape != classes.shape or not y.size:
        raise InputError(f"labels: expected integers (samples,) like values; given {classes.shape}, {y.shape}")
    order = np.argsort(classes, kind="stable")
    cuts = np.flatnonzero(np.diff(classes[order])) + 1
    return float(sum(np.abs(own - np.median(own)).sum() for own in np.split(y[order], cuts)) / y.size)


def require_invariant(target: Callable[[np.ndarray], Any], strings: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The target's values (n,), after a look at whether a random turn of each string changes them.

    Raises:
        InputError: if it gives other than a finite number a string, or is no function of necklaces.
    """
    values = _evaluated(target, strings)
    turns = rng.integers(0, strings.shape[1], len(strings))
    change = np.abs(_evaluated(target, turned(strings, turns)) - values)
    if (change > 1e-9 * (1 + np.abs(values))).any():
        n = int(np.argmax(change))
        raise InputError(
            f"target: expected a function of necklaces, given one that a turn by {turns[n]} of {strings[n].tolist()}"
            f" changes by {change[n]:.3g}; average it over the turns first"
        )
    return values


def turned(strings: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """φ_n of each row (n, N) with its own n."""
    size = strings.shape[1]
    return np.take_along_axis(strings, (np.arange(size) - turns[:, None]) % size, axis=1)


def _evaluated(target: Callable[[np.ndarray], Any], strings: np.ndarray) -> np.ndarray:
    if not callable(target):
        raise InputError(f"target: expected a function from strings (n, N) to numbers (n,), given {target!r}")
    values = as_array("target", target(strings))
    if values.shape != strings.shape[:1] or values.dtype.kind not in "buif" or not np.isfinite(values).all():
        raise InputError(
            f"target: expected a finite number for each of {len(strings)} strings, given {values.dtype} of shape"
            f" {values.shape}"
        )
    return values.astype(float)
