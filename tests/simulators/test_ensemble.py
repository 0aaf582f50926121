"""Ensembles: the same store whatever makes it, however often it is killed; failures are kept, damage is noticed."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import simulators
from simulators import InputError, LogUniform, SchemaError, Simulator, SpringPendulum, Uniform, ensemble, read
from simulators.ensemble import cluster, coordinator, local, store
from simulators.ensemble.lock import locked
from simulators.ensemble.work import Blocks, Report

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# workers import the simulator under the same name
sys.path.insert(0, str(HERE))
heat = importlib.import_module("heat")
Heat = heat.Heat
# with seed 1, of 12 samples 4 is refused, 5 diverges, 6 and 10 give NaN
MIXED = Heat(rate=Uniform(-1.1, 2.0))
FAILED = [4, 5, 6, 10]
PENDULUM = SpringPendulum(stiffness=(1.0, 2.0), mass=LogUniform(0.5, 2))


def content(path: Path) -> dict[str, bytes | None]:
    """All that is in a folder: files with their bytes, and folders."""
    return {str(p.relative_to(path)): p.read_bytes() if p.is_file() else None for p in sorted(path.rglob("*"))}


def rows(path: Path) -> list[int]:
    """The flags of all runs."""
    return store.flags(path).tolist()


def same(path: Path, other: Path) -> bool:
    return content(path) == content(other)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 12 runs of which 4 failed, made in one go by one process."""
    path = tmp_path_factory.mktemp("whole") / "a.zarr"
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    return path


def fails(fault: BaseException) -> Callable[..., None]:
    def function(*_: object) -> None:
        raise fault

    return function


def begun(simulator: Simulator, path: Path, runs: int = 0, fault: BaseException | None = None) -> None:
    """Make a store of 12 runs, of which some are there when a fault ends it."""
    plain = store.put

    def put(where: Path, wanted: Any, part: slice, made: xr.Dataset) -> None:
        if rows(where).count(1) >= runs:
            raise fault or KeyboardInterrupt
        plain(where, wanted, part, made)

    with contextlib.suppress(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "put", put)
        ensemble.generate(simulator, 12, path, seed=1, workers=1)
    assert -1 in rows(path)
    assert (1 in rows(path)) == (runs > 0)


# what is in a store


def test_a_store_holds_what_the_simulator_gives(tmp_path: Path) -> None:
    found = ensemble.generate(PENDULUM, 7, tmp_path / "a.zarr", seed=3, workers=1)
    wanted = PENDULUM.simulate(PENDULUM.sample(7, 3), PENDULUM.times)
    assert found.equals(wanted)
    assert {"sample", "failures"}.isdisjoint({*found.coords, *found.attrs})
    assert found.attrs["solver"] == wanted.attrs["solver"]
    assert json.loads(found.attrs["settings"])["samples"] == 7
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    # one run in a chunk, and nothing of the clock
    names = {p.parent.parent.name for p in (tmp_path / "a.zarr").rglob("3") if p.parent.name == "c"}
    assert names == {"position", "momentum", "mass", "completed"}
    assert str(time.gmtime().tm_year) not in found.attrs["history"]
    assert found.attrs["source"] in found.attrs["history"]


def test_a_store_lies_as_one_that_is_written_at_once(tmp_path: Path) -> None:
    found = ensemble.generate(PENDULUM, 4, tmp_path / "a.zarr", workers=1)
    whole = PENDULUM.simulate(PENDULUM.sample(4), PENDULUM.times)
    simulators.write(whole.assign_attrs(found.attrs), tmp_path / "b.zarr")
    a, b = content(tmp_path / "a.zarr"), content(tmp_path / "b.zarr")
    assert json.loads(a.pop("zarr.json") or "") == json.loads(b.pop("zarr.json") or "")
    assert a == b


