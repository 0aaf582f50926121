"""Numbers of laws: brought to the data, with the errors of repeated measurements, and exact where they are exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import curve_fit

from physym.symbolic.fitting import description, fit, snap
from physym.symbolic.numbers import Exact
from physym.symbolic.tree import Apply, Columns, Monomial, Number, Power, Product, Sum, bits, evaluate, free, substitute

RNG = np.random.default_rng(0)
U, V = RNG.uniform(0.3, 3.0, (2, 150))
COLUMNS = Columns([U, V])
X, Y = Monomial((240, 0)), Monomial((0, 240))
FLOOR = 1e-22
N = Number
ONE = Number(1.0, Exact(Fraction(1)))


def times(number: float, *nodes):
    return Product((N(number), *nodes))


# shapes with the true numbers and starting values
SHAPES = {
    "decay": (times(1.0, Apply("exp", times(-1.0, X)), Apply("cos", times(1.0, Y))), [2.3, -0.7, 1.4], [1, -1, 1]),
    "wave": (times(1.0, Apply("sin", Sum((times(1.0, X), N(0.1))))), [-1.7, 1.2, 0.4], [-1.0, 1.0, 0.0]),
    "root": (Power(Sum((N(1.0), times(1.0, X), times(1.0, Y))), Fraction(1, 2)), [0.6, 2.1, 0.3], [1, 1, 1]),
    "quotient": (times(1.0, X, Power(Sum((ONE, times(1.0, X, Y))), Fraction(-1))), [4.2, 0.35], [1, 1]),
    "bose": (times(1.0, Power(Sum((N(-1.0), Apply("exp", times(1.0, X, Power(Y, Fraction(-1)))))), Fraction(-1))),
             [0.8, -1.0, 1.3], [1.0, -0.9, 1.0]),
    "sum": (Sum((times(1.0, X), times(1.0, Y), times(1.0, Apply("tanh", X)))), [1e-5, -3e4, 7.0], [1, 1, 1]),
}  # fmt: skip


def values(node) -> np.ndarray:
    return np.array([number.value for number in free(node)])


def with_values(name: str, numbers) -> object:
    return substitute(SHAPES[name][0], [N(float(number)) for number in numbers])


@pytest.mark.parametrize("name", SHAPES)
def test_constants_are_recovered(name) -> None:
    _, true, start = SHAPES[name]
    target = evaluate(with_values(name, true), COLUMNS)
    found = fit(with_values(name, start), COLUMNS, target, iterations=60)
    np.testing.assert_allclose(values(found.node), true, rtol=1e-6)
    assert found.error < 1e-20
    # and nothing but numbers has changed
    assert substitute(found.node, free(with_values(name, true))) == with_values(name, true)


@pytest.mark.parametrize("name", SHAPES)
def test_values_and_errors_agree_with_scipy(name) -> None:
    _, true, _ = SHAPES[name]
    clean = evaluate(with_values(name, true), COLUMNS)
    target = clean + 0.02 * np.std(clean) * np.random.default_rng(1).standard_normal(len(clean))
    found = fit(with_values(name, true), COLUMNS, target)
    scales = np.abs(true)

    def model(_, *numbers):
        return evaluate(with_values(name, np.array(numbers) * scales), COLUMNS)

    expected, covariance = curve_fit(model, U, target, p0=np.sign(true), xtol=1e-12, ftol=1e-12)
    np.testing.assert_allclose(values(found.node), expected * scales, atol=1e-3 * found.deviations.min(), rtol=1e-5)
    np.testing.assert_allclose(found.deviations, np.sqrt(np.diag(covariance)) * scales, rtol=1e-3)
    residual = target - model(None, *expected)
    assert found.error == pytest.approx(np.mean(residual**2) / np.mean(target**2), rel=1e-9)


@pytest.mark.parametrize("name", ["decay", "quotient"])
def test_standard_errors_are_the_scatter_of_repeated_measurements(name) -> None:
    _, true, _ = SHAPES[name]
    clean = evaluate(with_values(name, true), COLUMNS)
    rng = np.random.default_rng(2)
    found, claimed = [], []
    for _ in range(200):
        result = fit(with_values(name, true), COLUMNS, clean + 0.01 * np.std(clean) * rng.standard_normal(len(clean)))
        found.append(values(result.node))
        claimed.append(result.deviations)
    # of 200 measurements the scatter is known to 5%
    np.testing.assert_allclose(np.std(found, axis=0), np.mean(claimed, axis=0), rtol=0.2)
    assert (np.abs(np.mean(found, axis=0) - true) < 5 * np.mean(claimed, axis=0) / np.sqrt(200)).all()


def test_exact_numbers_stay_and_what_is_undefined_is_not_fitted() -> None:
    third = N(1 / 3, Exact(Fraction(1, 3)))
    node = Sum((Product((third, X)), times(1.0, Y)))
    found = fit(node, COLUMNS, U / 3 + 2 * V)
    assert found.node.terms[0] == node.terms[0]
    np.testing.assert_allclose(values(found.node), [2.0], rtol=1e-12)
    assert fit(Apply("log", Sum((N(-1.0), X))), COLUMNS, U) is None
    # a law without fitted numbers is only measured
    fixed = fit(X, COLUMNS, 2 * U)
    assert fixed.error == pytest.approx(0.25)
    assert fixed.deviations.shape == (0,)


def test_numbers_that_the_data_do_not_tell_apart() -> None:
    """c exp(d) x: the residual is still the least, and the errors say no less than the product's."""
    node = Product((N(1.0), Apply("exp", N(0.5)), X))
    target = 3 * U + 0.01 * np.random.default_rng(0).standard_normal(len(U))
    found = fit(node, COLUMNS, target)
    c, d = values(found.node)
    assert c * np.exp(d) == pytest.approx(target @ U / (U @ U), rel=1e-6)
    assert not np.isnan(found.deviations).any()


