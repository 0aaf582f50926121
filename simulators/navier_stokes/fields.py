"""Which fields the Navier-Stokes equations take: without divergence, and without waves that cannot be resolved."""

from __future__ import annotations

import numpy as np

from simulators.errors import InputError
from simulators.grid.dealiased import Dealiased

__all__ = ["check_resolved", "projected"]

ROUNDING = 1e-5
"""Relative to the root mean square: below this it is the rounding of stored data (float32: 1e-7)."""


def check_resolved(space: Dealiased, state: np.ndarray) -> None:
    """Refuse states that the equations cannot begin with.

    Args:
        space: the modes that are kept.
        state: (row, field, *space): the velocity, then the temperature.

    Raises:
        InputError: if the velocity of a row diverges or a field of it has waves of less than 3 cells, by more than 1e-5
            of its root mean square.
    """
    for row, fields in enumerate(state):
        modes = space.forward(fields)
        whole = np.mean(fields**2, axis=tuple(range(1, fields.ndim)))
        kept = _sum(space, modes)
        for name, part in (("velocity", slice(0, -1)), ("temperature", slice(-1, None))):
            total = whole[part].sum()
            lost = np.sqrt(max(total - kept[part].sum(), 0.0) / total) if total > 0 else 0.0
            if lost > ROUNDING:
                raise InputError(
                    f"{name}: expected no waves of less than 3 cells, given sample {row} with a part of {lost:.2g} in"
                    " them (root mean square, relative); pass it through `project`, or use smaller cells"
                )
        total = whole[:-1].sum()
        diverging = np.sqrt(_sum(space, _along(space, modes)) / total) if total > 0 else 0.0
        if diverging > ROUNDING:
            raise InputError(
                f"velocity: expected one without divergence, given sample {row} of which a part of {diverging:.2g}"
                " diverges (root mean square, relative); pass it through `project`"
            )


def projected(space: Dealiased, state: np.ndarray) -> np.ndarray:
    """The nearest states (row, field, *space) that the equations can begin with."""
    found = np.empty_like(state)
    for fields, out in zip(state, found, strict=True):
        modes = space.forward(fields) * space.kept
        along = _along(space, modes)
        size = np.sqrt(np.where(space.square > 0, space.square, 1.0))
        for k, mode in zip(space.wavenumbers, modes[:-1], strict=True):
            mode -= k / size * along
        out[:] = space.backward(modes)
    return found


def _along(space: Dealiased, modes: np.ndarray) -> np.ndarray:
    """The part of the velocity along the wave, k·u/|k|."""
    size = np.sqrt(np.where(space.square > 0, space.square, 1.0))
    return sum(k * u for k, u in zip(space.wavenumbers, modes[:-1], strict=True)) / size


def _sum(space: Dealiased, modes: np.ndarray) -> np.ndarray:
    """Mean squares over the cells, of the modes that are kept."""
    axes = tuple(range(-len(space.shape), 0))
    return np.sum(space.weight * (modes.real**2 + modes.imag**2), axis=axes)
