"""Random elements of the symmetries that every law must have, as maps of typed datasets, and how many of what."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from physym.symmetry import SO, Group, Hyperoctahedral, O, act, translate
from simulators.schema import LABELS, SPACE
from simulators.units import BASE

__all__ = ["BODIES", "FIELDS", "SYMMETRY", "Effort", "Map", "beyond", "factors", "has_grid", "of_group", "spatial"]

Map = Callable[[xr.Dataset], xr.Dataset]
SYMMETRY = 1e-10
_ELEMENTS = 3


class Effort(NamedTuple):
    """How much of a subject is looked at.

    Attributes:
        samples: starts that are run, and stored samples that are moved.
        times: output times of a run.
        reversed: output times of a run that is reversed.
        intervals: stored intervals that are run anew.
        begins: different times at which those begin.
        stored: stored samples whose conserved quantities are computed; None for all.
    """

    samples: int
    times: int
    reversed: int
    intervals: int
    begins: int
    stored: int | None


BODIES = Effort(samples=16, times=50, reversed=11, intervals=200, begins=10, stored=None)
FIELDS = Effort(samples=2, times=11, reversed=6, intervals=8, begins=4, stored=64)


def has_grid(data: xr.Dataset) -> bool:
    """Whether there are fields over a grid."""
    return any(dim in SPACE for dim in data.dims)


def spatial(data: xr.Dataset, rng: np.random.Generator) -> dict[str, list[Map]]:
    """The symmetries of space by name: rotations, reflections and, on a grid, translations."""
    found = _orthogonal(data, rng)
    return found | {"translations": _translations(data, rng)} if has_grid(data) else found


def _orthogonal(data: xr.Dataset, rng: np.random.Generator) -> dict[str, list[Map]]:
    """Rotations and reflections by name; on a grid those that keep its cells, none of them the identity.

    The grid turns though no variable has tensor indices. Where it turns by no rotation, as a line does, there are none;
    bodies without tensors have neither.
    """
    if has_grid(data):
        turns, mirrors = _on_grid(data, rng)
    elif "i" in data.dims:
        size = data.sizes["i"]
        mirror = np.diag([-1.0, *np.ones(size - 1)])
        draws = [SO(size).random(rng) for _ in range(2 * _ELEMENTS)]
        turns, mirrors = draws[:_ELEMENTS], [turn @ mirror for turn in draws[_ELEMENTS:]]
    else:
        return {}
    found = {"rotations": turns, "reflections": mirrors}
    return {name: [functools.partial(act, q) for q in some] for name, some in found.items() if some}


def of_group(group: Group, rng: np.random.Generator) -> list[Map]:
    """Generators and random elements of a group of matrices: reflections are among them if the group has any."""
    elements = [*group.discrete_generators(), *group.random(rng, _ELEMENTS)]
    return [functools.partial(act, q) for q in elements]


def beyond(group: Group | None) -> tuple[str, ...]:
    """Which symmetries of space a law does not promise that states a group; one that states none is held to all."""
    if group is None or isinstance(group, O):
        return ()
    return ("reflections",) if isinstance(group, SO) else ("rotations", "reflections")


def _on_grid(data: xr.Dataset, rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Three of the 3 rotations and 4 reflections of the square: quarter turns and both kinds of mirrors among them."""
    axes = [n for n, label in enumerate(LABELS) if label in data.dims]
    size = max(data.sizes.get("i", 1), max(axes) + 1)
    elements = []
    for block in Hyperoctahedral(len(axes)).elements()[1:]:
        element = np.eye(size)
        element[np.ix_(axes, axes)] = block
        elements.append(element)
    kinds = [[q for q in elements if np.linalg.det(q) * sign > 0] for sign in (1, -1)]
    return tuple([kind[n] for n in rng.permutation(len(kind))[:_ELEMENTS]] for kind in kinds)


def _translations(data: xr.Dataset, rng: np.random.Generator) -> list[Map]:
    """Random shifts by whole cells along every axis of a grid that has more than one."""
    sizes = {dim: data.sizes[dim] for dim in SPACE if dim in data.dims}
    draws = [{dim: int(rng.integers(1, max(size, 2))) for dim, size in sizes.items()} for _ in range(_ELEMENTS - 1)]
    return [functools.partial(_shifted, cells=cells) for cells in draws]


def _shifted(data: xr.Dataset, cells: dict[str, int]) -> xr.Dataset:
    """Totals over the grid, which have none, stay."""
    return translate(data, {dim: shift for dim, shift in cells.items() if dim in data.dims})


def factors(rng: np.random.Generator) -> list[dict[str, float]]:
    """Random sizes of the base units, for `physym.units.rescale`."""
    draws = 10.0 ** rng.uniform(-1, 1, (_ELEMENTS, len(BASE)))
    return [dict(zip(BASE, draw.tolist(), strict=True)) for draw in draws]
