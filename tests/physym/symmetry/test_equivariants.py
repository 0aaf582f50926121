"""Equivariant vector functions: the generalised cross product, and sums of vectors weighted by invariants."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from physym.symmetry import SO, SU, Lorentz, O, Sp, U
from physym.symmetry.vectors.equivariants import basis_vectors, cross, equivariant
from physym.symmetry.vectors.forms import form_of
from physym.symmetry.vectors.invariants import gram, invariants
from simulators.errors import InputError

GROUPS = [
    O(1), O(3), SO(1), SO(2), SO(3), SO(4), Lorentz(1), Lorentz(3), Lorentz(3, proper=True), Sp(2), Sp(4), U(2), SU(2),
    SU(3),
]  # fmt: skip


def draw(group, count, rng, lead=()):
    shape = (*lead, count, group.dim)
    vectors = rng.standard_normal(shape)
    return vectors + 1j * rng.standard_normal(shape) if group.complex else vectors


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
def test_the_cross_product_turns_with_its_determinant(dim):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((dim - 1, dim))
    c = cross(vectors)
    np.testing.assert_allclose(vectors @ c, 0.0, atol=1e-13)
    np.testing.assert_allclose(c @ c, np.linalg.det(gram(vectors)), rtol=1e-12)
    seen = set()
    for _ in range(100):
        q = O(dim).random(rng)
        sign = np.sign(np.linalg.det(q))
        seen.add(sign)
        np.testing.assert_allclose(cross(vectors @ q.T), sign * (q @ c), atol=1e-10 * np.linalg.norm(c))
    assert seen == {-1.0, 1.0}


def test_the_cross_product_of_two_vectors_is_the_usual_one():
    a, b = np.random.default_rng(1).standard_normal((2, 20, 3))
    np.testing.assert_allclose(cross(np.stack([a, b], axis=-2)), np.cross(a, b), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(cross([[1.0, 0.0]]), [-0.0, 1.0])
    np.testing.assert_array_equal(cross(np.zeros((0, 1))), [1.0])


@pytest.mark.parametrize("group", [SO(3), Lorentz(3, proper=True), SU(2), SU(3)], ids=repr)
def test_the_cross_product_is_dual_to_the_determinant(group):
    rng = np.random.default_rng(2)
    vectors, other = draw(group, group.dim - 1, rng), draw(group, 1, rng)
    c = cross(vectors, group)
    product = form_of(group).products(c[None], other)[0, 0]
    np.testing.assert_allclose(product, np.linalg.det(np.concatenate([vectors, other])), rtol=1e-10)
    length = form_of(group).products(c[None], c[None])[0, 0]
    volume = np.linalg.det(form_of(group).products(vectors, vectors)) / np.linalg.det(form_of(group).matrix)
    np.testing.assert_allclose(length, volume, rtol=1e-10)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("count", [1, 4])
def test_a_hundred_elements_carry_the_function_along(group, count):
    rng = np.random.default_rng(3)
    vectors = draw(group, count, rng)
    weights = rng.standard_normal((len(basis_vectors(vectors, group)), invariants(vectors, group).shape[-1]))
    weights = weights * (1 + 0.5j) if group.complex else weights

    def coefficients(scalars):
        return 1.0 + np.tanh(scalars) @ weights.T

    before = equivariant(vectors, coefficients, group)
    assert np.linalg.norm(before) > 1e-3
    for _ in range(100):
        g = group.random(rng)
        boost = np.linalg.norm(g, 2)
        after = equivariant(vectors @ g.T, coefficients, group)
        np.testing.assert_allclose(after, g @ before, rtol=0, atol=1e-11 * boost * np.abs(before).max())


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_the_basis_spans_what_an_independent_count_says(group):
    """For generic vectors, as many as make the group move them freely, equivariants span all of the space."""
    vectors = draw(group, group.dim, np.random.default_rng(4))
    assert np.linalg.matrix_rank(basis_vectors(vectors, group)) == group.dim
    few = basis_vectors(vectors[: group.dim - 1], group)
    assert np.linalg.matrix_rank(few) == (group.dim if form_of(group).volume else group.dim - 1)


def test_without_the_metric_the_cross_product_of_space_time_is_not_equivariant():
    rng = np.random.default_rng(5)
    vectors, g = rng.standard_normal((3, 4)), Lorentz(3, proper=True).random(rng)
    lowered, lowered_after = cross(vectors), cross(vectors @ g.T)
    assert np.abs(lowered_after - g @ lowered).max() > 0.1
    raised, raised_after = (cross(v, Lorentz(3, proper=True)) for v in (vectors, vectors @ g.T))
    np.testing.assert_allclose(raised_after, g @ raised, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("group", [SO(1), SO(3), SU(2), Lorentz(3, proper=True)], ids=repr)
def test_torch_agrees_with_numpy_in_batches_and_differentiates(group):
    vectors = draw(group, 4, np.random.default_rng(6), (2, 3))
    tensor = torch.tensor(vectors, requires_grad=True)
    found = basis_vectors(tensor, group)
    wanted = basis_vectors(vectors, group)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(wanted[1, 2], basis_vectors(vectors[1, 2], group), rtol=1e-12, atol=1e-12)
    value = equivariant(tensor, lambda s: s.sum(-1, keepdim=True).expand(*s.shape[:-1], wanted.shape[-2]), group)
    value.abs().square().sum().backward()
    assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((3, 3)), r"expected d - 1 vectors of d components"),
        (np.zeros(3), r"expected d - 1 vectors of d components"),
        ([[np.nan, 1.0]], "expected finite numbers"),
        ([[1.0], [1.0, 2.0]], "vectors: expected one array of numbers, given lists of several lengths"),
    ],
)
def test_what_has_no_cross_product(vectors, message):
    with pytest.raises(InputError, match=message):
        cross(vectors)


def test_as_many_coefficients_as_vectors():
    with pytest.raises(InputError, match=r"expected weights \(2,\), one for each basis vector, given the shape \(3,\)"):
        equivariant(np.eye(2), lambda scalars: scalars, O(2))


@pytest.mark.parametrize("coefficients", [None, np.ones(2)], ids=["none", "array"])
def test_coefficients_that_are_no_function(coefficients):
    with pytest.raises(InputError, match="coefficients: expected a function from invariants to weights, given"):
        equivariant(np.eye(2), coefficients, O(2))


def test_coefficients_of_numpy_for_vectors_of_torch():
    with pytest.raises(InputError, match="coefficients: expected weights of torch, as the vectors are, given ndarray"):
        equivariant(torch.eye(2, requires_grad=True), lambda scalars: np.ones(2), O(2))
