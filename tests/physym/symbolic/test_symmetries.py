"""Pairs of variables that matter only by their difference or sum, and units that an unknown constant may have."""

from __future__ import annotations

import numpy as np
import pytest

from physym.symbolic.guided import guided
from physym.symbolic.problem import Problem
from physym.symbolic.search import search
from physym.symbolic.symmetries import held_out, reduced


def table(names: str, exponents, law, wanted, *, noise: float = 0.0, points: int = 1500) -> Problem:
    rng = np.random.default_rng(3)
    values = {name: rng.uniform(1, 5, points) for name in names}
    target = law(**values)
    target = target + noise * np.sqrt(np.mean(target**2)) * rng.standard_normal(points)
    return Problem(tuple(names), values, np.array(exponents, float), target, np.array(wanted, float))


LENGTHS = [[1, 1, 1, 1]]


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_differences_are_found(noise) -> None:
    found = reduced(table("abce", LENGTHS, lambda a, b, c, e: np.hypot(a - b, c - e), [1], noise=noise), 0)
    assert sorted(found.pairs) == [(0, 1, -1), (2, 3, -1)]
    assert found.active == (4, 5) or found.active == (5, 4)
    for place, (i, j, sign) in enumerate(found.pairs, 4):
        values = [found.problem.values[name] for name in found.problem.names]
        np.testing.assert_array_equal(values[place], values[i] + sign * values[j])


def test_sums_are_told_from_differences() -> None:
    found = reduced(table("abc", [[1, 1, 0]], lambda a, b, c: np.exp(-(a + b) / 4) * c, [0]), 0)
    assert found.pairs == ((0, 1, 1),)


@pytest.mark.parametrize(
    "law",
    [lambda a, b, c, e: a * b / (c * e), lambda a, b, c, e: a**2 + b * c - e**2, lambda a, b, c, e: a + b * e / c],
)
def test_what_is_no_symmetry_is_not_found(law) -> None:
    assert reduced(table("abce", LENGTHS, law, [0]), 0) is None


def test_variables_of_other_units_are_not_subtracted() -> None:
    assert reduced(table("ab", [[1, 0]], lambda a, b: np.sin(a - b), [0]), 0) is None


def test_the_error_is_that_of_points_not_seen() -> None:
    """Noise is not predicted, however many polynomials there are, and a smooth function is."""
    rng = np.random.default_rng(0)
    columns = rng.uniform(size=(3, 1000))
    assert held_out(columns, rng.standard_normal(1000)) > 0.95
    assert held_out(columns, np.exp(columns.sum(axis=0))) < 1e-4
    scale = 1 + columns[0] ** 9
    assert held_out(columns[1:], scale * columns[1], scale) < 1e-4 < held_out(columns[1:], scale * columns[1])


def test_a_distance_in_space_is_found_by_its_differences() -> None:
    def law(k, a, b, c, d, e, f) -> np.ndarray:
        return k / ((a - b) ** 2 + (c - d) ** 2 + (e - f) ** 2)

    units = [[0, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 0]]
    best = search(table("kabcdef", units, law, [-2, 1]), time_limit=30)[0]
    assert best.error < 1e-12
    assert not best.constants


def test_the_units_of_an_unknown_constant_guide_the_search() -> None:
    """Black-body radiation with all of frequency, temperature, c and k_B varying, and h = 2.5."""

    def planck(n, t, c, k) -> np.ndarray:
        return 5.0 * n**3 / c**2 / np.expm1(2.5 * n / (k * t))

    units = [[0, 0, 0, 1], [0, 0, 1, 2], [-1, 0, -1, -2], [0, 1, 0, -1]]
    problem = table("ntck", units, planck, [1, 0, -2, 0], points=600)
    found, evaluations = guided(problem, time_limit=60, seed=0)
    assert found[0].error < 1e-12
    values = {name: 1.3 + 0.4 * place for place, name in enumerate("ntck")}
    best = found[0].expression
    told = float(best.subs({symbol: values[symbol.name] for symbol in best.free_symbols}))
    assert told == pytest.approx(planck(**values), rel=1e-9)
    assert evaluations > 0
