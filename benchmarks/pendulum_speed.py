"""How long a spring double pendulum takes to simulate, beside heyoka and scipy at equal measured error.

    python benchmarks/pendulum_speed.py [--samples N] [--error E] [--repeats R]

150 outputs over 30 s (0, 0.2, ..., 29.8). Each method runs at the loosest tolerance of a ladder at which its
largest relative error over samples and times, against heyoka at rounding, is at most E. heyoka (a Taylor
integrator that compiles the equations, https://bluescarni.github.io/heyoka.py) runs as a scalar and in SIMD
batches.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulators import _spring_pendulum_kernels as kernels
from simulators import integrate

TIMES = 0.2 * np.arange(150)
PARAMETERS = np.array([1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 0.0, 0.0, -1.0])
Method = Callable[[np.ndarray, float], np.ndarray]


def starts(samples: int) -> np.ndarray:
    """Initial states (samples, 12): near hanging at rest, q then p."""
    random = np.random.default_rng(0)
    hanging = np.array([0, 0, -1.5, 0, 0, -3.0])
    q = hanging + 0.2 * random.standard_normal((samples, 6))
    return np.concatenate([q, 0.4 * random.standard_normal((samples, 6))], axis=1)


def physym(threads: int) -> Method:
    """`integrate.dop853` with the kernel of the chain."""

    def run(y0: np.ndarray, tolerance: float) -> np.ndarray:
        return integrate.dop853(kernels.double_rhs, y0, TIMES, PARAMETERS, tolerance=tolerance, threads=threads)

    return run


def heyoka(batch: int, **options: bool) -> Method:
    """The adaptive Taylor integrator heyoka on one thread; parameters are constants to it."""
    import heyoka as hy

    names = [f"q{b}{i}" for b in (1, 2) for i in "xyz"] + [f"p{b}{i}" for b in (1, 2) for i in "xyz"]
    y = hy.make_vars(*names)
    q1, q2, p1, p2 = y[:3], y[3:6], y[6:9], y[9:]
    d = [b - a for a, b in zip(q1, q2, strict=True)]
    pull1 = 1.0 - 1.0 / hy.sqrt(hy.sum([x * x for x in q1]))
    pull2 = 2.0 - 2.0 / hy.sqrt(hy.sum([x * x for x in d]))
    gravity = (0.0, 0.0, -1.0)
    slopes = [*p1, *p2]
    slopes += [g - pull1 * x + pull2 * w for g, x, w in zip(gravity, q1, d, strict=True)]
    slopes += [g - pull2 * w for g, w in zip(gravity, d, strict=True)]
    system = list(zip(y, slopes, strict=True))
    built = {}

    def run(y0: np.ndarray, tolerance: float) -> np.ndarray:
        out = np.empty((len(y0), TIMES.size, 12))
        if batch == 1:
            if tolerance not in built:
                built[tolerance] = hy.taylor_adaptive(system, [0.0] * 12, tol=tolerance, **options)
            solver = built[tolerance]
            for sample, state in enumerate(y0):
                solver.time = 0.0
                solver.state[:] = state
                out[sample] = solver.propagate_grid(TIMES)[-1]
            return out
        if tolerance not in built:
            empty = np.zeros((12, batch))
            built[tolerance] = hy.taylor_adaptive_batch(system, empty, tol=tolerance, **options)
        solver = built[tolerance]
        grid = np.ascontiguousarray(np.broadcast_to(TIMES[:, None], (TIMES.size, batch)))
        for first in range(0, len(y0), batch):
            group = y0[first : first + batch]
            solver.set_time(0.0)
            solver.state[:] = group[np.arange(batch) % len(group)].T
            states = solver.propagate_grid(grid)
            states = states[-1] if isinstance(states, tuple) else states
            out[first : first + batch] = np.moveaxis(states, 2, 0)[: len(group)]
        return out

    return run


def scipy_loop(y0: np.ndarray, tolerance: float) -> np.ndarray:
    """DOP853 of scipy, a sample at a time."""
    from scipy.integrate import solve_ivp

    def f(t: float, y: np.ndarray) -> np.ndarray:
        q1, d = y[:3], y[3:6] - y[:3]
        pull1 = (1.0 - 1.0 / np.sqrt(q1 @ q1)) * q1
        pull2 = (2.0 - 2.0 / np.sqrt(d @ d)) * d
        gravity = np.array([0.0, 0.0, -1.0])
        return np.concatenate([y[6:], gravity - pull1 + pull2, gravity - pull2])

    span = (TIMES[0], TIMES[-1])
    options = {"method": "DOP853", "rtol": max(tolerance, 3e-14), "atol": tolerance, "t_eval": TIMES}
    return np.stack([solve_ivp(f, span, y, **options).y.T for y in y0])


def largest_error(states: np.ndarray, reference: np.ndarray) -> float:
    """Largest relative error of the state over samples and times."""
    size = np.linalg.norm(reference, axis=2)
    return float(np.max(np.linalg.norm(states - reference, axis=2) / size))


def matched(method: Method, y0: np.ndarray, reference: np.ndarray, error: float) -> tuple[float, float]:
    """The loosest tolerance of a ladder of eighth decades whose measured error is small enough, and that error."""
    for eighth in range(-72, -120, -1):
        tolerance = 10.0 ** (eighth / 8)
        found = largest_error(method(y0, tolerance), reference)
        if found <= error:
            return tolerance, found
    raise SystemExit(f"no tolerance gave an error of {error:g}; the reference is not that good")


def milliseconds(method: Method, y0: np.ndarray, tolerance: float, repeats: int) -> float:
    """Median time a trajectory."""
    spent = []
    for _ in range(repeats):
        begin = time.perf_counter()
        method(y0, tolerance)
        spent.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(spent) / len(y0)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--error", type=float, default=1e-9)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    import heyoka as hy

    y0 = starts(given.samples)
    few = y0[:10]
    reference = heyoka(1, high_accuracy=True)(y0, 1e-17)
    other = largest_error(integrate.dop853(kernels.double_rhs, y0, TIMES, PARAMETERS, tolerance=1e-14), reference)
    print(f"{given.samples} trajectories; our dop853 at tolerance 1e-14 differs from the reference by {other:.1e}")
    simd = hy.recommended_simd_size()
    methods: list[tuple[str, Method, np.ndarray, int]] = [
        ("physym dop853, 1 thread", physym(1), y0, given.repeats),
        ("physym dop853, 2 threads", physym(2), y0, given.repeats),
        ("heyoka scalar, 1 thread", heyoka(1), y0, given.repeats),
        ("heyoka scalar, fast_math", heyoka(1, fast_math=True), y0, given.repeats),
        *((f"heyoka batch {size}", heyoka(size), y0, given.repeats) for size in sorted({4, 8, simd})),
        (f"scipy DOP853 loop ({len(few)})", scipy_loop, few, 1),
    ]
    print(f"{'method':<28}{'tolerance':>11}{'error':>10}{'ms/trajectory':>15}")
    for name, method, start, repeats in methods:
        tolerance, found = matched(method, start, reference[: len(start)], given.error)
        spent = milliseconds(method, start, tolerance, repeats)
        print(f"{name:<28}{tolerance:>11.1e}{found:>10.1e}{spent:>15.4f}", flush=True)


if __name__ == "__main__":
    main()
