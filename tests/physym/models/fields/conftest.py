"""Fields of every type on a small grid, with parameters of several types, for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from simulators.grid import Grid

SPACE = ("z", "y", "x")


def _smooth(rng, lead, shape):
    field = rng.standard_normal((*lead, *shape))
    for axis in range(-len(shape), 0):
        field = (field + np.roll(field, 1, axis) + np.roll(field, -1, axis)) / 3
    return field


def _attrs(units, order=0, pseudo=0, role="state"):
    told = {"long_name": "a quantity", "symbol": "q", "tensor_order": order, "pseudo": pseudo, "role": role}
    return {"units": units} | told


def make_fields(dim=2, cells=8, samples=6, times=6, seed=0, cell=0.5, step=0.1, tensors=True):
    """Scalar, vector and, with `tensors`, tensor and pseudoscalar fields that change slowly, by no law in particular.

    Its parameters: gravity and density alike in all samples; viscosity, coriolis (pseudo) and wind (a vector) not.
    """
    rng = np.random.default_rng(seed)
    space, shape = SPACE[-dim:], (cells,) * dim
    t = step * np.arange(times).reshape(1, -1, *(1,) * dim)

    def field(phase):
        return _smooth(rng, (samples, 1), shape) * np.cos(t + phase)

    dims = ("sample", "time", *space)
    vector = np.stack([field(k) for k in range(dim)], axis=-1)
    found = {
        "height": (dims, 100 + field(0.0), _attrs("m")),
        "velocity": ((*dims, "i"), vector, _attrs("m/s", 1)),
        "gravity": ((), 9.8, _attrs("m/s**2", role="parameter")),
        "viscosity": (("sample",), rng.uniform(1, 2, samples), _attrs("m**2/s", role="parameter")),
        "coriolis": (("sample",), rng.standard_normal(samples), _attrs("1/s", 0, 1, "parameter")),
        "wind": (("sample", "i"), rng.standard_normal((samples, dim)), _attrs("m/s", 1, 0, "parameter")),
    }
    if tensors:
        stress = np.stack([np.stack([field(k + m) for k in range(dim)], axis=-1) for m in range(dim)], axis=-1)
        found |= {
            "stress": ((*dims, "i", "j"), stress, _attrs("Pa", 2)),
            "vorticity": (dims, field(1.0), _attrs("1/s", 0, 1)),
            "density": ((), 1000.0, _attrs("kg/m**3", role="parameter")),
        }
    labels = list("xyz"[:dim])
    coords = {"time": ("time", step * np.arange(times), {"units": "s"})}
    coords |= {index: (index, labels) for index in ("i", "j")[: 2 if tensors else 1]}
    attrs = {"Conventions": "CF-1.11, physym-1", "simulator": "none", "title": "fields"}
    grid = Grid(length=(cells * cell,) * dim, cell=cell)
    return xr.Dataset(found, coords | grid.coordinates(), attrs)


@pytest.fixture(scope="session")
def fields():
    return make_fields
