"""Workers of an existing Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.ensemble.plan import Plan, differences
from simulators.ensemble.work import Blocks, Report
from simulators.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connected", "on_cluster"]

_PATIENCE = 8.0
_LOGGERS = ("distributed", "distributed.client", "distributed.core", "distributed.comm.tcp", "tornado.application")


@contextlib.contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the scheduler at an address such as ``tcp://host:8786``.

    Raises:
        InputError: if `distributed` is not installed, or there is no such scheduler, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "scheduler: expected the package distributed, given an environment without it;"
            " pip install 'physym[cluster]'"
        ) from error
    if not isinstance(address, str) or "://" not in address:
        raise InputError(f"scheduler: expected an address such as tcp://host:8786, given {address!r}")
    # made in two steps, so that one that fails half-way is closed too
    client = Client.__new__(Client)
    # what it logs when the scheduler is lost, an error of ours says in one line
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            # versions that do not fit are seen where it matters: when the workers are asked what they have
            warnings.simplefilter("ignore")
            try:
                client.__init__(address, timeout=_PATIENCE, set_as_default=False)  # type: ignore[misc]
            except Exception as error:
                raise InputError(
                    f"scheduler: expected a Dask scheduler at {address}, given none that answers"
                    f" ({_brief(error)}); start it, or mend the address"
                ) from error
            try:
                client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError as error:
                raise InputError(f"scheduler: expected workers at {address}, given none; start some") from error
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=_PATIENCE)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def require_fit(client: Client, token: Path) -> None:
    """See that the workers have the code that is here (see `simulators.base.code`) and see the folder of the store.

    Args:
        client: of the cluster.
        token: a file beside the store, with a text of its own.

    Raises:
        InputError: naming a worker that does not.
    """
    from simulators.base import code

    try:
        found = client.run(_probe(os.fspath(token), token.read_text()))
    except Exception as error:
        raise InputError(f"scheduler: expected workers that answer, given {_brief(error)}; restart them") from error
    for worker, (theirs, sees) in found.items():
        if differing := differences(theirs, code()):
            raise InputError(
                f"scheduler: expected workers with the code that is here, given {worker} with {differing};"
                " install the same versions there and restart it"
            )
        if not sees:
            raise InputError(
                f"{token.parent}: expected a folder that all workers can write to, given {worker}, which cannot;"
                " choose one on a file system that they share"
            )


def _probe(token: str, text: str) -> Callable[[], tuple[dict[str, str], bool]]:
    # a function within a function travels as code: it runs where this package is absent
    def probe() -> tuple[dict[str, str], bool]:
        import os
        import time

        try:
            from simulators.base import code

            found = dict(code())
        except ImportError:
            found = {}
        end = time.monotonic() + 3.0
        while True:  # shared file systems may show a new file late
            try:
                with open(token) as file:  # noqa: PTH123
                    if file.read() == text:
                        return found, os.access(os.path.dirname(token), os.W_OK)  # noqa: PTH120
            except OSError:
                pass
            if time.monotonic() > end:
                return found, False
            time.sleep(0.1)

    return probe


def on_cluster(plan: Plan, path: Path, blocks: Blocks, client: Client) -> Iterator[Report]:
    """Make the runs on the workers of a cluster; those of a worker that is lost go to another.

    Raises:
        InputError: if workers die again and again, or the scheduler does.
        OSError: if a worker cannot write.
    """
    import cloudpickle
    from distributed import as_completed

    sent, task = cloudpickle.dumps((plan, path)), _task()
    blocks.workers = max(1, sum(client.nthreads().values()))
    queue, running = as_completed(loop=client.loop), 0

    def submit() -> bool:
        part = blocks.take()
        if part is not None:
            key = f"runs-{part.start}-{time.time_ns()}"
            queue.add(client.submit(task, sent, part.start, part.stop, pure=False, key=key))
        return part is not None

    try:
        while running < 2 * blocks.workers and submit():
            running += 1
        while running:
            future = next(queue)
            report = _result(future)
            blocks.learn(report)
            running -= 1
            while running < 2 * blocks.workers and submit():
                running += 1
            yield report
    finally:
        with contextlib.suppress(Exception):
            client.cancel(list(queue.futures), force=True)


def _task() -> Callable[[bytes, int, int], Report]:
    # it travels as code, and the plan as bytes: what cannot be imported is then the task's error, where distributed
    # itself would wait for ever, and the scheduler needs nothing of ours
    def task(sent: bytes, start: int, stop: int) -> Report:
        import pickle

        from simulators.ensemble.work import work

        return work(*pickle.loads(sent), slice(start, stop))

    return task


def _result(future: Any) -> Report:  # noqa: ANN401
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        return future.result()
    except KilledWorker as error:
        raise InputError(
            f"scheduler: expected workers that live, given some that died again and again ({_brief(error)});"
            " give the same command again, with fewer or larger workers"
        ) from error
    except ImportError as error:
        raise InputError(
            f"scheduler: expected workers that can import the simulator, given some that cannot ({_brief(error)});"
            " install its module there"
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise InputError(
            f"scheduler: expected it to live, given one that was lost ({_brief(error)}); give the same command again"
        ) from error


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
