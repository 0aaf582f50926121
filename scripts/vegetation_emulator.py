#!/usr/bin/env python3
"""How much vegetation is there after 200 days? Learned from parameters as they are, and from dimensionless groups.

Runs of the Rietkerk model on 64 x 64 cells, each with 12 parameters of its own (within a factor of 1.5 of the
standard), teach three estimators of scikit-learn to predict the spatial mean of the vegetation. Each learns from the
raw numbers, from their logarithms, and from dimensionless groups (`physym.DimensionlessRegressor`), over the SI base
units and over litres, days, metres and grams. All are tested on new runs:

- in distribution;
- rescaled: the same test runs, each in units of sizes of its own, up to a factor of 10 from the usual, so that its
  parameters leave the training range; the law says what the truth becomes;
- simulated anew: other runs, in systems whose parameters, extent and duration are all rescaled so.

Errors are root mean squares of (prediction - truth), each run's in the units in which its parameters are in the
training range, over the spread of the truth there. "Moved" is the largest change of a prediction, relative to the
largest, when all inputs are given in ml, h, km and kg.

usage: scripts/vegetation_emulator.py [--work FOLDER] [--figure PNG] [--workers N]

The simulations are kept in the folder (runs/vegetation_emulator by default), and gone on with if there are some. The
experiment is that of S. Villar, Exact and approximate symmetries in machine learning models (lecture, 2024), and of S.
Villar, W. Yao, D. W. Hogg, B. Blum-Smith and B. Dumitrascu, Dimensionless machine learning: imposing exact units
equivariance (JMLR 24, 2023).
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("physym") is None or importlib.util.find_spec("sklearn") is None:
    if not PYTHON.exists() or Path(sys.prefix) == PYTHON.parents[1]:
        sys.exit("expected physym and scikit-learn, given a Python without; pip install -e .[dev] or run scripts/test")
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import numpy as np  # noqa: E402

import simulators  # noqa: E402
from physym import DimensionlessRegressor, plotting  # noqa: E402
from physym.plotting.style import COLOURS, INK, new_figure  # noqa: E402
from physym.units.systems import system  # noqa: E402
from simulators import LogUniform, Rietkerk  # noqa: E402
from simulators.ensemble import Plan, make, store  # noqa: E402

BASE = ("l", "d", "m", "g")
OTHER = {"l": "ml", "d": "h", "m": "km", "g": "kg"}
PARAMETERS = {v.name: v.units for v in Rietkerk.variables().values() if v.role == "parameter"}
# the same in all of training
FIXED = {"duration": 200.0, "length": 128.0, "cell": 2.0, "initial_vegetation": 90.0}
UNITS = PARAMETERS | {"duration": "d", "length": "m", "cell": "m", "initial_vegetation": "g/m**2"}
OUTPUT = "g/m**2"
SPREAD, SCALE = 1.5, 10.0
TRAIN, TEST, SYSTEMS, EACH = 600, 200, 8, 25


@dataclass(frozen=True)
class Runs:
    """What is known of some runs, and what came out.

    Attributes:
        inputs: values (run,) by name.
        truth: mean vegetation at the end (run,).
        scale: what turns that into the units in which the run's parameters are in the training range (run,).
    """

    inputs: dict[str, np.ndarray]
    truth: np.ndarray
    scale: np.ndarray

    @property
    def columns(self) -> dict[str, tuple[np.ndarray, str]]:
        """The inputs with their units."""
        return {name: (values, UNITS[name]) for name, values in self.inputs.items()}

    @property
    def raw(self) -> np.ndarray:
        """The inputs as they are (run, input)."""
        return np.array(list(self.inputs.values())).T


def factor(units: str, sizes: np.ndarray) -> np.ndarray:
    """What values in these units are multiplied by if what was 1 of each base unit counts `sizes` (..., base)."""
    return np.prod(sizes ** np.array([float(e) for e in system(BASE).read(units).exponents]), axis=-1)


def simulated(folder: Path, name: str, samples: int, seed: int, sizes: np.ndarray, workers: int | None) -> Runs:
    """Runs of the family of models in units of these sizes, made unless they are there."""
    model, drawn = Rietkerk(), {}
    for parameter, units in PARAMETERS.items():
        middle = getattr(model, parameter) * float(factor(units, sizes))
        drawn[parameter] = LogUniform(middle / SPREAD, middle * SPREAD)
    fixed = {name: value * float(factor(UNITS[name], sizes)) for name, value in FIXED.items()}
    family = Rietkerk(length=fixed["length"], cell=fixed["cell"], biomass=fixed["initial_vegetation"], **drawn)
    plan = Plan(simulator=family, samples=samples, times=np.array([0.0, fixed["duration"]]), seed=seed)
    path = folder / f"{name}.zarr"
    finished = (store.attributes(path) or {}).get("completed") == 1 and store.settings(path) == plan.settings()
    runs = simulators.read(path) if finished else make(plan, path, workers=workers, progress=True)
    end = runs.isel(time=-1)
    inputs = {parameter: end[parameter].values for parameter in PARAMETERS}
    inputs |= {name: np.full(end.sizes["sample"], value) for name, value in fixed.items()}
    truth = end["vegetation"].mean(["y", "x"]).values
    return Runs(inputs, truth, np.full(truth.shape, 1 / factor(OUTPUT, sizes)))


def rescaled(runs: Runs, seed: int) -> Runs:
    """The same runs, each in units of sizes of its own."""
    sizes = drawn_sizes(np.random.default_rng(seed), len(runs.truth))
    inputs = {name: values * factor(UNITS[name], sizes) for name, values in runs.inputs.items()}
    return Runs(inputs, runs.truth * factor(OUTPUT, sizes), runs.scale / factor(OUTPUT, sizes))


def drawn_sizes(rng: np.random.Generator, number: int) -> np.ndarray:
    """Sizes of the base units (number, base)."""
    return SCALE ** rng.uniform(-1, 1, (number, len(BASE)))


def joined(parts: list[Runs]) -> Runs:
    """All runs of several sets."""
    inputs = {name: np.concatenate([part.inputs[name] for part in parts]) for name in UNITS}
    return Runs(inputs, *(np.concatenate([getattr(part, name) for part in parts]) for name in ("truth", "scale")))


def estimators() -> dict[str, Any]:
    """Estimators of scikit-learn: one falls back to its nearest, one to zero, one to nothing outside its range."""
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    trees = GradientBoostingRegressor(
        n_estimators=500, max_depth=4, learning_rate=0.05, subsample=0.5, max_features=0.5, random_state=0
    )
    bells = make_pipeline(StandardScaler(), KernelRidge(kernel="rbf", gamma=0.02, alpha=0.01))
    cubic = make_pipeline(StandardScaler(), KernelRidge(kernel="poly", degree=3, gamma=0.05, coef0=1, alpha=0.1))
    return {"gradient boosting": trees, "Gaussian kernel ridge": bells, "cubic ridge": cubic}


def predictors(estimator: Any, train: Runs) -> dict[str, Callable[[Runs], np.ndarray]]:  # noqa: ANN401
    """What each kind of features predicts of runs."""
    raw = copy.deepcopy(estimator).fit(train.raw, train.truth)
    logs = copy.deepcopy(estimator).fit(np.log(train.raw), train.truth)
    found = {"raw": lambda runs: raw.predict(runs.raw), "logarithms": lambda runs: logs.predict(np.log(runs.raw))}
    for title, base in (("groups over SI", None), ("groups over l, d, m, g", BASE)):
        model = DimensionlessRegressor(estimator, base).fit(train.columns, (train.truth, OUTPUT))
        found[title] = lambda runs, model=model: model.predict(runs.columns).values
    return found


def converted(runs: Runs) -> Runs:
    """The same runs, all inputs in other units, which the columns then say."""
    return OtherUnits(runs.inputs, runs.truth, runs.scale)


class OtherUnits(Runs):
    """Runs whose inputs are given in ml, h, km and kg."""

    @property
    def columns(self) -> dict[str, tuple[np.ndarray, str]]:
        """The inputs in other units."""
        found = {}
        for name, values in self.inputs.items():
            units = re.sub(r"[ldmg]", lambda match: OTHER[match[0]], UNITS[name])
            found[name] = (values / system(BASE).read(units).factor, units)
        return found

    @property
    def raw(self) -> np.ndarray:
        """The numbers in other units."""
        return np.array([values for values, _ in self.columns.values()]).T


def draw(results: dict[str, dict[str, list[float]]], sets: list[str], found: dict[str, Any], path: Path) -> None:
    """Errors by test set and features, and predictions of the rescaled runs against their truth."""
    with plotting.styled():
        figure = new_figure(15, 4.2)
        grid = figure.add_gridspec(1, len(results) + 1, width_ratios=(*(1.0 for _ in results), 1.25))
        first = figure.add_subplot(grid[0])
        panels = [first, *(figure.add_subplot(grid[n], sharey=first) for n in range(1, len(results)))]
        for axes, (title, rows) in zip(panels, results.items(), strict=True):
            for n, (features, errors) in enumerate(rows.items()):
                places = np.arange(len(sets)) + 0.2 * (n - 1.5)
                axes.bar(places, errors[: len(sets)], 0.18, color=COLOURS[n], label=features)
            axes.set_yscale("log")
            axes.axhline(1.0, color=INK, lw=1, ls="--")
            axes.set_xticks(range(len(sets)), [name.replace(" ", "\n", 1) for name in sets])
            axes.grid(visible=False, axis="x")
            axes.tick_params(labelleft=axes is first)
            axes.set_title(title[0].upper() + title[1:])
        first.set_ylim(bottom=0.1)
        first.set_ylabel("error, over the spread of the truth")
        first.legend(loc="upper left", fontsize=9)
        axes = figure.add_subplot(grid[-1])
        for n, (features, (truth, given)) in enumerate(found.items()):
            colour = COLOURS[3 * n]
            axes.plot(truth, given, "o", ms=3.5, mew=0, alpha=0.75, color=colour, label=features)
        top = max(float(truth.max()) for truth, _ in found.values())
        axes.plot([0, top], [0, top], color=INK, lw=1, ls="--")
        axes.set_yscale("symlog", linthresh=top)
        axes.set(xlabel="true vegetation (g/m²)", ylabel="predicted (g/m²; logarithmic above the truth)")
        axes.set_title("Rescaled runs, gradient boosting")
        axes.legend(loc="upper right", fontsize=9)
        plotting.save(figure, path)


def main() -> None:
    """Simulate, learn, test; print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "vegetation_emulator", metavar="FOLDER")
    parser.add_argument("--figure", type=Path, default=ROOT / "datasets" / "vegetation_emulator.png", metavar="PNG")
    parser.add_argument("--workers", type=int, default=None, metavar="N", help="processes; all cores by default")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    usual = np.ones(len(BASE))
    train = simulated(options.work, "train", TRAIN, 0, usual, options.workers)
    test = simulated(options.work, "test", TEST, 1, usual, options.workers)
    systems = drawn_sizes(np.random.default_rng(2), SYSTEMS)
    parts = [
        simulated(options.work, f"system_{n}", EACH, 10 + n, sizes, options.workers) for n, sizes in enumerate(systems)
    ]
    sets = {"in distribution": test, "rescaled": rescaled(test, seed=3), "simulated anew": joined(parts)}
    spread = float(np.std(test.truth))
    print(f"{TRAIN} training runs, of which {np.mean(train.truth < 0.01):.0%} are desert after {FIXED['duration']:g} d")
    print(f"\n| estimator | features | {' | '.join(sets)} | moved |\n|---|---|{'---|' * (len(sets) + 1)}")
    results: dict[str, dict[str, list[float]]] = {}
    shown = {}
    for title, estimator in estimators().items():
        results[title] = {}
        for features, predict in predictors(estimator, train).items():
            errors = []
            for runs in sets.values():
                errors.append(float(np.sqrt(np.mean(((predict(runs) - runs.truth) * runs.scale) ** 2))) / spread)
            before, after = predict(test), predict(converted(test))
            errors.append(float(np.max(np.abs(after - before)) / np.max(np.abs(before))))
            results[title][features] = errors
            print(
                f"| {title} | {features} | {' | '.join(f'{e:.3g}' for e in errors[:-1])} | {errors[-1]:.0e} |",
                flush=True,
            )
            if title == "gradient boosting" and features in ("raw", "groups over l, d, m, g"):
                runs = sets["rescaled"]
                shown[features] = (runs.truth * runs.scale, predict(runs) * runs.scale)
    draw(results, list(sets), shown, options.figure)
    print(f"\n{options.figure}")


if __name__ == "__main__":
    main()
