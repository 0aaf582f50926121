"""Averages of functions of torch: as those of numpy, with derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from physym.symmetry import SO, Hyperoctahedral, U, Z
from physym.symmetry.averaging.reynolds import average
from physym.symmetry.linear.representations import T, V
from simulators.errors import InputError

torch = pytest.importorskip("torch")


def test_functions_of_torch_and_their_derivatives():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(6, 8, generator=generator, dtype=torch.float64)
    second = torch.randn(8, 3, generator=generator, dtype=torch.float64)

    def net(x):
        return torch.tanh(x @ first) @ second

    def same(x):
        return np.tanh(x @ first.numpy()) @ second.numpy()

    group = Hyperoctahedral(3)
    averaged = average(net, group, 2 * V, V)
    x = torch.randn(4, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    values = averaged(x)
    np.testing.assert_allclose(values.detach().numpy(), average(same, group, 2 * V, V)(x.detach().numpy()), atol=1e-13)
    values.sum().backward()
    assert torch.isfinite(x.grad).all()
    for g in group.elements()[::7]:
        turned = averaged(x.detach() @ x.new_tensor((2 * V).matrix(g)).T)
        np.testing.assert_allclose(turned.detach().numpy(), values.detach().numpy() @ g.T, atol=1e-12)
    mean, error = average(lambda x: net(x)[..., 0], SO(3), 2 * V, T(0), samples=10).with_error(x.detach())
    assert mean.shape == error.shape == (4,)


def test_integers_and_real_numbers_are_taken_as_what_they_have_to_be():
    """As numpy takes them: integers and truth values as floats, real ones as complex where the group is."""
    whole = torch.tensor([1, 2, 3, 4])
    found = average(lambda x: x[..., 0] ** 2, Z(4), V, T(0))(whole)
    assert found == 7.5
    assert found.dtype == torch.get_default_dtype()
    assert average(lambda x: x[..., 0] ** 2, Z(4), V, T(0))(whole.double()) == 7.5
    # truth values and integers that f gives
    for given in (whole.double(), whole.double().numpy()):
        assert float(average(lambda x: x[..., 0] > 2.5, Z(4), V, T(0))(given)) == 0.5
        assert float(average(lambda x: (x > 2.5).sum(-1), Z(4), V, T(0))(given)) == 2.0
    real = np.array([1.0, 2.0, 3.0])
    averaged = average(lambda x: abs(x[..., 0]) ** 2, U(3), V, T(0), samples=50)
    np.testing.assert_allclose(averaged(torch.tensor(real)).numpy(), averaged(real), rtol=1e-13)
    wanted = average(lambda x: x * abs(x), U(3), V, V, samples=50)(real)
    found = average(lambda x: x * abs(x), U(3), V, V, samples=50)(torch.tensor(real, dtype=torch.float32))
    assert found.dtype == torch.complex64
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5)


def test_single_precision_is_no_reason_to_refuse():
    x = torch.ones(5, 3, dtype=torch.float32)
    found = average(lambda x: x**3, SO(3), V, V, degree=4)(x)
    np.testing.assert_allclose(found.numpy(), 9 / 5 * np.ones((5, 3)), rtol=1e-5)
    with pytest.raises(InputError, match="take a larger degree"):
        average(lambda x: x**3, SO(3), V, V, degree=3)(x)
