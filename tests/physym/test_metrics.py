"""The rollout metric and the measures behind the checks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

import simulators
from physym.metrics import difference, drift, geometric_mean, nudge, rollout_error
from simulators import InputError, SchemaError, SpringPendulum


@pytest.fixture
def truth():
    pendulum = SpringPendulum()
    return pendulum.simulate(pendulum.sample(3), 0.2 * np.arange(4))


def moved(truth, **values):
    return truth.assign({name: truth[name].copy(data=array) for name, array in values.items()})


def test_error_by_hand(truth):
    rng = np.random.default_rng(0)
    pred = moved(truth, position=truth.position + 0.1 * rng.standard_normal(truth.position.shape))
    errors = rollout_error(pred, truth)
    assert errors.dims == ("sample", "time")
    np.testing.assert_array_equal(errors.time, truth.time)
    a = np.concatenate([pred.position.values[1, 2].ravel(), pred.momentum.values[1, 2].ravel()])
    b = np.concatenate([truth.position.values[1, 2].ravel(), truth.momentum.values[1, 2].ravel()])
    rms = [math.sqrt(np.mean(v**2)) for v in (a - b, a, b)]
    assert float(errors[1, 2]) == pytest.approx(rms[0] / (rms[1] + rms[2]), rel=1e-14)


def test_it_is_symmetric_bounded_and_clamped(truth):
    opposite = moved(truth, position=-truth.position, momentum=-truth.momentum)
    np.testing.assert_allclose(rollout_error(opposite, truth), 1.0)
    np.testing.assert_array_equal(rollout_error(truth, truth), 1e-7)
    pred = moved(truth, position=1.1 * truth.position)
    np.testing.assert_allclose(rollout_error(pred, truth), rollout_error(truth, pred), rtol=1e-14)


def test_two_zero_states_agree_and_a_zero_prediction_is_wholly_wrong(truth):
    zero = moved(truth, position=0 * truth.position, momentum=0 * truth.momentum)
    np.testing.assert_array_equal(rollout_error(zero, zero), 1e-7)
    np.testing.assert_array_equal(rollout_error(zero, truth), 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_predictions_that_blew_up_are_wholly_wrong(truth, bad):
    values = truth.position.values.copy()
    values[1, 2:] = bad
    errors = rollout_error(moved(truth, position=values), truth)
    np.testing.assert_allclose(errors[1, 2:], 1.0)
    np.testing.assert_array_equal(errors[0], 1e-7)


def test_units_are_those_of_the_truth(truth):
    pred = moved(truth, position=100 * truth.position, momentum=1.1 * truth.momentum)
    pred.position.attrs["units"] = "cm"
    pred = pred.assign_coords(time=("time", truth.time.values * 1000, {"units": "ms"}))
    wanted = rollout_error(moved(truth, momentum=1.1 * truth.momentum), truth)
    np.testing.assert_allclose(rollout_error(pred, truth), wanted, rtol=1e-12)


def test_order_of_dimensions_and_other_variables_do_not_matter(truth):
    pred = moved(truth, position=1.1 * truth.position)
    wanted = rollout_error(pred, truth)
    turned = pred.transpose("i", "body", "time", "sample")[["momentum", "position"]]
    xr.testing.assert_allclose(rollout_error(turned, truth), wanted)
    xr.testing.assert_allclose(rollout_error(pred, truth.transpose("body", "time", "i", "sample")), wanted)


def test_without_samples_or_times(truth):
    pred = moved(truth, position=1.1 * truth.position)
    wanted = rollout_error(pred, truth)
    assert rollout_error(pred.isel(sample=1), truth.isel(sample=1)).dims == ("time",)
    assert float(rollout_error(pred.isel(sample=1, time=2), truth.isel(sample=1, time=2))) == float(wanted[1, 2])


def test_times_may_differ_by_rounding_only(truth):
    rounded = truth.time.values.astype(np.float32).astype(float)
    rollout_error(truth.assign_coords(time=truth.time.copy(data=rounded)), truth)
    with pytest.raises(InputError, match=r"times: expected 0.2 at index 1, given 0.2001 in the prediction; roll"):
        rollout_error(truth.assign_coords(time=truth.time.copy(data=[0.0, 0.2001, 0.4, 0.6])), truth)


def test_what_does_not_match_is_named(truth):
    with pytest.raises(InputError, match="dimension 'sample': expected 3 in the prediction, as in the truth, given 2"):
        rollout_error(truth.isel(sample=[0, 1]), truth)
    with pytest.raises(InputError, match=r"dimension 'time': expected 4 .* given 3"):
        rollout_error(truth.isel(time=slice(3)), truth)
    with pytest.raises(SchemaError, match="state 'momentum': expected in the prediction, given only position"):
        rollout_error(truth[["position"]], truth)
    with pytest.raises(InputError, match=r"state 'position': expected the sizes .*'body': 2.* given .*'body': 1"):
        rollout_error(truth.isel(body=[0]), truth)
    wrong = truth.copy(deep=True)
    wrong.momentum.attrs["units"] = "m"
    with pytest.raises(SchemaError, match="state 'momentum', units of the prediction: expected units of 'kg"):
        rollout_error(wrong, truth)
    del wrong.momentum.attrs["units"]
    with pytest.raises(SchemaError, match="state 'momentum': expected the attribute 'units' in the prediction"):
        rollout_error(wrong, truth)
    with pytest.raises(SchemaError, match="truth: expected at least one variable with the attribute role='state'"):
        rollout_error(truth, truth[["mass"]].assign_coords(time=truth.time).expand_dims(sample=3))
    with pytest.raises(InputError, match="state 'position': expected a finite truth"):
        rollout_error(truth, moved(truth, position=np.nan * truth.position))


def test_geometric_mean():
    assert geometric_mean(np.array([[1e-4, 1e-2]])) == pytest.approx(1e-3)
    assert geometric_mean(xr.DataArray([0.5])) == pytest.approx(0.5)
    for bad in ([], [0.0], [np.nan], [np.inf], [-1.0]):
        with pytest.raises(InputError, match="errors: expected positive, finite numbers"):
            geometric_mean(np.array(bad))


def test_difference_names_the_variable_and_scales_by_sample(truth):
    assert difference(truth, truth) == (0.0, "")
    error, name = difference(moved(truth, momentum=1.01 * truth.momentum), truth)
    assert name == "momentum"
    assert 0.005 < error <= 0.01 + 1e-12
    assert difference(moved(truth, momentum=np.nan * truth.momentum), truth) == (math.inf, "momentum")
    with pytest.raises(SchemaError, match="variable 'momentum'"):
        difference(truth[["position"]], truth)


def test_difference_from_zero_needs_a_natural_size():
    wanted = xr.Dataset({"v": ("sample", np.zeros(2))})
    given = xr.Dataset({"v": ("sample", np.full(2, 1e-15))})
    assert difference(given, wanted)[0] == math.inf
    assert difference(given, wanted, xr.Dataset({"v": ("sample", np.full(2, 1e-3))}))[0] == pytest.approx(1e-15)


def test_drift_does_not_see_a_constant_and_is_relative_to_the_natural_size(truth):
    pendulum = simulators.SpringPendulum()
    shaken = nudge(truth, np.random.default_rng(0))
    energy, nudged = pendulum.conserved(truth).energy, pendulum.conserved(shaken).energy
    losing = energy * (1 - 0.01 * truth.time)
    a, b = drift(losing, nudged + losing - energy), drift(losing + 1e3, nudged + losing - energy + 1e3)
    assert a == pytest.approx(b, rel=1e-6)
    assert 1e-3 < a < 1e-1
    assert drift(energy, nudged) < 1e-9
    assert drift(energy * np.nan, nudged) == math.inf


def test_an_energy_of_waves_without_mean_has_a_natural_size():
    solid = simulators.ElasticWaves(length=1600.0, cell=100.0)
    data = solid.sample(8)
    energy, nudged = (solid.conserved(some).energy for some in (data, nudge(data, np.random.default_rng(0))))
    size = np.sqrt(float(((nudged - energy) ** 2).mean())) / 1e-3
    assert 0.3 < size / float(energy.mean()) < 6.0


def test_a_nudge_moves_states_alone_and_by_a_thousandth(truth):
    shaken = nudge(truth, np.random.default_rng(0))
    change = (shaken.position - truth.position).values
    assert math.sqrt(np.mean(change**2)) == pytest.approx(1e-3 * math.sqrt(np.mean(truth.position.values**2)), rel=0.3)
    xr.testing.assert_identical(shaken.mass, truth.mass)
    assert shaken.position.attrs == truth.position.attrs
