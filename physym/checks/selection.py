"""How much of a dataset is looked at, so that one of any size fits the memory: some samples, a part at a time.

A store that is larger than the memory is read lazily; what is chosen here is then all that is read of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import xarray as xr

from simulators.errors import SchemaError
from simulators.schema import stores

__all__ = ["described", "failed_runs", "few", "in_parts", "joined", "loaded", "sample_slices", "unreadable"]

# of numbers in memory at once; a part is copied up to ten times while it is worked on
LARGEST = 3 * 2**27
PART = 2**25
_DAMAGE = (RuntimeError, OSError)
_Found = TypeVar("_Found", xr.DataArray, xr.Dataset)


def few(
    data: xr.Dataset, most: int | None = None, rng: np.random.Generator | None = None, *, largest: int | None = None
) -> tuple[xr.Dataset, str]:
    """Some samples of a dataset, and a word on it if they are not all.

    Args:
        data: what to choose from; nothing of it is read.
        most: how many samples at most; any number by default.
        rng: chooses at random; else the samples are spread evenly.
        largest: bytes that the samples take at most, as float64, 384 MiB by default; one sample may take more.

    Returns:
        The samples, in order, and for instance "64 of 1000 samples".
    """
    samples = data.sizes.get("sample", 1)
    if samples == 1:
        return data, ""
    held = (LARGEST if largest is None else largest) // max(_bytes(data) // samples, 1)
    count = max(1, min(samples if most is None else most, held))
    if samples <= count:
        return data, ""
    if rng is None:
        rows = np.linspace(0, samples - 1, count).round().astype(int)
    else:
        rows = np.sort(rng.choice(samples, count, replace=False))
    return data.isel(sample=rows), f"{count} of {samples} samples"


def loaded(data: xr.Dataset) -> xr.Dataset:
    """The dataset with its numbers in memory, read once.

    Raises:
        SchemaError: if they cannot be read, since the store is damaged.
    """
    try:
        return data.load()
    except _DAMAGE as error:
        raise unreadable(data, error) from error


def unreadable(data: xr.Dataset, error: Exception) -> SchemaError:
    """What to say of a dataset whose numbers cannot be read."""
    # reading of other chunks may go on for a moment
    stores.settle()
    source = data.encoding.get("source", "dataset")
    remedy = "generate it again"
    if "settings" in data.attrs and str(source).endswith(".zarr"):
        remedy = "give the `physym generate` command that made it again, which makes its damaged runs anew"
    return SchemaError(f"{source}: expected numbers, given some that cannot be read ({error}); {remedy}")


def failed_runs(data: xr.Dataset) -> str:
    """A word on the runs that failed and are not in the dataset; none if there are none."""
    failed = described(data, "failures")
    if not failed:
        return ""
    total = described(data, "settings").get("samples", len(failed) + data.sizes.get("sample", 1))
    return f"{len(failed)} of {total} runs failed and {'is' if len(failed) == 1 else 'are'} left out"


def described(data: xr.Dataset, name: str) -> dict[str, object]:
    """An attribute that holds a mapping as JSON text; empty if it is absent or something else."""
    try:
        found = json.loads(data.attrs.get(name, "{}"))
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def sample_slices(data: xr.Dataset) -> Iterator[slice]:
    """Consecutive samples that take at most 32 MiB as float64, or one that takes more."""
    samples = data.sizes["sample"]
    step = max(1, PART // max(_bytes(data) // samples, 1))
    return (slice(begin, begin + step) for begin in range(0, samples, step))


def in_parts(measure: Callable[[xr.Dataset, xr.Dataset], _Found], a: xr.Dataset, b: xr.Dataset) -> _Found:
    """What `measure` finds of two datasets (sample, time, ...) at each sample and time, measured part by part."""
    rows = []
    for part in sample_slices(b):
        one, two = a.isel(sample=part), b.isel(sample=part)
        times = two.sizes["time"]
        step = max(1, PART * times // max(_bytes(two), 1))
        some = (slice(begin, begin + step) for begin in range(0, times, step))
        rows.append(joined([measure(one.isel(time=n), two.isel(time=n)) for n in some], "time"))
    return joined(rows, "sample")


def joined(found: list[_Found], dim: str) -> _Found:
    """The parts in one; attributes and other coordinates are those of the first."""
    if len(found) == 1 or (isinstance(found[0], xr.Dataset) and not found[0].data_vars):
        return found[0]
    plain = {"coords": "minimal", "compat": "override", "join": "override", "combine_attrs": "override"}
    return xr.concat(found, dim=dim, **plain)  # type: ignore[arg-type]


def _bytes(data: xr.Dataset) -> int:
    """What its variables along `sample` take as float64."""
    return 8 * sum(math.prod(v.shape) for v in data.data_vars.values() if "sample" in v.dims)
