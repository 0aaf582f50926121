"""Normal inputs of least squares by importance sampling, so that means over them have a finite variance.

A normal matrix X (n, d) is rarely near one of lower rank, but what least squares makes of noise is then large: it goes
with tr (XᵀX)⁺, whose mean is finite for |n - d| >= 2 and whose variance only for |n - d| >= 4. The mean over a sample
is then mostly too low, and so is its standard error.

With n >= d (else of Xᵀ), let r be what the other columns leave of one: |r|² has the density χ²(n - d + 1), and 1/|r|²
is the entry of that column on the diagonal of (XᵀX)⁻¹. The density χ²(n - d - 1) is (n - d - 1)/|r|² times the former.
If in half of the draws a column, any with the same chance, has its |r|² drawn anew from the latter, X is drawn from

    (1 + t)/2 times the normal density,    t = (|n - d| - 1)/min(n, d) tr (XᵀX)⁺,

and with the weight 2/(1 + t) a mean is that of normal X. Weight times trace is bounded.
"""

from __future__ import annotations

import numpy as np

__all__ = ["weighted_inputs"]


def weighted_inputs(rng: np.random.Generator, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, nearly singular ones more often than they would be, and weights that make up for it.

    Args:
        rng: draws them.
        shape: (trials, n, d).

    Returns:
        X (trials, n, d), X⁺ (trials, d, n), and weights (trials,) of mean 1: all 1 for |n - d| <= 1, where X is normal.

    >>> _, inverse, weights = weighted_inputs(np.random.default_rng(0), (10000, 5, 3))
    >>> print(np.mean(weights * np.sum(inverse**2, axis=(1, 2))).round(1))  # d/(n - d - 1)
    3.0
    """
    trials, n, d = shape
    x = rng.standard_normal(shape)
    freedom, size = abs(n - d) - 1, min(n, d)
    if freedom < 1:
        return x, np.linalg.pinv(x), np.ones(trials)
    half = np.flatnonzero(rng.random(trials) < 0.5)
    columns = x if n >= d else x.swapaxes(-1, -2)
    which = rng.integers(0, size, len(half))
    # a row of the inverse is r/|r|²
    dual = np.linalg.pinv(columns[half])[np.arange(len(half)), which]
    length = 1 / np.linalg.norm(dual, axis=-1)
    change = np.sqrt(rng.chisquare(freedom, len(half))) - length
    columns[half, :, which] += (change * length)[:, None] * dual
    inverse = np.linalg.pinv(x)
    return x, inverse, 2 / (1 + freedom / size * np.sum(inverse**2, axis=(-2, -1)))
