"""Constants of unknown value and units: read off from laws that were found without units."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symbolic import SymbolicRegressor
from physym.symbolic.dimensional import place_numbers
from physym.symbolic.problem import Found, Problem
from physym.symbolic.scaled import match_scaled
from physym.symbolic.tidy import complexity, tidy
from simulators import InputError

H, C, K = 6.62607015e-34, 299792458.0, 1.380649e-23
RNG = np.random.default_rng(0)
TEMPERATURE = RNG.uniform(2000.0, 9000.0, 400)
FREQUENCY = RNG.uniform(5e13, 6e14, 400)
WAVELENGTH = C / FREQUENCY
BY_FREQUENCY = 2 * H * FREQUENCY**3 / C**2 / np.expm1(H * FREQUENCY / (K * TEMPERATURE))
BY_WAVELENGTH = 2 * H * C**2 / WAVELENGTH**5 / np.expm1(H * C / (WAVELENGTH * K * TEMPERATURE))
x, T, nu, lam, c, k_B, C1 = sympy.symbols("x T nu lam c k_B C1")


def geometric(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean()))


def answer(monkeypatch: pytest.MonkeyPatch, form) -> None:
    """The search answers with a form whose two numbers it fits to the scaled columns that it is given."""
    from scipy.optimize import curve_fit

    def search(problem, *, time_limit, seed, report):
        assert problem.exponents.shape[0] == 0
        columns = [problem.values[name] for name in problem.names]
        a, b = sympy.symbols("_p _q")
        symbols = [sympy.Symbol(name) for name in problem.names]
        function = sympy.lambdify([*symbols, a, b], form(*symbols, a, b), "numpy")
        (p, q), spreads = curve_fit(
            lambda _, p, q: function(*columns, p, q), None, problem.target, p0=(1.0, 1.0), ftol=1e-15, xtol=1e-15
        )
        error = np.sqrt(np.mean((function(*columns, p, q) - problem.target) ** 2) / np.mean(problem.target**2))
        expression = form(*symbols, sympy.Float(p), sympy.Float(q))
        constants = tuple(zip((p, q), np.sqrt(np.diag(spreads)), strict=True))
        return [Found(12, float(error), expression, 0.0, constants)]

    monkeypatch.setattr("physym.symbolic.search.search", search)
    monkeypatch.setattr("physym.symbolic.unknown.match_scaled", lambda *_, **__: ([], 0))


def planck(a, b, p, q):
    return p * a**3 / (sympy.exp(q * a / b) - 1)


def hyperbolic(a, b, p, q):
    return p * a**3 * sympy.exp(-q * a / b) / sympy.sinh(q * a / b)


def wavelengths(a, b, p, q):
    return p / a**5 / (sympy.exp(q / (a * b)) - 1)


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("form", [planck, hyperbolic, wavelengths])
def test_black_body_radiation_yields_the_constant_of_planck(monkeypatch, form, noise) -> None:
    answer(monkeypatch, form)
    if form is wavelengths:
        X, y, units = {"lam": (1e6 * WAVELENGTH, "um")}, BY_WAVELENGTH, "W/m**3"
        law = 2 * C1 * c**2 / lam**5 / (sympy.exp(C1 * c / (lam * k_B * T)) - 1)
    else:
        X, y, units = {"nu": (FREQUENCY / 1e12, "THz")}, BY_FREQUENCY, "W/m**2/Hz"
        law = 2 * C1 * nu**3 / c**2 / (sympy.exp(C1 * nu / (k_B * T)) - 1)
    y = y + noise * np.sqrt(np.mean(y**2)) * np.random.default_rng(1).standard_normal(400)
    model = SymbolicRegressor(constants=("c", "k_B"), unknown_constants=1)
    model.fit({**X, "T": (TEMPERATURE, "K")}, (y, units))
    assert sympy.simplify(model.expression_ - law) == 0
    planck_constant = model.constants_["C1"]
    assert planck_constant.unit.exponents == tuple(map(Fraction, (1, 2, -1, 0, 0, 0, 0)))
    assert planck_constant.value == pytest.approx(H, rel=1e-2 if noise else 1e-9)
    assert abs(planck_constant.value - H) <= 4 * planck_constant.error + 1e-12 * H
    if noise:
        assert 1e-5 < planck_constant.error / H < 1e-2
    truth = (BY_WAVELENGTH if form is wavelengths else BY_FREQUENCY, units)
    assert model.score({**X, "T": (TEMPERATURE, "K")}, truth) > 0.999


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_constant_of_planck_from_data_alone(noise) -> None:
    """No form is given: λ and T over decades, c and k_B known, h neither by value nor by units."""
    low, high = np.log([[2e-7], [800.0]]), np.log([[5e-6], [9e3]])
    wavelength, temperature = np.exp(np.random.default_rng(3).uniform(low, high, (2, 500)))
    y = 2 * H * C**2 / wavelength**5 / np.expm1(H * C / (wavelength * K * temperature))
    y = y + noise * np.sqrt(np.mean(y**2)) * np.random.default_rng(4).standard_normal(500)
    model = SymbolicRegressor(time_limit=6, constants=("c", "k_B"), unknown_constants=1)
    model.fit({"lam": (1e9 * wavelength, "nm"), "T": (temperature, "K")}, (y, "W/m**3"))
    law = 2 * C1 * c**2 / lam**5 / (sympy.exp(C1 * c / (lam * k_B * T)) - 1)
    assert sympy.simplify(model.expression_ - law) == 0
    found = model.constants_["C1"]
    assert found.unit.exponents[:3] == (1, 2, -1)
    assert found.value == pytest.approx(H, rel=1e-2 if noise else 1e-9)


@pytest.mark.parametrize(("seed", "factor"), [(0, 2), (1, 2), (2, 8 * np.pi)])
def test_what_stands_in_the_exponential_has_no_factor(seed: int, factor: float) -> None:
    """Not 2 h, with which the radiation is C1 nu**3 / c**2 / (exp(C1 nu / (2 k_B T)) - 1) and as long to write."""
    frequency, temperature = np.random.default_rng(seed).uniform([[1e13], [1000]], [[2e15], [8000]], (2, 400))
    y = factor * H * frequency**3 / C**2 / np.expm1(H * frequency / (K * temperature))
    model = SymbolicRegressor(time_limit=10, seed=seed, constants=("c", "k_B"), unknown_constants=1)
    model.fit({"nu": (frequency, "Hz"), "T": (temperature, "K")}, (y, "kg/s**2"))
    law = C1 * nu**3 / c**2 / (sympy.exp(C1 * nu / (k_B * T)) - 1)
    assert sympy.simplify(model.expression_ / law).is_number
    assert model.constants_["C1"].value == pytest.approx(H, rel=1e-9)


def test_a_product_gains_no_function() -> None:
    m1, m2, r = np.random.default_rng(0).uniform(1, 5, (3, 300))
    columns = {"m1": (m1, "kg"), "m2": (m2, "kg"), "r": (r, "m")}
    model = SymbolicRegressor(time_limit=10, unknown_constants=1).fit(columns, (6.674e-11 * m1 * m2 / r**2, "N"))
    symbols = sympy.symbols("m1 m2 r")
    assert model.expression_ == C1 * symbols[0] * symbols[1] / symbols[2] ** 2
    assert str(model.constants_["C1"].units) == "m**3/(kg*s**2)"
    assert model.constants_["C1"].value == pytest.approx(6.674e-11, rel=1e-12)


def test_ctrl_c_keeps_what_was_found_without_a_search(monkeypatch) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    law = Found(3, 1e-2, sympy.Float(1.3) * sympy.Symbol("a"), 0.0, ((1.3, 0.01),))
    monkeypatch.setattr("physym.symbolic.unknown.guided", interrupted)
    monkeypatch.setattr("physym.symbolic.unknown.match_scaled", lambda *_, **__: ([law], 5))
    a = np.random.default_rng(0).uniform(1, 2, 50)
    y = a * (1.3 + np.random.default_rng(1).normal(0, 1e-2, 50))
    columns, target = {"a": (a / geometric(a), "m")}, (y, "N")
    model = SymbolicRegressor(unknown_constants=1).fit(columns, target)
    assert model.interrupted_
    assert model.expression_ == C1 * sympy.Symbol("a")
    monkeypatch.setattr("physym.symbolic.unknown.match_scaled", lambda *_, **__: ([], 0))
    with pytest.raises(KeyboardInterrupt):
        SymbolicRegressor(unknown_constants=1).fit(columns, target)


SCALED = {
    "saturation": lambda a, b: 3 * a / (1 + 0.037 * b),
    "relativistic": lambda a, b: a / np.sqrt(1 - 0.011 * b**2),
    "activated": lambda a, b: a**2 * np.exp(-13.7 / b),
    "tanh": lambda a, b: -5 * a * np.tanh(3.3 * a / b),
    "logarithm": lambda a, b: a * np.log1p(7.7 * a * b),
}


@pytest.mark.parametrize("name", SCALED)
def test_one_number_of_any_size_inside_of_a_function(name) -> None:
    truth = SCALED[name]
    a, b = np.random.default_rng(5).uniform(1, 9, (2, 300))
    problem = Problem(("a", "b"), {"a": a, "b": b}, np.zeros((0, 2)), truth(a, b), np.zeros(0))
    found, scored = match_scaled(problem, time_limit=10, seed=0)
    assert found[0].error < 1e-9
    assert 1e4 < scored < 1e6
    function = sympy.lambdify(sympy.symbols("a b"), found[0].expression)
    # at other points too
    np.testing.assert_allclose(function(2.5, 8.5), truth(2.5, 8.5), rtol=1e-8)


def test_rows_without_a_logarithm_do_no_harm() -> None:
    a, b = np.random.default_rng(6).uniform(1, 9, (2, 300))
    a[:20], a[20:30] = 0.0, -a[20:30]
    y = a * np.exp(-13.7 / b)

    problem = Problem(("a", "b"), {"a": a, "b": b}, np.zeros((0, 2)), y, np.zeros(0))
    assert match_scaled(problem, time_limit=10, seed=0)[0][0].error < 1e-9


def test_standard_errors_are_honest(monkeypatch) -> None:
    answer(monkeypatch, planck)
    pulls = []
    for seed in range(30):
        noise = 0.02 * np.sqrt(np.mean(BY_FREQUENCY**2)) * np.random.default_rng(seed).standard_normal(400)
        model = SymbolicRegressor(constants=("c", "k_B"), unknown_constants=1)
        model.fit({"nu": (FREQUENCY, "Hz"), "T": (TEMPERATURE, "K")}, (BY_FREQUENCY + noise, "W/m**2/Hz"))
        found = model.constants_["C1"]
        pulls.append((found.value - H) / found.error)
    assert np.max(np.abs(pulls)) < 4
    assert 0.6 < np.std(pulls) < 1.4


def test_without_offered_constants_two_are_needed(monkeypatch) -> None:
    answer(monkeypatch, planck)
    X, y = {"nu": (FREQUENCY, "Hz"), "T": (TEMPERATURE, "K")}, (BY_FREQUENCY, "W/m**2/Hz")
    model = SymbolicRegressor(unknown_constants=2).fit(X, y)
    units = sorted(one.units for one in model.constants_.values())
    assert units == ["kg*s", "s*K"]
    assert sorted(one.value for one in model.constants_.values()) == pytest.approx([2 * H / C**2, H / K], rel=1e-9)
    with pytest.raises(InputError, match="expected a law with at most 1 unknown constants"):
        SymbolicRegressor(unknown_constants=1).fit(X, y)


def test_a_law_that_needs_more_constants_than_allowed_is_none(monkeypatch) -> None:
    a, b = RNG.uniform(1, 2, (2, 50))
    X, y = {"a": (a, "m"), "b": (b, "m")}, (np.sin(1.31 * a) + np.cos(0.77 * b), "1")
    p, q = sympy.Float(1.31 * geometric(a)), sympy.Float(0.77 * geometric(b))
    law = Found(9, 0.0, sympy.sin(p * sympy.Symbol("a")) + sympy.cos(q * sympy.Symbol("b")), 0.0)
    monkeypatch.setattr("physym.symbolic.search.search", lambda *_, **__: [law])
    monkeypatch.setattr("physym.symbolic.unknown.match_scaled", lambda *_, **__: ([], 0))
    with pytest.raises(InputError, match="at most 1 unknown constants, given data for which only others were found"):
        SymbolicRegressor(unknown_constants=1).fit(X, y)
    found = SymbolicRegressor(unknown_constants=2).fit(X, y).constants_.values()
    assert sorted((round(one.value, 9), one.units) for one in found) == [(0.77, "1/m"), (1.31, "1/m")]


def test_numbers_without_units_stay_numbers(monkeypatch) -> None:
    # Hooke's law with an angle: y = 1.37 k (x + 0.5), where x has no units
    a, angle = RNG.uniform(1, 2, 60), RNG.uniform(0, 1, 60)
    answer(monkeypatch, lambda a, angle, p, q: p * a * (angle + q))
    columns = {"a": (a, "m"), "angle": (angle, "1")}
    model = SymbolicRegressor(unknown_constants=1).fit(columns, (3 * a * (angle + 0.5), "N"))
    C, a_, angle_ = sympy.symbols("C1 a angle")
    assert sympy.simplify(model.expression_ - C * a_ * (angle_ + sympy.Rational(1, 2))) == 0
    assert (model.constants_["C1"].value, model.constants_["C1"].units) == (pytest.approx(3.0), "kg/s**2")


exponents = st.tuples(*[st.integers(-3, 3)] * 2).map(lambda pair: tuple(map(Fraction, pair)))
numbers = st.floats(0.1, 10.0)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_placed_numbers_are_lawful_and_equal(data) -> None:
    """Whatever the units of the variables, the symbols restore the value, and their units make every sum lawful."""
    units = {"u": data.draw(exponents), "w": data.draw(exponents)}
    target = data.draw(exponents)
    p, q, r, s = (sympy.Float(data.draw(numbers)) for _ in range(4))
    u, w = sympy.symbols("u w")
    form = data.draw(
        st.sampled_from(
            [
                p * u**2 / (sympy.exp(q * w) - 1),
                p * sympy.sqrt(q * u + r * w),
                -p * u * (q * u + r * w**2) ** 2 * sympy.sin(s * u * w),
                p * u / (q * u + r),
                (u / (u + w)) ** sympy.Rational(3, 2) + q * w,
            ]
        )
    )
    scales = {name: data.draw(numbers) for name in units if any(units[name])}
    size = data.draw(numbers) if any(target) else 1.0
    placed = place_numbers(form, {}, scales, size, units, target)
    assert placed is not None
    at = {u: 1.3, w: 0.7}
    scaled = {symbol: value / scales.get(symbol.name, 1.0) for symbol, value in at.items()}
    values = {symbol: number.value for symbol, number in placed.numbers.items()}
    assert all(value > 0 for value in values.values())
    given_value, found = complex(size * form.subs(scaled)), complex(placed.expression.subs({**at, **values}))
    assert found == pytest.approx(given_value, rel=1e-9)
    # a change of units moves variables and numbers, and the value like the target: the law does not notice
    factors = (1.7, 0.6)

    def factor(powers):
        return np.prod([f ** float(e) for f, e in zip(factors, powers, strict=True)])

    moved = {symbol: value * factor(units[symbol.name]) for symbol, value in at.items()}
    moved |= {symbol: value * factor(placed.units[symbol]) for symbol, value in values.items()}
    assert complex(placed.expression.subs(moved)) == pytest.approx(given_value * factor(target), rel=1e-9)


@pytest.mark.parametrize("outer", [sympy.sinh, sympy.cosh])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("power", [1, 2, 3])
def test_tidy_changes_no_value(outer, sign, power) -> None:
    form = 1 + x * sympy.exp(sign * power * 0.7 * x) / outer(0.7 * x) ** power
    tidied = tidy(form)
    assert complexity(tidied) <= complexity(form)
    assert not tidied.has(outer)
    for value in (-1.3, 0.4, 2.0):
        assert float(tidied.subs(x, value)) == pytest.approx(float(form.subs(x, value)), rel=1e-12)
