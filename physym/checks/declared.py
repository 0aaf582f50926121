"""The units that a dataset declares: whether they can be read, and what laws they leave room for."""

from __future__ import annotations

import xarray as xr

from physym.checks.findings import Measured
from physym.units import dimensionless_groups, products
from simulators.errors import InputError, SchemaError
from simulators.schema import names

__all__ = ["declared_units"]


def declared_units(dataset: xr.Dataset) -> Measured:
    """Read the units of states, parameters and time.

    Returns:
        Error 0, and how many dimensionless groups there are of how many scales; or that no product of states and
        parameters is a time, so that a law of motion between them hides a constant with units.

    Raises:
        SchemaError: if there is no state, or one does not declare its units.
        InputError: if units cannot be read, or have an offset (degC) and so do not scale.
    """
    if not names(dataset, "state"):
        raise SchemaError("dataset: expected at least one variable with the attribute role='state', given none")
    groups = dimensionless_groups(dataset)
    told = f"{groups.count} dimensionless groups of {len(groups.names)} variables over {groups.rank} scales"
    known = {name: units for name, units in zip(groups.names, groups.units, strict=True) if name != "time"}
    try:
        products(known, "s")
    except InputError:
        told += "; no product of states and parameters is a time: a law of motion hides a constant"
    return 0.0, told
