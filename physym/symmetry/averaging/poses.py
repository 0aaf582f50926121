"""Poses of point clouds: how a cloud in a standard position lies in space, and in which order its points are listed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.averaging.batched import act_each
from physym.symmetry.groups import SO, AboutAxis, Group, O, Product, S
from physym.symmetry.linear.representations import Rep, T, V
from simulators.errors import InputError

__all__ = ["SCALARS", "Pose", "Symmetry", "carried", "checked", "lexicographic", "of_unit_size", "symmetry_of"]

SCALARS = T(0)
"""What rotations leave as it is."""


class Pose(NamedTuple):
    """An isometry and an order of points: p[order[i]] = Q q[i] + t.

    Attributes:
        matrix: Q, orthogonal (..., d, d).
        shift: t (..., d).
        order: a permutation (..., n).
    """

    matrix: np.ndarray
    shift: np.ndarray
    order: np.ndarray

    def act(self, points: ArrayLike) -> np.ndarray:
        """The cloud p (..., n, d) of the cloud q (..., n, d) in standard position."""
        moved = np.asarray(points) @ self.matrix.swapaxes(-1, -2) + self.shift[..., None, :]
        return unsorted(moved, self.order)

    def undo(self, points: ArrayLike) -> np.ndarray:
        """The cloud q (..., n, d) in standard position of the cloud p (..., n, d)."""
        moved = (np.asarray(points) - self.shift[..., None, :]) @ self.matrix
        return np.take_along_axis(moved, self.order[..., None], axis=-2)


class Symmetry(NamedTuple):
    """Which changes of a cloud of points leave it the same.

    Attributes:
        turns: whether rotations do.
        mirrors: whether reflections do.
        orders: whether new orders of the points do.
    """

    turns: bool
    mirrors: bool
    orders: bool


def symmetry_of(group: Group, points: np.ndarray) -> Symmetry:
    """What a group makes of clouds of points (..., n, d).

    Raises:
        InputError: unless it is O(d), SO(d), S(n), or the product of S(n) with one of the others.
    """
    count, dim = points.shape[-2:]
    named = f"O({dim}), SO({dim}), S({count}), Product(S({count}), O({dim})) or Product(S({count}), SO({dim}))"
    parts = (group,)
    if isinstance(group, Product) and group.on == "matrices":
        parts = (group.first, group.second)
    known = [isinstance(part, S | O | SO) and part.dim == (count if isinstance(part, S) else dim) for part in parts]
    if not all(known) or [isinstance(part, S) for part in parts] not in ([True], [False], [True, False]):
        about = isinstance(group, AboutAxis)
        remedy = "; turn the components at right angles to the axis by a group of the plane" if about else ""
        raise InputError(f"group: expected {named} for points of the shape {points.shape}, given {group!r}{remedy}")
    turns = [part for part in parts if not isinstance(part, S)]
    return Symmetry(bool(turns), any(isinstance(part, O) for part in turns), isinstance(parts[0], S))


def checked(points: ArrayLike) -> np.ndarray:
    """Points as an array (..., n, d) of float64.

    Raises:
        InputError: unless they are finite real numbers of this shape.
    """
    try:
        points = np.asarray(points)
    except ValueError as error:
        raise InputError("points: expected one array (..., n, d), given lists of several lengths") from error
    if points.ndim < 2 or 0 in points.shape or points.dtype.kind not in "bifu":
        raise InputError(f"points: expected real numbers (..., n, d), given the shape {points.shape} of {points.dtype}")
    if not np.all(np.isfinite(points)):
        raise InputError("points: expected finite numbers, given nan or infinite ones")
    return points.astype(np.float64)


def of_unit_size(points: np.ndarray) -> np.ndarray:
    """Clouds (..., n, d) over their largest component, whose squares neither overflow nor vanish."""
    scale = np.abs(points).max(axis=(-2, -1), keepdims=True)
    return points / np.where(scale > 0, scale, 1.0)


def lexicographic(points: np.ndarray) -> np.ndarray:
    """The order (..., n) of points (..., n, d) by their first component, then by the second, and so on."""
    order = np.broadcast_to(np.arange(points.shape[-2]), points.shape[:-1])
    for component in range(points.shape[-1])[::-1]:
        keys = np.take_along_axis(points[..., component], order, axis=-1)
        order = np.take_along_axis(order, np.argsort(keys, axis=-1, kind="stable"), axis=-1)
    return order


def unsorted(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Values w (..., n, c) with w[order[i]] = v[i]."""
    inverse = np.argsort(order, axis=-1)[..., None]
    return np.take_along_axis(values, np.broadcast_to(inverse, (*values.shape[:-1], 1)), axis=-2)


def carried(pose: Pose, values: ArrayLike, rep: Rep, *, per_point: bool, positions: bool) -> np.ndarray:
    """What a function gives for clouds in standard position, carried to where the clouds are.

    Args:
        pose: of the clouds, whose leading axes are those of the batch.
        values: (..., dim), or (..., n, dim) if there is one for each point; axes between the batch and these are free.
            Of any shape after the batch if dim is 1.
        rep: how rotations act on them.
        per_point: whether there is one for each point.
        positions: whether they are positions, to which the shift is added.

    Raises:
        InputError: if the shape does not fit, or positions are no vectors.
    """
    values, lead = np.asarray(values), pose.order.shape[:-1]
    count, dim = pose.order.shape[-1], pose.matrix.shape[-1]
    if values.shape[: len(lead)] != lead:
        raise InputError(f"f: expected values for a batch of the shape {lead}, given the shape {values.shape}")
    # one number for each point may come without an axis of its own
    bare = per_point and rep.dim(dim) == 1 and values.ndim == len(lead) + 1
    values = values[..., None] if bare else values
    if per_point and (values.ndim < len(lead) + 2 or values.shape[-2] != count):
        raise InputError(f"f: expected one value for each of {count} points, given the shape {values.shape}")
    if positions and rep != V:
        raise InputError(f"positions: expected vectors, rep_out=V, given {rep!r}")
    found = _turned(pose.matrix, values, rep, len(lead))
    if positions:
        found = found + pose.shift.reshape(*lead, *(1,) * (found.ndim - len(lead) - 1), dim)
    if per_point:
        extra = found.ndim - len(lead) - 2
        found = unsorted(found, pose.order.reshape(*lead, *(1,) * extra, count))
    return found[..., 0] if bare else found


def _turned(matrices: np.ndarray, values: np.ndarray, rep: Rep, lead: int) -> np.ndarray:
    """ρ(Q) v for a batch of matrices (..., d, d), whose number of leading axes is given."""
    if rep.dim(matrices.shape[-1]) == 1 and not rep.degree:
        signs = np.sign(np.linalg.det(matrices)) if rep.terms[0][1] else np.ones(matrices.shape[:-2])
        return values * signs.reshape((*signs.shape, *(1,) * (values.ndim - lead)))
    if values.ndim <= lead:
        raise InputError(f"f: expected {rep!r} along an axis after the batch, given the shape {values.shape}")
    turns = matrices.reshape(-1, *matrices.shape[-2:])
    flat = values.reshape(len(turns), -1, values.shape[-1])
    return act_each(rep, turns, flat).reshape(values.shape)
