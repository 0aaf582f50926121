"""How far quantities drift that a law conserves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from physym.metrics import NUDGE, nudge
from physym.tables import number
from simulators.base import registered
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
        model: along the predicted ones; infinite from where a rollout diverged.
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
    states = [*names(truth, "state"), *names(truth, "diagnostic")]
    there = xr.DataArray(np.ones((truth.sizes["sample"], truth.sizes["time"]), dtype=bool), dims=("sample", "time"))
    for name in states:
        there &= np.isfinite(prediction[name]).all(
            [dim for dim in prediction[name].dims if dim not in ("sample", "time")]
        )
    # a law refuses NaN, and sees the truth there instead
    whole = truth.assign(
        {name: prediction[name].where(there, truth[name]).assign_attrs(truth[name].attrs) for name in states}
    )
    known = registered().get(truth.attrs["simulator"])
    laws = ([known()] if known is not None and known is not type(model) else []) + [model]
    nudged = nudge(truth, np.random.default_rng(0))
    found = []
    for law in laws:
        held, kept, moved = law.conserved(truth), law.conserved(whole), law.conserved(nudged)
        for name, quantity in held.data_vars.items():
            units, long_name = str(quantity.attrs["units"]), str(quantity.attrs.get("long_name", name))
            size = _rms(_length(moved[name] - quantity)) / NUDGE or 1.0
            data, run = (_change(q[name]) / size for q in (held, kept))
            found.append(Drift(str(name), long_name, units, type(law).__name__, size, data, run.where(there, np.inf)))
    return tuple(found)


def _length(array: xr.DataArray) -> xr.DataArray:
    """The size of a scalar, vector or tensor."""
    return np.sqrt((array**2).sum([dim for dim in array.dims if dim in INDICES]))


def _change(quantity: xr.DataArray) -> xr.DataArray:
    return _length(quantity - quantity.isel(time=0)).transpose("sample", "time")


def _rms(array: xr.DataArray) -> float:
    return float(np.sqrt((array**2).mean()))
