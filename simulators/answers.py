"""What simulators answer, as the schema wants it: rates of change, and quantities per sample and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from simulators.schema import Variable

__all__ = ["of_moments", "rate", "seed_of"]


def rate(variable: Variable, units: str) -> dict[str, Any]:
    """The attributes of d(variable)/dt in the given units."""
    told = {"long_name": f"rate of change of {variable.long_name}", "symbol": f"d{variable.symbol}/dt"}
    return variable.attrs() | {"units": units} | told


def of_moments(found: Mapping[str, Any], data: xr.Dataset, attrs: Mapping[str, Any]) -> xr.Dataset:
    """Quantities (sample, time, i) as a dataset with the attributes, and with the coordinates of data that fit them."""
    held = xr.Dataset(found, attrs=attrs)
    return held.assign_coords({name: c for name, c in data.coords.items() if set(c.dims) <= set(held.dims)})


def seed_of(initial: xr.Dataset) -> dict[str, Any]:
    """The seed of the starts, for those who have one."""
    return {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
