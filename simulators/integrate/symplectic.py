"""Explicit symplectic splitting for separable Hamiltonians."""

from __future__ import annotations

import math

import numpy as np

from simulators.errors import DivergenceError, InputError
from simulators.integrate import arguments
from simulators.integrate.lanes import LANES, Kernel, aligned, in_chunks
from simulators.integrate.tableaus import SPLITTINGS

__all__ = ["splitting"]


def splitting(
    velocity: Kernel,
    force: Kernel,
    q0: np.ndarray,
    p0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    step: float,
    order: int = 4,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve dq/dt = dT/dp, dp/dt = -dV/dq for H = T(p) + V(q, t) by a symmetric, symplectic splitting.

    A step drifts q and kicks p in turn. Order 2 is the leapfrog of Stoermer and Verlet (1 force a step);
    orders 4 and 6 are S6 and S10 of Blanes and Moan, J. Comput. Appl. Math. 142 (2002) 313 (6 and 10 forces a
    step). The error of the energy stays bounded over exponentially long times (Hairer, Lubich and Wanner,
    Geometric Numerical Integration, chapter IX) while `step` resolves the fastest oscillation. Sums are
    compensated, so that rounding does not make the energy wander.

    Args:
        velocity: kernel (see `kernel`) that takes the momenta p to dq/dt.
        force: kernel that takes the positions q to dp/dt.
        q0: initial positions (batch, d).
        p0: initial momenta (batch, d).
        times: (k,), strictly increasing or decreasing; q0 and p0 hold at times[0].
        parameters: (batch, m), or one row (m,) for all samples; handed to both kernels.
        step: the longest step, in the units of times; each interval between outputs is divided evenly.
        order: 2, 4 or 6.
        threads: how many threads to run on; by default one for each core. It does not change the result.

    Returns:
        Positions and momenta at `times`, each (batch, k, d); those at times[0] are q0 and p0 exactly.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers; its time is the first output that shows it.
    """
    q0 = arguments.states("q0", q0)
    p0 = arguments.states("p0", p0, like=q0)
    times = arguments.increasing(times)
    parameters = arguments.parameters(parameters, len(q0))
    substeps = arguments.substeps(times, step)
    if order not in SPLITTINGS:
        raise InputError(f"order: expected one of {sorted(SPLITTINGS)}, got {order!r}; choose one of these.")
    drifts, kicks = (np.array(row) for row in SPLITTINGS[order])
    batch, d = q0.shape
    q, p = np.empty((batch, times.size, d)), np.empty((batch, times.size, d))
    failed = np.full(batch, math.nan)
    from simulators.integrate import _splitting_lanes

    kernels = velocity.compiled, force.compiled

    def run(samples: slice) -> None:
        work = aligned(5 * d, LANES).reshape(5, d, LANES)
        scratch = aligned(parameters.shape[1], LANES)
        _splitting_lanes.integrate(
            *kernels, q0[samples], p0[samples], times, parameters[samples], substeps, drifts, kicks,
            work, scratch, q[samples], p[samples], failed[samples],
        )  # fmt: skip

    in_chunks(run, batch, threads)
    if not np.all(np.isnan(failed)):
        sample = int(np.argmax(~np.isnan(failed)))
        time = float(failed[sample])
        raise DivergenceError(
            f"expected finite numbers, but sample {sample} left them by time {time:g}; reduce step, or check "
            "the initial state and the parameters.",
            sample=sample,
            time=time,
        )
    return q, p
