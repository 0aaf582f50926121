"""The residuals vanish for the law that made the data, with the order that their method has."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from physym.models.shooting import defect, flow, shoot, substeps_needed


def pendulum(z: torch.Tensor) -> torch.Tensor:
    return torch.stack([z[..., 1], -torch.sin(z[..., 0])], dim=-1)


def exact(start: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    rows = [start]
    for h in torch.diff(times):
        rows.append(flow(pendulum, rows[-1], h, 64))
    return torch.stack(rows, dim=1)


START = torch.tensor([[1.0, 0.5], [-2.0, 1.0], [0.3, -1.5]], dtype=torch.float64)


@pytest.mark.parametrize(("method", "order", "steps"), [("defect", 6, (0.2, 0.1)), ("shoot", 8, (0.8, 0.2))])
def test_observed_order(method, order, steps):
    errors = []
    for h in steps:
        z = exact(START, h * torch.arange(3, dtype=torch.float64))
        dt = torch.full((1, 2, 1), h, dtype=torch.float64)
        residual = defect(pendulum, z, dt) if method == "defect" else shoot(pendulum, z, dt, 1)
        errors.append(float(residual.norm()) / h)
    assert abs(np.log(errors[0] / errors[1]) / np.log(steps[0] / steps[1]) - order) < 0.2


def test_residual_of_a_wrong_law_is_its_error():
    h = 0.1
    z = exact(START, h * torch.arange(5, dtype=torch.float64))
    dt = torch.full((1, 4, 1), h, dtype=torch.float64)

    def wrong(state: torch.Tensor) -> torch.Tensor:
        return pendulum(state) + torch.tensor([0.0, 1e-3], dtype=torch.float64)

    for residual in (defect(wrong, z, dt), shoot(wrong, z, dt, 1)):
        assert torch.allclose(residual[..., 1], torch.tensor(-1e-3 * h, dtype=torch.float64), rtol=0.01)


def test_substeps_follow_the_step():
    scale = torch.ones(2, dtype=torch.float64)
    needed = []
    for h in (0.05, 2.0, 8.0):
        z = exact(START, h * torch.arange(4, dtype=torch.float64))
        z = z + 1e-7 * torch.sin(1e3 * z)
        needed.append(substeps_needed(pendulum, z, torch.full((1, 3, 1), h, dtype=torch.float64), scale, 0.2))
    assert needed[0] == 0
    assert 1 <= needed[1] <= needed[2]
    assert needed[2] >= 4
