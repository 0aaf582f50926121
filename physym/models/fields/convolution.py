"""Convolutions of scalars, vectors and tensors that commute with the symmetries of the grid.

A linear map that commutes with translations takes tensors of order k to tensors of order k' by a filter of order
k' + k,

    out(x)_{o1..ok'} = Σ_d Σ_{i1..ik} F(d)_{o1..ok' i1..ik} in(x + d)_{i1..ik},

and it commutes with rotations and reflections besides if and only if F is invariant, with the parity of the one times
that of the other. So each pair of channels has one coefficient for each of the `invariant_filters` of that order and
parity: every equivariant map of the stencil, and nothing else. These filters share no entry, hence every weight of the
dense convolution is one coefficient times a number: they are gathered in one step, and one dense convolution of all
channels does the work.

Source: W. Gregory et al., GeometricImageNet (arXiv 2305.12585, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from physym.models.fields.padding import Padding, check_padding, mirror_signs, pad
from physym.models.fields.types import Type, Types, check_count, check_types, entries, layout, parts, type_name, unpack
from physym.models.fields.wrapped import wrapped_convolution, wraps
from physym.symmetry.filters import invariant_filters
from physym.symmetry.groups import Hyperoctahedral
from simulators.errors import InputError

__all__ = ["GeometricConv", "Symmetry", "elements"]

Symmetry = Literal["full", "rotations", "none"]
_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


def elements(symmetry: Symmetry | np.ndarray, dim: int) -> np.ndarray:
    """The elements (n, dim, dim) of a group of symmetries of the grid.

    Args:
        symmetry: "full" for rotations and reflections, "rotations", "none" for the identity alone, or the elements.
        dim: of the grid.

    Raises:
        InputError: if it is none of these.
    """
    if isinstance(symmetry, np.ndarray):
        return symmetry
    known = Hyperoctahedral(dim).elements()
    if symmetry == "full":
        return known
    if symmetry == "rotations":
        return known[np.linalg.det(known) > 0]
    if symmetry == "none":
        return known[:1]
    raise InputError(f"symmetry: expected 'full', 'rotations', 'none' or elements of a group, given {symmetry!r}")


class GeometricConv(nn.Module):
    """Every linear map of a stencil that commutes with translations and a group of symmetries of the grid.

    Dicts {(order, pseudo): (batch, channels, *(dim,)*order, *space)} give dicts; a packed tensor (see
    `physym.models.fields.types`) gives a packed tensor. A bias stands wherever the group leaves a tensor as it is:
    for true scalars, and for tensors that are products of Kronecker deltas.

    With a stride s the grid, whose sides s must divide, becomes s times coarser, and the new cells have the old ones in
    their middle: that, and so the symmetry, holds only if the width dilation·(size - 1) + 1 of the stencil is even
    where s is, and odd where s is.

    Args:
        inputs: channels by type (order, pseudo).
        outputs: channels by type.
        size: cells of the stencil along each side.
        dim: of the grid: 1, 2 or 3.
        symmetry: "full" for rotations and reflections, "rotations" alone, "none" for translations alone (the plain
            convolution), or the elements (n, dim, dim) of a group.
        padding: "periodic", "reflecting" (a mirror on the edge, vectors turned along) or "zero".
        stride: of the output.
        dilation: of the stencil.
        transposed: the adjoint: with a stride s the grid becomes s times finer. Periodic alone.
        bias: whether there is one where it is lawful.

    Raises:
        InputError: if an argument is none of these, or no map of the stencil leads to a type of the outputs.

    >>> conv = GeometricConv({(0, 0): 2, (1, 0): 1}, {(1, 0): 3}, size=3, dim=2)
    >>> found = conv({(0, 0): torch.ones(5, 2, 8, 8), (1, 0): torch.ones(5, 1, 2, 8, 8)})
    >>> tuple(found[1, 0].shape)
    (5, 3, 2, 8, 8)
    """

    def __init__(
        self,
        inputs: Mapping[Type, int],
        outputs: Mapping[Type, int],
        size: int = 3,
        dim: int = 2,
        *,
        symmetry: Symmetry | np.ndarray = "full",
        padding: Padding = "periodic",
        stride: int = 1,
        dilation: int = 1,
        transposed: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.inputs: Types = check_types("inputs", inputs, dim)
        self.outputs: Types = check_types("outputs", outputs, dim)
        dim = int(dim)
        counts = (("size", size), ("stride", stride), ("dilation", dilation))
        size, stride, dilation = (check_count(name, value) for name, value in counts)
        check_padding(padding)
        width = dilation * (size - 1) + 1
        if (width - stride) % 2:
            kind = "odd" if stride % 2 else "even"
            raise InputError(
                f"size: expected a stencil of {kind} width for the stride {stride}, so that new cells lie in the middle"
                f" of old ones, given {width} cells; take size {size + 1}"
            )
        if width < stride:
            raise InputError(f"stride: expected at most the width of the stencil, {width}, given {stride}")
        if transposed and padding != "periodic":
            raise InputError(f"padding: expected 'periodic' for a transposed convolution, given {padding!r}")
        self.size, self.dim, self.padding, self.stride, self.dilation = size, dim, padding, stride, dilation
        self.transposed, self.reach = transposed, (width - stride) // 2
        self._fill(elements(symmetry, dim), symmetry, bias)

    def _fill(self, group: np.ndarray, symmetry: Symmetry | np.ndarray, bias: bool) -> None:
        """Which coefficient stands where in the dense weights, and the coefficients."""
        dim, size = self.dim, self.size
        cells = (size,) * dim
        shape = (entries(self.outputs, dim), entries(self.inputs, dim), *cells)
        place, factor = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        scales: list[np.ndarray] = []
        count = 0
        rows, columns = layout(self.outputs, dim), layout(self.inputs, dim)
        for out, out_channels in self.outputs.items():
            bases = {
                key: invariant_filters(dim, size, out[0] + key[0], out[1] ^ key[1], group=group) for key in self.inputs
            }
            # outputs have the variance of the inputs: a filter of norm one adds 1/dim^order to each component
            fan: float = sum(len(basis) * self.inputs[key] for key, basis in bases.items())
            fan /= self.stride**dim if self.transposed else 1
            if not fan:
                given = ", ".join(type_name(key) for key in self.inputs)
                raise InputError(
                    f"outputs: no equivariant {'x'.join(map(str, cells))} map from {given} to {type_name(out)}; take"
                    " other types, a larger stencil, or symmetry='rotations'"
                )
            for key, channels in self.inputs.items():
                basis = bases[key]
                n = len(basis)
                flat = basis.reshape(n, dim ** out[0], dim ** key[0], *cells)
                which = np.abs(flat).argmax(axis=0) if n else np.zeros(flat.shape[1:], dtype=np.int64)
                # (out channel, component, in channel, component, *cells)
                number = count + n * np.arange(out_channels * channels).reshape(out_channels, 1, channels, 1)
                index = number.reshape(*number.shape, *(1,) * dim) + which[None, :, None]
                index = index if n else np.zeros_like(index)
                block = (rows[out].stop - rows[out].start, columns[key].stop - columns[key].start, *cells)
                place[rows[out], columns[key]] = index.reshape(block)
                value = np.broadcast_to(flat.sum(axis=0)[None, :, None], index.shape)
                factor[rows[out], columns[key]] = value.reshape(block)
                scales.append(np.full(out_channels * channels * n, math.sqrt(dim ** out[0] / fan)))
                count += out_channels * channels * n
        self.register_buffer("place", torch.from_numpy(place).flatten(), persistent=False)
        self.register_buffer("factor", torch.from_numpy(factor).to(torch.get_default_dtype()), persistent=False)
        size_of = torch.from_numpy(np.concatenate(scales)).to(torch.get_default_dtype())
        self.coefficients = nn.Parameter(size_of * torch.randn(count))
        self._fill_bias(group, bias)
        signs = mirror_signs(self.inputs, dim) if self.padding == "reflecting" else None
        self.register_buffer("signs", signs, persistent=False)
        self.symmetry = symmetry if isinstance(symmetry, str) else f"{len(group)} elements"

    def _fill_bias(self, group: np.ndarray, bias: bool) -> None:
        """The tensors that the group leaves as they are, (coefficient, entries)."""
        dim, rows = self.dim, layout(self.outputs, self.dim)
        tensors = []
        for (order, pseudo), channels in self.outputs.items() if bias else ():
            basis = invariant_filters(dim, 1, order, pseudo, group=group).reshape(-1, dim**order)
            each = np.einsum("cd,na->cnda", np.eye(channels), basis).reshape(-1, channels * dim**order)
            where = rows[order, pseudo]
            tensors.append(np.pad(each, ((0, 0), (where.start, entries(self.outputs, dim) - where.stop))))
        found = np.concatenate(tensors) if tensors else np.zeros((0, 0))
        lawful = len(found) > 0
        made = torch.from_numpy(found).to(torch.get_default_dtype()) if lawful else None
        self.register_buffer("constants", made, persistent=False)
        self.bias = nn.Parameter(torch.zeros(len(found))) if lawful else None

    def weight(self) -> torch.Tensor:
        """The weights of the dense convolution, (entries out, entries in, *stencil)."""
        return self.coefficients.index_select(0, self.place).view_as(self.factor) * self.factor

    def forward(self, fields: torch.Tensor | Mapping[Type, torch.Tensor]) -> torch.Tensor | dict[Type, torch.Tensor]:
        """Convolve fields by type, or a packed tensor.

        Raises:
            InputError: if types or shapes are not those of the layer, or the grid is too small for the stencil.
        """
        if not isinstance(fields, torch.Tensor):
            return unpack(self._dense(parts(fields, self.inputs, self.dim)), self.outputs, self.dim)
        if fields.ndim != self.dim + 2 or fields.shape[1] != self.factor.shape[1]:
            raise InputError(
                f"expected a packed tensor (batch, {self.factor.shape[1]}, {self.dim} axes of space), given the shape"
                f" {tuple(fields.shape)}"
            )
        return self._dense([fields])

    def _dense(self, fields: Sequence[torch.Tensor]) -> torch.Tensor:
        weight = self.weight()
        bias = None if self.bias is None else self.bias @ self.constants
        if self.transposed:
            return self._adjoint(fields, weight, bias)
        for count in fields[0].shape[2:]:
            if count % self.stride:
                raise InputError(f"expected a grid whose sides {self.stride} divides, given {count} cells")
        # its slabs cost more than a copy, its adjoint less; and several parts are copied in any case
        lone = len(fields) == 1 and self.padding == "periodic" and torch.is_grad_enabled()
        if lone and wraps(fields[0].shape[2:], self.size, self.stride, self.dilation):
            return wrapped_convolution(fields[0], weight, bias, self.dilation)
        padded = pad(fields, (self.reach,) * self.dim, self.padding, self.signs)
        return _CONVOLUTIONS[self.dim](padded, weight, bias, stride=self.stride, dilation=self.dilation)

    def _adjoint(self, fields: Sequence[torch.Tensor], weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Each old cell spreads over the new ones around it; those beyond the edge return on the other side."""
        around = -(-self.reach // self.stride)
        padded = pad(fields, (around,) * self.dim, "periodic")
        cut = self.reach + around * self.stride
        # the filter acts from the old cell: component axes trade places, and so do directions
        turned = weight.transpose(0, 1)
        return _TRANSPOSED[self.dim](padded, turned, bias, stride=self.stride, dilation=self.dilation, padding=cut)

    def extra_repr(self) -> str:
        """The settings, for people."""
        kind = ", transposed" if self.transposed else ""
        return (
            f"{self.inputs} -> {self.outputs}, size={self.size}, dim={self.dim}, symmetry={self.symmetry},"
            f" padding={self.padding}, stride={self.stride}, dilation={self.dilation}{kind}"
        )
