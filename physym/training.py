"""How models are trained, and the loop for bodies; that for fields is `physym.models.fields.training`.

Full-batch: Adam finds the basin, self-scaled BFGS goes to the bottom; of long or many trajectories, a random selection
of short chunks stands for all (see `physym.segments`). The loss is the mean square over all segments of
the residual of the law (see `physym.models.shooting`), in units of each state's size; where the integrator's own error
would be seen in it, the integrator is made finer. A tenth of the samples is held back: the weights that are best
there are kept, and training stops when they stop improving.

With `output`, a run folder keeps `settings.json`, `checkpoint.safetensors`, `learning_curve.csv`, and at the end the
model; a killed run goes on from its checkpoint to the same result, bit for bit. Under ``torchrun`` every process takes
its share of the samples, and gradients are summed over processes, so that all take the steps of one.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
import xarray as xr
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from physym import runs
from physym.bfgs import SelfScaledBFGS
from physym.models.shooting import flow
from physym.natural_units import unit_size
from physym.segments import Loss, Segments, split, thin
from simulators.errors import DivergenceError, InputError

if TYPE_CHECKING:
    from physym.models.base import Model
    from physym.models.learned import LearnedModel

__all__ = ["train"]

ADAM_STEPS = 300
ADAM_RATE = 5e-3
STEPS = 2000
PATIENCE = 200
_LOOK, _ROLL, _REFINE = 10, 50, 200
_SAVE_EVERY = 10.0


def _join() -> bool:
    """Join the processes of torchrun, if that is what started this one; whether it was done here."""
    alone = int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized()
    if not alone:
        dist.init_process_group("gloo")
    return not alone


def train(
    model: LearnedModel,
    dataset: xr.Dataset,
    *,
    time_limit: float | None,
    steps: int | None,
    seed: int,
    output: str | Path | None,
    force: bool,
    progress: bool,
) -> None:
    """Fit a model; see `physym.models.learned.LearnedModel.fit`."""
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit: expected seconds > 0, given {time_limit!r}")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise InputError(f"steps: expected an integer >= 1, given {steps!r}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: expected an integer >= 0, given {seed!r}")
    joined = _join()
    try:
        model.build(dataset, int(seed))
        options = {"time_limit": time_limit, "output": output, "force": force, "progress": progress}
        model.trainer()(model, dataset, seed=int(seed), steps=steps, **options).go()
    finally:
        if joined:
            dist.destroy_process_group()


class Run:
    """The state of one training run, all of which a checkpoint holds."""

    def __init__(
        self,
        model: Model,
        dataset: xr.Dataset,
        *,
        seed: int,
        steps: int | None,
        time_limit: float | None,
        output: str | Path | None,
        force: bool,
        progress: bool,
    ) -> None:
        self.model, self.time_limit = model, time_limit
        self.steps = steps or STEPS
        self.adam_steps = min(ADAM_STEPS, self.steps)
        settings = {**model.settings(), "seed": seed, "steps": self.steps, "data": runs.fingerprint(dataset)}
        total = self.steps + self.adam_steps
        self.journal = runs.Journal(output, settings, force=force, total=total, progress=progress)
        typed = model.signature.tensors(model.signature.conform(dataset), model.state_scale)
        times = model.signature.times(dataset["time"].values, str(dataset["time"].attrs["units"]), typed.units)
        dt = torch.tensor(np.diff(times), dtype=torch.float64, device=model.device)[..., None]
        data = Segments(typed.states, dt.expand(len(typed.states), -1, 1), typed.context)
        factors = [
            torch.tensor(unit_size(v.units, typed.units)).expand(len(typed.states)) for v in model.signature.states
        ]
        self.fit, self.held, held = split(data, seed)
        self.factors = torch.stack(factors, dim=-1).to(model.device)[held]
        self._scale(data)
        self.watched, self.fit, self.held = self.held, thin(self.fit, seed), thin(self.held, seed)
        self.loss = Loss(model, self.fit)
        self.x = parameters_to_vector(self.loss.parameters).detach()
        self.moments = torch.zeros(2, self.x.numel(), dtype=self.x.dtype, device=self.x.device)
        self.newton: SelfScaledBFGS | None = None
        self.best, self.best_value, self.best_step = self.x, math.inf, 0
        self.step = 0
        if self.journal.saved is not None:
            self._resume(*self.journal.saved)

    def _scale(self, data: Segments) -> None:
        """Sizes of states and outputs, and the spread of the inputs, from the training data."""
        model = self.model
        rates = (data.states[:, 1:] - data.states[:, :-1]) / data.dt
        size, rate = model.state_scale.clone(), torch.ones_like(model.state_scale)
        for where in model.signature.slices().values():
            size[where] = data.states[..., where].square().mean().sqrt().clamp_min(1e-12)
            rate[where] = rates[..., where].square().mean().sqrt().clamp_min(1e-12)
        model.state_scale = size
        model.output_scale = rate if model.equivariant else (size.square().mean().sqrt() * rate.square().mean().sqrt())
        few = self.fit[:: max(1, len(self.fit) // 2000)]
        model.network.prepare(few.states, few.context.expand(1))  # type: ignore[operator]

    def go(self) -> None:
        """Train to the end, then leave the best weights in the model and save it."""
        while self._more():
            value = self._adam() if self.step < self.adam_steps else self._quasi_newton()
            self.step += 1
            self._look(value)
            self._checkpoint()
        if not math.isfinite(self.best_value):
            raise DivergenceError(
                f"expected a finite loss, given none in {self.step} steps; check the data", sample=0, time=0.0
            )
        vector_to_parameters(self.best, self.loss.parameters)
        self._finish()

    def _more(self) -> bool:
        if self.time_limit is not None and self.journal.seconds() >= self.time_limit and self.journal.rows:
            return False
        if self.newton is None:
            return True
        waited = self.step - max(self.best_step, self.adam_steps)
        return self.step < self.steps + self.adam_steps and not self.newton.stalled and waited < PATIENCE

    def _adam(self) -> float:
        value, gradient = self.loss(self.x)
        rate = ADAM_RATE * (0.5 * (1 + math.cos(math.pi * self.step / self.adam_steps)) + 1e-3)
        first, second = self.moments
        first.lerp_(gradient, 0.1)
        second.lerp_(gradient.square(), 0.001)
        k = self.step + 1
        self.x = self.x - rate * (first / (1 - 0.9**k)) / ((second / (1 - 0.999**k)).sqrt() + 1e-8)
        return value

    def _quasi_newton(self) -> float:
        late = self.step - self.adam_steps
        changed = late % _REFINE == 0 and self._refine()
        if self.newton is None or changed:
            self.newton = SelfScaledBFGS(self.loss, self.x)
        self.newton.step()
        self.x = self.newton.x
        return self.newton.value

    def _refine(self) -> bool:
        vector_to_parameters(self.x, self.loss.parameters)
        if not self.loss.refine():
            return False
        self.best_value = math.inf
        return True

    def _look(self, value: float) -> None:
        """Every few steps: the held-back part, the best so far, the learning curve."""
        if self.step % _LOOK and self.step != 1:
            return
        vector_to_parameters(self.x, self.loss.parameters)
        validation = self.loss.value(self.held)
        if validation < 0.99 * self.best_value:
            self.best_step = self.step
        if validation < self.best_value:
            self.best, self.best_value = self.x.clone(), validation
        rows = self.journal.rows
        roll = self._rollout() if self.step % _ROLL == 0 or not rows else rows[-1][5]
        phase = "adam" if self.step <= self.adam_steps else "bfgs"
        self.journal.add(self.step, phase, math.sqrt(value), math.sqrt(validation), roll)

    def _rollout(self) -> float:
        """Rollout error over the held-back chunks, from their first point; at most 50 samples of 25 times."""
        held = self.watched[:50]
        context = held.context
        z, pairs = held.states[:, 0], []

        def law(state: torch.Tensor) -> torch.Tensor:
            return self.model.law(state, context)

        where = list(self.model.signature.slices().values())
        scale = torch.cat(
            [self.factors[:50, k : k + 1].expand(-1, s.stop - s.start) for k, s in enumerate(where)], dim=-1
        )
        for k in range(min(24, held.dt.shape[1])):
            with torch.no_grad():
                z = flow(law, z, held.dt[:, k], max(1, self.loss.substeps))
            a, b = z * scale, held.states[:, k + 1] * scale
            size = a.square().mean(-1).sqrt() + b.square().mean(-1).sqrt()
            pairs.append(((a - b).square().mean(-1).sqrt() / size).nan_to_num(1.0).clamp(1e-7, 1.0))
        return float(torch.stack(pairs).log().mean().exp())

    def _checkpoint(self) -> None:
        if not self.journal.due(_SAVE_EVERY):
            return
        tensors = {"x": self.x, "best": self.best, "moments": self.moments}
        if self.newton is not None:
            tensors |= {f"newton.{name}": tensor for name, tensor in self.newton.state().items()}
        numbers = {
            "step": self.step, "substeps": self.loss.substeps,
            "best_value": self.best_value, "best_step": self.best_step,
        }  # fmt: skip
        self.journal.keep(tensors, numbers)

    def _resume(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        # copied, since sums over memory that is aligned otherwise round otherwise
        moved = {name: tensor.clone().to(self.x.device) for name, tensor in tensors.items()}
        self.x, self.best, self.moments = moved["x"], moved["best"], moved["moments"]
        self.step = numbers["step"]
        self.best_value, self.best_step = numbers["best_value"], numbers["best_step"]
        self.loss.substeps = numbers["substeps"]
        state = {name.removeprefix("newton."): tensor for name, tensor in moved.items() if name.startswith("newton.")}
        if state:
            self.newton = SelfScaledBFGS(self.loss, self.x, state)

    def _finish(self) -> None:
        residual = math.sqrt(self.best_value)
        self.model.provenance["training"] = {
            "steps": self.step,
            "seconds": round(self.journal.seconds(), 1),
            "best_step": self.best_step,
            "one_step_error": residual,
            "rollout_error_held_back": self.journal.rows[-1][5],
            "parameters": self.x.numel(),
            "torch": torch.__version__,
            "integrator": f"DOP853, {self.loss.substeps} substeps" if self.loss.substeps else "MIRK6",
        }
        self.journal.finish(self.model)
