"""Moments for any saturation constant, and constants that chance in the moments does not shrink."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from physym.discovery.fields.moments import Moments
from physym.discovery.fields.table import Table, View
from physym.discovery.fields.terms import FieldTerm, Space, polynomials

from .test_noisy import runs


@pytest.fixture(scope="module")
def table():
    data = runs(0.01, 5)
    space = Space(data.grid, "spectral")
    moments = Moments(data, space, polynomials(2, 2), range(2))
    return Table(moments, polynomials(2, 1), [FieldTerm((1, 0), ((1, 1.0),))], [(0.1, 10.0), (0.1, 10.0)])


@pytest.mark.parametrize("half", [0.15, 1.7, 8.0])
def test_sums_between_the_nodes_are_those_of_the_term(table, half):
    term = FieldTerm((1, 0), ((1, half),))
    direct = table.moments.sums([term])
    place = table.place(term)
    square = np.einsum("i,bij,j->b", place, table.sums.full[:, : len(place), : len(place)], place)
    assert np.allclose(square, direct.full[:, 0, 0], rtol=2e-3)


def test_slopes_are_derivatives_with_respect_to_the_logarithm(table):
    step, half = 1e-5, 1.7
    above, below = (table.place(FieldTerm((1, 0), ((1, half * np.exp(s)),))) for s in (step, -step))
    slope = table.place(FieldTerm((1, 0), ((1, half),)), slope=True)
    assert np.allclose(slope, (above - below) / (2 * step), atol=1e-8)


def test_chance_in_the_moments_of_terms_does_not_shrink_their_constants(table):
    """The rate is 0.5 of the first column and -0.8 of the second, whose moments are as uncertain as its own."""
    rng = np.random.default_rng(1)
    terms, truth = table.terms[:2], np.array([0.5, -0.8])
    made, shrunk = [], []
    for _ in range(40):
        exact = np.zeros((300, len(table.terms) + 1))
        exact[:, :2] = 1.5 * rng.standard_normal((300, 2))
        noise = np.zeros_like(exact)
        noise[:, :2] = rng.standard_normal((300, 2))
        exact[:, -1] = exact[:, :2] @ truth
        noise[:, -1] = rng.standard_normal(300)
        rows = exact + noise
        chance = np.zeros((rows.shape[1],) * 2)
        for n in (0, 1, -1):
            chance[n, n] = len(rows)
        view = SimpleNamespace(table=table, rows=rows, chance=chance)
        made.append(View.unbiased(view, terms, ())[0])
        shrunk.append(np.linalg.lstsq(rows[:, :2], rows[:, -1], rcond=None)[0])
    assert np.allclose(np.mean(made, axis=0), truth, atol=0.03)
    assert np.all(np.abs(np.mean(shrunk, axis=0)) < 0.8 * np.abs(truth))
