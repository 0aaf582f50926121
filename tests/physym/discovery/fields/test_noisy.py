"""The terms of noisy runs: noise neither hides a term nor biases its coefficient."""

from __future__ import annotations

import numpy as np
import pytest

from physym.discovery.fields import noisy
from physym.discovery.fields.balance import Balance, clashes
from physym.discovery.fields.data import FieldData
from physym.discovery.fields.terms import FieldTerm, Space
from simulators.grid import Grid
from simulators.integrate import etdrk4


def runs(noise: float, seed: int) -> FieldData:
    """∂u/∂t = 0.3 - 0.5 u + 4 ∇²u - 0.6 u v/(v + 2), ∂v/∂t = 0.6 u v/(v + 2) - 0.3 v + 0.2 ∇²v."""
    import xarray as xr

    from physym.discovery.system import System
    from simulators.schema import Variable

    grid = Grid((32.0, 32.0), 2.0)
    rng = np.random.default_rng(seed)
    modes = np.fft.rfftn(rng.standard_normal((5, 2, *grid.shape)), axes=(-2, -1))
    modes *= np.exp(4.0 * grid.laplacian_symbol("spectral"))
    start = np.fft.irfftn(modes, s=grid.shape, axes=(-2, -1))
    start = 2.0 * np.exp(0.7 * start / start.std(axis=(-2, -1), keepdims=True))
    times = 0.4 * np.arange(21)

    def rhs(_t: float, y: np.ndarray) -> np.ndarray:
        taken = 0.6 * y[0] * y[1] / (y[1] + 2.0)
        return np.stack([0.3 - 0.5 * y[0] - taken, taken - 0.3 * y[1]])

    symbol = grid.laplacian_symbol("spectral")
    states = etdrk4(rhs, start, times, linear=[4.0 * symbol, 0.2 * symbol], tolerance=1e-8).states
    found = {}
    for n, (name, symbol_) in enumerate((("water", "u"), ("plants", "v"))):
        array = states[:, :, n]
        array = array + noise * array.std() * rng.standard_normal(array.shape)
        found[name] = (
            ("sample", "time", *grid.dims),
            array,
            Variable(name, "g/m**2", name, symbol_, grid.dims).attrs(),
        )
    time = ("time", times, {"units": "d", "long_name": "time"})
    attrs = {"Conventions": "CF-1.11, physym-1", "title": "test", "source": "test", "history": "test"}
    dataset = xr.Dataset(found, attrs={**attrs, "simulator": "none", "solver": "none", "seed": 0})
    dataset = dataset.assign_coords(time=time, **grid.coordinates())
    return FieldData.of(dataset, System.of(dataset))


TRUTH: list[dict[tuple, float]] = [
    {
        FieldTerm((0, 0)).family: 0.3, FieldTerm((1, 0)).family: -0.5, FieldTerm((0, 0), laplacian=0).family: 4.0,
        FieldTerm((1, 0), ((1, 1.0),)).family: -0.6,
    },
    {
        FieldTerm((0, 1)).family: -0.3, FieldTerm((0, 0), laplacian=1).family: 0.2,
        FieldTerm((1, 0), ((1, 1.0),)).family: 0.6,
    },
]  # fmt: skip


@pytest.mark.parametrize(("noise", "within"), [(0.02, 0.03)])
def test_terms_and_constants_of_noisy_runs(noise, within):
    data = runs(noise, 3)
    assert (data.noise > 0).all()
    found = noisy.equations(data, Space(data.grid, "spectral"), ["u", "v"], lambda _text: None)
    for one, truth in zip(found, TRUTH, strict=True):
        assert {t.family for t in one.terms} == set(truth)
        for term, value, error in zip(one.terms, one.values, one.errors, strict=True):
            assert abs(value / truth[term.family] - 1) < within
            assert error < abs(value)
            assert all(abs(half / 2.0 - 1) < 3 * within for _, half in term.saturations)


def test_a_balance_that_hides_the_rate_is_fitted_by_its_largest_term():
    rng = np.random.default_rng(0)
    first, second = 1e3 * rng.standard_normal((2, 200))
    rate = 0.5 * first - 0.25 * second
    # noise in the terms of the size of the rate's would bias a fit of the rate
    balanced = np.stack([first, 2.0 * first - rate / 0.01, rate + rng.standard_normal(200)], axis=1)
    fit = Balance.of(balanced, [0, 1])
    assert np.allclose(fit.values, [0.02, -0.01], rtol=0.02)
    assert fit.left < 400
    assert Balance.of(balanced, [0]).score > 10 * fit.score


def test_expansions_clash_with_their_saturations():
    terms = [FieldTerm((1, 0), ((1, 2.0),)), FieldTerm((1, 1)), FieldTerm((1, 2)), FieldTerm((1, 0)), FieldTerm((2, 0))]
    clash = clashes(terms)
    assert clash[0].tolist() == [True, True, True, False, False]
    assert (clash == clash.T).all()
