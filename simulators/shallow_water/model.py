"""The rotating shallow-water equations with advected salinity: eddies, waves and fronts in a layer of the ocean.

    ∂η/∂t     = -∇·(D u)                                                          D = H + η
    ∂(D u)/∂t = -∇·(D u ⊗ u) - g D ∇η - f D ẑ×u + ∇·(ν D ∇u)
    ∂(D S)/∂t = -∇·(D u S) + ∇·(κ D ∇S)

A layer of water of thickness D flows under gravity g on a plane that turns at the rate f/2. Parcels keep their
potential vorticity (ζ + f)/D and their salinity S, but for viscosity ν and diffusivity κ. Slow eddies, in which the
Coriolis force holds the slopes of the surface, go along with inertia-gravity waves, ω² = f² + g H k² when they are
small. With gravity reduced by buoyancy, as by default, this is a layer of light water upon a deep one at rest: waves
travel at c = sqrt(g H) = 5 m/s, and eddies are about as wide as the deformation radius c/|f| = 50 km.

State (sample, time, y, x) on a periodic rectangle: height η, the elevation of the surface above rest [m]; velocity u
(..., i) [m/s]; salinity S [g/kg]. Parameters, with the default values:

    g   gravity     0.05 m/s**2       ν   viscosity     200 m**2/s
    f   coriolis    1e-4 1/s          κ   diffusivity   500 m**2/s
    H   depth       500  m

f is a pseudoscalar: a mirror image turns the other way.

Space is discretised at cell centres by central differences δ of order 4, advection in the skew-symmetric form
½ [δ·(D u q) + D u·δq + q δ·(D u)] for q = u, v, S: it is made of fluxes between pairs of cells, proportional to
(m_a + m_b) (q_a + q_b) with m = D u. So the sums of D, of D S and, with f = 0, of D u are kept to rounding whatever the
step; with f the sum of D u turns by -f t. Without viscosity the energy E = Σ ½ D |u|² + ½ g D² is kept exactly but for
the error in time. For δ is skew, Σ a δb = -Σ b δa, and in

    dE/dt = Σ u·∂(D u)/∂t + (g D - ½ |u|²) ∂D/∂t
          = -½ Σ u·[δ·(D u ⊗ u) + (D u·δ) u] - ½ Σ |u|² δ·(D u) - g Σ D u·δη - g Σ D δ·(D u) + ½ Σ |u|² δ·(D u)

the first bracket vanishes, since its two parts are each other's negative; the next and the last sum cancel, and so do
the two with g. In the same way Σ D S² is kept without diffusion. The Coriolis force does no work. Viscosity and
diffusion are sums over pairs too, v (D_a + D_b)/2 (q_b - q_a), of order 4, and take energy and variance of salinity,
those of a checkerboard most of all, as long as D does not change sevenfold from cell to cell. The energy that
viscosity takes is integrated along with the state. Potential enstrophy is kept within the order of the scheme.

Time is integrated by DOP853, explicitly: steps resolve gravity waves.

Caveat: the differences do not see a checkerboard of the height, which nothing damps, but which also moves nothing.
At the default setting waves of two cells hold less than 1e-6 of the variance of the height.

Source: G. K. Vallis, Atmospheric and Oceanic Fluid Dynamics, 2nd ed. (2017), chapter 3; skew-symmetric form: Y.
Morinishi, Skew-symmetric form of convective terms and fully conservative finite difference schemes for variable density
low-Mach number flows (J. Comput. Phys. 229, 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from simulators.answers import of_moments, rate, seed_of
from simulators.base import Simulator, check_times, require_start, streams
from simulators.errors import DivergenceError, InputError
from simulators.grid import Grid
from simulators.parameters import Uniform, check_sign, chosen, complete, draw, ends, lead, setting, sides
from simulators.schema import Variable
from simulators.shallow_water.quantities import kept, potential_vorticity
from simulators.shallow_water.rows import cells, check_cells, check_thickness, evaluate, rows, typed
from simulators.shallow_water.starts import balanced, fronts, stream
from simulators.shallow_water.variables import LOSS, PARAMETERS, STATES, TYPES

__all__ = ["ShallowWater"]

Parameter = float | Sequence[float] | np.ndarray | Uniform
Pair = float | tuple[float, float]
_POSITIVE = ("gravity", "depth", "wavelength")
_OF_STARTS = ("speed", "wavelength", "mean_salinity", "contrast")


@dataclass(frozen=True, kw_only=True)
class ShallowWater(Simulator):
    """Height, velocity and salinity of a layer of water on a periodic rectangle; see the module for the equations.

    Every parameter is a number, one number a sample, or a range to draw from (`simulators.Uniform`,
    `simulators.LogUniform`). What describes starts is a number or a range. None but `coriolis` may be negative.

    Args:
        gravity: g [m/s**2], positive; of a layer upon heavier water, that times the relative difference of density.
        coriolis: f [1/s].
        depth: H [m], positive.
        viscosity: ν [m**2/s].
        diffusivity: κ [m**2/s].
        length: of the rectangle [m], one number or (along x, along y).
        cell: size of a cell [m], which divides the length; one number or (along x, along y).
        speed: of the flow at the start, root mean square [m/s].
        wavelength: from one eddy of the start to the next of its sense [m].
        mean_salinity: at the start [g/kg].
        contrast: half of the difference between the bodies of water at the start [g/kg].

    Raises:
        InputError: if a parameter has the wrong shape or sign, or the cell does not divide the length into at least 5.

    >>> model = ShallowWater(length=160e3)
    >>> run = model.simulate(model.sample(2, seed=0), times=[0.0, 21600.0])
    >>> dict(run.velocity.sizes)
    {'sample': 2, 'time': 2, 'y': 16, 'x': 16, 'i': 2}
    """

    gravity: Parameter = 0.05
    coriolis: Parameter = 1e-4
    depth: Parameter = 500.0
    viscosity: Parameter = 200.0
    diffusivity: Parameter = 500.0
    length: Pair = 640e3
    cell: Pair = 10e3
    speed: float | Uniform = 0.4
    wavelength: float | Uniform = 200e3
    mean_salinity: float | Uniform = 35.0
    contrast: float | Uniform = 1.0

    times: ClassVar[np.ndarray] = 21600.0 * np.arange(41)

    def __post_init__(self) -> None:
        for name in (*PARAMETERS, *_OF_STARTS):
            value = setting(name, getattr(self, name), samples=name in PARAMETERS)
            object.__setattr__(self, name, value)
            _check_sign(name, ends(value))
        for name, value in zip(("length", "cell"), sides(self.length, self.cell), strict=True):
            object.__setattr__(self, name, value)
        check_cells(self.grid())
        from simulators.shallow_water.kernels import load

        load()  # so that the first run is as quick as the next

    def grid(self) -> Grid:
        """The periodic grid of the starts that it draws."""
        return Grid.rectangle(self.length, self.cell)

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters."""
        return dict(TYPES)

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """Random eddies in geostrophic balance, f ẑ×u = -g ∇η, and bodies of fresher and saltier water.

        Eddies of both senses have a stream function ψ with the given wavelength and speed, u = ẑ×∇ψ and
        η = f ψ/g; the balance holds exactly for the differences that the model takes, and so does ∇·u = 0.

        Args:
            samples: how many there are.
            seed: of all of them; sample n is the same however many there are.
            only: draw only these of them.

        Returns:
            height, velocity, salinity (sample, y, x), and the parameters, per sample where they vary.

        Raises:
            InputError: if samples < 1, a parameter was given for another number of samples, or the layer is too thin
                for the eddies.
        """
        generators, grid = streams(samples, seed, only), self.grid()
        flows, waters = [], []
        for rng in generators:
            speed, wavelength, mean, contrast = (chosen(getattr(self, name), rng) for name in _OF_STARTS)
            flows.append(stream(grid, rng, wavelength, speed))
            waters.append(mean + contrast * fronts(grid, rng, 1.5 * wavelength))
        # last, so that the flow is the same whatever is drawn of the parameters
        own = draw(TYPES, self._own(), {}, generators, samples=samples, only=only)
        height, velocity = balanced(grid, np.array(flows), own["gravity"].values, own["coriolis"].values)
        found = typed((height, velocity, np.array(waters)), (("sample",), (len(generators),)))
        starts = xr.Dataset(found | own).assign_coords(grid.coordinates())
        check_thickness(starts, "lower the speed or the wavelength, or raise depth or gravity")
        return self._finish(starts, f"starts of {samples} layers of water", seed=seed)

    def simulate(
        self,
        initial: xr.Dataset,
        times: np.ndarray,
        *,
        tolerance: float = 1e-8,
        step: float | None = None,
        threads: int | None = None,
    ) -> xr.Dataset:
        """Runs from typed starts, whose grid may be any.

        Args:
            initial: height, velocity, salinity (sample, y, x) on an evenly spaced grid, periodic; parameters in it win
                over the simulator's own.
            times: output times [s], increasing; the first is the time of `initial`. They are hit exactly.
            tolerance: bound of the error of the run in time, relative to the root mean squares of height and velocity,
                the largest so far, and to the standard deviation of the salinity at the start.
            step: take equal steps [s], none longer than this, instead of those that the tolerance asks for.
            threads: how many samples run at once; all cores by default. No number depends on it.

        Returns:
            The schema's dataset (sample, time, y, x), with `cumulative_dissipation`, the mean over the area of the
            energy that viscosity took, from which `conserved` makes the budget.

        Raises:
            InputError: if the starts or times are not as described, a layer is dry, or the step is longer than the
                fastest wave allows.
            DivergenceError: if a run fails, naming sample and time: it runs dry, or has breaking waves.
        """
        output = check_times(times)
        data, grid = self._complete(require_start(initial))
        from simulators.integrate.arguments import positive
        from simulators.integrate.field_dop853 import field_dop853
        from simulators.shallow_water.kernels import rhs
        from simulators.shallow_water.natural import Natural, scale, stable_step

        cell, (height, velocity, salinity), parameters = cells(grid), *rows(data)
        if step is not None:
            longest = float(np.min(stable_step(height, velocity, parameters, cell)))
            if positive("step", step) > longest:
                raise InputError(
                    f"step: expected at most {longest:.4g} s, which the fastest wave allows, given {step:g}; shorten it"
                )
        natural = Natural.of(parameters, salinity, cell)
        try:
            run = field_dop853(
                rhs, natural.pack(height, velocity, salinity), output, natural.parameters,
                tolerance=tolerance, step=step, scale=scale, integrals=1, threads=threads,
            )  # fmt: skip
        except DivergenceError as error:
            cause = "The layer runs dry or the flow breaks there: raise depth or viscosity, or begin slower"
            raise DivergenceError(f"{error} {cause}.", sample=error.sample, time=error.time) from error
        fields = natural.unpack(run.states)
        for found, given in zip(fields, (height, velocity, salinity), strict=True):
            found[:, 0] = given
        lost = run.integrals[..., 0] * (parameters["gravity"] * parameters["depth"] ** 2)[:, None]
        dims, sizes = lead(data)
        leading = ((*dims, "time"), (*sizes, output.size))
        out = typed(fields, leading) | {LOSS.name: (leading[0], lost.reshape(leading[1]), LOSS.attrs())}
        control = {"tolerance": tolerance} if step is None else {"step": step}
        solver = {"method": "DOP853", **control, "differences": 4}
        count, shape = len(height), " x ".join(map(str, height.shape[1:]))
        title = f"{count} run{'s' * (count > 1)} of the shallow-water equations on {shape} cells"
        return self._finish(data.assign(out), title, output, solver=solver, **seed_of(initial))

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `height` [m/s], `velocity` [m/s**2] and `salinity` [g/kg/s].

        Raises:
            InputError: if the dataset is not of this schema, or a layer is dry.
        """
        data, grid = self._complete(dataset)
        from simulators.shallow_water.natural import Natural

        fields, parameters = rows(data)
        natural = Natural.of(parameters, fields[-1], cells(grid))
        found = typed(natural.slopes(evaluate(natural, *fields)[0], *fields), lead(data))
        for name, units in zip(STATES, ("m/s", "m/s**2", "g/kg/s"), strict=True):
            found[name] = (*found[name][:2], rate(TYPES[name], units))
        return xr.Dataset(found, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """Mass, salt, momentum and energy, means over the area and per density, per sample and time.

        `mass` [m] is the mean of D, `salt` [m*g/kg] that of D S. `momentum` (i) [m**2/s] is that of D u, in axes that
        turn with an inertial oscillation, by -f t since the first time: the Coriolis force turns the momentum of the
        whole and does nothing else to it. `energy` [m**3/s**2] is that of ½ D |u|² + ½ g D², with what viscosity took
        since the first time; potential energy counts from the bottom, which adds a constant.

        Where the dataset holds `cumulative_dissipation`, as every run of `simulate` does, energy is constant but for
        the error in time. Else what viscosity takes is integrated over the stored times by cubic splines.

        Raises:
            InputError: if the dataset is not of this schema, or a layer is dry.
        """
        data, grid = self._complete(dataset)
        from simulators.shallow_water.natural import Natural

        (height, velocity, salinity), parameters = rows(data)
        _, rates = evaluate(Natural.of(parameters, salinity, cells(grid)), height, velocity, salinity)
        rates = (rates * parameters["gravity"] * parameters["depth"] ** 2).reshape(lead(data)[1])
        return of_moments(kept(dataset, data, rates, self.time_units), data, dataset.attrs)

    def potential_vorticity(self, dataset: xr.Dataset) -> xr.DataArray:
        """(∂v/∂x - ∂u/∂y + f)/D [1/m/s] (sample, time, y, x), which parcels keep without viscosity: a pseudoscalar.

        Raises:
            InputError: if the dataset is not of this schema, or a layer is dry.
        """
        return potential_vorticity(*self._complete(dataset))

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PARAMETERS}

    def _complete(self, dataset: xr.Dataset) -> tuple[xr.Dataset, Grid]:
        """The conformed variables, with the simulator's own parameters where the dataset has none, and their grid."""
        data = complete(dataset, TYPES, self._own())
        if data.sizes["i"] != 2:
            raise InputError(f"dimension 'i': expected 2 components, given {data.sizes['i']}")
        grid = Grid.of(data, cell=self.cell)
        check_cells(grid)
        for name in PARAMETERS:
            _check_sign(name, data[name].values)
        check_thickness(data, "raise the surface, or deepen the layer")
        return data, grid


def _check_sign(name: str, values: np.ndarray) -> None:
    if name != "coriolis":
        check_sign(name, values, zero=name not in _POSITIVE)
