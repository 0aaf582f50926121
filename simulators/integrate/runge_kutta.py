"""Adaptive Runge-Kutta of order 8 for batches of ordinary differential equations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.errors import DivergenceError
from simulators.integrate import arguments
from simulators.integrate.controller import LOCAL, NONFINITE, OK, TOO_MANY, first_steps
from simulators.integrate.lanes import LANES, Kernel, aligned, in_chunks

__all__ = ["dop853", "evaluate"]


def dop853(
    rhs: Kernel | Callable[[np.ndarray, np.ndarray], np.ndarray],
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    tolerance: float = 1e-10,
    scale: np.ndarray | None = None,
    max_steps: int = 100_000,
    threads: int | None = None,
) -> np.ndarray:
    """Solve dy/dt = f(t, y) for many initial states, each with its own steps.

    The method of order 8 of Dormand and Prince with dense output of order 7 (Hairer, Norsett and Wanner,
    Solving Ordinary Differential Equations I, 2nd ed., section II.5 and II.6). A step's error is the root
    mean square over components of (local error)/(tolerance * scale), where `scale` stays the same throughout
    the run. So components of one vector that share a scale may be rotated, and units may be changed, without
    changing the steps. Steps are chosen so that, where solutions neither attract nor repel each other
    strongly, the error at any time is about `tolerance * scale` or below after some tens of oscillations; in
    chaotic motion it then grows as the motion has it. A sample's result does not depend on the rest of the
    batch, nor on the number of threads, to the last bit.

    Args:
        rhs: a function made with `kernel` (fast, threaded), or a Python function `f(t, y)` that takes t
            (batch, 1) and y (batch, n) to dy/dt (batch, n). The latter is always called with the whole batch
            in order.
        y0: initial states (batch, n), in any units.
        times: (k,), strictly increasing or decreasing; y0 holds at times[0].
        parameters: (batch, m), or one row (m,) for all samples; handed to a kernel.
        tolerance: error to aim at relative to `scale`, at least 1e-15.
        scale: (batch, n) or (n,), the size of each component, > 0, in the units of y0. By default the
            Euclidean norm of the sample's y0 for all its components (1 if that is zero).
        max_steps: the most steps, rejected ones included, that a sample may take.
        threads: how many threads a kernel runs on; by default one for each core.

    Returns:
        The states at `times`, (batch, k, n); those at times[0] are y0 exactly.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers, needed steps below rounding, or more than
            `max_steps`.
    """
    y0 = arguments.states("y0", y0)
    times = arguments.increasing(times)
    tolerance = LOCAL * arguments.positive("tolerance", tolerance, 1e-15)
    max_steps = arguments.count("max_steps", max_steps)
    if scale is None:
        norm = np.sqrt(np.sum(y0**2, axis=1, keepdims=True))
        scale = np.broadcast_to(np.where(norm > 0, norm, 1.0), y0.shape)
    scale = arguments.per_sample("scale", scale, y0.shape, positive=True)
    out = np.empty((y0.shape[0], times.size, y0.shape[1]))
    status = np.zeros(len(y0), np.int64)
    reached = np.full(len(y0), times[0])
    if times.size == 1:
        out[:, 0] = y0
    elif isinstance(rhs, Kernel):
        parameters = arguments.parameters(parameters, len(y0))
        run = _on_lanes(rhs, y0, times, parameters, tolerance, scale, max_steps, out, status, reached)
        in_chunks(run, len(y0), threads)
    else:
        arguments.no_parameters(parameters)
        from simulators.integrate import _dop853_arrays

        _dop853_arrays.integrate(rhs, y0, times, tolerance, scale, max_steps, out, status, reached)
    _check(out, times, status, reached)
    return out


def evaluate(rhs: Kernel, t: float | np.ndarray, x: np.ndarray, parameters: np.ndarray | None = None) -> np.ndarray:
    """Evaluate a kernel on a batch, once.

    Args:
        rhs: a function made with `kernel`.
        t: time, one for all or (batch,).
        x: states (batch, n).
        parameters: (batch, m), or one row (m,) for all samples.

    Returns:
        dx/dt (batch, n).

    Raises:
        InputError: an argument has the wrong shape or values.
    """
    x = arguments.states("x", x)
    t = np.array(np.broadcast_to(np.asarray(t, np.float64), len(x)), order="C")
    return _slopes(rhs, t, x, arguments.parameters(parameters, len(x)))


def _slopes(rhs: Kernel, t: np.ndarray, x: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    from simulators.integrate import _dop853_lanes

    out = np.empty_like(x)
    n, m = x.shape[1], parameters.shape[1]
    _dop853_lanes.evaluate(rhs.compiled, t, x, parameters, aligned(2 * n, LANES), aligned(m, LANES), out)
    return out


def _on_lanes(
    rhs: Kernel,
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray,
    tolerance: float,
    scale: np.ndarray,
    max_steps: int,
    out: np.ndarray,
    status: np.ndarray,
    reached: np.ndarray,
) -> Callable[[slice], None]:
    from simulators.integrate import _dop853_lanes

    compiled = rhs.compiled

    def run(samples: slice) -> None:
        y, p, s = y0[samples], parameters[samples], scale[samples]
        slopes, steps = first_steps(lambda t, x: _slopes(rhs, t, x, p), y, times, s, tolerance)
        work = aligned(_dop853_lanes.ROWS, y.shape[1] * LANES)
        lane_work = aligned(_dop853_lanes.LANE_ROWS, LANES)
        _dop853_lanes.integrate(
            compiled, y, slopes, steps, times, p, 1.0 / (tolerance * s), max_steps, work,
            lane_work, aligned(p.shape[1], LANES), out[samples], status[samples], reached[samples],
        )  # fmt: skip

    return run


def _check(out: np.ndarray, times: np.ndarray, status: np.ndarray, reached: np.ndarray) -> None:
    """Raise for the first sample that did not arrive."""
    failed = status != OK
    failed |= ~np.isfinite(out).all(axis=(1, 2))
    if not failed.any():
        return
    sample = int(np.argmax(failed))
    time = float(reached[sample])
    reason = {
        OK: "its interpolant is not finite; ask for fewer output times or scale the problem down",
        NONFINITE: "its right-hand side is not finite beyond it; check the initial state and the parameters",
        TOO_MANY: "it took max_steps steps; raise max_steps or tolerance, or go implicit if it is stiff",
    }.get(
        int(status[sample]),
        "its step fell below rounding; the solution is singular there, or the tolerance is too small",
    )
    raise DivergenceError(
        f"expected a run from {times[0]:g} to {times[-1]:g}, but sample {sample} got to time {time:.10g}: {reason}.",
        sample=sample,
        time=time,
    )
