#!/usr/bin/env python3
"""Derives the numbers of ROCK4 and writes simulators/integrate/_rock4_table.py; takes a minute.

For each degree s, Newton's method (Gauss-Newton with steps kept in bounds) solves the five equations that
`simulators.integrate._rock4_stages` states for the shape (r1, i1, r2, i2, p) of its polynomials. The first shape was
found by trying 300 random ones at s = 12, of which 208 ended here, 44 nowhere, and 48 at five others, all useless:
their polynomials exceed 0.8 on the interval, or 1 near z = 0. Neighbouring degrees start from it, since the shape tends
to a limit as s grows. Then the last node of the finishing method follows from its one remaining order condition.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.optimize

from simulators.integrate import _rock4_stages as rock4

OUTPUT = Path(__file__).resolve().parents[1] / "simulators" / "integrate" / "_rock4_table.py"
DAMPING = 0.8
FIRST, FIRST_SHAPE = 12, (14.93, 8.97, 29.93, 23.96, 31.74)
DEGREES = (
    *range(5, 15), 16, 18, 20, 22, 24, 27, 30, 33, 36, 40, 44, 48, 53, 58, 64, 70, 77, 85, 93, 102, 112, 123, 135,
    149, 164, 180, 200,
)  # fmt: skip

HEADER = '''"""Numbers of ROCK4 for each degree: made by scripts/derive_rock4.py, explained in `_rock4_stages`.

A row holds r1, i1, r2, i2, p (the shape of the polynomials, which solves its equations to 1e-7), the node c4 of the
finishing method (to rounding), and the length of the stability interval, rounded down.
"""

from __future__ import annotations

# fmt: off
TABLE: dict[int, tuple[float, float, float, float, float, float, float]] = {
'''


def taylor(shape: np.ndarray, degree: int) -> np.ndarray:
    """Coefficients of 1, u, ..., u^4 of R about a, u = s² (x - a), not normalised."""
    r1, i1, r2, i2, p = shape
    alpha, beta = rock4.orthogonal(shape, degree)
    before, now, link = np.zeros(5), np.eye(5)[0], 0.0
    for j in range(degree - 4):
        after = (1.0 + p / degree**2 - alpha[j]) * now - link * before
        after[1:] += now[:-1] / degree**2
        before, now, link = now, after / beta[j], beta[j]
    pairs = [np.array([(p - r) ** 2 + i**2, 2.0 * (p - r), 1.0]) for r, i in ((r1, i1), (r2, i2))]
    return np.convolve(np.convolve(*pairs), now)[:5]


def values(shape: np.ndarray, degree: int, angles: np.ndarray) -> np.ndarray:
    """R at x = cos(angles), R(a) being 1."""
    alpha, beta = rock4.orthogonal(shape, degree)
    x = np.cos(angles)
    before, now, link = np.zeros_like(x), np.ones_like(x), 0.0
    for j in range(degree - 4):
        before, now, link = now, ((x - alpha[j]) * now - link * before) / beta[j], beta[j]
    u = -2.0 * degree**2 * np.sin(0.5 * angles) ** 2
    return rock4.quartic(shape, u) * now / taylor(shape, degree)[0]


def largest(shape: np.ndarray, degree: int) -> tuple[float, float]:
    """The largest |R| among the extremes within the interval past the first minimum, and |R| at its end."""
    angles = np.linspace(0.0, np.pi, 24 * degree + 1)
    r = values(shape, degree, angles)
    inner = np.flatnonzero(np.diff(r)[:-1] * np.diff(r)[1:] < 0) + 1
    bend, tilt = 0.5 * (r[inner - 1] - 2 * r[inner] + r[inner + 1]), 0.5 * (r[inner + 1] - r[inner - 1])
    extremes = r[inner] - 0.25 * tilt**2 / bend
    # the first minimum, between the complex zeros, is positive; all other extremes count
    return float(np.max(abs(extremes[1 if r[inner[0]] > 0 and bend[0] > 0 else 0 :]))), float(abs(r[-1]))


def residual(shape: np.ndarray, degree: int) -> np.ndarray:
    """What is missed of the five equations."""
    c = taylor(shape, degree)
    first = c[1] / c[0]
    orders = [k * c[n] / c[0] / first**n - 1.0 for n, k in ((2, 2.0), (3, 6.0), (4, 24.0))]
    return np.array([*orders, *(size - DAMPING for size in largest(shape, degree))])


def solve(degree: int, guess: np.ndarray) -> np.ndarray:
    """The shape of a degree.

    Raises:
        ArithmeticError: if the equations are not met to 1e-7.
    """
    found = scipy.optimize.least_squares(
        residual, guess, args=(degree,), x_scale=10.0, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60
    )
    if np.max(abs(found.fun)) > 1e-7:
        raise ArithmeticError(f"degree {degree}: the equations are missed by {found.fun}")
    return np.round(found.x, 10)


def row(degree: int, shape: np.ndarray) -> tuple[float, ...]:
    """All numbers of a degree."""
    slopes, momenta, length = rock4.recurrence(shape, degree)
    _, start = rock4.weights(slopes, momenta)
    last = scipy.optimize.brentq(lambda c4: rock4.finishing(start, c4)[3], 0.99, 1.08, xtol=1e-16, rtol=1e-15)
    return (*shape.tolist(), last, np.floor(1e5 * length) / 1e5)


def main() -> None:
    """Derive all degrees, from the first one down and up, and write the table."""
    found = {}
    middle = DEGREES.index(FIRST)
    for degrees in (DEGREES[middle::-1], DEGREES[middle:]):
        shape = np.array(FIRST_SHAPE)
        for degree in degrees:
            found[degree] = shape = solve(degree, shape)
    rows = [(degree, row(degree, found[degree])) for degree in DEGREES]
    lines = [f"    {degree}: ({', '.join(repr(float(x)) for x in numbers)}),\n" for degree, numbers in rows]
    OUTPUT.write_text(HEADER + "".join(lines) + "}\n")


if __name__ == "__main__":
    main()
