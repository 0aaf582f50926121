"""Trajectories as short windows of consecutive points.

The integral form of dz/dt = Σ_j c_j φ_j(z) over a window is z(t_k) = z(t_0) + Σ_j c_j ∫ φ_j dt, so that no data are
differentiated.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from physym.discovery.bodies.fitting import interpolation
from physym.discovery.system import System

__all__ = ["Layout", "Windows"]

_UNRESOLVED, _WORSE = 0.03, 10.0


@dataclass(frozen=True)
class Layout:
    """Where the states stand in a flat vector z.

    Attributes:
        shapes: the own shape (entity, i) of each state by name.
        slots: the slice of each single entity of each state, by (name, entity), entity -1 if there are none.
    """

    shapes: dict[str, tuple[int, ...]]
    slots: dict[tuple[str, int], slice]

    @classmethod
    def of(cls, system: System) -> Layout:
        """The layout of a system of bodies."""
        shapes, slots, place = {}, {}, 0
        for variable in system.states:
            shape = tuple(system.sizes[dim] for dim in (*variable.dims, *variable.indices))
            shapes[variable.name] = shape
            inner = math.prod(shape[len(variable.dims) :])
            entities = range(math.prod(shape) // inner) if variable.dims else [-1]
            for entity in entities:
                slots[variable.name, entity] = slice(place, place + inner)
                place += inner
        return cls(shapes, slots)

    @property
    def size(self) -> int:
        """The number of entries of z."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @functools.cached_property
    def places(self) -> dict[str, slice]:
        """The slice of each state."""
        ends = np.cumsum([0, *(math.prod(shape) for shape in self.shapes.values())])
        return {name: slice(int(a), int(b)) for name, a, b in zip(self.shapes, ends[:-1], ends[1:], strict=True)}

    def split(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """States (row, own shape) by name of flat ones (row, n)."""
        return {name: z[:, place].reshape(len(z), *self.shapes[name]) for name, place in self.places.items()}

    def join(self, states: Mapping[str, np.ndarray]) -> np.ndarray:
        """Flat states (row, n)."""
        return np.concatenate([states[name].reshape(len(states[name]), -1) for name in self.shapes], axis=1)


@dataclass(frozen=True)
class Windows:
    """Pieces of trajectories.

    Attributes:
        layout: of the flat states.
        states: (window, point, n), as stored.
        between: (window, interval, node, n), interpolated at Gauss-Legendre nodes.
        times: (window, point), from 0 on.
        samples: the sample that each window is of.
        parameters: the data's parameters by name (window, own shape).
        targets: (window, point, n), what sums of integrals are to equal up to a constant; the states at first.
    """

    layout: Layout
    states: np.ndarray
    between: np.ndarray
    times: np.ndarray
    samples: np.ndarray
    parameters: dict[str, np.ndarray]
    targets: np.ndarray

    @classmethod
    def cut(
        cls,
        dataset: xr.Dataset,
        system: System,
        *,
        intervals: int,
        most: int,
        seed: int = 0,
        interpolated: bool = True,
    ) -> Windows:
        """Cut trajectories into windows of about `intervals` intervals that share their ends, at most `most` of them.

        Which ones are kept, where there are more, is drawn at random. What lies between the points is left away where
        it is not wanted (`interpolated`); where it is, windows are left away in which the points are much too far apart
        for the motion, as in a close encounter of bodies, unless most are.
        """
        layout = Layout.of(system)
        data = dataset if "sample" in dataset.dims else dataset.expand_dims("sample")
        count = data.sizes["sample"]
        parameters = {}
        for variable in system.parameters:
            array = data[variable.name]
            own = array.values.astype(float)
            full = tuple(system.sizes[dim] for dim in (*variable.dims, *variable.indices))
            lead = own if "sample" in array.dims else np.broadcast_to(own, (count, *own.shape))
            if lead.ndim < 1 + len(full):
                inner = lead.shape[1:]
                lead = lead.reshape(count, *(1,) * (len(full) - len(inner)), *inner)
            parameters[variable.name] = np.broadcast_to(lead, (count, *full))
        rows = {
            v.name: data[v.name].transpose("sample", "time", *v.dims, *v.indices).values.astype(float)
            for v in system.states
        }
        points = data.sizes["time"]
        whole = np.concatenate([array.reshape(count, points, -1) for array in rows.values()], axis=-1)
        times = data["time"].values.astype(float)
        pieces = max(1, round((points - 1) / intervals)) if points - 1 > intervals else 1
        length = (points - 1) // pieces
        begins = np.arange(pieces) * length
        sample, begin = (grid.ravel() for grid in np.meshgrid(np.arange(count), begins, indexing="ij"))
        if len(sample) > most:
            kept = np.sort(np.random.default_rng(seed).choice(len(sample), most, replace=False))
            sample, begin = sample[kept], begin[kept]
        used = np.unique(sample)
        index = begin[:, None] + np.arange(length + 1)
        between = np.zeros((len(sample), length, 0, layout.size))
        if interpolated:
            row = np.searchsorted(used, sample)
            clear = _resolved(interpolation.misfit(whole[used], times)[row[:, None], index], whole)
            sample, begin, row, index = sample[clear], begin[clear], row[clear], index[clear]
            between = interpolation.between(whole[used], times)[row[:, None], index[:, :-1]]
        return cls(
            layout,
            whole[sample[:, None], index],
            between,
            times[index] - times[begin][:, None],
            sample,
            {name: array[sample] for name, array in parameters.items()},
            whole[sample[:, None], index],
        )

    @property
    def count(self) -> int:
        """The number of windows."""
        return len(self.states)

    def values(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """States and parameters by name (row, own shape), of flat states (window, ..., n)."""
        inner = math.prod(z.shape[1:-1])
        fixed = {name: np.repeat(array, inner, axis=0) for name, array in self.parameters.items()}
        return self.layout.split(z.reshape(-1, z.shape[-1])) | fixed

    def integrals(self, slopes: np.ndarray) -> np.ndarray:
        """∫ of slopes (window, interval, node, ...) from the first point to each (window, point, ...)."""
        _, weights = np.polynomial.legendre.leggauss(interpolation.NODES)
        steps = np.diff(self.times, axis=1)
        each = np.tensordot(slopes, weights / 2, axes=(2, 0)) * steps.reshape(*steps.shape, *(1,) * (slopes.ndim - 3))
        return np.concatenate([np.zeros_like(each[:, :1]), np.cumsum(each, axis=1)], axis=1)

    def through(self, states: np.ndarray, slopes: np.ndarray) -> Windows:
        """The same windows, interpolated through states and slopes (window, point, n)."""
        return replace(self, between=interpolation.hermite(states, slopes, self.times))

    def corrected(self, states: np.ndarray, slopes: np.ndarray) -> Windows:
        """The same windows with targets that are free of the errors of interpolation and quadrature for one law.

        Args:
            states: of the law's own solutions (window, point, n).
            slopes: of the law between their points (window, interval, node, n).
        """
        return replace(self, targets=self.states - states + self.integrals(slopes))


def _resolved(misfit: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Which windows (window,) their points show well enough, by the misfit (window, point, n) beside the states."""
    spread = whole.std(axis=(0, 1))
    sizes = np.sqrt(np.mean((misfit / np.where(spread > 0, spread, 1.0)) ** 2, axis=(1, 2)))
    return sizes <= max(_WORSE * float(np.median(sizes)), _UNRESOLVED)
