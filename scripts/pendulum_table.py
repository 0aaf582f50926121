#!/usr/bin/env python3
"""The published table of learned spring double pendulums, beside ours: every net, every group, both models.

500 chunks of 5 points teach a neural ODE and a Hamiltonian neural network, whose nets are O(3) scalars, equivariant
multilayer perceptrons for O(2), SO(2), D2 and D6 about gravity's axis, or a perceptron without symmetry. All have the
same data, the same training and the same limit of steps; seconds and weights are printed beside. The error is
that of rollouts over 150 points from the starts of 100 test chunks, geometric mean over times and rollouts.

usage: scripts/pendulum_table.py [--work FOLDER] [--reference FOLDER] [--models NAME ...] [--nets NAME ...]
           [--seeds N ...] [--steps N] [--hidden N ...] [--table]

Data: those in the folder --reference (pendulum_train.nc, pendulum_test.nc), which carry the integration noise of the
public protocol, or without it noise-free ones of the same protocol. Every fit is one line of results.jsonl in the
folder (runs/pendulum_table by default); fits that are there are not done again, and an unfinished fit goes on from its
checkpoint. Published: Villar et al. 2021, table 1, after Finzi et al. 2021.
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

import xarray as xr  # noqa: E402

import physym  # noqa: E402
import simulators  # noqa: E402
from physym.evaluation.rollouts import roll_out  # noqa: E402
from physym.metrics import geometric_mean, rollout_error  # noqa: E402
from simulators.schema import read, write  # noqa: E402

MODELS = {"neural-ode": physym.NeuralODE, "hamiltonian": physym.HamiltonianNN}
NETS = {
    "scalars": {"net": "scalars"},
    "emlp-O(2)": {"net": "emlp", "group": "O(2)"},
    "emlp-SO(2)": {"net": "emlp", "group": "SO(2)"},
    "emlp-D2": {"net": "emlp", "group": "D2"},
    "emlp-D6": {"net": "emlp", "group": "D6"},
    "mlp": {"net": "mlp"},
}
PUBLISHED = {
    "neural-ode": (".009 ± .001", ".020 ± .002", ".051 ± .036", ".023 ± .002", ".036 ± .025", ".048 ± .000"),
    "hamiltonian": (".005 ± .002", ".012 ± .002", ".016 ± .003", ".111 ± .167", ".013 ± .002", ".028 ± .001"),
}
CHUNKS, POINTS, ROLLOUTS = 500, 5, 100


def data(given: argparse.Namespace) -> tuple[xr.Dataset, xr.Dataset]:
    """Chunks to learn from, and rollouts to predict; made once where no reference is given."""
    if given.reference is not None:
        return read(given.reference / "pendulum_train.nc"), read(given.reference / "pendulum_test.nc")
    paths = [given.work / f"{part}.nc" for part in ("train", "test")]
    if not all(path.exists() for path in paths):
        pendulum = simulators.SpringPendulum(stiffness=(1.0, 2.0))
        found = []
        for seed, count in ((0, CHUNKS), (1, ROLLOUTS)):
            run = pendulum.simulate(pendulum.sample(count, seed=seed), pendulum.times, tolerance=1e-12)
            found.append(simulators.chunk(run, POINTS, seed=seed))
        starts = found[1].isel(time=0, drop=True)
        write(found[0], paths[0], force=True)
        write(pendulum.simulate(starts, pendulum.times, tolerance=1e-12), paths[1], force=True)
    return read(paths[0]), read(paths[1])


def fit(name: str, net: str, seed: int, given: argparse.Namespace, settings: dict) -> dict:
    """One model, trained and tested."""
    train, test = data(given)
    kind = "reference" if given.reference else "made"
    folder = given.work / "-".join(map(str, (name, net, kind, *given.hidden, given.steps, seed)))
    if (folder / "model.json").exists() and not given.force:
        model = physym.load(folder)
        seconds = model.provenance["training"]["seconds"]
    else:
        begun = time.process_time()
        model = MODELS[name](hidden=tuple(given.hidden), **NETS[net])
        model.fit(train, steps=given.steps, seed=seed, output=folder, force=given.force)
        seconds = time.process_time() - begun
    error = geometric_mean(rollout_error(roll_out(model, test)[0], test))
    training = model.provenance["training"]
    return {
        "model": name, "net": net, "seed": seed, **settings, "error": error, "one_step": training["one_step_error"],
        "taken": training["steps"], "parameters": training["parameters"], "cpu_seconds": round(seconds, 1),
    }  # fmt: skip


def table(rows: list[dict]) -> str:
    """Ours, mean ± standard deviation over seeds, above the published ones."""
    lines = ["| | " + " | ".join(NETS) + " |", "|---" * (1 + len(NETS)) + "|"]
    for name, published in PUBLISHED.items():
        ours, costs = [], []
        for net in NETS:
            some = [row for row in rows if (row["model"], row["net"]) == (name, net)]
            if not some:
                ours.append("")
                costs.append("")
                continue
            errors = [row["error"] for row in some]
            spread = f" ± {statistics.stdev(errors):.1g}" if len(errors) > 1 else ""
            ours.append(f"**{statistics.mean(errors):.2g}{spread}**")
            middle = [statistics.median(row[what] for row in some) for what in ("cpu_seconds", "parameters", "taken")]
            costs.append("{:.0f} s, {:.0f} weights, {:.0f} steps".format(*middle))
        for title, cells in ((f"{name}, ours", ours), ("published", published), ("cost of ours", costs)):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    seeds = sorted({row["seed"] for row in rows})
    return "\n".join([*lines, "", f"seeds {', '.join(map(str, seeds)) or 'none'}; cost: CPU time of a fit"])


def main() -> None:
    """Do what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "pendulum_table")
    parser.add_argument("--reference", type=Path, help="folder with pendulum_train.nc and pendulum_test.nc")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="of training; by default until held-back chunks stop improving")
    parser.add_argument("--hidden", nargs="+", type=int, default=[32, 32], help="widths of the hidden layers")
    parser.add_argument("--force", action="store_true", help="replace fits that were begun with other settings")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    file = given.work / "results.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    # a table holds what was made with the same data and settings
    settings = {"reference": given.reference is not None, "steps": given.steps, "hidden": given.hidden}
    rows = [row for row in rows if all(row[key] == value for key, value in settings.items())]
    done = {(row["model"], row["net"], row["seed"]) for row in rows}
    every = [(name, net, seed) for seed in given.seeds for net in given.nets for name in given.models]
    for name, net, seed in [] if given.table else every:
        if (name, net, seed) in done:
            continue
        row = fit(name, net, seed, given, settings)
        rows.append(row)
        with file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
