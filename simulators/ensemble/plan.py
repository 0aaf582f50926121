"""What decides every number of an ensemble, and how any part of it is made."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from simulators.base import Simulator, check_times, chunk, code, streams
from simulators.errors import InputError
from simulators.schema import validate
from simulators.schema.files import attributes

__all__ = ["Plan", "differences"]

_TRIED = 8


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The runs of an ensemble. No number of a run depends on which other runs are made with it, where or when.

    Args:
        simulator: whose runs they are.
        samples: how many.
        times: output times of a run.
        seed: of the random starts, and of where chunks are cut.
        tolerance: of the simulator; its own by default.
        chunk: number of consecutive points to keep of each run, at a random place; all by default.
        step: of a simulator that takes fixed steps if asked, the largest of them; the tolerance says by default.

    Raises:
        InputError: naming the setting that is wrong.
    """

    simulator: Simulator
    samples: int
    times: np.ndarray
    seed: int = 0
    tolerance: float | None = None
    chunk: int | None = None
    step: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.simulator, Simulator):
            raise InputError(f"simulator: expected a Simulator, given {type(self.simulator).__name__}")
        streams(self.samples, self.seed, slice(0, 1))
        for name in ("samples", "seed"):
            object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "times", check_times(self.times))
        for name, kinds in (("tolerance", (int, float)), ("step", (int, float)), ("chunk", (int,))):
            value = getattr(self, name)
            value = value.item() if isinstance(value, np.generic) else value
            if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
                raise InputError(f"{name}: expected {'a number' if float in kinds else 'an integer'}, given {value!r}")
            object.__setattr__(self, name, value)
        if self.step is not None:
            self._check_step(self.step)

    def _check_step(self, step: float) -> None:
        option = inspect.signature(self.simulator.simulate).parameters.get("step")
        # a step that has a default is one of another method
        if option is None or option.default is not None:
            raise InputError(
                f"step: expected for a simulator that takes fixed steps if asked, given {step:g} for"
                f" {type(self.simulator).__name__}, which does not; leave it out, or give a tolerance"
            )
        if not 0 < step < np.inf:
            raise InputError(f"step: expected a number above 0, given {step:g}")
        if self.tolerance is not None:
            raise InputError(
                f"step: expected without a tolerance, which governs no fixed steps, given {step:g} and the tolerance"
                f" {self.tolerance:g}; leave out one"
            )

    def settings(self) -> dict[str, Any]:
        """All that decides the numbers, with defaults filled in, as JSON holds it."""
        keywords = inspect.signature(self.simulator.simulate).parameters
        default = keywords["tolerance"].default if "tolerance" in keywords and self.step is None else None
        settings = {
            "simulator": type(self.simulator).__name__,
            **self.simulator.settings(),
            "samples": self.samples,
            "seed": self.seed,
            "times": _described(self.times),
            "chunk": self.chunk,
            "tolerance": default if self.tolerance is None else self.tolerance,
        }
        # only where it is: stores that were begun without go on
        settings |= {} if self.step is None else {"step": self.step}
        return json.loads(json.dumps(settings))

    def title(self) -> str:
        """What the dataset is called."""
        title = f"{self.samples} runs of {type(self.simulator).__name__} at {self.times.size} times"
        return title if self.chunk is None else f"{title}, cut at random to {self.chunk} consecutive points each"

    def runs(self, part: slice, *, threads: int | None = 1) -> xr.Dataset:
        """Some of the runs, from sample `part.start` to before `part.stop`.

        Raises:
            InputError: if a start is refused.
            DivergenceError: if a run fails.
        """
        start = self.simulator.sample(self.samples, self.seed, only=part)
        return self._cut(self._simulate(start, self.times, threads), part.start)

    def outline(self) -> xr.Dataset:
        """The dataset of all runs, as it would be with all numbers along `sample` and `time` 0; it takes no memory.

        Raises:
            InputError: if the simulator refuses the settings, or every one of the first 8 starts.
        """
        example = self._example()
        loose = [name for name, array in example.data_vars.items() if {"sample", "time"} & set(array.dims) == {"time"}]
        if loose:
            raise InputError(f"simulator: expected {loose[0]!r} per sample, given {example[loose[0]].dims}")
        axis = xr.DataArray(self.times, dims="time", attrs=example["time"].attrs)
        long = _stretched(example, "time", self.times.size).assign_coords(time=axis)
        outline = _stretched(self._cut(long, 0), "sample", self.samples)
        maker = f"{outline.attrs.get('source', 'simulators')}: simulators.ensemble, as the attribute settings says"
        own = {"title": self.title(), "history": maker, "seed": self.seed, "settings": json.dumps(self.settings())}
        own["code"] = json.dumps(dict(code()))
        outline.attrs = attributes({**outline.attrs, **own})
        for variable in outline.variables.values():
            variable.attrs, variable.encoding = attributes(variable.attrs), {}
        validate(outline, self.simulator.variables(), where="output of simulate", values=False)
        return outline

    def _example(self) -> xr.Dataset:
        """A run of one time: a start may be bad, but hardly all of them."""
        fault: InputError | None = None
        for row in range(min(self.samples, _TRIED)):
            start = self.simulator.sample(self.samples, self.seed, only=slice(row, row + 1))
            try:
                return self._simulate(start, self.times[:1], 1)
            except InputError as error:
                fault = fault or error
        assert fault is not None
        raise fault

    def _simulate(self, start: xr.Dataset, times: np.ndarray, threads: int | None) -> xr.Dataset:
        given = {"tolerance": self.tolerance, "step": self.step}
        options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if "threads" in inspect.signature(self.simulator.simulate).parameters:
            options["threads"] = threads
        return self.simulator.simulate(start, times, **options)

    def _cut(self, dataset: xr.Dataset, first: int) -> xr.Dataset:
        if self.chunk is None:
            return dataset
        # a seed of its own: the places must not depend on the numbers that drew the starts
        place = int(np.random.SeedSequence([self.seed, 1]).generate_state(1)[0])
        return chunk(dataset, self.chunk, place, first=first)


def _stretched(dataset: xr.Dataset, dim: str, size: int) -> xr.Dataset:
    """The dataset with another size of a dimension, along which it has no coordinate and the numbers are 0."""
    arrays = {}
    for name, array in dataset.data_vars.items():
        shape = tuple(size if d == dim else n for d, n in array.sizes.items())
        zeros = np.broadcast_to(np.zeros((), array.dtype), shape)
        arrays[name] = (array.dims, zeros if dim in array.dims else array.values, array.attrs)
    coords = {name: c.variable for name, c in dataset.coords.items() if dim not in c.dims}
    return xr.Dataset(arrays, coords, dataset.attrs)


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Which settings differ and how, or no text if none do.

    >>> differences({"samples": 4, "seed": 0}, {"samples": 5, "seed": 0})
    'samples 4 instead of 5'
    """
    keys = [key for key in {**stored, **wanted} if stored.get(key) != wanted.get(key)]
    return ", ".join(f"{key} {_brief(stored.get(key))} instead of {_brief(wanted.get(key))}" for key in keys)


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _described(times: np.ndarray) -> dict[str, float] | list[float]:
    """Times as start, stop and step, stop excluded, where that gives them to the bit."""
    start = float(times[0])
    step = float(f"{times[1] - start:.12g}") if times.size > 1 else 1.0
    if np.array_equal(times, start + step * np.arange(times.size)):
        return {"start": start, "stop": float(f"{start + step * times.size:.12g}"), "step": step}
    return times.tolist()
