"""The best subset of columns of every size.

Each is the better of backward elimination and forward selection, improved by exchanges of one column or of two for
others until none helps.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.linalg

from physym.discovery.selection.problem import solve

__all__ = ["best_subsets", "independent", "scaled_columns", "square"]

_DEPENDENT = 1e-10
_GAIN = 1e-9
_PAIRED = 12
_CLOSE = 1e-9


def best_subsets(whole: np.ndarray, forced: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """The best subset of every size from the forced columns up to `most`, by the triangular factor of the rows."""
    norms, scaled = np.linalg.norm(whole, axis=0), scaled_columns(whole)
    # backward elimination needs columns that are independent; the rest of the search chooses among all
    kept = list(forced) + [j for j in independent(scaled, forced) if j not in forced]
    every = list(forced) + [j for j in range(len(norms) - 1) if j not in forced and norms[j] > 0]
    most = min(most, len(kept))
    backward: dict[int, list[int]] = {len(kept): kept}
    support = kept
    while len(support) > max(len(forced), 1):
        # rounding may leave a column dependent on the others: that one goes first
        factor = np.linalg.qr(scaled[:, support], mode="r")
        inverse = np.linalg.pinv(factor, rcond=1e-14)
        increase = solve(scaled, support) ** 2 / np.maximum(np.sum(inverse**2, axis=1), 1e-300)
        increase[: len(forced)] = np.inf
        support = [j for place, j in enumerate(support) if place != int(np.argmin(increase))]
        backward[len(support)] = support
    path = []
    grown = list(forced)
    for size in range(len(forced), most + 1):
        if size > len(forced):
            grown = [*grown, _entering(scaled, grown, every)]
        candidates = [grown] + ([backward[size]] if size in backward else [])
        grown = _exchanged(scaled, min(candidates, key=lambda s: square(scaled, s)), forced, every)
        path.append(tuple(sorted(grown)))
        grown = list(forced) + [j for j in grown if j not in forced]
    return path if path else [tuple(forced)]


def scaled_columns(whole: np.ndarray) -> np.ndarray:
    """The same with columns of length 1."""
    norms = np.linalg.norm(whole, axis=0)
    return whole / np.where(norms > 0, norms, 1.0)


def independent(scaled: np.ndarray, forced: Sequence[int]) -> list[int]:
    """Columns that do not depend linearly on the others kept."""
    columns = scaled[:, :-1]
    if forced:
        basis = np.linalg.qr(columns[:, list(forced)])[0]
        columns = columns - basis @ (basis.T @ columns)
    _, factor, order = scipy.linalg.qr(columns, mode="economic", pivoting=True)
    size = np.abs(np.diag(factor))
    return sorted(int(j) for j, d in zip(order, size, strict=False) if d > _DEPENDENT)


def square(scaled: np.ndarray, support: list[int]) -> float:
    """The sum of squares that the columns of the support leave of the last one."""
    return float(np.sum(_rest(scaled, support)[:, -1] ** 2))


def _rest(scaled: np.ndarray, support: list[int]) -> np.ndarray:
    """All columns less their projections on the support's."""
    if not support:
        return scaled
    basis = np.linalg.qr(scaled[:, support])[0]
    rest = scaled - basis @ (basis.T @ scaled)
    return rest - basis @ (basis.T @ rest)


def _gains(rest: np.ndarray, allowed: list[int]) -> np.ndarray:
    """How much of the square of b each allowed column takes away."""
    columns = rest[:, allowed]
    size = np.sum(columns**2, axis=0)
    return np.where(size > _DEPENDENT**2, (columns.T @ rest[:, -1]) ** 2 / np.maximum(size, 1e-300), -1.0)


def _entering(scaled: np.ndarray, support: list[int], kept: list[int]) -> int:
    allowed = [j for j in kept if j not in support]
    return allowed[int(np.argmax(_gains(_rest(scaled, support), allowed)))]


def _exchanged(scaled: np.ndarray, support: list[int], forced: Sequence[int], kept: list[int]) -> list[int]:
    """Exchange columns, one for one or two for two, while that lowers the residual."""
    support = list(support)
    for _ in range(10 * len(support)):
        free = [j for j in support if j not in forced]
        change = _other(scaled, support, [(j,) for j in free], kept)
        if change is None and len(free) <= _PAIRED:
            # powers stand in for other powers, but only two together
            change = _other(scaled, support, list(itertools.combinations(free, 2)), kept)
        if change is None:
            return support
        support = change
    return support


def _other(
    scaled: np.ndarray, support: list[int], leaving: Sequence[tuple[int, ...]], kept: list[int]
) -> list[int] | None:
    """The best support with as many others in place of some, or None if none is better."""
    now = square(scaled, support)
    best, change = now * (1 - _GAIN), None
    allowed = [j for j in kept if j not in support]
    for out in leaving:
        if len(allowed) < len(out):
            return None
        less = [j for j in support if j not in out]
        rest = _rest(scaled, less)
        gains = _gains(rest, allowed) if len(out) == 1 else _pair_gains(rest, allowed)
        place = np.unravel_index(int(np.argmax(gains)), gains.shape)
        left = float(np.sum(rest[:, -1] ** 2) - gains[place])
        if left < best:
            best, change = left, [*less, *(allowed[int(n)] for n in place)]
    return change if change is not None and square(scaled, change) < now * (1 - _GAIN) else None


def _pair_gains(rest: np.ndarray, allowed: list[int]) -> np.ndarray:
    """How much of the square of b each pair of allowed columns takes away (n, n)."""
    columns = rest[:, allowed]
    gram, moment = columns.T @ columns, columns.T @ rest[:, -1]
    size = np.diag(gram)
    determinant = np.outer(size, size) - gram**2
    above = np.outer(moment**2, size) + np.outer(size, moment**2) - 2 * np.outer(moment, moment) * gram
    good = determinant > _CLOSE * np.maximum(np.outer(size, size), _DEPENDENT**4)
    return np.where(good, above / np.where(good, determinant, 1.0), -1.0)
