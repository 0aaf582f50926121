"""Step control that both DOP853 implementations share: constants, first step, and what ends a run.

The error of a step is h * e5^2 / sqrt(e5^2 + 0.01 e3^2), e5 and e3 being root mean squares over the
components of the two embedded error estimates divided by tolerance * scale. It and all that follows is
unchanged by rotations of vectors whose components share a scale, and by a change of units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

OK, NONFINITE, UNDERFLOW, TOO_MANY, RUNNING = 0, 1, 2, 3, 4
"""How a run ended."""

SAFETY, SHRINK, GROWTH = 0.9, 0.2, 6.0
"""A step grows by SAFETY * error^(-1/16) * (error before / error)^(1/32), within bounds.

These are the gains 0.5/8 and 0.25/8 of a PI controller (Hairer and Wanner, Solving Ordinary Differential
Equations II, section IV.2) for an error of order 8: powers that square roots give quickly and alike on every
machine. After a rejection the step changes by SAFETY * error^(-1/8), and the next may not grow.
"""

MEMORY = 1e-4 ** (1 / 32)
"""The least that (error before)^(1/32) counts as, or a lucky small error would cut the step after it."""

SMALLEST = 4 * 2.0**-52
"""A step below SMALLEST * |t| is lost in the rounding of the time."""

LOCAL = 0.1
"""The local tolerance is LOCAL * tolerance, so that the errors of a run add up to about the tolerance."""


def first_steps(
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray],
    y0: np.ndarray,
    times: np.ndarray,
    scale: np.ndarray,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Slope (batch, n) and first step (batch,) of every sample, from two evaluations of `slope(t, y)`.

    The step is one over the faster of the rates of change of state and slope, times a power of the tolerance:
    the algorithm of Hairer, Norsett and Wanner I, section II.4, made independent of the unit of time.
    """
    span = times[-1] - times[0]
    t = np.full(len(y0), times[0])
    slopes = slope(t, y0)
    with np.errstate(all="ignore"):
        rate = np.sqrt(np.mean((slopes / scale) ** 2, axis=1))
        probe = np.copysign(np.fmin(0.01 / rate, 1e-3 * abs(span)), span)
        change = slope(t + probe, y0 + probe[:, None] * slopes) - slopes
        curvature = np.sqrt(np.mean((change / scale) ** 2, axis=1)) / abs(probe)
        step = tolerance ** (1 / 8) / np.fmax(rate, np.sqrt(curvature))
        return slopes, np.copysign(np.fmin(step, abs(span)), span)
