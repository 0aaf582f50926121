#!/usr/bin/env python3
"""Draws eddies of the shallow-water equations: height, potential vorticity and salinity over ten days.

usage: scripts/shallow_water_picture.py [PNG]
"""

from __future__ import annotations

import sys
from pathlib import Path

from physym import plotting
from simulators import ShallowWater

ROOT = Path(__file__).resolve().parents[1]
DAY = 86400.0


def main() -> None:
    """Simulate the standard setting, and draw what eddies do to the surface, to vorticity and to salinity."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "datasets" / "shallow_water.png"
    model = ShallowWater()
    run = model.simulate(model.sample(1), model.times)
    run = run.assign(potential_vorticity=model.potential_vorticity(run))
    for dim, size, units in (("time", DAY, "d"), ("x", 1e3, "km"), ("y", 1e3, "km")):
        run = run.assign_coords({dim: (dim, run[dim].values / size, {"units": units, "long_name": dim})})
    shown = ["height", "potential_vorticity", "salinity"]
    with plotting.styled():
        plotting.save(plotting.draw_fields(run, times=[0, 2, 4, 7, 10], variables=shown), path)


if __name__ == "__main__":
    main()
