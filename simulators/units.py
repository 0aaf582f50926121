"""Units of physical variables, read by pint, as factors and exponents over the SI base units.

Both styles of writing are read alike: ``kg*m/s**2`` (pint) and ``kg m s-2`` (CF, UDUNITS).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from simulators.errors import InputError

__all__ = ["BASE", "Unit", "conversion", "named_units", "parse"]

BASE = ("kg", "m", "s", "A", "K", "mol", "cd")
_DIMENSIONS = ("[mass]", "[length]", "[time]", "[current]", "[temperature]", "[substance]", "[luminosity]")
_CF_POWER = re.compile(r"(?<![\d.][eE])(?<=[A-Za-zµ°])([+-]?\d+)")


# powers of powers and long numbers, which Python would raise for hours; no unit has them
_TOWER = re.compile(r"(\*\*|\^)[^A-Za-z]*(\*\*|\^)|\d{4}")
_LONGEST = 200


@dataclass(frozen=True)
class Unit:
    """A unit: ``text = factor · kg^a · m^b · s^c · A^d · K^e · mol^f · cd^g``.

    Attributes:
        text: the unit as it was written.
        factor: its size in the SI base units.
        exponents: the exponents over `BASE`, exact.
    """

    text: str
    factor: float
    exponents: tuple[Fraction, ...]

    @property
    def dimensionless(self) -> bool:
        """Whether every exponent is zero."""
        return not any(self.exponents)

    def exponent(self, base: str) -> Fraction:
        """The exponent of one base unit, such as ``"s"``."""
        return self.exponents[BASE.index(base)]


@functools.cache
def _registry() -> Any:  # noqa: ANN401  pint is imported only where a unit is read
    import pint

    return pint.UnitRegistry()


def parse(text: str) -> Unit:
    """Read a unit.

    Args:
        text: such as ``"kg*m/s**2"``, ``"kg m s-2"``, ``"l/d/m**2"``, or ``"1"`` if dimensionless.

    Raises:
        InputError: if pint cannot read it, or if it has an offset (degC) and so does not scale.

    >>> parse("kg m s-2").exponents[:3] == parse("kg*m/s**2").exponents[:3]
    True
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"expected units such as 'kg*m/s**2', or '1' if dimensionless; given {text!r}")
    return _parse(str(text))


def _by_pint(plain: str) -> Any:  # noqa: ANN401
    try:
        return _registry().parse_units(plain)
    except KeyError:
        # pint stumbles over kg**0 where it stands alone
        return _registry().parse_units(f"dimensionless*{plain}")


@functools.cache
def _parse(text: str) -> Unit:
    registry, plain = _registry(), _CF_POWER.sub(r"**\1", text.strip())
    try:
        if len(plain) > _LONGEST or _TOWER.search(plain):
            raise ValueError
        unit = _by_pint(plain)
        scales = registry.Quantity(1, unit)._is_multiplicative  # noqa: SLF001  pint has no public form
        factor, base = registry.get_base_units(unit) if scales else (1.0, None)
        powers = (
            {} if base is None else {k: Fraction(v).limit_denominator(1000) for k, v in base.dimensionality.items()}
        )
    except Exception as error:  # pint and its tokenizer raise almost anything
        raise InputError(f"expected units that pint reads, such as 'kg*m/s**2'; given {text!r}") from error
    if base is None:
        raise InputError(f"expected units that scale, given {text!r}, which has an offset or a logarithm; use 'K'")
    exponents = tuple(powers.pop(name, Fraction(0)) for name in _DIMENSIONS)
    if powers:
        raise InputError(f"expected units over {', '.join(BASE)}; given {text!r} with {', '.join(powers)}")
    return Unit(text, float(factor), exponents)


def named_units(text: str) -> dict[str, Fraction]:
    """The units named in a text, under the names that pint gives them, with their powers.

    Raises:
        InputError: as `parse` does.

    >>> named_units("l/d")
    {'liter': Fraction(1, 1), 'day': Fraction(-1, 1)}
    """
    parse(text)
    found: dict[str, Any] = dict(_by_pint(_CF_POWER.sub(r"**\1", text.strip()))._units)  # noqa: SLF001
    return {name: Fraction(power).limit_denominator(1000) for name, power in found.items()}


def conversion(given: str, wanted: str) -> float:
    """The factor that turns values in `given` into values in `wanted`; 1 if they are the same text, which is not read.

    Raises:
        InputError: if the two do not measure the same quantity.

    >>> conversion("km", "m")
    1000.0
    """
    if given == wanted:
        return 1.0
    a, b = parse(given), parse(wanted)
    if a.exponents != b.exponents:
        raise InputError(f"expected units of {wanted!r}, given {given!r}, which measures another quantity")
    return a.factor / b.factor
