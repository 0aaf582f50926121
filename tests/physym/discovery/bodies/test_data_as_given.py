"""Laws from data as people have them: states alone, other units, close encounters, output steps that are too long."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import physym
import simulators
from physym.discovered import read_data
from physym.discovery.bodies.fitting.windows import Windows
from physym.discovery.system import System
from simulators import InputError, SchemaError
from simulators.schema import Variable

_spec = importlib.util.spec_from_file_location("systems", Path(__file__).with_name("systems.py"))
systems = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(systems)


@pytest.fixture(scope="module")
def swing():
    simulator = simulators.SpringPendulum(bodies=1, mass=1.5, stiffness=2.0, rest_length=0.9, gravity=(0.0, 3.0, -4.0))
    return simulator.simulate(simulator.sample(20, seed=0), times=0.2 * np.arange(6))


@pytest.fixture(scope="module")
def alone(swing):
    """The law of the states without any parameter, though the data name their simulator."""
    return physym.discover(swing[["position", "momentum"]])


def names(law):
    return {row["term"]: row["parameters"] for row in law.table() if row["constant"][0] == "c"}


def in_units(data, **units):
    """The data with some variables in other units."""
    data = data.copy()
    for name, unit in units.items():
        factor = simulators.units.conversion(data[name].units, unit)
        data[name] = (data[name].dims, data[name].values * factor, data[name].attrs | {"units": unit})
    return data


def test_states_alone_are_of_no_known_simulator(alone, swing, tmp_path):
    assert alone.simulator == "none"
    assert physym.check(alone, alone.starts, verbose=False).passed
    again = physym.load(alone.save(tmp_path / "law"))
    assert again.starts.attrs["simulator"] == "none"
    # a file of them is read too, but one that lacks a state or has holes is not
    states = swing[["position", "momentum"]]
    states.to_netcdf(tmp_path / "states.nc")
    assert read_data(tmp_path / "states.nc").attrs["simulator"] == "none"
    states.where(states.time > 0.1).to_netcdf(tmp_path / "holes.nc")
    with pytest.raises(SchemaError, match="finite"):
        read_data(tmp_path / "holes.nc")
    swing.drop_vars("momentum").to_netcdf(tmp_path / "half.nc")
    with pytest.raises(SchemaError, match="variable 'momentum'"):
        read_data(tmp_path / "half.nc")


def test_vector_constants_are_shown_with_errors_and_units(alone):
    (weight,) = (c for c in alone.constants if c.order)
    assert weight.value == pytest.approx((0, -4.5, 6), abs=1e-6)
    # the component that is zero is no more exact than the others
    assert min(weight.error) > 0.01 * max(weight.error) > 0
    (row,) = (row for row in alone.table() if row["constant"] == weight.name)
    assert (row["term"], row["units"], row["coefficient"]) == (f"q1·{weight.name}", "kg*m/s**2", weight.value)
    assert "q1·((" in str(alone)
    assert weight.name not in str(alone) + alone.latex()
    assert str(alone).endswith(") kg*m/s**2)    [kg*m**2/s**2]")


def test_latex_has_powers_of_ten_and_of_units(alone):
    written = alone.latex()
    assert r"\times 10^{-" in written
    assert "e-" not in written
    assert r"\mathrm{kg\,m/s^{2}}" in written
    assert r"\left(\lvert q_{1} \rvert - (" in written
    assert repr(alone).startswith("<HamiltonianLaw of position, momentum>\nH = ")


def test_names_know_the_units_of_parameters(swing):
    wanted = {"c1*|p1|**2/2": "1/m1", "c2*(-K1 + |q1|)**2/2": "k1", "c3*q1·g": "-m1"}
    assert names(physym.discover(swing)) == wanted
    assert names(physym.discover(in_units(swing, mass="g", stiffness="kg/ms**2", rest_length="cm"))) == wanted
    # numbers that are equal in different units are not the same
    wrong = swing.copy()
    wrong["mass"] = wrong["mass"].assign_attrs(units="g")
    found = names(physym.discover(wrong.assign_attrs(simulator="none")))
    assert (found["c1*|p1|**2/2"], found["c3*q1·g"]) == ("", "")


def test_what_varies_stands_beside_the_parameters_of_its_own_body():
    simulator = simulators.SpringPendulum(mass=simulators.Uniform(0.7, 1.4))
    law = physym.discover(simulator.simulate(simulator.sample(16, seed=0), times=0.2 * np.arange(6)))
    terms = {row["term"]: row["parameters"] for row in law.table()}
    assert "c4*k2*(-K2*L2 + |q2 - q1|)**2/2" in terms
    assert set(terms.values()) == {""}


def test_coarse_numbers_and_diagnostics_do_no_harm(swing):
    energy = Variable("energy", "J", "energy", "L", (), 0, role="diagnostic")
    data = swing.map(lambda array: array.astype("f4"), keep_attrs=True)
    data["energy"] = (("sample", "time"), np.ones((20, 6)), energy.attrs())
    law = physym.discover(data)
    assert {v.symbol for v in law.variables().values()} >= {"L", "k", "m"}
    assert physym.check(law, law.starts, verbose=False).passed


def kepler(steps, dt):
    """A body around the origin, on orbits some of which pass it closer than the output steps show."""
    rng = np.random.default_rng(0)
    start = np.concatenate([rng.normal(size=(8, 3)) + np.array([2, 0, 0]), 1.5 * rng.normal(size=(8, 3))], axis=1)

    def slope(q, p):
        return p / 2, -8 * q / np.linalg.norm(q, axis=-1, keepdims=True) ** 3

    return systems.bodies(slope, start, dt * np.arange(steps), 1, 3)


def test_close_encounters_do_not_hide_the_law():
    data = kepler(40, 0.1)
    closest = np.linalg.norm(data.position.values, axis=-1).min(axis=(1, 2))
    assert np.sort(closest)[2] < 0.2
    found = {row["term"]: row["coefficient"] for row in physym.discover(data).table()}
    assert found == pytest.approx({"c1*|p1|**2/2": 0.5, "c2/|q1|": -8.0}, rel=1e-6)


def test_windows_are_left_out_only_where_points_do_not_show_the_motion():
    def count(data, *, interpolated=True):
        return Windows.cut(data, System.of(data), intervals=8, most=1000, interpolated=interpolated).count

    coarse, fine = kepler(40, 0.1), kepler(400, 0.01)
    assert 0.5 * count(coarse, interpolated=False) <= count(coarse) < count(coarse, interpolated=False)
    assert count(fine) > 0.95 * count(fine, interpolated=False)
    # the first windows of what decays differ from the rest, and are shown well
    decay = systems.scalars(lambda z: -z, [[1.0], [2.0]], 0.2 * np.arange(81), ("m",))
    assert count(decay) == count(decay, interpolated=False)
    noise = systems.scalars(lambda z: -z, [[1.0], [2.0]], 0.2 * np.arange(81), ("m",), noise=0.1)
    assert count(noise) == count(noise, interpolated=False)


def test_what_explains_next_to_nothing_is_no_law(swing, monkeypatch):
    # the law of these data leaves no more than rounding, which is too much where nothing is allowed
    monkeypatch.setattr("physym.discovery.bodies.discovery._USELESS", 0.0)
    with pytest.raises(InputError, match=r"the best law leaves 0%; .*smaller output steps") as caught:
        physym.discover(swing)
    assert "\n" not in str(caught.value)
    # what a time limit stopped is given as it is
    assert physym.discover(swing, time_limit=1e-3).constants
