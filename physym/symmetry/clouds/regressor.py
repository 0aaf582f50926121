"""A regressor on point clouds that no rotation, reflection, translation or new order of the points changes.

A cloud is one or several multisets of invariant rows (see `physym.symmetry.clouds`). Two multisets are compared
by the mean of a Gaussian over all pairs of rows, which is an inner product of their mean embeddings μ,

    ⟨μ_A, μ_B⟩ = 1/(nm) Σ_ij exp(-|a_i - b_j|²/2ℓ²),

and clouds by a Gaussian of the distance between embeddings (universal for continuous functions of multisets), or by the
inner product itself (sums over rows). Kernel ridge regression does the rest: nothing is random, and the width, the
kernel and the ridge are those with the smallest error where each cloud is left out of training in turn, which costs
nothing extra:

    y_i - f_{-i}(A_i) = α_i/(K + λ1)⁻¹_ii,    α = (K + λ1)⁻¹ y.

The cost is N² n² for N clouds of n points, and N³.

Sources: A. Christmann and I. Steinwart, Universal kernels on non-standard input spaces (NeurIPS 2010), for the kernel;
C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (MIT Press 2006), 5.4.2, for the error.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.clouds.features import check_flag, checked_points, unit
from physym.symmetry.clouds.multisets import Multisets, check_features, columns, multisets
from physym.symmetry.vectors.forms import numbers
from simulators.errors import InputError

__all__ = ["PointCloudRegressor"]

# each half of the one before, see `_inner`
_WIDTHS = (2.0, 1.0, 0.5, 0.25)
_REACHES = (0.0, 0.5, 1.0, 3.0)
_RIDGES = np.logspace(-12, 0, 25)
_BLOCK = 4_000_000


class _Kernel(NamedTuple):
    """What was chosen.

    Attributes:
        width: ℓ, relative to the root of the number of columns.
        reach: of the Gaussian of distances between embeddings, relative to their median; 0 for inner products.
        scale: their median.
        ridge: λ.
    """

    width: float
    reach: float
    scale: float
    ridge: float


class PointCloudRegressor:
    """Learns a number from point clouds, invariant to O(d) or E(d) and to the order of the points; see the module.

    Args:
        features: "centroids", the lightweight ones, as n rows: the points in the frame of the centroids, where clouds
            with a centre of symmetry keep only their radii (take "pairs" or "gram" for these); "gram", the multisets
            of the Gram matrix and f*; "pairs", its entries pair by pair, n(n - 1)/2 rows from which these
            follow; "distances" between pairs, which do not tell all clouds apart; or a function from a cloud (n, d) to
            multisets, a tuple of arrays (any number, columns), as many of every cloud. The named ones depend on the
            units of the points as a whole only by rounding.
        centre: whether translations do not matter either.

    Attributes:
        error_: the root mean square error of training clouds, each left out in turn. It is optimistic, since width,
            kernel and ridge are those for which it is smallest: judge by `score` on clouds that were not trained on.
        kernel_: width, reach and ridge that were chosen.

    Raises:
        InputError: if the features are unknown, or `centre` is not True or False.

    >>> clouds = np.random.default_rng(0).standard_normal((60, 4, 2))
    >>> areas = np.linalg.det(np.swapaxes(clouds, 1, 2) @ clouds)
    >>> model = PointCloudRegressor(centre=False).fit(clouds, areas)
    >>> bool(np.allclose(model.predict(clouds[:, ::-1] * [1.0, -1.0]), model.predict(clouds)))
    True
    """

    def __init__(self, features: str | Callable[[np.ndarray], Multisets] = "centroids", *, centre: bool = True) -> None:
        self.set_params(features=features, centre=centre)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(features={self.features!r}, centre={self.centre})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, by name."""
        return {"features": self.features, "centre": self.centre}

    def set_params(self, **settings: Any) -> Self:  # noqa: ANN401
        """Change settings.

        Raises:
            InputError: if there is none of that name, the features are unknown, or `centre` is not True or False.
        """
        for name, value in settings.items():
            if name not in ("features", "centre"):
                raise InputError(f"expected settings among features, centre, given {name!r}")
            if name == "features":
                check_features(value)
            else:
                check_flag(value, "centre")
            setattr(self, name, value)
        return self

    def fit(self, clouds: ArrayLike | Sequence[ArrayLike], values: ArrayLike) -> Self:
        """Learn from clouds and their numbers.

        Args:
            clouds: (N, n, d), or a list of N arrays (n, d), whose numbers of points may differ; of numpy.
            values: (N,), real.

        Raises:
            InputError: if they do not fit together, are fewer than two, or are not finite.
        """
        # a fit that fails leaves nothing to predict with
        vars(self).pop("kernel_", None)
        self._dim = self._columns = self._unit = None
        sets = self._multisets(clouds)
        values = _checked_values(values, len(sets))
        self._scales = [_scales(np.concatenate([one[k] for one in sets])) for k in range(len(sets[0]))]
        self._train = self._scaled(sets)
        self._mean, self._spread = values.mean(), values.std() or 1.0
        target = (values - self._mean) / self._spread
        best = np.inf
        for width, inner in zip(_WIDTHS, _inner(self._train, self._train, _WIDTHS[0], len(_WIDTHS)), strict=True):
            squares = _squares(np.diag(inner), np.diag(inner), inner)
            scale = float(np.sqrt(np.median(squares[np.triu_indices(len(squares), 1)]))) or 1.0
            for reach in _REACHES:
                matrix = _outer(inner, squares, reach * scale)
                error, ridge, weights = _left_out(matrix, target)
                if error < best:
                    best, self._weights = error, weights
                    self._own = np.diag(inner).copy()
                    self.kernel_ = _Kernel(width, reach, scale, ridge)
        self.error_ = float(best * self._spread)
        return self

    def predict(self, clouds: ArrayLike | Sequence[ArrayLike]) -> np.ndarray:
        """The numbers (N,) of clouds.

        Raises:
            InputError: before `fit`, or if the clouds are not like those of training.
        """
        if not hasattr(self, "kernel_"):
            raise InputError("predict: expected a fitted regressor, given one that is not; call fit first")
        given = self._scaled(self._multisets(clouds))
        inner = _inner(given, self._train, self.kernel_.width)[0]
        own = np.array([_inner([one], [one], self.kernel_.width)[0, 0, 0] for one in given])
        matrix = _outer(inner, _squares(own, self._own, inner), self.kernel_.reach * self.kernel_.scale)
        return self._mean + self._spread * (matrix @ self._weights)

    def score(self, clouds: ArrayLike | Sequence[ArrayLike], values: ArrayLike) -> float:
        """The coefficient of determination R² = 1 - Σ (y - f)²/Σ (y - ȳ)² of predictions: 1 at best, 0 for the mean.

        Raises:
            InputError: as `predict`, or if the values (N,) do not fit the clouds, or are all the same.

        >>> clouds = np.random.default_rng(0).standard_normal((40, 4, 2))
        >>> sizes = np.sum(clouds**2, axis=(1, 2))
        >>> PointCloudRegressor(centre=False).fit(clouds[:30], sizes[:30]).score(clouds[30:], sizes[30:]) > 0.99
        True
        """
        found = self.predict(clouds)
        values = _checked_values(values, len(found))
        spread = np.sum((values - values.mean()) ** 2)
        if spread == 0:
            raise InputError("values: expected different ones, of which R² is a share, given all the same")
        return float(1.0 - np.sum((values - found) ** 2) / spread)

    def _multisets(self, clouds: ArrayLike | Sequence[ArrayLike]) -> list[Multisets]:
        """The invariant rows of each cloud, and their number."""
        if not isinstance(clouds, Iterable) or isinstance(clouds, str) or getattr(clouds, "ndim", 1) == 0:
            raise InputError(f"clouds: expected an array (N, n, d) or a list of arrays (n, d), given {clouds!r}")
        points = [checked_points(cloud, centre=self.centre) for cloud in clouds]
        dims = {cloud.shape[1:] for cloud in points}
        if len(dims) != 1 or len(next(iter(dims))) != 1 or dims != (self._dim or dims):
            wanted = f"(n, {next(iter(self._dim))[0]})" if self._dim else "(n, d), all of one d"
            raise InputError(f"clouds: expected one or more {wanted}, given {sorted(dims) or 'none'}")
        self._dim = dims
        if not callable(self.features):
            self._unit = self._unit or unit(np.concatenate(points)).item()
            with np.errstate(over="ignore"):
                points = [cloud / self._unit for cloud in points]
        sets = multisets(self.features, points)
        widths = columns(sets[0])
        if widths != (self._columns or widths):
            raise InputError(f"features: expected {self._columns} columns as in training, given {widths}; fit again")
        self._columns = widths
        return sets

    def _scaled(self, sets: list[Multisets]) -> list[Multisets]:
        """Rows in units of their spread in training; what never varies is left out."""
        scales = self._scales
        return [tuple((rows - mean) * factor for rows, (mean, factor) in zip(one, scales, strict=True)) for one in sets]


