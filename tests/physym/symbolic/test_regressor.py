"""The regressor keeps the conventions of scikit-learn, refuses bad input in one line, and does not notice units."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import sympy
import xarray as xr

from physym.symbolic import Candidate, Front, SymbolicRegressor
from physym.symbolic.constants import Constant, read_constants
from physym.symbolic.problem import Found, Problem
from simulators import InputError

RNG = np.random.default_rng(0)
MASS, SPEED, LENGTH, TIME = RNG.uniform(1.0, 5.0, (4, 200))
X = {"m": (MASS, "kg"), "v": (SPEED, "m/s"), "l": (LENGTH, "m"), "t": (TIME, "s")}
ENERGY = (MASS * SPEED**2 / 2, "J")
m, v, length, t, c = sympy.symbols("m v l t c")
LAW = m * v**2 / 2


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """What a stand-in for the search is given; it answers a front of three."""
    problems: list[Problem] = []

    def search(problem, *, time_limit, seed, report):
        problems.append(problem)
        positive = {name: sympy.Symbol(name, positive=True) for name in problem.names}
        exact = LAW.xreplace({sympy.Symbol(name): symbol for name, symbol in positive.items()})
        found = [
            Found(9, 1e-16, exact, -900.0, (), 7),
            Found(3, 0.5, sympy.Float(1.9) * positive["m"], 20.0, ((1.9, 0.01),), 7),
            Found(12, 1e-16, exact, -890.0, (), 7),
        ]
        report(found[1:2], 3)
        return found

    monkeypatch.setattr("physym.symbolic.search.search", search)
    return problems


@pytest.mark.usefixtures("given")
def test_conventions_of_scikit_learn() -> None:
    base = pytest.importorskip("sklearn.base")
    model = SymbolicRegressor(time_limit=3.0, constants=("c",), seed=4)
    assert model.get_params() == {
        "time_limit": 3.0, "constants": ("c",), "unknown_constants": 0, "seed": 4, "progress": False,
    }  # fmt: skip
    twin = base.clone(model)
    assert twin is not model
    assert twin.get_params() == model.get_params()
    assert repr(model) == "SymbolicRegressor(time_limit=3.0, constants=('c',), seed=4)"
    assert model.set_params(seed=5, constants=None) is model
    assert (model.seed, model.constants) == (5, None)
    with pytest.raises(InputError, match=r"expected settings among time_limit, .* given 'sede'"):
        model.set_params(sede=1)
    assert not [name for name in vars(model) if name.endswith("_")]
    assert model.fit(X, ENERGY) is model
    assert list(model.feature_names_in_) == ["m", "v", "l", "t"]
    assert model.n_features_in_ == 4
    assert model.score(X, ENERGY) == pytest.approx(1.0)
    again = pickle.loads(pickle.dumps(model))
    xr.testing.assert_identical(again.predict(X), model.predict(X))


def test_sklearn_is_not_imported() -> None:
    code = "import sys, physym.symbolic; sys.exit(bool({'sklearn', 'torch', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("given")
def test_what_is_found() -> None:
    model = SymbolicRegressor().fit(X, ENERGY)
    # plain symbols: what users write is equal to them
    assert model.expression_ == sympy.sympify("m*v**2/2")
    assert model.latex() == r"\frac{m v^{2}}{2}"
    assert [tuple(one) for one in model.pareto_] == [(3, 0.5, 1.9 * m), (6, 1e-16, LAW)]
    assert isinstance(model.pareto_[0], Candidate)
    assert str(model.pareto_).splitlines()[-1] == "*          6  1.00e-16  m*v**2/2"
    assert (model.evaluations_, model.interrupted_, model.numbers_, model.constants_) == (7, False, [], {})


def test_the_search_is_given_numbers_in_si(given: list[Problem]) -> None:
    typed = {**X, "v": (3.6 * SPEED, "km/h"), "l": (1e3 * LENGTH, "l/m**2")}
    SymbolicRegressor(constants={"c": (299792.458, "km/s")}).fit(typed, (ENERGY[0] / 1e3, "kJ"))
    (problem,) = given
    assert problem.names == ("m", "v", "l", "t", "c")
    assert problem.fixed == ("c",)
    np.testing.assert_allclose(problem.values["v"], SPEED)
    np.testing.assert_allclose(problem.values["l"], LENGTH)
    np.testing.assert_allclose(problem.values["c"], 299792458.0)
    np.testing.assert_allclose(problem.target, ENERGY[0])
    # kg, m, s: base units that occur nowhere are left out
    np.testing.assert_array_equal(problem.exponents, [[1, 0, 0, 0, 0], [0, 1, 1, 0, 1], [0, -1, 0, 1, -1]])
    np.testing.assert_array_equal(problem.target_exponents, [1, 2, -2])


@pytest.mark.usefixtures("given")
def test_predictions_are_typed() -> None:
    y = xr.DataArray(ENERGY[0] / 1e3, dims="run", attrs={"units": "kJ", "long_name": "kinetic energy"})
    data = xr.Dataset({name: ("run", values, {"units": units}) for name, (values, units) in X.items()})
    model = SymbolicRegressor().fit(data, y)
    found = model.predict(data)
    assert found.dims == ("run",)
    assert found.attrs == y.attrs
    np.testing.assert_allclose(found, y)
    # only the columns that the law needs, in other units, in one row
    one = model.predict({"v": ([36.0], "km/h"), "m": ([2000.0], "g")})
    np.testing.assert_allclose(one, [0.1])
    with pytest.raises(InputError, match="expected the column 'v', of which the law is made; given m"):
        model.predict({"m": ([2.0], "kg")})
    with pytest.raises(InputError, match=r"column 'v': expected units like 'm/s'.*given 'm'"):
        model.predict({"m": ([2.0], "kg"), "v": ([1.0], "m")})
    with pytest.raises(InputError, match="y: expected units like 'kJ', as it was fitted; given 'kg'"):
        model.score(data, (ENERGY[0], "kg"))


def test_a_row_without_a_real_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    law = Found(3, 0.0, m * v**2 * sympy.sqrt(1 - v**2 / c**2), 0.0)
    monkeypatch.setattr("physym.symbolic.search.search", lambda *_, **__: [law])
    model = SymbolicRegressor(constants={"c": (10.0, "m/s")}).fit(X, ENERGY)
    assert str(model.constants_["c"]) == "c = 10 m/s"
    with pytest.raises(InputError, match=r"expected rows for which .* is a real number, given row 1 \(1 of 2 rows\)"):
        model.predict({"m": ([1.0, 1.0], "kg"), "v": ([1.0, 11.0], "m/s")})


@pytest.mark.parametrize("name", ["predict", "latex", "score"])
def test_nothing_is_predicted_before_a_law_is_found(name: str) -> None:
    given = {"predict": (X,), "latex": (), "score": (X, ENERGY)}[name]
    with pytest.raises(InputError, match=r"call fit\(X, y\) first"):
        getattr(SymbolicRegressor(), name)(*given)


@pytest.mark.parametrize(
    ("settings", "table", "target", "message"),
    [
        ({}, {**X, "v": (SPEED, "floops")}, ENERGY, "column 'v': expected units that pint reads.*given 'floops'"),
        ({}, {**X, "T": (SPEED, "degC")}, ENERGY, "column 'T': expected units that scale, given 'degC'"),
        ({}, {**X, "v": (SPEED * np.nan, "m/s")}, ENERGY, "column 'v': expected finite numbers, given nan at row 0"),
        ({}, {**X, "g": (np.full(200, 9.81), "m/s**2")}, ENERGY, "column 'g': expected values that vary"),
        (
            {}, {"l": X["l"], "t": X["t"]}, (MASS, "kg*m/s**2"),
            "expected inputs whose products can have units .*, given none with kg; add a variable containing kg",
        ),
        ({}, {"v": X["v"], "m": X["m"]}, (MASS, "s"), "expected variables of which a product has the units 's'"),
        ({}, {name: (values[:4], units) for name, (values, units) in X.items()}, (MASS[:4], "kg"), "at least 5 rows"),
        ({"unknown_constants": 2}, {name: (values[:6], units) for name, (values, units) in X.items()},
         (MASS[:6], "kg"), "at least 7 rows.*given 6"),
        ({"constants": {"v": (3.0, "m/s")}}, X, ENERGY, "constant 'v': expected a symbol that no column has"),
        ({"constants": ("q",)}, X, ENERGY, "constants: expected symbols among c, h, .*, given 'q'"),
        ({"constants": {"q": (0.0, "m")}}, X, ENERGY, "constant 'q': expected a finite number other than 0, given 0.0"),
        ({"constants": {"q": 3.0}}, X, ENERGY, r"constant 'q': expected \(value, 'units'\), given 3.0"),
        ({"constants": {"q": (1.0, "degC")}}, X, ENERGY, "constant 'q': expected units that scale"),
        ({"constants": "c"}, X, ENERGY, "constants: expected symbols, or a mapping"),
        ({"time_limit": 0}, X, ENERGY, "time_limit: expected seconds > 0, given 0"),
        ({"seed": -1}, X, ENERGY, "seed: expected an integer >= 0, given -1"),
        ({"unknown_constants": 3}, X, ENERGY, "unknown_constants: expected an integer from 0 to 2, given 3"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(settings, table, target, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        SymbolicRegressor(**settings).fit(table, target)
    assert "\n" not in str(caught.value)


def test_a_target_and_time_are_needed() -> None:
    with pytest.raises(InputError, match="y: expected the values to explain, with units; given None"):
        SymbolicRegressor().fit(X, None)
    for unknown in (0, 1):
        with pytest.raises(InputError, match="time_limit: no law was found in 1e-06 s; give more"):
            SymbolicRegressor(time_limit=1e-6, unknown_constants=unknown).fit(X, ENERGY)


def test_of_a_long_table_a_part_is_searched(given: list[Problem]) -> None:
    rng = np.random.default_rng(0)
    columns = {"m": (rng.uniform(1, 5, 70_000), "kg"), "v": (rng.uniform(1, 5, 70_000), "m/s")}
    energy = columns["m"][0] * columns["v"][0] ** 2 / 2
    for seed in (1, 1, 2):
        SymbolicRegressor(seed=seed).fit(columns, (energy, "J"))
    first, again, other = (problem.values["m"] for problem in given)
    assert len(first) == 50_000
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    np.testing.assert_array_equal(given[0].target, first * given[0].values["v"] ** 2 / 2)


@pytest.mark.usefixtures("given")
def test_columns_may_be_called_as_functions_are(monkeypatch: pytest.MonkeyPatch) -> None:
    names = sympy.symbols("exp lambda x\\ y", seq=True)
    law = Found(5, 0.0, names[0] * sympy.exp(-names[1]) * names[2], 0.0)
    monkeypatch.setattr("physym.symbolic.search.search", lambda *_, **__: [law])
    values = RNG.uniform(1, 2, (3, 20))
    columns = {symbol.name: (column, "1") for symbol, column in zip(names, values, strict=True)}
    y = values[0] * np.exp(-values[1]) * values[2]
    np.testing.assert_allclose(SymbolicRegressor().fit(columns, (y, "1")).predict(columns), y)


def test_constants_of_nature() -> None:
    found = read_constants(["c", "h", "k_B"])
    true = [299792458.0, 6.62607015e-34, 1.380649e-23]
    assert [one.value for one in found.values()] == pytest.approx(true, rel=1e-12, abs=0)
    assert [one.units for one in found.values()] == ["m/s", "kg*m**2/s", "kg*m**2/(s**2*K)"]
    assert str(Constant("C1", 6.6219e-34, "J*s", 2.24e-37)) == "C1 = 6.6219e-34 ± 2.2e-37 J*s"
    assert str(Constant("r", 2.0, "1")) == "r = 2"


def test_the_front_marks_what_is_chosen() -> None:
    front = Front([Candidate(1, 0.25, m), Candidate(10, 1e-3, LAW)], chosen=0)
    assert repr(front).splitlines() == [
        "  complexity     error  expression",
        "*          1  2.50e-01  m",
        "          10  1.00e-03  m*v**2/2",
    ]


INTERRUPTED = """
import sys, time
import numpy as np, sympy
from physym.symbolic import SymbolicRegressor
from physym.symbolic import search as engine
from physym.symbolic.problem import Found