def test_chunks_are_cut_as_in_memory(tmp_path: Path) -> None:
    found = ensemble.generate(PENDULUM, 9, tmp_path / "a.zarr", seed=2, chunk=5, workers=1)
    place = int(np.random.SeedSequence([2, 1]).generate_state(1)[0])
    assert found.equals(simulators.chunk(PENDULUM.simulate(PENDULUM.sample(9, 2), PENDULUM.times), 5, place))


def test_what_fails_is_recorded_and_left_out(whole: Path) -> None:
    found = read(whole)
    done = [n for n in range(12) if n not in FAILED]
    assert found["sample"].values.tolist() == done
    assert rows(whole) == [int(n in done) for n in range(12)]
    wanted = MIXED.simulate(MIXED.sample(12, 1).isel(sample=done), MIXED.times)
    assert found.drop_vars("sample").equals(wanted)
    reasons = json.loads(found.attrs["failures"])
    assert list(reasons) == [str(n) for n in FAILED]
    assert reasons["4"].startswith("rate, sample 4: expected at least -0.95, given -1")
    assert reasons["5"] == "sample 5 got to time 1.5: it blew up."
    assert reasons["6"] == "temperature: expected finite numbers, given nan at time 2; check the start"
    # their numbers are not there, and do not read as any
    raw = xr.open_zarr(whole, consolidated=False, chunks=None, decode_times=False)
    assert np.isnan(raw["temperature"][FAILED]).all()
    assert (raw["steps"][FAILED] == np.iinfo("i4").min).all()
    assert raw["completed"].dtype == np.int8
    # and what was read can be written and read again
    copy = read(simulators.write(found, whole.parent / "copy.zarr"))
    assert copy.identical(found)


def test_when_all_runs_fail_the_reason_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    with pytest.raises(InputError, match="at least one run to succeed, given 3 that failed, sample 0 thus: sample 0"):
        ensemble.generate(Heat(rate=1.9), 3, path, workers=1)
    with pytest.raises(SchemaError, match="at least one run that is done, given 3 that failed"):
        read(path)
    with pytest.raises(InputError, match="finished already, with the same settings"):
        ensemble.generate(Heat(rate=1.9), 3, path, workers=1)


def test_when_every_start_is_refused_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rate, sample 0: expected at least"):
        ensemble.generate(Heat(rate=-1.0), 3, tmp_path / "a.zarr", workers=1)
    assert not list(tmp_path.iterdir())


def test_a_flag_is_written_after_all_that_it_speaks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zarr

    path, written = tmp_path / "a.zarr", []
    begun(MIXED, path)
    plain = zarr.Array.__setitem__

    def noted(self: zarr.Array, rows: Any, values: Any) -> None:
        written.append((self.basename, rows))
        plain(self, rows, values)

    monkeypatch.setattr(zarr.Array, "__setitem__", noted)
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    flags = [n for n, (name, rows) in enumerate(written) if name == "completed" and isinstance(rows, slice)]
    assert len(flags) > 2
    for n in flags:
        assert [name for name, rows in written[n - 3 : n] if rows == written[n][1]] == ["temperature", "rate", "steps"]


def test_large_runs_are_cut_along_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulators.schema.stores, "_LARGEST_CHUNK", 3 * 4 * 4 * 8)
    times = np.arange(7.0)
    found = ensemble.generate(Heat(), 2, tmp_path / "a.zarr", times=times, workers=1)
    assert found.equals(Heat().simulate(Heat().sample(2), times))
    assert sorted(p.name for p in (tmp_path / "a.zarr" / "temperature" / "c" / "1").iterdir()) == ["0", "1", "2"]


# the same store, whatever makes it


@pytest.mark.parametrize("workers", [3])
def test_the_number_of_workers_changes_no_bit(whole: Path, tmp_path: Path, workers: int) -> None:
    path = tmp_path / "a.zarr"
    ensemble.generate(MIXED, 12, path, seed=1, workers=workers)
    assert same(path, whole)


