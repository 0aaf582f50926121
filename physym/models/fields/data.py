"""Datasets of fields as packed tensors of dimensionless numbers.

Lengths are counted in cells and times in steps of the training data, so that a velocity is a number of cells per step;
other units (kg, K, ...) are set by the parameters, see `physym.natural_units`. The step of a sample follows from its
own cells and parameters, by the shortest product of powers of them that is a time and the same for all training data:
a sample in rescaled units, or a rescaled copy of one, is the same numbers. What nothing spans stays in SI units, and
the units check says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import xarray as xr

from physym.data import Signature
from physym.models.fields.constraints import band_of, obeyed
from physym.models.fields.learnable import TIMES, index_sizes, step_of
from physym.models.fields.packing import by_type, packed, unpacked
from physym.natural_units import base_units, constant_product, exponents_beside, magnitudes, unit_size
from simulators.errors import InputError
from simulators.grid import Grid
from simulators.schema import SPACE, Variable, coordinates, names, variables

__all__ = ["FieldSignature", "Fields"]

_CELL, _STEP = "<cell>", "<step>"
_EVEN = 1e-6


class Fields(NamedTuple):
    """A dataset as packed tensors, dimensionless.

    Attributes:
        states: (sample, [time,] entry, *space), the states sorted by type.
        inputs: the parameters that the law is told, sorted by type, (sample, entry, *space or 1s).
        units: the sizes of the base units in SI (sample or 1, base).
        steps: the step of each sample in the units of times, (sample or 1,).
    """

    states: torch.Tensor
    inputs: torch.Tensor
    units: np.ndarray
    steps: np.ndarray


@dataclass(frozen=True)
class FieldSignature(Signature):
    """The types of a system of fields on a periodic grid, and how they become dimensionless numbers.

    Attributes:
        space: the dimensions of the grid, ("y", "x") or its like.
        cell: sizes of a cell (x, y, z) relative to their geometric mean.
        length_units: units of the coordinates.
        step: the step of the training data, in `time_units`.
        pace: how the step follows from cell and parameters: exponent and reference value in SI, by name; empty if it
            is always the same.
        solenoidal: names of the states without divergence.
        symmetric: names of the states that are symmetric tensors.
        band: the shortest waves of the training data, as a fraction of the highest wavenumber that the cells hold.
    """

    space: tuple[str, ...] = ()
    cell: tuple[float, ...] = ()
    length_units: str = "m"
    step: float = 1.0
    pace: dict[str, list[float]] = field(default_factory=dict)
    solenoidal: tuple[str, ...] = ()
    symmetric: tuple[str, ...] = ()
    band: float = 1.0

    @classmethod
    def of(cls, dataset: xr.Dataset, *, dimensionless: bool = True) -> Self:
        """The signature of training data.

        Args:
            dataset: valid by the schema, with the dimensions sample and time.
            dimensionless: must be True.

        Raises:
            InputError: if its states are not fields over one grid, or its times are not evenly spaced.
        """
        typed = variables(dataset)
        states = tuple(typed[name] for name in names(dataset, "state"))
        parameters = tuple(typed[name] for name in names(dataset, "parameter"))
        space = tuple(dim for dim in SPACE if dim in dataset.dims)
        sizes = index_sizes(dataset, states, parameters, space)
        grid = Grid.of(dataset, units=str(dataset[space[-1]].attrs["units"]))
        mean = float(np.prod(grid.cell)) ** (1 / grid.ndim)
        shared = [v.name for v in parameters if not {"sample", *space} & set(dataset[v.name].dims)]
        free, even = obeyed(dataset, states, grid)
        plain = cls(
            states, parameters, sizes, str(dataset["time"].attrs["units"]), str(dataset.attrs.get("simulator", "none")),
            defaults={name: np.ravel(dataset[name].values).astype(float).tolist() for name in shared},
            space=space, cell=tuple(size / mean for size in grid.cell), length_units=grid.units, step=step_of(dataset),
            solenoidal=free, symmetric=even, band=band_of(dataset, states, grid),
        )  # fmt: skip
        return plain._with_units(dataset).with_values(dataset)

    @property
    def dim(self) -> int:
        """The number of dimensions of the grid."""
        return len(self.space)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """The parameters that the law is told: those that vary, and those that a rotation or reflection changes."""
        return tuple(v for v in self.parameters if v.name in self.varying or v.tensor_order or v.pseudo)

    def places(self) -> dict[str, slice]:
        """Where each state lies in the packed tensor."""
        found, at = {}, 0
        for variable in by_type(self.states):
            found[variable.name] = slice(at, at + self.dim**variable.tensor_order)
            at = found[variable.name].stop
        return found

    def _with_units(self, dataset: xr.Dataset) -> Self:
        """The signature that also knows what sets its units."""
        data = self._measured(dataset)
        cell, step = self._own_units()
        sizes = magnitudes(data, self.parameters)
        usable = [v for v in self.parameters if not v.dims and np.all(sizes[v.name] > 0)]
        clock = constant_product(self.time_units, data, (cell, *usable))
        known = magnitudes(data, [v for v in (cell, *usable) if v.name in clock])
        pace = {name: [power, float(known[name][0])] for name, power in clock.items()}
        powers = exponents_beside((cell, step), usable)
        return replace(self, pace=pace, powers={name: row for name, row in powers.items() if any(row)})

    def with_values(self, dataset: xr.Dataset) -> Self:
        """The signature that also knows which parameters of training data vary, and what the others are."""
        found = super().with_values(self._measured(dataset))
        maps = tuple(v.name for v in self.parameters if v.dims)
        values = {name: value for name, value in found.values.items() if name not in maps}
        return replace(found, varying=tuple(dict.fromkeys((*found.varying, *maps))), values=values)

    def _own_units(self) -> tuple[Variable, Variable]:
        cell = Variable(_CELL, self.length_units, "size of a cell", "h", role="parameter")
        return cell, Variable(_STEP, self.time_units, "step", "dt", role="parameter")

    def _measured(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset with its cell and step as further parameters.

        Raises:
            InputError: if its cells have other proportions than those of the fit.
        """
        grid = Grid.of(dataset, units=self.length_units)
        mean = float(np.prod(grid.cell)) ** (1 / grid.ndim)
        if np.any(np.abs(np.array(grid.cell) / mean / self.cell - 1) > _EVEN):
            told, given = (" by ".join(f"{size:.6g}" for size in some) for some in (self.cell, grid.cell))
            raise InputError(f"cells: expected the proportions of the fit, {told} (x, y, z), given {given}; resample")
        cell, step = self._own_units()
        data = dataset.assign({_CELL: ((), mean, cell.attrs())})
        pace = np.array(self.step)
        known = {v.name: v for v in (cell, *self.parameters)}
        for name, size in magnitudes(data, [known[name] for name in self.pace]).items():
            power, reference = self.pace[name]
            if np.any(size <= 0):
                raise InputError(f"parameter {name!r}: expected other than zero, since it sets the step; given 0")
            pace = pace * (size / reference) ** power
        dims = ("sample",) if pace.size > 1 else ()
        return data.assign({_STEP: (dims, pace if dims else pace.reshape(()), step.attrs())})

    def conform(self, dataset: xr.Dataset) -> xr.Dataset:
        """The variables of this signature in its units, its cell and its step.

        Raises:
            InputError: if a state or a needed parameter is absent, or cells have other proportions.
        """
        return self._measured(super().conform(dataset))

    def numbers(self, data: xr.Dataset) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The dimensionless parameters (sample or 1, *space or none, *indices), and the base units."""
        base = base_units(data, (*self._own_units(), *self.parameters), self.powers)
        found = {}
        for variable in self.parameters:
            array = data[variable.name]
            values = array.values.astype(float) if "sample" in array.dims else array.values.astype(float)[None]
            factor = unit_size(array.attrs["units"], base)
            found[variable.name] = values / factor.reshape(-1, *(1,) * (values.ndim - 1))
        return found, base

    def size(self, name: str, values: np.ndarray) -> np.ndarray:
        """What does not change if a parameter is turned or reflected."""
        variable = next(v for v in self.parameters if v.name == name)
        if variable.tensor_order:
            return np.sqrt(np.sum(values**2, axis=tuple(range(-variable.tensor_order, 0))))
        return np.abs(values) if variable.pseudo else values

    def told(self, data: xr.Dataset, sample: int | None) -> str:
        """The parameters, step and cell of one sample, or (None) those of the fit, as a person writes them."""
        plain = replace(self, parameters=tuple(v for v in self.parameters if not v.dims))
        told = Signature.told(plain, data, sample)
        if sample is None:
            return f"{told}, steps of {self.step:.4g} {self.time_units}"
        step = np.broadcast_to(data[_STEP].values, max(sample + 1, data[_STEP].size))[sample]
        return f"{told}, steps of {step:.4g} {self.time_units} on cells of {float(data[_CELL]):.4g} {self.length_units}"

    def fields(self, data: xr.Dataset) -> Fields:
        """Packed tensors of conformed data, float64 and not yet scaled.

        Raises:
            InputError: if a parameter that was fixed in the fit has another (dimensionless) value.
        """
        numbers, base = self.numbers(data)
        self.check_fixed(numbers, data)
        parts = []
        for variable in by_type(self.states):
            array = data[variable.name]
            values = array.values if "sample" in array.dims else array.values[None]
            part = packed(values, self.dim, variable.tensor_order)
            parts.append(part / unit_size(variable.units, base).reshape(-1, *(1,) * (part.ndim - 1)))
        states = np.concatenate(parts, axis=-1 - self.dim)
        shape = tuple(data.sizes[dim] for dim in self.space)
        told = [packed(self._spread(v, numbers[v.name], shape), self.dim, v.tensor_order) for v in by_type(self.inputs)]
        told = [np.broadcast_to(part, (len(states), *part.shape[1:])) for part in told]
        if told and any(part.shape[-self.dim :] == shape for part in told):
            told = [np.broadcast_to(part, (*part.shape[:2], *shape)) for part in told]
        inputs = np.concatenate(told, axis=1) if told else np.zeros((len(states), 0, *(1,) * self.dim))
        steps = np.atleast_1d(data[_STEP].values)
        return Fields(torch.from_numpy(states), torch.from_numpy(np.ascontiguousarray(inputs)), base, steps)

    def _spread(self, variable: Variable, values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """A parameter with axes of space, of one cell where it is the same everywhere."""
        cells = shape if variable.dims else (1,) * self.dim
        return values.reshape(len(values), *cells, *values.shape[values.ndim - variable.tensor_order :])

    def counts(self, times: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """How many steps there are from the first time to each, (sample or 1, time).

        Raises:
            InputError: unless they are whole numbers.
        """
        exact = (times - times[0]) / steps[:, None]
        whole = np.round(exact)
        off = np.abs(exact - whole) > TIMES
        if np.any(off):
            sample, index = np.argwhere(off)[0]
            raise InputError(
                f"times: expected whole steps of {steps[sample]:.6g} {self.time_units} after the first, which is the"
                f" training data's step for these cells and parameters, given {times[index] - times[0]:.6g}"
                f" {self.time_units}; take such times, or fit on data at other times"
            )
        return whole.astype(int)

    def packed_dataset(
        self, states: np.ndarray, base: np.ndarray, start: xr.Dataset, times: np.ndarray | None, rate: int = 0
    ) -> xr.Dataset:
        """A typed dataset of packed states (sample, [time,] entry, *space) or, with rate = 1, of their derivatives.

        Args:
            states: dimensionless.
            base: sizes of the base units.
            start: conformed data, whose parameters and coordinates are kept.
            times: output times, or None if the states have no time dimension of their own.
            rate: how many times to divide by the unit of time.
        """
        where = self.places()
        template = start[self.states[0].name]
        lead = [dim for dim in template.dims if dim in ("sample", "time")]
        if times is not None:
            lead = [*(dim for dim in lead if dim == "sample"), "time"]
        out: dict[str, Any] = {}
        for variable in self.states:
            units = f"{variable.units}/{self.time_units}" if rate else variable.units
            part = states[(..., where[variable.name], *(slice(None),) * self.dim)]
            part = unpacked(part, self.dim, variable.tensor_order)
            part = part * unit_size(units, base).reshape(-1, *(1,) * (part.ndim - 1))
            attrs = variable.attrs()
            if rate:
                told = {"long_name": f"rate of change of {variable.long_name}", "symbol": f"d{variable.symbol}/dt"}
                attrs |= {"units": units} | told
            dims = (*lead, *variable.dims, *variable.indices)
            out[variable.name] = (dims, part if "sample" in lead else part[0], attrs)
        for variable in () if rate else self.parameters:
            out[variable.name] = start[variable.name].variable
        dataset = xr.Dataset(out)
        sizes = {str(dim): count for dim, count in dataset.sizes.items()}
        coords = coordinates([dim for dim in sizes if dim not in SPACE], sizes)
        coords |= {dim: start[dim] for dim in self.space}
        if times is not None:
            coords["time"] = ("time", times, {"units": self.time_units, "long_name": "time"})
        elif "time" in lead and "time" in start.coords:
            coords["time"] = start["time"]
        return dataset.assign_coords(coords)
