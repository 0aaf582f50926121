"""Laws in closed form: what `physym.discover` finds, and a simulator.

A law's own constants are typed parameters of it, like a simulator's: the datasets that it writes hold them beside the
states, where a passive change of units or axes moves them along, and those that a dataset holds win over its own. So a
law whose constants carry units obeys units exactly, though the data never named them.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr

from physym.discovery import printing
from physym.discovery.carrying import carried
from physym.discovery.equation import Constant, Equation, Point
from physym.discovery.system import System
from simulators.base import check_times, provenance, require_start
from simulators.errors import InputError
from simulators.schema import Variable, conform, coordinates

if TYPE_CHECKING:
    import sympy

__all__ = ["Law"]


class Law(abc.ABC):
    """A law of motion in closed form; a simulator, as models are.

    A subclass gives `equations` and `slopes`, and `body` and `from_body` for its own part of the file; it may carry
    trajectories through time in its own way (`runs`).

    Args:
        system: what the law is about.
        starts: a few typed starts from the data.
        constants: what was found.
        pareto: per equation, by its left side, the best law of each number of terms.

    Attributes:
        pareto_: that.
        chosen_: per equation, which row of `pareto_` the law is, where that is known.
    """

    def __init__(
        self,
        system: System,
        starts: xr.Dataset,
        constants: Sequence[Constant],
        pareto: Mapping[str, Sequence[Point]] | None = None,
    ) -> None:
        taken = {v.name for v in (*system.states, *system.parameters)}
        for constant in constants:
            if constant.name in taken:
                raise InputError(f"constant {constant.name!r}: expected a name that no other variable has")
            taken.add(constant.name)
        self.system, self.starts, self.constants = system, starts, tuple(constants)
        self.pareto_ = {left: [tuple(point) for point in points] for left, points in (pareto or {}).items()}
        self.chosen_: dict[str, int] = {}
        self.times = np.array(system.times)

    @abc.abstractmethod
    def equations(self) -> list[Equation]:
        """The law, with a symbol for each constant."""

    @abc.abstractmethod
    def slopes(self, values: Mapping[str, np.ndarray], data: xr.Dataset) -> dict[str, np.ndarray]:
        """d(state)/dt by the name of the state.

        Args:
            values: every state, parameter and constant (row, *own dimensions, *indices), in the declared units.
            data: the conformed dataset that they come from, for the coordinates of a grid.

        Returns:
            Of each state, in its units per `time_units`, of the shape of the state.
        """

    @abc.abstractmethod
    def body(self) -> dict[str, Any]:
        """The law's structure, as JSON holds it."""

    @classmethod
    @abc.abstractmethod
    def from_body(
        cls,
        body: Mapping[str, Any],
        system: System,
        starts: xr.Dataset,
        constants: Sequence[Constant],
        pareto: Mapping[str, Sequence[Point]],
    ) -> Self:
        """From what `body` gave, after JSON.

        Raises:
            SchemaError: if it is no such structure.
        """

    @property
    def simulator(self) -> str:
        """Class name of the simulator of the data, or "none"."""
        return self.system.simulator

    @property
    def time_units(self) -> str:
        """The units of times."""
        return self.system.time_units

    @property
    def reversible(self) -> bool:
        """Whether the law is unchanged by t -> -t."""
        return self.system.reversible

    def variables(self) -> dict[str, Variable]:
        """The types of states, parameters and constants, by name."""
        own = (constant.variable() for constant in self.constants)
        return {v.name: v for v in (*self.system.states, *self.system.parameters, *own)}

    def settings(self) -> dict[str, Any]:
        """What it is, as JSON holds it."""
        return {"kind": type(self).__name__, "equations": [f"{e.left} = {e.expression}" for e in self.equations()]}

    @property
    def equations_(self) -> list[sympy.Eq]:
        """The equations as SymPy has them, with the numbers of the constants in place of their symbols."""
        import sympy

        numbers = {c.name: sympy.Float(c.value, 12) for c in self.constants if not c.order}
        sides = [(sympy.Symbol(e.left), printing.substituted(e.expression, numbers)) for e in self.equations()]
        return [sympy.Eq(left, right, evaluate=False) for left, right in sides]

    def lines(self) -> list[str]:
        """The equations as text, one a line, with the numbers of the constants, their standard errors and units."""
        return printing.lines(self.equations(), self.constants)

    def __str__(self) -> str:
        return "\n".join(printing.lines(self.equations(), self.constants, widest=printing.WIDTH))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(v.name for v in self.system.states)}>\n{self}"

    def latex(self) -> str:
        """The equations as LaTeX, one a line, with the numbers of the constants, their standard errors and units."""
        return printing.latex(self.equations(), self.constants)

    def table(self) -> list[dict[str, Any]]:
        """One row for every constant of every term.

        Standard errors are statistical: what all data have wrong alike, such as an integrator's errors, is not in them.

        Returns:
            Rows with `equation`, `term`, `constant`, `coefficient`, `standard_error`, `units` and `parameters`, the
            product of known parameters that the constant equals, or "".
        """
        return printing.table(self.equations(), self.constants)

    def conformed(self, dataset: xr.Dataset) -> xr.Dataset:
        """States, parameters and constants in the law's units, `sample` and `time` first.

        Parameters and constants that the dataset lacks are the law's own.

        Raises:
            InputError: if a state is absent or of another type or size, or a varying parameter is absent.
        """
        wanted = self.variables()
        own = {c.name: c.value for c in self.constants} | self.system.defaults
        data = conform(dataset, wanted, optional=own)
        for dim, size in self.system.sizes.items():
            if dim in data.sizes and data.sizes[dim] != size:
                raise InputError(f"dimension {dim!r}: expected {size}, as the law was found, given {data.sizes[dim]}")
        for name, value in own.items():
            if name not in data:
                array = np.array(value)
                dims = (*wanted[name].dims, *wanted[name].indices)
                data[name] = (dims[len(dims) - array.ndim :], array, wanted[name].attrs())
        found = coordinates([str(dim) for dim in data.dims], {str(d): n for d, n in data.sizes.items()})
        return data[list(wanted)].assign_coords({dim: c for dim, c in found.items() if dim not in data.coords})

    def rows(self, data: xr.Dataset) -> tuple[dict[str, np.ndarray], tuple[str, ...], tuple[int, ...]]:
        """The values of a conformed dataset (row, own dimensions), a row per sample and time, and what rows are.

        Returns:
            Values by name; the names and the sizes of the dimensions `sample` and `time`, those there are.
        """
        lead = tuple(dim for dim in ("sample", "time") if dim in data.dims)
        sizes = tuple(data.sizes[dim] for dim in lead)
        values = {}
        for name, variable in self.variables().items():
            array = data[name]
            array = array.expand_dims([dim for dim in lead if dim not in array.dims]).transpose(*lead, ...)
            inner = array.shape[len(lead) :]
            full = np.broadcast_to(array.values, (*sizes, *inner)).reshape(-1, *inner)
            absent = len(variable.dims) + variable.tensor_order - len(inner)
            if absent:
                # one number for all entities
                shape = tuple(data.sizes[dim] for dim in variable.dims)
                full = np.broadcast_to(full.reshape(len(full), *(1,) * absent, *inner), (len(full), *shape, *inner))
            values[name] = full
        return values, lead, sizes

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt of a typed dataset, with the dimensions of its states.

        Raises:
            InputError: if the dataset is not of the law's types.
        """
        data = self.conformed(dataset)
        values, lead, sizes = self.rows(data)
        slopes = self.slopes(values, data)
        out = {}
        for variable in self.system.states:
            attrs = variable.attrs() | {
                "units": f"{variable.units}/{self.time_units}",
                "long_name": f"rate of change of {variable.long_name}",
                "symbol": f"d{variable.symbol}/dt",
            }
            shaped = slopes[variable.name].reshape(*sizes, *slopes[variable.name].shape[1:])
            out[variable.name] = ((*lead, *variable.dims, *variable.indices), shaped, attrs)
        return xr.Dataset(out, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What the law keeps, one number per sample and time, typed; nothing unless a kind of law says so."""
        return xr.Dataset()

    def simulate(self, initial: xr.Dataset, times: np.ndarray, *, tolerance: float = 1e-9) -> xr.Dataset:
        """Trajectories by the law, in the schema of the data.

        Args:
            initial: typed states and parameters, without a time dimension.
            times: output times in `time_units`, increasing; the first is the time of `initial`.
            tolerance: bound of the error, relative to the size of each state.

        Returns:
            States at the times, parameters and the law's constants.

        Raises:
            InputError: if the states or parameters are not of the law's types.
            DivergenceError: if a run leaves the finite numbers, naming sample and time.
        """
        output = check_times(times)
        data = self.conformed(require_start(initial))
        runs, solver = self.runs(data, output, tolerance)
        lead = ("sample",) if "sample" in data.dims else ()
        out = {}
        for name, variable in self.variables().items():
            out[name] = data[name]
            if variable.role == "state":
                shaped = runs[name] if lead else runs[name][0]
                out[name] = ((*lead, "time", *variable.dims, *variable.indices), shaped, variable.attrs())
        time = ("time", output, {"units": self.time_units, "long_name": "time"})
        dataset = xr.Dataset(out, data.coords).assign_coords(time=time)
        seed = {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
        title = f"rollout of a {type(self).__name__}"
        return dataset.assign_attrs(provenance(title, self.simulator, solver=solver, model=self.settings(), **seed))

    def runs(
        self, data: xr.Dataset, times: np.ndarray, tolerance: float
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The states (sample, time, own dimensions) at the times, by name, and what to say about the solver.

        Here by the adaptive method of order 8 (`carrying`).
        """
        values, _, _ = self.rows(data)

        def slopes(now: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return self.slopes(values | now, data)

        states = {v.name: values[v.name] for v in self.system.states}
        return carried(slopes, states, times - times[0], tolerance), {"method": "DOP853", "tolerance": tolerance}

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the law to a folder, as JSON and a netCDF file of starts; `physym.load` reads it.

        Raises:
            InputError: if the folder holds a law or model already (without `force`) or cannot be written.
        """
        from physym.discovery import storage

        return storage.save(self, path, force=force)

    def with_constants(self, constants: Sequence[Constant]) -> Self:
        """The same law with other constants of the same names."""
        law = type(self).from_body(self.body(), self.system, self.starts, constants, self.pareto_)
        law.chosen_ = dict(self.chosen_)
        return law
