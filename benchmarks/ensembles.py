"""How an ensemble scales over processes, and what memory all of them take together.

    python benchmarks/ensembles.py [--samples N] [--length L] [--workers 1 2]

Runs `physym generate rietkerk` at its defaults with each number of workers, from the start of the command to its end,
and compares the stores bit for bit. Memory is the largest sum over the command and its workers that is seen when
looking every half second: PSS counts a page that several share once, RSS as often as it is shared.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]


def memory(process: psutil.Process) -> tuple[int, int]:
    """PSS and RSS of a process and its children, in bytes."""
    pss = rss = 0
    for one in (process, *process.children(recursive=True)):
        try:
            found = one.memory_full_info()
        except psutil.Error:
            continue
        pss, rss = pss + found.pss, rss + found.rss
    return pss, rss


def generate(path: Path, samples: int, length: float, workers: int) -> tuple[float, int, int]:
    """Seconds, and the largest PSS and RSS."""
    words = ["generate", "rietkerk", "--samples", str(samples), "--set", f"length={length}", "-o", str(path)]
    command = [sys.executable, "-m", "physym.cli", *words, "--workers", str(workers)]
    begin, most = time.perf_counter(), (0, 0)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            try:
                most = tuple(max(pair) for pair in zip(most, memory(process), strict=True))
            except psutil.NoSuchProcess:
                break
            time.sleep(0.5)
    if running.returncode:
        raise SystemExit(f"physym generate ended with {running.returncode}")
    return time.perf_counter() - begin, *most


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--length", type=float, default=128.0, help="of the land [m]; a cell is 2 m")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    print(f"{'workers':>8}{'s':>9}{'runs/s':>9}{'ratio':>8}{'PSS MB':>9}{'RSS MB':>9}")
    first: tuple[float, Path] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for workers in given.workers:
            path = Path(folder) / str(workers) / "runs.zarr"
            seconds, pss, rss = generate(path, given.samples, given.length, workers)
            first = first or (seconds, path)
            row = f"{workers:>8}{seconds:>9.1f}{given.samples / seconds:>9.2f}{first[0] / seconds:>8.2f}"
            print(f"{row}{pss / 1e6:>9.0f}{rss / 1e6:>9.0f}", flush=True)
            if path != first[1] and subprocess.run(["diff", "-r", first[1], path], check=False).returncode:
                raise SystemExit("the stores differ")


if __name__ == "__main__":
    main()
