"""What a FieldNet cannot learn or simulate ends in one clear line."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import physym
from physym.models import HamiltonianNN
from simulators.errors import InputError, SchemaError

SMALL = {"net": "resnet", "width": 4, "depth": 1}


@pytest.fixture(scope="module")
def fitted(fields):
    model = physym.FieldNet(**SMALL)
    model.build(fields(samples=3), 0)
    return model


def refused(call, *words):
    with pytest.raises(InputError) as fault:
        call()
    said = str(fault.value)
    assert "\n" not in said
    for word in ("expected", "given", *words):
        assert word in said, said


@pytest.mark.parametrize(
    "bad",
    [
        {"net": "mlp"}, {"symmetry": "half"}, {"precision": "float16"}, {"width": 0}, {"depth": 1.5}, {"batch": True},
        {"unroll": 0}, {"parameters": -3}, {"rate": 0.0}, {"rate": float("nan")}, {"noise": -0.1}, {"noise": "loud"},
        {"conserve": "height"}, {"conserve": (1,)}, {"conserve": 3}, {"device": "abacus"},
    ],
)  # fmt: skip
def test_settings(bad):
    refused(lambda: physym.FieldNet(**bad), next(iter(bad)))


def test_not_fitted_yet(fields):
    refused(lambda: physym.FieldNet().simulate(fields().isel(time=0, drop=True), [0.0]), "fit(dataset)")


def test_cells_that_are_not_square(fields):
    data = fields()
    data = data.assign_coords(x=data.x.copy(data=2 * data.x.values))
    refused(lambda: physym.FieldNet(**SMALL).fit(data, steps=1), "equal sides", "symmetry='none'", "1.414 by 0.7071")
    physym.FieldNet(**SMALL, symmetry="none").fit(data, steps=1)


def test_components_that_point_off_the_grid(fields):
    data = fields(tensors=False)
    flat = data.isel(y=0, drop=True)
    refused(lambda: physym.FieldNet(**SMALL).fit(flat, steps=1), "'velocity'", "components x over 'i'", "given 2")


def test_states_that_are_no_fields(fields):
    data = fields(tensors=False)
    total = data.height.mean(("y", "x")).assign_attrs(data.height.attrs)
    refused(lambda: physym.FieldNet(**SMALL).fit(data.assign(total=total), steps=1), "'total'", "role 'diagnostic'")


def test_parameters_along_one_axis(fields):
    data = fields(tensors=False)
    depth = data.height.isel(sample=0, time=0, x=0, drop=True).assign_attrs(data.height.attrs | {"role": "parameter"})
    refused(lambda: physym.FieldNet(**SMALL).fit(data.assign(depth=depth), steps=1), "'depth'", "field over y, x")


def test_bodies(fields):
    bodies = fields(tensors=False).isel(y=0, x=0, drop=True)
    refused(lambda: physym.FieldNet().fit(bodies, steps=1), "fields over x", "neural-ode")
    refused(lambda: HamiltonianNN().fit(fields(tensors=False), steps=1), "field-net")


def test_times_that_are_not_even(fields):
    data = fields()
    times = data.time.values.copy()
    times[-1] += 0.05
    uneven = data.assign_coords(time=("time", times, data.time.attrs))
    refused(lambda: physym.FieldNet(**SMALL).fit(uneven, steps=1), "evenly spaced", "0.1 to 0.15")
    refused(lambda: physym.FieldNet(**SMALL).fit(data.isel(time=[0]), steps=1), "at least 2 times")
    refused(lambda: physym.FieldNet(**SMALL).fit(data.isel(sample=0), steps=1), "sample")


def test_states_to_conserve_that_are_none(fields):
    refused(lambda: physym.FieldNet(**SMALL, conserve=("mass",)).fit(fields(), steps=1), "height, velocity", "'mass'")


def test_times_between_the_steps(fields, fitted):
    start = fields(samples=3).isel(time=0, drop=True)
    for times in ([0.0, 0.15], [1.0, 1.1, 1.15], [0.0, 0.1002]):
        refused(lambda times=times: fitted.simulate(start, times), "whole steps of 0.1 s", "fit on data at other times")
    # float32 rounds 0.7 in the 8th digit
    assert fitted.simulate(start, np.arange(8, dtype=np.float32) * np.float32(0.1)).sizes["time"] == 8


def test_parameters_that_did_not_vary(fields, fitted):
    data = fields(samples=3, tensors=False)
    attrs = data.gravity.attrs | {"units": "m"}
    data = data.assign(depth=((), 50.0, attrs))
    model = physym.FieldNet(**SMALL)
    model.build(data, 0)
    start = data.isel(time=0, drop=True)
    said = ("'depth'", "depth [10.] m", "on cells of 0.5 m", "fit on data in which it varies")
    refused(lambda: model.simulate(start.assign(depth=start.depth / 5), [0.0]), *said)
    # what sets the units is no other law, but the same in other units: its steps are shorter
    start = fields(samples=3).isel(time=0, drop=True)
    stronger = start.assign(gravity=start.gravity * 4.0)
    refused(lambda: fitted.simulate(stronger, [0.0, 0.07]), "whole steps of 0.05 s")
    nothing = start.assign(density=start.density * 0.0)
    refused(lambda: fitted.simulate(nothing, [0.0]), "'density'", "other than zero")


def test_other_proportions_of_cells(fields, fitted):
    start = fields(samples=3).isel(time=0, drop=True)
    refused(lambda: fitted.simulate(start.assign_coords(x=2 * start.x.assign_attrs(start.x.attrs)), [0.0]), "cells")


def test_starts_of_another_type(fields, fitted):
    start = fields(samples=3).isel(time=0, drop=True)
    refused(lambda: fitted.simulate(start.drop_vars("stress"), [0.0]), "'stress'")
    with pytest.raises(InputError, match="without a time dimension"):
        fitted.simulate(fields(samples=3), [0.0])
    turned = start.assign(vorticity=start.vorticity.assign_attrs(start.vorticity.attrs | {"pseudo": 0}))
    refused(lambda: fitted.tendency(turned), "'pseudo'")
    hole = start.height.where(start.height < float(start.height.max())).assign_attrs(start.height.attrs)
    refused(lambda: fitted.simulate(start.assign(height=hole), [0.0]), "height")


def test_grids_that_a_coarser_one_does_not_fit(fields):
    data = fields(cells=6)
    refused(lambda: physym.FieldNet(net="unet", width=2, depth=2).fit(data, steps=1), "4 divides")


def test_a_damaged_model_is_refused(fields, fitted, tmp_path):
    fitted.save(tmp_path / "run")
    path = tmp_path / "run" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(SchemaError, match=r"damaged|not those"):
        physym.load(tmp_path / "run")
    (tmp_path / "run" / "model.json").unlink()
    with pytest.raises(InputError, match="fitted model"):
        physym.load(tmp_path / "run")


def test_another_resolution_is_the_same_law(fields, fitted):
    """Lengths count in cells: where nothing fixed has a length in it, more and smaller cells are just other data."""
    start = fields(samples=3, cells=12).isel(time=0, drop=True)
    assert fitted.simulate(start, [0.0, 0.1]).sizes["x"] == 12
    bare = fields(samples=3, tensors=False).drop_vars(["gravity", "viscosity", "wind", "coriolis"])
    model = physym.FieldNet(**SMALL)
    model.build(bare, 0)
    finer = bare.isel(time=0, drop=True)
    finer = finer.assign_coords({dim: finer[dim].copy(data=finer[dim].values / 2) for dim in ("y", "x")})
    halved = finer.assign(height=(finer.height / 2).assign_attrs(finer.height.attrs))
    halved = halved.assign(velocity=(halved.velocity / 2).assign_attrs(finer.velocity.attrs))
    a, b = (model.simulate(x, [0.0, 0.1]) for x in (bare.isel(time=0, drop=True), halved))
    xr.testing.assert_allclose(a.velocity, 2 * b.velocity.assign_coords(y=a.y, x=a.x), rtol=1e-6)


@pytest.mark.parametrize("units", ["degrees", "rad", "arcmin"])
def test_a_globe_has_no_square_cells(fields, units):
    data = fields(tensors=False)
    for dim in ("y", "x"):
        data[dim].attrs["units"] = units
    refused(lambda: physym.FieldNet(**SMALL).fit(data, steps=1), "coordinate 'x'", repr(units), "on a plane")
    for dim in ("y", "x"):
        data[dim].attrs["units"] = "1"
    physym.FieldNet(**SMALL).build(data, 0)
