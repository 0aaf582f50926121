from __future__ import annotations

import numpy as np
import pytest

from physym.discovery.selection import Fit, Problem, select
from simulators import InputError


def rows(noise, *, columns=14, count=900, seed=0):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((count, columns))
    matrix[:, 5] = matrix[:, 2] + 0.05 * rng.standard_normal(count)
    truth = np.zeros(columns)
    truth[[2, 7, 11]] = 1.0, -0.3, 0.1
    return matrix * 10.0 ** rng.uniform(-6, 6, columns), truth, noise * rng.standard_normal(count), matrix @ truth


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.1])
def test_finds_exactly_the_terms_whatever_the_sizes_of_columns(noise):
    matrix, _, error, exact = rows(noise)
    found = select(Problem.of(matrix, exact + error, np.arange(900) // 30), floor=1e-9)
    assert found.support == (2, 7, 11)
    assert np.allclose(matrix @ found.fit.coefficients, exact, atol=10 * noise + 1e-9)
    assert found.stability[[2, 7, 11]].min() > 0.8 > found.stability[[0, 1, 3]].max()


def test_compression_keeps_fit_errors_and_covariance():
    matrix, _, error, exact = rows(0.2, columns=12)
    matrix /= np.linalg.norm(matrix, axis=0)
    target = exact + error
    support = [1, 2, 7, 11]
    fit = Fit.of(Problem.of(matrix, target), support)
    part = matrix[:, support]
    plain = np.linalg.lstsq(part, target, rcond=None)[0]
    residual = target - part @ plain
    covariance = np.linalg.inv(part.T @ part) * np.sum(residual**2) / (len(target) - 4)
    assert np.allclose(fit.coefficients[support], plain, rtol=1e-9)
    assert np.allclose(fit.covariance, covariance, rtol=1e-9)
    assert np.isclose(fit.residual, np.sqrt(np.mean(residual**2)), rtol=1e-9)


def test_path_is_close_to_the_best_of_all_subsets():
    from itertools import combinations

    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((60, 8)) @ (np.eye(8) + 0.5 * rng.standard_normal((8, 8)))
    target = matrix @ rng.standard_normal(8) + rng.standard_normal(60)
    path = select(Problem.of(matrix, target)).path
    for step in path:

        def left(some):
            part = matrix[:, list(some)]
            return (
                np.sum((target - part @ np.linalg.lstsq(part, target, rcond=None)[0]) ** 2) if some else target @ target
            )

        best = min(map(left, combinations(range(8), len(step.support))))
        assert best * (1 - 1e-9) <= 60 * step.residual**2 <= 1.03 * best


def test_rows_that_depend_on_each_other_widen_the_errors():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(300):
        column = np.repeat(rng.standard_normal(40), 10)
        target = column + np.repeat(rng.standard_normal(40), 10)
        fit = Fit.of(Problem.of(column[:, None], target, np.arange(400) // 10), [0])
        values.append((fit.coefficients[0] - 1) / fit.errors[0])
    assert 0.9 < np.std(values) < 1.2


def test_dependent_and_empty_columns_do_no_harm():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 200))
    matrix = np.column_stack([a, b, a + b, np.zeros(200), a])
    found = select(Problem.of(matrix, 2 * (a + b), np.arange(200) // 20), floor=1e-9)
    assert found.support == (2,)
    assert found.fit.coefficients[2] == pytest.approx(2.0)


def test_forced_columns_stay_and_least_gain_is_asked():
    matrix, _, error, exact = rows(0.1)
    problem = Problem.of(matrix, exact + error, np.arange(900) // 30)
    assert 0 in select(problem, forced=[0]).support
    assert select(problem, least=0.95).support == ()


def test_parts_join_to_the_whole():
    matrix, _, error, exact = rows(0.1)
    groups = np.arange(900) // 30
    whole = Problem.of(matrix, exact + error, groups)
    parts = Problem.joined(
        Problem.of(matrix[n : n + 300], (exact + error)[n : n + 300], groups[n : n + 300]) for n in (0, 300, 600)
    )
    assert np.allclose(np.abs(whole.whole()), np.abs(parts.whole()), rtol=1e-8, atol=1e-12)


def test_bad_rows_are_refused():
    with pytest.raises(InputError, match=r"expected A \(row, n\) and b \(row,\)"):
        Problem.of(np.ones((3, 2)), np.ones(4))
    with pytest.raises(InputError, match="NaN or infinity"):
        Problem.of(np.full((3, 2), np.nan), np.ones(3))
    with pytest.raises(InputError, match="more rows than terms"):
        select(Problem.of(np.ones((1, 2)), np.ones(1)))


def test_two_columns_that_only_help_together_are_found():
    radius = np.random.default_rng(0).uniform(1, 2, 300)
    powers = (-3, -2, -1, 1, 2, 3, 4)
    matrix = np.column_stack([radius**n for n in powers])
    found = select(Problem.of(matrix, 0.5 * radius**2 - radius, np.arange(300) // 30), floor=1e-9)
    assert [powers[j] for j in found.support] == [1, 2]
