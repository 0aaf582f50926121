#!/usr/bin/env python3
"""The electric field of charges, learned from twenty examples: a geometric U-Net beside a plain one of equal size.

`PointCharges` makes configurations of six charges on 32 x 32 cells; the net sees the density of charge, a scalar, and
gives the field, a vector. Both nets have the same number of parameters, the same 20 training samples and the same
number of steps. The error is the mean square over that of the field, over 200 unseen configurations, and over the same
turned, for which the plain net has no reason to be right.

usage: scripts/charge_fields.py [--samples N ...] [--steps N] [--parameters N] [--seeds N ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import math
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
import torch  # noqa: E402

import simulators  # noqa: E402
from physym.models.fields import make_net, turn  # noqa: E402
from physym.symmetry import Hyperoctahedral  # noqa: E402

DENSITY, FIELD = {(0, 0): 1}, {(1, 0): 1}
TESTS, BATCH, RATE = 200, 10, 3e-3


def examples(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Density (sample, 1, y, x) and field (sample, component, y, x), each over one number for all samples."""
    charges = simulators.PointCharges(bodies=6, length=0.64, cell=0.02, radius=0.05)
    drawn = charges.sample(count, seed=seed)
    density = drawn.charge_density.transpose("sample", "y", "x").values[:, None]
    field = drawn.field.transpose("sample", "i", "y", "x").values
    # what is natural to charges of 1 nC on rods of 1 m, 0.1 m apart
    sizes = (1e-9 / 0.1**2, 1e-9 / (2 * math.pi * simulators.PointCharges().permittivity * 0.1))
    return tuple(torch.tensor(a / s, dtype=torch.float32) for a, s in zip((density, field), sizes, strict=True))  # type: ignore[return-value]


def turned(density: torch.Tensor, field: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each sample under an element of the square's symmetries other than the identity."""
    rng, elements = np.random.default_rng(0), Hyperoctahedral(2).elements()[1:]
    found = []
    for n in range(len(density)):
        fields = {(0, 0): density[n : n + 1], (1, 0): field[n : n + 1, None]}
        one = turn(elements[rng.integers(len(elements))], fields)
        found.append((one[0, 0], one[1, 0][:, 0]))
    return torch.cat([a for a, _ in found]), torch.cat([b for _, b in found])


def trained(symmetry: str, samples: int, seed: int, given: argparse.Namespace) -> tuple[torch.nn.Module, float]:
    """The net after all steps, and seconds."""
    torch.manual_seed(seed)
    net = make_net("unet", DENSITY, FIELD, 2, depth=3, parameters=given.parameters, symmetry=symmetry)  # type: ignore[arg-type]
    density, field = examples(samples, seed=100 + seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    generator, begun = torch.Generator().manual_seed(seed), time.process_time()
    for step in range(given.steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 30) * 0.5 * (1 + math.cos(math.pi * step / given.steps))
        rows = torch.randint(0, samples, (BATCH,), generator=generator)
        optimizer.zero_grad()
        (net(density[rows]) - field[rows]).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    return net, time.process_time() - begun


@torch.no_grad()
def error(net: torch.nn.Module, density: torch.Tensor, field: torch.Tensor) -> float:
    """The mean square of the difference over that of the field."""
    return float((net(density) - field).square().mean() / field.square().mean())


def main() -> None:
    """Train and test all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", nargs="+", type=int, default=[20])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--parameters", type=int, default=40_000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)
    density, field = examples(TESTS, seed=1)
    other = turned(density, field)
    print(f"{'net':10s} {'samples':>8s} {'weights':>8s} {'s':>6s} {'error':>9s} {'turned':>9s}   all seeds")
    for samples in given.samples:
        for symmetry, name in (("full", "geometric"), ("none", "plain")):
            runs = [trained(symmetry, samples, seed, given) for seed in given.seeds]
            errors = [error(net, density, field) for net, _ in runs]
            away = [error(net, *other) for net, _ in runs]
            count = sum(p.numel() for p in runs[0][0].parameters())
            seconds = statistics.median(spent for _, spent in runs)
            print(
                f"{name:10s} {samples:8d} {count:8d} {seconds:6.0f} {statistics.median(errors):9.2e}"
                f" {statistics.median(away):9.2e}   {' '.join(f'{e:.2e}' for e in errors)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
