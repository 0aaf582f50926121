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

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.averaging.frames import distinct_order, principal_axes
from physym.symmetry.averaging.poses import SCALARS, Pose, carried, checked, lexicographic, of_unit_size, symmetry_of
from physym.symmetry.groups import Group
from physym.symmetry.linear.representations import Rep
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
        points: (..., n, d).
        group: O(d), SO(d), S(n), or Product(S(n), O(d)) and the like for both.
        translations: whether these are symmetries besides; with O(d) they make E(d).
        tolerance: for both together, how near two eigenvalues may be, relative to the greatest, and how small the sum
            of the cubes along an axis, relative to that of their absolute values.

    Returns:
        The canonical form (..., n, d), and its pose, with pose.act(canonical) = points. The element is unique if the
        cloud has no symmetries; of a cloud with some it is one of several.

    Raises:
        InputError: for both together, if the cloud has no distinct principal axes, or is symmetric along one, or two
            points have the same component along the first; or the group does not fit.

    >>> from physym.symmetry import SO
    >>> canonical, pose = canonicalise([[0.0, 2.0], [1.0, 0.0]], SO(2))
    >>> canonical.round(12) + 0.0
    array([[ 2.,  0.],
           [ 0., -1.]])
    >>> pose.act(canonical).round(12) + 0.0
    array([[0., 2.],
           [1., 0.]])
    """
    points = checked(points)
    symmetry = symmetry_of(group, points)
    *lead, count, dim = points.shape
    shift = points.mean(axis=-2) if translations else np.zeros((*lead, dim))
    centred = points - shift[..., None, :]
    if not symmetry.turns:
        matrix = np.broadcast_to(np.eye(dim), (*lead, dim, dim))
    elif symmetry.orders:
        matrix = _skewed_axes(centred, tolerance, mirrors=symmetry.mirrors)
    else:
        matrix = _first_axes(centred, mirrors=symmetry.mirrors)
    order = np.broadcast_to(np.arange(count), (*lead, count))
    if symmetry.orders:
        order = distinct_order(centred @ matrix, _TIE) if symmetry.turns else lexicographic(points)
    pose = Pose(matrix, shift, order)
    return pose.undo(points), pose


def canonicalised(
    f: Callable[[np.ndarray], ArrayLike],
    group: Group,
    rep_out: Rep = SCALARS,
    *,
    per_point: bool = False,
    positions: bool = False,
    translations: bool = False,
    tolerance: float = 1e-6,
) -> Callable[[ArrayLike], np.ndarray]:
    """A function of point clouds made equivariant by evaluation at the canonical form, F(X) = ρ(g) f(c(X)).

    It jumps where the canonical form does. For clouds with symmetries, such as points in a plane, F is equivariant if
    it is invariant, else only as far as the element g is unique: a plane does not tell its two sides apart.

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
        InputError: on a call: as `canonicalise`, or if the shape of what f gives does not fit.

    >>> from physym.symmetry import S
    >>> float(canonicalised(lambda x: x[..., 0, 0] - x[..., -1, 0], S(3))([[2.0], [7.0], [3.0]]))
    -5.0
    """
    if not isinstance(rep_out, Rep):
        raise InputError(f"rep_out: expected a representation made of T, V and PSEUDO, given {rep_out!r}")

    def equivariant(points: ArrayLike) -> np.ndarray:
        canonical, pose = canonicalise(points, group, translations=translations, tolerance=tolerance)
        return carried(pose, f(canonical), rep_out, per_point=per_point, positions=positions)

    return equivariant


def _first_axes(points: np.ndarray, *, mirrors: bool) -> np.ndarray:
    """Columns (..., d, d): axes towards points in their order, each at right angles to those before it."""
    *lead, _, dim = points.shape
    axes, rest = np.zeros((*lead, dim, 0)), of_unit_size(points)
    for _ in range(dim):
        sizes = np.linalg.norm(rest, axis=-1)
        farthest = sizes.max(axis=-1)
        chosen = np.argmax(sizes >= _FAR * farthest[..., None], axis=-1)
        towards = np.take_along_axis(rest, chosen[..., None, None], axis=-2)[..., 0, :]
        # where nothing is left, any axis will do: the unit vector that the others leave most of
        free = np.eye(dim)[np.argmin(np.sum(axes**2, axis=-1), axis=-1)]
        axis = np.where((farthest > _ZERO)[..., None], towards, free)
        # once more, for what rounding left
        axis = axis - np.einsum("...ik,...jk,...j->...i", axes, axes, axis)
        axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
        axes = np.concatenate([axes, axis[..., None]], axis=-1)
        rest = rest - (rest @ axis[..., None]) * axis[..., None, :]
    return axes if mirrors else _proper(axes)


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
