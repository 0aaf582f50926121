"""How fields go on beyond the edge of a grid."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Cells of the other side beyond every edge; the gradient of a copy goes back to what was copied.

    As slices and concatenations it is the same, but each slice's gradient would fill a tensor with zeros.
    """

    @staticmethod
    def forward(ctx: Any, fields: torch.Tensor, widths: tuple[int, ...]) -> torch.Tensor:  # noqa: ANN401
        ctx.widths = widths
        for at, width in zip(range(-len(widths), 0), widths, strict=True):
            if width:
                count = fields.shape[at]
                edges = fields.narrow(at, count - width, width), fields.narrow(at, 0, width)
                fields = torch.cat([edges[0], fields, edges[1]], dim=at)
        return fields

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401
        for at, width in reversed(list(zip(range(-len(ctx.widths), 0), ctx.widths, strict=True))):
            if width:
                count = gradient.shape[at] - 2 * width
                inner = gradient.narrow(at, width, count).clone()
                inner.narrow(at, count - width, width).add_(gradient.narrow(at, 0, width))
                inner.narrow(at, 0, width).add_(gradient.narrow(at, count + width, width))
                gradient = inner
        return gradient, None


def pad(fields: torch.Tensor, widths: tuple[int, ...], padding: Padding, signs: torch.Tensor | None) -> torch.Tensor:
    """A packed tensor (batch, entries, *space) with cells beyond its edges.

    "periodic" fields continue on the other side, "zero" ones are zero there, and "reflecting" ones are their image in
    a mirror on the edge, vectors and tensors turned as a mirror turns them: nothing flows through it.

    Args:
        fields: packed.
        widths: cells to add on both sides of each axis of space.
        padding: which.
        signs: of `mirror_signs`, for "reflecting".

    Raises:
        InputError: if the grid has fewer cells than are to be added.
    """
    dim = len(widths)
    if padding == "zero":
        return torch.nn.functional.pad(fields, [n for width in reversed(widths) for n in (width, width)])
    for count, width in zip(fields.shape[-dim:], widths, strict=True):
        if width > count:
            raise InputError(
                f"expected a grid of at least {width} cells along each side for this stencil, given {count}; use a"
                " finer grid, or a smaller stencil or dilation"
            )
    if padding == "periodic":
        return _Periodic.apply(fields, widths)
    for axis, width in enumerate(widths):
        if width:
            at = axis - dim
            sign = signs[axis].reshape(-1, *(1,) * dim)  # type: ignore[index]
            before = fields.narrow(at, 0, width).flip(at) * sign
            after = fields.narrow(at, fields.shape[at] - width, width).flip(at) * sign
            fields = torch.cat([before, fields, after], dim=at)
    return fields
