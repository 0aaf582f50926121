"""How fields go on beyond the edge of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch

from physym.models.fields.types import Type, layout
from simulators.errors import InputError

__all__ = ["Padding", "check_padding", "mirror_signs", "pad"]

Padding = Literal["periodic", "reflecting", "zero"]


def check_padding(padding: object) -> None:
    """Refuse what is no padding.

    Raises:
        InputError: unless it is "periodic", "reflecting" or "zero".
    """
    if padding not in get_args(Padding):
        raise InputError(f"padding: expected one of {', '.join(get_args(Padding))}; given {padding!r}")


def mirror_signs(types: Mapping[Type, int], dim: int) -> torch.Tensor:
    """What a mirror does to each entry of a packed tensor, (axis of space, entries): 1 or -1.

    A mirror across an axis flips the components along it, and every pseudotensor.
    """
    total = max(where.stop for where in layout(types, dim).values())
    signs = torch.ones(dim, total)
    for (order, pseudo), where in layout(types, dim).items():
        channels = types[order, pseudo]
        for axis in range(dim):
            # space axes are (z, y, x), components (x, y, z)
            one = torch.ones(dim)
            one[dim - 1 - axis] = -1.0
            each = torch.ones(1)
            for _ in range(order):
                each = torch.outer(each, one).reshape(-1)
            signs[axis, where] = (each * (-1.0) ** pseudo).repeat(channels)
    return signs


class _Periodic(torch.autograd.Function):
    """Tensors put one after the other and continued on the other side of every edge, in one pass over memory."""

    @staticmethod
    def forward(ctx: Any, widths: tuple[int, ...], *parts: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        ctx.widths, ctx.sizes = widths, [part.shape[1] for part in parts]
        first = parts[0]
        space = [count + 2 * width for count, width in zip(first.shape[2:], widths, strict=True)]
        whole = first.new_empty(first.shape[0], sum(ctx.sizes), *space)
        middle = whole
        for at, width in zip(range(2, 2 + len(widths)), widths, strict=True):
            middle = middle.narrow(at, width, whole.shape[at] - 2 * width)
        for goal, part in zip(middle.split(ctx.sizes, dim=1), parts, strict=True):
            goal.copy_(part)
        for at, width in zip(range(2, 2 + len(widths)), widths, strict=True):
            if width:
                count = whole.shape[at] - 2 * width
                whole.narrow(at, 0, width).copy_(whole.narrow(at, count, width))
                whole.narrow(at, width + count, width).copy_(whole.narrow(at, width, width))
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        counts = [size - 2 * width for size, width in zip(gradient.shape[2:], ctx.widths, strict=True)]
        found = []
        for piece in gradient.split(ctx.sizes, dim=1):
            inner = piece
            for at, (count, width) in enumerate(zip(counts, ctx.widths, strict=True), 2):
                inner = inner.narrow(at, width, count)
            # what is added to must be our own, and in one piece
            found.append(inner.clone(memory_format=torch.contiguous_format))
            for side in itertools.product((0, -1, 1), repeat=len(counts)):
                if any(side) and all(width for one, width in zip(side, ctx.widths, strict=True) if one):
                    _fold(found[-1], piece, side, counts, ctx.widths)
        return None, *found


def _fold(
    inner: torch.Tensor, whole: torch.Tensor, side: Sequence[int], counts: Sequence[int], widths: Sequence[int]
) -> None:
    """Add what lies beyond an edge or corner to the cells on the other side."""
    for at, (one, count, width) in enumerate(zip(side, counts, widths, strict=True), 2):
        size = width if one else count
        inner = inner.narrow(at, count - width if one < 0 else 0, size)
        whole = whole.narrow(at, (0, width, width + count)[one + 1], size)
    inner.add_(whole)


def pad(
    parts: Sequence[torch.Tensor], widths: tuple[int, ...], padding: Padding, signs: torch.Tensor | None = None
) -> torch.Tensor:
    """A packed tensor (batch, entries, *space), given in parts, with cells beyond its edges.

    "periodic" fields continue on the other side, "zero" ones are zero there, and "reflecting" ones are their image in
    a mirror on the edge, vectors and tensors turned as a mirror turns them: nothing flows through it.

    Args:
        parts: tensors (batch, entries of each, *space), which are put one after the other.
        widths: cells to add on both sides of each axis of space.
        padding: which.
        signs: of `mirror_signs`, for "reflecting".

    Raises:
        InputError: if the grid has fewer cells than are to be added.
    """
    dim = len(widths)
    for count, width in zip(parts[0].shape[-dim:], widths, strict=True):
        if width > count and padding != "zero":
            raise InputError(
                f"expected a grid of at least {width} cells along each side for this stencil, given {count}; use a"
                " finer grid, or a smaller stencil or dilation"
            )
    if padding == "periodic" and any(widths):
        return _Periodic.apply(widths, *parts)
    fields = torch.cat(list(parts), dim=1) if len(parts) > 1 else parts[0]
    if padding == "zero":
        return torch.nn.functional.pad(fields, [n for width in reversed(widths) for n in (width, width)])
    for axis, width in enumerate(widths):
        if width:
            at = axis - dim
            sign = signs[axis].reshape(-1, *(1,) * dim)  # type: ignore[index]
            before = fields.narrow(at, 0, width).flip(at) * sign
            after = fields.narrow(at, fields.shape[at] - width, width).flip(at) * sign
            fields = torch.cat([before, fields, after], dim=at)
    return fields
