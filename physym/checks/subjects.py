"""Simulators and learned models held to their laws: runs from starts, moved by the elements of each symmetry."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import xarray as xr

from physym.checks.conservation import check_kept
from physym.checks.findings import Measured, Report
from physym.checks.moves import BODIES, FIELDS, SYMMETRY, Effort, Map, beyond, factors, has_grid, of_group, spatial
from physym.checks.stored import check_dataset
from physym.metrics import difference, nudge
from physym.symmetry import reverse_time
from physym.units import rescale
from simulators import Variable, registered, validate
from simulators.base import check_times
from simulators.errors import InputError, SchemaError
from simulators.schema import SPACE, names

__all__ = ["Subject", "check"]

OWN = 1e-6
LEARNED = 1e-2
_ROUNDINGS = 100


class Subject(Protocol):
    """What simulators and learned models have in common.

    A model also names the `simulator` it learned from and, if it computes in less than float64, its `rounding`. If it
    commutes with a `group` whatever its weights, `promised` gives the matrices of that for some starts.
    """

    times: np.ndarray
    reversible: bool

    def variables(self) -> dict[str, Variable]:
        """The types of states and parameters."""

    def simulate(self, initial: xr.Dataset, times: np.ndarray) -> xr.Dataset:
        """Trajectories from typed starts."""

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the law keeps."""


def check(
    subject: Subject | xr.Dataset, start: xr.Dataset | None = None, *, seed: int = 0, verbose: bool = True
) -> Report:
    """Hold a simulator, a learned model or a dataset to the laws that it must obey.

    Args:
        subject: a simulator, a model, or a dataset; see `physym.checks` for what is checked and how.
        start: typed starts for a simulator or model, of which 16 are used, or 2 of fields; by default a simulator
            draws its own, and a model takes the starts that it kept from its training data. A dataset takes none.
        seed: of the starts and of the random elements of the symmetries.
        verbose: print the report.

    Returns:
        The report. A check that raises has failed, with the reason in its detail.

    Raises:
        InputError: if there is nothing to check, or if the subject refuses the given starts.

    >>> import simulators
    >>> report = check(simulators.SpringPendulum(), verbose=False)
    >>> report.passed
    True
    """
    rng = np.random.default_rng(seed)
    if isinstance(subject, xr.Dataset):
        if start is not None:
            raise InputError("expected no starts beside a dataset, which has its own; given some")
        report = check_dataset(subject, rng)
    else:
        missing = [name for name in ("simulate", "conserved", "variables", "times") if not hasattr(subject, name)]
        if missing:
            given = f"{type(subject).__name__}, which has no {missing[0]!r}"
            raise InputError(f"expected a simulator, a model or a dataset; given {given}")
        report = _check_subject(subject, start, seed, rng)
    if verbose:
        print(report)
    return report


