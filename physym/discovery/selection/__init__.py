"""Sparse selection of the terms of a linear law A c ≈ b."""

from physym.discovery.selection.choice import Selection, Step, select, widest
from physym.discovery.selection.problem import Fit, Problem

__all__ = ["Fit", "Problem", "Selection", "Step", "select", "widest"]
