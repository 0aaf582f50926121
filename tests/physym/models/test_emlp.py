"""Equivariant perceptrons: exact under their groups whatever the weights, and models of bodies that use them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray as xr
from torch.nn.utils import parameters_to_vector

from physym.cli import main
from physym.models import HamiltonianNN, NeuralODE, load
from physym.models.chosen_group import placed
from physym.models.equivariant import EquivariantLinear, EquivariantMLP, frozen
from physym.symmetry import (
    PSEUDO,
    SO,
    SU,
    AboutAxis,
    Lorentz,
    MatrixGroup,
    O,
    Rosette,
    S,
    T,
    V,
    act,
    equivariant_basis,
)
from physym.units import rescale
from simulators import LogUniform, SpringPendulum
from simulators.errors import InputError, SchemaError
from simulators.schema import write

ABOUT = [AboutAxis(O(2)), AboutAxis(SO(2)), AboutAxis(Rosette(2)), AboutAxis(Rosette(6), axis=(1.0, -2.0, 0.5))]
GROUPS = [*ABOUT, O(3), SO(3), O(2), S(4), Lorentz(3)]
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


def through(module: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    return module(torch.tensor(x)).detach().numpy()


def broken(module, group, rep_in, rep_out, elements=100) -> float:
    """The largest violation of equivariance, relative to the outputs and the size of the elements."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, rep_in.dim(group)))
    y = through(module, x)
    some = [group.random(rng) for _ in range(elements)]
    moved = through(module, np.array([rep_in.act(g, x) for g in some]))
    wanted = np.array([rep_out.act(g, y) for g in some])
    sizes = [max(1.0, np.linalg.norm(g, 2)) ** (rep_in.degree + rep_out.degree) for g in some]
    return float((np.abs(moved - wanted).max(axis=(1, 2)) / sizes).max() / np.abs(y).max())


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_nets_commute_with_their_group(group):
    """With types in no order, pseudotensors and duals among them."""
    rep_in, rep_out = V + 2 * T(0) + T(2) + V + PSEUDO, T(2) + V + T(0) + V.dual + PSEUDO * V
    for module in (
        EquivariantLinear(group, rep_in, rep_out),
        EquivariantMLP(group, rep_in, rep_out, hidden=8),
        EquivariantMLP(group, rep_in, rep_out, hidden=(V + 4 * T(0) + PSEUDO + T(2) + PSEUDO * V, 3 * T(0) + V)),
    ):
        randomised(module)
        assert broken(module, group, rep_in, rep_out) < 1e-10


def test_equivariance_is_not_trivial():
    """The same net is not equivariant under more than its group, and its outputs are not constant."""
    rep = 2 * V
    net = randomised(EquivariantMLP(AboutAxis(SO(2)), rep, V, hidden=8))
    assert broken(net, AboutAxis(SO(2)), rep, V) < 1e-10
    assert broken(net, AboutAxis(O(2)), rep, V) > 1e-3
    assert broken(net, SO(3), rep, V) > 1e-3
    assert broken(randomised(EquivariantMLP(AboutAxis(Rosette(2)), rep, V, hidden=8)), ABOUT[0], rep, V) > 1e-3


def test_linear_maps_are_all_that_commute():
    """As many weights as basis maps; and a given equivariant map, whatever it is, is reached exactly."""
    group, rep_in, rep_out = AboutAxis(O(2)), V + T(0) + V + T(2), T(2) + V + T(0) + V
    linear = EquivariantLinear(group, rep_in, rep_out)
    basis = equivariant_basis(group, rep_in, rep_out)
    assert sum(p.numel() for name, p in linear.named_parameters() if "_" in name.split(".")[-1]) == len(basis)
    count = parameters_to_vector(linear.parameters()).numel()
    weights = []
    with torch.no_grad():
        for unit in torch.eye(count, dtype=torch.float64):
            torch.nn.utils.vector_to_parameters(unit, linear.parameters())
            weights.append(linear.weight().reshape(-1).numpy().copy())
    spanned = np.linalg.matrix_rank(np.array(weights), tol=1e-9)
    assert spanned == len(basis)
    assert np.linalg.matrix_rank(np.concatenate([weights, basis.reshape(len(basis), -1)]), tol=1e-9) == len(basis)


@pytest.mark.parametrize("group", [O(3), AboutAxis(O(2)), S(5)], ids=repr)
def test_variance_is_kept(group):
    rep = 40 * V + 40 * T(0) + 10 * T(2)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    y = through(EquivariantLinear(group, rep, rep), rng.standard_normal((500, rep.dim(group))))
    size = group.dim
    for begin, end in ((0, 40 * size), (40 * size, 40 * size + 40), (40 * size + 40, y.shape[1])):
        assert 0.6 < y[:, begin:end].std() < 1.6