def search(problem, *, time_limit, seed, report):
    if FINDS:
        report([Found(1, 0.1, sympy.Symbol("x"), 0.0)], 5)
    print("searching", flush=True)
    time.sleep(60)

engine.search = search
x = np.linspace(1, 2, 50)
model = SymbolicRegressor().fit({"x": (x, "m")}, (x, "m"))
print(model.expression_, model.interrupted_, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("finds", [True, False])
def test_ctrl_c_keeps_the_best_and_the_second_is_raised(finds: bool) -> None:
    code = INTERRUPTED.replace("FINDS", str(finds))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "searching\n"
        os.kill(process.pid, signal.SIGINT)
        if finds:
            assert process.stdout.readline() == "x True\n"
            os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in err
    assert process.returncode != 0


# with the search itself


def test_roots_stand_as_people_write_them() -> None:
    g = RNG.uniform(1, 5, 200)
    period = (2 * np.pi * np.sqrt(LENGTH / g), "s")
    model = SymbolicRegressor(time_limit=5).fit({"l": X["l"], "g": (g, "m/s**2")}, period)
    assert model.expression_ == sympy.sympify("2*pi*sqrt(l/g)")
    assert model.pareto_[model.pareto_.chosen].complexity == 10


def test_a_change_of_units_leaves_the_law() -> None:
    first = SymbolicRegressor(time_limit=5).fit(X, ENERGY)
    typed = {"m": (1e3 * MASS, "g"), "v": (3.6 * SPEED, "km/h"), "l": (LENGTH / 1e3, "km"), "t": (TIME / 60, "min")}
    other = SymbolicRegressor(time_limit=5).fit(typed, (ENERGY[0] / 4.184, "cal"))
    assert first.expression_ == other.expression_ == LAW
    np.testing.assert_allclose(4.184 * other.predict(typed), first.predict(X), rtol=1e-12)


def test_the_seed_decides() -> None:
    y = (MASS * SPEED**2 / (1 + np.exp(-SPEED * TIME / LENGTH)), "J")
    first, second = (SymbolicRegressor(time_limit=30, seed=3).fit(X, y) for _ in range(2))
    assert first.pareto_ == second.pareto_
    assert first.evaluations_ == second.evaluations_


def test_the_time_limit_is_kept() -> None:
    rng = np.random.default_rng(2)
    columns = {f"x{n}": (rng.uniform(1, 3, 500), "1") for n in range(5)}
    # of this process, which others on the machine do not lengthen
    start = time.process_time()
    SymbolicRegressor(time_limit=4).fit(columns, (rng.standard_normal(500), "1"))
    assert 0.5 < time.process_time() - start < 1.2 * 4


def test_a_constant_of_nature_in_a_law() -> None:
    rest, speed = RNG.uniform(1, 5, 200), RNG.uniform(0.1, 0.9, 200) * 299792458.0
    factor = 1 / np.sqrt(1 - (speed / 299792458.0) ** 2)
    model = SymbolicRegressor(time_limit=20, constants=("c",)).fit(
        {"m": (rest, "kg"), "v": (speed, "m/s")}, (rest * factor, "kg")
    )
    assert sympy.simplify(model.expression_**2 - m**2 / (1 - v**2 / c**2)) == 0
    assert list(model.constants_) == ["c"]
    assert model.score({"m": (rest, "kg"), "v": (speed, "m/s")}, (rest * factor, "kg")) == pytest.approx(1.0)
