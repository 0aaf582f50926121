"""The learned change of fields over one step.

    x(t + Δt) = x(t) + s · net(x(t), parameters),

x being scalars, vectors and tensors on a periodic grid, in dimensionless numbers (see `physym.models.fields.data`) over
their spread, and s the size of the increments of the training data. The net commutes with the translations, rotations
and reflections of the grid, parameters turned along, and so does a rollout of any length. The mean over the grid of
what is to be conserved (the height of water: mass; a velocity: momentum) is taken out of the increment. What all
training data obey to rounding, a velocity without divergence, a symmetric stress or a shortest wave, the rollout obeys
too (see `physym.models.fields.constraints`).

Source: W. Gregory et al., GeometricImageNet (arXiv 2305.12585, 2023); for noise on the inputs and rollouts in training,
A. Sanchez-Gonzalez et al., "Learning to simulate complex physics with graph networks" (ICML 2020).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
import xarray as xr
from torch import nn

from physym.models.fields.constraints import band, solenoidal, symmetric
from physym.models.fields.data import FieldSignature
from physym.models.fields.nets import NETS, make_net
from physym.models.fields.packing import types_of
from physym.models.fields.types import check_count, layout
from physym.models.learned import LearnedModel, Trainer
from physym.models.rollout import fault
from simulators.base import check_times, provenance, require_start
from simulators.errors import InputError

__all__ = ["FieldNet"]

SYMMETRIES = ("full", "rotations", "none")
_SQUARE = 1e-6
_ESCAPED = 1e8
_CELLS = 2**18


class FieldNet(LearnedModel):
    """A learned map from fields to themselves one step later; see the module.

    Args:
        net: "dilated", "resnet", or "unet", which commutes with translations by whole cells of its coarsest grid alone.
        symmetry: "full" for rotations and reflections, "rotations", or "none" for translations alone (the plain nets).
        width: hidden channels of each type; by default as many as `parameters` allow.
        depth: blocks, or of a "unet" coarser grids; by default 4 and 2.
        parameters: weights at most, where no width is given, so that nets of equal size can be compared.
        conserve: names of states whose mean over the grid the rollout keeps exactly.
        device: where torch computes, such as "cpu" or "cuda".
        precision: of the net, "float32" or "float64"; states are always added up in float64.
        batch: pairs of states in a minibatch.
        rate: the largest learning rate of AdamW.
        unroll: steps of the longest rollouts in training.
        noise: on the states that the net is trained on, in units of the size of an increment.
    """

    _kind = FieldSignature
    scales = ("mean", "spread", "gain", "input_mean", "input_spread")
    _starts = 4

    def __init__(
        self,
        *,
        net: Literal["resnet", "dilated", "unet"] = "dilated",
        symmetry: Literal["full", "rotations", "none"] = "full",
        width: int | None = None,
        depth: int | None = None,
        parameters: int = 20_000,
        conserve: Sequence[str] | None = None,
        device: str | torch.device = "cpu",
        precision: Literal["float32", "float64"] = "float32",
        batch: int = 8,
        rate: float = 1e-2,
        unroll: int = 4,
        noise: float = 0.3,
    ) -> None:
        _check_choice("net", net, NETS)
        _check_choice("symmetry", symmetry, SYMMETRIES)
        _check_choice("precision", precision, ("float32", "float64"))
        whole = {"parameters": parameters, "batch": batch, "unroll": unroll}
        whole |= {name: value for name, value in (("width", width), ("depth", depth)) if value is not None}
        whole = {name: check_count(name, value) for name, value in whole.items()}
        for name, value, low in (("rate", rate, "> 0"), ("noise", noise, ">= 0")):
            fits = isinstance(value, int | float) and np.isfinite(value) and (value > 0 or (value == 0 and "=" in low))
            if not fits or isinstance(value, bool):
                raise InputError(f"{name}: expected a number {low}, given {value!r}")
        several = conserve is None or isinstance(conserve, list | tuple)
        if not several or not all(isinstance(name, str) for name in conserve or ()):
            raise InputError(f"conserve: expected names of states such as ('height',), given {conserve!r}")
        self.net, self.symmetry = net, symmetry
        self.width, self.depth, self.parameters = whole.get("width"), whole.get("depth"), whole["parameters"]
        self.conserve, self.precision = tuple(conserve or ()), precision
        self.batch, self.unroll = whole["batch"], whole["unroll"]
        self.rate, self.noise = float(rate), float(noise)
        super().__init__(device)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any], device: str | torch.device) -> Self:
        """A model that is not fitted yet, from what `settings` gave."""
        return cls(**{key: value for key, value in settings.items() if key != "kind"}, device=device)

    @classmethod
    def trainer(cls) -> type[Trainer]:
        """What trains it."""
        from physym.models.fields.training import FieldRun

        return FieldRun

    def settings(self) -> dict[str, Any]:
        """The settings, as JSON holds them."""
        own = ("net", "symmetry", "width", "depth", "parameters", "precision", "batch", "rate", "unroll", "noise")
        return {"kind": type(self).__name__, **{k: getattr(self, k) for k in own}, "conserve": list(self.conserve)}

    def _own(self) -> dict[str, Any]:
        return {"net": self.net, "symmetry": self.symmetry}

    @property
    def dtype(self) -> torch.dtype:
        """The numbers that the net computes with."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @property
    def rounding(self) -> float:
        """The relative rounding of its numbers."""
        return torch.finfo(self.dtype).eps

    def _signature_of(self, dataset: xr.Dataset) -> FieldSignature:
        signature = FieldSignature.of(dataset)
        if self.symmetry != "none" and np.ptp(signature.cell) > _SQUARE:
            given = " by ".join(f"{size:.4g}" for size in signature.cell)
            raise InputError(
                f"cells: expected equal sides, since the symmetry {self.symmetry!r} lets the axes trade places, given"
                f" {given} (x, y, z); resample the data, or take symmetry='none'"
            )
        known = [v.name for v in signature.states]
        for name in self.conserve:
            if name not in known:
                raise InputError(f"conserve: expected states ({', '.join(known)}), given {name!r}")
        return signature

    def _network(self) -> nn.Module:
        signature: FieldSignature = self.signature
        states, inputs = types_of(signature.states), types_of(signature.inputs)
        both = types_of((*signature.states, *signature.inputs))
        size = {"width": self.width, "depth": self.depth, "parameters": self.parameters}
        before = torch.get_default_dtype()
        # constants of the net are exact to float64 before they are rounded once
        torch.set_default_dtype(torch.float64)
        try:
            network = make_net(self.net, both, states, signature.dim, symmetry=self.symmetry, **size)
        finally:
            torch.set_default_dtype(before)
        mine, theirs = layout(states, signature.dim), layout(inputs, signature.dim)
        self._order = [(mine.get(key), theirs.get(key)) for key in both]
        entries, told = (max((s.stop for s in where.values()), default=0) for where in (mine, theirs))
        plain = {"dtype": torch.float64, "device": self.device}
        self.mean, self.spread = torch.zeros(entries, **plain), torch.ones(entries, **plain)
        self.gain = torch.ones(entries, **plain)
        self.input_mean, self.input_spread = torch.zeros(told, **plain), torch.ones(told, **plain)
        kept = torch.zeros(entries, **plain)
        for name in self.conserve:
            kept[signature.places()[name]] = 1.0
        self._kept = kept if self.conserve else None
        return network.to(self.device, self.dtype)

    def _column(self, values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return values.to(like.dtype).reshape(-1, *(1,) * self.signature.dim)

    def scaled(self, states: torch.Tensor, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """States (..., entry, *space) and inputs (sample, entry, ...) over their spread."""
        z = (states - self._column(self.mean, states)) / self._column(self.spread, states)
        return z, (inputs - self._column(self.input_mean, inputs)) / self._column(self.input_spread, inputs)

    def unscaled(self, z: torch.Tensor) -> torch.Tensor:
        """What `scaled` made z of."""
        return z * self._column(self.spread, z) + self._column(self.mean, z)

    def increment(self, z: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """The change over one step of scaled states z (batch, entry, *space), of the type of z.

        Args:
            z: scaled states.
            inputs: scaled parameters (batch, entry, *space or 1s).
        """
        given = z.to(self.dtype)
        if inputs.shape[1]:
            told = inputs.to(self.dtype).expand(-1, -1, *z.shape[2:])
            pairs = [zip((given, told), pair, strict=True) for pair in self._order]
            given = torch.cat([part[:, where] for pair in pairs for part, where in pair if where is not None], dim=1)
        change = self.network(given).to(z.dtype)
        change = self.constrained(change * self._column(self.gain / self.spread, z))
        if self._kept is None:
            return change
        mean = change.mean(dim=tuple(range(2, change.ndim)), keepdim=True)
        return change - self._column(self._kept, z) * mean

    def constrained(self, change: torch.Tensor) -> torch.Tensor:
        """The increment brought back to what all states of the training data obey."""
        signature: FieldSignature = self.signature
        if signature.band < 1:
            change = band(change, signature.dim, signature.band)
        if not signature.solenoidal and not signature.symmetric:
            return change
        places = signature.places()
        parts = list(change.split([where.stop - where.start for where in places.values()], dim=1))
        for n, name in enumerate(places):
            if name in signature.solenoidal:
                parts[n] = solenoidal(parts[n], signature.cell)
            elif name in signature.symmetric:
                parts[n] = symmetric(parts[n], signature.dim)
        return torch.cat(parts, dim=1)

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """The learned change over a step by the step, of a typed dataset, with the dimensions of its states.

        Raises:
            InputError: if the dataset is not one the model was fitted for.
        """
        data = self.signature.conform(dataset)
        found = self.signature.fields(data)
        states, inputs = self.scaled(found.states.to(self.device), found.inputs.to(self.device))
        lead = states.shape[: states.ndim - 1 - self.signature.dim]
        told = inputs[:, None].expand(-1, lead[1], *inputs.shape[1:]).flatten(0, 1) if len(lead) > 1 else inputs
        flat = states.reshape(-1, *states.shape[len(lead) :])
        block = self._block(flat)
        with torch.no_grad(), _exact():
            parts = [self.increment(flat[n : n + block], told[n : n + block]) for n in range(0, len(flat), block)]
        change = torch.cat(parts) * self._column(self.spread, flat)
        slope = change.reshape(states.shape).cpu().numpy()
        return self.signature.packed_dataset(slope, found.units, data, None, rate=1)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """The means over the grid that the rollout keeps: `mean_height` [m] for the state "height", and so on."""
        data = self.signature.conform(dataset)
        out = {}
        for variable in self.signature.states:
            if variable.name not in self.conserve:
                continue
            attrs = variable.attrs() | {"long_name": f"mean of {variable.long_name}", "symbol": f"⟨{variable.symbol}⟩"}
            mean = data[variable.name].mean(self.signature.space)
            out[f"mean_{variable.name}"] = mean.assign_attrs(attrs | {"role": "diagnostic"})
        return xr.Dataset(out, attrs=dataset.attrs)

    def _block(self, z: torch.Tensor) -> int:
        """How many states are stepped at once."""
        return max(1, _CELLS // z[0, 0].numel())

    def simulate(self, initial: xr.Dataset, times: np.ndarray) -> xr.Dataset:
        """Rollouts of the learned step, in the schema of the simulator.

        Args:
            initial: typed states and parameters, without a time dimension.
            times: output times in `time_units`, whole steps of the training data after the first, which is the time of
                `initial`.

        Raises:
            InputError: if the states or parameters are not those the model was fitted for, or times are between steps.
            DivergenceError: if the rollout leaves the finite numbers, naming sample and time.
        """
        output = check_times(times)
        start = self.signature.conform(require_start(initial))
        found = self.signature.fields(start)
        counts = np.broadcast_to(self.signature.counts(output, found.steps), (len(found.states), output.size))
        states, inputs = self.scaled(found.states.to(self.device), found.inputs.to(self.device))
        block = self._block(states)
        runs = np.empty((len(states), output.size, *states.shape[1:]))
        steps = np.broadcast_to(found.steps, len(states))
        with torch.no_grad(), _exact():
            for begin in range(0, len(states), block):
                some = slice(begin, begin + block)
                for n, z in self._rollout(states[some], inputs[some], counts[some], begin, output[0], steps[some]):
                    wanted, at = np.nonzero(counts[some] == n)
                    runs[begin + wanted, at] = self.unscaled(z[torch.from_numpy(wanted)]).cpu().numpy()
        dataset = self.signature.packed_dataset(runs, found.units, start, output)
        seed = {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
        solver = {"method": "one learned step after the other", "step": self.signature.step}
        title = f"rollout of {type(self).__name__} ({self.net})"
        return dataset.assign_attrs(provenance(title, self.simulator, solver=solver, model=self.settings(), **seed))

    def _rollout(
        self, z: torch.Tensor, inputs: torch.Tensor, counts: np.ndarray, first: int, since: float, steps: np.ndarray
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """The number of steps and the scaled states, from 0 steps to as many as any sample needs."""
        last = counts[:, -1]
        for n in range(int(last.max()) + 1):
            if n:
                z = z + self.increment(z, inputs)
            size = z.abs().amax(dim=tuple(range(1, z.ndim))).cpu().numpy()
            bad = np.flatnonzero(~(size < _ESCAPED) & (n <= last))
            if bad.size:
                where = int(bad[0])
                raise fault("left the finite numbers", first + where, float(since + n * steps[where]))
            yield n, z


@contextlib.contextmanager
def _exact() -> Iterator[None]:
    """Without the shortened float32 products of graphics processors, whose rounding no symmetry survives."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _check_choice(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{name}: expected one of {', '.join(known)}; given {value!r}")
