"""What all simulators share: ranges, times, streams, chunks, provenance."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from simulators import InputError, LogUniform, SpringPendulum, Uniform, base, chunk, registered, validate


@pytest.mark.parametrize("kind", [Uniform, LogUniform])
def test_a_range_draws_within_itself(kind: type[Uniform]) -> None:
    drawn = kind(1, 100).draw(np.random.default_rng(0), (1000, 2))
    assert drawn.shape == (1000, 2)
    assert 1 <= drawn.min() < 2
    assert 90 < drawn.max() <= 100
    middle = 10 if kind is LogUniform else 50
    assert abs(np.median(drawn) - middle) < 0.1 * middle
    assert np.all(kind(3, 3).draw(np.random.default_rng(0), (5,)) == pytest.approx(3))


@pytest.mark.parametrize("kind", [Uniform, LogUniform])
@pytest.mark.parametrize("ends", [(2, 1), (np.nan, 1), (1, np.inf), ("a", 1), (None, 1), (True, 2), ([1], 2), (1, 2j)])
def test_a_wrong_range_is_refused(kind: type[Uniform], ends: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match=r"expected .*, given "):
        kind(*ends)


def test_a_logarithm_needs_positive_ends() -> None:
    for low in (0, -1):
        Uniform(low, 2)
        with pytest.raises(InputError, match="expected a positive low of a log-uniform range, given"):
            LogUniform(low, 2)
    assert LogUniform(1, 2) != Uniform(1, 2) == Uniform(1.0, np.float32(2))


@pytest.mark.parametrize(
    "times", [[0.0, 0.5], (0, 1), np.arange(3), range(3), xr.DataArray([0.0, 1.0]), [-1e9], np.float32([1, 2])]
)
def test_times_are_taken_from_anything_of_numbers(times: Any) -> None:
    found = base.check_times(times)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.asarray(times, dtype=float))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], "one-dimensional"), (3.0, "one-dimensional"), ([[0, 1]], "one-dimensional"), (None, "as numbers"),
        ("a", "as numbers"), (["0", "1"], "as numbers"), ([0, 1j], "as numbers"), ([False, True], "as numbers"),
        ([[0], [1, 2]], "as numbers"), (np.arange(2).astype("timedelta64[s]"), "as numbers"),
        (np.arange(2).astype("datetime64[s]"), "as numbers"), ((t for t in (0, 1)), "as numbers"),
        ([0.0, 2.0, 1.0], "given 2 before 1; sort them"), ([0.0, 0.0], "given 0 before 0"),
        ([0.0, np.nan], "before nan"),
        ([np.nan], "given nan"), ([0.0, np.inf], "given others|given 0"), ([-np.inf, 0.0], "given -inf"),
    ],
)  # fmt: skip
def test_wrong_times_are_refused(times: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        base.check_times(times)


def test_streams_are_independent_of_their_number() -> None:
    few, many = base.streams(2, 5), base.streams(np.int64(9), np.int64(5))
    first = [rng.random() for rng in many]
    assert [rng.random() for rng in few] == first[:2]
    assert len(set(first)) == 9
    assert base.streams(1, 2**200)[0].random() != first[0]


@pytest.mark.parametrize(
    "only", [slice(0, 1), slice(3, 7), slice(8, None), slice(-2, None), slice(1, 9, 3), slice(0, 99)]
)
def test_some_samples_are_the_same_as_among_all(only: slice) -> None:
    masses = np.linspace(1, 2, 20).reshape(10, 2)
    pendulum = SpringPendulum(mass=masses, stiffness=LogUniform(1, 2), rest_length=Uniform(0.5, 1))
    whole, part = pendulum.sample(10, 4), pendulum.sample(10, 4, only=only)
    xr.testing.assert_identical(part, whole.isel(sample=only).assign_attrs(part.attrs))
    first = base.streams(10, 4, only)[0].random()
    assert first == base.streams(10, 4)[range(10)[only][0]].random()
    children = [np.random.default_rng(s) for s in np.random.SeedSequence(4).spawn(10)]
    assert first == children[only][0].random()


def test_no_list_of_all_streams_is_made() -> None:
    assert base.streams(10**12, 0, slice(10**9, 10**9 + 1))[0].random() < 1
    for only in (slice(10, 20), slice(3, 3)):
        with pytest.raises(InputError, match=r"only: expected some of the 10 samples, given \d+ to \d+"):
            base.streams(10, 0, only)
    with pytest.raises(InputError, match="mass: expected 9 samples, given an array for 10"):
        SpringPendulum(mass=np.ones((10, 2))).sample(9, only=slice(0, 2))


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    pendulum = SpringPendulum()
    return pendulum.simulate(pendulum.sample(50), 0.2 * np.arange(12))


def test_chunks_are_cut_anywhere_and_start_at_zero(run: xr.Dataset) -> None:
    cut = chunk(run, 4, seed=1)
    validate(cut)
    np.testing.assert_allclose(cut.time, 0.2 * np.arange(4))
    assert cut.time.attrs == run.time.attrs
    begins = []
    for sample in range(50):
        (begin,) = np.flatnonzero((run.position[sample] == cut.position[sample, 0]).all(["body", "i"]))
        begins.append(begin)
        for name in ("position", "momentum"):
            np.testing.assert_array_equal(cut[name][sample], run[name][sample, begin : begin + 4])
    assert {min(begins), max(begins)} == {0, 8}
    xr.testing.assert_identical(cut.mass, run.mass)
    xr.testing.assert_identical(chunk(run, 4, seed=1), cut)
    assert not chunk(run, 4, seed=2).position.equals(cut.position)
    np.testing.assert_array_equal(chunk(run, 12).position, run.position)


def test_chunks_of_a_part_are_those_of_the_whole(run: xr.Dataset) -> None:
    whole = chunk(run, 4, seed=3)
    for first in (0, 7, 49):
        part = chunk(run.isel(sample=slice(first, first + 3)), 4, seed=3, first=first)
        assert part.equals(whole.isel(sample=slice(first, first + 3)))


def test_chunks_that_cannot_be_cut_are_refused(run: xr.Dataset) -> None:
    for points in (1, 13, 0, -2):
        with pytest.raises(InputError, match="expected chunks of 2 to 12 points, given"):
            chunk(run, points)
    for points in (4.0, True, "4", None):
        with pytest.raises(InputError, match="expected chunks of an integer number of points, given"):
            chunk(run, points)
    uneven = run.isel(time=[0, 1, 3, 4])
    for times in (uneven, uneven.assign_coords(time=[0.0, 1e-9, 3e-9, 4e-9])):
        with pytest.raises(InputError, match="expected evenly spaced times"):
            chunk(times, 2)
    for dim in ("sample", "time"):
        with pytest.raises(InputError, match=f"expected trajectories with the dimension '{dim}'"):
            chunk(run.isel({dim: 0}), 2)


def test_times_are_evenly_spaced_up_to_rounding(run: xr.Dataset) -> None:
    late = run.assign_coords(time=("time", 1e6 + 0.1 * np.arange(12), run.time.attrs))
    assert chunk(late, 3).sizes["time"] == 3


def test_provenance_is_text_that_netcdf_holds() -> None:
    found = base.provenance("a title", "SpringPendulum", solver={"method": "x", "step": 0.1}, seed=3, none=None)
    assert found["Conventions"] == "CF-1.11, physym-1"
    assert found["source"].startswith("simulators ")
    assert found["history"].endswith(found["source"])
    assert json.loads(found["solver"]) == {"method": "x", "step": 0.1}
    assert (found["title"], found["simulator"], found["seed"], found["none"]) == (
        "a title",
        "SpringPendulum",
        3,
        "null",
    )


def test_the_git_hash_is_that_of_the_sources() -> None:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    source = base.provenance("", "none")["source"]
    if done.returncode == 0 and "git" in source:
        assert source.split()[-1][:7] == done.stdout.strip()[:7]


def test_edits_that_are_not_committed_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "simulators"
    package.mkdir()
    monkeypatch.setattr(base, "__file__", str(package / "base.py"))
    assert base._git_hash.__wrapped__() == ""
    (package / "base.py").write_text("1")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "-am", "first", "v1"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    clean = base._git_hash.__wrapped__()
    assert len(clean) == 7
    (package / "base.py").write_text("2")
    assert base._git_hash.__wrapped__() == f"{clean}-dirty"


def test_the_code_is_that_of_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert base.code()["numpy"] == np.__version__
    monkeypatch.setattr(base, "__file__", str(tmp_path / "base.py"))
    told = [base.code.__wrapped__()]
    (tmp_path / "sub").mkdir()
    for name, text in {"a.py": "1", "sub/a.py": "1", "sub/b.py": "", "a.txt": "no code"}.items():
        (tmp_path / name).write_text(text)
        told.append(base.code.__wrapped__())
    (tmp_path / "a.py").write_text("2")
    told.append(base.code.__wrapped__())
    names = [found["simulators"] for found in told]
    assert len(set(names)) == 5
    assert names[3] == names[4]
    (tmp_path / "a.py").write_text("1")
    assert base.code.__wrapped__() == told[3]


def test_simulators_are_known_by_class_and_command() -> None:
    assert registered()["SpringPendulum"] is SpringPendulum
    assert SpringPendulum.command() == "spring-pendulum"
