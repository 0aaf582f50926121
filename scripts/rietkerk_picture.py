#!/usr/bin/env python3
"""Draws the picture of the README: vegetation patterns of the Rietkerk model, and mean vegetation over time.

usage: scripts/rietkerk_picture.py [PNG]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from physym import plotting
from simulators import Rietkerk

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Simulate the standard setting for 200 days, and draw vegetation at four times and its mean."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "datasets" / "rietkerk.png"
    model = Rietkerk()
    run = model.simulate(model.sample(1), np.arange(0.0, 201.0, 2.0))
    with plotting.styled():
        plotting.save(plotting.draw_fields(run, times=[0, 20, 80, 140, 200], variables=["vegetation"]), path)


if __name__ == "__main__":
    main()
