"""What a law is about: the types of states and parameters, and what the data that it was found in say of themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from simulators.base import registered
from simulators.errors import InputError
from simulators.schema import Variable, attributes, names, validate, variables
from simulators.units import parse

__all__ = ["System", "as_far_as_known"]

_STARTS = 16


@dataclass(frozen=True)
class System:
    """The types of a system's states and parameters, and the data's own values.

    Attributes:
        states: types of the states.
        parameters: types of the parameters that the data hold by value.
        sizes: sizes of the entity and index dimensions (not of a grid).
        time_units: units of the times.
        simulator: class name of the simulator that the data came from, or "none", as of data that lack its parameters.
        defaults: values, in the declared units, of the parameters that are the same for all samples.
        times: times of a default run.
        provenance: what the data say about their making.
    """

    states: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    sizes: dict[str, int]
    time_units: str
    simulator: str
    defaults: dict[str, Any] = field(default_factory=dict)
    times: tuple[float, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: xr.Dataset) -> System:
        """The system of trajectories, which are held to the schema first.

        Raises:
            InputError: if there are no states or fewer than two times, or a variable's units cannot be read.
            SchemaError: if the dataset does not follow the schema, or holds NaN.
        """
        if not isinstance(dataset, xr.Dataset):
            raise InputError(f"expected an xarray Dataset of trajectories, given {type(dataset).__name__}")
        if not names(dataset, "state"):
            raise InputError("expected at least one variable with the attribute role='state', given none; declare it")
        dataset = as_far_as_known(dataset)
        validate(dataset)
        if dataset.sizes.get("time", 0) < 2:
            raise InputError(f"expected trajectories of at least 2 times, given {dataset.sizes.get('time', 0)}")
        given = variables(dataset)
        typed = _distinct({n: v for n, v in given.items() if v.role in ("state", "parameter")})
        states = tuple(typed[name] for name in names(dataset, "state"))
        parameters = tuple(typed[name] for name in names(dataset, "parameter"))
        for variable in (*states, *parameters):
            parse(variable.units)
            if variable.role == "state" and "time" not in dataset[variable.name].dims:
                raise InputError(f"state {variable.name!r}: expected the dimension 'time', given none")
        grid = {d for v in states for d in v.dims if d in ("z", "y", "x")}
        sizes = {str(d): int(n) for d, n in dataset.sizes.items() if d not in ("sample", "time") and d not in grid}
        shared = [v.name for v in parameters if "sample" not in dataset[v.name].dims]
        step = float(np.median(np.diff(dataset["time"].values)))
        return cls(
            states,
            parameters,
            sizes,
            str(dataset["time"].attrs["units"]),
            str(dataset.attrs.get("simulator", "none")),
            {name: dataset[name].values.astype(float).tolist() for name in shared},
            tuple((step * np.arange(50)).tolist()),
            attributes(dataset.attrs),
        )

    def starts(self, dataset: xr.Dataset) -> xr.Dataset:
        """A few typed starts from the data, in float64: rounded again in other units, coarser numbers would differ."""
        first = dataset[[v.name for v in (*self.states, *self.parameters)]].isel(time=0).drop_vars("time")
        if "sample" in first.dims:
            every = max(1, first.sizes["sample"] // _STARTS)
            first = first.isel(sample=slice(None, None, every)).isel(sample=slice(_STARTS))
        first = first.load().map(lambda array: array.astype(np.float64), keep_attrs=True)
        return first.assign_attrs(Conventions=dataset.attrs["Conventions"], simulator=self.simulator)

    @property
    def reversible(self) -> bool:
        """Whether the simulator of the data is unchanged by t -> -t."""
        known = registered().get(self.simulator)
        return known is not None and known.reversible

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> System:
        """From what `to_dict` gave, after JSON."""
        typed = {
            key: tuple(Variable(**{**v, "dims": tuple(v["dims"])}) for v in values[key])
            for key in ("states", "parameters")
        }
        times = tuple(float(time) for time in values["times"])
        parse(values["time_units"])
        if not isinstance(values["provenance"], dict):
            raise TypeError("a provenance that is no table")
        for value in values["defaults"].values():
            np.asarray(value, dtype=float)
        return cls(**{**values, **typed, "times": times})


def as_far_as_known(dataset: xr.Dataset) -> xr.Dataset:
    """The same data, of no known simulator where parameters of the one that they name are absent.

    A law may be looked for in states alone; what lacks parameters can be held to no simulator.
    """
    known = registered().get(str(dataset.attrs.get("simulator")))
    wanted = () if known is None else known.variables().values()
    if any(v.role == "parameter" and v.name not in dataset.data_vars for v in wanted):
        return dataset.assign_attrs(simulator="none")
    return dataset


def _distinct(typed: dict[str, Variable]) -> dict[str, Variable]:
    """The variables with their names for symbols where several have the same, so that equations can be told apart."""
    counts = Counter(variable.symbol for variable in typed.values())
    return {name: v if counts[v.symbol] == 1 else replace(v, symbol=name) for name, v in typed.items()}
