"""Choosing terms by their moments: sets of columns that cancel to what chance leaves.

Where terms balance each other and the rate is small beside them, least squares on the rate would shrink them all. So
the largest term is fitted by the rest and the rate, and every fit is judged by what it leaves relative to what cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physym.discovery.fields.terms import FieldTerm

__all__ = ["PENALTY", "Balance", "clashes"]

PENALTY = 1.5


@dataclass(frozen=True)
class Balance:
    """A fit of some columns to the rate, the last.

    Attributes:
        columns: their numbers.
        values: their coefficients.
        errors: standard errors.
        left: sum of squares of the residual moments, by chance their number.
        size: sum of squares of what cancels.
        score: the quotient, times a penalty for each term.
        moments: what was fitted.
        target: the column that was fitted; the last, or the place of the largest term among the columns.
    """

    columns: tuple[int, ...]
    values: np.ndarray
    errors: np.ndarray
    left: float
    size: float
    score: float
    moments: np.ndarray
    target: int = -1

    @classmethod
    def of(cls, moments: np.ndarray, columns: Sequence[int]) -> Balance:
        """The fit; what is fitted is the rate, or the largest term where that is larger.

        Args:
            moments: (moment, column), or fewer rows of the same products.
            columns: to fit.
        """
        pick, rate = list(columns), moments.shape[1] - 1
        squares = (moments**2).sum(axis=0)
        values, errors, left = _fit(moments, pick, rate)
        chosen = -1
        sizes = values**2 * squares[pick]
        if pick and sizes.max() > squares[rate]:
            chosen = int(np.argmax(sizes))
            target = pick[chosen]
            others = [j for j in pick if j != target]
            found, spread, square = _fit(moments, [*others, rate], target)
            slope = found[-1] if abs(found[-1]) > 1e-12 * np.sqrt(squares[target] / squares[rate]) else 1e-300
            relative = spread[-1] / abs(slope)
            by = {j: (-c / slope, s / abs(slope)) for j, c, s in zip(others, found, spread, strict=False)}
            by[target] = (1.0 / slope, 0.0)
            values = np.array([by[j][0] for j in pick])
            errors = np.array([np.hypot(by[j][1], by[j][0] * relative) for j in pick])
            left = square / slope**2
        size = float(values**2 @ squares[pick] + squares[rate])
        return cls(tuple(pick), values, errors, left, size, left / size * PENALTY ** len(pick), moments, chosen)


def _fit(moments: np.ndarray, columns: Sequence[int], target: int) -> tuple[np.ndarray, np.ndarray, float]:
    wide, aim = moments[:, list(columns)], moments[:, target]
    scale = np.sqrt(np.maximum((wide**2).sum(axis=0), 1e-300))
    inverse = np.linalg.pinv(wide / scale, rcond=1e-7) / scale[:, None]
    values = inverse @ aim
    square = float(np.sum((aim - wide @ values) ** 2))
    excess = max(1.0, square / max(len(aim) - len(values), 1))
    return values, np.sqrt((inverse**2).sum(axis=1) * excess), square


def clashes(terms: Sequence[FieldTerm]) -> np.ndarray:
    """Which pairs hardly differ (term, term): the same but for its constant, or a saturation and its expansion."""
    found = np.zeros((len(terms), len(terms)), dtype=bool)
    expanded = [{term.family} for term in terms]
    for own, term in zip(expanded, terms, strict=True):
        for s, _ in term.saturations:
            for extra in (1, 2):
                powers = tuple(p + extra * (i == s) for i, p in enumerate(term.powers))
                own.add(FieldTerm(powers, (), term.laplacian, term.gradients).family)
    for i, own in enumerate(expanded):
        for j, term in enumerate(terms):
            if term.family in own:
                found[i, j] = found[j, i] = True
    return found
