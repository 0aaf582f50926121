"""A FieldNet answers as a simulator does, and obeys by construction what it promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import physym
from physym.metrics import difference
from physym.models.fields.data import FieldSignature
from physym.natural_units import exponents_beside
from physym.symmetry import Hyperoctahedral, act, translate
from physym.units import rescale
from simulators import validate
from simulators.errors import DivergenceError, InputError
from simulators.schema import Variable, names
from simulators.units import BASE

SMALL = {"net": "resnet", "width": 4, "depth": 1}


def built(dataset, seed=0, scale=True, **options):
    """A model with random weights, scaled by the data."""
    model = physym.FieldNet(**(SMALL | options))
    model.build(dataset, seed)
    if scale:
        run = model.trainer()(
            model, dataset, seed=0, steps=1, time_limit=None, output=None, force=False, progress=False
        )  # fmt: skip
        assert run.step == 0
    return model


def start_of(dataset):
    return dataset.isel(time=0, drop=True)


def far(model, steps):
    return model.times[1] * np.arange(steps + 1)


def shifted(dataset, cells):
    """Whatever has axes of space is carried on."""
    moving = [name for name in dataset if set(cells) & set(dataset[name].dims)]
    return dataset.assign(dict(translate(dataset[moving], cells)))


@pytest.mark.parametrize("net", ["resnet", "dilated", "unet"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_rollouts_of_20_steps_turn_along(fields, net, precision, tolerance):
    data = fields(samples=2)
    model = built(data, net=net, precision=precision)
    start, times = start_of(data), far(model, 20)
    run = model.simulate(start, times)
    assert max(float(np.abs(run[name].isel(time=-1) - start[name]).max()) for name in names(run, "state")) > 1e-3
    elements = Hyperoctahedral(2).elements()[1 if precision == "float64" and net == "unet" else 5 :]
    for element in elements:
        assert difference(model.simulate(act(element, start), times), act(element, run))[0] <= tolerance
    for cells in ({"x": 3, "y": -2}, {"x": 4}):
        # a net that coarsens the grid commutes with the shifts of its coarsest cells
        cells = {dim: 4 * n for dim, n in cells.items()} if net == "unet" else cells
        assert difference(model.simulate(shifted(start, cells), times), shifted(run, cells))[0] <= tolerance


@pytest.mark.parametrize(("dim", "cells"), [(1, 8), (3, 4)])
def test_other_dimensions_by_the_same_code(fields, dim, cells):
    data = fields(dim=dim, cells=cells, samples=2, times=3, tensors=dim == 1)
    model = built(data, precision="float64")
    start, times = start_of(data), far(model, 3)
    run = model.simulate(start, times)
    elements = Hyperoctahedral(dim).elements()
    for element in elements[:: max(1, len(elements) // 6)]:
        assert difference(model.simulate(act(element, start), times), act(element, run))[0] <= 1e-12


def test_the_plain_net_does_not_turn_along(fields):
    data = fields(samples=2)
    model = built(data, symmetry="none", precision="float64")
    start, times = start_of(data), far(model, 2)
    run, quarter = model.simulate(start, times), np.array([[0.0, -1.0], [1.0, 0.0]])
    assert difference(model.simulate(act(quarter, start), times), act(quarter, run))[0] > 1e-6
    cells = {"x": 4}
    assert difference(model.simulate(shifted(start, cells), times), shifted(run, cells))[0] <= 1e-12


def test_rotations_alone_leave_reflections_open(fields):
    data = fields(samples=2)
    model = built(data, symmetry="rotations", precision="float64")
    start, times = start_of(data), far(model, 2)
    run = model.simulate(start, times)
    quarter, mirror = np.array([[0.0, -1.0], [1.0, 0.0]]), np.diag([-1.0, 1.0])
    assert difference(model.simulate(act(quarter, start), times), act(quarter, run))[0] <= 1e-12
    assert difference(model.simulate(act(mirror, start), times), act(mirror, run))[0] > 1e-6


def test_rescaled_data_give_the_rescaled_prediction(fields):
    data = fields(samples=3)
    model = built(data, precision="float64")
    start, times = start_of(data), far(model, 5)
    run = model.simulate(start, times)
    for factors in ({"m": 1000.0}, {"s": 0.2}, {"kg": 7.0}, {"m": 0.3, "s": 11.0, "kg": 0.02}):
        found = model.simulate(rescale(start, **factors), times * factors.get("s", 1.0))
        assert difference(found, rescale(run, **factors))[0] <= 1e-12
        slope = model.tendency(rescale(start, **factors))
        assert difference(slope, rescale(model.tendency(start), **factors))[0] <= 1e-12


def test_a_net_fitted_to_rescaled_data_is_the_same_net(fields):
    data = fields(samples=3)
    factors = {"m": 0.25, "s": 4.0, "kg": 8.0}
    a, b = built(data, precision="float64"), built(rescale(data, **factors), precision="float64")
    for name in a.scales:
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-11, atol=1e-13)
    start, times = start_of(data), far(a, 3)
    other = b.simulate(rescale(start, **factors), times * factors["s"])
    assert difference(other, rescale(a.simulate(start, times), **factors))[0] <= 1e-10


def test_the_step_follows_from_what_is_alike_in_all_samples(fields):
    """Gravity and the cell are; viscosity, though it is a time with the cell, is not."""
    signature = FieldSignature.of(fields())
    assert signature.step == pytest.approx(0.1, rel=1e-12)
    assert {name: power for name, (power, _) in signature.pace.items()} == pytest.approx(
        {"<cell>": 0.5, "gravity": -0.5}
    )
    assert signature.varying == ("viscosity", "coriolis", "wind")
    bare = FieldSignature.of(fields(tensors=False).drop_vars(["gravity", "coriolis", "wind", "viscosity"]))
    assert bare.pace == {}


def test_units_are_cells_steps_and_what_parameters_set(fields):
    data = fields(cell=0.5, step=0.25)
    signature = FieldSignature.of(data)
    found = signature.fields(signature.conform(data.isel(time=0)))
    velocity = found.states[:, signature.places()["velocity"]].numpy()
    wanted = np.moveaxis(data.velocity.isel(time=0).values, -1, 1) * 0.25 / 0.5
    np.testing.assert_allclose(velocity, wanted, rtol=1e-12)
    stress = found.states[:, signature.places()["stress"]].numpy().reshape(-1, 2, 2, 8, 8)
    pascal = 1000.0 * 0.5**2 / 0.25**2
    wanted = np.moveaxis(data.stress.isel(time=0).values, (3, 4), (1, 2)) / pascal
    np.testing.assert_allclose(stress, wanted, rtol=1e-12)
    # inputs by type: true scalars that vary, pseudoscalars, vectors
    np.testing.assert_allclose(found.inputs[:, 0, 0, 0], data.viscosity * 0.25 / 0.5**2, rtol=1e-12)
    np.testing.assert_allclose(found.inputs[:, 1, 0, 0], data.coriolis * 0.25, rtol=1e-12)
    np.testing.assert_allclose(found.inputs[:, 2:, 0, 0], data.wind * 0.25 / 0.5, rtol=1e-12)


def test_what_a_reflection_changes_is_told_though_it_never_varies(fields):
    data = fields()
    alike = data.assign({name: data[name].isel(sample=0) for name in ("coriolis", "wind", "viscosity")})
    signature = FieldSignature.of(alike)
    assert [v.name for v in signature.inputs] == ["coriolis", "wind"]
    model = built(alike, precision="float64")
    start = start_of(alike)
    mirror = np.diag([-1.0, 1.0])
    run, other = model.simulate(start, [0.0, 0.1]), model.simulate(act(mirror, start), [0.0, 0.1])
    assert float(other.coriolis) == -float(start.coriolis)
    assert difference(other, act(mirror, run))[0] <= 1e-12


def test_units_that_nothing_spans_stay():
    def declared(**units):
        return [Variable(name, unit, name, name, role="parameter") for name, unit in units.items()]

    own = declared(cell="km", step="d")
    found = exponents_beside(own, declared(buoyancy="m/s**2/K", mixed="kg*A"))
    columns = {base: [found[v][n] for v in ("cell", "step", "buoyancy", "mixed")] for n, base in enumerate(BASE)}
    assert columns["m"] == [1, 0, 0, 0]
    assert columns["s"] == [0, 1, 0, 0]
    np.testing.assert_allclose(columns["K"], [1, -2, -1, 0], atol=1e-12)
    for base in ("kg", "A", "mol", "cd"):
        assert columns[base] == [0, 0, 0, 0]
    bare = exponents_beside(declared(cell="1", step="s"), declared(speed="m/s"))
    np.testing.assert_allclose([bare[name][1] for name in ("cell", "step", "speed")], [0, 1, 1], atol=1e-12)


def test_packed_and_back(fields):
    data = fields(dim=3, cells=3, samples=2, times=3)
    signature = FieldSignature.of(data)
    conformed = signature.conform(data)
    found = signature.fields(conformed)
    start = signature.conform(start_of(data))
    back = signature.packed_dataset(found.states.numpy(), found.units, start, data.time.values)
    validate(back.assign_attrs(data.attrs))
    for name in names(data, "state"):
        np.testing.assert_allclose(back[name], data[name], rtol=1e-13)
        assert back[name].dims == data[name].dims
    for name in names(data, "parameter"):
        assert back[name].identical(data[name].drop_vars(set(data[name].coords) - set(back[name].coords)))


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_means_are_kept_to_rounding(fields, precision):
    data = fields(samples=2)
    model = built(data, conserve=("height", "velocity"), precision=precision)
    run = model.simulate(start_of(data), far(model, 20))
    kept = model.conserved(run)
    assert set(kept) == {"mean_height", "mean_velocity"}
    assert kept.mean_velocity.dims == ("sample", "time", "i")
    for name, scale in (("mean_height", 100.0), ("mean_velocity", 1.0)):
        assert float(np.abs(kept[name] - kept[name].isel(time=0)).max()) <= 1e-14 * scale
    free = built(data, precision=precision)
    loose = free.simulate(start_of(data), far(free, 20))
    assert float(np.abs(loose.height.mean(("x", "y")) - 100).max()) > 1e-6
    assert not free.conserved(loose).data_vars


def test_checks_hold_a_model_to_what_it_promises(fields):
    data = fields(samples=2)
    report = physym.check(built(data, conserve=("height",), precision="float32"), verbose=False)
    assert report.passed, report
    found = {c.name: c.tolerance for c in report.checks}
    assert found.keys() >= {"conservation: mean_height", "rotations", "reflections", "translations", "units"}
    assert found["rotations"] == pytest.approx(1.2e-5, rel=0.01)
    exact = {c.name: c for c in physym.check(built(data, precision="float64"), verbose=False).checks}
    assert exact["units"].tolerance == 1e-10
    assert exact["units"].passed
    plain = built(data, symmetry="none")
    failed = {c.name for c in physym.check(plain, verbose=False).checks if not c.passed}
    assert failed == {"rotations", "reflections"}


def test_tendency_is_the_change_over_a_step(fields):
    data = fields(samples=2)
    model = built(data, precision="float64")
    start = start_of(data)
    run = model.simulate(start, far(model, 1))
    slope = model.tendency(start)
    for name in names(data, "state"):
        change = (run[name].isel(time=1) - run[name].isel(time=0)) / 0.1
        np.testing.assert_allclose(slope[name], change, rtol=1e-9, atol=1e-9 * float(np.abs(change).max()))
        assert slope[name].attrs["units"] == f"{data[name].attrs['units']}/s"
    along = model.tendency(data)
    assert along.height.dims == data.height.dims
    later = model.tendency(data.isel(time=3, drop=True))
    np.testing.assert_allclose(along.stress.isel(time=3), later.stress, rtol=1e-12)
    alone = model.tendency(start.isel(sample=1))
    assert alone.height.dims == ("y", "x")
    np.testing.assert_allclose(alone.height, slope.height.isel(sample=1), rtol=1e-12)


def test_some_times_are_those_of_all_times(fields):
    data = fields(samples=2)
    model = built(data, precision="float64")
    start = start_of(data)
    run = model.simulate(start, 7.0 + far(model, 6))
    some = model.simulate(start, np.array([3.0, 3.2, 3.6]))
    np.testing.assert_array_equal(some.velocity, run.velocity.isel(time=[0, 2, 6]))
    np.testing.assert_array_equal(some.time, [3.0, 3.2, 3.6])
    validate(some, model.variables())
    np.testing.assert_allclose(run.stress.isel(time=0), start.stress, rtol=1e-13)
    alone = model.simulate(start.isel(sample=0), far(model, 2))
    assert alone.velocity.dims == ("time", "y", "x", "i")


def test_each_sample_has_the_step_of_its_own_parameters(fields):
    """A copy in slower units of time beside the original: their rollouts are the same, at other times."""
    data = fields(samples=2, tensors=False)
    data = data.assign(gravity=data.gravity.expand_dims(sample=2).copy())
    model = built(data, precision="float64")
    start = start_of(data).isel(sample=[0])
    slow = rescale(start, s=2.0)
    both = xr.concat([start, slow], "sample", coords="minimal", compat="override", join="override")
    run, alone = model.simulate(both, 2 * far(model, 2)), model.simulate(start, far(model, 4))
    np.testing.assert_array_equal(run.height[0], alone.height[0, ::2])
    np.testing.assert_allclose(run.height[1], alone.height[0, :3], rtol=1e-13)
    with pytest.raises(InputError, match=r"whole steps of 0.2 s"):
        model.simulate(both, far(model, 2))


def test_blocks_of_samples_do_not_matter(fields, monkeypatch):
    from physym.models.fields import field_net

    data = fields(samples=5)
    model = built(data, precision="float64")
    run, slope = model.simulate(start_of(data), far(model, 3)), model.tendency(data)
    monkeypatch.setattr(field_net, "_CELLS", 2 * 64)
    assert difference(model.simulate(start_of(data), far(model, 3)), run)[0] <= 1e-13
    assert difference(model.tendency(data), slope)[0] <= 1e-13


def test_a_rollout_that_escapes_says_when_and_where(fields, monkeypatch):
    data = fields(samples=4)
    model = built(data)
    steps = iter(range(100))

    def explode(z, inputs):
        step = next(steps)
        change = torch.zeros_like(z)
        change[-1] = float("nan") if step >= 2 else 0.0
        return change

    monkeypatch.setattr(model, "increment", explode)
    with pytest.raises(DivergenceError, match=r"sample 3 left the finite numbers at time 5.3") as fault:
        model.simulate(start_of(data), 5.0 + far(model, 6))
    assert (fault.value.sample, round(fault.value.time, 9)) == (3, 5.3)


def test_saved_and_loaded_to_the_last_bit(fields, tmp_path):
    data = fields(samples=2)
    model = built(data, conserve=("velocity",), symmetry="rotations")
    model.save(tmp_path / "run")
    again = physym.load(tmp_path / "run")
    assert repr(again) == repr(model)
    assert again.settings() == model.settings()
    start, times = start_of(data), far(model, 4)
    a, b = model.simulate(start, times), again.simulate(start, times)
    for name in names(a, "state"):
        np.testing.assert_array_equal(a[name], b[name])
    assert again.signature.to_dict().keys() == model.signature.to_dict().keys()
    assert again.starts.identical(model.starts) or difference(again.starts, model.starts)[0] == 0.0


def test_parameters_that_are_maps_enter(fields):
    """A depth that differs from place to place: known to the law, and turned along."""
    data = fields(samples=2, tensors=False)
    rng = np.random.default_rng(3)
    attrs = data.height.attrs | {"role": "parameter"}
    data = data.assign(depth=(("y", "x"), rng.uniform(1, 2, (8, 8)), attrs))
    model = built(data, precision="float64")
    start, times = start_of(data), far(model, 3)
    run = model.simulate(start, times)
    for element in Hyperoctahedral(2).elements()[1:4]:
        assert difference(model.simulate(act(element, start), times), act(element, run))[0] <= 1e-12
    other = model.simulate(start.assign(depth=start.depth * 1.5), times)
    assert difference(other[["height"]], run[["height"]])[0] > 1e-8
