#!/usr/bin/env python3
"""Draws what averaging over a group gains in linear regression: expected risks by their formulas, and measured ones.

On the left the truth is invariant: the risk of least squares, and of the same averaged over the group, for few
samples and many; both are infinite where there are about as many samples as inputs. On the right it is not quite:
averaging pays up to a number of samples, which the formulas tell.

usage: scripts/what_symmetry_buys.py [PNG]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from physym.plotting.style import INK, PALE, TRUE, new_figure, save, styled
from physym.symmetry import S
from physym.symmetry.generalisation import Regression

ROOT = Path(__file__).resolve().parents[1]
TRIALS = 1000
SIZE = 12


def main() -> None:
    """Draw both panels."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "datasets" / "what_symmetry_buys.png"
    tilted = np.ones(SIZE)
    tilted[0] = 0.4
    with styled():
        figure = new_figure(9.6, 4.2)
        panels = figure.subplots(1, 2)
        for panel, theta, counts in (
            (panels[0], np.ones(SIZE), [2, 4, 6, 8, 10, 15, 18, 24, 32, 48, 64]),
            (panels[1], tilted, [16, 20, 24, 32, 48, 64, 80, 96, 128]),
        ):
            draw(panel, Regression(theta / np.linalg.norm(theta), S(SIZE), noise=0.4), counts)
        save(figure, path)


def draw(panel: Axes, task: Regression, counts: list[int]) -> None:
    """Formulas as lines, means over trials as points with two standard errors."""
    lines = np.geomspace(counts[0], counts[-1], 1500)
    for averaged, colour, label in (
        (False, PALE, "least squares"),
        (True, TRUE, "averaged over S(12)"),
    ):
        risks = np.array([task.risk(n, averaged=averaged) for n in lines])
        panel.plot(lines, np.where(np.isfinite(risks), risks, np.nan), color=colour, label=label)
        measured = [task.measured_risks(n, TRIALS, seed=n)[int(averaged)] for n in counts]
        errors = [2 * values.std() / TRIALS**0.5 for values in measured]
        panel.errorbar(counts, [values.mean() for values in measured], errors, fmt="o", ms=4, color=colour)
    panel.set(xscale="log", yscale="log", xlabel="samples", ylabel="expected risk beyond the noise")
    panel.set_xticks([2, 4, 8, 16, 32, 64, 128], [2, 4, 8, 16, 32, 64, 128])
    panel.minorticks_off()
    panel.set_xlim(0.9 * counts[0], 1.1 * counts[-1])
    if np.isfinite(task.crossing()):
        panel.axvline(task.crossing(), color=INK, lw=0.8, ls=":")
        panel.set_title(f"Not quite invariant: it pays up to {task.crossing():.0f} samples")
    else:
        panel.axvspan(SIZE - 1, SIZE + 1, color=PALE, alpha=0.15, lw=0)
        panel.set_title("An invariant truth of 12 inputs")
        panel.set_ylim(2e-3, 30)
    panel.legend()


if __name__ == "__main__":
    main()
