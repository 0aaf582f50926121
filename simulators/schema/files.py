"""Datasets as files: netCDF-4 and zarr v3, whole or absent."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.schema import stores
from simulators.schema.places import check_output, placed
from simulators.schema.validation import validate

__all__ = ["attributes", "read", "write"]

# larger stores stay on disk when they are opened; `conform` looks for NaN in what is then used of them
_IN_MEMORY = 2**28


def attributes(values: Mapping[str, Any]) -> dict[str, str | int | float | np.ndarray]:
    """Attributes as netCDF holds them: text, numbers and lines of numbers stay, the rest becomes JSON text.

    Raises:
        SchemaError: naming the attribute that has no JSON form.
    """
    held: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
            value = value.item()
        if isinstance(value, bool):
            held[key] = int(value)
        elif _plain(value):
            held[key] = value
        else:
            try:
                held[key] = json.dumps(value, default=_listed)
            except (TypeError, ValueError) as error:
                raise SchemaError(
                    f"attribute {key!r}: expected text, numbers or JSON; given {type(value).__name__}"
                ) from error
    return held


def _plain(value: object) -> bool:
    """Whether netCDF holds the value as it is, and gives it back so."""
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, np.ndarray):
        return value.dtype.char in "bBhHiIlLqQfd" and value.ndim == 1 and value.size > 1
    return isinstance(value, float)


def _listed(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray | np.generic) and value.dtype.char in "?bBhHiIlLqQefdUO":
        return value.tolist()
    raise TypeError


def write(dataset: xr.Dataset, path: str | Path, *, force: bool = False) -> Path:
    """Write a dataset whole or not at all: beside its place, then renamed into it.

    Args:
        dataset: valid by the schema.
        path: ending in ``.nc`` (netCDF-4) or ``.zarr`` (zarr v3, as `simulators.schema.stores` lays it out).
        force: replace what is there; for netCDF there is the old or the new file at every moment.

    Raises:
        SchemaError: if the dataset is not valid.
        InputError: if the output exists (without `force`) or cannot be written.
    """
    path = check_output(path, force=force)
    validate(dataset)
    held = dataset.copy()
    held.attrs, held.encoding = attributes(dataset.attrs), {}
    for variable in held.variables.values():
        variable.attrs, variable.encoding = attributes(variable.attrs), {}
    # zarr v3 specifies text of variable length only
    held = _with_text(held, str if path.suffix == ".nc" else object)
    with placed(path, force=force) as target:
        if path.suffix == ".nc":
            _write_netcdf(held, target)
        else:
            stores.create(target, held)
    return path


def _write_netcdf(dataset: xr.Dataset, target: Path) -> None:
    coding = {"zlib": True, "complevel": 1, "_FillValue": None}
    encoding = {name: coding for name, variable in dataset.variables.items() if variable.dtype.kind in "fiu"}
    dataset.to_netcdf(target, format="NETCDF4", engine="netcdf4", encoding=encoding)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def read(path: str | Path) -> xr.Dataset:
    """Open a finished dataset, validated; times are floats. Files, and stores of up to 256 MiB, are loaded.

    Larger stores are opened lazily; NaN is looked for in them only when the numbers are used. Of a store in which runs
    have failed, those that are done are given: the coordinate `sample` then holds their numbers in the store, and the
    attribute `failures` (JSON text) the reasons of the others.

    Raises:
        InputError: if there is no such file, or it may not be read.
        SchemaError: if it is damaged or unfinished, or breaks the schema.
    """
    path = Path(path)
    try:
        is_store = path.is_dir()
        exists = is_store or path.is_file()
    except OSError:
        is_store = exists = False
    if not exists:
        raise InputError(f"{path}: expected a dataset, given no such file")
    try:
        dataset = _of_finished_runs(path, _open_store(path)) if is_store else _load_netcdf(path)
        for variable in (dataset, *dataset.variables.values()):
            variable.attrs = {key: _restored(value) for key, value in variable.attrs.items()}
        small = not is_store or dataset.nbytes <= _IN_MEMORY
        validate(dataset, where=str(path), values=False)
        if small:
            _require_numbers(path, dataset.load())
    except (SchemaError, MemoryError):
        raise
    except PermissionError as error:
        raise InputError(f"{path}: expected a dataset that can be read, given {error.strerror}") from error
    except Exception as error:  # a damaged file makes the libraries raise almost anything
        if is_store:
            stores.settle()
        kind = "a zarr store" if is_store else "a netCDF file"
        raise SchemaError(
            f"{path}: expected {kind}, given one that is damaged or of another kind; {_remedy(path)}"
        ) from error
    return _in_order(dataset) if is_store else dataset


def _require_numbers(path: Path, dataset: xr.Dataset) -> None:
    try:
        validate(dataset, where=str(path))
    except SchemaError as error:
        raise SchemaError(f"{error}; {_remedy(path)}") from error


def _remedy(path: Path) -> str:
    """What to do about a damaged dataset."""
    try:
        is_ensemble = "settings" in json.loads((path / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        is_ensemble = False
    if is_ensemble:
        return "give the `physym generate` command that made it again, which makes its damaged runs anew"
    return "generate it again"


def _in_order(dataset: xr.Dataset) -> xr.Dataset:
    """Variables in their simulator's order, others by name after them: a store lists them in any order."""
    from simulators.base import registered

    known = registered().get(dataset.attrs["simulator"])
    ranks = {name: rank for rank, name in enumerate(known.variables())} if known else {}
    return dataset[sorted(dataset.data_vars, key=lambda name: (ranks.get(str(name), len(ranks)), str(name)))]


