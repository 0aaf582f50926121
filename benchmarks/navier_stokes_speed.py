"""How long a step of two-dimensional flow takes: ETDRK2 and ETDRK4, alone on one thread and in a batch of 16 on all.

    python benchmarks/navier_stokes_speed.py [--peer PYTHON] [--cells N ...] [--repeats R]

The peer is exponax (https://github.com/Ceyron/exponax), whose pseudo-spectral vorticity stepper has the same equation
without temperature, the same two thirds of the modes and the same methods; its steps are jitted in one loop, and their
compilation is not counted. PYTHON is an interpreter that has it; without one only ours are measured. Ours are runs of
`NavierStokes.simulate` with a fixed step through the public call, budgets included; what a run costs beside its steps
is taken off: the quickest run of one step. Both run in processes of their own, in turns; the table has
the median and the best of the repeats. Last, default runs (64 x 64, 4 s, 41 outputs, with temperature).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = 80

PEER = """
import json, os, sys, time
cells, order, double, batch, threads, repeats, steps = (int(a) for a in sys.argv[1:])
if threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax
jax.config.update("jax_enable_x64", bool(double))
import jax.numpy as jnp
import exponax as ex
stepper = ex.stepper.NavierStokesVorticity(2, 1.0, cells, 1e-4, diffusivity=1e-3, order=order)
start = jnp.stack([ex.ic.DiffusedNoise(2)(cells, key=jax.random.PRNGKey(n)) for n in range(batch)])
one = jax.vmap(stepper) if batch > 1 else stepper
start = start if batch > 1 else start[0]
run = jax.jit(lambda u: jax.lax.fori_loop(0, steps, lambda _, v: one(v), u))
run(start).block_until_ready()
spent = []
for _ in range(repeats):
    begin = time.perf_counter()
    run(start).block_until_ready()
    spent.append((time.perf_counter() - begin) / steps / batch)
print(json.dumps(spent))
"""

OURS = """
import json, sys, time
cells, order, double, batch, threads, repeats, steps = (int(a) for a in sys.argv[1:])
from simulators import NavierStokes
model = NavierStokes(cell=1 / cells, blobs=0)
start = model.sample(batch)
choice = dict(step=1e-4, method=f"etdrk{order}", precision="float64" if double else "float32", threads=threads)

def timed(count):
    begin = time.perf_counter()
    model.simulate(start, [0.0, count * 1e-4], **choice)
    return time.perf_counter() - begin

timed(2)
beside = min(timed(1) for _ in range(repeats))
print(json.dumps([(timed(steps + 1) - beside) / steps / batch for _ in range(repeats)]))
"""

WHOLE = """
import json, sys, time
tolerance, samples, threads, repeats = float(sys.argv[1]), *(int(a) for a in sys.argv[2:])
from simulators import NavierStokes
model = NavierStokes()
start = model.sample(samples)
model.simulate(start.isel(sample=[0]), [0.0, 0.01])
spent = []
for _ in range(repeats):
    begin = time.perf_counter()
    model.simulate(start, model.times, tolerance=tolerance, threads=threads)
    spent.append((time.perf_counter() - begin) / samples)
print(json.dumps(spent))
"""


def measured(python: str, code: str, *given: float) -> list[float]:
    """Seconds that a script prints, in a process with the repository on its path and one thread for libraries."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [python, "-W", "ignore", "-c", code, *map(str, given)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env=os.environ | single)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="a Python that has exponax")
    parser.add_argument("--cells", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"ms a step and sample{'':<32}{'physym':>18}{'exponax':>18}")
    print(f"{'':<52}{'median':>9}{'best':>9}{'median':>9}{'best':>9}")
    for cells in given.cells:
        for double in (0, 1):
            for order in (2, 4):
                for batch, threads in ((1, 1), (16, cores)):
                    spent: dict[str, list[float]] = {"physym": [], "exponax": []}
                    for _ in range(2):
                        case = (cells, order, double, batch, threads, given.repeats, STEPS // (4 if batch > 1 else 1))
                        spent["physym"] += measured(sys.executable, OURS, *case)
                        if given.peer:
                            spent["exponax"] += measured(given.peer, PEER, *case)
                    shown = [f(v) for v in spent.values() if v for f in (statistics.median, min)]
                    label = f"{cells} x {cells}, float{64 if double else 32}, ETDRK{order}, {batch} on {threads}"
                    print(f"{label:<52}" + "".join(f"{1e3 * value:>9.3f}" for value in shown), flush=True)
    print(f"{'':<52}{'median':>9}{'best':>9}\ns a default run")
    for tolerance in (1e-4, 1e-6):
        for samples, threads in ((1, 1), (16, cores)):
            spent_here = measured(sys.executable, WHOLE, tolerance, samples, threads, given.repeats)
            label = f"tolerance {tolerance:g}, {samples} on {threads}"
            print(f"{label:<52}{statistics.median(spent_here):>9.3f}{min(spent_here):>9.3f}", flush=True)


if __name__ == "__main__":
    main()
