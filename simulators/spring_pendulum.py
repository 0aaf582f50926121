"""The spring pendulum: a chain of bodies, each hanging on a spring from the one before, the first from a pivot.

    H(q, p) = Σ_b |p_b|²/(2 m_b) + ½ k_b (|d_b| - L_b)² - m_b g·q_b,   d_b = q_b - q_{b-1},  q_0 = 0

    dq_b/dt = p_b/m_b
    dp_b/dt = m_b g - k_b (1 - L_b/|d_b|) d_b + k_{b+1} (1 - L_{b+1}/|d_{b+1}|) d_{b+1}

Conserved are the energy H and the angular momentum about gravity. Two bodies are chaotic: nearby starts part
by a factor of about 10 in 30 s at the default setting.

State: position q (sample, time, body, i) [m]; momentum p (sample, time, body, i) [kg*m/s].
Parameters: mass m (body) [kg]; stiffness k (body) [kg/s**2] and rest_length L (body) [m] of the spring above the
body; gravity g (i) [m/s**2].

Caveat: where |d_b| = 0 the spring has no direction; such a start is refused.

Source: the springy double pendulum of Finzi, Welling and Wilson, "A practical method for constructing equivariant
multilayer perceptrons for arbitrary matrix groups" (ICML 2021), whose code has no ½ on the second spring, so that
its setting is stiffness = (1, 2) here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from simulators.base import Simulator, check_times, require_start, streams
from simulators.errors import InputError
from simulators.parameters import Uniform, arrays, complete, count, draw, frozen, lead
from simulators.schema import Variable

__all__ = ["SpringPendulum"]

Parameter = float | Sequence[float] | Sequence[Sequence[float]] | np.ndarray | Uniform
_DIMENSIONS = 3
_PER_BODY = ("mass", "stiffness", "rest_length")


@dataclass(frozen=True, kw_only=True)
class SpringPendulum(Simulator):
    """A chain of bodies on springs; see the module for the equations.

    Every parameter is a number, one number a body, an array (sample, body), or a range to draw from
    (`simulators.Uniform`, `simulators.LogUniform`). Arrays are kept as tuples, so that nothing changes them later.

    Args:
        bodies: how many hang on the chain.
        mass: of each body [kg], positive.
        stiffness: of the spring above each body [kg/s**2], positive.
        rest_length: of the spring above each body [m], not negative.
        gravity: vector (i) or (sample, i) [m/s**2].
        position_spread: standard deviation [m] of each component of a start about the chain that hangs straight
            along gravity with its springs at 1.5 rest lengths.
        momentum_spread: standard deviation [kg*m/s] of each component of a start's momentum.

    Raises:
        InputError: if a parameter has the wrong shape or sign.

    >>> pendulum = SpringPendulum(stiffness=(1.0, 2.0))
    >>> run = pendulum.simulate(pendulum.sample(4, seed=0), times=[0.0, 0.5, 1.0])
    >>> dict(run.position.sizes)
    {'sample': 4, 'time': 3, 'body': 2, 'i': 3}
    """

    bodies: int = 2
    mass: Parameter = 1.0
    stiffness: Parameter = 1.0
    rest_length: Parameter = 1.0
    gravity: Sequence[float] | Sequence[Sequence[float]] | np.ndarray = (0.0, 0.0, -1.0)
    position_spread: float = 0.2
    momentum_spread: float = 0.4

    times: ClassVar[np.ndarray] = 0.2 * np.arange(150)
    reversible: ClassVar[bool] = True

    def __post_init__(self) -> None:
        bodies = count("bodies", self.bodies)
        given = {name: getattr(self, name) for name in (*_PER_BODY, "gravity", "position_spread", "momentum_spread")}
        ranges = [name for name in _PER_BODY if isinstance(given[name], Uniform)]
        fixed = {name: frozen(name, value) for name, value in given.items() if name not in ranges}
        for name, value in {"bodies": bodies, **fixed}.items():
            object.__setattr__(self, name, value)
        for name in _PER_BODY:
            array = np.array(given[name].low if name in ranges else fixed[name])
            if array.ndim > 2 or (array.ndim and array.shape[-1] != self.bodies):
                raise InputError(
                    f"{name}: expected one number, {self.bodies} (one a body), or an array (sample, body);"
                    f" given the shape {array.shape}"
                )
            _check_sign(name, array)
        shape = np.shape(self.gravity)
        if len(shape) not in (1, 2) or shape[-1] != _DIMENSIONS:
            raise InputError(f"gravity: expected a vector (i) or (sample, i) of 3 components, given the shape {shape}")
        for name in ("position_spread", "momentum_spread"):
            if np.ndim(fixed[name]) or fixed[name] < 0:
                raise InputError(f"{name}: expected one number >= 0, given {given[name]!r}")

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """The types of its states and parameters."""
        above = "of the spring above the body"
        typed = (
            Variable("position", "m", "position of the body", "q", ("body",), 1),
            Variable("momentum", "kg*m/s", "momentum of the body", "p", ("body",), 1),
            Variable("mass", "kg", "mass of the body", "m", ("body",), role="parameter"),
            Variable("stiffness", "kg/s**2", f"stiffness {above}", "k", ("body",), role="parameter"),
            Variable("rest_length", "m", f"rest length {above}", "L", ("body",), role="parameter"),
            Variable("gravity", "m/s**2", "gravitational acceleration", "g", (), 1, role="parameter"),
        )
        return {variable.name: variable for variable in typed}

    def sample(self, samples: int, seed: int = 0, *, only: slice | None = None) -> xr.Dataset:
        """Random starts about the hanging chain, with their parameters.

        Args:
            samples: how many there are.
            seed: of all; sample n is the same however many are drawn.
            only: which of the samples to draw, such as ``slice(10, 20)``; all by default.

        Returns:
            position and momentum (sample, body, i), and the parameters, per sample where they vary.

        Raises:
            InputError: if samples < 1, `only` takes none, or a parameter was given for another number of samples.
        """
        generators = streams(samples, seed, only)
        noise = np.array([rng.standard_normal((2, self.bodies, _DIMENSIONS)) for rng in generators])
        types = self.variables()
        own = draw(types, self._own(), {"body": self.bodies}, generators, samples=samples, only=only)
        gravity = own["gravity"].values
        size = np.linalg.norm(gravity, axis=-1, keepdims=True)
        down = np.where(size > 0, gravity / np.where(size > 0, size, 1.0), (0.0, 0.0, -1.0))
        hang = 1.5 * np.cumsum(own["rest_length"].values, axis=-1)[..., None] * down[..., None, :]
        dims = ("sample", "body", "i")
        position = (dims, hang + self.position_spread * noise[:, 0], types["position"].attrs())
        momentum = (dims, self.momentum_spread * noise[:, 1], types["momentum"].attrs())
        starts = xr.Dataset({"position": position, "momentum": momentum, **own})
        return self._finish(starts, f"starts of {samples} spring pendulums", seed=seed)

    def simulate(
        self,
        initial: xr.Dataset,
        times: np.ndarray,
        *,
        tolerance: float = 1e-10,
        method: Literal["dop853", "splitting"] = "dop853",
        step: float = 0.01,
        order: int = 6,
        threads: int | None = None,
    ) -> xr.Dataset:
        """Trajectories from typed starts.

        Args:
            initial: position and momentum (sample, body, i); parameters in it win over the simulator's own.
            times: output times [s], increasing; the first is the time of `initial`.
            tolerance: bound of the local error of a step, relative to the scale of each variable: |q| of the start,
                and sqrt(m k) times it for momenta.
            method: "dop853", adaptive of order 8, or "splitting", symplectic with fixed `step` [s] and `order`
                2, 4 or 6, whose energy error stays bounded.
            step: of the splitting [s].
            order: of the splitting.
            threads: how many to use; all cores by default. No number depends on it.

        Returns:
            The schema's dataset with dimensions (sample, time, body, i).

        Raises:
            InputError: if the starts or times are not as described, or a spring has length 0.
            DivergenceError: if a run fails, naming sample and time.
        """
        output = check_times(times)
        data = self._complete(require_start(initial))
        state, parameters = _rows(data)
        from simulators import _spring_pendulum_kernels as kernels
        from simulators import integrate

        half = state.shape[1] // 2
        if method == "dop853":
            scale = _scales(state, parameters)
            rhs = kernels.double_rhs if half == 2 * _DIMENSIONS else kernels.rhs
            runs = integrate.dop853(rhs, state, output, parameters, tolerance=tolerance, scale=scale, threads=threads)
            solver: dict[str, Any] = {"method": "DOP853", "tolerance": tolerance}
        elif method == "splitting":
            pair = integrate.splitting(
                kernels.velocity, kernels.force, state[:, :half], state[:, half:], output, parameters,
                step=step, order=order, threads=threads,
            )  # fmt: skip
            runs = np.concatenate(pair, axis=-1)
            solver = {"method": "splitting", "order": order, "step": step}
        else:
            raise InputError(f"method: expected 'dop853' or 'splitting', given {method!r}")
        samples, bodies = len(runs), half // _DIMENSIONS
        shaped = runs.reshape(*lead(data)[1], output.size, 2, bodies, _DIMENSIONS)
        dims = (*lead(data)[0], "time", "body", "i")
        out = data.assign(
            position=(dims, shaped[..., 0, :, :], data["position"].attrs),
            momentum=(dims, shaped[..., 1, :, :], data["momentum"].attrs),
        )
        seed = {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
        title = f"{samples} spring pendulum{'s' * (samples > 1)} of {bodies} bod{'ies' if bodies > 1 else 'y'}"
        return self._finish(out, title, output, solver=solver, **seed)

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `position` [m/s] and `momentum` [kg*m/s**2], with the dimensions of the state.

        Raises:
            InputError: if the dataset is not of this schema, or a spring has length 0.
        """
        data = self._complete(dataset)
        state, parameters = _rows(data)
        from simulators import _spring_pendulum_kernels as kernels
        from simulators import integrate

        slopes = integrate.evaluate(kernels.rhs, 0.0, state, parameters)
        dims, sizes = lead(data)
        slopes = slopes.reshape(*sizes, 2, -1, _DIMENSIONS)
        out = {}
        for n, (name, units) in enumerate((("position", "m/s"), ("momentum", "kg*m/s**2"))):
            old = self.variables()[name]
            attrs = old.attrs() | {
                "units": units, "long_name": f"rate of change of {old.long_name}", "symbol": f"d{old.symbol}/dt",
            }  # fmt: skip
            out[name] = ((*dims, "body", "i"), slopes[..., n, :, :], attrs)
        return xr.Dataset(out, data.coords, dataset.attrs)

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """Energy and angular momentum about gravity, per sample and time of the dataset.

        `energy` is H [kg*m**2/s**2]; `angular_momentum` is Σ_b (q_b x p_b)·g/|g| [kg*m**2/s], a pseudoscalar. If
        gravity is zero in every sample, all of Σ_b q_b x p_b is kept: `angular_momentum` is then a vector (i).

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data = self._complete(dataset)
        dims, _ = lead(data)
        q, p, m, k, length, g = arrays(data)
        stretch = np.linalg.norm(np.diff(q, axis=-2, prepend=0.0), axis=-1) - length
        kinetic = np.sum(p**2, axis=-1) / (2 * m)
        potential = 0.5 * k * stretch**2 - m * np.einsum("...bi,...i->...b", q, g)
        energy = Variable("energy", "kg*m**2/s**2", "energy", "H", role="diagnostic")
        out = {"energy": (dims, np.sum(kinetic + potential, axis=-1), energy.attrs())}
        spin = np.sum(np.cross(q, p), axis=-2)
        size = np.linalg.norm(g, axis=-1, keepdims=True)
        if np.any(size > 0):
            about, rank = "angular momentum about gravity", 0
            spin = np.sum(spin * g / np.where(size > 0, size, 1.0), axis=-1)
        else:
            about, rank = "angular momentum", 1
        kept = Variable("angular_momentum", "kg*m**2/s", about, "L", (), rank, 1, "diagnostic")
        out["angular_momentum"] = ((*dims, *kept.indices), spin, kept.attrs())
        held = xr.Dataset(out, attrs=dataset.attrs)
        return held.assign_coords({name: c for name, c in data.coords.items() if set(c.dims) <= set(held.dims)})

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*_PER_BODY, "gravity")}

    def _complete(self, dataset: xr.Dataset) -> xr.Dataset:
        """The conformed variables, with the simulator's own parameters where the dataset has none."""
        data = complete(dataset, self.variables(), self._own())
        if data.sizes["i"] != _DIMENSIONS:
            raise InputError(f"dimension 'i': expected 3 components, given {data.sizes['i']}")
        for name in _PER_BODY:
            _check_sign(name, data[name].values)
        return data


