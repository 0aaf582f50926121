"""Random starts of the Navier-Stokes equations: smooth flows without divergence, and warm and cold blobs."""

from __future__ import annotations

import math

import numpy as np

from simulators.grid import Grid
from simulators.grid.dealiased import Dealiased

__all__ = ["blobs", "eddies"]

_REACH = 2.5
"""Waves so many times shorter than the eddies carry a hundred-thousandth of the energy of a mode; none are drawn."""


def eddies(grid: Grid, space: Dealiased, rng: np.random.Generator, speed: float, eddy: float) -> np.ndarray:
    """A random flow (i, *space) without mean: the curl of a Gaussian random potential of modes exp(-(k/k0)²).

    The coefficients are drawn for waves and not for cells, so that a finer grid has the same flow.

    Args:
        grid: of the cells.
        space: the modes that can be resolved.
        rng: the random stream.
        speed: root mean square of the velocity.
        eddy: 2π/k0, near the wavelength with most energy.
    """
    d, k0 = grid.ndim, 2 * np.pi / eddy
    step = [2 * np.pi / length for length in grid.length]
    reach = [max(1, math.ceil(_REACH * k0 / k)) for k in step]
    lattice = np.meshgrid(*(np.arange(-n, n + 1) * k for n, k in zip(reach, step, strict=True)), indexing="ij")
    square = sum(k**2 for k in lattice)
    drawn = rng.standard_normal((2, 1 if d == 2 else 3, *square.shape))
    allowed = np.all([abs(k) < m + 0.5 * h for k, m, h in zip(lattice, space.largest, step, strict=True)], axis=0)
    potential = (drawn[0] + 1j * drawn[1]) * np.exp(-square / k0**2) * allowed
    if d == 2:
        modes = np.stack([1j * lattice[1] * potential[0], -1j * lattice[0] * potential[0]])
    else:
        cross = ((1, 2), (2, 0), (0, 1))
        modes = np.stack([1j * (lattice[a] * potential[b] - lattice[b] * potential[a]) for a, b in cross])
    flow = modes
    for axis, k in enumerate(step):
        count = grid.shape[-1 - axis]
        angle = np.outer((np.arange(count) + 0.5) * grid.cell[axis], np.arange(-reach[axis], reach[axis] + 1) * k)
        flow = np.moveaxis(np.tensordot(np.exp(1j * angle), flow, (1, 1 + axis)), 0, 1 + axis)
    # lattice axes are (x, y, z), fields are stored (z, y, x)
    flow = np.moveaxis(flow, range(1, d + 1), range(d, 0, -1)).real
    size = math.sqrt(float(np.mean(np.sum(flow**2, axis=0))))
    return np.ascontiguousarray(flow) * (speed / size if size > 0 else 0.0)


def blobs(
    grid: Grid, space: Dealiased, rng: np.random.Generator, number: int, heat: float, radius: float
) -> np.ndarray:
    """Round Gaussian blobs (*space) at random places, each warm or cold by chance; they may overlap.

    Args:
        grid: of the cells.
        space: the modes that can be resolved.
        rng: the random stream.
        number: of blobs.
        heat: how much warmer or colder the middle of each is.
        radius: standard deviation of each.
    """
    modes, volume = np.zeros(space.modes, dtype=np.complex128), math.prod(grid.length)
    shape = (2 * np.pi * radius**2) ** (grid.ndim / 2) / volume * np.exp(-0.5 * radius**2 * space.square)
    for _ in range(number):
        place, sign = rng.random(grid.ndim), rng.choice((-1.0, 1.0))
        away = [p * length - 0.5 * cell for p, length, cell in zip(place, grid.length, grid.cell, strict=True)]
        modes += sign * heat * shape * np.exp(-1j * sum(k * x for k, x in zip(space.wavenumbers, away, strict=True)))
    return space.backward((modes * space.kept)[None])[0]
