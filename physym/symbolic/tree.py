"""Expressions as the search holds them: evaluated on whole columns, with derivatives by their fitted numbers.

    node = Monomial(e) = Π_j x_j^e_j | Number | Sum(nodes) | Product(nodes) | Power(node, p) | Apply(f, node)

A monomial is one node, because the search forms none whose units would not do.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from physym.symbolic.numbers import Exact, rational_bits

if TYPE_CHECKING:
    import sympy

__all__ = [
    "FUNCTIONS", "Apply", "Columns", "Monomial", "Node", "Number", "Power", "Product", "Sum", "bits",
    "compiled", "evaluate", "free", "fused", "substitute", "to_sympy",
]  # fmt: skip

_REMEMBERED = 4_000_000
# value and derivative by the argument, given argument and value
FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "sin": (np.sin, lambda x, _: np.cos(x)),
    "cos": (np.cos, lambda x, _: -np.sin(x)),
    "tan": (np.tan, lambda _, f: 1 + f**2),
    "exp": (np.exp, lambda _, f: f),
    "log": (np.log, lambda x, _: 1 / x),
    "tanh": (np.tanh, lambda _, f: 1 - f**2),
    "asin": (np.arcsin, lambda x, _: 1 / np.sqrt(1 - x**2)),
    "acos": (np.arccos, lambda x, _: -1 / np.sqrt(1 - x**2)),
    "atan": (np.arctan, lambda x, _: 1 / (1 + x**2)),
    "atanh": (np.arctanh, lambda x, _: 1 / (1 - x**2)),
    "sinh": (np.sinh, lambda x, _: np.cosh(x)),
    "cosh": (np.cosh, lambda x, _: np.sinh(x)),
}


class Node:
    """An expression."""

    __slots__ = ()


PARTS = 240


@dataclass(frozen=True, slots=True)
class Monomial(Node):
    """Π_j x_j^e_j, the exponents of all variables in their order, in 240ths: integers are quick to compare."""

    parts: tuple[int, ...]

    @property
    def exponents(self) -> tuple[Fraction, ...]:
        """The exponents."""
        return tuple(Fraction(part, PARTS) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number: fitted, unless it is known exactly."""

    value: float
    exact: Exact | None = None


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """A sum."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """A product."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Power(Node):
    """A rational power."""

    base: Node
    exponent: Fraction


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """A function of `FUNCTIONS`."""

    name: str
    argument: Node


class Columns:
    """The variables on some points: |x| as logarithms, and signs, so that a monomial is one product and one exp."""

    def __init__(self, values: Sequence[np.ndarray]) -> None:
        self.values = np.array(values, dtype=float)
        with np.errstate(divide="ignore"):
            self.logs = np.log(np.abs(self.values))
        self.negative = self.values < 0
        self.signed = self.negative.any(axis=1)
        self.points = self.values.shape[1]
        self._known: dict[tuple[int, ...], np.ndarray] = {}

    def at(self, chosen: np.ndarray | slice) -> Columns:
        """The same variables on some of the points."""
        return Columns(self.values[:, chosen])

    def known(self, monomial: Monomial) -> np.ndarray:
        """The value of a monomial, remembered."""
        found = self._known.get(monomial.parts)
        if found is None:
            if len(self._known) * self.points > _REMEMBERED:
                self._known.clear()
            found = self._known[monomial.parts] = self.monomial(np.array(monomial.parts) / PARTS)
        return found

    def monomial(self, powers: np.ndarray) -> np.ndarray:
        """Π_j x_j^e_j; NaN where a root of a negative number is asked for."""
        used = np.flatnonzero(powers)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            if len(used) == 1 and powers[used[0]] == 1:
                return self.values[used[0]]
            value = np.exp(powers[used] @ self.logs[used]) if len(used) else np.ones(self.points)
            for j in used[self.signed[used]]:
                if powers[j] % 1:
                    value = np.where(self.negative[j], np.nan, value)
                elif powers[j] % 2:
                    value = np.where(self.negative[j], -value, value)
        return value


def free(node: Node) -> list[Number]:
    """The fitted numbers of an expression, in the order in which `evaluate` and `substitute` count them."""
    return [number for number in _numbers(node) if number.exact is None]


