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

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from simulators import schema
from simulators.base import Simulator, Uniform, check_times, provenance, require_start, streams
from simulators.errors import InputError
from simulators.schema import Variable

__all__ = ["SpringPendulum"]

Parameter = float | tuple[float, ...] | list[float] | np.ndarray | Uniform
_DIMENSIONS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class SpringPendulum(Simulator):
    """A chain of bodies on springs; see the module for the equations.

    Every parameter is a number, one number a body, an array (sample, body), or a range to draw from
    (`simulators.Uniform`, `simulators.LogUniform`).

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
    gravity: tuple[float, ...] | list[float] | np.ndarray = (0.0, 0.0, -1.0)
    position_spread: float = 0.2
    momentum_spread: float = 0.4

    times: ClassVar[np.ndarray] = 0.2 * np.arange(150)
    reversible: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.bodies, int) or isinstance(self.bodies, bool) or self.bodies < 1:
            raise InputError(f"bodies: expected an integer >= 1, given {self.bodies!r}")
        for name in ("mass", "stiffness", "rest_length"):
            value = getattr(self, name)
            if isinstance(value, Uniform):
                _check_sign(name, np.array([value.low]))
                continue
            array = _numbers(name, value)
            if array.ndim > 2 or (array.ndim and array.shape[-1] != self.bodies):
                raise InputError(
                    f"{name}: expected one number, {self.bodies} (one a body), or an array (sample, body);"
                    f" given the shape {array.shape}"
                )
            _check_sign(name, array)
        gravity = _numbers("gravity", self.gravity)
        if gravity.ndim not in (1, 2) or gravity.shape[-1] != _DIMENSIONS:
            raise InputError(f"gravity: expected a vector (i) or (sample, i) of 3 components, given {gravity.shape}")
        for name in ("position_spread", "momentum_spread"):
            if _numbers(name, getattr(self, name)).ndim or getattr(self, name) < 0:
                raise InputError(f"{name}: expected one number >= 0, given {getattr(self, name)!r}")

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

    def sample(self, samples: int, seed: int = 0) -> xr.Dataset:
        """Random starts about the hanging chain, with their parameters.

        Returns:
            position and momentum (sample, body, i), and the parameters, per sample where they vary.

        Raises:
            InputError: if samples < 1, or a parameter was given for another number of samples.
        """
        generators = streams(samples, seed)
        shape = (self.bodies, _DIMENSIONS)
        noise = np.array([rng.standard_normal((2, *shape)) for rng in generators])
        values: dict[str, np.ndarray] = {"gravity": _per_sample("gravity", self.gravity, samples, 1)}
        for name in ("mass", "stiffness", "rest_length"):
            given = getattr(self, name)
            if isinstance(given, Uniform):
                given = np.array([given.draw(rng, (self.bodies,)) for rng in generators])
            array = _per_sample(name, given, samples, 1)
            values[name] = (
                np.broadcast_to(array, (*array.shape[:-1], self.bodies)) if array.ndim else np.full(self.bodies, array)
            )
        size = np.linalg.norm(values["gravity"], axis=-1, keepdims=True)
        down = np.where(size > 0, values["gravity"] / np.where(size > 0, size, 1.0), (0.0, 0.0, -1.0))
        hang = 1.5 * np.cumsum(values["rest_length"], axis=-1)[..., None] * down[..., None, :]
        values["position"] = hang + self.position_spread * noise[:, 0]
        values["momentum"] = self.momentum_spread * noise[:, 1]
        return self._dataset(values, f"starts of {samples} spring pendulums", seed=seed)

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
        start, state, parameters, moving = self._pack(initial)
        output = check_times(times)
        from simulators import _spring_pendulum_kernels as kernels
        from simulators import integrate

        half = state.shape[1] // 2
        if method == "dop853":
            scale = _scales(state, parameters)
            rhs = kernels.double_rhs if half == 2 * _DIMENSIONS else kernels.rhs
            runs = integrate.dop853(rhs, state, output, parameters, tolerance=tolerance, scale=scale, threads=threads)
            solver: dict[str, Any] = {"method": "DOP853", "tolerance": tolerance}
        elif method == "splitting":
            runs = np.concatenate(
                integrate.splitting(
                    kernels.velocity, kernels.force, state[:, :half], state[:, half:], output, parameters,
                    step=step, order=order, threads=threads,
                ),
                axis=-1,
            )  # fmt: skip
            solver = {"method": "splitting", "order": order, "step": step}
        else:
            raise InputError(f"method: expected 'dop853' or 'splitting', given {method!r}")
        shaped = runs.reshape(runs.shape[0], output.size, 2, half // _DIMENSIONS, _DIMENSIONS)
        values = {name: start[name].values for name in start.data_vars}
        values |= {"position": shaped[:, :, 0], "momentum": shaped[:, :, 1]}
        if not moving:
            values |= {"position": shaped[0, :, 0], "momentum": shaped[0, :, 1]}
        bodies = half // _DIMENSIONS
        title = f"{runs.shape[0]} spring pendulum{'s' * (runs.shape[0] > 1)} of {bodies} bodies"
        seed = {"seed": initial.attrs["seed"]} if "seed" in initial.attrs else {}
        return self._dataset(values, title, times=output, solver=solver, **seed)

    def tendency(self, dataset: xr.Dataset) -> xr.Dataset:
        """d(state)/dt: `position` [m/s] and `momentum` [kg*m/s**2], with the dimensions of the state.

        Raises:
            InputError: if the dataset is not of this schema, or a spring has length 0.
        """
        from simulators import _spring_pendulum_kernels as kernels
        from simulators import integrate

        data = self._with_parameters(dataset)
        position, momentum, *rest = _broadcast(data, self.variables())
        _require_length(position)
        lead = position.shape[:-2]
        state = np.concatenate([position, momentum], axis=-2).reshape(-1, 6 * position.shape[-2])
        parameters = np.concatenate([np.broadcast_to(p, (*lead, p.shape[-1])) for p in rest], axis=-1)
        slopes = integrate.evaluate(kernels.rhs, 0.0, state, parameters.reshape(len(state), -1))
        slopes = slopes.reshape(*lead, 2, -1, _DIMENSIONS)
        out = dataset[["position", "momentum"]].transpose(*data["position"].dims).copy()
        out["position"] = out["position"].copy(data=slopes[..., 0, :, :])
        out["momentum"] = out["momentum"].copy(data=slopes[..., 1, :, :])
        for name, units in (("position", "m/s"), ("momentum", "kg*m/s**2")):
            old = self.variables()[name]
            out[name].attrs = old.attrs() | {
                "units": units, "long_name": f"rate of change of {old.long_name}", "symbol": f"d{old.symbol}/dt",
            }  # fmt: skip
        return out

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """Energy and angular momentum about gravity, with the dimensions (sample, time) of the dataset.

        `energy` is H [kg*m**2/s**2]; `angular_momentum` is Σ_b (q_b x p_b)·g/|g| [kg*m**2/s], a pseudoscalar. If
        gravity is zero in every sample, all of Σ_b q_b x p_b is kept: `angular_momentum` is then a vector (i).

        Raises:
            InputError: if the dataset is not of this schema.
        """
        data = self._with_parameters(dataset)
        q, p, m, k, length, g = _broadcast(data, self.variables())
        dims = data["position"].dims[:-2]
        stretch = np.linalg.norm(np.diff(q, axis=-2, prepend=0.0), axis=-1) - length
        kinetic = np.sum(p**2, axis=-1) / (2 * m)
        potential = 0.5 * k * stretch**2 - m * np.einsum("...bi,...i->...b", q, g)
        energy = np.sum(kinetic + potential, axis=-1)
        spin = np.sum(np.cross(q, p), axis=-2)
        size = np.linalg.norm(g, axis=-1)
        about = Variable(
            "angular_momentum", "kg*m**2/s", "angular momentum about gravity", "L", pseudo=1, role="diagnostic"
        )
        whole = Variable("angular_momentum", "kg*m**2/s", "angular momentum", "L", (), 1, 1, role="diagnostic")
        total = Variable("energy", "kg*m**2/s**2", "energy", "H", role="diagnostic")
        out = {"energy": (dims, energy, total.attrs())}
        if np.any(size > 0):
            axis = g / np.where(size > 0, size, 1.0)[..., None]
            out["angular_momentum"] = (dims, np.einsum("...i,...i->...", spin, axis), about.attrs())
        else:
            out["angular_momentum"] = ((*dims, "i"), spin, whole.attrs())
        coords = {d: dataset.coords[d] for d in dims if d in dataset.coords}
        return xr.Dataset(out, coords=coords, attrs=dataset.attrs)

    def _with_parameters(self, dataset: xr.Dataset) -> xr.Dataset:
        """The conformed variables, with the simulator's own parameters where the dataset has none."""
        typed = self.variables()
        parameters = [name for name, variable in typed.items() if variable.role == "parameter"]
        data = schema.conform(dataset, typed, optional=parameters)
        bodies = data.sizes["body"]
        for name in parameters:
            if name in data:
                continue
            given = getattr(self, name)
            if isinstance(given, Uniform):
                raise InputError(
                    f"variable {name!r}: expected in the dataset, since the simulator only knows its range"
                )
            array = np.asarray(given, dtype=float)
            own = (*typed[name].dims, *typed[name].indices)
            if array.ndim == 0:
                array = np.full(bodies, array)
            if array.shape[-1] != data.sizes[own[-1]]:
                raise InputError(
                    f"{name}: expected {data.sizes[own[-1]]} of them, given {array.shape[-1]} by the simulator"
                )
            data[name] = (("sample", *own) if array.ndim == 2 else own, array, typed[name].attrs())
        for name in ("mass", "stiffness", "rest_length"):
            _check_sign(name, data[name].values)
        if data.sizes["i"] != _DIMENSIONS:
            raise InputError(f"dimension 'i': expected 3 components, given {data.sizes['i']}")
        return data

    def _pack(self, initial: xr.Dataset) -> tuple[xr.Dataset, np.ndarray, np.ndarray, bool]:
        data = self._with_parameters(require_start(initial))
        position, momentum, *rest = _broadcast(data, self.variables())
        _require_length(position)
        moving = "sample" in data["position"].dims
        samples = position.shape[0] if moving else 1
        state = np.concatenate([position, momentum], axis=-2).reshape(samples, -1)
        flat = [np.broadcast_to(p, (samples, p.shape[-1])) for p in rest]
        return data, state, np.concatenate(flat, axis=-1), moving

    def _dataset(
        self,
        values: dict[str, np.ndarray],
        title: str,
        *,
        times: np.ndarray | None = None,
        **attrs: Any,  # noqa: ANN401
    ) -> xr.Dataset:
        out = {}
        for name, variable in self.variables().items():
            array = np.asarray(values[name], dtype=np.float64)
            own = (*variable.dims, *variable.indices)
            if variable.role == "state" and times is not None:
                own = ("time", *own)
            lead = ("sample",) if array.ndim > len(own) else ()
            if variable.role == "parameter" and array.ndim < len(own):
                array = np.full(np.shape(values["position"])[-2], array)
            out[name] = ((*lead, *own), array, variable.attrs())
        dataset = xr.Dataset(out, attrs=provenance(title, type(self).__name__, **attrs))
        coords = schema.coordinates(map(str, dataset.dims), {str(k): v for k, v in dataset.sizes.items()})
        if times is not None:
            coords["time"] = ("time", times, {"units": self.time_units, "long_name": "time"})
        return dataset.assign_coords(coords)


