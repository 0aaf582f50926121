"""Right-hand sides as compiled kernels that work on several samples at once, one a SIMD lane.

numba is imported when a kernel first runs, not before: importing this module is cheap.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from simulators.integrate import arguments

__all__ = ["LANES", "Kernel", "kernel"]

LANES = 8
"""Samples that a kernel works on at once: the doubles in one AVX-512 register."""

Function = Callable[["np.ndarray", "np.ndarray", "np.ndarray", "np.ndarray"], None]


class Kernel:
    """A right-hand side `function(t, x, parameters, out)` that is compiled on first use and cached on disk.

    Calling it runs the function as plain Python, which is slow and serves for debugging.
    """

    def __init__(self, function: Function) -> None:
        """Wrap a function; nothing is compiled yet."""
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, t: np.ndarray, x: np.ndarray, parameters: np.ndarray, out: np.ndarray) -> None:
        """Evaluate without compiling."""
        self.function(t, x, parameters, out)

    @functools.cached_property
    def compiled(self) -> Any:  # noqa: ANN401  (a numba CFunc; naming the type would import numba)
        """The machine code, as a numba first-class function."""
        from simulators.integrate import _compile

        return _compile.right_hand_side(self.function)


def kernel(function: Function) -> Kernel:
    """Make a right-hand side into a compiled kernel (a decorator).

    The function has the signature `function(t, x, parameters, out)` and must fill `out`:

    - `t`: float64 (lane,), the time of each lane;
    - `x`: float64 (component, lane), the state;
    - `parameters`: float64 (parameter, lane), one column a sample;
    - `out`: float64 (component, lane), dx/dt.

    The four arrays never overlap. Lanes are unrelated samples and must not be mixed: loop over them
    innermost, `for lane in range(t.size)`, and numba turns that loop into SIMD instructions. Division by zero
    gives inf or NaN, which the integrators report. Whatever numba compiles in nopython mode is allowed; what
    the function reads from its module is frozen when it is compiled.

    Example:
        @integrate.kernel
        def oscillator(t, x, parameters, out):
            for lane in range(t.size):
                out[0, lane] = x[1, lane]
                out[1, lane] = -parameters[0, lane] * x[0, lane]
    """
    return Kernel(function)


def default_threads() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_chunks(task: Callable[[slice], None], batch: int, threads: int | None) -> None:
    """Run `task(samples)` over slices of the batch, on several threads."""
    threads = default_threads() if threads is None else arguments.count("threads", threads)
    # Several chunks a thread even out the load; none is so short that its lanes stand idle for long.
    chunks = min(4 * threads, -(-batch // (8 * LANES))) if threads > 1 else 1
    edges = [batch * i // chunks for i in range(chunks + 1)]
    slices = [slice(a, b) for a, b in itertools.pairwise(edges)]
    if len(slices) == 1:
        task(slices[0])
        return
    with ThreadPoolExecutor(min(threads, len(slices))) as pool:
        for _ in pool.map(task, slices):
            pass


def aligned(rows: int, columns: int) -> np.ndarray:
    """Return zeros (rows, columns) that start at a cache line, where vector instructions are quickest."""
    line = 8
    store = np.zeros(rows * columns + line)
    first = -(store.ctypes.data // 8) % line
    return store[first : first + rows * columns].reshape(rows, columns)
