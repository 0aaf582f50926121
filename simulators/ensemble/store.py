"""The store of an ensemble: begun whole, filled run by run, and marked as finished last.

A run is written before its flag, and every file beside its place and then renamed into it: whenever writers are
killed, what counts as done is whole. What they leave has names that end in ``.partial``, and is removed by whoever goes
on. A store holds nothing that depends on when, where or in which order its runs were made.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from simulators.ensemble.plan import Plan
from simulators.errors import InputError
from simulators.schema import stores
from simulators.schema.places import placed

__all__ = ["attributes", "begin", "clean", "code", "fail", "finish", "flags", "put", "reopen", "require", "settings"]

_ROOT = "zarr.json"
_FAILURES = "failures"


def attributes(path: Path) -> dict[str, Any] | None:
    """The attributes of a store, or None where there is none."""
    try:
        found = json.loads((path / _ROOT).read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def settings(path: Path) -> dict[str, Any] | None:
    """The settings with which a store was begun, or None where there is none, or none of an ensemble."""
    try:
        found = json.loads((attributes(path) or {})["settings"])
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def code(path: Path) -> dict[str, Any]:
    """The code with which a store was begun, as `simulators.base.code` gives it; empty where none is noted."""
    try:
        found = json.loads((attributes(path) or {})["code"])
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def require(path: Path) -> None:
    """See that there still is a store.

    Raises:
        InputError: if it is gone.
    """
    if not (path / _ROOT).exists():
        raise InputError(
            f"{path}: expected the store that was begun there, given none: it was moved or removed; move it back and"
            " give the same command again"
        )


def begin(path: Path, plan: Plan) -> None:
    """Make a store without runs, in one step, in the place of what is there.

    Raises:
        InputError: if the simulator refuses the settings, or the store cannot be written.
    """
    outline = plan.outline()
    with placed(path, force=True) as target:
        stores.create(target, outline, filled=False)


def clean(path: Path) -> None:
    """Remove what killed writers have left."""
    for left in list(path.rglob("*.partial")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def flags(path: Path) -> np.ndarray:
    """Of each run, whether it is done (1), has failed (0) or is still to be made (-1)."""
    import zarr

    array = zarr.open_group(path, mode="r")[stores.COMPLETED]
    try:
        return np.asarray(array[:])
    except Exception:  # a flag that cannot be read is none
        return np.array([_flag(array, row) for row in range(array.shape[0])], "i1")


def _flag(array: Any, row: int) -> int:  # noqa: ANN401
    try:
        return int(array[row])
    except Exception:  # damage makes the libraries raise almost anything
        return stores.PENDING


def bytes_per_run(path: Path) -> int:
    """The size of one run in memory."""
    import zarr

    arrays = [array for _, array in zarr.open_group(path, mode="r").arrays()]
    return sum(a.nbytes // a.shape[0] for a in arrays if "sample" in (a.metadata.dimension_names or ()))


def put(path: Path, wanted: Mapping[str, Any], part: slice, runs: xr.Dataset) -> None:
    """Write the runs of some samples, and when the disk has them, their flags.

    Args:
        path: of the store.
        wanted: the settings that it must have: it may have been replaced by another.
        part: which samples these are.
        runs: variables along `sample`; others are in the store already.

    Raises:
        InputError: if the store is gone or another.
        OSError: if it cannot be written.
    """
    import zarr

    require(path)
    if settings(path) != wanted:
        raise InputError(f"{path}: expected the store that was begun for these runs, given another; begin anew")
    try:
        group = zarr.open_group(path, mode="r+")
        for name, array in runs.data_vars.items():
            if "sample" in array.dims:
                group[name][part] = array.values
                _synchronise(path / str(name), part)
        group[stores.COMPLETED][part] = np.full(part.stop - part.start, stores.DONE, "i1")
    except Exception:
        require(path)
        raise


def _synchronise(array: Path, part: slice) -> None:
    """Have the chunks of some runs on the disk; a chunk whose name a power cut has lost is found and made anew."""
    for row in range(part.start, part.stop):
        for file in (array / "c" / str(row)).rglob("*"):
            if file.is_file():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())


def failures(path: Path) -> dict[int, str]:
    """The reasons of the runs that have failed, by sample."""
    return {int(row): reason for row, reason in json.loads((attributes(path) or {}).get(_FAILURES, "{}")).items()}


def fail(path: Path, reasons: Mapping[int, str]) -> None:
    """Note that runs have failed, first why and then by their flags; only the coordinator does this."""
    import zarr

    known = failures(path) | dict(reasons)
    _note(path, {_FAILURES: json.dumps({str(row): known[row] for row in sorted(known)})})
    array = zarr.open_group(path, mode="r+")[stores.COMPLETED]
    for row in reasons:
        array[row] = stores.FAILED


def reopen(path: Path, rows: np.ndarray) -> None:
    """Take runs for not made, and the store for not finished."""
    import zarr

    _note(path, {stores.COMPLETED: None})
    array = zarr.open_group(path, mode="r+")[stores.COMPLETED]
    for row in rows:
        array[int(row)] = stores.PENDING


def finish(path: Path) -> None:
    """Mark a store as finished, whose runs are all done or have failed."""
    clean(path)
    _note(path, {stores.COMPLETED: 1})


def _note(path: Path, more: Mapping[str, Any]) -> None:
    """Set attributes of a store, or remove those set to None: there are the old or the new ones at every moment."""
    place, beside = path / _ROOT, path / f".{_ROOT}.partial"
    content = json.loads(place.read_text())
    content["attributes"].update(more)
    content["attributes"] = {key: value for key, value in content["attributes"].items() if value is not None}
    with beside.open("w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)
