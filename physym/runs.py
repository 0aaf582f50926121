"""What training runs keep: a folder with settings that must not change, checkpoints and a learning curve."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
import xarray as xr
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of

from physym.models.storage import CHECKPOINT, FINISHED, atomic
from physym.segments import rank
from simulators.errors import InputError
from simulators.schema import names

if TYPE_CHECKING:
    from physym.models.learned import LearnedModel

__all__ = ["Journal", "begin", "fingerprint", "restore", "store"]

_COLUMNS = ("step", "seconds", "phase", "train", "validation", "rollout_error")
Row = tuple[int, float, str, float, float, float]


class Journal:
    """The outside of a training run: its folder, how long it has taken, its learning curve, progress on stderr.

    Under ``torchrun`` the first process keeps the folder; all read its checkpoint and share its clock.

    Args:
        output: the folder, or None to keep nothing.
        settings: what must be the same to go on.
        force: begin anew in a folder that holds another or a finished run.
        total: steps at most, for the progress bar; None if only time ends the run.
        progress: whether to show one.

    Attributes:
        saved: tensors and numbers of the checkpoint to go on from, or None.
        rows: of the learning curve.

    Raises:
        InputError: see `begin` and `restore`.
    """

    def __init__(
        self, output: str | Path | None, settings: dict[str, Any], *, force: bool, total: int | None, progress: bool
    ) -> None:
        self.output = Path(output) if output is not None else None
        first = rank()[0] == 0
        if self.output is not None and first:
            begin(self.output, settings, force=force)
        if rank()[1] > 1:
            dist.barrier()
        self.saved = restore(self.output) if self.output is not None else None
        self.rows: list[Row] = []
        self.before = 0.0
        if self.saved is not None:
            numbers = self.saved[1]
            self.before, self.rows = numbers["seconds"], [tuple(row) for row in numbers["rows"]]
        self.begun = time.monotonic()
        self.last_saved = -np.inf
        self.bar = _Bar(total) if progress and first else None

    def seconds(self) -> float:
        """Time spent, earlier parts of the run included; the same on every process."""
        spent = self.before + time.monotonic() - self.begun
        if rank()[1] > 1:
            shared = torch.tensor([spent], dtype=torch.float64)
            dist.broadcast(shared, 0)
            return float(shared)
        return spent

    def add(self, step: int, phase: str, train: float, validation: float, rollout: float) -> None:
        """A row of the learning curve: relative errors of a step, and of a rollout."""
        self.rows.append((step, round(self.seconds(), 2), phase, train, validation, rollout))
        if self.bar is not None:
            self.bar.show(self.rows[-1])

    def due(self, every: float) -> bool:
        """Whether it is time for a checkpoint; the first is due at once, and one that takes long is made less often."""
        return self.output is not None and rank()[0] == 0 and time.monotonic() - self.last_saved >= every

    def keep(self, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
        """Write a checkpoint and the learning curve."""
        if self.output is None:
            return
        now = time.monotonic()
        self.curve()
        own = {"seconds": self.before + now - self.begun, "rows": self.rows}
        store(self.output, tensors, numbers | own)
        self.last_saved = now + 20 * (time.monotonic() - now)

    def curve(self) -> None:
        """Write the learning curve."""
        if self.output is None:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(self.rows)
        atomic(self.output / "learning_curve.csv", text.getvalue().encode())

    def finish(self, model: LearnedModel) -> None:
        """Write the model in place of the checkpoint."""
        if self.bar is not None:
            self.bar.close()
        if self.output is not None and rank()[0] == 0:
            self.curve()
            model.save(self.output, force=True)
            (self.output / CHECKPOINT).unlink(missing_ok=True)


class _Bar:
    """Progress on stderr."""

    def __init__(self, total: int | None) -> None:
        from tqdm import tqdm

        self.bar = tqdm(total=total, unit="step", dynamic_ncols=True, desc="fit")

    def show(self, row: Row) -> None:
        """The errors people care about."""
        step, _, phase, _, validation, roll = row
        self.bar.set_postfix_str(
            f"{phase}, held back: one-step error {validation:.1e}, rollout error {roll:.1e}", refresh=False
        )
        self.bar.update(step - self.bar.n)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self.bar.close()


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
