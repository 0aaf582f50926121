"""The physical types of variables, and how a dataset declares them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr

from simulators.errors import SchemaError

__all__ = ["CONVENTIONS", "DECLARED", "INDICES", "LABELS", "ROLES", "SPACE", "Variable"]
__all__ += ["coordinates", "names", "over", "variables"]

CONVENTIONS = "CF-1.11, physym-1"
SPACE = ("z", "y", "x")
INDICES = ("i", "j", "k", "l")
LABELS = ("x", "y", "z")
Role = Literal["state", "parameter", "diagnostic"]
ROLES = ("state", "parameter", "diagnostic")
DECLARED = ("units", "long_name", "symbol", "tensor_order", "pseudo", "role")


@dataclass(frozen=True)
class Variable:
    """The physical type of one variable.

    Attributes:
        name: its name in the dataset.
        units: as pint and UDUNITS read them; "1" if dimensionless.
        long_name: what a plot's axis says.
        symbol: what a formula says.
        dims: its dimensions besides `sample`, `time` and the tensor indices: ``("body",)``, ``("y", "x")``.
        tensor_order: the number of its tensor indices.
        pseudo: 1 if it changes sign under reflections beside what its indices do.
        role: "state", "parameter" or "diagnostic".
    """

    name: str
    units: str
    long_name: str
    symbol: str
    dims: tuple[str, ...] = ()
    tensor_order: int = 0
    pseudo: int = 0
    role: Role = "state"

    @property
    def indices(self) -> tuple[str, ...]:
        """The names of the tensor indices."""
        return INDICES[: self.tensor_order]

    def attrs(self) -> dict[str, Any]:
        """The attributes that declare this type in a dataset."""
        return {key: getattr(self, key) for key in DECLARED}


def names(dataset: xr.Dataset, role: Role) -> list[str]:
    """The names of the variables of one role, in the dataset's order."""
    return [str(name) for name, array in dataset.data_vars.items() if array.attrs.get("role") == role]


def variables(dataset: xr.Dataset) -> dict[str, Variable]:
    """The types that a valid dataset declares, by name."""
    found = {}
    for name, array in dataset.data_vars.items():
        order = int(array.attrs["tensor_order"])
        dims = tuple(str(d) for d in array.dims if d not in ("sample", "time"))
        given = {key: array.attrs[key] for key in ("units", "long_name", "symbol", "role")}
        found[str(name)] = Variable(
            str(name), dims=dims[: len(dims) - order], tensor_order=order, pseudo=int(array.attrs["pseudo"]), **given
        )
    return found


def over(types: Mapping[str, Variable], dims: Iterable[Hashable]) -> dict[str, Variable]:
    """The types as a dataset with these dimensions has them: fields over y and x are over z too, if it has z."""
    deep = "z" in set(dims)
    return {
        name: replace(kind, dims=("z", *kind.dims)) if deep and kind.dims[:2] == ("y", "x") else kind
        for name, kind in types.items()
    }


def coordinates(dims: Iterable[str], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The standard coordinates of entity and tensor dimensions: bodies count from 1, indices are labelled.

    Raises:
        SchemaError: if a tensor index has more than three components.
    """
    coords: dict[str, Any] = {}
    for dim in dims:
        if dim in INDICES:
            if sizes[dim] > len(LABELS):
                raise SchemaError(f"dimension {dim!r}: expected at most 3 components, given {sizes[dim]}")
            coords[dim] = (dim, list(LABELS[: sizes[dim]]))
        elif dim not in ("sample", "time", *SPACE):
            coords[dim] = (dim, np.arange(1, sizes[dim] + 1))
    return coords
