"""Averages over frames: exact symmetry of any function of point clouds, from a few evaluations of it.

Instead of all elements of a group, a frame takes a few that move with the cloud:

    F(X) = 1/|𝓕(X)| Σ_{g ∈ 𝓕(X)} ρ(g) f(g⁻¹ X),    𝓕(hX) = h 𝓕(X),

which is equivariant because the sum for hX has the same terms, carried by h. Here the columns of g are the principal
axes of the cloud, the eigenvectors of Σ_i x_i x_iᵀ by falling eigenvalue, each with both signs: 2^d frames for O(d), of
which the 2^(d-1) of determinant 1 serve SO(d); 8 and 4 in space. For translations the mean of the points comes first,
and for a new order of the points they are sorted by their first component (then by the second, ...) in each frame.

The axes must be distinct. Where two eigenvalues meet, as for a cloud with the symmetries of a cube, they turn by any
angle if the points are moved by as little as rounding errors, and no choice of finitely many frames is equivariant.
Such clouds are refused, unless asked otherwise.

Source: O. Puny, M. Atzmon, H. Ben-Hamu, I. Misra, A. Grover, E. J. Smith and Y. Lipman, Frame averaging for invariant
and equivariant network design (ICLR 2022).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.averaging.arrays import is_tensor
from physym.symmetry.averaging.poses import (
    SCALARS,
    Pose,
    carried,
    check_making,
    checked,
    lexicographic,
    of_unit_size,
    symmetry_of,
)
from physym.symmetry.averaging.tensors import followed, following, plain, principal
from physym.symmetry.groups import Group
from physym.symmetry.linear.representations import Rep
from physym.symmetry.tolerance import check_tolerance
from simulators.errors import InputError

__all__ = ["distinct_order", "frame_average", "frames", "principal_axes"]

_MOST_AXES = 10
# rounding errors of points on axes whose eigenvalues are as close as the default tolerance allows
_TIE = 1e-9


def frames(
    points: ArrayLike,
    group: Group,
    *,
    translations: bool = False,
    tolerance: float = 1e-6,
    on_degenerate: Literal["raise", "accept"] = "raise",
) -> Pose:
    """The frames of clouds of points.

    Args:
        points: (..., n, d), an array of numpy; `frame_average` keeps tensors.
        group: O(d), SO(d), S(n), or Product(S(n), O(d)) and the like for both.
        translations: whether these are symmetries besides; with O(d) they make E(d).
        tolerance: how near two eigenvalues may be, relative to the greatest. Rounding errors of 1e-16 turn the axes by
            1e-16 divided by this.
        on_degenerate: whether nearer ones are refused, or accepted: then the frames are some of those that there are,
            and averages over them are not equivariant.

    Returns:
        Poses that carry the cloud in its standard position to where it is, with an axis of k frames after those of the
        batch: matrices (..., k, d, d), shifts (..., k, d), orders (..., k, n).

    Raises:
        InputError: if two eigenvalues are too near: the cloud is too symmetric, or spans less than d - 1 dimensions; or
            two points that are to be sorted have the same first component; or the group does not fit; or the tolerance
            is no number >= 0.

    >>> from physym.symmetry import O
    >>> found = frames([[2.0, 0.0], [0.0, 1.0]], O(2))
    >>> np.abs(found.undo([[2.0, 0.0], [0.0, 1.0]])).tolist()[0]
    [[2.0, 0.0], [0.0, 1.0]]
    """
    points, tolerance = checked(points), check_tolerance(tolerance)
    _check_choice(on_degenerate)
    symmetry = symmetry_of(group, points.shape)
    *lead, count, dim = points.shape
    shift = points.mean(axis=-2) if translations else np.zeros((*lead, dim))
    centred = points - shift[..., None, :]
    least = tolerance if on_degenerate == "raise" else -1.0
    if symmetry.turns:
        axes = principal_axes(centred, least)
        matrix = axes[..., None, :, :] * _signs(dim, mirrors=symmetry.mirrors, axes=axes)[..., None, :]
    else:
        matrix = np.broadcast_to(np.eye(dim), (*lead, 1, dim, dim))
    moved = centred[..., None, :, :] @ matrix
    if not symmetry.orders:
        order = np.broadcast_to(np.arange(count), moved.shape[:-1])
    elif not symmetry.turns:
        order = lexicographic(points[..., None, :, :])
    else:
        order = distinct_order(moved, 0.0 if on_degenerate == "accept" else _TIE)
    return Pose(matrix, np.broadcast_to(shift[..., None, :], matrix.shape[:-1]), order)


def frame_average(
    f: Callable[[Any], Any],
    group: Group,
    rep_out: Rep = SCALARS,
    *,
    per_point: bool = False,
    positions: bool = False,
    translations: bool = False,
    tolerance: float = 1e-6,
    on_degenerate: Literal["raise", "accept"] = "raise",
) -> Callable[[Any], Any]:
    """A function of point clouds made equivariant by an average over frames.

    Functions that are equivariant stay as they are, and all equivariant functions can be had so.

    Points that are a tensor of torch are given to f as one of the same type on the same device, and derivatives with
    respect to the weights of f are exact. So are those with respect to the points, of any order, the turning of the
    axes included, except where the order of points is about to change: there F jumps.

    Args:
        f: from clouds (..., n, d) to values (..., dim), for each cloud of the batch one; or any shape after that of the
            batch if dim is 1.
        group: O(d), SO(d), S(n), or Product(S(n), O(d)) and the like for both.
        rep_out: how rotations act on what f gives: T(0) for an invariant function, V for vectors.
        per_point: whether f gives a value for each point (..., n, dim), which moves with it when the order changes.
        positions: whether what f gives are positions, which translations move as well; else translations leave it.
        translations: whether these are symmetries besides; with O(d) they make E(d).
        tolerance: as of `frames`.
        on_degenerate: as of `frames`; but clouds whose derivatives are to be had are always refused if their axes have
            none.

    Raises:
        InputError: if an argument is none of these; on a call: as `frames`, or if f gives nan or what does not fit.

    >>> from physym.symmetry import O
    >>> largest = frame_average(lambda x: x[..., 0].max(axis=-1), O(2))
    >>> cloud = np.array([[3.0, 0.0], [-1.0, 0.0], [0.0, 2.0]])
    >>> float(largest(cloud)), float(largest(cloud[:, ::-1]))
    (2.0, 2.0)
    """
    symmetry = check_making(f, group, rep_out, positions=positions, tolerance=tolerance)
    _check_choice(on_degenerate)

    def averaged(points: Any) -> Any:  # noqa: ANN401
        points, numbers = plain(points)
        choice = "raise" if is_tensor(points) and followed(points) else on_degenerate
        found = frames(numbers, group, translations=translations, tolerance=tolerance, on_degenerate=choice)
        if is_tensor(points):
            axes = principal if symmetry.turns else None
            found = following(found, points[..., None, :, :], axes, translations=translations)
        total, count = 0.0, found.matrix.shape[-3]
        for k in range(count):
            one = Pose(found.matrix[..., k, :, :], found.shift[..., k, :], found.order[..., k, :])
            total = total + carried(f, one, points, rep_out, per_point=per_point, positions=positions)
        return total / count

    return averaged


def _check_choice(on_degenerate: str) -> None:
    if on_degenerate not in ("raise", "accept"):
        raise InputError(f"on_degenerate: expected 'raise' or 'accept', given {on_degenerate!r}")


def principal_axes(points: np.ndarray, least: float) -> np.ndarray:
    """Columns (..., d, d): the eigenvectors of Σ_i x_i x_iᵀ by falling eigenvalue, of any sign.

    Raises:
        InputError: if two eigenvalues are nearer than `least`, relative to the greatest.
    """
    points = of_unit_size(points)
    values, axes = np.linalg.eigh(points.swapaxes(-1, -2) @ points)
    gaps = np.diff(values, axis=-1)
    if gaps.size and np.any(gaps.min(axis=-1) <= least * values[..., -1]):
        scale = np.where(values[..., -1] > 0, values[..., -1], 1.0)
        raise InputError(
            f"points: expected distinct principal axes, given two whose eigenvalues differ by"
            f" {np.min(gaps.min(axis=-1) / scale):.2g} of the greatest (the tolerance is {least:.2g}): no frame is"
            " stable there; average over the group instead"
        )
    return axes[..., ::-1]


def distinct_order(points: np.ndarray, least: float) -> np.ndarray:
    """The order (..., n) of points (..., n, d) by their first component, where rounding cannot change it.

    Raises:
        InputError: if two points that are apart have first components nearer than `least`, relative to the farthest.
    """
    order = lexicographic(points)
    along = np.diff(np.take_along_axis(points, order[..., None], axis=-2), axis=-2)
    limit = least * np.abs(points).max(axis=(-2, -1))[..., None]
    near = (np.abs(along[..., 0]) <= limit) & (np.abs(along).max(axis=-1) > limit)
    if least > 0 and np.any(near):
        raise InputError(
            "points: expected ones that a principal axis tells apart, given two with the same component along it: their"
            " order is not stable; average over the group instead"
        )
    return order


def _signs(dim: int, *, mirrors: bool, axes: np.ndarray) -> np.ndarray:
    """Signs of the axes (..., k, d): all of them, or those that make the determinant 1."""
    if dim > _MOST_AXES:
        raise InputError(
            f"points: expected at most {_MOST_AXES} dimensions (2^{_MOST_AXES} frames), given {dim}; use canonicalise"
        )
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=dim)))
    if mirrors:
        return np.broadcast_to(signs, (*axes.shape[:-2], *signs.shape))
    even = signs[np.prod(signs, axis=1) > 0]
    last = np.append(np.ones(dim - 1), -1.0)
    return even * np.where(np.linalg.det(axes)[..., None, None] > 0, 1.0, last)
