"""How well laws fit against how simple they are: a row for every law that no other beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from physym.plotting.style import INK, LEARNED, PALE, TRUE, new_figure, plain

__all__ = ["Rows", "draw_pareto"]

Rows = Sequence[tuple[int, float, str]]
"""(complexity, error, formula), from the simplest on."""

_ROUNDING = 1e-16
# of the errors on the axis: beyond the smallest and the largest
_ROOM = 3.0
_ROW, _LETTERS = 0.52, 92
_MOST, _BEYOND = 20, 4


def draw_pareto(fronts: Mapping[str, Rows], chosen: Mapping[str, int] | None = None, counted: str = "terms") -> Figure:
    """One panel for every equation: its candidates from the simplest on, with their errors.

    Args:
        fronts: by the left side of the equation.
        chosen: which row of each is the law that was chosen, where that is known; of the rows beyond it four are drawn.
        counted: what the complexity counts.
    """
    chosen = chosen or {}
    fronts = {left: _shown(rows, chosen.get(left)) for left, rows in fronts.items()}
    sizes = [len(rows) + 1.6 for rows in fronts.values()]
    figure = new_figure(8.5, _ROW * sum(sizes) + 0.3)
    panels = figure.subplots(len(fronts), 1, squeeze=False, height_ratios=sizes)[:, 0]
    for axes, (left, rows) in zip(panels, fronts.items(), strict=True):
        _draw(axes, left, rows, chosen.get(left), counted)
    panels[-1].set_xlabel("error relative to what is explained")
    return figure


def _shown(rows: Rows, chosen: int | None) -> Rows:
    """Up to a few beyond the chosen one: what is longer only fits noise."""
    return rows[: max(_MOST if chosen is None else chosen + 1 + _BEYOND, 1)]


def _draw(axes: Axes, left: str, rows: Rows, chosen: int | None, counted: str) -> None:
    errors = np.maximum([error for _, error, _ in rows], _ROUNDING)
    places = np.arange(len(rows))
    low, high = float(errors.min()) / _ROOM, float(errors.max()) * _ROOM
    for place, error, (_, _, formula) in zip(places, errors, rows, strict=True):
        best = place == chosen
        colour = LEARNED if best else TRUE
        axes.plot([low, error], [place, place], color=colour, lw=1.6, alpha=1.0 if best else 0.45, zorder=2)
        axes.plot([error], [place], "o", color=colour, ms=7 if best else 5.5, zorder=3)
        axes.annotate(
            f"{left} = {plain(formula, _LETTERS)}", (0, place), (2, 4), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=9, color=INK if best else PALE,
            fontweight="bold" if best else "normal", va="bottom", ha="left", zorder=4,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.5, -0.9)
    axes.set_yticks(places, [str(count) for count, _, _ in rows])
    axes.set_ylabel(counted)
    axes.grid(visible=False, axis="y")
    axes.set_title(f"Candidates for {plain(left)}" + ("" if chosen is None else ": the chosen one is orange"))
