"""The variables of an elastic solid: their types, what is refused of them, and random pulses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.grid import Grid
from simulators.parameters import Uniform, check_sign, chosen
from simulators.schema import SPACE, Variable

__all__ = ["PARAMETERS", "check_medium", "check_symmetric", "least", "pulses", "stretched", "symmetric", "types"]

PARAMETERS = ("density", "lame_lambda", "lame_mu")
_ASYMMETRY = 0.01


def types(dimension: int) -> dict[str, Variable]:
    """The types of states and parameters by name, in 2 or 3 dimensions."""
    space = SPACE[-dimension:]
    typed = (
        Variable("velocity", "m/s", "velocity of the solid", "v", space, 1),
        Variable("stress", "Pa", "stress", "σ", space, 2),
        Variable("density", "kg/m**3", "density", "ρ", role="parameter"),
        Variable("lame_lambda", "Pa", "first Lamé parameter", "λ", role="parameter"),
        Variable("lame_mu", "Pa", "shear modulus", "μ", role="parameter"),
    )
    return {variable.name: variable for variable in typed}


def least(value: float | Sequence[float] | Uniform) -> np.ndarray:
    """The numbers of a parameter, or the lower end of its range."""
    return np.asarray(value.low if isinstance(value, Uniform) else value)


def check_medium(rho: np.ndarray, lam: np.ndarray, mu: np.ndarray) -> None:
    """Refuse a solid that is not stable.

    Raises:
        InputError: unless density ρ and shear modulus μ are positive, and λ is above -2μ/3.
    """
    for name, values in (("density", rho), ("lame_mu", mu)):
        check_sign(name, values)
    if np.size(lam) in (1, np.size(mu)) or np.size(mu) == 1:
        stiff = np.ravel(3 * lam + 2 * mu)
        if np.any(stiff <= 0):
            given = np.broadcast_to(np.ravel(lam), stiff.shape)[np.argmin(stiff)]
            raise InputError(f"lame_lambda: expected values above -2/3 lame_mu, given {given:g}; the solid is unstable")


def check_symmetric(stress: xr.DataArray) -> None:
    """Refuse a stress whose transpose differs by more than a hundredth of its root mean square.

    Raises:
        InputError: with the place where it differs most.
    """
    values = stress.values
    gap = np.abs(values - np.swapaxes(values, -1, -2))
    if gap.max() > _ASYMMETRY * np.sqrt(np.mean(values**2)):
        place = np.unravel_index(np.argmax(gap), gap.shape)
        told = ", ".join(f"{dim} {n}" for dim, n in zip(stress.dims, place, strict=True))
        raise InputError(
            f"stress: expected a symmetric tensor, given one whose transpose differs by {gap[place]:g} Pa at {told};"
            " take (σ + σᵀ)/2"
        )


def symmetric(stress: np.ndarray) -> np.ndarray:
    """The symmetric part of a tensor (..., i, j)."""
    return 0.5 * (stress + np.swapaxes(stress, -1, -2))


def stretched(gradient: np.ndarray, lam: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """λ tr(G) 1 + μ (G + Gᵀ) of a gradient (..., i, j)."""
    trace = np.trace(gradient, axis1=-2, axis2=-1)[..., None, None]
    return lam * trace * np.eye(gradient.shape[-1]) + mu * (gradient + np.swapaxes(gradient, -1, -2))


def pulses(
    grid: Grid, rng: np.random.Generator, number: int, width: float | Uniform, speed: float
) -> np.ndarray:
    """Velocity and, times the speed of P waves, displacement of one start: (2, *space, i).

    Args:
        grid: of the fields.
        rng: random stream of the start.
        number: how many pulses.
        width: standard deviation of each, or a range to draw it from.
        speed: standard deviation of the components of the velocity in a pulse.
    """
    width = chosen(width, rng)
    centres = [c[1] for c in grid.coordinates().values()]
    found = np.zeros((2, *grid.shape, grid.ndim))
    for _ in range(number):
        place, arrow = rng.random(grid.ndim), speed * rng.standard_normal((2, grid.ndim))
        bump = np.ones(())
        for x, length, part in zip(centres, grid.length[::-1], place[::-1], strict=True):
            bump = bump[..., None] * _bump(x - part * length, width, length)
        found += arrow.reshape(2, *(1,) * grid.ndim, grid.ndim) * bump[..., None]
    found[0] -= found[0].mean(axis=tuple(range(grid.ndim)))
    found[1] *= width
    return found


def _bump(x: np.ndarray, width: float, length: float) -> np.ndarray:
    """A Gaussian and its periodic images along an axis."""
    images = length * np.arange(-1 - int(9 * width / length), 2 + int(9 * width / length))
    return np.exp(-0.5 * ((x[:, None] - images) / width) ** 2).sum(axis=-1)
