"""Fitting the numbers of an expression, and telling which of them are exact.

Levenberg-Marquardt: (JᵀJ + λ diag JᵀJ) δ = Jᵀ r with analytic derivatives. A law with a residual of mean square m over
n points is described in

    n/2 · log₂ m + bits(expression) + Σ bits(numbers),

where a fitted number costs the digits that the data determine, log₂(|c|/σ_c), and an exact one only its name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physym.symbolic.numbers import exact_near
from physym.symbolic.tree import Columns, Node, Number, bits, compiled, free, substitute

__all__ = ["Fit", "description", "fit", "snap"]

_WIDTH, _FARTHER = 3.5, 3e-3
# bits of a number that is not exact, beside its digits: between laws, and where it is asked whether it is exact
_SURPRISE, _NUMBER = 6.0, 0.5


@dataclass(frozen=True, slots=True)
class Fit:
    """An expression with fitted numbers.

    Attributes:
        node: the expression.
        error: mean square of the residual over mean square of the target.
        deviations: standard errors of the fitted numbers.
    """

    node: Node
    error: float
    deviations: np.ndarray


def fit(
    node: Node,
    columns: Columns,
    target: np.ndarray,
    *,
    iterations: int = 30,
    enough: float = 0.0,
    hopeless: float = np.inf,
) -> Fit | None:
    """The numbers that bring an expression closest to the target in the mean square.

    Args:
        node: with starting values.
        columns: the variables.
        target: (points,).
        iterations: at most.
        enough: stop as soon as the relative mean square is below.
        hopeless: give up if after six iterations it is above, and no longer halves in three.

    Returns:
        The fit, or None where the expression is undefined on some point.
    """
    whole = float(np.mean(target**2))
    numbers = free(node)
    theta = np.array([number.value for number in numbers])
    function = compiled(node, columns)
    value, slopes = function(theta)
    if not np.isfinite(value).all():
        return None
    residual = target - value
    best = float(np.mean(residual**2))
    damping, stalled, history = 1e-3, 0, [best]
    for step_number in range(iterations if len(theta) else 0):
        if best <= enough * whole or not np.isfinite(slopes).all():
            break
        if step_number >= 6 and best > hopeless * whole and best > 0.5 * history[-4]:
            break
        scale = np.sqrt(np.mean(slopes**2, axis=1))
        scale[scale == 0] = 1.0
        jacobian = slopes / scale[:, None]
        normal = jacobian @ jacobian.T / len(target)
        gradient = jacobian @ residual / len(target)
        improved = False
        for _ in range(6):
            try:
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), gradient) / scale
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            trial, slope = function(theta + step)
            with np.errstate(over="ignore", invalid="ignore"):
                error = float(np.mean((target - trial) ** 2))
            if np.isfinite(error) and error < best:
                gain = (best - error) / best
                theta, value, slopes, residual = theta + step, trial, slope, target - trial
                best, damping, improved = error, max(damping / 10, 1e-14), True
                stalled = stalled + 1 if gain < 1e-4 else 0
                break
            damping *= 8
        history.append(best)
        if not improved or stalled >= 3:
            break
    deviations = _deviations(slopes, best, len(target))
    fitted = substitute(node, [Number(float(value)) for value in theta])
    return Fit(fitted, best / whole if whole else best, deviations)


def _deviations(slopes: np.ndarray, error: float, points: int) -> np.ndarray:
    if not len(slopes) or not np.isfinite(slopes).all():
        return np.full(len(slopes), np.inf)
    scale = np.sqrt(np.mean(slopes**2, axis=1))
    scale[scale == 0] = 1.0
    jacobian = slopes / scale[:, None]
    inverse = np.linalg.pinv(jacobian @ jacobian.T / points, rcond=1e-13, hermitian=True)
    degrees = max(1, points - len(slopes))
    return np.sqrt(np.maximum(np.diag(inverse), 0) * error / degrees) / scale


def description(found: Fit, points: int, variables: int, floor: float, surprise: float = _SURPRISE) -> float:
    """Bits of residual, expression and numbers.

    Args:
        found: the fit.
        points: how many were fitted.
        variables: how many there are to choose from.
        floor: residuals below (relative mean square) are rounding.
        surprise: bits for each number that is not exact, beside its digits: numbers without a name are rare in laws
            between quantities of which the dimensionless products are taken.
    """
    total = points / 2 * math.log2(max(found.error, floor)) + bits(found.node, variables)
    for number, deviation in zip(free(found.node), found.deviations, strict=True):
        sure = abs(number.value) / deviation if deviation > 0 else np.inf
        total += min(math.log2(max(sure, 16.0)), 40.0) + surprise
    return total


def snap(found: Fit, columns: Columns, target: np.ndarray, variables: int, floor: float) -> Fit:
    """The same law with those numbers exact that are so within their errors, the surest first."""
    points = len(target)
    best = description(found, points, variables, floor, _NUMBER)
    refused: set[int] = set()
    while True:
        numbers = free(found.node)
        open_places = [k for k in range(len(numbers)) if k not in refused]
        if not open_places:
            return found
        choices = []
        for place in open_places:
            value = numbers[place].value
            width = max(_WIDTH * found.deviations[place], 2e-8 * abs(value))
            near = exact_near(value, min(width, 0.2 * abs(value)), most=2)
            # near a singularity the standard error is too small: the residual decides on a simple number farther off
            near += [e for e in exact_near(value, _FARTHER * abs(value), most=1) if e not in near]
            if near:
                choices.append((near[0].bits + abs(near[0].value - value) / width, place, near))
        if not choices:
            return found
        _, place, near = min(choices, key=lambda choice: choice[:2])
        for exact in near:
            fixed = [Number(exact.value, exact) if k == place else number for k, number in enumerate(numbers)]
            tried = fit(substitute(found.node, fixed), columns, target, iterations=5)
            if tried is None:
                continue
            length = description(tried, points, variables, floor, _NUMBER)
            if length <= best:
                found, best = tried, length
                refused = {k - (k > place) for k in refused}
                break
        else:
            refused.add(place)
