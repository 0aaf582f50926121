"""Models on disk: a folder with `model.json`, `weights.safetensors` and `starts.nc`; nothing is ever unpickled.

`model.json` is written last and names the checksum of the weights: a folder without it holds no finished model, and one
whose weights do not fit it is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from safetensors.torch import save as bytes_of

from simulators.errors import InputError, SchemaError
from simulators.schema import read, write

__all__ = ["CHECKPOINT", "FINISHED", "atomic", "load", "save"]

FINISHED = "model.json"
CHECKPOINT = "checkpoint.safetensors"
_WEIGHTS, _STARTS = "weights.safetensors", "starts.nc"
_FORMAT = 1


def atomic(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it: it holds the old content or the new, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def save(
    path: str | Path,
    described: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    starts: xr.Dataset,
    *,
    force: bool,
) -> Path:
    """Write a model.

    Raises:
        InputError: if the folder holds one already (without `force`), or cannot be written.
    """
    path = Path(path)
    if (path / FINISHED).exists() and not force:
        raise InputError(
            f"{path}: expected a folder without a model, given one that is finished; use force to replace it"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / FINISHED).unlink(missing_ok=True)
        weights = bytes_of({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
        atomic(path / _WEIGHTS, weights)
        write(starts, path / _STARTS, force=True)
        head = {"format": _FORMAT, "weights_sha256": hashlib.sha256(weights).hexdigest()}
        atomic(path / FINISHED, json.dumps(head | dict(described), indent=1).encode())
    except OSError as error:
        raise InputError(f"{path}: expected a folder that can be written, given {error.strerror or error}") from error
    return path


def load(path: str | Path) -> tuple[dict[str, Any], dict[str, torch.Tensor], xr.Dataset]:
    """Read a model: its description, tensors and starts.

    Raises:
        InputError: if there is no finished model.
        SchemaError: if a file is damaged.
    """
    path = Path(path)
    if not (path / FINISHED).is_file():
        state = "an unfinished run; give its fit command again" if (path / CHECKPOINT).exists() else "none"
        raise InputError(f"{path}: expected a folder with a fitted model, given {state}")
    try:
        described = json.loads((path / FINISHED).read_text())
        weights = (path / _WEIGHTS).read_bytes()
        known = described["format"] == _FORMAT
        whole = hashlib.sha256(weights).hexdigest() == described["weights_sha256"]
        if known and whole:
            return described, tensors_from(weights), read(path / _STARTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise SchemaError(f"{path}: expected a whole model, given a damaged one ({error}); fit it again") from error
    what = "weights that are not those of model.json" if known else f"format {described['format']!r}, not {_FORMAT}"
    raise SchemaError(f"{path}: expected a whole model, given {what}; fit it again")
