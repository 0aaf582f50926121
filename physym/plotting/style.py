"""How every picture looks, and what its axes say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "INK",
    "LEARNED",
    "PALE",
    "TRUE",
    "Picture",
    "axis_label",
    "bracket",
    "component",
    "new_figure",
    "plain",
    "save",
    "styled",
]

# Okabe and Ito's colours, told apart by the colour-blind
TRUE, LEARNED = "#0072B2", "#D55E00"
COLOURS = (TRUE, LEARNED, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK, PALE = "#222222", "#8a8a8a"
# sharp on a fine screen
_DPI = 150
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "text.usetex": False,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@dataclass(frozen=True)
class Picture:
    """A picture that was drawn.

    Attributes:
        file: its name.
        title: a few words.
        caption: one sentence that says what to see.
    """

    file: str
    title: str
    caption: str


def styled() -> AbstractContextManager[None]:
    """The style, for the duration of a block."""
    return mpl.rc_context({**mpl.rcParamsDefault, **_STYLE, "backend": mpl.rcParams["backend"]})


def new_figure(width: float, height: float) -> Figure:
    """An empty figure [inch] that no window knows of."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that is sharp on a fine screen."""
    figure.savefig(path, dpi=_DPI, format="png")


def plain(text: Any, length: int = 48) -> str:  # noqa: ANN401
    """Text of a file as a picture can show it: one line, no formulas, not too long."""
    line = " ".join(str(text).split())
    return (line if len(line) <= length else line[: length - 1] + "…").replace("$", r"\$")


def bracket(units: Any) -> str:  # noqa: ANN401
    """Units as people write them: "kg*m/s**2" is " [kg·m/s²]"; nothing if dimensionless."""
    digits = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
    pretty = re.sub(r"\*\*\(?(-?\d+)\)?", lambda match: match[1].translate(digits), str(units)).replace("*", "·")
    return "" if pretty.strip() in ("", "1", "dimensionless") else f" [{plain(pretty, 24)}]"


def component(symbol: Any, *indices: Any) -> str:  # noqa: ANN401
    """A symbol with indices, as a formula where it can be one."""
    name = str(symbol)
    if re.fullmatch(r"[A-Za-z]", name) and all(re.fullmatch(r"\w+", str(index)) for index in indices):
        return f"${name}_{{{','.join(map(str, indices))}}}$" if indices else f"${name}$"
    return plain(" ".join([name, ",".join(map(str, indices))]).strip(), 24)


def axis_label(attrs: Mapping[str, Any], default: str = "") -> str:
    """What an axis says: the long name and the units."""
    return plain(attrs.get("long_name", default)) + bracket(attrs.get("units", "1"))
