"""What the Navier-Stokes equations keep: means, and budgets of squares, all of them over the cells and per mass.

With <.> the mean over the cells,

    energy:       d/dt ½<|u|²> = -ν <|∇u|²> + <b·u (T - <T>)>
    temperature:  d/dt <(T - <T>)²> = -2κ <|∇T|²>
    enstrophy:    d/dt ½<ω²> = -ν <|∇ω|²> + <ω ∇×(b T)>      (2-D)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simulators.grid import Grid
from simulators.grid.dealiased import Dealiased
from simulators.navier_stokes.rows import rows
from simulators.navier_stokes.variables import LEDGER
from simulators.parameters import lead
from simulators.schema import Variable, conform
from simulators.threads import in_threads
from simulators.units import conversion

__all__ = ["budgets", "kept"]

_MEANS = (
    Variable("mean_velocity", "m/s", "momentum per mass", "<u>", (), 1, role="diagnostic"),
    Variable("mean_temperature", "K", "mean temperature", "<T>", role="diagnostic"),
)
_FLOWS = "with what was dissipated"
_SQUARES = (
    Variable("energy", "m**2/s**2", f"kinetic energy, {_FLOWS}, without the work of buoyancy", "E", role="diagnostic"),
    Variable("temperature_variance", "K**2", f"variance of temperature, {_FLOWS}", "V", role="diagnostic"),
    Variable("enstrophy", "1/s**2", f"enstrophy, {_FLOWS}, without what buoyancy made", "Z", role="diagnostic"),
)
_BUDGETS = (
    Variable("energy_budget", "m**2/s**2", "kinetic energy unaccounted for", "ΔE", role="diagnostic"),
    Variable("temperature_budget", "K**2", "variance of temperature unaccounted for", "ΔV", role="diagnostic"),
    Variable("enstrophy_budget", "1/s**2", "enstrophy unaccounted for", "ΔZ", role="diagnostic"),
)


def kept(dataset: xr.Dataset, data: xr.Dataset, grid: Grid, time_units: str) -> dict[str, Any]:
    """What is constant, as variables (sample, time): see `simulators.NavierStokes.conserved`.

    Args:
        dataset: as it was given, perhaps with the ledger.
        data: its states and parameters, in their units and order.
        grid: of its fields.
        time_units: of the parameters.
    """
    dims, sizes = lead(data)
    state, rates, squares = _evaluated(data, grid)
    means = state.mean(axis=tuple(range(-grid.ndim, 0))).reshape(*sizes, -1)
    flows = _flows(dataset, data, np.moveaxis(rates.reshape(*sizes, -1), -1, 0), time_units)
    energy, _, variance, *enstrophy = np.moveaxis(squares.reshape(*sizes, -1), -1, 0)
    carried = np.sum(means[..., :-1] ** 2, axis=-1)
    totals = [0.5 * (energy + carried) + flows[0] - flows[1], variance + flows[2]]
    if enstrophy:
        totals.append(0.5 * enstrophy[0] + flows[3] - flows[4])
    found: dict[str, Any] = {
        kind.name: ((*dims, *kind.indices), mean, kind.attrs())
        for kind, mean in zip(_MEANS, (means[..., :-1], means[..., -1]), strict=True)
    }
    # squares are kept by no explicit method to rounding
    for kind, total in zip(_SQUARES, totals, strict=False):
        found[kind.name] = (dims, total, kind.attrs() | {"closes_to": 1.0})
    return found


def budgets(held: xr.Dataset) -> xr.Dataset:
    """How far the squares of `kept` are from their first: see `simulators.NavierStokes.budgets`."""
    found = {}
    for square, kind in zip(_SQUARES, _BUDGETS, strict=True):
        if square.name in held:
            total = held[square.name]
            first = total.isel(time=0, drop=True) if "time" in total.dims else total
            found[kind.name] = total - first
            found[kind.name].attrs = kind.attrs()
    return xr.Dataset(found, held.coords, held.attrs)


def _evaluated(data: xr.Dataset, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States (row, field, *space), at which rates they are dissipated and made, and their squares (row, integral)."""
    from simulators.navier_stokes.flow import Flow

    space, (state, parameters) = Dealiased(grid), rows(data, grid)
    ledger = np.empty((len(state), 3, 5 if grid.ndim == 2 else 3))

    def one(row: int) -> None:
        flow = Flow(space, state[row], *(values[row] for values in parameters))
        modes = flow.modes(state[row])
        ledger[row] = flow.ledger(modes, np.zeros_like(modes))

    in_threads(one, len(state))
    return state, ledger[:, 0], ledger[:, 2]


def _flows(dataset: xr.Dataset, data: xr.Dataset, rates: np.ndarray, time_units: str) -> np.ndarray:
    """The ledger since the first time (integral, sample, time), stored or from what flows at the stored times."""
    dims, _ = lead(data)
    if data.sizes.get("time", 1) == 1:
        return np.zeros_like(rates)
    wanted = dict(list(LEDGER.items())[: len(rates)])
    if all(name in dataset for name in wanted):
        held = conform(dataset, wanted)
        stored = np.stack([held[name].transpose(*dims).values for name in wanted])
        return stored - stored[..., :1]
    from scipy.interpolate import CubicSpline

    time = dataset["time"].values * conversion(dataset["time"].attrs.get("units", time_units), time_units)
    return CubicSpline(time, rates, axis=-1).antiderivative()(time)
