"""Repair of the store of an ensemble: a damaged chunk costs its run, and no more."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from simulators.ensemble import store
from simulators.ensemble.plan import Plan
from simulators.errors import InputError
from simulators.schema import stores

__all__ = ["mend", "needed"]

_BLOCK_BYTES = 2**25


def needed(path: Path, plan: Plan) -> bool:
    """Whether chunks or descriptions of arrays of a finished store are absent or damaged.

    All its numbers are read, block by block, up to the first that is damaged: their checksums tell.

    Raises:
        InputError: if an array has another shape than runs of this plan have.
    """
    outline = plan.outline()
    if _damaged_arrays(path, outline):
        return True
    flags = store.flags(path)
    return bool(np.any(flags == stores.PENDING)) or _damaged_runs(path, outline, flags, all_of_them=False).size > 0


def mend(path: Path, plan: Plan) -> np.ndarray:
    """Put right what describes the runs, and take runs of which chunks are absent or damaged for not made.

    The chunks of all runs that count as done are read for this, in blocks of up to 32 MiB.

    Returns:
        The numbers of the runs that were done and are so no longer.

    Raises:
        InputError: if an array has another shape than runs of this plan have, or the store cannot be written.
    """
    outline = plan.outline()
    try:
        if damaged := _damaged_arrays(path, outline):
            with tempfile.TemporaryDirectory(dir=path, suffix=".partial") as folder:
                fresh = Path(folder) / "fresh"
                stores.create(fresh, outline, filled=False)
                for name in damaged:
                    for file in (fresh / name).rglob("*"):
                        place = path / name / file.relative_to(fresh / name)
                        place.parent.mkdir(parents=True, exist_ok=True)
                        if file.is_file():
                            file.replace(place)
        rows = _damaged_runs(path, outline, store.flags(path))
        if rows.size or (store.attributes(path) or {}).get(stores.COMPLETED) == 1:
            store.reopen(path, rows)
    except OSError as error:
        raise InputError(f"{path}: expected to write there, given {error.strerror or error}") from error
    return rows


def _damaged_arrays(path: Path, outline: xr.Dataset) -> list[str]:
    """The arrays that do not open, or are the same for all runs and cannot be read."""
    import zarr

    wanted = {str(name): variable.shape for name, variable in outline.variables.items()}
    damaged = []
    for name, shape in (wanted | {stores.COMPLETED: (outline.sizes["sample"],)}).items():
        try:
            array = zarr.open_array(path / name, mode="r")
            if name != stores.COMPLETED and "sample" not in outline[name].dims:
                if array.nchunks_initialized < array.nchunks:
                    raise FileNotFoundError
                np.asarray(array[...])
        except Exception:  # damage makes the libraries raise almost anything
            damaged.append(name)
            continue
        if array.shape != shape:
            raise InputError(
                f"{path}: expected {name!r} with the shape {shape}, as these settings give it, given {array.shape};"
                " use --force to replace the store, or choose another"
            )
    return damaged


def _damaged_runs(path: Path, outline: xr.Dataset, flags: np.ndarray, *, all_of_them: bool = True) -> np.ndarray:
    """The runs that are flagged as done and of which a chunk is absent or cannot be decoded."""
    import zarr

    done, bad = np.flatnonzero(flags == stores.DONE), np.zeros(flags.size, bool)
    arrays = {str(n): zarr.open_array(path / str(n), mode="r") for n, a in outline.items() if "sample" in a.dims}
    for name, array in arrays.items():
        rest = ["".join(f"/{n}" for n in place) for place in np.ndindex(array.cdata_shape[1:])]
        for row in done:
            bad[row] |= not all((path / name / f"c/{row}{key}").exists() for key in rest)
    if bad.any() and not all_of_them:
        return np.flatnonzero(bad)
    for array in arrays.values():
        size = max(1, _BLOCK_BYTES * array.shape[0] // max(1, array.nbytes))
        for first in range(0, flags.size, size):
            part = slice(first, min(first + size, flags.size))
            if not np.any(flags[part] == stores.DONE) or _reads(array, part):
                continue
            for row in done[(done >= part.start) & (done < part.stop)]:
                bad[row] |= not _reads(array, slice(int(row), int(row) + 1))
            if bad.any() and not all_of_them:
                return np.flatnonzero(bad)
    return np.flatnonzero(bad)


def _reads(array: Any, part: slice) -> bool:  # noqa: ANN401
    try:
        array[part]
    except Exception:  # damage makes the libraries raise almost anything
        stores.settle()
        return False
    return True
