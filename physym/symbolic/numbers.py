"""Numbers that laws are made of: small fractions, with π and square roots, and what each costs to name.

A fitted constant that comes out as 0.318309 ± 1e-6 is 1/π. Each such number has a description length in bits, so that
1/2 is believed sooner than 7/15, and a fitted constant is replaced only where that shortens the description of law and
data.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import sympy

__all__ = ["Exact", "exact_near", "rational_bits", "snap_exponent"]

# factors apart from the fraction: (power of π, root) in value √root · π^power, with the bits to name it
_FACTORS = (
    (Fraction(0), 1, 0.0),
    (Fraction(1), 1, 2.0),
    (Fraction(-1), 1, 2.0),
    (Fraction(2), 1, 4.0),
    (Fraction(-2), 1, 4.0),
    (Fraction(1, 2), 1, 5.0),
    (Fraction(-1, 2), 1, 5.0),
    (Fraction(0), 2, 3.0),
    (Fraction(0), 3, 4.0),
    (Fraction(1, 2), 2, 5.5),
    (Fraction(-1, 2), 2, 5.5),
    (Fraction(3), 1, 7.0),
    (Fraction(4), 1, 8.0),
    (Fraction(5), 1, 9.0),
)
_LARGEST, _NAMED = 16, 1.0
_MORE = (18, 20, 24, 25, 27, 30, 32, 36, 48, 60, 64, 90, 120)


@dataclass(frozen=True, slots=True)
class Exact:
    """A number known exactly: ``sign · fraction · √root · π^power``."""

    fraction: Fraction
    power: Fraction = Fraction(0)
    root: int = 1
    bits: float = 0.0

    @property
    def value(self) -> float:
        """As a float."""
        return float(self.fraction) * math.sqrt(self.root) * math.pi ** float(self.power)

    def sympy(self) -> sympy.Expr:
        """As SymPy writes it."""
        import sympy

        return (
            sympy.Rational(self.fraction.numerator, self.fraction.denominator)
            * sympy.sqrt(self.root)
            * sympy.pi ** sympy.Rational(self.power.numerator, self.power.denominator)
        )


def _integer_bits(value: int) -> float:
    return 0.0 if value == 1 else 1.0 + 1.5 * math.log2(value)


def rational_bits(value: Fraction) -> float:
    """Bits to name a fraction: 0 for 1, and more for larger terms; one for the sign."""
    value = Fraction(value)
    if value == 0:
        return 1.0
    return _integer_bits(abs(value.numerator)) + _integer_bits(value.denominator) + (value < 0)


@functools.cache
def _table() -> tuple[np.ndarray, tuple[Exact, ...]]:
    terms = (*range(1, _LARGEST + 1), *_MORE)
    found: dict[float, Exact] = {}
    for power, root, bits in _FACTORS:
        for top in terms:
            for bottom in terms:
                if math.gcd(top, bottom) > 1:
                    continue
                exact = Exact(Fraction(top, bottom), power, root, bits + rational_bits(Fraction(top, bottom)))
                known = found.get(round(exact.value, 12))
                if known is None or known.bits > exact.bits:
                    found[round(exact.value, 12)] = exact
    # the n-th of what there is to choose from takes log₂ n bits to name
    ranked = sorted(found.values(), key=lambda exact: (exact.bits, exact.value))
    named = [replace(exact, bits=math.log2(1 + rank) + (_NAMED if rank else 0)) for rank, exact in enumerate(ranked)]
    everything = sorted(named, key=lambda exact: exact.value)
    return np.array([exact.value for exact in everything]), tuple(everything)


def exact_near(value: float, width: float, most: int = 4) -> list[Exact]:
    """The exact numbers within `width` of a value that are cheapest to name, cheapest first."""
    if not math.isfinite(value) or value == 0:
        return []
    values, table = _table()
    low, high = np.searchsorted(values, (abs(value) - width, abs(value) + width))
    near = sorted(table[low:high], key=lambda exact: exact.bits)[:most]
    if value > 0:
        return near
    return [Exact(-exact.fraction, exact.power, exact.root, exact.bits + 1) for exact in near]


def snap_exponent(value: float, denominators: tuple[int, ...] = (1, 2, 3, 4)) -> tuple[Fraction, float]:
    """The nearest exponent that laws have, and how far it is; small denominators go first where they are near."""
    best, distance = Fraction(round(value)), abs(value - round(value))
    for denominator in denominators[1:]:
        candidate = Fraction(round(value * denominator), denominator)
        off = abs(value - float(candidate))
        if off < distance / (2.0 * denominator):
            best, distance = candidate, off
    return best, distance
