"""Numbers and products that laws are made of: within their bounds, cheapest first, lawful, and none left out."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from physym.symbolic.library import product
from physym.symbolic.monomials import lattice_basis, lawful_product, named, shortest
from physym.symbolic.numbers import Exact, exact_near, rational_bits, snap_exponent

# numbers

FRACTIONS = [Fraction(a, b) for a, b in itertools.product(range(1, 17), repeat=2) if math.gcd(a, b) == 1]
PI = math.pi


@pytest.mark.parametrize(
    "value",
    ["1", "1/2", "2/3", "7/15", "pi", "2*pi", "1/(4*pi)", "sqrt(2)", "sqrt(3)/2", "1/sqrt(2)", "sqrt(pi)", "4*pi**2",
     "sqrt(2/pi)", "pi**4/15", "1/sqrt(2*pi)", "8*pi/3", "1/(8*pi**2)"],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_of_physics_are_known(value, sign) -> None:
    expected = sign * sympy.sympify(value)
    found = exact_near(float(expected) * (1 + 3e-11), 1e-9 * abs(float(expected)))
    assert sympy.simplify(found[0].sympy() - expected) == 0
    assert found[0].value == pytest.approx(float(expected), rel=1e-15)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.02, 30.0), st.floats(1e-4, 0.3))
def test_numbers_are_within_the_width_and_the_cheapest_there_are(value, width) -> None:
    width *= value
    found = exact_near(value, width, most=5)
    assert len(found) <= 5
    assert all(abs(exact.value - value) <= width for exact in found)
    costs = [exact.bits for exact in found]
    assert costs == sorted(costs)
    assert len({round(exact.value, 12) for exact in found}) == len(found)
    inside = [float(f) for f in FRACTIONS if abs(float(f) - value) < width * (1 - 1e-9)]
    within = sorted(exact_near(f, 1e-9 * f)[0].bits for f in inside)
    # fractions alone, so that what is found is as cheap or cheaper
    assert len(found) >= min(5, len(within))
    assert all(cost <= bound + 1e-9 for cost, bound in zip(costs, within, strict=False))
    negative = exact_near(-value, width, most=5)
    assert [(-e.fraction, e.power, e.root) for e in negative] == [(e.fraction, e.power, e.root) for e in found]
    assert [exact.bits - 1 for exact in negative] == pytest.approx(costs)
    for exact in found + negative:
        assert exact.value == pytest.approx(float(exact.sympy()), rel=1e-14)


def test_there_is_no_number_near_nothing() -> None:
    assert exact_near(0.0, 1.0) == exact_near(math.nan, 1.0) == exact_near(math.inf, 1.0) == []
    assert exact_near(0.123456, 1e-8) == exact_near(1e-9, 1e-12) == []
    assert exact_near(1.0, math.inf, most=1) == [Exact(Fraction(1))]


@given(st.fractions(min_value=Fraction(1, 50), max_value=50, max_denominator=50))
def test_bits_of_fractions(value) -> None:
    assert rational_bits(value) == pytest.approx(rational_bits(1 / value))
    assert rational_bits(-value) == rational_bits(value) + 1
    assert rational_bits(value) >= rational_bits(Fraction(1)) == 0.0
    assert rational_bits(value * Fraction(53)) > rational_bits(value)


@given(st.integers(-40, 40), st.sampled_from([1, 2, 3, 4]), st.floats(-0.01, 0.01))
def test_exponents_come_back_to_their_fractions(top, bottom, off) -> None:
    exact = Fraction(top, bottom)
    found, distance = snap_exponent(float(exact) + off)
    assert found == exact
    assert distance == pytest.approx(abs(off), abs=1e-12)


@given(st.floats(-9.0, 9.0), st.sampled_from([(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]))
def test_exponents_are_near_and_of_the_denominators_asked_for(value, denominators) -> None:
    found, distance = snap_exponent(value, denominators)
    assert any(d % found.denominator == 0 for d in denominators)
    assert distance == pytest.approx(abs(value - float(found)))
    assert distance <= 0.5
    if found.denominator > 1:
        # a larger denominator must come clearly nearer, or every number would be one
        assert distance < abs(value - round(value)) / (2 * found.denominator)


# products

ENTRIES = st.sampled_from([-2, -1, -1, 0, 0, 0, 1, 1, 2, 3, -0.5, 0.5])


@st.composite
def unit_systems(draw):
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    return np.array(draw(st.lists(st.lists(ENTRIES, min_size=columns, max_size=columns), min_size=rows, max_size=rows)))


@settings(max_examples=60, deadline=None)
@given(unit_systems())
def test_all_products_are_lawful(exponents) -> None:
    basis = lattice_basis(exponents)
    count = exponents.shape[1]
    assert len(basis) == count - np.linalg.matrix_rank(exponents)
    found, costs = shortest(basis, 300)
    assert not np.any(exponents @ found.T)
    assert not found[0].any()
    assert len(np.unique(found, axis=0)) == len(found) == len(costs)
    ranking = costs + 0.05 * named(found, count)
    assert (np.diff(ranking) >= -1e-12).all()


@settings(max_examples=40, deadline=None)
@given(unit_systems().filter(lambda exponents: exponents.shape[1] <= 4))
def test_no_lawful_product_is_left_out(exponents) -> None:
    """Brute force: every lawful vector of small whole exponents is a whole combination of the basis."""
    count = exponents.shape[1]
    box = np.array(list(itertools.product(range(-3, 4), repeat=count)))
    lawful = box[~np.any(box @ exponents.T, axis=1)]
    basis = lattice_basis(exponents)
    if not len(basis):
        assert len(lawful) == 1
        return
    steps, *_ = np.linalg.lstsq(basis.T.astype(float), lawful.T.astype(float), rcond=None)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    np.testing.assert_array_equal(np.round(steps).T @ basis, lawful)
    found, _ = shortest(basis, 10**6)
    near = lawful[np.abs(steps).round().sum(axis=0) <= 5]
    assert {tuple(row) for row in near.tolist()} <= {tuple(map(int, row)) for row in found}


def test_the_cheapest_products_come_first() -> None:
    """Three lengths and a time: the quotients of two lengths."""
    basis = lattice_basis(np.array([[1, 1, 1, 0], [0, 0, 0, 1]]))
    found, costs = shortest(basis, 40)
    quotients = {row for row in itertools.product((-1.0, 0.0, 1.0), repeat=4) if sorted(row) == [-1.0, 0.0, 0.0, 1.0]}
    assert {row for row in quotients if not row[3]} <= {tuple(row) for row in found[1:9].tolist()}
    assert costs[0] == 0
    assert (costs[1:] > 0).all()
    one, square = (named(np.array([[p, 0, -p, 0]]), 4)[0] for p in (1, 2))
    assert one == pytest.approx(2 * (2 + 1) + 0.5)
    assert square == pytest.approx(one + 2 * (1 + 1.5))


@settings(max_examples=80, deadline=None)
@given(unit_systems(), st.lists(st.integers(-2, 2), min_size=5, max_size=5), st.booleans())
def test_a_product_with_the_units_of_the_target(exponents, powers, half) -> None:
    hidden = np.array(powers[: exponents.shape[1]]) / (2 if half else 1)
    wanted = exponents @ hidden
    assume(np.all(wanted * 12 % 1 == 0))
    found = lawful_product(exponents, wanted)
    np.testing.assert_allclose(exponents @ found, wanted, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(unit_systems(), st.lists(st.sampled_from([-2, -1, 0, 1, 2]), min_size=3, max_size=3))
def test_units_out_of_reach(exponents, wanted) -> None:
    wanted = np.array(wanted[: len(exponents)], dtype=float)
    reached = np.linalg.matrix_rank(np.column_stack([exponents, wanted])) == np.linalg.matrix_rank(exponents)
    assert (lawful_product(exponents, wanted) is not None) == reached


def test_nothing_has_units() -> None:
    np.testing.assert_array_equal(np.abs(lattice_basis(np.zeros((0, 3)))), np.eye(3))
    assert not lawful_product(np.zeros((0, 3)), np.zeros(0)).any()


FIFTHS = np.array([[1, 0, 1], [2, 0, -3], [-2, 1, 0]])  # an energy, a time and a density over kg, m, s


def test_fifth_roots() -> None:
    """The radius of a blast, (E t²/ρ)^(1/5)."""
    found = lawful_product(FIFTHS, np.array([0, 1, 0]))
    np.testing.assert_allclose(found, [0.2, 0.4, -0.2])


def test_fifth_roots_stay_lawful_as_expressions() -> None:
    wanted = np.array([0, 1, 0])
    found = product(lawful_product(FIFTHS, wanted)).exponents
    np.testing.assert_allclose(FIFTHS @ [float(e) for e in found], wanted, atol=1e-12)
