"""Laws with one number of any size inside of a function: y = c Π x^a g(κ u)^p.

Where units are unknown, so is the size of what stands inside of exp or 1 + ..., and the search, which starts from
simple numbers, may not come near enough to fit it. Here κ runs over a fine grid for every function g and every simple
product u of the columns. For each, log y is linear in log c, a and p; the residual of all is found from one projection,

    |r_y|² - (r_g·r_y)²/|r_g|²,  r = what the logarithms of the columns leave,

weighted by y if its error is the same at all points, and alike if its relative error is; both are tried. The best are
refined in κ, their exponents replaced by the nearest fractions, and then fitted as all laws are
(`physym.symbolic.pool`).
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from physym.symbolic.library import ONE, power, product
from physym.symbolic.numbers import Exact, snap_exponent
from physym.symbolic.pool import Finished, Pool
from physym.symbolic.problem import Found, Problem
from physym.symbolic.tree import Apply, Node, Number, Sum, fused

__all__ = ["match_scaled"]

_KAPPA = np.geomspace(0.005, 500.0, 231)
_REACH, _PRODUCTS = 3, 80
_ROWS, _REFINED, _STEPS, _FITTED = 250, 120, 8, 60
_STEEPEST = 12.0
_ROUNDS = ((0.05, False), (0.0, False), (0.0, True))
_MINUS = Number(-1.0, Exact(Fraction(-1)))

Part = Callable[[Node], Node]


def _one_and(sign: Number, name: str) -> tuple[Callable[[np.ndarray], np.ndarray], Part]:
    function = {"exp": np.exp, "": np.asarray}[name]

    def node(argument: Node) -> Node:
        return Sum((ONE, fused(sign, Apply(name, argument) if name else argument)))

    return (lambda z: 1 + sign.value * function(z)), node


def _applied(name: str, function: Callable[[np.ndarray], np.ndarray]) -> tuple[Callable, Part]:
    return function, lambda argument: Apply(name, argument)


# how each is evaluated and how it is written
_FUNCTIONS: tuple[tuple[Callable[[np.ndarray], np.ndarray], Part], ...] = (
    _one_and(_MINUS, "exp"),
    _one_and(ONE, "exp"),
    _one_and(ONE, ""),
    _one_and(_MINUS, ""),
    _applied("tanh", np.tanh),
    _applied("sinh", np.sinh),
    _applied("cosh", np.cosh),
    _applied("sin", np.sin),
    _applied("cos", np.cos),
    _applied("atan", np.arctan),
    (np.log1p, lambda argument: Apply("log", Sum((ONE, argument)))),
)


def match_scaled(problem: Problem, *, time_limit: float, seed: int) -> tuple[list[Found], int]:
    """The laws of this shape that fit best, the shortest first, and how many hypotheses were scored.

    Args:
        problem: its units are not looked at; rows where a column is 0 are left out of the scan.
        time_limit: seconds.
        seed: of the points on which hypotheses are scored.
    """
    pool = Pool(problem, time_limit, seed)
    scans = [_Scan(pool, share, relative) for share, relative in _ROUNDS]
    with contextlib.suppress(Finished), np.errstate(all="ignore"):
        for scan in scans:
            pool.consider(scan.nodes(), most=_FITTED)
    return pool.front(60), pool.evaluations + sum(scan.scored for scan in scans)


class _Scan:
    """The residuals of all hypotheses on the sample of a pool.

    Args:
        pool: gives the sample.
        share: of the largest |y|, below which rows are left out: there noise can hide the law.
        relative: whether the error of y is taken to be proportional to y.
    """

    def __init__(self, pool: Pool, share: float, relative: bool) -> None:
        self.deadline, self.scored = pool.deadline, 0
        # where y is 0 or of the other sign than most, its logarithm says nothing
        self.sign = float(np.sign(np.sum(pool.y))) or 1.0
        least = share * float(np.abs(pool.y).max())
        known = (pool.y * self.sign > 0) & (np.abs(pool.y) >= least) & np.isfinite(pool.sample.logs).all(axis=0)
        rows = np.flatnonzero(known)[:_ROWS]
        y = np.abs(pool.y[rows])
        self.columns = pool.sample.at(rows)
        self.weight = np.ones_like(y) if relative else y / np.sqrt(np.mean(pool.y**2))
        self.base = np.stack([np.ones_like(y), *self.columns.logs])
        self.q = np.linalg.qr((self.base * self.weight).T)[0]
        self.log_y = np.log(y) * self.weight
        self.r_y = self.log_y - self.q @ (self.q.T @ self.log_y)

    def _products(self) -> np.ndarray:
        """Exponents of the simplest products, (products, variables)."""
        count = len(self.columns.values)
        every = itertools.product(range(-2, 3), repeat=min(count, 6))
        rows = [row for row in every if 0 < sum(map(abs, row)) <= _REACH]
        rows.sort(key=lambda row: (sum(map(abs, row)), sum(e < 0 for e in row)))
        return np.pad(np.array(rows[:_PRODUCTS]), ((0, 0), (0, count - min(count, 6))))

    def _errors(self, values: np.ndarray) -> np.ndarray:
        """The residual with each g (hypotheses, points), infinite where g is not defined or changes its sign."""
        with np.errstate(all="ignore"):
            fine = np.isfinite(values).all(axis=1) & ((values > 0).all(axis=1) | (values < 0).all(axis=1))
            logs = np.where(fine[:, None], np.log(np.abs(values)), 0.0) * self.weight
        left = logs - (logs @ self.q) @ self.q.T
        size = np.einsum("ij,ij->i", left, left)
        whole = float(self.r_y @ self.r_y)
        gain = np.divide((left @ self.r_y) ** 2, size, out=np.zeros_like(size), where=size > 1e-12 * len(self.r_y))
        self.scored += len(values)
        return np.where(fine, whole - gain, np.inf)

    def nodes(self) -> Iterator[Node]:
        """The best hypotheses, as expressions."""
        if len(self.weight) <= len(self.base) + 2:
            return
        # a product alone comes first: with a function of a number near 0 it would fit as well
        yield self._written(self._products_only(), ONE)
        best: list[tuple[float, int, int, float, np.ndarray]] = []
        count = itertools.count()
        for row in self._products():
            if time.monotonic() > self.deadline:
                break
            u = self.columns.monomial(row)
            kappas = _KAPPA / np.exp(np.mean(np.log(np.abs(u))))
            for place, (function, _) in enumerate(_FUNCTIONS):
                with np.errstate(all="ignore"):
                    errors = self._errors(function(kappas[:, None] * u))
                k = int(np.argmin(errors))
                if np.isfinite(errors[k]):
                    best.append((float(errors[k]), next(count), place, float(kappas[k]), row))
            # exp(κ u) is linear in κ
            powers, kappa = self._solved(u)
            self.scored += 1
            if np.abs(powers[1:]).max() <= _STEEPEST:
                yield self._written(powers, Apply("exp", fused(Number(kappa), product(row))))
        for _, _, place, kappa, row in heapq.nsmallest(_REFINED, best):
            if time.monotonic() > self.deadline:
                break
            function, part = _FUNCTIONS[place]
            u = self.columns.monomial(row)
            kappa = self._refined(function, u, kappa)
            powers, exponent = self._solved(np.log(np.abs(function(kappa * u))))
            p, _ = snap_exponent(exponent)
            if p and max(abs(exponent), np.abs(powers[1:]).max()) <= _STEEPEST:
                yield self._written(powers, power(part(fused(Number(kappa), product(row))), p))

    def _products_only(self) -> np.ndarray:
        """The logarithm of c and the exponents of the columns, without a function."""
        self.scored += 1
        return np.linalg.lstsq((self.base * self.weight).T, self.log_y, rcond=None)[0]

    def _solved(self, column: np.ndarray) -> tuple[np.ndarray, float]:
        """The logarithm of c and the exponents of the columns, and what stands before the column given."""
        design = np.stack([*self.base, column]) * self.weight
        found = np.linalg.lstsq(design.T, self.log_y, rcond=None)[0]
        return found[:-1], float(found[-1])

    def _written(self, powers: np.ndarray, part: Node) -> Node:
        size, *others = powers
        exact = [float(snap_exponent(float(e))[0]) for e in others]
        return fused(Number(self.sign * float(np.exp(np.clip(size, -300, 300)))), product(np.array(exact)), part)

    def _refined(self, function: Callable[[np.ndarray], np.ndarray], u: np.ndarray, kappa: float) -> float:
        """κ at the least residual between the neighbours on the grid, by ever finer grids."""
        reach = float(np.log(_KAPPA[1] / _KAPPA[0]))
        for _ in range(_STEPS):
            tried = kappa * np.exp(reach * np.linspace(-1, 1, 9))
            with np.errstate(all="ignore"):
                kappa = float(tried[np.argmin(self._errors(function(tried[:, None] * u)))])
            reach /= 3
        return kappa
