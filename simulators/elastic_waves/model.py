"""Elastic waves: velocity and stress in a homogeneous, isotropic solid.

    ρ ∂v/∂t = ∇·σ,    ∂σ/∂t = λ (∇·v) 1 + μ (∇v + ∇vᵀ)

The solid is a periodic rectangle (plane strain: nothing moves or changes along z) or box. Pressure waves travel at
c_p = sqrt((λ + 2μ)/ρ), 5774 m/s at the default setting (granite), shear waves at c_s = sqrt(μ/ρ), 3333 m/s. Both are
without dispersion or damping, so that a pulse stays one, as a ring or sphere for each.

State: velocity v (sample, time, y, x, i) [m/s]; stress σ (sample, time, y, x, i, j) [Pa], symmetric; with z before y
in 3-D. Parameters: density ρ [kg/m**3]; lame_lambda λ and lame_mu μ [Pa].

Space is discretised by Fourier series and time is not: each mode is moved by its exact flow, from the start to each
output at once. So outputs are right to rounding, however far apart, and superposition, energy and reversal in time hold
to rounding; `simulators.elastic_waves.modes` has the formulas. Stress that no displacement has made (residual stress,
as in tempered glass, and the mean stress) moves nothing and stays; `ElasticWaves.residual_stress` tells it apart.

Conserved are the energy ½ ρ|v|² + ½ σ:ε, with the strain ε = (σ - λ/(dλ + 2μ) tr(σ) 1)/(2μ) in d dimensions, the
momentum ρ v, and the mean stress.

Caveat: fields should be smooth over some cells; a jump brings the ripples of a truncated Fourier series along.

Source: K. Aki and P. G. Richards, Quantitative Seismology (2nd ed., 2002), chapters 2 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from simulators.answers import of_moments, rate, seed_of
from simulators.base import Simulator, check_times, require_start, streams
from simulators.elastic_waves import fields
from simulators.elastic_waves.fields import PARAMETERS
from simulators.elastic_waves.modes import Modes
from simulators.errors import InputError
from simulators.grid import Grid
from simulators.parameters import Uniform, arrays, check_sign, complete, count, draw, ends, lead, setting, sides
from simulators.schema import Variable
from simulators.threads import in_threads

__all__ = ["ElasticWaves"]

Parameter = float | Sequence[float] | np.ndarray | Uniform
Lengths = float | tuple[float, float] | tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class ElasticWaves(Simulator):
    """Velocity and stress of a solid on a periodic rectangle or box; see the module for the equations.

    Every parameter is a number, one number a sample, or a range to draw from (`simulators.Uniform`,
    `simulators.LogUniform`).

    Args:
        density: ρ [kg/m**3], positive.
        lame_lambda: λ [Pa], above -2μ/3, or the solid would swell by itself.
        lame_mu: μ [Pa], positive.
        length: of the box [m]: one number or two (along x, along y) for a rectangle, three for a box.
        cell: size of a cell [m], which divides the length; one number or one an axis.
        pulses: how many a start has.
        width: standard deviation of a pulse [m]; some cells. A number or a range to draw from.
        speed: of the solid in a pulse [m/s], about.

    Raises:
        InputError: if a parameter has the wrong shape or sign, or the cell does not divide the length.

    >>> solid = ElasticWaves(length=3200.0)
    >>> run = solid.simulate(solid.sample(2, seed=0), times=[0.0, 0.1, 0.2])
    >>> dict(run.stress.sizes)
    {'sample': 2, 'time': 3, 'y': 32, 'x': 32, 'i': 2, 'j': 2}
    """

    density: Parameter = 2700.0
    lame_lambda: Parameter = 3e10
    lame_mu: Parameter = 3e10
    length: Lengths = 6400.0
    cell: Lengths = 100.0
    pulses: int = 3
    width: float | Uniform = 250.0
    speed: float = 1.0

    times: ClassVar[np.ndarray] = 0.05 * np.arange(21)
    reversible: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in (*PARAMETERS, "width", "speed"):
            value = setting(name, getattr(self, name), ranges=name != "speed", samples=name in PARAMETERS)
            object.__setattr__(self, name, value)
        check_sign("width", ends(self.width))
        check_sign("speed", ends(self.speed), zero=True)
        fields.check_medium(*(fields.least(getattr(self, name)) for name in PARAMETERS))
        object.__setattr__(self, "pulses", count("pulses", self.pulses))
        for name, value in zip(("length", "cell"), sides(self.length, self.cell), strict=True):
            object.__setattr__(self, name, value)
        self.grid()

    def grid(self) -> Grid:
        """The grid of the starts that `sample` draws."""
        return Grid(length=self.length, cell=self.cell)  # type: ignore[arg-type]

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters; fields in 3-D have the dimension z before y."""
        return fields.types(2)

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """Pulses at random places, each a push in one direction and a displacement in another.

        A pulse is a Gaussian of the standard deviation `width`. Its velocity has components of the standard deviation
        `speed`; the stress is that of displacements for which P waves move about as fast. The solid as a whole is at
        rest, and has no residual stress.

        Args:
            samples: how many there are.
            seed: of all; sample n is the same however many are drawn.
            only: which of the samples to draw, such as ``slice(10, 20)``; all by default.

        Returns:
            velocity (sample, y, x, i), stress (sample, y, x, i, j), and the parameters, per sample where they vary.

        Raises:
            InputError: if samples < 1, `only` takes none, or a parameter was given for another number of samples.
        """
        generators, grid = streams(samples, seed, only), self.grid()
        pulses = np.array([fields.pulses(grid, rng, self.pulses, self.width, self.speed) for rng in generators])
        types = fields.types(grid.ndim)
        own = draw(types, self._own(), {}, generators, samples=samples, only=only)
        size = (len(generators), *(1,) * (grid.ndim + 2))
        rho, lam, mu = (np.broadcast_to(own[name].values, len(generators)).reshape(size) for name in PARAMETERS)
        fields.check_medium(rho, lam, mu)
        strain = grid.gradient(pulses[:, 1], "spectral", tensor_order=1) * np.sqrt(rho / (lam + 2 * mu))
        dims = ("sample", *grid.dims, "i", "j")
        starts = xr.Dataset(
            {
                "velocity": (dims[:-1], pulses[:, 0], types["velocity"].attrs()),
                "stress": (dims, fields.stretched(strain, lam, mu), types["stress"].attrs()),
                **own,
            }
        ).assign_coords(grid.coordinates())
        return self._finish(starts, f"starts of {samples} shaken solids", seed=seed)

    def simulate(
        self, initial: xr.Dataset, times: np.ndarray, *, tolerance: float = 1e-12, threads: int | None = None
    ) -> xr.Dataset:
        """Runs from typed starts, whose grid may be any of 2 or 3 dimensions.

        Args:
            initial: velocity (sample, y, x, i) and stress (sample, y, x, i, j) on an evenly spaced grid, periodic;
                parameters in it win over the simulator's own.
            times: output times [s], increasing; the first is the time of `initial`.
            tolerance: here as the contract has it: the flow is exact in time, and its error one of rounding.
            threads: how many samples run at once; all cores by default. No number depends on it.

        Returns:
            The schema's dataset (sample, time, y, x, i, j).

        Raises:
            InputError: if the starts or times are not as described, the stress is not symmetric (to a hundredth, which
                is averaged away), or a parameter has the wrong sign.
        """
        output = check_times(times)
        if not isinstance(tolerance, int | float) or not tolerance > 0:
            raise InputError(f"tolerance: expected a positive number, given {tolerance!r}")
        data, grid = self._complete(require_start(initial))
        fields.check_symmetric(data["stress"])
        (dims, sizes), (velocity, stress, *medium) = lead(data), arrays(data)
        rows = int(np.prod(sizes))
        velocity = velocity.reshape(rows, *velocity.shape[len(sizes) :])
        stress = fields.symmetric(stress.reshape(rows, *stress.shape[len(sizes) :]))
        numbers = [values.reshape(rows) for values in medium]
        run = np.empty((rows, output.size, *velocity.shape[1:])), np.empty((rows, output.size, *stress.shape[1:]))

        def one(row: int) -> None:
            flow = Modes(grid, *(values[row] for values in numbers))
            run[0][row], run[1][row] = flow.run(velocity[row], stress[row], output - output[0])

        in_threads(one, rows, threads)
        out = {}
        for name, values in zip(("velocity", "stress"), run, strict=True):
            own = (*grid.dims, *self.variables()[name].indices)
            out[name] = ((*dims, "time", *own), values.reshape(*sizes, *values.shape[1:]), data[name].attrs)
        cells = " x ".join(map(str, grid.shape))
        title = f"{rows} run{'s' * (rows > 1)} of elastic waves on {cells} cells"
        solver = {"method": "exact in Fourier space"}
        return self._finish(data.assign(out), title, output, solver=solver, **seed_of(initial))

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `velocity` [m/s**2] and `stress` [Pa/s], with spectral derivatives.

        Raises:
            InputError: if the dataset is not of this schema, or a parameter has the wrong sign.
        """
        data, grid = self._complete(dataset)
        fields.check_symmetric(data["stress"])
        velocity, stress, *medium = arrays(data)
        rho, lam, mu = (values.reshape(*values.shape, *(1,) * (grid.ndim + 2)) for values in medium)
        push = grid.divergence(fields.symmetric(stress), "spectral", tensor_order=2) / rho[..., 0]
        made = fields.stretched(grid.gradient(velocity, "spectral", tensor_order=1), lam, mu)
        found = {}
        for name, units, values in (("velocity", "m/s**2", push), ("stress", "Pa/s", made)):
            old = self.variables()[name]
            found[name] = ((*lead(data)[0], *grid.dims, *old.indices), values, rate(old, units))
        return xr.Dataset(found, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """What is kept, per sample and time, as means over the cells.

        `energy` ½ ρ|v|² + ½ σ:ε [J/m**3], `momentum` ρ v (i) [kg/m**2/s] and `mean_stress` (i, j) [Pa].

        Raises:
            InputError: if the dataset is not of this schema, or a parameter has the wrong sign.
        """
        data, grid = self._complete(dataset)
        velocity, stress, *medium = arrays(data)
        stress, d = fields.symmetric(stress), grid.ndim
        space = tuple(range(-1 - d, -1))
        rho, lam, mu = medium
        trace = np.trace(stress, axis1=-2, axis2=-1)
        squares = [np.mean(a**2, axis=tuple(range(-b, 0))) for a, b in ((velocity, d + 1), (stress, d + 2))]
        spread = np.mean(trace**2, axis=tuple(range(-d, 0)))
        # means over components too, hence d and d**2
        kinetic = 0.5 * rho * d * squares[0]
        elastic = (d**2 * squares[1] - lam / (d * lam + 2 * mu) * spread) / (4 * mu)
        momentum = rho[..., None] * velocity.mean(axis=space)
        mean_stress = stress.mean(axis=tuple(range(-2 - d, -2)))
        kinds = (
            (Variable("energy", "J/m**3", "energy density", "e", role="diagnostic"), kinetic + elastic),
            (Variable("momentum", "kg/m**2/s", "momentum density", "ρv", (), 1, role="diagnostic"), momentum),
            (Variable("mean_stress", "Pa", "mean stress", "<σ>", (), 2, role="diagnostic"), mean_stress),
        )
        dims = lead(data)[0]
        found = {v.name: ((*dims, *v.indices), values, v.attrs()) for v, values in kinds}
        return of_moments(found, data, dataset.attrs)

    def residual_stress(self, dataset: xr.Dataset) -> xr.DataArray:
        """The part of the stress that no displacement has made: it pulls on nothing, and does not change.

        It is σ without the stress that any waves could carry, mode by mode, and includes the mean stress.

        Returns:
            Typed (sample, time, y, x, i, j) [Pa], those dimensions that the stress has.

        Raises:
            InputError: if the dataset is not of this schema, or a parameter has the wrong sign.
        """
        data, grid = self._complete(dataset)
        dims, sizes = lead(data)
        _, stress, *medium = arrays(data)
        out = np.empty_like(stress)
        for place in np.ndindex(sizes):
            flow = Modes(grid, *(values[place] for values in medium))
            out[place] = flow.residual(fields.symmetric(stress[place]))
        kind = Variable("residual_stress", "Pa", "residual stress", "σ_r", grid.dims, 2, role="diagnostic")
        return xr.DataArray(out, data.coords, (*dims, *kind.dims, *kind.indices), kind.name, kind.attrs())

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PARAMETERS}

    def _complete(self, dataset: xr.Dataset) -> tuple[xr.Dataset, Grid]:
        """The conformed variables, with the simulator's own parameters where the dataset has none, and their grid."""
        dimension = 3 if isinstance(dataset, xr.Dataset) and "z" in dataset.dims else 2
        data = complete(dataset, fields.types(dimension), self._own())
        for index in ("i", "j"):
            if data.sizes[index] != dimension:
                raise InputError(
                    f"dimension {index!r}: expected {dimension} components, as the grid has dimensions, given"
                    f" {data.sizes[index]}"
                )
        fields.check_medium(*(values for values in arrays(data)[2:]))
        return data, Grid.of(data, cell=self.cell if len(self.cell) == dimension else None)  # type: ignore[arg-type]
