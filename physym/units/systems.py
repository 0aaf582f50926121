"""Which units may change their sizes independently, and how other units are read over them.

Over the SI base units a litre is 0.001 m**3, so that it changes with the metre. A law can have more freedom: where
water per area is counted in litres and only water is exchanged for water, litres may change without the metre. Base
units named by the user, such as ("l", "d", "m", "g"), say so: each unit's text is then read by the names in it, l stays
apart from m, and what measures the same as one of them, such as ml, km or h, is converted to it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from physym.units.lattice import null_lattice, solution
from simulators.errors import InputError
from simulators.units import BASE, named_units, parse

__all__ = ["SI", "Reading", "System", "system"]


class Reading(NamedTuple):
    """A unit over base units b: factor · Π_b b^exponent.

    Attributes:
        factor: its size in the base units.
        exponents: over the base units, exact.
    """

    factor: float
    exponents: tuple[Fraction, ...]


@dataclass(frozen=True)
class System:
    """Base units, over which other units are read.

    Attributes:
        base: the names of the base units.
    """

    base: tuple[str, ...]

    def read(self, text: str) -> Reading:
        """A unit's size and exponents over the base units of this system.

        Raises:
            InputError: if pint cannot read it, it has an offset, or the base units do not span it.

        >>> [str(e) for e in system(("l", "d", "m", "g")).read("ml/h/m**2").exponents]
        ['1', '-1', '-2', '0']
        """
        if self.base != BASE:
            return _read(text, self.base)
        unit = parse(text)
        return Reading(unit.factor, unit.exponents)


SI = System(BASE)


def system(base: Sequence[str] | None) -> System:
    """The system of the given base units; SI if None.

    Raises:
        InputError: if one of them is not a single unit that scales, or is given twice.
    """
    if base is None:
        return SI
    if isinstance(base, str) or not isinstance(base, Sequence) or not base:
        raise InputError(f"base: expected names of units such as ('l', 'd', 'm', 'g'), given {base!r}")
    canonical = [_name(text) for text in base]
    for n, name in enumerate(canonical):
        if name in canonical[:n]:
            raise InputError(f"base: expected different units, given {name} twice")
    return System(tuple(base))


def _name(text: str) -> str:
    """The name that pint gives to a base unit, such as "liter" to "l"."""
    unit, named = parse(text), named_units(text)
    if len(named) != 1 or next(iter(named.values())) != 1 or unit.dimensionless:
        raise InputError(f"base: expected single units such as 'l' or 'kg', given {text!r}")
    return next(iter(named))


@functools.cache
def _read(text: str, base: tuple[str, ...]) -> Reading:
    parse(text)
    factor, exponents = 1.0, [Fraction(0)] * len(base)
    for name, power in named_units(text).items():
        size, own = _over(name, base, text)
        factor *= size ** float(power)
        exponents = [e + power * o for e, o in zip(exponents, own, strict=True)]
    return Reading(factor, tuple(exponents))


@functools.cache
def _over(name: str, base: tuple[str, ...], text: str) -> Reading:
    """Size and exponents of one named unit: of the base unit that it is or measures the same as, else of its parts."""
    unit, zero = parse(name), (Fraction(0),) * len(base)
    if unit.dimensionless:
        return Reading(unit.factor, zero)
    known = [parse(b) for b in base]
    alike = [n for n, b in enumerate(base) if _name(b) == name]
    alike = alike or [n for n, b in enumerate(known) if b.exponents == unit.exponents]
    if len(alike) > 1:
        given = " and ".join(base[n] for n in alike)
        raise InputError(f"units {text!r}: expected {name} to belong to one base unit, given {given}; write it in one")
    if alike:
        own = tuple(Fraction(int(n == alike[0])) for n in range(len(base)))
        return Reading(unit.factor / known[alike[0]].factor, own)
    # made of the base units otherwise, as N is of (J, m): unambiguous if these are independent
    matrix = [[b.exponents[n] for b in known] for n in range(len(BASE))]
    found = solution(matrix, len(base), unit.exponents)
    if found is not None and not null_lattice(matrix, len(base)):
        size = math.prod(b.factor ** float(e) for b, e in zip(known, found, strict=True))
        return Reading(unit.factor / size, tuple(found))
    parts = {_name(root): power for root, power in zip(BASE, unit.exponents, strict=True) if power}
    if name in parts:
        raise InputError(
            f"units {text!r}: expected units over the base {', '.join(base)}, given {name}, which they do not span;"
            " add it to the base"
        )
    factor, exponents = unit.factor, zero
    for part, power in parts.items():
        size, own = _over(part, base, text)
        factor *= size ** float(power)
        exponents = tuple(e + power * o for e, o in zip(exponents, own, strict=True))
    return Reading(factor, exponents)