def _numbers(node: Node) -> Iterator[Number]:
    if isinstance(node, Number):
        yield node
    for child in _children(node):
        yield from _numbers(child)


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Sum):
        return node.terms
    if isinstance(node, Product):
        return node.factors
    if isinstance(node, Power):
        return (node.base,)
    if isinstance(node, Apply):
        return (node.argument,)
    return ()


def substitute(node: Node, numbers: Sequence[Number]) -> Node:
    """The expression with its fitted numbers replaced, in order."""
    remaining = iter(numbers)

    def rebuilt(part: Node) -> Node:
        if isinstance(part, Number):
            return part if part.exact is not None else next(remaining)
        if isinstance(part, Sum):
            return Sum(tuple(rebuilt(child) for child in part.terms))
        if isinstance(part, Product):
            return Product(tuple(rebuilt(child) for child in part.factors))
        if isinstance(part, Power):
            return Power(rebuilt(part.base), part.exponent)
        if isinstance(part, Apply):
            return Apply(part.name, rebuilt(part.argument))
        return part

    return rebuilt(node)


Slopes = dict[int, np.ndarray | float]
Program = Callable[[np.ndarray], tuple[np.ndarray | float, Slopes]]


def _compiled(node: Node, columns: Columns, counter: Iterator[int], slopes: bool) -> Program:
    """A function of the fitted numbers that gives value and derivatives; what does not depend on them is found once."""
    if isinstance(node, Monomial):
        column = columns.known(node)
        return lambda _: (column, {})
    if isinstance(node, Number):
        if node.exact is not None:
            fixed = node.exact.value
            return lambda _: (fixed, {})
        index = next(counter)
        slope: Slopes = {index: 1.0} if slopes else {}
        return lambda theta: (float(theta[index]), slope)
    if isinstance(node, Sum | Product):
        parts = [_compiled(child, columns, counter, slopes) for child in _children(node)]
        return (_sum if isinstance(node, Sum) else _product)(parts)
    if isinstance(node, Power):
        return _raised(_compiled(node.base, columns, counter, slopes), float(node.exponent))
    return _applied(_compiled(node.argument, columns, counter, slopes), *FUNCTIONS[node.name])


def _sum(parts: Sequence[Program]) -> Program:
    def program(theta: np.ndarray) -> tuple[np.ndarray | float, Slopes]:
        value, slopes = parts[0](theta)
        for part in parts[1:]:
            more, steep = part(theta)
            value = value + more
            slopes = slopes | steep
        return value, slopes

    return program


def _product(parts: Sequence[Program]) -> Program:
    def program(theta: np.ndarray) -> tuple[np.ndarray | float, Slopes]:
        value, slopes = parts[0](theta)
        for part in parts[1:]:
            more, steep = part(theta)
            slopes = {k: s * more for k, s in slopes.items()} | {k: s * value for k, s in steep.items()}
            value = value * more
        return value, slopes

    return program


def _raised(part: Program, power: float) -> Program:
    def program(theta: np.ndarray) -> tuple[np.ndarray | float, Slopes]:
        base, slopes = part(theta)
        value = np.sqrt(base) if power == 0.5 else base**power if power % 1 == 0 else np.power(base, power)
        if slopes:
            steep = power * value / base
            if np.any(base == 0):
                steep = np.where(base == 0, power * np.power(base, power - 1), steep)
            slopes = {k: s * steep for k, s in slopes.items()}
        return value, slopes

    return program


