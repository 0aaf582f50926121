"""The script of the published table, on a few small fits: what it does again and what not, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from simulators import SpringPendulum
from simulators.schema import read, write

SCRIPT = Path(__file__).parents[3] / "scripts" / "pendulum_table.py"
NETS = ("scalars", "emlp-O(2)")


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("pendulum_table", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["pendulum_table"] = module
    specification.loader.exec_module(module)
    module.CHUNKS, module.ROLLOUTS = 8, 2
    yield module
    del sys.modules["pendulum_table"]


@pytest.fixture(scope="module")
def done(script, tmp_path_factory):
    """Two nets, fitted to a small reference."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "reference").mkdir()
    pendulum = SpringPendulum(stiffness=(1.0, 2.0))
    for seed, (part, count) in enumerate((("train", 8), ("test", 2))):
        run = pendulum.simulate(pendulum.sample(count, seed), 0.2 * np.arange(4))
        write(run, folder / "reference" / f"pendulum_{part}.nc")
    assert script.main(words(folder / "work")) == 0
    return folder


@pytest.fixture
def work(done, tmp_path):
    shutil.copytree(done / "reference", tmp_path / "reference")
    return Path(shutil.copytree(done / "work", tmp_path / "work"))


def words(work, *more):
    return [
        "--work", str(work), "--reference", str(work.parent / "reference"), "--models", "neural-ode", "--nets", *NETS,
        "--seeds", "0", "--steps", "2", "--hidden", "4", *map(str, more),
    ]  # fmt: skip


def lines(work):
    return (work / "results.jsonl").read_text().splitlines()


def cells(printed):
    """Ours of the neural ODE."""
    row = next(line for line in printed.splitlines() if line.startswith("| neural-ode, ours"))
    return [cell.strip() for cell in row.split("|")[2:-1]]


def test_what_is_there_is_not_done_again(script, work, capsys):
    before = lines(work)
    assert [json.loads(line)["net"] for line in before] == list(NETS)
    assert script.main(words(work)) == 0
    assert lines(work) == before
    shown = cells(capsys.readouterr().out)
    assert [bool(cell) for cell in shown] == [True, True, False, False, False, False]
    assert shown[0] == f"**{json.loads(before[0])['error']:.2g}**"


@pytest.mark.parametrize("left", [40, 1])
def test_an_unfinished_last_line_is_done_again(script, work, capsys, left):
    before = lines(work)
    kept = (work / "results.jsonl").read_bytes()[: len(before[0]) + 1 + left]
    (work / "results.jsonl").write_bytes(kept)
    assert script.main(words(work, "--table")) == 0
    assert [bool(cell) for cell in cells(capsys.readouterr().out)][:2] == [True, False]
    assert (work / "results.jsonl").read_bytes() == kept
    assert script.main(words(work)) == 0
    rows = script.results(work / "results.jsonl")
    assert [row["net"] for row in rows] == list(NETS)
    assert rows[1]["error"] == json.loads(before[1])["error"]
    assert script.main(words(work)) == 0
    assert script.results(work / "results.jsonl") == rows


def test_force_does_fits_again(script, work, capsys):
    model = next(work.glob("*scalars*")) / "model.json"
    wrong = json.loads(lines(work)[0]) | {"error": 7.0}
    script.append(work / "results.jsonl", wrong)
    assert script.main(words(work, "--table")) == 0
    assert cells(capsys.readouterr().out)[0] == "**7**"
    begun = model.stat().st_mtime_ns
    assert script.main(words(work, "--force")) == 0
    assert model.stat().st_mtime_ns > begun
    assert len(lines(work)) == 5
    assert cells(capsys.readouterr().out)[0] != "**7**"


def test_rows_of_other_data_or_settings_are_not_mixed_in(script, work, tmp_path, capsys):
    other = Path(shutil.copytree(tmp_path / "reference", tmp_path / "other"))
    train = read(other / "pendulum_train.nc")
    write(train.isel(sample=slice(4)), other / "pendulum_train.nc", force=True)
    options = ["--reference", other, "--nets", "scalars"]

    def shown(*more):
        assert script.main(words(work, *more)) == 0
        return cells(capsys.readouterr().out)

    assert not any(shown(*options, "--table"))
    assert any(shown(*options))
    first, _, second = (json.loads(line) for line in lines(work))
    assert first["net"] == second["net"]
    assert first["data"] != second["data"]
    assert first["error"] != second["error"]
    assert not any(shown("--table", "--steps", 3))
    assert all(shown("--table", "--reference", other.rename(tmp_path / "moved"))[:1])


def test_data_are_made_where_no_reference_is_given(script, tmp_path):
    assert script.main(["--work", str(tmp_path), "--table"]) == 0
    sizes = [dict(read(tmp_path / f"{part}.nc").sizes) for part in ("train", "test")]
    assert [(size["sample"], size["time"]) for size in sizes] == [(8, 5), (2, 150)]
    assert not (tmp_path / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reference", "/nonexistent"], "--reference: expected a folder with pendulum_train.nc, given /nonexistent"),
        (["--steps", "-1"], "--steps: expected integers >= 1, given -1"),
        (["--hidden", "0"], "--hidden: expected integers >= 1, given 0"),
        (["--seeds", "-1"], "--seeds: expected integers >= 0, given -1"),
        (
            ["--work", "/dev/null/x"],
            "--work: expected a folder that can be written, given /dev/null/x (Not a directory)",
        ),
    ],
)
def test_refusals(script, tmp_path, capsys, options, message):
    assert script.main(words(tmp_path, *options)) == 2
    assert capsys.readouterr().err == f"{message}\n"
