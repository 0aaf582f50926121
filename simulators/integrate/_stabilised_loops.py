"""The loops of the stabilised methods, fused so that every array is read and written once a stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from simulators.integrate import _compile

_V, _F = _compile.vector, numba.float64


def _signature(*types: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401
    return _compile.elementwise(numba.void(*types))


@_signature(_V, _V, _F, _V, _V)
def start(y, f, h, step, g):
    """The first stage of a recurrence: step = h f, g = y + step."""
    for i in range(g.size):
        step[i] = h * f[i]
        g[i] = y[i] + step[i]


@_signature(_V, _F, _F, _V, _V)
def follow(f, h, momentum, step, g):
    """A stage of ROCK4: step becomes h f + momentum step, and g moves by it."""
    for i in range(g.size):
        step[i] = h * f[i] + momentum * step[i]
        g[i] += step[i]


@_signature(_V, _V, _F, _V, _F, _V, _F, _V, _F, _V)
def chebyshev(y, f0, h0, f, h, now, mu, before, nu, g):
    """A stage of RKC2 for the departure from y: before becomes mu now + nu before + h f + h0 f0, g = y + it."""
    for i in range(g.size):
        before[i] = mu * now[i] + nu * before[i] + (h * f[i] + h0 * f0[i])
        g[i] = y[i] + before[i]


@_signature(_V, _V, _F, _V)
def add1(y, k1, a1, g):
    """Set g = y + a1 k1."""
    for i in range(g.size):
        g[i] = y[i] + a1 * k1[i]


@_signature(_V, _V, _F, _V, _F, _V)
def add2(y, k1, a1, k2, a2, g):
    """Set g = y + a1 k1 + a2 k2."""
    for i in range(g.size):
        g[i] = y[i] + (a1 * k1[i] + a2 * k2[i])


@_signature(_V, _V, _F, _V, _F, _V, _F, _V)
def add3(y, k1, a1, k2, a2, k3, a3, g):
    """Set g = y + a1 k1 + a2 k2 + a3 k3."""
    for i in range(g.size):
        g[i] = y[i] + (a1 * k1[i] + a2 * k2[i] + a3 * k3[i])


@_signature(_V, _V, _F, _V, _F, _V, _F, _V, _F, _V)
def add4(y, k1, a1, k2, a2, k3, a3, k4, a4, g):
    """Set g = y + a1 k1 + a2 k2 + a3 k3 + a4 k4."""
    for i in range(g.size):
        g[i] = y[i] + (a1 * k1[i] + a2 * k2[i] + a3 * k3[i] + a4 * k4[i])


@_signature(_V, _F, _V, _F, _V, _F, _V)
def weigh3(k1, a1, k2, a2, k3, a3, g):
    """Set g = a1 k1 + a2 k2 + a3 k3."""
    for i in range(g.size):
        g[i] = a1 * k1[i] + a2 * k2[i] + a3 * k3[i]


@_signature(_V, _V, _F, _V, _F, _V, _F, _V, _F, _V, _F, _V)
def estimate(y, g, a0, k1, a1, k2, a2, k3, a3, f, a4, k4):
    """Set k4 to a0 (g - y) + a1 k1 + a2 k2 + a3 k3 + a4 k4, and to NaN where f, the slope at the end, is not finite."""
    for i in range(k4.size):
        found = a0 * (g[i] - y[i]) + ((a1 * k1[i] + a2 * k2[i]) + (a3 * k3[i] + a4 * k4[i]))
        k4[i] = found + 0.0 * f[i]
