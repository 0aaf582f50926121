"""Finite differences on periodic grids, compiled when first used and cached on disk.

Arrays are flat, of (leading, z, y, x, components) in C order; an absent axis has one cell. A row along x is cut into
spans on which the neighbours lie at fixed distances, so that the wrap at its ends costs nothing elsewhere. Indices are
unsigned, since for signed ones numba would ask at every cell whether to count from the end.

Every sum is taken so that its bits depend neither on the order of the axes nor on the direction along them: neighbours
left and right enter alike, two axes are added, and of three the middle one comes last. No flag lets the compiler fuse
a product with a sum, since it would round one of two axes and not the other.
"""

from __future__ import annotations

import numba
import numpy as np

from simulators.integrate._compile import _NoAlias

_inner = {"error_model": "numpy", "nogil": True}
_outer = {**_inner, "cache": True, "pipeline_class": _NoAlias}


@numba.njit(**_inner)
def _sum(a: float, b: float, c: float) -> float:
    low, high = (a, b) if a < b else (b, a)
    least, rest = (low, c) if low < c else (c, low)
    most, middle = (high, rest) if high > rest else (rest, high)
    return (least + most) + middle


@numba.njit(**_inner)
def _first(f: np.ndarray, m: int, at: tuple[int, int, int, int], near: float, far: float, wide: bool) -> float:
    """∂f: near (f₁ - f₋₁) + far (f₂ - f₋₂)."""
    slope = near * (f[at[0] + m] - f[at[1] + m])
    return slope + far * (f[at[2] + m] - f[at[3] + m]) if wide else slope


@numba.njit(**_inner)
def _second(
    f: np.ndarray, m: int, here: float, at: tuple[int, int, int, int], near: float, far: float, wide: bool
) -> float:
    """∂²f: near ((f₁ - f) + (f₋₁ - f)) + far ((f₂ - f) + (f₋₂ - f)), so that a large mean costs no digits."""
    close = near * ((f[at[0] + m] - here) + (f[at[1] + m] - here))
    return close + far * ((f[at[2] + m] - here) + (f[at[3] + m] - here)) if wide else close


@numba.njit(**_inner)
def _place(at: np.ndarray, axis: int, factor: int, offset: int) -> tuple[int, int, int, int]:
    a, b = factor * at[axis, 0] + offset, factor * at[axis, 1] + offset
    c, d = factor * at[axis, 2] + offset, factor * at[axis, 3] + offset
    return np.uint64(a), np.uint64(b), np.uint64(c), np.uint64(d)


