"""How symmetries act on typed datasets: by what each variable declares, parameters included.

A matrix Q acts on a tensor by every one of its indices, and changes the sign of a pseudotensor if it reflects:

    (Q·T)_{ij...} = sign(det Q)^pseudo Σ_{ab...} Q_{ia} Q_{jb} ... T_{ab...}

Scalars stay as they are, pseudoscalars flip under reflections. Time reversal acts by units alone. A field is also
carried from place to place, (Q·T)(Qx) = Q·T(x); the signed permutations do so from cell to cell, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from physym.symmetry.grids import carry, grid_axes, on_grid
from physym.symmetry.groups import Group
from simulators.errors import InputError, SchemaError
from simulators.schema import INDICES, LABELS, SPACE
from simulators.units import conversion, parse

__all__ = ["act", "reverse_time", "translate"]


def act(matrix: np.ndarray, dataset: xr.Dataset) -> xr.Dataset:
    """Carry a dataset over to turned or reflected axes.

    A periodic, cell-centred grid is turned about the middle of its domain, which is thus mapped onto itself or, where
    axes trade places, onto the domain with its sides traded: the coordinates of such axes trade places too, and a
    reflected axis keeps its coordinates. Nothing is rounded then: act(A, act(B, x)) is act(A @ B, x) bit for bit.

    Args:
        matrix: an element of a group (d, d), d being the number of components of the tensors. Its entries along the
            axes of a grid are a signed permutation, see `Hyperoctahedral`.
        dataset: typed variables; each is a tensor over its index dimensions `i`, `j`, ..., and a field over those of
            `z`, `y`, `x` that it has.

    Returns:
        The dataset with new values and the same types; dimensions and coordinates stay, except those of a grid.

    Raises:
        InputError: if the matrix does not fit, does not carry the cells of a grid to cells, or is none, such as a group
            or the dataset.
        SchemaError: if a variable does not declare its `tensor_order` and `pseudo`.

    >>> import simulators
    >>> start = simulators.SpringPendulum().sample(1)
    >>> act(np.diag([1.0, 1.0, -1.0]), start).gravity.values.tolist()
    [0.0, 0.0, 1.0]
    """
    if isinstance(matrix, xr.Dataset):
        raise InputError("act: expected act(matrix, dataset), given them the other way round")
    if isinstance(matrix, Group):
        raise InputError(f"matrix: expected a matrix, given the group {matrix!r}; take {matrix!r}.random(rng)")
    if not isinstance(dataset, xr.Dataset):
        raise InputError(f"dataset: expected an xarray.Dataset, given {type(dataset).__name__}")
    try:
        matrix = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"matrix: expected finite numbers (d, d), given {type(matrix).__name__}") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.all(np.isfinite(matrix)):
        raise InputError(f"matrix: expected finite numbers (d, d), given the shape {matrix.shape}")
    axes = grid_axes(dataset)
    if axes:
        matrix = on_grid(matrix, axes)
    orientation = np.sign(np.linalg.det(matrix))
    if orientation == 0:
        raise InputError("matrix: expected one with an inverse, given determinant 0")
    turned = dataset.assign({name: _turned(matrix, orientation, array) for name, array in dataset.data_vars.items()})
    return carry(matrix, turned, axes) if axes else turned


def translate(dataset: xr.Dataset, cells: Mapping[str, int]) -> xr.Dataset:
    """Shift the fields of a dataset by whole cells of their periodic grid; coordinates stay.

    Places of bodies, which are vectors of an entity in the units of length and the role "state", move along by as many
    cells, and may leave the box.

    Args:
        dataset: other variables without a dimension do not move along it.
        cells: how many cells to move towards greater coordinates, by dimension: {"x": 3, "y": -2}.

    Raises:
        InputError: if the dataset has no such dimension of space, or the number is not whole.
    """
    for dim, shift in cells.items():
        if dim not in SPACE or dim not in dataset.dims:
            given = ", ".join(name for name in SPACE if name in dataset.dims) or "none"
            raise InputError(f"cells: expected dimensions of a grid, given {dim!r}, while the dataset has {given}")
        if isinstance(shift, bool) or not isinstance(shift, int | np.integer):
            raise InputError(f"cells[{dim!r}]: expected a whole number of cells, given {shift!r}")
    moved = {}
    for name, array in dataset.data_vars.items():
        dims = [dim for dim in cells if dim in array.dims]
        shifts, axes = [cells[dim] for dim in dims], [array.get_axis_num(dim) for dim in dims]
        moved[name] = array.copy(data=np.roll(array.values, shifts, axes)) if dims else array
        if not dims and _is_place(array):
            moved[name] = array.copy(data=array.values + _distances(dataset, array, cells))
    return dataset.assign(moved)


def _is_place(array: xr.DataArray) -> bool:
    """Whether this is where bodies are."""
    entity = [dim for dim in array.dims if dim not in ("sample", "time", *SPACE, *INDICES)]
    vector = array.attrs.get("tensor_order") == 1 and array.attrs.get("role") == "state"
    return bool(entity) and vector and parse(array.attrs["units"]).exponents == parse("m").exponents


def _distances(dataset: xr.Dataset, place: xr.DataArray, cells: Mapping[str, int]) -> np.ndarray:
    """How far along each component so many cells are, in the units of the place."""
    found = np.zeros(place.sizes["i"])
    for dim, shift in cells.items():
        axis = dataset[dim]
        if axis.size > 1 and shift:
            step = float(axis[-1] - axis[0]) / (axis.size - 1)
            found[LABELS.index(dim)] = shift * step * conversion(axis.attrs["units"], place.attrs["units"])
    return found


def _turned(matrix: np.ndarray, orientation: float, array: xr.DataArray) -> xr.DataArray:
    order = _declared(array, "tensor_order")
    if sum(dim in INDICES for dim in array.dims) != order or any(dim not in array.dims for dim in INDICES[:order]):
        raise SchemaError(f"variable {array.name!r}: expected {order} index dimensions, given {array.dims}")
    values = array.values
    for dim in INDICES[:order]:
        if array.sizes[dim] != len(matrix):
            sizes = f"expected {len(matrix)} components over {dim!r}, given {array.sizes[dim]}"
            raise InputError(f"variable {array.name!r}: {sizes}")
        axis = array.get_axis_num(dim)
        values = np.moveaxis(_mixed(matrix, np.moveaxis(values, axis, -1)), -1, axis)
    flipped = bool(_declared(array, "pseudo")) and orientation < 0
    return array.copy(data=values * -1.0 if flipped else values)


def _mixed(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The matrix times values (..., d); a signed permutation rounds nothing and keeps the type of floats."""
    if not np.all(np.count_nonzero(matrix, axis=1) == 1):
        return values @ matrix.T
    source = np.argmax(matrix != 0, axis=1)
    factors = matrix[np.arange(len(matrix)), source]
    return values[..., source] * factors.astype(values.dtype if values.dtype.kind == "f" else np.float64)