@dataclass
class _Trial:
    """A subject with starts, and its runs from them: each is made once, and if it failed, fails all who need it."""

    subject: Subject
    start: xr.Dataset
    times: np.ndarray
    effort: Effort
    rng: np.random.Generator
    _faults: dict[int, Exception] = field(default_factory=dict)

    def simulate(self, start: xr.Dataset, points: int) -> xr.Dataset:
        if points in self._faults:
            raise self._faults[points]
        try:
            return self.subject.simulate(start, self.times[:points])
        except Exception as fault:
            self._faults[points] = fault
            raise

    @functools.cached_property
    def run(self) -> xr.Dataset:
        return self.simulate(self.start, self.effort.times)

    @functools.cached_property
    def first(self) -> xr.Dataset:
        return self.simulate(self.start, 2)

    @functools.cached_property
    def whole(self) -> xr.Dataset:
        """The starts with all parameters, those too that only the subject knew."""
        return self.start.assign({name: self.first[name] for name in names(self.first, "parameter")})

    def schema(self) -> Measured:
        validate(self.run, self.subject.variables(), where="output of simulate")
        if not np.array_equal(self.run["time"], self.times[: self.effort.times]):
            raise SchemaError("output of simulate: expected the times that were asked for, given others")
        for name in names(self.start, "state"):
            given, wanted = dict(self.run[name].isel(time=0).sizes), dict(self.start[name].sizes)
            if given != wanted:
                raise SchemaError(f"output of simulate, {name!r}: expected the sizes {wanted} and time, given {given}")
        return 0.0, ""

    @functools.cached_property
    def nudged(self) -> xr.Dataset:
        """The first step from starts that moved a little, for natural sizes."""
        return self.simulate(nudge(self.whole, self.rng), 2)

    def symmetry(self, elements: list[tuple[Map, np.ndarray]]) -> Measured:
        """S(G·start) against G·S(start) for elements (G on data, times)."""
        return max(
            difference(self.subject.simulate(move(self.whole), times), move(self.first), move(self.nudged))
            for move, times in elements
        )

    def reversal(self) -> Measured:
        points = self.effort.reversed
        times = self.times[:points]
        end = reverse_time(self.simulate(self.whole, points).isel(time=-1)).drop_vars("time")
        back = reverse_time(self.subject.simulate(end, times)).isel(time=0, drop=True)
        start, response = self.first.isel(time=0, drop=True), (self.nudged - self.first).isel(time=1, drop=True)
        return difference(back, start, start + response)


def _check_subject(subject: Subject, start: xr.Dataset | None, seed: int, rng: np.random.Generator) -> Report:
    source = getattr(subject, "simulator", None)
    report = Report(f"{type(subject).__name__}" + (f" learned from {source}" if source else ""))
    times = check_times(subject.times)
    if times.size < 2:
        raise InputError(f"times: expected at least 2 in the default run of the subject, given {times.size}")
    given = start is not None
    if start is None:
        fields = any(dim in SPACE for variable in subject.variables().values() for dim in variable.dims)
        samples = (FIELDS if fields else BODIES).samples
        start = subject.sample(samples, seed=seed) if hasattr(subject, "sample") else getattr(subject, "starts", None)
    if start is None:
        raise InputError(f"expected starts for {type(subject).__name__}, which has none of its own; pass some")
    effort = FIELDS if has_grid(start) else BODIES
    few = start.isel(sample=slice(effort.samples)) if "sample" in start.dims else start
    trial = _Trial(subject, few, times, effort, rng)
    report.run("schema", 0.0, trial.schema)
    laws: list[tuple[Subject, str, float]] = [(subject, "", OWN)]
    if source in registered():
        laws.append((registered()[source](), f" ({source})", LEARNED))
    for law, suffix, tolerance in laws:
        try:
            kept = list(law.conserved(trial.whole).data_vars)
        except Exception as fault:
            if given and law is subject and isinstance(fault, InputError):
                raise
            report.fail(f"conservation{suffix}", tolerance, fault)
            continue
        check_kept(report, law, kept, lambda: trial.run, tolerance, rng, suffix=suffix)
    step = times[:2]
    closeness = max(SYMMETRY, _ROUNDINGS * getattr(subject, "rounding", 0.0))
    promised = subject.promised(few) if hasattr(subject, "promised") else None
    moves = spatial(few, rng)
    if promised is not None:
        moves[f"equivariance under {subject.group}"] = of_group(promised, rng)
    for name, some in moves.items():
        tolerance = math.inf if name in beyond(promised) else closeness
        report.run(name, tolerance, functools.partial(trial.symmetry, [(move, step) for move in some]))
    offset = (times[-1] - times[0]) * rng.uniform(0.1, 1.0)
    report.run("time translation", closeness, lambda: trial.symmetry([(lambda data: data, step + offset)]))
    if getattr(subject, "reversible", False):
        report.run("time reversal", LEARNED if source else OWN, trial.reversal)
    scalings = [(functools.partial(rescale, **scale), step * scale["s"]) for scale in factors(rng)]
    report.run("units", closeness, functools.partial(trial.symmetry, scalings))
    return report
