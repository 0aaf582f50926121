"""Groups, how they act, and the exact ways to impose a symmetry.

- how groups act on typed datasets: `act`, `translate`, `reverse_time`; on tensors: `Rep`, made of `T`, `V`, `PSEUDO`
- linear equivariant maps: `equivariant_basis`, `invariant_basis`, `dimension`; on grids: `invariant_filters`;
  irreducible parts (irreps; Schur): `decompose`, `clebsch_gordan`, `irrep`
- invariants of vectors, and what they determine: `invariants`, `gram`, `equivariant`, `recover`, `from_gram`, `align`,
  for classical groups or any `Form`; equivariants from invariants: `equivariants_from_invariants`, `equivariants_torch`
- point clouds: `gram_features`, `centroid_features`, `congruence`, `PointCloudRegressor`
- averages over groups (the Reynolds operator, by the Haar measure): `average`; cheap exact versions: `frame_average`,
  `frames`, `canonicalise`, `canonicalised`
- networks of equivariant linear maps, in torch, which is imported when they are asked for by name (a star import
  does not): `EquivariantLinear`, `EquivariantMLP`
- what symmetry buys in regression: `physym.symmetry.generalisation`
- the cyclic group, worked through: `physym.symmetry.cyclic`
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from physym.symmetry import cyclic, generalisation
from physym.symmetry.action import act, reverse_time, translate
from physym.symmetry.averaging.canonical import canonicalise, canonicalised
from physym.symmetry.averaging.frames import frame_average, frames
from physym.symmetry.averaging.reynolds import average
from physym.symmetry.clouds.congruence import congruence
from physym.symmetry.clouds.features import (
    centroid_features,
    centroids,
    conjugation_invariants,
    distances,
    gram_features,
)
from physym.symmetry.clouds.regressor import PointCloudRegressor
from physym.symmetry.filters import invariant_filters
from physym.symmetry.groups import (
    SO,
    SU,
    A,
    AboutAxis,
    D,
    Group,
    Hyperoctahedral,
    Lorentz,
    MatrixGroup,
    O,
    Product,
    Rosette,
    S,
    Scalings,
    Sp,
    U,
    Z,
    translations,
)  # fmt: skip
from physym.symmetry.linear.clebsch_gordan import Irrep, clebsch_gordan, decompose, irrep
from physym.symmetry.linear.maps import dimension, equivariant_basis, invariant_basis
from physym.symmetry.linear.representations import PSEUDO, Rep, T, V
from physym.symmetry.vectors.alignment import align
from physym.symmetry.vectors.equivariants import basis_vectors, cross, equivariant
from physym.symmetry.vectors.forms import Form
from physym.symmetry.vectors.invariants import determinants, gram, invariant_names, invariants
from physym.symmetry.vectors.malgrange import equivariants_from_invariants, equivariants_torch
from physym.symmetry.vectors.recovery import from_gram, from_minkowski, recover

if TYPE_CHECKING:
    from physym.symmetry.linear.layer import EquivariantLinear as EquivariantLinear
    from physym.symmetry.linear.perceptron import EquivariantMLP as EquivariantMLP

__all__ = [
    "PSEUDO",
    "SO",
    "SU",
    "A",
    "AboutAxis",
    "D",
    "Form",
    "Group",
    "Hyperoctahedral",
    "Irrep",
    "Lorentz",
    "MatrixGroup",
    "O",
    "PointCloudRegressor",
    "Product",
    "Rep",
    "Rosette",
    "S",
    "Scalings",
    "Sp",
    "T",
    "U",
    "V",
    "Z",
    "act",
    "align",
    "average",
    "basis_vectors",
    "canonicalise",
    "canonicalised",
    "centroid_features",
    "centroids",
    "clebsch_gordan",
    "congruence",
    "conjugation_invariants",
    "cross",
    "cyclic",
    "decompose",
    "determinants",
    "dimension",
    "distances",
    "equivariant",
    "equivariant_basis",
    "equivariants_from_invariants",
    "equivariants_torch",
    "frame_average",
    "frames",
    "from_gram",
    "from_minkowski",
    "generalisation",
    "gram",
    "gram_features",
    "invariant_basis",
    "invariant_filters",
    "invariant_names",
    "invariants",
    "irrep",
    "recover",
    "reverse_time",
    "translate",
    "translations",
]  # fmt: skip

# not in __all__: a star import asks for no net, and so for no torch
_NETS = {
    "EquivariantLinear": "physym.symmetry.linear.layer",
    "EquivariantMLP": "physym.symmetry.linear.perceptron",
}


def __getattr__(name: str) -> object:
    if name in _NETS:
        return getattr(importlib.import_module(_NETS[name]), name)
    raise AttributeError(f"module 'physym.symmetry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_NETS})
