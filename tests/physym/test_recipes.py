"""Recipes and the datasets they make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import simulators
from physym import generation
from physym.recipes import Job, find_simulator, parse_value, read_recipe, suggest
from simulators import InputError, LogUniform

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
simulator = "SpringPendulum"
[parameters]
stiffness = [1, 2]
mass = { log_uniform = [0.5, 2] }
[[outputs]]
file = "train.nc"
samples = 6
seed = 3
times = { start = 0, stop = 2, step = 0.2 }
chunk = 4
tolerance = 1e-8
[[outputs]]
file = "test.zarr"
samples = 2
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    return path


def test_a_recipe_is_read_with_defaults_filled_in(recipe: Path) -> None:
    train, test = read_recipe(recipe)
    assert train.file == recipe.parent / "train.nc"
    assert train.make().stiffness == (1, 2)
    assert train.make().mass == LogUniform(0.5, 2)
    assert train.output_times() == pytest.approx(0.2 * np.arange(10))
    assert (train.samples, train.seed, train.chunk, train.tolerance) == (6, 3, 4, 1e-8)
    settings = test.settings()
    assert settings["tolerance"] == 1e-10
    assert settings["times"] == {"start": 0.0, "stop": 30.0, "step": 0.2}
    assert json.loads(json.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"SpringPendulum"', '"SpringPendulm"', "simulator: expected one of .*given 'SpringPendulm'; did you mean 's"),
        ('"SpringPendulum"', "7", "simulator: expected a name, given 7"),
        ('simulator = "SpringPendulum"', "", "simulator: expected in the recipe, given none"),
        ("stiffness", "stifness", "parameters: expected one of .*given 'stifness'; did you mean 'stiffness'"),
        ("[1, 2]", "[1, -2]", "stiffness: expected positive values, given -2"),
        ("[1, 2]", "[1, 2, 3]", "stiffness: expected one number"),
        ("[1, 2]", '"stiff"', "stiffness: expected numbers"),
        ("log_uniform", "normal", r"parameters.mass: expected \{uniform"),
        ("[0.5, 2]", "[2, 0.5]", "parameters.mass: expected finite low <= high"),
        ("[0.5, 2]", "[0, 2]", "parameters.mass: expected a positive low"),
        ("[0.5, 2]", '["a", 2]', "parameters.mass: expected two finite numbers"),
        ("samples = 6", "samples = 0", "output 1: samples: expected an integer >= 1, given 0"),
        ("samples = 6", "samples = -3", "output 1: samples: expected an integer >= 1, given -3"),
        ("samples = 6", "samples = 1.5", "output 1: samples: expected an integer >= 1, given 1.5"),
        ("samples = 6", "sample = 6", "output 1: key: expected one of .*given 'sample'; did you mean 'samples'"),
        ("samples = 2", "", "output 2: samples: expected in the recipe, given none"),
        ("seed = 3", "seed = -3", "seed: expected an integer >= 0"),
        ("chunk = 4", "chunk = 1", "chunk: expected an integer >= 2"),
        ("chunk = 4", "chunk = 11", "chunk: expected at most 10 points"),
        ("1e-8", "0.0", "tolerance: expected a number between 0 and 1"),
        ("tolerance = 1e-8", "step = 0.1", "step: expected for a simulator that takes fixed steps .* SpringPendulum"),
        ("tolerance = 1e-8", "step = 0", "step: expected a number above 0, given 0"),
        ("[0.5, 2]", "[.5, 2]", r"in TOML, .*line \d+.*a number begins with a digit: write 0.2 for .2$"),
        ("stop = 2", "stop = 0", "times: expected start < stop and step > 0"),
        ("step = 0.2", "step = -0.2", "times: expected start < stop and step > 0"),
        ("step = 0.2", 'step = "s"', "times: expected three numbers"),
        ("step = 0.2", "count = 5", "key: expected one of start, step, stop; given 'count'"),
        ("{ start = 0, stop = 2, step = 0.2 }", "[0, 1]", "times: expected a table"),
        ('"train.nc"', "1", "file: expected a name that ends in"),
        ("[[outputs]]", "[[output]]", "key: expected one of .*given 'output'; did you mean 'outputs'"),
        ("[parameters]", "[parameters", "expected a recipe in TOML"),
    ],
)
def test_a_wrong_recipe_says_which_key(recipe: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    recipe.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_recipe(recipe)
    assert str(caught.value).startswith(str(recipe))


def test_a_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="given no such file"):
        read_recipe(tmp_path / "none.toml")


def test_simulators_are_found_by_both_names() -> None:
    assert find_simulator("spring-pendulum") is find_simulator("SpringPendulum") is simulators.SpringPendulum
    assert suggest("x", ["spring", "rietkerk"]) == "expected one of rietkerk, spring; given 'x'"


def test_parameters_may_be_given_by_their_symbol() -> None:
    job = Job(simulator="spring-pendulum", parameters={"k": [1, 2], "m": {"uniform": [1, 2]}})
    assert (
        job.settings()
        == Job(simulator="spring-pendulum", parameters={"stiffness": [1, 2], "mass": {"uniform": [1, 2]}}).settings()
    )
    with pytest.raises(
        InputError, match=r"parameters.stiffness: expected it once, given by its name and by its symbol"
    ):
        Job(simulator="spring-pendulum", parameters={"k": 1, "stiffness": 1})
    # the symbol of a state is no setting
    with pytest.raises(InputError, match="parameters: expected one of"):
        Job(simulator="spring-pendulum", parameters={"q": 1})


@pytest.mark.parametrize("text", ["", "a,b", "a b", "1,", "uniform:", "uniform:a", "1;2", "./patches"])
def test_values_that_hold_no_numbers(text: str) -> None:
    with pytest.raises(InputError, match="expected numbers such as"):
        parse_value(text)


@pytest.mark.parametrize(
    ("text", "value"), [(".2", 0.2), ("-.5,1.", [-0.5, 1.0]), ("+2", 2), ("uniform:.1,2.e-1", {"uniform": [0.1, 0.2]})]
)
def test_numbers_may_begin_or_end_with_their_point(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert isinstance(parse_value("+2"), int)


def test_a_step_is_a_setting_where_there_is_one_and_stands_for_the_tolerance() -> None:
    flow = {"simulator": "navier-stokes", "parameters": {"cell": 0.125}}
    settings = Job(**flow, step=0.01).settings()
    assert (settings["step"], settings["tolerance"]) == (0.01, None)
    assert "step" not in Job(**flow).settings()
    with pytest.raises(InputError, match=r"step: expected without a tolerance, .* given 0\.01"):
        Job(**flow, step=0.01, tolerance=1e-3)
    for wrong in (0, -0.1, float("inf"), True, "1"):
        with pytest.raises(InputError, match="step: expected a number above 0"):
            Job(**flow, step=wrong)
    for simulator in ("spring-pendulum", "rietkerk", "elastic-waves", "point-charges"):
        with pytest.raises(InputError, match="step: expected for a simulator that takes fixed steps if asked"):
            Job(simulator=simulator, step=0.1)


def test_a_word_is_text_that_the_simulator_judges() -> None:
    assert parse_value("patches") == "patches"
    assert Job(simulator="rietkerk", parameters={"start": parse_value("patches")}).make().start == "patches"
    with pytest.raises(InputError, match="start: expected 'cells' or 'patches', given 'dots'"):
        Job(simulator="rietkerk", parameters={"start": parse_value("dots")})
    for simulator, name in (("rietkerk", "R"), ("rietkerk", "length"), ("rietkerk", "cover"), ("spring-pendulum", "k")):
        with pytest.raises(InputError, match="expected numbers, given 'many'"):
            Job(simulator=simulator, parameters={name: parse_value("many")})


def test_times_stop_before_the_end() -> None:
    for stop, count in ((30.0, 150), (30.0000001, 151), (0.1, 1)):
        times = Job(simulator="spring-pendulum", times=(0.0, stop, 0.2)).output_times()
        assert times.size == count
    assert np.array_equal(Job(simulator="spring-pendulum", times=(0.0, 30.0, 0.2)).output_times(), 0.2 * np.arange(150))


def test_no_number_depends_on_blocks_workers_or_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(simulator="spring-pendulum", parameters={"mass": {"uniform": [0.5, 2]}}, samples=20, chunk=6)
    whole = generation.generate(job, tmp_path / "whole.nc")
    monkeypatch.setattr(generation, "FIRST_BLOCK", 3)
    monkeypatch.setattr(generation, "BLOCK_SECONDS", 0.0)
    blocks = generation.generate(job, tmp_path / "blocks.zarr", workers=1)
    # a store says by whose code it was begun, and no time
    own = {key: value for key, value in blocks.attrs.items() if key not in whole.attrs or key == "history"}
    assert own["completed"] == 1
    assert blocks.identical(whole.assign_attrs(own))
    for path in ("whole.nc", "blocks.zarr"):
        stored = simulators.read(tmp_path / path)
        assert stored.equals(whole)
        assert stored["position"].dims == ("sample", "time", "body", "i")
        assert generation.finished(job, tmp_path / path)


def test_chunks_are_parts_of_the_runs(tmp_path: Path) -> None:
    settings = {"simulator": "spring-pendulum", "samples": 8, "seed": 5}
    runs = generation.generate(Job(**settings), tmp_path / "runs.nc")["position"].values
    chunks = generation.generate(Job(**settings, chunk=5), tmp_path / "chunks.nc")["position"].values
    places = []
    for run, chunk in zip(runs, chunks, strict=True):
        places += [n for n in range(146) if np.array_equal(run[n : n + 5], chunk)]
    assert len(places) == 8
    assert len(set(places)) > 4


def test_the_recipes_of_the_repository_are_good() -> None:
    recipes = sorted((ROOT / "datasets").glob("*.toml"))
    assert recipes
    for path in recipes:
        assert all(job.file.suffix in (".nc", ".zarr") for job in read_recipe(path))


def test_the_published_protocol_of_the_spring_pendulum() -> None:
    train, test = read_recipe(ROOT / "datasets" / "spring_pendulum.toml")
    assert train.make().stiffness == test.make().stiffness == (1.0, 2.0)
    assert (train.samples, train.chunk, train.output_times().size) == (500, 5, 150)
    assert (test.samples, test.chunk) == (100, 150)
    # test rollouts begin where chunks of 5 points may begin
    assert test.output_times().size - test.chunk == train.output_times().size - train.chunk
    assert train.seed != test.seed


def test_the_script_makes_what_is_missing(recipe: Path) -> None:
    def script(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "scripts" / "generate.py"), *argv]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    done = script(str(recipe))
    # on a slow machine there is a progress bar
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert simulators.read(recipe.parent / "train.nc").sizes["sample"] == 6
    assert script(str(recipe)).stdout == f"{recipe}: finished already\n"
    recipe.write_text(GOOD.replace("samples = 6", "samples = 7"))
    done = script(str(recipe))
    assert done.returncode == 2
    assert "samples 6 instead of 7" in done.stderr
    assert script(str(recipe), "--force").returncode == 0
    assert script("none.toml").returncode == 2
