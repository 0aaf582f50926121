"""What stabilised explicit methods share: their arrays, and how far the spectrum reaches."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from simulators.errors import InputError
from simulators.integrate import arguments
from simulators.integrate._spectral_radius import SpectralRadius
from simulators.integrate.fields import RightHandSide
from simulators.integrate.march import Method

__all__ = ["Block", "Stabilised", "radii"]

EVERY = 25
"""The spectral radius is estimated anew after so many steps."""

SLACK = 1e-6
"""A step may exceed a stability interval by this part, lest rounding decide on the number of stages."""


class Block(NamedTuple):
    """Fields and integrals side by side in one array, so that one loop combines both with the same weights."""

    flat: np.ndarray
    fields: np.ndarray
    integrals: np.ndarray

    @classmethod
    def zeros(cls, shape: tuple[int, ...], integrals: int) -> Block:
        """Make one for fields (field, *space)."""
        size = math.prod(shape)
        flat = np.zeros(size + integrals)
        return cls(flat, flat[:size].reshape(shape), flat[size:])


class Stabilised(Method):
    """A stabilised explicit method at work on one sample: `_reach` and `_step` are those of the method."""

    work: int
    """How many blocks a step needs for its slopes and departures."""

    def __init__(self, rhs: RightHandSide, t: float, y: np.ndarray, integrals: int, radius: float | None) -> None:
        """Begin at a state.

        Args:
            rhs: the right-hand side of the sample.
            t: the time.
            y: (field, *space).
            integrals: how many are kept.
            radius: the spectral radius, or None to estimate it.
        """
        super().__init__(rhs, t, y, integrals)
        from simulators.integrate import _stabilised_loops

        self._loops = _stabilised_loops
        shape = self.y.shape
        self._now, self._new, self._f, self._f_new, *self._work = (
            Block.zeros(shape, integrals) for _ in range(4 + self.work)
        )
        self._now.fields[:] = self.y
        self.y, self.integrals = self._now.fields, self._now.integrals
        self._estimate = SpectralRadius(rhs, shape, integrals) if radius is None else None
        self._radius = 0.0 if radius is None else radius
        self._age, self._begun, self._tried, self._again = EVERY, False, False, False

    def slope(self) -> np.ndarray:
        """dy/dt at the current state."""
        if not self._begun:
            self._evaluate(self.t, self._now, self._f)
            self._begun = True
        return self._f.fields

    def attempt(self, h: float, scale: np.ndarray) -> np.ndarray:
        """Make a candidate after a step h; see `Method`."""
        self.slope()
        self._look(h, scale)
        reach = h * self._radius * (1.0 - SLACK)
        if not reach <= self._reach():
            # too long for the largest number of stages, or not finite
            self._new.flat[:] = np.nan
            return np.full(len(self.y), np.inf)
        self._tried = True
        return self._step(h, reach, scale)

    def candidate(self) -> np.ndarray:
        """The state that the last attempt made."""
        return self._new.fields

    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""
        self.t = float(t)
        self._now, self._new, self._f, self._f_new = self._new, self._now, self._f_new, self._f
        self.y, self.integrals = self._now.fields, self._now.integrals
        self._age += 1
        self._tried = self._again = False

    @abc.abstractmethod
    def _reach(self) -> float:
        """The longest stability interval that there is."""

    @abc.abstractmethod
    def _step(self, h: float, reach: float, scale: np.ndarray) -> np.ndarray:
        """Fill `_new` and `_f_new` after a step whose h times spectral radius is `reach`; returns error estimates.

        Args:
            h: the step.
            reach: a bound on h times the spectral radius.
            scale: (field,) the sizes of the fields, zeros where a field is zero.
        """

    def _look(self, h: float, scale: np.ndarray) -> None:
        """Estimate the spectral radius if it was not for long, or once if a step from here was rejected."""
        rejected = self._tried and not self._again
        if self._estimate is None or not (self._age >= EVERY or rejected):
            return
        self._again |= rejected
        anew = rejected or self._radius == 0.0
        self._radius = self._estimate(self.t, self.y, self._f.fields, h, scale, anew=anew)
        self._age = 0

    def _evaluate(self, t: float, at: Block, out: Block) -> None:
        self.rhs(t, at.fields, out.fields, out.integrals)


def radii(given: Any, y0: Any) -> Sequence[float | None]:  # noqa: ANN401
    """The spectral radius of each sample, from what a caller gave.

    Raises:
        InputError: if it is neither None, nor one number > 0, nor one a sample.
    """
    batch = (np.shape(y0) or (1,))[0]
    if given is None:
        return [None] * batch
    if isinstance(given, Real):
        return [arguments.positive("spectral_radius", given)] * batch
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (batch,) or not np.all(np.isfinite(array) & (array > 0)):
        raise InputError(
            f"spectral_radius: expected None, a number above 0, or one for each of {batch} samples, given {given!r};"
            " leave it out to have it estimated"
        )
    return array.tolist()
