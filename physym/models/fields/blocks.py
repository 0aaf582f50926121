"""The block of which the networks are made: h + C₂(nonlinearity(C₁(h))).

With a symmetry the nonlinearity is polynomial: C₁ makes two factors a and b of every type, and the result is the sum of
all products of types, a/√(1 + |a|²) times b (see `physym.models.fields.products`). For small a that is the exact
product, as the advection u·∇u is one; for large a it grows no faster than b, so that rollouts stay bounded. A scalar a
near 1 passes b on, so that a block is linear where nothing else is needed.

Without a symmetry all channels are scalars and the nonlinearity is gelu: the plain convolutional network.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from physym.models.fields.convolution import GeometricConv, Symmetry, elements
from physym.models.fields.products import TensorProduct
from physym.models.fields.types import Type, Types, layout, unpack
from physym.symmetry.filters import invariant_filters

__all__ = ["Block", "Lift", "Polynomial", "hidden_types", "plain"]

_FIRST = 0.5


def plain(symmetry: Symmetry | np.ndarray) -> bool:
    """Whether a symmetry is none."""
    return isinstance(symmetry, str) and symmetry == "none"


def hidden_types(width: int, dim: int, symmetry: Symmetry | np.ndarray) -> Types:
    """Channels of the hidden fields: `width` of each type of order 0 and 1 that products lead to; plain, of scalars.

    >>> hidden_types(8, 2, "full"), hidden_types(8, 2, "none")
    ({(0, 0): 8, (0, 1): 8, (1, 0): 8}, {(0, 0): 8})
    """
    if plain(symmetry):
        return {(0, 0): width}
    kinds: dict[int, tuple[Type, ...]] = {
        1: ((0, 0), (1, 0)),
        # a quarter turn makes vectors of pseudovectors, so that these would add nothing in the plane
        2: ((0, 0), (0, 1), (1, 0)),
        3: ((0, 0), (0, 1), (1, 0), (1, 1)),
    }
    return dict.fromkeys(kinds[dim], width)


class Lift(nn.Module):
    """A convolution from the types that are given to the hidden ones; those that no stencil leads to begin at zero.

    A scalar has no pseudoscalar among its 3 x 3 neighbours' sums; products of gradients have.

    Args:
        inputs: channels by type.
        types: hidden channels by type.
        dim: of the grid.
        symmetry: as of `GeometricConv`.
        size: cells of the stencil along each side.
    """

    def __init__(
        self,
        inputs: Mapping[Type, int],
        types: Mapping[Type, int],
        dim: int,
        symmetry: Symmetry | np.ndarray,
        size: int = 3,
    ) -> None:
        super().__init__()
        group = elements(symmetry, dim)
        reached = {
            key: channels
            for key, channels in sorted(types.items())
            if any(len(invariant_filters(dim, size, key[0] + k, key[1] ^ p, group=group)) for k, p in inputs)
        }
        self.conv = GeometricConv(inputs, reached, size, dim, symmetry=symmetry)
        self.parts = [(key in reached, where.stop - where.start) for key, where in layout(types, dim).items()]

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields of the inputs to packed hidden fields."""
        found = self.conv(fields)
        if all(here for here, _ in self.parts):
            return found
        parts, at = [], 0
        for here, size in self.parts:
            parts.append(found[:, at : at + size] if here else found.new_zeros(len(found), size, *found.shape[2:]))
            at += size if here else 0
        return torch.cat(parts, dim=1)


class Polynomial(nn.Module):
    """Packed factors, of each type first all a and then all b, to the sum of their products.

    Args:
        types: channels by type of a, of b and of the result.
        dim: of the grid.

    Attributes:
        inputs: channels by type that it takes, twice those of `types`.
    """

    def __init__(self, types: Mapping[Type, int], dim: int) -> None:
        super().__init__()
        self.product = TensorProduct(types, types, types, dim)
        self.dim = dim
        self.inputs: Types = {key: 2 * channels for key, channels in self.product.outputs.items()}

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields of `inputs` to packed fields."""
        first, second = {}, {}
        for key, part in unpack(fields, self.inputs, self.dim).items():
            a, second[key] = part.chunk(2, dim=1)
            axes = tuple(range(2, 2 + key[0]))
            size = a.square().sum(dim=axes, keepdim=True) if axes else a.square()
            first[key] = a * torch.rsqrt(1.0 + size)
        return self.product.multiply(first, second)


class Block(nn.Module):
    """A residual block on packed fields.

    Args:
        types: channels by type of inputs and outputs.
        dim: of the grid.
        symmetry: as of `GeometricConv`.
        size: cells of the stencils along each side.
        dilation: of the first stencil.
    """

    def __init__(
        self, types: Mapping[Type, int], dim: int, symmetry: Symmetry | np.ndarray, *, size: int = 3, dilation: int = 1
    ) -> None:
        super().__init__()
        self.middle = None if plain(symmetry) else Polynomial(types, dim)
        wide = types if self.middle is None else self.middle.inputs
        self.first = GeometricConv(types, wide, size, dim, symmetry=symmetry, dilation=dilation)
        self.second = GeometricConv(types, types, size, dim, symmetry=symmetry)
        with torch.no_grad():
            self.second.coefficients *= _FIRST
            if self.middle is not None:
                # the biases of true scalars come first: at the start they pass on what they multiply
                self.first.bias[: types[0, 0]] = 1.0  # type: ignore[index]

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields to packed fields."""
        wide = self.first(fields)
        return fields + self.second(functional.gelu(wide) if self.middle is None else self.middle(wide))
