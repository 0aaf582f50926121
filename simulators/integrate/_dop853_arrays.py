"""DOP853 for plain array functions: the steps of `_dop853_lanes`, but for rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.integrate import arguments
from simulators.integrate.controller import (
    GROWTH,
    MEMORY,
    NONFINITE,
    OK,
    RUNNING,
    SAFETY,
    SHRINK,
    SMALLEST,
    TOO_MANY,
    UNDERFLOW,
    first_steps,
)
from simulators.integrate.tableaus import (
    DOP853_DENSE,
    DOP853_ERROR_3,
    DOP853_ERROR_5,
    DOP853_NODES,
    DOP853_STAGES,
)


def integrate(
    f: Callable[[np.ndarray, np.ndarray], np.ndarray],
    y0: np.ndarray,
    times: np.ndarray,
    tolerance: float,
    scale: np.ndarray,
    max_steps: int,
    out: np.ndarray,
    status: np.ndarray,
    reached: np.ndarray,
) -> None:
    """Fill `out` (batch, time, n), and for each sample how it ended and the time it reached.

    All samples step together, each by its own step; those that have ended stay where they are.
    """

    def slope(t: np.ndarray, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            value = np.asarray(f(t[:, None], x), dtype=np.float64)
        return arguments.same_shape("f(t, y)", value, x)

    span = times[-1] - times[0]
    t, y = reached, y0.copy()
    k = np.zeros((16, *y0.shape))
    k[0], h = first_steps(slope, y0, times, scale, tolerance)
    before, rejected = np.full(len(y), MEMORY), np.zeros(len(y), bool)
    upcoming, step_count = np.ones(len(y), np.int64), 0
    status[:] = RUNNING
    out[:, 0] = y0
    with np.errstate(all="ignore"):
        while (running := status == RUNNING).any():
            last = abs(h) * 1.01 >= abs(times[-1] - t)
            taken = np.where(running, np.where(last, times[-1] - t, h), 0.0)
            t_new = np.where(running, np.where(last, times[-1], t + h), t)
            for stage in range(1, 12):
                k[stage] = slope(t + DOP853_NODES[stage] * taken, _state(stage, y, taken, k))
            y_new = _state(12, y, taken, k)
            k[12] = slope(t_new, y_new)
            error = _error(taken, tolerance * scale, k)
            accepted = running & (error <= 1.0)
            upcoming = _store(slope, t, taken, t_new, y, y_new, k, accepted, times, upcoming, out)
            factor, before = _factor(error, before)
            y = np.where(accepted[:, None], y_new, y)
            k[0] = np.where(accepted[:, None], k[12], k[0])
            t[:] = np.where(accepted, t_new, t)
            h = taken * np.where(accepted & rejected, np.minimum(factor, 1.0), factor)
            rejected = ~accepted
            step_count += 1
            status[running & (step_count >= max_steps)] = TOO_MANY
            shortest = np.maximum(SMALLEST * abs(t), 1e-30 * abs(span))
            status[running & (abs(h) < shortest)] = UNDERFLOW
            status[running & (abs(h) < shortest) & ~(error < np.inf)] = NONFINITE
            status[running & (upcoming == times.size)] = OK


def _state(stage: int, y: np.ndarray, h: np.ndarray, k: np.ndarray) -> np.ndarray:
    """The state at which a stage evaluates its slope; stage 12 is the end of the step."""
    return y + h[:, None] * np.einsum("s,sbn->bn", DOP853_STAGES[stage], k[:stage])


def _error(h: np.ndarray, unit: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Weighted root mean square of the local error; NaN where the step left the finite numbers."""
    n = unit.shape[1]
    fifth = np.sum((np.einsum("s,sbn->bn", DOP853_ERROR_5, k[:12]) / unit) ** 2 + 0.0 * k[12], axis=1)
    third = np.sum((np.einsum("s,sbn->bn", DOP853_ERROR_3, k[:12]) / unit) ** 2, axis=1)
    both = (fifth + 0.01 * third) * n
    return np.where(both > 0, abs(h) * fifth / np.sqrt(both), fifth)


def _factor(error: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much the next step is longer, and the memory of the error (see `controller`)."""
    fits = error <= 1.0
    grown = np.fmin(GROWTH, SAFETY * before / error ** (3 / 32))
    shrunk = np.where(error < np.inf, np.fmax(SHRINK, SAFETY / error ** (1 / 8)), SHRINK)
    return np.where(fits, grown, shrunk), np.where(fits, np.fmax(MEMORY, error ** (1 / 32)), before)


def _store(
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray],
    t: np.ndarray,
    h: np.ndarray,
    t_new: np.ndarray,
    y: np.ndarray,
    y_new: np.ndarray,
    k: np.ndarray,
    accepted: np.ndarray,
    times: np.ndarray,
    upcoming: np.ndarray,
    out: np.ndarray,
) -> np.ndarray:
    """Interpolate at the output times within the accepted steps; return the next output of each sample."""
    direction = np.sign(times[-1] - times[0])
    done = np.searchsorted(direction * times, direction * t_new, side="right")
    after = np.where(accepted, done, upcoming)
    if not (after > upcoming).any():
        return upcoming
    for stage in range(13, 16):
        k[stage] = slope(t + DOP853_NODES[stage] * h, _state(stage, y, h, k))
    f0 = y_new - y
    f1 = h[:, None] * k[0] - f0
    f2 = 2.0 * f0 - h[:, None] * (k[12] + k[0])
    f3, f4, f5, f6 = h[:, None] * np.einsum("rs,sbn->rbn", DOP853_DENSE, k)
    for sample in np.flatnonzero(after > upcoming):
        due = slice(upcoming[sample], after[sample])
        x = ((times[due] - t[sample]) / h[sample])[:, None]
        u = 1.0 - x
        inner = f3[sample] + x * (f4[sample] + u * (f5[sample] + x * f6[sample]))
        out[sample, due] = y[sample] + x * (f0[sample] + u * (f1[sample] + x * (f2[sample] + u * inner)))
    return after
