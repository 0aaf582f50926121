"""Representations: homomorphisms, agreement with Kronecker products and with the derivative at the identity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from physym.symmetry import PSEUDO, Lorentz, O, Rep, S, T, U, V

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
