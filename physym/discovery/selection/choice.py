"""How many columns of a linear law the rows need, and which.

Of the best subsets of each size (`subsets`) the smallest is taken whose held-out error is within a standard error of
the least (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3), where subsets are chosen anew
without the held-out groups; then the size falls further until every coefficient is significant. Stability is the share
of random halves of the groups in which a term is chosen again (Meinshausen and Bühlmann, J. R. Stat. Soc. B 72, 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physym.discovery.selection.problem import Fit, Problem, solve, triangle
from physym.discovery.selection.subsets import best_subsets, independent, scaled_columns, square
from simulators.errors import InputError

__all__ = ["Selection", "Step", "select", "widest"]

_FOLDS = 10


@dataclass(frozen=True)
class Step:
    """The best subset of one size.

    Attributes:
        support: numbers of its columns.
        residual: root mean square of A c - b over all rows.
        held_out: the same over groups that were not used to choose and to fit; NaN without several groups.
        error: standard error of the difference of mean squares to the best size; NaN likewise.
    """

    support: tuple[int, ...]
    residual: float
    held_out: float
    error: float


@dataclass(frozen=True)
class Selection:
    """The chosen terms.

    Attributes:
        fit: of the chosen terms to all rows.
        path: the best subset of every size from that of the forced terms on.
        stability: of each column (n,), the share of random halves of the groups in which it is chosen among as many.
    """

    fit: Fit
    path: tuple[Step, ...]
    stability: np.ndarray

    @property
    def support(self) -> tuple[int, ...]:
        """The numbers of the chosen columns."""
        return self.fit.support

    @property
    def place(self) -> int:
        """Which step of the path they are."""
        return next(n for n, step in enumerate(self.path) if step.support == self.support)


def select(
    problem: Problem,
    *,
    forced: Sequence[int] = (),
    most: int | None = None,
    least: float = 0.0,
    tolerance: float = 1.0,
    floor: float = 0.0,
    significant: float = 4.0,
    halves: int = 20,
    seed: int = 0,
) -> Selection:
    """Choose the columns that the rows need.

    Args:
        problem: the rows.
        forced: columns that are always in.
        most: the most columns to choose; 20 by default.
        least: a further column must lower the held-out root mean square by this share at least. It guards against terms
            that only make up for errors which the rows share, such as that of a quadrature.
        tolerance: how many standard errors above the least held-out error count as no worse.
        floor: root mean squares below it count as equal: the rounding, or the error of a quadrature.
        significant: how many of its standard errors a coefficient is at least; chance gives the best of many candidates
            three.
        halves: how many random halves of the groups to choose again in.
        seed: of folds and halves.

    Raises:
        InputError: if there are no more rows than columns could be chosen.
    """
    n, rows = problem.columns, int(problem.counts.sum())
    most = min(n, 20 if most is None else max(most, len(forced)))
    if rows <= len(forced) + 1:
        raise InputError(f"expected more rows than terms, given {rows} rows for {n} candidate terms; give more data")
    most = min(most, rows - 1)
    rng = np.random.default_rng(seed)
    whole = problem.whole()
    path = best_subsets(whole, forced, most)
    residuals = np.sqrt([square(whole, list(support)) / rows for support in path])
    groups = len(problem.counts)
    if groups >= 3:
        held = _held_out(problem, forced, most, len(path), rng)
        size, curve, error = _smallest(np.maximum(held, floor**2), problem.counts, least, tolerance)
    else:
        # too few to hold any out: the information criterion of Schwarz (1978)
        sizes = np.array([len(support) for support in path])
        criterion = rows * np.log(np.maximum(residuals**2, max(floor**2, 1e-300))) + sizes * np.log(rows)
        size, curve = int(np.argmin(criterion)), np.full(len(path), np.nan)
        error = curve
    while len(path[size]) > len(forced):
        fit = Fit.of(problem, path[size])
        free = [j for j in fit.support if j not in forced]
        if np.all(np.abs(fit.coefficients[free]) >= significant * fit.errors[free]) or fit.residual <= floor:
            break
        size -= 1
    chosen = np.zeros(n)
    times = halves if groups >= 4 else 0
    for _ in range(times):
        part = problem.only(rng.permutation(groups)[: groups // 2])
        again = best_subsets(part.whole(), forced, len(path[size]))
        chosen[list(again[-1])] += 1 / times
    steps = zip(path, residuals.tolist(), curve.tolist(), error.tolist(), strict=True)
    return Selection(Fit.of(problem, path[size]), tuple(Step(*step) for step in steps), chosen)


def widest(problem: Problem) -> Fit:
    """The fit with all columns that do not depend on each other; with the best of them where rows are few."""
    rows = int(problem.counts.sum())
    if rows > 5 * problem.columns:
        return Fit.of(problem, independent(scaled_columns(problem.whole()), ()))
    return select(problem, halves=0, most=max(1, rows // 5)).fit


def _held_out(problem: Problem, forced: Sequence[int], most: int, sizes: int, rng: np.random.Generator) -> np.ndarray:
    """The mean square of every group at every size (size, group) when it was held out."""
    groups = len(problem.counts)
    folds = np.array_split(rng.permutation(groups), min(_FOLDS, groups))
    held = np.zeros((sizes, groups))
    parts = np.stack([problem.only(fold).whole() for fold in folds])
    for place, fold in enumerate(folds):
        rest = triangle(np.delete(parts, place, axis=0).reshape(-1, parts.shape[-1]))
        path = best_subsets(rest, forced, most)
        for size in range(sizes):
            support = path[min(size, len(path) - 1)]
            coefficients = np.zeros(problem.columns)
            coefficients[list(support)] = solve(rest, list(support))
            held[size, fold] = problem.only(fold).errors(coefficients)
    return held


def _smallest(
    held: np.ndarray, counts: np.ndarray, least: float, tolerance: float
) -> tuple[int, np.ndarray, np.ndarray]:
    """The place of the smallest size that is no worse than the best, the held-out curve and its standard errors."""
    share = counts / counts.sum()
    mean = held @ share
    best = int(np.argmin(mean))
    apart = (held - held[best]) * (share * len(share))
    error = np.std(apart, axis=1, ddof=1) / np.sqrt(held.shape[1])
    worse = (mean - mean[best] > tolerance * error) & (mean > mean[best] / (1 - least) ** 2)
    return int(np.argmin(worse)), np.sqrt(mean), error
