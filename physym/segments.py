"""Stored steps of trajectories as segments to fit, and the loss of a law over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.utils import vector_to_parameters

from physym.models.shooting import defect, shoot, substeps_needed

if TYPE_CHECKING:
    from physym.data import Context
    from physym.models.base import Model

__all__ = ["Loss", "Segments", "rank", "split", "thin"]

SEGMENTS = 5000
CHUNK = 5
_BLOCK = 20_000
_SHARE = 0.2


class Segments:
    """Samples to fit: states (sample, time, n), steps (sample, time - 1, 1) and parameters, dimensionless."""

    def __init__(self, states: torch.Tensor, dt: torch.Tensor, context: Context) -> None:
        self.states, self.dt, self.context = states, dt, context

    def __getitem__(self, index: torch.Tensor | slice) -> Segments:
        return Segments(self.states[index], self.dt[index], self.context[index])

    def __len__(self) -> int:
        return len(self.states)


def rank() -> tuple[int, int]:
    """The number of this process and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


class Loss:
    """The mean square residual of a model over segments, and its gradient with respect to the flat parameters."""

    def __init__(self, model: Model, data: Segments) -> None:
        self.model, self.data, self.substeps = model, data, 0
        self.parameters = list(model.network.parameters())
        own, world = rank()
        self.share = data[own::world]
        self.count = float(data.states[:, 1:].numel())
        per = max(1, (data.states.shape[1] - 1))
        self.block = max(1, _BLOCK // per)

    def residual(self, data: Segments, *, train: bool) -> torch.Tensor:
        """In units of the size of each state."""
        context = data.context.expand(1)

        def law(z: torch.Tensor) -> torch.Tensor:
            return self.model.law(z, context, train=train)

        r = shoot(law, data.states, data.dt, self.substeps) if self.substeps else defect(law, data.states, data.dt)
        return r / self.model.state_scale

    def __call__(self, x: torch.Tensor) -> tuple[float, torch.Tensor]:
        """The loss and its gradient at flat parameters x (n,), summed over processes."""
        vector_to_parameters(x, self.parameters)
        total = torch.zeros(x.numel() + 1, dtype=x.dtype, device=x.device)
        for begin in range(0, len(self.share), self.block):
            loss = self.residual(self.share[begin : begin + self.block], train=True).square().sum() / self.count
            # a Hamiltonian's last bias has no gradient: its energy is free by a constant
            gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True, materialize_grads=True)
            total += torch.cat([loss.detach().reshape(1), *(g.reshape(-1) for g in gradients)])
        if rank()[1] > 1:
            dist.all_reduce(total)
        return float(total[0]), total[1:].clone()

    def value(self, data: Segments) -> float:
        """The geometric mean over other samples of their mean square residual, at the parameters set last.

        As in the rollout metric, one sample that no law fits yet does not drown what the others say.
        """
        with torch.no_grad():
            squares = self.residual(data, train=False).square().flatten(1).mean(1)
            return float(squares.clamp_min(1e-300).log().mean().exp())

    def refine(self) -> bool:
        """Make the integrator finer where its error shows in the residual; whether it did."""
        few = self.data[:: max(1, len(self.data) // 64)]
        few = Segments(few.states[:, :26], few.dt[:, :25], few.context)
        context = few.context.expand(1)

        def law(z: torch.Tensor) -> torch.Tensor:
            return self.model.law(z, context)

        needed = substeps_needed(law, few.states, few.dt, self.model.state_scale, _SHARE)
        if needed <= self.substeps:
            return False
        self.substeps = needed
        return True


def split(data: Segments, seed: int) -> tuple[Segments, Segments, torch.Tensor]:
    """A tenth of the samples is held back; of fewer than 5 samples, the last tenth of the time."""
    count = len(data)
    if count >= 5:
        order = torch.as_tensor(np.random.default_rng(seed).permutation(count), device=data.states.device)
        held = max(1, count // 10)
        return data[order[held:]], data[order[:held]], order[:held]
    points = data.states.shape[1]
    cut = points - 1 - max(1, (points - 1) // 10)
    every = torch.arange(count, device=data.states.device)
    if cut < 1:
        return data, data, every
    early = Segments(data.states[:, : cut + 1], data.dt[:, :cut], data.context)
    return early, Segments(data.states[:, cut:], data.dt[:, cut:], data.context), every


def thin(data: Segments, seed: int) -> Segments:
    """At most `SEGMENTS` segments, in chunks of `CHUNK` that lie anywhere in the trajectories."""
    samples, steps = len(data), data.dt.shape[1]
    if samples * steps <= SEGMENTS:
        return data
    length = min(CHUNK, steps)
    places = samples * (steps // length)
    chosen = np.sort(np.random.default_rng(seed).choice(places, min(places, SEGMENTS // length), replace=False))
    rows = torch.as_tensor(chosen // (steps // length), device=data.states.device)
    begin = torch.as_tensor(chosen % (steps // length) * length, device=data.states.device)
    index = begin[:, None] + torch.arange(length + 1, device=data.states.device)
    return Segments(data.states[rows[:, None], index], data.dt[rows[:, None], index[:, :-1]], data.context[rows])
