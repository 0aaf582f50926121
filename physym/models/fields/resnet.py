"""Residual networks of fields, plain and dilated: the same resolution throughout.

Source: He et al., Deep residual learning (CVPR 2016); with dilated stencils for flows: Stachenfeld et al., Learned
coarse models for efficient turbulence simulation (ICLR 2022).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from physym.models.fields.blocks import Block, Lift, hidden_types
from physym.models.fields.convolution import GeometricConv, Symmetry
from physym.models.fields.types import Type

__all__ = ["DILATIONS", "ResNet"]

DILATIONS = (1, 2, 4, 2)
"""Of the blocks of a dilated network, in turn."""


class ResNet(nn.Module):
    """A convolution, residual blocks, and a convolution, on packed fields.

    Args:
        inputs: channels by type.
        outputs: channels by type.
        dim: of the grid.
        width: hidden channels of each type.
        depth: blocks.
        symmetry: as of `GeometricConv`.
        dilated: whether blocks have the dilations 1, 2, 4, 2, 1, ... in turn, and so see farther.
    """

    def __init__(
        self,
        inputs: Mapping[Type, int],
        outputs: Mapping[Type, int],
        dim: int,
        *,
        width: int,
        depth: int = 4,
        symmetry: Symmetry | np.ndarray = "full",
        dilated: bool = False,
    ) -> None:
        super().__init__()
        types = hidden_types(width, dim, symmetry)
        dilations = [DILATIONS[n % len(DILATIONS)] if dilated else 1 for n in range(depth)]
        self.first = Lift(inputs, types, dim, symmetry)
        self.blocks = nn.Sequential(*(Block(types, dim, symmetry, dilation=dilation) for dilation in dilations))
        self.last = GeometricConv(types, outputs, 3, dim, symmetry=symmetry)

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields (batch, entries, *space) of `inputs` to those of `outputs`."""
        return self.last(self.blocks(self.first(fields)))
