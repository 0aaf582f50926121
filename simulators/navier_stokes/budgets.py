"""The budgets of the Navier-Stokes equations, means over the cells per mass.

With <.> the mean over the cells,

    energy:       d/dt ½<|u|²> = -ν <|∇u|²> + <b·u (T - <T>)>
    temperature:  d/dt <(T - <T>)²> = -2κ <|∇T|²>
    enstrophy:    d/dt ½<ω²> = -ν <|∇ω|²> + <ω ∇×(b T)>      (2-D)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simulators.navier_stokes.variables import LEDGER
from simulators.parameters import lead
from simulators.schema import Variable, conform
from simulators.units import conversion

__all__ = ["budgets"]

_KINDS = (
    Variable("energy_budget", "m**2/s**2", "kinetic energy unaccounted for", "ΔE", role="diagnostic"),
    Variable("temperature_budget", "K**2", "variance of temperature unaccounted for", "ΔV", role="diagnostic"),
    Variable("enstrophy_budget", "1/s**2", "enstrophy unaccounted for", "ΔZ", role="diagnostic"),
)


def budgets(dataset: xr.Dataset, data: xr.Dataset, found: np.ndarray, time_units: str) -> dict[str, Any]:
    """What is unaccounted for, as variables (sample, time): see `simulators.NavierStokes.budgets`.

    Args:
        dataset: as it was given, perhaps with the ledger.
        data: its states and parameters, in their units and order.
        found: (sample, time, 3, integral), what `Flow.ledger` says of the states; those dimensions that data have.
        time_units: of the parameters.
    """
    dims, sizes = lead(data)
    energy, variance = 0.5 * found[..., 2, 0], found[..., 2, 2]
    flows = _flows(dataset, data, np.moveaxis(found[..., 0, :], -1, 0), time_units)
    left = [energy + flows[0] - flows[1], variance + flows[2]]
    if len(flows) == len(LEDGER):
        left.append(0.5 * found[..., 2, 3] + flows[3] - flows[4])
    out = {}
    for kind, budget in zip(_KINDS, left, strict=False):
        change = budget - budget[..., :1] if "time" in dims else np.zeros(sizes)
        out[kind.name] = (dims, change, kind.attrs())
    return out


def _flows(dataset: xr.Dataset, data: xr.Dataset, rates: np.ndarray, time_units: str) -> np.ndarray:
    """The ledger (integral, sample, time), from the dataset or from what flows at the stored times."""
    dims, _ = lead(data)
    if data.sizes.get("time", 1) == 1:
        return np.zeros_like(rates)
    wanted = dict(list(LEDGER.items())[: len(rates)])
    if all(name in dataset for name in wanted):
        held = conform(dataset, wanted)
        return np.stack([held[name].transpose(*dims).values for name in wanted])
    from scipy.interpolate import CubicSpline

    time = dataset["time"].values * conversion(dataset["time"].attrs.get("units", time_units), time_units)
    return CubicSpline(time, rates, axis=-1).antiderivative()(time)
