"""What every learned model answers: a model is a simulator.

`fit` learns from what the variables of a dataset declare; `simulate`, `tendency` and `conserved` then answer as a
simulator does, with the same schema; `save` and `physym.load` keep it as safetensors and JSON.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
import xarray as xr
from torch import nn

from physym.data import Context, Signature, Typed
from physym.models import rollout, storage
from physym.models.mlp import PlainNet
from physym.models.scalars import ScalarNet
from physym.natural_units import unit_size
from simulators.base import check_times, provenance, registered, require_start
from simulators.errors import InputError
from simulators.schema import Variable, attributes, validate

__all__ = ["NETS", "Model"]

NETS = {"scalars": ScalarNet, "mlp": PlainNet}
_STARTS = 16


class Model(abc.ABC):
    """A law of motion dz/dt = f(z; parameters) learned from data, in dimensionless numbers unless that is turned off.

    Attributes:
        signature: the types it was fitted for.
        provenance: where its training data came from and how it was trained, as JSON holds it.
        starts: a few typed starts from the training data.
        times: the times of a default run.
    """

    equivariant: ClassVar[bool]

    def __init__(
        self,
        *,
        net: Literal["scalars", "mlp"] = "scalars",
        hidden: tuple[int, ...] = (32, 32),
        device: str | torch.device = "cpu",
        dimensionless: bool = True,
    ) -> None:
        if net not in NETS:
            raise InputError(f"net: expected one of {', '.join(NETS)}; given {net!r}")
        if not hidden or any(not isinstance(width, int) or width < 1 for width in hidden):
            raise InputError(f"hidden: expected widths >= 1, given {hidden!r}")
        if not isinstance(dimensionless, bool):
            raise InputError(f"dimensionless: expected True or False, given {dimensionless!r}")
        self.net, self.hidden, self.dimensionless = net, tuple(hidden), dimensionless
        try:
            self.device = torch.device(device)
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(
                f"device: expected one that torch can use, given {str(device)!r} ({str(error).splitlines()[0]})"
            ) from error
        self._signature: Signature | None = None

    def __repr__(self) -> str:
        fitted = "not fitted" if self._signature is None else f"fitted to {self.simulator}"
        return f"{type(self).__name__}(net={self.net!r}, hidden={self.hidden}; {fitted})"

    @abc.abstractmethod
    def law(self, z: torch.Tensor, context: Context, *, train: bool = False) -> torch.Tensor:
        """dz/dt of dimensionless states z (..., n); with a graph to differentiate if `train`."""

    @abc.abstractmethod
    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the learned law keeps, one number per sample and time, typed."""

    @abc.abstractmethod
    def _check(self, signature: Signature) -> None:
        """Refuse data that this kind of model cannot learn from."""

    @property
    def signature(self) -> Signature:
        """The types the model was fitted for.

        Raises:
            InputError: if it was not fitted yet.
        """
        if self._signature is None:
            raise InputError(f"expected a fitted model, given {self!r}; call fit(dataset) first")
        return self._signature

    @property
    def simulator(self) -> str:
        """Class name of the simulator of the training data, or "none"."""
        return self.signature.simulator

    @property
    def time_units(self) -> str:
        """The units of times."""
        return self.signature.time_units

    @property
    def reversible(self) -> bool:
        """Whether the system it learned is unchanged by t -> -t."""
        known = registered().get(self.simulator)
        return known is not None and known.reversible

    def variables(self) -> dict[str, Variable]:
        """The types of states and parameters, by name."""
        return {v.name: v for v in (*self.signature.states, *self.signature.parameters)}

    def settings(self) -> dict[str, Any]:
        """The settings, as JSON holds them."""
        return {
            "kind": type(self).__name__,
            "net": self.net,
            "hidden": list(self.hidden),
            "dimensionless": self.dimensionless,
        }

    def fit(
        self,
        dataset: xr.Dataset,
        *,
        time_limit: float | None = None,
        steps: int | None = None,
        seed: int = 0,
        output: str | Path | None = None,
        force: bool = False,
        progress: bool = False,
    ) -> Self:
        """Learn the law from trajectories or chunks of them.

        Args:
            dataset: valid by the schema, with at least two times.
            time_limit: seconds after which training stops at the best so far.
            steps: quasi-Newton iterations, after as many of Adam (at most 300); by default until the held-back part
                stops improving, at most 2000.
            seed: of the initial weights and of what is held back.
            output: a run folder that keeps checkpoints and the learning curve, then the model; an unfinished
                run of the same settings and data goes on from its last checkpoint to the same result.
            force: begin anew in a folder that holds another or a finished run.
            progress: say how it goes on stderr.

        Returns:
            The model itself.

        Raises:
            InputError: if the data or settings are unfit, or `output` is finished or was begun with others.
        """
        from physym.training import train

        train(
            self, dataset, time_limit=time_limit, steps=steps, seed=seed, output=output, force=force, progress=progress
        )
        return self

    def build(self, dataset: xr.Dataset, seed: int) -> None:
        """Take signature, starts and times from training data and make the network with seeded weights.

        Raises:
            InputError: if the data are unfit for this model.
        """
        validate(dataset)
        if dataset.sizes.get("time", 0) < 2:
            raise InputError(f"expected trajectories of at least 2 times, given {dataset.sizes.get('time', 0)}")
        if "sample" not in dataset.dims:
            raise InputError("expected the dimension 'sample', given none; use dataset.expand_dims('sample')")
        signature = Signature.of(dataset, dimensionless=self.dimensionless)
        self._check(signature)
        self._signature = signature
        every = max(1, dataset.sizes["sample"] // _STARTS)
        kept = dataset[list(self.variables())].isel(time=0, sample=slice(None, None, every)).isel(sample=slice(_STARTS))
        self.starts = kept.drop_vars("time").assign_attrs(dataset.attrs)
        steps = np.diff(dataset["time"].values)
        self.times = float(np.median(steps)) * np.arange(50)
        self.provenance = {"data": attributes(dataset.attrs), "model": self.settings() | {"seed": seed}}
        self._make(seed)

    def _make(self, seed: int) -> None:
        generator = torch.random.get_rng_state()
        torch.manual_seed(seed)
        self.network: nn.Module = NETS[self.net](self.signature, self.hidden, equivariant=self.equivariant).to(
            self.device
        )
        torch.random.set_rng_state(generator)
        size = max(where.stop for where in self.signature.slices().values())
        self.state_scale = torch.ones(size, dtype=torch.float64, device=self.device)
        self.output_scale = torch.ones(size if self.equivariant else (), dtype=torch.float64, device=self.device)

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
            runs = rollout.adaptive(law, typed.states, scaled, self.state_scale, clock, tolerance, most)
            solver: dict[str, Any] = {"method": "dopri8", "tolerance": tolerance}
        elif method == "gauss-legendre":
            step = step or float(self.times[1] - self.times[0]) / 4
            unit = float(unit_size(self.time_units, typed.units)[0])
            runs = rollout.symplectic(law, typed.states, scaled, clock, step / unit, stages)
            solver = {"method": "Gauss-Legendre", "stages": stages, "step": step}
        else:
            raise InputError(f"method: expected 'dopri8' or 'gauss-legendre', given {method!r}")
        dataset = self.signature.dataset(runs, typed.units, start, output)
        seed = {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
        title = f"rollout of {type(self).__name__} ({self.net})"
        return dataset.assign_attrs(provenance(title, self.simulator, solver=solver, model=self.settings(), **seed))

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model to a folder, as safetensors and JSON.

        Raises:
            InputError: if the folder holds a model already (without `force`) or cannot be written.
        """
        signature = self.signature
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {"state_scale": self.state_scale, "output_scale": self.output_scale}
        described = {
            "settings": self.settings(),
            "signature": signature.to_dict(),
            "times": self.times.tolist(),
            "provenance": self.provenance,
        }
        return storage.save(path, described, tensors, self.starts, force=force)

    def restore(self, described: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], starts: xr.Dataset) -> Self:
        """Become the model that `storage.load` read."""
        self._signature = Signature.from_dict(described["signature"])
        self.times, self.provenance, self.starts = np.array(described["times"]), described["provenance"], starts
        self._make(0)
        own = {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
        self.network.load_state_dict(own)
        self.state_scale = tensors["state_scale"].to(self.device)
        self.output_scale = tensors["output_scale"].to(self.device)
        return self
