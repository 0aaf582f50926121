"""The budgets of water and biomass of the Rietkerk model.

    water:    d<u + w>/dt = R - <gm v w/(k1 + w)> - dw <w>
    biomass:  d<v>/dt     = c <gm v w/(k1 + w)> - dv <v>

with <.> the mean over the cells, to which diffusion adds nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simulators.parameters import arrays, lead
from simulators.rietkerk.variables import LEDGER
from simulators.schema import Variable, conform
from simulators.units import conversion

__all__ = ["budgets"]


def budgets(dataset: xr.Dataset, data: xr.Dataset, time_units: str) -> dict[str, Any]:
    """What is unaccounted for, as variables (sample, time): see `simulators.Rietkerk.conserved`.

    Args:
        dataset: as it was given, perhaps with the ledger.
        data: its states and parameters, in their units and order.
        time_units: of the parameters.
    """
    dims, sizes = lead(data)
    values = dict(zip(map(str, data.data_vars), arrays(data), strict=True))
    u, w, v = (values[name].mean(axis=(-2, -1)) for name in ("surface_water", "soil_water", "vegetation"))
    rain, uptake, water_lost, vegetation_lost = _flows(dataset, data, values, time_units)
    left = {
        "water": ("l/m**2", u + w - (rain - uptake - water_lost)),
        "biomass": ("g/m**2", v - (values["water_to_biomass"] * uptake - vegetation_lost)),
    }
    found = {}
    for name, (units, budget) in left.items():
        change = budget - budget[..., :1] if "time" in dims else np.zeros(sizes)
        kind = Variable(f"{name}_budget", units, f"{name} unaccounted for", f"Δ{name}", role="diagnostic")
        found[kind.name] = (dims, change, kind.attrs())
    return found


def _flows(
    dataset: xr.Dataset, data: xr.Dataset, values: dict[str, np.ndarray], time_units: str
) -> tuple[np.ndarray, ...]:
    """The ledger's four, from the dataset or from what flows at the stored times."""
    dims, sizes = lead(data)
    if data.sizes.get("time", 1) == 1:
        return tuple(np.zeros(sizes) for _ in LEDGER)
    if all(name in dataset for name in LEDGER):
        held = conform(dataset, LEDGER)
        return tuple(held[name].transpose(*dims).values for name in LEDGER)
    from scipy.interpolate import CubicSpline

    time = dataset["time"].values * conversion(dataset["time"].attrs.get("units", time_units), time_units)
    v, w, place = values["vegetation"], values["soil_water"], (-2, -1)
    half, gm = (values[name][..., None, None] for name in ("uptake_constant", "water_uptake"))
    rates = (
        values["rainfall"],
        np.mean(gm * v * w / (half + w), axis=place),
        values["soil_water_loss"] * w.mean(axis=place),
        values["vegetation_loss"] * v.mean(axis=place),
    )
    return tuple(CubicSpline(time, rate, axis=-1).antiderivative()(time) for rate in rates)
