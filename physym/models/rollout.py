"""Rollouts of a learned law, with faults that say when and where.

torchdiffeq integrates; around it stand what it lacks: a bound on the number of evaluations, and errors (it has bare
asserts, which vanish under ``python -O``, and lets NaN through at fixed steps).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from simulators.errors import DivergenceError, InputError

__all__ = ["adaptive", "fault", "symplectic"]

Law = Callable[[torch.Tensor], torch.Tensor]
_ESCAPED = 1e8


class _Watched:
    """A law of scaled states that refuses to leave the finite numbers or to be asked for ever."""

    def __init__(
        self, law: Law, rate: torch.Tensor, scale: torch.Tensor, clock: Callable[[float, int], float], most: int
    ) -> None:
        self.law, self.rate, self.scale, self.clock, self.left = law, rate, scale, clock, most

    def __call__(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        slope = self.rate * self.law(y * self.scale) / self.scale
        bad = ~(torch.isfinite(slope).all(-1) & (y.abs() < _ESCAPED).all(-1))
        if bad.any() or self.left < 0:
            sample = int(bad.nonzero()[0]) if bad.any() else int(slope.abs().amax(-1).argmax())
            why = "left the finite numbers" if bad.any() else "needed more steps than are allowed"
            raise fault(why, sample, self.clock(float(t), sample))
        return slope


def fault(why: str, sample: int, time: float) -> DivergenceError:
    """What to raise where a rollout cannot go on."""
    text = f"expected a rollout that stays finite; sample {sample} {why} at time {time:.6g}"
    return DivergenceError(f"{text}; shorten the times, or fit longer", sample=sample, time=time)


@torch.no_grad()
def adaptive(
    law: Law,
    start: torch.Tensor,
    times: torch.Tensor,
    scale: torch.Tensor,
    clock: Callable[[float, int], float],
    tolerance: float,
    most: int,
) -> torch.Tensor:
    """Roll out by the adaptive Runge-Kutta method of order 8 of torchdiffeq; output times are hit exactly.

    A step's error is the largest over samples of the root mean square of (local error)/(tolerance · scale): rotating
    the data does not change the steps.

    Args:
        law: dz/dt of states (sample, n).
        start: states (sample, n) at the first time.
        times: (sample or 1, time), from 0 on; all samples are carried in units of their own last time.
        scale: size of each entry (n,).
        clock: from a fraction of the whole time and a sample to the user's time.
        tolerance: relative to `scale`.
        most: the most steps to take.

    Returns:
        States (sample, time, n).

    Raises:
        DivergenceError: with sample and time.
    """
    from torchdiffeq import odeint

    if times.shape[1] == 1:
        return start[:, None]
    last = times[:, -1:]
    grid = (times[0] / last[0]).contiguous()
    watched = _Watched(law, last, scale, clock, 14 * most)

    def norm(x: torch.Tensor) -> torch.Tensor:
        return x.square().mean(-1).amax().sqrt()

    rows = [start / scale]
    try:
        for interval in grid.unfold(0, 2, 1):
            # One call an interval: over several, the library may step past an output time and interpolate it at low
            # order. Its own first step is so small that its error is rounding, and what follows would hang on noise.
            options = {"norm": norm, "step_t": interval[1:], "first_step": 2 * (interval[1] - interval[0])}
            rows.append(
                odeint(watched, rows[-1], interval, rtol=0.0, atol=tolerance, method="dopri8", options=options)[-1]
            )
    except AssertionError as error:
        raise fault(f"needed steps below rounding ({error})", 0, clock(float(interval[0]), 0)) from error
    out = torch.stack(rows, dim=1) * scale
    bad = ~torch.isfinite(out).all(-1)
    if bad.any():
        sample, index = (int(n) for n in bad.nonzero()[0])
        raise fault("left the finite numbers", sample, clock(float(grid[index]), sample))
    return out


@torch.no_grad()
def symplectic(
    law: Law, start: torch.Tensor, times: torch.Tensor, clock: Callable[[float, int], float], step: float, stages: int
) -> torch.Tensor:
    """Roll out by the Gauss-Legendre method, which is symplectic: a Hamiltonian's error stays bounded.

    Args:
        law: dz/dt of states (sample, n).
        start: states (sample, n).
        times: (sample or 1, time), from 0 on, the same for all samples.
        clock: as for `adaptive`.
        step: the longest step, in the units of `times`.
        stages: 1 (the implicit midpoint rule), 2 or 3; the order is twice that.

    Raises:
        InputError: if samples have different dimensionless times.
        DivergenceError: with sample and time.
    """
    from simulators.integrate import gauss_legendre

    if not torch.allclose(times, times[:1], rtol=1e-12):
        raise InputError("method 'gauss-legendre': expected samples with one unit of time, given several; use 'dopri8'")
    try:
        return gauss_legendre(lambda t, y: law(y), start, times[0].cpu().numpy(), step=step, stages=stages)
    except DivergenceError as error:
        raise fault("diverged", error.sample, clock(error.time / float(times[0, -1]), error.sample)) from error
