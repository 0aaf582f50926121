"""What people would rather look at: trajectories, errors, conserved quantities, learning, one pendulum in motion.

Pictures are `matplotlib.figure.Figure` objects on the Agg backend; nothing of matplotlib's global state changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from physym.plotting.animation import animate
from physym.plotting.curves import draw_drifts, draw_error, draw_learning, read_learning
from physym.plotting.style import Picture, bracket, save, styled
from physym.plotting.trajectories import draw_trajectory, has_bodies

if TYPE_CHECKING:
    from physym.evaluate import Evaluation

__all__ = [
    "Picture",
    "animate",
    "draw_all",
    "draw_drifts",
    "draw_error",
    "draw_learning",
    "draw_trajectory",
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
    with styled():
        if has_bodies(truth) and truth.sizes["i"] > 1:
            animate(truth, prediction, evaluation.errors, middle, folder / "animation.gif")
            caption = (
                f"Sample {middle}, whose error is the median: where the orange chain covers the blue one, the learned"
                " law is right."
            )
            pictures.append(Picture("animation.gif", "In motion", caption))
        save(draw_error(evaluation.errors, len(evaluation.diverged)), folder / "error.png")
        caption = (
            "The lower the better: the solid line is the typical error after a given time, the band holds 80% of the"
            " samples; it rises as small faults of the law add up."
        )
        pictures.append(Picture("error.png", "Rollout error against time", caption))
        if evaluation.drifts:
            save(draw_drifts(evaluation.drifts), folder / "conserved.png")
            caption = "A law that conserves a quantity keeps its curve low and level; one that does not lets it climb."
            pictures.append(Picture("conserved.png", "What should not change", caption))
        pictures += _draw_samples(evaluation, folder, ranking)
        curve = read_learning(run / "learning_curve.csv") if run is not None else {}
        if curve:
            save(draw_learning(curve), folder / "learning_curve.png")
            caption = (
                "How the law was learned: the curves on the left part where the model begins to learn noise by heart."
            )
            pictures.append(Picture("learning_curve.png", "Learning", caption))
    return pictures


def _draw_samples(evaluation: Evaluation, folder: Path, ranking: np.ndarray) -> list[Picture]:
    chosen = {"best": int(ranking[0]), "median": int(ranking[len(ranking) // 2]), "worst": int(ranking[-1])}
    if len(ranking) < 3:
        chosen = {"best": chosen["best"], "worst": chosen["worst"]} if len(ranking) == 2 else {"only": chosen["best"]}
    pictures = []
    for name, sample in chosen.items():
        error = float(np.exp(np.log(evaluation.errors.values[sample]).mean()))
        title = f"{name.capitalize()} sample ({sample} of {len(ranking)}): error {error:.2g}"
        when = evaluation.diverged.get(sample)
        units = bracket(evaluation.errors["time"].attrs["units"]).replace("[", "").replace("]", "")
        lost = "" if when is None else f"; its rollout diverged at {when:.3g}{units}"
        save(
            draw_trajectory(evaluation.truth, evaluation.prediction, sample, title + lost),
            folder / f"trajectory_{name}.png",
        )
        caption = (
            "Broad and pale is the truth, thin and dark the learned law; they agree where the thin line runs inside the"
            " broad one."
        )
        pictures.append(Picture(f"trajectory_{name}.png", title, caption))
    return pictures
