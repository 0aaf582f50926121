"""A simulator for tests of ensembles: a field that grows or decays on a grid, whose runs may fail in every way."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr

from simulators import DivergenceError, InputError, Uniform, Variable
from simulators.base import Simulator, check_times, require_start, streams
from simulators.parameters import complete, draw


@dataclass(frozen=True, kw_only=True)
class Heat(Simulator):
    """dT/dt = r T, by forward Euler with the output times as steps.

    A rate above 1.6 diverges, one above 1.4 gives NaN, and one below -0.95 is refused.
    """

    size: int = 4
    rate: float | Uniform = 0.5
    seconds: float = 0.0

    times: ClassVar[np.ndarray] = np.arange(4.0)

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        temperature = Variable("temperature", "K", "temperature", "T", ("y", "x"))
        return {v.name: v for v in (temperature, Variable("rate", "1/s", "rate of growth", "r", role="parameter"))}

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        rngs = streams(samples, seed, only)
        field = np.array([rng.uniform(1, 2, (self.size, self.size)) for rng in rngs])
        own = draw(self.variables(), {"rate": self.rate}, {}, rngs, samples=samples, only=only)
        typed = self.variables()["temperature"].attrs()
        return self._placed(xr.Dataset({"temperature": (("sample", "y", "x"), field, typed), **own}), seed=seed)

    def simulate(self, initial: xr.Dataset, times: np.ndarray, *, tolerance: float = 1e-3) -> xr.Dataset:
        times = check_times(times)
        data = complete(require_start(initial), self.variables(), {"rate": self.rate})
        start = data["temperature"].values
        rate = np.broadcast_to(data["rate"].values, len(start))
        for sample in np.flatnonzero(rate < -0.95):
            raise InputError(f"rate, sample {sample}: expected at least -0.95, given {rate[sample]:.3f}")
        if times.size > 1:
            _trapped()
            end = time.process_time() + self.seconds * len(start)
            while time.process_time() < end:
                pass
            for sample in np.flatnonzero(rate > 1.6):
                raise DivergenceError(f"sample {sample} got to time 1.5: it blew up.", sample=sample, time=1.5)
        fields = [start]
        for step in np.diff(times):
            fields.append(fields[-1] * (1 + step * rate)[:, None, None])
        field = np.stack(fields, axis=1)
        field[rate > 1.4, 2:] = np.nan
        steps = np.broadcast_to(np.arange(times.size, dtype=np.int32), field.shape[:2])
        attrs = {"units": "1", "long_name": "steps", "symbol": "n", "tensor_order": 0, "pseudo": 0}
        out = data.assign(
            temperature=(("sample", "time", "y", "x"), field, data["temperature"].attrs),
            steps=(("sample", "time"), steps, attrs | {"role": "diagnostic"}),
        )
        return self._placed(out, times, solver={"method": "Euler", "tolerance": tolerance})

    def _placed(self, data: xr.Dataset, times: np.ndarray | None = None, **attrs: object) -> xr.Dataset:
        centres = {d: (d, 0.5 + np.arange(self.size), {"units": "m"}) for d in ("y", "x")}
        return self._finish(data, "fields", times, **attrs).assign_coords(centres)

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        return dataset[["temperature"]] * dataset["rate"]

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        return dataset[[]]


def _trapped() -> None:
    """Die as if memory had run out, once, if a file says so."""
    trap = os.environ.get("HEAT_TRAP")
    if trap and Path(trap).exists():
        Path(trap).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
