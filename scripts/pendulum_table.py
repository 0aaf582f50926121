#!/usr/bin/env python3
"""The published table of learned spring double pendulums, beside ours: every net, every group, both models.

500 chunks of 5 points teach a neural ODE and a Hamiltonian neural network, whose nets are O(3) scalars, equivariant
multilayer perceptrons for O(2), SO(2), D2 and D6 about gravity's axis, or a perceptron without symmetry. All have the
same data, the same training and the same limit of steps; seconds and weights are printed beside. The error is
that of rollouts over 150 points from the starts of 100 test chunks, geometric mean over times and rollouts.

usage: scripts/pendulum_table.py [--work FOLDER] [--reference FOLDER] [--models NAME ...] [--nets NAME ...]
           [--seeds N ...] [--steps N] [--hidden N ...] [--force] [--table]

Data: those in the folder --reference (pendulum_train.nc, pendulum_test.nc), which carry the integration noise of the
public protocol, or without it noise-free ones of the same protocol. Every fit is one line of results.jsonl in the
folder (runs/pendulum_table by default), with a digest of its data; fits that are there are not done again without
--force, of several lines of one fit the last counts, and an unfinished fit goes on from its checkpoint. Published:
Villar et al. 2021, table 1, after Finzi et al. 2021.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("physym") is None:
    if not PYTHON.exists() or Path(sys.prefix) == PYTHON.parents[1]:
        sys.exit("expected physym, given a Python without; run scripts/test, or pip install -e .")
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import physym  # noqa: E402
import simulators  # noqa: E402
from physym.evaluation.rollouts import roll_out  # noqa: E402
from physym.metrics import geometric_mean, rollout_error  # noqa: E402
from simulators.errors import InputError, SchemaError  # noqa: E402
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


def check(given: argparse.Namespace) -> None:
    """Refuse numbers that no fit can have.

    Raises:
        InputError: if seeds are negative, or steps or widths below 1.
    """
    bounds = [("seeds", seed, 0) for seed in given.seeds] + [("hidden", width, 1) for width in given.hidden]
    bounds += [("steps", given.steps, 1)] if given.steps is not None else []
    for name, value, least in bounds:
        if value < least:
            raise InputError(f"--{name}: expected integers >= {least}, given {value}")


def files(given: argparse.Namespace) -> list[Path]:
    """The files of chunks to learn from, and of rollouts to predict; made once where no reference is given.

    Raises:
        InputError: if the reference lacks one.
    """
    if given.reference is not None:
        paths = [given.reference / f"pendulum_{part}.nc" for part in ("train", "test")]
        for path in paths:
            if not path.is_file():
                raise InputError(f"--reference: expected a folder with {path.name}, given {given.reference}")
        return paths
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
    return paths


def digest(paths: Sequence[Path]) -> str:
    """Eight hexadecimal digits of what is in the files."""
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()[:8]


def results(file: Path) -> list[dict]:
    """The rows of finished fits; a line that a stop left unfinished is none."""
    rows = []
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def append(file: Path, row: dict) -> None:
    """Add a row, on a line of its own also after an unfinished one."""
    with file.open("a+b") as out:
        if out.tell():
            out.seek(-1, os.SEEK_END)
            if out.read() != b"\n":
                out.write(b"\n")
        out.write(json.dumps(row).encode() + b"\n")


def fit(name: str, net: str, seed: int, given: argparse.Namespace, settings: dict) -> dict:
    """One model, trained and tested."""
    train, test = map(read, files(given))
    folder = given.work / "-".join(map(str, (name, net, settings["data"], *given.hidden, given.steps, seed)))
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


def main(words: Sequence[str] | None = None) -> int:
    """Do what is missing, then print the table; 2 if the input was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "pendulum_table")
    parser.add_argument("--reference", type=Path, help="folder with pendulum_train.nc and pendulum_test.nc")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="of training; by default until held-back chunks stop improving")
    parser.add_argument("--hidden", nargs="+", type=int, default=[32, 32], help="widths of the hidden layers")
    parser.add_argument("--force", action="store_true", help="do fits again that are there")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    given = parser.parse_args(words)
    try:
        check(given)
        fill(given)
    except (InputError, SchemaError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def fill(given: argparse.Namespace) -> None:
    """Do what is missing, then print the table."""
    try:
        given.work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--work: expected a folder that can be written, given {given.work} ({reason})") from error
    file = given.work / "results.jsonl"
    # a table holds what was made with the same data and settings
    settings = {"data": digest(files(given)), "steps": given.steps, "hidden": given.hidden}
    same = [row for row in results(file) if all(row.get(key) == value for key, value in settings.items())]
    rows = {(row["model"], row["net"], row["seed"]): row for row in same}
    every = [(name, net, seed) for seed in given.seeds for net in given.nets for name in given.models]
    for name, net, seed in [] if given.table else every:
        if (name, net, seed) in rows and not given.force:
            continue
        row = rows[name, net, seed] = fit(name, net, seed, given, settings)
        append(file, row)
        print(json.dumps(row), flush=True)
    print(table(list(rows.values())))


if __name__ == "__main__":
    sys.exit(main())
