"""Rollout error of learned spring double pendulums beside the published ones.

Each row is fitted by `physym fit` with its defaults on one core and tested by `physym evaluate`, on the public protocol of Finzi
et al. 2021: training on 500 chunks of 5 points, testing on 100 rollouts of 150 points. Training data: the reference chunks, which
carry the integration noise of the protocol (float32), or noise-free chunks of the same size ("clean"). The published
figures are from Villar et al. 2021, table 1; times are of this machine.

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
    numbers = json.loads(physym("evaluate", run, test, "--json"))
    return numbers["rollout_error"], float((run / "seconds").read_text())


def row(title: str, results: list[tuple[float, float]], published: str = "") -> None:
    errors = [error for error, _ in results]
    spread = statistics.stdev(errors) if len(errors) > 1 else 0.0
    seconds = statistics.median(seconds for _, seconds in results)
    print(f"| {title} | {statistics.mean(errors):.2g} ± {spread:.1g} | {seconds:.0f} s | {published} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, help="folder with pendulum_train.nc and pendulum_test.nc")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--chunks", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--work", type=Path, default=None, help="where runs are kept, to go on from")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    train, test = options.reference / "pendulum_train.nc", options.reference / "pendulum_test.nc"
    seeds = range(options.seeds)
    print("| data, model, net | rollout error | fit | published |\n|---|---|---|---|", flush=True)
    for name, data in (("reference", train), ("clean", clean(work / "clean.nc"))):
        for model, net in PUBLISHED if name == "reference" else list(PUBLISHED)[:2]:
            results = [fit(data, test, model, net, seed, work / f"{name}-{model}-{net}-{seed}") for seed in seeds]
            row(f"{name}, {model}, {net}", results, PUBLISHED[model, net])
    for chunks in options.chunks:
        data = part(train, chunks, work / f"train{chunks}.nc")
        for model, net in PUBLISHED:
            results = [fit(data, test, model, net, seed, work / f"{chunks}-{model}-{net}-{seed}") for seed in seeds]
            row(f"reference, {chunks} chunks, {model}, {net}", results)


if __name__ == "__main__":
    main()
