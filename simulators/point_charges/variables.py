"""The physical types of the variables of charged bodies and of the field that they make."""

from __future__ import annotations

from simulators.schema import Variable

__all__ = ["PARAMETERS", "PER_BODY", "PER_SAMPLE", "POSITIVE", "TYPES", "made"]

TYPES = {
    variable.name: variable
    for variable in (
        Variable("position", "m", "position of the body", "q", ("body",), 1),
        Variable("momentum", "kg*m/s", "momentum of the body", "p", ("body",), 1),
        Variable("charge", "C", "charge of the body", "Q", ("body",), role="parameter"),
        Variable("mass", "kg", "mass of the body", "m", ("body",), role="parameter"),
        Variable("radius", "m", "radius of the charges", "a", role="parameter"),
        Variable("permittivity", "F/m", "permittivity", "ε", role="parameter"),
        Variable("depth", "m", "depth of the plane", "h", role="parameter"),
    )
}
"""States and parameters by name, in the order of datasets."""

PER_BODY = ("charge", "mass")
PER_SAMPLE = ("radius", "permittivity", "depth")
PARAMETERS = (*PER_BODY, *PER_SAMPLE)
POSITIVE = PARAMETERS[1:]


def made(dims: tuple[str, ...]) -> tuple[Variable, Variable]:
    """What the charges make on a grid with these dimensions: their density and the field."""
    density = Variable("charge_density", "C/m**3", "charge density", "ρ", dims, role="diagnostic")
    return density, Variable("field", "V/m", "electric field", "E", dims, 1, role="diagnostic")
