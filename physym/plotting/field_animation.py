"""One field, true beside learned, as a GIF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from physym.plotting.animation import write_gif
from physym.plotting.maps import draw_map, scale
from physym.plotting.style import plain
from physym.plotting.views import View

__all__ = ["animate_field"]

_FRAMES = 60
_SECONDS = 6.0
_LARGEST = 2_000_000
_SHADES = 48


def animate_field(view: View, errors: xr.DataArray, path: Path) -> bool:
    """Write a GIF of one view of one sample over y and x: truth to the left, model to the right, the clock above.

    The colours are those of the truth in the second half of the time, since a start is often unlike all that follows.

    Args:
        view: of the truth and the prediction, (time, y, x).
        errors: the rollout error (time,) beside the clock.
        path: where to write.

    Returns:
        Whether it was written: one that would be over 2 MB, with a quarter of the frames too, is not.
    """
    a, b = (run.transpose("time", *view.plane) for run in view.maps)
    norm, colours = scale(a.values[a.sizes["time"] // 2 :], signed=view.signed)
    shape = float(np.clip(a.sizes[view.plane[0]] / a.sizes[view.plane[1]], 0.3, 1.5))
    figure = Figure(figsize=(7.6, 3.0 * shape + 1.25), dpi=90, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for panel, run, name in zip(panels, (a, b), ("truth", "model"), strict=True):
        draw_map(panel, run.isel(time=0), norm, colours)
        panel.set_title(name, fontsize=11, fontweight="normal", loc="center")
        panel.set_xlabel(f"{view.plane[1]} [{a[view.plane[1]].attrs.get('units', '1')}]")
    panels[0].set_ylabel(f"{view.plane[0]} [{a[view.plane[0]].attrs.get('units', '1')}]")
    images = [panel.images[0] for panel in panels]
    bar = figure.colorbar(images[0], ax=list(panels), label=view.label, aspect=18, pad=0.02, extend="both")
    bar.outline.set_visible(False)
    for image in images:
        image.set_animated(True)
    title = figure.suptitle(" ", x=0.02, ha="left", fontsize=11)
    canvas.draw()
    figure.set_layout_engine("none")
    title.set_visible(False)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    clock = figure.text(*title.get_position(), "", ha="left", va="top", fontsize=11, animated=True)
    ramp = np.linspace(0, 1, _SHADES)
    palette = np.concatenate([colormaps[colours](ramp)[:, :3], np.repeat(np.linspace(0, 1, 24)[:, None], 3, axis=1)])
    units = plain(a["time"].attrs.get("units", ""), 12)
    times = a.sizes["time"]
    for count in (_FRAMES, _FRAMES // 2, _FRAMES // 4):
        frames = np.unique(np.linspace(0, times - 1, min(times, count)).round().astype(int))
        pictures = []
        for n in frames:
            canvas.restore_region(background)
            for panel, image, run in zip(panels, images, (a, b), strict=True):
                image.set_data(run.values[n])
                panel.draw_artist(image)
            clock.set_text(f"t = {a['time'].values[n]:.4g} {units}     relative error {errors.values[n]:.1e}")
            figure.draw_artist(clock)
            size = canvas.get_width_height()
            held = Image.frombuffer("RGBA", size, canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
            pictures.append(held.convert("RGB"))
        write_gif(pictures, path, _SECONDS, palette)
        if path.stat().st_size <= _LARGEST:
            return True
    path.unlink()
    return False
