"""How datasets lie in zarr v3 stores, whether they are written at once or run by run.

Every variable along `sample` and `time` has one run in a chunk (more chunks along `time` if a run is large), and so
have its parameters: writers of different runs then never meet in a file. `completed` (sample) says which runs are
there: 1 done, 0 failed, -1 not made yet. Numbers that are not there do not read as 0: the fill values are NaN for
floats, an end of the range for integers, and all chunks are written, so that `absent` finds those that are lost.
Chunks carry a checksum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from simulators.errors import SchemaError

__all__ = ["COMPLETED", "DONE", "FAILED", "PENDING", "absent", "create", "fill_value", "settle"]

COMPLETED = "completed"
DONE, FAILED, PENDING = 1, 0, -1
_LARGEST_CHUNK = 2**26


def fill_value(dtype: np.dtype) -> Any:  # noqa: ANN401
    """What stands for numbers that were never written: never 0."""
    if dtype.kind == "f":
        return float("nan")
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max)
    return True if dtype.kind == "b" else "\ufffd"


def chunks(dims: tuple[str, ...], shape: tuple[int, ...], itemsize: int, *, by_run: bool) -> tuple[int, ...]:
    """The shape of a chunk: one run along `sample`, and as much of `time` as 64 MiB hold."""
    sizes = dict(zip(dims, shape, strict=True))
    if by_run and "sample" in sizes:
        sizes["sample"] = 1
    for dim in ("time", "sample"):
        if dim in sizes:
            rest = itemsize * math.prod(sizes.values()) // sizes[dim]
            sizes[dim] = max(1, min(sizes[dim], _LARGEST_CHUNK // max(rest, 1)))
    return tuple(sizes.values())


def create(target: Path, dataset: xr.Dataset, *, filled: bool = True) -> None:
    """Make a store of a dataset whose attributes netCDF can hold.

    Args:
        target: the folder to make.
        dataset: what to store.
        filled: with the numbers of all runs, so that the store is finished; else variables along `sample` or `time`
            stay empty, and no run is done.

    Raises:
        SchemaError: if a variable has the name that stores need for themselves.
    """
    import zarr

    if COMPLETED in dataset.variables:
        raise SchemaError(f"variable {COMPLETED!r}: expected another name, since a store says so which runs are there")
    by_run = {"sample", "time"} <= set(dataset.dims)
    auxiliary = " ".join(str(name) for name in dataset.coords if name not in dataset.dims)
    attrs = {**dataset.attrs, **({"coordinates": auxiliary} if auxiliary else {}), **({COMPLETED: 1} if filled else {})}
    with zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.create_group(target, zarr_format=3, attributes=_plain(attrs))
        for name, variable in dataset.variables.items():
            array = _add(group, str(name), variable, by_run=by_run, fill=fill_value(_native(variable.dtype)))
            if filled or name in dataset.coords or not {"sample", "time"} & set(variable.dims):
                array[...] = variable.values.astype(_native(variable.dtype))
        if by_run:
            meaning = {"long_name": "whether the run is done", "flag_values": [DONE, FAILED]}
            meaning["flag_meanings"] = "done failed"
            flags = xr.Variable("sample", np.full(dataset.sizes["sample"], DONE, "i1"), meaning)
            array = _add(group, COMPLETED, flags, by_run=True, fill=PENDING)
            if filled:
                array[...] = flags.values


def _add(group: Any, name: str, variable: xr.Variable, *, by_run: bool, fill: Any) -> Any:  # noqa: ANN401
    """An empty array of a zarr group."""
    from zarr.codecs import ZstdCodec

    dims, native = tuple(map(str, variable.dims)), _native(variable.dtype)
    return group.create_array(
        name=name, shape=variable.shape, dtype=str if native.kind == "O" else native, dimension_names=dims,
        chunks=chunks(dims, variable.shape, native.itemsize, by_run=by_run), attributes=_plain(variable.attrs),
        fill_value=fill, compressors=ZstdCodec(level=1, checksum=True),
    )  # fmt: skip


def _native(dtype: np.dtype) -> np.dtype:
    return np.dtype(object) if dtype.kind in "UTO" else dtype.newbyteorder("=")


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in attrs.items()}


def settle() -> None:
    """Let what zarr still reads come to its end after one chunk has failed: tasks that are cut off complain."""
    import asyncio
    import contextlib

    from zarr.core.sync import sync

    async def ended() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=10.0)

    with contextlib.suppress(Exception):
        sync(ended())


def absent(path: Path, runs: int, done: int) -> str | None:
    """The name of an array of which chunks are lost that would not read as NaN, or None.

    Stores that others wrote, in which what was not written reads as 0, are left alone.

    Args:
        path: of the store.
        runs: how many runs there are.
        done: how many of them have numbers.
    """
    import zarr

    for name, array in zarr.open_group(path, mode="r").arrays():
        if array.metadata.zarr_format != 3:
            continue
        ours = not np.all(np.equal(array.fill_value, 0)) if array.dtype.kind in "iufb" else array.fill_value != ""
        if not ours or (array.dtype.kind == "f" and array.ndim > 1):
            continue
        dims = array.metadata.dimension_names or ()
        wanted = array.nchunks
        if "sample" in dims and name != COMPLETED and array.chunks[dims.index("sample")] == 1:
            wanted = wanted * done // runs
        if array.nchunks_initialized < wanted:
            return name
    return None
