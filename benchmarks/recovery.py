"""Whether a found expression is the law, as SRBench (La Cava et al. 2021) judges: up to a constant term or factor.

A law is recovered if the model is not a constant and model - truth simplifies to a constant, or model / truth to one
that is not zero. This is asked of three readings of the model's numbers, one of which must hold: as they are; rounded
to three decimals, as SRBench does; and each within half of the third decimal of a simple number (p/q, q <= 12, alone or
times π, 1/π, √2, √3) replaced by it, so that 0.3334 of noisy data may stand for 1/3 as 0.5001 does for 1/2.

First a test that can only say no: difference and ratio are evaluated with 50 digits at 200 random points of the
ranges. If neither is constant to 1e-9, no algebra can make it so. If one is, SymPy is asked to simplify it, in a
process of its own that a time limit ends, and the answer is "symbolic". Where SymPy is too weak or too slow, the answer
is "numeric": analytic functions that agree to nine digits at 200 random points hardly differ anywhere.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import mpmath
import numpy as np
import sympy

__all__ = ["Verdict", "read_formula", "recovered"]

DECIMALS, POINTS, DIGITS, TOLERANCE = 3, 200, 50, 1e-9
_SLACK = sympy.Rational(1, 2000)
_FACTORS = (sympy.Integer(1), sympy.pi, 1 / sympy.pi, sympy.sqrt(2), sympy.sqrt(3))
_FUNCTIONS = {"arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "ln": sympy.log}
Ranges = Mapping[str, tuple[float, float]]


class Verdict(NamedTuple):
    """Whether the law was recovered, and how that was seen: "symbolic", "numeric" or "no"."""

    recovered: bool
    how: str


def read_formula(text: str, names: list[str]) -> sympy.Expr:
    """A formula of the database, over plain symbols, whatever else a name such as `I` or `gamma` means to SymPy."""
    return sympy.sympify(text, locals={**_FUNCTIONS, **{name: sympy.Symbol(name) for name in names}})


def recovered(
    model: sympy.Expr, truth: sympy.Expr, ranges: Ranges, *, seed: int = 0, time_limit: float = 10.0
) -> Verdict:
    """Judge a model.

    Args:
        model: over symbols named as the variables; anything else in it is a number.
        truth: likewise.
        ranges: low and high of each variable.
        seed: of the random points.
        time_limit: seconds that SymPy gets for each simplification.

    >>> x, y = sympy.symbols("x y")
    >>> recovered(2.0001 * x / y + 1, 2 * x / y, {"x": (1, 5), "y": (1, 5)}).recovered
    True
    """
    model, truth = _plain(model), _plain(truth)
    if model.has(sympy.zoo, sympy.nan, sympy.oo) or not model.free_symbols <= {sympy.Symbol(name) for name in ranges}:
        return Verdict(False, "no")
    points = _points(truth, ranges, seed)
    for reading in dict.fromkeys(_readings(model)):
        alike = _alike(reading, truth, points)
        if alike is not None:
            how = "symbolic" if _simplifies(alike, ranges, time_limit) else "numeric"
            return Verdict(True, how)
    return Verdict(False, "no")


def _plain(expression: sympy.Expr) -> sympy.Expr:
    """Without the assumptions that symbols carry, so that equal names are equal symbols."""
    return expression.xreplace({symbol: sympy.Symbol(symbol.name) for symbol in expression.free_symbols})


def _readings(model: sympy.Expr) -> Iterator[sympy.Expr]:
    floats = model.atoms(sympy.Float)
    yield model
    yield model.xreplace({number: sympy.Float(round(float(number), DECIMALS), 15) for number in floats})
    yield model.xreplace({number: _simple(number) for number in floats})


def _simple(number: sympy.Float) -> sympy.Expr:
    """The simplest number nearby, or itself."""
    for factor in _FACTORS:
        size = float(number) / float(factor)
        for q in range(1, 13):
            near = sympy.Rational(round(size * q), q)
            if abs(float(near * factor) - float(number)) <= _SLACK and (near != 0 or q == 1):
                return near * factor
    return number


class _Points(NamedTuple):
    names: list[str]
    values: list[list[mpmath.mpf]]
    truth: list[mpmath.mpf]


def _points(truth: sympy.Expr, ranges: Ranges, seed: int) -> _Points:
    """Random points at which the truth is a real number, and its values there."""
    rng, names = np.random.default_rng(seed), list(ranges)
    low, high = np.array([ranges[name] for name in names]).T
    drawn = rng.uniform(low, high, (2 * POINTS, len(names))).tolist()
    with mpmath.workdps(DIGITS):
        values = [[mpmath.mpf(number) for number in row] for row in drawn]
        found = list(zip(values, _values(truth, names, values), strict=True))
    real = [(row, value) for row, value in found if value is not None][:POINTS]
    if len(real) < 2:
        raise ValueError(f"expected a formula that is real within the ranges, given {truth}")
    return _Points(names, [row for row, _ in real], [value for _, value in real])


def _values(expression: sympy.Expr, names: list[str], rows: list[list[mpmath.mpf]]) -> Iterator[mpmath.mpf | None]:
    """At each point a finite real number, or None."""
    function = sympy.lambdify([sympy.Symbol(name) for name in names], expression, "mpmath")
    for row in rows:
        try:
            value = mpmath.mpmathify(function(*row))
        except (ZeroDivisionError, ValueError, TypeError, OverflowError):
            yield None
            continue
        if isinstance(value, mpmath.mpc) and abs(value.imag) <= mpmath.mpf(10) ** (5 - DIGITS) * abs(value.real):
            value = value.real
        yield value if isinstance(value, mpmath.mpf) and mpmath.isfinite(value) else None


def _alike(model: sympy.Expr, truth: sympy.Expr, points: _Points) -> sympy.Expr | None:
    """The difference or the ratio, whichever is constant at all points; None if neither is."""
    if not model.free_symbols:
        return None
    with mpmath.workdps(DIGITS):
        values = []
        for value in _values(model, points.names, points.values):
            if value is None:
                return None
            values.append(value)
        pairs = list(zip(values, points.truth, strict=True))
        spread = max(points.truth) - min(points.truth)
        differences = [value - true for value, true in pairs]
        if max(differences) - min(differences) <= TOLERANCE * spread:
            return model - truth
        if any(true == 0 or value == 0 for value, true in pairs):
            return None
        ratios = [value / true for value, true in pairs]
        if max(ratios) - min(ratios) <= TOLERANCE * abs(ratios[0]):
            return model / truth
    return None


def _signed(name: str, low: float) -> sympy.Symbol:
    return sympy.Symbol(name, positive=low >= 0 or None, real=True)


def _simplifies(expression: sympy.Expr, ranges: Ranges, time_limit: float) -> bool:
    """Whether SymPy makes it a number in time; the signs of variables are known from their ranges."""
    signs = {sympy.Symbol(name): _signed(name, low) for name, (low, _) in ranges.items()}
    job = pickle.dumps(expression.xreplace(signs))
    try:
        done = subprocess.run(
            [sys.executable, __file__], input=job, capture_output=True, timeout=time_limit, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.stdout.strip() == b"True"


if __name__ == "__main__":
    # the other end of _simplifies
    print(not sympy.simplify(pickle.loads(sys.stdin.buffer.read())).free_symbols)
