"""One training loop, for every model.

Full-batch: Adam finds the basin, self-scaled BFGS goes to the bottom; of long or many trajectories, a random selection
of short chunks stands for all (`SEGMENTS`). The loss is the mean square over all segments of
the residual of the law (see `physym.models.shooting`), in units of each state's size; where the integrator's own error
would be seen in it, the integrator is made finer. A tenth of the samples is held back: the weights that are best
there are kept, and training stops when they stop improving.

With `output`, a run folder keeps `settings.json`, `checkpoint.safetensors`, `learning_curve.csv`, and at the end the
model; a killed run goes on from its checkpoint to the same result, bit for bit. Under ``torchrun`` every process takes
its share of the samples, and gradients are summed over processes, so that all take the steps of one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
import xarray as xr
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from physym.bfgs import SelfScaledBFGS
from physym.models.shooting import defect, flow, shoot, substeps_needed
from physym.models.storage import FINISHED, atomic
from simulators.errors import DivergenceError, InputError
from simulators.schema import names

if TYPE_CHECKING:
    from physym.data import Context
    from physym.models.base import Model

__all__ = ["train"]

ADAM_STEPS = 300
ADAM_RATE = 5e-3
STEPS = 2000
PATIENCE = 200
SEGMENTS = 5000
CHUNK = 5
_LOOK, _ROLL, _REFINE = 10, 50, 200
_BLOCK = 20_000
_SAVE_EVERY = 10.0
_SHARE = 0.2
_COLUMNS = ("step", "seconds", "phase", "train", "validation", "rollout_error")


class Segments:
    """Samples to fit: states (sample, time, n), steps (sample, time - 1, 1) and parameters, dimensionless."""

    def __init__(self, states: torch.Tensor, dt: torch.Tensor, context: Context) -> None:
        self.states, self.dt, self.context = states, dt, context

    def __getitem__(self, index: torch.Tensor | slice) -> Segments:
        return Segments(self.states[index], self.dt[index], self.context[index])

    def __len__(self) -> int:
        return len(self.states)


class Loss:
    """The mean square residual of a model over segments, and its gradient with respect to the flat parameters."""

    def __init__(self, model: Model, data: Segments) -> None:
        self.model, self.data, self.substeps = model, data, 0
        self.parameters = list(model.network.parameters())
        rank, world = _rank()
        self.share = data[rank::world]
        self.count = float(data.states[:, 1:].numel())
        per = max(1, (data.states.shape[1] - 1))
        self.block = max(1, _BLOCK // per)

    def residual(self, data: Segments, *, train: bool) -> torch.Tensor:
        """In units of the size of each state."""
        context = data.context.expand(1)

        def law(z: torch.Tensor) -> torch.Tensor:
            return self.model.law(z, context, train=train)

        r = shoot(law, data.states, data.dt, self.substeps) if self.substeps else defect(law, data.states, data.dt)
        return r / self.model.state_scale

    def __call__(self, x: torch.Tensor) -> tuple[float, torch.Tensor]:
        vector_to_parameters(x, self.parameters)
        total = torch.zeros(x.numel() + 1, dtype=x.dtype, device=x.device)
        for begin in range(0, len(self.share), self.block):
            loss = self.residual(self.share[begin : begin + self.block], train=True).square().sum() / self.count
            # a Hamiltonian's last bias has no gradient: its energy is free by a constant
            gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True, materialize_grads=True)
            total += torch.cat([loss.detach().reshape(1), *(g.reshape(-1) for g in gradients)])
        if _rank()[1] > 1:
            dist.all_reduce(total)
        return float(total[0]), total[1:].clone()

    def value(self, data: Segments) -> float:
        """The loss of other samples at the parameters set last."""
        with torch.no_grad():
            return float(self.residual(data, train=False).square().mean())

    def refine(self) -> bool:
        """Make the integrator finer where its error shows in the residual; whether it did."""
        few = self.data[:: max(1, len(self.data) // 64)]
        few = Segments(few.states[:, :26], few.dt[:, :25], few.context)
        # one context a segment: the test takes the segments apart
        context = few.context.repeat(few.dt.shape[1])

        def law(z: torch.Tensor) -> torch.Tensor:
            return self.model.law(z, (context if len(z) > len(few) else few.context).expand(1))

        needed = substeps_needed(law, few.states, few.dt, self.model.state_scale, _SHARE)
        if needed <= self.substeps:
            return False
        self.substeps = needed
        return True


def _rank() -> tuple[int, int]:
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def _join() -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")


def train(
    model: Model,
    dataset: xr.Dataset,
    *,
    time_limit: float | None,
    steps: int | None,
    seed: int,
    output: str | Path | None,
    force: bool,
    progress: bool,
) -> None:
    """Fit a model; see `physym.models.base.Model.fit`."""
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit: expected seconds > 0, given {time_limit!r}")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise InputError(f"steps: expected an integer >= 1, given {steps!r}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: expected an integer >= 0, given {seed!r}")
    _join()
    model.build(dataset, int(seed))
    run = Run(
        model,
        dataset,
        seed=int(seed),
        steps=steps,
        time_limit=time_limit,
        output=output,
        force=force,
        progress=progress,
    )
    run.go()


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
        self.model, self.time_limit, self.force = model, time_limit, force
        self.steps = steps or STEPS
        self.adam_steps = min(ADAM_STEPS, self.steps)
        self.settings = {**model.settings(), "seed": seed, "steps": self.steps, "data": _fingerprint(dataset)}
        self.output = Path(output) if output is not None else None
        self.saved: tuple[dict[str, torch.Tensor], dict[str, Any]] | None = None
        if self.output is not None and _rank()[0] == 0:
            _open(self.output, self.settings, force=force)
        if self.output is not None:
            self.saved = _restore(self.output)
        typed = model.signature.tensors(model.signature.conform(dataset), model.state_scale)
        times = model.signature.times(dataset["time"].values, str(dataset["time"].attrs["units"]), typed.units)
        dt = torch.tensor(np.diff(times), dtype=torch.float64, device=model.device)[..., None]
        data = Segments(typed.states, dt.expand(len(typed.states), -1, 1), typed.context)
        factors = [
            torch.tensor(model.signature.factor(v.units, typed.units)).expand(len(typed.states))
            for v in model.signature.states
        ]
        self.fit, self.held, held = _split(data, seed)
        self.factors = torch.stack(factors, dim=-1).to(model.device)[held]
        self._scale(data)
        self.watched, self.fit, self.held = self.held, _thin(self.fit, seed), _thin(self.held, seed)
        self.loss = Loss(model, self.fit)
        self.x = parameters_to_vector(self.loss.parameters).detach()
        self.moments = torch.zeros(2, self.x.numel(), dtype=self.x.dtype, device=self.x.device)
        self.newton: SelfScaledBFGS | None = None
        self.best, self.best_value, self.best_step = self.x, math.inf, 0
        self.step, self.rows = 0, []
        self.before = 0.0
        self.begun = time.monotonic()
        self.last_saved = -math.inf
        self.bar = _Bar(self.steps + self.adam_steps) if progress and _rank()[0] == 0 else None
        if self.saved is not None:
            self._resume(*self.saved)

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

    def seconds(self) -> float:
        """Time spent, earlier parts of the run included; the same on every process."""
        spent = self.before + time.monotonic() - self.begun
        if _rank()[1] > 1:
            shared = torch.tensor([spent], dtype=torch.float64)
            dist.broadcast(shared, 0)
            return float(shared)
        return spent

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
        if self.time_limit is not None and self.seconds() >= self.time_limit and self.rows:
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
        roll = self._rollout() if self.step % _ROLL == 0 or not self.rows else self.rows[-1][5]
        phase = "adam" if self.step <= self.adam_steps else "bfgs"
        self.rows.append((self.step, round(self.seconds(), 2), phase, math.sqrt(value), math.sqrt(validation), roll))
        if self.bar is not None:
            self.bar.show(self.rows[-1])

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
        if self.output is None or _rank()[0] != 0:
            return
        now = time.monotonic()
        if now - self.last_saved < _SAVE_EVERY and self.step > 1:
            return
        tensors = {"x": self.x, "best": self.best, "moments": self.moments}
        if self.newton is not None:
            tensors |= {f"newton.{name}": tensor for name, tensor in self.newton.state().items()}
        numbers = {
            "step": self.step, "seconds": self.before + now - self.begun, "substeps": self.loss.substeps,
            "best_value": self.best_value, "best_step": self.best_step, "rows": self.rows,
        }  # fmt: skip
        held = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        self._curve()
        atomic(self.output / "checkpoint.safetensors", bytes_of(held, {"run": json.dumps(numbers)}))
        # a checkpoint that takes long is made less often
        self.last_saved = now + 20 * (time.monotonic() - now)

    def _resume(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        # copied, since sums over memory that is aligned otherwise round otherwise
        moved = {name: tensor.clone().to(self.x.device) for name, tensor in tensors.items()}
        self.x, self.best, self.moments = moved["x"], moved["best"], moved["moments"]
        self.step, self.before = numbers["step"], numbers["seconds"]
        self.best_value, self.best_step = numbers["best_value"], numbers["best_step"]
        self.rows = [tuple(row) for row in numbers["rows"]]
        self.loss.substeps = numbers["substeps"]
        state = {name.removeprefix("newton."): tensor for name, tensor in moved.items() if name.startswith("newton.")}
        if state:
            self.newton = SelfScaledBFGS(self.loss, self.x, state)

    def _curve(self) -> None:
        if self.output is None:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(self.rows)
        atomic(self.output / "learning_curve.csv", text.getvalue().encode())

    def _finish(self) -> None:
        residual = math.sqrt(self.best_value)
        self.model.provenance["training"] = {
            "steps": self.step,
            "seconds": round(self.seconds(), 1),
            "best_step": self.best_step,
            "one_step_error": residual,
            "rollout_error_held_back": self.rows[-1][5],
            "parameters": self.x.numel(),
            "torch": torch.__version__,
            "integrator": f"DOP853, {self.loss.substeps} substeps" if self.loss.substeps else "MIRK6",
        }
        if self.bar is not None:
            self.bar.close()
        if self.output is not None and _rank()[0] == 0:
            self._curve()
            self.model.save(self.output, force=True)
            (self.output / "checkpoint.safetensors").unlink(missing_ok=True)


class _Bar:
    """Progress on stderr."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self.bar = tqdm(total=total, unit="step", dynamic_ncols=True, desc="fit")

    def show(self, row: tuple[Any, ...]) -> None:
        """The errors people care about."""
        step, _, phase, _, validation, roll = row
        self.bar.set_postfix_str(
            f"{phase}, held back: one-step error {validation:.1e}, rollout error {roll:.1e}", refresh=False
        )
        self.bar.update(step - self.bar.n)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self.bar.close()


