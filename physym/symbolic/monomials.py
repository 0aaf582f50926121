"""The lawful products of powers: vectors of the integer null lattice, the cheapest first.

With D the exponents of the variables over the base units, x^e is dimensionless where D e = 0. All such e are integer
combinations of a reduced basis, so that no other is ever looked at.
"""

from __future__ import annotations

import functools
import itertools
import math
from fractions import Fraction

import numpy as np

from physym.units.lattice import null_lattice, solution

__all__ = ["lattice_basis", "lawful_product", "named", "shortest"]

_MOST = 300_000


def _rows(exponents: np.ndarray) -> list[list[Fraction]]:
    return [[Fraction(float(e)).limit_denominator(12) for e in row] for row in np.atleast_2d(exponents)]


def lattice_basis(exponents: np.ndarray) -> np.ndarray:
    """A reduced basis of the exponents of dimensionless products, (groups, variables).

    Args:
        exponents: of the variables over the base units, (base, variables).
    """
    count = exponents.shape[1]
    basis = null_lattice(_rows(exponents) if exponents.size else [], count)
    return np.array(basis, dtype=np.int64).reshape(-1, count)


def lawful_product(exponents: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """Exponents of a short product of the variables with the units that are wanted, or None if there is none."""
    found = solution(
        _rows(exponents) if exponents.size else [],
        exponents.shape[1],
        [Fraction(float(e)).limit_denominator(12) for e in wanted],
    )
    return None if found is None else np.array([float(e) for e in found])


@functools.lru_cache(maxsize=32)
def _combinations(size: int, reach: int) -> np.ndarray:
    """Integer vectors of a length |c|_1 of at most `reach`, (vectors, size)."""
    found = [np.zeros((1, size), dtype=np.int64)]
    for used in range(1, min(size, reach) + 1):
        parts = [p for total in range(used, reach + 1) for p in _compositions(total, used)]
        signs = np.array(list(itertools.product((1, -1), repeat=used)))
        signed = (np.array(parts)[:, None, :] * signs[None]).reshape(-1, used)
        for places in itertools.combinations(range(size), used):
            block = np.zeros((len(signed), size), dtype=np.int64)
            block[:, places] = signed
            found.append(block)
    return np.concatenate(found)


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(1, total - parts + 2) for rest in _compositions(total - first, parts - 1)]


@functools.lru_cache(maxsize=256)
def _count(size: int, reach: int) -> int:
    if size == 0 or reach == 0:
        return 1
    return _count(size - 1, reach) + _count(size, reach - 1) + _count(size - 1, reach - 1)


def shortest(basis: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The dimensionless products that are cheapest to name, 1 first.

    A product is named by its exponents over the variables or by those over the groups of the basis, whichever is
    cheaper, in bits: log₂ of what there is to choose from, and more for large exponents.

    Args:
        basis: reduced, (groups, variables).
        most: how many at most.

    Returns:
        Exponents (found, variables) and costs (found,).
    """
    groups, variables = basis.shape
    if not groups:
        return np.zeros((1, variables)), np.zeros(1)
    reach = 1
    while reach < 10 and _count(groups, reach + 1) <= _MOST:
        reach += 1
    steps = _combinations(groups, reach)
    exponents = steps @ basis
    own, by_groups = named(exponents, variables), named(steps, groups)
    cost = np.minimum(own, by_groups)
    order = np.argsort(cost + 0.05 * own, kind="stable")[:most]
    return exponents[order].astype(float), cost[order]


def named(exponents: np.ndarray, choices: int) -> np.ndarray:
    """Bits to name each row of exponents, (rows,)."""
    size = np.abs(exponents)
    each = np.where(size > 0, math.log2(choices) + 1 + 0.5 * (exponents < 0), 0.0)
    with np.errstate(divide="ignore"):
        return np.sum(each + np.where(size > 1, 1 + 1.5 * np.log2(np.maximum(size, 1)), 0.0), axis=1)
