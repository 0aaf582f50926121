"""Independent pieces of work on several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["in_threads"]


def in_threads(task: Callable[[int], None], count: int, threads: int | None = None) -> None:
    """Run `task(n)` for n from 0 to count - 1; the first of them, in order, that raises, raises here.

    Args:
        task: what to do; it must release Python's lock, as numpy and scipy.fft do, to gain from threads.
        count: how often.
        threads: how many run at once; all cores by default.

    Raises:
        InputError: if the number of threads is not a whole number of at least one.
    """
    from simulators.integrate import arguments
    from simulators.integrate.lanes import default_threads

    workers = default_threads() if threads is None else arguments.count("threads", threads)
    with ThreadPoolExecutor(min(workers, max(count, 1))) as pool:
        for _ in pool.map(task, range(count)):
            pass
