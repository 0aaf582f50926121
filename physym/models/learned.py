"""What every learned model answers, of bodies or of fields: a model is a simulator.

`fit` learns from what the variables of a dataset declare; `simulate`, `tendency` and `conserved` then answer as a
simulator does, with the same schema; `save` and `physym.load` keep it as safetensors and JSON.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
import xarray as xr
from torch import nn

from physym.data import Signature
from physym.models import storage
from simulators.base import registered
from simulators.errors import InputError
from simulators.schema import Variable, attributes, validate

__all__ = ["LearnedModel", "Trainer"]


class Trainer(Protocol):
    """What carries a model from its first weights to its last."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401
        dataset: xr.Dataset,
        *,
        seed: int,
        steps: int | None,
        time_limit: float | None,
        output: str | Path | None,
        force: bool,
        progress: bool,
    ) -> None: ...

    def go(self) -> None:
        """Train to the end, then leave the best weights in the model and save it."""


class LearnedModel(abc.ABC):
    """A law learned from data, in dimensionless numbers.

    A subclass gives `_signature_of` and `_network`, and says which kind of signature it has (`_kind`), which tensors
    scale its numbers (`scales`), how many starts it keeps (`_starts`) and what trains it (`trainer`).

    Args:
        device: where torch computes, such as "cpu" or "cuda".

    Attributes:
        signature: the types it was fitted for.
        network: the weights.
        provenance: where its training data came from and how it was trained, as JSON holds it.
        starts: a few typed starts from the training data.
        times: the times of a default run.
    """

    _kind: ClassVar[type[Signature]]
    scales: ClassVar[tuple[str, ...]]
    _starts: ClassVar[int]

    def __init__(self, device: str | torch.device) -> None:
        try:
            self.device = torch.device(device)
            torch.empty(0, device=self.device)
        except TypeError as error:
            raise InputError(f"device: expected one such as 'cpu' or 'cuda', given {device!r}") from error
        except (RuntimeError, AssertionError) as error:
            raise InputError(
                f"device: expected one that torch can use, given {str(device)!r} ({str(error).splitlines()[0]})"
            ) from error
        self._signature: Signature | None = None

    def __repr__(self) -> str:
        told = ", ".join(f"{key}={value!r}" for key, value in self._own().items())
        fitted = "not fitted" if self._signature is None else f"fitted to {self.simulator}"
        return f"{type(self).__name__}({told}; {fitted})"

    @abc.abstractmethod
    def _own(self) -> dict[str, Any]:
        """The settings that a short description names."""

    @classmethod
    @abc.abstractmethod
    def of_settings(cls, settings: Mapping[str, Any], device: str | torch.device) -> Self:
        """A model that is not fitted yet, from what `settings` gave."""

    @classmethod
    @abc.abstractmethod
    def trainer(cls) -> type[Trainer]:
        """What trains it."""

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """The settings, as JSON holds them."""

    @abc.abstractmethod
    def _signature_of(self, dataset: xr.Dataset) -> Signature:
        """The types of training data; refuses data that this kind of model cannot learn from."""

    @abc.abstractmethod
    def _network(self) -> nn.Module:
        """A network for the signature, its weights drawn from torch's generator; sets the tensors in `scales`."""

    @abc.abstractmethod
    def simulate(self, initial: xr.Dataset, times: np.ndarray) -> xr.Dataset:
        """Trajectories by the learned law, in the schema of the simulator."""

    @abc.abstractmethod
    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt of a typed dataset, with the dimensions of its states."""

    @abc.abstractmethod
    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the learned law keeps, one value per sample and time, typed."""

    @property
    def signature(self) -> Any:  # noqa: ANN401  of the kind that the model has
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
            steps: of the optimiser. Of bodies: quasi-Newton iterations, after as many of Adam (at most 300); by
                default until the held-back part stops improving, at most 2000. Of fields: minibatches; by default
                3000, or as many as the time allows if there is a limit.
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
        self._signature = self._signature_of(dataset)
        every = max(1, dataset.sizes["sample"] // self._starts)
        kept = dataset[list(self.variables())].isel(time=0, sample=slice(None, None, every))
        self.starts = kept.isel(sample=slice(self._starts)).drop_vars("time").compute().assign_attrs(dataset.attrs)
        steps = np.diff(dataset["time"].values)
        self.times = float(np.median(steps)) * np.arange(50)
        self.provenance = {"data": attributes(dataset.attrs), "model": self.settings() | {"seed": seed}}
        self._make(seed)

    def _make(self, seed: int) -> None:
        generator = torch.random.get_rng_state()
        torch.manual_seed(seed)
        self.network: nn.Module = self._network()
        torch.random.set_rng_state(generator)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model to a folder, as safetensors and JSON.

        Raises:
            InputError: if the folder holds a model already (without `force`) or cannot be written.
        """
        signature = self.signature
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {name: getattr(self, name) for name in self.scales}
        described = {
            "settings": self.settings(),
            "signature": signature.to_dict(),
            "times": self.times.tolist(),
            "provenance": self.provenance,
        }
        return storage.save(path, described, tensors, self.starts, force=force)

    def restore(self, described: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], starts: xr.Dataset) -> Self:
        """Become the model that `storage.load` read."""
        self._signature = self._kind.from_dict(described["signature"])
        self.times, self.provenance, self.starts = np.array(described["times"]), described["provenance"], starts
        self._make(0)
        own = {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
        self.network.load_state_dict(own)
        for name in self.scales:
            setattr(self, name, tensors[name].to(self.device))
        return self
