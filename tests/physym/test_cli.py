"""The command line: what it prints, its exit codes, and bad input that ends in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import simulators
from physym import __version__, cli
from physym.arguments import make_parser

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, stdout, stderr."""

    def command(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main([str(arg) for arg in argv])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Runs a command that must end with exit code 2 and one line on stderr; returns the line."""

    def command(*argv: object) -> str:
        code, out, err = run(*argv)
        assert code == 2, err
        assert out == ""
        assert err.startswith("physym: ")
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1, err
        return err

    return command


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small finished dataset."""
    path = tmp_path_factory.mktemp("data") / "runs.nc"
    assert cli.main(["generate", "spring-pendulum", "--samples", "4", "--times", "0:2:0.2", "-o", str(path)]) == 0
    return path


def spoiled(data: Path, path: Path, change: Callable[[xr.Dataset], object]) -> Path:
    """A copy of a dataset, changed behind the schema's back."""
    dataset = xr.load_dataset(data, decode_times=False)
    change(dataset)
    dataset.to_netcdf(path)
    return path


# help


def test_help_teaches(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for word in (*cli.COMMANDS, "--json", "a worked example", "where to look next", "report.html", "exit codes"):
        assert word.lower() in out.lower()
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_of_every_command_has_an_example(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: physym {command} ")
    assert f"  physym {command} " in out.split("example")[1]


def test_the_examples_of_the_help_are_accepted(run: Run) -> None:
    texts = [run("--help")[1], *(run(command, "--help")[1] for command in cli.COMMANDS)]
    lines = [line for text in texts for line in text.splitlines() if line[:9] == "  physym "]
    # what stands far to the right explains the command
    lines = [line.strip().split("   ")[0].split() for line in lines]
    examples = [words[1:] for words in lines if words[1] in cli.COMMANDS]
    assert len(examples) > 8
    for words in examples:
        make_parser().parse_args(words)


def test_version(run: Run) -> None:
    assert run("--version")[:2] == (0, f"physym {__version__}\n")


# bad arguments


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "COMMAND"),
        (["generat"], "did you mean 'generate'"),
        (["--jsn"], "--help"),
        (["generate"], "SIMULATOR"),
        (["generate", "spring-pendulum"], "--output: expected FILE.nc or FILE.zarr, given none"),
        (["generate", "spring-pendulum", "-o", "runs.csv"], "expected FILE.nc or FILE.zarr, given runs.csv"),
        (["generate", "spring-pendulm", "-o", "x.nc"], "did you mean 'spring-pendulum'"),
        (["generate", "none.toml", "-o", "x.nc"], "given no such file"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--samples", "0"], "expected an integer >= 1, given 0"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--samples", "-3"], "expected an integer >= 1, given -3"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--samples", "many"], "invalid int value: 'many'"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--seed", "-1"], "seed: expected an integer >= 0, given -1"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--workers", "0"], "workers: expected an integer >= 1, given 0"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--times", "30:0:0.2"], "so that times increase"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--times", "0:30:-0.2"], "so that times increase"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--times", "0:30:0"], "so that times increase"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--times", "0:nan:1"], "expected three numbers"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--times", "0:30"], "expected START:STOP:STEP"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--chunk", "200"], "chunk: expected at most 150 points"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--tolerance", "-1"], "tolerance: expected a number between"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--set", "mass"], "expected NAME=VALUE"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--set", "mass=heavy"], "mass: expected numbers, given 'heavy'"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--set", "mas=1"], "did you mean 'mass'"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--set", "mass=-1"], "mass: expected positive values, given -1"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--set", "mass=normal:1,2"], "expected {uniform"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--set", "m=1", "--set", "mass=1"], "expected it once"),
        (["generate", "spring-pendulum", "-o", "x.nc", "--scheduler", "tcp://a:1"], "expected an output FILE.zarr"),
        (["generate", "spring-pendulum", "-o", "x.zarr", "--scheduler", "a"], "an address such as tcp://host:8786"),
        (["generate", "spring-pendulum", "-o", "x.zarr", "--workers", "0"], "expected an integer >= 1, given 0"),
        (["generate", "spring-pendulum", "-o", "x.zarr", "--tolerance", "0"], "tolerance: expected a number between"),
        (["fit", "none.nc", "--model", "hamiltonian", "-o", "run"], "none.nc: expected a dataset, given no such file"),
        (["fit", "none.nc", "--model", "hamiltonan", "-o", "run"], "invalid choice: 'hamiltonan'"),
        (["fit", "none.nc", "--model", "field-net", "-o", "run"], "none.nc: expected a dataset, given no such file"),
        (["fit", "none.nc", "--model", "field-net", "--net", "mlp", "-o", "run"], "expected dilated or resnet or unet"),
        (["fit", "none.nc", "--model", "hamiltonian", "--net", "unet", "-o", "run"], "expected scalars or emlp or mlp"),
        (["fit", "none.nc", "--model", "neural-ode", "--width", "9", "-o", "run"], "expected beside --model field-net"),
        (["fit", "none.nc", "--model", "hamiltonian", "--group", "D6", "-o", "run"], "expected beside --net emlp"),
        (["check", "none.nc"], "none.nc: expected a dataset, given no such file"),
        (["evaluate", "none", "none.nc"], "given no such file"),
    ],
)  # fmt: skip
def test_bad_arguments(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(*argv)
    assert not list(tmp_path.iterdir())


# bad files, which every command that reads data refuses alike


def rename_units(units: str | None) -> Callable[[xr.Dataset], object]:
    """Give momentum other units, or none."""

    def change(dataset: xr.Dataset) -> None:
        dataset["momentum"].attrs.pop("units")
        if units is not None:
            dataset["momentum"].attrs["units"] = units

    return change


def set_nan(dataset: xr.Dataset) -> None:
    dataset["position"][1, 2, 0, 1] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename_units(None), "variable 'momentum': expected the attribute 'units', given none"),
        (rename_units("m"), "variable 'momentum', attribute 'units': expected units of 'kg*m/s', given 'm'"),
        (rename_units("furlongs of"), "variable 'momentum', attribute 'units': expected units that pint reads"),
        (set_nan, "variable 'position': expected finite numbers, given nan at sample 1, time 2, body 0, i 1"),
        (lambda d: d.attrs.update(simulator="Pendulum"), "attribute 'simulator': expected one of"),
        (lambda d: d.attrs.pop("simulator"), "attribute 'simulator': expected text, given None"),
        (lambda d: d.update({"time": -d["time"]}), "coordinate 'time'"),
    ],
)
@pytest.mark.parametrize("command", ["check", "fit", "evaluate"])
def test_bad_datasets(
    refused: Callable[..., str], data: Path, tmp_path: Path, command: str, change: Callable, message: str
) -> None:
    path = spoiled(data, tmp_path / "bad.nc", change)
    argv = {"fit": [path, "--model", "hamiltonian", "-o", tmp_path / "run"], "evaluate": [tmp_path, path]}
    line = refused(command, *argv.get(command, [path]))
    assert message in line
    assert str(path) in line


