"""Makes datasets: simulates what a job asks for, and writes it.

Stores (``.zarr``) are ensembles: see `simulators.ensemble`. Files (``.nc``) are simulated in memory and written whole
or not at all. The settings are kept in the dataset as the attribute `settings` (JSON text), so that one made with
others is noticed.
"""

from __future__ import annotations

import inspect
import json
import time
from pathlib import Path
from typing import Any

import xarray as xr

from physym.recipes import Job, require_integer
from simulators import ensemble
from simulators.ensemble import Plan, differences
from simulators.errors import InputError
from simulators.schema import check_output, write

__all__ = ["check_new", "finished", "generate"]

FIRST_BLOCK = 64
BLOCK_SECONDS = 0.5


def finished(job: Job, path: str | Path) -> bool:
    """Whether a dataset is there that was made with the very settings of a job."""
    path = Path(path)
    stored = _attributes(path) if path.exists() else {}
    whole = path.suffix != ".zarr" or stored.get("completed") == 1
    return whole and _settings(stored) == job.settings()


def check_new(job: Job, path: str | Path, *, force: bool = False) -> Path:
    """Refuse, before any work is done, an output that exists or cannot be written; a store may be unfinished.

    Returns:
        The path.

    Raises:
        InputError: naming the settings that differ from those of the dataset that is there.
    """
    path = Path(path)
    if path.suffix == ".zarr":
        ensemble.resumes(job.plan(), path, force=force)
        return path
    if not path.exists() or force:
        return check_output(path, force=force)
    stored = _settings(_attributes(path))
    if stored is None:
        given = "one that is there already, made by other means"
    elif differing := differences(stored, job.settings()):
        given = f"one that is finished already, with other settings: {differing}"
    else:
        given = "one that is finished already, with the same settings"
    raise InputError(f"{path}: expected a new output, given {given}; use --force to replace it, or choose another")


def generate(
    job: Job,
    path: str | Path,
    *,
    force: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Make a dataset and write it.

    No number depends on the workers. A store is written run by run and resumed if it is there, a file whole.

    Args:
        job: what to make.
        path: ending in ``.nc`` or ``.zarr``.
        force: replace what is there.
        workers: processes for a store, threads of the simulator for a file; all cores by default.
        scheduler: address of a Dask cluster that makes a store.
        progress: show a bar on stderr.

    Returns:
        The dataset; of a store, the runs that are done.

    Raises:
        InputError: if the output is finished already, naming the settings that differ, or cannot be written.
        DivergenceError: if a run for a file fails.
    """
    path = check_new(job, path, force=force)
    if workers is not None:
        require_integer("workers", workers, 1)
    if path.suffix == ".zarr":
        options = {"workers": workers, "scheduler": scheduler, "force": force, "progress": progress}
        return ensemble.make(job.plan(), path, **options)
    if scheduler is not None:
        raise InputError(f"--scheduler: expected an output FILE.zarr, which a cluster can write to; given {path}")
    plan = job.plan()
    if workers is not None and workers > 1 and "threads" not in inspect.signature(plan.simulator.simulate).parameters:
        raise InputError(f"workers: expected 1, since {job.simulator} runs on one thread; given {workers}")
    dataset = _simulate(plan, workers, progress=progress)
    dataset = dataset.assign_attrs(title=plan.title(), settings=json.dumps(job.settings()))
    write(dataset, path, force=force)
    return dataset


def _simulate(plan: Plan, threads: int | None, *, progress: bool) -> xr.Dataset:
    from tqdm import tqdm

    size, done, blocks = FIRST_BLOCK, 0, []
    with tqdm(total=plan.samples, unit="run", leave=False, delay=2, disable=not progress) as bar:
        while done < plan.samples:
            began = time.perf_counter()
            blocks.append(plan.runs(slice(done, min(done + size, plan.samples)), threads=threads))
            done += blocks[-1].sizes["sample"]
            bar.update(blocks[-1].sizes["sample"])
            if time.perf_counter() - began < BLOCK_SECONDS:
                size *= 2
    if len(blocks) == 1:
        return blocks[0]
    plain = {"coords": "minimal", "compat": "override", "join": "override", "combine_attrs": "override"}
    return xr.concat(blocks, dim="sample", data_vars="minimal", **plain)


def _attributes(path: Path) -> dict[str, Any]:
    try:
        store = {"engine": "zarr", "consolidated": False} if path.is_dir() else {"engine": "netcdf4"}
        with xr.open_dataset(path, decode_times=False, **store) as dataset:
            return dict(dataset.attrs)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return {}


def _settings(attributes: dict[str, Any]) -> dict[str, Any] | None:
    try:
        found = json.loads(attributes["settings"])
    except (KeyError, ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None
