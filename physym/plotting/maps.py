"""Maps of fields: true beside learned and their difference, and one dataset over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from physym.plotting.means import draw_mean
from physym.plotting.style import TRUE, axis_label, bracket, new_figure, plain
from physym.plotting.views import View, edges, views
from simulators.errors import InputError

__all__ = ["draw_comparison", "draw_fields", "moments", "scale"]

_COLUMNS = 4
_SEQUENTIAL, _DIVERGING, _NOTHING = "viridis", "RdBu_r", "#d9d9d9"
_TALLEST, _LOWEST = 1.6, 0.22
_UNIFORM = 1e-9
_BESIDE, _LOW = 1.1, 0.7
_STEPS = (1, 2, 2.5, 5, 10)


def moments(times: int, columns: int = _COLUMNS, *, first: bool = False) -> list[int]:
    """Indices of evenly spread times to show, the last among them; the first only if asked for or alone."""
    count = min(columns, times) if first else min(columns, max(times - 1, 1))
    return sorted({round(n) for n in np.linspace(0 if first else (times - 1) / count, times - 1, count)})


def scale(values: np.ndarray, *, signed: bool) -> tuple[Normalize, str]:
    """Limits and colours that fit finite values, about zero if they have signs."""
    held = values[np.isfinite(values)]
    low, high = (float(held.min()), float(held.max())) if held.size else (0.0, 1.0)
    if signed:
        size = max(-low, high) or 1.0
        return Normalize(-size, size), _DIVERGING
    if high - low <= _UNIFORM * max(abs(low), abs(high)):
        low, high = low - (0.1 * abs(low) or 0.1), high + (0.1 * abs(high) or 0.1)
    return Normalize(low, high), _SEQUENTIAL


def shared(truth: np.ndarray, model: np.ndarray, *, signed: bool) -> tuple[Normalize, str]:
    """The scale of two: a model that goes further widens it, at most thrice, lest it shrink the truth to nothing."""
    low, high = float(truth.min()), float(truth.max())
    room = high - low
    return scale(np.append(truth.ravel(), np.clip(model, low - room, high + room)), signed=signed)


def apart(truth: np.ndarray, model: np.ndarray) -> tuple[Normalize, str]:
    """The scale of their difference, about zero; rounding does not count."""
    size = float(np.abs(truth).max()) or 1.0
    return scale(np.append((model - truth).ravel(), _UNIFORM * size), signed=True)


def draw_comparison(truth: xr.Dataset, prediction: xr.Dataset, view: View, title: str) -> Figure:
    """One view of one sample: truth, model and model minus truth, at several times; along a line, over all times.

    Each time has its own colours, which truth and model share: a pattern shows though the mean has changed more.

    Args:
        truth: one sample; its times are shown.
        prediction: the same, NaN from where its rollout diverged.
        view: of the two.
        title: what to say above it.
    """
    a, b = view.maps
    if len(view.plane) == 1:
        return _draw_lines(a, b, view, title)
    shown = moments(truth.sizes["time"])
    rows = [a.isel(time=shown), b.isel(time=shown), (b - a).isel(time=shown)]
    figure, grid = _figure(len(rows), len(shown), a, bars=2)
    figure.suptitle(plain(title, 110), x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    for n in range(len(shown)):
        images = [row.isel(time=n) for row in rows]
        same = shared(images[0].values, images[1].values, signed=view.signed)
        difference = apart(images[0].values, images[1].values)
        for panel, image, look in zip(grid[:, n], images, (same, same, difference), strict=True):
            draw_map(panel, image, *look)
        _draw_bar(figure, grid[:2, n], same)
        _draw_bar(figure, grid[2:, n], difference)
    units = bracket(view.units).strip()
    _label(grid, a, shown, (f"truth {units}", f"model {units}", f"model − truth {units}"))
    return figure


def draw_map(axes: Axes, image: xr.DataArray, norm: Normalize, colours: str) -> None:
    """One map (y, x), a cell a square of colour; grey where there is no number."""
    up, across = image.dims
    left, bottom = edges(image[across]), edges(image[up])
    box = (left[0], left[-1], bottom[0], bottom[-1])
    axes.set_facecolor(_NOTHING)
    axes.imshow(image.values, norm=norm, cmap=colours, origin="lower", extent=box, aspect=_aspect(image))
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=_STEPS))
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=_STEPS))
    if not np.isfinite(image.values).any():
        axes.text(0.5, 0.5, "diverged", transform=axes.transAxes, ha="center", va="center", color="#555555")


def draw_fields(
    dataset: xr.Dataset, sample: int = 0, times: Sequence[float] | None = None, variables: Sequence[str] | None = None
) -> Figure:
    """One sample of fields: a map of each at several times, and its mean over space against time.

    Args:
        dataset: fields over (sample, time, y, x), or (z, y, x), of which the middle plane is shown; vectors by their
            components. Means are over all cells.
        sample: which to draw.
        times: which to show, in the units of the dataset, the nearest that there are; by default 4, the first among
            them.
        variables: names of what to show; by default all states.

    Raises:
        InputError: if there is no such sample, time or variable, or nothing over y and x and time.

    >>> import simulators
    >>> from physym.plotting import save, styled
    >>> land = simulators.Rietkerk(length=32.0)
    >>> with styled():
    ...     figure = draw_fields(land.simulate(land.sample(1), [0.0, 10.0, 20.0]), variables=["vegetation"])
    >>> [axes.get_title(loc="center") for axes in figure.axes if axes.images]
    ['t = 0 d', 't = 10 d', 't = 20 d']
    """
    one = _one(dataset, sample, variables)
    shown = _chosen(one["time"], times)
    rows = [view for view in views(one, only=variables) if len(view.plane) == 2]
    if not rows:
        raise InputError("dataset: expected fields over y and x, given none; draw others by draw_trajectory")
    figure, grid = _figure(len(rows), len(shown), rows[0].maps[0], bars=len(rows), mean=True)
    for axes, view in zip(grid, rows, strict=True):
        images = view.maps[0].isel(time=shown)
        for panel, image in zip(axes[:-1], images, strict=True):
            look = scale(image.values, signed=view.signed)
            draw_map(panel, image, *look)
            _draw_bar(figure, panel, look)
        draw_mean(axes[-1], view, ((TRUE, "-", ""),))
        if axes[0].get_aspect() == 1:
            axes[-1].set_box_aspect(_shape(images) / _BESIDE)
            axes[-1].set_anchor("N")
        for n in shown:
            axes[-1].axvline(one["time"].values[n], color="#bbbbbb", lw=0.8, ls=":")
    _label(grid[:, :-1], rows[0].maps[0], shown, [f"{view.title}{bracket(view.units)}" for view in rows])
    grid[0, -1].set_title("mean over space", fontsize=10.5, fontweight="normal", loc="center")
    grid[-1, -1].set_xlabel(axis_label(one["time"].attrs, "time"))
    return figure


def _draw_bar(figure: Figure, panels: Axes | np.ndarray, look: tuple[Normalize, str]) -> None:
    """A colour bar below."""
    bar = figure.colorbar(ScalarMappable(*look), ax=panels, location="bottom", aspect=24, pad=0.02, shrink=0.92)
    bar.ax.xaxis.set_major_locator(MaxNLocator(3, steps=_STEPS, symmetric=False))
    bar.ax.tick_params(labelsize=9)
    bar.outline.set_visible(False)


def _one(dataset: xr.Dataset, sample: int, variables: Sequence[str] | None) -> xr.Dataset:
    absent = [name for name in variables or () if name not in dataset.data_vars]
    if absent:
        known = ", ".join(map(str, dataset.data_vars))
        raise InputError(f"variables: expected names in the dataset, given {absent[0]!r}; it has {known}")
    samples = dataset.sizes.get("sample", 1)
    if not -samples <= sample < samples:
        raise InputError(f"sample: expected one of {samples}, given {sample}")
    if "time" not in dataset.dims:
        raise InputError("dataset: expected fields over time, given none with the dimension 'time'; simulate first")
    return dataset.isel(sample=sample) if "sample" in dataset.dims else dataset


def _chosen(axis: xr.DataArray, times: Sequence[float] | None) -> list[int]:
    if times is None:
        return moments(axis.size, first=True)
    values = axis.values
    for time in times:
        if not values[0] <= time <= values[-1]:
            raise InputError(f"times: expected within {values[0]:g} to {values[-1]:g}, given {time!r}")
    if not len(times):
        raise InputError("times: expected at least one, given none")
    return sorted({int(np.abs(values - time).argmin()) for time in times})


def _draw_lines(a: xr.DataArray, b: xr.DataArray, view: View, title: str) -> Figure:
    """Place across and time upwards: truth, model and difference."""
    figure = new_figure(10.5, 4.4)
    figure.suptitle(plain(title, 110), x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    grid = figure.subplots(1, 3, sharex=True, sharey=True)
    place = view.plane[0]
    same, difference = shared(a.values, b.values, signed=view.signed), apart(a.values, b.values)
    for axes, run, (norm, colours), name in zip(
        grid, (a, b, b - a), (same, same, difference), ("truth", "model", "model − truth"), strict=True
    ):
        values = run.transpose("time", place).values
        axes.set_facecolor(_NOTHING)
        axes.pcolormesh(edges(a[place]), edges(a["time"]), values, norm=norm, cmap=colours, rasterized=True)
        axes.grid(visible=False)
        axes.set_title(name, fontsize=10.5, fontweight="normal")
        axes.set_xlabel(_place(a, place))
    grid[0].set_ylabel(axis_label(a["time"].attrs, "time"))
    if a.sizes["time"] > 1:
        grid[0].set_ylim(a["time"].values[0], a["time"].values[-1])
    for part, (norm, colours), words in (
        (grid[:2], same, view.label), (grid[2:], difference, f"difference{bracket(view.units)}"),
    ):  # fmt: skip
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=part, label=words, location="bottom", aspect=40)
        bar.outline.set_visible(False)
    return figure


def _aspect(image: xr.DataArray) -> str:
    """Lengths upwards and across are alike where they have the same units and neither dwarfs the other."""
    up, across = image.dims
    same = image[up].attrs.get("units") == image[across].attrs.get("units")
    return "equal" if same and _LOWEST <= _shape(image) <= _TALLEST else "auto"


def _shape(image: xr.DataArray) -> float:
    up, across = (np.ptp(edges(image[dim])) for dim in image.dims[-2:])
    return float(up / across)


def _figure(
    rows: int, columns: int, field: xr.DataArray, *, bars: int, mean: bool = False
) -> tuple[Figure, np.ndarray]:
    """Panels of the shape of the domain with bars below, and one for the mean beside them."""
    beside = 3.3 if mean else 0.8
    panel = ((11.5 if mean else 10.5) - beside) / max(columns, 3)
    height = panel * float(np.clip(_shape(field), _LOWEST, _TALLEST))
    figure = new_figure(panel * columns + beside, rows * (height + 0.05) + 0.42 * bars + 0.9)
    figure.set_layout_engine("compressed")
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.04, hspace=0.0, wspace=0.01)
    ratios = [panel] * columns + [panel * _BESIDE] * mean
    return figure, figure.subplots(rows, columns + mean, squeeze=False, width_ratios=ratios)


def _label(grid: np.ndarray, field: xr.DataArray, shown: Sequence[int], words: Sequence[str]) -> None:
    """Times above the columns, words and places at the edges alone."""
    up, across = field.dims[-2:]
    units = str(field["time"].attrs.get("units", ""))
    for panel, n in zip(grid[0], shown, strict=True):
        panel.set_title(f"t = {field['time'].values[n]:.4g} {units}", fontsize=10.5, fontweight="normal", loc="center")
    for axes, word in zip(grid, words, strict=True):
        # a low panel has no room for units on the same line
        word = word.replace(" [", "\n[") if _shape(field) < _LOW else word
        axes[0].set_ylabel(f"{word}\n{_place(field, up)}", linespacing=1.3)
        for panel in axes[1:]:
            panel.set_yticklabels([])
    for axes in grid[:-1]:
        for panel in axes:
            panel.set_xticklabels([])
    for panel in grid[-1]:
        panel.set_xlabel(_place(field, across))


def _place(field: xr.DataArray, dim: str) -> str:
    return f"{dim}{bracket(field[dim].attrs.get('units', '1'))}"
