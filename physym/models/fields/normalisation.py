"""Normalisation that commutes with rotations and reflections."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from physym.models.fields.gates import norms
from physym.models.fields.types import Type, Types, check_types, layout

__all__ = ["Normalise"]

_SMALLEST = 1e-5


class Normalise(nn.Module):
    """Each type on its own is brought to a mean square of one per channel over channels and cells of a sample.

    The mean of every channel over the cells is taken off before: of a tensor it is a tensor, which turns along. Then
    each channel is multiplied by a learned number, and true scalars get a learned one added.

    Args:
        types: channels by type.
        dim: of the grid.
        centred: whether the mean over the cells is taken off.
    """

    def __init__(self, types: Mapping[Type, int], dim: int, *, centred: bool = False) -> None:
        super().__init__()
        self.types: Types = check_types("types", types, dim)
        self.dim, self.centred = dim, centred
        self.gain = nn.ParameterList([torch.ones(channels, *(1,) * (dim + 1)) for channels in self.types.values()])
        scalars = self.types.get((0, 0), 0)
        self.offset = nn.Parameter(torch.zeros(scalars, *(1,) * dim)) if scalars else None

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields to packed fields."""
        space = tuple(range(2, fields.ndim))
        if self.centred:
            fields = fields - fields.mean(dim=space, keepdim=True)
        parts = []
        for (key, where), gain in zip(layout(self.types, self.dim).items(), self.gain, strict=True):
            part, channels = fields[:, where], self.types[key]
            size = norms(part, {key: channels}, self.dim).mean(dim=tuple(range(1, fields.ndim)), keepdim=True)
            part = part * torch.rsqrt(size + _SMALLEST)
            part = (part.unflatten(1, (channels, -1)) * gain).flatten(1, 2)
            parts.append(part + self.offset if key == (0, 0) else part)
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
