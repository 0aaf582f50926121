"""Training of a FieldNet: it learns, resumes bit for bit, keeps its limits, and every part does what it says."""

from __future__ import annotations

import csv
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

import physym
import simulators
from physym.models.fields import training
from physym.models.fields.moments import Moments
from physym.models.fields.training import FieldRun
from simulators.errors import DivergenceError, InputError

SMALL = {"net": "resnet", "width": 4, "depth": 1}


def weights(model):
    return parameters_to_vector(model.network.parameters()).detach()


def begun(data, *, steps=10, time_limit=None, output=None, **options):
    """A run that is ready for its first step."""
    model = physym.FieldNet(**(SMALL | options))
    model.build(data, 0)
    return FieldRun(
        model, data, seed=0, steps=steps, time_limit=time_limit, output=output, force=False, progress=False
    )  # fmt: skip


def turning(samples=20, times=6, cells=5, seed=0):
    """Vectors that turn in place at a rate that each sample has of its own, left or right: du/dt = f ε u."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(-2, 2, samples)
    start = rng.standard_normal((samples, cells, cells, 2))
    t = 0.1 * np.arange(times)
    angle = (rate[:, None] * t)[..., None, None]
    x, y = start[:, None, ..., 0], start[:, None, ..., 1]
    velocity = np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y], axis=-1)
    told = {"long_name": "a quantity", "symbol": "q"}
    found = {
        "velocity": (
            ("sample", "time", "y", "x", "i"), velocity,
            told | {"units": "m/s", "tensor_order": 1, "pseudo": 0, "role": "state"},
        ),
        "coriolis": (
            ("sample",), rate, told | {"units": "1/s", "tensor_order": 0, "pseudo": 1, "role": "parameter"},
        ),
    }  # fmt: skip
    grid = simulators.grid.Grid(length=(cells, cells), cell=1.0)
    coords = {"time": ("time", t, {"units": "s"}), "i": ("i", ["x", "y"])} | grid.coordinates()
    return xr.Dataset(found, coords, {"Conventions": "CF-1.11, physym-1", "simulator": "none", "title": "turning"})


def test_it_learns_a_law_that_a_pseudoscalar_decides():
    """A net that does not see which way each sample turns stays at 0.9."""
    model = physym.FieldNet(**SMALL, rate=3e-2, unroll=1, noise=0.0).fit(turning(), steps=150, seed=1)
    told = model.provenance["training"]
    assert told["one_step_error"] < 0.15
    test = turning(samples=4, seed=5)
    run = model.simulate(test.isel(time=0, drop=True), test.time.values)
    still = test.isel(time=0, drop=True).velocity
    off = [float((field - test.velocity).isel(time=-1).std()) for field in (run.velocity, still)]
    assert off[0] < 0.2 * off[1]


def test_seeds_decide_everything(fields):
    data = fields()
    a, b, c = (physym.FieldNet(**SMALL).fit(data, steps=4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(weights(a), weights(b))
    assert not torch.equal(weights(a), weights(c))
    state = torch.random.get_rng_state()
    physym.FieldNet(**SMALL).fit(data, steps=1)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("stop", [3, 9])
def test_interrupted_it_ends_at_the_same_weights(fields, tmp_path, monkeypatch, stop):
    monkeypatch.setattr(training, "_SAVE_EVERY", -np.inf)
    monkeypatch.setattr(training, "_LOOK", 4)
    data = fields()
    whole = physym.FieldNet(**SMALL).fit(data, steps=12, output=tmp_path / "whole")
    descend = FieldRun._descend

    def interrupted(run):
        if run.step == stop:
            raise KeyboardInterrupt
        descend(run)

    monkeypatch.setattr(FieldRun, "_descend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        physym.FieldNet(**SMALL).fit(data, steps=12, output=tmp_path / "run")
    assert not (tmp_path / "run" / "model.json").exists()
    with pytest.raises(InputError, match="unfinished"):
        physym.load(tmp_path / "run")
    with pytest.raises(InputError, match=r"noise 0.3, now 0.5"):
        physym.FieldNet(**SMALL, noise=0.5).fit(data, steps=12, output=tmp_path / "run")
    monkeypatch.setattr(FieldRun, "_descend", descend)
    again = physym.FieldNet(**SMALL).fit(data, steps=12, output=tmp_path / "run")
    assert torch.equal(weights(again), weights(whole))
    curves = [_curve(tmp_path / name) for name in ("whole", "run")]
    for row in curves[0] + curves[1]:
        del row["seconds"]
    assert curves[0] == curves[1]
    with pytest.raises(InputError, match="finished; use --force"):
        physym.FieldNet(**SMALL).fit(data, steps=12, output=tmp_path / "run")


def _curve(folder: Path) -> list[dict[str, str]]:
    path = folder / "learning_curve.csv"
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


FIT = """
import sys
import physym, simulators, torch
from physym.models.fields import training
torch.set_num_threads(1)
training._SAVE_EVERY, training._LOOK = float("-inf"), 5
data, output = sys.argv[1:]
physym.FieldNet(net="resnet", width=4, depth=1).fit(simulators.read(data), steps=20, output=output)
"""


def test_killed_it_goes_on_to_the_same_weights(fields, tmp_path, monkeypatch):
    data = simulators.write(fields(), tmp_path / "data.nc")
    run = subprocess.Popen(
        [sys.executable, "-c", FIT, str(data), str(tmp_path / "run")], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 100
    while run.poll() is None and len(_curve(tmp_path / "run")) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    assert run.wait(60) == -signal.SIGKILL, "the run was never caught alive"
    monkeypatch.setattr(training, "_LOOK", 5)
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        for name in ("run", "whole"):
            physym.FieldNet(**SMALL).fit(simulators.read(data), steps=20, output=tmp_path / name)
    finally:
        torch.set_default_dtype(dtype)
    a, b = (load_file(tmp_path / name / "weights.safetensors") for name in ("run", "whole"))
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def test_a_damaged_checkpoint_is_refused(fields, tmp_path):
    physym.FieldNet(**SMALL).fit(fields(), steps=2, output=tmp_path / "run")
    (tmp_path / "run" / "model.json").unlink()
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="damaged"):
        physym.FieldNet(**SMALL).fit(fields(), steps=2, output=tmp_path / "run")


def test_a_time_limit_is_kept(fields):
    began = time.monotonic()
    model = physym.FieldNet(**SMALL).fit(fields(), time_limit=1.0)
    assert time.monotonic() - began < 10
    assert model.provenance["training"]["seconds"] >= 1
    assert model.provenance["training"]["steps"] >= 1


def test_rollouts_grow_longer_in_the_second_half(fields):
    run = begun(fields(times=9), steps=100, unroll=4)
    lengths = [run._unrolled(step / 100) for step in range(101)]
    assert lengths[:50] == [1] * 50
    assert sorted(lengths) == lengths
    assert set(lengths) == {1, 2, 3, 4}
    assert min(lengths.count(n) for n in (2, 3, 4)) >= 16
    assert begun(fields(times=3), unroll=9)._unrolled(0.99) == 2
    assert begun(fields(), unroll=1)._unrolled(0.99) == 1


def test_the_loss_is_that_of_rollouts_in_units_of_increments(fields):
    """Against the model's own simulate, in physical units, variable by variable."""
    data = fields(samples=4)
    run = begun(data, precision="float64", noise=0.0)
    model, start = run.model, data.isel(time=1, drop=True)
    wanted = 0.0
    pred = model.simulate(start, 0.1 * np.arange(4))
    entries = {name: 1 if "i" not in data[name].dims else 4 if "j" in data[name].dims else 2 for name in data}
    for name in (v.name for v in model.signature.states):
        size = float(np.sqrt((data[name].diff("time") ** 2).mean()))
        error = (pred[name].isel(time=slice(1, None)).values - data[name].isel(time=slice(2, 5)).values) / size
        wanted += (error**2).mean() * entries[name]
    wanted /= sum(entries[v.name] for v in model.signature.states)
    whole = run.model.signature.fields(model.signature.conform(data))
    z, inputs = model.scaled(whole.states, whole.inputs)
    found = float(run._loss(z[:, 1], z[:, 2:5], inputs).detach()) / 4
    assert found == pytest.approx(wanted, rel=1e-9)


