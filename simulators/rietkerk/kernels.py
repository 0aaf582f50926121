"""The right-hand side of the Rietkerk model as a kernel for `simulators.integrate`.

Fields: u surface water, w soil water, v vegetation, over (y, x). Parameters, as `pack` orders them: R, a, k2, W0, gm,
k1, dw, c, dv, then D/dx**2 and D/dy**2 of u, w and v. Where both are zero the field does not diffuse here, because the
solver does it. Integrals: means over the cells of the uptake gm v w/(k1 + w) and of the losses dw w
and dv v.

Neighbours left and right, and above and below, are added first, so that a mirror image has the mirror image's rates to
the last bit, and a turned one to rounding.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from simulators.integrate import field_kernel

_REACTIONS = (
    "rainfall", "infiltration_rate", "saturation_constant", "water_infiltration_constant", "water_uptake",
    "uptake_constant", "soil_water_loss", "water_to_biomass", "vegetation_loss",
)  # fmt: skip
_DIFFUSIONS = ("surface_water_diffusion", "soil_water_diffusion", "vegetation_diffusion")
Parameters = Mapping[str, np.ndarray]


def diffusion(parameters: Parameters) -> np.ndarray:
    """Du, Dw, Dv (row, 3)."""
    return np.stack([parameters[name] for name in _DIFFUSIONS], axis=-1)


def stiff(parameters: Parameters, cell: tuple[float, ...]) -> np.ndarray:
    """Which fields (row, 3) spread between neighbouring cells faster than anything reacts."""
    growth = parameters["water_to_biomass"] * parameters["water_uptake"]
    rates = (parameters["infiltration_rate"], growth, parameters["soil_water_loss"], parameters["vegetation_loss"])
    return 4.0 * diffusion(parameters) * sum(size**-2 for size in cell) > np.max(rates, axis=0)[:, None]


def pack(parameters: Parameters, cell: tuple[float, ...], exact: np.ndarray | bool = False) -> np.ndarray:
    """The kernel's parameters (row, 15) from each parameter (row,).

    Args:
        parameters: by name.
        cell: size of a cell along x and y.
        exact: the fields (row, 3) whose diffusion the solver takes over.
    """
    left = np.where(exact, 0.0, diffusion(parameters))
    along = left[..., None] / np.square(cell)
    reactions = np.stack([parameters[name] for name in _REACTIONS], axis=-1)
    return np.concatenate([reactions, along.reshape(len(along), -1)], axis=-1)


@field_kernel
def rhs(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
    """d(u, w, v)/dt at every cell."""
    rows, columns = y.shape[1], y.shape[2]
    rain, infiltration, k2, bare = p[0], p[1], p[2], p[2] * p[3]
    gm, k1, dw, c, dv = p[4], p[5], p[6], p[7], p[8]
    line = np.empty(columns + 2)
    sums = np.zeros((3, columns))
    for i in range(rows):
        u, w, v = y[0, i], y[1, i], y[2, i]
        du, dw_dt, dv_dt = out[0, i], out[1, i], out[2, i]
        for j in range(columns):
            # one division for both quotients
            k, s = v[j] + k2, k1 + w[j]
            inverse = 1.0 / (k * s)
            inflow = infiltration * (v[j] + bare) * s * inverse * u[j]
            uptake = gm * v[j] * w[j] * k * inverse
            du[j] = rain - inflow
            dw_dt[j] = inflow - uptake - dw * w[j]
            dv_dt[j] = c * uptake - dv * v[j]
            sums[0, j] += uptake
            sums[1, j] += w[j]
            sums[2, j] += v[j]
        below, above = i - 1 if i > 0 else rows - 1, i + 1 if i < rows - 1 else 0
        for field in range(3):
            across, along = p[9 + 2 * field], p[10 + 2 * field]
            if across != 0.0 or along != 0.0:
                middle, low, high, rate = y[field, i], y[field, below], y[field, above], out[field, i]
                line[0], line[columns + 1] = middle[columns - 1], middle[0]
                for j in range(columns):
                    line[j + 1] = middle[j]
                for j in range(columns):
                    twice = 2.0 * middle[j]
                    rate[j] += across * ((line[j] + line[j + 2]) - twice) + along * ((low[j] + high[j]) - twice)
    if rates.size == 3:
        cells = rows * columns
        rates[0] = np.sum(sums[0]) / cells
        rates[1] = dw * np.sum(sums[1]) / cells
        rates[2] = dv * np.sum(sums[2]) / cells


@functools.cache
def load() -> None:
    """Load the machine code of the kernel and of the default solver from disk, or make it, which takes seconds."""
    from simulators.integrate import _exponential_loops  # noqa: F401

    rhs.compiled(3)
