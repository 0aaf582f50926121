"""Units over base units that a user names."""

from __future__ import annotations

from fractions import Fraction

import pytest

from physym.units.systems import SI, system
from simulators import InputError

LECTURE = ("l", "d", "m", "g")


@pytest.mark.parametrize(
    ("base", "text", "factor", "exponents"),
    [
        (LECTURE, "l/d/m**2", 1.0, (1, -1, -2, 0)),
        (LECTURE, "l d-1 m-2", 1.0, (1, -1, -2, 0)),
        (LECTURE, "ml/h", 0.024, (1, -1, 0, 0)),
        (LECTURE, "km", 1000.0, (0, 0, 1, 0)),
        (LECTURE, "m**3", 1.0, (0, 0, 3, 0)),
        (LECTURE, "hectare", 1e4, (0, 0, 2, 0)),
        (LECTURE, "kg/m**2", 1000.0, (0, 0, -2, 1)),
        (LECTURE, "N", 1000.0 * 86400.0**2, (0, -2, 1, 1)),
        (LECTURE, "percent", 0.01, (0, 0, 0, 0)),
        (LECTURE, "m**0.5", 1.0, (0, 0, Fraction(1, 2), 0)),
        (("km", "h"), "m/s", 3.6, (1, -1)),
        (("J", "m"), "N", 1.0, (1, -1)),
        (("N", "m", "s"), "kg", 1.0, (1, -1, 2)),
        (("mm", "m"), "mm/m", 1.0, (1, -1)),
    ],
)
def test_units_over_a_base(base, text, factor, exponents):
    found = system(base).read(text)
    assert found.exponents == exponents
    assert found.factor == pytest.approx(factor, rel=1e-14)


def test_the_si_is_the_default():
    assert system(None) is SI
    assert SI.read("l").exponents[1] == 3
    assert SI.read("l").factor == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("base", "text", "message"),
    [
        (LECTURE, "K", r"units 'K': expected units over the base l, d, m, g, given kelvin, .* add it to the base"),
        (LECTURE, "N*mol", r"given mole, which they do not span"),
        (LECTURE, "degC", "expected units that scale, given 'degC'"),
        (LECTURE, "l/foo", "expected units that pint reads"),
        (("mm", "m"), "km", "units 'km': expected kilometer to belong to one base unit, given mm and m"),
        (("m", "meter"), "m", "base: expected different units, given meter twice"),
        (("m/s", "s"), "m", "base: expected single units such as 'l' or 'kg', given 'm/s'"),
        (("percent",), "1", "base: expected single units"),
        ("m", "m", r"base: expected names of units such as \('l', 'd', 'm', 'g'\), given 'm'"),
        ((), "m", "base: expected names of units"),
    ],
)
def test_what_is_refused(base, text, message):
    with pytest.raises(InputError, match=message):
        system(base).read(text)
