"""What it is worth that a model sees dimensionless numbers: right on rescaled systems, or lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

import physym
from physym.models import HamiltonianNN, NeuralODE
from physym.units import rescale
from simulators import InputError, LogUniform, SpringPendulum

RANGES = {name: LogUniform(0.7, 1.4) for name in ("mass", "stiffness", "rest_length")}
FAMILY = SpringPendulum(bodies=1, **RANGES)
TIMES = 0.2 * np.arange(5)
# gravity stays what it was: a model that does not see its own scale refuses any other than that of its data
SIZES = {"kg": 20.0, "m": 0.0625, "s": 0.25}


@pytest.fixture(scope="module")
def train():
    return FAMILY.simulate(FAMILY.sample(80, seed=0), TIMES)


@pytest.fixture(scope="module")
def test():
    return FAMILY.simulate(FAMILY.sample(20, seed=1), TIMES)


def error(model, truth) -> float:
    """Of the rates of change, relative."""
    given, wanted = model.tendency(truth), FAMILY.tendency(truth)
    return max(float(np.linalg.norm(given[n] - wanted[n]) / np.linalg.norm(wanted[n])) for n in wanted.data_vars)


@pytest.mark.parametrize("kind", [HamiltonianNN, NeuralODE])
def test_rescaled_systems_are_known_only_by_dimensionless_numbers(kind, train, test):
    far = rescale(test, **SIZES)
    for name in RANGES:
        low, high = float(train[name].min()), float(train[name].max())
        assert not np.any((far[name] > low) & (far[name] < high))
    free = kind(hidden=(16,)).fit(train, steps=40)
    bound = kind(hidden=(16,), dimensionless=False).fit(train, steps=40)
    assert error(free, test) < 0.1
    assert error(free, far) == pytest.approx(error(free, test), rel=1e-9)
    assert error(bound, test) < 0.1
    assert error(bound, far) > 20 * error(bound, test)


def test_rollouts_of_rescaled_systems_are_rescaled_rollouts(train, test):
    model, start = HamiltonianNN(hidden=(16,)).fit(train, steps=20), test.isel(time=0, drop=True)
    plain = rescale(model.simulate(start, TIMES), **SIZES)
    moved = model.simulate(rescale(start, **SIZES), SIZES["s"] * TIMES)
    for name in ("position", "momentum"):
        np.testing.assert_allclose(moved[name], plain[name], rtol=1e-9, atol=1e-9 * np.abs(plain[name]).max())


def test_the_units_check_tells_them_apart_also_when_loaded(train, tmp_path):
    starts = FAMILY.sample(2, seed=3)
    for dimensionless in (True, False):
        model = HamiltonianNN(hidden=(4,), dimensionless=dimensionless).fit(train, steps=10)
        model.times = model.times[:3]
        model.save(tmp_path / str(dimensionless))
        loaded = physym.load(tmp_path / str(dimensionless))
        assert loaded.dimensionless is dimensionless
        assert loaded.settings() == model.settings()
        np.testing.assert_array_equal(loaded.tendency(train).momentum, model.tendency(train).momentum)
        lines = {line.name: line for line in physym.check(loaded, starts, verbose=False).checks}
        assert lines["units"].passed is dimensionless
        assert lines["rotations"].passed


def test_models_saved_without_the_setting_are_dimensionless(train, tmp_path):
    HamiltonianNN(hidden=(8,)).fit(train, steps=1).save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    described = json.loads(path.read_text())
    del described["settings"]["dimensionless"]
    path.write_text(json.dumps(described))
    assert physym.load(tmp_path / "model").dimensionless is True


def test_what_is_refused():
    with pytest.raises(InputError, match="dimensionless: expected True or False, given 1"):
        HamiltonianNN(dimensionless=1)
