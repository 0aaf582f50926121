"""Whether what a law says that it keeps is kept, and how closely it can be.

Drift is measured by how much a quantity changes if every state moves by its own size: in a random direction or, if that
changes it more, all fields towards their means over the grid. So a sum of squares is measured by its own size, and an
arbitrary constant does not enter.

On a grid the quantities may be budgets: a change minus what came in and went out. Where the data hold the cumulative
flows as diagnostics, budgets close to rounding. A quantity whose attribute `closes_to` is a number, such as an energy,
which no explicit method keeps to rounding, may drift by that part of the tolerance that the data's solver states, and
of fixed steps, which have none, by no more than other quantities.

Where the data lack the flows a law can only integrate them over the output times. How well it does is seen from every
other time: where the flows are followed, their integrals there err at least twice as much, and so differ by more than
the error. A leak is in both alike. Twice the difference is then the tolerance, if it is the greater. What a law reads
off the states alone does not differ, and has the tolerance that it had.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from physym.checks.findings import Report
from physym.checks.moves import has_grid
from physym.checks.selection import described
from physym.metrics import NUDGE, drift, nudge
from simulators import Simulator
from simulators.schema import SPACE, names

__all__ = ["CLOSED", "check_kept"]

CLOSED = 1e-10
_ROUNDINGS = 100


def check_kept(
    report: Report,
    law: Simulator,
    kept: Iterable[str],
    run: Callable[[], xr.Dataset],
    tolerance: float,
    rng: np.random.Generator,
    *,
    suffix: str = "",
    precision: float = np.finfo(np.float64).eps,
    note: str = "",
) -> None:
    """Add a check of each quantity that it does not drift.

    Args:
        report: where to add them.
        law: answers `conserved`.
        kept: the quantities.
        run: trajectories, or what raises because there are none.
        tolerance: of the drift; of a budget that closes by stored flows 1e-10, or 100 roundings of the data.
        rng: for the natural sizes of the quantities.
        suffix: of the names of the checks.
        precision: the rounding of the stored numbers.
        note: what the details begin with.
    """
    answers: _Answers | None = None
    for name in kept:
        label, own = f"conservation: {name}{suffix}", tolerance
        try:
            answers = answers or _Answers(law, run(), rng)
            error, own, told = _measured(answers, name, tolerance, precision)
        except Exception as fault:
            # any fault of the subject is a finding; the other checks go on
            report.fail(label, own, fault)
            continue
        found = error, "; ".join(part for part in (note, told) if part)
        report.run(label, own, lambda found=found: found)


@dataclass
class _Answers:
    """What a law says of trajectories, and of others beside them: each is asked for once, for all quantities."""

    law: Simulator
    data: xr.Dataset
    rng: np.random.Generator

    @functools.cached_property
    def kept(self) -> xr.Dataset:
        return self.law.conserved(self.data)

    @functools.cached_property
    def moved(self) -> list[xr.Dataset]:
        """Of states that moved a little, for the natural sizes."""
        near = [nudge(self.data, self.rng)]
        if any(dim in SPACE for name in names(self.data, "state") for dim in self.data[name].dims):
            near.append(_calmed(self.data))
        return [self.law.conserved(data) for data in near]

    @functools.cached_property
    def bare(self) -> xr.Dataset:
        """Without stored flows."""
        return self.law.conserved(self.data.drop_vars(names(self.data, "diagnostic")))

    @functools.cached_property
    def some(self) -> list[int]:
        """Every other time and the last."""
        last = self.data.sizes["time"] - 1
        return sorted({*range(0, last + 1, 2), last})

    @functools.cached_property
    def coarse(self) -> xr.Dataset:
        return self.law.conserved(self.data.isel(time=self.some))

    def drift(self, name: str) -> float:
        return min(drift(self.kept[name], moved[name]) for moved in self.moved)

    def spacing(self, name: str) -> float:
        """By how much the quantity differs if flows are integrated over every other time; 0 if it has none."""
        gap = self.coarse[name] - self.kept[name].isel(time=self.some)
        sizes = ((moved[name] - self.kept[name]).isel(time=self.some).values for moved in self.moved)
        return min(drift(gap, gap + size) for size in sizes)


def _measured(answers: _Answers, name: str, tolerance: float, precision: float) -> tuple[float, float, str]:
    """The drift, how much of it passes, and a word on why."""
    error = answers.drift(name)
    if not has_grid(answers.data):
        return error, tolerance, ""
    if not np.array_equal(answers.bare[name].values, answers.kept[name].values, equal_nan=True):
        part, stated = answers.kept[name].attrs.get("closes_to", 0.0), _solver_tolerance(answers.data)
        if not part or stated:
            tolerance = max(CLOSED, _ROUNDINGS * precision, part * stated)
        return error, tolerance, "closed by the flows in the data"
    if tolerance < error < np.inf and (coarse := 2 * answers.spacing(name)) > tolerance:
        return error, coarse, "flows integrated over the output times, and so only to their spacing"
    return error, tolerance, ""


def _calmed(data: xr.Dataset) -> xr.Dataset:
    """Every field nearer to its mean over the grid, by 0.001 of the way."""
    found = {}
    for name in names(data, "state"):
        space = [dim for dim in data[name].dims if dim in SPACE]
        if space:
            array = data[name]
            found[name] = (array - NUDGE * (array - array.mean(space))).transpose(*array.dims).assign_attrs(array.attrs)
    return data.assign(found)


def _solver_tolerance(data: xr.Dataset) -> float:
    """The tolerance that the solver of the data states, 0 if it states none."""
    stated = described(data, "solver").get("tolerance", 0.0)
    return float(stated) if isinstance(stated, int | float) else 0.0
