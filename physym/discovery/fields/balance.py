"""Choosing terms by their moments: sets of columns that cancel to what chance leaves.

Where terms balance each other and the rate is small beside them, least squares on the rate would shrink them all. So
sets are also grown around another term, which the rest and the rate must explain, and every fit is judged by what it
leaves relative to what cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physym.discovery.fields.terms import FieldTerm

__all__ = ["PENALTY", "Balance", "clashes", "routes"]

PENALTY = 1.5
_RIVAL = 1e-4
_EXCHANGES = 10


@dataclass(frozen=True)
class Balance:
    """A fit of some columns to the rate, the last.

    Attributes:
        columns: their numbers.
        values: their coefficients.
        errors: standard errors.
        left: sum of squares of the residual moments, at least their number.
        size: sum of squares of what cancels.
        score: the quotient, times a penalty for each term.
    """

    columns: tuple[int, ...]
    values: np.ndarray
    errors: np.ndarray
    left: float
    size: float
    score: float

    @classmethod
    def of(cls, moments: np.ndarray, columns: Sequence[int]) -> Balance:
        """The fit; what is fitted is the rate, or the largest term where that is larger."""
        pick, rate = list(columns), moments.shape[1] - 1
        squares = (moments**2).sum(axis=0)
        values, errors, left = _fit(moments, pick, rate)
        sizes = values**2 * squares[pick]
        if pick and sizes.max() > squares[rate]:
            target = pick[int(np.argmax(sizes))]
            others = [j for j in pick if j != target]
            found, spread, square = _fit(moments, [*others, rate], target)
            slope = found[-1] if abs(found[-1]) > 1e-12 * np.sqrt(squares[target] / squares[rate]) else 1e-300
            relative = spread[-1] / abs(slope)
            by = {j: (-c / slope, s / abs(slope)) for j, c, s in zip(others, found, spread, strict=False)}
            by[target] = (1.0 / slope, 0.0)
            values = np.array([by[j][0] for j in pick])
            errors = np.array([np.hypot(by[j][1], by[j][0] * relative) for j in pick])
            left = square / slope**2
        left = max(left, float(len(moments)))
        size = float(values**2 @ squares[pick] + squares[rate])
        return cls(tuple(pick), values, errors, left, size, left / size * PENALTY ** len(pick))


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


def routes(moments: np.ndarray, clash: np.ndarray, targets: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Sets of columns of every size by forward selection with exchanges, grown around the rate and around targets."""
    rate = moments.shape[1] - 1
    found = _grown(moments, clash, rate, [], most)
    for target in targets:
        found += [{*chosen, target} - {rate} for chosen in _grown(moments, clash, target, [rate], most)]
    return list(dict.fromkeys(tuple(sorted(chosen)) for chosen in found))


def _grown(moments: np.ndarray, clash: np.ndarray, target: int, forced: list[int], most: int) -> list[set[int]]:
    rate = moments.shape[1] - 1
    base = (moments**2).sum(axis=0)
    scaled = moments / np.sqrt(np.maximum(base, 1e-300))
    barred = np.zeros((rate + 1, rate + 1), dtype=bool)
    barred[:rate, :rate] = clash
    barred[rate, rate] = True

    def gains(chosen: list[int]) -> tuple[np.ndarray, float]:
        rest = scaled
        if chosen:
            span, _ = np.linalg.qr(scaled[:, chosen])
            rest = scaled - span @ (span.T @ scaled)
        own = (rest**2).sum(axis=0)
        shut = barred[[*chosen, target]].any(axis=0) | (own < _RIVAL)
        shut[rate] = True
        gain = np.where(shut, -1.0, (rest.T @ rest[:, target]) ** 2 / np.maximum(own, 1e-300))
        return gain, float(rest[:, target] @ rest[:, target])

    chosen, found = list(forced), []
    while len(chosen) < most:
        gain, _ = gains(chosen)
        if gain.max() <= 0:
            break
        chosen = [*chosen, int(np.argmax(gain))]
        for _ in range(_EXCHANGES):
            now, change = gains(chosen)[1], None
            for out in [j for j in chosen if j not in forced]:
                less = [j for j in chosen if j != out]
                gain, whole = gains(less)
                best = int(np.argmax(gain))
                if best != out and gain[best] > 0 and whole - gain[best] < now * (1 - 1e-6):
                    now, change = whole - gain[best], [*less, best]
            if change is None:
                break
            chosen = change
        found.append(set(chosen))
    return found
