"""Numbers with units and uncertainties, expressions that show them, and tables of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import sympy

    from physym.discovery.equation import Constant, Equation

__all__ = ["WIDTH", "ordered_terms", "rounded", "shown", "signed_sum", "substituted", "table", "text"]

WIDTH = 120
"""The longest equation that stands on one line."""
_DIGITS = 9

Number = float | tuple[float, ...]


def shown(value: Number, error: Number, units: str, *, latex: bool = False) -> str:
    """A number with its standard error, to two digits of the error, and its units; a vector by its components.

    >>> shown(9.99871, 0.0123, "g/l"), shown(2.0, 0.0, "1"), shown(1234.5, 20.0, "1")
    ('(9.999 ± 0.012 g/l)', '2', '(1234 ± 20)')
    """
    sign = r" \pm " if latex else " ± "
    if isinstance(value, tuple):
        errors = error if isinstance(error, tuple) else (error,) * len(value)
        inner = ", ".join(_plain(v, e, sign) for v, e in zip(value, errors, strict=True))
        told = f"({inner})"
    else:
        told = _plain(value, float(np.max(error)), sign)
    if units == "1":
        return told if sign not in told or told.startswith("(") else f"({told})"
    unit = rf"\,\mathrm{{{units.replace('**', '^').replace('*', ' ')}}}" if latex else f" {units}"
    return f"({told}{unit})"


def _plain(value: float, error: float, sign: str) -> str:
    if not error > 0 or not math.isfinite(error):
        return f"{value:.10g}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    if -4 <= exponent < 6:
        digits = max(0, 1 - math.floor(math.log10(error)))
        told = f"{error:.{digits}f}" if digits <= _DIGITS else f"{error:.1e}"
        return f"{value:.{digits}f}{sign}{told}"
    digits = max(0, 1 + exponent - math.floor(math.log10(error)))
    return f"{value:.{digits}e}{sign}{error:.1e}"


def substituted(expression: sympy.Expr, values: Mapping[str, object]) -> sympy.Expr:
    """The expression with other symbols or numbers in place of the symbols of these names; nothing is evaluated anew.

    Texts become symbols, which print as they are.
    """
    import sympy

    found = {}
    for symbol in expression.free_symbols:
        if symbol.name in values:
            value = values[symbol.name]
            found[symbol] = sympy.Symbol(value) if isinstance(value, str) else value
    return expression.xreplace(found)


def text(expression: sympy.Expr) -> str:
    """The expression as text, where numbers that stand alone in a sum come last: |q| - (1.0 m)."""
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):
        def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
            terms = super()._as_ordered_terms(expr, order)
            return sorted(terms, key=lambda term: str(term).lstrip("-").startswith("(") and len(term.free_symbols) == 1)

    return Printer().doprint(expression)


def ordered_terms(equation: Equation, constants: Sequence[Constant]) -> list[sympy.Expr]:
    """The terms of an equation in the order of the constants in them."""
    import sympy

    places = {constant.name: place for place, constant in enumerate(constants)}
    terms = sympy.Add.make_args(equation.expression)

    def place(term: sympy.Expr) -> tuple[int, str]:
        return min((places[s.name] for s in term.free_symbols if s.name in places), default=len(places)), str(term)

    return sorted(terms, key=place)


def signed_sum(terms: Sequence[str], start: str | None = None) -> str:
    """Terms as a sum; with the start of a line given, a term a line.

    >>> signed_sum(["x", "-2*y", "z"])
    'x - 2*y + z'
    >>> print(signed_sum(["x", "-2*y"], "H = "))
    H = x
      - 2*y
    """
    told = terms[0]
    gap = " " if start is None else "\n" + " " * (len(start) - 2)
    for term in terms[1:]:
        told += f"{gap}- {term[1:]}" if term.startswith("-") else f"{gap}+ {term}"
    return f"{start or ''}{told}"


def rounded(value: float, error: float) -> tuple[str, str]:
    """A number and its standard error to the same digits, two of the error, as two texts.

    >>> rounded(1.00000509, 6.908e-06), rounded(2.0, 0.0)
    (('1.0000051', '6.9e-06'), ('2', '0'))
    """
    return _plain(value, error, " ± ").split(" ± ")[0], f"{error:.2g}"


def table(equations: Iterable[Equation], constants: Sequence[Constant]) -> list[dict[str, Any]]:
    """One row for every constant of every term; see `Law.table`."""
    known = {c.name: c for c in constants}
    rows = []
    for equation in equations:
        for term in ordered_terms(equation, constants):
            for name in sorted(s.name for s in term.free_symbols if s.name in known):
                constant = known[name]
                rows.append(
                    {
                        "equation": equation.left,
                        "term": str(term),
                        "constant": name,
                        "coefficient": constant.value,
                        "standard_error": constant.error,
                        "units": constant.units,
                        "parameters": constant.parameters,
                    }
                )
    return rows
