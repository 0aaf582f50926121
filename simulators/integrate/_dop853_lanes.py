"""DOP853 on SIMD lanes: every lane has its own sample, time and step.

A lane that finishes takes the next sample.

Arrays of the state are flat, element component * LANES + lane, so that one loop serves all components and
lanes. The coefficients stand in the code because the compiler then drops those that are zero. `runge_kutta`
is the front; this module imports numba and compiles when it is first used. It is one file because numba holds
a cached driver to be valid as long as the driver's own file does not change.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from simulators.integrate import _compile
from simulators.integrate._compile import cube, integers, matrix, right_hand_side_type, vector
from simulators.integrate.controller import (
    GROWTH,
    MEMORY,
    NONFINITE,
    OK,
    SAFETY,
    SHRINK,
    SMALLEST,
    TOO_MANY,
    UNDERFLOW,
)
from simulators.integrate.lanes import LANES
from simulators.integrate.tableaus import DOP853_DENSE as D
from simulators.integrate.tableaus import DOP853_ERROR_3 as E3
from simulators.integrate.tableaus import DOP853_ERROR_5 as E5
from simulators.integrate.tableaus import DOP853_NODES as C
from simulators.integrate.tableaus import DOP853_STAGES as A

FROZEN = "5d34afe2c6d6"
"""Digest of _compile, controller, lanes and tableaus, whose values are compiled in here. numba looks only at this file
to see whether its cache is stale, so it has to change when they do; a test says so."""

SLOPES, Y, H, WEIGHT = 16, 16, 17, 18
"""Rows of the workspace: 16 slopes, the state, the step, and 1/(tolerance * scale), then two more states."""
ROWS, LANE_ROWS = 21, 23


# fmt: off
@_compile.lanes(numba.void(numba.int64, matrix, vector))
def _stage(stage: int, w: np.ndarray, out: np.ndarray) -> None:
    """The state at which a stage evaluates its slope; stage 12 is the end of the step."""
    if stage == 1:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (A[1][0] * w[0, e])
    elif stage == 2:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (A[2][0] * w[0, e] + A[2][1] * w[1, e])
    elif stage == 3:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (A[3][0] * w[0, e] + A[3][2] * w[2, e])
    elif stage == 4:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (A[4][0] * w[0, e] + A[4][2] * w[2, e] + A[4][3] * w[3, e])
    elif stage == 5:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (A[5][0] * w[0, e] + A[5][3] * w[3, e] + A[5][4] * w[4, e])
    elif stage == 6:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[6][0] * w[0, e] + A[6][3] * w[3, e] + A[6][4] * w[4, e] + A[6][5] * w[5, e]
            )
    elif stage == 7:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[7][0] * w[0, e] + A[7][3] * w[3, e] + A[7][4] * w[4, e] + A[7][5] * w[5, e]
                + A[7][6] * w[6, e]
            )
    elif stage == 8:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[8][0] * w[0, e] + A[8][3] * w[3, e] + A[8][4] * w[4, e] + A[8][5] * w[5, e]
                + A[8][6] * w[6, e] + A[8][7] * w[7, e]
            )
    elif stage == 9:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[9][0] * w[0, e] + A[9][3] * w[3, e] + A[9][4] * w[4, e] + A[9][5] * w[5, e]
                + A[9][6] * w[6, e] + A[9][7] * w[7, e] + A[9][8] * w[8, e]
            )
    elif stage == 10:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[10][0] * w[0, e] + A[10][3] * w[3, e] + A[10][4] * w[4, e] + A[10][5] * w[5, e]
                + A[10][6] * w[6, e] + A[10][7] * w[7, e] + A[10][8] * w[8, e] + A[10][9] * w[9, e]
            )
    elif stage == 11:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[11][0] * w[0, e] + A[11][3] * w[3, e] + A[11][4] * w[4, e] + A[11][5] * w[5, e]
                + A[11][6] * w[6, e] + A[11][7] * w[7, e] + A[11][8] * w[8, e] + A[11][9] * w[9, e]
                + A[11][10] * w[10, e]
            )
    elif stage == 12:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[12][0] * w[0, e] + A[12][5] * w[5, e] + A[12][6] * w[6, e] + A[12][7] * w[7, e]
                + A[12][8] * w[8, e] + A[12][9] * w[9, e] + A[12][10] * w[10, e] + A[12][11] * w[11, e]
            )
    elif stage == 13:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[13][0] * w[0, e] + A[13][6] * w[6, e] + A[13][7] * w[7, e] + A[13][8] * w[8, e]
                + A[13][9] * w[9, e] + A[13][10] * w[10, e] + A[13][11] * w[11, e] + A[13][12] * w[12, e]
            )
    elif stage == 14:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[14][0] * w[0, e] + A[14][5] * w[5, e] + A[14][6] * w[6, e] + A[14][7] * w[7, e]
                + A[14][10] * w[10, e] + A[14][11] * w[11, e] + A[14][12] * w[12, e] + A[14][13] * w[13, e]
            )
    elif stage == 15:
        for e in range(out.size):
            out[e] = w[Y, e] + w[H, e] * (
                A[15][0] * w[0, e] + A[15][5] * w[5, e] + A[15][6] * w[6, e] + A[15][7] * w[7, e]
                + A[15][8] * w[8, e] + A[15][12] * w[12, e] + A[15][13] * w[13, e] + A[15][14] * w[14, e]
            )
# fmt: on


@_compile.lanes(numba.void(numba.float64, vector, vector, vector, vector, matrix))
def _begin(end: float, t: np.ndarray, h: np.ndarray, taken: np.ndarray, t_new: np.ndarray, w: np.ndarray) -> None:
    """The step to take, which is the rest of the run if that is about as short; idle lanes have no step."""
    for lane in range(t.size):
        last = abs(h[lane]) * 1.01 >= abs(end - t[lane])
        taken[lane] = end - t[lane] if last else h[lane]
        t_new[lane] = end if last else t[lane] + h[lane]
    for i in range(w.shape[1] // LANES):
        for lane in range(LANES):
            w[H, i * LANES + lane] = taken[lane]


@_compile.lanes(numba.void(matrix, vector, vector))
def _error(w: np.ndarray, fifths: np.ndarray, thirds: np.ndarray) -> None:
    """Weighted sums of squares of the error estimates; NaN where the step left the finite numbers."""
    for lane in range(LANES):
        fifths[lane] = 0.0
        thirds[lane] = 0.0
    for i in range(w.shape[1] // LANES):
        for lane in range(LANES):
            e = i * LANES + lane
            # fmt: off
            fifth = (
                E5[0] * w[0, e] + E5[5] * w[5, e] + E5[6] * w[6, e] + E5[7] * w[7, e] + E5[8] * w[8, e]
                + E5[9] * w[9, e] + E5[10] * w[10, e] + E5[11] * w[11, e]
            )
            third = (
                E3[0] * w[0, e] + E3[5] * w[5, e] + E3[6] * w[6, e] + E3[7] * w[7, e] + E3[8] * w[8, e]
                + E3[9] * w[9, e] + E3[10] * w[10, e] + E3[11] * w[11, e]
            )
            # fmt: on
            fifth *= w[WEIGHT, e]
            third *= w[WEIGHT, e]
            fifths[lane] += fifth * fifth + 0.0 * w[12, e]
            thirds[lane] += third * third


@_compile.lanes(numba.int64(numba.int64, vector, vector, vector, vector, vector, vector, vector, vector, numba.float64))
def _judge(
    n: int,
    fifths: np.ndarray,
    thirds: np.ndarray,
    taken: np.ndarray,
    t_new: np.ndarray,
    due: np.ndarray,
    before: np.ndarray,
    error: np.ndarray,
    h: np.ndarray,
    direction: float,
) -> int:
    """Error of the step and length of the next (see `controller`); count the lanes that passed an output.

    Branches are written as selections, which become SIMD instructions where min and max, minding NaN, do not.
    `before` is negative after a rejected step.
    """
    passed = 0
    for lane in range(h.size):
        both = (fifths[lane] + 0.01 * thirds[lane]) * n
        error[lane] = abs(taken[lane]) * fifths[lane] / math.sqrt(both if both > 0.0 else 1.0)
        error[lane] = fifths[lane] if math.isnan(both) else error[lane]
        r8 = math.sqrt(math.sqrt(math.sqrt(error[lane])))
        r16 = math.sqrt(r8)
        r32 = math.sqrt(r16)
        grown = SAFETY * abs(before[lane]) / (r16 * r32)
        grown = grown if grown < GROWTH else GROWTH
        grown = 1.0 if before[lane] < 0.0 and grown > 1.0 else grown
        shrunk = SAFETY / r8
        shrunk = shrunk if shrunk > SHRINK else SHRINK
        fits = error[lane] <= 1.0
        h[lane] = taken[lane] * (grown if fits else shrunk)
        remembered = r32 if r32 > MEMORY else MEMORY
        before[lane] = remembered if fits else -abs(before[lane])
        passed += 1 if fits and (due[lane] - t_new[lane]) * direction <= 0.0 else 0
    return passed


@_compile.lanes(numba.void(vector, matrix))
def _dense_weights(x: np.ndarray, out: np.ndarray) -> None:
    """Weights (12, lane) of the slopes 0 and 5 to 15 in the state at the fraction `x` of the step."""
    for lane in range(x.size):
        u = 1.0 - x[lane]
        ends = 1.0 - u + 2.0 * u * x[lane]
        slope = u * u
        inner = u * u * x[lane]
        # fmt: off
        out[0, lane] = x[lane] * (
            A[12][0] * ends + slope
            + inner * (D[0][0] + x[lane] * (D[1][0] + u * (D[2][0] + x[lane] * D[3][0])))
        )
        out[1, lane] = x[lane] * (
            A[12][5] * ends
            + inner * (D[0][5] + x[lane] * (D[1][5] + u * (D[2][5] + x[lane] * D[3][5])))
        )
        out[2, lane] = x[lane] * (
            A[12][6] * ends
            + inner * (D[0][6] + x[lane] * (D[1][6] + u * (D[2][6] + x[lane] * D[3][6])))
        )
        out[3, lane] = x[lane] * (
            A[12][7] * ends
            + inner * (D[0][7] + x[lane] * (D[1][7] + u * (D[2][7] + x[lane] * D[3][7])))
        )
        out[4, lane] = x[lane] * (
            A[12][8] * ends
            + inner * (D[0][8] + x[lane] * (D[1][8] + u * (D[2][8] + x[lane] * D[3][8])))
        )
        out[5, lane] = x[lane] * (
            A[12][9] * ends
            + inner * (D[0][9] + x[lane] * (D[1][9] + u * (D[2][9] + x[lane] * D[3][9])))
        )
        out[6, lane] = x[lane] * (
            A[12][10] * ends
            + inner * (D[0][10] + x[lane] * (D[1][10] + u * (D[2][10] + x[lane] * D[3][10])))
        )
        out[7, lane] = x[lane] * (
            A[12][11] * ends
            + inner * (D[0][11] + x[lane] * (D[1][11] + u * (D[2][11] + x[lane] * D[3][11])))
        )
        out[8, lane] = x[lane] * (
            -u * x[lane]
            + inner * (D[0][12] + x[lane] * (D[1][12] + u * (D[2][12] + x[lane] * D[3][12])))
        )
        out[9, lane] = x[lane] * (
            + inner * (D[0][13] + x[lane] * (D[1][13] + u * (D[2][13] + x[lane] * D[3][13])))
        )
        out[10, lane] = x[lane] * (
            + inner * (D[0][14] + x[lane] * (D[1][14] + u * (D[2][14] + x[lane] * D[3][14])))
        )
        out[11, lane] = x[lane] * (
            + inner * (D[0][15] + x[lane] * (D[1][15] + u * (D[2][15] + x[lane] * D[3][15])))
        )
        # fmt: on


@_compile.lanes(numba.void(matrix, matrix, vector))
def _interpolate(b: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """The state within the step."""
    for i in range(w.shape[1] // LANES):
        for lane in range(LANES):
            e = i * LANES + lane
            out[e] = w[Y, e] + w[H, e] * (
                b[0, lane] * w[0, e]
                + b[1, lane] * w[5, e]
                + b[2, lane] * w[6, e]
                + b[3, lane] * w[7, e]
                + b[4, lane] * w[8, e]
                + b[5, lane] * w[9, e]
                + b[6, lane] * w[10, e]
                + b[7, lane] * w[11, e]
                + b[8, lane] * w[12, e]
                + b[9, lane] * w[13, e]
                + b[10, lane] * w[14, e]
                + b[11, lane] * w[15, e]
            )


@_compile.lanes(numba.int64(vector, vector, vector, numba.float64, vector, vector, matrix))
def _advance(
    error: np.ndarray,
    t_new: np.ndarray,
    h: np.ndarray,
    shortest: float,
    t: np.ndarray,
    y_new: np.ndarray,
    w: np.ndarray,
) -> int:
    """Make the end of an accepted step the start of the next; count the lanes whose step is lost in rounding."""
    lost = 0
    for lane in range(t.size):
        t[lane] = t_new[lane] if error[lane] <= 1.0 else t[lane]
        least = SMALLEST * abs(t[lane])
        least = least if least > shortest else shortest
        lost += 1 if abs(h[lane]) < least else 0
    for i in range(w.shape[1] // LANES):
        for lane in range(LANES):
            e = i * LANES + lane
            w[Y, e] = y_new[e] if error[lane] <= 1.0 else w[Y, e]
            w[0, e] = w[12, e] if error[lane] <= 1.0 else w[0, e]
    return lost


@_compile.driver(numba.void(right_hand_side_type, vector, matrix, matrix, matrix, matrix, matrix))
def evaluate(
    rhs: Any,  # noqa: ANN401
    t: np.ndarray,
    x: np.ndarray,
    parameters: np.ndarray,
    work: np.ndarray,
    p: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill `out` (batch, n) with the slopes at `x` (batch, n).

    `work` (2 n, LANES) and `p` (m, LANES) are scratch.
    """
    batch, n = x.shape
    lane_t = np.zeros(LANES)
    lane_x, lane_out = work[:n], work[n:]
    for first in range(0, batch, LANES):
        for lane in range(LANES):
            sample = min(first + lane, batch - 1)
            lane_t[lane] = t[sample]
            for i in range(n):
                lane_x[i, lane] = x[sample, i]
            for i in range(p.shape[0]):
                p[i, lane] = parameters[sample, i]
        rhs(lane_t, lane_x, p, lane_out)
        for lane in range(min(LANES, batch - first)):
            for i in range(n):
                out[first + lane, i] = lane_out[i, lane]