@numba.njit(**_inner, inline="always")
def _rows(rows: np.ndarray, shape: np.ndarray, batch: int, z: int, y: int) -> int:
    """Fill `rows` (axis z, y; shift 1, -1, 2, -2) with where the rows beside begin, and say where this one does."""
    nz, ny, width = shape[1], shape[2], shape[3]
    for j in range(4):
        shift = (1 + j // 2) * (1 - 2 * (j % 2))
        rows[0, j] = ((batch * nz + (z + shift) % nz) * ny + y) * width
        rows[1, j] = ((batch * nz + z) * ny + (y + shift) % ny) * width
    return ((batch * nz + z) * ny + y) * width


@numba.njit(**_inner, inline="always")
def _neighbours(at: np.ndarray, rows: np.ndarray, row: int, spans: np.ndarray, k: int) -> int:
    """Fill `at` (axis z, y, x; shift 1, -1, 2, -2) with where the neighbours of a span begin, and say where it does."""
    here = row + spans[k, 0]
    for j in range(4):
        at[0, j] = rows[0, j] + spans[k, 0]
        at[1, j] = rows[1, j] + spans[k, 0]
        at[2, j] = here + spans[k, 2 + j]
    return here


@numba.njit(**_inner, inline="always")
def _slopes(
    f: np.ndarray,
    at: np.ndarray,
    i: int,
    count: int,
    terms: np.ndarray,
    weights: np.ndarray,
    sizes: tuple[int, int, int],
    wide: bool,
    out: np.ndarray,
    begin: int,
) -> None:
    """Component i of the result along one span: the sum of 1, 2 or 3 derivatives."""
    length, takes, gives = np.uint64(sizes[0]), np.uint64(sizes[1]), np.uint64(sizes[2])
    o = np.uint64(begin)
    a = _place(at, terms[i, 0, 1], sizes[1], terms[i, 0, 0])
    near, far = weights[i, 0, 0], weights[i, 0, 1]
    if count == 1:
        for m in range(length):
            out[o + gives * m] = _first(f, takes * m, a, near, far, wide)
        return
    b = _place(at, terms[i, 1, 1], sizes[1], terms[i, 1, 0])
    near1, far1 = weights[i, 1, 0], weights[i, 1, 1]
    if count == 2:
        for m in range(length):
            s = takes * m
            out[o + gives * m] = _first(f, s, a, near, far, wide) + _first(f, s, b, near1, far1, wide)
        return
    c = _place(at, terms[i, 2, 1], sizes[1], terms[i, 2, 0])
    near2, far2 = weights[i, 2, 0], weights[i, 2, 1]
    for m in range(length):
        s = takes * m
        x, y = _first(f, s, a, near, far, wide), _first(f, s, b, near1, far1, wide)
        out[o + gives * m] = _sum(x, y, _first(f, s, c, near2, far2, wide))


@numba.njit(**_outer)
def first_order(
    f: np.ndarray,
    shape: np.ndarray,
    spans: np.ndarray,
    takes: int,
    terms: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    wide: bool,
    out: np.ndarray,
) -> None:
    """Signed sums of first derivatives.

    f: flat (*shape, takes); out: flat (*shape, gives); shape: leading, z, y, x·components; spans: (span, 6) begin and
    length, then the distances along x to the neighbours 1, -1, 2, -2, the first span being the whole row;
    terms: (gives, most, 2) component and axis; counts: (gives,) terms of each; weights: (gives, most, 2), signed.
    """
    gives = counts.size
    begins, ends = np.zeros(gives, np.int64), np.ones(gives, np.int64)
    for i in range(gives):
        for t in range(counts[i]):
            if terms[i, t, 1] == 2:
                begins[i], ends[i] = 1, spans.shape[0]
    at, rows = np.empty((3, 4), np.int64), np.empty((2, 4), np.int64)
    for batch in range(shape[0]):
        for z in range(shape[1]):
            for y in range(shape[2]):
                row = _rows(rows, shape, batch, z, y)
                for i in range(gives):
                    for k in range(begins[i], ends[i]):
                        here = _neighbours(at, rows, row, spans, k)
                        sizes = (spans[k, 1], takes, gives)
                        _slopes(f, at, i, counts[i], terms, weights, sizes, wide, out, gives * here + i)


@numba.njit(**_inner, inline="always")
def _curvatures(
    f: np.ndarray,
    at: np.ndarray,
    count: int,
    weights: np.ndarray,
    size: int,
    wide: bool,
    out: np.ndarray,
    begin: int,
) -> None:
    """The laplacian along one span, over 1, 2 or 3 axes."""
    length, o = np.uint64(size), np.uint64(begin)
    a, near, far = _place(at, 2, 1, 0), weights[0, 0], weights[0, 1]
    if count == 1:
        for m in range(length):
            out[o + m] = _second(f, m, f[o + m], a, near, far, wide)
        return
    b, near1, far1 = _place(at, 1, 1, 0), weights[1, 0], weights[1, 1]
    if count == 2:
        for m in range(length):
            h = f[o + m]
            out[o + m] = _second(f, m, h, a, near, far, wide) + _second(f, m, h, b, near1, far1, wide)
        return
    c, near2, far2 = _place(at, 0, 1, 0), weights[2, 0], weights[2, 1]
    for m in range(length):
        h = f[o + m]
        x, y = _second(f, m, h, a, near, far, wide), _second(f, m, h, b, near1, far1, wide)
        out[o + m] = _sum(x, y, _second(f, m, h, c, near2, far2, wide))


@numba.njit(**_outer)
def laplacian(
    f: np.ndarray, shape: np.ndarray, spans: np.ndarray, count: int, weights: np.ndarray, wide: bool, out: np.ndarray
) -> None:
    """Sum of the second derivatives along the first `count` of x, y, z; arguments as of `first_order`."""
    at, rows = np.empty((3, 4), np.int64), np.empty((2, 4), np.int64)
    for batch in range(shape[0]):
        for z in range(shape[1]):
            for y in range(shape[2]):
                row = _rows(rows, shape, batch, z, y)
                for k in range(1, spans.shape[0]):
                    here = _neighbours(at, rows, row, spans, k)
                    _curvatures(f, at, count, weights, spans[k, 1], wide, out, here)
