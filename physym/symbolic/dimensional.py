"""The units of the numbers in an expression, read off from where they stand.

A law that was found without units hides them in its fitted numbers: of 2.2·x³/(exp(0.048·x/y) - 1) the second one has
the units of y/x, since exp takes no units, and the first those of the law over x³. Every number is replaced by a symbol
and the units of all follow from linear equations: terms of a sum have equal units, arguments of functions none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import sympy

from physym.units.lattice import solution

__all__ = ["Measured", "Placed", "Vector", "place_numbers"]

Vector = tuple[Fraction, ...]


class Measured(NamedTuple):
    """A number with its relative standard error."""

    value: float
    error: float

    def times(self, other: Measured, power: float = 1.0) -> Measured:
        """The product self · other**power."""
        error = (self.error**2 + (power * other.error) ** 2) ** 0.5
        return Measured(self.value * other.value**power, error)


_ONE = Measured(1.0, 0.0)


@dataclass
class Placed:
    """An expression whose fitted numbers are symbols.

    Attributes:
        expression: over the variables and these symbols.
        numbers: value of each symbol, positive.
        units: exponents of each symbol over the base units.
    """

    expression: sympy.Expr
    numbers: dict[sympy.Symbol, Measured]
    units: dict[sympy.Symbol, Vector] = field(default_factory=dict)


class _Part(NamedTuple):
    """number · core; fitted tells whether the number was fitted, or is exactly 1."""

    number: Measured
    fitted: bool
    core: sympy.Expr


def place_numbers(
    expression: sympy.Expr,
    errors: Mapping[float, float],
    scales: Mapping[str, float],
    size: float,
    units: Mapping[str, Vector],
    target: Vector,
) -> Placed | None:
    """Write size · f(x / scale) with symbols for its numbers, as few as there can be, and find their units.

    Args:
        expression: f, over plain symbols; its floats are the fitted numbers.
        errors: relative standard error of each of these; 0 where absent.
        scales: by which the variables that have units were divided.
        size: by which the target was; 1 if it has no units.
        units: exponents of each variable over the base units.
        target: exponents of the target.

    Returns:
        None if no units of the numbers make the expression lawful.
    """
    numbers: dict[sympy.Symbol, Measured] = {}

    def place(part: _Part) -> sympy.Expr:
        if not part.fitted:
            return part.core
        symbol = sympy.Symbol(f"_n{len(numbers)}", positive=True)
        numbers[symbol] = Measured(abs(part.number.value), part.number.error)
        return symbol * part.core if part.number.value > 0 else -symbol * part.core

    def split(node: sympy.Expr) -> _Part:
        if isinstance(node, sympy.Float):
            return _Part(Measured(float(node), errors.get(float(node), 0.0)), True, sympy.Integer(1))
        if isinstance(node, sympy.Symbol):
            scaled = node.name in scales
            return _Part(Measured(1 / scales[node.name], 0.0) if scaled else _ONE, scaled, node)
        if not node.args:
            return _Part(_ONE, False, node)
        if isinstance(node, sympy.Mul):
            parts, number = [split(factor) for factor in node.args], _ONE
            for part in parts:
                number = number.times(part.number)
            return _Part(number, any(part.fitted for part in parts), sympy.Mul(*(part.core for part in parts)))
        if isinstance(node, sympy.Pow) and node.exp.is_number:
            base, power = split(node.base), float(node.exp)
            if base.fitted and base.number.value > 0:
                return _Part(_ONE.times(base.number, power), True, base.core**node.exp)
            return _Part(_ONE, False, place(base) ** node.exp)
        if isinstance(node, sympy.Add):
            parts = [split(term) for term in node.args]
            if not all(part.fitted for part in parts):
                return _Part(_ONE, False, sympy.Add(*map(place, parts)))
            first = parts[0].number
            others = [part._replace(number=part.number.times(first, -1.0)) for part in parts[1:]]
            return _Part(first, True, sympy.Add(parts[0].core, *map(place, others)))
        return _Part(_ONE, False, node.func(*(place(split(argument)) for argument in node.args)))

    whole = split(expression)
    if any(target):
        whole = whole._replace(number=whole.number.times(Measured(size, 0.0)), fitted=True)
    placed = Placed(place(whole), numbers)
    found = _solve(placed.expression, list(numbers), units, target)
    if found is None:
        return None
    placed.units = found
    return placed


class _Units(NamedTuple):
    """Exponents over the base units: known + Σ_n powers[n] · (those of number n)."""

    known: Vector
    powers: Vector

    def minus(self, other: _Units) -> _Units:
        return self.plus(other, Fraction(-1))

    def plus(self, other: _Units, times: Fraction = Fraction(1)) -> _Units:
        known = tuple(a + times * b for a, b in zip(self.known, other.known, strict=True))
        return _Units(known, tuple(a + times * b for a, b in zip(self.powers, other.powers, strict=True)))


def _solve(
    expression: sympy.Expr, numbers: list[sympy.Symbol], units: Mapping[str, Vector], target: Vector
) -> dict[sympy.Symbol, Vector] | None:
    """The units of the numbers, or None if there are none that make the expression lawful."""
    none = _Units((Fraction(0),) * len(target), (Fraction(0),) * len(numbers))
    equations: list[_Units] = []

    def walk(node: sympy.Expr) -> _Units:
        if node in numbers:
            return none._replace(powers=tuple(Fraction(node == number) for number in numbers))
        if isinstance(node, sympy.Symbol):
            return none._replace(known=tuple(units[node.name]))
        found = [walk(part) for part in node.args]
        if isinstance(node, sympy.Mul):
            total = none
            for part in found:
                total = total.plus(part)
            return total
        if isinstance(node, sympy.Pow) and node.exp.is_Rational:
            return none.plus(found[0], Fraction(node.exp.p, node.exp.q))
        if isinstance(node, sympy.Add):
            equations.extend(part.minus(found[0]) for part in found[1:])
            return found[0]
        equations.extend(found)
        return none

    equations.append(walk(expression).minus(_Units(tuple(target), none.powers)))
    matrix = [list(equation.powers) for equation in equations]
    columns = []
    for base in range(len(target)):
        column = solution(matrix, len(numbers), [-equation.known[base] for equation in equations])
        if column is None:
            return None
        columns.append(column)
    return {number: tuple(column[n] for column in columns) for n, number in enumerate(numbers)}
