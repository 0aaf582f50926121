"""Learned models: each is a simulator."""

from __future__ import annotations

from pathlib import Path

from physym.models import storage
from physym.models.base import Model
from physym.models.hamiltonian import HamiltonianNN
from physym.models.neural_ode import NeuralODE
from simulators.errors import SchemaError

__all__ = ["HamiltonianNN", "Model", "NeuralODE", "load"]

KINDS: dict[str, type[Model]] = {"HamiltonianNN": HamiltonianNN, "NeuralODE": NeuralODE}


def load(path: str | Path, *, device: str = "cpu") -> Model:
    """Read a model that `save` or `physym fit` wrote.

    Raises:
        InputError: if there is no finished model.
        SchemaError: if a file is damaged.
    """
    described, tensors, starts = storage.load(path)
    try:
        settings = described["settings"]
        own = {"net": settings["net"], "dimensionless": settings.get("dimensionless", True)}
        model = KINDS[settings["kind"]](hidden=tuple(settings["hidden"]), device=device, **own)
        return model.restore(described, tensors, starts)
    except (KeyError, TypeError, RuntimeError) as error:
        raise SchemaError(f"{path}: expected a whole model, given a damaged one ({error}); fit it again") from error
