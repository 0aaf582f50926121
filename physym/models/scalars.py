"""Invariant scalars of typed vectors, and a network of them.

An O(3)-invariant function of vectors is a function of their inner products (Weyl 1946), and an equivariant vector
function is a sum of invariant coefficients times the vectors (Villar, Hogg, Storey-Fisher, Yao and Blum-Smith,
NeurIPS 2021). The vectors are those that the dataset declares: every entity of every state of tensor order 1, and
every parameter of order 1. States measured in a length are places, between which springs and potentials act: their
distances from the origin and from each other are scalars too, and the directions of these displacements are vectors.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from physym.data import Context, Signature
from physym.models.mlp import Dense
from simulators.errors import InputError
from simulators.units import BASE, parse

__all__ = ["Invariants", "ScalarNet"]

_TINY = 1e-150


class Invariants(nn.Module):
    """Scalars and vectors of a flat dimensionless state.

    Args:
        signature: says which entries of the state are vectors, scalars and places.
    """

    def __init__(self, signature: Signature) -> None:
        super().__init__()
        where = signature.slices()
        vectors: list[list[int]] = []
        scalars: list[int] = []
        groups: list[list[int]] = []
        for variable in signature.states:
            entries = list(range(where[variable.name].start, where[variable.name].stop))
            if variable.tensor_order == 0:
                scalars += entries
                continue
            size = signature.sizes["i"]
            rows = [entries[k : k + size] for k in range(0, len(entries), size)]
            length = tuple(int(base == "m") for base in BASE)
            if tuple(parse(variable.units).exponents) == length:
                groups.append(list(range(len(vectors), len(vectors) + len(rows))))
            vectors += rows
        if not vectors:
            raise InputError("net 'scalars': expected a state of tensor order 1, given none; use net='mlp'")
        fixed = sum(v.tensor_order for v in signature.parameters)
        places = [pair for group in groups for pair in _displacements(group)]
        total = len(vectors) + fixed
        pairs = [(a, b) for a in range(total) for b in range(a, total) if a < len(vectors)]
        pairs += [(a, b) for a in range(len(vectors), total) for b in range(a, total)]
        self.n_scalars = len(pairs) + len(places) + len(scalars) + len(_varying(signature))
        self.n_vectors = total + len(places)
        # (displacement, vector): +1 at its end, -1 at its beginning
        ends = torch.zeros(len(places), len(vectors), dtype=torch.float64)
        for row, (begin, end) in enumerate(places):
            ends[row, end] = 1.0
            if begin is not None:
                ends[row, begin] = -1.0
        self.register_buffer("rows", torch.tensor(vectors), persistent=False)
        self.register_buffer("scalars", torch.tensor(scalars, dtype=torch.long), persistent=False)
        self.register_buffer("first", torch.tensor([a for a, _ in pairs]), persistent=False)
        self.register_buffer("second", torch.tensor([b for _, b in pairs]), persistent=False)
        self.register_buffer("ends", ends, persistent=False)

    def forward(self, z: torch.Tensor, context: Context) -> tuple[torch.Tensor, torch.Tensor]:
        """Scalars (..., n_scalars) and vectors (..., n_vectors, i) of states z (..., n)."""
        own = z[..., self.rows]
        lead = z.shape[:-1]
        given = context.vectors.expand(*lead, *context.vectors.shape[-2:])
        vectors = torch.cat([own, given], dim=-2)
        gram = (vectors[..., self.first, :] * vectors[..., self.second, :]).sum(-1)
        displacements = self.ends.to(z.dtype) @ own
        distances = (displacements.square().sum(-1) + _TINY).sqrt()
        directions = displacements / distances[..., None]
        varying = context.scalars.expand(*lead, context.scalars.shape[-1])
        scalars = torch.cat([gram, distances, z[..., self.scalars], varying], dim=-1)
        return scalars, torch.cat([vectors, directions], dim=-2)


def _displacements(group: list[int]) -> list[tuple[int | None, int]]:
    return [(None, end) for end in group] + list(itertools.combinations(group, 2))


def _varying(signature: Signature) -> list[str]:
    """One name for each varying scalar entry of the context."""
    return [
        v.name
        for v in signature.parameters
        if v.name in signature.varying and not v.tensor_order
        for _ in range(int(torch.tensor(signature.shape(v)).prod()))
    ]


class ScalarNet(nn.Module):
    """Invariant outputs, or an equivariant state derivative, from the invariants of a state.

    Args:
        signature: of the data.
        hidden: widths of the hidden layers.
        equivariant: False for one invariant number (a Hamiltonian), True for d(state)/dt: each state vector's is a
            sum of invariant coefficients times all vectors, each scalar's is an invariant.
    """

    def __init__(self, signature: Signature, hidden: tuple[int, ...], *, equivariant: bool) -> None:
        super().__init__()
        self.invariants = Invariants(signature)
        self.equivariant = equivariant
        self.moving = self.invariants.rows.shape[0]
        self.plain = self.invariants.scalars.shape[0]
        outputs = self.moving * self.invariants.n_vectors + self.plain if equivariant else 1
        self.dense = Dense(self.invariants.n_scalars, outputs, hidden)

    @torch.no_grad()
    def prepare(self, z: torch.Tensor, context: Context) -> None:
        """Take the mean and spread of every scalar from training states."""
        self.dense.prepare(self.invariants(z, context)[0])

    def forward(self, z: torch.Tensor, context: Context) -> torch.Tensor:
        """H (...,) or dz/dt (..., n) of states z (..., n)."""
        scalars, vectors = self.invariants(z, context)
        out = self.dense(scalars)
        if not self.equivariant:
            return out[..., 0]
        weights, rates = out.split([out.shape[-1] - self.plain, self.plain], dim=-1)
        moved = weights.reshape(*z.shape[:-1], self.moving, -1) @ vectors
        slope = torch.zeros_like(z)
        slope[..., self.invariants.rows] = moved
        if self.plain:
            slope[..., self.invariants.scalars] = rates
        return slope
