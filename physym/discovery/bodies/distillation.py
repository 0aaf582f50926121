"""From a learned Hamiltonian to one in closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from physym.discovery.bodies.candidates.families import Energies
from physym.discovery.bodies.candidates.naming import named
from physym.discovery.bodies.fitting.refit import refit
from physym.discovery.bodies.fitting.windows import Windows
from physym.discovery.bodies.laws.hamiltonian import HamiltonianLaw, canonical_pair
from physym.discovery.bodies.search import front
from physym.discovery.selection import Problem, select
from physym.discovery.system import System
from simulators.errors import InputError

if TYPE_CHECKING:
    from physym.models import HamiltonianNN

__all__ = ["distill"]

_POINTS = 2000
_LEAST = 0.1
_INTERVALS = 8
_WINDOWS = 1000


def distill(model: HamiltonianNN, dataset: xr.Dataset | None = None, *, seed: int = 0) -> HamiltonianLaw:
    """The closed formula of scalars that the gradients of a learned Hamiltonian have.

    The network gives dq/dt and dp/dt at states all over the region where it was trained, so that the terms are selected
    by linear regression with nothing to differentiate or integrate. The error of the network counts as noise.

    Args:
        model: fitted.
        dataset: trajectories whose states are sampled, and to which the constants are fitted afterwards through the
            simulation of the law; by default the model's own rollouts from the starts that it kept.
        seed: of which states are sampled, and of what is held out.

    Returns:
        The law, whose constants are those of the network or, with a dataset, of the data.

    Raises:
        InputError: if the model is not fitted, or the dataset is not of its types.
    """
    model.signature  # noqa: B018  raises unless fitted
    data = model.simulate(model.starts, model.times) if dataset is None else dataset
    system = System.of(data)
    pair = canonical_pair(system)
    if pair is None:
        raise InputError("expected positions and momenta that are vectors of bodies, given other states")
    shared = {"sample"} & set(data.dims)
    varying = [v.name for v in system.parameters if shared and v.name not in system.defaults]
    varying = [name for name in varying if float(data[name].std("sample").max()) > 0]
    family = Energies(system, pair, varying)
    (block,) = family.blocks
    windows = Windows.cut(data, system, intervals=_INTERVALS, most=_WINDOWS, seed=seed, interpolated=False)
    rates = Windows.cut(
        _rates(model, data, system), system, intervals=_INTERVALS, most=_WINDOWS, seed=seed, interpolated=False
    )
    points = windows.states.shape[1]
    rows = windows.count * points
    kept = np.sort(np.random.default_rng(seed).permutation(rows)[:_POINTS])
    values = {name: array[kept] for name, array in family.with_axes(windows.values(windows.states)).items()}
    slopes = rates.states.reshape(rows, -1)[kept]
    scale = np.empty(slopes.shape[1])
    for place in windows.layout.places.values():
        scale[place] = np.std(slopes[:, place]) or 1.0
    columns = [(family.features(block, term, values) / scale).ravel() for term in block.terms]
    groups = np.repeat(np.repeat(windows.samples, points)[kept], slopes.shape[1])
    problem = Problem.of(np.column_stack(columns), (slopes / scale).ravel(), groups)
    selection = select(problem, least=_LEAST, seed=seed)
    chosen = [(block.terms[j], float(selection.fit.coefficients[j])) for j in selection.support]
    law = family.law([chosen], system.starts(data), {"H": front(selection, block.terms, family.types)})
    law.chosen_ = {"H": selection.place}
    if dataset is None:
        # what the rows leave uncertain; squares that were completed have the errors of their parts, to first order
        errors = {
            str(j): float(selection.fit.errors[j] / abs(selection.fit.coefficients[j])) for j in selection.support
        }
        share = max(errors.values(), default=0.0)
        constants = [
            replace(
                c, error=tuple(share * np.linalg.norm(c.value) for _ in c.value) if c.order else share * abs(c.value)
            )
            for c in law.constants
        ]
    else:
        law = refit(law, windows, windows.states.std(axis=(0, 1)) + 1e-300).law
        constants = list(law.constants)
    return law.with_constants(named(constants, law.terms, system))


def _rates(model: HamiltonianNN, data: xr.Dataset, system: System) -> xr.Dataset:
    """The model's d(state)/dt in place of the states, per `time_units`, with the same types otherwise."""
    slopes = model.tendency(data)
    return data.assign(
        {v.name: data[v.name].copy(data=slopes[v.name].transpose(*data[v.name].dims).values) for v in system.states}
    )
