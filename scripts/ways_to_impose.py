#!/usr/bin/env python3
"""The ways to impose a continuous symmetry side by side, on one task of the literature.

The moment of inertia of five points with masses, a tensor that turns with them (Finzi, Welling and Wilson 2021),

    I = Σ_i m_i (|x_i|² 1 - x_i x_iᵀ),    5 T(0) + 5 V -> T(2) of O(3),

is learned from few examples and from many; x_i is normal, m_i is log(1 + e^z) of a normal z. All nets have about 5000
weights and the same training: a number of steps of Adam on 64 examples each, at a rate that falls from 3e-3 to 0 as a
cosine. Least squares needs none.

Each way is also asked how far F(gx) is from ρ(g) F(x), where it jumps, and what it makes of turned clouds if it has
learned from clouds that lie flat (z a fifth of what it was): as photographs show upright objects.

usage: scripts/ways_to_impose.py [--ways NAME ...] [--sizes 30 100 ...] [--seeds 2] [--steps 2000] [--figure PNG]
                                 [--keep FILE: rows that are there are not computed again]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
import torch  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from torch import nn  # noqa: E402

from physym import plotting  # noqa: E402
from physym.plotting.style import COLOURS, INK, PALE, new_figure  # noqa: E402
from physym.symmetry import (  # noqa: E402
    EquivariantMLP, Hyperoctahedral, O, T, V, average, canonicalise, canonicalised, equivariant_basis,
    equivariants_torch, frame_average, frames, invariants,
)  # fmt: skip
from physym.symmetry.averaging.batched import act_each  # noqa: E402

GROUP, BODIES = O(3), 5
REP_IN, REP_OUT = BODIES * T(0) + BODIES * V, T(2)
WEIGHTS, BATCH, RATE, SAMPLES, PENALTY = 5000, 64, 3e-3, 64, 1.0
TEST, FLAT = 2000, 1000
PATHS, STRIDES, HALVINGS = 20, 200, 10

Predict = Callable[[np.ndarray], np.ndarray]


def inertia(x: np.ndarray) -> np.ndarray:
    """The moments of inertia (n, 9)."""
    masses, points = parts(x)
    second = np.einsum("ni,nia,nib->nab", masses, points, points)
    return (np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second).reshape(-1, 9)


def draw_clouds(count: int, seed: int, *, flat: bool = False) -> np.ndarray:
    """Masses and positions (n, 20)."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((count, BODIES, 3)) * (1.0, 1.0, 0.2 if flat else 1.0)
    return joined(np.logaddexp(0.0, rng.standard_normal((count, BODIES))), points)


def parts(x: np.ndarray | torch.Tensor) -> tuple:
    """Masses (..., 5) and positions (..., 5, 3)."""
    return x[..., :BODIES], x[..., BODIES:].reshape(*x.shape[:-1], BODIES, 3)


