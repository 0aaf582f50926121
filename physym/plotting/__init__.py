"""What people would rather look at: trajectories, fields, errors, conserved quantities, learning, things in motion.

Pictures are `matplotlib.figure.Figure` objects on the Agg backend; nothing of matplotlib's global state changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physym.plotting.animation import animate
from physym.plotting.curves import draw_drifts, draw_error, draw_learning, read_learning
from physym.plotting.field_animation import animate_field
from physym.plotting.maps import draw_comparison, draw_fields
from physym.plotting.means import draw_means
from physym.plotting.spectra import draw_spectra, radial_spectrum
from physym.plotting.style import Picture, bracket, save, styled
from physym.plotting.trajectories import draw_trajectory, has_bodies
from physym.plotting.views import has_fields, liveliest, said_plane, views

if TYPE_CHECKING:
    from physym.evaluation import Evaluation

__all__ = [
    "Picture",
    "animate",
    "animate_field",
    "draw_all",
    "draw_comparison",
    "draw_drifts",
    "draw_error",
    "draw_fields",
    "draw_learning",
    "draw_means",
    "draw_spectra",
    "draw_trajectory",
    "radial_spectrum",
    "save",
    "styled",
]


def draw_all(evaluation: Evaluation, folder: Path, run: Path | None = None) -> list[Picture]:
    """Draw all that an evaluation has into a folder, in the order of a page.

    Args:
        evaluation: what to draw.
        folder: where the PNGs and the GIF go.
        run: the run folder that may hold a learning curve.
    """
    pictures = []
    truth, prediction = evaluation.truth, evaluation.prediction
    ranking = evaluation.ranking
    middle = int(ranking[len(ranking) // 2])
    label = evaluation.labels[middle]
    fields = has_fields(truth)
    with styled():
        if fields:
            pictures += _animate_field(evaluation, folder, middle)
        elif has_bodies(truth) and truth.sizes["i"] > 1:
            animate(truth, prediction, evaluation.errors, middle, folder / "animation.gif")
            caption = (
                f"Sample {label}, whose error is the median: where the orange chain covers the blue one, the learned"
                " law is right."
            )
            pictures.append(Picture("animation.gif", "In motion", caption))
        save(draw_error(evaluation.errors, len(evaluation.diverged)), folder / "error.png")
        caption = (
            "The lower the better: the solid line is the typical error after a given time, the band holds 80% of the"
            " samples; it rises as small faults of the law add up."
        )
        pictures.append(Picture("error.png", "Rollout error against time", caption))
        if fields:
            pictures += _draw_fields(evaluation, folder, ranking)
        if evaluation.drifts:
            save(draw_drifts(evaluation.drifts), folder / "conserved.png")
            caption = "A law that conserves a quantity keeps its curve low and level; one that does not lets it climb."
            pictures.append(Picture("conserved.png", "What should not change", caption))
        if not fields:
            pictures += _draw_samples(evaluation, folder, ranking)
        curve = read_learning(run / "learning_curve.csv") if run is not None else {}
        if curve:
            save(draw_learning(curve), folder / "learning_curve.png")
            caption = (
                "How the law was learned: the curves on the left part where the model begins to learn noise by heart."
            )
            pictures.append(Picture("learning_curve.png", "Learning", caption))
    return pictures


def _animate_field(evaluation: Evaluation, folder: Path, sample: int) -> list[Picture]:
    one, other = (dataset.isel(sample=sample) for dataset in (evaluation.truth, evaluation.prediction))
    flat = [view for view in views(one, other) if len(view.plane) == 2]
    if not flat:
        return []
    view = liveliest(flat)
    if not animate_field(view, evaluation.errors.isel(sample=sample), folder / "animation.gif"):
        return []
    caption = (
        f"{view.title.capitalize()} of sample {evaluation.labels[sample]}, whose error is the median: the two should"
        f" look alike, to the place of every detail.{said_plane(one)}"
    )
    return [Picture("animation.gif", "In motion", caption)]


def _draw_fields(evaluation: Evaluation, folder: Path, ranking: np.ndarray) -> list[Picture]:
    """Maps of the median sample, and of the worst what varies most; means and spectra of all."""
    truth, prediction = evaluation.truth, evaluation.prediction
    chosen, pictures = _chosen(ranking), []
    for kind in (name for name in ("only", "median", "worst") if name in chosen):
        sample = chosen[kind]
        one, other = (dataset.isel(sample=sample) for dataset in (truth, prediction))
        shown = views(one, other)
        for view in [liveliest(shown)] if kind == "worst" and "median" in chosen else shown:
            title = _title(evaluation, kind, sample, len(ranking))
            file = f"field_{kind}_{view.key}.png"
            save(draw_comparison(one, other, view, f"{view.title}: {title[0].lower()}{title[1:]}"), folder / file)
            caption = (
                "At each time truth and model share their colours, so that a pattern shows even where the mean has"
                " changed more; the difference has its own, white where there is none."
                if len(view.plane) == 2
                else "Place across, time upwards. Truth and model share their colours; the difference has its own."
            )
            heading = f"{view.title[0].upper()}{view.title[1:]}, {kind} sample"
            pictures.append(Picture(file, heading, f"{caption}{said_plane(one)}"))
    save(draw_means(truth, prediction), folder / "means.png")
    told = ": the median of the samples, and 80% of them in the band" if len(ranking) > 1 else ""
    caption = f"The mean over all cells{told}. A law that is right in the mean may still misplace its pattern."
    pictures.append(Picture("means.png", "Means over space", caption))
    save(draw_spectra(truth, prediction), folder / "spectra.png")
    caption = (
        "Which wavelengths the variation in space has, in whatever direction: a peak is the spacing of a pattern. A law"
        " that blurs lacks power on the right, one that is noisy has too much there."
    )
    pictures.append(Picture("spectra.png", "Wavelengths of the patterns", caption))
    return pictures


def _chosen(ranking: np.ndarray) -> dict[str, int]:
    """The samples to show, by what they are."""
    chosen = {"best": int(ranking[0]), "median": int(ranking[len(ranking) // 2]), "worst": int(ranking[-1])}
    if len(ranking) < 3:
        chosen = {"best": chosen["best"], "worst": chosen["worst"]} if len(ranking) == 2 else {"only": chosen["best"]}
    return chosen


def _title(evaluation: Evaluation, kind: str, sample: int, samples: int) -> str:
    error = float(np.exp(np.log(evaluation.errors.values[sample]).mean()))
    label = evaluation.labels[sample]
    title = f"{kind.capitalize()} of {samples} samples, sample {label}: error {error:.2g}"
    when = evaluation.diverged.get(label)
    units = bracket(evaluation.errors["time"].attrs["units"]).replace("[", "").replace("]", "")
    return title if when is None else f"{title}; its rollout diverged at {when:.3g}{units}"


def _draw_samples(evaluation: Evaluation, folder: Path, ranking: np.ndarray) -> list[Picture]:
    pictures = []
    for name, sample in _chosen(ranking).items():
        title = _title(evaluation, name, sample, len(ranking))
        save(
            draw_trajectory(evaluation.truth, evaluation.prediction, sample, title),
            folder / f"trajectory_{name}.png",
        )
        caption = (
            "Broad and pale is the truth, thin and dark the learned law; they agree where the thin line runs inside the"
            " broad one."
        )
        pictures.append(Picture(f"trajectory_{name}.png", title, caption))
    return pictures
