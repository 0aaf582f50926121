"""Typed datasets as torch tensors of dimensionless numbers.

A model sees every variable in units that the sample's own parameters set (see `physym.natural_units`): rescaled data
are the same numbers, and the law learned from them cannot notice a change of units. Where the parameters do not span
the units that the states have, numbers stay in SI units, and the units check says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
import xarray as xr

from physym.natural_units import base_units, exponents, unit_size
from simulators.errors import InputError
from simulators.schema import SPACE, Variable, conform, coordinates, names, variables
from simulators.units import conversion

__all__ = ["Context", "Signature", "Typed"]

_SAME = 1e-6


@dataclass(frozen=True)
class Context:
    """What a law depends on besides the state, per sample and dimensionless.

    Attributes:
        scalars: varying scalar parameters (sample, n).
        vectors: parameter vectors (sample, n, i).
    """

    scalars: torch.Tensor
    vectors: torch.Tensor

    def expand(self, lead: int) -> Context:
        """With `lead` further dimensions of size 1 after `sample`."""
        ones = (1,) * lead
        return Context(
            self.scalars.reshape(self.scalars.shape[0], *ones, -1),
            self.vectors.reshape(self.vectors.shape[0], *ones, *self.vectors.shape[1:]),
        )

    def __getitem__(self, index: torch.Tensor | slice) -> Context:
        return Context(self.scalars[index], self.vectors[index])


@dataclass(frozen=True)
class Typed:
    """A dataset as dimensionless tensors.

    Attributes:
        states: (sample, n) or (sample, time, n), the states' entries in the signature's order.
        context: the parameters.
        units: the sizes of the base units in SI (sample, base).
    """

    states: torch.Tensor
    context: Context
    units: np.ndarray


@dataclass(frozen=True)
class Signature:
    """The types of a system's states and parameters, and how they become dimensionless numbers.

    Attributes:
        states: types of the states.
        parameters: types of the parameters.
        sizes: sizes of the entity and index dimensions.
        time_units: units of the times.
        simulator: class name of the simulator that the data came from, or "none".
        powers: exponents E (parameter, base); empty where the parameters do not span the units.
        varying: names of the scalar parameters that differ between samples, in dimensionless form.
        values: dimensionless values (norms for vectors) of the parameters that do not.
        defaults: values, in the declared units, of the parameters that are the same for all samples.
    """

    states: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    sizes: dict[str, int]
    time_units: str
    simulator: str
    powers: dict[str, list[float]] = field(default_factory=dict)
    varying: tuple[str, ...] = ()
    values: dict[str, list[float]] = field(default_factory=dict)
    defaults: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: xr.Dataset, *, dimensionless: bool = True) -> Signature:
        """The signature of training data.

        Args:
            dataset: valid by the schema.
            dimensionless: False to leave numbers in SI units, where a law can be learned that depends on the units.

        Raises:
            InputError: if it has no parameters or states that this representation can hold.
        """
        typed = variables(dataset)
        states = tuple(typed[name] for name in names(dataset, "state"))
        parameters = tuple(typed[name] for name in names(dataset, "parameter"))
        space = [dim for dim in dataset.dims if dim in SPACE]
        if space:
            raise InputError(
                f"expected states of bodies, given a field over {', '.join(map(str, space))}; fit a field-net"
            )
        for variable in (*states, *parameters):
            if variable.tensor_order > 1 or variable.pseudo:
                raise InputError(
                    f"variable {variable.name!r}: expected a true scalar or vector, given tensor_order"
                    f" {variable.tensor_order} and pseudo {variable.pseudo}, which these models do not take"
                )
        sizes = {str(d): int(n) for d, n in dataset.sizes.items() if d not in ("sample", "time")}
        time_units = str(dataset["time"].attrs["units"])
        plain = cls(states, parameters, sizes, time_units, str(dataset.attrs.get("simulator", "none")))
        powers = exponents(dataset, parameters, states) if dimensionless else {}
        shared = [v.name for v in parameters if "sample" not in dataset[v.name].dims]
        defaults = {name: np.ravel(dataset[name].values).astype(float).tolist() for name in shared}
        return replace(plain, powers=powers, defaults=defaults).with_values(dataset)

    def with_values(self, dataset: xr.Dataset) -> Self:
        """The signature that also knows which parameters of training data vary, and what the others are."""
        varying, values = [], {}
        for name, array in self.numbers(dataset)[0].items():
            flat = self.size(name, array)
            spread = np.ptp(flat, axis=0)
            if np.all(spread <= _SAME * np.maximum(np.abs(flat).max(axis=0), 1e-300)):
                values[name] = flat[0].tolist()
            else:
                varying.append(name)
        return replace(self, varying=tuple(varying), values=values)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """From what `to_dict` gave."""
        typed = {
            key: tuple(Variable(**{**v, "dims": tuple(v["dims"])}) for v in values[key])
            for key in ("states", "parameters")
        }
        return cls(**{**values, **typed, "varying": tuple(values["varying"])})

    @property
    def dimensionless(self) -> bool:
        """Whether the parameters set the units, so that a law learned from them cannot notice a change of units."""
        return bool(self.powers)

    def order(self, name: str) -> int:
        """The tensor order of a variable."""
        return next(v.tensor_order for v in (*self.states, *self.parameters) if v.name == name)

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """(entity, i) sizes of one variable."""
        return tuple(self.sizes[d] for d in (*variable.dims, *variable.indices))

    def slices(self) -> dict[str, slice]:
        """Where each state stands in the flat state vector."""
        ends = np.cumsum([0, *(int(np.prod(self.shape(v))) for v in self.states)])
        return {v.name: slice(int(a), int(b)) for v, a, b in zip(self.states, ends[:-1], ends[1:], strict=True)}

    def conform(self, dataset: xr.Dataset) -> xr.Dataset:
        """The variables of this signature, in its units and sizes.

        Raises:
            InputError: if a state or a needed parameter is absent, or a size differs.
        """
        wanted = {v.name: v for v in (*self.states, *self.parameters)}
        data = conform(dataset, wanted, optional=list(self.defaults))
        for dim, size in self.sizes.items():
            if dim in data.sizes and data.sizes[dim] != size:
                raise InputError(
                    f"dimension {dim!r}: expected {size}, as the model was fitted, given {data.sizes[dim]}"
                )
        for name, values in self.defaults.items():
            if name not in data:
                own = wanted[name]
                array = np.reshape(values, tuple(self.sizes[d] for d in (*own.dims, *own.indices)))
                data[name] = ((*own.dims, *own.indices), array, own.attrs())
        return data

    def numbers(self, data: xr.Dataset) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The dimensionless parameters (sample or 1, ...), and the base units (sample or 1, base)."""
        base = base_units(data, self.parameters, self.powers)
        numbers = {}
        for variable in self.parameters:
            array = data[variable.name]
            values = array.values.astype(float) if "sample" in array.dims else array.values.astype(float)[None]
            if values.ndim < 1 + len(self.shape(variable)):
                values = np.broadcast_to(values[..., None], (len(values), *self.shape(variable)))
            factor = unit_size(array.attrs["units"], base)
            values = values / factor.reshape(-1, *(1,) * (values.ndim - 1))
            numbers[variable.name] = values if variable.tensor_order else values.reshape(len(values), -1)
        return numbers, base

    def context(self, data: xr.Dataset, samples: int, like: torch.Tensor) -> tuple[Context, np.ndarray]:
        """The parameters of conformed data as tensors, and the sizes of the base units.

        Raises:
            InputError: if a parameter that was fixed in the fit has another (dimensionless) value.
        """
        numbers, base = self.numbers(data)
        self.check_fixed(numbers, data)
        scalars = [numbers[v.name] for v in self.parameters if v.name in self.varying and not v.tensor_order]
        vectors = [
            np.reshape(numbers[v.name], (len(numbers[v.name]), -1, self.sizes["i"]))
            for v in self.parameters
            if v.tensor_order
        ]

        def tensor(arrays: Sequence[np.ndarray], axis: int, empty: tuple[int, ...]) -> torch.Tensor:
            full = [np.broadcast_to(a, (samples, *a.shape[1:])) for a in arrays]
            joined = np.concatenate(full, axis=axis) if full else np.zeros((samples, *empty))
            return torch.tensor(joined, dtype=like.dtype, device=like.device)

        return Context(tensor(scalars, 1, (0,)), tensor(vectors, 1, (0, self.sizes.get("i", 3)))), base

    def check_fixed(self, numbers: Mapping[str, np.ndarray], data: xr.Dataset) -> None:
        """Refuse parameters that the law cannot know what they do.

        Args:
            numbers: dimensionless parameters, as `numbers` gives them.
            data: what they come from.

        Raises:
            InputError: if a parameter that was fixed in the fit has another (dimensionless) value.
        """
        for name, fitted in self.values.items():
            flat = self.size(name, numbers[name])
            off = np.abs(flat - fitted) > 1e-3 * np.maximum(np.abs(fitted), 1e-300)
            if np.any(off):
                sample = int(np.argwhere(off)[0][0])
                alike = " up to a change of units" if self.dimensionless else ""
                name = self._changed(data, sample, name)
                raise InputError(
                    f"parameter {name!r}: expected those of the fit{alike} ({self.told(data, None)}), given"
                    f" {self.told(data, sample)}; fit on data in which it varies"
                )

    def _changed(self, data: xr.Dataset, sample: int, name: str) -> str:
        """The first parameter that is not that of the fit: it may have set the units in which another now is not."""
        for other, values in self.defaults.items():
            array = data[other]
            given = np.ravel(array.isel(sample=sample) if "sample" in array.dims else array)
            if not np.allclose(given, values, rtol=1e-3, atol=0.0):
                return other
        return name

    def size(self, name: str, values: np.ndarray) -> np.ndarray:
        """What does not change if a parameter is turned: a scalar itself, the norm of a vector."""
        return np.linalg.norm(values, axis=-1, keepdims=True) if self.order(name) else values

    def told(self, data: xr.Dataset, sample: int | None) -> str:
        """The parameters of one sample, or (None) those of the fit, as a person writes them."""
        told = []
        for variable in self.parameters:
            array = data[variable.name]
            values = np.ravel(array.isel(sample=sample) if "sample" in array.dims and sample is not None else array)
            values = values if sample is not None else np.array(self.defaults.get(variable.name, []))
            text = np.array2string(values, precision=4, separator=", ") if values.size else "varying"
            told.append(f"{variable.name} {text} {variable.units}")
        return ", ".join(told)

    def tensors(self, data: xr.Dataset, like: torch.Tensor) -> Typed:
        """Dimensionless tensors of conformed data, of the type and on the device of `like`.

        Raises:
            InputError: if a parameter that was fixed in the fit has another (dimensionless) value.
        """
        state = data[self.states[0].name]
        samples = data.sizes["sample"] if "sample" in state.dims else 1
        context, base = self.context(data, samples, like)
        flat = []
        for variable in self.states:
            array = data[variable.name]
            values = array.values if "sample" in array.dims else array.values[None]
            inner = len(self.shape(variable))
            lead = values.shape[: values.ndim - inner]
            factor = unit_size(variable.units, base)
            flat.append(values.reshape(*lead, -1) / factor.reshape(-1, *(1,) * len(lead)))
        # copied: sums over numpy's memory, which is aligned anyhow, differ in the last bit between runs
        joined = torch.tensor(np.concatenate(flat, axis=-1), dtype=like.dtype, device=like.device)
        return Typed(joined, context, base)

    def times(self, times: np.ndarray, units: str, base: np.ndarray) -> np.ndarray:
        """Dimensionless times, (sample or 1, time), counted from the first."""
        since = (times - times[0]) * conversion(units, self.time_units)
        return since / unit_size(self.time_units, base)[:, None]

    def dataset(
        self, states: torch.Tensor, base: np.ndarray, start: xr.Dataset, times: np.ndarray | None, rate: int = 0
    ) -> xr.Dataset:
        """A typed dataset of flat states (sample, [time,] n) or, with rate = 1, of their time derivatives.

        Args:
            states: dimensionless, in the signature's order.
            base: sizes of the base units.
            start: conformed data, whose parameters and coordinates are kept.
            times: output times, or None if the states have no time dimension of their own.
            rate: how many times to divide by the unit of time.
        """
        values = states.detach().cpu().numpy().astype(np.float64)
        where = self.slices()
        template = start[self.states[0].name]
        lead = [d for d in template.dims if d in ("sample", "time")]
        if times is not None:
            lead = [*(d for d in lead if d == "sample"), "time"]
        out = {}
        for variable in self.states:
            units = f"{variable.units}/{self.time_units}" if rate else variable.units
            part = values[..., where[variable.name]]
            part = part * unit_size(units, base).reshape(-1, *(1,) * (part.ndim - 1))
            part = part.reshape(*values.shape[:-1], *self.shape(variable))
            part = part if "sample" in lead else part[0]
            attrs = variable.attrs()
            if rate:
                attrs |= {
                    "units": units,
                    "long_name": f"rate of change of {variable.long_name}",
                    "symbol": f"d{variable.symbol}/dt",
                }
            out[variable.name] = ((*lead, *variable.dims, *variable.indices), part, attrs)
        for variable in () if rate else self.parameters:
            out[variable.name] = start[variable.name]
        dataset = xr.Dataset(out)
        coords = coordinates(map(str, dataset.dims), {str(k): v for k, v in dataset.sizes.items()})
        if times is not None:
            coords["time"] = ("time", times, {"units": self.time_units, "long_name": "time"})
        elif "time" in lead and "time" in start.coords:
            coords["time"] = start["time"]
        return dataset.assign_coords(coords)