@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_netcdf(refused: Callable[..., str], data: Path, tmp_path: Path, part: float) -> None:
    content = data.read_bytes()
    path = tmp_path / "short.nc"
    path.write_bytes(content[: int(part * len(content))])
    assert "short.nc: expected a netCDF file, given one that is damaged" in refused("check", path)


def test_files_of_another_kind(refused: Callable[..., str], tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a dataset")
    assert "expected a netCDF file" in refused("check", text)
    assert "expected a folder with a fitted model" in refused("check", tmp_path)
    (tmp_path / "empty.zarr").mkdir()
    assert "expected a zarr store" in refused("check", tmp_path / "empty.zarr")


# generate


def test_generate_stores_what_was_asked_for(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "runs.nc"
    argv = ["--samples", 3, "--seed", 2, "--times", "0:1:0.25", "--set", "stiffness=1,2", "--set", "mass=uniform:1,2"]
    code, out, err = run("generate", "spring-pendulum", *argv, "-o", path)
    assert (code, err) == (0, "")
    assert out == f"{path}: 3 runs of SpringPendulum at 4 times\n"
    stored = simulators.read(path)
    assert stored["stiffness"].values.tolist() == [1, 2]
    assert stored["mass"].dims == ("sample", "body")
    assert stored["time"].values.tolist() == [0, 0.25, 0.5, 0.75]
    assert stored.attrs["seed"] == 2


def test_a_finished_output_needs_force(run: Run, refused: Callable[..., str], data: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.nc"
    path.write_bytes(data.read_bytes())
    same = ["generate", "spring-pendulum", "--samples", 4, "--times", "0:2:0.2", "-o", path]
    assert "finished already, with the same settings; use --force" in refused(*same)
    other = ["generate", "spring-pendulum", "--samples", 5, "--times", "0:2:0.2", "--set", "mass=2", "-o", path]
    line = refused(*other)
    assert "with other settings: mass 1.0 instead of 2, samples 4 instead of 5; use --force" in line
    assert path.read_bytes() == data.read_bytes()
    assert run(*other, "--force")[0] == 0
    assert simulators.read(path).sizes["sample"] == 5
    path.write_text("not ours")
    assert "made by other means; use --force" in refused(*other)
    assert [p.name for p in tmp_path.iterdir()] == ["runs.nc"]


RECIPE = """
simulator = "SpringPendulum"
outputs = [{file = "a.nc", samples = 2}, {file = "b.zarr", samples = 3, chunk = 5}]
"""


def test_a_recipe_makes_what_is_missing(run: Run, refused: Callable[..., str], tmp_path: Path) -> None:
    recipe = tmp_path / "two.toml"
    recipe.write_text(RECIPE)
    assert "expected a folder, since the recipe makes 2 datasets" in refused(
        "generate", recipe, "-o", tmp_path / "x.nc"
    )
    assert run("generate", recipe)[0] == 0
    before = (tmp_path / "a.nc").stat().st_mtime_ns
    assert simulators.read(tmp_path / "b.zarr").sizes["time"] == 5
    assert "a.nc: expected a new output, given one that is finished" in refused("generate", recipe)
    (tmp_path / "b.zarr").rename(tmp_path / "moved.zarr")
    code, out, _ = run("generate", recipe)
    assert code == 0
    assert "b.zarr" in out
    assert "a.nc" not in out
    assert (tmp_path / "a.nc").stat().st_mtime_ns == before
    assert run("generate", recipe, "-o", tmp_path / "else", "--samples", 1)[0] == 0
    assert simulators.read(tmp_path / "else" / "b.zarr").sizes["sample"] == 1


def test_all_outputs_of_a_recipe_are_looked_at_before_any_is_made(refused: Callable[..., str], tmp_path: Path) -> None:
    recipe = tmp_path / "two.toml"
    recipe.write_text(RECIPE)
    (tmp_path / "b.zarr").mkdir()
    assert "b.zarr: expected a new output" in refused("generate", recipe)
    assert not (tmp_path / "a.nc").exists()


def test_an_output_that_cannot_be_written_is_refused_before_work(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulators.SpringPendulum, "sample", lambda *_: pytest.fail("work was done"))
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "expected a folder that can be written" in refused("generate", "spring-pendulum", "-o", folder / "x.nc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    line = refused("generate", "spring-pendulum", "-o", tmp_path / "locked" / "x.nc")
    assert "expected a folder that can be written" in line


def test_a_start_without_direction(refused: Callable[..., str], tmp_path: Path) -> None:
    still = ["--set", "position_spread=0", "--set", "rest_length=0"]
    line = refused("generate", "spring-pendulum", *still, "-o", tmp_path / "x.nc")
    assert "expected the spring above body 1 to have a length, given 0" in line
    assert not list(tmp_path.iterdir())


# faults that are not the input's


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (OSError(28, "No space left on device", "x.nc"), "No space left on device: 'x.nc'"),
        (MemoryError("Unable to allocate 9 TiB"), "expected enough memory"),
        (
            simulators.DivergenceError("sample 3 diverged at\ntime 1.5", sample=3, time=1.5),
            "sample 3 diverged at time 1.5",
        ),
    ],
)
def test_faults_are_one_line(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: Exception, message: str
) -> None:
    def simulate(self: object, initial: object, times: object, *, tolerance: float) -> None:
        raise fault

    monkeypatch.setattr(simulators.SpringPendulum, "simulate", simulate)
    assert message in refused("generate", "spring-pendulum", "--tolerance", 1e-8, "-o", tmp_path / "x.nc")
    assert not list(tmp_path.iterdir())


# interruption

LONG = ["generate", "spring-pendulum", "--samples", "3000", "--times", "0:2000:1", "--workers", "1", "-o", "long.nc"]


def start(folder: Path, code: str = "from physym.cli import main; raise SystemExit(main())") -> subprocess.Popen[str]:
    """A command that takes long, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", code, *LONG]
    return subprocess.Popen(
        argv, cwd=folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_until_busy(process: subprocess.Popen[str]) -> None:
    """Until the first of its progress is on stderr."""
    assert process.stderr is not None
    assert process.stderr.read(1)
    time.sleep(0.2)
    assert process.poll() is None


def test_ctrl_c_leaves_nothing_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_until_busy(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "physym: interrupted; run the same command again to resume"
    assert not list(tmp_path.iterdir())


def test_a_store_that_was_interrupted_goes_on(run: Run, refused: Callable[..., str], tmp_path: Path) -> None:
    """Ctrl-C, then kill -9, each with two workers at work, then the same command to the end."""
    path = tmp_path / "long.zarr"
    argv = ["generate", "spring-pendulum", "--samples", "100", "--times", "0:1500:10", "--workers", "2"]
    code = f"import sys; from physym.cli import main; raise SystemExit(main({argv!r} + ['-o', {str(path)!r}]))"
    for stop in (signal.SIGINT, signal.SIGKILL):
        process = start(tmp_path, code)
        before = len(list(path.glob("completed/c/*")))
        while len(list(path.glob("completed/c/*"))) == before:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)
        if stop is signal.SIGINT:
            assert process.returncode == 130
            assert err.splitlines()[-1] == "physym: interrupted; run the same command again to resume"
        assert " of 100 runs; run its generation again" in refused("check", path)
        other = refused(*argv, "--seed", 1, "-o", path)
        assert "one that is begun, with other settings: seed 0 instead of 1; use --force" in other
    code, out, _ = run(*argv, "-o", path)
    assert (code, out) == (0, f"{path}: 100 runs of SpringPendulum at 150 times\n")
    assert run(*argv[:-2], "--workers", "1", "-o", tmp_path / "whole.zarr")[0] == 0
    assert subprocess.run(["diff", "-r", path, tmp_path / "whole.zarr"], check=False).returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["long.zarr", "whole.zarr"]
    assert "finished already, with the same settings" in refused(*argv, "-o", path)


def test_failed_runs_are_told(run: Run, refused: Callable[..., str], tmp_path: Path) -> None:
    # without spread and length, the springs of light bodies have no direction
    argv = ["generate", "spring-pendulum", "--samples", 9, "--set", "L=uniform:0,1", "--times", "0:1:0.5"]
    plain = simulators.SpringPendulum.simulate

    def simulate(self: object, initial: xr.Dataset, times: object, **options: object) -> xr.Dataset:
        if len(times) > 1 and bool((initial.rest_length > 0.8).any()):
            raise simulators.DivergenceError("sample 0 got to time 0.5.", sample=0, time=0.5)
        return plain(self, initial, times, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulators.SpringPendulum, "simulate", simulate)
        code, out, err = run(*argv, "--workers", 1, "-o", tmp_path / "a.zarr")
        assert (code, err) == (0, "")
        lost = json.loads(simulators.read(tmp_path / "a.zarr").attrs["failures"])
        first = next(iter(lost))
        told = f"; {len(lost)} failed and are left out, sample {first} thus: sample {first} got to time 0.5."
        assert out == f"{tmp_path / 'a.zarr'}: 9 runs of SpringPendulum at 2 times{told}\n"
        line = refused(*argv[:-4], "--set", "L=0.9", "--workers", 1, "-o", tmp_path / "b.zarr")
        assert "expected at least one run to succeed, given 9 that failed, sample 0 thus: sample 0 got" in line
    assert run("check", tmp_path / "a.zarr")[0] == 0


def test_kill_9_while_simulating_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_until_busy(process)
    process.kill()
    process.communicate(timeout=60)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["long.nc", "long.zarr"])
def test_kill_9_while_writing_leaves_nothing_that_opens_as_finished(run: Run, tmp_path: Path, name: str) -> None:
    code = """
import os, signal, sys, xarray as xr
from physym.cli import main
def killed_after(write):
    def wrapped(self, target, **options):
        write(self, target, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return wrapped
from simulators.schema import stores
xr.Dataset.to_netcdf = killed_after(xr.Dataset.to_netcdf)
create = stores.create
def killed(*args, **options):
    create(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
stores.create = killed
main(["generate", "spring-pendulum", "-o", sys.argv[1]])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    path = tmp_path / name
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert run("generate", "spring-pendulum", "-o", path)[0] == 0
    assert simulators.read(path).sizes["sample"] == 1


# check, fit and evaluate


@pytest.fixture(scope="session")
def law(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The folder of a law that was fitted in haste."""
    from physym.models import HamiltonianNN

    path = tmp_path_factory.mktemp("law") / "run"
    HamiltonianNN(hidden=(8,)).fit(simulators.read(data), steps=10, output=path)
    return path


def strict(text: str) -> dict:
    """One JSON object, without NaN."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_check_of_a_dataset(run: Run, data: Path) -> None:
    code, out, err = run("check", data, "--json")
    assert (code, err) == (0, "")
    report = strict(out)
    assert report["passed"] is True
    for check in report["checks"]:
        assert {"name", "error", "tolerance", "passed"} <= set(check)
    code, out, _ = run("check", data)
    assert code == 0
    assert "energy" in out


def test_a_failed_check_is_exit_code_1(run: Run, data: Path, tmp_path: Path) -> None:
    def heat(dataset: xr.Dataset) -> None:
        dataset["momentum"] *= 1 + 0.2 * dataset["time"].values[:, None, None]

    path = spoiled(data, tmp_path / "hot.nc", heat)
    code, out, err = run("check", path, "--json")
    assert (code, err) == (1, "")
    assert strict(out)["passed"] is False


def test_check_of_a_law(run: Run, law: Path) -> None:
    code, out, err = run("check", law, "--json")
    assert code in (0, 1)
    assert err == ""
    report = strict(out)
    assert report["passed"] is (code == 0)
    assert {"rotations", "reflections"} <= {check["name"] for check in report["checks"] if check["passed"]}


def test_evaluate(run: Run, refused: Callable[..., str], law: Path, data: Path, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", law, data, "--json")
    assert code in (0, 1)
    evaluation = strict(out)
    assert evaluation["rollout_error"] > 0
    assert evaluation["passed"] is (code == 0)
    folder = tmp_path / "report"
    code, out, _ = run("evaluate", law, data, "-o", folder)
    assert code in (0, 1)
    assert out.endswith(f"look at {folder / 'report.html'}\n")
    assert (folder / "report.html").stat().st_size > 1000
    assert f"{folder}: expected a new output, given one that is finished" in refused(
        "evaluate", law, data, "-o", folder
    )
    (tmp_path / "file").write_text("")
    assert "expected a folder that can be written" in refused("evaluate", law, data, "-o", tmp_path / "file")


def test_fit_says_what_comes_next(run: Run, refused: Callable[..., str], data: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    argv = ["fit", data, "--model", "neural-ode", "--net", "mlp", "--time-limit", 0.5, "--seed", 3, "-o", path]
    code, out, _ = run(*argv)
    assert code == 0
    assert f"physym check {path}" in out
    assert f"physym evaluate {path} " in out
    assert str(path) in refused(*argv)
    assert "device" in refused(*argv, "--force", "--device", "abacus")


def test_json_has_no_nan(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = types.SimpleNamespace(
        passed=False, to_dict=lambda: {"error": np.float64("nan"), "n": np.array([np.inf, 1])}
    )
    monkeypatch.setattr("physym.checks.check", lambda *_, **__: report)
    code, out, err = run("check", data, "--json")
    assert (code, out, err) == (1, '{"error": null, "n": [null, 1.0]}\n', "")


def test_output_into_a_closed_pipe_is_no_fault(data: Path) -> None:
    command = f"{sys.executable} -m physym.cli check {data} | true"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_fixed_steps_are_taken_and_named_and_those_that_are_too_long_refused(
    run: Run, refused: Callable[..., str], tmp_path: Path
) -> None:
    flow = ("generate", "navier-stokes", "--set", "cell=.125", "--times", "0:.3:.1")
    for suffix in (".nc", ".zarr"):
        path = tmp_path / f"flow{suffix}"
        assert run(*flow, "--step", 0.02, "-o", path)[0] == 0
        data = simulators.read(path)
        assert json.loads(data.attrs["solver"]) == {"method": "etdrk4", "step": 0.02, "precision": "float64"}
        assert json.loads(data.attrs["settings"])["step"] == 0.02
        model = simulators.NavierStokes(cell=0.125)
        wanted = model.simulate(model.sample(1), data["time"].values, step=0.02)
        np.testing.assert_array_equal(data["velocity"], wanted["velocity"])
        assert "step 0.02 instead of 0.01" in refused(*flow, "--step", 0.01, "-o", path)
    assert "step: expected at most" in refused(*flow, "--times", "0:4:1", "--step", 1, "-o", tmp_path / "long.nc")
    assert not (tmp_path / "long.nc").exists()
    layer = ("generate", "shallow-water", "--set", "length=80e3", "--times", "0:40000:20000", "--step", 20000)
    for suffix in (".nc", ".zarr"):
        assert "which the fastest wave allows" in refused(*layer, "-o", tmp_path / f"layer{suffix}")
