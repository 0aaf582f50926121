"""Learns physical laws that obey the symmetries they must obey, and checks that they do.

Names are imported on first use, so that `import physym` is cheap: torch comes with the first model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from physym import symmetry, units
    from physym.checks import check
    from physym.discovery import discover
    from physym.loading import load
    from physym.metrics import rollout_error
    from physym.models import FieldNet, HamiltonianNN, NeuralODE
    from physym.symbolic import SymbolicRegressor
    from physym.units.regressor import DimensionlessRegressor

__version__ = "0.1.0"
__all__ = [
    "DimensionlessRegressor",
    "FieldNet",
    "HamiltonianNN",
    "NeuralODE",
    "SymbolicRegressor",
    "__version__",
    "check",
    "discover",
    "load",
    "rollout_error",
    "symmetry",
    "units",
]

_HOMES = {
    "DimensionlessRegressor": "physym.units.regressor",
    "FieldNet": "physym.models",
    "HamiltonianNN": "physym.models",
    "NeuralODE": "physym.models",
    "SymbolicRegressor": "physym.symbolic",
    "check": "physym.checks",
    "discover": "physym.discovery",
    "load": "physym.loading",
    "rollout_error": "physym.metrics",
}
_SUBMODULES = ("symmetry", "units")


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return importlib.import_module(f"physym.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'physym' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
