"""Numbers with units and uncertainties, expressions that show them, and tables of them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import sympy
    from sympy.printing.printer import Printer

    from physym.discovery.equation import Constant, Equation

__all__ = [
    "WIDTH",
    "factors",
    "latex",
    "lines",
    "ordered_terms",
    "rounded",
    "shown",
    "signed_sum",
    "substituted",
    "table",
    "text",
]

WIDTH = 120
"""The longest equation that stands on one line."""
_DIGITS = 9
# of the digits of a float after the first those that mean something
_PRECISION = 14

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
    told = _latex_number(told) if latex else told
    if units == "1":
        return told if sign not in told or told.startswith("(") else f"({told})"
    return f"({told}\\,\\mathrm{{{_latex_units(units)}}})" if latex else f"({told} {units})"


def _latex_number(told: str) -> str:
    """Powers of ten as they are written: 1e-05 is 1 times 10 to the power -5."""
    return re.sub(r"e([+-]?)0*(\d+)", lambda found: rf" \times 10^{{{found[1].strip('+')}{found[2]}}}", told)


def _latex_units(units: str) -> str:
    powers = re.sub(r"\*\*\(?([-+]?[\d./]+)\)?", r"^{\1}", units)
    return powers.replace("*", r"\,").replace("%", r"\%")


def _plain(value: float, error: float, sign: str) -> str:
    if not error > 0 or not math.isfinite(error):
        return f"{value:.10g}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    if -4 <= exponent < 6:
        digits = max(0, min(1 - math.floor(math.log10(error)), _PRECISION - exponent))
        told = f"{error:.{digits}f}" if digits <= _DIGITS else f"{error:.1e}"
        return f"{value:.{digits}f}{sign}{told}"
    digits = max(0, min(1 + exponent - math.floor(math.log10(error)), _PRECISION))
    return f"{value:.{digits}e}{sign}{error:.1e}"


def substituted(expression: sympy.Expr, values: Mapping[str, object]) -> sympy.Expr:
    """The expression with other symbols or numbers in place of the symbols of these names; nothing is evaluated anew.

    Texts become symbols, which print as they are, also where they are factors of a product of vectors, a·b.
    """
    import sympy

    found = {}
    for symbol in expression.free_symbols:
        if symbol.name in values:
            value = values[symbol.name]
            found[symbol] = sympy.Symbol(value) if isinstance(value, str) else value
        elif any(isinstance(values.get(factor), str) for factor in factors(symbol.name)):
            found[symbol] = sympy.Symbol("·".join(str(values.get(one, one)) for one in factors(symbol.name)))
    return expression.xreplace(found)


def factors(name: str) -> list[str]:
    """The names in that of a symbol: of a and b in a·b.

    >>> factors("(q2 - q1)·c3"), factors("|q1|")
    (['(q2 - q1)', 'c3'], ['|q1|'])
    """
    return name.split("·")


def text(expression: sympy.Expr, last: Collection[str] = ()) -> str:
    """The expression as text, where terms with the symbols `last` come last in a sum: |q| - (1.0 m)."""
    from sympy.printing.str import StrPrinter

    return _printer(StrPrinter, last).doprint(expression)


def _printer(base: type[Printer], last: Collection[str], **settings: object) -> Printer:
    class Ordered(base):
        def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
            terms = super()._as_ordered_terms(expr, order)
            return sorted(terms, key=lambda term: any(symbol.name in last for symbol in term.free_symbols))

    return Ordered(settings)


def lines(equations: Iterable[Equation], constants: Sequence[Constant], *, widest: float = math.inf) -> list[str]:
    """Equations as text with the numbers of the constants, their standard errors and units.

    One that is wider than `widest` has a term a line.
    """
    told = {c.name: shown(c.value, c.error, c.units) for c in constants}
    out = []
    for equation in equations:
        terms = ordered_terms(equation, constants)
        parts = [text(substituted(term, told), set(told.values())) for term in terms]
        line = f"{equation.left} = {signed_sum(parts)}    [{equation.units}]"
        if len(line) > widest and len(parts) > 1:
            line = signed_sum(parts, f"{equation.left} = ") + f"    [{equation.units}]"
        out.append(line)
    return out


def latex(equations: Iterable[Equation], constants: Sequence[Constant]) -> str:
    """Equations as LaTeX, one a line, with the numbers of the constants, their standard errors and units."""
    import sympy
    from sympy.printing.latex import LatexPrinter

    told = {c.name: shown(c.value, c.error, c.units, latex=True) for c in constants}
    rows = []
    for equation in equations:
        parts = []
        for term in ordered_terms(equation, constants):
            written = {
                symbol: equation.latex[symbol.name] for symbol in term.free_symbols if symbol.name in equation.latex
            }
            for symbol in term.free_symbols:
                for name in set(factors(symbol.name)) & set(told):
                    # of a product of vectors the other factor stays
                    own = sympy.latex(sympy.Symbol(name)) if symbol not in written else name
                    written[symbol] = written.get(symbol, own).replace(own, told[name])
            names = {symbol.name for symbol in term.free_symbols if symbol.name in told}
            parts.append(_printer(LatexPrinter, names, symbol_names=written).doprint(term))
        left = sympy.latex(sympy.Symbol(equation.left), symbol_names={sympy.Symbol(equation.left): equation.left})
        rows.append(f"{left} = {signed_sum(parts)}")
    return " \\\\\n".join(rows)


def ordered_terms(equation: Equation, constants: Sequence[Constant]) -> list[sympy.Expr]:
    """The terms of an equation in the order of the constants in them."""
    import sympy

    places = {constant.name: place for place, constant in enumerate(constants)}
    terms = sympy.Add.make_args(equation.expression)

    def place(term: sympy.Expr) -> tuple[int, str]:
        return min((places[name] for name in _names(term) if name in places), default=len(places)), str(term)

    return sorted(terms, key=place)


def _names(term: sympy.Expr) -> set[str]:
    return {name for symbol in term.free_symbols for name in factors(symbol.name)}


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
            for name in sorted(_names(term) & set(known)):
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
