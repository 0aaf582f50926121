"""How signed permutations carry the cells of a periodic grid to cells.

The cell x goes to Qx, both seen from the middle of the domain: an axis that is reflected is read backwards, and axes
that trade places trade their sizes and coordinates. A domain [0, L) is so mapped onto itself, or onto the one with its
sides traded, and cell centres onto cell centres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.schema import LABELS, SPACE

__all__ = ["carry", "grid_axes", "on_grid"]

_CLOSE = 1e-12
_EVEN = 1e-4


def grid_axes(dataset: xr.Dataset) -> list[int]:
    """The components (x is 0, y 1, z 2) along which there is a grid."""
    return [n for n, label in enumerate(LABELS) if label in dataset.dims]


def on_grid(matrix: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """The matrix with its entries along the axes of a grid rounded to the signed permutation that they must be.

    Raises:
        InputError: if they are none, or mix axes of the grid with others.
    """
    named = ", ".join(LABELS[n] for n in reversed(axes))
    if len(matrix) <= max(axes):
        raise InputError(f"matrix: expected at least {max(axes) + 1} rows for fields over {named}, given {len(matrix)}")
    others = np.setdiff1d(np.arange(len(matrix)), axes)
    whole = matrix.copy()
    block = np.round(matrix[np.ix_(axes, axes)])
    whole[np.ix_(axes, axes)] = block
    whole[np.ix_(axes, others)] = whole[np.ix_(others, axes)] = 0.0
    single = all(np.array_equal(np.abs(block).sum(axis=n), np.ones(len(axes))) for n in (0, 1))
    if not single or np.abs(whole - matrix).max() > _CLOSE:
        raise InputError(
            f"expected a matrix that permutes and reflects the axes of the fields over {named}, given another: a grid"
            " is not carried to itself by a general rotation; take elements of Hyperoctahedral, or act on its values"
            " at single points"
        )
    return whole + 0.0


def carry(matrix: np.ndarray, dataset: xr.Dataset, axes: Sequence[int]) -> xr.Dataset:
    """Carry cells to cells, tensors being turned already.

    Args:
        matrix: as `on_grid` gives it.
        dataset: the fields.
        axes: as `grid_axes` gives them.

    Raises:
        InputError: if an axis is reflected whose cells are not of one size.
    """
    goal = {LABELS[b]: LABELS[a] for a in axes for b in axes if matrix[a, b]}
    flipped = [LABELS[b] for b in axes if matrix[:, b].sum() < 0]
    fields = {name: _carried(array.variable, goal, flipped) for name, array in dataset.data_vars.items()}
    coords = {}
    for name, array in dataset.coords.items():
        if name not in goal:
            coords[name] = _carried(array.variable, goal, flipped)
            continue
        if name in flipped:
            _check_even(array)
        there = dataset.coords.get(goal[name], array)
        units = {key: array.attrs[key] for key in ("units",) if key in array.attrs}
        coords[goal[name]] = (goal[name], array.values, there.attrs | units)
    return xr.Dataset(fields, coords, dataset.attrs)


def _carried(variable: xr.Variable, goal: Mapping[str, str], flipped: Sequence[str]) -> xr.Variable:
    if not set(goal) & set(variable.dims):
        return variable.to_base_variable()
    values = np.flip(variable.values, [n for n, dim in enumerate(variable.dims) if dim in flipped])
    there = [goal.get(str(dim), dim) for dim in variable.dims]
    if set(there) == set(variable.dims):
        wanted = list(variable.dims)
    else:
        space = iter([dim for dim in SPACE if dim in there])
        wanted = [next(space) if dim in SPACE else dim for dim in there]
    return xr.Variable(there, values, variable.attrs).transpose(*wanted)


def _check_even(axis: xr.DataArray) -> None:
    steps = np.diff(axis.values)
    if steps.size and np.abs(steps - steps[0]).max() > _EVEN * abs(steps[0]):
        raise InputError(
            f"coordinate {axis.name!r}: expected cells of one size to reflect, given sizes from {steps.min():g} to"
            f" {steps.max():g}; resample it"
        )
