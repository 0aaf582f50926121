"""How symmetries act on typed datasets: by what each variable declares, parameters included.

A matrix Q acts on a tensor by every one of its indices, and changes the sign of a pseudotensor if it reflects:

    (Q·T)_{ij...} = sign(det Q)^pseudo Σ_{ab...} Q_{ia} Q_{jb} ... T_{ab...}

Scalars stay as they are, pseudoscalars flip under reflections. Time reversal acts by units alone.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.schema import INDICES, SPACE
from simulators.units import parse

__all__ = ["act", "reverse_time"]


def act(matrix: np.ndarray, dataset: xr.Dataset) -> xr.Dataset:
    """Carry a dataset over to turned or reflected axes.

    Args:
        matrix: an element of a group (d, d), d being the number of components of the tensors.
        dataset: typed variables; each is a tensor over its index dimensions `i`, `j`, ....

    Returns:
        The dataset with new values; dimensions, coordinates and attributes stay.

    Raises:
        InputError: if the matrix does not fit, or the variables are fields on a grid, whose cells a general rotation
            does not carry to cells.
        SchemaError: if a variable does not declare its `tensor_order` and `pseudo`.

    >>> import simulators
    >>> start = simulators.SpringPendulum().sample(1)
    >>> act(np.diag([1.0, 1.0, -1.0]), start).gravity.values.tolist()
    [0.0, 0.0, 1.0]
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.all(np.isfinite(matrix)):
        raise InputError(f"matrix: expected finite numbers (d, d), given the shape {matrix.shape}")
    space = [str(dim) for dim in dataset.dims if dim in SPACE]
    if space:
        raise InputError(
            f"expected variables of bodies, given fields over {', '.join(space)}: a grid is not carried to itself by a"
            " general rotation; act on its values at single points"
        )
    orientation = np.sign(np.linalg.det(matrix))
    if orientation == 0:
        raise InputError("matrix: expected one with an inverse, given determinant 0")
    return dataset.assign({name: _turned(matrix, orientation, array) for name, array in dataset.data_vars.items()})


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
        values = np.moveaxis(np.tensordot(values, matrix, axes=(axis, 1)), -1, axis)
    return array.copy(data=values * orientation if _declared(array, "pseudo") else values)


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
