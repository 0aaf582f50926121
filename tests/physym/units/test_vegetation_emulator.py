"""The script of the lecture's experiment, on a few small runs: what it prints, draws and keeps."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor

SCRIPT = Path(__file__).parents[3] / "scripts" / "vegetation_emulator.py"


@pytest.fixture
def script(monkeypatch):
    specification = importlib.util.spec_from_file_location("vegetation_emulator", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "vegetation_emulator", module)
    specification.loader.exec_module(module)
    for name, value in {"TRAIN": 16, "TEST": 6, "SYSTEMS": 2, "EACH": 2}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setitem(module.FIXED, "length", 16.0)
    monkeypatch.setitem(module.FIXED, "duration", 20.0)
    return module


def test_it_learns_tests_draws_and_goes_on_from_what_is_kept(script, tmp_path, monkeypatch, capsys):
    words = ["", "--work", tmp_path / "work", "--figure", tmp_path / "out.png", "--workers", "1"]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    few = {"gradient boosting": GradientBoostingRegressor(n_estimators=20, random_state=0)}
    monkeypatch.setattr(script, "estimators", lambda: few)
    script.main()
    first = capsys.readouterr().out
    rows = [line.strip("| ").split(" | ") for line in first.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 4
    assert (tmp_path / "out.png").stat().st_size > 10_000
    for _, features, usual, rescaled, _, moved in rows:
        if features.startswith("groups"):
            assert float(moved) < 1e-12
        if features == "groups over l, d, m, g":
            assert float(rescaled) == pytest.approx(float(usual), rel=1e-2)
        if features == "raw":
            assert float(moved) > 0.01
    kept = {path.name: path.stat().st_mtime for path in (tmp_path / "work").iterdir()}
    assert set(kept) == {"train.zarr", "test.zarr", "system_0.zarr", "system_1.zarr"}
    monkeypatch.setattr(script, "make", None)
    script.main()
    assert capsys.readouterr().out == first


def test_rescaled_runs_are_what_the_law_makes_of_rescaled_systems(script, tmp_path):
    sizes = np.array([3.0, 0.5, 7.0, 0.2])
    usual = script.simulated(tmp_path, "usual", 3, 0, np.ones(4), 1)
    other = script.simulated(tmp_path, "other", 3, 0, sizes, 1)
    for name, values in usual.inputs.items():
        np.testing.assert_allclose(other.inputs[name], values * script.factor(script.UNITS[name], sizes), rtol=1e-12)
    np.testing.assert_allclose(other.truth * other.scale, usual.truth, rtol=1e-6)
