#!/usr/bin/env python
"""Makes every dataset of datasets/, or those of the recipes named; what is finished is left alone.

usage: scripts/generate.py [RECIPE.toml ...] [--force] [--workers N]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from physym.generation import finished
from physym.recipes import read_recipe
from simulators.errors import InputError

DATASETS = Path(__file__).resolve().parents[1] / "datasets"


def main() -> int:
    """Make the datasets; returns the exit code of the first recipe that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipes", nargs="*", type=Path, metavar="RECIPE.toml", help="all of datasets/ by default")
    parser.add_argument("--force", action="store_true", help="make finished datasets again")
    parser.add_argument("--workers", metavar="N", help="threads; all cores by default")
    arguments = parser.parse_args()
    for recipe in arguments.recipes or sorted(DATASETS.glob("*.toml")):
        try:
            jobs = read_recipe(recipe)
        except InputError as error:
            print(f"physym: {error}", file=sys.stderr)
            return 2
        if not arguments.force and all(job.file and finished(job, job.file) for job in jobs):
            print(f"{recipe}: finished already")
            continue
        command = [sys.executable, "-m", "physym.cli", "generate", str(recipe)]
        command += ["--force"] * arguments.force + (["--workers", arguments.workers] if arguments.workers else [])
        status = subprocess.run(command, check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