def test_hopeless_fits_are_given_up() -> None:
    calls = []
    target = RNG.standard_normal(len(U))
    node = with_values("decay", [1.0, -1.0, 1.0])
    for hopeless in (np.inf, 1e-3):
        found = fit(node, COLUMNS, target, iterations=200, hopeless=hopeless)
        calls.append(found.error)
    assert calls[0] < calls[1] <= np.mean((target - evaluate(node, COLUMNS)) ** 2) / np.mean(target**2)
    assert fit(with_values("decay", [1.0, -1.0, 1.0]), COLUMNS, target, iterations=0).node == node


# exact numbers


def snapped(number: float, noise: float, seed: int = 0):
    """A law with one number, measured with noise relative to its RMS: the number's node after snapping."""
    clean = number * U * np.sin(V)
    target = clean + noise * np.sqrt(np.mean(clean**2)) * np.random.default_rng(seed).standard_normal(len(U))
    found = fit(times(1.0, X, Apply("sin", Y)), COLUMNS, target)
    result = snap(found, COLUMNS, target, 2, FLOOR)
    return result.node.factors[0], found


@pytest.mark.parametrize("noise", [0.0, 1e-4, 0.01])
@pytest.mark.parametrize(
    ("number", "exact"),
    [(0.5, Exact(Fraction(1, 2))), (np.pi, Exact(Fraction(1), power=Fraction(1))), (-2 / 3, Exact(Fraction(-2, 3))),
     (np.sqrt(2), Exact(Fraction(1), root=2)), (1 / (4 * np.pi), Exact(Fraction(1, 4), power=Fraction(-1)))],
)  # fmt: skip
def test_numbers_become_exact(number, exact, noise) -> None:
    found, _ = snapped(number, noise)
    assert found.exact is not None
    assert (found.exact.fraction, found.exact.power, found.exact.root) == (exact.fraction, exact.power, exact.root)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-4, 1e-3, 0.01])
def test_what_the_data_exclude_is_refused(noise) -> None:
    """0.51 is no half where that is many errors away."""
    found, before = snapped(0.51, noise)
    error = max(before.deviations[0], 1e-12)
    assert 0.01 / error > 9
    assert abs(found.value - 0.51) < 5 * error
    if noise <= 1e-4:
        # nor is it any other number that is cheaper than its digits
        assert found.exact is None


def test_where_the_data_do_not_tell_the_simpler_number_is_taken() -> None:
    found, before = snapped(0.51, 0.2)
    assert before.deviations[0] > 0.007
    assert found.exact.fraction == Fraction(1, 2)


def test_a_number_of_no_meaning_is_not_called_exact() -> None:
    """Numbers drawn at random and measured to a thousandth: 12π/13 and 8√2/5 are not what they are."""
    numbers = np.random.default_rng(0).uniform(0.2, 5.0, 30)
    exact = [snapped(number, 0.01, seed)[0].exact for seed, number in enumerate(numbers)]
    assert sum(one is not None for one in exact) <= 6


def test_all_numbers_of_a_law_become_exact_or_stay_each_for_itself() -> None:
    node = Sum((times(0.9, X), times(3.0, Power(Y, Fraction(1, 2))), times(1.2, Apply("cos", X))))
    target = U / 2 + np.pi * np.sqrt(V) + 1.2345678 * np.cos(U)
    target = target + 1e-5 * np.random.default_rng(3).standard_normal(len(U))
    found = snap(fit(node, COLUMNS, target), COLUMNS, target, 2, FLOOR)
    exact = [term.factors[0].exact for term in found.node.terms]
    assert [e and (e.fraction, e.power) for e in exact] == [(Fraction(1, 2), 0), (Fraction(1), 1), None]
    np.testing.assert_allclose(values(found.node), [1.2345678], atol=1e-5)
    assert found.deviations.shape == (1,)


def test_descriptions() -> None:
    """The true law is shorter than one with a term less, and than one with a term that explains nothing."""
    rng = np.random.default_rng(4)
    target = 1.3 * U + 0.2 * V + 0.05 * rng.standard_normal(len(U))
    laws = [times(1.0, X), Sum((times(1.0, X), times(1.0, Y))),
            Sum((times(1.0, X), times(1.0, Y), times(1.0, Apply("sin", Y))))]  # fmt: skip
    fits = [fit(law, COLUMNS, target) for law in laws]
    less, true, more = (description(found, len(U), 2, FLOOR) for found in fits)
    assert true < less
    assert true < more
    # points/2 log2 of the residual, and no reward for what is below the floor
    exact = fit(X, COLUMNS, U)
    assert description(exact, 150, 2, FLOOR) == pytest.approx(75 * np.log2(FLOOR) + bits(X, 2))
    halved = fit(X, COLUMNS, 2 * U)
    assert description(halved, 150, 2, FLOOR) == pytest.approx(75 * np.log2(0.25) + bits(X, 2))
