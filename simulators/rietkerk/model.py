"""The Rietkerk model: how plants in dry land arrange themselves in spots, labyrinths and gaps.

    ∂u/∂t = R - a (v + k2 W0)/(v + k2) u + Du ∇²u
    ∂w/∂t = a (v + k2 W0)/(v + k2) u - gm v w/(k1 + w) - dw w + Dw ∇²w
    ∂v/∂t = c gm v w/(k1 + w) - dv v + Dv ∇²v

Rain R falls as surface water u, which soaks in faster where there are plants v, whose roots take soil water w. Plants
help their neighbours to water and take it from those further off; so the homogeneous vegetation is unstable to
patterns of one wavelength, 42 m at the default setting, which form within about 100 days.

State (sample, time, y, x) on a periodic rectangle: surface_water u [l/m**2], soil_water w [l/m**2], vegetation v
[g/m**2]. Parameters, with the default values:

    R   rainfall                    0.375 l/d/m**2     k1  uptake_constant          5    l/m**2
    a   infiltration_rate           0.2   1/d          dw  soil_water_loss          0.2  1/d
    k2  saturation_constant         5     g/m**2       Dw  soil_water_diffusion     0.1  m**2/d
    W0  water_infiltration_constant 0.1                c   water_to_biomass         20   g/l
    Du  surface_water_diffusion     100   m**2/d       dv  vegetation_loss          0.25 1/d
    gm  water_uptake                0.05  l/g/d        Dv  vegetation_diffusion     0.1  m**2/d

Bare state: v = 0, w = R/dw = 1.875, u = R/(a W0) = 18.75. Below the rainfall R = 1/3 l/d/m**2 the bare state is stable.
Homogeneous vegetated state: w = dv k1/(c gm - dv) = 5/3, v = c (R - dw w)/dv = 10/3, u = 4.0761.

Space is discretised by the 5-point Laplacian, whose sum over the cells is zero: diffusion moves water and moves plants,
and makes none. What falls, is taken up and is lost is integrated along with the state by the same scheme; so the
budgets of water and biomass close to rounding, whatever the step.

Caveat: the Laplacian is of second order in the size of the cells, which should be well below the width of a spot
(about 10 m); vegetated single cells, as a start, are as wide as a cell.

Source: M. Rietkerk, M. C. Boerlijst, F. van Langevelde, R. HilleRisLambers, J. van de Koppel, L. Kumar, H. H. T. Prins
and A. M. de Roos, Self-organization of vegetation in arid ecosystems (The American Naturalist 160, 2002); setting as in
S. Villar, Exact and approximate symmetries in machine learning models (lecture, 2024).
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
from simulators.parameters import Uniform, check_sign, complete, draw, ends, lead, setting, sides
from simulators.rietkerk.budgets import budgets
from simulators.rietkerk.rows import cells, ledger, rows, typed
from simulators.rietkerk.starts import vegetation
from simulators.rietkerk.variables import PARAMETERS, STATES, TYPES
from simulators.schema import Variable

__all__ = ["Rietkerk"]

Parameter = float | Sequence[float] | np.ndarray | Uniform
Pair = float | tuple[float, float]
_ROUNDING = 1e-9
_DIVISORS = ("saturation_constant", "uptake_constant")
_BARE = ("infiltration_rate", "water_infiltration_constant", "soil_water_loss")


@dataclass(frozen=True, kw_only=True)
class Rietkerk(Simulator):
    """Surface water, soil water and vegetation on a periodic rectangle; see the module for the equations.

    Every parameter is a number, one number a sample, or a range to draw from (`simulators.Uniform`,
    `simulators.LogUniform`). Numbers must not be negative.

    Args:
        rainfall: R [l/d/m**2].
        infiltration_rate: a [1/d].
        saturation_constant: k2 [g/m**2], positive.
        water_infiltration_constant: W0.
        surface_water_diffusion: Du [m**2/d].
        water_uptake: gm [l/g/d].
        uptake_constant: k1 [l/m**2], positive.
        soil_water_loss: dw [1/d].
        soil_water_diffusion: Dw [m**2/d].
        water_to_biomass: c [g/l].
        vegetation_loss: dv [1/d].
        vegetation_diffusion: Dv [m**2/d].
        length: of the rectangle [m], one number or (along x, along y).
        cell: size of a cell [m], which divides the length; one number or (along x, along y).
        start: what `sample` draws: the bare state with "cells" vegetated at random, or with round "patches" of radius
            5 m at random places.
        cover: the vegetated part of the area at the start, on average; a number or a range to draw from.
        biomass: the vegetation there [g/m**2], a number or a range to draw from.

    Raises:
        InputError: if a parameter has the wrong shape or sign, or the cell does not divide the length.

    >>> model = Rietkerk(length=64.0)
    >>> run = model.simulate(model.sample(2, seed=0), times=[0.0, 5.0, 10.0])
    >>> dict(run.vegetation.sizes)
    {'sample': 2, 'time': 3, 'y': 32, 'x': 32}
    """

    rainfall: Parameter = 0.375
    infiltration_rate: Parameter = 0.2
    saturation_constant: Parameter = 5.0
    water_infiltration_constant: Parameter = 0.1
    surface_water_diffusion: Parameter = 100.0
    water_uptake: Parameter = 0.05
    uptake_constant: Parameter = 5.0
    soil_water_loss: Parameter = 0.2
    soil_water_diffusion: Parameter = 0.1
    water_to_biomass: Parameter = 20.0
    vegetation_loss: Parameter = 0.25
    vegetation_diffusion: Parameter = 0.1
    length: Pair = 200.0
    cell: Pair = 2.0
    start: Literal["cells", "patches"] = "cells"
    cover: float | Uniform = 0.1
    biomass: float | Uniform = 90.0

    times: ClassVar[np.ndarray] = 5.0 * np.arange(41)
    time_units: ClassVar[str] = "d"

    def __post_init__(self) -> None:
        for name in (*PARAMETERS, "cover", "biomass"):
            value = setting(name, getattr(self, name), samples=name in PARAMETERS)
            object.__setattr__(self, name, value)
            check_sign(name, ends(value), zero=name not in _DIVISORS)
        most = np.max(ends(self.cover))
        if most > 1:
            raise InputError(f"cover: expected a part of the area between 0 and 1, given {most:g}")
        if self.start not in ("cells", "patches"):
            raise InputError(f"start: expected 'cells' or 'patches', given {self.start!r}")
        for name, value in zip(("length", "cell"), sides(self.length, self.cell), strict=True):
            object.__setattr__(self, name, value)
        self.grid()
        from simulators.rietkerk.kernels import load

        # here, so that the first run is as quick as the next
        load()

    def grid(self) -> Grid:
        """The periodic grid of the starts that it draws."""
        return Grid.rectangle(self.length, self.cell)

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters."""
        return dict(TYPES)

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """The bare state with random vegetation, and the parameters.

        Args:
            samples: how many there are.
            seed: of all of them; sample n is the same however many there are.
            only: draw only these of them.

        Returns:
            surface_water, soil_water, vegetation (sample, y, x), and the parameters, per sample where they vary.

        Raises:
            InputError: if samples < 1, a parameter was given for another number of samples, or there is no bare state
                because a, W0 or dw is zero.
        """
        generators, grid = streams(samples, seed, only), self.grid()
        # first, so that plants stand where they do whatever is drawn of the parameters
        plants = [vegetation(grid, rng, self.start, self.cover, self.biomass) for rng in generators]
        own = draw(TYPES, self._own(), {}, generators, samples=samples, only=only)
        for name in _BARE:
            if np.any(own[name].values == 0):
                raise InputError(f"{name}: expected a positive value, since the start is the bare state; given 0")
        rain, soak, bare, loss = (own[name].values.reshape(-1, 1, 1) for name in ("rainfall", *_BARE))
        shape = (len(generators), *grid.shape)
        states = [np.broadcast_to(values, shape) for values in (rain / (soak * bare), rain / loss, np.array(plants))]
        starts = xr.Dataset(typed(np.stack(states, axis=1), (("sample",), shape[:1])) | own)
        starts = starts.assign_coords(grid.coordinates())
        return self._finish(starts, f"starts of {samples} patches of dry land", seed=seed)

    def simulate(
        self,
        initial: xr.Dataset,
        times: np.ndarray,
        *,
        tolerance: float = 1e-6,
        method: Literal["etdrk4", "rock4", "rkc2"] = "etdrk4",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Runs from typed starts, whose grid may be any.

        Args:
            initial: surface_water, soil_water, vegetation (sample, y, x) on an evenly spaced grid, periodic; parameters
                in it win over the simulator's own.
            times: output times [d], increasing; the first is the time of `initial`. They are hit exactly.
            tolerance: bound of the error of each field, relative to its standard deviation over the cells, the largest
                so far, or to a hundredth of its root mean square where it varies less.
            method: "etdrk4", exponential of order 4 and the fastest, or stabilised explicit "rock4" of order 4 or
                "rkc2" of order 2; see `simulators.integrate`.
            threads: how many samples run at once; all cores by default. No number depends on it.

        Returns:
            The schema's dataset (sample, time, y, x), with the cumulative rainfall, uptake and losses, means over
            the area, from which `conserved` makes the budgets.

        Raises:
            InputError: if the starts or times are not as described, or a field or parameter is negative.
            DivergenceError: if a run fails, naming sample and time.
        """
        output = check_times(times)
        data, grid = self._complete(require_start(initial))
        state, parameters = rows(data)
        from simulators import integrate
        from simulators.rietkerk.kernels import diffusion, pack, rhs, stiff

        common: dict[str, Any] = {
            "tolerance": tolerance, "scale": integrate.spread, "integrals": 3, "threads": threads,
        }  # fmt: skip
        if method == "etdrk4":
            exact, symbol, spreading = stiff(parameters, cells(grid)), grid.laplacian_symbol(2), diffusion(parameters)

            def linear(row: int) -> list[np.ndarray | None]:
                return [d * symbol if e else None for d, e in zip(spreading[row], exact[row], strict=True)]

            run = integrate.etdrk4(rhs, state, output, pack(parameters, cells(grid), exact), linear=linear, **common)
        elif method in ("rock4", "rkc2"):
            run = getattr(integrate, method)(rhs, state, output, pack(parameters, cells(grid)), **common)
        else:
            raise InputError(f"method: expected 'etdrk4', 'rock4' or 'rkc2', given {method!r}")
        solver = {"method": method, "tolerance": tolerance, "laplacian": "5-point"}
        dims, sizes = lead(data)
        leading = ((*dims, "time"), (*sizes, output.size))
        flows = ledger(run.integrals, parameters["rainfall"], output - output[0], leading)
        count, (along, across) = len(state), grid.shape
        title = f"{count} run{'s' * (count > 1)} of the Rietkerk model on {along} x {across} cells"
        out = data.assign(typed(run.states, leading) | flows)
        return self._finish(out, title, output, solver=solver, **seed_of(initial))

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `surface_water`, `soil_water` [l/d/m**2] and `vegetation` [g/d/m**2].

        Raises:
            InputError: if the dataset is not of this schema, or a field or parameter is negative.
        """
        data, grid = self._complete(dataset)
        state, parameters = rows(data)
        from simulators.rietkerk.kernels import pack, rhs

        compiled, slopes, none = rhs.compiled(3), np.empty_like(state), np.empty(0)
        for row, out, values in zip(state, slopes, pack(parameters, cells(grid)), strict=True):
            compiled(0.0, row, values, out, none)
        found = typed(slopes, lead(data))
        for name in STATES:
            # a litre and a gram per area stand before the area
            units = TYPES[name].units.replace("/", "/d/", 1)
            found[name] = (*found[name][:2], rate(TYPES[name], units))
        return xr.Dataset(found, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """The budgets of water and biomass, per sample and time: zero, but for the error of the scheme.

        `water_budget` [l/m**2] is the change of the mean of u + w since the first time, minus the rain, plus the uptake
        and the loss of soil water since then; `biomass_budget` [g/m**2] is the change of the mean of v minus c times
        the uptake, plus the loss of vegetation.

        Where the dataset holds the cumulative rainfall, uptake and losses, as every run of `simulate` does, the budgets
        close to rounding. Else the flows are integrated over the stored times by cubic splines, and the budgets close
        as well as these follow the flows; with outputs every day to about 1e-3 of the water there is.

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data, _ = self._complete(dataset)
        return of_moments(budgets(dataset, data, self.time_units), data, dataset.attrs)

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PARAMETERS}

    def _complete(self, dataset: xr.Dataset) -> tuple[xr.Dataset, Grid]:
        """The conformed variables, with the simulator's own parameters where the dataset has none, and their grid."""
        data = complete(dataset, TYPES, self._own())
        grid = Grid.of(data, cell=self.cell)
        for name in PARAMETERS:
            check_sign(name, data[name].values, zero=name not in _DIVISORS)
        for name in STATES:
            values = data[name].values
            if values.min() < -_ROUNDING * abs(values).max():
                place = np.unravel_index(np.argmin(values), values.shape)
                told = ", ".join(f"{dim} {n}" for dim, n in zip(data[name].dims, place, strict=True))
                raise InputError(
                    f"{name}: expected numbers that are not negative, given {values[place]:g} at {told}; repair the"
                    " start"
                )
        return data, grid