def joined(masses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The inverse of `parts`."""
    return np.concatenate([masses, points.reshape(*masses.shape[:-1], -1)], axis=-1)


# the learner


@dataclass(frozen=True)
class Budget:
    """What a way may use: steps of Adam, and the seed of weights and batches."""

    steps: int
    seed: int


def perceptron(inputs: int = REP_IN.dim(3), outputs: int = REP_OUT.dim(3)) -> nn.Sequential:
    """A perceptron with two hidden layers, so wide that it has `WEIGHTS` weights."""
    b = inputs + outputs + 2
    width = round((math.sqrt(b * b + 4 * (WEIGHTS - outputs)) - b) / 2)
    first, second, third = nn.Linear(inputs, width), nn.Linear(width, width), nn.Linear(width, outputs)
    return nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), third).double()


def learned(
    make: Callable[[], nn.Module],
    x: np.ndarray,
    y: np.ndarray,
    budget: Budget,
    *,
    within: Callable[[nn.Module], Callable] | None = None,
    augment: bool = False,
    penalty: float = 0.0,
) -> Predict:
    """Train a net, or what `within` makes of it, on its mean square error; y is measured in its root mean square."""
    torch.manual_seed(budget.seed)
    net, rng, scale = make(), np.random.default_rng(budget.seed), np.sqrt(np.mean(y**2))
    function = within(net) if within else net
    adam = torch.optim.Adam(net.parameters(), lr=RATE)
    for step in range(budget.steps):
        adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / budget.steps))
        rows = rng.integers(0, len(x), BATCH)
        given, wanted = x[rows], y[rows] / scale
        if augment or penalty:
            g = GROUP.random(rng, BATCH)
            moved = act_each(REP_IN, g, given[:, None])[:, 0]
        if augment:
            given, wanted = moved, act_each(REP_OUT, g, wanted[:, None])[:, 0]
        found = function(torch.from_numpy(given))
        loss = (found - torch.from_numpy(wanted)).square().mean()
        if penalty:
            matrices = torch.from_numpy(np.einsum("nab,ncd->nacbd", g, g).reshape(-1, 9, 9))
            there = (matrices @ found[..., None])[..., 0]
            loss = loss + penalty * (function(torch.from_numpy(moved)) - there).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    def predict(new: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return scale * function(torch.from_numpy(np.ascontiguousarray(new))).numpy()

    predict.weights = sum(p.numel() for p in net.parameters())
    return predict


# the ways: from examples x (n, 20), y (n, 9) to a function of clouds


def averaged_after(x: np.ndarray, y: np.ndarray, budget: Budget) -> Predict:
    """The net of augmentation, averaged over random elements when asked."""
    f = learned(perceptron, x, y, budget, augment=True)
    return average(f, GROUP, REP_IN, REP_OUT, samples=SAMPLES, seed=budget.seed)


def averaged_within(x: np.ndarray, y: np.ndarray, budget: Budget) -> Predict:
    """A net averaged over the 48 symmetries of the cube, which is trained so."""
    return learned(perceptron, x, y, budget, within=lambda net: average(net, Hyperoctahedral(3), REP_IN, REP_OUT))


def framed(x: np.ndarray, y: np.ndarray, budget: Budget) -> Predict:
    """Every cloud in each of its 8 frames, then the mean of what is learned of these."""
    masses, points = parts(x)
    found = frames(points, GROUP)
    k = found.matrix.shape[-3]
    masses, targets = np.repeat(masses[:, None], k, axis=1), np.repeat(y[:, None], k, axis=1)
    return posed(masses, found.undo(points[:, None]), found.matrix, targets, frame_average, budget)


def canonical(x: np.ndarray, y: np.ndarray, budget: Budget) -> Predict:
    """Every cloud in its canonical form."""
    masses, points = parts(x)
    form, pose = canonicalise(points, GROUP)
    return posed(masses, form, pose.matrix, y, canonicalised, budget)


def posed(
    masses: np.ndarray, form: np.ndarray, turns: np.ndarray, y: np.ndarray, way: Callable, budget: Budget
) -> Predict:
    """Learn of clouds in standard position, the targets being turned along, and make that equivariant."""
    back = act_each(REP_OUT, turns.reshape(-1, 3, 3).swapaxes(-1, -2), y.reshape(-1, 1, 9))[:, 0]
    f = learned(perceptron, joined(masses, form).reshape(len(back), -1), back, budget)

    def predict(new: np.ndarray) -> np.ndarray:
        own, points = parts(new)
        return way(lambda clouds: f(joined(own, clouds)), GROUP, REP_OUT)(points)

    predict.weights = f.weights
    return predict


class OfInvariants(nn.Module):
    """Σ_ij w_ij x_i x_jᵀ + w 1 with weights w that a perceptron makes of the invariants: the derivative by ℓ at 0 of

    Σ_ij w_ij x_iᵀℓx_j + w tr ℓ.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = perceptron(BODIES + BODIES * (BODIES + 1) // 2, BODIES**2 + 1)
        self.forward = equivariants_torch(self.number, REP_OUT.dim(3), axes=1)

    def number(self, x: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
        """The invariant of x (..., 20) and ℓ (..., 9) that is linear in ℓ."""
        masses, points = parts(x)
        weights = self.net(torch.cat([masses, invariants(points, GROUP)], dim=-1))
        form = dual.unflatten(-1, (3, 3))
        trace = form.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)
        return (weights * torch.cat([(points @ form @ points.mT).flatten(-2), trace], dim=-1)).sum(-1)
