from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import physym
import simulators
from physym.discovery.bodies.laws.hamiltonian import HamiltonianLaw
from physym.discovery.bodies.laws.ode import OdeLaw
from physym.units import rescale
from simulators import InputError, SchemaError

_spec = importlib.util.spec_from_file_location("systems", Path(__file__).with_name("systems.py"))
systems = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(systems)


def values(law):
    return {row["term"]: row["coefficient"] for row in law.table()}


@pytest.fixture(scope="module")
def pendulum():
    simulator = simulators.SpringPendulum(mass=(1.0, 1.5), stiffness=(1.0, 2.0), rest_length=(0.9, 1.2))
    return simulator.simulate(simulator.sample(24, seed=0), times=0.2 * np.arange(5))


@pytest.fixture(scope="module")
def swing():
    simulator = simulators.SpringPendulum(bodies=1, mass=1.5, stiffness=2.0, rest_length=0.9)
    return simulator.simulate(simulator.sample(30, seed=0), times=0.2 * np.arange(5))


@pytest.fixture(scope="module")
def law(pendulum):
    return physym.discover(pendulum)


def test_pendulum_has_its_terms_constants_and_names(law):
    assert isinstance(law, HamiltonianLaw)
    rows = {row["parameters"]: row["coefficient"] for row in law.table()}
    truth = {
        "1/m1": 1.0, "1/m2": 1 / 1.5, "k1": 1.0, "k2": 2.0, "L1": 0.9, "L2": 1.2, "-m1": -1.0, "-m2": -1.5,
    }  # fmt: skip
    assert rows.keys() == truth.keys()
    for name, value in truth.items():
        assert rows[name] == pytest.approx(value, rel=1e-6)
    assert len(law.terms) == 6
    assert law.reversible


def test_law_is_a_simulator_that_passes_the_checks(law, pendulum):
    report = physym.check(law, law.starts, verbose=False)
    assert report.passed, str(report)
    assert {"rotations", "reflections", "units", "conservation: hamiltonian"} <= {line.name for line in report.checks}
    start = pendulum.isel(time=0)
    run = law.simulate(start, times=pendulum.time.values)
    assert float(physym.rollout_error(run, pendulum).max()) < 1e-6
    truth = simulators.SpringPendulum().tendency(start)
    for name, array in law.tendency(start).data_vars.items():
        assert np.allclose(array, truth[name], atol=1e-5)


def test_law_prints_saves_and_loads(law, tmp_path):
    assert "±" in str(law)
    assert "kg/s**2" in str(law)
    assert str(law).startswith("H = ")
    assert r"\lvert" in law.latex()
    assert law.equations_[0].lhs.name == "H"
    law.save(tmp_path / "law")
    again = physym.load(tmp_path / "law")
    assert str(again) == str(law)
    assert again.table() == law.table()
    assert again.pareto_ == law.pareto_
    assert again.chosen_ == law.chosen_ == {"H": 8}
    assert law.pareto_["H"][8][0] == 8
    run, other = (x.simulate(law.starts, [0.0, 1.0]) for x in (law, again))
    xr.testing.assert_equal(run.drop_attrs(), other.drop_attrs())
    with pytest.raises(InputError, match="without a law"):
        law.save(tmp_path / "law")
    law.save(tmp_path / "law", force=True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kind", "os.system"),
        ("format", 2),
        ("body", {}),
        ("body/terms/0/number", "1e999999999"),
        ("body/terms/0/number", "1/0"),
        ("body/terms/0/monomial", [["mass", 0, "9999999"]]),
        ("body/terms/0/constant", "__import__('os')"),
        ("body/terms/0/atoms/0/kind", "__import__"),
        ("body/terms/0/atoms/0/power", 10**9),
        ("body/terms/0/atoms/0/vectors", [[["__class__", 0, 1]]]),
        ("body/terms/0/atoms/0/vectors", [[["momentum", 7, 1]]]),
        ("constants/0/value", float("nan")),
        ("constants/0/units", "__import__('os')"),
        ("constants/0/name", "position"),
        ("system/time_units", "no such"),
        ("system/defaults/mass", {"a": 1}),
        ("system/provenance", 3),
        ("pareto/H", [["x"]]),
        ("chosen/H", 99),
        ("chosen", {"G": 0}),
    ],
)
def test_a_law_with_anything_hostile_in_it_is_refused(law, tmp_path, path, value):
    file = law.save(tmp_path / "law") / "law.json"
    described = json.loads(file.read_text())
    *outer, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner = described
    for step in outer:
        inner = inner[step]
    inner[last] = value
    file.write_text(json.dumps(described))
    with pytest.raises(SchemaError, match="damaged one") as caught:
        physym.load(tmp_path / "law")
    assert "\n" not in str(caught.value)


