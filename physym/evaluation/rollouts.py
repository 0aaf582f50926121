"""Rolling a law out from the starts of true trajectories, however far each of them gets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import xarray as xr

from simulators.errors import DivergenceError
from simulators.schema import names
from simulators.units import conversion

__all__ = ["Law", "labels", "roll_out", "start_of"]

_KEPT = ("Conventions", "simulator")


class Law(Protocol):
    """What `evaluate` asks of a model or simulator."""

    def simulate(self, initial: xr.Dataset, times: np.ndarray) -> xr.Dataset:
        """Trajectories from typed starts."""

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the law keeps."""


def labels(data: xr.Dataset | xr.DataArray) -> list[Any]:
    """The names of the samples: those of the coordinate `sample`, or else 0, 1, ..."""
    return data["sample"].values.tolist()


def start_of(truth: xr.Dataset) -> xr.Dataset:
    """The states at the first time, without what the data say about their own making."""
    start = truth.isel(time=0).drop_vars(["time", *names(truth, "diagnostic")])
    start.attrs = _kept(truth)
    return start


def _kept(truth: xr.Dataset) -> dict[Any, Any]:
    return {key: truth.attrs[key] for key in _KEPT if key in truth.attrs}


def roll_out(model: Law, truth: xr.Dataset) -> tuple[xr.Dataset, dict[Any, float]]:
    """The rollouts of a law from the starts of the truth.

    Args:
        model: whose rollouts.
        truth: states (sample, time, ...), parameters and flows.

    Returns:
        The prediction in the truth's units, NaN from where a sample diverged, with the attributes of the law's own
        runs; and the time at which each of those diverged, by the label of the sample.
    """
    units = getattr(model, "time_units", "s")
    factor = conversion(truth["time"].attrs["units"], units)
    times = truth["time"].values * factor
    states, start = names(truth, "state"), start_of(truth)
    filled = {name: np.full(truth[name].shape, np.nan) for name in (*states, *names(truth, "diagnostic"))}
    alive, diverged, attrs = np.arange(truth.sizes["sample"]), {}, {}

    def run(samples: np.ndarray, until: int) -> None:
        run = model.simulate(start.isel(sample=samples), times[:until])
        attrs.update(run.attrs)
        for name in list(filled):
            if name not in run and name not in states:
                del filled[name]
                continue
            scale = conversion(run[name].attrs["units"], truth[name].attrs["units"])
            filled[name][samples, :until] = run[name].transpose(*truth[name].dims).values * scale

    while alive.size:
        try:
            run(alive, times.size)
            break
        except DivergenceError as error:
            lost = alive[error.sample : error.sample + 1] if error.sample < alive.size else alive[-1:]
            diverged[int(lost[0])] = error.time / factor
            alive = np.setdiff1d(alive, lost)
            # what came before is still a prediction, unless the model fails at it too
            with contextlib.suppress(DivergenceError):
                run(lost, max(1, int(np.searchsorted(times, error.time))))
    finite = np.all([np.isfinite(v).reshape(*v.shape[:2], -1).all(axis=2) for v in filled.values()], axis=0)
    for sample in np.flatnonzero(~finite.all(axis=1)):
        diverged.setdefault(int(sample), float(truth["time"][np.argmin(finite[sample])]))
    bad = ~np.logical_and.accumulate(finite, axis=1)
    if bad.any():
        for values in filled.values():
            values[bad] = np.nan
    absent = [name for name in names(truth, "diagnostic") if name not in filled]
    prediction = truth.drop_vars(absent).assign({name: truth[name].copy(data=v) for name, v in filled.items()})
    prediction.attrs = _kept(truth) | attrs | _own(model, truth.sizes["sample"])
    return prediction, _labelled(diverged, labels(truth))


def _labelled(diverged: Mapping[int, float], known: list[Any]) -> dict[Any, float]:
    return {known[sample]: diverged[sample] for sample in sorted(diverged)}


def _own(model: Law, samples: int) -> dict[str, str]:
    """What the rollouts say about their making, in place of what the data say."""
    said = {"title": f"{samples} rollouts of {type(model).__name__} from the starts of other data"}
    settings = getattr(model, "settings", None)
    return said | ({"settings": json.dumps(settings(), default=str)} if callable(settings) else {})