@_compile.driver(None)
def _load(
    lane: int,
    sample: int,
    y0: np.ndarray,
    slopes: np.ndarray,
    steps: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray,
    weights: np.ndarray,
    w: np.ndarray,
    p: np.ndarray,
    t: np.ndarray,
    h: np.ndarray,
    due: np.ndarray,
    before: np.ndarray,
    upcoming: np.ndarray,
    budget: np.ndarray,
    max_steps: int,
    out: np.ndarray,
) -> None:
    """Put a sample into a lane, at its beginning."""
    t[lane], h[lane], due[lane], before[lane] = times[0], steps[sample], times[1], MEMORY
    upcoming[lane], budget[lane] = 1, max_steps
    for i in range(y0.shape[1]):
        w[Y, i * LANES + lane] = y0[sample, i]
        w[0, i * LANES + lane] = slopes[sample, i]
        w[WEIGHT, i * LANES + lane] = weights[sample, i]
        out[sample, 0, i] = y0[sample, i]
    for i in range(p.shape[0]):
        p[i, lane] = parameters[sample, i]


@_compile.driver(
    numba.void(
        right_hand_side_type, matrix, matrix, vector, vector, matrix, matrix, numba.int64, matrix, matrix,
        matrix, cube, integers, vector,
    )
)  # fmt: skip
def integrate(
    rhs: Any,  # noqa: ANN401
    y0: np.ndarray,
    slopes: np.ndarray,
    steps: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray,
    weights: np.ndarray,
    max_steps: int,
    work: np.ndarray,
    lane_work: np.ndarray,
    p: np.ndarray,
    out: np.ndarray,
    status: np.ndarray,
    reached: np.ndarray,
) -> None:
    """Fill `out` (batch, time, n), and for each sample how it ended and the time it reached.

    `slopes` (batch, n) and `steps` (batch,) are dy/dt and the first step at times[0]; `weights` (batch, n)
    are 1/(tolerance * scale); `work` (ROWS, n * LANES), `lane_work` (LANE_ROWS, LANES) and `p` (m, LANES) are
    scratch.
    """
    batch, n = y0.shape
    end = times[-1]
    direction = math.copysign(1.0, end - times[0])
    shortest = 1e-30 * abs(end - times[0])
    slope = work[:SLOPES].reshape(SLOPES, n, LANES)
    state, y_new = work[ROWS - 2], work[ROWS - 1]
    state_2d, y_new_2d = state.reshape(n, LANES), y_new.reshape(n, LANES)
    t, h, taken, t_new, t_stage = lane_work[0], lane_work[1], lane_work[2], lane_work[3], lane_work[4]
    due, before, error, fifths, thirds = lane_work[5], lane_work[6], lane_work[7], lane_work[8], lane_work[9]
    x, dense_weights = lane_work[10], lane_work[11:]
    sample = np.full(LANES, -1)
    upcoming, budget = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    following, running = min(batch, LANES), min(batch, LANES)
    for lane in range(LANES):
        # A lane for which there is no sample computes on a copy of one, whose numbers are harmless, with step
        # 0.
        _load(
            lane, min(lane, batch - 1), y0, slopes, steps, times, parameters, weights, work, p, t, h, due,
            before, upcoming, budget, max_steps, out,
        )  # fmt: skip
        sample[lane] = lane if lane < batch else -1
        h[lane] = h[lane] if lane < batch else 0.0
    while running > 0:
        _begin(end, t, h, taken, t_new, work)
        for stage in range(1, 12):
            _stage(stage, work, state)
            for lane in range(LANES):
                t_stage[lane] = t[lane] + C[stage] * taken[lane]
            rhs(t_stage, state_2d, p, slope[stage])
        _stage(12, work, y_new)
        rhs(t_new, y_new_2d, p, slope[12])
        _error(work, fifths, thirds)
        passed = _judge(n, fifths, thirds, taken, t_new, due, before, error, h, direction)
        if passed > 0:
            for stage in range(13, 16):
                _stage(stage, work, state)
                for lane in range(LANES):
                    t_stage[lane] = t[lane] + C[stage] * taken[lane]
                rhs(t_stage, state_2d, p, slope[stage])
        while passed > 0:
            for lane in range(LANES):
                x[lane] = (due[lane] - t[lane]) / taken[lane]
            _dense_weights(x, dense_weights)
            _interpolate(dense_weights, work, state)
            passed = 0
            for lane in range(LANES):
                if error[lane] <= 1.0 and (due[lane] - t_new[lane]) * direction <= 0.0:
                    for i in range(n):
                        out[sample[lane], upcoming[lane], i] = state[i * LANES + lane]
                    upcoming[lane] += 1
                    due[lane] = times[upcoming[lane]] if upcoming[lane] < times.size else direction * math.inf
                    passed += (due[lane] - t_new[lane]) * direction <= 0.0
        lost = _advance(error, t_new, h, shortest, t, y_new, work)
        for lane in range(LANES):
            budget[lane] -= 1
            if sample[lane] >= 0 and (lost > 0 or budget[lane] <= 0 or upcoming[lane] == times.size):
                if upcoming[lane] == times.size:
                    outcome = OK
                elif abs(h[lane]) < max(SMALLEST * abs(t[lane]), shortest):
                    outcome = UNDERFLOW if error[lane] < math.inf else NONFINITE
                elif budget[lane] <= 0:
                    outcome = TOO_MANY
                else:
                    continue
                status[sample[lane]] = outcome
                reached[sample[lane]] = t[lane]
                if following < batch:
                    sample[lane] = following
                    _load(
                        lane, following, y0, slopes, steps, times, parameters, weights, work, p, t, h, due,
                        before, upcoming, budget, max_steps, out,
                    )  # fmt: skip
                    following += 1
                else:
                    sample[lane], h[lane], due[lane] = -1, 0.0, direction * math.inf
                    running -= 1
