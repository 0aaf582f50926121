"""Constants of a formula fitted to data, with standard errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

__all__ = ["Refit", "compiled", "refit"]


@dataclass(frozen=True)
class Refit:
    """Constants after a fit.

    Attributes:
        values: of the constants.
        errors: their standard errors.
        error: RMS of the residual relative to the RMS of the target.
    """

    values: np.ndarray
    errors: np.ndarray
    error: float


def compiled(expression: sympy.Expr, names: Sequence[str]) -> Callable[..., np.ndarray]:
    """A function of arrays, in the order of the names, that evaluates an expression over plain symbols."""
    # a column may be called exp, which must not hide the function
    arguments = {sympy.Symbol(name): sympy.Dummy() for name in names}
    return sympy.lambdify(list(arguments.values()), expression.xreplace(arguments), "numpy")


def refit(
    expression: sympy.Expr, names: Sequence[str], start: Sequence[float], data: Mapping[str, np.ndarray | float],
    target: np.ndarray,
) -> Refit | None:  # fmt: skip
    """Fit named constants of an expression by least squares, over their logarithms.

    Args:
        expression: over plain symbols.
        names: of the constants to fit; none is as good.
        start: their values, positive.
        data: columns (row,) and given constants, by name.
        target: what to explain (row,).

    Returns:
        None if the expression is not real near the best, or does not tell the constants apart.
    """
    from scipy.optimize import least_squares

    function = compiled(expression, [*data, *names])
    rms, initial = float(np.sqrt(np.mean(target**2))), np.array(start)

    def residual(logs: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = np.broadcast_to(function(*data.values(), *(initial * np.exp(logs))), target.shape)
        return np.nan_to_num((found - target) / rms, nan=1e10, posinf=1e10, neginf=-1e10)

    if not names:
        return Refit(initial, initial, float(np.sqrt(np.mean(residual(np.zeros(0)) ** 2))))
    found = least_squares(residual, np.zeros(len(names)), x_scale=1e-3, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    if not np.all(np.isfinite(found.x)) or np.max(np.abs(found.fun)) >= 1e9:
        return None
    values = initial * np.exp(found.x)
    variance = np.sum(found.fun**2) / max(len(target) - len(names), 1)
    curvature = found.jac.T @ found.jac
    if np.linalg.matrix_rank(curvature) < len(names):
        return None
    spread = np.sqrt(np.diag(np.linalg.inv(curvature)) * variance)
    return Refit(values, np.abs(values) * spread, float(np.sqrt(np.mean(found.fun**2))))
