"""Canonical forms of point clouds: one cloud for all that are the same up to a group.

A function of the canonical form is invariant, whatever it is, at the cost of one evaluation:

    X = g c(X),    c(hX) = c(X),    F(X) = ρ(g) f(c(X)).

- S(n): the points are sorted by their first component, then by the second, and so on; exactly, without a tolerance.
- O(d), SO(d), the order of the points being known: the first axis points to the first point that is not much nearer
  than the farthest; the others are taken from what is at right angles to it. All clouds have a canonical form.
- Both together: principal axes by falling eigenvalue, each with the sign that makes Σ_i y_i³ along it positive, and the
  points sorted in these. Clouds without such axes, most of which are symmetric, have no canonical form here.
- Translations: the mean of the points is moved to the origin first.

None is continuous everywhere, and none can be: where the choice changes from one point or sign to another, the
canonical form jumps though the cloud does not. Already the order of two points in the plane cannot be chosen
continuously: when they change places by half a turn, the choice has to jump on the way. Averages over frames
(`physym.symmetry.averaging.frames`) do not jump where a sign changes, and averages over the group nowhere.

Source: N. Dym, H. Lawrence and J. W. Siegel, Equivariant frames and the impossibility of continuous canonicalization
(ICML 2024).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.averaging.arrays import is_tensor
from physym.symmetry.averaging.frames import distinct_order, principal_axes
from physym.symmetry.averaging.poses import (
    SCALARS,
    Pose,
    Symmetry,
    carried,
    check_making,
    checked,
    lexicographic,
    of_unit_size,
    symmetry_of,
)
from physym.symmetry.averaging.tensors import followed, following, orthogonal, plain, principal
from physym.symmetry.groups import Group
from physym.symmetry.linear.representations import Rep
from physym.symmetry.tolerance import check_tolerance
from simulators.errors import InputError

__all__ = ["canonicalise", "canonicalised"]

# a point is taken if it is this far, relative to the farthest; in no simple figure would rounding decide at this ratio
_FAR = 0.7137
_ZERO = 1e-10
_TIE = 1e-9


def canonicalise(
    points: ArrayLike, group: Group, *, translations: bool = False, tolerance: float = 1e-6
) -> tuple[np.ndarray, Pose]:
    """The canonical form of clouds of points, and the element that carries it to them.

    Args:
        points: (..., n, d), an array of numpy; `canonicalised` keeps tensors.
        group: O(d), SO(d), S(n), or Product(S(n), O(d)) and the like for both.
        translations: whether these are symmetries besides; with O(d) they make E(d).
        tolerance: for both together, how near two eigenvalues may be, relative to the greatest, and how small the sum
            of the cubes along an axis, relative to that of their absolute values.

    Returns:
        The canonical form (..., n, d), and its pose, with pose.act(canonical) = points. The element is unique if the
        cloud has no symmetries; of a cloud with some it is one of several.

    Raises:
        InputError: for both together, if the cloud has no distinct principal axes, or is symmetric along one, or two
            points have the same component along the first; or the group does not fit; or the tolerance is no number
            >= 0.

    >>> from physym.symmetry import SO
    >>> canonical, pose = canonicalise([[0.0, 2.0], [1.0, 0.0]], SO(2))
    >>> canonical.round(12) + 0.0
    array([[ 2.,  0.],
           [ 0., -1.]])
    >>> pose.act(canonical).round(12) + 0.0
    array([[0., 2.],
           [1., 0.]])
    """
    pose, _ = _posed(points, group, translations=translations, tolerance=tolerance)
    return pose.undo(points), pose


def _posed(points: ArrayLike, group: Group, *, translations: bool, tolerance: float) -> tuple[Pose, np.ndarray | None]:
    """The pose of clouds, and which of their points the axes were taken from (`_first_axes`), if they were."""
    points, tolerance, chosen = checked(points), check_tolerance(tolerance), None
    symmetry = symmetry_of(group, points.shape)
    *lead, count, dim = points.shape
    shift = points.mean(axis=-2) if translations else np.zeros((*lead, dim))
    centred = points - shift[..., None, :]
    if not symmetry.turns:
        matrix = np.broadcast_to(np.eye(dim), (*lead, dim, dim))
    elif symmetry.orders:
        matrix = _skewed_axes(centred, tolerance, mirrors=symmetry.mirrors)
    else:
        matrix, chosen = _first_axes(centred, mirrors=symmetry.mirrors)
    order = np.broadcast_to(np.arange(count), (*lead, count))
    if symmetry.orders:
        order = distinct_order(centred @ matrix, _TIE) if symmetry.turns else lexicographic(points)
    return Pose(matrix, shift, order), chosen


def canonicalised(
    f: Callable[[Any], Any],
    group: Group,
    rep_out: Rep = SCALARS,
    *,
    per_point: bool = False,
    positions: bool = False,
    translations: bool = False,
    tolerance: float = 1e-6,
) -> Callable[[Any], Any]:
    """A function of point clouds made equivariant by evaluation at the canonical form, F(X) = ρ(g) f(c(X)).

    It jumps where the canonical form does. For clouds with symmetries, such as points in a plane, F is equivariant if
    it is invariant, else only as far as the element g is unique: a plane does not tell its two sides apart.

    Points that are a tensor of torch are given to f as one of the same type on the same device, and derivatives with
    respect to the weights of f are exact. So are those with respect to the points, of any order, the turning of the
    axes included, except where F jumps or has an edge. With reflections it has one at clouds
    of less than min(n, d) dimensions (min(n - 1, d) about their mean), such as points in a plane that may leave it: for
    these, derivatives with respect to the points are refused.

    Args:
        f: from clouds (..., n, d) to values (..., dim), for each cloud of the batch one; or any shape after that of the
            batch if dim is 1.
        group: O(d), SO(d), S(n), or Product(S(n), O(d)) and the like for both.
        rep_out: how rotations act on what f gives: T(0) for an invariant function, V for vectors.
        per_point: whether f gives a value for each point (..., n, dim), which moves with it when the order changes.
        positions: whether what f gives are positions, which translations move as well; else translations leave it.
        translations: whether these are symmetries besides; with O(d) they make E(d).
        tolerance: as of `canonicalise`.

    Raises:
        InputError: if an argument is none of these; on a call: as `canonicalise`, if f gives nan or what does not fit,
            or if there are no derivatives with respect to the points.

    >>> from physym.symmetry import S
    >>> float(canonicalised(lambda x: x[..., 0, 0] - x[..., -1, 0], S(3))([[2.0], [7.0], [3.0]]))
    -5.0
    """
    symmetry = check_making(f, group, rep_out, positions=positions, tolerance=tolerance)

    def equivariant(points: Any) -> Any:  # noqa: ANN401
        points, numbers = plain(points)
        pose, chosen = _posed(numbers, group, translations=translations, tolerance=tolerance)
        if is_tensor(points):
            if symmetry.turns and followed(points):
                _check_smooth(pose.undo(numbers), symmetry, translations=translations)
            axes = principal if chosen is None else functools.partial(orthogonal, chosen=chosen)
            pose = following(pose, points, axes if symmetry.turns else None, translations=translations)
        return carried(f, pose, points, rep_out, per_point=per_point, positions=positions)

    return equivariant


def _check_smooth(canonical: np.ndarray, symmetry: Symmetry, *, translations: bool) -> None:
    """Refuse clouds that span fewer dimensions than those near them, where an axis changes its sign at once.

    Raises:
        InputError: if there is one. Of a rotation the last axis follows from the others.
    """
    *_, count, dim = canonical.shape
    free = np.sum(np.abs(of_unit_size(canonical)).max(axis=-2) <= _ZERO, axis=-1)
    if np.any(free > max(dim - (count - translations), 0 if symmetry.mirrors else 1)):
        raise InputError(
            "points: expected clouds with derivatives, given one with points in a plane or on a line that they may"
            " leave: its canonical form has an edge there; take frame_average, or .detach() the points"
        )


def _first_axes(points: np.ndarray, *, mirrors: bool) -> tuple[np.ndarray, np.ndarray]:
    """Columns (..., d, d): axes towards points in their order, each at right angles to those before it.

    Besides (..., d) the points that they go towards, or from n on the unit vectors.
    """
    *lead, count, dim = points.shape
    axes, rest, towards_which = np.zeros((*lead, dim, 0)), of_unit_size(points), []
    for _ in range(dim):
        sizes = np.linalg.norm(rest, axis=-1)
        farthest = sizes.max(axis=-1)
        chosen = np.argmax(sizes >= _FAR * farthest[..., None], axis=-1)
        towards = np.take_along_axis(rest, chosen[..., None, None], axis=-2)[..., 0, :]
        # where nothing is left, any axis will do: the unit vector that the others leave most of
        free = np.argmin(np.sum(axes**2, axis=-1), axis=-1)
        axis = np.where((farthest > _ZERO)[..., None], towards, np.eye(dim)[free])
        towards_which.append(np.where(farthest > _ZERO, chosen, count + free))
        # once more, for what rounding left
        axis = axis - np.einsum("...ik,...jk,...j->...i", axes, axes, axis)
        axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
        axes = np.concatenate([axes, axis[..., None]], axis=-1)
        rest = rest - (rest @ axis[..., None]) * axis[..., None, :]
    return axes if mirrors else _proper(axes), np.stack(towards_which, axis=-1)


def _skewed_axes(points: np.ndarray, tolerance: float, *, mirrors: bool) -> np.ndarray:
    """Columns (..., d, d): principal axes, along each of which the third moment is positive."""
    axes = principal_axes(points, tolerance)
    cubes = (of_unit_size(points) @ axes) ** 3
    skewness, total = cubes.sum(axis=-2), np.abs(cubes).sum(axis=-2)
    flat = total <= _ZERO
    # of a rotation the last sign follows from the others
    doubtful = (np.abs(skewness) <= tolerance * total) & ~flat
    if np.any(doubtful if mirrors else doubtful[..., :-1]):
        raise InputError(
            "points: expected a cloud that is not symmetric along a principal axis, given one whose third moment is 0:"
            " the axis has no direction; average over frames instead"
        )
    axes = axes * np.where(skewness < 0, -1.0, 1.0)[..., None, :]
    return axes if mirrors else _proper(axes)


def _proper(axes: np.ndarray) -> np.ndarray:
    """The same with the last axis turned about where the determinant is -1."""
    axes = axes.copy()
    axes[..., -1] *= np.sign(np.linalg.det(axes))[..., None]
    return axes
