"""The space of laws of one table: products with the units of the target, and the library of functions, on a sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.special import eval_legendre

from physym.symbolic.library import Element, Library, power, product
from physym.symbolic.monomials import lattice_basis, lawful_product, named
from physym.symbolic.problem import Problem
from physym.symbolic.tree import Apply, Columns, Node, Sum, fused

__all__ = ["Space", "Term", "Terms"]

_HALF, _TWO = Fraction(1, 2), Fraction(2)
# powers of elements in a term, with their price; the first power of a sum is two terms
_OF_SUMS = ((Fraction(-1), 1.5), (_HALF, 1.5), (-_HALF, 2.5), (-_TWO, 3.5), (_TWO, 3.5))
_OF_WAVES = ((Fraction(1), 0.0), (_TWO, 2.0), (Fraction(-1), 3.0))
_OF_OTHERS = ((Fraction(1), 0.0),)
# products from the first to the second of these go with as many elements as the third
_REACH = ((0, 12, 2500), (12, 60, 400), (60, 160, 60))
_PRODUCTS, _ROOTS = 260, 24
_SMOOTH = 500


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a sum: its exponents, and a function of the library to a power."""

    exponents: np.ndarray
    element: Element | None = None
    power: Fraction = Fraction(1)

    def node(self) -> Node:
        """As an expression, without a coefficient."""
        parts: list[Node] = [product(self.exponents)]
        if self.element is not None:
            parts.append(power(self.element.node, self.power))
        return fused(*parts)


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms, their values on the sample (terms, points), and what each costs, in bits."""

    terms: list[Term]
    values: np.ndarray
    costs: np.ndarray


class Space:
    """Lawful products and functions of the active variables.

    Attributes:
        sample: the variables on the sample.
        basis: of the exponents of dimensionless products, (groups, variables).
        shortest: exponents of a short product with the units of the target.
        centers: exponents around which products with these units are looked for: that one, and the nearest power law.
        library: products and functions on the sample; None before the first `collect`.
        bits: of the functions.
    """

    def __init__(self, problem: Problem, sample: Columns, target: np.ndarray, active: Sequence[int]) -> None:
        self.sample, self.target, self.variables = sample, target, len(problem.names)
        places = np.array(active)
        self.dimensionless_target = not np.any(problem.target_exponents)
        basis = lattice_basis(problem.exponents[:, places])
        self.basis = np.zeros((len(basis), self.variables), dtype=basis.dtype)
        self.basis[:, places] = basis
        shortest = lawful_product(problem.exponents[:, places], problem.target_exponents)
        if shortest is None:
            raise ValueError("expected variables whose products reach the units of the target, given others")
        self.shortest = np.zeros(self.variables)
        self.shortest[places] = shortest
        self.centers = [self.shortest]
        self.library: Library | None = None
        groups = self.power_law(target)
        if groups is not None and np.any(np.round(groups)):
            self.centers.append(self.shortest + np.round(groups) @ self.basis)

    def collect(self, most: int) -> None:
        """Make the library, or let it grow to as many elements."""
        if self.library is None:
            self.library = Library(self.sample, self.basis)
        self.library.grow(most)
        elements = self.library.elements
        self._values = np.array([element.value for element in elements]).reshape(-1, self.sample.points)
        self.bits = np.array([element.bits for element in elements])
        lawful: dict[Fraction, list[tuple[int, float]]] = {}
        for place, element in enumerate(elements):
            for exponent, price in _powers(element.node):
                lawful.setdefault(exponent, []).append((place, price))
        self._powers = {exponent: np.array(rows) for exponent, rows in lawful.items()}

    def logarithms(self, target: np.ndarray, weights: np.ndarray | float = 1.0) -> tuple[np.ndarray, ...]:
        """What laws that are products are linear in.

        Args:
            target: with the units of the target, (points,).
            weights: of residuals of the target, (points,).

        Returns:
            log |target / product|, the weights of its residuals, and the logarithms of 1 and of the groups in rows.
        """
        size = float(np.sqrt(np.mean(target**2)))
        weights = np.minimum(np.abs(target) / size, 4.0) * weights
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.abs(target) + 1e-12 * size) - np.log(np.abs(self.sample.monomial(self.shortest)))
            base = np.concatenate([np.ones((1, self.sample.points)), self.basis @ self.sample.logs])
        return logs, weights, base

    def power_law(self, target: np.ndarray) -> np.ndarray | None:
        """Exponents of the groups in the power law nearest to a target; None where it or a variable is zero."""
        logs, weights, base = self.logarithms(target)
        if not len(self.basis) or not np.isfinite(logs).all() or not np.isfinite(base).all():
            return None
        found, *_ = np.linalg.lstsq((base * weights).T, logs * weights, rcond=1e-10)
        return found[1:]

    def terms(self, degree: Fraction, most: int) -> Terms:
        """The cheapest terms with the units of the target to a power."""
        rows, values, costs = self._monomials(degree)
        chosen = self._with_elements(costs, most - len(rows))
        terms = [Term(row) for row in rows]
        if not len(chosen):
            return Terms(terms, values, costs)
        a, b, exponents = chosen[:, 1].astype(int), chosen[:, 2].astype(int), chosen[:, 3]
        block = np.empty((len(chosen), self.sample.points))
        with np.errstate(all="ignore"):
            for exponent in np.unique(exponents):
                which = np.flatnonzero(exponents == exponent)
                raised = self._values[b[which]]
                block[which] = values[a[which]] * (raised if exponent == 1 else raised**exponent)
        fine = np.flatnonzero(np.isfinite(block).all(axis=1))
        terms += [Term(rows[a[k]], self.library.elements[b[k]], Fraction(float(exponents[k]))) for k in fine]
        values, costs = np.concatenate([values, block[fine]]), np.concatenate([costs, chosen[fine, 0]])
        order = np.argsort(costs, kind="stable")
        return Terms([terms[k] for k in order], values[order], costs[order])

    def _monomials(self, degree: Fraction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Exponents of products with the units of the target to a power, their values and costs, cheapest first."""
        library = self.library
        steps = np.concatenate([library.products[:_PRODUCTS], library.roots[:_ROOTS]])
        prices = np.concatenate([library.costs[:_PRODUCTS], library.root_costs[:_ROOTS]])
        known: dict[tuple[float, ...], float] = {}
        for center in self.centers if degree else [np.zeros(self.variables)]:
            for row, price in zip(float(degree) * center + steps, prices, strict=True):
                key = tuple(row.tolist())
                known[key] = min(price, known.get(key, math.inf))
        rows = np.array(list(known))
        # what all terms share costs nothing: the distance from a centre counts, or the length beyond the shortest
        own = named(rows, self.variables)
        costs = np.minimum(np.array(list(known.values())), own - own.min())
        values = np.array([self.sample.monomial(row) for row in rows])
        good = np.flatnonzero(np.isfinite(values).all(axis=1))
        order = good[np.argsort(costs[good], kind="stable")]
        return rows[order], values[order], costs[order]

    def _with_elements(self, costs: np.ndarray, most: int) -> np.ndarray:
        """Products times powers of elements, cheapest first: (cost, product, element, power) in rows.

        Simple products go with many functions, and many products with simple functions.
        """
        parts = [np.zeros((0, 4))]
        for exponent, group in self._powers.items():
            for first, last, reach in _REACH:
                which = group[group[:, 0] < reach]
                a = np.arange(first, min(last, len(costs)))
                b = which[:, 0].astype(int)
                cost = costs[a][:, None] + (self.bits[b] + which[:, 1])[None]
                grid = np.broadcast_arrays(cost, a[:, None], b[None], float(exponent))
                parts.append(np.stack([part.ravel() for part in grid], axis=1))
        everything = np.concatenate(parts)
        return everything[np.argsort(everything[:, 0], kind="stable")[: max(most, 0)]]

    def witnesses(self) -> Iterator[Node]:
        """Terms that would find something in the residual of a law that is not whole."""
        center = product(self.centers[-1])
        for row in self.library.products[:150]:
            yield fused(center, product(row))
        for element in self.library.elements[:300]:
            yield fused(center, element.node)

    def smooth(self, columns: Columns) -> np.ndarray:
        """Smooth functions of all groups that know no law: products of Legendre polynomials, (functions, points).

        The groups are first replaced by their ranks, so that they are uniform in [-1, 1].
        """
        groups = np.array([columns.monomial(row) for row in self.basis])
        ranks = np.argsort(np.argsort(groups, axis=1), axis=1) * (2.0 / max(columns.points - 1, 1)) - 1
        most = min(_SMOOTH, columns.points // 8)
        degree = 1
        while degree < 30 and math.comb(len(groups) + degree + 1, degree + 1) <= most:
            degree += 1
        table = np.stack([eval_legendre(n, ranks) for n in range(degree + 1)])
        rows = [np.ones(columns.points)]
        degrees = [0]
        for group in range(len(groups)):
            grown = [(row * table[n, group], d + n) for row, d in zip(rows, degrees, strict=True)
                     for n in range(degree + 1 - d)]  # fmt: skip
            rows, degrees = [row for row, _ in grown], [d for _, d in grown]
        center = columns.monomial(self.centers[-1])
        center = center / np.sqrt(np.mean(center**2))
        found = np.array(rows) * center
        # groups do not tell x from -x where all variables change sign
        return np.concatenate([found, np.array(rows) * np.abs(center)]) if np.any(center < 0) else found


def _powers(node: Node) -> tuple[tuple[Fraction, float], ...]:
    if isinstance(node, Sum):
        return _OF_SUMS
    return _OF_WAVES if isinstance(node, Apply) and node.name in ("sin", "cos") else _OF_OTHERS
