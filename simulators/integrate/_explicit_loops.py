"""The loops of explicit Runge-Kutta methods for fields: weighted sums of slopes, a block of cells at a time.

A block of the result stays in the nearest cache while the slopes pass by, so that every slope is read once a stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from simulators.integrate import _compile

_V, _M, _I, _F = _compile.vector, _compile.matrix, _compile.integers, numba.float64
_BLOCK = 512


def _signature(*types: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401
    return _compile.elementwise(numba.void(*types))


@_signature(_V, _M, _I, _V, _V)
def advance(y, k, rows, weights, out):
    """Set out = y + Σ_r weights[r] k[rows[r]]."""
    for begin in range(0, y.size, _BLOCK):
        end = min(begin + _BLOCK, y.size)
        piece, base = out[begin:end], y[begin:end]
        slope = k[rows[0], begin:end]
        for i in range(piece.size):
            piece[i] = weights[0] * slope[i]
        for r in range(1, rows.size):
            slope = k[rows[r], begin:end]
            for i in range(piece.size):
                piece[i] += weights[r] * slope[i]
        # last, so that small changes are summed before they meet the state
        for i in range(piece.size):
            piece[i] = base[i] + piece[i]


@_signature(_M, _I, _V, _V, _V, _V)
def estimates(k, rows, first, second, one, two):
    """Set one = Σ_r first[r] k[rows[r]], and two with the other weights."""
    for begin in range(0, one.size, _BLOCK):
        end = min(begin + _BLOCK, one.size)
        a, b = one[begin:end], two[begin:end]
        for i in range(a.size):
            a[i] = 0.0
            b[i] = 0.0
        for r in range(rows.size):
            slope = k[rows[r], begin:end]
            for i in range(a.size):
                a[i] += first[r] * slope[i]
                b[i] += second[r] * slope[i]
