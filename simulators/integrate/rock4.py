"""ROCK4: the stabilised explicit Runge-Kutta method of order 4, for diffusion and mild reactions."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np

from simulators.integrate._rock4_stages import DEGREES, INTERVALS, stages
from simulators.integrate._stabilised import Stabilised, radii
from simulators.integrate.fields import ArrayFunction, FieldKernel, RightHandSide, Solution
from simulators.integrate.march import Method, Scale, march, rms

__all__ = ["rock4"]


def rock4(
    rhs: FieldKernel | ArrayFunction,
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    tolerance: float = 1e-6,
    spectral_radius: float | Sequence[float] | np.ndarray | None = None,
    scale: np.ndarray | Scale = rms,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Solve dy/dt = f(t, y) for fields whose stiffness is diffusion, explicitly, at order 4.

    An orthogonal Runge-Kutta-Chebyshev method. A step h takes as many stages s, from 5 to 200, as its stability needs:
    for eigenvalues near the negative real axis, h times the spectral radius <= 0.34 s². So ten times the stages allow a
    hundred times the step, without linear systems. Advection is stable as far as diffusion damps it. The embedded
    estimate is of order 3. One of the evaluations of a step lies up to 0.05 h beyond its end.

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

    Source: A. Abdulle, "Fourth order Chebyshev methods with recurrence relation" (SIAM J. Sci. Comput. 23, 2002). The
    coefficients are our own, see `_rock4_stages`; stages are kept as increments, which keeps rounding from growing
    with the number of stages.
    """
    bounds = radii(spectral_radius, y0)

    def make(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> Method:
        return ROCK4(side, t, y, integrals, bounds[sample])

    return march(
        make, rhs, y0, times, parameters,
        tolerance=tolerance, scale=scale, integrals=integrals, max_steps=max_steps, threads=threads,
    )  # fmt: skip


class ROCK4(Stabilised):
    """The method at work on one sample; see `rock4`."""

    exponent = 4.0
    local = 0.05
    work = 5

    def _reach(self) -> float:
        return INTERVALS[-1]

    def _step(self, h: float, reach: float, scale: np.ndarray) -> np.ndarray:
        del scale
        loops, t, new, f_new = self._loops, self.t, self._new, self._f_new
        k1, k2, k3, k4, middle = self._work
        method = stages(DEGREES[bisect.bisect_left(INTERVALS, reach)])
        count = len(method.slopes)
        loops.start(self._now.flat, self._f.flat, h * method.slopes[0], k2.flat, middle.flat)
        for j in range(1, count):
            self._evaluate(t + method.nodes[j] * h, middle, k1)
            loops.follow(k1.flat, h * method.slopes[j], method.momenta[j], k2.flat, middle.flat)
        y, nodes, a = middle.flat, method.nodes[count:], [[h * x for x in row] for row in method.matrix]
        self._evaluate(t + nodes[0] * h, middle, k1)
        loops.add1(y, k1.flat, a[1][0], new.flat)
        self._evaluate(t + nodes[1] * h, new, k2)
        loops.add2(y, k1.flat, a[2][0], k2.flat, a[2][1], new.flat)
        self._evaluate(t + nodes[2] * h, new, k3)
        loops.add3(y, k1.flat, a[3][0], k2.flat, a[3][1], k3.flat, a[3][2], new.flat)
        self._evaluate(t + nodes[3] * h, new, k4)
        slopes = (k1.flat, k2.flat, k3.flat, k4.flat)
        loops.add4(y, *(part for k, b in zip(slopes, method.weights, strict=True) for part in (k, h * b)), new.flat)
        self._evaluate(t + h, new, f_new)
        e0, e1, e2, e3, e4 = method.error
        loops.estimate(
            self._now.flat, y, e0, k1.flat, h * e1, k2.flat, h * e2, k3.flat, h * e3, f_new.flat, h * e4, k4.flat
        )
        return rms(k4.fields)
