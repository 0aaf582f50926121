"""`physym discover`: formulas of tables and laws of motion, printed, as JSON and on disk; bad input is one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy
import xarray as xr
from PIL import Image

import simulators
from physym import cli
from physym.plotting.pareto import draw_pareto
from physym.symbolic.problem import Found

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must end with exit code 2 and one line on stderr; returns the line."""

    def command(*argv: object) -> str:
        capsys.readouterr()
        assert cli.main([str(arg) for arg in argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("physym: ")
        assert err.count("\n") == 1
        return err

    return command


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kinetic energy of 100 bodies."""
    mass, speed = np.random.default_rng(0).uniform(1, 5, (2, 100))
    energy = mass * speed**2 / 2
    columns = {"m": (mass, "kg", "parameter"), "v": (speed, "m/s", "parameter"), "E": (energy, "J", "state")}
    variables = {}
    for name, (values, units, role) in columns.items():
        attrs = {"units": units, "long_name": name, "symbol": name, "tensor_order": 0, "pseudo": 0, "role": role}
        variables[name] = ("sample", values, attrs)
    told = {"Conventions": "CF-1.11, physym-1", "title": "t", "source": "s", "history": "h", "simulator": "none"}
    return simulators.write(xr.Dataset(variables, attrs=told), tmp_path_factory.mktemp("table") / "table.nc")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pendulum = simulators.SpringPendulum()
    path = tmp_path_factory.mktemp("runs") / "runs.nc"
    return simulators.write(pendulum.simulate(pendulum.sample(2), np.arange(0, 1, 0.2)), path)


def test_a_formula_is_found_printed_and_kept(table: Path, tmp_path: Path, refused: Refused, capsys) -> None:
    folder = tmp_path / "formula"
    words = ["discover", str(table), "--target", "E", "--time-limit", "10", "--output", str(folder)]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("E = m*v**2/2    [J]\n")
    assert "complexity" in out
    assert out.endswith(f"look at {folder / 'pareto.png'}\n")
    assert {path.name for path in folder.iterdir()} == {"formula.json", "pareto.png"}
    kept = json.loads((folder / "formula.json").read_text())
    assert (kept["target"], kept["expression"], kept["units"]) == ("E", "m*v**2/2", "J")
    assert kept["pareto"][-1]["error"] < 1e-12
    with Image.open(folder / "pareto.png") as picture:
        assert picture.width > 1000
    # what is finished is not replaced, and nothing is searched first
    assert "given one with formula.json; use --force" in refused(*words)
    assert cli.main([*words, "--force", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found | {"evaluations": 0} == kept | {"evaluations": 0}


@pytest.mark.parametrize("kind", ["nc", "zarr"])
def test_a_table_needs_no_more_than_units(kind: str, table: Path, tmp_path: Path, refused: Refused, capsys) -> None:
    bare = xr.Dataset({n: ("row", a.values, {"units": a.units}) for n, a in simulators.read(table).data_vars.items()})

    def kept(dataset: xr.Dataset, name: str) -> Path:
        path = tmp_path / f"{name}.{kind}"
        dataset.to_netcdf(path) if kind == "nc" else dataset.to_zarr(path, consolidated=False)
        return path

    assert cli.main(["discover", str(kept(bare, "bare")), "--target", "E", "--time-limit", "10"]) == 0
    assert capsys.readouterr().out.startswith("E = m*v**2/2    [J]\n")
    holes = kept(bare.where(bare.v > 2), "holes")
    assert ": expected finite numbers, given nan at row" in refused("discover", holes, "--target", "E")
    del bare.m.attrs["units"]
    unknown = kept(bare, "unknown")
    assert "column 'm': expected the attribute 'units', given none" in refused("discover", unknown, "--target", "E")


def test_constants_and_interruption_are_told(table: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    m, v, c = sympy.symbols("m v c")
    law = Found(9, 1e-3, sympy.Float(0.4987) * m * v**2 + sympy.Float(1e-9) * m * c**2, 0.0, ((0.4987, 0.002),))

    def search(problem, *, report, **_):
        report([law], 3)
        raise KeyboardInterrupt

    monkeypatch.setattr("physym.symbolic.search.search", search)
    assert cli.main(["discover", str(table), "--target", "E", "--constants", "c", "-o", str(tmp_path / "f")]) == 130
    out, err = capsys.readouterr()
    assert "  c = 299792458 m/s\n" in out
    assert "0.4987 ± 0.002" in out
    assert "interrupted; this is the best that was found until then" in err
    assert json.loads((tmp_path / "f" / "formula.json").read_text())["interrupted"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.nc"], "none.nc: expected a dataset, given no such file"),
        (["TABLE"], "--target: expected the column to explain, among m, v, E; given none; use --target E"),
        (["TABLE", "--target", "F"], "among m, v, E; given F"),
        (["TABLE", "--target", "E", "--constants", "q"], "constants: expected symbols among c, h"),
        (["TABLE", "--target", "E", "--time-limit", "0"], "time_limit: expected seconds > 0, given 0"),
        (["TABLE", "--target", "E", "--seed", "-1"], "seed: expected an integer >= 0, given -1"),
        (["TABLE", "--target", "E", "--output", "TABLE"], "expected a folder for the law, given a file"),
        (["RUNS", "--target", "E"], "expected for a table, given trajectories; leave them out"),
        (["RUNS", "--time-limit", "-1"], "--time-limit: expected seconds > 0, given -1"),
    ],
)
def test_bad_input_is_one_line(refused: Refused, table: Path, runs: Path, words: list[str], message: str) -> None:
    files = {"TABLE": table, "RUNS": runs}
    assert message in refused("discover", *(files.get(word, word) for word in words))


class Law:
    """What a law of motion answers, as far as it is printed."""

    pareto_: dict = {"dx/dt": [(0, 1.0, "0"), (1, 1e-3, "x"), (2, 9e-4, "x + 1")], "dy/dt": []}  # noqa: RUF012

    chosen_: dict = {"dx/dt": 1}  # noqa: RUF012

    def __str__(self) -> str:
        return "dx/dt = (2.00 ± 0.01 1/s)*x    [m/s]"

    def lines(self) -> list[str]:
        return [str(self)]

    def latex(self) -> str:
        return "x"

    def table(self) -> list[dict]:
        row = {"equation": "dx/dt", "term": "c1*x", "constant": "c1", "coefficient": 2.0, "standard_error": 0.01}
        other = row | {"constant": "c2", "coefficient": (1.0, 0.5), "standard_error": (0.1, 0.1), "equation": "dy/dt"}
        return [row | {"units": "1/s", "parameters": "a/b"}, other | {"units": "m", "parameters": ""}]

    def save(self, folder: Path, *, force: bool) -> None:
        (folder / "law.json").write_text("{}")


def test_a_law_of_motion_is_printed_and_kept(runs: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    given = {}

    def discover(dataset, **options):
        given.update(options, samples=dataset.sizes["sample"])
        return Law()

    monkeypatch.setattr("physym.discovery.discover", discover)
    folder = tmp_path / "law"
    assert cli.main(["discover", str(runs), "--time-limit", "7", "--seed", "3", "-o", str(folder)]) == 0
    assert given == {"time_limit": 7.0, "seed": 3, "progress": True, "samples": 2}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(Law())
    assert lines[2].split() == ["equation", "term", "constant", "coefficient", "standard", "error", "units", "equals"]
    assert lines[3].split() == ["dx/dt", "c1*x", "c1", "2.000", "0.01", "1/s", "a/b"]
    assert lines[6].startswith("Standard errors are statistical")
    assert {path.name for path in folder.iterdir()} == {"law.json", "pareto.png"}
    assert cli.main(["discover", str(runs), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["table"][0]["coefficient"] == 2.0
    assert found["chosen"] == {"dx/dt": 1}
    assert found["pareto"]["dx/dt"][1] == {"terms": 1, "error": 1e-3, "expression": "x"}


def test_the_picture_marks_the_law_and_stops_a_little_beyond() -> None:
    rows = [(n, 0.5**n, f"x**{n}") for n in range(30)]
    (axes,) = draw_pareto({"y": rows}, {"y": 6}).axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == [f"y = x**{n}" for n in range(11)]
    assert [text.get_fontweight() for text in axes.texts].index("bold") == 6
    assert len(draw_pareto({"y": rows, "z": rows[:2]}).axes) == 2


def test_ctrl_c_before_anything_is_found_leaves_nothing(table: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time; from physym import cli; from physym.symbolic import search as engine\n"
        "engine.search = lambda *_, **__: (print('searching', flush=True), time.sleep(60))\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    words = ["discover", str(table), "--target", "E", "-o", str(tmp_path / "f")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "searching\n"
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in err
    assert not (tmp_path / "f").exists()
