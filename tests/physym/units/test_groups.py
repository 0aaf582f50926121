"""Dimensionless groups: the lecture's, and those that no change of units alters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
import xarray as xr

from physym.units import dimensionless_groups, products, read_table, rescale
from physym.units.lattice import hermite
from simulators import InputError, Rietkerk, SchemaError, SpringPendulum, Variable

LECTURE = ("l", "d", "m", "g")
PARAMETERS = {v.symbol: v.units for v in Rietkerk.variables().values() if v.role == "parameter"}
RIETKERK = PARAMETERS | {"T": "d", "dt": "d", "L": "m", "dl": "m"}
# in the order of the lecture, with their values at the default setting
TWELVE = {
    "c*gm/a": 5.0,
    "a*k1/R": 8 / 3,
    "a*k2/(R*c)": 2 / 15,
    "dw/a": 1.0,
    "dv/a": 1.25,
    "W0": 0.1,
    "Dv/(a*L**2)": 1.25e-5,
    "Du/(a*L**2)": 0.0125,
    "a*T": 40.0,
    "a*dt": 0.001,
    "Dw/(a*L**2)": 1.25e-5,
    "dl/L": 0.01,
}


def defaults() -> dict[str, float]:
    model = Rietkerk()
    own = {v.symbol: getattr(model, v.name) for v in model.variables().values() if v.role == "parameter"}
    return own | {"T": 200.0, "dt": 0.005, "L": 200.0, "dl": 2.0}


def exponents(formula: str) -> list[int]:
    powers = sympy.sympify(formula, locals={n: sympy.Symbol(n) for n in RIETKERK}).as_powers_dict()
    return [int(powers.get(sympy.Symbol(n), 0)) for n in RIETKERK]


def test_rietkerk_has_the_twelve_groups_of_the_lecture():
    groups = dimensionless_groups(RIETKERK, base=LECTURE)
    assert groups.exponents.dtype.kind == "i"
    assert (groups.count, groups.rank, groups.exponents.shape) == (12, 4, (12, 16))
    lecture = [exponents(formula) for formula in TWELVE]
    assert hermite(groups.exponents) == hermite(lecture)
    # as short as the lecture's, or shorter
    assert np.abs(groups.exponents).sum() <= np.abs(lecture).sum()


def test_the_lectures_groups_have_their_values_at_the_default_setting():
    """Each of the lecture's is a product of ours, with whole powers."""
    groups = dimensionless_groups(RIETKERK, base=LECTURE)
    ours = np.array(list(groups.values(defaults()).values()))
    for formula, expected in TWELVE.items():
        powers = np.linalg.lstsq(groups.exponents.T.astype(float), np.array(exponents(formula), float), rcond=None)[0]
        np.testing.assert_allclose(powers, powers.round(), atol=1e-12)
        assert math.prod(ours ** powers.round()) == pytest.approx(expected, rel=1e-12)


def test_over_si_a_litre_is_a_volume_and_there_is_one_more():
    groups = dimensionless_groups(RIETKERK)
    assert (groups.count, groups.rank) == (13, 3)
    twelve = dimensionless_groups(RIETKERK, base=LECTURE).exponents
    # what no change of the four units alters is unaltered by those of the three
    assert hermite([*groups.exponents.tolist(), *twelve.tolist()]) == hermite(groups.exponents)


@pytest.mark.parametrize("base", [None, LECTURE])
def test_values_do_not_notice_a_change_of_units(base):
    groups = dimensionless_groups(RIETKERK, base=base)
    before = groups.values(defaults())
    rng = np.random.default_rng(0)
    sizes = dict(zip(LECTURE, 10.0 ** rng.uniform(-3, 3, 4), strict=True))
    if base is None:
        sizes["l"] = sizes["m"] ** 3
    exact = dict(zip(RIETKERK, np.array([_powers(u) for u in RIETKERK.values()]), strict=True))
    scaled = {n: v * math.prod(np.array([sizes[b] for b in LECTURE]) ** exact[n]) for n, v in defaults().items()}
    after = groups.values(scaled)
    assert list(after) == list(before) == list(groups.texts)
    np.testing.assert_allclose(list(after.values()), list(before.values()), rtol=1e-12)
    if base is None:
        # litres apart from metres: a change that only the equations allow moves the thirteenth
        scaled = {n: v * 2.0 ** exact[n][0] for n, v in defaults().items()}
        moved = np.array(list(groups.values(scaled).values())) / np.array(list(before.values()))
        assert np.abs(np.log(moved)).max() > 0.5


