#!/usr/bin/env python3
"""Draws plumes of the Navier-Stokes equations: temperature and vorticity over four seconds.

usage: scripts/navier_stokes_picture.py [PNG]
"""

from __future__ import annotations

import sys
from pathlib import Path

from physym import plotting
from simulators import NavierStokes

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Simulate the standard setting, and draw how warm and cold blobs become plumes and eddies fold them."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "datasets" / "navier_stokes.png"
    model = NavierStokes()
    run = model.simulate(model.sample(2), model.times).isel(sample=[1])
    run = run.assign(vorticity=model.grid().curl(run["velocity"], "spectral"))
    with plotting.styled():
        figure = plotting.draw_fields(run, times=[0, 0.5, 1, 2, 4], variables=["temperature", "vorticity"])
        plotting.save(figure, path)


if __name__ == "__main__":
    main()
