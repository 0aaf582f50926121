"""Explicit splittings on SIMD lanes, with compensated summation; `symplectic` is the front."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from simulators.integrate import _compile
from simulators.integrate._compile import cube, integers, matrix, right_hand_side_type, vector
from simulators.integrate.lanes import LANES

FROZEN = "5d34afe2c6d6"
"""Digest of _compile, controller, lanes and tableaus, whose values are compiled in here. numba looks only at this file
to see whether its cache is stale, so it has to change when they do; a test says so."""


@_compile.lanes(numba.void(numba.float64, matrix, matrix, matrix))
def _add(h: float, slope: np.ndarray, state: np.ndarray, lost: np.ndarray) -> None:
    """Add h * slope to the state; `lost` carries what rounding cut off (Kahan)."""
    for i in range(state.shape[0]):
        for lane in range(LANES):
            increment = h * slope[i, lane] + lost[i, lane]
            total = state[i, lane] + increment
            lost[i, lane] = increment - (total - state[i, lane])
            state[i, lane] = total


@_compile.driver(None)
def _store(
    output: int,
    first: int,
    used: int,
    q: np.ndarray,
    p: np.ndarray,
    q_out: np.ndarray,
    p_out: np.ndarray,
) -> None:
    """Write the lanes to an output time."""
    for lane in range(used):
        for i in range(q.shape[0]):
            q_out[first + lane, output, i] = q[i, lane]
            p_out[first + lane, output, i] = p[i, lane]


@_compile.driver(
    numba.void(
        right_hand_side_type, right_hand_side_type, matrix, matrix, vector, matrix, integers, vector, vector,
        cube, matrix, cube, cube, vector,
    )
)  # fmt: skip
def integrate(
    velocity: Any,  # noqa: ANN401
    force: Any,  # noqa: ANN401
    q0: np.ndarray,
    p0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray,
    substeps: np.ndarray,
    drifts: np.ndarray,
    kicks: np.ndarray,
    work: np.ndarray,
    lane_parameters: np.ndarray,
    q_out: np.ndarray,
    p_out: np.ndarray,
    failed: np.ndarray,
) -> None:
    """Fill `q_out` and `p_out` (batch, time, d), and `failed` (batch,) with the first time that is not finite.

    `substeps` (k - 1,) are the steps in each output interval; `work` (5, d, LANES) and `lane_parameters` (m,
    LANES) are scratch. `failed` is left alone where a run succeeds.
    """
    batch, d = q0.shape
    q, p, q_lost, p_lost, slope = work[0], work[1], work[2], work[3], work[4]
    t = np.zeros(LANES)
    for first in range(0, batch, LANES):
        used = min(LANES, batch - first)
        for lane in range(LANES):
            sample = min(first + lane, batch - 1)
            for i in range(d):
                q[i, lane], p[i, lane] = q0[sample, i], p0[sample, i]
            for i in range(lane_parameters.shape[0]):
                lane_parameters[i, lane] = parameters[sample, i]
        q_lost[:] = 0.0
        p_lost[:] = 0.0
        _store(0, first, used, q, p, q_out, p_out)
        for output in range(1, times.size):
            h = (times[output] - times[output - 1]) / substeps[output - 1]
            for step in range(substeps[output - 1]):
                now = times[output - 1] + step * h
                for stage in range(kicks.size):
                    t[:] = now
                    velocity(t, p, lane_parameters, slope)
                    _add(drifts[stage] * h, slope, q, q_lost)
                    now += drifts[stage] * h
                    t[:] = now
                    force(t, q, lane_parameters, slope)
                    _add(kicks[stage] * h, slope, p, p_lost)
                t[:] = now
                velocity(t, p, lane_parameters, slope)
                _add(drifts[kicks.size] * h, slope, q, q_lost)
            _store(output, first, used, q, p, q_out, p_out)
            alive = 0
            for lane in range(used):
                total = 0.0
                for i in range(d):
                    total += 0.0 * q[i, lane] + 0.0 * p[i, lane]
                if total == 0.0:
                    alive += 1
                elif np.isnan(failed[first + lane]):
                    failed[first + lane] = times[output]
            if alive == 0:
                break