def _declared(array: xr.DataArray, key: str) -> int:
    if key not in array.attrs:
        raise SchemaError(f"variable {array.name!r}: expected the attribute {key!r}, given none; declare it")
    return int(array.attrs[key])


def reverse_time(dataset: xr.Dataset) -> xr.Dataset:
    """Carry a dataset over to t -> -t: what has an odd power of seconds in its units changes sign.

    This is the change of units by s -> -s: velocities, momenta and magnetic fields flip, forces stay; a viscosity flips
    too, which is why friction is not reversible. A trajectory also runs from its last time to its first, times
    increasing from -t_last to -t_first, so that the result is a trajectory again. Twice is the identity.

    Args:
        dataset: typed variables; with a time dimension or without.

    Raises:
        SchemaError: if a variable does not declare its units.
        InputError: if its units have a fractional power of seconds, which has no sign.
    """
    out = dataset.assign({name: array.copy(data=array.values * _parity(array)) for name, array in dataset.items()})
    if "time" not in dataset.coords:
        return out
    out = out.assign_coords(time=dataset["time"].copy(data=-dataset["time"].values))
    return out.isel(time=slice(None, None, -1)) if "time" in dataset.dims else out


def _parity(array: xr.DataArray) -> int:
    if "units" not in array.attrs:
        raise SchemaError(f"variable {array.name!r}: expected the attribute 'units', given none; declare it")
    power = parse(array.attrs["units"]).exponent("s")
    if power.denominator != 1:
        raise InputError(f"variable {array.name!r}: expected a whole power of seconds, given {array.attrs['units']!r}")
    return -1 if power % 2 else 1
