"""The physical types of the variables of the Rietkerk model."""

from __future__ import annotations

from simulators.schema import Variable

__all__ = ["LEDGER", "PARAMETERS", "PLACE", "STATES", "TYPES"]

STATES = ("surface_water", "soil_water", "vegetation")
PLACE = ("y", "x")


def _variable(name: str, units: str, long_name: str, symbol: str) -> Variable:
    return Variable(name, units, long_name, symbol, role="parameter")


TYPES = {
    variable.name: variable
    for variable in (
        Variable("surface_water", "l/m**2", "surface water", "u", PLACE),
        Variable("soil_water", "l/m**2", "soil water", "w", PLACE),
        Variable("vegetation", "g/m**2", "vegetation", "v", PLACE),
        _variable("rainfall", "l/d/m**2", "rainfall", "R"),
        _variable("infiltration_rate", "1/d", "infiltration rate", "a"),
        _variable("saturation_constant", "g/m**2", "vegetation at which infiltration saturates", "k2"),
        _variable("water_infiltration_constant", "1", "infiltration without plants, relative to saturated", "W0"),
        _variable("surface_water_diffusion", "m**2/d", "diffusivity of surface water", "Du"),
        _variable("water_uptake", "l/g/d", "uptake of water by plants", "gm"),
        _variable("uptake_constant", "l/m**2", "soil water at which uptake is half saturated", "k1"),
        _variable("soil_water_loss", "1/d", "loss rate of soil water", "dw"),
        _variable("soil_water_diffusion", "m**2/d", "diffusivity of soil water", "Dw"),
        _variable("water_to_biomass", "g/l", "biomass grown from water", "c"),
        _variable("vegetation_loss", "1/d", "loss rate of vegetation", "dv"),
        _variable("vegetation_diffusion", "m**2/d", "spreading of vegetation", "Dv"),
    )
}
"""States and parameters by name, in the order of datasets and of the solver."""

PARAMETERS = tuple(name for name, variable in TYPES.items() if variable.role == "parameter")

LEDGER = {
    variable.name: variable
    for variable in (
        Variable("cumulative_rainfall", "l/m**2", "rain since the start", "ΣR", role="diagnostic"),
        Variable("cumulative_uptake", "l/m**2", "water taken up since the start", "ΣU", role="diagnostic"),
        Variable("cumulative_soil_water_loss", "l/m**2", "soil water lost since the start", "ΣE", role="diagnostic"),
        Variable("cumulative_vegetation_loss", "g/m**2", "vegetation lost since the start", "ΣM", role="diagnostic"),
    )
}
"""What came in and went out, means over the area, per sample and time."""
