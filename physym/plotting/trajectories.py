"""Trajectories, true against learned: bodies as paths and components, other states as components."""

from __future__ import annotations

from itertools import product

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from physym.plotting.style import COLOURS, INK, PALE, axis_label, bracket, component, new_figure, plain
from simulators.schema import names

__all__ = ["draw_trajectory", "has_bodies"]

_SHOWN_BODIES = 3
_SHOWN_COMPONENTS = 6
_TRUE = {"lw": 4.0, "alpha": 0.38}
_LEARNED = {"lw": 1.2}


def has_bodies(dataset: xr.Dataset) -> bool:
    """Whether a state gives the positions of bodies."""
    position = dataset.get("position")
    return position is not None and position.attrs.get("role") == "state" and {"body", "i"} <= set(position.dims)


def draw_trajectory(truth: xr.Dataset, prediction: xr.Dataset, sample: int, title: str) -> Figure:
    """One sample, true (broad and pale) and learned (thin and dark).

    Args:
        truth: states (sample, time, ...).
        prediction: the same.
        sample: which to draw.
        title: what to say above it.
    """
    a, b = truth.isel(sample=sample), prediction.isel(sample=sample)
    return _draw_bodies(a, b, title) if has_bodies(truth) else _draw_components(a, b, title)


def _draw_bodies(truth: xr.Dataset, prediction: xr.Dataset, title: str) -> Figure:
    a, b = (d["position"].transpose("time", "body", "i") for d in (truth, prediction))
    time, axes_names = a["time"].values, [str(label) for label in a["i"].values]
    shown = sorted({round(n) for n in np.linspace(a.sizes["body"] - 1, 0, min(_SHOWN_BODIES, a.sizes["body"]))})
    figure = new_figure(10.5, 6.0)
    layout = figure.add_gridspec(len(axes_names) + 1, 2, width_ratios=(1, 1.35))
    figure.suptitle(plain(title, 110), x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    units, symbol = a.attrs["units"], a.attrs.get("symbol", "q")
    rows = [figure.add_subplot(layout[row, 1]) for row in range(len(axes_names) + 1)]
    for body in shown:
        colour = COLOURS[body % len(COLOURS)]
        for row in range(len(axes_names)):
            _pair(rows[row], time, a[:, body, row].values, b[:, body, row].values, colour)
        distance = np.linalg.norm(a[:, body].values - b[:, body].values, axis=1)
        # they begin at the same place, to rounding, which a logarithm would stretch
        rows[-1].plot(time[1:], np.where(distance > 0, distance, np.nan)[1:], color=colour, lw=1.5)
    for row in range(len(axes_names)):
        _hold(rows[row], a[:, shown, row].values)
    for axes, label in zip(rows, [component(symbol, name) + bracket(units) for name in axes_names], strict=False):
        axes.set_ylabel(label)
        axes.set_xticklabels([])
    rows[-1].set_ylabel(f"distance{bracket(units)}")
    rows[-1].set_yscale("log")
    rows[-1].set_xlabel(axis_label(a["time"].attrs, "time"))
    for axes in rows:
        axes.set_xlim(time[0], time[-1])
        axes.yaxis.set_label_coords(-0.11, 0.5)
    if len(axes_names) > 1:
        path = figure.add_subplot(layout[:, 0])
        _draw_path(path, a, b, shown, symbol, units)
    bodies = [
        Line2D([], [], color=COLOURS[body % len(COLOURS)], lw=4, label=f"body {a['body'].values[body]}")
        for body in shown
    ]
    kinds = [
        Line2D([], [], color="#555555", label="true", **_TRUE),
        Line2D([], [], color="#111111", label="learned", **_LEARNED),
    ]
    figure.legend(
        handles=[*bodies, *kinds], loc="outside lower left", ncols=len(bodies) + 2, fontsize=10, handlelength=1.6
    )
    return figure


def _draw_path(axes: Axes, a: xr.DataArray, b: xr.DataArray, shown: list[int], symbol: str, units: str) -> None:
    """The projection on the two components that move most; the last of them upright."""
    across, up = sorted(np.argsort(a.isel(body=shown).std("time").sum("body").values)[-2:])
    for body in shown:
        _pair(
            axes,
            a[:, body, across].values,
            a[:, body, up].values,
            b[:, body, across].values,
            COLOURS[body % len(COLOURS)],
            b[:, body, up].values,
        )
        axes.plot(a[0, body, across], a[0, body, up], "o", color=INK, ms=5, zorder=5)
    begin = (float(a[0, shown[0], across]), float(a[0, shown[0], up]))
    box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75}
    axes.annotate("start", begin, xytext=(6, 6), textcoords="offset points", fontsize=9, bbox=box, zorder=6)
    seen = a.isel(body=shown).values[..., [across, up]].reshape(-1, 2)
    middle, half = (seen.max(0) + seen.min(0)) / 2, 0.55 * max((seen.max(0) - seen.min(0)).max(), 1e-300)
    # a rollout that went astray must not shrink the truth to a dot
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)
    axes.set_aspect("equal", anchor="N")
    labels = a["i"].values
    axes.set_xlabel(component(symbol, labels[across]) + bracket(units))
    axes.set_ylabel(component(symbol, labels[up]) + bracket(units))
    axes.set_title("paths", fontsize=10.5, fontweight="normal")


