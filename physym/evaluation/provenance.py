"""Where an evaluation comes from: its data, its model, and what made it."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import xarray as xr

from physym.evaluation.rollouts import Law
from physym.evaluation.tables import plain_json
from simulators.base import Simulator

__all__ = ["provenance"]

_PACKAGES = ("physym", "numpy", "scipy", "xarray", "torch")


def provenance(
    model: Law,
    dataset: xr.Dataset,
    run: str | Path | None,
    output: str | Path | None,
    overridden: Sequence[str],
    command: Sequence[str] | None,
) -> dict[str, Any]:
    """Of the data, the model and this evaluation, as JSON holds it; see `physym.evaluation.evaluate`."""
    source = dataset.encoding.get("source")
    data = {"file": str(source)} if source else {}
    data |= {"sizes": {str(dim): size for dim, size in dataset.sizes.items()}} | dict(dataset.attrs)
    learned = {"folder": str(run)} if run is not None else {}
    learned |= {"kind": type(model).__name__} | getattr(model, "provenance", {})
    if isinstance(model, Simulator):
        learned |= {"settings": model.settings(), "parameters": "those of the data, where they have them"}
    if overridden:
        learned |= {"overridden": list(overridden)}
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    here: dict[str, Any] = {
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    if command is not None:
        here["command"] = list(command)
    elif run is not None and source:
        words = ["physym", "evaluate", str(run), str(source), *([] if output is None else ["--output", str(output)])]
        here["command"] = words
    return plain_json({"data": data, "model": learned, "evaluation": here})
