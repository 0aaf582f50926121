"""Dimensional consistency of formulas, with the place where it ends."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

from physym.units import DimensionError, check_expression, dimensions
from simulators import InputError, SpringPendulum

m, v, x, t, n, k, hbar = sp.symbols("m v x t n k hbar", positive=True)
f = sp.Function("f")
UNITS = {"m": "kg", "v": "m/s", "x": "km", "t": "h", "n": "1", "k": "kg/s**2", "hbar": "J*s", "f": "m"}


@pytest.mark.parametrize(
    ("expression", "units"),
    [
        (m * v**2 / 2 + k * x**2, "J"),
        (sp.sqrt(m / k), "s"),
        (sp.sqrt(x) ** 3, "m**1.5"),
        (x ** sp.Float(0.5), "m**0.5"),
        (x ** sp.Rational(1, 3), "m**(1/3)"),
        (sp.exp(-x / (v * t)) * m, "kg"),
        (n**n + 2**n + sp.sin(n), "1"),
        (hbar / t, "J"),
        (sp.pi * sp.sqrt(2) * x, "m"),
        (sp.Eq(x, v * t), "m"),
        (sp.Abs(x) - sp.Max(x, v * t), "m"),
        (sp.Min(x - f(t), 0), "m"),
        (sp.sign(x) * t, "s"),
        (sp.atan2(sp.Symbol("x"), sp.Symbol("f")), "1"),
        (sp.Derivative(f(t), t, t), "m/s**2"),
        (sp.Integral(v, (t, 0, t)), "m"),
        (sp.Integral(v, t), "m"),
        (sp.Sum(x / n, (n, 1, 3)), "m"),
        (sp.Piecewise((x, x > v * t), (v * t, True)), "m"),
        (sp.Piecewise((x, sp.And(x > 0, t > 0)), (0, True)), "m"),
        (sp.Integer(3), "1"),
        (sp.Integer(0), "1"),
        (sp.Heaviside(x) * n, "1"),
    ],
)
def test_units_of_what_is_consistent(expression, units):
    expected = {"m": Fraction(1, 3)} if units == "m**(1/3)" else dimensions(units)
    assert check_expression(expression, UNITS) == expected
    if units != "m**(1/3)":
        assert check_expression(expression, UNITS, output=units) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            n * (m + v**2),
            r"^m \+ v\*\*2: expected terms of the same units, given kg \(m\) and m\*\*2/s\*\*2 \(v\*\*2\)$",
        ),
        (1 / (1 + x), r"x \+ 1: expected terms of the same units, given 1 \(1\) and m \(x\)"),
        (3 + m * sp.exp(x), r"^exp\(x\): expected a dimensionless argument, given x in m; divide it"),
        (sp.log(x) - sp.log(t), r"log\(.\): expected a dimensionless argument"),
        (sp.besselj(0, x), r"besselj\(0, x\): expected a dimensionless argument, given x in m"),
        (x**n, r"x\*\*n: expected a rational number as the power of x in m, given n"),
        (x**sp.pi, r"x\*\*pi: expected a rational number as the power of x in m, given pi"),
        (2**x, r"2\*\*x: expected a dimensionless power, given x in m"),
        (sp.Eq(x, t), r"Eq\(x, t\): expected terms of the same units, given m \(x\) and s \(t\)"),
        (sp.Derivative(f(t), (t, n)), r"Derivative\(f\(t\), \(t, n\)\): expected a whole number as its order, given n"),
        (sp.Max(x, t), "expected terms of the same units"),
        (sp.atan2(sp.Symbol("x"), sp.Symbol("m")), "expected terms of the same units"),
        (sp.Piecewise((x, x > t), (v * t, True)), "t < x: expected terms of the same units|x > t: expected terms"),
        (sp.Piecewise((x, n > 1), (t, True)), "expected terms of the same units, given m .x. and s .t."),
        (sp.Integral(v, (t, 0, x)), r"expected terms of the same units, given s \(t\) and m \(x\)"),
    ],
)
def test_the_place_where_it_is_not(expression, message):
    with pytest.raises(DimensionError, match=message) as caught:
        check_expression(expression, UNITS)
    assert "\n" not in str(caught.value)


def test_the_units_asked_for():
    with pytest.raises(DimensionError, match=r"^m\*v: expected units of 'J', given kg\*m/s$"):
        check_expression(m * v, UNITS, output="J")
    assert check_expression(sp.Integer(0), UNITS, output="J") == {}


def test_symbols_by_variables():
    types = SpringPendulum.variables()
    energy = sp.Symbol("momentum") ** 2 / (2 * sp.Symbol("mass"))
    assert check_expression(energy, types, output="J") == {"kg": 1, "m": 2, "s": -2}


@pytest.mark.parametrize(
    ("expression", "units", "message"),
    [
        (x + sp.Symbol("z"), UNITS, "symbol 'z': expected its units, given those of m, v"),
        (x, {}, "symbol 'x': expected its units, given those of none"),
        (x, {"x": "degC"}, "symbol 'x': expected units that scale"),
        (x, {"x": "foo"}, "symbol 'x': expected units that pint reads"),
        ("x", UNITS, "expr: expected a SymPy expression, given str"),
        (x, ["m"], "units: expected a mapping"),
    ],
)
def test_what_is_refused(expression, units, message):
    with pytest.raises(InputError, match=message):
        check_expression(expression, units)
