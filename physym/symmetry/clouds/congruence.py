"""Whether two point clouds are the same up to a rotation, a reflection, a translation and a new order of the points.

Points of the first cloud that span it are tried against all points of the second that have the same products, one
after the other; each full match fixes the isometry, which is then put to the test on all points. Symmetric clouds,
which many invariants do not tell apart, are no exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.clouds.features import check_flag, checked_points, unit
from physym.symmetry.groups import SO, O
from physym.symmetry.tolerance import check_tolerance
from physym.symmetry.vectors.alignment import align
from simulators.errors import InputError

__all__ = ["Congruence", "congruence"]


class Congruence(NamedTuple):
    """How one cloud is carried to another: b[order[i]] = matrix a[i] + shift.

    Attributes:
        matrix: an orthogonal matrix (d, d).
        shift: (d,).
        order: (n,), a permutation.
    """

    matrix: np.ndarray
    shift: np.ndarray
    order: np.ndarray


def congruence(
    start: ArrayLike, goal: ArrayLike, tolerance: float = 1e-8, *, reflections: bool = True, translations: bool = True
) -> Congruence | None:
    """The isometry and the order that carry one cloud to another, or None if there are none.

    Args:
        start: the points a (n, d), of numpy.
        goal: the points b (n, d), of numpy.
        tolerance: how far points may be from each other, relative to the greatest distance from the origin.
        reflections: whether mirror images are the same.
        translations: whether the origin does not matter.

    Returns:
        One of those that there are. The time grows as n^(r + 1) in the worst case, r being the dimension of the span,
        and as n² for clouds without symmetries.

    Raises:
        InputError: if the clouds have not one shape (n, d), or are not finite, or the tolerance is not > 0.

    >>> congruence([[0.0], [1.0], [4.0]], [[7.0], [3.0], [6.0]]).order
    array([0, 2, 1])
    >>> congruence([[0.0], [1.0], [4.0], [10.0], [12.0], [17.0]], [[0.0], [1.0], [8.0], [11.0], [13.0], [17.0]]) is None
    True
    """
    a, b = checked_points(start), checked_points(goal)
    if a.ndim != 2 or a.shape != b.shape:
        raise InputError(f"goal: expected two clouds of one shape (n, d), given {a.shape} and {b.shape}")
    if not (tolerance := check_tolerance(tolerance)):
        raise InputError("tolerance: expected a number > 0, given 0; rounding is not exact, take one such as 1e-8")
    size = unit(np.stack([a, b])).max()
    a, b = a / size, b / size
    middle = (a.mean(axis=0), b.mean(axis=0)) if check_flag(translations, "translations") else np.zeros((2, a.shape[1]))
    a, b = a - middle[0], b - middle[1]
    scale = max(np.linalg.norm(a, axis=1).max(), np.linalg.norm(b, axis=1).max())
    if scale == 0:
        return Congruence(np.eye(a.shape[1]), size * (middle[1] - middle[0]), np.arange(len(a)))
    group = O(a.shape[1]) if check_flag(reflections, "reflections") else SO(a.shape[1])
    chosen = _spanning(a, tolerance * scale)
    for match in _matches(a[chosen] @ a[chosen].T, b, b @ b.T, 4 * tolerance * scale**2):
        matrix = align(a[chosen], b[match], group)
        order = _order(a @ matrix.T, b, tolerance * scale)
        if order is not None:
            # the best for all points, not only for those tried
            matrix = align(a, b[order], group)
            return Congruence(matrix, size * (middle[1] - matrix @ middle[0]), order)
    return None


def _spanning(points: np.ndarray, least: float) -> np.ndarray:
    """The indices of points that span all the others, far ones first."""
    from scipy.linalg import qr

    triangle, order = qr(points.T, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return order[: max(1, int(np.sum(diagonal > least)))]


def _matches(wanted: np.ndarray, b: np.ndarray, products: np.ndarray, off: float) -> Iterator[list[int]]:
    """All lists of points of b with the wanted Gram matrix."""
    stack: list[list[int]] = [[]]
    while stack:
        found = stack.pop()
        if len(found) == len(wanted):
            yield found
            continue
        k = len(found)
        fits = np.abs(np.diag(products) - wanted[k, k]) <= off
        for earlier, index in enumerate(found):
            fits &= np.abs(products[:, index] - wanted[k, earlier]) <= off
        stack += [[*found, index] for index in np.flatnonzero(fits)[::-1].tolist()]


def _order(moved: np.ndarray, b: np.ndarray, off: float) -> np.ndarray | None:
    """Which point of b each moved point is at, if they are one to one."""
    from scipy.optimize import linear_sum_assignment

    apart = np.linalg.norm(moved[:, None] - b[None], axis=-1)
    # the points tried fix the isometry no better than they are given, and far from each other it errs more
    near = apart <= 4 * off * max(1, b.shape[1])
    if not near.any(axis=1).all():
        return None
    rows, order = linear_sum_assignment(~near)
    return order if near[rows, order].all() else None
