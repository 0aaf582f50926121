"""The neural ordinary differential equation: dz/dt = f(z; parameters).

With the net "scalars", each vector's derivative is a sum of O(3)-invariant coefficients times the vectors of the
system, so that f is equivariant under rotations and reflections of states and parameters alike. Nothing is conserved by
construction.

Source: Chen, Rubanova, Bettencourt and Duvenaud, "Neural ordinary differential equations" (NeurIPS 2018); the scalars:
Villar et al., "Scalars are universal" (NeurIPS 2021).
"""

from __future__ import annotations

from typing import ClassVar

import torch
import xarray as xr

from physym.data import Context, Signature
from physym.models.base import Model

__all__ = ["NeuralODE"]


class NeuralODE(Model):
    """A learned law of motion; see the module.

    Args:
        net: "scalars" (O(3)-equivariant), "emlp" (the same under a group) or "mlp" (the baseline without symmetry).
        group: of the net "emlp": "O(3)", "SO(3)", or about the axis of the one vector parameter that all samples share,
            such as gravity, "O(2)" (default), "SO(2)", "Dn" or "Cn" such as "D6"; or a group of orthogonal matrices.
        hidden: widths of the hidden layers; of "emlp" how many scalars each has, beside vectors and matrices.
        device: where torch computes, such as "cpu" or "cuda".
        dimensionless: whether the net sees numbers in units that each sample's own parameters set, so that no change
            of units, and no rescaled copy of a system, is anything new to it; False for numbers in SI units, to see
            what that is worth.
    """

    equivariant: ClassVar[bool] = True

    def _check(self, signature: Signature) -> None:
        """Any states will do."""

    def law(self, z: torch.Tensor, context: Context, *, train: bool = False) -> torch.Tensor:
        """dz/dt of dimensionless states z (..., n)."""
        with torch.set_grad_enabled(train):
            return self.output_scale * self.network(z, context)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """An empty dataset: a neural ODE conserves nothing by construction."""
        return xr.Dataset(attrs=dataset.attrs)
