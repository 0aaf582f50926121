"""Means over space against time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from physym.evaluation.tables import quantile
from physym.plotting.style import LEARNED, TRUE, axis_label, new_figure
from physym.plotting.views import View, views
from simulators.schema import SPACE

__all__ = ["draw_mean", "draw_means"]

_RUNS = ((TRUE, "-", "truth"), (LEARNED, (0, (4, 1.5)), "model"))
_FLAT = 0.01
Look = tuple[str, str | tuple[int, tuple[float, float]], str]


def draw_means(truth: xr.Dataset, prediction: xr.Dataset) -> Figure:
    """Each field's mean over space against time, true and learned: the median of the samples and 80% of them.

    Args:
        truth: fields (sample, time, ...).
        prediction: the same, NaN where there is none.
    """
    shown = views(truth, prediction)
    columns = min(len(shown), 3)
    rows = math.ceil(len(shown) / columns)
    figure = new_figure(max(3.5 * columns, 6.0), 0.4 + 3.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, view in zip(grid.flat, shown, strict=False):
        draw_mean(axes, view, _RUNS)
        axes.set_title(view.title, fontsize=10.5, fontweight="normal")
        axes.set_ylabel(f"mean of {view.label}")
        axes.set_xlabel(axis_label(truth["time"].attrs, "time"))
    grid[0, 0].legend(loc="best", fontsize=9.5)
    return figure


def draw_mean(axes: Axes, view: View, looks: Sequence[Look]) -> None:
    """The mean of one view over all cells, of each run in its look."""
    drawn = []
    for run, (colour, line, name) in zip(view.runs, looks, strict=True):
        mean, time = _mean(run), run["time"].values
        if mean.ndim > 1 and len(mean) > 1:
            low, middle, high = (_shown(quantile(_order(mean), share)) for share in (0.1, 0.5, 0.9))
            axes.fill_between(time, low, high, color=colour, alpha=0.18, lw=0)
        else:
            low = middle = high = _shown(mean.reshape(-1, time.size)[0])
        axes.plot(time, middle, color=colour, ls=line, lw=1.9, label=name or None)
        drawn.append(np.concatenate([low, middle, high]))
    axes.set_xlim(time[0], time[-1])
    axes.set_ylim(*_limits(drawn, float(np.sqrt((view.runs[0] ** 2).mean()))))


def _limits(drawn: Sequence[np.ndarray], size: float) -> tuple[float, float]:
    """Around the truth, which comes first; a rollout that went astray must not shrink it to a line.

    What is constant but for rounding, beside the size of the field, is to look so.
    """
    low, high = float(drawn[0].min()), float(drawn[0].max())
    room = 0.5 * (high - low) + _FLAT * (size or 1.0)
    every = np.concatenate(drawn)
    every = np.clip(every[np.isfinite(every)], low - room, high + room)
    low, high = float(every.min()), float(every.max())
    margin = max(0.05 * (high - low), _FLAT * (size or 1.0))
    return low - margin, high + margin


def _mean(run: xr.DataArray) -> np.ndarray:
    """(sample, time) or (time,)."""
    mean = run.mean([dim for dim in run.dims if dim in SPACE])
    return mean.transpose(*[dim for dim in ("sample", "time") if dim in mean.dims]).values


def _order(values: np.ndarray) -> np.ndarray:
    """What is no number counts as beyond all others."""
    return np.where(np.isfinite(values), values, np.inf)


def _shown(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)
