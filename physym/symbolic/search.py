"""The search for a law: products of powers, few terms, few factors, then the same under a function or beside a term.

The law is looked for as Y = F(u) over the products of the null lattice (`physym.symbolic.library`), so that nothing
without lawful units is ever formed. Each stage scores all hypotheses of one shape by matrix products
(`physym.symbolic.matching`) on a sample of the points, brings the best to the data by Levenberg-Marquardt, replaces
fitted numbers by exact ones (`physym.symbolic.fitting`) and keeps the shortest descriptions (`physym.symbolic.pool`):

    y    = c Π x^e Π S^p                     `physym.symbolic.factors`,
    z(y) = Σ c u f / (1 + Σ d v)             `physym.symbolic.terms`, z = y, y², 1/y, √y, sin y, exp y, ...,
    y - c u = either of them                 for simple terms c u.

The search ends when a law explains the target to rounding, when what it leaves has no correlation with any part of the
library, or when time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from physym.symbolic.factors import match_factors, match_power_laws, match_scanned
from physym.symbolic.pool import Finished, Pool
from physym.symbolic.problem import Found, Problem
from physym.symbolic.space import Space
from physym.symbolic.symmetries import reduced
from physym.symbolic.targets import divided, inverse_functions, peeled, powers
from physym.symbolic.terms import match_terms

__all__ = ["Report", "search"]

Report = Callable[[Sequence[Found], int], None]
Stage = Callable[[], None]

# what is over of the time after the simple stages, those with fewer variables, and the hard ones with these
_SHARES, _LOOKING = (0.3, 0.5, 0.7), 0.15
_PLAIN = (Fraction(1),)
_POWERS = tuple(Fraction(q) for q in ("2", "-1", "-2", "1/2", "-1/2"))


def _simple(space: Space, pool: Pool) -> Iterator[Stage]:
    """The stages that are cheap and find most."""
    yield lambda: match_power_laws(space, pool)
    if not len(space.basis):
        return
    (plain,) = powers(space.target, _PLAIN)
    yield lambda: _collect(space, pool, 1500)
    yield lambda: match_factors(space, pool, plain, space.library.elements, pairs=False)
    yield lambda: match_terms(space, pool, plain, wide=8000, narrow=2000)
    yield lambda: match_factors(space, pool, plain, space.library.elements, third=True)
    yield lambda: match_scanned(space, pool, plain)


def _hard(space: Space, pool: Pool) -> Iterator[Stage]:
    """The stages that look under functions, beside terms and below the line."""
    if not len(space.basis):
        return
    (plain,) = powers(space.target, _PLAIN)

    def stop() -> None:
        pool.stop_if_explained(space.witnesses(), space.smooth(pool.columns))

    yield lambda: _collect(space, pool, 8000)
    yield lambda: match_factors(space, pool, plain, space.library.elements, third=True)
    yield stop
    beside = peeled(space)
    for view, _ in beside[:24]:
        yield lambda view=view: match_factors(space, pool, view, space.library.elements[:1000], most=8)
    inverses = list(inverse_functions(space.target)) if space.dimensionless_target else []
    for view in inverses:
        yield lambda view=view: match_factors(space, pool, view, space.library.elements[:2000], most=60)
    for view in (*powers(space.target, _POWERS), *inverses):
        yield lambda view=view: match_terms(space, pool, view, wide=8000, narrow=1500)
    yield stop
    for _, square in beside[:24]:
        if square is not None:
            yield lambda square=square: match_terms(space, pool, square, wide=1500, narrow=120, most=40)
    for view in divided(space, 10):
        yield lambda view=view: match_terms(space, pool, view, wide=8000, narrow=120, most=60)
    yield lambda: match_terms(space, pool, plain, wide=2500, narrow=250, rational=True)
    yield lambda: match_terms(space, pool, plain, wide=30000, narrow=1500)
    yield stop
    for count, (view, square) in enumerate(beside[24:]):
        yield lambda view=view: match_factors(space, pool, view, space.library.elements[:1000], most=8)
        if square is not None:
            yield lambda square=square: match_terms(space, pool, square, wide=1500, narrow=120, most=40)
        if count % 24 == 23:
            yield stop


def _collect(space: Space, pool: Pool, most: int) -> None:
    before = 0 if space.library is None else space.library.formed
    space.collect(most)
    pool.evaluations += space.library.formed - before


def search(
    problem: Problem, *, time_limit: float = 60.0, seed: int = 0, report: Report = lambda _front, _evaluations: None
) -> list[Found]:
    """Look for the law of a table.

    Args:
        problem: typed columns and target; some product of the variables has the units of the target.
        time_limit: seconds.
        seed: of the selections of points.
        report: told the laws so far, and how many hypotheses were scored, whenever a stage found a shorter one.

    Returns:
        Laws, shortest description first.
    """
    import sympy

    start = time.monotonic()
    fewer = reduced(problem, seed, until=start + _LOOKING * time_limit)
    table = problem if fewer is None else fewer.problem
    # what is known of the variables lets SymPy write √x² as x
    symbols: list[sympy.Expr] = [
        sympy.Symbol(name, **({"positive": True} if np.all(problem.values[name] > 0) else {"real": True}))
        for name in problem.names
    ]
    for i, j, sign in () if fewer is None else fewer.pairs:
        symbols.append(symbols[i] + sign * symbols[j])
    pool = Pool(table, time_limit - (time.monotonic() - start), seed, symbols)
    whole = Space(table, pool.sample, pool.y, range(len(problem.names)))
    parts = [(_simple(whole, pool), 1.0), (_hard(whole, pool), 1.0)]
    if fewer is not None:
        small = Space(table, pool.sample, pool.y, fewer.active)
        shares = zip((_simple(whole, pool), _simple(small, pool), _hard(small, pool)), _SHARES, strict=True)
        parts = [*shares, (_hard(whole, pool), 1.0)]
    for stages, share in parts:
        pool.share_time(share)
        for stage in stages:
            before = pool.shortest
            try:
                stage()
            except Finished:
                break
            if pool.shortest < before:
                report(pool.front(8), pool.evaluations)
        if pool.finished():
            break
    return pool.front()
