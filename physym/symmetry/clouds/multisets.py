"""Clouds as multisets of invariant rows: a tuple of arrays (any number, columns), the order of rows being nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from physym.symmetry.clouds.features import centroid_frame, conjugation_invariants, distances
from physym.symmetry.vectors.forms import numbers
from simulators.errors import InputError

__all__ = ["FEATURES", "Multisets", "check_features", "columns", "multisets"]

Multisets = tuple[np.ndarray, ...]


def _centroids(cloud: np.ndarray) -> Multisets:
    """The points in the frame of the centroids, functions of the lightweight invariants, and their lengths."""
    rows = np.concatenate([cloud @ centroid_frame(cloud).T, np.linalg.norm(cloud, axis=1, keepdims=True)], axis=1)
    return (rows,)


def _gram(cloud: np.ndarray) -> Multisets:
    count = len(cloud)
    values = conjugation_invariants(cloud @ cloud.T)[:, None]
    return values[:count], values[count:-1], values[-1:]


def _pairs(cloud: np.ndarray) -> Multisets:
    """Of each pair what tells (X_ii, X_jj, X_ij) up to the order of the two: lengths, and the distance."""
    first, second = np.triu_indices(len(cloud), 1)
    a, b = (np.linalg.norm(cloud[k], axis=1) for k in (first, second))
    return (np.stack([a + b, np.abs(a - b), np.linalg.norm(cloud[first] - cloud[second], axis=1)], axis=1),)


def _distances(cloud: np.ndarray) -> Multisets:
    return (distances(cloud)[:, None],)


FEATURES: dict[str, Callable[[np.ndarray], Multisets]] = {
    "centroids": _centroids, "gram": _gram, "pairs": _pairs, "distances": _distances,
}  # fmt: skip


def check_features(features: Any) -> None:  # noqa: ANN401
    """Whether there are features of that name, or they are a function.

    Raises:
        InputError: if neither.
    """
    if not callable(features) and not (isinstance(features, str) and features in FEATURES):
        raise InputError(f"features: expected one of {', '.join(FEATURES)} or a function, given {features!r}")


def multisets(features: str | Callable[[np.ndarray], Multisets], clouds: list[np.ndarray]) -> list[Multisets]:
    """The multisets of each cloud (n, d), and its number of points.

    Raises:
        InputError: if there are none of a cloud, a function gives others than arrays (any number, columns) of finite
            numbers, as many of each cloud, or numbers overflow.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if callable(features):
            found = [_given(features(cloud)) for cloud in clouds]
        else:
            found = [FEATURES[features](cloud) for cloud in clouds]
    sets = [(*one, np.array([[float(len(cloud))]])) for one, cloud in zip(found, clouds, strict=True)]
    if not all(len(rows) for one in sets for rows in one):
        raise InputError(f"clouds: expected rows of features {features!r} for each, given a cloud with none")
    if not all(np.all(np.isfinite(rows)) for one in sets for rows in one):
        raise InputError("clouds: expected numbers whose products are finite, given larger ones; take other units")
    if len(widths := {columns(one) for one in sets}) > 1:
        raise InputError(f"features: expected as many arrays and columns of each cloud, given {sorted(widths)} columns")
    return sets


def columns(sets: Multisets) -> tuple[int, ...]:
    """The number of columns of each multiset."""
    return tuple(rows.shape[1] for rows in sets)


def _given(found: Any) -> Multisets:  # noqa: ANN401
    """What a function of the user gave."""
    if not isinstance(found, tuple | list):
        raise InputError(f"features: expected a function to a tuple of arrays, given one to {type(found).__name__}")
    sets = tuple(numbers(rows, "features", real=True) for rows in found)
    if not all(rows.ndim == 2 for rows in sets):
        shapes = [rows.shape for rows in sets]
        raise InputError(f"features: expected a function to arrays (any number, columns), given one to {shapes}")
    return sets
