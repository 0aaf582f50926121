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
the state.

Conserved are the means of velocity and temperature, to rounding. Energy, variance of temperature and, in 2-D, enstrophy
are so with what was dissipated and put in, as well as the tolerance asks.

Exact solutions: in 2-D every flow of one wavenumber decays as exp(-ν k² t) (G. I. Taylor 1923), in 3-D those whose
curl is a multiple of themselves.

Caveat: the smallest eddies must be resolved. Where the energy piles up at the smallest waves, which are 3 cells long,
the cells are too large or the viscosity too small.

Source: C. Canuto, M. Y. Hussaini, A. Quarteroni and T. A. Zang, Spectral Methods: Evolution to Complex Geometries and
Applications to Fluid Dynamics (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from simulators.answers import of_moments, rate, seed_of
from simulators.base import Simulator, check_times, require_start, streams
from simulators.errors import InputError
from simulators.grid import Grid
from simulators.grid.dealiased import Dealiased
from simulators.navier_stokes.budgets import budgets, kept
from simulators.navier_stokes.fields import check_resolved, projected
from simulators.navier_stokes.rows import ledger, rows, typed
from simulators.navier_stokes.starts import blobs, eddies
from simulators.navier_stokes.variables import PARAMETERS, TYPES, types, upward
from simulators.parameters import Uniform, check_sign, chosen, complete, count, draw, ends, lead, setting, sides
from simulators.schema import Variable

__all__ = ["NavierStokes"]

Parameter = float | Sequence[float] | np.ndarray | Uniform
Lengths = float | tuple[float, float] | tuple[float, float, float]
_LENGTHS = ("eddy", "radius")


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
            length, vary = name in _LENGTHS, name in ("viscosity", "diffusivity")
            value = setting(name, getattr(self, name), ranges=not length, samples=vary)
            object.__setattr__(self, name, value)
            if name != "heat":
                check_sign(name, ends(value), zero=not length)
        object.__setattr__(self, "blobs", count("blobs", self.blobs, 0))
        for name, value in zip(("length", "cell"), sides(self.length, self.cell), strict=True):
            object.__setattr__(self, name, value)
        grid = self.grid()
        if not isinstance(self.buoyancy, Uniform):
            object.__setattr__(self, "buoyancy", upward(self.buoyancy, grid.ndim))

    def grid(self) -> Grid:
        """The periodic grid of the starts that it draws."""
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
        space, states = Dealiased(grid), []
        for rng in generators:
            speed, heat = chosen(self.speed, rng), chosen(self.heat, rng)
            flow = eddies(grid, space, rng, speed, self.eddy)
            states.append([*flow, blobs(grid, space, rng, self.blobs, heat, self.radius)])
        kinds, own = types(grid.ndim), self._own()
        if isinstance(self.buoyancy, Uniform):
            own["buoyancy"] = 0.0
        drawn = draw(kinds, own, {"i": grid.ndim}, generators, samples=samples, only=only)
        if isinstance(self.buoyancy, Uniform):
            up = np.zeros((len(generators), grid.ndim))
            up[:, -1] = [chosen(self.buoyancy, rng) for rng in generators]
            drawn["buoyancy"] = xr.DataArray(up, dims=("sample", "i"), attrs=kinds["buoyancy"].attrs())
        found = typed(np.array(states), (("sample",), (len(generators),)), grid)
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
        space = Dealiased(grid)
        state, parameters = rows(data, grid)
        check_resolved(space, state)
        from simulators.navier_stokes import solver

        found, told = solver.run(
            space, state, parameters, output,
            tolerance=tolerance, method=method, step=step, precision=precision, threads=threads,
        )  # fmt: skip
        dims, sizes = lead(data)
        leading = ((*dims, "time"), (*sizes, output.size))
        out = data.assign(typed(found.states, leading, grid) | ledger(found.integrals, leading))
        cells, runs = " x ".join(map(str, grid.shape)), len(state)
        title = f"{runs} run{'s' * (runs > 1)} of the Navier-Stokes equations on {cells} cells"
        return self._finish(out, title, output, solver=told, **seed_of(initial))

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `velocity` [m/s**2] and `temperature` [K/s].

        Raises:
            InputError: if the dataset is not of this schema, or its velocity diverges, see `simulate`.
        """
        data, grid = self._complete(dataset)
        state, parameters = rows(data, grid)
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
        found = typed(slopes, lead(data), grid)
        for name, units in (("velocity", "m/s**2"), ("temperature", "K/s")):
            found[name] = (*found[name][:2], rate(TYPES[name], units))
        return xr.Dataset(found, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What stays the same, means over the cells and per mass, per sample and time.

        `mean_velocity` (i) [m/s], the momentum, and `mean_temperature` [K] stay to rounding. `energy` [m**2/s**2] is
        ½<|u|²> with what was dissipated since the first time, without the work of buoyancy since then;
        `temperature_variance` [K**2] that of T with what was dissipated of it; in 2-D `enstrophy` [1/s**2] is ½<ω²>
        with what was dissipated, without what buoyancy made. Of a velocity that diverges, or has waves of less than 3
        cells, these three see the part that `project` would leave.

        Where the dataset holds these flows, as every run of `simulate` does, the three are constant about as well as
        its tolerance asks, relative to the largest energy, variance and enstrophy so far; with fixed steps at the order
        of the method. Else the flows are integrated over the stored times by cubic splines.

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data, grid = self._complete(dataset)
        return of_moments(kept(dataset, data, grid, self.time_units), data, dataset.attrs)

    def budgets(self, dataset: xr.Dataset) -> xr.Dataset:
        """What is unaccounted for of energy, variance of temperature and, in 2-D, enstrophy, per sample and time.

        `energy_budget` [m**2/s**2], `temperature_budget` [K**2] and `enstrophy_budget` [1/s**2] are the changes since
        the first time of `energy`, `temperature_variance` and `enstrophy` as `conserved` has them.

        Raises:
            InputError: if the dataset is not of this schema.
        """
        return budgets(self.conserved(dataset))

    def project(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset with a velocity free of divergence, and without waves of less than 3 cells.

        Of all such fields it has those nearest to the given ones. The means stay.

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data, grid = self._complete(dataset)
        state, _ = rows(data, grid)
        return dataset.assign(typed(projected(Dealiased(grid), state), lead(data), grid))

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
            check_sign(name, data[name].values, zero=True)
        return data, Grid.of(data, cell=self.cell if len(self.cell) == dimension else None)  # type: ignore[arg-type]
