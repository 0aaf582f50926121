"""Fields on a grid, typed or plain: checked, handed to a scheme, and typed again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.grid import differences, spectral
from simulators.grid.geometry import axis_cell
from simulators.grid.operators import Operator
from simulators.grid.unit_text import divided
from simulators.schema import INDICES, LABELS, SPACE
from simulators.units import parse

if TYPE_CHECKING:
    from simulators.grid.grid import Grid

__all__ = ["Scheme", "check_scheme", "first_order", "laplacian"]

Scheme = Literal[2, 4, "spectral"]
_TYPED = ("units", "tensor_order", "pseudo")
_EVEN = 1e-6


def check_scheme(scheme: Any) -> None:  # noqa: ANN401
    """Refuse what is not a scheme.

    Raises:
        InputError: unless it is 2, 4 or "spectral".
    """
    whole = isinstance(scheme, int | np.integer) and not isinstance(scheme, bool) and scheme in (2, 4)
    if not whole and not (isinstance(scheme, str) and scheme == "spectral"):
        raise InputError(f"scheme: expected 2, 4 or 'spectral', given {scheme!r}; 2 and 4 are orders of differences")


def first_order(
    grid: Grid, f: Any, scheme: Scheme, tensor_order: int | None, make: Callable[[int, int], Operator]  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Apply the operator that `make(dimension, order)` gives.

    Raises:
        InputError: if the scheme, the field or its order is not one that the operator takes.
    """
    check_scheme(scheme)
    values, order = _read(grid, f, tensor_order)
    operator = make(grid.ndim, order)
    if scheme == "spectral":
        found = spectral.first_order(values, grid.length, order, operator)
    else:
        found = differences.first_order(values, grid.cell, order, operator, scheme)
    if not isinstance(f, xr.DataArray):
        return found
    return _typed(grid, f, found, order + operator.added, operator.name, operator.symbol, 1, operator.flips)


def laplacian(grid: Grid, f: Any, scheme: Scheme, tensor_order: int | None) -> Any:  # noqa: ANN401
    """Apply the laplacian to every component.

    Raises:
        InputError: if the scheme or the field is not one that it takes.
    """
    check_scheme(scheme)
    values, order = _read(grid, f, tensor_order)
    if scheme == "spectral":
        found = spectral.laplacian(values, grid.length, order)
    else:
        found = differences.laplacian(values, grid.cell, order, scheme)
    return _typed(grid, f, found, order, "laplacian", "∇²", 2, False) if isinstance(f, xr.DataArray) else found


def _read(grid: Grid, f: Any, tensor_order: int | None) -> tuple[np.ndarray, int]:  # noqa: ANN401
    """The values (..., *space, *indices) as float32 or float64, and the tensor order."""
    if isinstance(f, xr.Dataset):
        raise InputError("expected one field, given a Dataset; choose a variable, such as dataset['velocity']")
    if isinstance(f, xr.DataArray):
        order = _declared_order(f, tensor_order)
        f = _arranged(grid, f, order)
        name = f"variable {f.name!r}" if f.name is not None else "field"
        values = _numbers(name, f.values)
        with np.errstate(invalid="ignore", over="ignore"):
            finite = np.isfinite(values.sum()) or np.isfinite(values).all()
        if not finite:
            raise InputError(f"{name}: expected finite numbers, given NaN or infinity; fill or drop them")
    else:
        order = 0 if tensor_order is None else tensor_order
        if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 0:
            raise InputError(f"tensor_order: expected an integer >= 0, given {order!r}")
        name, values = "field", _numbers("field", f)
    wanted = (*grid.shape, *(grid.ndim,) * order)
    if values.shape[values.ndim - len(wanted) :] != wanted or values.ndim < len(wanted):
        parts = f"the cells {grid.shape} of the grid" + (f" and {order} x {grid.ndim} components" if order else "")
        raise InputError(f"{name}: expected an array that ends in {parts}, given the shape {values.shape}")
    return values, int(order)


