"""Runs of scalar fields on a periodic grid as arrays, with the noise that their spectra tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import xarray as xr

from physym.discovery.system import System
from simulators.errors import InputError
from simulators.grid import Grid
from simulators.schema import SPACE

__all__ = ["FieldData"]

_NOISELESS = 3e-4
_SEEN = 0.03
_HIGH = 0.7
_FLAT = 1.5


@dataclass(frozen=True)
class FieldData:
    """Arrays of states in their declared units.

    Attributes:
        values: (field, sample, time, *space).
        times: (time,).
        grid: the periodic grid.
        noise: the standard deviation of the noise of each field (field,), 0 where it is too small to matter.
        seen: which modes of each field at each time rise out of the noise (field, time, *modes), as numbers 0 and 1.
        gain: the part of the power of these modes that is not noise (field, time, *modes).
        shells: the number of the shell of wavenumbers that a mode of `scipy.fft.rfftn` is in.
        copies: how many modes of the whole transform a mode of the halved one stands for: 1 or 2.
    """

    values: np.ndarray
    times: np.ndarray
    grid: Grid
    noise: np.ndarray
    seen: np.ndarray
    gain: np.ndarray
    shells: np.ndarray
    copies: np.ndarray

    @classmethod
    def of(cls, dataset: xr.Dataset, system: System) -> FieldData:
        """The states of runs that all lie on one grid.

        Noise is taken to be independent from cell to cell and time to time: its power is that of the shortest waves at
        the time when there is least, if it is as large for all of them.

        Raises:
            InputError: if a state is no scalar field over the grid, or there are too few times or cells.
        """
        dims = tuple(d for d in SPACE if d in dataset.dims)
        for state in system.states:
            if state.dims != dims or state.tensor_order:
                raise InputError(
                    f"state {state.name!r}: expected a scalar field over {dims} to find its equation, given one over"
                    f" {state.dims} with {state.tensor_order} indices; leave it out, or take its components' equations"
                )
        if dataset.sizes["time"] < 6:
            raise InputError(
                f"expected at least 6 times to find the equations of fields, given {dataset.sizes['time']}; store more"
            )
        grid = Grid.of(dataset)
        if min(grid.shape) < 8:
            raise InputError(f"expected at least 8 cells along every axis, given {grid.shape}")
        held = dataset if "sample" in dataset.dims else dataset.expand_dims("sample")
        arrays = [
            np.ascontiguousarray(held[s.name].transpose("sample", "time", *dims).values, dtype=np.float64)
            for s in system.states
        ]
        values = np.stack(arrays)
        constant = [s.name for s, array in zip(system.states, values, strict=True) if np.ptp(array) == 0]
        if constant:
            raise InputError(f"state {constant[0]!r}: expected a field that changes, given one number; leave it out")
        shells, copies = _shells(grid)
        power = _power(values, grid, shells, copies)
        high = slice(round(_HIGH * power.shape[-1]), None)
        sizes = np.bincount(shells.ravel(), copies.ravel())
        means = power[..., high] @ sizes[high] / sizes[high].sum()
        floor = means.min(axis=1)
        noise = np.sqrt(floor)
        # noise is as large in all shells; what falls off is a steep signal
        shown = power[np.arange(len(values)), means.argmin(axis=1)][:, high]
        third = max(1, shown.shape[1] // 3)
        noise[shown[:, :third].mean(axis=1) > _FLAT * shown[:, -third:].mean(axis=1)] = 0.0
        noise[noise < _NOISELESS * values.reshape(len(values), -1).std(axis=1)] = 0.0
        chance = 3.0 / np.sqrt(sizes * values.shape[1])
        seen = power > (1 + np.maximum(_SEEN, chance)) * (noise**2)[:, None, None]
        gain = np.maximum(1.0 - (noise**2)[:, None, None] / np.maximum(power, 1e-300), 0.0)
        times = dataset["time"].values.astype(float)
        return cls(values, times, grid, noise, seen[..., shells] * 1.0, gain[..., shells], shells, copies)

    @property
    def axes(self) -> tuple[int, ...]:
        """The space axes."""
        return tuple(range(-self.grid.ndim, 0))

    def thinned(self, every: int) -> FieldData:
        """Every so many outputs."""
        kept = slice(None, None, every)
        return replace(
            self, values=self.values[:, :, kept], times=self.times[kept], seen=self.seen[:, kept],
            gain=self.gain[:, kept],
        )  # fmt: skip

    def smooth(self, fields: np.ndarray) -> np.ndarray:
        """Fields (field, time, *space) of one sample without the modes that do not rise out of the noise."""
        return self.filtered(fields, self.seen)

    def wiener(self, fields: np.ndarray) -> np.ndarray:
        """Fields (field, time, *space) of one sample by the Wiener filter."""
        return self.filtered(fields, self.gain)

    def estimate(self, run: int, time: int) -> np.ndarray:
        """The state (field, *space) of a sample at one time by the Wiener filter.

        What is left of the noise is orthogonal to the estimate, so that a model that is run from it and fitted to what
        follows has no bias of first order in the power of the noise.
        """
        return self.filtered(self.values[:, run, [time]], self.gain[:, [time]])[:, 0]

    def spread(self, factors: np.ndarray) -> np.ndarray:
        """The standard deviation (field, time) of the noise in a cell after modes were multiplied by factors."""
        power = (self.copies * factors**2).reshape(*factors.shape[:2], -1).sum(axis=-1)
        return self.noise[:, None] * np.sqrt(power / self.grid.size)

    def filtered(self, fields: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """Fields (field, time, *space) with their modes multiplied by factors (field, time, *modes)."""
        if not self.noise.any():
            return fields
        modes = scipy.fft.rfftn(fields, axes=self.axes)
        return scipy.fft.irfftn(modes * factors, s=self.grid.shape, axes=self.axes)


def _shells(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    waves = np.sqrt(-grid.laplacian_symbol("spectral"))
    step = 2 * np.pi / max(grid.length)
    shells = np.floor(waves / step + 0.5).astype(int)
    _, shells = np.unique(shells, return_inverse=True)
    shells = shells.reshape(waves.shape)
    copies = np.full(shells.shape, 2.0)
    copies[..., 0] = 1.0
    if grid.shape[-1] % 2 == 0:
        copies[..., -1] = 1.0
    return shells, copies


def _power(values: np.ndarray, grid: Grid, shells: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """The mean power of the modes of each shell (field, time, shell); of white noise it is the variance."""
    axes = tuple(range(-grid.ndim, 0))
    fields, samples, times = values.shape[:3]
    total = np.zeros((fields, times, *shells.shape))
    for run in range(samples):
        modes = scipy.fft.rfftn(values[:, run], axes=axes, norm="ortho")
        total += modes.real**2 + modes.imag**2
    flat = (total * copies / samples).reshape(fields * times, -1)
    sizes = np.bincount(shells.ravel(), copies.ravel())
    return np.stack([np.bincount(shells.ravel(), row) for row in flat]).reshape(fields, times, -1) / sizes
