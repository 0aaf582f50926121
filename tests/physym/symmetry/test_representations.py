"""Representations: homomorphisms, agreement with Kronecker products and with the derivative at the identity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from physym.symmetry import PSEUDO, SO, Lorentz, O, Rep, S, T, U, V, invariant_basis
from simulators.errors import InputError

REPS = st.recursive(
    st.sampled_from([T(0), V, V.dual, PSEUDO]), lambda inner: st.builds(lambda a, b: a * b, inner, inner), max_leaves=4
)


@given(a=REPS, b=REPS, seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_they_are_homomorphisms_of_sums_and_products(a: Rep, b: Rep, seed: int) -> None:
    rng = np.random.default_rng(seed)
    real = not any(p for rep in (a, b) for _, p in rep.terms)
    for group in (O(2), Lorentz(1), *([U(2)] if real else [])):
        g, h = group.random(rng), group.random(rng)
        for rep in (a + b, a * b, (a + b).dual):
            left, right = rep.matrix(g @ h), rep.matrix(g) @ rep.matrix(h)
            size = np.abs(rep.matrix(g)).max() * np.abs(right).max()
            np.testing.assert_allclose(left, right, atol=1e-10 * (1 + size))
        first, second = a.matrix(g), b.matrix(g)
        np.testing.assert_allclose((a * b).matrix(g), np.kron(first, second), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(a.dual.matrix(g), np.linalg.inv(first).T, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("rep", [V, V.dual, T(2, 1), V + 2 * T(2), V.dual * V])
def test_derivative_is_that_of_the_exponential(rep: Rep) -> None:
    rng, step = np.random.default_rng(0), 1e-5
    a, x = rng.standard_normal((3, 3)), rng.standard_normal((4, rep.dim(3)))
    slope = (rep.act(expm(step * a), x) - rep.act(expm(-step * a), x)) / (2 * step)
    np.testing.assert_allclose(rep.derivative(a, x), slope, atol=1e-7)


def test_character_is_the_trace() -> None:
    rng = np.random.default_rng(1)
    for group in (O(3), U(2), S(4)):
        g = group.random(rng)
        for rep in (T(3), T(2, 1) + V.dual) if group.complex else (T(3), T(2, 1) + PSEUDO * V, V.dual * PSEUDO):
            value = rep.character(np.linalg.eigvals(g))
            np.testing.assert_allclose(value, np.trace(rep.matrix(g)), atol=1e-10)


def test_names_and_sizes() -> None:
    assert repr(V + 2 * T(2) + PSEUDO * V.dual + V.dual * V) == "V + T(2) + T(2) + P*V* + V*⊗V"
    assert repr(0 * V) == "0"
    assert (V + T(2)) ** 2 == T(2) + V * T(2) + T(2) * V + T(4)
    assert ((V + T(2, 1)).dim(3), (V + T(2, 1)).degree, T(0).dim(O(5))) == (30, 3, 1)
    assert T(0) == PSEUDO * PSEUDO
    assert V.dual.dual == V


@pytest.mark.parametrize("rep", [T(0), V, V + T(2, 1), 0 * V], ids=repr)
def test_batches_may_be_empty_or_lists(rep: Rep) -> None:
    g, empty = np.eye(3), np.zeros((2, 0, rep.dim(3)))
    assert rep.act(g, empty).shape == rep.derivative(g, empty).shape == empty.shape
    ones = np.ones((2, rep.dim(3)))
    np.testing.assert_array_equal(rep.act(g.tolist(), ones.tolist()), ones)
    np.testing.assert_array_equal(rep.derivative(g.tolist(), ones.tolist()), rep.derivative(g, ones))
    np.testing.assert_array_equal(rep.matrix(g.tolist()), np.eye(rep.dim(3)))
    assert rep.character([1.0, 1.0, 1.0]) == rep.dim(3)


def test_a_basis_of_nothing_is_turned_into_nothing() -> None:
    assert V.act(np.eye(3), invariant_basis(SO(3), V)).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: V.act(np.eye(3), [1, 2]), r"tensors: expected 3 entries of V in the last axis, given \(2,\)"),
        (lambda: V.derivative(np.eye(3), 1.0), "tensors: expected 3 entries of V"),
        (lambda: V.act(np.eye(3), [[1.0], [1.0, 2.0]]), "tensors: .* lists of several lengths"),
        (lambda: V.act(np.eye(3), ["a", "b", "c"]), "tensors: expected numbers"),
        (lambda: V.act([[1.0], [1.0, 2.0]], np.ones(3)), "matrix: .* lists of several lengths"),
        (lambda: V.matrix(3), r"matrix: expected one \(d, d\)"),
        (lambda: V.matrix(np.ones((2, 3))), r"matrix: expected one \(d, d\)"),
        (lambda: V.character(["a"]), "eigenvalues: expected numbers"),
    ],
)
def test_what_cannot_be_turned(call, message) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_tensors_of_torch_are_refused_in_one_line() -> None:
    torch = pytest.importorskip("torch")
    for grad in (False, True):
        with pytest.raises(InputError, match=r"tensors: expected an array of numpy, .*\.detach\(\)"):
            V.act(np.eye(3), torch.ones(3, requires_grad=grad))


@pytest.mark.parametrize("rep", [V, 2 * T(0) + T(2), PSEUDO * V + T(1, 1), T(0, 2)], ids=repr)
def test_an_element_for_each_tensor(rep):
    rng = np.random.default_rng(0)
    g = rng.standard_normal((4, 5, 3, 3))
    tensors = rng.standard_normal((4, 5, rep.dim(3)))
    wanted = np.array([[rep.act(a, t) for a, t in zip(*row, strict=True)] for row in zip(g, tensors, strict=True)])
    np.testing.assert_allclose(rep.act(g, tensors), wanted, rtol=1e-10, atol=1e-10)
    one = tensors[0, 0]
    np.testing.assert_allclose(rep.act(g, one), [[rep.act(a, one) for a in row] for row in g], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(rep.act(g[:1], tensors)[3], rep.act(g[0], tensors[3]), rtol=1e-10, atol=1e-10)


def test_elements_that_do_not_fit_the_tensors():
    with pytest.raises(InputError, match=r"tensors: expected one for each of \(4,\) elements, given .* \(5, 3\)"):
        V.act(np.zeros((4, 3, 3)), np.zeros((5, 3)))
    with pytest.raises(InputError, match=r"matrix: expected ones \(..., d, d\), given the shape \(4, 3, 2\)"):
        V.act(np.zeros((4, 3, 2)), np.zeros((4, 3)))
