"""How many samples the symmetry saves: closed forms against draws, and learners that show the factor N."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import solve

from physym.symmetry.cyclic import (
    LearningCurve,
    all_strings,
    count_orbits,
    draws_until,
    expected_coverage,
    learning_curve,
    least_rotation,
    longest_run,
    orbit_table,
    orbits_of_length,
    saved_factor,
    table_samples,
)
from physym.symmetry.cyclic.sample_complexity import _kernel
from simulators.errors import InputError


def test_orbits_by_length():
    periods = least_rotation(all_strings(12)).period
    for d in (1, 2, 3, 4, 6, 12):
        assert orbits_of_length(d) * d == (periods == d).sum()
    for size in range(1, 30):
        assert sum(orbits_of_length(d) for d in range(1, size + 1) if size % d == 0) == count_orbits(size)


@pytest.mark.parametrize("size", [1, 4, 6, 10])
@pytest.mark.parametrize("orbits", [True, False])
def test_expected_coverage_against_draws(size, orbits):
    table = orbit_table(size) if orbits else np.arange(2**size)
    rng, weight = np.random.default_rng(size), np.bincount(table)
    for samples in (1, 2**size // 4 + 1, 2**size):
        seen = [weight[np.unique(table[rng.integers(0, 2**size, samples)])].sum() for _ in range(2000)]
        share = np.array(seen) / 2**size
        error = share.std() / math.sqrt(share.size)
        assert abs(share.mean() - expected_coverage(size, samples, orbits=orbits)) < 3 * error + 1e-12
    assert expected_coverage(size, 0, orbits=orbits) == 0


@pytest.mark.parametrize("size", [4, 7, 8, 11, 12, 16, 24, 64])
def test_a_table_needs_nearly_n_times_fewer_samples(size):
    """Less than N by what the periodic strings cost, but for prime N; no less than the number of strings an orbit."""
    factor = table_samples(size, orbits=False) / table_samples(size, orbits=True)
    assert 2**size / count_orbits(size) < factor
    assert (factor > size) == (size in (7, 11))
    assert abs(factor / size - 1) < 2 ** (-size / 2 + 2)
    assert table_samples(size, orbits=False) == pytest.approx(-math.log(2) / math.log1p(-(2.0**-size)), rel=1e-10)


def test_the_factor_as_drawn():
    drawn = {orbits: draws_until(12, orbits=orbits, repeats=40, seed=1) for orbits in (True, False)}
    for orbits, numbers in drawn.items():
        error = numbers.std() / math.sqrt(40)
        # a draw more or less, since a share is reached by whole strings
        assert abs(numbers.mean() - table_samples(12, orbits=orbits)) < 3 * error + 1
    assert abs(drawn[False].mean() / drawn[True].mean() / 12 - 1) < 0.05


def test_the_averaged_kernel():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (5, 6)), rng.integers(0, 2, (4, 6))
    plain = np.exp(-0.5 * (x[:, None] != y).sum(axis=-1))
    np.testing.assert_allclose(_kernel(x, y, averaged=False), plain, rtol=1e-15)
    turns = [np.exp(-0.5 * (x[:, None] != np.roll(y, n, axis=1)).sum(axis=-1)) for n in range(6)]
    shared = _kernel(x, y, averaged=True)
    np.testing.assert_allclose(shared, np.mean(turns, axis=0), rtol=1e-14)
    np.testing.assert_allclose(_kernel(np.roll(x, 2, axis=1), np.roll(y, 5, axis=1), averaged=True), shared, rtol=1e-14)


def test_a_curve_is_that_of_ridge_regression():
    """One Cholesky factor for all numbers of samples, against a solution from scratch for each."""
    curve = learning_curve(6, [3, 9, 20], averaged=True, repeats=1, test=50, seed=2)
    rng = np.random.default_rng(2)
    new = rng.integers(0, 2, (50, 6))
    rng.integers(0, 6, 50)
    x = rng.integers(0, 2, (20, 6))
    truth, y = longest_run(new), longest_run(x)
    for number, found in zip((3, 9, 20), curve.errors[:, 0], strict=True):
        own = _kernel(x[:number], x[:number], averaged=True) + 1e-6 * np.eye(number)
        mean = y[:number].mean()
        given = mean + _kernel(new, x[:number], averaged=True) @ solve(own, y[:number] - mean)
        assert found == pytest.approx(np.mean((given - truth) ** 2) / truth.var(), rel=1e-6)


def test_an_averaged_kernel_is_augmentation_by_all_turns():
    rng = np.random.default_rng(4)
    x, new = rng.integers(0, 2, (15, 6)), rng.integers(0, 2, (30, 6))
    y = longest_run(x).astype(float)
    shared = _kernel(new, x, averaged=True) @ solve(_kernel(x, x, averaged=True) + 0.01 * np.eye(15), y)
    turns = np.concatenate([np.roll(x, n, axis=1) for n in range(6)])
    own = _kernel(turns, turns, averaged=False) + 0.06 * np.eye(90)
    augmented = _kernel(new, turns, averaged=False) @ solve(own, np.tile(y, 6))
    np.testing.assert_allclose(augmented, shared, atol=1e-10)


def test_where_a_curve_reaches_an_error():
    curve = LearningCurve(4, False, np.array([1, 2, 4]), np.array([[1.0], [0.5], [0.125]]))
    assert curve.samples_for(0.25) == pytest.approx(2 * math.sqrt(2))
    assert curve.samples_for(0.5) == 2
    assert math.isnan(curve.samples_for(0.1))
    assert math.isnan(curve.samples_for(2.0))


def test_a_learner_needs_far_fewer_samples():
    """At N = 12 ten times fewer, of twelve in the limit; about one if the kernel is averaged for both."""
    assert 8 < saved_factor(12, error=0.2, repeats=4, test=400) < 14
    assert math.isnan(saved_factor(12, error=0.01, most=64, repeats=1, test=50))


def test_a_kernel_that_is_not_averaged_saves_nothing(monkeypatch):
    from physym.symmetry.cyclic import sample_complexity

    monkeypatch.setattr(sample_complexity, "_kernel", lambda x, y, averaged: _kernel(x, y, averaged=False))
    assert 0.8 < saved_factor(8, error=0.2, repeats=4, test=400) < 1.25


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: orbits_of_length(0), "length: expected an integer >= 1"),
        (lambda: expected_coverage(4, -1, orbits=True), "samples: expected a number >= 0"),
        (lambda: table_samples(4, 1.0, orbits=True), "share: expected a number between 0 and 1"),
        (lambda: draws_until(4, repeats=0, orbits=True), "repeats: expected an integer >= 1"),
        (lambda: draws_until(60, orbits=False), "at most a gigabyte"),
        (lambda: learning_curve(4, [], averaged=True), "samples: expected increasing integers"),
        (lambda: learning_curve(4, [4, 2], averaged=True), "samples: expected increasing integers"),
        (lambda: learning_curve(4, 5, averaged=True), r"samples: expected increasing integers .*given 5"),
        (lambda: learning_curve(4, [4], averaged=True, seed="a"), "seed: expected an integer >= 0, given 'a'"),
        (lambda: draws_until(4, orbits=True, seed=-1), "seed: expected an integer >= 0, given -1"),
        (lambda: learning_curve(4, [4], averaged=True, target=3), "target: expected a function .*given 3"),
        (lambda: learning_curve(4, [4], averaged=True, ridge=0), "ridge: expected a number > 0"),
        (lambda: learning_curve(4, [4], averaged=True, target=lambda s: s[:, 0] * 0), "not constant"),
        (lambda: learning_curve(4, [4], averaged=True, target=lambda s: s[:, 0]), "function of necklaces"),
        (lambda: saved_factor(4, 1.5), "error: expected a number between 0 and 1"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()
