"""Invariants of point clouds: of points p_1, ..., p_n under rotations, reflections and a new order, O(d) x S_n.

Up to O(d) a cloud is its Gram matrix X_ij = p_iᵀp_j, and a new order of the points conjugates it, X -> Π X Πᵀ. Two sets
of features tell generic clouds apart (Blum-Smith, Huang, Cuturi and Villar 2025):

- of the matrix, n(n + 1)/2 + 1 of them: its diagonal, sorted; what is above the diagonal, sorted; and

      f* = Σ_{i≠j} X_ii X_ij,

  which tells which entries belong together. They serve any symmetric matrix, such as a weighted graph.
- with d centroids c_1, ..., c_d that move with the cloud and do not depend on the order, O(n) of them: the products
  c_jᵀc_k, and the multiset of rows (c_1ᵀp_i, ..., c_dᵀp_i, |p_i|²), one of each point.

Generic means: all but a set of measure zero, which symmetric clouds belong to. f* cannot tell the cycle of six from two
cycles of three (equal diagonals), and a centroid of a cloud lies in every plane and line that its symmetries keep, thus
at the origin for a centrally symmetric one, whatever its construction. `physym.symmetry.congruence` decides all cases.

The centroids of the paper are those of k-means, which depend on the start, with k-means++ on the order of the points,
and jump as a point changes cells. Here they are weighted means, of points in units of their root mean square distance
from the origin,

    c_1 = ⟨w p⟩/⟨w⟩,               w = 1 + |p|² + pᵀSp,   S = ⟨p pᵀ⟩,
    c_{j+1} = g ⟨(t + t²) p⟩,      t = pᵀu/|u|,   u = c_j less its projection on c_1, ..., c_{j-1},

⟨·⟩ being the mean over points, and g = |u|/√(|u|² + 0.01) there for continuity where u is nothing and has no direction:
functions of the cloud alone, without any choice, and Lipschitz continuous.

`gram_features`, `conjugation_invariants` and `distances` work on torch too, and differentiate there; what has to do
with centroids is of numpy alone.

Source: B. Blum-Smith, N. Huang, M. Cuturi and S. Villar, Functions on symmetric matrices and point clouds via
lightweight invariant features from Galois theory (SIAM Journal on Applied Algebra and Geometry 9, 2025; arXiv
2405.08097).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.vectors.forms import Array, module_of, numbers
from simulators.errors import InputError

__all__ = [
    "centroid_features", "centroid_frame", "centroid_rows", "centroids", "check_flag", "checked_points",
    "conjugation_invariants", "distances", "gram_features", "unit",
]  # fmt: skip

_DAMPED = 0.1
# a centroid this close to the span of those before it, relative to the size of the cloud, is in it by rounding
_UNSURE = 1e-6


def conjugation_invariants(matrix: Array) -> Array:
    """Features of a symmetric matrix that no permutation of rows and columns together changes.

    Args:
        matrix: (..., n, n), symmetric; of numpy or torch.

    Returns:
        An array (..., n(n + 1)/2 + 1): the sorted diagonal, the sorted entries above it, and f*; see the module.

    Raises:
        InputError: if the matrix is not symmetric, or not finite (of numpy arrays alone; tensors are not looked at).

    >>> conjugation_invariants([[3.0, 5.0], [5.0, 2.0]])
    array([ 2.,  3.,  5., 25.])
    """
    matrix = _real(matrix, "matrix")
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise InputError(f"matrix: expected an array (..., n, n), given the shape {tuple(matrix.shape)}")
    if module_of(matrix) is np:
        size = np.abs(matrix).max(initial=0.0)
        if np.abs(matrix / 2 - np.swapaxes(matrix, -1, -2) / 2).max(initial=0.0) > 0.5e-9 * size:
            raise InputError("matrix: expected a symmetric one, given another; take (X + Xᵀ)/2 if that is meant")
    diagonal = matrix.diagonal(0, -2, -1)
    above = matrix[(..., *np.triu_indices(matrix.shape[-1], 1))]
    with np.errstate(over="ignore", invalid="ignore"):
        mixed = _finite((diagonal * (matrix.sum(axis=-1) - diagonal)).sum(axis=-1)[..., None])
    return module_of(matrix).concatenate([_sorted(diagonal), _sorted(above), mixed], axis=-1)


def _sorted(values: Array) -> Array:
    return np.sort(values, axis=-1) if module_of(values) is np else values.sort(dim=-1).values


def gram_features(points: Array, *, centre: bool = False) -> Array:
    """The `conjugation_invariants` (..., n(n + 1)/2 + 1) of the Gram matrix of clouds (..., n, d).

    Args:
        points: (..., n, d), of numpy or torch.
        centre: whether the mean of the points is their origin, so that translations do not matter either.

    Raises:
        InputError: if the shape is another, or the points are not finite.

    >>> gram_features([[2.0, 0.0], [0.0, 1.0]])
    array([1., 4., 0., 0.])
    """
    points = checked_points(points, centre=centre, tensors=True)
    with np.errstate(over="ignore", invalid="ignore"):
        gram = _finite(points @ points.swapaxes(-1, -2))
    return conjugation_invariants(gram)


def distances(points: Array) -> Array:
    """The sorted distances (..., n(n - 1)/2) between all pairs of points of clouds (..., n, d) of numpy or torch.

    They are invariants of rotations, reflections, translations and order, but not all: the points 0, 1, 4, 10, 12, 17
    of a line have the same ones as 0, 1, 8, 11, 13, 17.

    >>> distances([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
    array([3., 4., 5.])
    """
    points = checked_points(points, tensors=True)
    first, second = np.triu_indices(points.shape[-2], 1)
    if module_of(points) is not np:
        return _sorted(module_of(points).linalg.vector_norm(points[..., first, :] - points[..., second, :], dim=-1))
    size = unit(points)
    points = points / size
    with np.errstate(over="ignore"):
        return _finite(_sorted(np.linalg.norm(points[..., first, :] - points[..., second, :], axis=-1)) * size[..., 0])


def centroids(points: ArrayLike, *, centre: bool = False) -> np.ndarray:
    """The centroids c_1, ..., c_d of clouds, which turn with the cloud and do not depend on the order; see the module.

    Args:
        points: (..., n, d).
        centre: whether the mean of the points is their origin.

    Returns:
        An array (..., d, d): one a row. They span less than the space where symmetries of the cloud force them to.

    Raises:
        InputError: if the shape is another, or the points are not finite.

    >>> centroids([[2.0], [1.0], [0.0]]).round(3)
    array([[1.533]])
    """
    points = checked_points(points, centre=centre)
    scale = unit(points)
    points = points / scale
    size = np.sqrt(np.mean(np.sum(points**2, axis=-1), axis=-1))[..., None, None]
    p = points / np.where(size > 0, size, 1.0)
    spread = np.swapaxes(p, -1, -2) @ p / p.shape[-2]
    weights = 1.0 + np.sum(p**2, axis=-1) + np.sum((p @ spread) * p, axis=-1)
    weights = weights / weights.sum(axis=-1, keepdims=True)
    found = [np.sum(weights[..., None] * p, axis=-2)]
    axes: list[np.ndarray] = []
    for _ in range(p.shape[-1] - 1):
        rest = _beside(found[-1], axes)
        length = np.linalg.norm(rest, axis=-1, keepdims=True)
        axes.append(rest / np.where(length > 0, length, 1.0))
        along = np.sum(p * axes[-1][..., None, :], axis=-1)
        certain = length / np.hypot(length, _DAMPED)
        found.append(certain * np.mean((along + along**2)[..., None] * p, axis=-2))
    with np.errstate(over="ignore"):
        return _finite(np.stack(found, axis=-2) * size * scale)


def _beside(vector: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """A vector (..., d) less its projection on orthogonal axes; twice, since the first time leaves some rounding."""
    for axis in [*axes, *axes]:
        vector = vector - np.sum(vector * axis, axis=-1, keepdims=True) * axis
    return vector


def centroid_frame(points: ArrayLike, *, centre: bool = False) -> np.ndarray:
    """Axes that turn with the cloud: its `centroids`, each less its projection on those before, at unit length.

    An axis that the cloud does not determine is zero, and shorter than 1 where it hardly does: by rounding there is
    always some direction left.

    Args:
        points: (..., n, d).
        centre: whether the mean of the points is their origin.

    Returns:
        An array (..., d, d), one axis a row.

    Raises:
        InputError: if the shape is another, or the points are not finite.

    >>> centroid_frame([[0.0, 2.0], [0.0, 1.0]]).round(9).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    points = checked_points(points, centre=centre)
    points = points / unit(points)
    size = np.sqrt(np.mean(np.sum(points**2, axis=-1), axis=-1))[..., None]
    given, axes = centroids(points), []
    for k in range(points.shape[-1]):
        rest = _beside(given[..., k, :], axes)
        length = np.hypot(np.linalg.norm(rest, axis=-1, keepdims=True), _UNSURE * size)
        axes.append(rest / np.where(length > 0, length, 1.0))
    return np.stack(axes, axis=-2)


def centroid_rows(points: ArrayLike, *, centre: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The products of the centroids, and a row of each point.

    Args:
        points: (..., n, d).
        centre: whether the mean of the points is their origin.

    Returns:
        The products c_jᵀc_k, j <= k, (..., d(d + 1)/2); and rows (c_1ᵀp_i, ..., c_dᵀp_i, |p_i|²) (..., n, d + 1), in
        the order of the points: what is invariant is the multiset of them.

    Raises:
        InputError: if the shape is another, or the points are not finite.
    """
    points = checked_points(points, centre=centre)
    found = centroids(points)
    moved = np.swapaxes(found, -1, -2)
    with np.errstate(over="ignore", invalid="ignore"):
        inner = _finite(found @ moved)
        rows = _finite(np.concatenate([points @ moved, np.sum(points**2, axis=-1, keepdims=True)], axis=-1))
    return inner[(..., *np.triu_indices(points.shape[-1]))], rows


def centroid_features(points: ArrayLike, *, centre: bool = False) -> np.ndarray:
    """The lightweight invariants of clouds: `centroid_rows` in a row, those of points in lexicographic order.

    Where two points have the same first number, or almost, rounding may trade their places: the multiset is continuous,
    this array is not. Of clouds with a centre of symmetry at the origin nothing is left but radii, the centroids being
    0: take `gram_features`, or "pairs" or "gram" of the regressor.

    Args:
        points: (..., n, d).
        centre: whether the mean of the points is their origin.

    Returns:
        An array (..., d(d + 1)/2 + n(d + 1)).

    Raises:
        InputError: if the shape is another, or the points are not finite.

    >>> cloud = np.random.default_rng(0).standard_normal((6, 3))
    >>> quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> bool(np.allclose(centroid_features(cloud[::-1] @ quarter), centroid_features(cloud)))
    True
    """
    inner, rows = centroid_rows(points, centre=centre)
    order = np.lexsort(np.moveaxis(rows[..., ::-1], -1, 0))
    rows = np.take_along_axis(rows, order[..., None], axis=-2)
    return np.concatenate([inner, rows.reshape(*rows.shape[:-2], rows.shape[-2] * rows.shape[-1])], axis=-1)


def checked_points(points: Array, *, centre: bool = False, tensors: bool = False) -> Array:
    """Clouds (..., n, d) of finite numbers, less their mean if so wished; `tensors` of torch are not looked at.

    Raises:
        InputError: if they are none.
    """
    points = _real(points, "points") if tensors else numbers(points, "points", real=True)
    if points.ndim < 2 or not points.shape[-1] or not points.shape[-2]:
        given = tuple(points.shape)
        raise InputError(f"points: expected clouds (..., n, d) of at least one point, given the shape {given}")
    if not check_flag(centre, "centre"):
        return points
    with np.errstate(over="ignore", invalid="ignore"):
        return _finite(points - points.mean(axis=-2, keepdims=True))


def check_flag(value: bool, name: str) -> bool:
    """Yes or no.

    Raises:
        InputError: if it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}: expected True or False, given {value!r}")
    return bool(value)


def unit(points: np.ndarray) -> np.ndarray:
    """Powers of 2 (..., 1, 1) as large as the largest coordinates of clouds: in units of them squares are finite."""
    return np.ldexp(1.0, np.frexp(np.abs(points).max(axis=(-2, -1), keepdims=True, initial=0.0))[1] - 1)


def _finite(values: Array) -> Array:
    """The same, if it did not overflow; tensors are not looked at."""
    if module_of(values) is np and not np.all(np.isfinite(values)):
        raise InputError("points: expected numbers whose products are finite, given larger ones; take other units")
    return values


def _real(given: Array, name: str) -> Array:
    torch = module_of(given)
    if torch is np:
        return numbers(given, name, real=True)
    if given.is_complex():
        raise InputError(f"{name}: expected real numbers, given a tensor of {given.dtype}")
    return given if given.is_floating_point() else given.to(torch.get_default_dtype())
