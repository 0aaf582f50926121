"""One report that holds simulators, datasets and learned models to the same laws.

What is checked follows from the types that the variables declare, and from what the simulator says that it keeps. With S the
map from a start to its trajectory and G an element of a symmetry, every symmetry check is S(G·start) = G·S(start), over
one output step, so that chaos does not enter:

| check | G | tolerance |
|---|---|---|
| rotations, reflections | random orthogonal matrices acting on every tensor, parameters included | 1e-10 |
| time translation | the clock, by a random offset | 1e-10 |
| units | random sizes of the base units, for values, parameters and times | 1e-10 |
| time reversal | forward, reversed, forward, reversed: the start again, over at most 10 output steps | 1e-6; learned 1e-2 |

Differences are relative, per variable, to the largest of its norm in the sample, its RMS norm over samples, and its natural size,
which is the RMS first-order change of a result if every state of the start moved by its own RMS value in a random direction: it
does not vanish with a momentum that happens to be zero.

The drift of a conserved quantity c is max |c(t) - c(0)| over samples and times, relative to its natural size along the run, which
does not see the arbitrary constant of an energy. Tolerance 1e-6 for what the subject itself keeps, 1e-2 for what the simulator of
its training data keeps and it only learned, 1e-3 for stored data, whose makers chose their own precision (a public protocol of
float32 at rtol 1e-4 drifts by 2e-4). Stored intervals are also run anew by the simulator that the data name, with that tolerance.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import xarray as xr

from physym.symmetry import SO, act, reverse_time
from physym.units import rescale
from simulators import Simulator, Variable, registered, validate
from simulators.errors import InputError, SchemaError
from simulators.schema import SPACE, conform, names
from simulators.units import BASE, conversion

__all__ = ["Check", "Report", "Subject", "check"]

SYMMETRY = 1e-10
OWN = 1e-6
LEARNED = 1e-2
STORED = 1e-3
_SAMPLES, _TIMES, _REVERSED, _ELEMENTS, _SEGMENTS = 16, 50, 11, 3, 200
_NUDGE = 1e-3

Measured = tuple[float, str]
Map = Callable[[xr.Dataset], xr.Dataset]


@dataclass(frozen=True)
class Check:
    """One line of a report.

    Attributes:
        name: what was checked.
        error: how far it is from what must hold; NaN if that could not be measured.
        tolerance: up to where it passes.
        passed: whether it does.
        detail: where the error is largest, or why there is none.
    """

    name: str
    error: float
    tolerance: float
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """What was checked, of whom, and what came out; printed, it is a table.

    Attributes:
        subject: name of the simulator, model or dataset.
        checks: in the order in which they ran.
    """

    subject: str
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(line.passed for line in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: an error that is not a finite number is None."""
        lines = [asdict(line) | {"error": line.error if math.isfinite(line.error) else None} for line in self.checks]
        return {"subject": self.subject, "passed": self.passed, "checks": lines}

    def __str__(self) -> str:
        rows = [("check", "error", "tolerance", "", "")]
        for line in self.checks:
            error = f"{line.error:.1e}" if math.isfinite(line.error) else "-"
            rows.append((line.name, error, f"{line.tolerance:.0e}", "passed" if line.passed else "FAILED", line.detail))
        a, b, c, d = (max(len(row[n]) for row in rows) for n in range(4))
        table = [f"{row[0]:<{a}}  {row[1]:>{b}}  {row[2]:>{c}}  {row[3]:<{d}}  {row[4]}".rstrip() for row in rows]
        passed = sum(line.passed for line in self.checks)
        return "\n".join([self.subject, *table, f"{passed} of {len(self.checks)} checks passed"])

    def run(self, name: str, tolerance: float, measure: Callable[[], Measured]) -> bool:
        """Add a check; one that raises has failed, and says why.

        Returns:
            Whether it passed.
        """
        try:
            error, detail = measure()
        except Exception as fault:  # noqa: BLE001  any fault of the subject is a finding; the other checks go on
            error, detail = math.nan, f"{type(fault).__name__}: {fault}"
        self.checks.append(Check(name, float(error), tolerance, bool(error <= tolerance), detail))
        return self.checks[-1].passed


class Subject(Protocol):
    """What a simulator and a learned model have in common; a model also has `simulator`, the name of what it learned from."""

    times: np.ndarray
    reversible: bool

    def variables(self) -> dict[str, Variable]:
        """The types of states and parameters."""

    def simulate(self, initial: xr.Dataset, times: np.ndarray) -> xr.Dataset:
        """Trajectories from typed starts."""

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the law keeps."""


def check(subject: Subject | xr.Dataset, start: xr.Dataset | None = None, *, seed: int = 0, verbose: bool = True) -> Report:
    """Hold a simulator, a learned model or a dataset to the laws that it must obey.

    Args:
        subject: a simulator, a model, or a dataset; see the module for what is checked and how.
        start: typed starts for a simulator or model, at most 16 of which are used; by default a simulator draws its own, and a
            model takes the starts that it kept from its training data. A dataset takes none.
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
        report = _check_dataset(subject, rng)
    else:
        missing = [name for name in ("simulate", "conserved", "variables", "times") if not hasattr(subject, name)]
        if missing:
            raise InputError(f"expected a simulator, a model or a dataset; given {type(subject).__name__}, without {missing[0]!r}")
        report = _check_subject(subject, start, seed, rng)
    if verbose:
        print(report)
    return report


