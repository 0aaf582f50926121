"""Discovery of laws of bodies and of scalar time series: candidates, selection, refit through the simulation.

1. Candidate terms, each lawful, are integrated over windows of the data, interpolated between its points.
2. The terms that held-out samples need are selected.
3. All constants are refitted through the simulation of the law.
4. With the law's own trajectories in place of interpolated data, which are free of noise and of errors of
   interpolation, terms are selected again, until the same ones come out.

Where the states are positions and momenta, Hamiltonians come first, and stay unless forces explain the data better by
far.
"""

from __future__ import annotations

import time

import numpy as np
import xarray as xr

from physym.discovery.bodies.candidates.families import Energies, Family, Rates
from physym.discovery.bodies.candidates.naming import named
from physym.discovery.bodies.fitting.interpolation import noise
from physym.discovery.bodies.fitting.refit import Refit, refit
from physym.discovery.bodies.fitting.windows import Windows
from physym.discovery.bodies.laws.hamiltonian import HamiltonianLaw, canonical_pair
from physym.discovery.bodies.laws.ode import OdeLaw
from physym.discovery.bodies.search import Search
from physym.discovery.law import Law
from physym.discovery.system import System
from simulators.errors import InputError

__all__ = ["discover_bodies"]

_INTERVALS = 8
_NOISY_INTERVALS = 25
_LONGEST = 100
_WINDOWS = 1000
_POINTS = 20_000
_BETTER = 0.7
_EXACT = 1e-7
_LARGEST = 1e30
_USELESS = 0.95


def discover_bodies(
    dataset: xr.Dataset, system: System, *, time_limit: float | None = None, seed: int = 0, progress: bool = False
) -> Law:
    """Find the law of bodies, or of scalars, from their trajectories; arguments as for `physym.discover`.

    Raises:
        InputError: if states are tensors or pseudovectors, do not change, are too large or small to take powers of, or
            are too few.
    """
    for variable in (*system.states, *system.parameters):
        if variable.tensor_order > 1 or variable.pseudo:
            raise InputError(
                f"variable {variable.name!r}: expected a true scalar or vector to discover a law of, given tensor_order"
                f" {variable.tensor_order} and pseudo {variable.pseudo}; leave it out"
            )
        if variable.role == "state":
            _check_size(variable.name, dataset[variable.name].values)
    if all(float(np.ptp(dataset[v.name].values.astype(float))) == 0 for v in system.states):
        raise InputError("expected states that change, given constants; there is no law to find in them")
    deadline = np.inf if time_limit is None else time.monotonic() + time_limit
    data = dataset if "sample" in dataset.dims else dataset.expand_dims("sample")
    varying = [
        v.name
        for v in system.parameters
        if v.name not in system.defaults and float(data[v.name].std("sample").max()) > 0
    ]
    rows = [data[v.name].transpose("sample", "time", ...).values for v in system.states]
    noisy = noise(np.concatenate([row.reshape(*row.shape[:2], -1) for row in rows], axis=2).astype(float))[1]
    windows = _windows(data, system, _NOISY_INTERVALS if noisy else _INTERVALS, seed)

    def search(family: Family) -> Search:
        return Search(family, windows, system.starts(dataset), seed, deadline, progress)

    pair = canonical_pair(system)
    rates = search(Rates(system, varying))
    if pair is None:
        law, found = rates.run()
    else:
        law, found = search(Energies(system, pair, varying)).run()
        if time.monotonic() < deadline and rates.promise() < _BETTER * np.sqrt(found.square / found.rows):
            other, again = rates.run()
            if again.square < _BETTER**2 * found.square:
                law, found = other, again
    return finished(law, found, data, windows, seed, deadline)


def _check_size(name: str, values: np.ndarray) -> None:
    largest = float(np.max(np.abs(values)))
    if largest > 0 and not 1 / _LARGEST < largest < _LARGEST:
        raise InputError(
            f"state {name!r}: expected numbers between {1 / _LARGEST:g} and {_LARGEST:g}, so that their powers can be"
            f" computed, given {largest:.2g}; use other units"
        )


def finished(law: Law, found: Refit, data: xr.Dataset, windows: Windows, seed: int, deadline: float) -> Law:
    """The law with constants from the longest windows that it follows, and their names.

    Raises:
        InputError: if no term is in it, or it explains next to nothing although there was time enough, or the data are
            as few as the unknowns, so that any law would fit them.
    """
    if not law.constants:
        raise InputError(
            "expected states whose rates of change lawful terms explain, given ones that none does; give more or better"
            " data, or the parameters that the law depends on"
        )
    if found.rows <= found.unknowns:
        raise InputError(
            f"expected more numbers than the {found.unknowns} constants and first states that were fitted, given"
            f" {found.rows}; give more samples or times"
        )
    if time.monotonic() < deadline and _unexplained(found, windows) > _USELESS:
        raise InputError(
            f"expected states whose changes lawful terms explain, given ones of which the best law leaves"
            f" {_unexplained(found, windows):.0%}; give more or better data, smaller output steps where motion is"
            " faster than they are, or the parameters that the law depends on"
        )
    scale = np.empty(windows.layout.size)
    for name, place in windows.layout.places.items():
        scale[place] = max(found.noise[name], 1e-13)
    noisy = any(
        found.noise[name] > _EXACT * float(np.std(windows.states[..., place]))
        for name, place in windows.layout.places.items()
    )
    short = windows.states.shape[1] < min(_LONGEST + 1, data.sizes["time"])
    if noisy and short and time.monotonic() < deadline:
        longer = _windows(data, law.system, _LONGEST, seed, interpolated=False)
        more = refit(law, longer, scale, deadline=deadline)
        # where motion is chaotic, or the law not quite right, long windows fit worse than short ones
        if more.converged and all(more.noise[name] <= 1.1 * found.noise[name] for name in found.noise):
            law, found = more.law, more
    return law.with_constants(named(law.constants, _terms(law), law.system))


def _unexplained(found: Refit, windows: Windows) -> float:
    """The share of the root mean square change within windows that the law leaves, of the state with the least."""
    change = windows.states - windows.states.mean(axis=1, keepdims=True)
    sizes = {name: np.sqrt(np.mean(change[..., place] ** 2)) for name, place in windows.layout.places.items()}
    return min(float(found.noise[name] / size) for name, size in sizes.items() if size > 0)


def _windows(data: xr.Dataset, system: System, intervals: int, seed: int, *, interpolated: bool = True) -> Windows:
    most = max(20, min(_WINDOWS, _POINTS // (intervals + 1)))
    return Windows.cut(data, system, intervals=intervals, most=most, seed=seed, interpolated=interpolated)


def _terms(law: Law) -> list:
    if isinstance(law, HamiltonianLaw):
        return list(law.terms)
    if isinstance(law, OdeLaw):
        return [term for _, _, terms in law.rights for term in terms]
    return []