def test_processes_are_started_when_it_is_worth_it(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    on_workers = local.on_workers
    monkeypatch.setattr(local, "on_workers", lambda *args: counted.append(args[2].left.size) or on_workers(*args))
    monkeypatch.setattr(local, "cores", lambda: 2)
    ensemble.generate(MIXED, 12, tmp_path / "a.zarr", seed=1)
    assert not counted
    monkeypatch.setattr(coordinator, "_ALONE", 0.0)
    ensemble.generate(MIXED, 12, tmp_path / "b.zarr", seed=1)
    assert counted == [11]
    assert same(tmp_path / "a.zarr", whole)
    assert same(tmp_path / "b.zarr", whole)


@pytest.mark.parametrize("seed", [0, 1])
def test_neither_blocks_nor_their_order_change_a_bit(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)

    def take(self: Blocks) -> slice | None:
        if not self.left.size:
            return None
        first = rng.choice(self.left.tolist())
        size = 1
        while size < 4 and first + size in self.left:
            size += 1
        self.left = self.left[(self.left < first) | (self.left >= first + size)]
        return slice(first, first + size)

    monkeypatch.setattr(Blocks, "take", take)
    ensemble.generate(MIXED, 12, tmp_path / "a.zarr", seed=1, workers=1)
    assert same(tmp_path / "a.zarr", whole)


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.integers(0, 60), min_size=1),
    st.integers(1, 9),
    st.integers(1, 4),
    st.lists(st.floats(1e-9, 10.0), min_size=61, max_size=61),
)
def test_blocks_hand_out_every_run_once(left: set[int], most: int, workers: int, seconds: list[float]) -> None:
    blocks, taken = Blocks(np.array(sorted(left)), most, workers), []
    assert blocks.seconds_left() == float("inf")
    while (part := blocks.take()) is not None:
        assert 1 <= part.stop - part.start <= most
        taken += range(part.start, part.stop)
        blocks.learn(Report(part.stop - part.start, {}, seconds[len(taken) - 1]))
    assert taken == sorted(left)
    assert blocks.seconds_left() == 0


def test_blocks_take_about_a_second() -> None:
    blocks, sizes = Blocks(np.arange(1000), 500, 2), []
    while (part := blocks.take()) is not None:
        sizes.append(part.stop - part.start)
        blocks.learn(Report(sizes[-1], {}, 0.1 * sizes[-1]))
    assert max(sizes) == 15
    assert sizes[-1] == 1


# resumption


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from heat import Heat
from simulators import Uniform, ensemble
if __name__ == "__main__":
    slow = Heat(rate=Uniform(-1.1, 2.0), seconds={seconds})
    ensemble.generate(slow, 12, sys.argv[1], seed=1, workers=2)
