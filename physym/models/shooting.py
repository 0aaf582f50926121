"""Residuals of a law over stored steps: what training minimises.

Every stored point starts a short segment (multiple shooting), so that all segments of all samples are fitted in
parallel. `defect` knows both ends of a segment and needs no integration: the mono-implicit Runge-Kutta method of order
6 (Cash and Singhal, IMA J. Numer. Anal. 2, 1982; for learning: Noren, Eidnes and Celledoni, arXiv:2306.03548) is
explicit in them. `shoot` integrates from the left end with the method of order 8 of Dormand and Prince, for steps too
long for that.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from simulators.integrate.tableaus import DOP853_STAGES

__all__ = ["defect", "flow", "shoot"]

Law = Callable[[torch.Tensor], torch.Tensor]


def defect(law: Law, z: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
    """z₁ - z₀ - ∫ f by Boole's rule with stages that interpolate both ends, of order 6.

    Args:
        law: dz/dt of states (sample, point, n).
        z: stored states (sample, time, n).
        dt: (sample or 1, time - 1, 1).

    Returns:
        (sample, time - 1, n), zero for the law that made the data, up to O(dt⁷).
    """
    z0, z1 = z[:, :-1], z[:, 1:]
    f = law(z)
    f0, f1 = f[:, :-1], f[:, 1:]
    quarter = z0 + 5 / 32 * (z1 - z0) + dt * (9 / 64 * f0 - 3 / 64 * f1)
    three_quarters = z0 + 27 / 32 * (z1 - z0) + dt * (3 / 64 * f0 - 9 / 64 * f1)
    fa, fb = law(torch.cat([quarter, three_quarters], dim=1)).chunk(2, dim=1)
    middle = 0.5 * (z0 + z1) + dt * (5 / 24 * (f1 - f0) + 2 / 3 * (fa - fb))
    fc = law(middle)
    return z1 - z0 - dt * (7 / 90 * (f0 + f1) + 16 / 45 * (fa + fb) + 2 / 15 * fc)


def flow(law: Law, z: torch.Tensor, dt: torch.Tensor, substeps: int) -> torch.Tensor:
    """The states a time dt later, by equal substeps of order 8."""
    h = dt / substeps
    for _ in range(substeps):
        slopes: list[torch.Tensor] = []
        for row in DOP853_STAGES[:12]:
            slopes.append(law(z + h * _sum(row, slopes)))
        z = z + h * _sum(DOP853_STAGES[12], slopes)
    return z


def _sum(weights: tuple[float, ...], slopes: list[torch.Tensor]) -> torch.Tensor | float:
    return sum((w * k for w, k in zip(weights, slopes, strict=True) if w), start=0.0)


def shoot(law: Law, z: torch.Tensor, dt: torch.Tensor, substeps: int) -> torch.Tensor:
    """z₁ less the flow of z₀, (sample, time - 1, n); arguments as for `defect`."""
    return z[:, 1:] - flow(law, z[:, :-1], dt, substeps)


def substeps_needed(
    law: Law, z: torch.Tensor, dt: torch.Tensor, scale: torch.Tensor, share: float, most: int = 64
) -> int:
    """0 if `defect` is exact enough for these data, else how many substeps `shoot` needs.

    Exact enough means: the integrator's error over the law's own solutions is below `share` of the residual that the
    law leaves on the data, both in the root mean square over the entries in units of `scale`.
    """

    def size(x: torch.Tensor) -> float:
        return float((x / scale).square().mean().sqrt())

    with torch.no_grad():
        ends = [flow(law, z[:, :-1], dt, 1)]
        allowed, substeps = 0.0, 1
        while substeps < most:
            substeps *= 2
            ends.append(flow(law, z[:, :-1], dt, substeps))
            allowed = share * size(z[:, 1:] - ends[-1])
            if size(ends[-1] - ends[-2]) <= 0.1 * allowed:
                break
        # each segment alone, so that it begins on the data and ends on the law's solution
        alone = [
            defect(law, torch.stack([z[:, k], ends[-1][:, k]], dim=1), dt[:, k : k + 1]) for k in range(dt.shape[1])
        ]
        if size(torch.cat(alone, dim=1)) <= allowed:
            return 0
        return next(2**k for k, end in enumerate(ends) if size(end - ends[-1]) <= allowed)