def test_an_invariant_net_sees_lengths():
    """Without products O(3) would leave no scalar of two vectors but a constant."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((100, 6)))
    wanted = (x[:, :3] * x[:, 3:]).sum(1, keepdim=True)
    torch.manual_seed(0)
    net = EquivariantMLP(O(3), 2 * V, T(0), hidden=8, layers=1)
    optimiser = torch.optim.LBFGS(net.parameters(), max_iter=40, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = (net(x) - wanted).square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    assert float(loss().detach()) < 1e-2


def test_frozen_nets_are_the_same_and_thaw():
    group, rep = AboutAxis(SO(2)), 2 * V + T(0)
    net = randomised(EquivariantMLP(group, rep, V, hidden=8))
    x = np.random.default_rng(0).standard_normal((2, 3, 7))
    wanted = through(net, x)
    with frozen(net):
        np.testing.assert_array_equal(through(net, x), wanted)
    randomised(net, seed=1)
    assert np.abs(through(net, x) - wanted).max() > 1e-3
    assert through(net, x[:0]).shape == (0, 3, 3)


def test_single_precision():
    net = EquivariantMLP(O(3), 2 * V, V, hidden=8, dtype=torch.float32)
    assert net(torch.zeros(3, 6, dtype=torch.float32)).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EquivariantLinear(SU(2), V, V), "expected one of real matrices"),
        (lambda: EquivariantLinear("O(3)", V, V), "expected one of real matrices such as SO\\(3\\), given 'O\\(3\\)'"),
        (lambda: EquivariantLinear(O(3), 3, V), "representation: expected one made of T, V and PSEUDO"),
        (lambda: EquivariantMLP(O(3), V, 0 * V), "not empty, given 0"),
        (lambda: EquivariantMLP(O(3), V, V, hidden=0), "hidden: expected widths >= 1"),
        (lambda: EquivariantMLP(O(3), V, V, hidden=()), "hidden: expected at least one layer"),
        (lambda: EquivariantMLP(O(3), V, V, hidden=(8,), layers=2), "layers: expected none beside"),
        (lambda: EquivariantMLP(O(3), V, V, layers=0), "layers: expected an integer >= 1, given 0"),
        (lambda: EquivariantMLP(O(3), V, V)(torch.zeros(2)), "x: expected 3 components .*, given the shape \\(2,\\)"),
        (lambda: EquivariantLinear(O(3), V, V)(torch.zeros(2, 4)), "x: expected 3 components"),
        (lambda: HamiltonianNN(net="emlp", group="D0"), "group: expected O\\(3\\), SO\\(3\\), O\\(2\\), .* given 'D0'"),
        (lambda: HamiltonianNN(net="emlp", group=3), "group: expected .* given 3"),
        (lambda: HamiltonianNN(group="D6"), "group: expected beside net='emlp', given 'D6' beside net='scalars'"),
        (lambda: NeuralODE(net="emlp", group=Lorentz(2)), "expected a group of orthogonal matrices"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


# models of bodies


def chunks(simulator=PENDULUM, samples=12, seed=0) -> xr.Dataset:
    return simulator.simulate(simulator.sample(samples, seed), TIMES, tolerance=1e-10)


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
@pytest.mark.parametrize("group", ["O(2)", "SO(2)", "D2", "D6", "O(3)", "SO(3)"])
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
    if group == "D2":
        assert violation(model, start, [ABOUT[1].random(rng) for _ in range(4)]) > 1e-3


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

    monkeypatch.setattr("physym.models.equivariant.equivariant_basis", turned)
    start = PENDULUM.sample(3, seed=2)
    xr.testing.assert_identical(load(tmp_path / "run").tendency(start), model.tendency(start))


def test_a_damaged_group_is_refused(data, tmp_path):
    fitted(NeuralODE, data, ABOUT[0]).save(tmp_path / "run")
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
    with pytest.raises(InputError, match="expected vectors of 2 components, given 3"):
        NeuralODE(net="emlp", group=O(2)).fit(data, steps=1)


def test_states_without_vectors_are_refused(data):
    angles = data.drop_vars(["position", "momentum"]).assign_attrs(simulator="none")
    state = {"units": "1", "long_name": "angle", "symbol": "a", "tensor_order": 0, "pseudo": 0, "role": "state"}
    angles = angles.assign(angle=(("sample", "time"), np.random.default_rng(0).standard_normal((12, 5)), state))
    with pytest.raises(InputError, match="expected a state of tensor order 1, given none"):
        NeuralODE(net="emlp").fit(angles, steps=1)
