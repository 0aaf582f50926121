"""Time and memory of bases of equivariant linear maps, beside public EMLP.

Each basis is found in a process of its own, whose whole memory is measured; the seconds are those of the call, without
imports. On one thread, and of the peer at most 5 minutes.

usage: python benchmarks/equivariant_bases.py [--peer PYTHON]

PYTHON has EMLP of Finzi et al. (https://github.com/mfinzi/equivariant-MLP), with JAX.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

CASES = {
    "SO(3), T(4) -> T(4)": ("SO(3)", 4, 4),
    "SO(3), T(3) -> T(3)": ("SO(3)", 3, 3),
    "S(20), T(2) -> T(2)": ("S(20)", 2, 2),
    "S(6), T(2) -> T(3)": ("S(6)", 2, 3),
    "O(1,3), T(2) -> T(2)": ("Lorentz(3)", 2, 2),
    "Sp(4), T(2) -> T(2)": ("Sp(4)", 2, 2),
}
LIMIT = 300
PEER = {"Lorentz(3)": "O13()"}

OURS = """
import json, resource, time
from physym.symmetry import *
begun = time.perf_counter()
basis = equivariant_basis({group}, T({first}), T({second}))
seconds = time.perf_counter() - begun
print(json.dumps([len(basis), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))
"""
THEIRS = """
import json, resource, time
from emlp.reps import T
from emlp.groups import *
begun = time.perf_counter()
basis = (T({first})({group}) >> T({second})({group})).equivariant_basis()
seconds = time.perf_counter() - begun
print(json.dumps([basis.shape[-1], seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))
"""


def measure(python: str, script: str) -> tuple[int, float, float] | None:
    """Maps, seconds and GiB of one basis in a process of its own, or None if it takes too long."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    threads = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
    settings = {"env": {**os.environ, **one, **threads}, "capture_output": True, "text": True, "check": False}
    try:
        done = subprocess.run([python, "-c", script], timeout=LIMIT, **settings)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr.strip().splitlines()[-1]}")
    count, seconds, memory = json.loads(done.stdout.strip().splitlines()[-1])
    return count, seconds, memory


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="a Python that has EMLP")
    peer = parser.parse_args().peer
    print(f"{'basis':24s} {'maps':>5s} {'s':>8s} {'GiB':>6s}" + (f" {'EMLP s':>8s} {'GiB':>6s}" if peer else ""))
    for name, (group, first, second) in CASES.items():
        ours = measure(sys.executable, OURS.format(group=group, first=first, second=second))
        if ours is None:
            raise SystemExit(f"{name}: more than {LIMIT} s")
        count, seconds, memory = ours
        line = f"{name:24s} {count:5d} {seconds:8.2f} {memory:6.2f}"
        if peer:
            same = PEER.get(group, group)
            theirs = measure(peer, THEIRS.format(group=same, first=first, second=second))
            if theirs is None:
                line += f"   more than {LIMIT} s"
            else:
                line += f" {theirs[1]:8.2f} {theirs[2]:6.2f}" + ("" if theirs[0] == count else f"  finds {theirs[0]}")
        print(line, flush=True)


if __name__ == "__main__":
    main()
