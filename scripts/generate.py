#!/usr/bin/env python3
"""Makes every dataset of datasets/, or those of the recipes named; what is finished is left alone.

usage: scripts/generate.py [RECIPE.toml ...] [--force] [--workers N] [--scheduler tcp://HOST:PORT]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("physym") is None:
    if not PYTHON.exists() or Path(sys.prefix) == PYTHON.parents[1]:
        sys.exit("physym: expected it to be installed, given a Python without it; pip install -e . or run scripts/test")
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

from physym.cli import main as physym  # noqa: E402
from physym.generation import finished  # noqa: E402
from physym.recipes import read_recipe  # noqa: E402
from simulators.errors import InputError  # noqa: E402


def is_finished(recipe: Path) -> bool:
    """Whether all outputs are there; a recipe that cannot be read is none, and making it says why."""
    try:
        return all(job.file is not None and finished(job, job.file) for job in read_recipe(recipe))
    except InputError:
        return False


def main() -> int:
    """Make the datasets; returns the exit code of the first recipe that fails."""
    parser = argparse.ArgumentParser(description="Make every dataset of datasets/, or those of the recipes named.")
    parser.add_argument("recipes", nargs="*", type=Path, metavar="RECIPE.toml", help="all of datasets/ by default")
    parser.add_argument("--force", action="store_true", help="make finished datasets again")
    parser.add_argument("--workers", metavar="N", help="processes or threads; all cores by default")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="of a Dask cluster, for recipes of stores")
    arguments = parser.parse_args()
    options = ["--force"] * arguments.force
    for name in ("workers", "scheduler"):
        value = getattr(arguments, name)
        options += [f"--{name}", value] if value else []
    for recipe in arguments.recipes or sorted((ROOT / "datasets").glob("*.toml")):
        if not arguments.force and is_finished(recipe):
            print(f"{recipe}: finished already")
            continue
        status = physym(["generate", str(recipe), *options])
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
