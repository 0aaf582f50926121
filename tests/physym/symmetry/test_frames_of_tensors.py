"""Frame averages and canonical forms of tensors: their values are those of numpy, and their derivatives are right."""

from __future__ import annotations

import numpy as np
import pytest

from physym.symmetry import SO, O, Product, S
from physym.symmetry.averaging.canonical import canonicalise, canonicalised
from physym.symmetry.averaging.frames import frame_average, frames
from physym.symmetry.linear.representations import PSEUDO, T, V
from simulators.errors import InputError

torch = pytest.importorskip("torch")

COUNT = 4
POINTS = torch.tensor(np.random.default_rng(2).standard_normal((2, COUNT, 3)))
MIXED = T(2) + PSEUDO * V + V.dual
KINDS = [frame_average, canonicalised]
TURNS = [O(3), SO(3), Product(S(COUNT), O(3)), Product(S(COUNT), SO(3))]
CASES = [(S(COUNT), T(0)), *((group, rep) for group in TURNS for rep in (T(0), V, MIXED))]
OCTAHEDRON = torch.tensor(np.concatenate([np.eye(3), -np.eye(3)]))


def net(out=1, *, per_point=False, weights=None, count=COUNT):
    """A function of clouds without symmetry, with its weights (3 count, 6)."""
    rng = np.random.default_rng(1)
    given = torch.tensor(rng.standard_normal((3 * count, 6))) if weights is None else weights
    second = torch.tensor(rng.standard_normal((6, out * (count if per_point else 1))))

    def f(x):
        hidden = torch.tanh(x.reshape(*x.shape[:-2], -1) @ given.to(x.dtype) + 0.3)
        values = hidden @ second.to(x.dtype)
        return values.reshape(*x.shape[:-2], *(count,) * per_point, out)

    return f


def of_numpy(f):
    return lambda x: f(torch.tensor(x)).detach().numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("group", "rep"), CASES, ids=repr)
