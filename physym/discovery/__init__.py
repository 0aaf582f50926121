"""Discovery of laws in closed form from typed trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.schema import SPACE

if TYPE_CHECKING:
    import xarray as xr

    from physym.discovery.law import Law

__all__ = ["discover"]


def discover(dataset: xr.Dataset, *, time_limit: float | None = None, seed: int = 0, progress: bool = False) -> Law:
    """Find the law of motion of typed trajectories in closed form, with units and uncertainties.

    Of fields on a periodic grid it finds partial differential equations; of bodies whose states are positions and
    momenta a Hamiltonian or, where none fits, forces; of anything else ordinary differential equations. Only terms that
    units, rotations and reflections allow are ever tried.

    Args:
        dataset: valid by the schema, with at least two times. Parameters in it may stand in the law.
        time_limit: seconds after which the search stops at the best so far.
        seed: of what is held out.
        progress: say how it goes on stderr.

    Returns:
        The law, which is a simulator.

    Raises:
        InputError: if the data are unfit, with the reason and the remedy.

    Source: Brunton, Proctor and Kutz, "Discovering governing equations from data by sparse identification of nonlinear
    dynamical systems" (PNAS 113, 2016), in the integral form of Schaeffer and McCalla (Phys. Rev. E 96, 2017).
    """
    from physym.discovery.system import System

    system = System.of(dataset)
    if any(dim in SPACE for variable in system.states for dim in variable.dims):
        from physym.discovery.fields import discover_fields

        return discover_fields(dataset, time_limit=time_limit, seed=seed, progress=progress)
    from physym.discovery.bodies.discovery import discover_bodies

    return discover_bodies(dataset, system, time_limit=time_limit, seed=seed, progress=progress)
