"""Groups of matrices: their random elements, generators, elements, and exact averages."""

from __future__ import annotations

from physym.symmetry.groups.group import Group
from physym.symmetry.groups.lorentz import Lorentz
from physym.symmetry.groups.orthogonal import SO, O
from physym.symmetry.groups.permutations import A, D, Hyperoctahedral, S, Z
from physym.symmetry.groups.products import MatrixGroup, Product, translations
from physym.symmetry.groups.rosette import AboutAxis, Rosette
from physym.symmetry.groups.scalings import Scalings
from physym.symmetry.groups.symplectic import Sp
from physym.symmetry.groups.unitary import SU, U

__all__ = [
    "SO", "SU", "A", "AboutAxis", "D", "Group", "Hyperoctahedral", "Lorentz", "MatrixGroup", "O", "Product", "Rosette",
    "S", "Scalings", "Sp", "U", "Z", "translations",
]  # fmt: skip
