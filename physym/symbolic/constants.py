"""Constants of nature that a user offers to a law, by symbol or with value and units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from simulators.errors import InputError
from simulators.units import Unit, parse

__all__ = ["NATURE", "Constant", "Constants", "read_constants"]

Constants = Mapping[str, tuple[float, str]] | Sequence[str] | None

NATURE = {
    "c": "speed_of_light",
    "h": "planck_constant",
    "hbar": "dirac_constant",
    "k_B": "boltzmann_constant",
    "G": "newtonian_constant_of_gravitation",
    "e": "elementary_charge",
    "N_A": "avogadro_constant",
    "R": "molar_gas_constant",
    "F": "faraday_constant",
    "sigma": "stefan_boltzmann_constant",
    "epsilon_0": "vacuum_permittivity",
    "mu_0": "vacuum_permeability",
    "m_e": "electron_mass",
    "m_p": "proton_mass",
    "m_n": "neutron_mass",
    "m_u": "atomic_mass_constant",
    "g_0": "standard_gravity",
}
"""Symbols as people write them, and the names by which pint knows them (to pint itself, h is an hour)."""


@dataclass(frozen=True)
class Constant:
    """A constant of a law.

    Attributes:
        name: its symbol in expressions.
        value: in its units.
        units: as text that pint reads.
        error: the standard error of the value; 0 if it was given.
    """

    name: str
    value: float
    units: str
    error: float = 0.0

    @property
    def unit(self) -> Unit:
        """The units, read."""
        return parse(self.units)

    def __str__(self) -> str:
        # two digits of the error, and the value to the same place
        if not self.error or not math.isfinite(self.error):
            return f"{self.name} = {self.value:.9g} {self.units}".removesuffix(" 1")
        places = math.floor(math.log10(abs(self.value) or 1.0)) - math.floor(math.log10(self.error))
        digits = max(1, min(15, places + 2))
        return f"{self.name} = {self.value:.{digits}g} ± {self.error:.2g} {self.units}".removesuffix(" 1")


def read_constants(given: Constants) -> dict[str, Constant]:
    """The constants that are offered, by symbol.

    Args:
        given: symbol -> (value, "units"); or symbols of `NATURE`, or names of constants in pint such as
            "electron_mass".

    Raises:
        InputError: naming the constant that is not known, or whose value is no number other than 0.

    >>> print(read_constants(["c"])["c"])
    c = 299792458 m/s
    """
    if given is None:
        return {}
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence | set | frozenset):
        raise InputError(f"constants: expected symbols, or a mapping symbol -> (value, 'units'); given {given!r}")
    if not isinstance(given, Mapping):
        return {name: _of_nature(name) for name in given}
    found = {}
    for name, typed in given.items():
        if not isinstance(name, str) or not name:
            raise InputError(f"constants: expected symbols that are text, given {name!r}")
        if not (isinstance(typed, Sequence) and not isinstance(typed, str) and len(typed) == 2):
            raise InputError(f"constant {name!r}: expected (value, 'units'), given {typed!r}")
        value, units = typed
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value == 0:
            raise InputError(f"constant {name!r}: expected a finite number other than 0, given {value!r}")
        found[name] = Constant(name, float(value), units)
        _check_units(found[name])
    return found


def _check_units(constant: Constant) -> None:
    try:
        _ = constant.unit
    except InputError as error:
        raise InputError(f"constant {constant.name!r}: {error}") from error


def _of_nature(name: object) -> Constant:
    if not isinstance(name, str):
        raise InputError(f"constants: expected symbols that are text, given {name!r}")
    known = NATURE.get(name, name)
    try:
        # a short name that is not in the table is a unit to pint: "m" is no constant of nature
        unit = parse(known) if known in NATURE.values() or "_" in known else None
    except InputError:
        unit = None
    if unit is None:
        raise InputError(
            f"constants: expected symbols among {', '.join(NATURE)}, given {name!r}; give its value and units:"
            f" {{{name!r}: (value, 'units')}}"
        )
    return Constant(name, unit.factor, _si(unit))


def _si(unit: Unit) -> str:
    """The SI base units of a unit as text."""
    from physym.units.monomials import text
    from simulators.units import BASE

    return text({base: power for base, power in zip(BASE, unit.exponents, strict=True) if power})