def _applied(
    part: Program,
    function: Callable[[np.ndarray], np.ndarray],
    derivative: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Program:
    def program(theta: np.ndarray) -> tuple[np.ndarray | float, Slopes]:
        argument, slopes = part(theta)
        argument = np.asarray(argument, dtype=float)
        value = function(argument)
        if slopes:
            steep = derivative(argument, value)
            slopes = {k: s * steep for k, s in slopes.items()}
        return value, slopes

    return program


def compiled(
    node: Node, columns: Columns, *, slopes: bool = True
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The expression as a function of its fitted numbers.

    Args:
        node: the expression.
        columns: the variables.
        slopes: whether derivatives are wanted.

    Returns:
        A function of the numbers (numbers,) that gives the value on every point, (points,), and its derivatives,
        (numbers, points), none without `slopes`; NaN where the expression is undefined.
    """
    program = _compiled(node, columns, iter(range(10**9)), slopes)
    shape = (len(free(node)) if slopes else 0, columns.points)

    def function(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            value, steep = program(theta)
        rows = np.zeros(shape)
        for index, slope in steep.items():
            rows[index] = slope
        return np.broadcast_to(np.asarray(value, dtype=float), shape[1:]), rows

    return function


def evaluate(node: Node, columns: Columns) -> np.ndarray:
    """The value on every point, (points,); NaN where the expression is undefined."""
    return compiled(node, columns, slopes=False)(np.array([number.value for number in free(node)]))[0]


_OPERATION = 1.5
# how rare a function is among the laws of physics
_FUNCTION = {"sin": 3.0, "cos": 3.0, "exp": 3.0, "log": 4.0, "tanh": 5.0, "tan": 5.0}
_OTHER_FUNCTION = 6.0


@functools.cache
def _exponent_bits(part: int) -> float:
    return rational_bits(Fraction(abs(part), PARTS)) + 0.5 * (part < 0)


def bits(node: Node, variables: int, monomials: Mapping[Monomial, float] | None = None) -> float:
    """Bits to write an expression down, apart from its fitted numbers.

    Args:
        node: the expression.
        variables: how many there are to choose from.
        monomials: what some products cost to name, if not as many bits as their exponents need.
    """
    if isinstance(node, Monomial):
        if monomials is not None and node in monomials:
            return monomials[node]
        each = math.log2(variables) + 1.0
        return sum(each + _exponent_bits(part) for part in node.parts if part)
    if isinstance(node, Number):
        return 1.0 + (node.exact.bits if node.exact is not None else 0.0)
    if isinstance(node, Power):
        return _OPERATION + rational_bits(node.exponent) + bits(node.base, variables, monomials)
    if isinstance(node, Apply):
        return _FUNCTION.get(node.name, _OTHER_FUNCTION) + bits(node.argument, variables, monomials)
    parts = _children(node)
    if isinstance(node, Product):
        negative = sum(isinstance(part, Number) and part.exact is not None and part.value == -1 for part in parts)
        parts = tuple(p for p in parts if not (isinstance(p, Number) and p.exact is not None and abs(p.value) == 1))
        inner = sum(bits(part, variables, monomials) for part in parts)
        return _OPERATION * max(0, len(parts) - 1) + inner + 0.5 * negative
    return _OPERATION * (len(parts) - 1) + sum(bits(part, variables, monomials) for part in parts)


def fused(*factors: Node) -> Node:
    """A product whose monomials are merged into one, and whose products are opened."""
    flat: list[Node] = []
    powers: list[int] | None = None
    stack = list(reversed(factors))
    while stack:
        part = stack.pop()
        if isinstance(part, Product):
            stack.extend(reversed(part.factors))
        elif isinstance(part, Monomial):
            powers = (
                list(part.parts) if powers is None else [a + b for a, b in zip(powers, part.parts, strict=True)]
            )
        elif not (isinstance(part, Number) and part.exact is not None and part.exact.value == 1):
            flat.append(part)
    if powers is not None and (any(powers) or not flat):
        flat.append(Monomial(tuple(powers)))
    return flat[0] if len(flat) == 1 else Product(tuple(flat)) if flat else Number(1.0, Exact(Fraction(1)))


def to_sympy(node: Node, symbols: Sequence[sympy.Symbol]) -> sympy.Expr:
    """The expression in SymPy."""
    import sympy

    def exact(value: Fraction) -> sympy.Expr:
        return sympy.Rational(value.numerator, value.denominator)

    if isinstance(node, Monomial):
        return sympy.Mul(*(s ** exact(e) for s, e in zip(symbols, node.exponents, strict=True) if e))
    if isinstance(node, Number):
        return node.exact.sympy() if node.exact is not None else sympy.Float(node.value)
    if isinstance(node, Sum):
        return sympy.Add(*(to_sympy(term, symbols) for term in node.terms))
    if isinstance(node, Product):
        return sympy.Mul(*(to_sympy(factor, symbols) for factor in node.factors))
    if isinstance(node, Power):
        return to_sympy(node.base, symbols) ** exact(node.exponent)
    return getattr(sympy, node.name)(to_sympy(node.argument, symbols))
