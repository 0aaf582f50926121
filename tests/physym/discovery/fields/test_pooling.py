"""Shared constants of field equations, and rules over noisy outputs."""

from __future__ import annotations

import numpy as np

from physym.discovery.fields.equations import Found
from physym.discovery.fields.moments import _integral
from physym.discovery.fields.pooling import pooled
from physym.discovery.fields.terms import FieldTerm


def found(terms, constants, errors):
    """An equation with independent errors."""
    one = Found(tuple(terms), np.zeros(len(terms)), np.zeros(len(terms)), 0.0, ())
    return one.measured(terms, np.array(constants), np.diag(np.square(errors)))


def test_agreeing_constants_become_their_weighted_mean():
    taken, lone = FieldTerm((1, 0), ((1, 2.0),)), FieldTerm((0, 1))
    first = found([taken], [-0.6, 2.1], [0.01, 0.1])
    second = found([taken, lone], [0.63, -0.3, 1.9], [0.02, 0.01, 0.2])
    one, two = pooled([first, second])
    mean = (0.6 / 0.01**2 + 0.63 / 0.02**2) / (1 / 0.01**2 + 1 / 0.02**2)
    assert np.isclose(one.values[0], -mean)
    assert np.isclose(two.values[0], mean)
    assert np.isclose(one.errors[0], (1 / 0.01**2 + 1 / 0.02**2) ** -0.5)
    half = (2.1 / 0.1**2 + 1.9 / 0.2**2) / (1 / 0.1**2 + 1 / 0.2**2)
    assert np.isclose(one.terms[0].saturations[0][1], half)
    assert np.isclose(two.terms[0].saturations[0][1], half)
    assert np.isclose(two.values[1], -0.3)


def test_constants_that_differ_stay_apart():
    taken = FieldTerm((1, 0), ((1, 2.0),))
    given = [found([taken], [-0.6, 2.1], [0.01, 0.01]), found([taken], [0.7, 3.0], [0.01, 0.01])]
    for before, after in zip(given, pooled(given), strict=True):
        assert np.allclose(before.constants, after.constants)
    bare = Found((taken,), np.array([0.6]), np.array([0.1]), 0.0, ())
    assert pooled([bare])[0] is bare


def test_rules_between_outputs():
    even = np.arange(8.0)
    assert np.allclose(_integral(even, 2, 1, 1), np.array([-1, 13, 13, -1]) / 24)
    assert np.allclose(_integral(even, 2, 2, 1), np.array([-1, 34, 114, 34, -1]) / 90)
    times = np.array([0.0, 0.5, 1.5, 2.0, 3.1, 4.0, 4.2])
    for power in range(5):
        exact = (times[4] ** (power + 1) - times[2] ** (power + 1)) / (power + 1)
        assert np.isclose(_integral(times, 2, 2, 1) @ times[1:6] ** power, exact)
