"""The folder of a training run: settings that must not change, checkpoints, and how to go on from one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of

from physym.models.storage import CHECKPOINT, FINISHED, atomic
from simulators.errors import InputError
from simulators.schema import names

__all__ = ["begin", "fingerprint", "restore", "store"]


def fingerprint(dataset: xr.Dataset) -> str:
    """A digest of times, states and parameters."""
    digest = hashlib.sha256()
    for name in ("time", *sorted(names(dataset, "state")), *sorted(names(dataset, "parameter"))):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(dataset[name].values).tobytes())
    return digest.hexdigest()[:16]


def begin(path: Path, settings: dict[str, Any], *, force: bool) -> None:
    """Make the folder of a run, or see that it is one to go on with.

    Raises:
        InputError: if it is finished, was begun with other settings (which are named), or cannot be written.
    """
    known = path / "settings.json"
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"{path}: expected a folder for the run, given a file")
        if force:
            for name in (CHECKPOINT, FINISHED, "settings.json"):
                (path / name).unlink(missing_ok=True)
        if known.exists():
            before = json.loads(known.read_text())
            other = [f"{k} {before.get(k)!r}, now {v!r}" for k, v in settings.items() if before.get(k) != v]
            if other:
                raise InputError(
                    f"{path}: expected the settings the run was begun with, given others"
                    f" ({'; '.join(other)}); use --force"
                )
        if (path / FINISHED).exists():
            raise InputError(
                f"{path}: expected an unfinished run, given one that is finished; use --force to fit again"
            )
        path.mkdir(parents=True, exist_ok=True)
        atomic(known, json.dumps(settings, indent=1).encode())
    except OSError as error:
        raise InputError(f"{path}: expected a folder that can be written, given {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{known}: expected JSON, given a damaged file; use --force") from error


def store(path: Path, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    held = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    atomic(path / CHECKPOINT, bytes_of(held, {"run": json.dumps(numbers)}))


def restore(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The tensors and numbers of the checkpoint, or None if there is none yet.

    Raises:
        InputError: if it is damaged.
    """
    checkpoint = path / CHECKPOINT
    if not checkpoint.exists():
        return None
    try:
        with safe_open(checkpoint, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["run"])  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{checkpoint}: expected a whole checkpoint, given a damaged one; use --force to begin anew"
        ) from error
