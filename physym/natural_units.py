"""Units that a system sets itself: products of powers of its own parameters.

With D the exponents of the parameters over the base units (base, parameter), the exponents E (parameter, base) are the
shortest ones with D E = 1 (pseudo-inverse), so that

    unit_b = Π_k |parameter_k|^{E_kb},        value → value / Π_b unit_b^{d_b}.

Numbers in these units are dimensionless: a system and its copy in rescaled units have the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.schema import Variable
from simulators.units import BASE, parse

__all__ = ["base_units", "constant_product", "exponents", "exponents_beside", "magnitudes", "unit_size"]

_RANK = 1e-9
_SAME = 1e-6


def magnitudes(data: xr.Dataset, parameters: Sequence[Variable]) -> dict[str, np.ndarray]:
    """|parameter| in SI, (sample or 1): the norm of a tensor, the geometric mean over entities; 0 if any is."""
    found = {}
    for variable in parameters:
        array = data[variable.name]
        values = np.abs(array.values.astype(float)) * parse(array.attrs["units"]).factor
        values = values if "sample" in array.dims else values[None]
        if variable.tensor_order:
            values = np.sqrt(np.sum(values**2, axis=tuple(range(-variable.tensor_order, 0))))
        values = values.reshape(len(values), -1)
        with np.errstate(divide="ignore"):
            found[variable.name] = np.exp(np.mean(np.log(values), axis=1))
    return found


def exponents(data: xr.Dataset, parameters: Sequence[Variable], states: Sequence[Variable]) -> dict[str, list[float]]:
    """Exponents E of the parameters that are nowhere zero; none if they do not span the units of states and time."""
    sizes = magnitudes(data, parameters)
    usable = [v for v in parameters if np.all(sizes[v.name] > 0)]
    powers = np.array([[float(e) for e in parse(v.units).exponents] for v in usable]).reshape(-1, len(BASE))
    needed = {*(e for v in states for e in np.flatnonzero(parse(v.units).exponents)), BASE.index("s")}
    inverse = np.linalg.pinv(powers.T) if usable else np.zeros((0, len(BASE)))
    reached = powers.T @ inverse
    spans = all(np.allclose(reached[:, b], np.eye(len(BASE))[b]) for b in needed)
    return {v.name: row for v, row in zip(usable, inverse.tolist(), strict=True)} if spans else {}


def exponents_beside(own: Sequence[Variable], others: Sequence[Variable]) -> dict[str, list[float]]:
    """Exponents E by which some variables set every unit that they span, and others only what those leave open.

    Args:
        own: those that come first.
        others: nowhere zero; their shortest exponents are taken.

    Returns:
        By variable, a row over the base units; the column of a base unit that nothing spans is zero: it stays.
    """
    first, second = (
        np.array([[float(e) for e in parse(v.units).exponents] for v in some]).reshape(-1, len(BASE)).T
        for some in (own, others)
    )
    inverse = np.linalg.pinv(first, rcond=_RANK)
    left = np.eye(len(BASE)) - first @ inverse
    more = np.linalg.pinv(left @ second, rcond=_RANK) @ left
    rows = np.concatenate([inverse @ (np.eye(len(BASE)) - second @ more), more])
    reached = np.concatenate([first, second], axis=1) @ rows
    rows[:, ~np.isclose(reached, np.eye(len(BASE))).all(axis=0)] = 0.0
    rows[np.abs(rows) < _RANK] = 0.0
    return {v.name: row for v, row in zip((*own, *others), rows.tolist(), strict=True)}


def constant_product(units: str, data: xr.Dataset, variables: Sequence[Variable]) -> dict[str, float]:
    """Exponents of the shortest product of powers of variables that has some units and is the same for all samples.

    Args:
        units: those wanted.
        data: the values.
        variables: those to use; of them only the ones that are the same for all samples and not zero.

    Returns:
        Exponents by variable, without those that are zero; nothing if there is no such product.
    """
    sizes = magnitudes(data, variables)
    usable = [v for v in variables if np.ptp(sizes[v.name]) < _SAME * np.min(sizes[v.name])]
    powers = np.array([[float(e) for e in parse(v.units).exponents] for v in usable]).reshape(-1, len(BASE)).T
    wanted = np.array([float(e) for e in parse(units).exponents])
    found = np.linalg.pinv(powers, rcond=_RANK) @ wanted
    if not np.allclose(powers @ found, wanted):
        return {}
    return {v.name: float(e) for v, e in zip(usable, found, strict=True) if abs(e) > _RANK}


def base_units(data: xr.Dataset, parameters: Sequence[Variable], powers: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Sizes of the base units in SI that each sample's parameters set, (sample or 1, base); 1 without exponents.

    Raises:
        InputError: if a parameter that sets them is zero.
    """
    log = np.zeros((1, len(BASE)))
    sizes = magnitudes(data, [v for v in parameters if v.name in powers])
    for name, row in powers.items():
        if np.any(sizes[name] <= 0):
            raise InputError(f"parameter {name!r}: expected other than zero, since it sets the model's units; given 0")
        log = log + np.log(sizes[name])[:, None] * np.array(row)
    return np.exp(log)


def unit_size(units: str, base: np.ndarray) -> np.ndarray:
    """What one dimensionless unit measures in `units`, (sample or 1,), given the base units (sample or 1, base)."""
    unit = parse(units)
    return np.exp(np.log(base) @ np.array([float(e) for e in unit.exponents])) / unit.factor
