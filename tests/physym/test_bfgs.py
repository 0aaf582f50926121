"""The quasi-Newton minimiser reaches known minima and stops and goes on bit for bit."""

from __future__ import annotations

import itertools

import pytest
import torch

from physym import bfgs
from physym.bfgs import SelfScaledBFGS


def rosenbrock(x: torch.Tensor) -> tuple[float, torch.Tensor]:
    x = x.detach().requires_grad_(True)
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    value.backward()
    return value.item(), x.grad


@pytest.fixture(params=["dense", "limited"], autouse=True)
def memory(request, monkeypatch):
    if request.param == "limited":
        monkeypatch.setattr(bfgs, "DENSE", 0)


@pytest.mark.parametrize("size", [2, 10, 40])
def test_rosenbrock_to_rounding(size):
    run = SelfScaledBFGS(rosenbrock, -torch.ones(size, dtype=torch.float64))
    for _ in range(60 * size):
        run.step()
        if run.stalled:
            break
    assert run.value < 1e-20
    assert torch.allclose(run.x, torch.ones(size, dtype=torch.float64), atol=1e-8)


def test_quadratic_superlinear():
    generator = torch.Generator().manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(20, 20, dtype=torch.float64, generator=generator))
    hessian = q @ torch.diag(torch.logspace(0, 6, 20, dtype=torch.float64)) @ q.T
    run = SelfScaledBFGS(lambda x: (float(0.5 * x @ hessian @ x), hessian @ x), torch.ones(20, dtype=torch.float64))
    first = run.value
    for _ in range(150):
        run.step()
    assert run.value < 1e-16 * first


def test_the_value_never_rises():
    run = SelfScaledBFGS(rosenbrock, torch.linspace(-2, 2, 7, dtype=torch.float64))
    values = [run.value]
    for _ in range(80):
        run.step()
        values.append(run.value)
    assert all(b <= a for a, b in itertools.pairwise(values))


def test_goes_on_bit_for_bit():
    whole = SelfScaledBFGS(rosenbrock, -torch.ones(6, dtype=torch.float64))
    for _ in range(40):
        whole.step()
    part = SelfScaledBFGS(rosenbrock, -torch.ones(6, dtype=torch.float64))
    for _ in range(17):
        part.step()
    state = {name: tensor.clone() for name, tensor in part.state().items()}
    rest = SelfScaledBFGS(rosenbrock, state["x"], state)
    for _ in range(23):
        rest.step()
    assert torch.equal(rest.x, whole.x)
    assert rest.value == whole.value


def test_walls_of_nan_are_turned_back_from():
    def walled(x: torch.Tensor) -> tuple[float, torch.Tensor]:
        if float(x[0]) <= 0:
            return float("nan"), torch.full_like(x, float("nan"))
        return float(x[0] - torch.log(x[0])), 1 - 1 / x

    run = SelfScaledBFGS(walled, torch.tensor([50.0], dtype=torch.float64))
    for _ in range(60):
        run.step()
    assert abs(float(run.x[0]) - 1) < 1e-7


def test_a_minimum_stalls():
    run = SelfScaledBFGS(lambda x: (1.0, torch.zeros_like(x)), torch.ones(3, dtype=torch.float64))
    run.step()
    assert run.stalled
    assert run.value == 1.0
