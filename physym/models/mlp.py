"""The multilayer perceptron: the baseline that knows no symmetry, and the dense part of every other net."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from physym.data import Context, Signature

__all__ = ["Dense", "PlainNet"]


class Dense(nn.Module):
    """y = W x̂ + MLP(x̂), with x̂ the inputs less their mean over their spread in the training data.

    The activations are SiLU, smooth as a Hamiltonian wants; the straight path W carries the part that is linear in the
    inputs, which for laws in terms of good scalars is most of it. Inputs that never vary are left out (x̂ = 0).

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        hidden: widths of the hidden layers.
    """

    def __init__(self, inputs: int, outputs: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs, dtype=torch.float64))
        self.register_buffer("inverse_spread", torch.ones(inputs, dtype=torch.float64))
        widths = [inputs, *hidden, outputs]
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Linear(a, b, dtype=torch.float64), nn.SiLU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.straight = nn.Linear(inputs, outputs, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.straight.weight.zero_()

    def prepare(self, inputs: torch.Tensor) -> None:
        """Take mean and spread of the inputs (..., inputs) from training data."""
        flat = inputs.reshape(-1, inputs.shape[-1])
        mean, spread = flat.mean(0), flat.std(0)
        still = spread <= 1e-9 * (flat.abs().amax(0) + 1e-300)
        self.mean.copy_(mean)
        self.inverse_spread.copy_(
            torch.where(still, torch.zeros_like(spread), 1 / torch.where(still, torch.ones_like(spread), spread))
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs (..., outputs) of inputs (..., inputs)."""
        x = (inputs - self.mean) * self.inverse_spread
        return self.layers(x) + self.straight(x)


class PlainNet(nn.Module):
    """A Hamiltonian or d(state)/dt straight from the components of the state.

    Args:
        signature: of the data.
        hidden: widths of the hidden layers.
        equivariant: False for one number, True for d(state)/dt; nothing here is equivariant, the name is the contract
            of the nets.
    """

    def __init__(self, signature: Signature, hidden: tuple[int, ...], *, equivariant: bool) -> None:
        super().__init__()
        size = max(where.stop for where in signature.slices().values())
        scalars = [v for v in signature.parameters if v.name in signature.varying and not v.tensor_order]
        extra = sum(int(torch.tensor(signature.shape(v)).prod()) for v in scalars)
        extra += sum(signature.sizes["i"] for v in signature.parameters if v.tensor_order)
        self.equivariant = equivariant
        self.dense = Dense(size + extra, size if equivariant else 1, hidden)

    def _inputs(self, z: torch.Tensor, context: Context) -> torch.Tensor:
        lead = z.shape[:-1]
        vectors = context.vectors.flatten(-2)
        scalars = context.scalars
        return torch.cat(
            [z, scalars.expand(*lead, scalars.shape[-1]), vectors.expand(*lead, vectors.shape[-1])], dim=-1
        )

    @torch.no_grad()
    def prepare(self, z: torch.Tensor, context: Context) -> None:
        """Take the mean and spread of every input from training states."""
        self.dense.prepare(self._inputs(z, context))

    def forward(self, z: torch.Tensor, context: Context) -> torch.Tensor:
        """H (...,) or dz/dt (..., n) of states z (..., n)."""
        out = self.dense(self._inputs(z, context))
        return out if self.equivariant else out[..., 0]