def test_the_equations_of_rietkerk_keep_litres_apart_from_metres():
    """The symmetry beyond units that the twelve groups rest on: rescale a start so, and the run is rescaled."""
    model = Rietkerk(length=32.0)
    start = model.sample(1, seed=0)
    sizes = np.array([30.0, 4.0, 0.5, 0.1])

    def scaled(data):
        moved = {n: a * np.prod(sizes ** _powers(a.attrs["units"])) for n, a in data.data_vars.items()}
        moved = data.assign({n: a.assign_attrs(data[n].attrs) for n, a in moved.items()})
        return moved.assign_coords({n: (n, data[n].values * sizes[2], data[n].attrs) for n in ("y", "x")})

    times = np.array([0.0, 40.0])
    before, after = scaled(model.simulate(start, times)), model.simulate(scaled(start), times * sizes[1])
    for name in ("surface_water", "soil_water", "vegetation"):
        np.testing.assert_allclose(after[name].values, before[name].values, rtol=1e-9)


def _powers(units: str) -> list[float]:
    from physym.units.systems import system

    return [float(e) for e in system(LECTURE).read(units).exponents]


def test_values_convert_units_and_need_no_si():
    groups = dimensionless_groups({"L": "m", "T": "d", "D": "m**2/d"})
    assert groups.texts == ("L**2/(T*D)",)
    plain = groups.values({"L": 2000.0, "T": 3.0, "D": 8e4})["L**2/(T*D)"]
    mixed = groups.values({"L": (2.0, "km"), "T": (72.0, "h"), "D": (8e4 / 24, "m**2/h")})["L**2/(T*D)"]
    assert plain == pytest.approx(1 / 0.06, rel=1e-14)
    assert mixed == pytest.approx(plain, rel=1e-14)
    typed = {n: xr.DataArray(np.array([v, v]), dims="sample") for n, v in (("L", 2000.0), ("T", 3.0), ("D", 8e4))}
    np.testing.assert_allclose(groups.values(typed)["L**2/(T*D)"], [plain, plain], rtol=1e-14)


def test_groups_of_a_dataset_take_states_parameters_and_time():
    pendulum = SpringPendulum(bodies=2, gravity=(0.0, 0.0, -9.8))
    run = pendulum.simulate(pendulum.sample(3), [0.0, 0.5, 1.0])
    groups = dimensionless_groups(run)
    assert groups.names == ("position", "momentum", "mass", "stiffness", "rest_length", "gravity", "time")
    assert (groups.count, groups.rank) == (4, 3)
    values = groups.values(run.isel(time=slice(1, None)))
    scaled = groups.values(rescale(run, kg=3.0, m=0.1, s=7.0).isel(time=slice(1, None)))
    for text in groups.texts:
        xr.testing.assert_allclose(
            values[text].drop_vars("time", errors="ignore"), scaled[text].drop_vars("time", errors="ignore"), rtol=1e-12
        )
        assert "i" not in values[text].dims


def test_of_vectors_the_norm_is_taken():
    data = xr.Dataset(
        {"q": (("body", "i"), [[3.0, 0.0, -4.0], [0.0, 0.0, 0.0]], {"units": "m"}), "L": ((), 2.0, {"units": "m"})}
    )
    np.testing.assert_array_equal(dimensionless_groups(data).values(data)["q/L"], [2.5, 0.0])


