"""Checks of what a caller gives to an integrator.

Every message says what was expected, what was given, and the remedy.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from simulators.errors import InputError


def states(name: str, values: Any, like: np.ndarray | None = None) -> np.ndarray:  # noqa: ANN401
    """Return `values` as a finite, contiguous float64 (batch, n) array."""
    array = np.array(values, dtype=np.float64, order="C")
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{name}: expected an array (batch, n), got shape {array.shape}; a single sample is {name}[None, :]."
        )
    if like is not None and array.shape != like.shape:
        raise InputError(f"{name}: expected shape {like.shape}, got {array.shape}; give both alike.")
    _finite(name, array)
    return array


def per_sample(
    name: str,
    values: Any,  # noqa: ANN401
    shape: tuple[int, int | None],
    *,
    positive: bool = False,
) -> np.ndarray:
    """Return `values`, which may be one row for all samples, as a finite, contiguous (batch, columns) array."""
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    batch, columns = shape[0], array.shape[-1] if shape[1] is None else shape[1]
    if array.ndim != 2 or array.shape[0] not in (1, batch) or array.shape[1] != columns:
        raise InputError(
            f"{name}: expected shape ({batch}, {'m' if shape[1] is None else columns}) or one row for all "
            f"samples, got {np.shape(values)}; give one row a sample."
        )
    _finite(name, array)
    if positive and not np.all(array > 0):
        where = tuple(int(i) for i in np.argwhere(array <= 0)[0])
        raise InputError(f"{name}: expected numbers above 0, got {array[where]:g} at index {where}; give sizes.")
    return np.array(np.broadcast_to(array, (batch, columns)), order="C")


def parameters(values: Any, batch: int) -> np.ndarray:  # noqa: ANN401
    """Return the parameters of a kernel as (batch, m); m may be 0."""
    return np.zeros((batch, 0)) if values is None else per_sample("parameters", values, (batch, None))


def no_parameters(values: Any) -> None:  # noqa: ANN401
    """Refuse parameters where the right-hand side is a plain function."""
    if values is not None:
        raise InputError(
            "parameters: expected None for a plain function f(t, y), got an array; let the function close over "
            "them, or make it a kernel."
        )


def increasing(times: Any) -> np.ndarray:  # noqa: ANN401
    """Return `times` as a float64 array that strictly increases or strictly decreases."""
    try:
        array = np.array(times, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise InputError(f"times: expected numbers, got {times!r}; give the times to store.") from error
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"times: expected a list (k,), got shape {array.shape}; give the times to store.")
    _finite("times", array)
    steps = np.diff(array)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        where = int(np.argmax(steps * np.sign(array[-1] - array[0]) <= 0)) if array[-1] != array[0] else 0
        raise InputError(
            "times: expected strictly increasing times (or decreasing, to go backwards), got "
            f"{array[where]:g} followed by {array[where + 1]:g} at index {where + 1}; sort them and drop repeats."
        )
    return array


def substeps(times: np.ndarray, step: float) -> np.ndarray:
    """Return into how many steps, none longer than `step`, each interval between times is divided."""
    # The slack lets 0.2 be two steps of 0.1 although their quotient may round to just above two.
    return np.maximum(1, np.ceil(abs(np.diff(times)) / positive("step", step) - 1e-9)).astype(np.int64)


def positive(name: str, value: float, least: float = 0.0) -> float:
    """Return `value` as a float above zero and not below `least`."""
    bound = f"at least {least:g}" if least else "above 0"
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and number > 0 and number >= least):
        raise InputError(f"{name}: expected a finite number {bound}, got {value!r}; choose a {name} {bound}.")
    return number


def count(name: str, value: int) -> int:
    """Return `value` as an integer of at least one."""
    if not isinstance(value, Real) or isinstance(value, bool) or value != value // 1 or value < 1:
        raise InputError(f"{name}: expected a whole number, at least 1, got {value!r}; choose {name} >= 1.")
    return int(value)


def same_shape(name: str, values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return `values` if they have the shape of `like`."""
    if values.shape != like.shape:
        raise InputError(f"{name}: expected shape {like.shape}, got {values.shape}; return dy/dt of the whole batch.")
    return values


def _finite(name: str, array: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise InputError(
            f"{name}: expected finite numbers, got {array[where]} at index {where}; remove or repair that entry."
        )
