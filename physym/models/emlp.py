"""A Hamiltonian or d(state)/dt by an equivariant multilayer perceptron of the states' vectors.

The group acts on the vectors of the states and, unless it keeps them, on those of the parameters. A group about
gravity's axis keeps gravity, which then is no input. Should gravity point elsewhere than in the data of the fit, the
system is turned until it does not, by the shortest rotation; so the law is the same in any orientation of the axes as
far as the group allows: for O(2) under all of O(3), for SO(2) under all of SO(3), for D_n only about gravity.

Hidden tensors end at T(2), too few to tell n directions apart for n > 3: a net for D_n then commutes with all of O(2),
and one for C_n with SO(2).

Source: Finzi, Welling and Wilson (ICML 2021); see `physym.symmetry.EquivariantMLP`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from physym.data import Context, Signature
from physym.models.chosen_group import placed, turning_along
from physym.symmetry.groups import Group, MatrixGroup
from physym.symmetry.linear.maps import invariant_basis
from physym.symmetry.linear.perceptron import EquivariantMLP
from physym.symmetry.linear.representations import T, V
from simulators.errors import InputError

__all__ = ["EquivariantNet"]


class EquivariantNet(nn.Module):
    """An invariant number, or an equivariant state derivative, from the vectors and scalars of a state.

    Args:
        signature: of the data.
        hidden: scalars of each hidden layer; see `physym.symmetry.linear.perceptron.spread_over_types`.
        equivariant: False for one invariant number (a Hamiltonian), True for d(state)/dt.
        group: a name such as "O(2)", or a group of orthogonal matrices.

    Raises:
        InputError: if the states have no vectors, or the group does not suit the data.
    """

    def __init__(
        self, signature: Signature, hidden: tuple[int, ...], *, equivariant: bool, group: str | Group = "O(2)"
    ) -> None:
        super().__init__()
        where = signature.slices()
        places = {v.name: list(range(where[v.name].start, where[v.name].stop)) for v in signature.states}
        vectors = [n for v in signature.states if v.tensor_order for n in places[v.name]]
        scalars = [n for v in signature.states if not v.tensor_order for n in places[v.name]]
        if not vectors:
            raise InputError("net 'emlp': expected a state of tensor order 1, given none; use net='mlp'")
        self.group, axis = placed(group, signature)
        self.widest = turning_along(self.group, axis)
        size = self.group.dim
        own = len(vectors) // size
        given = [v for v in signature.parameters if v.tensor_order] if axis is None else []
        fixed = sum(int(np.prod(signature.shape(v))) // size for v in given)
        varying = [v for v in signature.parameters if v.name in signature.varying and not v.tensor_order]
        plain = len(scalars) + sum(int(np.prod(signature.shape(v))) for v in varying) + (axis is not None)
        self.equivariant = equivariant
        self.rep = (own + fixed) * V + plain * T(0)
        rep_out = own * V + len(scalars) * T(0) if equivariant else T(0)
        self.net = EquivariantMLP(self.group, self.rep, rep_out, hidden=hidden)
        order = torch.tensor([*vectors, *scalars])
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", torch.argsort(order), persistent=False)
        self.own = len(vectors)
        self.register_buffer("axis", None if axis is None else torch.tensor(axis), persistent=False)
        total = self.rep.dim(self.group)
        self.register_buffer("mean", torch.zeros(total, dtype=torch.float64))
        self.register_buffer("inverse_spread", torch.ones(total, dtype=torch.float64))

    def _inputs(self, z: torch.Tensor, context: Context) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Flat tensors of the representation (..., n), and the rotation (..., i, i) to the frame that they are in."""
        lead = z.shape[:-1]
        entries = z[..., self.order]
        vectors, scalars = entries[..., : self.own], entries[..., self.own :]
        varying = context.scalars.expand(*lead, context.scalars.shape[-1])
        if self.axis is None:
            given = context.vectors.expand(*lead, *context.vectors.shape[-2:]).flatten(-2)
            return torch.cat([vectors, given, scalars, varying], dim=-1), None
        along = context.vectors[..., 0, :]
        turn = _rotation(along, self.axis)
        vectors = (vectors.unflatten(-1, (-1, self.group.dim)) @ turn.mT).flatten(-2)
        size = along.norm(dim=-1, keepdim=True).expand(*lead, 1)
        return torch.cat([vectors, scalars, varying, size], dim=-1), turn

    def promised(self, context: Context) -> Group:
        """The group of matrices that the net commutes with, acting on states and parameters alike.

        Where it holds about gravity's axis alone, it is that about the axis of these samples.

        Raises:
            InputError: if such a group is about axes that differ between the samples.
        """
        if self.axis is None or self.widest is not self.group:
            return self.widest
        turns = _rotation(context.vectors[:, 0], self.axis).cpu().numpy()
        turn = turns[0]
        if not np.allclose(turns, turn, atol=1e-9):
            raise InputError(f"group {self.group!r}: expected samples with one axis, given several; take one at a time")
        if np.allclose(turn, np.eye(len(turn)), atol=1e-12):
            return self.group
        flat, discrete = (turn.T @ part @ turn for part in (self.group.lie_algebra(), self.group.discrete_generators()))
        return MatrixGroup(lie_algebra=flat, discrete=discrete, name=repr(self.group))

    @torch.no_grad()
    def prepare(self, z: torch.Tensor, context: Context) -> None:
        """Take the invariant part of the mean, and the spread of each vector and scalar, from training states."""
        flat = self._inputs(z, context)[0].reshape(-1, self.mean.numel())
        fixed = torch.tensor(invariant_basis(self.group, self.rep), dtype=flat.dtype, device=flat.device)
        mean = fixed.T @ (fixed @ flat.mean(0))
        # one number for all components of a vector: the same in any frame
        sizes = [self.group.dim ** len(factors) for factors, _ in self.rep.terms]
        squares = torch.stack([part.square().mean() for part in (flat - mean).split(sizes, dim=-1)])
        peaks = torch.stack([part.abs().amax() for part in flat.split(sizes, dim=-1)])
        spread = squares.sqrt()
        still = spread <= 1e-9 * (peaks + 1e-300)
        inverse = torch.where(still, 0.0, 1 / torch.where(still, 1.0, spread))
        self.mean.copy_(mean)
        self.inverse_spread.copy_(inverse.repeat_interleave(torch.tensor(sizes, device=inverse.device)))

    def forward(self, z: torch.Tensor, context: Context) -> torch.Tensor:
        """H (...,) or dz/dt (..., n) of states z (..., n)."""
        inputs, turn = self._inputs(z, context)
        out = self.net((inputs - self.mean) * self.inverse_spread)
        if not self.equivariant:
            return out[..., 0]
        if turn is not None:
            vectors = (out[..., : self.own].unflatten(-1, (-1, self.group.dim)) @ turn).flatten(-2)
            out = torch.cat([vectors, out[..., self.own :]], dim=-1)
        return out[..., self.back]


def _rotation(vectors: torch.Tensor, axis: torch.Tensor) -> torch.Tensor:
    """The rotations (..., i, i) that bring vectors (..., i) to an axis (i,) by the shortest way."""
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    other = torch.zeros_like(axis)
    other[axis.abs().argmin()] = 1.0
    other = other - (other @ axis) * axis
    other = other / other.norm()
    one = torch.eye(len(axis), dtype=axis.dtype, device=axis.device)
    # half a turn first where the two are more opposite than alike
    half = one - 2 * torch.outer(axis, axis) - 2 * torch.outer(other, other)
    first = torch.where((unit @ axis < 0)[..., None, None], half, one)
    unit = (first @ unit[..., None])[..., 0]
    both = unit + axis
    shares = both[..., :, None] * both[..., None, :] / (1 + unit @ axis)[..., None, None]
    return (one - shares + 2 * axis[:, None] * unit[..., None, :]) @ first