def test_a_net_that_says_one_adds_the_size_of_an_increment(fields):
    data = fields(samples=4)
    model = begun(data, precision="float64").model
    entries = max(where.stop for where in model.signature.places().values())
    model.network.forward = lambda x: torch.ones(len(x), entries, *x.shape[2:], dtype=x.dtype)
    run = model.simulate(data.isel(time=0, drop=True), [0.0, 0.1])
    for variable in model.signature.states:
        size = float(np.sqrt((data[variable.name].diff("time") ** 2).mean()))
        np.testing.assert_allclose(run[variable.name].diff("time"), size, rtol=1e-9)


def test_noise_is_on_the_states_and_not_on_what_follows(fields):
    data = fields()
    loud, still = (begun(data, noise=noise, batch=64) for noise in (0.5, 0.0))
    (a, after, _), (b, wanted, _) = loud._minibatch(2), still._minibatch(2)
    torch.testing.assert_close(after, wanted)
    size = ((a - b) / loud.gain).square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(size, torch.full_like(size, 0.5), rtol=0.1, atol=0.0)
    again = loud._minibatch(2)[0]
    assert torch.equal(a, again)
    loud.step += 1
    assert not torch.equal(a, loud._minibatch(2)[0])


def test_a_tenth_is_held_back(fields):
    run = begun(fields(samples=10))
    assert (len(run.fit), len(run.held)) == (9, 1)
    few = begun(fields(samples=2, times=12))
    assert few.fit.states.shape[1] == 11
    assert few.held.states.shape[1] == 2


