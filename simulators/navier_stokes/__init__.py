"""Incompressible flow with heat that rises; `model` has the equations."""

from __future__ import annotations

from simulators.navier_stokes.model import NavierStokes

__all__ = ["NavierStokes"]
