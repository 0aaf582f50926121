"""The search for a law of one family: selection and refit in turn, until the same terms come out."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from physym.discovery.bodies.candidates.families import Block, Chosen, Family
from physym.discovery.bodies.fitting.interpolation import noise
from physym.discovery.bodies.fitting.offsets import WORTH, best_offset
from physym.discovery.bodies.fitting.refit import Refit, refit
from physym.discovery.bodies.fitting.rows import Rows
from physym.discovery.bodies.fitting.windows import Windows
from physym.discovery.bodies.laws.terms import Term, symbols
from physym.discovery.equation import Point
from physym.discovery.law import Law
from physym.discovery.selection import Selection, select, widest
from simulators.schema import Variable

__all__ = ["Search", "front"]

_ROUNDS = 5
_LEAST = 0.1
_FLOOR = 1e-8
_GOOD = 1e-6
_NOISE = 1.15


@dataclass(frozen=True)
class Picked:
    """The terms of one block.

    Attributes:
        block: the equations.
        terms: the candidates.
        selection: which of them.
        offsets: values of the unknown offsets in them.
    """

    block: Block
    terms: tuple[Term, ...]
    selection: Selection
    offsets: dict[str, float]

    @property
    def residual(self) -> float:
        """Root mean square over the data."""
        return self.selection.fit.residual

    @property
    def error(self) -> float:
        """Root mean square over data that were held out, if there were enough."""
        step = self.selection.path[self.selection.place]
        return step.residual if np.isnan(step.held_out) else step.held_out

    @property
    def criterion(self) -> float:
        """The error, where every constant has to lower it by 3%."""
        count = len(self.selection.support) + len(self.offsets)
        return float(np.hypot(self.error, _FLOOR)) * (1 + WORTH) ** count


@dataclass
class Search:
    """What one family finds in windows of data.

    Attributes:
        family: the kind of law.
        windows: the data.
        starts: typed starts for the law.
        seed: of what is held out.
        deadline: by `time.monotonic`.
        progress: say how it goes on stderr.
    """

    family: Family
    windows: Windows
    starts: xr.Dataset
    seed: int = 0
    deadline: float = np.inf
    progress: bool = False

    def prepared(self) -> Windows:
        """The windows, interpolated by slopes too if the data are free of noise: many terms give them well enough."""
        if noise(self.windows.states)[1]:
            return self.windows
        slopes = np.zeros((self.windows.states.shape[0] * self.windows.states.shape[1], self.windows.states.shape[2]))
        values = self.family.with_axes(self.windows.values(self.windows.states))
        for block in self.family.blocks:
            rows = Rows(self.family, self.windows, block, self.scale())
            fit = widest(rows.problem())
            for j in fit.support:
                slopes[:, rows.entries] += fit.coefficients[j] * self.family.features(block, block.terms[j], values)
        return self.windows.through(self.windows.states, slopes.reshape(self.windows.states.shape))

    def promise(self) -> float:
        """The root mean square residual, in units of the scale, that laws of this family can leave at best."""
        windows, scale = self.prepared(), self.scale()
        fits = [widest(Rows(self.family, windows, block, scale).problem()) for block in self.family.blocks]
        squares = [fit.residual**2 for fit in fits]
        return float(np.sqrt(np.average(squares, weights=[len(block.slots) for block in self.family.blocks])))

    def run(self) -> tuple[Law, Refit]:
        """The law found."""
        windows, found, before = self.prepared(), None, None
        scale, noisy = self.scale(), noise(self.windows.states)[1]
        for turn in range(_ROUNDS):
            # smoothed noise biases what is few: all terms that help at first bring the law's own trajectories closer
            selections = self.selections(windows, scale, least=0.0 if noisy and turn == 0 else _LEAST)
            chosen = self.chosen(selections)
            offsets = [one.offsets for one in selections]
            law = self.family.law(chosen, self.starts, self.pareto(selections), offsets)
            support = tuple((*one.selection.support, *one.offsets) for one in selections)
            candidates = sum(len(one.terms) for one in selections)
            self.say(f"round {turn + 1}: {sum(map(len, chosen))} of {candidates} candidate terms")
            if support == before:
                break
            before = support
            states = None if found is None else found.states[:, 0]
            found = refit(law, self.windows, scale, deadline=self.deadline, starts=states)
            self.say(f"residuals of its simulation: {self._noise(found)}")
            if time.monotonic() > self.deadline:
                break
            places = self.windows.layout.places.items()
            if all(found.noise[name] < np.max(scale[place]) for name, place in places):
                windows = self.windows.through(found.states, self.rates(found.law, found.states))
                windows = windows.corrected(found.states, self.rates(found.law, windows.between))
        law = found.law
        law.pareto_, law.chosen_ = self.pareto(selections), {one.block.left: one.selection.place for one in selections}
        return law, found

    def say(self, text: str) -> None:
        """Tell the user."""
        if self.progress:
            print(text, file=sys.stderr)

    def _noise(self, found: Refit) -> str:
        units = {v.name: v.units for v in self.family.system.states}
        return ", ".join(f"{name} {size:.2g} {units[name]}" for name, size in found.noise.items())

    def scale(self) -> np.ndarray:
        """What residuals are measured by at first (n,): the spread of each state variable."""
        scale = np.ones(self.windows.layout.size)
        for place in self.windows.layout.places.values():
            spread = float(np.std(self.windows.states[..., place]))
            scale[place] = spread if spread > 0 else 1.0
        return scale

    def selections(self, windows: Windows, scale: np.ndarray, *, least: float = _LEAST) -> list[Picked]:
        """The terms of each block; each has to lower the held-out error by the share `least`."""
        sigma, noisy = noise(self.windows.states)
        settings = {"least": least, "floor": _FLOOR, "halves": 0, "seed": self.seed}
        found = []
        for block in self.family.blocks:
            rows = Rows(self.family, windows, block, scale)
            picked = Picked(block, block.terms, select(rows.problem(), **settings), {})
            level = float(np.sqrt(np.mean((sigma / scale)[rows.entries] ** 2)))
            for offset, terms in block.saturating.items():
                # polynomials that leave no more than the noise need no help
                if picked.error > (_NOISE * level if noisy else _GOOD):
                    value, selection = best_offset(rows, offset, _FLOOR, settings)
                    other = Picked(block, (*block.terms, *terms), selection, {offset: value})
                    picked = other if other.criterion < picked.criterion else picked
            found.append(picked)
        return found

    def chosen(self, selections: list[Picked]) -> list[Chosen]:
        """Terms with their coefficients, of each block."""
        return [
            [(one.terms[j], float(one.selection.fit.coefficients[j])) for j in one.selection.support]
            for one in selections
        ]

    def rates(self, law: Law, states: np.ndarray) -> np.ndarray:
        """dz/dt (window, point, n) by a law."""
        values = self.windows.values(states)
        rows = len(next(iter(values.values())))
        own = {c.name: np.broadcast_to(np.array(c.value), (rows, *np.shape(c.value))) for c in law.constants}
        return self.windows.layout.join(law.slopes(values | own, xr.Dataset())).reshape(states.shape)

    def pareto(self, selections: list[Picked]) -> dict[str, list[Point]]:
        """The best sums of each number of terms."""
        return {one.block.left: front(one.selection, one.terms, self.family.types) for one in selections}


def front(selection: Selection, terms: Sequence[Term], types: Mapping[str, Variable]) -> list[Point]:
    """The best sum of each number of terms, with its held-out error relative to that of no terms."""
    errors = [step.residual if np.isnan(step.held_out) else step.held_out for step in selection.path]
    points = []
    for step, error in zip(selection.path, errors, strict=True):
        texts = [str(symbols(terms[j], types)) for j in step.support]
        points.append((len(step.support), float(error) / (errors[0] or 1.0), " + ".join(texts) or "0"))
    return points
