"""Equivariant linear layers and perceptrons: exact under their groups whatever the weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from physym.symmetry import (
    PSEUDO,
    SO,
    SU,
    AboutAxis,
    EquivariantLinear,
    EquivariantMLP,
    Lorentz,
    O,
    Rosette,
    S,
    T,
    V,
    equivariant_basis,
)
from physym.symmetry.linear.layer import frozen
from simulators.errors import InputError

ABOUT = [AboutAxis(O(2)), AboutAxis(SO(2)), AboutAxis(Rosette(2)), AboutAxis(Rosette(6), axis=(1.0, -2.0, 0.5))]
GROUPS = [*ABOUT, O(3), SO(3), O(2), S(4), Lorentz(3)]


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
    for fold, hidden in ((2, 8), (3, 8), (4, 4 * T(0) + 2 * V + 2 * T(2) + T(3))):
        group = AboutAxis(Rosette(fold))
        net = randomised(EquivariantMLP(group, rep, V, hidden=hidden))
        assert broken(net, group, rep, V) < 1e-10
        assert broken(net, AboutAxis(SO(2)), rep, V) > 1e-3


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
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net(torch.zeros(3, 6, dtype=torch.float32)).dtype == torch.bfloat16
    assert net.double()(torch.zeros(3, 6)).dtype == torch.float64


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
        (lambda: EquivariantLinear(O(3), V, V)(np.zeros(3)), "^x: expected a tensor of torch.float64, given ndarray"),
        (
            lambda: EquivariantMLP(O(3), V, V)(np.zeros(3)),
            "x: expected a tensor .* given ndarray; take torch.as_tensor",
        ),
        (lambda: EquivariantMLP(O(3), V, V)([1.0, 2.0, 3.0]), "x: expected a tensor of torch.float64, given list"),
        (lambda: EquivariantMLP(O(3), V, V)(torch.zeros(3).float()), "x: expected .* given torch.float32; take x.to"),
        (lambda: EquivariantMLP(O(3), V, V)(torch.tensor([1, 2, 3])), "x: expected .* given torch.int64; take x.to"),
        (lambda: EquivariantMLP(O(3), V, V, dtype=torch.float32)(torch.zeros(3)), "x: expected .* torch.float32, as"),
        (lambda: EquivariantMLP(O(3), V, V, hidden=None), "hidden: expected widths >= 1 .* given None"),
        (lambda: EquivariantMLP(O(3), V, V, hidden=8.0), "hidden: expected widths >= 1 .* given 8.0"),
        (lambda: EquivariantMLP(O(3), V, V, dtype="float32"), "dtype: expected torch.float64 .* given 'float32'"),
        (lambda: EquivariantLinear(O(3), V, V, dtype=np.float32), "dtype: expected torch.float64 .* given <class"),
        (
            lambda: EquivariantLinear(O(3), V, V, dtype=torch.int64),
            "dtype: expected torch.float64 .* given torch.int64",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_torch_comes_with_the_first_net():
    code = (
        "import sys; from physym.symmetry import *; import physym.symmetry as s; before = 'torch' in sys.modules;"
        "assert 'EquivariantMLP' in dir(s);"
        "s.EquivariantLinear(s.O(3), s.V, s.V); sys.exit(before or 'torch' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
