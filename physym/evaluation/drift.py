"""How far quantities drift that a law conserves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from physym.checks.selection import joined, sample_slices
from physym.evaluation.tables import number
from physym.metrics import NUDGE, nudge
from simulators.base import registered
from simulators.errors import InputError
from simulators.schema import INDICES, names

__all__ = ["Drift", "drifts"]


@dataclass(frozen=True, eq=False)
class Drift:
    """How far one conserved quantity Q drifts: |Q(t) - Q(0)| / size, per (sample, time).

    Attributes:
        name: of the variable.
        long_name: what a table says.
        units: of the quantity and its size.
        by: the class name of whoever says that it is conserved.
        size: what drift is measured by, in `units`: how much Q changes, to first order, if every state moves by its
            own size in a random direction. An arbitrary constant of an energy does not enter.
        data: along the true trajectories.
        model: along the predicted ones; infinite from where a rollout diverged, and where whoever says that it is
            conserved refuses the prediction (negative densities).
    """

    name: str
    long_name: str
    units: str
    by: str
    size: float
    data: xr.DataArray
    model: xr.DataArray

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the table."""
        numbers = {"size": self.size, "data_rms": _rms(self.data), "data_max": float(self.data.max())}
        numbers |= {"model_rms": _rms(self.model), "model_max": float(self.model.max())}
        return {"name": self.name, "long_name": self.long_name, "units": self.units, "by": self.by, **numbers}

    def cells(self) -> list[str]:
        """The row of the table."""
        values = [number(v) for v in (_rms(self.data), _rms(self.model), float(self.model.max()))]
        return [self.long_name, self.by, number(self.size), self.units, *values]


def drifts(model: Any, truth: xr.Dataset, prediction: xr.Dataset) -> tuple[Drift, ...]:  # noqa: ANN401
    """The drift of all that the simulator of the data and the model say is conserved.

    Args:
        model: answers `conserved`.
        truth: states and parameters (sample, time, ...), and the flows (diagnostics) from which budgets close.
        prediction: the same; NaN where there is none. Flows that it lacks are not used of the truth either, so that the
            two are measured alike.
    """
    lacking = [name for name in names(truth, "diagnostic") if name not in prediction]
    truth = truth.drop_vars(lacking)
    states = _moving(truth)
    source = registered().get(truth.attrs["simulator"])
    laws = ([source()] if source is not None and source is not type(model) else []) + [model]
    rng, parts = np.random.default_rng(0), {}
    for some in sample_slices(truth):
        there, runs = _runs(truth.isel(sample=some), prediction.isel(sample=some), states, rng)
        for n, law in enumerate(laws):
            held, moved = law.conserved(runs[0]), law.conserved(runs[2])
            kept, known = _conserved(law, runs[1], runs[0])
            for name, quantity in held.data_vars.items():
                response = _length(moved[name] - quantity).values.ravel()
                change = _change(kept[name]).where(there & known, np.inf)
                parts.setdefault((n, name), []).append((quantity.attrs, _change(quantity), change, response))
    found = []
    for (n, name), each in parts.items():
        all_attrs, data, run, responses = zip(*each, strict=True)
        units, long_name = str(all_attrs[0]["units"]), str(all_attrs[0].get("long_name", name))
        size = float(np.sqrt(np.mean(np.concatenate(responses) ** 2))) / NUDGE or 1.0
        shares = (joined(list(changes), "sample") / size for changes in (data, run))
        found.append(Drift(str(name), long_name, units, type(laws[n]).__name__, size, *shares))
    return tuple(found)


def _conserved(law: Any, run: xr.Dataset, truth: xr.Dataset) -> tuple[xr.Dataset, xr.DataArray]:  # noqa: ANN401
    """What a law keeps of a prediction, and of which samples: it may refuse some, such as those of negative density."""
    known = xr.DataArray(np.ones(run.sizes["sample"], dtype=bool), dims="sample")
    try:
        return law.conserved(run), known
    except InputError:
        known = known.copy(data=[_accepts(law, run.isel(sample=[n])) for n in range(known.size)])
    seen = {name: run[name].where(known, truth[name]).assign_attrs(run[name].attrs) for name in _moving(run)}
    return law.conserved(run.assign(seen)), known


def _moving(run: xr.Dataset) -> list[str]:
    return [*names(run, "state"), *names(run, "diagnostic")]


def _accepts(law: Any, run: xr.Dataset) -> bool:  # noqa: ANN401
    try:
        law.conserved(run)
    except InputError:
        return False
    return True


def _runs(
    truth: xr.Dataset, prediction: xr.Dataset, moving: list[str], rng: np.random.Generator
) -> tuple[xr.DataArray, tuple[xr.Dataset, xr.Dataset, xr.Dataset]]:
    """Where there is a prediction (sample, time); the truth, the prediction, and the truth with states that moved."""
    there = xr.DataArray(np.ones((truth.sizes["sample"], truth.sizes["time"]), dtype=bool), dims=("sample", "time"))
    for name in moving:
        there &= np.isfinite(prediction[name]).all(
            [dim for dim in prediction[name].dims if dim not in ("sample", "time")]
        )
    if bool(there.all()):
        # dropped, not selected, which would lose the grid that bodies move in
        whole = prediction.drop_vars([name for name in prediction.data_vars if name not in truth.data_vars])
    else:
        # a law refuses NaN, and sees the truth there instead
        filled = {n: prediction[n].where(there, truth[n]).assign_attrs(truth[n].attrs) for n in moving}
        whole = truth.assign(filled)
    return there, (truth, whole.assign_attrs(truth.attrs), nudge(truth, rng))


def _length(array: xr.DataArray) -> xr.DataArray:
    """The size of a scalar, vector or tensor."""
    return np.sqrt((array**2).sum([dim for dim in array.dims if dim in INDICES]))


def _change(quantity: xr.DataArray) -> xr.DataArray:
    return _length(quantity - quantity.isel(time=0)).transpose("sample", "time")


def _rms(array: xr.DataArray) -> float:
    return float(np.sqrt((array**2).mean()))
