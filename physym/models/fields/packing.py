"""Variables of a dataset in packed tensors: sorted by type, components before space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from physym.models.fields.types import Types
from simulators.schema import Variable

__all__ = ["by_type", "packed", "types_of", "unpacked"]


def types_of(some: Sequence[Variable]) -> Types:
    """How many variables there are of each type (order, pseudo)."""
    return dict(sorted(Counter((v.tensor_order, v.pseudo) for v in some).items()))


def by_type(some: Sequence[Variable]) -> list[Variable]:
    """The variables in the order of a packed tensor."""
    return sorted(some, key=lambda v: (v.tensor_order, v.pseudo))


def packed(values: np.ndarray, dim: int, order: int) -> np.ndarray:
    """(..., *space, *indices) to (..., entry, *space)."""
    lead = values.ndim - dim - order
    moved = np.moveaxis(values, range(values.ndim - order, values.ndim), range(lead, lead + order))
    return moved.reshape(*values.shape[:lead], dim**order, *values.shape[lead : lead + dim])


def unpacked(values: np.ndarray, dim: int, order: int) -> np.ndarray:
    """(..., entry, *space) to (..., *space, *indices)."""
    lead = values.ndim - dim - 1
    split = values.reshape(*values.shape[:lead], *(dim,) * order, *values.shape[lead + 1 :])
    return np.moveaxis(split, range(lead, lead + order), range(split.ndim - order, split.ndim))
