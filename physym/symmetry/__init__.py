"""Groups, and how they act on typed datasets."""

from __future__ import annotations

from physym.symmetry.action import act, reverse_time, translate
from physym.symmetry.groups import SO, Group, Hyperoctahedral, O

__all__ = ["SO", "Group", "Hyperoctahedral", "O", "act", "reverse_time", "translate"]
