"""Curves with their spread over samples: rollout error, drift of what is conserved, learning."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from physym.evaluation.drift import Drift
from physym.evaluation.tables import quantile
from physym.metrics import geometric_mean
from physym.plotting.style import COLOURS, INK, LEARNED, PALE, TRUE, axis_label, bracket, new_figure, plain

__all__ = ["draw_drifts", "draw_error", "draw_learning", "read_learning"]

_ROUNDING = 1e-17


def draw_error(errors: xr.DataArray, diverged: int = 0) -> Figure:
    """Rollout error (sample, time) against time: geometric mean, the middle 80% of samples, the worst and the best."""
    figure = new_figure(8, 4.2)
    axes = figure.subplots()
    time, values = errors["time"].values, errors.values
    if len(values) > 1:
        axes.plot(time, values.max(axis=0), color=TRUE, lw=0.9, ls=":", label="worst and best sample")
        axes.plot(time, values.min(axis=0), color=TRUE, lw=0.9, ls=":")
        axes.fill_between(
            time, quantile(values, 0.1), quantile(values, 0.9), color=TRUE, alpha=0.22, lw=0, label="10–90% of samples"
        )
    axes.plot(time, np.exp(np.log(values).mean(axis=0)), color=TRUE, lw=2.2, label="geometric mean over samples")
    overall = geometric_mean(errors)
    axes.axhline(overall, color=INK, lw=1.1, ls="--", label=f"over all times: {overall:.2g}")
    _log_limits(axes, values[:, 1:])
    axes.set_yscale("log")
    axes.set_xlim(time[0], time[-1])
    axes.set_xlabel(axis_label(errors["time"].attrs, "time"))
    axes.set_ylabel("relative error of the state")
    axes.set_title("Rollout error" + (f" ({diverged} of {len(values)} rollouts diverged)" if diverged else ""))
    axes.legend(loc="lower right", fontsize=9.5)
    return figure


def draw_drifts(drifts: Sequence[Drift]) -> Figure:
    """Drift of each conserved quantity against time, in the data and in the rollouts; one panel each."""
    columns = min(len(drifts), 2)
    rows = math.ceil(len(drifts) / columns)
    figure = new_figure(8 if columns == 1 else 10.5, 0.3 + 3.7 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(drifts) :]:
        axes.remove()
    shown = [np.maximum(run.values[:, 1:], _ROUNDING) for drift in drifts for run in (drift.data, drift.model)]
    for axes, drift in zip(grid.flat, drifts, strict=False):
        for run, colour, name in ((drift.data, TRUE, "data"), (drift.model, LEARNED, "model")):
            # the drift at the first time is zero, which a logarithm does not show
            time, values = run["time"].values[1:], np.maximum(run.values[:, 1:], _ROUNDING)
            low, middle, high = (_finite(quantile(values, share)) for share in (0.1, 0.5, 0.9))
            axes.fill_between(time, low, high, color=colour, alpha=0.2, lw=0)
            axes.plot(
                time,
                middle,
                color=colour,
                lw=1.8,
                ls="-" if run is drift.data else (0, (4, 1)),
                label=f"{name}: median, 10–90%",
            )
        axes.set_yscale("log")
        axes.set_title(f"{plain(drift.long_name, 40)}\n", fontsize=11.5)
        text = f"conserved by {plain(drift.by, 24)}; relative to {drift.size:.3g}{bracket(drift.units)}"
        axes.text(0, 1.02, text, transform=axes.transAxes, fontsize=9.5, color="#555555")
        axes.set_xlim(drift.data["time"][0], drift.data["time"][-1])
        axes.set_xlabel(axis_label(drift.data["time"].attrs, "time"))
    _log_limits(grid[0, 0], np.concatenate([values.ravel() for values in shown]))
    for row in grid:
        row[0].set_ylabel("|change since the start| / size")
    grid[0, 0].legend(loc="best", fontsize=9.5)
    return figure


def read_learning(path: Path) -> dict[str, list[float | str]]:
    """The columns of a learning curve; empty if there are not two rows of them."""
    try:
        with path.open(newline="") as file:
            rows = [
                {k: v if k == "phase" else float(v or "nan") for k, v in row.items()} for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, TypeError):
        return {}
    whole = len(rows) > 1 and {"seconds", "phase", "train", "validation"} <= rows[0].keys()
    return {key: [row[key] for row in rows] for key in rows[0]} if whole else {}


def draw_learning(curve: dict[str, list[float | str]]) -> Figure:
    """Loss on the training and the held-back part, and the rollout error, against the time spent."""
    rolled = np.array(curve.get("rollout_error", []), dtype=float)
    has_rollouts = bool(np.isfinite(rolled).any())
    figure = new_figure(10.5 if has_rollouts else 8, 4)
    panels = figure.subplots(1, 1 + has_rollouts, squeeze=False)[0]
    seconds = np.array(curve["seconds"], dtype=float)
    for name, label, style in (("train", "training part", "-"), ("validation", "held-back part", (0, (4, 1)))):
        panels[0].plot(
            seconds, np.array(curve[name], dtype=float), color=COLOURS[name != "train"], ls=style, lw=1.8, label=label
        )
    panels[0].set_title("One-step error")
    panels[0].legend(loc="best", fontsize=9.5)
    if has_rollouts:
        panels[1].plot(seconds, rolled, color=COLOURS[2], lw=1.8, drawstyle="steps-post")
        panels[1].set_title("Rollout error on the held-back part")
    for axes in panels:
        axes.set_yscale("log")
        axes.set_xlim(0, seconds[-1])
        axes.set_xlabel("time spent [s]")
        axes.xaxis.set_major_locator(MaxNLocator(7))
        _mark_phases(axes, seconds, [str(phase) for phase in curve["phase"]])
    return figure


def _mark_phases(axes: Axes, seconds: np.ndarray, phases: list[str]) -> None:
    begin = 0
    for phase, rows in groupby(phases):
        where = seconds[begin] if begin else 0.0
        if begin:
            axes.axvline(where, color=PALE, lw=0.9, ls=":")
        axes.annotate(
            plain(phase, 16), (where, 0), xycoords=("data", "axes fraction"), xytext=(4, 5), textcoords="offset points",
            fontsize=9, color="#555555", clip_on=True,
        )  # fmt: skip
        begin += len(list(rows))


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def _log_limits(axes: Axes, values: np.ndarray) -> None:
    """Whole decades around the values, and at least one."""
    held = values[np.isfinite(values) & (values > 0)]
    low, high = (np.floor(np.log10(held.min())), np.ceil(np.log10(held.max()))) if held.size else (-1, 0)
    axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
