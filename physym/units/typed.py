"""Tables of typed columns: what a regressor learns from, read at the boundary and refused there if unfit.

A column is a one-dimensional array of finite numbers with units. A table is given as a dataset of 1-D variables, as a
mapping of typed arrays (`xarray.DataArray` with the attribute `units`), or as a mapping name -> (values, "units").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.units import Unit, parse

__all__ = ["Column", "Columns", "Table", "read_table"]

Column = xr.DataArray | tuple[Any, str]
Columns = xr.Dataset | Mapping[str, Column]
_KINDS = "a Dataset of 1-D variables with units, or a mapping name -> DataArray with units or (values, 'units')"
_WAYS = "give a DataArray with the attribute 'units', or (values, 'units'); '1' if dimensionless"


@dataclass(frozen=True)
class Table:
    """Typed columns of equal length.

    Attributes:
        names: of the columns, in the order given.
        values: of each column (row,), float64, in its own units.
        units: of each column, as given.
        target: the values to learn (row,), or None.
        target_units: of the target, or None.
        dim: the dimension along which the rows stand; "sample" unless the columns name another.
    """

    names: tuple[str, ...]
    values: dict[str, np.ndarray]
    units: dict[str, Unit]
    target: np.ndarray | None = None
    target_units: Unit | None = None
    dim: str = "sample"

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.values[self.names[0]])


def read_table(X: Columns, y: Column | None = None, *, constants: bool = False) -> Table:
    """Read typed columns, and the values to learn.

    Args:
        X: a dataset of 1-D variables with units, or a mapping name -> typed array or (values, "units").
        y: a typed array or (values, "units"), with as many values as X has rows.
        constants: whether a column of X may hold one value only; needed to predict from a single row.

    Raises:
        InputError: naming the column, if there is none; if its units are absent, unreadable or affine (degC); if its
            values are not real finite numbers along one dimension, or not as many as of the others; if a column of X
            is constant (unless allowed) or y is.

    >>> table = read_table({"mass": ([1.0, 2.0], "kg"), "speed": ([3.0, 5.0], "m/s")}, ([9.0, 25.0], "J"))
    >>> table.names, table.rows, table.target_units.text
    (('mass', 'speed'), 2, 'J')
    """
    given = _columns(X)
    values, units, dims = {}, {}, []
    for name, column in given.items():
        values[name], units[name], dim = _read(f"column {name!r}", column)
        dims.append(dim)
    first = next(iter(values))
    rows = len(values[first])
    for name, array in values.items():
        if len(array) != rows:
            raise InputError(
                f"column {name!r}: expected {rows} values, as in {first!r}, given {len(array)}; give one a row"
            )
        if not constants and np.ptp(array) == 0:
            raise InputError(
                f"column {name!r}: expected values that vary, given {array[0]:g} {units[name].text} in every row; leave"
                " it out of the columns, or give it as a constant"
            )
    dim = next((found for found in dims if found), "sample")
    if y is None:
        return Table(tuple(values), values, units, dim=dim)
    target, target_units, _ = _read("y", y)
    if len(target) != rows:
        raise InputError(f"y: expected {rows} values, one a row of X, given {len(target)}")
    if np.ptp(target) == 0:
        raise InputError(f"y: expected values that vary, given {target[0]:g} in every row; there is nothing to learn")
    return Table(tuple(values), values, units, target, target_units, dim)


def _columns(given: object) -> dict[str, object]:
    if isinstance(given, xr.Dataset):
        found: Mapping[Any, object] = given.data_vars
    elif isinstance(given, Mapping):
        found = given
    else:
        raise InputError(f"X: expected {_KINDS}; given {type(given).__name__}")
    if not found:
        raise InputError("X: expected at least one column, given none")
    for name in found:
        if not isinstance(name, str) or not name:
            raise InputError(f"X: expected names of columns that are text, given {name!r}; rename it")
    return dict(found)


def _read(what: str, given: object) -> tuple[np.ndarray, Unit, str | None]:
    """Values, units, and the dimension's name if it has one."""
    dim = None
    if isinstance(given, xr.DataArray):
        if "units" not in given.attrs:
            raise InputError(f"{what}: expected the attribute 'units', given none; declare it, '1' if dimensionless")
        numbers, text = given.values, given.attrs["units"]
        dim = str(given.dims[0]) if given.dims else None
    elif isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
        numbers, text = given
    else:
        raise InputError(f"{what}: expected values with units, given {_told(given)}; {_WAYS}")
    try:
        unit = parse(text)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    return _numbers(what, numbers), unit, dim


def _told(given: object) -> str:
    if isinstance(given, np.ndarray | list | tuple):
        return f"a {type(given).__name__} without units"
    return f"{type(given).__name__}"


def _numbers(what: str, given: object) -> np.ndarray:
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{what}: expected real numbers, given {_told(given)} that is not an array") from error
    if np.ma.is_masked(given):
        raise InputError(f"{what}: expected values in every row, given masked ones; leave such rows out")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{what}: expected real numbers, given the type {array.dtype}; convert them")
    if array.ndim != 1:
        raise InputError(f"{what}: expected one dimension, given the shape {array.shape}; flatten it")
    if not array.size:
        raise InputError(f"{what}: expected at least one value, given none")
    numbers = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise InputError(
            f"{what}: expected finite numbers, given {numbers[bad[0]]} at row {bad[0]}"
            f" ({bad.size} of {len(numbers)} rows); leave such rows out"
        )
    return numbers
