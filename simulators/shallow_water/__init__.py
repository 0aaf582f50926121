"""The rotating shallow-water equations with advected salinity; `model` has the equations."""

from __future__ import annotations

from simulators.shallow_water.model import ShallowWater

__all__ = ["ShallowWater"]
