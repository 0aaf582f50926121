"""Which steppers run flows, and how precisely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.errors import InputError
from simulators.grid.dealiased import Dealiased

if TYPE_CHECKING:
    from simulators.integrate import Solution

__all__ = ["run"]

_COARSEST = 1e-5
"""The least tolerance in float32."""


def run(
    space: Dealiased,
    state: np.ndarray,
    parameters: tuple[np.ndarray, ...],
    times: np.ndarray,
    *,
    tolerance: float,
    method: str,
    step: float | None,
    precision: str,
    threads: int | None,
) -> tuple[Solution, dict[str, Any]]:
    """Run each row of states, with what was dissipated and put in.

    Args:
        space: the modes that are kept.
        state: (row, field, *space).
        parameters: (row, ...) each, in the order that `Flow` takes them.
        times: at which states are wanted.
        tolerance: as `simulators.NavierStokes.simulate` has it, and so are the others.
        method: "etdrk4" or "etdrk2".
        step: the largest of fixed steps; None for adaptive ones.
        precision: "float64" or "float32".
        threads: how many rows run at once.

    Returns:
        The run, and what a dataset says of its solver.

    Raises:
        InputError: if a setting is none of these, or the step is too large for the flow.
        DivergenceError: if a run fails.
    """
    if precision not in ("float64", "float32"):
        raise InputError(f"precision: expected 'float64' or 'float32', given {precision!r}")
    if precision == "float32" and step is None and isinstance(tolerance, int | float) and tolerance < _COARSEST:
        raise InputError(f"tolerance: expected at least {_COARSEST:g} in float32, given {tolerance:g}; raise it")
    if step is None and method != "etdrk4":
        raise InputError(f"method: expected 'etdrk4', or 'etdrk2' with a step, given {method!r} and no step")
    from simulators.integrate import spectral
    from simulators.navier_stokes.flow import Flow, sizes

    real = np.float32 if precision == "float32" else np.float64

    def make(row: int) -> Flow:
        return Flow(space, state[row], *(values[row] for values in parameters), precision=real)

    common: dict[str, Any] = {"integrals": 5 if len(space.shape) == 2 else 3, "threads": threads}
    if step is None:
        found = spectral.spectral_etdrk4(make, state, times, tolerance=tolerance, scale=sizes, **common)
        return found, {"method": method, "tolerance": tolerance, "precision": precision}
    found = spectral.spectral_fixed(make, state, times, step=step, method=method, **common)
    return found, {"method": method, "step": step, "precision": precision}
