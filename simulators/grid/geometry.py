"""Lengths and cells of a grid: checked as a user gives them, or measured on the coordinates of data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.parameters import frozen
from simulators.schema import LABELS, SPACE
from simulators.units import conversion, named_units, parse

__all__ = ["axis_cell", "box", "measure"]

Numbers = float | Sequence[float]
_EVEN = 1e-6
_DIVIDES = 1e-9
_MOST_CELLS = 2**31


def box(
    length: Numbers, cell: Numbers, units: str, origin: Numbers
) -> tuple[tuple[float, ...], tuple[float, ...], str, tuple[float, ...]]:
    """Lengths, cells, units and origin, the numbers as tuples of one float an axis; a length is its cells times a cell.

    Raises:
        InputError: unless they are finite, lengths and cells positive, for at most 3 axes, and every cell divides.
    """
    given = {name: _numbers(name, v) for name, v in (("length", length), ("cell", cell), ("origin", origin))}
    dimension = max(len(v) for v in given.values())
    for name, values in given.items():
        if len(values) not in (1, dimension):
            raise InputError(f"{name}: expected {dimension} numbers (x, y, z) or one for all, given {len(values)}")
    lengths, cells, corner = (v * dimension if len(v) == 1 else v for v in given.values())
    for name, values in (("length", lengths), ("cell", cells)):
        if min(values) <= 0:
            raise InputError(f"{name}: expected numbers above 0, given {min(values):g}")
    _check_units("units", units)
    counts = [_count(lengths[n], cells[n], LABELS[n], units) for n in range(dimension)]
    lengths = tuple(n * cell for n, cell in zip(counts, cells, strict=True))
    return lengths, cells, units, corner


def _check_units(name: str, units: str) -> None:
    """Refuse what no distance is measured in: cells that are square in degrees are not so on a globe.

    Raises:
        InputError: unless it is a length, or a bare number; angles, which have names, are neither.
    """
    if units == "m":
        return
    unit = parse(units)
    if named_units(units) if unit.dimensionless else unit.exponents != parse("m").exponents:
        remedy = "; put the data on a plane, with distances for coordinates" if unit.dimensionless else ""
        raise InputError(f"{name}: expected a length, such as 'm', or '1'; given {units!r}{remedy}")


def _numbers(name: str, values: Numbers) -> tuple[float, ...]:
    array = np.array(frozen(name, values), dtype=np.float64)
    if array.ndim > 1 or not 1 <= array.size <= len(LABELS):
        raise InputError(f"{name}: expected one number, or up to 3 in the order (x, y, z); given shape {array.shape}")
    return tuple(array.reshape(-1).tolist())


def _count(length: float, cell: float, axis: str, units: str) -> int:
    cells = length / cell
    if cells > _MOST_CELLS:
        raise InputError(f"cell: expected at most {_MOST_CELLS} cells along {axis}, given {cells:g}; enlarge the cell")
    if cells < 0.5 or abs(cells - round(cells)) > _DIVIDES * cells:
        fewer = max(1, math.floor(cells))
        fits = {f"{length / n:.10g} {units} ({n} cell{'s' if n > 1 else ''})": None for n in (fewer, math.ceil(cells))}
        raise InputError(
            f"cell: expected one that divides the length {length:g} {units} along {axis}, given {cell:g} {units}; "
            f"nearest: {' or '.join(fits)}"
        )
    return round(cells)


def measure(
    data: xr.Dataset | xr.DataArray, cell: Numbers | None, units: str
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Lengths, cells and origin (x, y, z) of the grid whose cell centres are the coordinates of `data`.

    Args:
        data: with coordinates along x, or y and x, or z, y and x.
        cell: the size where an axis has a single cell.
        units: of the result.

    Raises:
        InputError: see `Grid.of`.
    """
    if not isinstance(data, xr.Dataset | xr.DataArray):
        raise InputError(f"expected an xarray Dataset or DataArray on a grid, given {type(data).__name__}")
    dims = tuple(dim for dim in SPACE if dim in data.dims)
    if not dims or dims != SPACE[-len(dims) :]:
        given = ", ".join(map(str, data.dims)) or "none"
        raise InputError(f"expected the dimensions x, or y and x, or z, y and x of a grid; given {given}")
    single = (None,) * 3 if cell is None else _numbers("cell", cell)
    if cell is not None and len(single) not in (1, len(dims)):
        raise InputError(f"cell: expected {len(dims)} numbers (x, y, z) or one for all, given {len(single)}")
    lengths, cells, corner = [], [], []
    for n, dim in enumerate(reversed(dims)):
        if dim not in data.coords:
            raise InputError(f"coordinate {dim!r}: expected cell centres, given none; assign Grid(...).coordinates()")
        size, first, centred = axis_cell(data[dim], units)
        size = size or (single[n] if len(single) > 1 else single[0]) or 0.0
        if size <= 0:
            such = "none" if cell is None else f"{size:g}"
            raise InputError(
                f"coordinate {dim!r}: expected several cells, or the size of a single one as the argument cell; "
                f"given one cell and {such}"
            )
        if data.sizes[dim] == 1:
            centred = abs(first - size / 2) <= _EVEN * size
        # a grid that begins at 0 has its first centre at half a cell: twice that is the cell to the last bit
        if centred and data.sizes[dim] > 1:
            size = 2 * first
        lengths.append(size * data.sizes[dim])
        cells.append(size)
        corner.append(0.0 if centred else first - size / 2)
    return tuple(lengths), tuple(cells), tuple(corner)


def axis_cell(axis: xr.DataArray, units: str) -> tuple[float, float, bool]:
    """The cell size along a coordinate of cell centres, its first value, and whether that is half a cell.

    A single cell has the size 0 here: its coordinate does not tell.

    Raises:
        InputError: if the coordinate is without units, measures an angle, is not increasing, or not even.
    """
    name, given = axis.name, axis.attrs.get("units")
    if not isinstance(given, str):
        raise InputError(f"coordinate {name!r}: expected the attribute 'units', such as 'm'; given {given!r}")
    try:
        factor = conversion(given, units)
    except InputError as error:
        raise InputError(f"coordinate {name!r}: {error}") from error
    _check_units(f"coordinate {name!r}", given)
    if axis.ndim != 1 or axis.size == 0 or axis.dtype.kind not in "iuf":
        raise InputError(f"coordinate {name!r}: expected numbers along it, given {axis.dtype} of shape {axis.shape}")
    values = axis.values.astype(np.float64) * factor
    if not np.all(np.isfinite(values)):
        raise InputError(f"coordinate {name!r}: expected finite numbers, given others")
    count, first = values.size, float(values[0])
    if count == 1:
        return 0.0, first, False
    cell = float(values[-1] - values[0]) / (count - 1)
    rounding = 4 * np.finfo(axis.dtype).eps * float(np.max(abs(values))) if axis.dtype.kind == "f" else 0.0
    allowed = _EVEN * abs(cell) + rounding
    off = abs(values - (first + cell * np.arange(count)))
    if cell <= 0 or np.max(off) > min(allowed, 0.01 * cell):
        steps = np.diff(values)
        raise InputError(
            f"coordinate {name!r}: expected evenly spaced, increasing cell centres; given steps from "
            f"{steps.min():g} to {steps.max():g}; put the data on an even grid"
        )
    return cell, first, abs(first - cell / 2) <= allowed / count