@pytest.mark.parametrize("translations", [False, True])
def test_values_are_those_of_numpy_and_derivatives_are_right(kind, group, translations, rep):
    """With respect to the points and the weights: gradcheck against differences."""
    per_point = rep != MIXED
    settings = {"per_point": per_point, "positions": rep == V and translations, "translations": translations}
    f = net(rep.dim(3), per_point=per_point)
    averaged = kind(f, group, rep, **settings)
    values = averaged(POINTS)
    wanted = kind(of_numpy(f), group, rep, **settings)(POINTS.numpy())
    np.testing.assert_allclose(values.numpy(), wanted, atol=1e-11)
    mixing = torch.tensor(np.random.default_rng(4).standard_normal(values.shape))
    points = POINTS.clone().requires_grad_()
    np.testing.assert_allclose(averaged(points).detach().numpy(), wanted, atol=1e-11)
    assert torch.autograd.gradcheck(lambda x: (mixing * averaged(x)).sum(), points, atol=1e-5)
    weights = torch.tensor(np.random.default_rng(5).standard_normal((3 * COUNT, 6)), requires_grad=True)

    def of_weights(weights):
        made = net(rep.dim(3), per_point=per_point, weights=weights)
        return (mixing * kind(made, group, rep, **settings)(POINTS)).sum()

    assert torch.autograd.gradcheck(of_weights, weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", [SO(3), Product(S(COUNT), O(3))], ids=repr)
def test_second_derivatives_are_right(kind, group):
    """As forces of a learned energy need them."""
    averaged = kind(lambda x: net()(x)[..., 0], group, translations=True)
    points = POINTS[:1].clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: averaged(x).sum(), points, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_net_can_be_trained_through_it(kind):
    """To the volume of four points, which is no linear function of what it starts from."""
    torch.manual_seed(0)
    inner = torch.nn.Sequential(torch.nn.Flatten(-2), torch.nn.Linear(12, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    model = kind(inner, SO(3), translations=True)
    points = torch.randn(64, 4, 3)
    target = torch.linalg.det(points[:, 1:] - points[:, :1])[:, None]
    optimiser = torch.optim.Adam(inner.parameters(), lr=0.01)
    losses = []
    for _ in range(100):
        optimiser.zero_grad()
        loss = ((model(points) - target) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4
    turn = torch.tensor(SO(3).random(np.random.default_rng(0)), dtype=points.dtype)
    moved = model(points @ turn.T + 2.0)
    np.testing.assert_allclose(moved.detach().numpy(), model(points).detach().numpy(), atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_f_gets_tensors_of_the_type_that_is_given(kind, dtype):
    seen = []

    def f(x):
        seen.append((x.dtype, x.device))
        return net(3)(x)

    values = kind(f, O(3), V)(POINTS.to(dtype))
    assert set(seen) == {(dtype, POINTS.device)}
    assert values.dtype == dtype
    wanted = kind(net(3), O(3), V)(POINTS.to(dtype).double())
    np.testing.assert_allclose(values.double().numpy(), wanted.numpy(), atol=0.1 if dtype == torch.bfloat16 else 1e-5)
    kind(f, O(3), V)(torch.arange(12).reshape(4, 3) ** 2)
    assert seen[-1][0] == torch.get_default_dtype()
    with torch.no_grad():
        assert not kind(f, O(3), V)(POINTS.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize("group", [O(3), SO(3)], ids=repr)
@pytest.mark.parametrize(("count", "translations"), [(1, False), (2, False), (2, True), (3, True)])
def test_clouds_of_few_points_have_derivatives(group, count, translations):
    """They span fewer dimensions than space, as all near them do."""
    points = POINTS[0, :count].clone().requires_grad_()
    f = net(count=count)
    assert torch.autograd.gradcheck(canonicalised(f, group, translations=translations), points, atol=1e-5)
    if count - translations == 2:
        assert torch.autograd.gradcheck(frame_average(f, group, translations=translations), points, atol=1e-5)


def test_clouds_that_may_leave_a_plane_have_none_under_reflections():
    flat = (POINTS[0] * torch.tensor([1.0, 1.0, 0.0])).requires_grad_()
    for group in (O(3), Product(S(COUNT), O(3))):
        assert torch.autograd.gradcheck(frame_average(net(), group), flat, atol=1e-5)
        canonicalised(net(), group)(flat.detach())
        with pytest.raises(InputError, match="expected clouds with derivatives"):
            canonicalised(net(), group)(flat)
    for group in (SO(3), Product(S(COUNT), SO(3))):
        assert torch.autograd.gradcheck(canonicalised(net(), group), flat, atol=1e-5)
    # on a line even rotations leave an axis open
    line = (POINTS[0] * torch.tensor([1.0, 0.0, 0.0])).requires_grad_()
    with pytest.raises(InputError, match="expected clouds with derivatives"):
        canonicalised(net(), SO(3))(line)


def test_derivatives_are_refused_where_axes_have_none():
    f = frame_average(lambda x: x[..., 0].abs().sum(-1), O(3), on_degenerate="accept")
    assert torch.isfinite(f(OCTAHEDRON))
    with pytest.raises(InputError, match="distinct principal axes"):
        f(OCTAHEDRON.clone().requires_grad_())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frames(POINTS, O(3)), "given a tensor of torch; take frame_average or canonicalised"),
        (lambda: canonicalise(POINTS.clone().requires_grad_(), O(3)), "given a tensor of torch; take frame_average"),
        (lambda: canonicalise(POINTS.numpy(), O(3))[1].act(POINTS), "given a tensor of torch; take .detach"),
        (lambda: frame_average(net(), O(3))(POINTS + 0j), r"expected real numbers .*, given torch.complex128"),
        (lambda: frame_average(net(), O(3))(POINTS * np.nan), "points: expected finite numbers"),
        (lambda: frame_average(net(), O(3))(POINTS[0, 0]), r"points: expected real numbers \(..., n, d\)"),
        (lambda: frame_average(net(), O(2))(POINTS), r"group: expected O\(3\)"),
        (lambda: frame_average(net(2), O(3), V)(POINTS), "expected 3 entries of V"),
        (lambda: frame_average(lambda x: x.sum(), O(3))(POINTS), r"batch of the shape \(2,\), given the shape \(\)"),
        (lambda: frame_average(lambda x: x.numpy(), O(3), V)(POINTS), "f: expected tensors of torch for tensors"),
        (lambda: canonicalised(lambda x: torch.tensor(x), O(3), V)(POINTS.numpy()), "f: expected arrays of numpy for"),
        (lambda: torch.func.vmap(frame_average(net(), O(3)))(POINTS), "take derivatives by torch.autograd"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
