#!/usr/bin/env python3
"""What symmetry is worth in learning flows: geometric nets beside plain ones of as many parameters.

Shallow water and Navier-Stokes on 64 x 64 cells teach `FieldNet`s with symmetry="full" and symmetry="none". Both have
the same number of parameters, the same training runs and the same number of steps; what a step costs is printed too.
Ten other runs are the test, and the same ten each turned by a random element of the symmetries of the square. Errors
are mean squares over the truth's variance, averaged over the states: of one step from every fifth time, and summed over
a rollout of 20 steps.

usage: scripts/field_learning.py [--work FOLDER] [--simulators NAME ...] [--runs N ...] [--seeds N ...] [--steps N]
           [--parameters N] [--net NAME] [--figure PNG] [--film GIF] [--table]

Every fit is one line of results.jsonl in the folder (runs/field_learning by default); fits that are there are not done
again, and an unfinished fit goes on from its checkpoint. The comparison is that of W. Gregory et al., GeometricImageNet
(arXiv 2305.12585, 2023).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("physym") is None:
    if not PYTHON.exists() or Path(sys.prefix) == PYTHON.parents[1]:
        sys.exit("expected physym, given a Python without; run scripts/test, or pip install -e .")
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import numpy as np  # noqa: E402
import xarray as xr  # noqa: E402

import physym  # noqa: E402
import simulators  # noqa: E402
from physym.symmetry import Hyperoctahedral, act  # noqa: E402
from simulators.schema import read, write  # noqa: E402

SETTINGS = {
    "shallow-water": (simulators.ShallowWater, 3 * 3600.0 * np.arange(41), 1e-6),
    "navier-stokes": (simulators.NavierStokes, 0.05 * np.arange(41), 1e-5),
}
MOST, TESTS, STEPS = 100, 10, 20
TITLES = {"shallow-water": "Shallow water", "navier-stokes": "Navier-Stokes"}
KINDS = {"full": "geometric", "none": "plain"}


def data(name: str, work: Path) -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """Training runs, test runs, and test runs turned, made once."""
    simulator, times, tolerance = SETTINGS[name]
    found = []
    for part, count, seed in (("train", MOST, 0), ("test", TESTS, 1)):
        path = work / f"{name}-{part}.nc"
        if not path.exists():
            model = simulator()
            write(model.simulate(model.sample(count, seed=seed), times, tolerance=tolerance), path)
        found.append(read(path))
    train, test = found
    rng, elements = np.random.default_rng(2), Hyperoctahedral(2).elements()[1:]
    # a parameter that a turn changes has as many values as there are turns
    turned = [act(elements[rng.integers(len(elements))], one_sample(test, n)) for n in range(TESTS)]
    return train, test, xr.concat(turned, "sample", data_vars="all", join="override", combine_attrs="override")


def one_sample(dataset: xr.Dataset, n: int) -> xr.Dataset:
    """Sample n of a dataset, parameters that all share among its own."""
    parameters = [v for v in dataset.data_vars if "sample" not in dataset[v].dims]
    one = dataset.isel(sample=slice(n, n + 1))
    return one.assign({v: dataset[v].expand_dims(sample=1) for v in parameters})


def errors(model: physym.FieldNet, test: xr.Dataset) -> tuple[float, float]:
    """Of one step, and summed over a rollout."""
    times = test["time"].values
    states = [v.name for v in model.signature.states]

    def relative(found: xr.Dataset, truth: xr.Dataset) -> np.ndarray:
        axes = [d for d in truth[states[0]].dims if d not in ("time", "i")]
        parts = []
        for name in states:
            spread = ((truth[name] - truth[name].mean(axes)) ** 2).mean()
            parts.append(((found[name] - truth[name]) ** 2).mean([d for d in truth[name].dims if d != "time"]) / spread)
        return np.mean([part.values for part in parts], axis=0)

    run = model.simulate(test.isel(time=0, drop=True), times[: STEPS + 1])
    summed = float(relative(run, test.isel(time=slice(0, STEPS + 1)))[1:].sum())
    single = []
    for n in range(0, len(times) - 1, 5):
        step = model.simulate(test.isel(time=n, drop=True), times[n : n + 2]).isel(time=slice(1, 2))
        single.append(relative(step, test.isel(time=slice(n + 1, n + 2)))[0])
    return float(np.mean(single)), summed


def fit(name: str, symmetry: str, runs: int, seed: int, given: argparse.Namespace) -> dict:
    """One model, trained and tested."""
    train, test, turned = data(name, given.work)
    key = key_of(name, symmetry, runs, seed, {**vars(given), "wanted": given.parameters})
    model = physym.FieldNet(net=given.net, symmetry=symmetry, parameters=given.parameters)
    begun = time.process_time()
    model.fit(train.isel(sample=slice(runs)), steps=given.steps, seed=seed, output=given.work / key, force=given.force)
    spent = time.process_time() - begun
    one, rollout = errors(model, test)
    turned_one, turned_rollout = errors(model, turned)
    count = sum(p.numel() for p in model.network.parameters())
    return {
        "simulator": name, "symmetry": symmetry, "net": given.net, "runs": runs, "seed": seed, "steps": given.steps,
        "wanted": given.parameters, "parameters": count, "cpu_seconds": round(spent, 1), "one_step": one,
        "rollout": rollout, "turned_one_step": turned_one, "turned_rollout": turned_rollout,
    }  # fmt: skip


def table(rows: list[dict]) -> str:
    """Medians over seeds."""
    lines = [
        f"{'':14s} {'net':10s} {'runs':>5s} {'seeds':>5s} {'weights':>8s} {'ms/step':>8s} {'one step':>10s}"
        f" {'rollout 20':>11s} {'turned':>10s}"
    ]
    keys = sorted(
        {(r["simulator"], r["runs"], r["symmetry"]) for r in rows}, key=lambda k: (k[0], k[1], k[2] != "full")
    )
    for name, runs, symmetry in keys:
        some = [r for r in rows if (r["simulator"], r["runs"], r["symmetry"]) == (name, runs, symmetry)]

        def middle(what: str, some: list[dict] = some) -> float:
            return statistics.median(r[what] for r in some)

        cost = 1e3 * statistics.median(r["cpu_seconds"] / r["steps"] for r in some)
        lines.append(
            f"{name:14s} {KINDS[symmetry]:10s} {runs:5d} {len(some):5d} {middle('parameters'):8.0f} {cost:8.0f}"
            f" {middle('one_step'):10.2e} {middle('rollout'):11.3g} {middle('turned_rollout'):10.3g}"
        )
    return "\n".join(lines)


def draw(rows: list[dict], path: Path) -> None:
    """Rollout error against the number of training runs, as tested and turned; a dot for each seed."""
    from physym.plotting import save, styled
    from physym.plotting.style import COLOURS, new_figure

    names = sorted({r["simulator"] for r in rows}, reverse=True)
    with styled():
        figure = new_figure(4.8 * len(names), 4.0)
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            for colour, (symmetry, kind) in zip(COLOURS, KINDS.items(), strict=False):
                for what, line, told in (("rollout", "-", "as trained"), ("turned_rollout", "--", "turned")):
                    some = [r for r in rows if r["simulator"] == name and r["symmetry"] == symmetry]
                    runs = sorted({r["runs"] for r in some})
                    values = [[r[what] for r in some if r["runs"] == n] for n in runs]
                    middle = [statistics.median(several) for several in values]
                    panel.plot(runs, middle, line, color=colour, label=f"{kind}, {told}")
                    for n, several in zip(runs, values, strict=True):
                        panel.plot([n] * len(several), several, ".", color=colour, markersize=4)
            panel.set(xscale="log", yscale="log", xlabel="training runs", title=TITLES[name])
            ticks = sorted({r["runs"] for r in rows})
            panel.set_xticks(ticks, map(str, ticks))
            panel.minorticks_off()
        panels[0].set_ylabel("error of a rollout of 20 steps")
        panels[-1].legend()
        save(figure, path)


def film(rows: list[dict], work: Path, path: Path) -> None:
    """A GIF of salinity, truth and model side by side, by the first geometric net that learned shallow water."""
    from physym.plotting import animate_field, views

    row = next(r for r in rows if r["simulator"] == "shallow-water" and r["symmetry"] == "full")
    model = physym.load(work / key_of(row["simulator"], row["symmetry"], row["runs"], row["seed"], row))
    one = data("shallow-water", work)[1].isel(sample=slice(1))
    run = model.simulate(one.isel(time=0, drop=True), one["time"].values)
    view = views(one.isel(sample=0), run.isel(sample=0), only=["salinity"])[0]
    animate_field(view, physym.rollout_error(run, one).isel(sample=0), path)


def key_of(name: str, symmetry: str, runs: int, seed: int, given: dict) -> str:
    """The folder of a fit."""
    return f"{name}-{symmetry}-{given['net']}-{given['wanted']}-{runs}-{given['steps']}-{seed}"


def main() -> None:
    """Do what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "field_learning")
    parser.add_argument("--simulators", nargs="+", choices=sorted(SETTINGS), default=sorted(SETTINGS))
    parser.add_argument("--runs", nargs="+", type=int, default=[50])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--parameters", type=int, default=5_000)
    parser.add_argument("--net", default="dilated")
    parser.add_argument("--symmetries", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--film", type=Path, help="a GIF of truth and model")
    parser.add_argument("--force", action="store_true", help="replace fits that were begun with other settings")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    file = given.work / "results.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    known = ("simulator", "symmetry", "net", "runs", "seed", "steps", "wanted")
    done = {tuple(row[name] for name in known) for row in rows}
    every = [
        (n, s, r, seed) for r in given.runs for seed in given.seeds for n in given.simulators for s in given.symmetries
    ]
    for name, symmetry, runs, seed in [] if given.table else every:
        if (name, symmetry, given.net, runs, seed, given.steps, given.parameters) in done:
            continue
        row = fit(name, symmetry, runs, seed, given)
        rows.append(row)
        with file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
    print(table(rows))
    if given.figure is not None:
        draw(rows, given.figure)
    if given.film is not None:
        film(rows, given.work, given.film)


if __name__ == "__main__":
    main()
