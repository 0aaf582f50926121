"""Typed data as the solver takes them, a row per sample and time, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simulators.grid import Grid
from simulators.navier_stokes.variables import LEDGER, TYPES
from simulators.parameters import arrays, lead

__all__ = ["ledger", "rows", "typed"]

Leading = tuple[tuple[str, ...], tuple[int, ...]]
"""The leading dimensions by name and by size."""


def rows(data: xr.Dataset, grid: Grid) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """States (row, field, *space) and viscosity (row,), diffusivity (row,), buoyancy (row, i); a row per start."""
    velocity, temperature, viscosity, diffusivity, buoyancy = arrays(data)
    count = int(np.prod(lead(data)[1]))
    state = np.empty((count, grid.ndim + 1, *grid.shape))
    state[:, :-1] = np.moveaxis(velocity.reshape(count, *grid.shape, grid.ndim), -1, 1)
    state[:, -1] = temperature.reshape(count, *grid.shape)
    return state, (viscosity.reshape(count), diffusivity.reshape(count), buoyancy.reshape(count, grid.ndim))


def typed(states: np.ndarray, leading: Leading, grid: Grid) -> dict[str, Any]:
    """Velocity and temperature as variables, from (..., field, *space)."""
    dims, sizes = leading
    shaped = states.reshape(*sizes, *states.shape[-1 - grid.ndim :])
    parts = np.moveaxis(shaped, len(sizes), -1)
    velocity, temperature = np.ascontiguousarray(parts[..., :-1]), np.ascontiguousarray(parts[..., -1])
    return {
        "velocity": ((*dims, *grid.dims, "i"), velocity, TYPES["velocity"].attrs()),
        "temperature": ((*dims, *grid.dims), temperature, TYPES["temperature"].attrs()),
    }


def ledger(integrals: np.ndarray, leading: Leading) -> dict[str, Any]:
    """What came in and went out as variables, from (..., integral): all of them in 2-D, the first three in 3-D."""
    dims, sizes = leading
    shaped = integrals.reshape(*sizes, -1)
    kinds = list(LEDGER.values())[: shaped.shape[-1]]
    return {kind.name: (dims, shaped[..., n], kind.attrs()) for n, kind in enumerate(kinds)}
