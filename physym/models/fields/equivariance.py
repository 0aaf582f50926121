"""How rotations and reflections act on fields held as tensors, and how far a layer is from commuting with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch

from physym.models.fields.types import Type, pack, unpack
from simulators.errors import InputError

__all__ = ["equivariance_error", "packed", "random_fields", "translation_error", "turn"]

Layer = Callable[[dict[Type, torch.Tensor]], dict[Type, torch.Tensor]]


def turn(matrix: np.ndarray, fields: Mapping[Type, torch.Tensor]) -> dict[Type, torch.Tensor]:
    """Fields under a signed permutation g of the axes: (g·T)(x) = det(g)^p g ⋯ g T(g⁻¹x), from the middle of the grid.

    What `physym.symmetry.act` does to datasets.

    Args:
        matrix: g (dim, dim), one of `Hyperoctahedral(dim).elements()`.
        fields: (batch, channels, *(dim,)*order, *space) by type (order, pseudo).

    Raises:
        InputError: if the matrix is no signed permutation.
    """
    g = np.asarray(matrix, dtype=float)
    dim = len(g)
    if g.shape != (dim, dim) or not np.array_equal(np.abs(g) @ np.abs(g).T, np.eye(dim)) or (np.abs(g) % 1).any():
        raise InputError(f"matrix: expected a signed permutation (dim, dim), given {g.tolist()}")
    source, sign = np.abs(g).argmax(axis=1), g.sum(axis=1)
    flipped = [-1 - axis for axis in range(dim) if sign[axis] < 0]
    found = {}
    for (order, pseudo), field in fields.items():
        lead = 2 + order
        # component a lies along the space axis -1 - a
        axes = [lead + dim - 1 - int(source[dim - 1 - place]) for place in range(dim)]
        moved = field.permute(*range(lead), *axes).flip(flipped)
        turned = torch.as_tensor(g, dtype=field.dtype, device=field.device)
        for index in range(2, lead):
            moved = torch.movedim(torch.tensordot(turned, moved, dims=([1], [index])), 0, index)
        found[order, pseudo] = moved * round(float(np.linalg.det(g))) ** pseudo
    return found


def random_fields(
    types: Mapping[Type, int],
    dim: int,
    cells: int,
    *,
    batch: int = 2,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> dict[Type, torch.Tensor]:
    """Normal random fields (batch, channels, *(dim,)*order, *space) on a grid of equal sides."""
    generator = torch.Generator().manual_seed(seed)
    return {
        key: torch.randn(batch, channels, *(dim,) * key[0], *(cells,) * dim, generator=generator, dtype=dtype)
        for key, channels in types.items()
    }


def packed(module: torch.nn.Module, inputs: Mapping[Type, int], outputs: Mapping[Type, int], dim: int) -> Layer:
    """A module of packed tensors as one of fields by type."""

    def layer(fields: dict[Type, torch.Tensor]) -> dict[Type, torch.Tensor]:
        return unpack(module(pack(fields, inputs, dim)), outputs, dim)

    return layer


@torch.no_grad()
def equivariance_error(layer: Layer, fields: Mapping[Type, torch.Tensor], elements: Iterable[np.ndarray]) -> float:
    """The largest difference of layer(g·x) and g·layer(x), relative to the largest number of its type.

    Args:
        layer: from fields by type to fields by type; a `GeometricConv` is one, `packed` makes one.
        fields: what it is tried on.
        elements: g (dim, dim), such as `Hyperoctahedral(dim).elements()`.
    """
    found, worst = layer(dict(fields)), 0.0
    for g in elements:
        one, other = layer(turn(g, fields)), turn(g, found)
        worst = max(worst, *(_difference(one[key], value) for key, value in other.items()))
    return worst


@torch.no_grad()
def translation_error(
    layer: Layer, fields: Mapping[Type, torch.Tensor], dim: int, cells: int = 1, factor: float = 1.0
) -> float:
    """The same for translations by `cells` cells along each axis, which are `factor` as many in the outputs."""
    found, worst = layer(dict(fields)), 0.0
    for axis in range(1, dim + 1):
        one = layer({key: field.roll(cells, -axis) for key, field in fields.items()})
        other = {key: value.roll(round(cells * factor), -axis) for key, value in found.items()}
        worst = max(worst, *(_difference(one[key], value) for key, value in other.items()))
    return worst


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())