def _checked_values(values: ArrayLike, count: int) -> np.ndarray:
    values = numbers(values, "values", real=True)
    if values.shape != (count,) or count < 2:
        raise InputError(f"values: expected two or more, one for each cloud, given {values.shape} and {count}")
    return values


def _scales(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and inverse spread of columns, divided by the root of their number."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    still = spread <= 1e-9 * np.abs(rows).max(axis=0)
    factor = np.where(still, 0.0, 1.0 / np.where(still, 1.0, spread))
    return mean, factor / np.sqrt(max(1, np.count_nonzero(factor)))


def _inner(first: list[Multisets], second: list[Multisets], width: float, count: int = 1) -> np.ndarray:
    """The inner products (count, N, M) of embeddings, the mean over the sets of a cloud, for width, width/2, ..."""
    total = np.zeros((count, len(first), len(second)))
    for k in range(len(first[0])):
        right = np.concatenate([one[k] for one in second])
        starts = _starts([len(one[k]) for one in second])
        sizes = np.diff([*starts, len(right)])
        norms = np.sum(right**2, axis=1)
        for rows, group in _blocks([one[k] for one in first], len(right)):
            left = np.concatenate(rows)
            apart = np.sum(left**2, axis=1)[:, None] + norms - 2 * left @ right.T
            near = np.exp(np.maximum(apart, 0.0) / (-2 * width**2))
            own = [len(one) for one in rows]
            for half in range(count):
                if half:
                    # the Gaussian of half the width is the fourth power
                    np.square(np.square(near, out=near), out=near)
                sums = np.add.reduceat(np.add.reduceat(near, starts, axis=1), _starts(own), axis=0)
                total[half, group] += sums / (np.array(own)[:, None] * sizes)
    return total / len(first[0])


def _starts(sizes: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)


def _blocks(sets: list[np.ndarray], columns: int) -> list[tuple[list[np.ndarray], slice]]:
    """Consecutive sets, as many as keep the matrix of a block small."""
    ends = np.cumsum([len(one) for one in sets]) // max(1, _BLOCK // max(1, columns))
    found, begin = [], 0
    for _, group in itertools.groupby(range(len(sets)), key=lambda n: ends[n]):
        count = len(list(group))
        found.append((sets[begin : begin + count], slice(begin, begin + count)))
        begin += count
    return found


def _squares(own: np.ndarray, other: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The squared distances between embeddings."""
    return np.maximum(own[:, None] + other - 2 * inner, 0.0)


def _outer(inner: np.ndarray, squares: np.ndarray, reach: float) -> np.ndarray:
    return np.exp(-squares / (2 * reach**2)) if reach else inner


def _left_out(matrix: np.ndarray, target: np.ndarray) -> tuple[float, float, np.ndarray]:
    """The smallest error with each left out in turn, its ridge, and the weights."""
    values, axes = np.linalg.eigh(matrix)
    along, squares = axes.T @ target, axes**2
    best = (np.inf, 0.0, np.zeros_like(target))
    for ridge in _RIDGES * values[-1]:
        inverse = 1.0 / (np.maximum(values, 0.0) + ridge)
        weights = axes @ (inverse * along)
        error = np.sqrt(np.mean((weights / (squares @ inverse)) ** 2))
        if error < best[0]:
            best = (float(error), float(ridge), weights)
    return best
