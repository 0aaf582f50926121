"""Small systems whose laws are known, as typed datasets."""

from __future__ import annotations

import numpy as np
import xarray as xr

from simulators import integrate
from simulators.schema import CONVENTIONS, Variable, coordinates

Q = Variable("position", "m", "position", "q", ("body",), 1)
P = Variable("momentum", "kg*m/s", "momentum", "p", ("body",), 1)


def solve(slope, start, times, tolerance=1e-12):
    """Trajectories (sample, time, n) of autonomous systems."""
    return integrate.dop853(
        lambda t, z: slope(z), np.asarray(start, float), np.asarray(times, float), tolerance=tolerance
    )


def dataset(states, times, *, parameters=(), time_units="s"):
    """A typed dataset of (Variable, (sample, time, ...)) states and (Variable, values) parameters."""
    out = {}
    for variable, values in states:
        out[variable.name] = (("sample", "time", *variable.dims, *variable.indices), values, variable.attrs())
    for variable, values in parameters:
        own = (*variable.dims, *variable.indices)
        dims = ("sample", *own) if np.ndim(values) > len(own) else own
        out[variable.name] = (dims, np.asarray(values, float), variable.attrs())
    data = xr.Dataset(out, attrs={"Conventions": CONVENTIONS, "simulator": "none", "title": "test"})
    data = data.assign_coords(coordinates([str(d) for d in data.dims], dict(data.sizes)))
    return data.assign_coords(time=("time", np.asarray(times, float), {"units": time_units, "long_name": "time"}))


def bodies(slope, start, times, bodies, dim, *, parameters=(), noise=0.0, seed=0):
    """Positions and momenta of bodies by dz/dt = slope(q, p), each (row, body, i)."""
    half = bodies * dim

    def flat(z):
        q, p = z[:, :half].reshape(-1, bodies, dim), z[:, half:].reshape(-1, bodies, dim)
        return np.concatenate([part.reshape(len(z), -1) for part in slope(q, p)], axis=1)

    z = solve(flat, start, times)
    rng = np.random.default_rng(seed)
    for place in (slice(0, half), slice(half, 2 * half)):
        z[..., place] += noise * np.std(z[..., place]) * rng.standard_normal(z[..., place].shape)
    shape = (*z.shape[:2], bodies, dim)
    return dataset([(Q, z[..., :half].reshape(shape)), (P, z[..., half:].reshape(shape))], times, parameters=parameters)


def scalars(slope, start, times, units, *, noise=0.0, seed=0, symbols="xyz"):
    """Scalar time series with noise relative to the standard deviation of each."""
    z = solve(slope, start, times)
    z = z + noise * z.std(axis=(0, 1)) * np.random.default_rng(seed).standard_normal(z.shape)
    typed = [Variable(f"state_{s}", unit, f"state {s}", s) for s, unit in zip(symbols, units, strict=False)]
    return dataset([(v, z[..., n]) for n, v in enumerate(typed)], times)


def lotka_volterra(z):
    x, y = z.T
    return np.stack([1.1 * x - 0.4 * x * y, 0.1 * x * y - 0.4 * y], axis=1)
