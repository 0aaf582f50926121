"""One chain of bodies on springs, true and learned, as a GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from physym.plotting.style import INK, LEARNED, PALE, TRUE, axis_label, bracket, component

__all__ = ["animate", "write_gif"]

_FRAMES = 150
_SECONDS = 12.0
_TRAIL = 18
_AZIMUTH, _ELEVATION = np.radians(-55.0), np.radians(14.0)
_RUNS = (("true", TRUE, 5.5, 12.0), ("learned", LEARNED, 2.0, 6.5))


def animate(truth: xr.Dataset, prediction: xr.Dataset, errors: xr.DataArray, sample: int, path: Path) -> None:
    """Write a GIF: both chains in one scene with fading trails, and the rollout error beside it.

    Args:
        truth: with the state position (sample, time, body, i); body 1 hangs from the origin, the others in a chain.
        prediction: the same.
        errors: (sample, time).
        sample: which to draw.
        path: where to write.
    """
    position = truth["position"].transpose("sample", "time", "body", "i")
    times = position.sizes["time"]
    frames = np.unique(np.linspace(0, times - 1, min(times, _FRAMES)).round().astype(int))
    basis = _camera(truth.isel(sample=sample), position.sizes["i"])
    runs = [
        d["position"].transpose("sample", "time", "body", "i")[sample].values @ basis.T for d in (truth, prediction)
    ]
    figure = Figure(figsize=(7.2, 4.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    scene = figure.add_axes((0.0, 0.09, 0.56, 0.85))
    chains = _build_scene(scene, runs, position.attrs["units"])
    _draw_compass(scene, basis, [str(label) for label in position["i"].values], str(position.attrs.get("symbol", "q")))
    time = position["time"].values
    dot = _build_error(
        figure.add_axes((0.68, 0.16, 0.29, 0.68)),
        time,
        errors.isel(sample=sample).values,
        axis_label(position["time"].attrs, "time"),
    )
    handles = [Line2D([], [], color=colour, lw=width, label=name) for name, colour, width, _ in _RUNS]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.02, 0.0), ncols=2, fontsize=10)
    clock = figure.text(0.03, 0.94, "", fontsize=11, animated=True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    pictures = []
    for index in frames:
        canvas.restore_region(background)
        for chain, run in zip(chains, runs, strict=True):
            _pose(chain, run, index)
            for artist in (chain["trail"], chain["spring"], chain["bodies"]):
                scene.draw_artist(artist)
        dot.set_data([time[index]], [errors.values[sample, index]])
        dot.axes.draw_artist(dot)
        clock.set_text(
            f"t = {time[index]:.1f}{bracket(position['time'].attrs['units']).replace('[', '').replace(']', '')}"
        )
        figure.draw_artist(clock)
        pictures.append(
            Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert(
                "RGB"
            )
        )
    write_gif(pictures, path)


def _camera(truth: xr.Dataset, dimensions: int) -> np.ndarray:
    """Rows that map a position to the picture: to the right, and up against gravity."""
    if dimensions < 3:
        return np.eye(2, dimensions)
    gravity = truth.get("gravity")
    up = np.array([0.0, 0.0, 1.0])
    if gravity is not None and gravity.dims == ("i",) and np.linalg.norm(gravity) > 0:
        up = -gravity.values / np.linalg.norm(gravity)
    side = np.eye(3)[np.argmin(np.abs(up))]
    east = np.cross(side, up) / np.linalg.norm(np.cross(side, up))
    north = np.cross(up, east)
    right = np.cos(_AZIMUTH) * east + np.sin(_AZIMUTH) * north
    away = np.cross(up, right)
    return np.stack([right, np.cos(_ELEVATION) * up + np.sin(_ELEVATION) * away])


def _build_scene(scene: Axes, runs: list[np.ndarray], units: str) -> list[dict[str, Any]]:
    """Limits, pivot and scale; the artists that move."""
    seen = np.concatenate([runs[0].reshape(-1, 2), np.zeros((1, 2))])
    low, high = seen.min(0), seen.max(0)
    size = max((high - low).max(), 1e-300)
    scene.set_xlim((low[0] + high[0]) / 2 - 0.62 * size, (low[0] + high[0]) / 2 + 0.62 * size)
    scene.set_ylim((low[1] + high[1]) / 2 - 0.57 * size, (low[1] + high[1]) / 2 + 0.57 * size)
    scene.set_aspect("equal")
    scene.set_axis_off()
    scene.plot([-0.1 * size, 0.1 * size], [0, 0], color=INK, lw=3, solid_capstyle="butt")
    step = 10.0 ** np.floor(np.log10(size / 2))
    left, bottom = scene.get_xlim()[1] - 0.06 * size - step, scene.get_ylim()[0] + 0.03 * size
    scene.plot([left, left + step], [bottom, bottom], color=PALE, lw=2, solid_capstyle="butt")
    scene.text(
        left + step / 2,
        bottom + 0.015 * size,
        f"{step:g}{bracket(units)}".replace("[", "").replace("]", ""),
        ha="center",
        fontsize=9,
        color="#555555",
    )
    chains = []
    for _, colour, width, mark in _RUNS:
        trail = LineCollection([], animated=True, linewidths=width * 0.45, capstyle="round")
        scene.add_collection(trail, autolim=False)
        (spring,) = scene.plot([], [], color=colour, lw=width * 0.5, alpha=0.9, animated=True)
        (bodies,) = scene.plot([], [], "o", color=colour, ms=mark, mec="white", mew=0.8, animated=True)
        chains.append(
            {"trail": trail, "spring": spring, "bodies": bodies, "colour": to_rgb(colour), "coil": 0.022 * size}
        )
    return chains


def _draw_compass(scene: Axes, basis: np.ndarray, labels: list[str], symbol: str) -> None:
    """Which way the axes point."""
    origin = np.array([0.1, 0.12])
    for n, label in enumerate(labels):
        tip = origin + 0.075 * basis[:, n]
        scene.annotate(
            "",
            tip,
            origin,
            xycoords="axes fraction",
            arrowprops={"arrowstyle": "-|>", "color": PALE, "lw": 1.1, "shrinkA": 0, "shrinkB": 0},
        )
        text = origin + (0.075 + 0.035 / max(np.linalg.norm(basis[:, n]), 0.3)) * basis[:, n]
        scene.text(
            *text,
            component(symbol, label),
            transform=scene.transAxes,
            fontsize=9,
            color="#555555",
            ha="center",
            va="center",
        )


def _build_error(axes: Axes, time: np.ndarray, values: np.ndarray, label: str) -> Line2D:
    axes.plot(time, values, color=INK, lw=1.3)
    axes.set_yscale("log")
    axes.set_ylim(
        10.0 ** np.floor(np.log10(values[1:].min())),
        10.0 ** max(np.ceil(np.log10(values.max())), np.floor(np.log10(values[1:].min())) + 1),
    )
    axes.set_xlim(time[0], time[-1])
    axes.set_title("relative error", fontsize=10.5, fontweight="normal")
    axes.set_xlabel(label)
    (dot,) = axes.plot([], [], "o", color=LEARNED, ms=8, mec="white", animated=True, clip_on=False)
    return dot


def _pose(chain: dict[str, Any], run: np.ndarray, index: int) -> None:
    """Move the artists of one chain to one time."""
    joints = np.vstack([np.zeros(2), run[index]])
    chain["bodies"].set_data(joints[1:, 0], joints[1:, 1])
    coils = [_zigzag(joints[n], joints[n + 1], chain["coil"]) for n in range(len(joints) - 1)]
    chain["spring"].set_data(*np.concatenate(coils).T)
    past = run[max(0, index - _TRAIL) : index + 1]
    lines = np.stack([past[:-1], past[1:]], axis=2).reshape(-1, 2, 2)
    share = np.repeat(np.linspace(0.0, 1.0, len(past))[1:], run.shape[1])
    # mixed with white instead of transparent: few colours make a small GIF
    fade = (np.round(share * 6) / 6 * 0.75)[:, None]
    chain["trail"].set_segments(lines)
    chain["trail"].set_color(fade * np.array(chain["colour"]) + (1 - fade))


def _zigzag(a: np.ndarray, b: np.ndarray, width: float, turns: int = 12) -> np.ndarray:
    along = np.linspace(0.0, 1.0, turns + 1)
    aside = width * np.where(np.arange(turns + 1) % 2, 1.0, -1.0)
    aside[[0, 1, -2, -1]] = 0.0
    length = np.linalg.norm(b - a)
    normal = np.array([a[1] - b[1], b[0] - a[0]]) / (length if length > 0 else 1.0)
    return a + along[:, None] * (b - a) + aside[:, None] * normal


def write_gif(
    pictures: list[Image.Image], path: Path, seconds: float = _SECONDS, colours: np.ndarray | None = None
) -> None:
    """One palette for all frames: frames then differ only where something moves.

    Args:
        pictures: the frames.
        path: where to write.
        seconds: how long it runs, at most 25 frames a second.
        colours: of the palette (at most 256, 3), from 0 to 1; by default 64 taken from a few frames.
    """
    if colours is None:
        some = pictures[:: max(1, len(pictures) // 4)]
        sheet = Image.new("RGB", (some[0].width, some[0].height * len(some)))
        for n, picture in enumerate(some):
            sheet.paste(picture, (0, n * picture.height))
        palette = sheet.quantize(64, method=Image.Quantize.MEDIANCUT)
    else:
        palette = Image.new("P", (1, 1))
        palette.putpalette(np.round(255 * colours).astype(np.uint8).ravel().tolist())
    held = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    duration = max(40, round(1000 * seconds / len(held) / 10) * 10)
    held[0].save(path, save_all=True, append_images=held[1:], duration=duration, loop=0, optimize=False)
