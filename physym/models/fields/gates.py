"""Nonlinearities that commute with rotations and reflections: gates, and functions of norms.

A true scalar may pass through any function. A tensor or a pseudoscalar may be multiplied by one of a true scalar: by
that of a scalar of its own, its gate, or of its own norm.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from physym.models.fields.types import Type, Types, check_types, layout

__all__ = ["Gate", "NormGate", "norms"]

_SCALAR = (0, 0)
_SMALLEST = 1e-6


def norms(fields: torch.Tensor, types: Mapping[Type, int], dim: int) -> torch.Tensor:
    """The square of the norm of each channel, (batch, channels, *space), of a packed tensor."""
    found = []
    for key, where in layout(types, dim).items():
        part = fields[:, where].square()
        found.append(part if not key[0] else part.unflatten(1, (types[key], dim ** key[0])).sum(dim=2))
    return torch.cat(found, dim=1) if len(found) > 1 else found[0]


def _repeated(factors: torch.Tensor, types: Mapping[Type, int], dim: int) -> torch.Tensor:
    """One factor a channel (batch, channels, ...) as one an entry."""
    parts, at = [], 0
    for (order, _), channels in sorted(types.items()):
        part = factors[:, at : at + channels]
        parts.append(part.repeat_interleave(dim**order, dim=1) if order else part)
        at += channels
    return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


class Gate(nn.Module):
    """True scalars s become gelu(s); every other channel t becomes t · sigmoid(g), g being a true scalar of its own.

    It takes packed fields of the types `inputs`, which are `outputs` and a further true scalar for each gate.

    Args:
        outputs: channels by type.
        dim: of the grid.

    Attributes:
        inputs: channels by type.
    """

    def __init__(self, outputs: Mapping[Type, int], dim: int) -> None:
        super().__init__()
        self.outputs: Types = check_types("outputs", outputs, dim)
        self.dim, self.scalars = dim, self.outputs.get(_SCALAR, 0)
        self.gated = {key: channels for key, channels in self.outputs.items() if key != _SCALAR}
        self.gates = sum(self.gated.values())
        self.inputs: Types = check_types("inputs", {**self.gated, _SCALAR: self.scalars + self.gates}, dim)

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields of `inputs` to those of `outputs`."""
        scalars = functional.gelu(fields[:, : self.scalars])
        if not self.gates:
            return scalars
        gates = torch.sigmoid(fields[:, self.scalars : self.scalars + self.gates])
        others = fields[:, self.scalars + self.gates :] * _repeated(gates, self.gated, self.dim)
        return torch.cat([scalars, others], dim=1) if self.scalars else others


class NormGate(nn.Module):
    """Every channel t becomes t · sigmoid(a |t| + b), a and b being learned for each; true scalars s become gelu(s).

    Args:
        types: channels by type, of inputs and outputs alike.
        dim: of the grid.
    """

    def __init__(self, types: Mapping[Type, int], dim: int) -> None:
        super().__init__()
        self.types: Types = check_types("types", types, dim)
        self.dim, self.scalars = dim, self.types.get(_SCALAR, 0)
        self.others = {key: channels for key, channels in self.types.items() if key != _SCALAR}
        count = sum(self.others.values())
        self.slope = nn.Parameter(torch.ones(count, *(1,) * dim))
        self.offset = nn.Parameter(torch.zeros(count, *(1,) * dim))

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Packed fields to packed fields."""
        scalars = functional.gelu(fields[:, : self.scalars])
        if not self.others:
            return scalars
        rest = fields[:, self.scalars :]
        # the norm has no slope at zero; this has
        size = (norms(rest, self.others, self.dim) + _SMALLEST).sqrt()
        factors = _repeated(torch.sigmoid(self.slope * size + self.offset), self.others, self.dim)
        return torch.cat([scalars, rest * factors], dim=1) if self.scalars else rest * factors
