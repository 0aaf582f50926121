"""The spring pendulum's Hamiltonian in closed form from the public data: constants beside the true ones, and rollouts.

    python benchmarks/discover_pendulum.py [FOLDER with pendulum_train.nc and pendulum_test.nc]

The training data are 500 chunks of 5 points in float32 at a tolerance of 1e-4 (Finzi et al. 2021), the test data 100
rollouts of 30 s. Masses, lengths and gravity are 1, the stiffnesses 1 and 2.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import physym
from physym.metrics import geometric_mean
from simulators.schema import read

TRUTH = {
    "|p1|²/2": 1.0, "|p2|²/2": 1.0, "spring 1": 1.0, "rest 1": 1.0, "spring 2": 2.0, "rest 2": 1.0,
    "weight 1": -1.0, "weight 2": -1.0,
}  # fmt: skip
NAMES = {
    "1/m1": "|p1|²/2", "1/m2": "|p2|²/2", "k1": "spring 1", "L1": "rest 1", "k2": "spring 2", "L2": "rest 2",
    "-m1": "weight 1", "-m2": "weight 2",
}  # fmt: skip
PUBLISHED = {"scalars, HNN (Villar et al. 2021)": 0.005, "physym.HamiltonianNN(net='scalars')": 3.7e-5}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/work/shared/reference")
    train, test = (read(folder / f"pendulum_{name}.nc") for name in ("train", "test"))
    begin = time.perf_counter()
    law = physym.discover(train)
    print(f"{law}\n\nfound in {time.perf_counter() - begin:.1f} s\n")
    print(f"{'constant':<10} {'true':>6} {'found':>12} {'± error':>9} {'off by':>8}  equals")
    for row in law.table():
        name = NAMES.get(row["parameters"], row["term"])
        true, found = TRUTH.get(name, 0.0), row["coefficient"]
        off = abs(found - true) / (abs(true) or 1.0)
        print(f"{name:<10} {true:>6.1f} {found:>12.7f} {row['standard_error']:>9.1e} {off:>8.1e}  {row['parameters']}")
    pred = law.simulate(test.isel(time=0), test["time"].values)
    print(f"\nrollout error over 30 s: {geometric_mean(physym.rollout_error(pred, test)):.2e}")
    for name, error in PUBLISHED.items():
        print(f"  beside {error:.1e} of {name}")
    print(f"\n{physym.check(law, law.starts, verbose=False)}")


if __name__ == "__main__":
    main()
