"""Poses of point clouds: how a cloud in a standard position lies in space, and in which order its points are listed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.averaging.arrays import array_of, check_finite, is_tensor, library
from physym.symmetry.groups import SO, AboutAxis, Group, O, Product, S
from physym.symmetry.linear.batched import act_each
from physym.symmetry.linear.representations import Rep, T, V, array_of_numpy
from physym.symmetry.tolerance import check_tolerance
from simulators.errors import InputError

__all__ = [
    "SCALARS",
    "Pose",
    "Symmetry",
    "carried",
    "check_making",
    "checked",
    "lexicographic",
    "of_unit_size",
    "symmetry_of",
]

SCALARS = T(0)
"""What rotations leave as it is."""


class Pose(NamedTuple):
    """An isometry and an order of points: p[order[i]] = Q q[i] + t; arrays of numpy, or tensors of torch.

    Attributes:
        matrix: Q, orthogonal (..., d, d).
        shift: t (..., d).
        order: a permutation (..., n).
    """

    matrix: np.ndarray
    shift: np.ndarray
    order: np.ndarray

    def act(self, points: ArrayLike) -> np.ndarray:
        """The cloud p (..., n, d) of the cloud q (..., n, d) in standard position.

        Raises:
            InputError: unless there is one cloud for each pose, or one for all.
        """
        moved = self._fitting(points) @ self.matrix.swapaxes(-1, -2) + self.shift[..., None, :]
        return unsorted(moved, self.order)

    def undo(self, points: ArrayLike) -> np.ndarray:
        """The cloud q (..., n, d) in standard position of the cloud p (..., n, d).

        Raises:
            InputError: unless there is one cloud for each pose, or one for all.
        """
        moved = (self._fitting(points) - self.shift[..., None, :]) @ self.matrix
        return _taken(moved, self.order[..., None])


    def _fitting(self, points: ArrayLike) -> Any:  # noqa: ANN401
        points = _like(points, self.matrix)
        given, wanted = tuple(points.shape), (*self.matrix.shape[:-2], self.order.shape[-1], self.matrix.shape[-1])
        alone = len(given) == 2 or (len(given) == len(wanted) and given[-3] == 1)
        if given[-2:] != wanted[-2:] or not (alone or given == wanted):
            raise InputError(
                f"points: expected one cloud for each pose {wanted}, or one for all {wanted[-2:]}, given {given}; for"
                " frames of clouds give points[..., None, :, :]"
            )
        return points


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


def symmetry_of(group: Group, shape: tuple[int, ...] | None = None) -> Symmetry:
    """What a group makes of clouds of points, whose shape (..., n, d) may be known.

    Raises:
        InputError: unless it is O(d), SO(d), S(n), or the product of S(n) with one of the others.
    """
    count, dim = shape[-2:] if shape else ("n", "d")
    parts = (group,)
    if isinstance(group, Product) and group.on == "matrices":
        parts = (group.first, group.second)
    known = all(isinstance(part, S | O | SO) for part in parts)
    fitting = known and (not shape or all(part.dim == (count if isinstance(part, S) else dim) for part in parts))
    if not fitting or [isinstance(part, S) for part in parts] not in ([True], [False], [True, False]):
        named = f"O({dim}), SO({dim}), S({count}), Product(S({count}), O({dim})) or Product(S({count}), SO({dim}))"
        points = f"points of the shape {shape}" if shape else "points (..., n, d)"
        remedy = "take invariants"
        if isinstance(group, AboutAxis):
            remedy = "turn the components at right angles to the axis by a group of the plane"
        raise InputError(f"group: expected {named} for {points}, given {group!r}; {remedy}")
    turns = [part for part in parts if not isinstance(part, S)]
    return Symmetry(bool(turns), any(isinstance(part, O) for part in turns), isinstance(parts[0], S))


def check_making(f: object, group: Group, rep_out: Rep, *, positions: bool, tolerance: float) -> Symmetry:
    """Refuse what no equivariant function of clouds is made of.

    Raises:
        InputError: if f is no function, the group is none of clouds, the representation is none, positions are no
            vectors, or the tolerance is no number >= 0.
    """
    if not callable(f):
        raise InputError(f"f: expected a function of clouds (..., n, d), given {f!r}")
    if not isinstance(rep_out, Rep):
        raise InputError(f"rep_out: expected a representation made of T, V and PSEUDO, given {rep_out!r}")
    if positions and rep_out != V:
        raise InputError(f"positions: expected vectors, rep_out=V, given {rep_out!r}")
    check_tolerance(tolerance)
    return symmetry_of(group)


def checked(points: ArrayLike) -> np.ndarray:
    """Points as an array (..., n, d) of float64.

    Raises:
        InputError: unless they are finite real numbers of this shape, of numpy.
    """
    points = array_of_numpy(points, "points", "take frame_average or canonicalised, which keep tensors")
    if points.ndim < 2 or 0 in points.shape or points.dtype.kind not in "bifu":
        raise InputError(f"points: expected real numbers (..., n, d), given the shape {points.shape} of {points.dtype}")
    check_finite(points, "points")
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
    xp = library(values)
    return _taken(values, xp.broadcast_to(xp.argsort(order, -1)[..., None], (*values.shape[:-1], 1)))


def _taken(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    take = library(values).take_along_dim if is_tensor(values) else np.take_along_axis
    return take(values, order, -2)


def _like(points: Any, matrix: Any) -> Any:  # noqa: ANN401
    """Points as an array of numpy, or as a tensor of the same type, whichever the matrix is."""
    return points.to(matrix.dtype) if is_tensor(matrix) else array_of_numpy(points, "points")


def carried(
    f: Callable[[Any], Any],
    pose: Pose,
    points: Any,  # noqa: ANN401
    rep: Rep,
    *,
    per_point: bool,
    positions: bool,
) -> Any:  # noqa: ANN401
    """What a function gives for clouds in standard position, carried to where the clouds are.

    Args:
        f: gives (..., dim), or (..., n, dim) if there is a value for each point; axes between the batch and these are
            free. Of any shape after the batch if dim is 1.
        pose: of the clouds, whose leading axes are those of the batch; of tensors if the points are one.
        points: the clouds (..., n, d) where they are.
        rep: how rotations act on what f gives.
        per_point: whether there is one for each point.
        positions: whether they are positions, to which the shift is added.

    Raises:
        InputError: if f gives no numbers, nan (of tensors this is not looked at), or none of the same kind as its
            clouds, or their shape does not fit.
    """
    standard = pose.undo(points)
    values = array_of(f(standard.to(points.dtype) if is_tensor(points) else standard), "f")
    check_finite(values, "f")
    if is_tensor(values) != is_tensor(points):
        kinds = ("tensors of torch", "arrays of numpy")
        wanted, given = kinds if is_tensor(points) else kinds[::-1]
        raise InputError(f"f: expected {wanted} for {wanted}, given {given}; call it with the kind that f is made for")
    given = values.dtype
    if is_tensor(values):
        both = library(values).promote_types(given, pose.matrix.dtype)
        pose, values = pose._replace(matrix=pose.matrix.to(both)), values.to(both)
    lead, count, dim = tuple(pose.order.shape[:-1]), pose.order.shape[-1], pose.matrix.shape[-1]
    if values.shape[: len(lead)] != lead:
        raise InputError(f"f: expected values for a batch of the shape {lead}, given the shape {tuple(values.shape)}")
    # one number for each point may come without an axis of its own
    bare = per_point and rep.dim(dim) == 1 and values.ndim == len(lead) + 1
    values = values[..., None] if bare else values
    if per_point and (values.ndim < len(lead) + 2 or values.shape[-2] != count):
        raise InputError(f"f: expected one value for each of {count} points, given the shape {tuple(values.shape)}")
    found = _turned(pose.matrix, values, rep, len(lead))
    if positions:
        found = found + pose.shift.reshape(*lead, *(1,) * (found.ndim - len(lead) - 1), dim)
    if per_point:
        extra = found.ndim - len(lead) - 2
        found = unsorted(found, pose.order.reshape(*lead, *(1,) * extra, count))
    found = found[..., 0] if bare else found
    return found.to(given) if is_tensor(found) else found


def _turned(matrices: Any, values: Any, rep: Rep, lead: int) -> Any:  # noqa: ANN401
    """ρ(Q) v for a batch of matrices (..., d, d), whose number of leading axes is given."""
    if rep.dim(matrices.shape[-1]) == 1 and not rep.degree:
        if not rep.terms[0][1]:
            return values
        xp = library(matrices)
        signs = xp.sign(xp.linalg.det(matrices).real)
        return values * signs.reshape((*signs.shape, *(1,) * (values.ndim - lead)))
    if values.ndim <= lead:
        raise InputError(f"f: expected {rep!r} along an axis after the batch, given the shape {tuple(values.shape)}")
    turns = matrices.reshape(-1, *matrices.shape[-2:])
    flat = values.reshape(len(turns), math.prod(values.shape[lead:-1]), values.shape[-1])
    return act_each(rep, turns, flat).reshape(values.shape)
