#!/usr/bin/env python3
"""Draws a pulse in an elastic solid: what it compresses and what it shears, and how these travel apart.

usage: scripts/elastic_waves_picture.py [PNG]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from physym import plotting
from physym.symmetry import translate
from simulators import ElasticWaves

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Simulate one pulse, and draw the divergence of its velocity (P waves) and the curl (S waves)."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "datasets" / "elastic_waves.png"
    solid = ElasticWaves(pulses=1, length=12800.0)
    start, grid = solid.sample(1, seed=1), solid.grid()
    place = np.unravel_index(np.argmax((start["velocity"].values[0] ** 2).sum(axis=-1)), grid.shape)
    centred = {dim: size // 2 - int(n) for dim, size, n in zip(grid.dims, grid.shape, place, strict=True)}
    run = solid.simulate(translate(start, centred), solid.times)
    for name, said, derivative in (("P", "divergence", grid.divergence), ("S", "curl", grid.curl)):
        found = 100 * derivative(run["velocity"], "spectral")
        run[name] = found.assign_attrs(run["velocity"].attrs | {"long_name": said, "units": "%/s"})
    for dim in ("x", "y"):
        run = run.assign_coords({dim: (dim, run[dim].values / 1e3, {"units": "km", "long_name": dim})})
    with plotting.styled():
        plotting.save(plotting.draw_fields(run, times=[0.0, 0.25, 0.5, 0.75, 1.0], variables=["P", "S"]), path)


if __name__ == "__main__":
    main()
