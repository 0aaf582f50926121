"""Makes datasets: simulates what a job asks for, and writes it whole or not at all.

The settings are kept in the dataset as the attribute `settings` (JSON text), so that one made with others is noticed.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from physym.recipes import Job, require_integer
from simulators.base import Simulator, chunk
from simulators.errors import InputError
from simulators.schema import check_output, write

__all__ = ["check_new", "finished", "generate"]

FIRST_BLOCK = 64
BLOCK_SECONDS = 0.5


def finished(job: Job, path: str | Path) -> bool:
    """Whether a dataset is there that was made with the very settings of a job."""
    return Path(path).exists() and _stored_settings(Path(path)) == job.settings()


def check_new(job: Job, path: str | Path, *, force: bool = False) -> Path:
    """Refuse, before any work is done, an output that exists or cannot be written.

    Returns:
        The path.

    Raises:
        InputError: naming the settings that differ from those of the dataset that is there.
    """
    path = Path(path)
    if not path.exists() or force:
        return check_output(path, force=force)
    stored, settings = _stored_settings(path), job.settings()
    if stored is None:
        given = "one that is there already, made by other means"
    elif stored == settings:
        given = "one that is finished already, with the same settings"
    else:
        keys = [key for key in {**stored, **settings} if stored.get(key) != settings.get(key)]
        given = "one that is finished already, with other settings: " + ", ".join(
            f"{key} {_brief(stored.get(key))} instead of {_brief(settings.get(key))}" for key in keys
        )
    raise InputError(f"{path}: expected a new output, given {given}; use --force to replace it, or choose another")


def generate(
    job: Job, path: str | Path, *, force: bool = False, workers: int | None = None, progress: bool = False
) -> xr.Dataset:
    """Make a dataset and write it, whole or not at all.

    Samples are simulated in blocks; no number depends on the blocks or on the workers.

    Args:
        job: what to make.
        path: ending in ``.nc`` or ``.zarr``.
        force: replace what is there.
        workers: threads of the simulator; as many as there are cores by default.
        progress: show a bar on stderr.

    Returns:
        The dataset.

    Raises:
        InputError: if the output is finished already, naming the settings that differ, or cannot be written.
        DivergenceError: if a run fails.
    """
    path, settings = check_new(job, path, force=force), job.settings()
    simulator, times = job.make(), job.output_times()
    options: dict[str, Any] = {"tolerance": settings["tolerance"]}
    if workers is not None:
        require_integer("workers", workers, 1)
        if "threads" in inspect.signature(simulator.simulate).parameters:
            options["threads"] = workers
        elif workers > 1:
            raise InputError(f"workers: expected 1, since {job.simulator} runs on one thread; given {workers}")
    dataset = _simulate(simulator, simulator.sample(job.samples, job.seed), times, options, progress=progress)
    title = f"{job.samples} runs of {type(simulator).__name__} at {times.size} times"
    if job.chunk is not None:
        # a seed of its own: the places must not depend on the numbers that drew the starts
        place = int(np.random.SeedSequence([job.seed, 1]).generate_state(1)[0])
        dataset = chunk(dataset, job.chunk, place)
        title += f", cut at random to {job.chunk} consecutive points each"
    dataset = dataset.assign_attrs(title=title, settings=json.dumps(settings))
    write(dataset, path, force=force)
    return dataset


def _simulate(
    simulator: Simulator, start: xr.Dataset, times: np.ndarray, options: Mapping[str, Any], *, progress: bool
) -> xr.Dataset:
    from tqdm import tqdm

    samples, size, done, blocks = start.sizes["sample"], FIRST_BLOCK, 0, []
    with tqdm(total=samples, unit="sample", leave=False, delay=1, disable=not progress) as bar:
        while done < samples:
            began = time.perf_counter()
            block = start.isel(sample=slice(done, done + size))
            blocks.append(simulator.simulate(block, times, **options))
            done += block.sizes["sample"]
            bar.update(block.sizes["sample"])
            if time.perf_counter() - began < BLOCK_SECONDS:
                size *= 2
    if len(blocks) == 1:
        return blocks[0]
    plain = {"coords": "minimal", "compat": "override", "join": "override", "combine_attrs": "override"}
    return xr.concat(blocks, dim="sample", data_vars="minimal", **plain)


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _stored_settings(path: Path) -> dict[str, Any] | None:
    try:
        store = {"engine": "zarr", "consolidated": False} if path.is_dir() else {"engine": "netcdf4"}
        with xr.open_dataset(path, decode_times=False, **store) as dataset:
            found = json.loads(dataset.attrs["settings"])
        return found if isinstance(found, dict) else None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None
