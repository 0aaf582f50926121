"""Workers on this machine: processes that are started anew, each on one thread."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from simulators.ensemble.plan import Plan
from simulators.ensemble.work import Blocks, Report, work
from simulators.errors import InputError

__all__ = ["cores", "in_process", "on_workers"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_DIE_WITH_PARENT = 1  # prctl(2), PR_SET_PDEATHSIG


def cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_process(plan: Plan, path: Path, blocks: Blocks, *, until: float | None = None) -> Iterator[Report]:
    """Make the runs here; leave off where the rest takes longer than `until` [s]."""
    while (part := blocks.take()) is not None:
        report = work(plan, path, part)
        blocks.learn(report)
        yield report
        if until is not None and blocks.seconds_left() > until:
            return


def on_workers(plan: Plan, path: Path, blocks: Blocks) -> Iterator[Report]:
    """Make the runs on as many new processes as the blocks are for.

    Raises:
        InputError: if a process does not start, or dies.
        OSError: if one cannot write.
    """
    context, processes = multiprocessing.get_context("spawn"), {}
    try:
        with _start():
            for _ in range(min(blocks.workers, blocks.left.size)):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, plan, path, os.getpid()), daemon=True)
                process.start()
                theirs.close()
                processes[ours] = process
        idle, busy, reports, started = list(processes), [], [], set()
        while idle or busy:
            while idle and (part := blocks.take()) is not None:
                busy.append(idle.pop())
                _send(busy[-1], processes[busy[-1]], part, started=busy[-1] in started)
            yield from reports
            if not busy:
                break
            reports = []
            for pipe in wait(busy):
                assert isinstance(pipe, Connection)
                busy.remove(pipe)
                reports.append(_received(pipe, processes[pipe], started=pipe in started))
                started.add(pipe)
                blocks.learn(reports[-1])
                idle.append(pipe)
    except BaseException:
        for process in processes.values():
            process.kill()
        raise
    finally:
        for pipe, process in processes.items():
            pipe.close()
            process.join()


def _send(pipe: Connection, process: BaseProcess, part: slice, *, started: bool) -> None:
    try:
        pipe.send(part)
    except OSError as error:
        raise _died(process, started=started) from error


def _received(pipe: Connection, process: BaseProcess, *, started: bool) -> Report:
    try:
        answer = pipe.recv()
    except (EOFError, OSError) as error:
        raise _died(process, started=started) from error
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _died(process: BaseProcess, *, started: bool) -> InputError:
    process.join(5.0)
    code = process.exitcode or 0
    if code > 0 and not started:
        return InputError(
            f"expected workers that start, given one that could not and ended with exit code {code}; define the"
            ' simulator in a module, and call this below if __name__ == "__main__":'
        )
    how = f"was killed by signal {-code} (out of memory?)" if code < 0 else f"ended with exit code {code}"
    return InputError(
        f"expected all workers to live, given one that {how}; what is finished stays: give the same command again,"
        " perhaps with fewer workers"
    )


@contextlib.contextmanager
def _start() -> Iterator[None]:
    """What new processes inherit: libraries that take one thread, and Ctrl-C left to the coordinator."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection, plan: Plan, path: Path, coordinator: int) -> None:
    """A worker's life: until the coordinator closes the pipe, or dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != coordinator:
            return
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            part = pipe.recv()
            try:
                answer: Report | BaseException = work(plan, path, part)
            except BaseException as error:
                answer = _portable(error)
            pipe.send(answer)


def _portable(error: BaseException) -> BaseException:
    """The error, if another process can read it, or one that says as much."""
    told = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(told)
    error.add_note(told)
    return error
