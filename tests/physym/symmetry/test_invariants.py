"""Invariants of vectors: invariance under the classical groups, completeness by ranks, relations between them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from physym.symmetry import SO, SU, D, Lorentz, O, Sp, U
from physym.symmetry.vectors.equivariants import cross
from physym.symmetry.vectors.forms import Form, form_of
from physym.symmetry.vectors.invariants import determinants, gram, invariant_names, invariants
from simulators.errors import InputError

GROUPS = [
    O(1), O(2), O(3), O(5), SO(1), SO(2), SO(3), SO(4), Lorentz(1), Lorentz(3), Lorentz(3, proper=True), Sp(2), Sp(4),
    U(1), U(2), U(3), SU(2), SU(3),
]  # fmt: skip


def draw(group, count, rng, lead=()):
    shape = (*lead, count, group.dim)
    vectors = rng.standard_normal(shape)
    return vectors + 1j * rng.standard_normal(shape) if group.complex else vectors


def rank(function, start):
    """The rank of the Jacobian at a point, by differentiation in torch."""
    jacobian = torch.autograd.functional.jacobian(function, start.reshape(-1))
    return int(torch.linalg.matrix_rank(jacobian, tol=1e-9 * float(jacobian.abs().max())))


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_hundred_elements_change_nothing(group, count):
    rng = np.random.default_rng(0)
    vectors = draw(group, count, rng)
    before = invariants(vectors, group)
    assert before.dtype == np.float64
    assert before.shape == (len(invariant_names(count, group)),)
    for _ in range(100):
        g = group.random(rng)
        after = invariants(vectors @ g.T, group)
        size = np.linalg.norm(g, 2) * np.abs(vectors).max() ** 2
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-11 * size)


def test_other_elements_do_change_them():
    """A reflection flips the determinants alone; a scaling, and a boost for O(4), change everything."""
    rng = np.random.default_rng(1)
    vectors, mirror = draw(SO(3), 4, rng), np.diag([1.0, 1.0, -1.0])
    before, after = invariants(vectors, SO(3)), invariants(vectors @ mirror, SO(3))
    np.testing.assert_allclose(after, before * np.where(np.arange(14) < 10, 1, -1))
    four = draw(O(4), 3, rng)
    boost = Lorentz(3).random(rng)
    assert np.abs(invariants(four @ boost.T, O(4)) - invariants(four, O(4))).min() > 1e-3
    phase = draw(U(2), 3, rng)
    turned = invariants(np.exp(0.3j) * phase, SU(2)) - invariants(phase, SU(2))
    assert np.abs(turned[:9]).max() < 1e-12 < 1e-2 < np.abs(turned[9:]).min()


@pytest.mark.parametrize(
    ("group", "count", "wanted"),
    [
        (O(3), 2, 3), (O(3), 3, 6), (O(3), 5, 12), (O(2), 3, 5), (Lorentz(3), 5, 14), (Sp(4), 5, 10), (U(2), 5, 16),
        (SO(3), 5, 12), (SU(2), 5, 17), (SO(2), 3, 5), (Sp(2), 3, 3),
    ],
    ids=repr,
)  # fmt: skip
def test_their_generic_rank_is_the_dimension_of_the_quotient(group, count, wanted):
    rng = np.random.default_rng(2)
    parts = 2 if group.complex else 1

    def function(flat):
        vectors = flat.reshape(count, group.dim, parts)
        return invariants(torch.view_as_complex(vectors) if group.complex else vectors[..., 0], group)

    assert rank(function, torch.tensor(rng.standard_normal(count * group.dim * parts))) == wanted
    # dimension of the vectors less that of the group, where it moves them freely
    assert wanted == parts * count * group.dim - len(group.lie_algebra()) or count < group.dim


def test_relations_between_them():
    rng = np.random.default_rng(3)
    for size in (1, 2, 3, 4):
        vectors = rng.standard_normal((20, size, size))
        np.testing.assert_allclose(determinants(vectors)[:, 0] ** 2, np.linalg.det(gram(vectors)), rtol=1e-9)
    events = rng.standard_normal((20, 4, 4))
    np.testing.assert_allclose(
        np.linalg.det(gram(events, Lorentz(3))), -(determinants(events)[:, 0] ** 2), rtol=1e-8, atol=1e-9
    )
    g = gram(events, Sp(4))
    pfaffian = g[:, 0, 1] * g[:, 2, 3] - g[:, 0, 2] * g[:, 1, 3] + g[:, 0, 3] * g[:, 1, 2]
    np.testing.assert_allclose(np.abs(pfaffian), np.abs(determinants(events)[:, 0]), rtol=1e-9, atol=1e-10)
    np.testing.assert_array_less(0, -pfaffian * determinants(events)[:, 0])
    spinors = rng.standard_normal((20, 2, 2)) + 1j * rng.standard_normal((20, 2, 2))
    np.testing.assert_allclose(
        np.abs(determinants(spinors)[:, 0]) ** 2, np.linalg.det(gram(spinors, U(2))).real, rtol=1e-9, atol=1e-10
    )


def test_shapes_of_gram_matrices():
    rng = np.random.default_rng(4)
    events = rng.standard_normal((2, 3, 5, 4))
    np.testing.assert_allclose(gram(events)[1, 2, 3, 4], events[1, 2, 3] @ events[1, 2, 4])
    minkowski = gram(events, Lorentz(3))
    a, b = events[0, 0, 1], events[0, 0, 2]
    np.testing.assert_allclose(minkowski[0, 0, 1, 2], a[0] * b[0] - a[1:] @ b[1:])
    skew = gram(events, Sp(4))
    np.testing.assert_allclose(skew[0, 0, 1, 2], a[:2] @ b[2:] - a[2:] @ b[:2])
    np.testing.assert_array_equal(skew, -np.swapaxes(skew, -1, -2))
    z = draw(U(3), 4, rng)
    np.testing.assert_allclose(gram(z, U(3))[0, 1], z[0].conj() @ z[1])
    np.testing.assert_allclose(gram(z, U(3)), gram(z, U(3)).conj().T)


def test_null_vectors_share_their_minkowski_product_with_zero():
    light, nothing = np.array([[1.0, 1.0, 0.0, 0.0]]), np.zeros((1, 4))
    np.testing.assert_array_equal(invariants(light, Lorentz(3)), invariants(nothing, Lorentz(3)))
    assert not np.array_equal(invariants(light, O(4)), invariants(nothing, O(4)))


def test_names_say_what_the_numbers_are():
    rng = np.random.default_rng(5)
    for group in (O(2), SO(2), Sp(2), U(2), SU(2)):
        vectors = draw(group, 3, rng)
        form = form_of(group)
        for name, value in zip(invariant_names(3, group), invariants(vectors, group), strict=True):
            part, _, inner = name.rpartition(" ")
            kind, picked = ("det", inner[4:-1]) if inner.startswith("det") else ("product", inner[1:-1])
            rows = [int(one[1:]) - 1 for one in picked.split(",")]
            whole = np.linalg.det(vectors[rows]) if kind == "det" else form.products(vectors, vectors)[tuple(rows)]
            np.testing.assert_allclose(value, whole.imag if part == "Im" else whole.real)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_torch_agrees_with_numpy_and_differentiates(group):
    vectors = draw(group, 4, np.random.default_rng(6), (2,))
    tensor = torch.tensor(vectors, requires_grad=True)
    found = invariants(tensor, group)
    np.testing.assert_allclose(found.detach().numpy(), invariants(vectors, group), rtol=1e-12, atol=1e-12)
    found.square().sum().backward()
    assert torch.isfinite(tensor.grad).all()
    assert tensor.grad.abs().max() > 0


def test_whole_numbers_and_real_ones_under_a_complex_form():
    whole = torch.tensor([[1, 2], [3, 4], [5, 6]])
    np.testing.assert_allclose(invariants(whole, SO(2)), invariants(whole.numpy(), SO(2)), rtol=1e-14)
    form = Form(np.array([[2.0, 1j], [-1j, 1.0]]), hermitian=True, volume=True)
    np.testing.assert_allclose(invariants(whole, form).numpy(), invariants(whole.numpy(), form), atol=1e-12)
    assert invariants(whole, form).shape == (len(invariant_names(3, form)),)


def test_single_precision_stays_single():
    vectors = np.ones((3, 2), np.float32)
    assert invariants(torch.tensor(vectors), SO(2)).dtype == torch.float32


def test_a_form_stands_for_a_group_without_a_name():
    metric = np.diag([1.0, 1.0, -1.0, -1.0])
    form, rng = Form(metric), np.random.default_rng(7)
    from scipy.linalg import expm

    a = rng.standard_normal((4, 4))
    g = expm(metric @ (a - a.T) / 2)
    assert form.kept_by(g) < 1e-13 < 1e-3 < form.kept_by(2 * g)
    vectors = rng.standard_normal((3, 4))
    np.testing.assert_allclose(invariants(vectors @ g.T, form), invariants(vectors, form), atol=1e-11)
    assert not form.skew
    assert form_of(Sp(4)).skew
    assert not form_of(U(1)).skew


@pytest.mark.parametrize(
    ("vectors", "group", "message"),
    [
        (np.zeros(3), O(3), r"expected an array \(..., n, 3\), given the shape \(3,\)"),
        (np.zeros((2, 4)), O(3), r"expected an array \(..., n, 3\), given the shape \(2, 4\)"),
        (np.full((2, 3), np.nan), O(3), "expected finite numbers"),
        ([[np.inf, 0.0]], U(2), "expected finite numbers"),
        (np.zeros((2, 3)) + 1j, O(3), "take U or SU"),
        (torch.zeros(2, 3, dtype=torch.complex128), SO(3), "take U or SU"),
        (np.full((2, 3), 1e200), O(3), "expected numbers whose products are finite"),
        (np.full((2, 2), 1e200j), U(2), "expected numbers whose products are finite"),
        (1e150 * np.eye(3), SO(3), "expected numbers whose products are finite"),
        ([["a", "b"]], O(2), "expected numbers"),
        ([[1.0, 2.0], [1.0]], O(2), "expected one array of numbers, given lists of several lengths"),
        (np.full((2, 3), np.longdouble("1e400")), O(3), "expected finite numbers"),
        (np.zeros((2, 3)), D(3), "expected O, SO, Lorentz, Sp, U, SU or a Form"),
        (np.zeros((2, 3)), "O(3)", "expected O, SO, Lorentz, Sp, U, SU or a Form"),
    ],
)
def test_what_is_no_input(vectors, group, message):
    with pytest.raises(InputError, match=message):
        invariants(vectors, group)


@pytest.mark.parametrize(
    ("matrix", "options", "message"),
    [
        (np.zeros((2, 3)), {}, "expected a matrix of numbers"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), {}, "expected a symmetric or antisymmetric matrix"),
        (np.array([[0.0, 1.0], [-1.0, 0.0]]), {"hermitian": True}, "expected a Hermitian matrix"),
        (np.diag([1.0, 0.0]), {}, "expected a matrix with an inverse"),
        (np.diag([1.0, 1j]), {}, "say hermitian=True"),
        (np.diag([1.0, np.nan]), {}, "expected finite numbers"),
        ([[1.0], [1.0, 2.0]], {}, "form: expected one array of numbers, given lists of several lengths"),
        (torch.eye(2), {}, "form: expected an array of numpy, given a tensor"),
        ("a", {}, "form: expected numbers, given an array of <U1"),
    ],
)
def test_what_is_no_form(matrix, options, message):
    with pytest.raises(InputError, match=message):
        Form(matrix, **options)


def test_selections_in_order():
    vectors = np.random.default_rng(8).standard_normal((5, 3))
    wanted = [np.linalg.det(vectors[list(rows)]) for rows in itertools.combinations(range(5), 3)]
    np.testing.assert_allclose(determinants(vectors), wanted)
    assert determinants(vectors[:2]).shape == (0,)
    with pytest.raises(InputError, match="expected an array"):
        determinants(3.0)
    for function in (gram, determinants):
        with pytest.raises(InputError, match="vectors: expected one array of numbers, given lists of several lengths"):
            function([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("count", ["2", 2.5, -1, True, None])
def test_what_is_no_number_of_vectors(count):
    with pytest.raises(InputError, match="count: expected the number of vectors, an integer >= 0, given"):
        invariant_names(count, SO(3))


def test_no_vectors_have_no_invariants():
    assert invariant_names(0, SO(3)) == ()
    assert invariants(np.zeros((0, 3)), SO(3)).shape == (0,)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.int8, bool])
def test_precisions_of_numpy_become_double(dtype):
    vectors = np.array([[1, 2], [3, 4], [5, 6]], dtype=dtype)
    for group in (O(2), SO(2)):
        found = invariants(vectors, group)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, invariants(vectors.astype(np.float64), group))
    turning = invariants(vectors.astype(np.clongdouble), SU(2))
    assert turning.dtype == np.float64
    assert cross(vectors[:1]).dtype == np.float64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_of_torch_stays_low(dtype):
    vectors = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=dtype, requires_grad=True)
    found = invariants(vectors, SO(2))
    assert found.dtype == cross(vectors[:1]).dtype == dtype
    np.testing.assert_allclose(found.detach().double(), invariants(vectors.detach().double(), SO(2)), rtol=1e-2)
    found.sum().backward()
    assert vectors.grad.dtype == dtype
