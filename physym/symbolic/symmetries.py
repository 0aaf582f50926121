"""Symmetries that the data show: variables that matter only by their difference or their sum.

A law that is unchanged under x_i → x_i + ε, x_j → x_j ± ε depends on x_i ∓ x_j alone. A smooth function of the other
variables and of x_i ∓ x_j then predicts points it has not seen at least as well as one of all variables, having fewer
numbers to fit; for any other law it does worse by much. Positions, angles, times and potentials come in such pairs
(S.-M. Udrescu and M. Tegmark, AI Feynman, Science Advances 6, 2020, test for them with a neural network).
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass

import numpy as np

from physym.symbolic.problem import Problem

__all__ = ["Reduced", "held_out", "reduced"]

_POINTS, _FEATURES, _DEGREE, _FOLDS = 2400, 220, 8, 8
_AS_GOOD, _LEARNED = 1.02, 0.9
# a little worse is as good where any other pair is much worse: what is smooth in two need not be in one
_NEARLY, _OUTLYING = 1.7, 0.4


@dataclass(frozen=True, slots=True)
class Reduced:
    """A table in which some pairs of variables are replaced.

    Attributes:
        problem: with the new variables behind the old ones.
        active: which variables the law is looked for in.
        pairs: of each new variable: the two that it replaces, and the sign between them.
    """

    problem: Problem
    active: tuple[int, ...]
    pairs: tuple[tuple[int, int, int], ...]


def _features(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products of Chebyshev polynomials, up to the total degree that their number allows, (features, points)."""
    low, high = columns.min(axis=1, keepdims=True), columns.max(axis=1, keepdims=True)
    x = 2 * (columns - low) / np.where(high > low, high - low, 1) - 1
    degree = 1
    while degree < _DEGREE and math.comb(len(x) + degree + 1, degree + 1) <= _FEATURES:
        degree += 1
    table = np.cos(np.arange(degree + 1)[:, None, None] * np.arccos(np.clip(x, -1, 1))[None])
    rows, degrees = [np.ones(x.shape[1])], [0]
    for variable in range(len(x)):
        grown = [
            (row * table[n, variable], d + n)
            for row, d in zip(rows, degrees, strict=True)
            for n in range(degree + 1 - d)
        ]
        rows, degrees = [row for row, _ in grown], [d for _, d in grown]
    return np.array(rows), np.array(degrees)


def held_out(columns: np.ndarray, target: np.ndarray, scale: np.ndarray | float = 1.0) -> float:
    """RMS error, on points it has not seen, of the best polynomial times a scale, relative to the spread of the target.

    Args:
        columns: what the polynomial is of, (columns, points).
        target: what it predicts, (points,).
        scale: by which it is multiplied, (points,).
    """
    features, degrees = _features(columns)
    features = features * scale
    folds = [slice(k, None, _FOLDS) for k in range(_FOLDS)]
    normals = [features[:, fold] @ features[:, fold].T for fold in folds]
    moments = [features[:, fold] @ target[fold] for fold in folds]
    errors = []
    for degree in range(max(1, degrees.max() - 2), degrees.max() + 1):
        used = np.flatnonzero(degrees <= degree)
        block = np.ix_(used, used)
        normal, moment = sum(n[block] for n in normals), sum(m[used] for m in moments)
        normal[np.diag_indices_from(normal)] += 1e-10 * np.trace(normal) / len(normal)
        total = 0.0
        for fold, own, share in zip(folds, normals, moments, strict=True):
            coefficients = np.linalg.solve(normal - own[block], moment - share[used])
            total += float(np.sum((target[fold] - coefficients @ features[used][:, fold]) ** 2))
        errors.append(total)
    return math.sqrt(min(errors) / float(np.sum((target - target.mean()) ** 2)))


def reduced(problem: Problem, seed: int, *, until: float = math.inf) -> Reduced | None:
    """The table with all pairs replaced that the data allow, or None if there are none.

    Args:
        problem: the table.
        seed: of the selection of points.
        until: when to stop looking, by `time.monotonic`.
    """
    order = np.random.default_rng(seed).permutation(len(problem.target))[:_POINTS]
    values = [problem.values[name] for name in problem.names]
    exponents = [problem.exponents[:, k] for k in range(len(values))]
    target = problem.target[order]
    size = float(np.median(np.abs(target)))
    if size == 0 or len(order) < 100:
        return None
    # a smooth function of the target has its symmetries, and no wide range
    smooth = np.sign(target) * np.log1p(np.abs(target) / size)
    varying = [k for k in range(len(values)) if np.ptp(values[k]) > 0]
    active, names, pairs = list(range(len(values))), list(problem.names), []

    def error(chosen: list[int]) -> float:
        return held_out(np.array([values[k][order] for k in chosen]), smooth)

    if len(varying) < 2 or len(varying) > 10:
        return None
    now = error(varying)
    while now < _LEARNED:
        tried = []
        for i, j in itertools.combinations(varying, 2):
            if not np.array_equal(exponents[i], exponents[j]) or time.monotonic() > until:
                continue
            for sign in (-1, 1):
                values.append(values[i] + sign * values[j])
                left = [k for k in varying if k not in (i, j)]
                tried.append((error([*left, len(values) - 1]), i, j, sign))
                values.pop()
        if not tried:
            break
        least, usual = min(tried)[0], float(np.median([one[0] for one in tried]))
        if least > _AS_GOOD * now and not (least < _NEARLY * now and least < _OUTLYING * usual):
            break
        now, i, j, sign = min(tried)
        names.append(f"({names[i]}{'+' if sign > 0 else '-'}{names[j]})")
        values.append(values[i] + sign * values[j])
        exponents.append(exponents[i])
        varying = [*(k for k in varying if k not in (i, j)), len(values) - 1]
        active = [*(k for k in active if k not in (i, j)), len(values) - 1]
        pairs.append((i, j, sign))
    if not pairs:
        return None
    extended = Problem(
        tuple(names), dict(zip(names, values, strict=True)), np.array(exponents).T.reshape(-1, len(values)),
        problem.target, problem.target_exponents, problem.fixed,
    )  # fmt: skip
    return Reduced(extended, tuple(active), tuple(pairs))
