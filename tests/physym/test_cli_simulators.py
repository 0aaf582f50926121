"""`physym check` and `physym evaluate` take a simulator by name wherever they take a learned law."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from physym.cli import main
from simulators import PointCharges, Rietkerk, write


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = Rietkerk(length=16.0)
    return write(model.simulate(model.sample(2), [0.0, 10.0, 20.0]), tmp_path_factory.mktemp("data") / "runs.nc")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default run, which checks follow, is short."""
    monkeypatch.setattr(Rietkerk, "times", np.arange(11.0))


def test_a_simulator_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rietkerk", "--set", "length=24", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]
    assert {"rotations", "reflections", "translations", "units"} <= {check["name"] for check in found["checks"]}


def test_a_simulator_is_evaluated_against_data(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "rietkerk", str(data), "--json"]) == 0
    same = json.loads(capsys.readouterr().out)
    assert same["rollout_error"] == pytest.approx(1e-7)
    folder = tmp_path / "drier"
    assert main(["evaluate", "Rietkerk", str(data), "--set", "R=0.3", "--output", str(folder), "--json"]) == 0
    drier = json.loads(capsys.readouterr().out)
    assert drier["rollout_error"] > 1e-4
    law = drier["provenance"]["model"]
    assert law["overridden"] == ["rainfall"]
    assert (law["settings"]["rainfall"], law["settings"]["infiltration_rate"]) == (0.3, 0.2)
    words = ["physym", "evaluate", "Rietkerk", str(data), "--set", "R=0.3", "--output", str(folder)]
    assert drier["provenance"]["evaluation"]["command"] == words
    assert "--set R=0.3 --output" in (folder / "report.html").read_text()
    assert (folder / "report.html").exists()
    assert main(["evaluate", "rietkerk", str(data), "--set", "rainfall=0.3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rollout_error"] == drier["rollout_error"]
    model = Rietkerk(length=16.0, rainfall=0.3)
    start = Rietkerk(length=16.0).sample(2)
    alone = model.simulate(start.drop_vars("rainfall"), [0.0, 20.0])
    kept = xr.load_dataset(folder / "prediction.nc", decode_times=False)
    np.testing.assert_allclose(kept["vegetation"][:, -1], alone["vegetation"][:, -1], rtol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "rietkrk"], "did you mean 'rietkerk'?"),
        (["check", "DATA", "--set", "R=1"], "--set: expected beside the name of a simulator"),
        (["evaluate", "rietkerk", "DATA", "--set", "R=uniform:0.1,0.2"], "expected numbers to evaluate with"),
        (["evaluate", "rietkerk", "DATA", "--set", "rain=1"], "parameters: expected one of"),
        (["evaluate", "rietkerk", "DATA", "--set", "R=x"], "rainfall: expected numbers, given 'x'"),
        (["evaluate", "rietkerk", "DATA", "--set", "R=0.3,0.4,0.5"], "--set R: expected 1 number, or 2 along 'sample'"),
        (["evaluate", "rietkerk", "DATA", "--set", "cell=4"], "--set cell: expected a parameter of the law (rainfall,"),
        (["evaluate", "rietkerk", "DATA", "--set", "start=patches"], "--set start: expected a parameter of the law"),
        (["evaluate", "nowhere/run", "DATA"], "nowhere/run"),
    ],
)
def test_wrong_subjects_are_one_line(
    words: list[str], message: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data) if word == "DATA" else word for word in words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_bodies_move_in_the_box_of_their_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not in that of the simulator, 0.64 m: the grid of the fields tells it."""
    model = PointCharges(bodies=3, length=1.28, cell=0.16)
    data = write(model.simulate(model.sample(2), [0.0, 0.5, 1.0]), tmp_path / "runs.nc")
    code = main(["evaluate", "point-charges", str(data), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in found["checks"] if not check["passed"]] == []
    assert code == 0
    assert found["rollout_error"] == pytest.approx(1e-7)
    energy = next(drift for drift in found["conserved"] if drift["name"] == "energy")
    assert max(energy["data_max"], energy["model_max"]) < 1e-6
