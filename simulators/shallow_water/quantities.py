"""What the shallow-water equations keep, and potential vorticity."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from simulators.grid import Grid
from simulators.parameters import arrays, lead
from simulators.schema import Variable, conform
from simulators.shallow_water.variables import LOSS, PLACE, TYPES
from simulators.units import conversion

__all__ = ["kept", "potential_vorticity"]


def kept(dataset: xr.Dataset, data: xr.Dataset, rates: np.ndarray, time_units: str) -> dict[str, Any]:
    """Mass, salt, momentum and energy as variables (sample, time): see `simulators.ShallowWater.conserved`.

    Args:
        dataset: as it was given, perhaps with the energy that viscosity took.
        data: its states and parameters, in their units and order.
        rates: at which viscosity takes energy (sample, time) [m**3/s**3].
        time_units: of the parameters.
    """
    dims, _ = lead(data)
    values = dict(zip(TYPES, arrays(data), strict=True))
    depth, g = (values[name][..., None, None] for name in ("depth", "gravity"))
    velocity, thick = values["velocity"], depth + values["height"]
    momentum = np.mean(thick[..., None] * velocity, axis=(-3, -2))
    energy = np.mean(0.5 * thick * np.sum(velocity**2, axis=-1) + 0.5 * g * thick**2, axis=(-2, -1))
    time, since = np.zeros(1), np.zeros(())
    if "time" in dims:
        time = dataset["time"].values * conversion(dataset["time"].attrs.get("units", time_units), time_units)
        since = time - time[0]
    inertial = (momentum[..., 0] + 1j * momentum[..., 1]) * np.exp(1j * values["coriolis"] * since)
    found = {
        _kind("mass", "m", "mass: the mean thickness", "M"): thick.mean(axis=(-2, -1)),
        _kind("salt", "m*g/kg", "salt", "Σ"): np.mean(thick * values["salinity"], axis=(-2, -1)),
        _kind("momentum", "m**2/s", "momentum in axes of inertial oscillations", "P", 1): np.stack(
            [inertial.real, inertial.imag], axis=-1
        ),
        _kind("energy", "m**3/s**2", "energy, with what viscosity took", "E"): energy
        + _lost(dataset, time, rates, dims),
    }
    out = {kind.name: ((*dims, *kind.indices), numbers, kind.attrs()) for kind, numbers in found.items()}
    # a square is kept by no explicit method to rounding
    out["energy"][2]["closes_to"] = 0.01
    return out


def _kind(name: str, units: str, told: str, symbol: str, order: int = 0) -> Variable:
    return Variable(name, units, f"{told}, per area and density", symbol, (), order, role="diagnostic")


def _lost(dataset: xr.Dataset, time: np.ndarray, rates: np.ndarray, dims: tuple[str, ...]) -> np.ndarray:
    """What viscosity took since the first time, from the dataset or from the rates at the stored times."""
    if time.size == 1:
        return np.zeros(rates.shape)
    if LOSS.name in dataset:
        held = conform(dataset, {LOSS.name: LOSS})[LOSS.name].transpose(*dims).values
        return held - held[..., :1]
    from scipy.interpolate import CubicSpline

    return CubicSpline(time, rates, axis=-1).antiderivative()(time)


def potential_vorticity(data: xr.Dataset, grid: Grid) -> xr.DataArray:
    """(ζ + f)/D [1/m/s] (sample, time, y, x), by differences of order 4."""
    values = dict(zip(TYPES, arrays(data), strict=True))
    depth, f = (values[name][..., None, None] for name in ("depth", "coriolis"))
    curl = grid.curl(np.ascontiguousarray(values["velocity"]), 4, tensor_order=1)
    kind = Variable("potential_vorticity", "1/m/s", "potential vorticity", "q", PLACE, pseudo=1, role="diagnostic")
    found = (curl + f) / (depth + values["height"])
    dims = (*lead(data)[0], *PLACE)
    coords = {name: c for name, c in data.coords.items() if set(c.dims) <= set(dims)}
    return xr.DataArray(found, coords, dims, kind.name, kind.attrs())