"""


def start(script: Path, path: Path, seconds: float = 0.1, **environment: str) -> subprocess.Popen[str]:
    """A coordinator of two workers, in a process of its own."""
    script.write_text(SCRIPT.format(here=str(HERE), seconds=seconds))
    everything = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        [sys.executable, str(script), str(path)],
        env=everything,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_killed_at_random_moments_and_resumed_it_is_the_same_store(tmp_path: Path) -> None:
    slow, seconds = Heat(rate=Uniform(-1.1, 2.0), seconds=0.1), random.Random(0)
    ensemble.generate(slow, 12, tmp_path / "whole.zarr", seed=1, workers=2)
    path, known = tmp_path / "a.zarr", 0
    for _ in range(2):
        process = start(tmp_path / "script.py", path)
        wait_for(lambda known=known: path.exists() and rows(path).count(-1) < 12 - known)
        time.sleep(seconds.uniform(0, 0.2))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        # its workers die with it
        assert len(family) >= 2
        wait_for(lambda family=family: not any(alive(child) for child in family))
        known = 12 - rows(path).count(-1)
        with pytest.raises(SchemaError, match=f"expected a finished store, given one with {known} of 12 runs"):
            read(path)
        assert 0 < known < 12
    ensemble.generate(slow, 12, path, seed=1, workers=2)
    assert same(path, tmp_path / "whole.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "script.py", "whole.zarr"]


def test_what_killed_writers_leave_is_removed(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    shutil.copytree(whole, path)
    for name in ("completed/c/3", "completed/c/5", "temperature/c/7/0/0/0", "rate/c/7", "completed/c/7"):
        (path / name).unlink()
    (path / "completed" / "c" / "8").write_bytes(b"")
    for name in (".zarr.json.partial", "completed/c/3.abc.partial", "temperature/c/7/0/0/0.abc.partial"):
        (path / name).write_text("half")
    root = json.loads((path / "zarr.json").read_text())
    del root["attributes"]["completed"]
    (path / "zarr.json").write_text(json.dumps(root))
    (tmp_path / ".a.zarr.lock").write_text("of one who was killed")
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    assert same(path, whole)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]


def test_only_what_is_missing_is_made(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zarr"
    begun(MIXED, path, runs=3)
    before = rows(path)
    made = []
    plan = ensemble.Plan.runs
    monkeypatch.setattr(ensemble.Plan, "runs", lambda self, part: made.extend(range(12)[part]) or plan(self, part))
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    assert set(made) == {n for n in range(12) if before[n] == -1}
    assert same(path, whole)


def test_other_settings_are_named(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zarr"
    begun(MIXED, path)
    before = content(path)
    with pytest.raises(InputError, match=r"a.zarr: .* begun, with other settings: rate .* instead of 1.0, samples 12"):
        ensemble.generate(Heat(rate=1.0), 11, path, seed=1)
    with pytest.raises(InputError, match=r"with other settings: tolerance 0.001 instead of 0.01"):
        ensemble.generate(MIXED, 12, path, seed=1, tolerance=0.01)
    with pytest.raises(InputError, match=r"times .* instead of"):
        ensemble.generate(MIXED, 12, path, seed=1, times=np.array([0.0, 1.0, 3.0, 3.5]))
    with monkeypatch.context() as patch:
        patch.setattr(coordinator, "code", lambda: {**simulators.base.code(), "numpy": "9.0"})
        with pytest.raises(InputError, match=r'begun, with other code, so that .*: numpy .* instead of "9.0"; use'):
            ensemble.generate(MIXED, 12, path, seed=1)
    assert content(path) == before
    found = ensemble.generate(Heat(), 2, path, force=True, workers=1)
    assert found.sizes["sample"] == 2
    with pytest.raises(InputError, match="finished already, with the same settings; use --force"):
        ensemble.generate(Heat(), 2, path)
    with pytest.raises(InputError, match="finished already, with other settings: seed 0 instead of 1"):
        ensemble.generate(Heat(), 2, path, seed=1)
    simulators.write(found.drop_attrs(deep=False).assign_attrs(
        {k: found.attrs[k] for k in ("Conventions", "simulator")}), tmp_path / "b.zarr")  # fmt: skip
    with pytest.raises(InputError, match="made by other means"):
        ensemble.generate(Heat(), 2, tmp_path / "b.zarr")


def test_what_is_committed_meanwhile_does_not_matter(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(MIXED, tmp_path / "a.zarr", runs=3)
    monkeypatch.setattr(simulators.base, "_git_hash", lambda: "another-dirty")
    found = ensemble.generate(MIXED, 12, tmp_path / "a.zarr", seed=1, workers=1)
    assert found.attrs["source"] == read(whole).attrs["source"] != simulators.base.provenance("", "none")["source"]
    assert same(tmp_path / "a.zarr", whole)


def test_runs_are_not_written_into_a_store_that_was_replaced(whole: Path) -> None:
    before = content(whole)
    plan = ensemble.Plan(simulator=MIXED, samples=12, times=MIXED.times, seed=2)
    with pytest.raises(InputError, match="expected the store that was begun for these runs, given another"):
        store.put(whole, plan.settings(), slice(0, 1), plan.runs(slice(0, 1)))
    assert content(whole) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 0}, "at least 1 sample, given 0"),
        ({"samples": 2.5}, "at least 1 sample, given 2.5"),
        ({"seed": -1}, "seed that is an integer >= 0, given -1"),
        ({"times": [1.0, 0.0]}, "strictly increase"),
        ({"chunk": 9}, "chunks of 2 to 4 points, given 9"),
        ({"chunk": 2, "times": [0.0, 1.0, 3.0]}, "evenly spaced times"),
        ({"workers": 0}, "workers: expected an integer >= 1, given 0"),
        ({"workers": 1, "scheduler": "tcp://a:1"}, "workers: expected none beside a scheduler"),
        ({"scheduler": "localhost"}, "scheduler: expected an address such as tcp://host:8786, given 'localhost'"),
        ({"simulator": "heat"}, "simulator: expected a Simulator, given str"),
        ({"path": "a.nc"}, "expected a name that ends in .zarr"),
        ({"path": "/proc/a.zarr"}, "/proc/a.zarr: expected a folder that can be written, given /proc"),
        ({"tolerance": "small"}, "tolerance: expected a number, given 'small'"),
        ({"chunk": 2.5}, "chunk: expected an integer, given 2.5"),
    ],
)
def test_bad_settings_are_refused_before_work(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    given = {"simulator": Heat(), "samples": 3, "path": "a.zarr"} | change
    with pytest.raises(InputError, match=message):
        ensemble.generate(**given | {"path": tmp_path / given["path"]})
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"path: expected the name of a store, such as 'runs.zarr', given None"):
        ensemble.generate(Heat(), 3, None)  # type: ignore[arg-type]


def test_settings_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    plain = {"samples": 2, "seed": 3, "tolerance": 0.5, "chunk": 2, "workers": 1}
    typed = {k: (np.float32 if k == "tolerance" else np.int64)(value) for k, value in plain.items()}
    for name, options in {"a": plain, "b": typed}.items():
        ensemble.generate(Heat(), path=tmp_path / f"{name}.zarr", **options)
    assert same(tmp_path / "a.zarr", tmp_path / "b.zarr")


# faults


def test_a_second_coordinator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    with (
        locked(path),
        pytest.raises(InputError, match=rf"only one who writes, given another .*process {os.getpid()} "),
    ):
        ensemble.generate(Heat(), 2, path)
    assert not list(tmp_path.iterdir())
    process = start(tmp_path / "script.py", path, 0.3)
    wait_for(path.exists)
    with pytest.raises(InputError, match=f"another at work .process {process.pid} on "):
        ensemble.generate(Heat(rate=Uniform(-1.1, 2.0), seconds=0.3), 12, path, seed=1)
    process.kill()
    process.communicate()
    with locked(path):
        assert (tmp_path / ".a.zarr.lock").exists()
    assert not (tmp_path / ".a.zarr.lock").exists()


def test_a_file_system_without_locks_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def absent(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", absent)
    assert ensemble.generate(Heat(), 2, tmp_path / "a.zarr", workers=1).sizes["sample"] == 2


def test_a_worker_that_is_killed_leaves_what_is_finished(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, trap = tmp_path / "a.zarr", tmp_path / "trap"
    trap.touch()
    monkeypatch.setenv("HEAT_TRAP", str(trap))
    with pytest.raises(InputError, match=r"all workers to live, given one that was killed by signal 9 .out of memory"):
        ensemble.generate(MIXED, 12, path, seed=1, workers=2)
    assert not trap.exists()
    assert not multiprocessing.active_children()
    ensemble.generate(MIXED, 12, path, seed=1, workers=2)
    assert same(path, whole)


def test_a_fault_of_the_program_is_no_failed_run(tmp_path: Path) -> None:
    broken = Heat()
    object.__setattr__(broken, "seconds", "long")
    for workers in (1, 2):
        with pytest.raises(TypeError):
            ensemble.generate(broken, 2, tmp_path / f"{workers}.zarr", workers=workers)
    assert -1 in rows(tmp_path / "2.zarr")


def test_a_disk_that_fills_up(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zarr"
    told = r"a.zarr: expected to write there, given No space left on device; what is finished stays"
    with pytest.raises(InputError, match=told):
        begun(MIXED, path, 3, OSError(errno.ENOSPC, "No space left on device"))
    # where a flag is written, but the reason of a failure is not
    with monkeypatch.context() as patch:
        patch.setattr(store, "_note", fails(OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(InputError, match=told):
            ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    assert 0 not in rows(path)
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    assert same(path, whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    path, wide = small_disk / "a.zarr", Heat(size=64)
    with pytest.raises(InputError, match=r"a.zarr: expected to write there, given No space left on device"):
        ensemble.generate(wide, 12, path, workers=2)
    done = rows(path).count(1)
    assert 0 < done < 12
    assert not list(path.rglob("*.partial"))
    subprocess.run(["mount", "-o", "remount,size=20M", str(small_disk)], check=True)
    ensemble.generate(wide, 12, path, workers=2)
    ensemble.generate(wide, 12, tmp_path / "b.zarr", workers=1)
    assert same(path, tmp_path / "b.zarr")


@pytest.mark.parametrize("half", [False, True])
def test_damage_is_noticed_when_a_store_is_read(whole: Path, tmp_path: Path, half: bool) -> None:
    path = tmp_path / "a.zarr"
    shutil.copytree(whole, path)
    files = [file for file in path.rglob("*") if file.is_file()]
    assert len(files) > 40
    for file in files:
        good = file.read_bytes()
        file.write_bytes(good[: len(good) // 2]) if half else file.unlink()
        with pytest.raises(SchemaError, match=r"a\.zarr: .*expected "):
            read(path)
        file.write_bytes(good)
    assert read(path).equals(read(whole))


def damage(path: Path) -> None:
    """Spoil runs 0, 1, 2, 3 and 9, each in its way, and what describes all."""
    (path / "temperature" / "c" / "0" / "0" / "0" / "0").unlink()
    (path / "rate" / "c" / "1").unlink()
    cut, wrong = path / "temperature/c/2/0/0/0", path / "steps" / "c" / "3" / "0"
    cut.write_bytes(cut.read_bytes()[:20])
    wrong.write_bytes(wrong.read_bytes()[:-1] + bytes([wrong.read_bytes()[-1] ^ 1]))
    (path / "completed" / "c" / "9").unlink()
    (path / "temperature" / "zarr.json").unlink()
    (path / "rate" / "zarr.json").write_text("{")
    (path / "x" / "c" / "0").unlink()
    shutil.rmtree(path / "y")


@pytest.mark.parametrize("finished", [True, False])
def test_damage_costs_the_damaged_runs_alone(
    whole: Path, tmp_path: Path, finished: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, made, runs = tmp_path / "a.zarr", [], ensemble.Plan.runs
    shutil.copytree(whole, path)
    if not finished:
        store._note(path, {"completed": None})
    damage(path)
    if finished:
        with pytest.raises(SchemaError, match="give the `physym generate` command that made it again, which makes its"):
            read(path)
        shutil.copytree(whole, tmp_path / "b.zarr")
        shutil.rmtree(tmp_path / "b.zarr" / "temperature" / "c" / "7")
        with pytest.raises(SchemaError, match=r"given nan at sample 4, .*; give the `physym generate` command"):
            read(tmp_path / "b.zarr")
    (path / "left.partial").mkdir()
    monkeypatch.setattr(ensemble.Plan, "runs", lambda self, part: made.extend(range(12)[part]) or runs(self, part))
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    assert set(made) == {0, 1, 2, 3, 9}
    assert "a.zarr: 4 runs are damaged, sample 0 first, and are made anew" in caplog.text
    assert same(path, whole)
    with pytest.raises(InputError, match="finished already, with the same settings"):
        ensemble.generate(MIXED, 12, path, seed=1, workers=1)


def test_runs_of_another_store_are_not_repaired(whole: Path, tmp_path: Path) -> None:
    path = simulators.write(read(whole), tmp_path / "a.zarr")
    before = content(path)
    with pytest.raises(InputError, match=r"'temperature' with the shape \(12, 4, 4, 4\), .* given \(8, 4, 4, 4\)"):
        ensemble.generate(MIXED, 12, path, seed=1)
    assert content(path) == before


def test_runs_are_on_the_disk_before_their_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, done, sync = tmp_path / "a.zarr", [], os.fsync

    def noted(handle: int) -> None:
        place = Path(f"/proc/self/fd/{handle}").readlink()
        done.append((place, rows(path).count(1) if path.exists() else 0))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    ensemble.generate(Heat(), 2, path, workers=1)
    for name in ("temperature/c/1/0/0/0", "steps/c/1/0"):
        assert (path / name, 1) in done


def test_after_a_failed_read_nothing_goes_on(tmp_path: Path) -> None:
    import asyncio

    import zarr

    path = simulators.write(PENDULUM.simulate(PENDULUM.sample(200), np.arange(3.0)), tmp_path / "a.zarr")
    (path / "position" / "c" / "3" / "0" / "0" / "0").write_bytes(b"bad")
    with pytest.raises(SchemaError):
        read(path)
    assert not asyncio.all_tasks(zarr.core.sync._get_loop())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_is_moved_meanwhile_is_told(whole: Path, tmp_path: Path, workers: int) -> None:
    path, take = tmp_path / "a.zarr", Blocks.take

    def moved(self: Blocks) -> slice | None:
        if path.exists():
            path.rename(tmp_path / "b.zarr")
        return take(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Blocks, "take", moved)
        with pytest.raises(InputError, match=r"a.zarr: .* given none: it was moved or removed; move it back and give"):
            ensemble.generate(MIXED, 12, path, seed=1, workers=workers)
    assert [p.name for p in tmp_path.iterdir()] == ["b.zarr"]
    (tmp_path / "b.zarr").rename(path)
    ensemble.generate(MIXED, 12, path, seed=1, workers=1)
    assert same(path, whole)


def test_wrong_bits_are_noticed(whole: Path, tmp_path: Path) -> None:
    path, rng = tmp_path / "a.zarr", random.Random(0)
    shutil.copytree(whole, path)
    for file in path.rglob("c/**/*"):
        if file.is_file():
            good = bytearray(file.read_bytes())
            bad = bytearray(good)
            bad[rng.randrange(4, len(bad))] ^= 1 << rng.randrange(8)
            file.write_bytes(bad)
            with pytest.raises(SchemaError):
                read(path)
            file.write_bytes(good)


def test_a_script_without_the_guard_is_told_so(tmp_path: Path) -> None:
    process = start(tmp_path / "script.py", tmp_path / "a.zarr")
    process.kill()
    process.communicate()
    script = tmp_path / "script.py"
    script.write_text(script.read_text().replace('if __name__ == "__main__":', "if True:"))
    command = [sys.executable, str(script), str(tmp_path / "b.zarr")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 1
    assert 'expected its call below if __name__ == "__main__":' in done.stderr
    assert "expected workers that start, given one that could not and ended with exit code 1; define" in done.stderr


def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    wide, peaks = Heat(size=64), []
    ensemble.generate(wide, 1, tmp_path / "warm.zarr", workers=1)
    for samples in (20, 80):
        tracemalloc.start()
        # read in the end would hold what fits into memory
        plan = ensemble.Plan(simulator=wide, samples=samples, times=np.arange(20.0))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(coordinator, "read", lambda path: path)
            patch.setattr(coordinator, "_BLOCK_BYTES", 2**20)
            ensemble.make(plan, tmp_path / f"{samples}.zarr", workers=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 15e6
    assert peaks[1] - peaks[0] < 1e6


# Dask


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real cluster of two processes."""
    import distributed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
            silence_logs=50, local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as dask:  # fmt: skip
            yield dask.scheduler_address