@dataclass
class _Trial:
    """A subject with starts; a run that fails does so anew in each check that needs it."""

    subject: Subject
    start: xr.Dataset
    times: np.ndarray
    rng: np.random.Generator

    @functools.cached_property
    def run(self) -> xr.Dataset:
        return self.subject.simulate(self.start, self.times[:_TIMES])

    @functools.cached_property
    def first(self) -> xr.Dataset:
        return self.subject.simulate(self.start, self.times[:2])

    @functools.cached_property
    def whole(self) -> xr.Dataset:
        """The starts with all parameters, those too that only the subject knew."""
        return self.start.assign({name: self.first[name] for name in names(self.first, "parameter")})

    def schema(self) -> Measured:
        validate(self.run, self.subject.variables(), where="output of simulate")
        if not np.array_equal(self.run["time"], self.times[:_TIMES]):
            raise SchemaError("output of simulate: expected the times that were asked for, given others")
        for name in names(self.start, "state"):
            given, wanted = dict(self.run[name].isel(time=0).sizes), dict(self.start[name].sizes)
            if given != wanted:
                raise SchemaError(f"output of simulate, variable {name!r}: expected the sizes {wanted} and time, given {given}")
        return 0.0, ""

    @functools.cached_property
    def nudged(self) -> xr.Dataset:
        """The first step from starts that moved a little, for natural sizes."""
        return self.subject.simulate(_nudge(self.whole, self.rng), self.times[:2])

    def symmetry(self, elements: Iterable[tuple[Map, np.ndarray]]) -> Measured:
        """S(G·start) against G·S(start) for elements (G on data, times)."""
        return max(
            _difference(self.subject.simulate(move(self.whole), times), move(self.first), move(self.nudged))
            for move, times in elements
        )

    def reversal(self) -> Measured:
        times = self.times[:_REVERSED]
        end = reverse_time(self.subject.simulate(self.whole, times).isel(time=-1)).drop_vars("time")
        back = reverse_time(self.subject.simulate(end, times)).isel(time=0, drop=True)
        start, response = self.first.isel(time=0, drop=True), (self.nudged - self.first).isel(time=1, drop=True)
        return _difference(back, start, start + response)

    def drift(self, conserved: Map, name: str) -> Measured:
        return _drift(conserved, self.run, name, self.rng)


def _check_subject(subject: Subject, start: xr.Dataset | None, seed: int, rng: np.random.Generator) -> Report:
    source = getattr(subject, "simulator", None)
    report = Report(f"{type(subject).__name__}" + (f" learned from {source}" if source else ""))
    times = np.asarray(subject.times, dtype=np.float64)
    if start is None and hasattr(subject, "sample"):
        start = subject.sample(_SAMPLES, seed=seed)
    start = getattr(subject, "starts", None) if start is None else start
    if start is None:
        raise InputError(f"expected starts for a {type(subject).__name__}, which has none of its own; given none")
    trial = _Trial(subject, start.isel(sample=slice(_SAMPLES)) if "sample" in start.dims else start, times, rng)
    try:
        kept = list(subject.conserved(trial.whole).data_vars)
    except ArithmeticError:
        kept = []
    report.run("schema", 0.0, trial.schema)
    for name in kept:
        report.run(f"conservation: {name}", OWN, lambda name=name: trial.drift(subject.conserved, name))
    if source in registered():
        law = registered()[source]()
        for name in law.conserved(trial.whole).data_vars:
            report.run(f"conservation: {name} ({source})", LEARNED, lambda name=name: trial.drift(law.conserved, name))
    step = times[:2]
    for name, moves in _orthogonal(start, rng).items():
        report.run(name, SYMMETRY, lambda moves=moves: trial.symmetry((move, step) for move in moves))
    offset = (times[-1] - times[0]) * rng.uniform(0.1, 1.0)
    report.run("time translation", SYMMETRY, lambda: trial.symmetry([(lambda data: data, step + offset)]))
    if subject.reversible:
        report.run("time reversal", LEARNED if source else OWN, trial.reversal)
    factors = _factors(rng)
    report.run(
        "units", SYMMETRY, lambda: trial.symmetry((functools.partial(rescale, **f), step * f["s"]) for f in factors)
    )
    return report


