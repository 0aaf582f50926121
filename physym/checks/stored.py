"""Holding stored data to the laws of the simulator that they name."""

from __future__ import annotations

import functools

import numpy as np
import xarray as xr

from physym.checks.conservation import check_kept
from physym.checks.declared import declared_units
from physym.checks.findings import Measured, Report
from physym.checks.moves import BODIES, FIELDS, SYMMETRY, Effort, Map, factors, has_grid, spatial
from physym.checks.selection import failed_runs, few, loaded, unreadable
from physym.metrics import difference, nudge
from physym.units import rescale
from simulators import Simulator, registered, validate
from simulators.errors import SchemaError
from simulators.schema import conform, names, over
from simulators.units import conversion

__all__ = ["check_dataset"]

STORED, LAW = 1e-3, 5e-4
# bytes of the samples that are looked at: conserved quantities and symmetries take several copies of them
LARGEST = 2**28


def check_dataset(dataset: xr.Dataset, rng: np.random.Generator) -> Report:
    """The findings about a dataset, see `physym.check`.

    Args:
        dataset: what to hold to the schema and the law that it names.
        rng: for the choice of samples and the random elements of the symmetries.
    """
    source = dataset.attrs.get("simulator")
    report = Report(str(dataset.attrs.get("title", "dataset")))
    fault = _fault(dataset)

    def schema() -> Measured:
        if fault is not None:
            raise fault
        nothing = "no simulator named: no law to check" if source == "none" else ""
        return 0.0, "; ".join(note for note in (failed_runs(dataset), nothing) if note)

    if not report.run("schema", 0.0, schema):
        return report
    if source == "none":
        report.run("units", 0.0, lambda: declared_units(dataset))
        return report
    law, effort = registered()[source](), FIELDS if has_grid(dataset) else BODIES
    precision = max(np.finfo(v.dtype).eps for v in (np.zeros(0), *dataset.values()) if v.dtype.kind == "f")
    dataset, told = few(dataset, effort.stored, rng, largest=LARGEST)
    dataset = loaded(dataset)
    data = _conformed(dataset, law)
    moving = data.sizes.get("time", 0) > 1
    try:
        kept = list(law.conserved(data).data_vars)
    except Exception as fault:
        report.fail("conservation", STORED, fault)
        return report
    if moving:
        check_kept(report, law, kept, lambda: data, STORED, rng, precision=precision, note=told)
    part = data
    if effort is FIELDS:
        part, _ = few(data.isel(time=slice(effort.times)) if moving else data, effort.samples, rng)
    moves = spatial(part, rng) | {"units": [functools.partial(rescale, **f) for f in factors(rng)]}

    @functools.cache
    def quantities() -> tuple[xr.Dataset, xr.Dataset]:
        return law.conserved(part), law.conserved(nudge(part, rng))

    for name in moves if kept else ():
        report.run(name, SYMMETRY, lambda name=name: _lawful(law, part, moves[name], *quantities()))
    if moving:
        report.run("law", LAW, lambda: _law(law, data, effort, rng))
    return report


def _fault(dataset: xr.Dataset) -> Exception | None:
    """What is wrong by the schema, all numbers included.

    Raises:
        SchemaError: if numbers cannot be read: that is no finding about them.
    """
    try:
        validate(dataset)
    except (RuntimeError, OSError) as error:
        raise unreadable(dataset, error) from error
    except SchemaError as error:
        if isinstance(error.__cause__, RuntimeError | OSError):
            raise unreadable(dataset, error.__cause__) from error
        return error
    except MemoryError:
        raise
    except Exception as error:
        # whatever is odd about a dataset is a finding
        return error
    return None


def _conformed(dataset: xr.Dataset, law: Simulator) -> xr.Dataset:
    """In the units of the law, with all diagnostics that the dataset has."""
    types = over(law.variables(), dataset.dims)
    absent = [name for name, variable in types.items() if variable.role == "diagnostic" and name not in dataset]
    data = conform(dataset, types, optional=absent).assign_attrs(dataset.attrs)
    others = [name for name in names(dataset, "diagnostic") if name not in types]
    data = data.assign({name: dataset[name].astype(np.float64).assign_attrs(dataset[name].attrs) for name in others})
    if "time" in data.dims:
        factor = conversion(dataset["time"].attrs["units"], law.time_units)
        data = data.assign_coords(time=("time", dataset["time"].values * factor, {"units": law.time_units}))
    return data


def _lawful(law: Simulator, data: xr.Dataset, moves: list[Map], kept: xr.Dataset, nudged: xr.Dataset) -> Measured:
    """Conserved quantities of moved data against moved conserved quantities."""
    return max(difference(law.conserved(move(data)), move(kept), move(nudged)) for move in moves)


def _law(law: Simulator, data: xr.Dataset, effort: Effort, rng: np.random.Generator) -> Measured:
    """Stored intervals, some at random, against the law's own runs over them."""
    states, whole = names(data, "state"), data.sizes["time"] - 1
    data = data.drop_vars(names(data, "diagnostic"))
    steps = rng.choice(whole, min(whole, effort.begins), replace=False)
    samples = data.sizes.get("sample", 1)
    rows = rng.choice(samples, min(samples, effort.intervals // len(steps)), replace=False)
    part = data.isel(sample=rows) if "sample" in data.dims else data

    def over(n: int, some: xr.Dataset) -> xr.Dataset:
        run = law.simulate(some.isel(time=n).drop_vars("time"), data["time"].values[n : n + 2])
        return run[states].isel(time=1, drop=True)

    response = over(steps[0], nudge(part, rng)) - over(steps[0], part)
    stored = {n: part[states].isel(time=n + 1, drop=True) for n in steps}
    worst = max(difference(over(n, part), stored[n], stored[n] + response) for n in steps)
    return worst[0], f"{worst[1]}; {len(steps) * len(rows)} of {whole * samples} intervals"
