"""The coordinator of an ensemble: begins or resumes the store, hands out runs, and marks the store as finished."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from simulators.base import Simulator, code
from simulators.ensemble import cluster, local, repair, store
from simulators.ensemble.lock import locked
from simulators.ensemble.plan import Plan, differences
from simulators.ensemble.work import Blocks, Report
from simulators.errors import InputError
from simulators.schema import check_output, read

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["generate", "make", "resumes"]

_BLOCK_BYTES = 2**25
# what takes less than this [s] is not worth starting processes for
_ALONE = 4.0
_LOG = logging.getLogger("simulators.ensemble")


def generate(
    simulator: Simulator,
    samples: int,
    path: str | Path,
    *,
    times: np.ndarray | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    chunk: int | None = None,
    step: float | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    progress: bool = False,
) -> xr.Dataset:
    """Make runs of a simulator and write them into one zarr v3 store, run by run.

    A store that was begun with the same settings and code is resumed: what is done stays, and runs that have failed are
    not tried again, since they would fail alike. What is done is read once, and runs of which a chunk is absent or
    damaged are made anew, those of a finished store too; the logger `simulators.ensemble` then says so. In scripts,
    call this below ``if __name__ == "__main__":``, for workers import the script.

    Args:
        simulator: whose runs to make; workers must be able to import its class.
        samples: how many.
        path: of the store, ending in ``.zarr``.
        times: output times of a run; the simulator's own by default.
        seed: of the random starts, and of where chunks are cut.
        tolerance: of the simulator; its own by default.
        chunk: keep only so many consecutive points of each run, at a random place.
        step: the largest of fixed steps, of a simulator that takes them in place of a tolerance.
        workers: processes of one thread each; all cores by default, as soon as that is worth it. No number depends
            on it.
        scheduler: address of a Dask cluster to use instead, such as ``tcp://host:8786``, whose workers see the path.
        force: begin anew, in the place of what is there.
        progress: show a bar with the time left on stderr.

    Returns:
        The runs that are done, opened by `simulators.read`; those that failed are in its attribute `failures`.

    Raises:
        InputError: if a setting is wrong; if a store is there that is finished and whole, or was begun with other
            settings or code (which are named); if another process is writing it; if it cannot be written; if a worker
            dies or the scheduler does not answer; if all runs fail. What is finished stays.
    """
    chosen = simulator.times if times is None and isinstance(simulator, Simulator) else times
    plan = Plan(
        simulator=simulator, samples=samples, times=chosen, seed=seed, tolerance=tolerance, chunk=chunk, step=step
    )
    return make(plan, path, workers=workers, scheduler=scheduler, force=force, progress=progress)


def make(
    plan: Plan,
    path: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    progress: bool = False,
) -> xr.Dataset:
    """`generate` for a plan."""
    _require_main()
    path = _as_path(path)
    workers = workers.item() if isinstance(workers, np.generic) else workers
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise InputError(f"workers: expected an integer >= 1, given {workers!r}")
    if workers is not None and scheduler is not None:
        raise InputError("workers: expected none beside a scheduler, which has its own; leave one of the two out")
    resumes(plan, path, force=force)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(locked(path))
        client = None if scheduler is None else stack.enter_context(cluster.connected(scheduler))
        if client is not None:
            cluster.require_fit(client, lock)
        # another process may have finished meanwhile
        if resumes(plan, path, force=force):
            store.clean(path)
            lost = repair.mend(path, plan)
            if lost.size:
                _LOG.warning("%s: %d runs are damaged, sample %d first, and are made anew", path, lost.size, lost[0])
        else:
            store.begin(path, plan)
        place = path.resolve()
        pending = np.flatnonzero(store.flags(place) == -1)
        blocks = Blocks(pending, max(1, _BLOCK_BYTES // max(1, store.bytes_per_run(place))), workers or local.cores())
        if client is not None:
            reports = cluster.on_cluster(plan, place, blocks, client)
        else:
            reports = _on_this_machine(plan, place, blocks, workers)
        stack.enter_context(contextlib.closing(reports))
        try:
            _follow(place, plan, reports, pending.size, progress=progress)
        except OSError as error:
            store.require(place)
            raise InputError(
                f"{path}: expected to write there, given {error.strerror or error}; what is finished stays: mend that"
                " and give the same command again"
            ) from error
        failures = store.failures(place)
    if len(failures) == plan.samples:
        first = min(failures)
        raise InputError(
            f"{path}: expected at least one run to succeed, given {plan.samples} that failed, sample {first} thus:"
            f" {failures[first]}"
        )
    return read(path)


def resumes(plan: Plan, path: str | Path, *, force: bool = False) -> bool:
    """Whether there is a store to go on with: one that is begun, or is finished and has damaged runs.

    Raises:
        InputError: if there is something else, which would be replaced, or nothing can be written there.
    """
    path = _as_path(path)
    if path.suffix != ".zarr":
        raise InputError(f"{path}: expected a name that ends in .zarr")
    check_output(path, force=True)
    if force or not path.exists():
        return False
    stored, attributes = store.settings(path), store.attributes(path) or {}
    state = "finished already" if attributes.get("completed") == 1 else "begun"
    if stored is None:
        given = "one that is there already, made by other means"
    elif differing := differences(stored, plan.settings()):
        given = f"one that is {state}, with other settings: {differing}"
    elif state == "finished already" and not repair.needed(path, plan):
        given = "one that is finished already, with the same settings"
    elif differing := differences(store.code(path), code()):
        given = f"one that was {state}, with other code, so that numbers may differ: {differing}"
    else:
        return True
    raise InputError(f"{path}: expected a new output, given {given}; use --force to replace it, or choose another")


def _as_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path: expected the name of a store, such as 'runs.zarr', given {path!r}")
    return Path(path)


def _on_this_machine(plan: Plan, path: Path, blocks: Blocks, workers: int | None) -> Iterator[Report]:
    if workers is None or workers == 1:
        yield from local.in_process(plan, path, blocks, until=_ALONE if workers is None and local.cores() > 1 else None)
    if blocks.left.size:
        yield from local.on_workers(plan, path, blocks)


def _follow(path: Path, plan: Plan, reports: Iterator[Report], pending: int, *, progress: bool) -> None:
    """Note what fails, until all runs are made."""
    try:
        with _bar(plan.samples, plan.samples - pending) if progress else contextlib.nullcontext() as bar:
            for report in reports:
                store.require(path)
                if report.failures:
                    store.fail(path, report.failures)
                if bar is not None:
                    bar.update(report.runs)
        store.require(path)
        left = np.flatnonzero(store.flags(path) == -1)
        if left.size:
            raise InputError(f"{path}: expected all runs to be there, given none for sample {left[0]}; was it changed?")
        store.finish(path)
    except BaseException:
        with contextlib.suppress(Exception):
            reports.close()  # type: ignore[attr-defined]
            store.clean(path)
        raise


def _bar(total: int, done: int) -> tqdm:
    from tqdm import tqdm

    return tqdm(total=total, initial=done, unit="run", leave=False, delay=2)


def _require_main() -> None:
    """Leave, where a worker imports a script that makes ensembles without saying `if __name__ == "__main__":`."""
    again = sys.modules.get("__mp_main__")
    if again is not None and again is not sys.modules["__main__"]:
        sys.exit('simulators.ensemble: expected its call below if __name__ == "__main__":, given a script without it')