def _draw_components(truth: xr.Dataset, prediction: xr.Dataset, title: str) -> Figure:
    panels = _liveliest(truth)
    figure = new_figure(8.5, 1.2 + 1.55 * len(panels))
    figure.suptitle(plain(title, 90), x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, where) in zip(rows, panels, strict=True):
        a, b = (d[name].isel(where) for d in (truth, prediction))
        _pair(axes, a["time"].values, a.values, b.values, COLOURS[0])
        _hold(axes, a.values)
        labels = [truth[name][dim].values[n] if dim in truth[name].coords else n for dim, n in where.items()]
        shown = [f"{label:.4g}" if isinstance(label, float | np.floating) else str(label) for label in labels]
        axes.set_ylabel(component(a.attrs.get("symbol", name), *shown) + bracket(a.attrs["units"]))
        axes.set_title(plain(a.attrs.get("long_name", name)), fontsize=9.5, fontweight="normal")
        axes.set_xlim(a["time"][0], a["time"][-1])
    figure.align_ylabels(rows)
    rows[-1].set_xlabel(axis_label(truth["time"].attrs, "time"))
    kinds = [
        Line2D([], [], color=COLOURS[0], label="true", **_TRUE),
        Line2D([], [], color=PALE, label="learned", **_LEARNED),
    ]
    kinds[1].set_color(_dark(COLOURS[0]))
    figure.legend(handles=kinds, loc="outside lower left", ncols=2, fontsize=10)
    return figure


def _liveliest(truth: xr.Dataset) -> list[tuple[str, dict[str, int]]]:
    """For each state, where and in which component it changes most, as indices; at most 6 altogether."""
    states = names(truth, "state")[:_SHOWN_COMPONENTS]
    chosen = []
    for name in states:
        spread = truth[name].std("time")
        dims = [str(dim) for dim in spread.dims]
        # the liveliest component of each tensor index, at its own liveliest place
        indices = [dim for dim in dims if dim in ("i", "j", "k", "l")]
        corners = [
            dict(zip(indices, at, strict=True)) for at in product(*(range(spread.sizes[dim]) for dim in indices))
        ]
        best = []
        for corner in corners:
            part = spread.isel(corner)
            place = np.unravel_index(int(part.argmax()), part.shape)
            where = corner | dict(zip([str(dim) for dim in part.dims], map(int, place), strict=True))
            best.append((float(part.max()), {dim: where[dim] for dim in dims}))
        best.sort(key=lambda found: -found[0])
        chosen += [(name, where) for _, where in best[: max(1, _SHOWN_COMPONENTS // len(states))]]
    return chosen


def _pair(
    axes: Axes, x: np.ndarray, true: np.ndarray, learned: np.ndarray, colour: str, other: np.ndarray | None = None
) -> None:  # fmt: skip
    """True and learned; with `other`, `learned` is the abscissa of the learned path and `other` its ordinate."""
    axes.plot(x, true, color=colour, **_TRUE)
    if other is None:
        axes.plot(x, learned, color=_dark(colour), **_LEARNED)
    else:
        axes.plot(learned, other, color=_dark(colour), **_LEARNED)


def _hold(axes: Axes, truth: np.ndarray) -> None:
    """Keep a rollout that went astray from shrinking the truth to a line."""
    low, high = truth.min(), truth.max()
    room = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)


def _dark(colour: str) -> str:
    """The colour at half its brightness."""
    return "#" + "".join(f"{int(colour[n : n + 2], 16) // 2:02x}" for n in (1, 3, 5))
