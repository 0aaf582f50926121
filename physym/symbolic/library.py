"""The parts that laws are made of: lawful products of powers, and dimensionless functions of them.

Every dimensionless law is Y = F(u₁, u₂, ...) of dimensionless products u. The library holds, evaluated once on a sample
of the points and simplest first,

    products     u = Π x^e,
    elements     f(κ u), f(κ u ± κ' u'), 1 + κ u, 1 + κ f(κ' u), 1 + κ u f(κ' u'), 1 + κ u + κ' u', ...

with numbers κ from a coarse grid, which are fitted later. What is formed has the right units, since it is formed of
dimensionless products alone; elements that are equal on all points are kept once.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from physym.symbolic.monomials import shortest
from physym.symbolic.numbers import Exact, exact_near
from physym.symbolic.tree import (
    PARTS,
    Apply,
    Columns,
    Monomial,
    Node,
    Number,
    Power,
    Product,
    Sum,
    bits,
    evaluate,
    free,
    fused,
    substitute,
)

__all__ = ["ONE", "Element", "Library", "constant", "power", "product"]

ONE = Number(1.0, Exact(Fraction(1)))
_HALF = Fraction(1, 2)
_SCALES = (1.0, 2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, 1.5, 2 / 3)
# numbers of any size inside of a function: a grid near enough for the fit to go on from
_DECADES, _SCANNED, _SCAN_BITS = np.geomspace(0.02, 50.0, 45), 108, 18.0
_ANGULAR = (1.0, 2.0, 0.5, math.pi, 2 * math.pi, 0.5 / math.pi, 3.0, math.pi / 2)


def constant(value: float) -> Node:
    """A number to be fitted, or 1 exactly."""
    return ONE if value == 1 else Number(float(value))


def power(node: Node, exponent: Fraction | int) -> Node:
    """A power, unless it is the first."""
    exponent = Fraction(exponent)
    if exponent == 1:
        return node
    if isinstance(node, Monomial) and all((part * exponent).denominator == 1 for part in node.parts):
        return Monomial(tuple(int(part * exponent) for part in node.parts))
    if isinstance(node, Power):
        return power(node.base, node.exponent * exponent)
    return Power(node, exponent)


def product(exponents: np.ndarray) -> Monomial:
    """The product of powers with these exponents, to 240ths."""
    return Monomial(tuple(np.round(np.asarray(exponents) * PARTS).astype(int).tolist()))


@dataclass(frozen=True, slots=True)
class Element:
    """A dimensionless expression on the sample of points.

    Attributes:
        node: the expression.
        value: on each point of the sample.
        bits: what it costs to name.
    """

    node: Node
    value: np.ndarray
    bits: float


@functools.cache
def _exact(value: float) -> Number:
    return Number(value, next(iter(exact_near(value, 1e-9)), None))


def _cost(node: Node, variables: int, names: Mapping[Monomial, float]) -> float:
    """Bits to name an element if its numbers are what they start from."""
    return bits(substitute(node, [_exact(number.value) for number in free(node)]), variables, names)


class Library:
    """Products and elements on a sample of the points.

    Attributes:
        columns: the variables on the sample.
        products: exponents of dimensionless products, 1 first, then the simplest, (products, variables).
        values: of the products, (products, points).
        costs: bits to name each product.
        elements: functions, simplest first, as many as `grow` has made.
        formed: how many expressions were evaluated.
    """

    def __init__(self, columns: Columns, basis: np.ndarray) -> None:
        self.columns, self.variables = columns, len(columns.values)
        self.products, self.costs = shortest(basis, 600)
        self.values = np.array([columns.monomial(row) for row in self.products])
        fine = np.isfinite(self.values).all(axis=1) & (np.abs(self.values) > 1e-200).all(axis=1)
        self.products, self.values, self.costs = self.products[fine], self.values[fine], self.costs[fine]
        names = {product(row): float(cost) for row, cost in zip(self.products, self.costs, strict=True)}
        self.formed = len(self.products)
        roots, costs = shortest(basis, 60)
        halves = (roots / 2 % 1 != 0).any(axis=1)
        self.roots, self.root_costs = roots[halves] / 2, costs[halves] + 2.5
        names |= {product(row): float(cost) for row, cost in zip(self.roots, self.root_costs, strict=True)}
        priced = [(_cost(node, self.variables, names), node) for node in self._candidates()]
        self._waiting = iter(sorted(priced, key=lambda item: item[0]))
        self._seen: set[bytes] = set()
        self.elements: list[Element] = []

    def scanned(self) -> list[list[Element]]:
        """Functions with numbers of any size inside: for each function of each simple product, κ over four decades."""
        found = []
        for row, value in zip(self.products[1:], self.values[1:], strict=True):
            if len(found) >= _SCANNED:
                break
            family: dict[int, list[Element]] = {}
            for kappa in _DECADES / float(np.exp(np.mean(np.log(np.abs(value))))):
                u, minus = fused(Number(kappa), product(row)), fused(Number(-kappa), product(row))
                nodes = [Sum((ONE, u)), Sum((ONE, minus)), Apply("cos", u), Apply("sin", u), Apply("tanh", u)]
                for sign, inner in itertools.product((-1.0, 1.0), (u, minus)):
                    nodes.append(Sum((ONE, fused(Number(sign), Apply("exp", inner)))))
                for place, node in enumerate(nodes):
                    element = Element(node, evaluate(node, self.columns), _SCAN_BITS)
                    if np.isfinite(element.value).all():
                        family.setdefault(place, []).append(element)
                self.formed += len(nodes)
            found += family.values()
        return found

    def grow(self, most: int) -> None:
        """Evaluate further elements, simplest first, until there are `most`: those that are finite, and new."""
        while len(self.elements) < most:
            cost, node = next(self._waiting, (0.0, None))
            if node is None:
                return
            value = evaluate(node, self.columns)
            self.formed += 1
            if not np.isfinite(value).all():
                continue
            size = np.abs(value).max()
            if size > 1e30 or np.ptp(value) <= 1e-9 * size:
                continue
            key = np.round(value[:24] / np.sqrt(np.mean(value**2)), 7).astype(np.float32).tobytes()
            if key not in self._seen:
                self._seen.add(key)
                self.elements.append(Element(node, value, cost))

    def _arguments(self, count: int) -> list[np.ndarray]:
        """Products that an element takes as argument: one of u and 1/u only if both are simple."""
        return [row for row in self.products[1:] if np.abs(row).sum() > 0][:count]

    def _candidates(self) -> Iterator[Node]:
        """The families of elements, each with a bound, so that none crowds out the others."""
        for family, most in self._families():
            yield from itertools.islice(family, most)

    def _families(self) -> Iterator[tuple[Iterator[Node], int]]:
        wide = [product(row) for row in self._arguments(80)]
        middle, narrow, few = wide[:32], wide[:16], wide[:8]
        halves = [product(row) for row in self.roots[:8]]
        yield self._sums(wide, halves), 1500
        yield self._functions(middle, narrow), 1200
        yield self._of_combinations(narrow), 1500
        yield self._shifted(middle, few), 900
        yield self._mixed(narrow, few), 2000
        yield self._three(narrow), 900
        yield self._nested(narrow, few), 900
        yield self._ratios(narrow), 500
        yield self._triangles(narrow, few), 400
        yield self._pairs(few), 300

    @staticmethod
    def _sums(wide: Sequence[Node], halves: Sequence[Node]) -> Iterator[Node]:
        for k, sign in itertools.product(_SCALES, (1, -1)):
            for u in wide if k in (1.0, 2.0, 0.5) else wide[:40]:
                yield Sum((ONE, fused(Number(sign * k), u)))
        for u, sign in itertools.product(halves, (1, -1)):
            yield Sum((ONE, fused(Number(float(sign)), u)))

    @staticmethod
    def _functions(middle: Sequence[Node], narrow: Sequence[Node]) -> Iterator[Node]:
        for k in _ANGULAR:
            for u in middle if k in (1.0, 0.5, 2.0) else narrow:
                yield Apply("sin", fused(Number(k), u))
                yield Apply("cos", fused(Number(k), u))
        for u in middle:
            for name, k in itertools.product(("exp", "tanh"), (1.0, -1.0, 0.5, -0.5)):
                if name == "exp" or k > 0:
                    yield Apply(name, fused(Number(k), u))
            for name in ("log", "asin", "acos", "atan", "tan", "sinh", "cosh"):
                yield Apply(name, fused(Number(1.0), u))

    @staticmethod
    def _of_combinations(narrow: Sequence[Node]) -> Iterator[Node]:
        for k in (1.0, 0.5, 2.0):
            for (u, v), sign in itertools.product(itertools.combinations(narrow, 2), (-1, 1)):
                inner = Sum((fused(Number(k), u), fused(Number(sign * k), v)))
                for name in ("cos", "sin") if k != 1 else ("cos", "sin", "exp", "tanh", "log"):
                    yield Apply(name, inner)

    @staticmethod
    def _shifted(middle: Sequence[Node], few: Sequence[Node]) -> Iterator[Node]:
        for k, sign in itertools.product((1.0, 0.5, 2.0, 1 / (2 * math.pi), 2 * math.pi), (1, -1)):
            for u in middle[:24]:
                if k <= 2:
                    yield Sum((ONE, fused(Number(-1.0), Apply("exp", fused(Number(sign * k), u)))))
                    yield Sum((ONE, fused(Number(1.0), Apply("exp", fused(Number(sign * k), u)))))
                yield Sum((ONE, fused(Number(float(sign)), Apply("cos", fused(Number(k), u)))))
                if k <= 2:
                    yield Sum((ONE, fused(Number(float(sign)), Apply("sin", fused(Number(k), u)))))
        for u, a, name in itertools.product(few, (2.0, -2.0, 0.5, -0.5), ("cos", "sin")):
            yield Sum((ONE, fused(Number(a), Apply(name, fused(Number(1.0), u)))))
        for u in middle[:24]:
            for k in (1 / (2 * math.pi), 2 * math.pi):
                yield Sum((ONE, fused(Number(-1.0), Apply("exp", fused(Number(k), u)))))
        for u, v in itertools.combinations(few, 2):
            yield Sum((ONE, fused(Number(1.0), Apply("cos", Sum((u, fused(Number(-1.0), v)))))))

    @staticmethod
    def _mixed(narrow: Sequence[Node], few: Sequence[Node]) -> Iterator[Node]:
        for k, name in itertools.product((1.0, -1.0), ("cos", "sin")):
            for u, v in itertools.product(narrow, few):
                if u != v:
                    yield Sum((ONE, fused(Number(k), u, Apply(name, fused(Number(1.0), v)))))
                    yield Sum((ONE, fused(Number(k), u, power(Apply(name, fused(Number(1.0), v)), 2))))
        for u, (v, w) in itertools.product(few, itertools.combinations(few, 2)):
            for k in (1.0, -1.0):
                yield Sum((ONE, fused(Number(k), u, Apply("cos", Sum((v, fused(Number(-1.0), w)))))))

    @staticmethod
    def _three(narrow: Sequence[Node]) -> Iterator[Node]:
        for a, b in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0), (-0.5, -0.5), (0.5, 0.5)):
            for u, v in itertools.combinations(narrow, 2):
                yield Sum((ONE, fused(Number(a), u), fused(Number(b), v)))

    @staticmethod
    def _nested(narrow: Sequence[Node], few: Sequence[Node]) -> Iterator[Node]:
        for u, k, sign in itertools.product(narrow, (1.0, 2.0), (1, -1)):
            root = power(Sum((ONE, fused(Number(sign * k), u))), _HALF)
            for a in (1.0, -1.0):
                yield Sum((ONE, fused(Number(a), root)))
                for v in few:
                    yield Sum((ONE, fused(Number(a), v, root)))
                    yield Sum((ONE, fused(Number(a), v, power(root, -1))))
                    yield Sum((ONE, fused(Number(a), v, power(root, -2))))

    @staticmethod
    def _ratios(narrow: Sequence[Node]) -> Iterator[Node]:
        for u in narrow:
            for a, b in itertools.permutations((1.0, -1.0, 2.0, -2.0, 0.5, -0.5), 2):
                over = power(Sum((ONE, fused(Number(b), u))), -1)
                yield fused(Sum((ONE, fused(Number(a), u))), over)

    @staticmethod
    def _triangles(narrow: Sequence[Node], few: Sequence[Node]) -> Iterator[Node]:
        for u, v in itertools.product(narrow, few):
            if u != v:
                for k in (-2.0, 2.0, -1.0, 1.0):
                    cosine = Apply("cos", fused(Number(1.0), v))
                    yield Sum((ONE, fused(Number(1.0), power(u, 2)), fused(Number(k), u, cosine)))

    @staticmethod
    def _pairs(few: Sequence[Node]) -> Iterator[Node]:
        for (u, v), first, second in itertools.product(
            itertools.permutations(few[:6], 2), ("sin", "cos"), ("sin", "cos")
        ):
            yield Product((Apply(first, fused(Number(1.0), u)), Apply(second, fused(Number(1.0), v))))
        for u, v in itertools.permutations(few, 2):
            for k, name in itertools.product((1.0, -1.0), ("cos", "sin")):
                yield Apply("exp", fused(Number(k), u, Apply(name, fused(Number(1.0), v))))
