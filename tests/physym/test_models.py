"""Models obey by construction what they promise, answer as simulators do, and refuse what they were not fitted for."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr

import simulators
from physym.metrics import geometric_mean, rollout_error
from physym.models import HamiltonianNN, NeuralODE, load
from physym.models.base import Model
from physym.symmetry import O, act
from physym.units import rescale
from simulators import DivergenceError, InputError, LogUniform, SchemaError, SpringPendulum
from simulators.base import provenance
from simulators.schema import Variable

PENDULUM = SpringPendulum(stiffness=(1.0, 2.0))
TIMES = 0.2 * np.arange(5)


def chunks(simulator=PENDULUM, samples=30, seed=0):
    return simulator.simulate(simulator.sample(samples, seed), TIMES, tolerance=1e-12)


def randomised(model: Model, data: xr.Dataset, seed: int = 0) -> Model:
    """A model with random weights everywhere: symmetry must not hang on training."""
    model.fit(data, steps=1)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.network.parameters():
            p.copy_(0.3 * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    return model


def relative(a: xr.Dataset, b: xr.Dataset) -> float:
    return max(float(np.linalg.norm(a[n] - b[n]) / np.linalg.norm(b[n])) for n in ("position", "momentum"))


@pytest.fixture(scope="module")
def data():
    return chunks()


@pytest.fixture(scope="module")
def fitted(data):
    return HamiltonianNN().fit(data, steps=150)


FAMILY = SpringPendulum(mass=LogUniform(0.5, 2), stiffness=LogUniform(0.5, 2), rest_length=LogUniform(0.5, 2), bodies=3)


@pytest.mark.parametrize("kind", [HamiltonianNN, NeuralODE])
@pytest.mark.parametrize("simulator", [PENDULUM, FAMILY], ids=["fixed", "family of three bodies"])
def test_random_weights_are_equivariant(kind, simulator):
    start = simulator.sample(12, seed=1)
    model = randomised(kind(), chunks(simulator, 12))
    rng = np.random.default_rng(0)
    for _ in range(6):
        q = O(3).random(rng)
        assert relative(model.tendency(act(q, start)), act(q, model.tendency(start))) < 1e-12
    scaled = rescale(start, kg=7.3, m=0.21, s=3.3)
    rate = model.tendency(start).assign_attrs(start.attrs)
    assert relative(model.tendency(scaled), rescale(rate, kg=7.3, m=0.21, s=3.3)) < 1e-12


@pytest.mark.parametrize("kind", [HamiltonianNN, NeuralODE])
def test_plain_nets_are_not_equivariant_but_know_units(kind, data):
    model = randomised(kind(net="mlp"), data)
    start = PENDULUM.sample(12, seed=1)
    q = O(3).random(np.random.default_rng(0))
    assert relative(model.tendency(act(q, start)), act(q, model.tendency(start))) > 1e-2
    scaled = rescale(start, kg=7.3, m=0.21, s=3.3)
    assert relative(model.tendency(scaled), rescale(model.tendency(start), kg=7.3, m=0.21, s=3.3)) < 1e-12


def test_the_law_is_the_symplectic_gradient(data):
    model = randomised(HamiltonianNN(), data)
    start = PENDULUM.sample(3, seed=2)
    slope = model.tendency(start)
    h = 1e-5
    for name, other, sign in (("position", "momentum", -1.0), ("momentum", "position", 1.0)):
        for body in range(2):
            for i in range(3):
                shift = xr.zeros_like(start[name])
                shift[:, body, i] = h
                up, down = (
                    start.assign({name: (start[name] + d).assign_attrs(start[name].attrs)}) for d in (shift, -shift)
                )
                derivative = (model.conserved(up) - model.conserved(down)).hamiltonian / (2 * h)
                np.testing.assert_allclose(sign * derivative, slope[other][:, body, i], rtol=1e-6, atol=1e-8)


def test_the_hamiltonian_is_conserved_by_both_integrators(fitted):
    start = PENDULUM.sample(5, seed=3)
    for options in ({}, {"method": "gauss-legendre", "step": 0.02, "stages": 3}):
        run = fitted.simulate(start, 0.5 * np.arange(20), **options)
        energy = fitted.conserved(run).hamiltonian
        assert float(abs(energy - energy.isel(time=0)).max()) < 1e-8 * float(abs(energy).max())
        spin = PENDULUM.conserved(run).angular_momentum
        assert float(abs(spin - spin.isel(time=0)).max()) < 1e-8


def test_rollouts_answer_as_the_simulator_does(fitted):
    start = PENDULUM.sample(4, seed=5)
    run, truth = fitted.simulate(start, TIMES), PENDULUM.simulate(start, TIMES)
    simulators.validate(run)
    assert run.sizes == truth.sizes
    assert list(run.data_vars) == list(truth.data_vars)
    for name in truth.variables:
        assert run[name].dims == truth[name].dims
        assert run[name].attrs == truth[name].attrs
    one = fitted.simulate(start.isel(sample=2), TIMES)
    assert one.position.dims == ("time", "body", "i")
    np.testing.assert_allclose(one.position, run.position[2], rtol=0, atol=1e-7)
    np.testing.assert_allclose(run.position[:, 0], start.position, rtol=1e-14)


def test_a_short_fit_learns():
    model = HamiltonianNN().fit(chunks(samples=100), steps=300)
    start = PENDULUM.sample(20, seed=7)
    truth, run = PENDULUM.simulate(start, 0.2 * np.arange(25)), model.simulate(start, 0.2 * np.arange(25))
    assert geometric_mean(rollout_error(run, truth)) < 3e-3


def test_a_family_needs_its_parameters():
    model = NeuralODE().fit(chunks(FAMILY, 40), steps=20)
    start = FAMILY.sample(2, seed=1)
    heavier = start.assign(mass=(1.3 * start.mass).assign_attrs(start.mass.attrs))
    assert relative(model.tendency(heavier), model.tendency(start)) > 1e-3
    with pytest.raises(InputError, match="mass"):
        model.simulate(start.drop_vars("mass"), TIMES)


def test_parameters_shared_in_training_may_be_left_out(fitted):
    start = PENDULUM.sample(3, seed=5)
    bare = start.drop_vars(["mass", "stiffness", "rest_length", "gravity"])
    xr.testing.assert_allclose(fitted.simulate(bare, TIMES), fitted.simulate(start, TIMES), rtol=1e-14)


def test_compatible_units_are_converted(fitted):
    start = PENDULUM.sample(3, seed=5)
    centimetres = (100 * start.position).assign_attrs(start.position.attrs | {"units": "cm"})
    assert relative(fitted.simulate(start.assign(position=centimetres), TIMES), fitted.simulate(start, TIMES)) < 1e-8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop_vars("momentum"), "momentum"),
        (lambda d: d.isel(body=[0]), "'body': expected 2"),
        (lambda d: d.assign(position=d.position.assign_attrs(units="kg")), "units"),
        (
            lambda d: d.assign(
                position=d.position.where(d.position != d.position[0, 0, 0]).assign_attrs(d.position.attrs)
            ),
            "nan",
        ),
        (lambda d: d.assign(stiffness=(3 * d.stiffness * d.body).assign_attrs(d.stiffness.attrs)), "stiffness"),
        (lambda d: d.expand_dims(time=[0.0]), "time"),
    ],
)
def test_states_it_was_not_fitted_for(fitted, change, message):
    with pytest.raises(InputError, match=message):
        fitted.simulate(change(PENDULUM.sample(3, seed=5)), TIMES)


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.5], [0.0, np.nan], [], [[0.0, 1.0]], "soon"])
def test_times_must_increase(fitted, times):
    with pytest.raises(InputError, match="times"):
        fitted.simulate(PENDULUM.sample(1), times)


def test_settings_are_checked():
    with pytest.raises(InputError, match="scalars, emlp, mlp"):
        HamiltonianNN(net="emlp2")
    with pytest.raises(InputError, match="hidden"):
        NeuralODE(hidden=())
    with pytest.raises(InputError, match="device"):
        NeuralODE(device="abacus")
    with pytest.raises(InputError, match="fit"):
        NeuralODE().simulate(PENDULUM.sample(1), TIMES)


def oscillators(samples: int = 20) -> xr.Dataset:
    """Scalar states of no known simulator: dx/dt = v, dv/dt = -x."""
    phase = np.linspace(0, 3, samples)[:, None] + 0.1 * np.arange(6)
    x = Variable("angle", "1", "angle", "x")
    v = Variable("rate", "1/s", "rate", "v")
    dims = ("sample", "time")
    out = xr.Dataset({"angle": (dims, np.sin(phase), x.attrs()), "rate": (dims, np.cos(phase), v.attrs())})
    time = ("time", 0.1 * np.arange(6), {"units": "s"})
    return out.assign_coords(time=time).assign_attrs(provenance("oscillators", "none"))


def test_data_without_vectors_or_parameters():
    data = oscillators()
    model = NeuralODE(net="mlp", hidden=(8,)).fit(data, steps=200)
    run = model.simulate(data.isel(time=0), 0.1 * np.arange(6))
    np.testing.assert_allclose(run.angle, data.angle, atol=1e-3)
    assert not model.signature.dimensionless
    with pytest.raises(InputError, match="tensor order 1"):
        NeuralODE().fit(data, steps=1)
    with pytest.raises(InputError, match="NeuralODE"):
        HamiltonianNN(net="mlp").fit(data, steps=1)


def test_fields_are_refused():
    data = oscillators().expand_dims(y=[0.0, 1.0], x=[0.0, 1.0]).transpose("sample", "time", "y", "x")
    data = data.assign_coords({dim: data[dim].assign_attrs(units="m") for dim in ("y", "x")})
    with pytest.raises(InputError, match="field-net"):
        NeuralODE(net="mlp").fit(data, steps=1)


def test_saved_and_loaded_to_the_last_bit(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    again = load(tmp_path / "run")
    start = PENDULUM.sample(3, seed=5)
    xr.testing.assert_equal(again.simulate(start, TIMES), fitted.simulate(start, TIMES))
    xr.testing.assert_equal(again.starts, fitted.starts)
    assert again.signature == fitted.signature
    assert again.provenance == json.loads(json.dumps(fitted.provenance))
    with pytest.raises(InputError, match="finished"):
        fitted.save(tmp_path / "run")
    fitted.save(tmp_path / "run", force=True)


def test_damaged_models_are_refused(fitted, tmp_path):
    path = fitted.save(tmp_path / "run")
    weights = (path / "weights.safetensors").read_bytes()
    for damage in (weights[:-8], weights[:100], b"", bytes(len(weights))):
        (path / "weights.safetensors").write_bytes(damage)
        with pytest.raises(SchemaError, match=r"damaged|weights"):
            load(path)
    (path / "weights.safetensors").write_bytes(weights)
    load(path)
    text = (path / "model.json").read_text()
    for damage in (
        text[:50],
        "{}",
        text.replace('"signature"', '"autograph"'),
        text.replace("HamiltonianNN", "Oracle"),
    ):
        (path / "model.json").write_text(damage)
        with pytest.raises(SchemaError, match="damaged"):
            load(path)
    with pytest.raises(InputError, match="expected a folder with a fitted model"):
        load(tmp_path / "nowhere")


BLOW_UP = """
import numpy as np, simulators, torch
from physym.models import NeuralODE
pendulum = simulators.SpringPendulum()
start = pendulum.sample(4)
model = NeuralODE(hidden=(4,)).fit(pendulum.simulate(start, [0.0, 0.1, 0.2]), steps=1)
fast = torch.tensor([0.1, 0.1, 2.0, 0.1], dtype=torch.float64)[:, None]
model.law = lambda z, context, train=False: fast * z * z.abs()
for options in ({}, {"method": "gauss-legendre"}):
    try:
        model.simulate(start, np.arange(0, 30, 0.2), **options)
        print("finished")
    except simulators.DivergenceError as error:
        print(error.sample, 0 < error.time < 3)
"""


@pytest.mark.parametrize("flags", [[], ["-O"]])
def test_blow_ups_say_when_and_where_even_without_asserts(flags):
    done = subprocess.run(
        [sys.executable, *flags, "-c", BLOW_UP], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.splitlines() == ["2 True", "2 True"], done.stderr


def test_not_a_number_is_a_fault(data):
    model = randomised(NeuralODE(), data)
    with torch.no_grad():
        next(model.network.parameters()).fill_(float("nan"))
    with pytest.raises(DivergenceError, match="sample 0 left the finite numbers at time 0"):
        model.simulate(PENDULUM.sample(2), TIMES)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", [HamiltonianNN, NeuralODE])
def test_cuda_answers_as_the_cpu(kind, data, tmp_path):
    model = kind(device="cuda").fit(data, steps=60)
    model.save(tmp_path / "run")
    start = PENDULUM.sample(3, seed=5)
    here = load(tmp_path / "run").simulate(start, TIMES)
    there = load(tmp_path / "run", device="cuda").simulate(start, TIMES)
    assert relative(there, here) < 1e-7
