"""Poses of tensors of torch, which turn with their points: their derivatives are those of the axes.

Which axes, signs and orders are taken is found in numpy and has no derivative. With these given the axes are

- the eigenvectors of Σ_i x_i x_iᵀ, whose derivative grows as 1 over the difference of two eigenvalues;
- or Q of C = Q R, where the columns of C are the points that were chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from physym.symmetry.averaging.arrays import array_of, is_tensor
from physym.symmetry.averaging.poses import Pose
from simulators.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["followed", "following", "orthogonal", "plain", "principal"]


def plain(points: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Points as they are given to a function, integers of tensors as floats; and the same numbers without torch.

    Raises:
        InputError: of tensors, if they are complex, or have no numbers yet.
    """
    if not is_tensor(points):
        return points, points
    points = array_of(points, "points")
    if points.is_complex():
        raise InputError(f"points: expected real numbers (..., n, d), given {points.dtype}")
    try:
        return points, points.detach().cpu().double().numpy()
    except RuntimeError as error:
        raise InputError(
            "points: expected a tensor whose numbers can be read, given one of torch.func, or of the device meta; take"
            " derivatives by torch.autograd"
        ) from error


def followed(points: Any) -> bool:  # noqa: ANN401
    """Whether derivatives with respect to the points are to be had."""
    import torch

    return points.requires_grad and torch.is_grad_enabled()


def following(
    pose: Pose, points: torch.Tensor, axes: Callable[[torch.Tensor], torch.Tensor] | None, *, translations: bool
) -> Pose:
    """A pose as tensors of float64, with its derivatives with respect to the points if they have some.

    Args:
        pose: of arrays.
        points: the clouds (..., n, d), whose leading axes go with those of the pose.
        axes: gives those of clouds about their mean (..., n, d) as columns (..., d, d) of any sign; none if the pose
            has but the identity.
        translations: whether the pose has the mean as its shift.
    """
    import torch

    matrix, shift, order = (torch.tensor(np.ascontiguousarray(part), device=points.device) for part in pose)
    if not followed(points):
        return Pose(matrix, shift, order)
    points = points.to(matrix.dtype)
    if translations:
        mean = points.mean(dim=-2, keepdim=True)
        points, shift = points - mean, mean[..., 0, :].expand_as(shift)
    if axes is not None:
        scale = points.detach().abs().amax(dim=(-2, -1), keepdim=True)
        found = axes(points / torch.where(scale > 0, scale, 1.0))
        matrix = found * (found.detach() * matrix).sum(dim=-2, keepdim=True).sign()
    return Pose(matrix, shift, order)


def principal(points: torch.Tensor) -> torch.Tensor:
    """Columns (..., d, d): the eigenvectors of Σ_i x_i x_iᵀ by falling eigenvalue, of any sign."""
    import torch

    return torch.linalg.eigh(points.mT @ points).eigenvectors.flip(-1)


def orthogonal(points: torch.Tensor, chosen: np.ndarray) -> torch.Tensor:
    """Columns (..., d, d) of any sign: those points, or from n on unit vectors, each made orthogonal to the earlier.

    Args:
        points: (..., n, d).
        chosen: which of the n + d (..., d).
    """
    import torch

    units = torch.eye(points.shape[-1], dtype=points.dtype, device=points.device)
    both = torch.cat([points, units.expand(*points.shape[:-2], *units.shape)], dim=-2)
    rows = torch.take_along_dim(both, torch.tensor(chosen, device=points.device)[..., None], -2)
    return torch.linalg.qr(rows.mT).Q
