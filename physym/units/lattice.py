"""Exact integer linear algebra of exponent vectors, with Python's integers, which do not overflow.

Products of powers of variables multiply as their exponent vectors add, so those that are dimensionless form a lattice,
{x ∈ Zⁿ : A x = 0} with A the exponents of the base units (base unit, variable). Clearing the denominators of a rational
null space can give a sublattice, of which some products are only roots; the unimodular U that brings Aᵀ to Hermite form
gives the whole lattice, since

    U Aᵀ = [H; 0]  ⇒  the rows of U beside 0 are a basis.

The Lenstra-Lenstra-Lovász reduction makes the basis short. Matrices here have tens of rows: for them these lines are
quick enough, and they need no compiled dependency.

Sources: H. Cohen, A course in computational algebraic number theory (Springer 1993), 2.4 and 2.6; A. K. Lenstra, H. W.
Lenstra and L. Lovász, Factoring polynomials with rational coefficients (Mathematische Annalen 261, 1982).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

__all__ = ["hermite", "null_lattice", "reduced", "shortened", "solution"]

Row = list[int]
Rows = list[Row]
_LOVASZ = Fraction(99, 100)


def _echelon(rows: Rows, columns: int) -> int:
    """Bring the first columns of the rows to Hermite form in place, by unimodular operations; returns the rank."""
    rank = 0
    for column in range(columns):
        while True:
            live = [k for k in range(rank, len(rows)) if rows[k][column]]
            if not live:
                break
            smallest = min(live, key=lambda k: abs(rows[k][column]))
            rows[rank], rows[smallest] = rows[smallest], rows[rank]
            pivot = rows[rank]
            if len(live) == 1:
                if pivot[column] < 0:
                    rows[rank] = pivot = [-e for e in pivot]
                for k in range(rank):
                    _subtract(rows, k, pivot, rows[k][column] // pivot[column])
                rank += 1
                break
            for k in range(rank + 1, len(rows)):
                _subtract(rows, k, pivot, rows[k][column] // pivot[column])
    return rank


def _subtract(rows: list[Row], k: int, row: Row, times: int) -> None:
    if times:
        rows[k] = [a - times * b for a, b in zip(rows[k], row, strict=True)]


def hermite(rows: Sequence[Sequence[int]]) -> Rows:
    """The Hermite normal form of the lattice that the rows span: the same for every basis of it.

    Pivots are positive, and what is above one is smaller and not negative.

    >>> hermite([[2, 0, 1], [0, 0, 2], [2, 0, 3]])
    [[2, 0, 1], [0, 0, 2]]
    """
    own = [list(map(int, row)) for row in rows]
    return own[: _echelon(own, len(own[0]))] if own else []


def _transformed(matrix: Sequence[Sequence[int | Fraction]], columns: int) -> tuple[Rows, list[int], int, int]:
    """[H | U] of Aᵀ, the factor that cleared the denominators of each row of A, the rank, and the rows of A."""
    scales = [math.lcm(*(Fraction(e).denominator for e in row)) for row in matrix]
    whole = [[int(e * scale) for e in row] for row, scale in zip(matrix, scales, strict=True)]
    joined = [[row[n] for row in whole] + [int(n == k) for k in range(columns)] for n in range(columns)]
    return joined, scales, _echelon(joined, len(whole)), len(whole)


def null_lattice(matrix: Sequence[Sequence[int | Fraction]], columns: int) -> Rows:
    """A reduced basis of the integer vectors x with A x = 0, shortest first.

    Args:
        matrix: A (row, column), rational.
        columns: how many there are, for a matrix without rows.

    >>> null_lattice([[1, 0, 1, 1], [0, 2, 1, 1]], 4)
    [[0, 0, -1, 1], [2, 1, -1, -1]]
    """
    joined, _, rank, left = _transformed(matrix, columns)
    return shortened(reduced([row[left:] for row in joined[rank:]]))


def solution(
    matrix: Sequence[Sequence[int | Fraction]], columns: int, wanted: Sequence[int | Fraction]
) -> list[Fraction] | None:
    """A vector x with A x = b whose denominators are as small as any has, and then short; None if there is none.

    Args:
        matrix: A (row, column), rational.
        columns: how many there are, for a matrix without rows.
        wanted: b (row).

    >>> [str(e) for e in solution([[1, 1, 0], [0, -2, 1]], 3, [0, 1])]
    ['0', '0', '1']
    """
    joined, scales, rank, left = _transformed(matrix, columns)
    missing = [Fraction(b) * scale for b, scale in zip(wanted, scales, strict=True)]
    found = [Fraction(0)] * columns
    # x = y U, where y H = b is solved from the first pivot on
    for row in joined[:rank]:
        column = next(n for n in range(left) if row[n])
        times = missing[column] / row[column]
        missing = [m - times * e for m, e in zip(missing, row[:left], strict=True)]
        found = [f + times * e for f, e in zip(found, row[left:], strict=True)]
    if any(missing):
        return None
    whole = math.lcm(*(e.denominator for e in found)) if found else 1
    lattice = shortened(reduced([row[left:] for row in joined[rank:]]))
    return [Fraction(e, whole) for e in _nearest([int(e * whole) for e in found], lattice)]


def reduced(rows: Sequence[Sequence[int]]) -> Rows:
    """The rows, linearly independent, as an LLL-reduced basis of the same lattice."""
    basis = [list(row) for row in rows]
    if not basis:
        return basis
    mu, norms = _orthogonalised(basis)
    k = 1
    while k < len(basis):
        for j in range(k - 1, -1, -1):
            times = round(mu[k][j])
            if times:
                _subtract(basis, k, basis[j], times)
                mu[k] = [a - times * b for a, b in zip(mu[k], mu[j], strict=True)]
        if norms[k] >= (_LOVASZ - mu[k][k - 1] ** 2) * norms[k - 1]:
            k += 1
        else:
            basis[k - 1], basis[k] = basis[k], basis[k - 1]
            mu, norms = _orthogonalised(basis)
            k = max(k - 1, 1)
    return basis


def _orthogonalised(basis: Rows) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Coefficients of Gram and Schmidt (unit lower triangle) and the squared norms of the orthogonal vectors."""
    size = len(basis)
    mu = [[Fraction(int(a == b)) for b in range(size)] for a in range(size)]
    norms: list[Fraction] = []
    # <b_a, b*_j> by recursion over inner products, which are integers
    inner = [[Fraction(0)] * size for _ in range(size)]
    for a in range(size):
        for j in range(a + 1):
            dot = sum(x * y for x, y in zip(basis[a], basis[j], strict=True))
            inner[a][j] = dot - sum((mu[j][m] * inner[a][m] for m in range(j)), Fraction(0))
            if j < a:
                mu[a][j] = inner[a][j] / norms[j]
        norms.append(inner[a][a])
    return mu, norms


