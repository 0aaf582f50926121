"""Typed data as the solver takes them, a row per sample and time, and what no run can begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.grid import Grid
from simulators.parameters import arrays, lead
from simulators.shallow_water.variables import PARAMETERS, PLACE, STATES, TYPES

if TYPE_CHECKING:
    from simulators.shallow_water.natural import Natural

__all__ = ["cells", "check_cells", "check_thickness", "evaluate", "rows", "typed"]

_FEWEST = 5


def check_cells(grid: Grid) -> None:
    """Refuse grids that are too coarse for the differences.

    Raises:
        InputError: if an axis has 2 to 4 cells.
    """
    for dim, count in zip(grid.dims, grid.shape, strict=True):
        if 1 < count < _FEWEST:
            raise InputError(
                f"cell: expected at least {_FEWEST} cells along {dim}, or one, since differences reach 2 cells to"
                f" either side; given {count}; make the cells smaller"
            )


def check_thickness(data: xr.Dataset, remedy: str) -> None:
    """Refuse layers that are dry somewhere.

    Raises:
        InputError: naming the thinnest place and the remedy.
    """
    thickness = data["height"] + data["depth"]
    if not float(thickness.min()) > 0:
        place = np.unravel_index(int(np.argmin(thickness.values)), thickness.shape)
        told = ", ".join(f"{dim} {n}" for dim, n in zip(thickness.dims, place, strict=True))
        raise InputError(
            f"height: expected above -depth, so that the layer is nowhere dry; given a layer of"
            f" {float(thickness.values[place]):g} m at {told}; {remedy}"
        )


def cells(grid: Grid) -> tuple[float, float]:
    """Sizes of a cell along x and y; infinite along an axis of one cell, where nothing changes."""
    across, along = (np.inf if count == 1 else size for size, count in zip(grid.cell, grid.shape[::-1], strict=True))
    return across, along


def rows(data: xr.Dataset) -> tuple[tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Each state (row, y, x, ...) and each parameter (row,), a row per sample and time."""
    count, skip = int(np.prod(lead(data)[1])), len(lead(data)[0])
    full = [values.reshape(count, *values.shape[skip:]) for values in arrays(data)]
    return tuple(full[: len(STATES)]), dict(zip(PARAMETERS, full[len(STATES) :], strict=True))


def typed(fields: tuple[np.ndarray, ...], leading: tuple[tuple[str, ...], tuple[int, ...]]) -> dict[str, Any]:
    """States as variables, from arrays (..., y, x, ...) whose leading dimensions are given by name and size."""
    dims, sizes = leading
    skip = fields[0].ndim - len(PLACE)
    return {
        name: ((*dims, *PLACE, *TYPES[name].indices), a.reshape(*sizes, *a.shape[skip:]), TYPES[name].attrs())
        for name, a in zip(STATES, fields, strict=True)
    }


def evaluate(natural: Natural, *fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's rates (row, 4, y, x), and at which viscosity takes energy (row,), in natural units."""
    from simulators.shallow_water.kernels import rhs

    states, compiled = np.ascontiguousarray(natural.pack(*fields)), rhs.compiled(3)
    slopes, lost = np.empty_like(states), np.empty((len(states), 1))
    for state, parameters, out, taken in zip(states, natural.parameters, slopes, lost, strict=True):
        compiled(0.0, state, parameters, out, taken)
    return slopes, lost[:, 0]
