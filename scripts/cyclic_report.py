#!/usr/bin/env python3
"""The cyclic group on strings of bits: ways to impose the symmetry side by side, and how many samples it saves.

Every strategy learns the longest circular run of ones from the same strings: drawn evenly, and once more with all of
them in their least rotation, as objects on photographs stand upright. Then the factor by which the symmetry lowers the
number of samples is measured against N: of a table, in closed form and by drawing, and of kernel regression.

usage: scripts/cyclic_report.py [--N 16] [--train 500] [--seed 0] [--steps 1500] [--sizes 6 8 ...] [--figure PNG]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("physym") is None:
    if not PYTHON.exists() or Path(sys.prefix) == PYTHON.parents[1]:
        sys.exit("expected physym, given a Python without; run scripts/test, or pip install -e .")
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

# nets and matrices this small are slower on several threads
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

from physym import plotting  # noqa: E402
from physym.plotting.style import COLOURS, INK, new_figure  # noqa: E402
from physym.symmetry import cyclic  # noqa: E402

ERROR, REPEATS, SEEDS = 0.1, 5, 3


@dataclass(frozen=True)
class Saved:
    """What the symmetry saves at one N.

    Attributes:
        size: number of bits.
        table: the factor of a table, in closed form.
        drawn: the same as measured.
        kernel: the factors of kernel regression (seeds,).
    """

    size: int
    table: float
    drawn: float
    kernel: np.ndarray


def saved(size: int) -> Saved:
    """Measure one N."""
    table = cyclic.table_samples(size, orbits=False) / cyclic.table_samples(size, orbits=True)
    strings, orbits = (cyclic.draws_until(size, orbits=each, repeats=100).mean() for each in (False, True))
    kernel = [cyclic.saved_factor(size, ERROR, repeats=REPEATS, most=4096, seed=seed) for seed in range(SEEDS)]
    return Saved(size, table, strings / orbits, np.array(kernel))


def draw(reports: list[cyclic.Report], rows: list[Saved], curves: list[cyclic.LearningCurve], path: Path) -> None:
    """Coverage of a table, curves of a learner, the factor against N, and errors of all strategies."""
    with plotting.styled():
        figure = new_figure(13, 9)
        axes = figure.subplots(2, 2)
        draw_tables(axes[0, 0], reports[0].size)
        draw_curves(axes[0, 1], curves)
        draw_factors(axes[1, 0], rows)
        draw_strategies(axes[1, 1], reports)
        plotting.save(figure, path)


def draw_tables(axes: Axes, size: int) -> None:
    """The share of all strings that a table knows, expected and drawn."""
    rng, labels = np.random.default_rng(0), cyclic.orbit_table(size)
    samples = np.geomspace(1, 8 * 2**size, 100)
    dots = np.unique(np.geomspace(2, 4 * 2**size, 12).astype(int))
    for orbits, colour, name in ((True, COLOURS[0], "orbits"), (False, COLOURS[1], "strings")):
        known = [cyclic.expected_coverage(size, n, orbits=orbits) for n in samples]
        axes.plot(samples, known, color=colour, label=f"table of {name}")
        own = labels if orbits else np.arange(2**size)
        weight = np.bincount(own)
        drawn = [weight[np.unique(own[rng.integers(0, 2**size, n)])].sum() / 2**size for n in dots]
        axes.plot(dots, drawn, "o", ms=4.5, color=colour, mew=0)
    axes.plot([], [], "o", ms=4.5, color=INK, mew=0, label="as drawn")
    axes.set(xscale="log", xlabel="samples", ylabel="share of all strings known")
    axes.set_title(f"What a table knows, N = {size}")
    axes.legend(loc="upper left")


def draw_curves(axes: Axes, curves: list[cyclic.LearningCurve]) -> None:
    """The median error of kernel regression, with the range of all repetitions."""
    for curve, colour in zip(curves, (COLOURS[1], COLOURS[0]), strict=True):
        name = "kernel averaged over turns" if curve.averaged else "kernel of bits"
        axes.fill_between(
            curve.samples, curve.errors.min(axis=1), curve.errors.max(axis=1), color=colour, alpha=0.2, lw=0
        )
        axes.plot(curve.samples, np.median(curve.errors, axis=1), "o-", ms=4, color=colour, label=name)
    axes.axhline(ERROR, color=INK, lw=1, ls="--")
    axes.set(xscale="log", yscale="log", xlabel="samples", ylabel="mean square error, over the variance")
    axes.set_title(f"Longest run of ones, N = {curves[0].size}")
    axes.legend(loc="lower left")


def draw_factors(axes: Axes, rows: list[Saved]) -> None:
    """How many times fewer samples, against N."""
    sizes = np.array([row.size for row in rows])
    axes.plot(sizes, sizes, color=INK, lw=1, ls="--", label="|G| = N")
    axes.plot(sizes, [row.table for row in rows], "-", color=COLOURS[0], label="table, half of the strings: expected")
    axes.plot(sizes, [row.drawn for row in rows], "o", color=COLOURS[0], mew=0, label="as drawn")
    middle = np.array([np.median(row.kernel) for row in rows])
    ends = np.array([[row.kernel.min(), row.kernel.max()] for row in rows]).T
    bars = np.abs(ends - middle)
    label = f"kernel regression, error {ERROR:g}"
    axes.errorbar(sizes, middle, bars, fmt="s", ms=5, capsize=3, color=COLOURS[2], label=label)
    axes.set(xlabel="N", ylabel="samples without symmetry, over samples with", ylim=(0, None))
    axes.set_xticks(sizes)
    axes.set_title("How many times fewer samples")
    axes.legend(loc="upper left")


def draw_strategies(axes: Axes, reports: list[cyclic.Report]) -> None:
    """Errors of all strategies on test strings as given, and turned."""
    names = [outcome.strategy for outcome in reports[0].outcomes]
    places = np.arange(len(names))[::-1]
    even, posed = reports
    sets = (
        (0.27, even, "error", COLOURS[0], "any strings"),
        (0.0, posed, "error", COLOURS[4], "learned and tested in least rotations"),
        (-0.27, posed, "shifted", COLOURS[1], "learned in least rotations, tested on turned"),
    )
    for offset, report, field, colour, label in sets:
        values = [getattr(outcome, field) for outcome in report.outcomes]
        axes.barh(places + offset, values, 0.25, color=colour, label=label)
    axes.set_yticks(places, names)
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="mean absolute error")
    axes.set_title(f"Strategies, {even.train} strings of {even.size} bits")
    axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.38), fontsize=9)


def main() -> None:
    """Learn, measure, print the tables and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--N", type=int, default=16, help="number of bits of the strategies (16)")
    parser.add_argument("--train", type=int, default=500, help="training strings (500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1500, help="of training of each net (1500)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 6, 8, 10, 12, 14, 16], help="N of the factors")
    parser.add_argument("--figure", type=Path, default=ROOT / "benchmarks" / "cyclic_group.png", metavar="PNG")
    given = parser.parse_args()
    reports = []
    for posed in (False, True):
        reports.append(cyclic.compare(given.N, train=given.train, seed=given.seed, steps=given.steps, posed=posed))
        print(f"{reports[-1]}\n", flush=True)
    print(f"samples without the symmetry over samples with it; kernel regression to an error of {ERROR:g}")
    print(f"{'N':>4s} {'table':>8s} {'drawn':>8s} {'kernel':>8s}   all seeds")
    rows = []
    for size in given.sizes:
        rows.append(row := saved(size))
        seeds = " ".join(f"{factor:.1f}" for factor in row.kernel)
        print(f"{size:4d} {row.table:8.2f} {row.drawn:8.2f} {np.median(row.kernel):8.1f}   {seeds}", flush=True)
    largest = max(given.sizes)
    # no more than there are strings
    tops = {averaged: min(8 if averaged else 11, largest) for averaged in (False, True)}
    curves = [
        cyclic.learning_curve(largest, [2**n for n in range(1, top + 1)], averaged=averaged, repeats=REPEATS)
        for averaged, top in tops.items()
    ]
    draw(reports, rows, curves, given.figure)
    print(f"\n{given.figure}")


if __name__ == "__main__":
    main()
