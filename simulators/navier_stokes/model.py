"""The Navier-Stokes equations: incompressible flow, with a temperature that it carries and that makes it rise.

    ∂u/∂t + u·∇u = -∇p + ν ∇²u + b (T - <T>),    ∇·u = 0
    ∂T/∂t + u·∇T = κ ∇²T

<T> is the mean over the box: a mean gradient of the pressure balances it, as the bottom of a vessel would, so that the
momentum is conserved. The density is 1: energy, momentum and work are per mass. Without temperature the flow decays;
warm and cold places drive plumes along the buoyancy b.

State on a periodic rectangle or box: velocity u (sample, time, y, x, i) [m/s], free of divergence; temperature T
(sample, time, y, x) [K]; with z before y in 3-D. Parameters, with the default values:

    ν   viscosity    0.001 m**2/s       b   buoyancy (i)    1 m/s**2/K along the last axis (y, or z in 3-D)
    κ   diffusivity  0.001 m**2/s

Expected at the default setting: eddies of half a box at 0.5 m/s, Reynolds numbers of some hundreds; within a second
warm and cold blobs of 1 K become mushrooms, which the eddies fold and diffusion wears out over some 4 s.

Space is discretised by Fourier series, of which the lower two thirds along every axis are kept, so that products are
exact; in 2-D the vorticity is advanced beside the constant mean flow, in 3-D the projected velocity. The divergence
is zero to rounding. Viscosity and diffusion are solved exactly, the rest by an exponential Runge-Kutta method; all in
Fourier space, see `simulators.integrate.spectral`. What is dissipated, and the work of buoyancy, are integrated beside
the state, so that the budgets of `budgets` close as well as the tolerance asks.

Conserved are the means of velocity and temperature, to rounding. Without viscosity and buoyancy the scheme would
conserve the energy, and in 2-D the enstrophy, but for the error of the time steps.

Exact solutions: in 2-D every flow of one wavenumber decays as exp(-ν k² t) (G. I. Taylor 1923), in 3-D those whose
curl is a multiple of themselves.

Caveat: the smallest eddies must be resolved. Where the energy piles up at the smallest waves, which are 3 cells long,
the cells are too large or the viscosity too small.

Source: C. Canuto, M. Y. Hussaini, A. Quarteroni and T. A. Zang, Spectral Methods: Evolution to Complex Geometries and
Applications to Fluid Dynamics (2007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from simulators.base import Simulator, check_times, require_start, streams
from simulators.errors import InputError
from simulators.grid import Grid
from simulators.grid.dealiased import Dealiased
from simulators.navier_stokes.budgets import budgets
from simulators.navier_stokes.fields import check_resolved, projected
from simulators.navier_stokes.starts import blobs, eddies
from simulators.navier_stokes.variables import LEDGER, PARAMETERS, STATES, TYPES, types
from simulators.parameters import Uniform, arrays, complete, draw, frozen, lead
from simulators.schema import Variable

__all__ = ["NavierStokes"]

Parameter = float | Sequence[float] | np.ndarray | Uniform
Lengths = float | tuple[float, float] | tuple[float, float, float]
_COARSEST = 1e-5
"""The least tolerance in float32."""


@dataclass(frozen=True, kw_only=True)
class NavierStokes(Simulator):
    """Velocity and temperature on a periodic rectangle or box; see the module for the equations.

    Viscosity and diffusivity are a number, one number a sample, or a range to draw from (`simulators.Uniform`,
    `simulators.LogUniform`). They must not be negative.

    Args:
        viscosity: ν [m**2/s].
        diffusivity: κ [m**2/s].
        buoyancy: b [m/s**2/K]: a vector (i) or (sample, i), or its size along the last axis, y in 2-D and z in 3-D, as
            one number or a range to draw from.
        length: of the box [m]: one number or two (along x, along y) for a rectangle, three for a box.
        cell: size of a cell [m], which divides the length; one number or one an axis. At least 4 along every axis.
        speed: of the starts that `sample` draws, root mean square [m/s]; a number or a range to draw from.
        eddy: the wavelength with most of their energy, about [m].
        blobs: how many they have.
        heat: how much warmer or colder [K] than around it the middle of a blob is; a number or a range to draw from.
        radius: standard deviation of a blob [m].

    Raises:
        InputError: if a parameter has the wrong shape or sign, or the cell does not divide the length.

    >>> air = NavierStokes(cell=1 / 32)
    >>> run = air.simulate(air.sample(2, seed=0), times=[0.0, 0.1, 0.2])
    >>> dict(run.velocity.sizes)
    {'sample': 2, 'time': 3, 'y': 32, 'x': 32, 'i': 2}
    """

    viscosity: Parameter = 0.001
    diffusivity: Parameter = 0.001
    buoyancy: Parameter | Sequence[Sequence[float]] = 1.0
    length: Lengths = 1.0
    cell: Lengths = 1.0 / 64
    speed: float | Uniform = 0.5
    eddy: float = 0.5
    blobs: int = 4
    heat: float | Uniform = 1.0
    radius: float = 0.08

    times: ClassVar[np.ndarray] = 0.1 * np.arange(41)

    def __post_init__(self) -> None:
        for name in ("viscosity", "diffusivity", "speed", "eddy", "heat", "radius"):
            value, vary = getattr(self, name), name in ("viscosity", "diffusivity")
            if isinstance(value, Uniform) and name not in ("eddy", "radius"):
                least = value.low
            else:
                value = least = frozen(name, value)
                object.__setattr__(self, name, value)
            if np.ndim(value) > vary:
                told = "one number, or one a sample" if vary else "one number"
                raise InputError(f"{name}: expected {told}; given the shape {np.shape(value)}")
            if name != "heat":
                _check_sign(name, np.asarray(least), zero=name not in ("eddy", "radius"))
        if isinstance(self.blobs, bool) or not isinstance(self.blobs, int | np.integer) or self.blobs < 0:
            raise InputError(f"blobs: expected an integer >= 0, given {self.blobs!r}")
        object.__setattr__(self, "blobs", int(self.blobs))
        for name in ("length", "cell"):
            value = frozen(name, getattr(self, name))
            object.__setattr__(self, name, value if np.ndim(value) else (value,))
        most = max(2, len(self.length), len(self.cell))  # type: ignore[arg-type]
        for name in ("length", "cell"):
            value = getattr(self, name)
            object.__setattr__(self, name, value * most if len(value) == 1 else value)
        grid = self.grid()
        if isinstance(self.buoyancy, Uniform):
            return
        value = frozen("buoyancy", self.buoyancy)
        if np.ndim(value) == 0:
            value = (0.0,) * (grid.ndim - 1) + (value,)
        if np.ndim(value) > 2 or np.shape(value)[-1] != grid.ndim:
            raise InputError(
                f"buoyancy: expected one number, or a vector (i) or (sample, i) of {grid.ndim} components, given the"
                f" shape {np.shape(value)}"
            )
        object.__setattr__(self, "buoyancy", value)

    def grid(self) -> Grid:
        """The periodic grid of the starts that it draws."""
        if not 2 <= len(self.length) == len(self.cell) <= 3:  # type: ignore[arg-type]
            raise InputError(
                f"length, cell: expected one number each, or one along each of 2 or 3 axes; given {self.length} and"
                f" {self.cell}"
            )
        grid = Grid(length=self.length, cell=self.cell)  # type: ignore[arg-type]
        Dealiased(grid)
        return grid

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters; fields in 3-D have the dimension z before y."""
        return dict(TYPES)

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """Random smooth flows with warm and cold blobs, and the parameters.

        Args:
            samples: how many there are.
            seed: of all of them; sample n is the same however many there are, and on a finer grid.
            only: draw only these of them.

        Returns:
            velocity (sample, y, x, i), without mean; temperature (sample, y, x); and the parameters, per sample where
            they vary.

        Raises:
            InputError: if samples < 1, or a parameter was given for another number of samples.
        """
        generators, grid = streams(samples, seed, only), self.grid()
        space = Dealiased(grid)
        velocity, temperature = [], []
        for rng in generators:
            speed, heat = (float(v.draw(rng, ())) if isinstance(v, Uniform) else v for v in (self.speed, self.heat))
            velocity.append(np.moveaxis(eddies(grid, space, rng, speed, self.eddy), 0, -1))
            temperature.append(blobs(grid, space, rng, self.blobs, heat, self.radius))
        kinds, own = types(grid.ndim), self._own()
        if isinstance(self.buoyancy, Uniform):
            own["buoyancy"] = 0.0
        drawn = draw(kinds, own, {"i": grid.ndim}, generators, samples=samples, only=only)
        if isinstance(self.buoyancy, Uniform):
            up = np.zeros((len(generators), grid.ndim))
            up[:, -1] = [float(self.buoyancy.draw(rng, ())) for rng in generators]
            drawn["buoyancy"] = xr.DataArray(up, dims=("sample", "i"), attrs=kinds["buoyancy"].attrs())
        dims = ("sample", *grid.dims)
        found: dict[str, Any] = {
            "velocity": ((*dims, "i"), np.array(velocity), kinds["velocity"].attrs()),
            "temperature": (dims, np.array(temperature), kinds["temperature"].attrs()),
        }
        starts = xr.Dataset(found | drawn).assign_coords(grid.coordinates())
        return self._finish(starts, f"starts of {samples} flows with warm and cold blobs", seed=seed)

    def simulate(
        self,
        initial: xr.Dataset,
        times: np.ndarray,
        *,
        tolerance: float = 1e-6,
        method: Literal["etdrk4", "etdrk2"] = "etdrk4",
        step: float | None = None,
        precision: Literal["float64", "float32"] = "float64",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Runs from typed starts, whose grid may be any of 2 or 3 dimensions with 4 cells along each or more.

        Args:
            initial: velocity (sample, y, x, i) and temperature (sample, y, x) on an evenly spaced grid, periodic;
                parameters in it win over the simulator's own.
            times: output times [s], increasing; the first is the time of `initial`. They are hit exactly.
            tolerance: bound of the error of velocity and temperature, relative to the standard deviation of each over
                the cells, the largest so far, or to a hundredth of its root mean square where it varies less.
            method: "etdrk4", exponential of order 4, or "etdrk2" of order 2, which has fixed steps only.
            step: the largest step [s] of fixed steps, which no tolerance governs; adaptive by default.
            precision: of the arithmetic; "float32" is for speed, its outputs are float64 too.
            threads: how many samples run at once; all cores by default. No number depends on it.

        Returns:
            The schema's dataset (sample, time, y, x, i), with what was dissipated and put in by buoyancy, means over
            the cells, from which `budgets` makes the budgets.

        Raises:
            InputError: if the starts or times are not as described, the velocity diverges or a field has waves of less
                than 3 cells (by more than 1e-5 of its root mean square; `project` helps), a parameter is negative, or a
                fixed step is too large for the flow at the start.
            DivergenceError: if a run fails, or becomes too fast for a fixed step, naming sample and time.
        """
        output = check_times(times)
        data, grid = self._complete(require_start(initial))
        real = _precision(precision, tolerance, step)
        space = Dealiased(grid)
        state, parameters = _rows(data, grid)
        check_resolved(space, state)
        from simulators.integrate import spectral
        from simulators.navier_stokes.flow import Flow, sizes

        def make(row: int) -> Flow:
            return Flow(space, state[row], *(values[row] for values in parameters), precision=real)

        integrals = len(LEDGER) if grid.ndim == 2 else 3
        if step is None:
            if method != "etdrk4":
                raise InputError(f"method: expected 'etdrk4', or 'etdrk2' with a step, given {method!r} and no step")
            run = spectral.spectral_etdrk4(
                make, state, output, tolerance=tolerance, scale=sizes, integrals=integrals, threads=threads
            )
            solver: dict[str, Any] = {"method": method, "tolerance": tolerance, "precision": precision}
        else:
            run = spectral.spectral_fixed(
                make, state, output, step=step, method=method, integrals=integrals, threads=threads
            )
            solver = {"method": method, "step": step, "precision": precision}
        return self._run(data, grid, output, run.states, run.integrals, initial.attrs, solver)

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `velocity` [m/s**2] and `temperature` [K/s].

        Raises:
            InputError: if the dataset is not of this schema, or its velocity diverges, see `simulate`.
        """
        data, grid = self._complete(dataset)
        state, parameters = _rows(data, grid)
        space = Dealiased(grid)
        check_resolved(space, state)
        from simulators.navier_stokes.flow import Flow

        slopes = np.empty_like(state)
        for row, out in enumerate(slopes):
            flow = Flow(space, state[row], *(values[row] for values in parameters))
            modes = flow.modes(state[row])
            nonlinear = np.zeros_like(modes)
            flow.nonlinear(modes, nonlinear, cells=False)
            out[:] = flow.slope(modes, nonlinear)
        found = _typed(slopes, lead(data), grid)
        for name, (_, _, attrs) in found.items():
            old = TYPES[name]
            attrs |= {
                "units": f"{old.units}/s" if name == "temperature" else "m/s**2",
                "long_name": f"rate of change of {old.long_name}", "symbol": f"d{old.symbol}/dt",
            }  # fmt: skip
        return xr.Dataset(found, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """The means over the cells, per sample and time: `mean_velocity` (i) [m/s], the momentum per mass, and
        `mean_temperature` [K].

        Raises:
            InputError: if the dataset is not of this schema.
        """  # noqa: D205
        data, grid = self._complete(dataset)
        kinds = (
            Variable("mean_velocity", "m/s", "momentum per mass", "<u>", (), 1, role="diagnostic"),
            Variable("mean_temperature", "K", "mean temperature", "<T>", role="diagnostic"),
        )
        dims, _ = lead(data)
        velocity, temperature, *_ = arrays(data)
        axes = tuple(range(len(dims), len(dims) + grid.ndim))
        found = zip(kinds, (velocity.mean(axis=axes), temperature.mean(axis=axes)), strict=True)
        return self._per_time(data, {v.name: ((*dims, *v.indices), mean, v.attrs()) for v, mean in found}, dataset)

    def budgets(self, dataset: xr.Dataset) -> xr.Dataset:
        """What is unaccounted for of energy, temperature and, in 2-D, enstrophy, per sample and time.

        `energy_budget` [m**2/s**2] is the change of ½<|u|²> since the first time, plus what was dissipated, minus the
        work of buoyancy since then; `temperature_budget` [K**2] that of the variance of the temperature, plus what was
        dissipated of it; `enstrophy_budget` [1/s**2] that of ½<ω²>, plus what was dissipated, minus what buoyancy made.

        Where the dataset holds these flows, as every run of `simulate` does, the budgets close about as well as its
        tolerance asks, relative to the largest energy, variance and enstrophy so far; with fixed steps at the order of
        the method. Else the flows are integrated over the stored times by cubic splines.

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data, grid = self._complete(dataset)
        state, parameters = _rows(data, grid)
        from simulators.navier_stokes.flow import Flow

        space, found = Dealiased(grid), []
        for row, y in enumerate(state):
            flow = Flow(space, y, *(values[row] for values in parameters))
            modes = flow.modes(y)
            found.append(flow.ledger(modes, np.zeros_like(modes)))
        shaped = np.array(found).reshape(*lead(data)[1], *found[0].shape)
        return self._per_time(data, budgets(dataset, data, shaped, self.time_units), dataset)

    def project(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset with a velocity free of divergence, and without waves of less than 3 cells.

        Of all such fields it has those nearest to the given ones. The means stay.

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data, grid = self._complete(dataset)
        state, _ = _rows(data, grid)
        return dataset.assign(_typed(projected(Dealiased(grid), state), lead(data), grid))

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PARAMETERS}

    def _complete(self, dataset: xr.Dataset) -> tuple[xr.Dataset, Grid]:
        """The conformed variables, with the simulator's own parameters where the dataset has none, and their grid."""
        dimension = 3 if isinstance(dataset, xr.Dataset) and "z" in dataset.dims else 2
        data = complete(dataset, types(dimension), self._own())
        if data.sizes["i"] != dimension:
            raise InputError(
                f"dimension 'i': expected {dimension} components, as the grid has dimensions, given {data.sizes['i']}"
            )
        for name in ("viscosity", "diffusivity"):
            _check_sign(name, data[name].values)
        return data, Grid.of(data, cell=self.cell if len(self.cell) == dimension else None)  # type: ignore[arg-type]

    def _per_time(self, data: xr.Dataset, found: Mapping[str, Any], dataset: xr.Dataset) -> xr.Dataset:
        held = xr.Dataset(found, attrs=dataset.attrs)
        return held.assign_coords({name: c for name, c in data.coords.items() if set(c.dims) <= set(held.dims)})

    def _run(
        self,
        data: xr.Dataset,
        grid: Grid,
        times: np.ndarray,
        states: np.ndarray,
        integrals: np.ndarray,
        attrs: Mapping[str, Any],
        solver: Mapping[str, Any],
    ) -> xr.Dataset:
        """The run as the schema wants it, with what was dissipated and put in."""
        dims, sizes = lead(data)
        found = _typed(states, ((*dims, "time"), (*sizes, times.size)), grid)
        ledger = integrals.reshape(*sizes, times.size, -1)
        for n, variable in zip(range(ledger.shape[-1]), LEDGER.values(), strict=False):
            found[variable.name] = ((*dims, "time"), ledger[..., n], variable.attrs())
        seed = {"seed": attrs["seed"]} if "seed" in attrs else {}
        cells, count = " x ".join(map(str, grid.shape)), len(states)
        title = f"{count} run{'s' * (count > 1)} of the Navier-Stokes equations on {cells} cells"
        return self._finish(data.assign(found), title, times, solver=solver, **seed)


def _check_sign(name: str, values: np.ndarray, *, zero: bool = True) -> None:
    wrong = values[values < 0] if zero else values[values <= 0]
    if wrong.size:
        told = "values not negative" if zero else "a positive number"
        raise InputError(f"{name}: expected {told}, given {wrong.ravel()[0]:g}")


def _precision(precision: str, tolerance: float, step: float | None) -> type:
    if precision not in ("float64", "float32"):
        raise InputError(f"precision: expected 'float64' or 'float32', given {precision!r}")
    if precision == "float64":
        return np.float64
    if step is None and isinstance(tolerance, int | float) and tolerance < _COARSEST:
        raise InputError(f"tolerance: expected at least {_COARSEST:g} in float32, given {tolerance:g}; raise it")
    return np.float32


def _rows(data: xr.Dataset, grid: Grid) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """States (row, field, *space) and viscosity (row,), diffusivity (row,), buoyancy (row, i); a row per start."""
    velocity, temperature, viscosity, diffusivity, buoyancy = arrays(data)
    count = int(np.prod(lead(data)[1]))
    state = np.empty((count, grid.ndim + 1, *grid.shape))
    state[:, :-1] = np.moveaxis(velocity.reshape(count, *grid.shape, grid.ndim), -1, 1)
    state[:, -1] = temperature.reshape(count, *grid.shape)
    return state, (viscosity.reshape(count), diffusivity.reshape(count), buoyancy.reshape(count, grid.ndim))


def _typed(
    states: np.ndarray, leading: tuple[tuple[str, ...], tuple[int, ...]], grid: Grid
) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, Any]]]:
    """Velocity and temperature from (..., field, *space), whose leading dimensions are given by name and size."""
    dims, sizes = leading
    shaped = states.reshape(*sizes, *states.shape[-1 - grid.ndim :])
    parts = np.moveaxis(shaped, len(sizes), -1)
    velocity = np.ascontiguousarray(parts[..., :-1])
    kinds = {name: TYPES[name].attrs() for name in STATES}
    return {
        "velocity": ((*dims, *grid.dims, "i"), velocity, kinds["velocity"]),
        "temperature": ((*dims, *grid.dims), np.ascontiguousarray(parts[..., -1]), kinds["temperature"]),
    }
