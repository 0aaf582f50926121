"""Groups, how they act on typed datasets, and what they leave as it is."""

from __future__ import annotations

from physym.symmetry.action import act, reverse_time, translate
from physym.symmetry.filters import invariant_filters
from physym.symmetry.groups import SO, Group, Hyperoctahedral, O

__all__ = ["SO", "Group", "Hyperoctahedral", "O", "act", "invariant_filters", "reverse_time", "translate"]
