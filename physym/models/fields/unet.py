"""U-Nets of fields: coarser and coarser grids on the way down, and back up with what was seen on the way.

A coarser cell is a block of 2^dim cells, reached and left by stencils of even width, so that the whole commutes with
rotations and reflections, and with translations by whole coarsest cells; by others, up to how fields fall on blocks.

Source: Ronneberger, Fischer and Brox, U-Net (MICCAI 2015); for partial differential equations: Gupta and Brandstetter,
Towards multi-spatiotemporal-scale generalized PDE modeling (TMLR 2023).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from physym.models.fields.blocks import Block, Lift, hidden_types
from physym.models.fields.convolution import GeometricConv, Symmetry
from physym.models.fields.types import Type
from simulators.errors import InputError

__all__ = ["UNet"]


class UNet(nn.Module):
    """A U-Net on packed fields; the hidden channels double with every coarser grid.

    Args:
        inputs: channels by type.
        outputs: channels by type.
        dim: of the grid.
        width: hidden channels of each type on the finest grid.
        depth: how often the grid becomes coarser; 2^depth must divide its sides.
        symmetry: as of `GeometricConv`.
    """

    def __init__(
        self,
        inputs: Mapping[Type, int],
        outputs: Mapping[Type, int],
        dim: int,
        *,
        width: int,
        depth: int = 2,
        symmetry: Symmetry | np.ndarray = "full",
    ) -> None:
        super().__init__()
        levels = [hidden_types(width * 2**level, dim, symmetry) for level in range(depth + 1)]
        pairs = list(itertools.pairwise(levels))
        self.depth = depth
        self.first = Lift(inputs, levels[0], dim, symmetry)
        self.down_blocks = nn.ModuleList([Block(types, dim, symmetry) for types in levels[:-1]])
        self.down = nn.ModuleList([GeometricConv(a, b, 2, dim, symmetry=symmetry, stride=2) for a, b in pairs])
        self.bottom = Block(levels[-1], dim, symmetry)
        self.up = nn.ModuleList(
            [GeometricConv(b, a, 4, dim, symmetry=symmetry, stride=2, transposed=True) for a, b in pairs]
        )
        self.up_blocks = nn.ModuleList([Block(types, dim, symmetry) for types in levels[:-1]])
        self.last = GeometricConv(levels[0], outputs, 3, dim, symmetry=symmetry)

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields (batch, entries, *space) of `inputs` to those of `outputs`.

        Raises:
            InputError: if 2^depth does not divide the sides of the grid.
        """
        for count in fields.shape[2:]:
            if count % 2**self.depth:
                raise InputError(
                    f"expected a grid whose sides {2**self.depth} divides, for {self.depth} coarser grids, given"
                    f" {count} cells; take the net 'resnet' or 'dilated', or less depth"
                )
        seen = []
        fields = self.first(fields)
        for block, down in zip(self.down_blocks, self.down, strict=True):
            seen.append(block(fields))
            fields = down(seen[-1])
        fields = self.bottom(fields)
        for block, up, beside in zip(reversed(self.up_blocks), reversed(self.up), reversed(seen), strict=True):
            fields = block(beside + up(fields))
        return self.last(fields)
