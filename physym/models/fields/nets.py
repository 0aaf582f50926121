"""The networks of fields by name, in the size that a number of parameters allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from physym.models.fields.convolution import Symmetry
from physym.models.fields.resnet import ResNet
from physym.models.fields.types import Type, check_count
from physym.models.fields.unet import UNet
from simulators.errors import InputError

__all__ = ["NETS", "make_net"]

NETS = ("resnet", "dilated", "unet")
_WIDEST = 512
_DEPTHS = {"resnet": 4, "dilated": 4, "unet": 2}


def make_net(
    name: str,
    inputs: Mapping[Type, int],
    outputs: Mapping[Type, int],
    dim: int,
    *,
    width: int | None = None,
    depth: int | None = None,
    parameters: int = 20_000,
    symmetry: Symmetry | np.ndarray = "full",
) -> nn.Module:
    """A network from packed fields to packed fields.

    Args:
        name: "resnet", "dilated" or "unet".
        inputs: channels by type.
        outputs: channels by type.
        dim: of the grid.
        width: hidden channels of each type; by default as many as `parameters` allow, so that nets with and without
            symmetry can have equal numbers of parameters.
        depth: blocks, of a "unet" coarser grids; 4 and 2 by default.
        parameters: how many the net has at most, where no width is given.
        symmetry: "full", "rotations", "none", or elements of a group; see `GeometricConv`.

    Raises:
        InputError: if an argument is none of these.
    """
    if name not in NETS:
        raise InputError(f"net: expected one of {', '.join(NETS)}; given {name!r}")
    for label, value in (("width", width), ("depth", depth), ("parameters", parameters)):
        if value is not None:
            check_count(label, value)
    deep = depth or _DEPTHS[name]

    def made(wide: int) -> nn.Module:
        if name == "unet":
            return UNet(inputs, outputs, dim, width=wide, depth=deep, symmetry=symmetry)
        return ResNet(inputs, outputs, dim, width=wide, depth=deep, symmetry=symmetry, dilated=name == "dilated")

    return made(width if width is not None else _widest(made, parameters))


def _widest(made: Callable[[int], nn.Module], parameters: int) -> int:
    """The largest width within a number of parameters."""

    def count(width: int) -> int:
        state = torch.random.get_rng_state()
        total = sum(p.numel() for p in made(width).parameters())
        torch.random.set_rng_state(state)
        return total

    if count(1) > parameters:
        raise InputError(f"parameters: expected at least {count(1)} for this net, given {parameters}")
    low, high = 1, 2
    while high <= _WIDEST and count(high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return low
