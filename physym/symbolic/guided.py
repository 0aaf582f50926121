"""Laws with one unknown constant whose units are tried, so that units guide the search all the same.

A constant C of unknown units makes one more product dimensionless, C·M with M some product of powers of the columns. To
try units of C is therefore to try M: for each short M, the target over a product with its units must be a function of
M and of the groups that there are without C. How well a smooth function of these predicts points it has not seen tells
which M are worth a search, in which C is a column of ones, and its size is in the numbers of the law.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np

from physym.symbolic.monomials import lattice_basis, lawful_product
from physym.symbolic.problem import Found, Problem
from physym.symbolic.symmetries import held_out
from physym.symbolic.tree import Columns

__all__ = ["guided"]

_LONGEST, _MOST, _TRIED, _POINTS, _COMPARABLE = 4, 400, 4, 3000, 4.0
_EXACT = 1e-9
_CONSTANT = "_C"


def _products(exponents: np.ndarray) -> list[np.ndarray]:
    """Short exponents of products that have units, one of each pair M and 1/M, the shortest first."""
    count = exponents.shape[1]
    found = []
    for length in range(1, _LONGEST + 1):
        for used in range(1, min(length, count) + 1):
            for places in itertools.combinations(range(count), used):
                for powers in itertools.product(range(-length, length + 1), repeat=used):
                    if 0 in powers or sum(map(abs, powers)) != length or powers[0] < 0:
                        continue
                    row = np.zeros(count)
                    row[list(places)] = powers
                    if np.any(exponents @ row):
                        found.append(row)
        if len(found) >= _MOST:
            break
    return found[:_MOST]


def _with_constant(problem: Problem, product: np.ndarray) -> Problem:
    """The table with a column of ones that makes the product dimensionless."""
    ones = np.ones(len(problem.target))
    exponents = np.column_stack([problem.exponents, -problem.exponents @ product])
    return replace(
        problem,
        names=(*problem.names, _CONSTANT),
        values=problem.values | {_CONSTANT: ones},
        exponents=exponents,
        fixed=(*problem.fixed, _CONSTANT),
    )


def _error(problem: Problem, chosen: np.ndarray) -> float | None:
    """How well a smooth function of the groups predicts; None if no product has the units of the target."""
    wanted = lawful_product(problem.exponents, problem.target_exponents)
    if wanted is None:
        return None
    columns = Columns([problem.values[name][chosen] for name in problem.names])
    groups = lattice_basis(problem.exponents) @ columns.logs
    groups = groups[np.ptp(groups, axis=1) > 1e-9]
    scale = columns.monomial(wanted)
    if not len(groups) or not np.isfinite(groups).all() or not np.isfinite(scale).all():
        return None
    return held_out(groups, problem.target[chosen], scale / np.sqrt(np.mean(scale**2)))


def guided(problem: Problem, *, time_limit: float, seed: int) -> tuple[list[Found], int]:
    """Laws with one constant of unknown units and value, the shortest first, and how many hypotheses were scored.

    Args:
        problem: with the units of its columns.
        time_limit: seconds.
        seed: of selections of points.
    """
    import sympy

    from physym.symbolic.search import search

    end = time.monotonic() + time_limit
    chosen = np.random.default_rng(seed).permutation(len(problem.target))[:_POINTS]
    tried = []
    for product in _products(problem.exponents):
        if time.monotonic() > end - 0.7 * time_limit:
            break
        table = _with_constant(problem, product)
        error = _error(table, chosen)
        if error is not None and np.isfinite(error):
            tried.append((error, len(tried), table))
    found: list[Found] = []
    evaluations = 0
    least = min((error for error, _, _ in tried), default=0.0)
    best = [item for item in sorted(tried, key=lambda item: item[:2])[:_TRIED] if item[0] < _COMPARABLE * least]
    for count, (_, _, table) in enumerate(best):
        left = end - time.monotonic()
        if left <= 0:
            break
        # the likeliest has most of the time
        laws = search(table, time_limit=left if count == len(best) - 1 else 0.6 * left, seed=seed)
        evaluations += max((law.evaluations for law in laws), default=0)
        for law in laws:
            gone = {symbol: sympy.Integer(1) for symbol in law.expression.free_symbols if symbol.name == _CONSTANT}
            found.append(replace(law, expression=law.expression.xreplace(gone)))
        if any(law.error < _EXACT for law in laws):
            break
    return sorted(found, key=lambda law: law.bits), evaluations
