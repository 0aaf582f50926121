"""Charged bodies and the electric field that they make; `model` has the equations."""

from __future__ import annotations

from simulators.point_charges.model import PointCharges

__all__ = ["PointCharges"]
