"""RKC2: the stabilised explicit Runge-Kutta-Chebyshev method of order 2, for diffusion and mild reactions."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.integrate._stabilised import Stabilised, radii
from simulators.integrate.fields import ArrayFunction, FieldKernel, RightHandSide, Solution
from simulators.integrate.march import Method, Scale, march, rms

__all__ = ["rkc2"]

DAMPING = 2.0 / 13.0
SPREAD = 2.0 / 3.0 * (1.0 - 2.0 / 15.0 * DAMPING)
"""The stability interval of s stages is SPREAD (s² - 1) long."""

LEAST, MOST = 3, 1000
"""Numbers of stages. With 2 the error estimate would not see how the right-hand side depends on time."""


def rkc2(
    rhs: FieldKernel | ArrayFunction,
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    tolerance: float = 1e-4,
    spectral_radius: float | Sequence[float] | np.ndarray | None = None,
    scale: np.ndarray | Scale = rms,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Solve dy/dt = f(t, y) for fields whose stiffness is diffusion, explicitly, at order 2.

    The Runge-Kutta-Chebyshev method with damping 2/13. A step h takes as many stages s as its stability needs: for
    eigenvalues near the negative real axis, h times the spectral radius <= 0.653 (s² - 1). So ten times the stages
    allow a hundred times the step, without linear systems. Advection is stable as far as diffusion damps it. On the
    Rietkerk model it is cheaper than `rock4` for errors above 2e-4, on the Brusselator nowhere.

    Steps are chosen so that the error at any time is about `tolerance` times the scale of the field or below, where
    neighbouring solutions do not part. A sample's result does not depend on the batch or the threads, to the last bit.

    Args:
        rhs: a function made with `field_kernel`, or an array function f(t, y) that takes the state of one sample
            (field, *space) to dy/dt, or, with integrals, to the pair (dy/dt, rates).
        y0: initial states (batch, field, *space), in any units.
        times: (k,), increasing; y0 holds at times[0]. They are hit exactly.
        parameters: (batch, m), or one row (m,) for all samples; handed to a kernel.
        tolerance: error to aim at relative to the scale of each field.
        spectral_radius: a bound on the absolute eigenvalues of the Jacobian df/dy, in the reciprocal unit of time, one
            number or one a sample; by default it is estimated along the run by a power method, which costs a few
            evaluations every 25 steps.
        scale: (field,) or (batch, field), > 0, in the units of y0; or a function of the state (field, *space) to
            (field,), whose largest value so far counts: the root mean square over the cells by default, or
            `integrate.spread`, which measures a field by how it varies.
        integrals: how many integrals the right-hand side keeps along the run. They are carried with the same weights
            as the fields, so that a sum of fields that is balanced by integrals stays so to rounding.
        max_steps: the most steps, rejected ones included, of a sample.
        threads: how many samples run at once; all cores by default.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers, needed steps below rounding, or more than `max_steps`.

    Source: B. P. Sommeijer, L. F. Shampine and J. G. Verwer, "RKC: an explicit solver for parabolic PDEs" (J. Comput.
    Appl. Math. 88, 1998), with its error estimate; stages are kept as departures from the start of the step, which
    keeps rounding from growing with the number of stages.
    """
    bounds = radii(spectral_radius, y0)

    def make(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> Method:
        return RKC2(side, t, y, integrals, bounds[sample])

    return march(
        make, rhs, y0, times, parameters,
        tolerance=tolerance, scale=scale, integrals=integrals, max_steps=max_steps, threads=threads,
    )  # fmt: skip


class Stages(NamedTuple):
    """A step of RKC2 of so many stages, for departures d_j from its start.

        d_j = μ_j d_{j-1} + ν_j d_{j-2} + h (λ_j f_{j-1} + γ_j f_0),   d_0 = 0,   j = 1, ..., s

    Attributes:
        rows: (μ, ν, λ, γ) of every stage.
        nodes: c_0, ..., c_{s-1}, where f_j is taken.
    """

    rows: tuple[tuple[float, float, float, float], ...]
    nodes: tuple[float, ...]


@functools.cache
def stages(count: int) -> Stages:
    """The coefficients for a number of stages, at least 2."""
    w0 = 1.0 + DAMPING / count**2
    t, d, d2 = np.zeros(count + 1), np.zeros(count + 1), np.zeros(count + 1)
    t[:2], d[1] = (1.0, w0), 1.0
    for j in range(2, count + 1):
        t[j] = 2.0 * w0 * t[j - 1] - t[j - 2]
        d[j] = 2.0 * (t[j - 1] + w0 * d[j - 1]) - d[j - 2]
        d2[j] = 2.0 * (2.0 * d[j - 1] + w0 * d2[j - 1]) - d2[j - 2]
    w1 = d[count] / d2[count]
    b = np.ones(count + 1)
    b[2:] = d2[2:] / d[2:] ** 2
    b[0], b[1] = b[2], 1.0 / w0
    rows, nodes = [(0.0, 0.0, b[1] * w1, 0.0)], [0.0, b[1] * w1]
    for j in range(2, count + 1):
        mu, nu, weight = 2.0 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], 2.0 * b[j] * w1 / b[j - 1]
        first = -(1.0 - b[j - 1] * t[j - 1]) * weight
        rows.append((mu, nu, weight, first))
        nodes.append(mu * nodes[j - 1] + nu * nodes[j - 2] + weight + first)
    return Stages(tuple(tuple(map(float, row)) for row in rows), tuple(map(float, nodes[:-1])))


def needed(reach: float) -> int:
    """The number of stages that is stable for h times spectral radius = reach."""
    return max(LEAST, math.ceil(math.sqrt(1.0 + reach / SPREAD)))


class RKC2(Stabilised):
    """The method at work on one sample; see `rkc2`."""

    # The local error is of order h^3, the error of a run of order h^2. So the tolerance bounds the estimate, counted in
    # scales, to the power 2/3: a tenth of the tolerance then gives a tenth of the error.
    exponent = 2.0
    local = 0.15
    work = 3

    def _reach(self) -> float:
        return SPREAD * (MOST**2 - 1)

    def _step(self, h: float, reach: float, scale: np.ndarray) -> np.ndarray:
        y, f0, new = self._now.flat, self._f.flat, self._new
        slope, now, before = self._work
        rows, nodes = stages(needed(reach))
        self._loops.start(y, f0, h * rows[0][2], now.flat, new.flat)
        before.flat.fill(0.0)
        for (mu, nu, weight, first), node in zip(rows[1:], nodes[1:], strict=True):
            self._evaluate(self.t + node * h, new, slope)
            self._loops.chebyshev(y, f0, h * first, slope.flat, h * weight, now.flat, mu, before.flat, nu, new.flat)
            now, before = before, now
        self._evaluate(self.t + h, new, self._f_new)
        error = before.flat
        self._loops.weigh3(now.flat, -0.8, f0, 0.4 * h, self._f_new.flat, 0.4 * h, error)
        found = rms(before.fields)
        sizes = np.where(scale > 0, scale, rms(new.fields))
        return np.where(found > 0, np.cbrt(found * found * sizes), found)
