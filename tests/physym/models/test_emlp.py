"""Models of bodies by equivariant perceptrons: their symmetry, storing them, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray as xr

import physym
from physym.cli import main
from physym.evaluation import evaluate
from physym.models import HamiltonianNN, NeuralODE, load
from physym.models.chosen_group import placed
from physym.symmetry import (
    SO,
    AboutAxis,
    Lorentz,
    MatrixGroup,
    O,
    Rosette,
    act,
    equivariant_basis,
)
from physym.units import rescale
from simulators import LogUniform, SpringPendulum
from simulators.errors import InputError, SchemaError
from simulators.schema import write

PENDULUM = SpringPendulum(stiffness=(1.0, 2.0))
FAMILY = SpringPendulum(mass=LogUniform(0.5, 2), stiffness=LogUniform(0.5, 2), rest_length=LogUniform(0.5, 2), bodies=3)
TIMES = 0.2 * np.arange(5)


def randomised(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Random numbers for all weights, biases too: symmetry must not hang on training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(0.5 * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    return module


def chunks(simulator=PENDULUM, samples=12, seed=0) -> xr.Dataset:
    return simulator.simulate(simulator.sample(samples, seed), TIMES, tolerance=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: HamiltonianNN(net="emlp", group="D0"), "group: expected O\\(3\\), SO\\(3\\), O\\(2\\), .* given 'D0'"),
        (lambda: HamiltonianNN(net="emlp", group=3), "group: expected .* given 3"),
        (lambda: HamiltonianNN(group="D6"), "group: expected beside net='emlp', given 'D6' beside net='scalars'"),
        (lambda: NeuralODE(net="emlp", group=Lorentz(2)), "expected a group of orthogonal matrices"),
        (lambda: HamiltonianNN(hidden=32), "^hidden: expected widths >= 1 .* given 32; take .* hidden=\\(32,\\)$"),
        (lambda: NeuralODE(hidden=None), "hidden: expected widths >= 1 .* given None"),
        (lambda: NeuralODE(hidden=8.0), "hidden: expected widths >= 1 .* given 8.0"),
        (lambda: NeuralODE(hidden=(True,)), "hidden: expected widths >= 1 .* given \\(True,\\)"),
        (lambda: NeuralODE(hidden=np.array([8, 8])), "hidden: expected widths >= 1 .* given array"),
        (lambda: NeuralODE(device=None), "^device: expected one such as 'cpu' or 'cuda', given None$"),
        (lambda: NeuralODE(device=1.5), "device: expected one such as 'cpu' or 'cuda', given 1.5"),
        (lambda: NeuralODE(device="gpu"), "device: expected one that torch can use, given 'gpu'"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return chunks()


def fitted(kind, data, group, hidden=(6, 6)):
    model = kind(net="emlp", group=group, hidden=hidden).fit(data, steps=1)
    randomised(model.network)
    return model


def relative(a: xr.Dataset, b: xr.Dataset) -> float:
    return max(float(np.linalg.norm(a[n] - b[n]) / np.linalg.norm(b[n])) for n in ("position", "momentum"))


def violation(model, start, elements) -> float:
    slope = model.tendency(start)
    return max(relative(model.tendency(act(q, start)), act(q, slope)) for q in elements)


@pytest.mark.parametrize("kind", [HamiltonianNN, NeuralODE])
@pytest.mark.parametrize("group", ["O(2)", "SO(2)", "D2", "D3", "C3", "D6", "O(3)", "SO(3)"])
def test_models_commute_with_their_group_and_not_with_more(kind, group, data):
    model = fitted(kind, data, group)
    own = placed(group, model.signature)[0]
    rng = np.random.default_rng(0)
    start = PENDULUM.sample(5, seed=1)
    assert violation(model, start, [own.random(rng) for _ in range(10)]) < 1e-10
    # gravity turns along: O(2) and SO(2) about it then hold in any orientation
    turns, mirrors = [SO(3).random(rng) for _ in range(3)], [-SO(3).random(rng) for _ in range(3)]
    if group in ("O(2)", "SO(2)", "O(3)", "SO(3)"):
        assert violation(model, start, turns) < 1e-10
    if group in ("O(2)", "O(3)"):
        assert violation(model, start, mirrors) < 1e-10
    if group.startswith("SO"):
        assert violation(model, start, mirrors) > 1e-3
    about = violation(model, start, AboutAxis(SO(2)).random(rng, 4))
    if group in ("D2", "D3", "C3"):
        assert about > 1e-3
    # tensors of order 2 do not tell six directions apart: what commutes with D6 commutes with O(2)
    if group == "D6":
        assert about < 1e-10
        assert violation(model, start, AboutAxis(O(2)).random(rng, 4)) < 1e-10


def checked(model, start=None):
    model.times = model.times[:3]
    report = physym.check(model, start, verbose=False)
    return {line.name: line for line in report.checks}


@pytest.mark.parametrize(
    ("group", "free"),
    [
        ("O(2)", []),
        ("SO(2)", ["reflections"]),
        ("D2", ["reflections", "rotations"]),
        ("C3", ["reflections", "rotations"]),
        ("O(3)", []),
        (SO(3), ["reflections"]),
        (MatrixGroup(discrete=[np.diag([1.0, -1.0, 1.0])], name="mirror"), ["reflections", "rotations"]),
        (AboutAxis(O(2), axis="x"), ["reflections", "rotations"]),
    ],
    ids=repr,
)
def test_the_check_holds_a_model_to_its_group(group, free, data):
    lines = checked(NeuralODE(net="emlp", group=group, hidden=(6, 6)).fit(data, steps=1))
    line = lines[f"equivariance under {group}"]
    assert line.passed
    assert line.error < 1e-11
    assert sorted(name for name, line in lines.items() if line.tolerance == np.inf) == free
    assert all(lines[name].passed for name in ("rotations", "reflections"))


def test_the_check_fails_who_breaks_the_group(data):
    model = NeuralODE(net="emlp", group="D2", hidden=(6, 6)).fit(data, steps=1)
    other = NeuralODE(net="emlp", group="D3", hidden=(6, 6)).fit(data, steps=1)
    model.network.group = model.network.widest = other.network.group
    line = checked(model)["equivariance under D2"]
    assert not line.passed
    assert line.error > 1e-5


def test_a_group_about_gravity_is_that_about_the_gravity_of_the_starts(data):
    model = NeuralODE(net="emlp", group="D3", hidden=(6, 6)).fit(data, steps=1)
    start, turn = PENDULUM.sample(2, seed=1), SO(3).random(0)
    assert checked(model, act(turn, start))["equivariance under D3"].passed
    several = xr.concat([start.gravity, act(turn, start).gravity], "sample")
    with pytest.raises(InputError, match="expected samples with one axis, given several"):
        checked(model, start.assign(gravity=several.assign_attrs(start.gravity.attrs)))


@pytest.mark.parametrize("net", ["scalars", "mlp"])
def test_nets_without_a_group_are_held_to_all_rotations(net, data):
    lines = checked(NeuralODE(net=net, hidden=(6,)).fit(data, steps=1))
    assert {lines[name].passed for name in ("rotations", "reflections")} == {net == "scalars"}
    assert not [name for name, line in lines.items() if "equivariance" in name or line.tolerance == np.inf]


@pytest.mark.parametrize("kind", [HamiltonianNN, NeuralODE])
def test_a_family_of_three_bodies(kind):
    """Parameters that vary are inputs, and gravity of any size and direction, also the opposite one."""
    model = fitted(kind, chunks(FAMILY), "O(2)")
    start = FAMILY.sample(5, seed=1)
    rng = np.random.default_rng(0)
    elements = [*(O(3).random(rng) for _ in range(10)), -np.eye(3), np.diag([1.0, -1.0, -1.0])]
    assert violation(model, start, elements) < 1e-10
    heavier = start.assign(gravity=(1.5 * start.gravity).assign_attrs(start.gravity.attrs))
    assert relative(model.tendency(heavier), model.tendency(start)) > 1e-3
    scaled = rescale(start, kg=7.3, m=0.21, s=3.3)
    rate = model.tendency(start).assign_attrs(start.attrs)
    assert relative(model.tendency(scaled), rescale(rate, kg=7.3, m=0.21, s=3.3)) < 1e-12


def test_other_orientations_of_the_axis():
    """Data in which gravity points along x teach a law about x."""
    sideways = SpringPendulum(stiffness=(1.0, 2.0), gravity=(2.0, 0.0, 0.0))
    model = fitted(HamiltonianNN, chunks(sideways), "SO(2)")
    rng = np.random.default_rng(0)
    own = AboutAxis(SO(2), axis=(1.0, 0.0, 0.0))
    assert violation(model, sideways.sample(4), [own.random(rng) for _ in range(5)]) < 1e-10


GIVEN = [
    "D3",
    AboutAxis(Rosette(4, reflections=False)),
    MatrixGroup(discrete=[np.diag([1.0, -1.0, 1.0])], name="mirror"),
    SO(3),
]


@pytest.mark.parametrize("group", GIVEN, ids=repr)
def test_saved_and_loaded(group, data, tmp_path):
    model = fitted(NeuralODE, data, group)
    model.save(tmp_path / "run")
    again = load(tmp_path / "run")
    start = PENDULUM.sample(3, seed=2)
    xr.testing.assert_identical(again.tendency(start), model.tendency(start))
    assert json.loads((tmp_path / "run" / "model.json").read_text())["settings"] == model.settings()
    rng = np.random.default_rng(0)
    own = placed(again.group, again.signature)[0]
    assert violation(again, start, [own.random(rng) for _ in range(5)]) < 1e-10


def test_weights_mean_the_same_in_whatever_basis_is_computed_later(data, tmp_path, monkeypatch):
    """Another version may find another basis: that of the fit is kept with the weights."""
    model = fitted(HamiltonianNN, data, "O(2)")
    model.save(tmp_path / "run")

    def turned(*arguments):
        basis = equivariant_basis(*arguments)
        mixing = np.linalg.qr(np.random.default_rng(0).standard_normal((len(basis), len(basis))))[0]
        return np.einsum("ab,bij->aij", mixing, basis)

    monkeypatch.setattr("physym.symmetry.linear.layer.equivariant_basis", turned)
    start = PENDULUM.sample(3, seed=2)
    xr.testing.assert_identical(load(tmp_path / "run").tendency(start), model.tendency(start))


def test_a_damaged_group_is_refused(data, tmp_path):
    fitted(NeuralODE, data, AboutAxis(O(2))).save(tmp_path / "run")
    path = tmp_path / "run" / "model.json"
    described = json.loads(path.read_text())
    described["settings"]["group"] = {"name": "O(2)"}
    path.write_text(json.dumps(described))
    with pytest.raises((InputError, SchemaError), match="expected"):
        load(tmp_path / "run")


def test_on_the_command_line(data, tmp_path, capsys):
    write(data, tmp_path / "data.nc")
    words = ["fit", str(tmp_path / "data.nc"), "--model", "neural-ode", "--net", "emlp", "--steps", "1"]
    words += ["--output", str(tmp_path / "run")]
    assert main([*words, "--group", "D6"]) == 0
    assert load(tmp_path / "run").group == "D6"
    capsys.readouterr()
    assert main([*words, "--group", "D2"]) == 2
    assert "group" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "other"), "--group", "D_6"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "expected O(3), SO(3), O(2), SO(2), Dn or Cn such as D6" in lines[0]
    assert not (tmp_path / "other").exists()


def test_a_short_fit_learns():
    model = NeuralODE(net="emlp", hidden=(8, 8)).fit(chunks(samples=20), steps=30)
    mean = model.provenance["training"]["one_step_error"]
    assert mean < 0.1


def test_data_without_an_axis_are_refused(data):
    without = data.drop_vars("gravity").assign_attrs(simulator="none")
    with pytest.raises(InputError, match="expected one vector parameter in space, shared by all samples"):
        NeuralODE(net="emlp").fit(without, steps=1)
    assert fitted(NeuralODE, without, "O(3)").tendency(without.isel(time=0, drop=True)).sizes["sample"] == 12
    told = "expected vectors of 2 components, given 3; take AboutAxis\\(Rosette\\(3\\)\\), or a name such as 'D6'"
    with pytest.raises(InputError, match=told):
        NeuralODE(net="emlp", group=Rosette(3)).fit(data, steps=1)
    assert NeuralODE(net="emlp", group=AboutAxis(Rosette(3)), hidden=(2,)).fit(data, steps=1).group.plane == Rosette(3)


def test_states_without_vectors_are_refused(data):
    angles = data.drop_vars(["position", "momentum"]).assign_attrs(simulator="none")
    state = {"units": "1", "long_name": "angle", "symbol": "a", "tensor_order": 0, "pseudo": 0, "role": "state"}
    angles = angles.assign(angle=(("sample", "time"), np.random.default_rng(0).standard_normal((12, 5)), state))
    with pytest.raises(InputError, match="expected a state of tensor order 1, given none"):
        NeuralODE(net="emlp").fit(angles, steps=1)


def test_an_evaluation_says_what_was_not_promised(data, tmp_path):
    """In words, on the page, and as null in JSON."""
    model = NeuralODE(net="emlp", group="D2", hidden=(4, 4)).fit(data, steps=1)
    found = evaluate(model, data.isel(sample=slice(2)), output=tmp_path / "evaluation")
    rotations = [line for line in str(found).splitlines() if line.strip().startswith("rotations")]
    assert len(rotations) == 1
    assert rotations[0].endswith("-  not promised")
    assert "∞" not in (tmp_path / "evaluation" / "report.html").read_text()
    numbers = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    lines = {line["name"]: line for line in numbers["checks"]}
    assert lines["rotations"]["tolerance"] is None
    assert lines["equivariance under D2"]["passed"]
