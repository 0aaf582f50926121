"""How a FieldNet is trained.

Minibatches of pairs (sample, time), AdamW with a short warm-up and then a cosine to zero at the end of the steps or of
the time, whichever comes first. The loss is the mean square of the error over a rollout, in units of the size of the
training data's increments: of one step for the first half of the training, then of ever more, with gradients through
all of them. The states that a rollout begins at carry white noise, which the net learns to take back. What is kept is
an exponential moving average of the weights, at the moment when its rollouts of the held-back samples were best.

All that is random follows from the seed and the number of the step, so that a killed run goes on from its checkpoint
to the same result, bit for bit on a CPU. Under ``torchrun`` every process takes its share of each minibatch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
import xarray as xr
from torch.optim.swa_utils import get_ema_multi_avg_fn

from physym import runs
from physym.checks.selection import sample_slices
from physym.models.fields.data import Fields
from physym.models.fields.moments import Moments
from physym.models.fields.packing import types_of
from physym.natural_units import unit_size
from physym.segments import Segments, rank, split
from simulators.errors import DivergenceError

if TYPE_CHECKING:
    from physym.models.fields.field_net import FieldNet

__all__ = ["FieldRun"]

STEPS = 3000
DECAY = 1e-5
CLIP = 1.0
AVERAGE = 0.998
_WARM, _ONE_STEP = 0.03, 0.5
_LEAST = 1e-6
_MOMENTS = ("exp_avg", "exp_avg_sq")
_LOOK, _HELD, _ROLL = 50, 8, 20
_SAVE_EVERY = 20.0


class FieldRun:
    """The state of one training run, all of which a checkpoint holds."""

    def __init__(
        self,
        model: FieldNet,
        dataset: xr.Dataset,
        *,
        seed: int,
        steps: int | None,
        time_limit: float | None,
        output: str | Path | None,
        force: bool,
        progress: bool,
    ) -> None:
        self.model, self.seed, self.time_limit = model, seed, time_limit
        self.steps = STEPS if steps is None and time_limit is None else steps
        settings = {**model.settings(), "seed": seed, "steps": self.steps, "data": runs.fingerprint(dataset)}
        self.journal = runs.Journal(output, settings, force=force, total=self.steps, progress=progress)
        self._load(dataset, seed)
        self.parameters = list(model.network.parameters())
        self.average = [p.detach().clone() for p in self.parameters]
        self.best, self.best_error, self.best_step = [p.clone() for p in self.average], math.inf, 0
        self.optimizer = torch.optim.AdamW(self.parameters, lr=model.rate, weight_decay=DECAY)
        self.step, self.length, self.lost, self.best_validation = 0, 1, False, math.inf
        self.sum, self.summed = torch.zeros((), dtype=torch.float64, device=model.device), 0
        if self.journal.saved is not None:
            self._resume(*self.journal.saved)

    def _load(self, dataset: xr.Dataset, seed: int) -> None:
        """The data as scaled tensors, part by part: the whole in float64 may be more than the memory holds."""
        model, signature = self.model, self.model.signature
        self._scale(dataset)
        states, inputs, factors = [], [], []
        for found in self._fields(dataset):
            z, told = model.scaled(found.states, found.inputs)
            states.append(z.to(model.dtype))
            inputs.append(told.to(model.dtype))
            sizes = np.ones((len(z), z.shape[2]))
            for variable in signature.states:
                sizes[:, signature.places()[variable.name]] = unit_size(variable.units, found.units)[:, None]
            factors.append(torch.from_numpy(sizes))
        for name in model.scales:
            setattr(model, name, getattr(model, name).to(model.device))
        z, told = torch.cat(states).to(model.device), torch.cat(inputs).to(model.device)
        self.fit, self.held, held = split(Segments(z, torch.zeros(len(z), z.shape[1] - 1, 0), told), seed)
        self.factors = torch.cat(factors).to(model.device)[held]
        self.gain = (model.gain / model.spread).to(model.dtype).reshape(-1, *(1,) * signature.dim)

    def _fields(self, dataset: xr.Dataset) -> Iterator[Fields]:
        signature = self.model.signature
        for some in sample_slices(dataset):
            yield signature.fields(signature.conform(dataset.isel(sample=some)))

    def _scale(self, dataset: xr.Dataset) -> None:
        """Mean and spread of states and inputs, and the size of increments, from the training data."""
        model, signature = self.model, self.model.signature
        states, changes, inputs = Moments(), Moments(), Moments()
        for found in self._fields(dataset):
            states.add(found.states.flatten(0, 1))
            changes.add((found.states[:, 1:] - found.states[:, :-1]).flatten(0, 1))
            inputs.add(found.inputs)
        types = types_of(signature.states)
        model.mean, model.spread = states.mean_and_spread(types, signature.dim)
        size = changes.root_mean_square(types, signature.dim)
        model.gain = torch.maximum(size, _LEAST * model.spread)
        model.input_mean, model.input_spread = inputs.mean_and_spread(types_of(signature.inputs), signature.dim)

    def go(self) -> None:
        """Train to the end, then leave the best weights in the model and save it."""
        while self._more():
            self._descend()
            self.step += 1
            if self.step % _LOOK == 0 or self.step == 1:
                self._look()
            if self.journal.due(_SAVE_EVERY):
                self._checkpoint()
        if self.summed:
            self._look()
        if not math.isfinite(self.best_error):
            raise DivergenceError(
                f"expected a finite loss, given none in {self.step} steps; lower the rate", sample=0, time=0.0
            )
        self._exchange(self.best)
        self._finish()

    def _share(self) -> float:
        """How much of the training is done, from 0 to 1."""
        done = [self.step / self.steps] if self.steps else []
        done += [self.journal.seconds() / self.time_limit] if self.time_limit else []
        return min(1.0, max(done))

    def _more(self) -> bool:
        return not self.lost and (not self.journal.rows or self._share() < 1)

    def _unrolled(self, share: float) -> int:
        """Steps of the rollouts that are trained on."""
        longest = min(self.model.unroll, self.fit.states.shape[1] - 1)
        late = (share - _ONE_STEP) / (1 - _ONE_STEP)
        return 1 if late < 0 or longest == 1 else min(longest, 2 + int(late * (longest - 1)))

    def _descend(self) -> None:
        share, (own, world) = self._share(), rank()
        rate = self.model.rate * min(1.0, (share + 1e-3) / _WARM) * 0.5 * (1 + math.cos(math.pi * share))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.length = self._unrolled(share)
        z, truth, inputs = self._minibatch(self.length)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(z[own::world], truth[own::world], inputs[own::world]) / self.model.batch
        loss.backward()
        if world > 1:
            for parameter in self.parameters:
                dist.all_reduce(parameter.grad)
            dist.all_reduce(loss.detach_())
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        self.optimizer.step()
        weight = 1 - min(AVERAGE, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(1 - weight)(self.average, [p.detach() for p in self.parameters], self.step)
        self.sum += loss.detach()
        self.summed += 1

    def _minibatch(self, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Noisy states (batch, ...), what follows them (batch, length, ...), and their parameters."""
        states = self.fit.states
        rng = np.random.default_rng([self.seed, self.step])
        rows = torch.from_numpy(rng.integers(0, states.shape[0], self.model.batch)).to(states.device)
        begin = torch.from_numpy(rng.integers(0, states.shape[1] - length, self.model.batch)).to(states.device)
        several = states[rows[:, None], begin[:, None] + torch.arange(length + 1, device=states.device)]
        z = several[:, 0]
        if self.model.noise:
            generator = torch.Generator(states.device).manual_seed(int(rng.integers(2**62)))
            noise = torch.randn(z.shape, generator=generator, dtype=z.dtype, device=z.device)
            # noise that the increment could not take back would only hide what it can
            z = z + self.model.noise * self.model.constrained(self.gain * noise)
        return z, several[:, 1:], self.fit.context[rows]

    def _loss(self, z: torch.Tensor, truth: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """The mean square error of a rollout in units of increments, summed over the batch."""
        total = torch.zeros((), dtype=z.dtype, device=z.device)
        for k in range(truth.shape[1]):
            z = z + self.model.increment(z, inputs)
            total = total + ((z - truth[:, k]) / self.gain).square().flatten(1).mean(1).sum()
        return total / truth.shape[1]

    def _look(self) -> None:
        """The held-back part, the best so far, the learning curve."""
        train = math.sqrt(float(self.sum) / self.summed) if math.isfinite(float(self.sum)) else math.inf
        self.lost = not math.isfinite(train)
        self.sum, self.summed = torch.zeros_like(self.sum), 0
        self._exchange(self.average)
        with torch.no_grad():
            validation, error, roll = self._one_step(), *self._rollout()
        self._exchange(self.average)
        if not self.lost and error < self.best_error:
            self.best, self.best_error, self.best_step = [p.clone() for p in self.average], error, self.step
            self.best_validation = validation
        self.journal.add(self.step, f"{self.length} step" + "s" * (self.length > 1), train, validation, roll)

    def _exchange(self, weights: list[torch.Tensor]) -> None:
        """Let the net and a list trade their weights."""
        for n, parameter in enumerate(self.parameters):
            weights[n], parameter.data = parameter.data, weights[n]

    def _one_step(self) -> float:
        """RMS error of single steps of the held-back part, in units of increments."""
        states, inputs = self.held.states[:_HELD], self.held.context[:_HELD]
        last = states.shape[1] - 1
        total = [
            self._loss(states[:, n], states[:, n + 1 : n + 2], inputs) for n in range(0, last, max(1, -(-last // 4)))
        ]
        return math.sqrt(float(torch.stack(total).mean()) / len(states))

    def _rollout(self) -> tuple[float, float]:
        """Errors of rollouts over the held-back part, from its first time; at most 8 samples of 20 steps.

        Returns:
            The root of the mean square error in units of each variable's spread; and the rollout metric, which compares
            the states in the units of the dataset, and so says little where one of them has the largest numbers.
        """
        z, inputs, found = self.held.states[:_HELD, 0], self.held.context[:_HELD], []
        squares = []
        factors = self.factors[:_HELD].reshape(*self.factors[:_HELD].shape, *(1,) * self.model.signature.dim)
        for k in range(1, min(_ROLL, self.held.states.shape[1] - 1) + 1):
            z = z + self.model.increment(z, inputs)
            squares.append((z - self.held.states[:_HELD, k]).square().mean())
            a, b = (self.model.unscaled(s.double()) * factors for s in (z, self.held.states[:_HELD, k]))
            sizes = [s.square().flatten(1).mean(1).sqrt() for s in (a - b, a, b)]
            found.append((sizes[0] / (sizes[1] + sizes[2])).nan_to_num(1.0).clamp(1e-7, 1.0))
        error = math.sqrt(float(torch.stack(squares).double().mean()))
        return error if math.isfinite(error) else math.inf, float(torch.stack(found).log().mean().exp())

    def _checkpoint(self) -> None:
        lists = {"weights": [p.data for p in self.parameters], "average": self.average, "best": self.best}
        for key in _MOMENTS:
            lists[key] = [self.optimizer.state[p][key] for p in self.parameters]
        tensors = {f"{name}.{n}": tensor for name, some in lists.items() for n, tensor in enumerate(some)}
        numbers = {
            "step": self.step, "best_error": self.best_error, "best_step": self.best_step, "length": self.length,
            "best_validation": self.best_validation, "sum": float(self.sum), "summed": self.summed,
        }  # fmt: skip
        self.journal.keep(tensors, numbers)

    def _resume(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        # copied, since sums over memory that is aligned otherwise round otherwise
        for n, parameter in enumerate(self.parameters):
            parameter.data.copy_(tensors[f"weights.{n}"])
            self.average[n].copy_(tensors[f"average.{n}"])
            self.best[n].copy_(tensors[f"best.{n}"])
            moments = {key: tensors[f"{key}.{n}"].clone().to(parameter.device) for key in _MOMENTS}
            self.optimizer.state[parameter] = {"step": torch.tensor(float(numbers["step"])), **moments}
        self.step, self.summed, self.length = numbers["step"], numbers["summed"], numbers["length"]
        self.sum.fill_(numbers["sum"])
        self.best_error, self.best_step = numbers["best_error"], numbers["best_step"]
        self.best_validation = numbers["best_validation"]

    def _finish(self) -> None:
        self.model.provenance["training"] = {
            "steps": self.step,
            "seconds": round(self.journal.seconds(), 1),
            "best_step": self.best_step,
            "one_step_error": self.best_validation,
            "rollout_error_held_back": next(row[5] for row in self.journal.rows if row[0] == self.best_step),
            "rollout_error_over_spread": self.best_error,
            "parameters": sum(p.numel() for p in self.parameters),
            "torch": torch.__version__,
        }
        self.journal.finish(self.model)
