"""Exponential Runge-Kutta methods whose state stays in Fourier space; see `simulators.integrate.spectral`."""

from __future__ import annotations

import abc
import math

import numpy as np

from simulators.errors import DivergenceError, InputError
from simulators.integrate.exponential import STEPS, phi
from simulators.integrate.exponential import third_difference as third
from simulators.integrate.fields import RightHandSide
from simulators.integrate.march import Method
from simulators.integrate.spectral_system import SpectralSystem

__all__ = ["ETDRK2", "ETDRK4", "Exponential"]


class Exponential(Method):
    """What the methods share: the modes, N there, the fields at the cells, and the ledger.

    Class attributes:
        stages: how many arrays for stages it needs beside the state.
        limit: of a fixed step times the rate at which the flow crosses the smallest wave.
    """

    stages: int
    limit: float

    def __init__(
        self, side: RightHandSide, t: float, y: np.ndarray, system: SpectralSystem, sample: int, *, fixed: bool
    ) -> None:
        """Begin at a state.

        Args:
            side: counts the evaluations.
            t: the time.
            y: (field, *space).
            system: the equations of the sample.
            sample: its number, for messages.
            fixed: whether steps are not judged, but held below what the flow allows.
        """
        super().__init__(side, t, y, system.rates)
        from simulators.integrate import _spectral_loops

        self._loops, self.system, self._sample, self._fixed = _spectral_loops, system, sample, fixed
        self._begin = t
        first = system.modes(self.y)
        self._real = np.float32 if first.dtype == np.complex64 else np.float64
        # the state, its candidate, and stages
        self._hat = [first, *(np.zeros_like(first) for _ in range(self.stages))]
        self._n = [np.zeros_like(first) for _ in range(self.stages + 2)]
        self._groups: dict[int, list[np.ndarray]] = {}
        self._weights: dict[float, list[list[np.ndarray]]] = {}
        self._found = self._evaluate(0, 0, cells=True)
        self._next = self._found
        self._before, self._step = 0.0, 0.0
        self._y: np.ndarray | None = None
        self._rate = self._next_rate = system.crossing(self._found) if fixed else 0.0
        self._ledger = system.ledger(self._hat[0], self._n[0])
        self._new_ledger = self._ledger
        self._sizes = self._ledger[2]
        self._kept = np.zeros(system.rates)

    def slope(self) -> np.ndarray:
        """L y + N(y)."""
        return self.system.slope(self._hat[0], self._n[0])

    def candidate(self) -> np.ndarray:
        """The state that the last attempt made."""
        return self.system.fields(self._next)

    @property
    def y(self) -> np.ndarray:
        """The current state (field, *space)."""
        if self._y is None:
            self._y = self.system.fields(self._found)
        return self._y

    @y.setter
    def y(self, value: np.ndarray) -> None:
        self._y = value

    def attempt(self, h: float, scale: np.ndarray) -> np.ndarray:
        """Make a candidate after a step h; see `Method`. The errors of fixed steps are 0, or NaN if it is not finite.

        Raises:
            InputError: if a fixed step is too long for the flow at the start.
            DivergenceError: if it is later.
        """
        if not self._fixed:
            self.advance(h)
            return self._errors(h, scale)
        rate = self._rate
        if rate * h > self.limit:
            told = (
                f"step: expected at most {self.limit / rate:.3g} for the flow of sample {self._sample} at time"
                f" {self.t:.10g}, given {h:.3g}; use less than that, since flows quicken, or a tolerance in its place"
            )
            if self.t == self._begin:
                raise InputError(told)
            raise DivergenceError(told, sample=self._sample, time=self.t)
        self.advance(h)
        self._next_rate = self.system.crossing(self._next)
        return np.full(len(scale), 0.0 if math.isfinite(self._next_rate) else np.nan)

    @abc.abstractmethod
    def advance(self, h: float) -> None:
        """Make a candidate after a step h, without an estimate of its error."""

    def _errors(self, h: float, scale: np.ndarray) -> np.ndarray:
        """The error estimate (field,) of the candidate after a step h."""
        raise NotImplementedError

    def _evaluate(self, state: int, number: int, *, cells: bool = False) -> np.ndarray | None:
        """N of one of the states into one of the places for it."""
        self.rhs.evaluations += 1
        return self.system.nonlinear(self._hat[state], self._n[number], cells=cells)

    def _parts(self, array: np.ndarray) -> list[np.ndarray]:
        """The groups of an array of modes as real (channel, mode, 2)."""
        flat = array.view(self._real).reshape(len(array), -1, 2)
        return [flat[group.channels] for group in self.system.groups]

    def _views(self) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
        """The groups of the states and of N there; made once for each array, since these only change places."""
        for array in (*self._hat, *self._n):
            if id(array) not in self._groups:
                self._groups[id(array)] = self._parts(array)
        return [self._groups[id(a)] for a in self._hat], [self._groups[id(a)] for a in self._n]

    def _weights_for(self, h: float) -> list[list[np.ndarray]]:
        """The coefficients of a step for each group, kept for the last few steps."""
        if h not in self._weights:
            if len(self._weights) == STEPS:
                del self._weights[next(iter(self._weights))]
            found: list[list[np.ndarray]] = []
            for n, group in enumerate(self.system.groups):
                same = [m for m in range(n) if self.system.groups[m].symbol is group.symbol]
                found.append(found[same[0]] if same else [w.astype(self._real) for w in self._made(h, group.symbol)])
            self._weights[h] = found
        return self._weights[h]

    @abc.abstractmethod
    def _made(self, h: float, symbol: np.ndarray) -> list[np.ndarray]:
        """The coefficients of a step for one linear part."""

    def _integrate(self, h: float) -> np.ndarray:
        """What the integrals gain over the step, from both of its ends."""
        (r0, s0, _), (r1, s1, _) = self._ledger, self._new_ledger
        return 0.5 * h * (r0 + r1) + h * h / 12.0 * (s0 - s1)

    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""
        self.integrals = self.integrals + self._kept
        self.t = float(t)
        self._hat[0], self._hat[1] = self._hat[1], self._hat[0]
        self._found, self._ledger, self._rate = self._next, self._new_ledger, self._next_rate
        self._sizes = np.maximum(self._sizes, self._ledger[2])
        self._before, self._y = self._step, None


