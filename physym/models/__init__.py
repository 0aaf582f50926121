"""Learned models: each is a simulator."""

from __future__ import annotations

from pathlib import Path

from physym.models import storage
from physym.models.base import Model
from physym.models.fields.field_net import FieldNet
from physym.models.hamiltonian import HamiltonianNN
from physym.models.learned import LearnedModel
from physym.models.neural_ode import NeuralODE
from simulators.errors import SchemaError

__all__ = ["FieldNet", "HamiltonianNN", "LearnedModel", "Model", "NeuralODE", "load"]

KINDS: dict[str, type[LearnedModel]] = {
    "FieldNet": FieldNet,
    "HamiltonianNN": HamiltonianNN,
    "NeuralODE": NeuralODE,
}


def load(path: str | Path, *, device: str = "cpu") -> LearnedModel:
    """Read a model that `save` or `physym fit` wrote.

    Raises:
        InputError: if there is no finished model.
        SchemaError: if a file is damaged.
    """
    described, tensors, starts = storage.load(path)
    try:
        settings = described["settings"]
        return KINDS[settings["kind"]].of_settings(settings, device).restore(described, tensors, starts)
    except (KeyError, TypeError, RuntimeError) as error:
        raise SchemaError(f"{path}: expected a whole model, given a damaged one ({error}); fit it again") from error