def _length(row: Sequence[int]) -> tuple[int, int]:
    """What makes a product easy to read: few factors, then small powers."""
    return sum(map(abs, row)), sum(e * e for e in row)


def _along(row: Row, step: Row) -> Row:
    """The shortest of the row and the row less multiples of the step.

    |row - t step|_1 is convex and has its corners, of which one is least, where an entry is zero.
    """
    corners = [Fraction(a, b) for a, b in zip(row, step, strict=True) if b]
    times = {whole for corner in corners for whole in (math.floor(corner), math.ceil(corner))}
    return min([row, *([a - t * b for a, b in zip(row, step, strict=True)] for t in sorted(times))], key=_length)


def shortened(rows: Sequence[Sequence[int]]) -> Rows:
    """The rows less multiples of each other as long as that makes one shorter (in |x|_1), shortest first."""
    basis = [list(row) for row in rows]
    better = True
    while better:
        better = False
        for a, b in itertools.permutations(range(len(basis)), 2):
            tried = _along(basis[a], basis[b])
            if _length(tried) < _length(basis[a]):
                basis[a], better = tried, True
    return sorted(basis, key=_length)


def _nearest(vector: Row, basis: Rows) -> Row:
    """The vector less a lattice vector, as short in |x|_1 as steps along the basis and pairs of it make it."""
    pairs = ((a, b, sign) for a, b in itertools.combinations(basis, 2) for sign in (1, -1))
    steps = [*basis, *([x + sign * y for x, y in zip(a, b, strict=True)] for a, b, sign in pairs)]
    better = True
    while better:
        better = False
        for step in steps:
            tried = _along(vector, step)
            if _length(tried) < _length(vector):
                vector, better = tried, True
    return vector
