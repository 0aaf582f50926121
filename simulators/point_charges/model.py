"""Point charges: charged bodies in a periodic box, the electric field that they make, and their motion in it.

    ε ∇·E = ρ - <ρ>,   ∇×E = 0,   ρ(r) = Σ_b Q_b g(r - q_b),   g the Gaussian of the standard deviation a
    dq_b/dt = p_b/m_b,   dp_b/dt = Q_b ∫ E(r) g(r - q_b) dr

Charges have the radius a, so that the field is finite everywhere and a charge feels what it makes: the energy
Σ_b |p_b|²/(2 m_b) + ε/2 ∫|E|² and the momentum are conserved. A uniform background, which does not move, balances the
total charge. There is no magnetism (bodies are slow) and no collision: charges pass through each other.

In 2-D the bodies are parallel rods along z, with the charge Q over a depth, where nothing depends on z: the
potential of a thin one is -Q/(2π ε depth) ln r. In 3-D it is Q/(4π ε r), and the depth has no meaning.

State: position q (sample, time, body, i) [m], which goes on where a body leaves the box through one side and enters
through the other; momentum p (sample, time, body, i) [kg*m/s]. Parameters: charge Q (body) [C]; mass m (body) [kg];
radius a [m]; permittivity ε [F/m]; depth [m]. Of the state and on the grid, as diagnostics: field E
(sample, time, y, x, i) [V/m] and charge_density ρ (sample, time, y, x) [C/m**3], exact at cell centres, with z before y
in 3-D. The box has its middle at the origin, about which the grid, positions and fields turn as one.

Ewald sums (`simulators.point_charges.ewald`) make field and force right to about 1e-13 of their size, for any radius.
On cells below a/2.5 the spectral divergence of the field is that of the density to about 1e-12 too.

Source: J. D. Jackson, Classical Electrodynamics (3rd ed., 1998), chapter 1; D. Frenkel and B. Smit, Understanding
Molecular Simulation (2nd ed., 2002), chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from simulators.answers import of_moments, rate, seed_of
from simulators.base import Simulator, check_times, require_start, streams
from simulators.errors import InputError
from simulators.grid import Grid
from simulators.parameters import Uniform, check_sign, complete, count, draw, ends, frozen, lead, setting, sides
from simulators.point_charges import ewald
from simulators.point_charges.rows import packed, rows
from simulators.point_charges.starts import places
from simulators.point_charges.variables import PARAMETERS, PER_BODY, PER_SAMPLE, POSITIVE, TYPES, made
from simulators.schema import SPACE, Variable
from simulators.threads import in_threads

__all__ = ["PointCharges"]

Parameter = float | Sequence[float] | Sequence[Sequence[float]] | np.ndarray | Uniform
Lengths = float | tuple[float, float] | tuple[float, float, float]
_CHARGE = Uniform(-1e-9, 1e-9)


@dataclass(frozen=True, kw_only=True)
class PointCharges(Simulator):
    """Charged bodies in a periodic rectangle or box; see the module for the equations.

    `charge` and `mass` are a number, one number a body, an array (sample, body), or a range to draw from for each body
    (`simulators.Uniform`, `simulators.LogUniform`); the others a number, one number a sample, or a range.

    Args:
        bodies: how many there are.
        charge: of each body [C].
        mass: of each body [kg], positive.
        radius: standard deviation of the Gaussian charges [m], positive.
        permittivity: of the space between [F/m], positive; that of vacuum.
        depth: in 2-D, that over which a rod has its charge and its mass [m], positive.
        length: of the box [m]: one number or two (along x, along y) for a rectangle, three for a box.
        cell: size of a cell [m], which divides the length; one number or one an axis.
        neutral: whether `sample` takes their mean off the charges.
        separation: the least distance between bodies of a start [m].
        speed: standard deviation [m/s] of each component of a start's velocities.

    Raises:
        InputError: if a parameter has the wrong shape or sign, or the cell does not divide the length.

    >>> charges = PointCharges(bodies=4, length=0.32)
    >>> dict(charges.sample(2, seed=0).field.sizes)
    {'sample': 2, 'y': 32, 'x': 32, 'i': 2}
    """

    bodies: int = 6
    charge: Parameter = _CHARGE
    mass: Parameter = 1e-6
    radius: float | Sequence[float] | np.ndarray | Uniform = 0.025
    permittivity: float | Sequence[float] | np.ndarray | Uniform = 8.8541878188e-12
    depth: float | Sequence[float] | np.ndarray | Uniform = 1.0
    length: Lengths = 0.64
    cell: Lengths = 0.01
    neutral: bool = False
    separation: float = 0.1
    speed: float = 0.1

    times: ClassVar[np.ndarray] = 0.05 * np.arange(41)
    reversible: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "bodies", count("bodies", self.bodies))
        for name in PER_BODY:
            value = getattr(self, name)
            if not isinstance(value, Uniform):
                object.__setattr__(self, name, value := frozen(name, value))
            shape = () if isinstance(value, Uniform) else np.shape(value)
            if len(shape) > 2 or (shape and shape[-1] != self.bodies):
                raise InputError(
                    f"{name}: expected one number, {self.bodies} (one a body), or an array (sample, body);"
                    f" given the shape {shape}"
                )
        for name in PER_SAMPLE:
            object.__setattr__(self, name, setting(name, getattr(self, name), samples=True))
        for name in POSITIVE:
            check_sign(name, ends(getattr(self, name)))
        for name in ("separation", "speed"):
            object.__setattr__(self, name, setting(name, getattr(self, name), ranges=False))
            check_sign(name, ends(getattr(self, name)), zero=True)
        if not isinstance(self.neutral, bool):
            raise InputError(f"neutral: expected True or False, given {self.neutral!r}")
        for name, value in zip(("length", "cell"), sides(self.length, self.cell), strict=True):
            object.__setattr__(self, name, value)
        self.grid()

    def grid(self) -> Grid:
        """The grid of the starts that `sample` draws, with its middle at the origin."""
        # by way of the checks of a grid
        length = Grid(self.length, self.cell).length  # type: ignore[arg-type]
        return Grid(length, self.cell, origin=[-0.5 * size for size in length])  # type: ignore[arg-type]

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters."""
        return dict(TYPES)

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """Bodies at random places that are well apart, with random velocities, and the field that they make.

        Args:
            samples: how many there are.
            seed: of all; sample n is the same however many are drawn.
            only: which of the samples to draw, such as ``slice(10, 20)``; all by default.

        Returns:
            position and momentum (sample, body, i), the parameters, per sample where they vary, and charge_density
            (sample, y, x) and field (sample, y, x, i).

        Raises:
            InputError: if samples < 1, `only` takes none, a parameter was given for another number of samples, or there
                is no room for the bodies.
        """
        generators, grid = streams(samples, seed, only), self.grid()
        where = np.array([places(grid, rng, self.bodies, self.separation) for rng in generators])
        speeds = self.speed * np.array([rng.standard_normal((self.bodies, grid.ndim)) for rng in generators])
        own = draw(TYPES, self._own(), {"body": self.bodies}, generators, samples=samples, only=only)
        if self.neutral:
            own["charge"] = own["charge"] - own["charge"].mean("body")
            own["charge"].attrs = TYPES["charge"].attrs()
        states = {"position": where, "momentum": own["mass"].values[..., None] * speeds}
        dims = ("sample", "body", "i")
        starts = xr.Dataset({name: (dims, values, TYPES[name].attrs()) for name, values in states.items()} | own)
        starts = self.fields(starts.assign_coords(grid.coordinates()))
        return self._finish(starts, f"starts of {samples} boxes of charges", seed=seed)

    def fields(self, dataset: xr.Dataset, *, threads: int | None = None) -> xr.Dataset:
        """The dataset with what its charges make: `charge_density` [C/m**3] and `field` [V/m] at the cell centres.

        Args:
            dataset: position (sample, time, body, i), those dimensions that it has, and parameters; on the grid of its
                coordinates x and y (and z), or that of the simulator if it has none.
            threads: how many moments are worked on at once; all cores by default. No number depends on it.

        Raises:
            InputError: if the dataset is not of this schema, or a parameter has the wrong sign.
        """
        data, grid = self._complete(dataset)
        (dims, sizes), moments = lead(data), rows(data)
        axes = [c[1] for c in reversed(grid.coordinates().values())]
        total = np.empty((len(moments.places), *grid.shape)), np.empty((len(moments.places), *grid.shape, grid.ndim))

        def one(n: int) -> None:
            given = (axes, grid.length, moments.places[n], moments.charges[n], moments.radius[n])
            total[0][n] = ewald.density(*given) / (moments.depth[n] if grid.ndim == 2 else 1.0)
            total[1][n] = ewald.field(*given, moments.strength[n])

        in_threads(one, len(moments.places), threads)
        found = {
            kind.name: ((*dims, *kind.dims, *kind.indices), values.reshape(*sizes, *values.shape[1:]), kind.attrs())
            for kind, values in zip(made(grid.dims), total, strict=True)
        }
        return dataset.assign(found).assign_coords(grid.coordinates())

    def simulate(
        self, initial: xr.Dataset, times: np.ndarray, *, tolerance: float = 1e-10, threads: int | None = None
    ) -> xr.Dataset:
        """Trajectories from typed starts, and the field along them.

        Args:
            initial: position and momentum (sample, body, i), in the box of its coordinates x and y (and z), or in that
                of the simulator; parameters in it win over the simulator's own.
            times: output times [s], increasing; the first is the time of `initial`. A single one gives the field of
                the start.
            tolerance: bound of the local error of a step of DOP853, relative to the shortest side of the box for
                positions, and to the momentum that the energy allows for momenta.
            threads: how many to use; all cores by default. No number depends on it.

        Returns:
            The schema's dataset (sample, time, body, i), with charge_density and field (sample, time, y, x, i).

        Raises:
            InputError: if the starts or times are not as described.
            DivergenceError: if a run fails, naming sample and time.
        """
        output = check_times(times)
        data, grid = self._complete(require_start(initial))
        state, parameters, scale = packed(data, grid)
        from simulators import integrate
        from simulators.point_charges.kernels import forces

        runs = integrate.dop853(
            forces(grid.ndim), state, output, parameters, tolerance=tolerance, scale=scale, threads=threads
        )
        dims, sizes = lead(data)
        shaped = runs.reshape(*sizes, output.size, 2, -1, grid.ndim)
        full = (*dims, "time", "body", "i")
        out = data.assign(
            position=(full, shaped[..., 0, :, :], data["position"].attrs),
            momentum=(full, shaped[..., 1, :, :], data["momentum"].attrs),
        ).assign_coords(grid.coordinates())
        title = f"{len(runs)} box{'es' * (len(runs) > 1)} of {shaped.shape[-2]} charges"
        solver = {"method": "DOP853", "tolerance": tolerance, "field": "Ewald sums"}
        return self._finish(self.fields(out, threads=threads), title, output, solver=solver, **seed_of(initial))

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `position` [m/s] and `momentum` [kg*m/s**2], with the dimensions of the state.

        Raises:
            InputError: if the dataset is not of this schema, or a parameter has the wrong sign.
        """
        data, grid = self._complete(dataset)
        state, parameters, _ = packed(data, grid)
        from simulators import integrate
        from simulators.point_charges.kernels import forces

        dims, sizes = lead(data)
        slopes = integrate.evaluate(forces(grid.ndim), 0.0, state, parameters).reshape(*sizes, 2, -1, grid.ndim)
        out = {}
        for n, (name, units) in enumerate((("position", "m/s"), ("momentum", "kg*m/s**2"))):
            out[name] = ((*dims, "body", "i"), slopes[..., n, :, :], rate(TYPES[name], units))
        return xr.Dataset(out, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """Energy and momentum, per sample and time of the dataset.

        `energy` is that of the motion and of the field, Σ_b |p_b|²/(2 m_b) + ε/2 ∫|E|² [J], in 2-D over the depth;
        `momentum` is Σ_b p_b (i) [kg*m/s].

        Raises:
            InputError: if the dataset is not of this schema, or a parameter has the wrong sign.
        """
        data, grid = self._complete(dataset)
        (dims, sizes), moments = lead(data), rows(data)
        kinetic = np.sum(moments.momenta**2 / (2 * moments.masses[..., None]), axis=(-2, -1))
        energy, momentum = kinetic + moments.energy(grid), moments.momenta.sum(axis=-2)
        kinds = (
            (Variable("energy", "J", "energy", "H", role="diagnostic"), energy),
            (Variable("momentum", "kg*m/s", "total momentum", "P", (), 1, role="diagnostic"), momentum),
        )
        found = {v.name: ((*dims, *v.indices), a.reshape(*sizes, *a.shape[1:]), v.attrs()) for v, a in kinds}
        return of_moments(found, data, dataset.attrs)

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PARAMETERS}

    def _complete(self, dataset: xr.Dataset) -> tuple[xr.Dataset, Grid]:
        """The conformed variables, with the simulator's own parameters where the dataset has none, and their grid."""
        data = complete(dataset, TYPES, self._own())
        gridded = any(dim in SPACE for dim in dataset.dims)
        cell = self.cell if len(self.cell) == sum(dim in SPACE for dim in dataset.dims) else None  # type: ignore[arg-type]
        grid = Grid.of(dataset, cell=cell) if gridded else self.grid()
        if grid.ndim < 2 or data.sizes["i"] != grid.ndim:
            raise InputError(
                f"dimension 'i': expected {grid.ndim} components in a box over {', '.join(grid.dims)}, given"
                f" {data.sizes['i']}"
                if grid.ndim > 1
                else "expected the coordinates y and x, or z, y and x, of a grid; given x alone"
            )
        for name in POSITIVE:
            check_sign(name, data[name].values)
        return data, grid
