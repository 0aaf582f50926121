"""Discovery of partial differential equations from runs of scalar fields on a periodic grid."""

from __future__ import annotations

from physym.discovery.fields.discovery import discover_fields
from physym.discovery.fields.law import FieldLaw

__all__ = ["FieldLaw", "discover_fields"]
