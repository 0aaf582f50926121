"""`physym fit --model field-net`, and evaluate and check on what it wrote."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

import simulators
from physym.arguments import make_parser
from physym.cli import main
from physym.evaluation.drift import drifts


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Rietkerk on a small grid, training and test."""
    folder = tmp_path_factory.mktemp("rietkerk")
    sim = simulators.Rietkerk(length=10.0)
    run = sim.simulate(sim.sample(7, seed=0), np.arange(0.0, 6.0), tolerance=1e-3)
    simulators.write(run.isel(sample=slice(0, 5)), folder / "train.nc")
    simulators.write(run.isel(sample=slice(5, 7)), folder / "test.nc")
    return folder


def said(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_fit_evaluate_and_check(data, tmp_path, capsys):
    run = tmp_path / "run"
    fit = ("fit", data / "train.nc", "--model", "field-net", "--net", "resnet", "--depth", 1, "--width", 4, "-o", run)
    code, out, err = said(capsys, *fit, "--steps", 10, "--conserve", "vegetation", "--seed", 3)
    assert (code, "physym evaluate" in out, "rollout error" in err) == (0, True, True)
    settings = json.loads((run / "settings.json").read_text())
    wanted = {"net": "resnet", "width": 4, "steps": 10, "seed": 3, "conserve": ["vegetation"], "symmetry": "full"}
    assert wanted.items() <= settings.items()
    code, _, err = said(capsys, *fit, "--steps", 10, "--conserve", "vegetation", "--seed", 3)
    assert (code, "use --force" in err) == (2, True)

    code, out, _ = said(capsys, "check", run, "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    for name in ("rotations", "reflections", "translations", "units", "time translation"):
        assert checks[name]["passed"], checks[name]
    assert checks["conservation: mean_vegetation"]["error"] < 1e-14

    code, out, _ = said(capsys, "evaluate", run, data / "test.nc", "--json")
    found = json.loads(out)
    assert 0 < found["rollout_error"] < 1
    assert (code == 0) == found["passed"]
    assert {row["name"] for row in found["conserved"] if row["by"] == "FieldNet"} == {"mean_vegetation"}


def test_predictions_that_the_simulator_refuses_are_a_finding(data):
    """A negative density in one rollout has no budget; that is no fault of the user's, nor of the other rollouts."""

    class Free:
        def conserved(self, dataset):
            return xr.Dataset(attrs=dataset.attrs)

    truth = simulators.read(data / "test.nc")
    sign = xr.DataArray([1.0, -1.0], dims="sample")
    prediction = truth.assign(vegetation=(truth.vegetation * sign).assign_attrs(truth.vegetation.attrs))
    found = drifts(Free(), truth, prediction)
    assert {drift.name for drift in found} == {"water_budget", "biomass_budget"}
    for drift in found:
        np.testing.assert_array_equal(drift.model[0], drift.data[0])
        assert np.isinf(drift.model[1]).all()
        assert np.isfinite(drift.data).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--net", "mlp"), "--net: expected dilated or resnet or unet"),
        (("--width", "0"), "width: expected an integer >= 1, given 0"),
        (("--conserve", "mass"), "conserve: expected states (surface_water, soil_water, vegetation), given 'mass'"),
        (("--steps", "0"), "steps: expected an integer >= 1"),
        (("--device", "abacus"), "device: expected one that torch can use"),
    ],
)
def test_bad_options_are_one_line(data, tmp_path, capsys, words, message):
    fit = ("fit", data / "train.nc", "--model", "field-net", "-o", tmp_path / "run")
    code, _, err = said(capsys, *fit, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_states_to_conserve_may_be_told_one_by_one():
    words = ["fit", "runs.nc", "--model", "field-net", "-o", "run", "--conserve", "height", "--conserve", "velocity"]
    assert make_parser().parse_args(words).conserve == ["height", "velocity"]
