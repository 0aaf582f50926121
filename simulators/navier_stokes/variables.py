"""The physical types of the variables of the Navier-Stokes equations, and which way is up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from simulators.errors import InputError
from simulators.parameters import frozen
from simulators.schema import SPACE, Variable

__all__ = ["LEDGER", "PARAMETERS", "TYPES", "types", "upward"]

PLACE = ("y", "x")

TYPES = {
    variable.name: variable
    for variable in (
        Variable("velocity", "m/s", "velocity", "u", PLACE, 1),
        Variable("temperature", "K", "temperature", "T", PLACE),
        Variable("viscosity", "m**2/s", "kinematic viscosity", "ν", role="parameter"),
        Variable("diffusivity", "m**2/s", "thermal diffusivity", "κ", role="parameter"),
        Variable("buoyancy", "m/s**2/K", "acceleration by a temperature above the mean", "b", (), 1, role="parameter"),
    )
}
"""States and parameters by name, in the order of datasets and of the solver, as they are in 2-D."""

PARAMETERS = tuple(name for name, variable in TYPES.items() if variable.role == "parameter")


def types(dimension: int) -> dict[str, Variable]:
    """The types in 2-D or in 3-D, where fields have the dimension z before y."""
    return {
        name: replace(variable, dims=SPACE[-dimension:]) if variable.dims else variable
        for name, variable in TYPES.items()
    }


def upward(buoyancy: Any, dimension: int) -> tuple[Any, ...]:  # noqa: ANN401
    """The buoyancy as a vector (i), or (sample, i), from that or from its size along the last axis.

    Raises:
        InputError: if it is neither.
    """
    value = frozen("buoyancy", buoyancy)
    if np.ndim(value) == 0:
        return (0.0,) * (dimension - 1) + (value,)
    if np.ndim(value) > 2 or np.shape(value)[-1] != dimension:
        raise InputError(
            f"buoyancy: expected one number, or a vector (i) or (sample, i) of {dimension} components, given the"
            f" shape {np.shape(value)}"
        )
    return value


def _total(name: str, units: str, long_name: str, symbol: str) -> Variable:
    return Variable(f"cumulative_{name}", units, f"{long_name} since the start", symbol, role="diagnostic")


LEDGER = {
    variable.name: variable
    for variable in (
        _total("dissipation", "m**2/s**2", "kinetic energy dissipated", "Σε"),
        _total("buoyancy_work", "m**2/s**2", "work of buoyancy", "ΣW"),
        _total("temperature_dissipation", "K**2", "variance of temperature dissipated", "Σχ"),
        _total("enstrophy_dissipation", "1/s**2", "enstrophy dissipated", "Ση"),
        _total("enstrophy_production", "1/s**2", "enstrophy made by buoyancy", "ΣP"),
    )
}
"""What came in and went out, means over the cells per mass, per sample and time; the last two in 2-D alone."""
