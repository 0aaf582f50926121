"""Training resumes bit for bit, agrees over processes, refuses bad runs, and measures its own integrator."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import load_file
from torch.nn.utils import parameters_to_vector

import simulators
from physym import segments, training
from physym.cli import main
from physym.metrics import geometric_mean, rollout_error
from physym.models import HamiltonianNN, NeuralODE, load
from simulators import InputError, SpringPendulum

PENDULUM = SpringPendulum(stiffness=(1.0, 2.0))
REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference"


def chunks(samples=30, spacing=0.2, points=5):
    return PENDULUM.simulate(PENDULUM.sample(samples), spacing * np.arange(points), tolerance=1e-12)


def weights(model):
    return parameters_to_vector(model.network.parameters()).detach()


FIT = """
import sys
import simulators
import torch
from physym import segments, training
from physym.models import HamiltonianNN
torch.set_num_threads(1)
training._SAVE_EVERY = 0.0
data, output = sys.argv[1:]
HamiltonianNN(hidden=(8, 8)).fit(simulators.read(data), steps=60, seed=3, output=output)
"""


def fit_process(data: Path, output: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", FIT, str(data), str(output)])


def test_killed_again_and_again_it_ends_at_the_same_weights(tmp_path):
    data = simulators.write(chunks(), tmp_path / "data.nc")
    whole = fit_process(data, tmp_path / "whole")
    assert whole.wait(120) == 0
    reached = set()
    for target in (20, 75, 100):
        run = fit_process(data, tmp_path / "killed")
        deadline = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline:
            rows = _curve(tmp_path / "killed" / "learning_curve.csv")
            if rows and int(rows[-1]["step"]) >= target:
                run.send_signal(signal.SIGKILL)
                reached.add(int(rows[-1]["step"]))
                break
            time.sleep(0.002)
        run.wait(60)
        if run.returncode == 0:
            break
        assert not (tmp_path / "killed" / "model.json").exists()
        with pytest.raises(InputError, match="unfinished"):
            load(tmp_path / "killed")
    assert reached, "the run was never caught alive"
    if not (tmp_path / "killed" / "model.json").exists():
        rest = fit_process(data, tmp_path / "killed")
        assert rest.wait(120) == 0
    a, b = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "killed"))
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name
    errors = [[row["validation"] for row in _curve(tmp_path / n / "learning_curve.csv")] for n in ("whole", "killed")]
    assert errors[0] == errors[1]


def _curve(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


PARALLEL = """
import sys
import simulators
import torch
import torch.distributed as dist
from physym.models import HamiltonianNN
from torch.nn.utils import parameters_to_vector
torch.set_num_threads(1)
dist.init_process_group("gloo")
model = HamiltonianNN(hidden=(8, 8)).fit(simulators.read(sys.argv[1]), steps=15, output=sys.argv[2])
assert dist.get_world_size() == 2
x = parameters_to_vector(model.network.parameters()).detach()
both = [torch.zeros_like(x) for _ in range(2)]
dist.all_gather(both, x)
assert torch.equal(*both)
dist.destroy_process_group()
"""


def test_two_processes_take_the_steps_of_one(tmp_path):
    data = simulators.write(chunks(), tmp_path / "data.nc")
    script = tmp_path / "parallel.py"
    script.write_text(PARALLEL)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(data), str(tmp_path / "run")],
        capture_output=True, text=True, timeout=200, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone = HamiltonianNN(hidden=(8, 8)).fit(simulators.read(data), steps=15)
    # the sums are taken in another order, and Adam divides by their size: equal but for rounding
    np.testing.assert_allclose(weights(load(tmp_path / "run")), weights(alone), rtol=1e-6, atol=1e-9)


def test_gradients_over_processes_are_those_of_one(monkeypatch):
    """Two processes' shares add up to the whole, a Hamiltonian's last bias (which has no gradient) included."""
    run = _begun(HamiltonianNN(hidden=(8,)), chunks())
    value, gradient = run.loss(run.x)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(segments, "rank", lambda rank=rank: (rank, 2))
        monkeypatch.setattr(segments.dist, "all_reduce", lambda tensor: None)
        shares.append(segments.Loss(run.model, run.fit)(run.x))
    assert np.isclose(sum(v for v, _ in shares), value, rtol=1e-13)
    torch.testing.assert_close(shares[0][1] + shares[1][1], gradient, rtol=1e-10, atol=1e-15)
    assert gradient.numel() == weights(run.model).numel()


def _begun(model, data):
    """A run that is ready for its first step."""
    model.build(data, 0)
    return training.Run(
        model, data, seed=0, steps=1, time_limit=None, output=None, force=False, progress=False
    )  # fmt: skip


def test_seeds_decide_everything():
    a, b, c = (NeuralODE(hidden=(8,)).fit(chunks(), steps=10, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(weights(a), weights(b))
    assert not torch.equal(weights(a), weights(c))
    state = torch.random.get_rng_state()
    NeuralODE(hidden=(8,)).fit(chunks(), steps=2)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_blocks_of_samples_do_not_change_the_gradient(monkeypatch):
    run = _begun(NeuralODE(hidden=(8,)), chunks())
    whole = run.loss(run.x)
    run.loss.block = 4
    parts = run.loss(run.x)
    assert np.isclose(whole[0], parts[0], rtol=1e-13)
    torch.testing.assert_close(whole[1], parts[1], rtol=1e-10, atol=1e-14)


def test_long_steps_make_the_integrator_finer():
    """At a spacing that the one-step method cannot resolve, training switches to integration and still learns."""
    model = NeuralODE(hidden=(16,)).fit(chunks(60, spacing=1.0, points=4), steps=450)
    assert "DOP853" in model.provenance["training"]["integrator"]
    assert model.provenance["training"]["one_step_error"] < 0.02
    fine = NeuralODE(hidden=(16,)).fit(chunks(), steps=50)
    assert fine.provenance["training"]["integrator"] == "MIRK6"


def test_many_long_trajectories_are_thinned_and_learned(monkeypatch):
    monkeypatch.setattr(segments, "SEGMENTS", 1000)
    data = PENDULUM.simulate(PENDULUM.sample(60), 0.2 * np.arange(150), tolerance=1e-12)
    run = _begun(NeuralODE(hidden=(16,)), data)
    assert run.fit.states[:, 1:].shape[:2].numel() == segments.SEGMENTS
    assert len({float(z) for z in run.fit.states[:, 0, 0]}) == len(run.fit)
    whole = {tuple(row) for row in _flat(data)}
    assert {tuple(row) for row in run.fit.states[:, 0].tolist()} <= whole
    gaps = run.loss.residual(run.fit, train=False)
    assert torch.isfinite(gaps).all()
    model = HamiltonianNN(hidden=(16,)).fit(data, steps=150)
    assert model.provenance["training"]["rollout_error_held_back"] < 1e-2


def _flat(data):
    signature = _begun(NeuralODE(), chunks()).model.signature
    typed = signature.tensors(signature.conform(data), torch.zeros(1, dtype=torch.float64))
    return typed.states.flatten(0, 1).tolist()


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_few_samples_hold_back_the_end(samples):
    model = NeuralODE(hidden=(8,)).fit(chunks(samples, points=30), steps=30)
    assert np.isfinite(model.provenance["training"]["one_step_error"])


def test_two_points_are_enough_and_one_is_not():
    NeuralODE(hidden=(8,)).fit(chunks(points=2), steps=5)
    with pytest.raises(InputError, match="at least 2 times"):
        NeuralODE().fit(chunks(points=2).isel(time=[0]), steps=5)
    with pytest.raises(InputError, match="sample"):
        NeuralODE().fit(chunks().isel(sample=0), steps=5)


def test_a_time_limit_is_kept(tmp_path):
    began = time.monotonic()
    model = HamiltonianNN().fit(chunks(200), time_limit=2.0, output=tmp_path / "run")
    assert time.monotonic() - began < 12
    assert model.provenance["training"]["seconds"] >= 2
    assert len(_curve(tmp_path / "run" / "learning_curve.csv")) >= 1


@pytest.mark.parametrize("bad", [{"time_limit": 0}, {"time_limit": -1.0}, {"steps": 0}, {"seed": -1}, {"seed": 0.5}])
def test_settings_are_checked(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        HamiltonianNN().fit(chunks(), **bad)


def test_run_folders(tmp_path):
    data = chunks()
    run = tmp_path / "deep" / "run"
    model = HamiltonianNN(hidden=(8,)).fit(data, steps=5, output=run)
    assert sorted(p.name for p in run.iterdir()) == [
        "learning_curve.csv", "model.json", "settings.json", "starts.nc", "weights.safetensors",
    ]  # fmt: skip
    assert torch.equal(weights(load(run)), weights(model))
    with pytest.raises(InputError, match=r"finished; use --force"):
        HamiltonianNN(hidden=(8,)).fit(data, steps=5, output=run)
    with pytest.raises(InputError, match=r"seed 0, now 1"):
        HamiltonianNN(hidden=(8,)).fit(data, steps=5, seed=1, output=run)
    with pytest.raises(InputError, match="data"):
        HamiltonianNN(hidden=(8,)).fit(chunks(20), steps=5, output=run)
    HamiltonianNN(hidden=(8,)).fit(data, steps=5, seed=1, output=run, force=True)
    assert json.loads((run / "settings.json").read_text())["seed"] == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="given a file"):
        HamiltonianNN(hidden=(8,)).fit(data, steps=5, output=tmp_path / "file")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    data = chunks()
    run = tmp_path / "run"
    HamiltonianNN(hidden=(8,)).fit(data, steps=5, output=run)
    (run / "model.json").unlink()
    (run / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="damaged"):
        HamiltonianNN(hidden=(8,)).fit(data, steps=5, output=run)


def fit_command(capsys, *words: str) -> tuple[int, str]:
    code = main(["fit", *words])
    return code, capsys.readouterr().err.strip()


def _damage(change):
    def write(folder: Path) -> Path:
        data = chunks(8)
        path = folder / "data.nc"
        if change == "truncated":
            simulators.write(data, path)
            path.write_bytes(path.read_bytes()[:5000])
            return path
        change(data).to_netcdf(path)
        return path

    return write


def _attrs(name: str, **attrs: str):
    return lambda d: d.assign({name: d[name].assign_attrs(attrs)})


def _no_units(d: xr.Dataset) -> xr.Dataset:
    d["momentum"].attrs.pop("units")
    return d


def _not_a_number(d: xr.Dataset) -> xr.Dataset:
    d["position"].values[3, 2, 1, 0] = np.nan
    return d


BAD = {
    "truncated": ("truncated", "damaged"),
    "no units": (_no_units, "momentum"),
    "wrong units": (_attrs("momentum", units="m"), "momentum"),
    "not a number": (_not_a_number, "finite"),
    "unknown simulator": (lambda d: d.assign_attrs(simulator="Perpetuum"), "Perpetuum"),
    "times that fall": (lambda d: d.isel(time=slice(None, None, -1)), "increasing"),
    "one time": (lambda d: d.isel(time=[0]), "at least 2 times"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_end_in_one_line(case, tmp_path, capsys):
    change, word = BAD[case]
    path = _damage(change)(tmp_path)
    code, said = fit_command(capsys, str(path), "--model", "hamiltonian", "--output", str(tmp_path / "run"))
    assert code == 2
    assert said.count("\n") == 0, said
    assert word in said
    assert not (tmp_path / "run" / "model.json").exists()


def test_ctrl_c_in_a_fit_resumes(tmp_path):
    data = simulators.write(chunks(200), tmp_path / "data.nc")
    command = [
        sys.executable,
        "-m",
        "physym.cli",
        "fit",
        str(data),
        "--model",
        "hamiltonian",
        "--output",
        str(tmp_path / "r"),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "r" / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 130, error
    assert "Traceback" not in error
    assert (tmp_path / "r" / "checkpoint.safetensors").exists()
    assert not list((tmp_path / "r").glob(".*partial"))
    done = subprocess.run([*command, "--time-limit", "1"], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "r").simulator == "SpringPendulum"


@pytest.mark.skipif(not REFERENCE.exists(), reason="no reference data here")
def test_the_published_protocol_in_a_few_seconds():
    """A small twin of benchmarks/pendulum_accuracy.py: already ahead of the published .005."""
    train, test = (simulators.read(REFERENCE / f"pendulum_{name}.nc") for name in ("train", "test"))
    model = HamiltonianNN().fit(train.isel(sample=slice(100)), steps=450)
    test = test.isel(sample=slice(20))
    error = geometric_mean(rollout_error(model.simulate(test.isel(time=0), test.time.values), test))
    assert error < 0.002
