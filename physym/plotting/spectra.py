"""Power spectra of fields: how much of the variation in space has which wavelength, in whatever direction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from physym.plotting.style import LEARNED, TRUE, bracket, new_figure, plain
from simulators.errors import InputError
from simulators.schema import SPACE, names

__all__ = ["draw_spectra", "radial_spectrum"]

_MOST = 6
_DECADES = 8


def radial_spectrum(values: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The variance in space of periodic fields by wavelength, summed over directions.

        P_n = Σ_k |f_k|²,  the sum over the waves k with n - ½ <= L |k| < n + ½,

    f_k being the Fourier coefficients, k wave vectors in waves per length and L the longest side of the domain. By
    Parseval's theorem Σ_n P_n is the variance of the field, whose mean has no place in it.

    Args:
        values: (..., *space).
        spacing: the size of a cell along each of the axes of space, which are the last ones.

    Returns:
        Wavelengths L/n (shell,), falling, of the shells that have waves in them, and P (..., shell), in the squared
        units of the values.

    Raises:
        InputError: unless there are axes, and their sizes of cells are positive.
    """
    dim = len(spacing)
    if not 1 <= dim <= np.ndim(values) or not all(size > 0 for size in spacing):
        raise InputError(f"spacing: expected a positive size of cells for each axis of space, given {tuple(spacing)}")
    shape = np.shape(values)[-dim:]
    axes = tuple(range(-dim, 0))
    longest = max(cells * size for cells, size in zip(shape, spacing, strict=True))
    waves = np.meshgrid(*(np.fft.fftfreq(n, size) for n, size in zip(shape, spacing, strict=True)), indexing="ij")
    shells = np.floor(longest * np.sqrt(sum(wave**2 for wave in waves)) + 0.5).astype(int).ravel()
    power = np.abs(np.fft.fftn(values, axes=axes) / np.prod(shape)) ** 2
    flat = power.reshape(-1, shells.size)
    summed = np.array([np.bincount(shells, row, shells.max() + 1) for row in flat])
    held = np.flatnonzero(np.bincount(shells))[1:]
    return longest / held, summed[:, held].reshape(*power.shape[:-dim], held.size)


def draw_spectra(truth: xr.Dataset, prediction: xr.Dataset) -> Figure:
    """The spectrum of each field at the last time and an earlier one, true and learned, the mean of the samples.

    Of vectors and tensors the power of all components is summed. Samples whose rollout diverged before are left out of
    both.

    Args:
        truth: fields (sample, time, ...).
        prediction: the same, NaN where there is none.
    """
    shown = [name for name in names(truth, "state") if any(dim in SPACE for dim in truth[name].dims)][:_MOST]
    columns = min(len(shown), 3)
    rows = math.ceil(len(shown) / columns)
    figure = new_figure(max(3.6 * columns, 6.0), 0.6 + 3.2 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    last = truth.sizes["time"] - 1
    times = sorted({max(1, round(last / 4)), last}) if last else [0]
    for axes, name in zip(grid.flat, shown, strict=False):
        _draw(axes, truth[name], prediction[name], times)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, fontsize=9.5, handlelength=2.4)
    return figure


def _draw(axes: Axes, truth: xr.DataArray, prediction: xr.DataArray, times: Sequence[int]) -> None:
    units = str(truth["time"].attrs.get("units", ""))
    peak = 0.0
    for n in times:
        early = n != times[-1]
        a, b = truth.isel(time=n), prediction.isel(time=n)
        there = np.isfinite(b).all([dim for dim in b.dims if dim != "sample"])
        for run, colour, line, kind in ((a, TRUE, "-", "truth"), (b, LEARNED, (0, (4, 1.5)), "model")):
            kept = run.isel(sample=np.flatnonzero(there.values)) if "sample" in run.dims else run
            if not kept.size or not bool(there.any()):
                continue
            lengths, power = _spectrum(kept)
            peak = max(peak, float(power.max()))
            look = {"color": colour, "ls": line, "lw": 1.3 if early else 2.0, "alpha": 0.55 if early else 1.0}
            axes.plot(lengths, np.where(power > 0, power, np.nan), **look,
                      label=f"{kind}, t = {run['time'].item():.4g} {units}")  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    # the noise of rounding lies far below what matters
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, peak * 10.0**-_DECADES) if peak else low, high)
    if not axes.xaxis_inverted():
        axes.invert_xaxis()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(plain(truth.attrs.get("long_name", truth.name), 40), fontsize=10.5, fontweight="normal")
    place = next(dim for dim in truth.dims if dim in SPACE)
    axes.set_xlabel(f"wavelength{bracket(truth[place].attrs.get('units', '1'))}")
    squared = bracket(truth.attrs.get("units", "1")).strip()
    axes.set_ylabel("variance" + (f" [({squared[1:-1]})²]" if squared else ""))


def _spectrum(run: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Wavelengths, and power summed over components and averaged over samples."""
    space = [dim for dim in run.dims if dim in SPACE]
    spacing = [float(np.ptp(run[dim].values)) / (run.sizes[dim] - 1) if run.sizes[dim] > 1 else 1.0 for dim in space]
    values = run.transpose(*[dim for dim in run.dims if dim not in SPACE], *space).values
    lengths, power = radial_spectrum(values, spacing)
    samples = run.sizes.get("sample", 1)
    return lengths, power.reshape(-1, lengths.size).sum(axis=0) / samples