def _numbers(name: str, values: Any) -> np.ndarray:  # noqa: ANN401
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{name}: expected an array of numbers, given nested lists of unequal length") from error
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name}: expected real numbers, given {array.dtype}")
    single = array.dtype.kind == "f" and array.dtype.itemsize == 4
    return array.astype(np.float32 if single else np.float64, copy=False)


def _declared_order(f: xr.DataArray, tensor_order: int | None) -> int:
    for key in _TYPED:
        if key not in f.attrs:
            raise InputError(f"variable {f.name!r}: expected the attribute {key!r}, given none; declare it")
    order = sum(dim in INDICES for dim in f.dims)
    if f.attrs["tensor_order"] != order or f.attrs["pseudo"] not in (0, 1) or not isinstance(f.attrs["units"], str):
        given = {key: f.attrs[key] for key in _TYPED}
        raise InputError(
            f"variable {f.name!r}: expected units as text, tensor_order {order} (its index dimensions) and pseudo 0 or "
            f"1, given {given}"
        )
    parse(f.attrs["units"])
    if tensor_order is not None and tensor_order != order:
        raise InputError(f"tensor_order: expected {order}, as {f.name!r} declares, given {tensor_order}; leave it out")
    return order


def _arranged(grid: Grid, f: xr.DataArray, order: int) -> xr.DataArray:
    """The field with its space and index dimensions last, after a look at its coordinates."""
    space, indices = tuple(dim for dim in SPACE if dim in f.dims), INDICES[:order]
    if space != grid.dims or any(dim not in f.dims for dim in indices):
        wanted = ", ".join((*grid.dims, *indices))
        raise InputError(f"variable {f.name!r}: expected the dimensions {wanted} on this grid, given {f.dims}")
    for n, dim in enumerate(reversed(space)):
        if dim in f.coords:
            size = axis_cell(f[dim], grid.units)[0]
            if size and abs(size - grid.cell[n]) > _EVEN * grid.cell[n]:
                raise InputError(
                    f"variable {f.name!r}: expected cells of {grid.cell[n]:g} {grid.units} along {dim!r}, as the grid "
                    f"has, given {size:g} {grid.units}; use Grid.of"
                )
    for dim in indices:
        labels = [str(label) for label in f[dim].values] if dim in f.coords else list(LABELS[: grid.ndim])
        if labels != list(LABELS[: grid.ndim]):
            raise InputError(f"variable {f.name!r}: expected {grid.ndim} components along {dim!r}, given {labels}")
    return f.transpose(..., *grid.dims, *indices)


def _typed(
    grid: Grid, f: xr.DataArray, values: np.ndarray, order: int, name: str, symbol: str, power: int, flips: bool
) -> xr.DataArray:
    """The result as a field of the schema."""
    if order > len(INDICES):
        raise InputError(f"{name}: expected a result of at most {len(INDICES)} indices, given one with {order}")
    lead = tuple(dim for dim in f.dims if dim not in (*grid.dims, *INDICES))
    dims = (*lead, *grid.dims, *INDICES[:order])
    coords = {key: c.variable for key, c in f.coords.items() if set(c.dims) <= set(dims)}
    coords |= {dim: (dim, list(LABELS[: grid.ndim])) for dim in INDICES[:order]}
    of = str(f.attrs.get("symbol", f.name or "f"))
    pseudo = int(f.attrs["pseudo"])
    attrs = {
        "units": divided(f.attrs["units"], grid.units, power),
        "long_name": f"{name} of {f.attrs.get('long_name', f.name or 'the field')}",
        "symbol": symbol + (f"({of})" if re.search(r"[-+\s]", of) else of),
        "tensor_order": order,
        "pseudo": 1 - pseudo if flips else pseudo,
        "role": "diagnostic",
    }
    return xr.DataArray(values, coords, dims, None if f.name is None else f"{f.name}_{name}", attrs)