def test_the_best_weights_are_kept(fields, monkeypatch):
    monkeypatch.setattr(training, "_LOOK", 1)
    errors = iter([0.5, 0.2, 0.9, 0.8])
    seen = []

    def rollout(run):
        seen.append(torch.cat([p.detach().flatten().clone() for p in run.parameters]))
        return next(errors), 0.1

    monkeypatch.setattr(FieldRun, "_rollout", rollout)
    model = physym.FieldNet(**SMALL).fit(fields(), steps=4)
    assert model.provenance["training"]["best_step"] == 2
    assert torch.equal(weights(model), seen[1])


def test_a_loss_that_is_not_finite_ends_in_an_error(fields, monkeypatch):
    monkeypatch.setattr(FieldRun, "_loss", lambda run, z, *_: run.model.increment(z, _[1]).sum() * float("nan"))
    with pytest.raises(DivergenceError, match="lower the rate"):
        physym.FieldNet(**SMALL).fit(fields(), steps=60)


def test_states_that_do_not_change_are_left_alone(fields):
    data = fields(tensors=False)
    still = data.assign(height=xr.full_like(data.height, 3.0))
    model = physym.FieldNet(**SMALL).fit(still, steps=5)
    assert np.isfinite(model.provenance["training"]["one_step_error"])
    run = model.simulate(still.isel(time=0, drop=True), 0.1 * np.arange(3))
    assert float(np.abs(run.height - 3).max()) < 1e-2


def test_moments_of_parts_are_those_of_the_whole():
    rng = np.random.default_rng(0)
    types = {(0, 0): 2, (0, 1): 1, (1, 0): 1}
    rows = torch.from_numpy(rng.standard_normal((7, 5, 3, 4)) + 1e6 * np.array([1, 0, 0, 0, 0]).reshape(5, 1, 1))
    moments = Moments()
    moments.add(rows[:3])
    moments.add(rows[3:])
    mean, spread = moments.mean_and_spread(types, 2)
    flat = rows.transpose(0, 1).flatten(1)
    torch.testing.assert_close(mean[:2], flat[:2].mean(1), rtol=1e-13, atol=1e-13)
    assert torch.equal(mean[2:], torch.zeros(3))
    torch.testing.assert_close(spread[:2], flat[:2].std(1, correction=0), rtol=1e-9, atol=0.0)
    torch.testing.assert_close(spread[2], flat[2].square().mean().sqrt(), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(spread[3:], flat[3:].square().mean().sqrt().expand(2), rtol=1e-12, atol=0.0)


def test_shares_of_two_processes_add_up_to_the_step_of_one(fields, monkeypatch):
    found = []
    for own, world in ((0, 1), (0, 2), (1, 2)):
        run = begun(fields(), precision="float64")
        monkeypatch.setattr(training, "rank", lambda own=own, world=world: (own, world))
        monkeypatch.setattr(training.dist, "all_reduce", lambda tensor: None)
        monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: None)
        run._descend()
        found.append((float(run.sum), torch.cat([p.grad.flatten() for p in run.parameters])))
    assert found[1][0] + found[2][0] == pytest.approx(found[0][0], rel=1e-12)
    torch.testing.assert_close(found[1][1] + found[2][1], found[0][1], rtol=1e-10, atol=1e-14)
