"""Coarser and finer grids, by steps that commute with the symmetries of the grid.

A coarser cell is a block of old ones, and has them in its middle: taking every second cell instead would not commute
with reflections. Averages and the choice of the longest commute with all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from physym.models.fields.gates import norms
from physym.models.fields.types import Type, check_count, check_types, layout
from simulators.errors import InputError

__all__ = ["average_pool", "longest_pool", "refine"]

_AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
_LONGEST = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


def _check_blocks(fields: torch.Tensor, block: int) -> int:
    check_count("block", block)
    for count in fields.shape[2:]:
        if count % block:
            raise InputError(f"expected a grid whose sides {block} divides, given {count} cells")
    return fields.ndim - 2


def average_pool(fields: torch.Tensor, block: int = 2) -> torch.Tensor:
    """The mean over blocks of cells of a packed tensor (batch, entries, *space), whose types it does not matter.

    Raises:
        InputError: if the block does not divide the sides of the grid.
    """
    return _AVERAGE[_check_blocks(fields, block)](fields, block)


def longest_pool(fields: torch.Tensor, types: Mapping[Type, int], block: int = 2) -> torch.Tensor:
    """Of every channel and block of cells the tensor of the largest norm; of true scalars the largest.

    Where two are equally long, which is taken depends on the order of the cells.

    Raises:
        InputError: if the block does not divide the sides of the grid, or the types are others.
    """
    dim = _check_blocks(fields, block)
    types = check_types("types", types, dim)
    parts = []
    for (order, pseudo), where in layout(types, dim).items():
        part, channels = fields[:, where], types[order, pseudo]
        if (order, pseudo) == (0, 0):
            parts.append(_LONGEST[dim](part, block))
            continue
        size = norms(part, {(order, pseudo): channels}, dim)
        _, index = _LONGEST[dim](size, block, return_indices=True)
        flat = part.unflatten(1, (channels, -1)).flatten(3)
        chosen = index.flatten(2)[:, :, None].expand(-1, -1, flat.shape[2], -1)
        parts.append(flat.gather(3, chosen).reshape(*part.shape[:2], *index.shape[2:]))
    return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def refine(fields: torch.Tensor, factor: int = 2) -> torch.Tensor:
    """Each cell of a packed tensor (batch, entries, *space) as a block of equal ones.

    Raises:
        InputError: unless the factor is an integer >= 1.
    """
    check_count("factor", factor)
    for axis in range(2, fields.ndim):
        fields = fields.repeat_interleave(factor, dim=axis)
    return fields
