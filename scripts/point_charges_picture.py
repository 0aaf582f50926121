#!/usr/bin/env python3
"""Draws charges and the field that they make, at rest and as they move.

usage: scripts/point_charges_picture.py [PNG]
"""

from __future__ import annotations

import sys
from pathlib import Path

from physym import plotting
from simulators import PointCharges

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Simulate the standard setting, and draw the charge density and the components of the field."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "datasets" / "point_charges.png"
    box = PointCharges(neutral=True)
    run = box.simulate(box.sample(1, seed=1), box.times)
    density = run["charge_density"]
    run["charge_density"] = (1e9 * density).assign_attrs(density.attrs | {"units": "nC/m**3"})
    with plotting.styled():
        figure = plotting.draw_fields(run, times=[0.0, 0.5, 1.0, 1.5, 2.0], variables=["charge_density", "field"])
        plotting.save(figure, path)


if __name__ == "__main__":
    main()
