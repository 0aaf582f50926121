"""Groups, and how they act on typed datasets."""

from __future__ import annotations

from physym.symmetry.action import act, reverse_time
from physym.symmetry.groups import SO, Group, O

__all__ = ["SO", "Group", "O", "act", "reverse_time"]