class ETDRK4(Exponential):
    """Krogstad's method of order 4 at work on one sample; see `simulators.integrate.etdrk4`."""

    exponent, local = 4.0, 0.1
    stages, limit = 4, 2.8

    def _made(self, h: float, symbol: np.ndarray) -> list[np.ndarray]:
        half, half1, half2, _ = phi(0.5 * h * symbol)
        whole, one, two, three = phi(h * symbol)
        return [
            half, 0.5 * h * half1, h * (0.5 * half1 - half2), h * half2, whole, h * (one - 2.0 * two), 2.0 * h * two,
            h * (one - 3.0 * two + 4.0 * three), h * (2.0 * two - 4.0 * three), h * (4.0 * three - two),
        ]  # fmt: skip

    def advance(self, h: float) -> None:
        """Make a candidate after a step h."""
        self._step, weights, loops = h, self._weights_for(h), self._loops
        hats, n = self._views()
        for g, w in enumerate(weights):
            loops.combine2(hats[2][g], hats[0][g], w[0], n[0][g], w[1])
        self._evaluate(2, 1)
        for g, w in enumerate(weights):
            loops.combine3(hats[3][g], hats[0][g], w[0], n[0][g], w[2], n[1][g], w[3])
        self._evaluate(3, 2)
        for g, w in enumerate(weights):
            loops.combine3(hats[4][g], hats[0][g], w[4], n[0][g], w[5], n[2][g], w[6])
        self._evaluate(4, 3)
        for g, w in enumerate(weights):
            loops.combine4(hats[1][g], hats[0][g], w[4], n[0][g], w[7], n[1][g], n[2][g], w[8], n[3][g], w[9])
        self._next = self._evaluate(1, 4, cells=True)
        self._new_ledger = self.system.ledger(self._hat[1], self._n[4])
        self._kept = self._integrate(h)

    def _errors(self, h: float, scale: np.ndarray) -> np.ndarray:
        _, n = self._views()
        quadrature, errors = third(h, self._before), np.zeros(len(scale))
        for g, (group, w) in enumerate(zip(self.system.groups, self._weights[h], strict=True)):
            total = self._loops.squares(
                n[5][g], n[0][g], n[1][g], n[2][g], n[3][g], n[4][g], w[9], group.metric, quadrature
            )
            errors[group.fields] = math.sqrt(total)
        if self.system.rates:
            # each half of the middle of Simpson's rule
            middle = sum(self.system.ledger(self._hat[s], self._n[s - 1])[0] for s in (2, 3))
            simpson = h / 6.0 * (self._ledger[0] + 2.0 * middle + self._new_ledger[0])
            sizes = np.maximum(self._sizes, self._new_ledger[2])
            missed = np.divide(abs(simpson - self._kept), sizes, out=np.zeros_like(sizes), where=sizes > 0)
            for group in self.system.groups:
                worst = max(missed[i] for i in range(len(sizes)) if self.system.owner[i] == group.fields.start)
                errors[group.fields] = np.maximum(errors[group.fields], worst * scale[group.fields])
        return errors

    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""
        super().accept(t)
        n = self._n
        n[0], n[4], n[5] = n[4], n[5], n[0]


class ETDRK2(Exponential):
    """The method of order 2 by Cox and Matthews, for fixed steps."""

    exponent = 2.0
    stages, limit = 1, 1.0

    def _made(self, h: float, symbol: np.ndarray) -> list[np.ndarray]:
        whole, one, two, _ = phi(h * symbol)
        return [whole, h * one, h * two]

    def advance(self, h: float) -> None:
        """Make a candidate after a step h."""
        self._step, weights, loops = h, self._weights_for(h), self._loops
        hats, n = self._views()
        for g, w in enumerate(weights):
            loops.combine2(hats[1][g], hats[0][g], w[0], n[0][g], w[1])
        self._evaluate(1, 1)
        for g, w in enumerate(weights):
            loops.correct(hats[1][g], n[0][g], n[1][g], w[2])
        self._next = self._evaluate(1, 2, cells=True)
        if self.system.rates:
            self._new_ledger = self.system.ledger(self._hat[1], self._n[2])
            self._kept = self._integrate(h)

    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""
        super().accept(t)
        self._n[0], self._n[2] = self._n[2], self._n[0]
