"""Units are read as pint and UDUNITS write them; what does not scale is refused."""

from __future__ import annotations

import re
import time
from fractions import Fraction
from typing import Any

import pytest

from simulators import InputError
from simulators.units import BASE, conversion, parse


@pytest.mark.parametrize(
    ("text", "factor", "exponents"),
    [
        ("1", 1, {}), ("m", 1, {"m": 1}), (" kg*m/s**2 ", 1, {"kg": 1, "m": 1, "s": -2}),
        ("N", 1, {"kg": 1, "m": 1, "s": -2}),
        ("kg m s-2", 1, {"kg": 1, "m": 1, "s": -2}), ("kg.m.s-2", 1, {"kg": 1, "m": 1, "s": -2}),
        ("m2 s-1", 1, {"m": 2, "s": -1}),
        ("l/d/m**2", 1e-3 / 86400, {"m": 1, "s": -1}), ("g/m**2", 1e-3, {"kg": 1, "m": -2}), ("g/kg", 1e-3, {}),
        ("cm", 0.01, {"m": 1}), ("µm", 1e-6, {"m": 1}), ("days", 86400, {"s": 1}),
        ("V", 1, {"kg": 1, "m": 2, "s": -3, "A": -1}),
        ("m**0.5", 1, {"m": Fraction(1, 2)}), ("m**(1/2)", 1, {"m": Fraction(1, 2)}),
        ("mol/cd", 1, {"mol": 1, "cd": -1}),
        ("m**2/s**2/K", 1, {"m": 2, "s": -2, "K": -1}), ("radian", 1, {}), ("percent", 0.01, {}),
        ("delta_degC", 1, {"K": 1}), ("kg**0", 1, {}), ("m**0*s**0", 1, {}), ("kg**0*m**1", 1, {"m": 1}),
    ],
)  # fmt: skip
def test_units_are_read(text: str, factor: float, exponents: dict[str, Any]) -> None:
    unit = parse(text)
    assert unit.factor == pytest.approx(factor, rel=1e-15)
    assert unit.exponents == tuple(Fraction(exponents.get(base, 0)) for base in BASE)
    assert unit.dimensionless == (not exponents)
    assert [unit.exponent(base) for base in BASE] == list(unit.exponents)
    assert unit.text == text


@pytest.mark.parametrize("given", ["", " ", "\n", None, 3, True, ["m"], {"m": 1}, b"m", float("nan")])
def test_only_text_is_a_unit(given: Any) -> None:
    with pytest.raises(InputError, match=r"^expected units such as 'kg\*m/s\*\*2', or '1' if dimensionless; given "):
        parse(given)


@pytest.mark.parametrize(
    "text",
    ["foo", "m**", "(", "((m)", "m+s", "3", "2*m", "1e3 m", "1e-3", "$", "m/0", "m**nan", "m**inf", "m**1e400",
     "import os",
     "__import__('os').getpid()", "m.magnitude", "days since 2000-01-01", "m" * 1000, "(" * 150],
)  # fmt: skip
def test_what_pint_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^expected units that pint reads, such as .*; given "):
        parse(text)


@pytest.mark.parametrize("text", ["m**9**9**9", "m9**9**9", "9**9**9*m", "m^9^9^9", "m**(9**9)**9", "m**99999999999"])
def test_towers_of_powers_take_no_time(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InputError, match="expected units that pint reads"):
        parse(text)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("text", ["degC", "degF", "°C", "dB"])
def test_units_that_do_not_scale_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"expected units that scale, given '{text}', .*; use 'K'"):
        parse(text)


@pytest.mark.parametrize(
    ("given", "wanted", "factor"),
    [("km", "m", 1e3), ("m", "km", 1e-3), ("g*cm/s", "kg*m/s", 1e-5), ("degF/m", "K/m", 5 / 9), ("1", "percent", 100)],
)
def test_conversion_multiplies(given: str, wanted: str, factor: float) -> None:
    assert conversion(given, wanted) == pytest.approx(factor, rel=1e-14)
    assert conversion(given, given) == conversion(wanted, wanted) == 1.0


@pytest.mark.parametrize(("given", "wanted"), [("m", "kg*m/s"), ("1", "m"), ("N", "J"), ("s", "1/s")])
def test_other_quantities_do_not_convert(given: str, wanted: str) -> None:
    with pytest.raises(
        InputError, match=re.escape(f"expected units of '{wanted}', given '{given}', which measures another")
    ):
        conversion(given, wanted)