def test_unknown_errors_are_kept(law, tmp_path):
    unknown = law.with_constants([dataclasses.replace(c, error=float("inf")) for c in law.constants])
    again = physym.load(unknown.save(tmp_path / "law"))
    assert {c.error for c in again.constants} == {float("inf")}


@pytest.mark.parametrize("damage", ["cut", "deep", "missing"])
def test_damaged_laws_are_refused(law, tmp_path, damage):
    path = law.save(tmp_path / "law") / "law.json"
    text = path.read_text()
    if damage == "cut":
        path.write_text(text[: len(text) // 2])
    elif damage == "deep":
        path.write_text("[" * 100_000)
    else:
        path.unlink()
        with pytest.raises(InputError, match="expected a folder with"):
            physym.load(tmp_path / "law")
        return
    with pytest.raises(SchemaError, match="damaged one"):
        physym.load(tmp_path / "law")


def test_rescaled_data_give_the_same_law_in_other_units(swing):
    law, other = physym.discover(swing), physym.discover(rescale(swing, kg=7.0, m=0.3, s=2.0))
    assert [row["parameters"] for row in other.table()] == [row["parameters"] for row in law.table()]
    for a, b in zip(other.constants, law.constants, strict=True):
        exponent = simulators.units.parse(b.units).exponents[:3]
        factor = 7.0 ** float(exponent[0]) * 0.3 ** float(exponent[1]) * 2.0 ** float(exponent[2])
        assert a.value == pytest.approx(b.value * factor, rel=1e-6)


def test_unknown_gravity_is_a_vector_constant(swing):
    bare = swing.drop_vars(["mass", "stiffness", "rest_length", "gravity"]).assign_attrs(simulator="none")
    law = physym.discover(bare)
    (weight,) = (c for c in law.constants if c.order)
    assert np.allclose(weight.value, (0, 0, 1.5), atol=1e-5)
    assert weight.units == "kg*m/s**2"
    assert physym.check(law, law.starts, verbose=False).passed


def test_parameters_that_vary_stand_in_the_terms():
    spread = simulators.Uniform(0.7, 1.4)
    simulator = simulators.SpringPendulum(bodies=1, mass=spread, stiffness=spread, rest_length=spread)
    law = physym.discover(simulator.simulate(simulator.sample(40, seed=0), times=0.2 * np.arange(5)))
    assert sorted(values(law)) == ["c1*|p1|**2/(2*m1)", "c2*k1*(-K1*L1 + |q1|)**2/2", "c3*m1*q1·g"]
    assert {round(v, 6) for v in values(law).values()} == {1.0, -1.0}
    # and so it holds for other parameters
    far = simulators.SpringPendulum(bodies=1, mass=3.0, stiffness=5.0, rest_length=2.0)
    start = far.sample(3, seed=2)
    truth = far.simulate(start, [0.0, 1.0, 2.0])
    assert float(physym.rollout_error(law.simulate(start, [0.0, 1.0, 2.0]), truth).max()) < 1e-6


def test_oscillator_in_the_plane_with_noise():
    rng = np.random.default_rng(1)
    times = np.arange(0, 5, 0.2)
    data = systems.bodies(lambda q, p: (p / 1.5, -2 * q), rng.standard_normal((6, 4)), times, 1, 2, noise=0.01)
    law = physym.discover(data)
    assert isinstance(law, HamiltonianLaw)
    assert sorted(values(law)) == ["c1*|p1|**2/2", "c2*|q1|**2/2"]
    assert [c.value for c in law.constants] == pytest.approx([1 / 1.5, 2.0], rel=5e-3)


def test_noise_does_not_trade_one_power_for_another():
    simulator = simulators.SpringPendulum(bodies=1, mass=1.5, stiffness=2.0, rest_length=0.9)
    data = simulator.simulate(simulator.sample(30, seed=0), times=0.15 * np.arange(30))
    rng = np.random.default_rng(0)
    for name in ("position", "momentum"):
        data[name] += 0.01 * float(data[name].std()) * rng.standard_normal(data[name].shape)
    rows = physym.discover(data).table()
    truth = {"c1*|p1|**2/2": (1 / 1.5,), "c2*(-K1 + |q1|)**2/2": (0.9, 2.0), "c3*q1·g": (-1.5,)}
    assert {row["term"] for row in rows} == set(truth)
    for row in rows:
        value = truth[row["term"]][-1 if row["constant"] != "K1" else 0]
        assert abs(row["coefficient"] - value) < 4 * row["standard_error"]


def test_damping_is_no_hamiltonian():
    rng = np.random.default_rng(1)
    data = systems.bodies(
        lambda q, p: (p / 1.5, -2 * q - 0.1 * p), rng.standard_normal((6, 4)), np.arange(0, 3, 0.2), 1, 2
    )
    law = physym.discover(data)
    assert isinstance(law, OdeLaw)
    assert values(law) == pytest.approx({"c1*p1": 1 / 1.5, "c2*q1": -2.0, "c3*p1": -0.1}, rel=1e-6)
    assert physym.check(law, law.starts, verbose=False).passed


def test_gravity_of_two_bodies():
    rng = np.random.default_rng(0)
    mass = np.array([1.0, 2.0])[:, None]

    def slope(q, p):
        apart = q[:, 1] - q[:, 0]
        force = 3 * apart / np.linalg.norm(apart, axis=-1, keepdims=True) ** 3
        return p / mass, np.stack([force, -force], axis=1)

    start = np.array([[1, 0, -1, 0, 0, 0.8, 0, -0.8]]) + 0.1 * rng.standard_normal((12, 8))
    law = physym.discover(systems.bodies(slope, start, np.arange(0, 0.7, 0.1), 2, 2))
    assert values(law) == pytest.approx({"c1*|p1|**2/2": 1.0, "c2*|p2|**2/2": 0.5, "c3/|q2 - q1|": -3.0}, rel=1e-5)


def test_a_learned_hamiltonian_is_distilled(monkeypatch):
    simulator = simulators.SpringPendulum(bodies=1)
    data = simulator.simulate(simulator.sample(16, seed=0), times=0.2 * np.arange(6))
    model = physym.HamiltonianNN(hidden=(4,))
    with pytest.raises(InputError, match="expected a fitted model"):
        model.distill()
    model.build(data, 0)
    model.times = model.times[:10]

    def energy(z, context):
        q, p = z[..., :3], z[..., 3:]
        wrong = 1e-4 * (3 * q).sin().sum(-1)  # what a network has not learned
        return (p**2).sum(-1) / 2 + (q.norm(dim=-1) - 1) ** 2 / 2 + q[..., 2] + wrong

    # in the units that its parameters set, all of which are 1 here, this is the pendulum
    monkeypatch.setattr(model, "hamiltonian", energy)
    truth = {"c1*|p1|**2/2": 1.0, "c2*(-K1 + |q1|)**2/2": 1.0, "c3*q1·g": -1.0}
    assert values(model.distill()) == pytest.approx(truth, rel=3e-3)
    law = model.distill(data)
    assert values(law) == pytest.approx(truth, rel=1e-6)
    assert physym.check(law, law.starts, verbose=False).passed
