"""Rollout error of learned spring double pendulums beside the published ones.

Each row is fitted by `physym fit` with its defaults on one core and tested by `physym evaluate`, on the public protocol
of Finzi et al. 2021: training on 500 chunks of 5 points, testing on 100 rollouts of 150 points. Training data: the
reference chunks, which carry the integration noise of the protocol (float32), or noise-free chunks of the same size
("clean"). The published figures are from Villar et al. 2021, table 1; times are of this machine.

    python benchmarks/pendulum_accuracy.py REFERENCE [--seeds 3] [--chunks 50 100 200 500] [--work DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import simulators

PUBLISHED = {
    ("hamiltonian", "scalars"): ".005 ± .002",
    ("neural-ode", "scalars"): ".009 ± .001",
    ("hamiltonian", "mlp"): ".028 ± .001",
    ("neural-ode", "mlp"): ".048 ± .000",
}


def physym(*words: str | Path) -> str:
    command = [sys.executable, "-m", "physym.cli", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise SystemExit(done.stderr)
    return done.stdout


def clean(path: Path) -> Path:
    if not path.exists():
        pendulum = simulators.SpringPendulum(stiffness=(1.0, 2.0))
        run = pendulum.simulate(pendulum.sample(500, seed=3), pendulum.times, tolerance=1e-12)
        simulators.write(simulators.chunk(run, 5, seed=3), path)
    return path


def part(source: Path, chunks: int, path: Path) -> Path:
    return path if path.exists() else simulators.write(simulators.read(source).isel(sample=slice(chunks)), path)


def fit(data: Path, test: Path, model: str, net: str, seed: int, run: Path) -> tuple[float, float]:
    """Rollout error and seconds of the fit, imports and all."""
    began = time.monotonic()
    if not (run / "model.json").exists():
        physym("fit", data, "--model", model, "--net", net, "--seed", str(seed), "--output", run)
        (run / "seconds").write_text(str(time.monotonic() - began))
    evaluated = run / "evaluated.json"
    if not evaluated.exists():
        evaluated.write_text(physym("evaluate", run, test, "--json"))
    return json.loads(evaluated.read_text())["rollout_error"], float((run / "seconds").read_text())


def row(title: str, results: list[tuple[float, float]], published: str = "") -> None:
    errors = [error for error, _ in results]
    spread = statistics.stdev(errors) if len(errors) > 1 else 0.0
    seconds = statistics.median(seconds for _, seconds in results)
    print(f"| {title} | {statistics.mean(errors):.2g} ± {spread:.1g} | {seconds:.0f} s | {published} |", flush=True)


def draw(curves: dict[tuple[str, str], dict[int, list[float]]], path: Path) -> None:
    """Error against training chunks, ours as lines with their spread over seeds, published as open marks at 500."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    names = {"hamiltonian": "Hamiltonian NN", "neural-ode": "neural ODE", "scalars": "O(3) scalars", "mlp": "MLP"}
    colours = {"scalars": "#0072b2", "mlp": "#d55e00"}
    for (model, net), points in curves.items():
        style, mark = ("-", "o") if model == "hamiltonian" else ("--", "s")
        counts = sorted(points)
        middle = [statistics.geometric_mean(points[n]) for n in counts]
        label = f"{names[model]}, {names[net]}"
        axes.plot(counts, middle, style, marker=mark, color=colours[net], label=label)
        axes.fill_between(
            counts,
            [min(points[n]) for n in counts],
            [max(points[n]) for n in counts],
            color=colours[net],
            alpha=0.15,
            lw=0,
        )
        axes.plot(740, float(PUBLISHED[model, net].split()[0]), mark, mfc="none", mec=colours[net], ms=8, mew=1.6)
    axes.set(xscale="log", yscale="log", xlabel="training chunks of 5 points", ylabel="rollout error over 30 s")
    axes.set_xticks([*sorted(points), 740], [*map(str, sorted(points)), "published\n(500 chunks)"])
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(0.0, 0.47))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, help="folder with pendulum_train.nc and pendulum_test.nc")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--chunks", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--work", type=Path, default=None, help="where runs are kept, to go on from")
    parser.add_argument("--figure", type=Path, default=None, help="where to draw error against training chunks")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    train, test = options.reference / "pendulum_train.nc", options.reference / "pendulum_test.nc"
    seeds = range(options.seeds)
    curves: dict[tuple[str, str], dict[int, list[float]]] = {}
    print("| data, model, net | rollout error | fit | published |\n|---|---|---|---|", flush=True)
    for name, data in (("reference", train), ("clean", clean(work / "clean.nc"))):
        for model, net in PUBLISHED if name == "reference" else list(PUBLISHED)[:2]:
            results = [fit(data, test, model, net, seed, work / f"{name}-{model}-{net}-{seed}") for seed in seeds]
            row(f"{name}, {model}, {net}", results, PUBLISHED[model, net])
            if name == "reference":
                curves[model, net] = {500: [error for error, _ in results]}
    for chunks in options.chunks:
        data = part(train, chunks, work / f"train{chunks}.nc")
        for model, net in PUBLISHED:
            results = [fit(data, test, model, net, seed, work / f"{chunks}-{model}-{net}-{seed}") for seed in seeds]
            row(f"reference, {chunks} chunks, {model}, {net}", results)
            curves[model, net][chunks] = [error for error, _ in results]
    if options.figure:
        draw(curves, options.figure)


if __name__ == "__main__":
    main()
