"""Units of typed variables: their dimensions, changes of units, and what no change of units can alter."""

from __future__ import annotations

from physym.units.expressions import DimensionError, check_expression
from physym.units.groups import Groups, dimensionless_groups
from physym.units.monomials import products
from physym.units.rescaling import dimensions, rescale
from physym.units.typed import Table, read_table

__all__ = [
    "DimensionError",
    "Groups",
    "Table",
    "check_expression",
    "dimensionless_groups",
    "dimensions",
    "products",
    "read_table",
    "rescale",
]
