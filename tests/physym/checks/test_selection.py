"""However large a store is, only some of it is in memory at a time, and what is found does not depend on the parts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import physym
import physym.evaluation.evaluation
import simulators
from physym.checks import selection, stored
from physym.checks.moves import FIELDS
from physym.cli import main
from physym.metrics import rollout_error, spatial_errors
from simulators import Rietkerk

MODEL = Rietkerk(length=8.0, rainfall=simulators.Uniform(0.3, 0.4))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rietkerk, "times", np.arange(4.0))


@pytest.fixture(scope="module")
def runs() -> xr.Dataset:
    return MODEL.simulate(MODEL.sample(7), np.arange(6.0))


@pytest.fixture
def store(runs: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that is too large to be loaded."""
    monkeypatch.setattr(simulators.schema.files, "_IN_MEMORY", 0)
    return simulators.write(runs, tmp_path / "runs.zarr")


def of_sample(runs: xr.Dataset) -> int:
    """The bytes of one."""
    return 8 * (3 * 6 * 16 + 4 * 6 + 1)


def test_samples_are_spread_evenly_and_fit(runs: xr.Dataset) -> None:
    assert selection.few(runs) == (runs, "")
    for options in ({"most": 4}, {"largest": 5 * of_sample(runs) - 1}):
        some, told = selection.few(runs, **options)
        np.testing.assert_array_equal(some.vegetation, runs.vegetation[[0, 2, 4, 6]])
        assert told == "4 of 7 samples"
    assert selection.few(runs, largest=1)[0].sizes["sample"] == 1
    some, told = selection.few(runs.assign_coords(sample=range(7)), 4, np.random.default_rng(0))
    assert told == "4 of 7 samples"
    assert np.all(np.diff(some["sample"]) > 0)
    assert list(some["sample"]) != [0, 2, 4, 6]


def test_errors_do_not_depend_on_the_parts(runs: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    other = MODEL.simulate(MODEL.sample(7, seed=1), np.arange(6.0))
    whole = selection.in_parts(rollout_error, other, runs), selection.in_parts(spatial_errors, other, runs)
    # some samples at a time, and of one sample some times
    for size in (3 * of_sample(runs), of_sample(runs) // 2):
        monkeypatch.setattr(selection, "PART", size)
        assert len(list(selection.sample_slices(runs))) == (3 if size > of_sample(runs) else 7)
        for measure, found in zip((rollout_error, spatial_errors), whole, strict=True):
            xr.testing.assert_identical(selection.in_parts(measure, other, runs), found)
            xr.testing.assert_identical(measure(other, runs), found)


def test_an_evaluation_does_not_depend_on_the_parts(runs: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    drier = runs.assign(rainfall=(0.9 * runs.rainfall).assign_attrs(runs.rainfall.attrs))
    whole = physym.evaluation.evaluate(MODEL, drier)
    monkeypatch.setattr(selection, "PART", 3 * of_sample(runs))
    parts = physym.evaluation.evaluate(MODEL, drier)
    np.testing.assert_array_equal(parts.errors, whole.errors)
    for a, b in zip(parts.drifts, whole.drifts, strict=True):
        assert a.data.shape == (7, 6)
        np.testing.assert_allclose(a.data * a.size, b.data * b.size, rtol=1e-12)
        np.testing.assert_allclose(a.model * a.size, b.model * b.size, rtol=1e-12)
        # the directions in which states move are drawn part by part
        assert a.size == pytest.approx(b.size, rel=0.5)


def test_a_part_of_a_large_store_is_evaluated(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulators.read(store)
    monkeypatch.setattr(physym.evaluation.evaluation, "FIELDS", FIELDS._replace(stored=3))
    found = physym.evaluation.evaluate(MODEL, data)
    assert found.passed
    assert found.labels == [0, 3, 6]
    assert found.notes == ("3 of 7 samples, evenly spread",)
    assert "3 of 7 samples, evenly spread" in str(found)
    assert not any(data[name].variable._in_memory for name in ("surface_water", "soil_water", "vegetation"))


def test_a_part_of_a_large_store_is_checked(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulators.read(store)
    monkeypatch.setattr(stored, "LARGEST", 2 * of_sample(data))
    monkeypatch.setattr(stored, "validate", lambda data: simulators.validate(data, values=False))
    report = physym.check(data, verbose=False)
    assert report.passed, str(report)
    assert sum("2 of 7 samples" in line.detail for line in report.checks) == 2
    assert not any(data[name].variable._in_memory for name in ("surface_water", "soil_water", "vegetation"))


def test_a_check_says_how_many_runs_failed(runs: xr.Dataset) -> None:
    failures = {"failures": json.dumps({"3": "none"})}
    for attrs, told in ((failures, "1 of 8 runs failed and is left out"), ({"failures": "?"}, "")):
        schema = physym.check(runs.isel(time=slice(2)).assign_attrs(attrs), verbose=False).checks[0]
        assert (schema.passed, schema.detail) == (True, told)


@pytest.mark.parametrize("words", [["check", "STORE"], ["evaluate", "rietkerk", "STORE"]])
def test_a_damaged_chunk_of_a_large_store_is_one_line(
    words: list[str], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chunk = store / "vegetation" / "c" / "6" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-7])
    assert main([str(store) if word == "STORE" else word for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"physym: {store}: ")
    assert "generate" in error
    assert error.count("\n") == 1
