"""Fast Fourier transforms of several lines at once, for loops that keep what they transform in the fastest cache.

A block holds `lanes` lines of n complex numbers, number by number: x[i * lanes + lane], real and imaginary parts apart.
So every butterfly runs over neighbouring numbers, as vector instructions want it. The method is Stockham's, which sorts
as it goes from one array to another, with factors 4, 2 and any other prime; n may be any.

Source: C. Van Loan, Computational Frameworks for the Fast Fourier Transform (SIAM 1992), section 1.7.
"""

# ruff: noqa: ANN001, ANN202  numba infers the types of a kernel
from __future__ import annotations

import numpy as np

from simulators.integrate import _compile

_loop = _compile.elementwise(None)


def plan(n: int, precision: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The factors of n, and cos and -sin of 2π k/n."""
    factors, left = [], n
    for factor in (4, 2, *range(3, n + 1, 2)):
        while left % factor == 0 and left > 1:
            factors.append(factor)
            left //= factor
    angle = 2 * np.pi * np.arange(n) / n
    return np.array(factors, dtype=np.int64), np.cos(angle).astype(precision), (-np.sin(angle)).astype(precision)


@_loop
def _radix4(xr, xi, yr, yi, step, c, s):
    """From (4, m, stride) to (m, 4, stride)."""
    for p in range(yr.shape[0]):
        c1, s1, c2, s2 = c[p * step], s[p * step], c[2 * p * step], s[2 * p * step]
        c3, s3 = c[3 * p * step], s[3 * p * step]
        for t in range(yr.shape[2]):
            er, ei = xr[0, p, t] + xr[2, p, t], xi[0, p, t] + xi[2, p, t]
            fr, fi = xr[0, p, t] - xr[2, p, t], xi[0, p, t] - xi[2, p, t]
            gr, gi = xr[1, p, t] + xr[3, p, t], xi[1, p, t] + xi[3, p, t]
            hr, hi = xr[1, p, t] - xr[3, p, t], xi[1, p, t] - xi[3, p, t]
            yr[p, 0, t] = er + gr
            yi[p, 0, t] = ei + gi
            ur, ui = fr + hi, fi - hr
            yr[p, 1, t] = ur * c1 - ui * s1
            yi[p, 1, t] = ur * s1 + ui * c1
            ur, ui = er - gr, ei - gi
            yr[p, 2, t] = ur * c2 - ui * s2
            yi[p, 2, t] = ur * s2 + ui * c2
            ur, ui = fr - hi, fi + hr
            yr[p, 3, t] = ur * c3 - ui * s3
            yi[p, 3, t] = ur * s3 + ui * c3


@_loop
def _radix2(xr, xi, yr, yi, step, c, s):
    for p in range(yr.shape[0]):
        c1, s1 = c[p * step], s[p * step]
        for t in range(yr.shape[2]):
            ur, ui = xr[0, p, t] - xr[1, p, t], xi[0, p, t] - xi[1, p, t]
            yr[p, 0, t] = xr[0, p, t] + xr[1, p, t]
            yi[p, 0, t] = xi[0, p, t] + xi[1, p, t]
            yr[p, 1, t] = ur * c1 - ui * s1
            yi[p, 1, t] = ur * s1 + ui * c1


@_loop
def _radix(xr, xi, yr, yi, step, c, s):
    """Of any other factor, by its definition."""
    n, factor = c.size, yr.shape[1]
    for p in range(yr.shape[0]):
        for j in range(factor):
            turn = j * p * step % n
            cj, sj = c[turn], s[turn]
            for t in range(yr.shape[2]):
                yr[p, j, t] = xr[0, p, t] * cj - xi[0, p, t] * sj
                yi[p, j, t] = xr[0, p, t] * sj + xi[0, p, t] * cj
            for k in range(1, factor):
                turn = (j * p * step + j * k * (n // factor)) % n
                ck, sk = c[turn], s[turn]
                for t in range(yr.shape[2]):
                    yr[p, j, t] += xr[k, p, t] * ck - xi[k, p, t] * sk
                    yi[p, j, t] += xr[k, p, t] * sk + xi[k, p, t] * ck


@_loop
def _pass(xr, xi, yr, yi, factor, m, stride, step, c, s):
    ar, ai = xr.reshape(factor, m, stride), xi.reshape(factor, m, stride)
    br, bi = yr.reshape(m, factor, stride), yi.reshape(m, factor, stride)
    if factor == 4:
        _radix4(ar, ai, br, bi, step, c, s)
    elif factor == 2:
        _radix2(ar, ai, br, bi, step, c, s)
    else:
        _radix(ar, ai, br, bi, step, c, s)


@_loop
def forward(xr, xi, yr, yi, lanes, factors, c, s):
    """Sum of x exp(-2πi k j/n) over j; what is found is in y if the number of factors is odd, else in x.

    With real and imaginary parts exchanged, of x and of y, it is the transform with +i.
    """
    m, stride, step = c.size, lanes, 1
    for number in range(factors.size):
        factor = factors[number]
        m //= factor
        if number % 2 == 0:
            _pass(xr, xi, yr, yi, factor, m, stride, step, c, s)
        else:
            _pass(yr, yi, xr, xi, factor, m, stride, step, c, s)
        stride *= factor
        step *= factor
