"""What data a law of fields can be learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.schema import INDICES, LABELS, SPACE, Variable

__all__ = ["TIMES", "index_sizes", "step_of"]

TIMES = 1e-3
"""Of a step: how exactly times must be whole ones."""


def step_of(dataset: xr.Dataset) -> float:
    """The step between the times of training data.

    Raises:
        InputError: if they are not evenly spaced.
    """
    times = dataset["time"].values.astype(float)
    steps = np.diff(times)
    if np.ptp(steps) > TIMES * steps.mean():
        given = f"given steps from {steps.min():.6g} to {steps.max():.6g}"
        raise InputError(f"time: expected evenly spaced times to learn the change over a step, {given}; resample them")
    return float(times[-1] - times[0]) / steps.size


def index_sizes(
    dataset: xr.Dataset, states: Sequence[Variable], parameters: Sequence[Variable], space: tuple[str, ...]
) -> dict[str, int]:
    """The sizes of the index dimensions of what can be learned.

    Raises:
        InputError: for what cannot.
    """
    if not space or space != SPACE[-len(space) :]:
        given = ", ".join(map(str, dataset.dims))
        raise InputError(f"expected fields over x, or y and x, or z, y and x; given the dimensions {given}; for bodies,"
                         " fit a neural-ode or a hamiltonian")  # fmt: skip
    grid = ", ".join(space)
    for variable in states:
        if variable.dims != space:
            given = ", ".join(variable.dims) or "none"
            raise InputError(
                f"state {variable.name!r}: expected a field over {grid}, given the dimensions {given}; leave it out, or"
                " give it the role 'diagnostic'"
            )
    for variable in parameters:
        if variable.dims not in ((), space):
            given = ", ".join(variable.dims)
            raise InputError(f"parameter {variable.name!r}: expected one number or a field over {grid}, given {given}")
    sizes = {dim: int(dataset.sizes[dim]) for dim in INDICES if dim in dataset.dims}
    for variable in (*states, *parameters):
        for dim in variable.indices:
            if sizes[dim] != len(space):
                axes = ", ".join(LABELS[: len(space)])
                raise InputError(
                    f"variable {variable.name!r}: expected the components {axes} over {dim!r} on a grid over {grid},"
                    f" given {sizes[dim]} of them; leave out what points off the grid"
                )
    return sizes
