"""Waves in an isotropic elastic solid, mode by mode, exactly.

In the Fourier mode exp(i k·x) with n = k/|k| only the traction s = σ·n pulls on the velocity v. Along n and across it

    ρ ∂v_n/∂t = i|k| s_n,  ∂s_n/∂t = i|k| (λ + 2μ) v_n       P, speed c_p = sqrt((λ + 2μ)/ρ)
    ρ ∂v_t/∂t = i|k| s_t,  ∂s_t/∂t = i|k| μ v_t              S, speed c_s = sqrt(μ/ρ)

so that after a time t, with ω = c|k| and the impedance Z = ρ c of either wave,

    v(t) = v cos ωt + (i s/Z) sin ωt,  s(t) = s cos ωt + i Z v sin ωt.

The strain that the velocity made meanwhile follows from the change of s, and with it the change of the whole stress,

    Δσ = λ/(λ + 2μ) Δs_n 1 + 2μ/(λ + 2μ) Δs_n n⊗n + Δs_t⊗n + n⊗Δs_t,

which has the traction Δs. What of σ has no traction, σ - L(s) with L the map above, no wave carries: it stays.

The highest mode of an even number of cells has no derivative along its axis (see `simulators.grid`): that component of
k is 0 there. So k(-m) = -k(m) for every mode m of a real field, reflections and turns of the grid turn k along, and the
flow is exactly that of the discrete equations with spectral derivatives.
"""

from __future__ import annotations

import numpy as np

from simulators.grid import Grid

__all__ = ["Modes", "pairs"]


def pairs(dimension: int) -> list[tuple[int, int]]:
    """The independent components (i, j) of a symmetric tensor."""
    return [(i, j) for i in range(dimension) for j in range(i, dimension)]


class Modes:
    """The flow of one medium on one grid.

    Args:
        grid: in 2 or 3 dimensions.
        density: ρ.
        lame_lambda: λ.
        lame_mu: μ.
    """

    def __init__(self, grid: Grid, density: float, lame_lambda: float, lame_mu: float) -> None:
        self.grid = grid
        waves = []
        for count, wave in zip(grid.shape, grid.wavenumbers(), strict=True):
            if count % 2 == 0:
                wave.flat[count // 2] = 0.0
            waves.append(wave)
        k = np.stack(np.broadcast_arrays(*waves[::-1]))
        self._k = np.sqrt(np.sum(k**2, axis=0))
        self._n = k / np.where(self._k > 0, self._k, 1.0)
        self._p, self._s = np.sqrt((lame_lambda + 2 * lame_mu) / density), np.sqrt(lame_mu / density)
        self._density = density
        self._bulk = lame_lambda / (lame_lambda + 2 * lame_mu)
        self._shear = 2 * lame_mu / (lame_lambda + 2 * lame_mu)

    def run(self, velocity: np.ndarray, stress: np.ndarray, elapsed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The fields after each of the elapsed times, every one computed from the start.

        Args:
            velocity: (*space, i).
            stress: (*space, i, j), symmetric.
            elapsed: (time,).

        Returns:
            Velocity (time, *space, i) and stress (time, *space, i, j), as they were where the time is 0.
        """
        from scipy import fft

        space, d = tuple(range(1, velocity.ndim)), velocity.shape[-1]
        both = np.concatenate([np.moveaxis(velocity, -1, 0), [stress[..., i, j] for i, j in pairs(d)]])
        start = fft.rfftn(both, axes=space)
        traction = self._traction(start[d:])
        along = [np.sum(self._n * part, axis=0) for part in (start[:d], traction)]
        across = [part - self._n * a for part, a in zip((start[:d], traction), along, strict=True)]
        velocities, stresses = np.empty((elapsed.size, *velocity.shape)), np.empty((elapsed.size, *stress.shape))
        for row, time in enumerate(elapsed):
            if time == 0:
                velocities[row], stresses[row] = velocity, stress
                continue
            v_n, s_n = self._turned(*along, self._p, time)
            v_t, s_t = self._turned(*across, self._s, time)
            modes = start.copy()
            modes[:d] += self._n * v_n + v_t
            modes[d:] += self._made(s_n, s_t)
            found = fft.irfftn(modes, both.shape[1:], axes=space, overwrite_x=True)
            velocities[row] = np.moveaxis(found[:d], 0, -1)
            for part, (i, j) in zip(found[d:], pairs(d), strict=True):
                stresses[row, ..., i, j] = stresses[row, ..., j, i] = part
        return velocities, stresses

    def residual(self, stress: np.ndarray) -> np.ndarray:
        """The part of the stress (*space, i, j) that has no traction in any mode, and stays."""
        from scipy import fft

        d = stress.shape[-1]
        parts = np.stack([stress[..., i, j] for i, j in pairs(d)])
        space = tuple(range(1, parts.ndim))
        modes = fft.rfftn(parts, axes=space)
        traction = self._traction(modes)
        along = np.sum(self._n * traction, axis=0)
        modes -= self._made(along, traction - self._n * along)
        out = np.empty_like(stress)
        for part, (i, j) in zip(fft.irfftn(modes, parts.shape[1:], axes=space), pairs(d), strict=True):
            out[..., i, j] = out[..., j, i] = part
        return out

    def _turned(self, v: np.ndarray, s: np.ndarray, speed: float, time: float) -> tuple[np.ndarray, np.ndarray]:
        """The changes of velocity and traction of one kind of wave."""
        phase, impedance = speed * time * self._k, self._density * speed
        # cos - 1 without cancellation
        less, sine = -2 * np.sin(0.5 * phase) ** 2, 1j * np.sin(phase)
        return less * v + (sine / impedance) * s, less * s + (sine * impedance) * v

    def _traction(self, stress: np.ndarray) -> np.ndarray:
        """The traction s = σ·n (i, *modes) of the independent components (pair, *modes)."""
        out = np.zeros((len(self._n), *stress.shape[1:]), dtype=stress.dtype)
        for part, (i, j) in zip(stress, pairs(len(self._n)), strict=True):
            out[i] += part * self._n[j]
            if i != j:
                out[j] += part * self._n[i]
        return out

    def _made(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """The stress L(s) (pair, *modes) that comes with a traction along and across n."""
        n, out = self._n, []
        for i, j in pairs(len(n)):
            part = n[i] * (across[j] + self._shear * n[j] * along) + n[j] * across[i]
            out.append(part + self._bulk * along if i == j else part)
        return np.stack(out)
