"""Typed data as the solver takes them, a row per sample and time, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simulators.grid import Grid
from simulators.parameters import arrays, lead
from simulators.rietkerk.variables import LEDGER, PARAMETERS, PLACE, STATES, TYPES

__all__ = ["cells", "ledger", "rows", "typed"]

Leading = tuple[tuple[str, ...], tuple[int, ...]]
"""The leading dimensions by name and by size."""


def cells(grid: Grid) -> tuple[float, ...]:
    """Sizes of a cell along x and y; infinite along an axis of one cell, where nothing spreads."""
    return tuple(np.inf if count == 1 else size for size, count in zip(grid.cell, grid.shape[::-1], strict=True))


def rows(data: xr.Dataset) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """States (row, 3, y, x) and each parameter (row,), a row per sample and time."""
    full, count = arrays(data), int(np.prod(lead(data)[1]))
    state = np.stack(full[: len(STATES)], axis=-3)
    parameters = {name: values.reshape(count) for name, values in zip(PARAMETERS, full[len(STATES) :], strict=True)}
    return state.reshape(count, *state.shape[-3:]), parameters


def typed(states: np.ndarray, leading: Leading) -> dict[str, Any]:
    """States as variables, from (..., 3, y, x)."""
    dims, sizes = leading
    shaped = states.reshape(*sizes, *states.shape[-3:])
    return {name: ((*dims, *PLACE), shaped[..., n, :, :], TYPES[name].attrs()) for n, name in enumerate(STATES)}


def ledger(integrals: np.ndarray, rainfall: np.ndarray, since: np.ndarray, leading: Leading) -> dict[str, Any]:
    """What came in and went out as variables, means over the area.

    Args:
        integrals: uptake and losses (row, time, 3).
        rainfall: (row,).
        since: the time since the start (time,).
        leading: the dimensions sample and time, those there are.
    """
    dims, sizes = leading
    rain = rainfall[:, None] * since
    flows = np.concatenate([rain[..., None], integrals], axis=-1).reshape(*sizes, -1)
    return {name: (dims, flows[..., n], variable.attrs()) for n, (name, variable) in enumerate(LEDGER.items())}