def _load_netcdf(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        if file.read(3) == b"CDF":
            raise SchemaError(
                f"{path}: expected netCDF-4, given netCDF-3, which opens even where it was cut off; convert it with"
                " nccopy -k nc4"
            )
    return xr.load_dataset(path, engine="netcdf4", decode_times=False, decode_timedelta=False)


def _open_store(path: Path) -> xr.Dataset:
    with warnings.catch_warnings():
        # zarr only warns of an array whose description is gone
        warnings.filterwarnings("error", message=".*not recognized as a component of a Zarr hierarchy")
        dataset = xr.open_zarr(path, consolidated=False, chunks=None, decode_times=False, decode_timedelta=False)
    return _with_text(dataset, str)


def _of_finished_runs(path: Path, dataset: xr.Dataset) -> xr.Dataset:
    """The runs of a store that are done, numbered if others have failed."""
    flags = dataset[stores.COMPLETED].values if stores.COMPLETED in dataset else None
    if dataset.attrs.get(stores.COMPLETED) != 1:
        given = f"one without {stores.COMPLETED}=1"
        if flags is not None:
            given = f"one with {np.isin(flags, (stores.DONE, stores.FAILED)).sum()} of {flags.size} runs"
        raise SchemaError(f"{path}: expected a finished store, given {given}; run its generation again")
    runs, done = (1, 1) if flags is None else (flags.size, int(np.sum(flags == stores.DONE)))
    lost = stores.absent(path, runs, done)
    if lost is not None:
        raise SchemaError(f"{path}: variable {lost!r}: expected all of its chunks, given fewer; {_remedy(path)}")
    if flags is None:
        return dataset
    dataset = dataset.drop_vars(stores.COMPLETED)
    if not np.all(np.isin(flags, (stores.DONE, stores.FAILED))):
        raise SchemaError(f"{path}: expected the flag {stores.COMPLETED!r} of each run as 0 or 1, given others")
    rows = np.flatnonzero(flags == stores.DONE)
    if rows.size == flags.size:
        return dataset
    if not rows.size:
        raise SchemaError(f"{path}: expected at least one run that is done, given {flags.size} that failed")
    if "sample" not in dataset.coords:
        dataset = dataset.assign_coords(sample=("sample", np.arange(flags.size)))
    return dataset.isel(sample=rows)


def _with_text(dataset: xr.Dataset, dtype: type) -> xr.Dataset:
    """The dataset with its text coordinates in one of numpy's three types of text."""
    text = {k: c for k, c in dataset.coords.items() if c.dtype.kind in "UTO"}
    return dataset.assign_coords({k: (c.dims, np.array(c.values.tolist(), dtype), c.attrs) for k, c in text.items()})


def _restored(value: Any) -> Any:  # noqa: ANN401
    """An attribute as it was before netCDF or zarr held it."""
    if isinstance(value, np.generic):
        return value.item()
    return np.asarray(value) if isinstance(value, list) else value
