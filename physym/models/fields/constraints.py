"""What all states of the training data obey exactly, and a rollout must obey too.

A velocity without divergence stays without; a symmetric stress stays symmetric; and where the data hold no waves
shorter than some, as those of a dealiased spectral scheme, nothing has taught the net what to do with such waves, which
products make at every step. Where the data are so to their rounding, the learned increment is brought back to it,

    v̂(k) - k (k·v̂(k))/|k|²     (Helmholtz: of all fields without divergence the nearest),
    (σ + σᵀ)/2,
    x̂(k) where |kᵢ| <= band along every axis, else 0,

which commutes with all symmetries of the grid. In Fourier space the highest mode of an even number of cells, whose
derivative is zero at every cell, is as if it did not vary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from simulators.grid import Grid
from simulators.schema import Variable

__all__ = ["band", "band_of", "obeyed", "solenoidal", "symmetric"]

_ROUNDING = 1e-5
_SILENT = 1e-6
_SAMPLES, _TIMES = 4, 5


def obeyed(dataset: xr.Dataset, states: Sequence[Variable], grid: Grid) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the states without divergence, and of those that are symmetric, to 1e-5 of their size.

    Args:
        dataset: training data (sample, time, ...), of which a few samples and times are looked at.
        states: their types.
        grid: theirs.
    """
    free, even = [], []
    for variable in states:
        if variable.tensor_order not in (1, 2) or grid.ndim < 2:
            continue
        values = _few(dataset, variable, grid)
        size = np.sqrt(np.mean(values**2))
        if variable.tensor_order == 2 and size > 0:
            if np.sqrt(np.mean((values - np.swapaxes(values, -1, -2)) ** 2)) < _ROUNDING * size:
                even.append(variable.name)
            continue
        slopes = grid.gradient(values, "spectral", tensor_order=1)
        spread = np.sqrt(np.mean(slopes**2))
        if spread > 0 and np.sqrt(np.mean(np.trace(slopes, axis1=-2, axis2=-1) ** 2)) < _ROUNDING * spread:
            free.append(variable.name)
    return tuple(free), tuple(even)


def band_of(dataset: xr.Dataset, states: Sequence[Variable], grid: Grid) -> float:
    """The shortest waves of all states, as a fraction of the highest wavenumber that the cells hold, at most 1.

    Waves of less than 1e-6 of a state's size are taken for rounding.

    Args:
        dataset: training data (sample, time, ...), of which a few samples and times are looked at.
        states: their types.
        grid: theirs.
    """
    axes = tuple(range(2, 2 + grid.ndim))
    found = 0.0
    for variable in states:
        values = _few(dataset, variable, grid)
        modes = np.abs(np.fft.fftn(values, axes=axes)) / np.prod(values.shape[2 : 2 + grid.ndim])
        largest = modes.max()
        for axis in axes:
            count = values.shape[axis]
            along = modes.max(axis=tuple(n for n in range(modes.ndim) if n != axis))
            heard = np.abs(np.fft.fftfreq(count, 1 / count))[along > _SILENT * largest]
            found = max(found, 2 * float(heard.max(initial=0.0)) / count)
    # halfway to the first wave that is not there
    widest = max(dataset.sizes[dim] for dim in grid.dims)
    return 1.0 if found + 1 / widest >= 1 else found + 1 / widest


def _few(dataset: xr.Dataset, variable: Variable, grid: Grid) -> np.ndarray:
    """A state at a few samples and times, with the axes of space after them."""
    times = np.unique(np.linspace(0, dataset.sizes["time"] - 1, _TIMES).round().astype(int))
    few = dataset[variable.name].isel(sample=slice(_SAMPLES), time=times)
    return np.asarray(few.transpose("sample", "time", *grid.dims, ...).values, dtype=np.float64)


def band(fields: torch.Tensor, dim: int, highest: float) -> torch.Tensor:
    """The waves of fields (batch, entries, *space) up to a fraction of the highest wavenumber along every axis."""
    axes = tuple(range(2, 2 + dim))
    modes = torch.fft.rfftn(fields, dim=axes)
    for axis in axes:
        count = fields.shape[axis]
        frequency = (torch.fft.rfftfreq if axis == axes[-1] else torch.fft.fftfreq)(count, dtype=torch.float64)
        kept = (2 * frequency.abs() <= highest).to(fields.device, fields.dtype)
        modes = modes * kept.reshape(-1, *(1,) * (axes[-1] - axis))
    return torch.fft.irfftn(modes, s=fields.shape[2:], dim=axes)


def solenoidal(fields: torch.Tensor, cell: Sequence[float]) -> torch.Tensor:
    """The vector fields without divergence that are nearest to some, (batch, dim, *space).

    Args:
        fields: components (x, y, z), before the axes of space (z, y, x).
        cell: sizes of a cell (x, y, z), in any unit.
    """
    dim, space = len(cell), fields.shape[2:]
    modes = torch.fft.rfftn(fields, dim=tuple(range(2, 2 + dim)))
    waves = []
    for component, size in enumerate(cell):
        axis = dim - 1 - component
        count = space[axis]
        half = axis == dim - 1
        frequency = (torch.fft.rfftfreq if half else torch.fft.fftfreq)(count, d=size, dtype=fields.dtype)
        if count % 2 == 0:
            frequency[count // 2] = 0.0
        waves.append(frequency.to(fields.device).reshape(-1, *(1,) * (dim - 1 - axis)))
    square = sum(wave**2 for wave in waves)
    inverse = torch.where(square > 0, 1.0 / torch.where(square > 0, square, 1.0), 0.0)
    along = sum(wave * modes[:, n] for n, wave in enumerate(waves)) * inverse
    modes = torch.stack([modes[:, n] - wave * along for n, wave in enumerate(waves)], dim=1)
    return torch.fft.irfftn(modes, s=space, dim=tuple(range(2, 2 + dim)))


def symmetric(fields: torch.Tensor, dim: int) -> torch.Tensor:
    """The symmetric part of tensors of order 2, (batch, dim², *space)."""
    tensors = fields.unflatten(1, (dim, dim))
    return (0.5 * (tensors + tensors.transpose(1, 2))).flatten(1, 2)
