"""The Hamiltonian neural network.

A network H(q, p; parameters) gives the law

    dq/dt = ∂H/∂p,    dp/dt = -∂H/∂q,

which conserves H exactly; with the net "scalars" H is O(3)-invariant, so that the angular momentum about gravity is
conserved as well. q and p are found by type: two states of equal shape whose units multiply to an action, kg*m**2/s,
of which the one that contains a mass is the momentum.

Source: Greydanus, Dzamba and Yosinski, "Hamiltonian neural networks" (NeurIPS 2019); the scalars: Villar et al.,
"Scalars are universal" (NeurIPS 2021).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import torch
import xarray as xr

from physym.data import Context, Signature
from physym.models.base import Model
from physym.natural_units import unit_size
from simulators.errors import InputError
from simulators.schema import Variable
from simulators.units import parse

if TYPE_CHECKING:
    from physym.discovery.bodies.laws.hamiltonian import HamiltonianLaw

__all__ = ["HamiltonianNN"]


class HamiltonianNN(Model):
    """A learned Hamiltonian; see the module.

    Args:
        net: "scalars" (O(3)-invariant), "emlp" (the same under a group) or "mlp" (the baseline without symmetry).
        group: of the net "emlp": "O(3)", "SO(3)", or about the axis of the one vector parameter that all samples share,
            such as gravity, "O(2)" (default), "SO(2)", "Dn" or "Cn" such as "D6"; or a group of orthogonal matrices.
        hidden: widths of the hidden layers; of "emlp" how many scalars each has, beside vectors and matrices.
        device: where torch computes, such as "cpu" or "cuda".
        dimensionless: whether the net sees numbers in units that each sample's own parameters set, so that no change
            of units, and no rescaled copy of a system, is anything new to it; False for numbers in SI units, to see
            what that is worth.

    >>> import physym, simulators
    >>> pendulum = simulators.SpringPendulum()
    >>> train = pendulum.simulate(pendulum.sample(20), times=[0.0, 0.2, 0.4, 0.6])
    >>> model = physym.HamiltonianNN(hidden=(8,)).fit(train, steps=20)
    >>> model.simulate(pendulum.sample(2, seed=1), times=[0.0, 0.2]).position.dims
    ('sample', 'time', 'body', 'i')
    """

    equivariant: ClassVar[bool] = False

    def _check(self, signature: Signature) -> None:
        self._pair(signature)

    @staticmethod
    def _pair(signature: Signature) -> tuple[slice, slice]:
        action = parse("kg*m**2/s").exponents
        where = signature.slices()
        for a, b in itertools.permutations(signature.states, 2):
            product = tuple(x + y for x, y in zip(parse(a.units).exponents, parse(b.units).exponents, strict=True))
            same = signature.shape(a) == signature.shape(b)
            if product == action and same and parse(b.units).exponent("kg") and len(signature.states) == 2:
                return where[a.name], where[b.name]
        given = ", ".join(f"{v.name} [{v.units}]" for v in signature.states)
        raise InputError(
            "expected two states of equal shape, positions and momenta, whose units multiply to kg*m**2/s;"
            f" given {given}; use NeuralODE"
        )

    def hamiltonian(self, z: torch.Tensor, context: Context) -> torch.Tensor:
        """H of dimensionless states z (..., n), dimensionless, (...,)."""
        return self.output_scale * self.network(z, context)

    def law(self, z: torch.Tensor, context: Context, *, train: bool = False) -> torch.Tensor:
        """dz/dt of dimensionless states z (..., n)."""
        q, p = self._pair(self.signature)
        with torch.enable_grad():
            at = z if z.requires_grad else z.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(self.hamiltonian(at, context).sum(), at, create_graph=train)
        out = torch.empty_like(slope)
        out[..., q] = slope[..., p]
        out[..., p] = -slope[..., q]
        return out

    def distill(self, dataset: xr.Dataset | None = None, *, seed: int = 0) -> HamiltonianLaw:
        """The closed formula of scalars that the gradients of the learned Hamiltonian have: a law, and a simulator.

        Args:
            dataset: trajectories whose states are sampled, and to which the constants are fitted in the end; by default
                the model's own rollouts from the starts that it kept.
            seed: of which states are sampled, and of what is held out.

        Raises:
            InputError: if the model is not fitted, or the dataset is not of its types.
        """
        from physym.discovery.bodies.distillation import distill

        return distill(self, dataset, seed=seed)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """The learned Hamiltonian of each sample and time, `hamiltonian` [kg*m**2/s**2], up to a constant.

        Raises:
            InputError: if the dataset is not one the model was fitted for.
        """
        typed, start = self._tensors(dataset)
        with torch.no_grad():
            numbers = self.hamiltonian(typed.states, typed.context.expand(typed.states.ndim - 2))
        variable = Variable("hamiltonian", "kg*m**2/s**2", "learned Hamiltonian", "H", role="diagnostic")
        values = numbers.cpu().numpy()
        values = values * unit_size(variable.units, typed.units).reshape(-1, *(1,) * (values.ndim - 1))
        state = start[self.signature.states[0].name]
        dims = tuple(dim for dim in state.dims if dim in ("sample", "time"))
        coords = {dim: dataset.coords[dim] for dim in dims if dim in dataset.coords}
        shaped = values if "sample" in dims else values[0]
        return xr.Dataset({"hamiltonian": (dims, shaped, variable.attrs())}, coords=coords, attrs=dataset.attrs)
