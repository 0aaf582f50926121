"""DOP853 for fields: the explicit Runge-Kutta method of order 8, for waves, advection and mild diffusion."""

from __future__ import annotations

import numpy as np

from simulators.integrate._stabilised import Block
from simulators.integrate.equal_steps import equal_steps
from simulators.integrate.fields import ArrayFunction, FieldKernel, RightHandSide, Solution
from simulators.integrate.march import Method, Scale, march, rms
from simulators.integrate.tableaus import DOP853_ERROR_3, DOP853_ERROR_5, DOP853_NODES, DOP853_STAGES

__all__ = ["DOP853", "IMAGINARY", "REAL", "field_dop853"]

IMAGINARY, REAL = 5.96, 6.39
"""How far along the imaginary and the negative real axis h times an eigenvalue may lie."""

_LAST = 12


def field_dop853(
    rhs: FieldKernel | ArrayFunction,
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    tolerance: float = 1e-6,
    step: float | None = None,
    scale: np.ndarray | Scale = rms,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Solve dy/dt = f(t, y) for fields that are not stiff, explicitly, at order 8.

    The method of Dormand and Prince with 12 evaluations a step. It is stable for h times eigenvalues up to 5.96 along
    the imaginary axis, so half a unit per evaluation, and up to 6.39 along the negative real one: right for waves and
    advection, and for as much diffusion as they allow. Stiff diffusion is for `rock4` or `etdrk4`. The embedded
    estimates are of order 5 and 3, combined to one that is of order 8 in the step.

    Steps are chosen so that the error at any time is about `tolerance` times the scale of the field or below, where
    neighbouring solutions do not part. A sample's result does not depend on the batch or the threads, to the last bit.

    Args:
        rhs: a function made with `field_kernel`, or an array function f(t, y) that takes the state of one sample
            (field, *space) to dy/dt, or, with integrals, to the pair (dy/dt, rates).
        y0: initial states (batch, field, *space), in any units.
        times: (k,), increasing; y0 holds at times[0]. They are hit exactly.
        parameters: (batch, m), or one row (m,) for all samples; handed to a kernel.
        tolerance: error to aim at relative to the scale of each field.
        step: take equal steps, none longer than this and none judged, instead of those that the tolerance asks for.
        scale: (field,) or (batch, field), > 0, in the units of y0; or a function of the state (field, *space) to
            (field,), whose largest value so far counts: the root mean square over the cells by default.
        integrals: how many integrals the right-hand side keeps along the run. They are carried with the same weights
            as the fields, so that a sum of fields that is balanced by integrals stays so to rounding.
        max_steps: the most steps, rejected ones included, of a sample.
        threads: how many samples run at once; all cores by default.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers, needed steps below rounding, or more than `max_steps`.

    Source: E. Hairer, S. P. Norsett and G. Wanner, Solving Ordinary Differential Equations I, 2nd ed., Springer 1993,
    section II.5; `simulators.integrate.tableaus` has the coefficients.
    """

    def make(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> Method:
        del sample
        return DOP853(side, t, y, integrals)

    if step is not None:
        return equal_steps(
            make, rhs, y0, times, parameters, step=step, integrals=integrals, max_steps=max_steps, threads=threads
        )
    return march(
        make, rhs, y0, times, parameters,
        tolerance=tolerance, scale=scale, integrals=integrals, max_steps=max_steps, threads=threads,
    )  # fmt: skip


class DOP853(Method):
    """The method at work on one sample; see `field_dop853`."""

    exponent = 8.0
    local = 0.1

    def __init__(self, rhs: RightHandSide, t: float, y: np.ndarray, integrals: int) -> None:
        """Begin at a state."""
        super().__init__(rhs, t, y, integrals)
        from simulators.integrate import _explicit_loops

        self._loops = _explicit_loops
        shape = self.y.shape
        self._now, self._new, self._fifth, self._third = (Block.zeros(shape, integrals) for _ in range(4))
        self._now.fields[:] = self.y
        self.y, self.integrals = self._now.fields, self._now.integrals
        self._slopes = np.zeros((_LAST + 1, self._now.flat.size))
        self._k = [Block(row, row[: self.y.size].reshape(shape), row[self.y.size :]) for row in self._slopes]
        # the row of each stage: first and last trade places when a step is accepted
        self._row = np.arange(_LAST + 1)
        self._begun = False

    def slope(self) -> np.ndarray:
        """dy/dt at the current state."""
        if not self._begun:
            self._evaluate(self.t, self._now, 0)
            self._begun = True
        return self._k[self._row[0]].fields

    def attempt(self, h: float, scale: np.ndarray) -> np.ndarray:
        """Make a candidate after a step h; see `Method`."""
        del scale
        self.slope()
        for stage in range(1, _LAST + 1):
            used, weights = _STAGES[stage]
            self._loops.advance(self._now.flat, self._slopes, self._row[used], h * weights, self._new.flat)
            self._evaluate(self.t + DOP853_NODES[stage] * h, self._new, stage)
        used, fifth, third = _ESTIMATES
        one, two = self._fifth, self._third
        self._loops.estimates(self._slopes, self._row[used], h * fifth, h * third, one.flat, two.flat)
        a, b = rms(one.fields), rms(two.fields)
        both = np.hypot(a, 0.1 * b)
        return np.where(both > 0, a**2 / np.where(both > 0, both, 1.0), a + b)

    def candidate(self) -> np.ndarray:
        """The state that the last attempt made."""
        return self._new.fields

    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""
        self.t = float(t)
        self._now, self._new = self._new, self._now
        self.y, self.integrals = self._now.fields, self._now.integrals
        self._row[[0, _LAST]] = self._row[[_LAST, 0]]

    def _evaluate(self, t: float, at: Block, stage: int) -> None:
        out = self._k[self._row[stage]]
        self.rhs(t, at.fields, out.fields, out.integrals)


def _sparse(weights: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    used = np.flatnonzero(weights)
    return used, np.array(weights)[used]


def _both() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two estimates over the same slopes; the last weighs nothing, but makes them NaN if it is not finite."""
    weights = np.array([[*DOP853_ERROR_5, 0.0], [*DOP853_ERROR_3, 0.0]])
    used = np.flatnonzero(np.any(weights != 0, axis=0) | (np.arange(_LAST + 1) == _LAST))
    return used, *weights[:, used]


_STAGES = [_sparse(weights) for weights in DOP853_STAGES[: _LAST + 1]]
_ESTIMATES = _both()