def test_a_cluster_makes_the_same_store(scheduler: str, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    found = ensemble.generate(MIXED, 12, path, seed=1, scheduler=scheduler)
    assert found["sample"].size == 8
    assert same(path, whole)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zarr"]
    ensemble.generate(PENDULUM, 20, tmp_path / "b.zarr", scheduler=scheduler)
    ensemble.generate(PENDULUM, 20, tmp_path / "c.zarr", workers=1)
    assert same(tmp_path / "b.zarr", tmp_path / "c.zarr")


def test_a_cluster_resumes_and_survives_the_loss_of_a_worker(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    slow, path, trap = Heat(rate=Uniform(-1.1, 2.0), seconds=0.02), tmp_path / "a.zarr", tmp_path / "trap"
    begun(slow, path)
    trap.touch()
    with distributed.Client(scheduler, set_as_default=False) as client:
        client.run(os.putenv, "HEAT_TRAP", str(trap))
        client.run(lambda: os.environ.update(HEAT_TRAP=str(trap)))
    ensemble.generate(slow, 12, path, seed=1, scheduler=scheduler)
    assert not trap.exists()
    ensemble.generate(slow, 12, tmp_path / "b.zarr", seed=1, workers=1)
    assert same(path, tmp_path / "b.zarr")


def test_workers_that_do_not_fit_are_named(scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = simulators.base.code()
    with monkeypatch.context() as patch:
        patch.setattr(simulators.base, "code", lambda: {**here, "numba": "9.9"})
        told = r'the code that is here, given tcp://127.0.0.1:\d+ with numba "[\d.]+" instead of "9.9"; install'
        with pytest.raises(InputError, match=told):
            ensemble.generate(Heat(), 2, tmp_path / "a.zarr", scheduler=scheduler)
    probe = cluster._probe
    monkeypatch.setattr(cluster, "_probe", lambda token, text: probe(token, text + "not there"))
    with pytest.raises(InputError, match=r"a folder that all workers can write to, given tcp:.*, which cannot; choose"):
        ensemble.generate(Heat(), 2, tmp_path / "a.zarr", scheduler=scheduler)
    assert not list(tmp_path.iterdir())


def test_a_simulator_that_workers_cannot_import_is_told(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("import heat\n\n\nclass Local(heat.Heat):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    local_class = importlib.import_module("only_here").Local
    with pytest.raises(InputError, match=r"expected workers that can import the simulator, given some .*only_here"):
        ensemble.generate(local_class(), 2, tmp_path / "a.zarr", scheduler=scheduler)


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster._PATIENCE <= 10
    import distributed

    closed, close = [], distributed.Client.close
    monkeypatch.setattr(distributed.Client, "close", lambda self, **more: closed.append(close(self, **more)))
    monkeypatch.setattr(cluster, "_PATIENCE", 1.0)
    with pytest.raises(InputError, match=r"a Dask scheduler at tcp://127.0.0.1:9, given none that answers .*start it"):
        ensemble.generate(Heat(), 2, tmp_path / "a.zarr", scheduler="tcp://127.0.0.1:9")
    assert closed
    assert not list(tmp_path.iterdir())


def test_without_distributed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"expected the package distributed, .*; pip install 'physym.cluster.'"):
        ensemble.generate(Heat(), 2, tmp_path / "a.zarr", scheduler="tcp://127.0.0.1:9")
    assert not list(tmp_path.iterdir())
