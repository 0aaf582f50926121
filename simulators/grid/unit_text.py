"""Units divided by a length, as text that pint and UDUNITS read and that keeps the names the user chose."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["divided"]

_FACTOR = re.compile(r"(\s*[*/]\s*|\s+|)(?:1|([A-Za-zµ%°_]+)(?:(?:\*\*|\^)?([+-]?\d+(?:\.\d+)?))?)(?![\w.])")


def divided(units: str, by: str, power: int) -> str:
    """The text of units / by**power.

    Units that are a plain product of named powers are written anew, equal names joined; what is more involved (numbers,
    brackets) is put into brackets.

    >>> divided("g/m**2", "m", 1), divided("m s-1", "m", 1), divided("1", "km", 2)
    ('g/m**3', '1/s', '1/km**2')
    >>> divided("(kg m)/s**2", "m", 2)
    '((kg m)/s**2)/(m)/(m)'
    """
    powers, divisor = _product(units), _product(by)
    if powers is None or divisor is None:
        return f"({units})" + f"/({by})" * power
    for name, exponent in divisor.items():
        powers[name] = powers.get(name, Fraction(0)) - power * exponent
    return _text(powers)


def _product(units: str) -> dict[str, Fraction] | None:
    """The powers of the named units in their order; None if the text is more than their product."""
    found: dict[str, Fraction] = {}
    text, place = units.strip(), 0
    while place < len(text):
        match = _FACTOR.match(text, place)
        if match is None or (match[1] == "") == (place > 0):
            return None
        sign = -1 if "/" in match[1] else 1
        if match[2]:
            found[match[2]] = found.get(match[2], Fraction(0)) + sign * Fraction(match[3] or 1)
        place = match.end()
    return found


def _text(powers: dict[str, Fraction]) -> str:
    """A product as text: "g/m**3", "1/s", "1"."""

    def factor(name: str, exponent: Fraction) -> str:
        return name if exponent == 1 else f"{name}**{exponent if exponent.denominator == 1 else float(exponent)}"

    above = "*".join(factor(name, e) for name, e in powers.items() if e > 0)
    below = "".join("/" + factor(name, -e) for name, e in powers.items() if e < 0)
    return (above or "1") + below
