"""Self-scaled BFGS beside plain BFGS and torch's L-BFGS, for equal seconds on one thread.

The loss is that of a pendulum's Hamiltonian on noise-free chunks; all go on from the same Adam steps.

python benchmarks/optimisers.py [--seconds 40] [--seed 0]
"""

from __future__ import annotations

import argparse
import math
import time

import torch

import simulators
from physym import training
from physym.bfgs import SelfScaledBFGS
from physym.models import HamiltonianNN


class PlainBFGS(SelfScaledBFGS):
    @staticmethod
    def _inverse(x, state):
        inverse = SelfScaledBFGS._inverse(x, state)
        update = inverse.update
        inverse.update = lambda s, y, curvature, model: update(s, y, curvature, curvature)
        return inverse


def prepared(seed: int) -> training.Run:
    """A run after its Adam steps, the same for all."""
    pendulum = simulators.SpringPendulum(stiffness=(1.0, 2.0))
    run = pendulum.simulate(pendulum.sample(500, seed), pendulum.times, tolerance=1e-12)
    data = simulators.chunk(run, 5, seed)
    model = HamiltonianNN()
    model.build(data, seed)
    run = training.Run(
        model, data, seed=seed, steps=None, time_limit=None, output=None, force=False, progress=False
    )  # fmt: skip
    while run.step < run.adam_steps:
        run._adam()
        run.step += 1
    return run


def lbfgs(run: training.Run):
    parameters = torch.nn.Parameter(run.x.clone())
    options = {"history_size": 100, "line_search_fn": "strong_wolfe", "tolerance_grad": 0, "tolerance_change": 0}
    optimiser = torch.optim.LBFGS([parameters], max_iter=10, **options)

    def closure():
        value, parameters.grad = run.loss(parameters.detach())
        return torch.tensor(value)

    while True:
        optimiser.step(closure)
        yield run.loss(parameters.detach())[0]


def bfgs(run: training.Run, kind: type[SelfScaledBFGS]):
    newton = kind(run.loss, run.x)
    while True:
        newton.step()
        yield newton.value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = prepared(options.seed)
    marks = [options.seconds * share for share in (0.25, 0.5, 1.0)]
    print(f"one-step error after Adam: {math.sqrt(run.loss(run.x)[0]):.2e}; {run.x.numel()} parameters")
    print("| optimiser | " + " | ".join(f"after {mark:.0f} s" for mark in marks) + " |\n|---|---|---|---|")
    rows = {
        "torch L-BFGS, history 100": lbfgs(run),
        "BFGS": bfgs(run, PlainBFGS),
        "self-scaled BFGS": bfgs(run, SelfScaledBFGS),
    }
    for name, values in rows.items():
        begun, reached = time.monotonic(), []
        for value in values:
            if time.monotonic() - begun >= marks[len(reached)]:
                reached.append(f"{math.sqrt(value):.1e}")
            if len(reached) == len(marks):
                break
        print(f"| {name} | " + " | ".join(reached) + " |", flush=True)


if __name__ == "__main__":
    main()
