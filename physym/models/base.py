"""Learned laws of motion of bodies: dz/dt = f(z; parameters), rolled out by an integrator."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
import xarray as xr
from torch import nn

from physym.data import Context, Signature, Typed
from physym.models import rollout
from physym.models.chosen_group import check_group, read_group, write_group
from physym.models.emlp import EquivariantNet
from physym.models.learned import LearnedModel, Trainer
from physym.models.mlp import PlainNet
from physym.models.scalars import ScalarNet
from physym.natural_units import unit_size
from physym.symmetry.groups import Group
from physym.symmetry.linear.layer import frozen
from simulators.base import check_times, provenance, require_start
from simulators.errors import InputError

__all__ = ["NETS", "Model"]

NETS = {"scalars": ScalarNet, "emlp": EquivariantNet, "mlp": PlainNet}


class Model(LearnedModel):
    """A law of motion dz/dt = f(z; parameters) of bodies, in dimensionless numbers unless that is turned off."""

    _kind = Signature
    scales = ("state_scale", "output_scale")
    _starts = 16
    equivariant: ClassVar[bool]

    def __init__(
        self,
        *,
        net: Literal["scalars", "emlp", "mlp"] = "scalars",
        group: str | Group | None = None,
        hidden: tuple[int, ...] = (32, 32),
        device: str | torch.device = "cpu",
        dimensionless: bool = True,
    ) -> None:
        if net not in NETS:
            raise InputError(f"net: expected one of {', '.join(NETS)}; given {net!r}")
        widths = hidden if isinstance(hidden, tuple | list) else ()
        if not widths or any(not isinstance(width, int) or isinstance(width, bool) or width < 1 for width in widths):
            raise InputError(
                f"hidden: expected widths >= 1 of one layer or more, given {hidden!r}; take for instance hidden=(32,)"
            )
        if not isinstance(dimensionless, bool):
            raise InputError(f"dimensionless: expected True or False, given {dimensionless!r}")
        if group is not None and net != "emlp":
            raise InputError(f"group: expected beside net='emlp', given {group!r} beside net={net!r}")
        self.group = check_group("O(2)" if group is None else group) if net == "emlp" else None
        self.net, self.hidden, self.dimensionless = net, tuple(hidden), dimensionless
        super().__init__(device)

    @abc.abstractmethod
    def law(self, z: torch.Tensor, context: Context, *, train: bool = False) -> torch.Tensor:
        """dz/dt of dimensionless states z (..., n); with a graph to differentiate if `train`."""

    @abc.abstractmethod
    def _check(self, signature: Signature) -> None:
        """Refuse data that this kind of model cannot learn from."""

    def _own(self) -> dict[str, Any]:
        return {"net": self.net} | ({"group": self.group} if self.group else {}) | {"hidden": self.hidden}

    def settings(self) -> dict[str, Any]:
        """The settings, as JSON holds them."""
        told = {"kind": type(self).__name__, "net": self.net}
        if self.group is not None:
            told["group"] = write_group(self.group)
        return told | {"hidden": list(self.hidden), "dimensionless": self.dimensionless}

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any], device: str | torch.device) -> Self:
        """A model that is not fitted yet, from what `settings` gave."""
        hidden, dimensionless = tuple(settings["hidden"]), settings.get("dimensionless", True)
        group = read_group(settings["group"]) if "group" in settings else None
        return cls(net=settings["net"], group=group, hidden=hidden, device=device, dimensionless=dimensionless)

    def promised(self, start: xr.Dataset) -> Group | None:
        """The group of matrices that the law commutes with whatever its weights, acting on states and parameters alike.

        The group about an axis that the axis turns along with is larger: for O(2) all of O(3), for SO(2) all of SO(3).

        Args:
            start: typed states and parameters, whose axis is meant.

        Returns:
            None for the nets without a group, which are held to all rotations and reflections.

        Raises:
            InputError: if the dataset is not one the model was fitted for, or a group such as D6 is about axes that
                differ between the samples.
        """
        return None if self.group is None else self.network.promised(self._tensors(start)[0].context)

    @classmethod
    def trainer(cls) -> type[Trainer]:
        """What trains it."""
        from physym.training import Run

        return Run

    def _signature_of(self, dataset: xr.Dataset) -> Signature:
        signature = Signature.of(dataset, dimensionless=self.dimensionless)
        self._check(signature)
        return signature

    def _network(self) -> nn.Module:
        own = {"group": self.group} if self.group is not None else {}
        network = NETS[self.net](self.signature, self.hidden, equivariant=self.equivariant, **own).to(self.device)
        size = max(where.stop for where in self.signature.slices().values())
        self.state_scale = torch.ones(size, dtype=torch.float64, device=self.device)
        self.output_scale = torch.ones(size if self.equivariant else (), dtype=torch.float64, device=self.device)
        return network

    def _tensors(self, dataset: xr.Dataset) -> tuple[Typed, xr.Dataset]:
        data = self.signature.conform(dataset)
        return self.signature.tensors(data, self.state_scale), data

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt of a typed dataset, with the dimensions of its states.

        Raises:
            InputError: if the dataset is not one the model was fitted for.
        """
        typed, start = self._tensors(dataset)
        slope = self.law(typed.states, typed.context.expand(typed.states.ndim - 2))
        return self.signature.dataset(slope, typed.units, start, None, rate=1)

    def simulate(
        self,
        initial: xr.Dataset,
        times: np.ndarray,
        *,
        tolerance: float = 1e-9,
        method: Literal["dopri8", "gauss-legendre"] = "dopri8",
        step: float | None = None,
        stages: int = 2,
    ) -> xr.Dataset:
        """Trajectories by the learned law, in the schema of the simulator.

        Args:
            initial: typed states and parameters, without a time dimension.
            times: output times in `time_units`, increasing; the first is the time of `initial`.
            tolerance: of the adaptive method, relative to the size of each state in the training data.
            method: "dopri8", adaptive of order 8, or "gauss-legendre", symplectic with fixed `step`.
            step: of the symplectic method; a quarter of the spacing of the training data by default.
            stages: of the symplectic method, whose order is twice that.

        Raises:
            InputError: if the states or parameters are not those the model was fitted for.
            DivergenceError: if the rollout leaves the finite numbers, naming sample and time.
        """
        output = check_times(times)
        typed, start = self._tensors(require_start(initial))
        grid = self.signature.times(output, self.time_units, typed.units)
        scaled = torch.as_tensor(grid, dtype=torch.float64, device=self.device)
        context = typed.context

        def clock(fraction: float, _sample: int) -> float:
            return float(output[0] + fraction * (output[-1] - output[0]))

        def law(z: torch.Tensor) -> torch.Tensor:
            return self.law(z, context)

        if method == "dopri8":
            spacings = (output[-1] - output[0]) / (self.times[1] - self.times[0])
            most = 200 + 2 * len(output) + int(20 * spacings)
            with frozen(self.network):
                runs = rollout.adaptive(law, typed.states, scaled, self.state_scale, clock, tolerance, most)
            solver: dict[str, Any] = {"method": "dopri8", "tolerance": tolerance}
        elif method == "gauss-legendre":
            step = step or float(self.times[1] - self.times[0]) / 4
            unit = float(unit_size(self.time_units, typed.units)[0])
            with frozen(self.network):
                runs = rollout.symplectic(law, typed.states, scaled, clock, step / unit, stages)
            solver = {"method": "Gauss-Legendre", "stages": stages, "step": step}
        else:
            raise InputError(f"method: expected 'dopri8' or 'gauss-legendre', given {method!r}")
        dataset = self.signature.dataset(runs, typed.units, start, output)
        seed = {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
        title = f"rollout of {type(self).__name__} ({self.net})"
        return dataset.assign_attrs(provenance(title, self.simulator, solver=solver, model=self.settings(), **seed))
