"""Groups, how they act on typed datasets, and what they leave as it is."""

from __future__ import annotations

from physym.symmetry.action import act, reverse_time, translate
from physym.symmetry.filters import invariant_filters
from physym.symmetry.groups import (
    SO, SU, A, AboutAxis, D, Group, Hyperoctahedral, Lorentz, MatrixGroup, O, Product, Rosette, S, Scalings, Sp, U, Z,
    translations,
)  # fmt: skip
from physym.symmetry.linear_maps import dimension, equivariant_basis, invariant_basis
from physym.symmetry.representations import PSEUDO, Rep, T, V

__all__ = [
    "PSEUDO", "SO", "SU", "A", "AboutAxis", "D", "Group", "Hyperoctahedral", "Lorentz", "MatrixGroup", "O", "Product",
    "Rep", "Rosette", "S", "Scalings", "Sp", "T", "U", "V", "Z", "act", "dimension", "equivariant_basis",
    "invariant_basis", "invariant_filters", "reverse_time", "translate", "translations",
]  # fmt: skip
