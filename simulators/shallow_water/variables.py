"""The physical types of the variables of the shallow-water equations."""

from __future__ import annotations

from simulators.schema import Variable

__all__ = ["LOSS", "PARAMETERS", "PLACE", "STATES", "TYPES"]

STATES = ("height", "velocity", "salinity")
PLACE = ("y", "x")

TYPES = {
    variable.name: variable
    for variable in (
        Variable("height", "m", "surface elevation", "η", PLACE),
        Variable("velocity", "m/s", "velocity", "u", PLACE, 1),
        Variable("salinity", "g/kg", "salinity", "S", PLACE),
        Variable("gravity", "m/s**2", "gravity", "g", role="parameter"),
        Variable("coriolis", "1/s", "Coriolis parameter", "f", pseudo=1, role="parameter"),
        Variable("depth", "m", "thickness of the layer at rest", "H", role="parameter"),
        Variable("viscosity", "m**2/s", "viscosity", "ν", role="parameter"),
        Variable("diffusivity", "m**2/s", "diffusivity of salt", "κ", role="parameter"),
    )
}
"""States and parameters by name, in the order of datasets."""

PARAMETERS = tuple(name for name, variable in TYPES.items() if variable.role == "parameter")

LOSS = Variable(
    "cumulative_dissipation", "m**3/s**2", "energy that viscosity took since the start", "ΣE", role="diagnostic"
)
"""Mean over the area, per density, per sample and time."""
