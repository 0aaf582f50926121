"""How long a default run of the Rietkerk model takes: 100 x 100 cells of 2 m, 200 d, 41 outputs, on one thread.

    python benchmarks/rietkerk_speed.py [--repeats R] [--skip-slow]

The peers step to 200 d without outputs, by forward Euler at 0.005 d, as the published simulations do: a loop of numpy,
the same fused in numba, and py-pde (https://py-pde.readthedocs.io) with its numba backend, whose compilation is not
counted. Ours run at a tolerance that is the wanted error, with all outputs, through the public call; "first call" is
that of a new process, with compiled code cached on disk. The error is the root mean square difference at 200 d from a
converged solution of the same spatial scheme, relative to the standard deviation of the field, largest over the fields.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# before numpy starts its threads
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numba  # noqa: E402
import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulators import Rietkerk  # noqa: E402

STATES = ("surface_water", "soil_water", "vegetation")
SPAN, STEP, CELL = 200.0, 0.005, 2.0
R, A, K2, W0, DU, GM, K1, RW, DW, C, RV, DV = 0.375, 0.2, 5.0, 0.1, 100.0, 0.05, 5.0, 0.2, 0.1, 20.0, 0.25, 0.1
FIRST = """
import time, json, sys
import numpy as np
from simulators import Rietkerk
model = Rietkerk()
start = model.sample(1)
begin = time.perf_counter()
model.simulate(start, model.times, tolerance=float(sys.argv[1]), threads=1)
print(json.dumps(time.perf_counter() - begin))
"""


def numpy_euler(state: np.ndarray) -> np.ndarray:
    """Forward Euler by np.roll."""
    u, w, v = (field.copy() for field in state)

    def laplacian(f: np.ndarray) -> np.ndarray:
        near = np.roll(f, 1, 0) + np.roll(f, -1, 0) + np.roll(f, 1, 1) + np.roll(f, -1, 1)
        return (near - 4 * f) / CELL**2

    for _ in range(round(SPAN / STEP)):
        soak = A * (v + K2 * W0) / (v + K2) * u
        uptake = GM * v * w / (K1 + w)
        du = R - soak + DU * laplacian(u)
        dw = soak - uptake - RW * w + DW * laplacian(w)
        dv = C * uptake - RV * v + DV * laplacian(v)
        u, w, v = u + STEP * du, w + STEP * dw, v + STEP * dv
    return np.stack([u, w, v])


@numba.njit(fastmath=True)
def _fused(state: np.ndarray, steps: int) -> np.ndarray:
    rows, columns = state.shape[1:]
    old, new = state.copy(), np.empty_like(state)
    rates = np.array([DU, DW, DV]) / CELL**2
    for _ in range(steps):
        for i in range(rows):
            low, high = (i - 1) % rows, (i + 1) % rows
            for j in range(columns):
                left, right = j - 1 if j else columns - 1, j + 1 if j < columns - 1 else 0
                u, w, v = old[0, i, j], old[1, i, j], old[2, i, j]
                soak = A * (v + K2 * W0) / (v + K2) * u
                uptake = GM * v * w / (K1 + w)
                slopes = (R - soak, soak - uptake - RW * w, C * uptake - RV * v)
                for f in range(3):
                    near = old[f, low, j] + old[f, high, j] + old[f, i, left] + old[f, i, right]
                    new[f, i, j] = old[f, i, j] + STEP * (slopes[f] + rates[f] * (near - 4 * old[f, i, j]))
        old, new = new, old
    return old


def numba_euler(state: np.ndarray) -> np.ndarray:
    """Forward Euler, fused and compiled."""
    return _fused(state, round(SPAN / STEP))


def py_pde(state: np.ndarray) -> tuple[np.ndarray, float]:
    """Forward Euler of py-pde; the seconds of its stepping alone."""
    import pde

    rows, columns = state.shape[1:]
    grid = pde.CartesianGrid([[0, CELL * rows], [0, CELL * columns]], [rows, columns], periodic=True)
    soak, uptake = f"{A} * (v + {K2 * W0}) / (v + {K2}) * u", f"{GM} * v * w / ({K1} + w)"
    equation = pde.PDE(
        {
            "u": f"{R} - {soak} + {DU} * laplace(u)",
            "w": f"{soak} - {uptake} - {RW} * w + {DW} * laplace(w)",
            "v": f"{C} * {uptake} - {RV} * v + {DV} * laplace(v)",
        },
        bc="periodic",
    )
    fields = pde.FieldCollection([pde.ScalarField(grid, data) for data in state], labels=["u", "w", "v"])
    solver = pde.solvers.EulerSolver(equation, backend="numba")
    stepper = solver.make_stepper(fields, dt=STEP)
    stepper(fields.copy(), 0.0, 2 * STEP)
    begin = time.perf_counter()
    stepper(fields, 0.0, SPAN)
    return fields.data, time.perf_counter() - begin


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-slow", action="store_true", help="leave out numpy and py-pde")
    given = parser.parse_args()
    model = Rietkerk()
    start = model.sample(1)
    state = np.stack([start[name].values[0] for name in STATES])

    def simulated(tolerance: float, method: str) -> np.ndarray:
        run = model.simulate(start, model.times, tolerance=tolerance, method=method, threads=1)
        return np.stack([run[name].values[0, -1] for name in STATES])

    truth = simulated(1e-11, "etdrk4")
    spread = truth.std(axis=(1, 2))

    def error(found: np.ndarray) -> float:
        return float(np.max(np.sqrt(np.mean((found - truth) ** 2, axis=(1, 2))) / spread))

    print(f"converged solution: etdrk4 at 1e-11; rock4 at 1e-9 differs by {error(simulated(1e-9, 'rock4')):.1e}")
    rows: list[tuple[str, float, float]] = []

    def report(label: str, found: float, spent: list[float]) -> None:
        rows.append((label, found, statistics.median(spent)))
        first = rows[0][2] / rows[-1][2]
        print(f"{label:<44}{found:>9.1e}{rows[-1][2]:>11.4f}{min(spent):>11.4f}{first:>10.1f}", flush=True)

    def timed(run: Callable[[], np.ndarray], repeats: int) -> tuple[float, list[float]]:
        spent = []
        for _ in range(repeats):
            begin = time.perf_counter()
            found = run()
            spent.append(time.perf_counter() - begin)
        return error(found), spent

    print(f"{'':<44}{'error':>9}{'median s':>11}{'best s':>11}{'ratio':>10}")
    if not given.skip_slow:
        report("numpy, forward Euler 0.005 d", *timed(lambda: numpy_euler(state), 1))
    numba_euler(state)
    report("numba, forward Euler 0.005 d, fused", *timed(lambda: numba_euler(state), min(3, given.repeats)))
    if not given.skip_slow:
        found, seconds = py_pde(state)
        report("py-pde, forward Euler 0.005 d, stepping", error(found), [seconds])
    for tolerance in (4e-4, 1e-6):
        for method in ("etdrk4", "rock4", "rkc2"):
            if method == "rkc2" and tolerance < 1e-5 and given.skip_slow:
                continue
            repeats = given.repeats if method != "rkc2" else min(3, given.repeats)
            found, spent = timed(lambda t=tolerance, m=method: simulated(t, m), repeats)
            report(f"physym {method}, tolerance {tolerance:g}", found, spent)
        command = [sys.executable, "-c", FIRST, str(tolerance)]
        firsts = [
            json.loads(subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[1]).stdout)
            for _ in range(3)
        ]
        report(f"physym etdrk4, tolerance {tolerance:g}, first call", error(simulated(tolerance, "etdrk4")), firsts)


if __name__ == "__main__":
    main()