def _numbers(name: str, value: Any) -> np.ndarray:  # noqa: ANN401
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected numbers, given {value!r}") from error
    schema.require_finite(name, array)
    return array


def _check_sign(name: str, values: np.ndarray) -> None:
    wrong = values[values < 0] if name == "rest_length" else values[values <= 0]
    if wrong.size:
        sign = "not negative" if name == "rest_length" else "positive"
        raise InputError(f"{name}: expected {sign} values, given {wrong.ravel()[0]}")


def _per_sample(name: str, value: Any, samples: int, dims: int) -> np.ndarray:  # noqa: ANN401
    array = np.asarray(value, dtype=np.float64)
    if array.ndim > dims and array.shape[0] != samples:
        raise InputError(f"{name}: expected {samples} samples, given an array for {array.shape[0]}")
    return array


def _broadcast(data: xr.Dataset, typed: dict[str, Variable]) -> list[np.ndarray]:
    """Arrays in the order of the types, whose leading dimensions broadcast against (sample, time)."""
    lead = data["position"].dims[:-2]
    arrays = []
    for name, variable in typed.items():
        array = data[name]
        inner = len(variable.dims) + variable.tensor_order
        if array.ndim < inner + ("sample" in array.dims):
            array = array.expand_dims(body=data.sizes["body"], axis=-1)
        has = [dim for dim in lead if dim in array.dims]
        place = tuple(slice(None) if dim in has else None for dim in lead)
        arrays.append(array.values[(*place, *(slice(None),) * inner)] if lead else array.values)
    return arrays


def _require_length(position: np.ndarray) -> None:
    lengths = np.linalg.norm(np.diff(position, axis=-2, prepend=0.0), axis=-1)
    if np.any(lengths == 0):
        *lead, body = np.argwhere(lengths == 0)[0]
        which = f" of sample {lead[0]}" if lead else ""
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