def test_formulas_in_text_sympy_and_latex():
    groups = dimensionless_groups({"R": "l/d/m**2", "a": "1/d", "k1": "l/m**2"}, base=("l", "d", "m"))
    assert str(groups) == "a*k1/R"
    (expression,) = groups.expressions()
    r, a, k1 = sympy.symbols("R a k1", positive=True)
    assert expression == a * k1 / r
    assert groups.latex() == r"\frac{a k_{1}}{R}"
    symbols = {v.name: v for v in Rietkerk.variables().values() if v.role == "parameter"}
    assert "a*k1/R" in dimensionless_groups(symbols, base=LECTURE).texts


def test_units_that_are_read_already():
    table = read_table({"x": ([1.0, 2.0], "km"), "t": ([1.0, 2.0], "h"), "v": ([1.0, 2.0], "m/s")})
    assert dimensionless_groups(table.units).texts == ("t*v/x",)
    assert products(table.units, "m") == {"x": 1}


def test_fractional_exponents_of_units():
    groups = dimensionless_groups({"A": "m**0.5", "B": "m**1.5", "C": "s"})
    assert groups.texts == ("A**3/B",)
    assert dimensionless_groups({"A": "m", "C": "s"}).count == 0
    assert str(dimensionless_groups({"A": "m", "C": "s"})) == "no dimensionless group"
    assert dimensionless_groups({"A": "m", "C": "s"}).exponents.shape == (0, 2)


def test_products_are_whole_and_short():
    assert products({"m": "kg", "v": "m/s", "L": "km"}, "J") == {"m": 1, "v": 2}
    assert products({"g": "m/s**2", "L": "m"}, "s") == {"g": -0.5, "L": 0.5}
    assert products(PARAMETERS, "g/m**2", LECTURE) == {"k2": 1}
    assert products({"x": "m"}, "1") == {}
    found = products(SpringPendulum().sample(1), "kg*m**2/s**2")
    assert sum(abs(power) for power in found.values()) == 3
    assert all(power.denominator == 1 for power in found.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: products({"x": "m", "v": "m/s"}, "W"),
            r"units 'W', given x \[m\], v \[m/s\]; it needs a variable containing kg",
        ),
        (lambda: products({"x": "m"}, "kg*A"), "needs a variable containing kg and one containing A"),
        (lambda: products({"v": "m/s"}, "m"), "in which m stand otherwise"),
        (lambda: dimensionless_groups({"T": "degC"}), "variable 'T': expected units that scale, given 'degC'"),
        (
            lambda: dimensionless_groups({"T": "furlongs per fortnight per"}),
            "variable 'T': expected units that pint reads",
        ),
        (lambda: dimensionless_groups({"T": 3}), "variable 'T': expected units such as"),
        (lambda: dimensionless_groups({1: "m"}), "expected names that are text, given 1"),
        (lambda: dimensionless_groups({}), "expected at least one, given none"),
        (lambda: dimensionless_groups(["m"]), "expected a Dataset or a mapping name -> units, given list"),
        (
            lambda: dimensionless_groups({"T": "K"}, base=("l",)),
            "variable 'T': units 'K': expected units over the base l",
        ),
        (
            lambda: dimensionless_groups({"a": "m", "b": "m"}).values({"a": 1.0}),
            "variable 'b': expected in the data, given a",
        ),
        (
            lambda: dimensionless_groups({"a": "m", "b": "m"}).values({"a": 1.0, "b": 0.0}),
            "variable 'b': expected other than zero",
        ),
        (
            lambda: dimensionless_groups({"a": "m", "b": "m"}).values({"a": 1.0, "b": (1.0, "s")}),
            "variable 'b': expected units of 'm', given 's'",
        ),
        (
            lambda: dimensionless_groups({"a": "m", "b": "m**2"}).values({"a": 1e200, "b": 1.0}),
            "expected finite numbers, given inf",
        ),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_dataset_must_declare_units():
    start = SpringPendulum().sample(1)
    del start.mass.attrs["units"]
    with pytest.raises(SchemaError, match="variable 'mass': expected the attribute 'units'"):
        dimensionless_groups(start)


def test_variables_of_one_symbol_are_called_by_their_names():
    twins = {n: Variable(n, "m", "a length", "L") for n in ("long", "short")}
    assert dimensionless_groups(twins).texts == ("long/short",)
