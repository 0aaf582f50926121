"""Marching of fields by equal steps that nobody judges: for tests of order, and where the step is part of the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.errors import DivergenceError
from simulators.integrate import arguments
from simulators.integrate.fields import RightHandSide, Solution
from simulators.integrate.march import Method, march
from simulators.threads import in_threads

__all__ = ["equal_steps"]

Maker = Callable[[RightHandSide, float, np.ndarray, int], Method]


def equal_steps(
    make: Maker,
    rhs: Callable[..., object],
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    step: float,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Carry each sample of a batch through time by equal steps between outputs, whatever their error.

    Args:
        make: `make(right-hand side, time, state, sample)` gives the method at the start of a sample.
        rhs: a field kernel or an array function, see `simulators.integrate.fields`.
        y0: (batch, field, *space).
        times: (k,), increasing.
        parameters: (batch, m), or (m,) for all samples; handed to a kernel.
        step: the longest step; an interval between outputs is cut into as few equal steps as that allows.
        integrals: how many integrals the right-hand side keeps along the run.
        max_steps: the most steps of a run.
        threads: how many samples run at once; all cores by default.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers, or a run takes more than `max_steps`.
    """
    times = arguments.increasing(times)
    pieces = arguments.substeps(times, step)
    # a march to the first time checks the arguments and goes nowhere; times that decrease it refuses
    checked = times[:1] if times[-1] >= times[0] else times
    y0 = march(make, rhs, y0, checked, parameters, tolerance=1.0, integrals=integrals, max_steps=max_steps).states[:, 0]
    if pieces.sum() > max_steps:
        raise DivergenceError(
            f"expected at most {max_steps} steps, but {times[0]:g} to {times[-1]:g} takes {pieces.sum()} of {step:g};"
            " raise max_steps or step",
            sample=0,
            time=float(times[0]),
        )
    values = arguments.parameters(parameters, len(y0))
    states = np.empty((len(y0), times.size, *y0.shape[1:]))
    kept = np.zeros((len(y0), times.size, integrals))
    counts = np.zeros((3, len(y0)), dtype=np.int64)

    def run(sample: int) -> None:
        side = RightHandSide(rhs, y0.shape[1:], values[sample], integrals)  # type: ignore[arg-type]
        method = make(side, times[0], y0[sample], sample)
        states[sample, 0], size = y0[sample], np.ones(y0.shape[1])
        for n, count in enumerate(pieces):
            begin, span = times[n], times[n + 1] - times[n]
            for part in range(1, count + 1):
                with np.errstate(all="ignore"):
                    errors = method.attempt(span / count, size)
                if not np.all(np.isfinite(errors)):
                    raise _lost(times, sample, method.t, step)
                method.accept(times[n + 1] if part == count else begin + span * part / count)
            states[sample, n + 1], kept[sample, n + 1] = method.y, method.integrals
        counts[:, sample] = pieces.sum(), 0, side.evaluations

    in_threads(run, len(y0), threads)
    return Solution(states, kept, *counts)


def _lost(times: np.ndarray, sample: int, time: float, step: float) -> DivergenceError:
    return DivergenceError(
        f"expected a run from {times[0]:g} to {times[-1]:g}, but sample {sample} got to time {time:.10g}: it is not"
        f" finite beyond it with steps of {step:g}; shorten the step, or check the initial state and the parameters.",
        sample=sample,
        time=time,
    )
