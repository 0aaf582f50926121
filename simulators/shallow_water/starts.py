"""Random starts of the shallow-water equations: balanced eddies, and water of several salinities."""

from __future__ import annotations

import numpy as np

from simulators.grid import Grid

__all__ = ["balanced", "fronts", "stream"]

_WIDTH = 0.3
"""Of the ring of wavenumbers that a random field holds, relative to its middle."""

_STEEPNESS = 1.5


def stream(grid: Grid, rng: np.random.Generator, wavelength: float, speed: float) -> np.ndarray:
    """A stream function (y, x) [m**2/s] of eddies of both senses; the flow is (-∂ψ/∂y, ∂ψ/∂x).

    Args:
        grid: of the sample.
        rng: its random stream.
        wavelength: from one eddy to the next of its sense [m].
        speed: root mean square of the velocity, by differences of order 4 [m/s].
    """
    waves = _waves(grid, rng, wavelength)
    flow = np.sqrt(np.mean(np.sum(grid.gradient(waves, 4) ** 2, axis=-1)))
    return waves * (speed / flow) if flow > 0 else np.zeros(grid.shape)


def balanced(
    grid: Grid, psi: np.ndarray, gravity: np.ndarray, coriolis: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Height η = f ψ/g (sample, y, x) and velocity u = ẑ×∇ψ (sample, y, x, i), by differences of order 4.

    Args:
        grid: of the samples.
        psi: their stream functions (sample, y, x).
        gravity: g, one for all, or one a sample.
        coriolis: f, alike.
    """
    g, f = (values.reshape(-1, 1, 1) for values in (gravity, coriolis))
    slopes = grid.gradient(psi, 4)
    return f / g * psi, np.stack([-slopes[..., 1], slopes[..., 0]], axis=-1)


def fronts(grid: Grid, rng: np.random.Generator, wavelength: float) -> np.ndarray:
    """Bodies of water marked by numbers (y, x) between -1 and 1, of mean 0, with smooth fronts between them."""
    waves = _waves(grid, rng, wavelength)
    found = np.tanh(_STEEPNESS * waves)
    return found - found.mean()


def _waves(grid: Grid, rng: np.random.Generator, wavelength: float) -> np.ndarray:
    """A smooth Gaussian random field (y, x) of mean 0 and root mean square 1 about one wavelength."""
    noise = np.fft.rfft2(rng.standard_normal(grid.shape))
    ky, kx = grid.wavenumbers()
    k = np.sqrt(kx**2 + ky**2) * (wavelength / (2 * np.pi))
    # the nearest mode there is counts as the middle of the ring where the box holds no wavelength
    middle = max(1.0, float(np.min(k[k > 0]))) if grid.size > 1 else 1.0
    noise *= np.where(k > 0, np.exp(-0.5 * ((k / middle - 1) / _WIDTH) ** 2), 0.0)
    found = np.fft.irfft2(noise, s=grid.shape)
    size = np.sqrt(np.mean(found**2))
    return found / size if size > 0 else found
