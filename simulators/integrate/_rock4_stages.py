"""The coefficients of ROCK4, made from the few numbers that are kept for each degree.

A step of s stages is s - 4 stages of a three-term recurrence, whose stability polynomial is P, and then a method W of
4 stages with the stability polynomial w. The polynomials (p_j) of the recurrence are orthogonal on [-1, 1] for the
weight w(x)^2/sqrt(1 - x^2), and R = w P, with z = (x - a) R'(a)/R(a), is the stability polynomial of the step:

    w(x) = ((u - r1)^2 + i1^2) ((u - r2)^2 + i2^2),   u = s^2 (x - 1),   a = 1 + p/s^2

The five numbers r1, i1, r2, i2, p are such that R(z) = 1 + z + z^2/2 + z^3/6 + z^4/24 + O(z^5), that |R| = 0.8 where
the interval ends, and that no extreme of R on the interval is above 0.8 while one equals it. `_rock4_table` holds
them. W then follows from the 8 conditions of order 4 for the whole step, its nodes c2 and c3 being chosen: at 0.28 and
0.57 of the way from its first node c1 to 1. These keep its coefficients below 1.2, and the error of order 5 within 8%
of the least from 12 stages on, within 20% for fewer. Its last node c4 comes out between 1.02 and 1.05.

The source damps to 0.95, whose intervals are 3% longer. Where a slow pattern drives a stiff field, what is not damped
adds up over the steps: on the Rietkerk model 0.8 saves 7% of all evaluations at the same tolerance.

The error is estimated from the departure of the end of the recurrence from the start of the step and the 4 slopes of
W, combined such that the result is of order h^4 and, on y' = λ y, as large as the error where |h λ| = 1. Such an
estimate stays below 0.8 |y| however stiff the problem is, and it sees errors of quadrature; one with the slope at the
end of the step in place of the departure, as the source has it, grows like h λ and hardly sees them.

Source: Abdulle, "Fourth order Chebyshev methods with recurrence relation", SIAM J. Sci. Comput. 23 (2002); order
conditions: Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, section II.2. The numbers are our
own (scripts/derive_rock4.py).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from simulators.integrate._rock4_table import TABLE

__all__ = ["DEGREES", "INTERVALS", "Recurrence", "Stages", "finishing", "recurrence", "stages", "weights"]

DEGREES = tuple(TABLE)
"""The degrees s that there are, increasing."""

INTERVALS = tuple(row[-1] for row in TABLE.values())
"""For each degree the length of its stability interval: |R(z)| <= 0.8 from where it first is, to -length."""

PLACES = (0.28, 0.57)
"""Where the nodes c2 and c3 of W lie between c1 and 1."""

GOALS = (1.0, 1 / 2, 1 / 3, 1 / 6, 1 / 4, 1 / 8, 1 / 12, 1 / 24)
"""The 8 order conditions: the sums of b, bc, bc², bAc, bc³, bcAc, bAc², bAAc of a method of order 4."""


class Recurrence(NamedTuple):
    """g_1 = y + h μ_1 f(y);  g_j = g_{j-1} + d_j,  d_j = h μ_j f(g_{j-1}) + κ_j d_{j-1}.

    Attributes:
        slopes: the μ_j, (s - 4,).
        momenta: the κ_j, (s - 4,), the first being 0.
        length: of the stability interval of the whole step.
    """

    slopes: np.ndarray
    momenta: np.ndarray
    length: float


class Stages(NamedTuple):
    """A step of ROCK4 of one degree.

    Attributes:
        slopes: μ_j of the recurrence.
        momenta: κ_j of the recurrence.
        nodes: of all s evaluations, then that of the end, 1: (t' - t)/h.
        matrix: a_ij of W, rows of 0, 1, 2 and 3 entries, counted from the end of the recurrence.
        weights: b_i of W, (4,).
        error: weights of the error estimate, on the departure where W begins and h times the 4 slopes of W, (5,).
    """

    slopes: tuple[float, ...]
    momenta: tuple[float, ...]
    nodes: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    error: tuple[float, ...]


def orthogonal(shape: np.ndarray, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """The recurrence x p_j = β_j p_{j+1} + α_j p_j + β_{j-1} p_{j-1} of the orthonormal polynomials, j < degree - 4.

    Stieltjes' procedure with Chebyshev-Gauss nodes, whose sums are exact here.

    Args:
        shape: r1, i1, r2, i2, p.
        degree: s.
    """
    count = degree - 4
    angles = np.pi * (np.arange(degree + 2) + 0.5) / (degree + 2)
    x = np.cos(angles)
    measure = quartic(shape, -2.0 * degree**2 * np.sin(0.5 * angles) ** 2) ** 2
    measure /= measure.sum()
    alpha, beta = np.zeros(count), np.zeros(count)
    before, now, link = np.zeros_like(x), np.ones_like(x), 0.0
    for j in range(count):
        alpha[j] = np.sum(measure * x * now * now)
        after = (x - alpha[j]) * now - link * before
        beta[j] = link = np.sqrt(np.sum(measure * after * after))
        before, now = now, after / link
    return alpha, beta


def quartic(shape: np.ndarray, u: np.ndarray | float) -> np.ndarray | float:
    """The polynomial w at x = 1 + u/s²."""
    r1, i1, r2, i2 = shape[:4]
    return ((u - r1) ** 2 + i1**2) * ((u - r2) ** 2 + i2**2)


def recurrence(shape: np.ndarray, degree: int) -> Recurrence:
    """The first s - 4 stages, from the numbers r1, i1, r2, i2, p."""
    r1, i1, r2, i2, p = shape
    alpha, beta = orthogonal(shape, degree)
    a = 1.0 + p / degree**2
    # quotients[j] = p_{j+1}(a)/p_j(a), and rate = p_j'(a)/p_j(a); both stay of moderate size, the p_j do not
    slopes, momenta = np.zeros(degree - 4), np.zeros(degree - 4)
    rate = rate_before = link = 0.0
    quotient = np.inf
    for j in range(degree - 4):
        back = link / quotient
        scaled = a - alpha[j] - back
        slopes[j], momenta[j] = 1.0 / scaled, back / scaled
        rate, rate_before = (1.0 + (a - alpha[j]) * rate - back * rate_before) / scaled, rate
        quotient, link = scaled / beta[j], beta[j]
    rate += degree**2 * sum(2.0 * (p - r) / ((p - r) ** 2 + i**2) for r, i in ((r1, i1), (r2, i2)))
    return Recurrence(slopes / rate, momenta, float(rate * (1.0 + a)))


def derivative(sums: np.ndarray) -> np.ndarray:
    """The sums of h f(g) for a stage g with such sums (9,): one node more at the root of each tree."""
    c, ac, acc, aac = sums[:4]
    return np.array([1.0, c, c * c, ac, c**3, c * ac, acc, aac, sums[7]])


def weights(slopes: np.ndarray, momenta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of the recurrence's evaluations, (s - 4,), and the sums of GOALS and bAAAc for its end, (9,)."""
    total, step = np.zeros(9), np.zeros(9)
    nodes = np.zeros(len(slopes))
    for j, (slope, momentum) in enumerate(zip(slopes, momenta, strict=True)):
        nodes[j] = total[0]
        step = slope * derivative(total) + momentum * step
        total = total + step
    return nodes, total


def finishing(start: np.ndarray, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The method W that brings a step, begun with given sums, to order 4 in 7 of the 8 conditions.

    Args:
        start: the sums where W begins, (9,).
        last: its node c4.

    Returns:
        Its weights (4,), its matrix (4, 4), the sums of its slopes (4, 9), and by how much the eighth
        condition, Σ bAAc = 1/24, is missed; it holds for one c4 near 1.
    """
    missing, c1 = np.array(GOALS) - start[:8], start[0]
    c = np.array([c1, *(c1 + place * (1.0 - c1) for place in PLACES), last])
    b = np.linalg.solve(np.vander(c, increasing=True).T, missing[[0, 1, 2, 4]])
    # With a_i1 = c_i - c1 - a_i2 - a_i3, the conditions on bAc, bcAc and bAc² are linear in a32, a42, a43.
    d, e = c - c1, c**2 - c1**2
    system = [
        [b[2] * d[1], b[3] * d[1], b[3] * d[2]],
        [b[2] * c[2] * d[1], b[3] * c[3] * d[1], b[3] * c[3] * d[2]],
        [b[2] * e[1], b[3] * e[1], b[3] * e[2]],
    ]
    bare_ac, bare_acc = start[1] + d * c1, start[2] + d * c1**2
    a32, a42, a43 = np.linalg.solve(system, missing[[3, 5, 6]] - [b @ bare_ac, (b * c) @ bare_ac, b @ bare_acc])
    matrix = np.zeros((4, 4))
    matrix[1, 0] = d[1]
    matrix[2, :2] = d[2] - a32, a32
    matrix[3, :3] = d[3] - a42 - a43, a42, a43
    sums = np.zeros((4, 9))
    for i in range(4):
        sums[i] = derivative(start + matrix[i, :i] @ sums[:i])
    return b, matrix, sums, float(b @ sums[:, 7] - missing[7])


@functools.cache
def stages(degree: int) -> Stages:
    """The coefficients of one of DEGREES; a few milliseconds the first time."""
    *shape, last, _ = TABLE[degree]
    slopes, momenta, _ = recurrence(np.array(shape), degree)
    nodes, start = weights(slopes, momenta)
    b, matrix, sums, _ = finishing(start, last)
    # an estimate that is zero to order 3: the slopes' sums of order 3 and below make up for those of the departure
    error = np.array([1.0, *np.linalg.solve(sums[:, :4].T, -start[:4])])
    fourth, fifth = error @ [start[7], *sums[:, 7]], start[8] + b @ sums[:, 8] - 1.0 / 120.0
    error *= abs(fifth / fourth)
    return Stages(
        tuple(slopes.tolist()),
        tuple(momenta.tolist()),
        (*nodes.tolist(), *sums[:, 1].tolist(), 1.0),
        tuple(tuple(matrix[i, :i].tolist()) for i in range(4)),
        tuple(b.tolist()),
        tuple(error.tolist()),
    )