def _split(data: Segments, seed: int) -> tuple[Segments, Segments, torch.Tensor]:
    """A tenth of the samples is held back; of fewer than 5 samples, the last tenth of the time."""
    count = len(data)
    if count >= 5:
        order = torch.as_tensor(np.random.default_rng(seed).permutation(count), device=data.states.device)
        held = max(1, count // 10)
        return data[order[held:]], data[order[:held]], order[:held]
    points = data.states.shape[1]
    cut = points - 1 - max(1, (points - 1) // 10)
    every = torch.arange(count, device=data.states.device)
    if cut < 1:
        return data, data, every
    early = Segments(data.states[:, : cut + 1], data.dt[:, :cut], data.context)
    return early, Segments(data.states[:, cut:], data.dt[:, cut:], data.context), every


def _thin(data: Segments, seed: int) -> Segments:
    """At most `SEGMENTS` segments, in chunks of `CHUNK` that lie anywhere in the trajectories."""
    samples, steps = len(data), data.dt.shape[1]
    if samples * steps <= SEGMENTS:
        return data
    length = min(CHUNK, steps)
    places = samples * (steps // length)
    chosen = np.sort(np.random.default_rng(seed).choice(places, min(places, SEGMENTS // length), replace=False))
    rows = torch.as_tensor(chosen // (steps // length), device=data.states.device)
    begin = torch.as_tensor(chosen % (steps // length) * length, device=data.states.device)
    index = begin[:, None] + torch.arange(length + 1, device=data.states.device)
    return Segments(data.states[rows[:, None], index], data.dt[rows[:, None], index[:, :-1]], data.context[rows])


def _fingerprint(dataset: xr.Dataset) -> str:
    digest = hashlib.sha256()
    for name in ("time", *names(dataset, "state"), *names(dataset, "parameter")):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(dataset[name].values).tobytes())
    return digest.hexdigest()[:16]


def _open(path: Path, settings: dict[str, Any], *, force: bool) -> None:
    """Make or check the run folder."""
    known = path / "settings.json"
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: expected a folder for the run, given a file")
        if force:
            for name in ("checkpoint.safetensors", FINISHED, "settings.json"):
                (path / name).unlink(missing_ok=True)
        if known.exists():
            before = json.loads(known.read_text())
            other = [f"{k} {before.get(k)!r}, now {v!r}" for k, v in settings.items() if before.get(k) != v]
            if other:
                raise InputError(
                    f"{path}: expected the settings the run was begun with, given others"
                    f" ({'; '.join(other)}); use --force"
                )
        if (path / FINISHED).exists():
            raise InputError(
                f"{path}: expected an unfinished run, given one that is finished; use --force to fit again"
            )
        path.mkdir(parents=True, exist_ok=True)
        atomic(known, json.dumps(settings, indent=1).encode())
    except OSError as error:
        raise InputError(f"{path}: expected a folder that can be written, given {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{known}: expected JSON, given a damaged file; use --force") from error


def _restore(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    checkpoint = path / "checkpoint.safetensors"
    if not checkpoint.exists():
        return None
    try:
        with safe_open(checkpoint, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["run"])  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{checkpoint}: expected a whole checkpoint, given a damaged one; use --force to begin anew"
        ) from error
