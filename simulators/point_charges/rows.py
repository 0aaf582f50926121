"""States and parameters of charges as rows of arrays, one a sample and time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from simulators.grid import Grid
from simulators.parameters import arrays, lead
from simulators.point_charges import ewald

__all__ = ["Rows", "packed", "rows"]


@dataclass(frozen=True)
class Rows:
    """States (row, body, i) and parameters (row, body) or (row,), a row per sample and time."""

    places: np.ndarray
    momenta: np.ndarray
    charges: np.ndarray
    masses: np.ndarray
    radius: np.ndarray
    permittivity: np.ndarray
    depth: np.ndarray

    @property
    def strength(self) -> np.ndarray:
        """1/ε, in 2-D over the depth."""
        return 1.0 / (self.permittivity * self.depth) if self.places.shape[-1] == 2 else 1.0 / self.permittivity

    def energy(self, grid: Grid) -> np.ndarray:
        """That of the field (row,)."""
        parts = []
        for first in range(0, len(self.places), 256):
            some = slice(first, first + 256)
            given = (self.places[some], self.charges[some], self.radius[some], self.strength[some])
            parts.append(ewald.energy(grid.length, *given))
        return np.concatenate(parts)


def rows(data: xr.Dataset) -> Rows:
    """Those of a dataset of states and parameters, in the order of their types."""
    sizes = lead(data)[1]
    count = int(np.prod(sizes))
    full = [array.reshape(count, *array.shape[len(sizes) :]) for array in arrays(data)]
    return Rows(*full)


def packed(data: xr.Dataset, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States (row, 2 body i) and parameters (row, m) as the kernels take them, and what errors are measured by."""
    found = rows(data)
    count, bodies, d = found.places.shape
    state = np.concatenate([found.places, found.momenta], axis=1).reshape(count, -1)
    scales = np.stack([np.sqrt(2) * found.radius, found.strength], axis=-1)
    sides = np.broadcast_to(grid.length, (count, d))
    parameters = np.concatenate([found.charges, found.masses, scales, sides], axis=-1)
    size = min(grid.length)
    kinetic = np.sum(found.momenta**2 / found.masses[..., None], axis=(-2, -1))
    typical = kinetic + found.strength * np.sum(found.charges**2, axis=-1) * size ** (2 - d)
    typical = np.sqrt(np.where(typical > 0, typical, 1.0)[:, None] * found.masses)
    scale = np.concatenate([np.full((count, bodies * d), size), np.repeat(typical, d, axis=-1)], axis=-1)
    return state, parameters, scale
