"""The Rietkerk model of vegetation patterns in dry land; `model` has the equations."""

from __future__ import annotations

from simulators.rietkerk.model import Rietkerk

__all__ = ["Rietkerk"]
