"""Dimensional consistency of formulas: what may be added, raised to a power, or put into a function.

The units of a SymPy expression follow from those of its symbols:

| expression | units | condition |
|---|---|---|
| number, pi | 1 | |
| a + b, Min, Max, a < b | those of a | b has the same; zero has any |
| a * b | product | |
| a ** n | the n-th power | n dimensionless, and a number unless a is dimensionless |
| Abs, re, im, conjugate | those of the argument | |
| sign, Heaviside | 1 | |
| atan2(a, b) | 1 | both have the same |
| Derivative(a, (x, n)) | of a over x to the n | |
| Integral(a, x) | of a times x | limits as x |
| Sum(a, n) | those of a | |
| Piecewise | those of the pieces | all the same, conditions too |
| exp, log, sin and any other function | 1 | dimensionless arguments |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from physym.units.monomials import text
from simulators.errors import InputError
from simulators.schema import Variable
from simulators.units import BASE, Unit, parse

if TYPE_CHECKING:
    import sympy

__all__ = ["DimensionError", "check_expression"]

Powers = tuple[Fraction, ...]
_NONE: Powers = (Fraction(0),) * len(BASE)


class DimensionError(InputError):
    """An expression adds, raises or takes functions of quantities that do not allow it; the place is named."""


def check_expression(
    expr: sympy.Basic, units: Mapping[str, str | Unit | Variable], output: str | None = None
) -> dict[str, Fraction]:
    """The units of an expression, if it is consistent.

    Args:
        expr: a SymPy expression, equation (``sympy.Eq``) or inequality, whose symbols stand for quantities, so that one
            in km may be added to one in m. Functions that it leaves undefined, such as x(t), have units by their names.
        units: of its symbols, named constants among them, by name.
        output: the units that the expression must have.

    Returns:
        The exponents over the SI base units that are not zero, as `physym.units.dimensions` gives them; of an equation
        those of its sides.

    Raises:
        InputError: if a symbol has no units, or units cannot be read.
        DimensionError: if it is not consistent, naming the sub-expression, or has other units than `output`.

    >>> import sympy
    >>> m, v, h = sympy.symbols("m v h")
    >>> known = {"m": "kg", "v": "m/s", "h": "km"}
    >>> {base: int(power) for base, power in check_expression(m * v**2 / 2, known).items()}
    {'kg': 1, 'm': 2, 's': -2}
    >>> check_expression(h + m * v, known)
    Traceback (most recent call last):
        ...
    physym.units.expressions.DimensionError: h + m*v: expected terms of the same units, given m (h) and kg*m/s (m*v)
    """
    import sympy

    if not isinstance(expr, sympy.Basic):
        raise InputError(f"expr: expected a SymPy expression, given {type(expr).__name__}; sympy.sympify reads text")
    if not isinstance(units, Mapping):
        raise InputError(f"units: expected a mapping name -> units, given {type(units).__name__}")
    known = {}
    for name, own in units.items():
        try:
            text_of = own.text if isinstance(own, Unit) else own.units if isinstance(own, Variable) else own
            known[str(name)] = parse(text_of).exponents
        except InputError as error:
            raise InputError(f"symbol {str(name)!r}: {error}") from error
    found = _Units(known).of(expr)
    if output is not None and found is not None and found != parse(output).exponents:
        raise DimensionError(f"{expr}: expected units of {output!r}, given {_told(found)}")
    return {base: power for base, power in zip(BASE, found or _NONE, strict=True) if power}


def _told(powers: Powers | None) -> str:
    """Exponents as people write them, such as ``m**2/s``; ``1`` if there are none."""
    return text(dict(zip(BASE, powers or _NONE, strict=True)))


class _Units:
    """The units of sub-expressions: exponents over the base units, or None for zero, which has any."""

    def __init__(self, known: Mapping[str, Powers]) -> None:
        import sympy
        from sympy.core.function import AppliedUndef
        from sympy.core.relational import Relational
        from sympy.logic.boolalg import Boolean

        self.known = known
        self.handlers: tuple[tuple[Any, Callable[[Any], Powers | None]], ...] = (
            ((sympy.Symbol, AppliedUndef), self._symbol),
            (sympy.Mul, self._product),
            (sympy.Pow, self._power),
            ((sympy.Add, sympy.Min, sympy.Max, Relational), lambda e: self._same(e, e.args)),
            ((sympy.Abs, sympy.re, sympy.im, sympy.conjugate), lambda e: self.of(e.args[0])),
            ((sympy.sign, sympy.Heaviside, Boolean), self._indicator),
            (sympy.atan2, self._angle),
            (sympy.Derivative, self._derivative),
            (sympy.Integral, self._integral),
            (sympy.Sum, lambda e: self.of(e.function)),
            (sympy.Piecewise, self._pieces),
        )

    def of(self, expr: Any) -> Powers | None:  # noqa: ANN401
        if expr.is_number:
            return None if expr.is_zero else _NONE
        for kinds, handler in self.handlers:
            if isinstance(expr, kinds):
                return handler(expr)
        for argument in expr.args:
            self._plain(argument, f"{expr}: expected a dimensionless argument")
        return _NONE

    def _plain(self, expr: Any, expected: str) -> None:  # noqa: ANN401
        found = self.of(expr)
        if found is not None and any(found):
            raise DimensionError(f"{expected}, given {expr} in {_told(found)}; divide it by one of the same units")

    def _symbol(self, expr: Any) -> Powers:  # noqa: ANN401
        name = str(expr.func if expr.args else expr)
        if name not in self.known:
            known = ", ".join(self.known) or "none"
            raise InputError(f"symbol {name!r}: expected its units, given those of {known}; add them")
        return self.known[name]

    def _product(self, expr: Any) -> Powers | None:  # noqa: ANN401
        found = [self.of(factor) for factor in expr.args]
        return None if None in found else tuple(map(sum, zip(*found, strict=True)))  # type: ignore[arg-type]

    def _power(self, expr: Any) -> Powers | None:  # noqa: ANN401
        base, power = expr.args
        self._plain(power, f"{expr}: expected a dimensionless power")
        found = self.of(base)
        if found is None or not any(found):
            return found
        if not (power.is_Rational or power.is_Float):
            raise DimensionError(
                f"{expr}: expected a rational number as the power of {base} in {_told(found)}, given {power}"
            )
        exact = Fraction(str(power)).limit_denominator(1000)
        return tuple(e * exact for e in found)

    def _same(self, expr: Any, terms: Iterable[Any]) -> Powers | None:  # noqa: ANN401
        first: tuple[Any, Powers] | None = None
        for term in terms:
            found = self.of(term)
            if found is None:
                continue
            if first is None:
                first = term, found
            elif found != first[1]:
                raise DimensionError(
                    f"{expr}: expected terms of the same units, given {_told(first[1])} ({first[0]}) and"
                    f" {_told(found)} ({term})"
                )
        return first and first[1]

    def _indicator(self, expr: Any) -> Powers:  # noqa: ANN401
        for argument in expr.args:
            self.of(argument)
        return _NONE

    def _angle(self, expr: Any) -> Powers:  # noqa: ANN401
        self._same(expr, expr.args)
        return _NONE

    def _derivative(self, expr: Any) -> Powers | None:  # noqa: ANN401
        found = self.of(expr.expr)
        for variable, count in expr.variable_count:
            if not count.is_Integer:
                raise DimensionError(f"{expr}: expected a whole number as its order, given {count}")
            own = self.of(variable) or _NONE
            found = found and tuple(a - int(count) * b for a, b in zip(found, own, strict=True))
        return found

    def _integral(self, expr: Any) -> Powers | None:  # noqa: ANN401
        found = self.of(expr.function)
        for variable, *limits in expr.limits:
            own = self._same(expr, (variable, *limits)) or _NONE
            found = found and tuple(a + b for a, b in zip(found, own, strict=True))
        return found

    def _pieces(self, expr: Any) -> Powers | None:  # noqa: ANN401
        for _, condition in expr.args:
            self.of(condition)
        return self._same(expr, [piece for piece, _ in expr.args])
