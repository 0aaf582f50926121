"""Convolution on a periodic grid without a padded copy of the fields.

The dense convolution of the library knows zeros beyond the edge only. What is missing then in the cells along the edges
is the part of the stencil that reaches over to the other side: for each axis the first row of a stencil of three acts
on the last rows of cells, and adds to the first, and the other way round,

    y(n) = Σ_m w(m) x(n + m d),    m = -1, 0, 1:    y[:d] += w(-1) x[N-d:],    y[N-d:] += w(1) x[:d],

where the axes that were completed before are taken as they are, and those that come after as periodic. These are
convolutions of thin slabs. The adjoint with respect to x and w has the same parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["wrapped_convolution", "wraps"]


def wraps(shape: tuple[int, ...], size: int, stride: int, dilation: int) -> bool:
    """Whether `wrapped_convolution` is for such stencils: of three cells, that reach over half the grid at most."""
    return size == 3 and stride == 1 and all(count >= 2 * dilation for count in shape)


def wrapped_convolution(
    fields: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, dilation: int
) -> torch.Tensor:
    """The convolution of periodic fields.

    Args:
        fields: (batch, channels in, *space).
        weight: (channels out, channels in, 3 for each axis of space).
        bias: (channels out,), or None.
        dilation: distance of the cells of the stencil.

    Returns:
        (batch, channels out, *space).
    """
    return _Wrapped.apply(fields, weight, bias, dilation)


class _Wrapped(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        fields: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        dilation: int,
    ) -> torch.Tensor:
        ctx.save_for_backward(fields, weight)
        ctx.dilation, ctx.biased = dilation, bias is not None
        dim = weight.ndim - 2
        out = _convolution(fields, weight, bias, dilation, (dilation,) * dim)
        for axis, goal, source, row in _edges(dim, dilation):
            slab, padding = _slab(fields, axis, source, dilation)
            out.narrow(axis, goal % out.shape[axis], dilation).add_(
                _convolution(slab, weight.narrow(axis, row, 1), None, dilation, padding)
            )
        return out

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        fields, weight = ctx.saved_tensors
        dilation, dim = ctx.dilation, weight.ndim - 2
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        whole, rows, _ = _adjoint(gradient, fields, weight, dilation, (dilation,) * dim, wanted)
        for axis, goal, source, row in _edges(dim, dilation):
            slab, padding = _slab(fields, axis, source, dilation)
            edge = gradient.narrow(axis, goal % gradient.shape[axis], dilation).contiguous()
            thin, one, _ = _adjoint(edge, slab, weight.narrow(axis, row, 1), dilation, padding, wanted)
            if thin is not None:
                _spread(whole, thin, axis, source, dilation)
            if one is not None:
                rows.narrow(axis, row, 1).add_(one)
        total = gradient.sum(dim=(0, *range(2, 2 + dim))) if ctx.biased and ctx.needs_input_grad[2] else None
        return whole, rows, total, None


def _edges(dim: int, dilation: int) -> Iterator[tuple[int, int, int, int]]:
    """Axis, where the cells along an edge begin, where those on the other side do, and the row of the stencil."""
    for axis in range(2, 2 + dim):
        yield axis, 0, -dilation, 0
        yield axis, -dilation, 0, 2


def _slab(fields: torch.Tensor, axis: int, source: int, dilation: int) -> tuple[torch.Tensor, tuple[int, ...]]:
    """The cells along one edge, continued periodically along the axes after this one; and the zeros to pad with."""
    slab = fields.narrow(axis, source % fields.shape[axis], dilation)
    for at in range(axis + 1, fields.ndim):
        slab = torch.cat([slab.narrow(at, slab.shape[at] - dilation, dilation), slab, slab.narrow(at, 0, dilation)], at)
    before = tuple(dilation if at < axis else 0 for at in range(2, fields.ndim))
    return slab.contiguous(), before


def _spread(whole: torch.Tensor, thin: torch.Tensor, axis: int, source: int, dilation: int) -> None:
    """The adjoint of `_slab`: add a slab to the cells that it was taken from."""
    for at in range(whole.ndim - 1, axis, -1):
        count = thin.shape[at] - 2 * dilation
        inner = thin.narrow(at, dilation, count).clone()
        inner.narrow(at, count - dilation, dilation).add_(thin.narrow(at, 0, dilation))
        inner.narrow(at, 0, dilation).add_(thin.narrow(at, dilation + count, dilation))
        thin = inner
    whole.narrow(axis, source % whole.shape[axis], dilation).add_(thin)


def _convolution(
    fields: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, dilation: int, padding: tuple[int, ...]
) -> torch.Tensor:
    dim = weight.ndim - 2
    ones, zeros = (1,) * dim, (0,) * dim
    return torch.ops.aten.convolution(fields, weight, bias, ones, padding, (dilation,) * dim, False, zeros, 1)


def _adjoint(
    gradient: torch.Tensor,
    fields: torch.Tensor,
    weight: torch.Tensor,
    dilation: int,
    padding: tuple[int, ...],
    wanted: list[bool],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    dim = weight.ndim - 2
    ones, zeros = (1,) * dim, (0,) * dim
    return torch.ops.aten.convolution_backward(
        gradient, fields, weight, None, ones, padding, (dilation,) * dim, False, zeros, 1, wanted
    )