def _check_dataset(dataset: xr.Dataset, rng: np.random.Generator) -> Report:
    source = dataset.attrs.get("simulator")
    report = Report(str(dataset.attrs.get("title", "dataset")))

    def schema() -> Measured:
        validate(dataset)
        return 0.0, "no simulator named: nothing else to check" if source == "none" else ""

    if not report.run("schema", 0.0, schema) or source == "none":
        return report
    law = registered()[source]()
    data = conform(dataset, law.variables()).assign_attrs(dataset.attrs)
    if "time" in data.dims:
        factor = conversion(dataset["time"].attrs["units"], law.time_units)
        data = data.assign_coords(time=("time", dataset["time"].values * factor, {"units": law.time_units}))
    kept = list(law.conserved(data).data_vars)
    if data.sizes.get("time", 0) > 1:
        for name in kept:
            report.run(f"conservation: {name}", STORED, lambda name=name: _drift(law.conserved, data, name, rng))
    moves = _orthogonal(data, rng) | {"units": [functools.partial(rescale, **f) for f in _factors(rng)]}
    for name in moves if kept else ():
        report.run(name, SYMMETRY, lambda name=name: max(_lawful(law, data, move, rng) for move in moves[name]))
    if data.sizes.get("time", 0) > 1:
        report.run("law", STORED, lambda: _law(law, data, rng))
    return report


def _lawful(law: Simulator, data: xr.Dataset, move: Map, rng: np.random.Generator) -> Measured:
    """Conserved quantities of moved data against moved conserved quantities."""
    given, wanted, nudged = (law.conserved(some) for some in (move(data), data, _nudge(data, rng)))
    return _difference(given, move(wanted), move(nudged))


def _law(law: Simulator, data: xr.Dataset, rng: np.random.Generator) -> Measured:
    """Stored intervals, at most 200 at random, against the law's own runs over them."""
    states, whole = names(data, "state"), data.sizes["time"] - 1
    steps = rng.choice(whole, min(whole, 10), replace=False)
    samples = data.sizes.get("sample", 1)
    rows = rng.choice(samples, min(samples, _SEGMENTS // len(steps)), replace=False)
    part = data.isel(sample=rows) if "sample" in data.dims else data
    worst = (0.0, "")
    for n in steps:
        run = law.simulate(part.isel(time=n).drop_vars("time"), part["time"].values[n : n + 2])
        worst = max(worst, _difference(run[states].isel(time=1), part[states].isel(time=n + 1)))
    return worst[0], f"{worst[1]}; {len(steps) * len(rows)} of {whole * samples} intervals"


def _orthogonal(data: xr.Dataset, rng: np.random.Generator) -> dict[str, list[Map]]:
    """Random rotations and reflections; none for fields on a grid, or where there are no tensors."""
    if "i" not in data.dims or any(dim in SPACE for dim in data.dims):
        return {}
    size = data.sizes["i"]
    mirror = np.diag([-1.0, *np.ones(size - 1)])
    turns = [SO(size).random(rng) for _ in range(2 * _ELEMENTS)]
    return {
        "rotations": [functools.partial(act, turn) for turn in turns[:_ELEMENTS]],
        "reflections": [functools.partial(act, turn @ mirror) for turn in turns[_ELEMENTS:]],
    }


def _factors(rng: np.random.Generator) -> list[dict[str, float]]:
    return [dict(zip(BASE, (10.0 ** rng.uniform(-1, 1, len(BASE))).tolist(), strict=True)) for _ in range(_ELEMENTS)]


def _difference(given: xr.Dataset, wanted: xr.Dataset, nudged: xr.Dataset | None = None) -> Measured:
    """The largest relative difference over variables and samples, and the variable's name; see the module."""
    worst = (0.0, "")
    for name, array in wanted.data_vars.items():
        if name not in given or dict(given[name].sizes) != dict(array.sizes):
            raise SchemaError(f"variable {name!r}: expected the sizes {dict(array.sizes)}, given others")
        norms = _norms(array)
        scale = np.maximum(norms, _rms(norms))
        if nudged is not None:
            scale = np.maximum(scale, _rms(_norms(nudged[name] - array)) / _NUDGE)
        error = _ratio(_norms(given[name].transpose(*array.dims) - array), scale)
        worst = (error, str(name)) if error > worst[0] else worst
    return worst


def _norms(array: xr.DataArray) -> np.ndarray:
    """The norm of each sample."""
    return np.linalg.norm(array.values.reshape(array.sizes["sample"] if "sample" in array.dims else 1, -1), axis=1)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _ratio(change: np.ndarray, scale: np.ndarray | float) -> float:
    """The largest change/scale: 0 where nothing changed, infinite where a number is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(change == 0, 0.0, change / scale)
    return float(np.max(ratio)) if np.all(np.isfinite(ratio)) else math.inf


def _drift(conserved: Map, run: xr.Dataset, name: str, rng: np.random.Generator) -> Measured:
    values = conserved(run)[name]
    natural = _rms((conserved(_nudge(run, rng))[name] - values).values) / _NUDGE
    return _ratio(abs(values - values.isel(time=0, drop=True)).values, natural), ""


def _nudge(data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """States moved by a thousandth of their RMS values, in random directions; the same over a grid."""
    moved = {}
    for name in names(data, "state"):
        array = data[name]
        noise = rng.standard_normal([1 if dim in SPACE else array.sizes[dim] for dim in array.dims])
        moved[name] = array.copy(data=array.values + _NUDGE * _rms(array.values) * noise)
    return data.assign(moved)
