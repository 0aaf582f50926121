"""Where plants stand at the start of a run of the Rietkerk model."""

from __future__ import annotations

from typing import Literal

import numpy as np

from simulators.grid import Grid
from simulators.parameters import Uniform

__all__ = ["vegetation"]

_RADIUS = 5.0


def vegetation(
    grid: Grid,
    rng: np.random.Generator,
    kind: Literal["cells", "patches"],
    cover: float | Uniform,
    biomass: float | Uniform,
) -> np.ndarray:
    """Vegetation (y, x) [g/m**2] of one sample.

    Args:
        grid: of the sample.
        rng: its random stream.
        kind: each cell by itself, or round patches of radius 5 m, at least one, which may overlap.
        cover: the vegetated part of the area, on average, or a range to draw it from.
        biomass: the vegetation there [g/m**2], or a range to draw it from.
    """
    part, amount = (float(value.draw(rng, ())) if isinstance(value, Uniform) else value for value in (cover, biomass))
    if kind == "cells":
        return np.where(rng.random(grid.shape) < part, amount, 0.0)
    if part in (0.0, 1.0):
        return np.full(grid.shape, part * amount)
    size = np.array(grid.length)
    # patches at random places overlap: n of area a leave the part exp(-n a/A) bare
    number = max(1, round(-np.log1p(-part) * float(size.prod()) / (np.pi * _RADIUS**2)))
    coordinates = grid.coordinates()
    y, x = np.meshgrid(coordinates["y"][1], coordinates["x"][1], indexing="ij")
    grown = np.zeros(grid.shape, dtype=bool)
    for middle in rng.random((number, 2)) * size:
        # the nearest of the patch's periodic images
        away = [abs(place - centre) for place, centre in zip((x, y), middle, strict=True)]
        across, along = (np.minimum(d, side - d) for d, side in zip(away, size, strict=True))
        grown |= across**2 + along**2 <= _RADIUS**2
    return np.where(grown, amount, 0.0)
