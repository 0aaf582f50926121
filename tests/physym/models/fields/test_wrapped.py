"""The convolution without a padded copy against the padded one, and its adjoint."""

from __future__ import annotations

import pytest
import torch

from physym.models.fields.padding import pad
from physym.models.fields.wrapped import wrapped_convolution, wraps

CONVOLUTIONS = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_it_is_the_padded_convolution(dim, dilation) -> None:
    generator = torch.Generator().manual_seed(dim)
    shapes = [(2, 3, *(7, 8, 6)[:dim]), (4, 3, *(3,) * dim), (4,)]
    given = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    found = wrapped_convolution(*given, dilation)
    wanted = CONVOLUTIONS[dim](pad(given[:1], (dilation,) * dim, "periodic"), *given[1:], dilation=dilation)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    slope = torch.randn(wanted.shape, generator=generator, dtype=torch.float64)
    pairs = (torch.autograd.grad(result, given, slope) for result in (found, wanted))
    for mine, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-11)


def test_only_what_is_asked_for_is_differentiated() -> None:
    fields, weight = torch.randn(1, 2, 6, 6), torch.randn(3, 2, 3, 3, requires_grad=True)
    wrapped_convolution(fields, weight, None, 1).sum().backward()
    assert weight.grad is not None
    assert torch.isfinite(weight.grad).all()
    torch.autograd.gradcheck(
        lambda x: wrapped_convolution(x, weight.detach().double(), None, 2), fields.double().requires_grad_()
    )


def test_which_stencils_it_is_for() -> None:
    assert wraps((4, 4), 3, 1, 2)
    assert not wraps((4, 3), 3, 1, 2)
    assert not wraps((8, 8), 5, 1, 1)
    assert not wraps((8, 8), 3, 3, 1)
