"""Dimensions of typed variables, and changes of units.

The size of every base unit is a convention. If it becomes 1/λ of what it was, a value with units kg^a m^b s^c becomes

    value → value · λ_kg^a λ_m^b λ_s^c,

and the law that holds between the values must not notice: a passive symmetry, parameters included.
"""

from __future__ import annotations

from fractions import Fraction
from numbers import Real
from typing import overload

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.units import BASE, parse

__all__ = ["dimensions", "rescale"]


@overload
def dimensions(given: str) -> dict[str, Fraction]: ...
@overload
def dimensions(given: xr.Dataset) -> dict[str, dict[str, Fraction]]: ...
def dimensions(given: str | xr.Dataset) -> dict[str, Fraction] | dict[str, dict[str, Fraction]]:
    """The exponents over the SI base units that are not zero.

    Args:
        given: units, or a dataset.

    Returns:
        Of units: the exponent of each base unit. Of a dataset: the same for each variable, and for each coordinate that
        has units, by name.

    Raises:
        InputError: if units cannot be read.
        SchemaError: if a variable does not declare its units.

    >>> {base: int(power) for base, power in dimensions("N").items()}
    {'kg': 1, 'm': 1, 's': -2}
    """
    if isinstance(given, str):
        return {base: power for base, power in zip(BASE, parse(given).exponents, strict=True) if power}
    if not isinstance(given, xr.Dataset):
        raise InputError(f"expected a dataset of typed variables, or units as text; given {type(given).__name__}")
    for name, array in given.data_vars.items():
        if "units" not in array.attrs:
            raise SchemaError(f"variable {name!r}: expected the attribute 'units', given none; declare it")
    declared = {str(name): array.attrs["units"] for name, array in given.variables.items() if "units" in array.attrs}
    return {name: dimensions(units) for name, units in declared.items()}


def rescale(dataset: xr.Dataset, **factors: float) -> xr.Dataset:
    """Express a dataset in base units of other sizes.

    Every variable, and every coordinate that has units (time, space), is multiplied by the product of
    factor^exponent, while its attribute `units` stays the same: the result describes the same physics, where each
    base unit is 1/factor of what it was.

    Args:
        dataset: typed variables.
        **factors: positive numbers by base unit: kg, m, s, A, K, mol, cd; those left out are 1.

    Raises:
        InputError: if a factor is not positive and finite, or its name is not of a base unit.
        SchemaError: if a variable does not declare its units.

    >>> import simulators
    >>> start = simulators.SpringPendulum().sample(1)
    >>> rescale(start, m=100.0).gravity.values.tolist()
    [0.0, 0.0, -100.0]
    """
    for base, factor in factors.items():
        if base not in BASE:
            raise InputError(f"expected factors of the base units {', '.join(BASE)}; given {base!r}")
        if isinstance(factor, bool) or not isinstance(factor, Real) or not 0 < factor < np.inf:
            raise InputError(f"{base}: expected a positive, finite factor, given {factor!r}")
    out, coords = {}, {}
    for name, powers in dimensions(dataset).items():
        factor = float(np.prod([factors.get(base, 1.0) ** float(power) for base, power in powers.items()]))
        array = dataset.variables[name]
        (coords if name in dataset.coords else out)[name] = array.copy(data=array.values * factor)
    return dataset.assign(out).assign_coords(coords)
