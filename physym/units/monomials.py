"""Products of powers of variables: found by their units, and written as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import xarray as xr

from physym.units.lattice import solution
from physym.units.systems import System, system
from simulators.errors import InputError, SchemaError
from simulators.schema import Variable, names
from simulators.units import Unit

__all__ = ["Variables", "declared", "matrix", "products", "sympy_product", "text"]

Variables = xr.Dataset | Mapping[str, str | Unit | Variable]


def declared(variables: Variables) -> dict[str, tuple[str, str]]:
    """Units and symbol of each variable, by name.

    Args:
        variables: name -> units, as text or read, or `Variable`; or a typed dataset, of which the states, the
            parameters and the time are taken, or every variable if none declares a role.

    Raises:
        InputError: if there is none, or it is something else.
        SchemaError: if a variable of a dataset does not declare its units.
    """
    if isinstance(variables, xr.Dataset):
        chosen = names(variables, "state") + names(variables, "parameter") or list(map(str, variables.data_vars))
        if "time" in variables.coords and "units" in variables["time"].attrs:
            chosen.append("time")
        for name in chosen:
            if "units" not in variables[name].attrs:
                raise SchemaError(f"variable {name!r}: expected the attribute 'units', given none; declare it")
        attrs = {name: variables[name].attrs for name in chosen}
        found = {name: (own["units"], own.get("symbol", name)) for name, own in attrs.items()}
    elif isinstance(variables, Mapping):
        found = {}
        for name, given in variables.items():
            if not isinstance(name, str) or not name:
                raise InputError(f"variables: expected names that are text, given {name!r}")
            units = given.text if isinstance(given, Unit) else given
            found[name] = (given.units, given.symbol) if isinstance(given, Variable) else (units, name)
    else:
        raise InputError(f"variables: expected a Dataset or a mapping name -> units, given {type(variables).__name__}")
    if not found:
        raise InputError("variables: expected at least one, given none")
    symbols = [symbol for _, symbol in found.values()]
    unique = len(set(symbols)) == len(symbols)
    return {name: (units, symbol if unique else name) for name, (units, symbol) in found.items()}


def matrix(units: Mapping[str, str], over: System) -> list[list[Fraction]]:
    """Exponents (base unit, variable) of variables given as name -> units.

    Raises:
        InputError: naming the variable whose units cannot be read over the base units.
    """
    columns = []
    for name, own in units.items():
        try:
            columns.append(over.read(own).exponents)
        except InputError as error:
            raise InputError(f"variable {name!r}: {error}") from error
    return [list(row) for row in zip(*columns, strict=True)]


def products(variables: Variables, units: str, base: Sequence[str] | None = None) -> dict[str, Fraction]:
    """Exponents of a product of powers of the variables that has the given units, as whole and small as there are.

    Args:
        variables: name -> units, or a typed dataset.
        units: of the product.
        base: the units whose sizes may change independently; see `physym.units.dimensionless_groups`.

    Returns:
        The exponents that are not zero; none if the units are dimensionless.

    Raises:
        InputError: if units cannot be read, or no product has them; the base units that cannot be reached are named.

    >>> {name: str(power) for name, power in products({"m": "kg", "k": "kg/s**2", "x": "cm"}, "s").items()}
    {'m': '1/2', 'k': '-1/2'}
    """
    known, over = {name: own for name, (own, _) in declared(variables).items()}, system(base)
    rows, wanted = matrix(known, over), over.read(units).exponents
    found = solution(rows, len(known), wanted)
    if found is not None:
        return {name: power for name, power in zip(known, found, strict=True) if power}
    absent = [b for b, row, power in zip(over.base, rows, wanted, strict=True) if power and not any(row)]
    if absent:
        remedy = f"it needs a variable containing {' and one containing '.join(absent)}"
    else:
        some = ", ".join(b for b, power in zip(over.base, wanted, strict=True) if power)
        remedy = f"it needs a variable in which {some} stand otherwise than in these"
    given = ", ".join(f"{name} [{own}]" for name, own in known.items())
    raise InputError(f"expected variables of which a product has the units {units!r}, given {given}; {remedy}")


def text(powers: Mapping[str, int | Fraction]) -> str:
    """A product of powers, such as ``a*k2/(R*c)``; ``1`` without factors.

    >>> text({"a": 1, "k2": 2, "R": -1, "c": Fraction(-1, 2)})
    'a*k2**2/(R*c**(1/2))'
    """

    def side(sign: int) -> list[str]:
        return [
            name if abs(p) == 1 else f"{name}**{abs(p)}" if Fraction(p).denominator == 1 else f"{name}**({abs(p)})"
            for name, p in powers.items()
            if sign * p > 0
        ]

    over, under = side(1), side(-1)
    below = "" if not under else f"/{under[0]}" if len(under) == 1 else f"/({'*'.join(under)})"
    return ("*".join(over) or "1") + below


def sympy_product(powers: Mapping[str, int | Fraction]) -> Any:  # noqa: ANN401  sympy is imported only here
    """A product of powers as a SymPy expression over positive symbols."""
    import sympy

    factors = [sympy.Symbol(n, positive=True) ** sympy.Rational(Fraction(p)) for n, p in powers.items()]
    return sympy.Mul(*factors)
