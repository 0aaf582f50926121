"""Products of units, as text that keeps the names the user chose."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from simulators.grid.unit_text import divided

__all__ = ["product"]


def product(factors: Iterable[tuple[str, int | Fraction]]) -> str:
    """The text of Π units**power.

    >>> product([("g/m**2", 1), ("l/m**2", -1), ("1/d", 1)]), product([("m", 2), ("m", -2)])
    ('g/l/d', '1')
    """
    text = "1"
    for units, power in factors:
        if power < 0:
            text = divided(text, units, -power)
        elif power > 0:
            text = divided(text, divided("1", units, power), 1)
    return text
