"""Implicit Gauss-Legendre Runge-Kutta: symplectic for any Hamiltonian, also one that is not separable."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from simulators.errors import DivergenceError, InputError
from simulators.integrate import arguments
from simulators.integrate.tableaus import GAUSS, Collocation

__all__ = ["gauss_legendre"]

Array = TypeVar("Array")
"""A numpy array or a torch tensor."""

ITERATIONS = 100


def gauss_legendre(
    f: Callable[[float, Array], Array],
    y0: Array,
    times: Any,  # noqa: ANN401
    *,
    step: float,
    stages: int = 2,
) -> Array:
    """Solve dy/dt = f(t, y) by the implicit Runge-Kutta method on Gauss's points, of order 2 * stages.

    Y_i = y + h sum_j a_ij f(t + c_j h, Y_j), y(t + h) = y + h sum_i b_i f(t + c_i h, Y_i), which is
    symplectic and symmetric and conserves quadratic invariants (Hairer, Lubich and Wanner, Geometric
    Numerical Integration, sections II.1.3 and IV.2); one stage is the implicit midpoint rule. The stages are
    found by fixed-point iteration until rounding stops it, from the collocation polynomial of the step before
    (section VIII.6), and y is summed with compensation. Only operators are applied to arrays: numpy arrays
    and torch tensors work alike, and gradients flow through. The whole batch takes the same steps and is
    iterated together.

    Args:
        f: function of the time (a float) and the states (batch, n) that returns dy/dt (batch, n).
        y0: initial states (batch, n), numpy or torch, of floating type.
        times: (k,), strictly increasing or decreasing; y0 holds at times[0].
        step: the longest step, in the units of times; each interval between outputs is divided evenly. The
            iteration converges if step is well below 1/(the largest rate of change of f with y).
        stages: 1, 2 or 3, for order 2, 4 or 6.

    Returns:
        The states at `times`, (batch, k, n), of the type of y0; those at times[0] are y0 exactly.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: the iteration did not converge, or a sample left the finite numbers.
    """
    if stages not in GAUSS:
        raise InputError(f"stages: expected one of {sorted(GAUSS)}, got {stages!r}; choose one of these.")
    if getattr(y0, "ndim", 0) != 2 or 0 in y0.shape:
        raise InputError(
            f"y0: expected an array (batch, n), got shape {tuple(getattr(y0, 'shape', ()))}; a single sample is "
            "y0[None, :]."
        )
    if not math.isfinite(abs(y0).max().item()):
        raise InputError("y0: expected finite numbers, got NaN or inf; remove or repair those samples.")
    times = arguments.increasing(times)
    substeps = arguments.substeps(times, step)
    tableau, rounding = GAUSS[stages], 1e4 * _epsilon(y0)
    # Indexing with a list copies, for numpy and torch alike: room for all outputs.
    out = y0[:, None][:, [0] * times.size]
    y, lost = y0, 0.0 * y0
    before = math.inf
    with np.errstate(all="ignore"):
        slopes = [f(float(times[0]), y0)] * stages
        for output in range(1, times.size):
            h = float(times[output] - times[output - 1]) / int(substeps[output - 1])
            for i in range(int(substeps[output - 1])):
                t = float(times[output - 1]) + i * h
                slopes = _extrapolate(tableau.nodes, slopes, h / before)
                slopes = _solve(f, tableau, t, h, y, lost, slopes, rounding)
                increment = h * _sum(tableau.weights, slopes) + lost
                total = y + increment
                lost = increment - (total - y)
                y, before = total, h
            out[:, output] = y
    return out


def _solve(
    f: Callable[[float, Array], Array],
    tableau: Collocation,
    t: float,
    h: float,
    y: Array,
    lost: Array,
    slopes: list[Array],
    rounding: float,
) -> list[Array]:
    """Iterate the slopes at the stages of one step until they no longer come closer to each other."""
    slopes = list(slopes)
    size = (y * y).sum(1)
    size = size + (size == 0)
    previous = math.inf
    for _ in range(ITERATIONS):
        change = 0.0 * size
        for i, (node, row) in enumerate(zip(tableau.nodes, tableau.stages, strict=True)):
            new = f(t + node * h, y + (h * _sum(row, slopes) + lost))
            change = change + ((new - slopes[i]) ** 2).sum(1)
            slopes[i] = new
        relative = abs(h) * (change / size) ** 0.5
        largest = relative.max().item()
        if not math.isfinite(largest):
            break
        if largest == 0 or (largest >= previous and largest <= rounding):
            return slopes
        previous = largest
    sample = int(relative.argmax().item())
    raise DivergenceError(
        f"expected the iteration of a step of {h:g} to converge, but sample {sample} did not at time {t:g}; "
        "reduce step, or check the initial state and the parameters.",
        sample=sample,
        time=t,
    )


def _extrapolate(nodes: tuple[float, ...], slopes: list[Array], ratio: float) -> list[Array]:
    """Slopes at the nodes of a step `ratio` times as long as the last, from the polynomial through the last ones."""
    guesses = []
    for node in nodes:
        x = 1.0 + node * ratio
        rows = [math.prod((x - c) / (b - c) for c in nodes if c != b) for b in nodes]
        guesses.append(_sum(rows, slopes))
    return guesses


def _sum(coefficients: Iterable[float], arrays: list[Array]) -> Array:
    """The linear combination, from the left."""
    return functools.reduce(operator.add, map(operator.mul, coefficients, arrays))


def _epsilon(like: Array) -> float:
    """The rounding unit of the type of an array."""
    one = 0.0 * like[:1, :1] + 1.0
    epsilon = 1.0
    while (one + epsilon / 2 - one).item() > 0:
        epsilon /= 2
    return epsilon
