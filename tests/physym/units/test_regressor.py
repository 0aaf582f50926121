"""Dimensionless learning: any estimator, whatever the units."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import sklearn.base
import xarray as xr
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from physym import DimensionlessRegressor
from simulators import InputError
from simulators.units import parse

UNITS = {"mass": "kg", "stiffness": "kg/s**2", "drag": "kg/s", "time": "s", "way": "m"}


class Recorder:
    """Keeps what it is given and predicts the mean of its inputs."""

    def fit(self, X, y):
        self.X, self.y = np.array(X), np.array(y)

    def predict(self, X):
        return np.sum(X, axis=1)


def drawn(rows=80, seed=0, low=0.5, high=2.0):
    rng = np.random.default_rng(seed)
    return {name: np.exp(rng.uniform(np.log(low), np.log(high), rows)) for name in UNITS}


def truth(columns):
    """A damped oscillation: way exp(-drag time/(2 mass)) cos(sqrt(stiffness/mass) time)."""
    m, k, c, t, a = (columns[name] for name in UNITS)
    return a * np.exp(-c * t / (2 * m)) * np.cos(np.sqrt(k / m) * t)


def table(columns, units=UNITS):
    return {name: (columns[name], units[name]) for name in columns}


def rescaled(columns, **sizes):
    """The same systems where one base unit counts `sizes`, by sample or for all."""

    def scale(units):
        exponents = parse(units).exponents
        return np.prod([np.asarray(sizes[b]) ** float(exponents[n]) for n, b in enumerate(("kg", "m", "s"))], axis=0)

    return {name: values * scale(UNITS[name]) for name, values in columns.items()}, scale("m")


ESTIMATORS = {
    "trees": GradientBoostingRegressor(n_estimators=40, random_state=0),
    "kernel": make_pipeline(StandardScaler(), KernelRidge(kernel="rbf", gamma=0.1, alpha=1e-4)),
}


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=list(ESTIMATORS))
def test_a_change_of_units_moves_nothing(estimator):
    columns, new = drawn(), drawn(30, 1)
    model = DimensionlessRegressor(estimator).fit(table(columns), (truth(columns), "m"))
    before = model.predict(table(new))
    assert before.attrs["units"] == "m"
    rng = np.random.default_rng(2)
    sizes = {base: 10.0 ** rng.uniform(-3, 3, 30) for base in ("kg", "m", "s")}
    moved, scale = rescaled(new, **sizes)
    after = model.predict(table(moved)).values / scale
    size = np.abs(before.values).max()
    assert np.abs(after - before.values).max() < 1e-12 * size
    # other units of the same values, and other names of the rows
    others = {"mass": "g", "stiffness": "N/mm", "drag": "kg/h", "time": "min", "way": "km"}
    given = {
        n: xr.DataArray(new[n] * parse(UNITS[n]).factor / parse(u).factor, dims="run", attrs={"units": u})
        for n, u in others.items()
    }
    mixed = model.predict(xr.Dataset(given))
    assert mixed.dims == ("run",)
    assert np.abs(mixed.values - before.values).max() < 1e-12 * size
    # and fitted to rescaled data, from the start
    scaled, scale = rescaled(columns, kg=7.0, m=np.float64(0.3), s=11.0)
    again = DimensionlessRegressor(estimator).fit(table(scaled), (truth(columns) * scale, "m"))
    moved, scale = rescaled(new, kg=7.0, m=0.3, s=11.0)
    assert np.abs(again.predict(table(moved)).values / scale - before.values).max() < 1e-9 * size


def test_the_estimator_sees_what_one_would_make_by_hand():
    columns, new = drawn(), drawn(30, 1)
    model = DimensionlessRegressor(ESTIMATORS["trees"]).fit(table(columns), (truth(columns), "m"))
    assert (model.groups_.count, model.groups_.rank) == (2, 3)
    assert model.product_ == {"way": 1}

    def groups(c):
        return np.log(np.array([_value(text, c) for text in model.groups_.texts])).T

    def _value(text, c):
        return eval(text, {}, dict(c))

    by_hand = copy.deepcopy(ESTIMATORS["trees"]).fit(groups(columns), truth(columns) / columns["way"])
    np.testing.assert_allclose(model.predict(table(new)), by_hand.predict(groups(new)) * new["way"], rtol=1e-12)
    assert model.features_ == tuple(f"log({text})" for text in model.groups_.texts)
    assert not hasattr(model.estimator, "estimators_")


def test_it_is_right_where_raw_inputs_leave_the_training_range():
    columns = drawn(800)
    x = np.array(list(columns.values())).T
    forest = GradientBoostingRegressor(n_estimators=200, max_depth=4, random_state=0)
    raw = copy.deepcopy(forest).fit(x, truth(columns))
    model = DimensionlessRegressor(forest).fit(table(columns), (truth(columns), "m"))
    rng = np.random.default_rng(5)
    new, scale = rescaled(drawn(200, 7), **{base: 10.0 ** rng.uniform(-1, 1, 200) for base in ("kg", "m", "s")})
    expected = truth(new)

    def error(found):
        return np.sqrt(np.mean(((found - expected) / scale) ** 2))

    assert error(model.predict(table(new)).values) < 0.1 * error(raw.predict(np.array(list(new.values())).T))
    assert model.score(table(columns), (truth(columns) / 1000, "km")) > 0.98


def test_zeros_and_both_signs_stand_above_the_line_only():
    rng = np.random.default_rng(0)
    columns = {
        "v": (rng.normal(size=50), "m/s"),
        "c": (rng.uniform(1, 2, 50), "m/s"),
        "z": (np.r_[0.0, np.ones(49)], "1"),
    }
    y = rng.normal(size=50)
    model = DimensionlessRegressor(Recorder()).fit(columns, (y, "km/h"))
    assert set(model.features_) == {"v/c", "z"}
    v = model.features_.index("v/c")
    np.testing.assert_allclose(model.estimator_.X[:, v], columns["v"][0] / columns["c"][0], rtol=1e-15)
    assert model.product_ == {"c": 1}
    np.testing.assert_allclose(model.estimator_.y, y / 3.6 / columns["c"][0], rtol=1e-14)
    found = model.predict({"v": ([0.0], "m/s"), "c": ([2.0], "m/s"), "z": ([0.5], "1")})
    assert found.item() == pytest.approx(0.5 * 2 * 3.6)
    assert found.attrs["units"] == "km/h"


def test_without_groups_the_estimator_learns_a_constant():
    length = np.array([1.0, 2.0, 5.0])
    columns = {"L": (length, "m"), "g": ([9.81, 9.81, 1.62], "m/s**2")}
    period = 2 * np.pi * np.sqrt(length / columns["g"][0])
    model = DimensionlessRegressor(KernelRidge(kernel="linear")).fit(columns, (period, "s"))
    assert model.groups_.count == 0
    assert model.product_ == {"L": 0.5, "g": -0.5}
    assert model.estimator_.X_fit_.shape == (3, 1)
    tree = DimensionlessRegressor(GradientBoostingRegressor(n_estimators=2)).fit(columns, (period, "s"))
    np.testing.assert_allclose(
        tree.predict({"L": ([4.0], "km"), "g": ([9.81], "m/s**2")}), 2 * np.pi * np.sqrt(4000 / 9.81)
    )


def test_groups_that_vary_by_rounding_are_left_out():
    """A tree would otherwise split on the last bit, which a change of units moves."""
    rng = np.random.default_rng(0)
    a = rng.uniform(1, 2, 40)
    columns = {
        "a": (a, "m"),
        "b": (a * 0.1 * 3, "m"),
        "t": (rng.uniform(1, 2, 40), "s"),
        "u": (rng.uniform(1, 2, 40), "s"),
    }
    model = DimensionlessRegressor(Recorder()).fit(columns, (a, "m"))
    assert model.features_ == ("log(t/u)",)


def test_parts_of_products_beyond_the_floating_point_numbers():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(1, 2, 20) * 1e200, rng.uniform(1, 2, 20) * 1e250
    model = DimensionlessRegressor(Recorder()).fit({"a": (a, "m"), "b": (b, "m**2")}, (a, "m"))
    assert model.features_ == ("log(a**2/b)",)
    np.testing.assert_allclose(model.estimator_.X[:, 0], 2 * np.log(a) - np.log(b), rtol=1e-14)
    with pytest.raises(InputError, match=r"a\*\*2/b: expected numbers below 1e308, given larger ones"):
        model.predict({"a": ([1e200], "m"), "b": ([1e-200], "m**2")})


def test_what_has_both_signs_serves_below_the_line_where_nothing_else_does():
    x, y = np.array([-1.0, 2.0, 3.0]), np.array([4.0, 2.0, 1.0])
    model = DimensionlessRegressor(Recorder()).fit({"x": (x, "m"), "z": ([0.0, 1.0, 2.0], "m")}, (y, "m"))
    assert model.product_ == {"x": 1}
    assert model.features_ == ("z/x",)
    np.testing.assert_allclose(model.estimator_.y, y / x)


def test_groups_are_of_whole_powers_where_only_a_square_is_dimensionless():
    z = np.array([-1.0, 0.0, 2.0, 1.0])
    columns = {"z": (z, "m**0.5"), "x": ([1.0, 2.0, 2.0, 3.0], "m")}
    model = DimensionlessRegressor(Recorder()).fit(columns, (z, "m**0.5"))
    assert model.groups_.texts == ("z**2/x",)
    np.testing.assert_allclose(model.estimator_.X[:, 0], z**2 / columns["x"][0], rtol=1e-15)


def test_scaling_symmetries_beyond_units():
    rng = np.random.default_rng(0)
    rain, loss, way, spread = rng.uniform(1, 2, (4, 60))
    columns = {"rain": (rain, "l/d/m**2"), "loss": (loss, "1/d"), "way": (way, "m"), "spread": (spread, "m**2/d")}
    y = (rain / loss * np.exp(-spread / loss / way**2), "l/m**2")
    over = DimensionlessRegressor(Recorder(), base=("l", "d", "m")).fit(columns, y)
    assert (over.groups_.count, DimensionlessRegressor(Recorder()).fit(columns, y).groups_.count) == (1, 2)
    litres = {**columns, "rain": (rain * 1000, "l/d/m**2")}
    np.testing.assert_allclose(over.predict(litres), 1000 * over.predict(columns), rtol=1e-13)
    np.testing.assert_allclose(
        over.predict({**columns, "rain": (rain * 1000, "ml/d/m**2")}), over.predict(columns), rtol=1e-13
    )


def test_scikit_learn_conventions():
    model = DimensionlessRegressor(KernelRidge(alpha=0.5), base=("kg", "m", "s"))
    again = sklearn.base.clone(model)
    assert again is not model
    assert again.estimator is not model.estimator
    assert again.get_params()["estimator__alpha"] == 0.5
    assert set(model.get_params(deep=False)) == {"estimator", "base"}
    assert again.set_params(estimator__alpha=2.0, base=None) is again
    assert (again.estimator.alpha, again.base, model.estimator.alpha) == (2.0, None, 0.5)
    assert "KernelRidge(alpha=0.5)" in repr(model)
    with pytest.raises(InputError, match=r"expected settings among estimator, base, .* given 'alpha'"):
        model.set_params(alpha=1.0)
    columns = drawn()
    assert model.fit(table(columns), (truth(columns), "m")) is model


@pytest.mark.parametrize(
    ("columns", "y", "message"),
    [
        ({"x": ([1.0, 2.0], "m")}, ([1.0, 2.0], "kg"), "needs a variable containing kg"),
        (
            {"x": ([1.0, 2.0], "m"), "v": ([0.0, 1.0], "m/s")},
            ([1.0, 2.0], "m"),
            "column 'v': expected values of one sign, or other",
        ),
        ({"v": ([0.0, 1.0], "m/s")}, ([1.0, 2.0], "m"), "column 'v': expected values of one sign"),
        ({"x": ([1.0, np.nan], "m")}, ([1.0, 2.0], "m"), "column 'x': expected finite numbers"),
        ({"x": ([1.0, 2.0], "degC")}, ([1.0, 2.0], "K"), "column 'x': expected units that scale"),
        ({"x": ([1.0, 2.0], "m")}, ([1.0, 1.0], "m"), "y: expected values that vary"),
    ],
)
def test_what_cannot_be_fitted(columns, y, message):
    with pytest.raises(InputError, match=message) as caught:
        DimensionlessRegressor(Recorder()).fit(columns, y)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_predicted():
    model = DimensionlessRegressor(Recorder())
    columns = {"x": ([1.0, 2.0], "m"), "t": ([1.0, 3.0], "s"), "u": ([2.0, 1.0], "s")}
    with pytest.raises(InputError, match=r"expected a fitted regressor, given DimensionlessRegressor\(.*; call fit"):
        model.predict(columns)
    model.fit(columns, ([1.0, 2.0], "m"))
    with pytest.raises(InputError, match="column 'u': expected, as it was fitted, given x, t"):
        model.predict({name: columns[name] for name in ("x", "t")})
    with pytest.raises(
        InputError, match="column 'u': expected units of 's', given 'm', which measures another quantity"
    ):
        model.predict(columns | {"u": ([1.0, 1.0], "m")})
    with pytest.raises(
        InputError, match="column 'u': expected other than zero, since t/u divides by it; given 0 at row 1"
    ):
        model.predict(columns | {"u": ([1.0, 0.0], "s")})
    with pytest.raises(InputError, match="t/u: expected positive values, as in the fit"):
        model.predict(columns | {"u": ([1.0, -1.0], "s")})
    with pytest.raises(InputError, match="X: expected a Dataset of 1-D variables"):
        model.predict(np.ones((2, 3)))
    with pytest.raises(InputError, match="estimator: expected an object with fit and predict"):
        DimensionlessRegressor(Recorder).fit(columns, ([1.0, 2.0], "m"))
    with pytest.raises(InputError, match="estimator: expected an object with fit and predict"):
        DimensionlessRegressor(None).fit(columns, ([1.0, 2.0], "m"))
