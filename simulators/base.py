"""What every simulator answers.

A simulator is a frozen dataclass whose fields are its settings. It draws typed starts (`sample`), carries them
through time (`simulate`), gives their time derivative (`tendency`) and names what its law keeps (`conserved`).
A learned model answers `simulate`, `tendency` and `conserved` in the same way.
"""

from __future__ import annotations

import abc
import functools
import hashlib
import importlib.metadata
import re
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.parameters import LogUniform, Uniform
from simulators.schema import CONVENTIONS, Variable, attributes, coordinates

__all__ = [
    "LogUniform",
    "Simulator",
    "Uniform",
    "check_times",
    "chunk",
    "code",
    "provenance",
    "registered",
    "require_start",
    "streams",
]

VERSION = "0.1.0"
_REGISTERED: dict[str, type[Simulator]] = {}


class Simulator(abc.ABC):
    """The contract of a simulator; a subclass registers itself under its class name.

    Class attributes:
        times: the output times of a default run.
        time_units: the units of times.
        reversible: whether the law is unchanged by t -> -t, with every variable of odd power of time flipped.
    """

    times: ClassVar[np.ndarray]
    time_units: ClassVar[str] = "s"
    reversible: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init_subclass__(**kwargs)
        _REGISTERED[cls.__name__] = cls

    @classmethod
    @abc.abstractmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters, by name, in the dataset's order."""

    @abc.abstractmethod
    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """Typed random starts and parameters, without a time dimension.

        Sample n is the same however many are drawn, and whether alone: with `only`, just these of the samples.
        """

    @abc.abstractmethod
    def simulate(self, initial: xr.Dataset, times: np.ndarray, *, tolerance: float = 1e-9) -> xr.Dataset:
        """The states at the given times, the first of which is the time of `initial`."""

    @abc.abstractmethod
    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt, typed."""

    @abc.abstractmethod
    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the law keeps, one number per sample and time, typed."""

    @classmethod
    def command(cls) -> str:
        """The name on the command line: SpringPendulum is spring-pendulum."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    def settings(self) -> dict[str, Any]:
        """The settings as JSON holds them."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.init}  # type: ignore[arg-type]

    def _finish(self, dataset: xr.Dataset, title: str, times: np.ndarray | None = None, **attrs: Any) -> xr.Dataset:  # noqa: ANN401
        """The dataset with the standard coordinates and its provenance."""
        coords = coordinates([str(dim) for dim in dataset.dims], dataset.sizes)
        if times is not None:
            coords["time"] = ("time", times, {"units": self.time_units, "long_name": "time"})
        return dataset.assign_coords(coords).assign_attrs(provenance(title, type(self).__name__, **attrs))


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Uniform):
        return {"log_uniform" if isinstance(value, LogUniform) else "uniform": [value.low, value.high]}
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | tuple | list | np.generic) else value


def registered() -> Mapping[str, type[Simulator]]:
    """The known simulators by class name."""
    import simulators  # noqa: F401  the package registers its own

    return _REGISTERED


def streams(samples: int, seed: int, only: slice | None = None) -> list[np.random.Generator]:
    """One independent random stream per sample, spawned from one seed.

    Args:
        samples: how many there are.
        seed: of all; stream n is that of its nth spawned child.
        only: which of the samples to make streams for; all by default.

    Raises:
        InputError: if there is not at least one sample, if the seed is negative, or if `only` takes none.
    """
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 1:
        raise InputError(f"expected at least 1 sample, given {samples!r}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"expected a seed that is an integer >= 0, given {seed!r}")
    rows = range(int(samples)) if only is None else range(int(samples))[only]
    if not rows:
        raise InputError(f"only: expected some of the {samples} samples, given {only.start} to {only.stop}")
    # what SeedSequence.spawn gives, without those before it
    return [np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(row,))) for row in rows]


