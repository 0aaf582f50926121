"""Gradient, divergence and curl as signed sums of first derivatives, whatever the scheme that takes those.

With T the field and ∂_k the derivative along axis k, axes and components counted in the order x, y, z:

| operator | formula | indices | pseudo |
|---|---|---|---|
| gradient | (grad T)_{i..k} = ∂_k T_{i..} | one more | as T |
| divergence | (div T)_{i..} = ∂_k T_{i..k} | one fewer | as T |
| curl, 3-D | (curl T)_{i..k} = ε_{kab} ∂_a T_{i..b} | as many | flips |
| curl, 2-D, T with an index | (curl T)_{i..} = ε_{ab} ∂_a T_{i..b} = ∂_x T_{i..y} - ∂_y T_{i..x} | one fewer | flips |
| curl, 2-D, T a scalar | (curl T)_k = ε_{ka} ∂_a T = (∂_y T, -∂_x T) | one more | flips |
"""

from __future__ import annotations

from typing import NamedTuple

from simulators.errors import InputError

__all__ = ["Operator", "curl", "divergence", "gradient"]


class Operator(NamedTuple):
    """A first-order operator on the last index of a field.

    Attributes:
        name: as a label says it.
        symbol: as a formula says it.
        takes: the number of components of the index that it consumes; 1 if it consumes none.
        terms: per component of the result, the derivatives to add: (component taken, axis, sign).
        added: how many indices the result has more than the field: -1, 0 or 1.
        flips: whether the result of a true tensor is a pseudotensor.
    """

    name: str
    symbol: str
    takes: int
    terms: tuple[tuple[tuple[int, int, int], ...], ...]
    added: int
    flips: bool = False


def gradient(dimension: int, order: int) -> Operator:
    """The gradient of a field of any tensor order."""
    return Operator("gradient", "∇", 1, tuple(((0, k, 1),) for k in range(dimension)), 1)


def divergence(dimension: int, order: int) -> Operator:
    """The divergence over the last index.

    Raises:
        InputError: if the field is a scalar.
    """
    if order < 1:
        raise InputError("expected a vector or tensor to take the divergence of, given a scalar; take its gradient")
    return Operator("divergence", "∇·", dimension, (tuple((k, k, 1) for k in range(dimension)),), -1)


def curl(dimension: int, order: int) -> Operator:
    """The curl, in 3-D of vectors and tensors over the last index, in 2-D of scalars too.

    Raises:
        InputError: in one dimension, and for a scalar in three.
    """
    if dimension == 1:
        raise InputError("expected a grid of 2 or 3 dimensions to take a curl on, given 1; use the gradient")
    if dimension == 2:
        if order == 0:
            return Operator("curl", "∇×", 1, (((0, 1, 1),), ((0, 0, -1),)), 1, flips=True)
        return Operator("curl", "∇×", 2, (((1, 0, 1), (0, 1, -1)),), -1, flips=True)
    if order < 1:
        raise InputError("expected a vector or tensor to take the curl of in 3 dimensions, given a scalar")
    cyclic = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    return Operator("curl", "∇×", 3, tuple(((b, a, 1), (a, b, -1)) for _, a, b in cyclic), 0, flips=True)
