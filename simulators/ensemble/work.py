"""The tasks of an ensemble: blocks of consecutive runs, each made and written into the store by one worker."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from simulators.ensemble import store
from simulators.ensemble.plan import Plan
from simulators.errors import InputError

__all__ = ["Blocks", "Report", "work"]

_SECONDS = 1.5
_GROWTH = 4


@dataclass(frozen=True)
class Report:
    """What a task did.

    Attributes:
        runs: how many runs it made, failed ones included.
        failures: the reasons of those that failed, by sample.
        seconds: how long it took.
    """

    runs: int
    failures: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0


def work(plan: Plan, path: Path, part: slice) -> Report:
    """Make the runs from sample `part.start` to before `part.stop` and write them.

    If one of them fails, all are made singly, so that the reason does not depend on which runs are together.

    Raises:
        OSError: if the store cannot be written.
        InputError: if the store is no longer that of the plan.
    """
    began, rows = time.perf_counter(), range(part.start, part.stop)
    reason = _make(plan, path, part)
    failures = {} if reason is None else {part.start: reason}
    if failures and len(rows) > 1:
        singly = {row: _make(plan, path, slice(row, row + 1)) for row in rows}
        failures = {row: reason for row, reason in singly.items() if reason is not None}
    return Report(len(rows), failures, time.perf_counter() - began)


def _make(plan: Plan, path: Path, part: slice) -> str | None:
    """Make and write some runs; the reason why they failed, if they did."""
    try:
        runs = plan.runs(part)
        _require_finite(runs)
    except (ArithmeticError, InputError) as error:
        # a run that was made alone is sample 0 there
        told = re.sub(r"\bsample 0\b", f"sample {part.start}", " ".join(str(error).split()))
        return told or type(error).__name__
    store.put(path, plan.settings(), part, runs)
    return None


def _require_finite(runs: xr.Dataset) -> None:
    for name, array in runs.data_vars.items():
        if array.dtype.kind == "f" and "sample" in array.dims and not np.isfinite(array.values).all():
            place = np.argwhere(~np.isfinite(array.values))[0]
            axis = array.dims.index("time") if "time" in array.dims else None
            when = "" if axis is None else f" at time {runs['time'].values[place[axis]]:.10g}"
            value = array.values[tuple(place)]
            raise FloatingPointError(f"{name}: expected finite numbers, given {value}{when}; check the start")


class Blocks:
    """The runs that are still to be made, handed out in blocks that take about 1.5 s each.

    Args:
        samples: the numbers of the runs, ascending.
        most: the largest block.
        workers: how many take blocks at the same time.
    """

    def __init__(self, samples: np.ndarray, most: int, workers: int = 1) -> None:
        self.left = samples
        self.most, self.workers = most, workers
        self.seconds_per_run: float | None = None
        self._size = 1

    def take(self) -> slice | None:
        """The next block, or None if there is none."""
        if not self.left.size:
            return None
        # the last blocks are small, so that all workers end together
        size = max(1, min(self._size, self.most, -(-self.left.size // (2 * self.workers))))
        part = self.left[:size]
        whole = np.flatnonzero(np.diff(part) != 1)
        size = int(whole[0]) + 1 if whole.size else part.size
        self.left = self.left[size:]
        return slice(int(part[0]), int(part[0]) + size)

    def learn(self, report: Report) -> None:
        """Choose the size of further blocks by what the last one took."""
        self.seconds_per_run = report.seconds / report.runs
        self._size = max(1, min(int(_SECONDS / max(self.seconds_per_run, 1e-9)), _GROWTH * self._size))

    def seconds_left(self) -> float:
        """How long the rest takes one worker, or infinity as long as nobody knows."""
        return float("inf") if self.seconds_per_run is None else self.left.size * self.seconds_per_run