def check_times(times: Any) -> np.ndarray:  # noqa: ANN401
    """Output times as a float array.

    Raises:
        InputError: unless they are one-dimensional, finite and strictly increasing.
    """
    try:
        array = np.asarray(times)
    except ValueError as error:
        raise InputError(f"expected times as numbers, given {times!r}") from error
    if array.dtype.kind not in "iuf" and array.size:
        raise InputError(
            f"expected times as numbers, such as [0.0, 0.5], given {type(times).__name__} of {array.dtype}"
        )
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"expected a one-dimensional array of times, given the shape {array.shape}")
    array = array.astype(np.float64)
    late = np.flatnonzero(~(np.diff(array) > 0))
    if not np.all(np.isfinite(array)) or late.size:
        given = f"{array[late[0]]:g} before {array[late[0] + 1]:g}" if late.size else f"{array[0]:g}"
        raise InputError(f"expected finite times that strictly increase, given {given}; sort them and drop repeats")
    return array


def require_start(initial: xr.Dataset) -> xr.Dataset:
    """The starts, without a time.

    Raises:
        InputError: if this is no dataset, or it still has a time dimension.
    """
    if not isinstance(initial, xr.Dataset):
        raise InputError(f"expected an xarray Dataset of starts, given {type(initial).__name__}")
    if "time" in initial.dims:
        raise InputError("expected starts without a time dimension; pass dataset.isel(time=0)")
    return initial.drop_vars("time", errors="ignore")


def chunk(dataset: xr.Dataset, points: int, seed: int = 0, *, first: int = 0) -> xr.Dataset:
    """Cut from each trajectory one chunk of consecutive points at a random place; times count from 0 again.

    The law must not depend on time explicitly. This is the training protocol of Finzi et al. 2021.

    Args:
        dataset: trajectories (sample, time, ...).
        points: how many to keep of each.
        seed: of the places.
        first: where the samples are part of more, the number of the first: their places are those they have there.

    Raises:
        InputError: if there are no samples or fewer times than points, or the times are not evenly spaced.
    """
    for dim in ("sample", "time"):
        if dim not in dataset.dims:
            raise InputError(f"expected trajectories with the dimension {dim!r}, given {tuple(dataset.dims)}")
    if isinstance(points, bool) or not isinstance(points, int | np.integer):
        raise InputError(f"expected chunks of an integer number of points, given {points!r}")
    times = dataset["time"].values
    if not 2 <= points <= times.size:
        raise InputError(f"expected chunks of 2 to {times.size} points, given {points}")
    if not np.allclose(np.diff(times), times[1] - times[0], rtol=1e-6, atol=0):
        raise InputError("expected evenly spaced times to cut chunks from, given others")
    last = first + dataset.sizes["sample"]
    begin = np.array([rng.integers(0, times.size - points + 1) for rng in streams(last, seed, slice(first, last))])
    index = xr.DataArray(begin[:, None] + np.arange(points), dims=("sample", "time"))
    rows = xr.DataArray(np.arange(begin.size), dims="sample")
    plain = dataset.drop_vars("time")

    def cut(array: xr.DataArray) -> xr.DataArray:
        return array.isel(sample=rows, time=index).transpose(*array.dims) if "time" in array.dims else array

    out = xr.Dataset({name: cut(array) for name, array in plain.data_vars.items()}, attrs=dataset.attrs)
    return out.assign_coords(time=("time", times[:points] - times[0], dataset["time"].attrs))


@functools.cache
def _git_hash() -> str:
    folder = Path(__file__).resolve().parent
    if not (folder.parent / ".git").exists():
        return ""
    # --no-optional-locks: asking must not disturb somebody who commits
    command = ["git", "-C", str(folder), "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@functools.cache
def code() -> Mapping[str, str]:
    """What decides the numbers beside the settings: a digest of this package's sources, and versions of what it uses.

    Equal numbers bit for bit are only to be expected where this is equal. It takes some milliseconds, once a process.
    """
    folder, digest = Path(__file__).resolve().parent, hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    found = {"simulators": f"{VERSION} ({digest.hexdigest()[:12]})"}
    for name in ("numpy", "scipy", "numba"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return MappingProxyType(found)


def provenance(title: str, simulator: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """The dataset attributes that say where data came from.

    `source` holds package, version and git hash (with "-dirty" if files differ from it), `history` the moment.
    """
    revision = _git_hash()
    source = f"simulators {VERSION}" + (f", git {revision}" if revision else "")
    history = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {source}"
    return attributes(
        {
            "Conventions": CONVENTIONS,
            "title": title,
            "source": source,
            "history": history,
            "simulator": simulator,
            **more,
        }
    )
