"""The judge of the Feynman benchmark says yes to the law, however it is written, and no to what only comes near."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import sympy

SOURCE = Path(__file__).resolve().parents[3] / "benchmarks" / "recovery.py"
SPEC = importlib.util.spec_from_file_location("recovery", SOURCE)
recovery = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(recovery)

x, y, z = sympy.symbols("x y z")
RANGES = {"x": (1.0, 5.0), "y": (1.0, 5.0), "z": (0.0, 6.0)}
PLANCK = x / (sympy.exp(y / x) - 1)
LAW = x * y / 3 + sympy.sin(z) ** 2


def judged(model, truth):
    return recovery.recovered(model, truth, RANGES)


@pytest.mark.parametrize(
    ("model", "truth", "how"),
    [
        (LAW, LAW, "symbolic"),
        (LAW + 7, LAW, "symbolic"),
        (2.5 * LAW, LAW, "symbolic"),
        (x * y / 3 + (1 - sympy.cos(2 * z)) / 2, LAW, "symbolic"),
        (sympy.Symbol("x", positive=True) * y / 3 + sympy.sin(z) ** 2, LAW, "symbolic"),
        # numbers of noisy data: rounded to three decimals, as SRBench does
        (1.0004 * x * y + 2.9996 * x, x * y + 3 * x, "symbolic"),
        # 0.333 is not 1/3, but 0.3334 may stand for it; so may 0.07961 for 1/(4π)
        (0.3334 * x * y + 0.9998 * sympy.sin(z) ** 2, LAW, "symbolic"),
        (0.07961 * x / y + z, x / (4 * sympy.pi * y) + z, "symbolic"),
        (x * sympy.exp(-y / (2 * x)) / sympy.sinh(y / (2 * x)), PLANCK, "symbolic"),
    ],
)
def test_the_law_is_recovered(model, truth, how) -> None:
    assert judged(model, truth) == (True, how)


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        (sympy.Integer(3), LAW),
        (sympy.Float(0.0), LAW),
        (x, LAW),
        (LAW + 0.001 * x, LAW),
        (LAW * (1 + 1e-3 * y), LAW),
        (0.34 * x * y + sympy.sin(z) ** 2, LAW),
        (sympy.Symbol("w") * LAW, LAW),
        # a Taylor series that is good to a millionth is not the law
        (sympy.series(sympy.sin(z / 10), z, 0, 7).removeO(), sympy.sin(z / 10)),
        # nowhere real, or not everywhere
        (LAW + sympy.sqrt(x - 2) * 1e-3, LAW),
        (LAW + sympy.zoo, LAW),
    ],
)
def test_what_only_comes_near_is_not(model, truth) -> None:
    assert judged(model, truth) == (False, "no")


def test_where_sympy_has_no_time_numbers_decide() -> None:
    model = x * y / 3 + (1 - sympy.cos(2 * z)) / 2
    assert recovery.recovered(model, LAW, RANGES, time_limit=0.01) == (True, "numeric")
    assert not recovery.recovered(model + x / 1000, LAW, RANGES, time_limit=0.01).recovered


def test_names_are_names() -> None:
    law = recovery.read_formula("I*gamma/(E+S)*arcsin(beta/(N*Q))", ["I", "gamma", "E", "S", "beta", "N", "Q"])
    assert {symbol.name for symbol in law.free_symbols} == {"I", "gamma", "E", "S", "beta", "N", "Q"}
    assert law.has(sympy.asin)


def test_a_law_that_is_nowhere_real_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a formula that is real within the ranges"):
        judged(x, sympy.sqrt(-x - 1))


def test_points_and_noise_follow_the_protocol(monkeypatch, tmp_path) -> None:
    monkeypatch.syspath_prepend(SOURCE.parent)
    feynman = importlib.import_module("feynman")
    ranges = {"x": (1.0, 2.0), "y": (0.5, 4.0)}
    variables = [{"name": name, "low": low, "high": high, "units": "1"} for name, (low, high) in ranges.items()]
    equation = {"id": "t", "formula": "5 + arcsin(x/y)", "variables": variables, "output": {"name": "z", "units": "1"}}
    truth, values, exact = feynman.draw(equation, 4000, 0.0, 0)
    _, same, noisy = feynman.draw(equation, 4000, 0.1, 0)
    assert truth == 5 + sympy.asin(x / y)
    np.testing.assert_array_equal(values["x"], same["x"])
    # where arcsin is not real, points are drawn again
    assert np.all(values["x"] <= values["y"])
    np.testing.assert_allclose(exact, 5 + np.arcsin(values["x"] / values["y"]))
    assert np.std(noisy - exact) == pytest.approx(0.1 * np.sqrt(np.mean(exact**2)), rel=0.05)
    # a line that a crash cut short is skipped, and a result is known again by its settings
    record = {"id": "t", "points": 10, "noise": 0.0, "seed": 0, "units": True, "time_limit": 1.0, "recovered": True}
    (tmp_path / "found.jsonl").write_text(json.dumps(record) + "\n" + json.dumps(record)[:20])
    assert feynman.read(tmp_path / "found.jsonl") == {feynman.key(record): record}
    assert "1/1 = 100.0 %" in feynman.summary([record | {"seconds": 1.0}])
