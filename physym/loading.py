"""Reading what learned or discovered laws were saved as."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from physym.discovery.law import Law
    from physym.models import LearnedModel

__all__ = ["load"]


def load(path: str | Path, *, device: str = "cpu") -> LearnedModel | Law:
    """Read a model that `save` or `physym fit` wrote, or a law that `physym discover` found.

    Args:
        path: its folder.
        device: where a model computes, such as "cpu" or "cuda"; a law does not use it.

    Raises:
        InputError: if there is no finished one.
        SchemaError: if a file is damaged.
    """
    from physym.discovery import storage

    if (Path(path) / storage.FINISHED).is_file():
        return storage.load(path)
    from physym import models

    return models.load(path, device=device)
