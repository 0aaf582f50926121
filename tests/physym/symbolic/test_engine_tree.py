"""Expressions of the search: values, derivatives and SymPy agree with independent ones, and bits count what is said."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from physym.symbolic.library import power
from physym.symbolic.numbers import Exact
from physym.symbolic.pruning import pruned
from physym.symbolic.tree import (
    FUNCTIONS,
    Apply,
    Columns,
    Monomial,
    Number,
    Power,
    Product,
    Sum,
    bits,
    compiled,
    evaluate,
    free,
    fused,
    substitute,
    to_sympy,
)

POINTS = np.random.default_rng(0).uniform(0.5, 2.0, (3, 40))
COLUMNS = Columns(POINTS)
SYMBOLS = sympy.symbols("x y z")
ONE = Number(1.0, Exact(Fraction(1)))
MINUS = Number(-1.0, Exact(Fraction(-1)))
NUMPY = {name: getattr(np, name.replace("a", "arc", 1) if name[0] == "a" else name) for name in FUNCTIONS}

MONOMIALS = st.tuples(*[st.sampled_from([0, 0, 240, -240, 480, 120, -120, 80])] * 3).map(Monomial)
EXACT = st.sampled_from([Exact(Fraction(1)), Exact(Fraction(-1)), Exact(Fraction(-2, 3)), Exact(Fraction(1, 2), root=2),
                         Exact(Fraction(3), power=Fraction(-1))])  # fmt: skip
NUMBERS = st.floats(-2.0, 2.0).filter(lambda x: abs(x) > 0.1).map(Number)
LEAVES = st.one_of(MONOMIALS, NUMBERS, EXACT.map(lambda exact: Number(exact.value, exact)))
EXPONENTS = st.sampled_from([Fraction(p) for p in ("2", "-1", "1/2", "-1/2", "3", "1/3", "-2")])


def grown(children):
    several = st.lists(children, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        several.map(Sum), several.map(Product), st.builds(Power, children, EXPONENTS),
        st.builds(Apply, st.sampled_from(sorted(FUNCTIONS)), children),
    )  # fmt: skip


NODES = st.recursive(LEAVES, grown, max_leaves=8)


def value_of(node, theta, points=POINTS):
    """A second implementation, for complex numbers too."""
    numbers = iter(theta)

    def of(part):
        if isinstance(part, Monomial):
            return np.prod([x ** float(e) for x, e in zip(points, part.exponents, strict=True)], axis=0)
        if isinstance(part, Number):
            return np.array(part.value if part.exact is not None else next(numbers))
        if isinstance(part, Sum):
            return sum(of(term) for term in part.terms)
        if isinstance(part, Product):
            value = 1.0
            for factor in part.factors:
                value = value * of(factor)
            return value
        if isinstance(part, Power):
            return of(part.base) ** float(part.exponent)
        return NUMPY[part.name](of(part.argument))

    with np.errstate(all="ignore"):
        return np.broadcast_to(of(node), points.shape[1:])


def values(node):
    return np.array([number.value for number in free(node)])


@settings(max_examples=150, deadline=None)
@given(NODES)
def test_values_and_derivatives_agree_with_the_complex_step(node) -> None:
    theta = values(node)
    value, slopes = compiled(node, COLUMNS)(theta)
    expected = value_of(node, theta)
    assert slopes.shape == (len(theta), POINTS.shape[1])
    # beyond that, rounding of the arguments of tan, exp, ... is all there is to see
    fine = np.isfinite(expected) & (np.abs(expected) < 1e6) & (np.abs(slopes) < 1e6).all(axis=0)
    assume(fine.any())
    np.testing.assert_allclose(value[fine], expected[fine], rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(evaluate(node, COLUMNS), value)
    for k in range(len(theta)):
        moved = theta.astype(complex)
        moved[k] += 1e-30j
        steep = value_of(node, moved).imag / 1e-30
        np.testing.assert_allclose(slopes[k][fine], steep[fine], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_derivatives_of_functions_agree_with_central_differences(name) -> None:
    node = Apply(name, Product((Number(0.4), Monomial((240, 0, 0)))))
    step = 1e-5
    above, below = (value_of(node, [0.4 + sign * step]) for sign in (1, -1))
    _, slopes = compiled(node, COLUMNS)(np.array([0.4]))
    np.testing.assert_allclose(slopes[0], (above - below) / (2 * step), rtol=1e-7)


def test_what_is_undefined_is_nan_there_alone() -> None:
    node = Apply("log", Sum((Monomial((240, 0, 0)), Number(-1.0))))
    value = evaluate(node, COLUMNS)
    np.testing.assert_array_equal(np.isfinite(value), POINTS[0] > 1)


@pytest.mark.parametrize("exponent", [Fraction(2), Fraction(3), Fraction(3, 2)])
def test_derivatives_where_the_base_of_a_power_is_zero(exponent) -> None:
    columns = Columns([np.array([1.0, 2.0, 3.0])])
    node = Power(Sum((Monomial((240,)), Number(-1.0))), exponent)
    _, slopes = compiled(node, columns)(np.array([-1.0]))
    p = float(exponent)
    np.testing.assert_allclose(slopes[0], p * np.array([0.0, 1.0, 2.0]) ** (p - 1), rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(NODES)
def test_sympy_has_the_same_values(node) -> None:
    expected = value_of(node, values(node))
    fine = np.isfinite(expected) & (np.abs(expected) < 1e6)
    assume(fine.any())
    expression = to_sympy(node, SYMBOLS)
    function = sympy.lambdify(SYMBOLS, expression, "numpy")
    with np.errstate(all="ignore"):
        # what SymPy simplifies may pass through the complex plane, as (-2/3)**(1/3) does
        found = np.broadcast_to(function(*POINTS.astype(complex)), fine.shape)
    np.testing.assert_allclose(found[fine], expected[fine], rtol=1e-7, atol=1e-7)


@settings(max_examples=80, deadline=None)
@given(NODES, st.randoms(use_true_random=False))
def test_numbers_are_substituted_in_the_order_in_which_they_are_listed(node, random) -> None:
    numbers = free(node)
    assert all(number.exact is None for number in numbers)
    fresh = [Number(random.uniform(0.2, 2.0)) for _ in numbers]
    other = substitute(node, fresh)
    assert free(other) == fresh
    assert substitute(other, numbers) == node
    theta = np.array([number.value for number in fresh])
    np.testing.assert_array_equal(evaluate(other, COLUMNS), compiled(node, COLUMNS)(theta)[0])
    # exact numbers take the place of fitted ones without moving the others
    half = Number(0.5, Exact(Fraction(1, 2)))
    for k in range(len(numbers)):
        fixed = [half if j == k else number for j, number in enumerate(fresh)]
        assert free(substitute(node, fixed)) == fresh[:k] + fresh[k + 1 :]


@settings(max_examples=80, deadline=None)
@given(st.lists(NODES, min_size=1, max_size=3))
def test_fused_is_the_product_with_one_monomial(nodes) -> None:
    node = fused(*nodes)
    factors = node.factors if isinstance(node, Product) else (node,)
    assert sum(isinstance(factor, Monomial) for factor in factors) <= 1
    assert not any(isinstance(factor, Product) for factor in factors)
    # the order of the fitted numbers is that of the factors
    assert free(node) == [number for part in nodes for number in free(part)]
    with np.errstate(all="ignore"):
        expected = np.prod([value_of(part, values(part)) for part in nodes], axis=0)
    fine = np.isfinite(expected) & (np.abs(expected) < 1e6)
    np.testing.assert_allclose(evaluate(node, COLUMNS)[fine], expected[fine], rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(NODES, st.lists(EXPONENTS, min_size=1, max_size=2))
def test_powers_of_powers(node, exponents) -> None:
    base = value_of(node, values(node))
    fine = np.isfinite(base) & (base > 1e-3) & (base < 1e3)
    raised, expected = node, base
    for exponent in exponents:
        raised = power(raised, exponent)
        with np.errstate(all="ignore"):
            expected = np.abs(expected) ** float(exponent)
    if isinstance(node, Power):
        assume((value_of(node.base, values(node.base)) > 0).all())
    np.testing.assert_allclose(evaluate(raised, COLUMNS)[fine], expected[fine], rtol=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.lists(NODES, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_bits_know_neither_order_nor_fitted_values(nodes, random) -> None:
    shuffled = random.sample(nodes, len(nodes))
    for kind in (Sum, Product):
        whole = kind(tuple(nodes))
        assert bits(whole, 3) == pytest.approx(bits(kind(tuple(shuffled)), 3))
        assert bits(whole, 3) == bits(substitute(whole, [Number(7.0) for _ in free(whole)]), 3)
    assert bits(Sum(tuple(nodes)), 3) == pytest.approx(sum(bits(node, 3) for node in nodes) + 1.5 * (len(nodes) - 1))
    node = nodes[0]
    assume(node not in (ONE, MINUS))
    assert bits(Product((ONE, node)), 3) == bits(node, 3)
    assert bits(Product((MINUS, node)), 3) == bits(node, 3) + 0.5
    assert bits(Apply("sin", node), 3) > bits(node, 3)
    assert bits(Power(node, Fraction(1, 2)), 3) > bits(node, 3)
    assert bits(node, 6) >= bits(node, 3)


@settings(max_examples=40, deadline=None)
@given(MONOMIALS, st.permutations(range(3)))
def test_bits_of_products_do_not_know_which_variables_they_are_of(monomial, order) -> None:
    other = Monomial(tuple(monomial.parts[k] for k in order))
    assert bits(monomial, 3) == pytest.approx(bits(other, 3))
    assert bits(monomial, 3, {monomial: 0.25}) == 0.25
    assert bits(Product((monomial, Number(2.0))), 3, {monomial: 0.25}) == 0.25 + 1.0 + 1.5


SIGNED = (np.array([-2.0, -1.0, 0.5, 0.0]), np.array([3.0, -4.0, -5.0, 2.0]))


def test_products_of_signed_columns() -> None:
    x, y = SIGNED
    columns = Columns([x, y])
    for a, b in ((1, 0), (3, 1), (2, 1), (1, 3), (1, -1), (0, -2), (0, 0)):
        np.testing.assert_allclose(columns.monomial(np.array([a, b], dtype=float)), x**a * y ** float(b), rtol=1e-14)
    found = columns.monomial(np.array([1.0, 0.5]))
    np.testing.assert_array_equal(np.isnan(found), y < 0)
    np.testing.assert_allclose(found[[0, 3]], [-2 * np.sqrt(3), 0.0], rtol=1e-14)
    chosen = columns.at(np.array([2, 0]))
    np.testing.assert_array_equal(chosen.monomial(np.array([1.0, 1.0])), (x * y)[[2, 0]])
    assert chosen.points == 2


@pytest.mark.parametrize("powers", [(0.5, 1.0), (0.5, 0.5)])
def test_signs_beside_roots(powers) -> None:
    with np.errstate(invalid="ignore"):
        expected = SIGNED[0] ** powers[0] * SIGNED[1] ** powers[1]
    np.testing.assert_allclose(Columns(SIGNED).monomial(np.array(powers)), expected, rtol=1e-14)


def test_terms_of_rounding_size_are_dropped_wherever_they_stand_and_no_others():
    x = Columns([np.linspace(1.0, 2.0, 50)])
    one, square = Monomial((240,)), Monomial((480,))

    def inside(size: float) -> Sum:
        return Sum((one, fused(Number(size), square)))

    assert pruned(inside(1e-16), x) == one
    assert pruned(inside(1e-11), x) == inside(1e-11)
    # 1 + exp(40 x) needs its 1 where x is small
    wide, steep = Columns([np.linspace(0.0, 2.0, 50)]), Sum((ONE, Apply("exp", fused(Number(40.0), one))))
    assert pruned(steep, wide) == steep
    deep = fused(Number(3.0), Apply("exp", inside(1e-15)), Power(Sum((inside(1e-16), square)), Fraction(1, 2)))
    expected = fused(Number(3.0), Apply("exp", one), Power(Sum((one, square)), Fraction(1, 2)))
    assert pruned(deep, x) == expected