def _check_sign(name: str, values: np.ndarray) -> None:
    wrong = values[values < 0] if name == "rest_length" else values[values <= 0]
    if wrong.size:
        sign = "values not negative" if name == "rest_length" else "positive values"
        raise InputError(f"{name}: expected {sign}, given {wrong.ravel()[0]}")


def _rows(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """States (row, 2 body i) and parameters (row, 3 body + i) as the kernels take them, a row per sample and time."""
    _require_length(data["position"])
    full, rows = arrays(data), int(np.prod(lead(data)[1]))
    state, parameters = np.concatenate(full[:2], axis=-2), np.concatenate(full[2:], axis=-1)
    return state.reshape(rows, -1), parameters.reshape(rows, -1)


def _require_length(position: xr.DataArray) -> None:
    lengths = np.linalg.norm(np.diff(position.values, axis=-2, prepend=0.0), axis=-1)
    if np.any(lengths == 0):
        *place, body = np.argwhere(lengths == 0)[0]
        which = "".join(f", {dim} {n}" for dim, n in zip(position.dims, place, strict=False))
        raise InputError(
            f"position{which}: expected the spring above body {body + 1} to have a length, given 0 (its direction is"
            " undefined); move the body"
        )


def _scales(state: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """What errors are measured by: |q| for positions, sqrt(m k) |q| for momenta.

    Invariant under rotations, covariant under changes of units, and never zero.
    """
    half = state.shape[1] // 2
    bodies = half // _DIMENSIONS
    size = np.sqrt(np.mean(state[:, :half] ** 2, axis=1, keepdims=True) * _DIMENSIONS)
    stiff = np.sqrt(np.mean(parameters[:, :bodies], axis=1) * np.mean(parameters[:, bodies : 2 * bodies], axis=1))
    return np.concatenate([np.repeat(size, half, axis=1), np.repeat(size * stiff[:, None], half, axis=1)], axis=1)
