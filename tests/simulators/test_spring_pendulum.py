"""The spring pendulum against exact solutions, independent implementations and the reference."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import xarray as xr

from simulators import DivergenceError, InputError, LogUniform, SpringPendulum, Uniform, chunk, read, validate, write

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "shared" / "reference"
REFERENCE = REFERENCE if REFERENCE.exists() else ROOT.parent / "shared" / "reference"
VARIED = {"mass": LogUniform(0.3, 3.0), "stiffness": Uniform(1.0, 5.0), "rest_length": Uniform(0.2, 1.5)}


def pendulum(bodies: int = 2, **settings: Any) -> SpringPendulum:
    """One whose parameters vary and whose gravity points along no axis."""
    return SpringPendulum(**{"bodies": bodies, "gravity": (0.3, -0.5, -0.9), **VARIED, **settings})


def moved(dataset: xr.Dataset, **arrays: xr.DataArray | np.ndarray) -> xr.Dataset:
    """The dataset with other numbers of the same type."""
    return dataset.assign({k: (dataset[k].dims, np.asarray(v), dataset[k].attrs) for k, v in arrays.items()})


def start_of(position: Any, momentum: Any, **settings: Any) -> tuple[SpringPendulum, xr.Dataset]:
    """A simulator and one start (body, i)."""
    simulator = SpringPendulum(bodies=len(position), **settings)
    return simulator, moved(simulator.sample(1), position=[position], momentum=[momentum])


def energy(q: np.ndarray, p: np.ndarray, m: np.ndarray, k: np.ndarray, rest: np.ndarray, g: np.ndarray) -> float:
    """H of one pendulum, written as DESIGN.md writes it, body by body."""
    total, above = 0.0, np.zeros(3)
    for b in range(len(q)):
        length = np.sqrt(sum((q[b][i] - above[i]) ** 2 for i in range(3)))
        total += sum(p[b] ** 2) / (2 * m[b]) + k[b] / 2 * (length - rest[b]) ** 2 - m[b] * sum(g * q[b])
        above = q[b]
    return total


def numbers(dataset: xr.Dataset, sample: int) -> list[np.ndarray]:
    one = dataset.isel(sample=sample)
    return [one[name].values for name in SpringPendulum.variables()]


# the law


@pytest.mark.parametrize("bodies", [1, 2, 3, 5])
def test_energy_is_that_of_the_design_and_drives_the_motion(bodies: int) -> None:
    simulator = pendulum(bodies)
    start = simulator.sample(3, seed=1)
    held, slope = simulator.conserved(start), simulator.tendency(start)
    for sample in range(3):
        q, p, *rest = numbers(start, sample)
        np.testing.assert_allclose(held.energy[sample], energy(q, p, *rest), rtol=1e-13)
        spin = sum(np.cross(q[b], p[b]) for b in range(bodies)) @ rest[-1] / np.linalg.norm(rest[-1])
        np.testing.assert_allclose(held.angular_momentum[sample], spin, rtol=1e-12, atol=1e-14)
        step, force, velocity = 1e-5, np.empty((bodies, 3)), np.empty((bodies, 3))
        for place in np.ndindex(bodies, 3):
            nudge = np.zeros((bodies, 3))
            nudge[place] = step
            force[place] = (energy(q - nudge, p, *rest) - energy(q + nudge, p, *rest)) / (2 * step)
            velocity[place] = (energy(q, p + nudge, *rest) - energy(q, p - nudge, *rest)) / (2 * step)
        np.testing.assert_allclose(slope.momentum[sample], force, atol=2e-9)
        np.testing.assert_allclose(slope.position[sample], velocity, atol=2e-9)


@pytest.mark.parametrize("method", ["dop853", "splitting"])
@pytest.mark.parametrize("bodies", [1, 2, 3, 5])
def test_tendency_is_the_slope_of_simulate(bodies: int, method: Any) -> None:
    simulator, h = pendulum(bodies), 3e-3
    start = simulator.sample(4)
    run = simulator.simulate(start, h * np.arange(5), tolerance=1e-13, method=method)
    slope = simulator.tendency(run)
    for name in ("position", "momentum"):
        q = run[name].values
        middle = (q[:, 0] - 8 * q[:, 1] + 8 * q[:, 3] - q[:, 4]) / (12 * h)
        np.testing.assert_allclose(slope[name][:, 2], middle, atol=1e-6)
    np.testing.assert_array_equal(simulator.tendency(start).momentum, slope.momentum[:, 0])


def test_tendency_is_typed() -> None:
    simulator = pendulum()
    start = simulator.sample(2)
    slope = simulator.tendency(start)
    assert slope.position.attrs["units"] == "m/s"
    assert slope.momentum.attrs["units"] == "kg*m/s**2"
    assert slope.momentum.dims == ("sample", "body", "i")
    validate(slope.assign_attrs(simulator="none"))
    assert set(slope.data_vars) == {"position", "momentum"}


@pytest.mark.parametrize("bodies", [1, 2, 3, 5])
def test_energy_and_angular_momentum_are_kept(bodies: int) -> None:
    simulator = pendulum(bodies)
    run = simulator.simulate(simulator.sample(4), np.arange(0.0, 20.0, 0.5), tolerance=1e-12)
    assert float(abs(run.position.isel(time=-1) - run.position.isel(time=0)).min("sample").max()) > 0.1
    held = simulator.conserved(run)
    assert held.energy.dims == ("sample", "time")
    for quantity in held.data_vars.values():
        assert np.ptp(quantity.values, axis=1).max() < 2e-10 * max(1.0, float(abs(quantity).max()))
    validate(xr.merge([run, held], combine_attrs="override"))


def test_without_gravity_the_whole_angular_momentum_is_kept() -> None:
    simulator = pendulum(gravity=(0, 0, 0))
    run = simulator.simulate(simulator.sample(3), np.arange(0.0, 10.0, 0.5), tolerance=1e-12)
    held = simulator.conserved(run)
    assert held.angular_momentum.dims == ("sample", "time", "i")
    assert np.ptp(held.angular_momentum.values, axis=1).max() < 1e-10
    assert (held.angular_momentum.attrs["tensor_order"], held.angular_momentum.attrs["pseudo"]) == (1, 1)
    validate(xr.merge([run, held], combine_attrs="override"))
    about = simulator.conserved(moved(run, gravity=[0.0, 0.0, -2.0]))
    np.testing.assert_allclose(about.angular_momentum, -held.angular_momentum[..., 2], atol=1e-15)


# exact solutions


def test_one_body_under_its_pivot_oscillates_harmonically() -> None:
    m, k, rest, g, amplitude, kick = 0.7, 3.0, 1.2, 9.81, 0.4, -0.6
    middle, rate = -(rest + m * g / k), np.sqrt(k / m)
    simulator, start = start_of(
        [[0, 0, middle + amplitude]], [[0, 0, kick]], mass=m, stiffness=k, rest_length=rest, gravity=(0, 0, -g)
    )
    times = np.linspace(0.0, 20.0, 57)
    run = simulator.simulate(start, times, tolerance=1e-13)
    z = middle + amplitude * np.cos(rate * times) + kick / (m * rate) * np.sin(rate * times)
    np.testing.assert_allclose(run.position[0, :, 0, 2], z, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(run.position[0, :, 0, :2], 0.0)
    p = kick * np.cos(rate * times) - m * rate * amplitude * np.sin(rate * times)
    np.testing.assert_allclose(run.momentum[0, :, 0, 2], p, rtol=0, atol=1e-10)


def test_a_spring_without_length_makes_ellipses() -> None:
    m, k, g = 0.5, 2.0, np.array([0.4, -1.0, 2.0])
    q, p = np.array([1.0, -0.3, 0.8]), np.array([0.2, 0.9, -0.4])
    simulator, start = start_of([q], [p], mass=m, stiffness=k, rest_length=0.0, gravity=tuple(g))
    times, rate, centre = np.linspace(0.0, 15.0, 40), np.sqrt(k / m), m * g / k
    cos, sin = np.cos(rate * times)[:, None], np.sin(rate * times)[:, None]
    exact = centre + (q - centre) * cos + p / (m * rate) * sin
    run = simulator.simulate(start, times, tolerance=1e-13)
    np.testing.assert_allclose(run.position[0, :, 0], exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_springs_without_length_have_normal_modes(bodies: int) -> None:
    simulator = pendulum(bodies, rest_length=0.0)
    start = simulator.sample(3, seed=2)
    times = np.linspace(0.0, 6.0, 9)
    run = simulator.simulate(start, times, tolerance=1e-13)
    for sample in range(3):
        q, p, m, k, _, g = numbers(start, sample)
        below = np.append(k[1:], 0.0)
        springs = np.diag(k + below) - np.diag(k[1:], 1) - np.diag(k[1:], -1)
        law = np.block([[np.zeros((bodies, bodies)), np.diag(1 / m)], [-springs, np.zeros((bodies, bodies))]])
        rest = np.linalg.solve(springs, m[:, None] * g)
        for n, t in enumerate(times):
            exact = scipy.linalg.expm(t * law) @ np.vstack([q - rest, p])
            np.testing.assert_allclose(run.position[sample, n], exact[:bodies] + rest, rtol=0, atol=2e-10)
            np.testing.assert_allclose(run.momentum[sample, n], exact[bodies:], rtol=0, atol=2e-10)


def test_the_centre_of_a_chain_falls_freely_while_its_springs_hardly_pull() -> None:
    simulator = pendulum(3, stiffness=1e-9)
    start = simulator.sample(4)
    times = np.linspace(0.0, 2.0, 5)
    run = simulator.simulate(start, times)
    q, v, t = start.position.values, (start.momentum / start.mass).values, times[:, None, None]
    fall = q[:, None] + v[:, None] * t + 0.5 * start.gravity.values * t**2
    np.testing.assert_allclose(run.position, fall, atol=2e-7)


def test_a_chain_at_rest_hangs_still() -> None:
    m, k, rest = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 4.0]), np.array([1.0, 0.5, 0.7])
    stretch = rest + np.cumsum(m[::-1])[::-1] / k
    q = np.stack([np.zeros(3), np.zeros(3), -np.cumsum(stretch)], axis=-1)
    simulator, start = start_of(q, np.zeros((3, 3)), mass=m, stiffness=k, rest_length=rest)
    run = simulator.simulate(start, [0.0, 5.0, 10.0])
    np.testing.assert_allclose(run.position[0], np.broadcast_to(q, (3, 3, 3)), atol=1e-12)


def test_a_heavy_first_body_leaves_the_second_a_pendulum_of_its_own() -> None:
    q, p = np.array([[0.0, 0.0, -1.0], [0.5, 0.2, -2.0]]), np.array([[0.0, 0.0, 0.0], [0.3, -0.2, 0.1]])
    both, start = start_of(q, p, mass=(1e12, 1.5), stiffness=(1e12, 2.0), gravity=(0.0, 0.0, 0.0))
    one, alone = start_of([q[1] - q[0]], [p[1]], mass=1.5, stiffness=2.0, gravity=(0.0, 0.0, 0.0))
    times = np.linspace(0.0, 5.0, 6)
    run = both.simulate(start, times, tolerance=1e-13, method="splitting", step=2e-3)
    lone = one.simulate(alone, times, tolerance=1e-13)
    np.testing.assert_allclose(run.position[0, :, 1] - q[0], lone.position[0, :, 0], atol=1e-9)


def test_scipy_agrees() -> None:
    simulator = pendulum(3)
    start, times = simulator.sample(2, seed=5), np.linspace(0.0, 4.0, 6)
    run = simulator.simulate(start, times, tolerance=1e-12)
    for sample in range(2):
        q, p, m, k, rest, g = numbers(start, sample)

        def slope(_: float, y: np.ndarray, m=m, k=k, rest=rest, g=g) -> np.ndarray:
            q, p = y.reshape(2, 3, 3)
            d = np.diff(q, axis=0, prepend=0)
            pull = (k * (1 - rest / np.linalg.norm(d, axis=1)))[:, None] * d
            force = m[:, None] * g - pull
            force[:-1] += pull[1:]
            return np.concatenate([(p / m[:, None]).ravel(), force.ravel()])

        y = scipy.integrate.solve_ivp(
            slope, (0, 4), np.concatenate([q.ravel(), p.ravel()]), "DOP853", times, rtol=1e-12, atol=1e-12
        ).y.T.reshape(6, 2, 3, 3)
        np.testing.assert_allclose(run.position[sample], y[:, 0], atol=1e-9)
        np.testing.assert_allclose(run.momentum[sample], y[:, 1], atol=1e-9)


@pytest.mark.skipif(not (REFERENCE / "pendulum_test.nc").exists(), reason="the reference data are not here")
def test_the_reference_trajectories_are_reproduced() -> None:
    truth = read(REFERENCE / "pendulum_test.nc")
    run = SpringPendulum().simulate(truth.isel(time=0), truth.time.values, tolerance=1e-13)
    # nearby starts part by a factor of 10 in 30 s, a few of them by much more
    error = np.abs(run.position - truth.position).max(["time", "body", "i"])
    assert float(error.median()) < 1e-11
    assert float(error.max()) < 1e-9
    held = SpringPendulum().conserved(truth)
    assert np.ptp(held.energy.values, axis=1).max() < 1e-9


# integrators


@pytest.mark.parametrize("order", [2, 4, 6])
def test_the_splitting_has_its_order(order: int) -> None:
    simulator = pendulum()
    start, times = simulator.sample(3), np.array([0.0, 2.0])
    exact = simulator.simulate(start, times, tolerance=1e-14)
    steps = {2: (0.02, 0.01), 4: (0.08, 0.04), 6: (0.1, 0.05)}[order]
    errors = []
    for step in steps:
        run = simulator.simulate(start, times, method="splitting", order=order, step=step)
        errors.append(float(np.sqrt(((run.position - exact.position) ** 2).sum())))
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.35


def test_the_splitting_keeps_energy_bounded() -> None:
    simulator = SpringPendulum(stiffness=(1.0, 2.0))
    run = simulator.simulate(simulator.sample(2), np.linspace(0.0, 2000.0, 400), method="splitting", step=0.05, order=4)
    drift = np.abs(simulator.conserved(run).energy - simulator.conserved(run).energy[:, 0]).values
    assert drift[:, 300:].max() < 3 * drift[:, 1:100].max() < 1e-3
    spin = simulator.conserved(run).angular_momentum.values
    assert np.ptp(spin, axis=1).max() < 1e-11


def test_a_smaller_tolerance_gives_a_smaller_error() -> None:
    simulator = pendulum()
    start, times = simulator.sample(4), np.array([0.0, 5.0])
    exact = simulator.simulate(start, times, tolerance=1e-14).position
    errors = [
        float(np.abs(simulator.simulate(start, times, tolerance=t).position - exact).max()) for t in (1e-4, 1e-7, 1e-10)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-8


# what is given and what comes back


def test_output_is_of_the_schema_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    simulator = pendulum()
    start = simulator.sample(3, seed=4).assign_coords(sample=["a", "b", "c"], run=("sample", [4, 5, 6]))
    times = np.array([1.0, 1.5, 3.0])
    run = simulator.simulate(start, times)
    validate(run)
    assert {name: array.dims for name, array in run.data_vars.items()} == {
        "position": ("sample", "time", "body", "i"),
        "momentum": ("sample", "time", "body", "i"),
        "mass": ("sample", "body"),
        "stiffness": ("sample", "body"),
        "rest_length": ("sample", "body"),
        "gravity": ("i",),
    }
    np.testing.assert_array_equal(run.time, times)
    assert list(run.sample.values) == ["a", "b", "c"]
    assert list(run.run.values) == [4, 5, 6]
    assert list(run.body.values) == [1, 2]
    for name in ("position", "momentum"):
        np.testing.assert_array_equal(run[name][:, 0], start[name])
    assert run.attrs["simulator"] == "SpringPendulum"
    assert run.attrs["seed"] == 4
    assert json.loads(run.attrs["solver"])["method"] == "DOP853"
    assert set(run.attrs) >= {"Conventions", "title", "source", "history"}
    for suffix in (".nc", ".zarr"):
        found = read(write(run, tmp_path / f"a{suffix}"))
        found.attrs.pop("completed", None)
        xr.testing.assert_identical(found.load(), run)


def test_a_start_without_samples_is_one_run() -> None:
    simulator = pendulum()
    start = simulator.sample(3)
    run = simulator.simulate(start, [0.0, 1.0])
    alone = simulator.simulate(start.isel(sample=1), [0.0, 1.0])
    validate(alone)
    assert alone.position.dims == ("time", "body", "i")
    np.testing.assert_array_equal(alone.position, run.position[1])
    for whole, one in (
        (simulator.tendency(run).momentum, simulator.tendency(alone).momentum),
        (simulator.conserved(run).energy, simulator.conserved(alone).energy),
    ):
        np.testing.assert_allclose(one, whole[1], rtol=1e-14)


def test_one_start_takes_parameters_per_sample() -> None:
    simulator = pendulum(gravity=[[0.0, 0.0, -1.0], [0.1, 0.0, -2.0]])
    start = simulator.sample(2)
    shared = start.assign(position=start.position[0], momentum=start.momentum[0])
    full = moved(start, position=[start.position[0]] * 2, momentum=[start.momentum[0]] * 2)
    run = simulator.simulate(shared, [0.0, 1.0])
    assert run.position.dims == ("sample", "time", "body", "i")
    assert same(run, simulator.simulate(full, [0.0, 1.0]))
    np.testing.assert_array_equal(simulator.tendency(shared).momentum, simulator.tendency(full).momentum)
    for gravity in (start.gravity, start.gravity[0]):
        held, spelled = (simulator.conserved(d.assign(gravity=gravity)) for d in (shared, full))
        np.testing.assert_array_equal(held.energy, spelled.energy)
        np.testing.assert_array_equal(held.angular_momentum, spelled.angular_momentum)


def same(a: xr.Dataset, b: xr.Dataset) -> bool:
    return all(a[name].dims == b[name].dims and np.array_equal(a[name], b[name]) for name in ("position", "momentum"))


@pytest.mark.parametrize("samples", [2, 3])
@pytest.mark.parametrize("dims", [(), ("sample",), ("body",), ("sample", "body")])
@pytest.mark.parametrize("name", ["mass", "stiffness", "rest_length"])
def test_parameters_have_any_of_their_dimensions(name: str, dims: tuple[str, ...], samples: int) -> None:
    """Two samples of two bodies too, where one is easily taken for the other."""
    simulator, sizes = SpringPendulum(), {"sample": samples, "body": 2}
    start = simulator.sample(samples)
    values = 0.5 + np.random.default_rng(0).random([sizes[d] for d in dims])
    array = xr.DataArray(values, dims=dims, attrs=start[name].attrs)
    full = array.broadcast_like(start.position.isel(i=0, drop=True)).transpose("sample", "body")
    given, spelled = start.assign({name: array}), start.assign({name: full.assign_attrs(array.attrs)})
    validate(given)
    run = simulator.simulate(given, [0.0, 1.0])
    validate(run)
    assert same(run, simulator.simulate(spelled, [0.0, 1.0]))
    assert not same(run, simulator.simulate(start, [0.0, 1.0]))
    np.testing.assert_array_equal(simulator.tendency(run).momentum[:, 0], simulator.tendency(spelled).momentum)
    np.testing.assert_array_equal(simulator.conserved(run).energy[:, 0], simulator.conserved(spelled).energy)


def test_parameters_of_the_dataset_win() -> None:
    plain, other = SpringPendulum(), SpringPendulum(mass=2.0, stiffness=5.0, rest_length=0.1, gravity=(1.0, 0.0, 0.0))
    start, times = plain.sample(2), [0.0, 1.0]
    assert same(plain.simulate(start, times), other.simulate(start, times))
    bare = start[["position", "momentum"]]
    assert same(plain.simulate(bare, times), plain.simulate(start, times))
    assert not same(other.simulate(bare, times), plain.simulate(start, times))
    np.testing.assert_array_equal(other.simulate(bare, times).gravity, [1.0, 0.0, 0.0])
    with pytest.raises(InputError, match="variable 'mass': expected in the dataset"):
        pendulum().simulate(bare, times)
    with pytest.raises(InputError, match=r"mass: expected 2 along 'sample', as in the dataset, given 3 by the"):
        SpringPendulum(mass=np.ones((3, 2))).simulate(bare, times)
    with pytest.raises(InputError, match=r"mass: expected 2 along 'body'"):
        SpringPendulum(bodies=3, mass=(1, 2, 3)).simulate(bare, times)


def test_units_of_the_dataset_are_converted() -> None:
    simulator, other = pendulum(), {}
    start = simulator.sample(3)
    for name, factor, units in (
        ("position", 100.0, "cm"), ("momentum", 1e5, "g cm s-1"), ("mass", 1000.0, "g"), ("gravity", 1e-3, "km/s**2"),
        ("stiffness", 3600.0**2, "kg/hour**2"),
    ):  # fmt: skip
        other[name] = (factor * start[name]).assign_attrs(start[name].attrs | {"units": units})
    scaled = start.assign(other)
    run, again = simulator.simulate(start, [0.0, 2.0]), simulator.simulate(scaled, [0.0, 2.0])
    np.testing.assert_allclose(again.position, run.position, rtol=0, atol=1e-9)
    assert again.position.attrs == run.position.attrs
    np.testing.assert_allclose(simulator.conserved(scaled).energy, simulator.conserved(start).energy, rtol=1e-13)


def test_time_may_begin_anywhere() -> None:
    simulator = pendulum()
    start, times = simulator.sample(2), np.linspace(0.0, 3.0, 7)
    early, late = simulator.simulate(start, times), simulator.simulate(start, times - 100.0)
    np.testing.assert_allclose(late.position, early.position, rtol=0, atol=1e-9)
    assert same(simulator.simulate(start, [5.0]), start.expand_dims(time=1, axis=1))


def test_a_run_goes_back_with_its_momenta() -> None:
    simulator = pendulum()
    start = simulator.sample(3)
    end = simulator.simulate(start, [0.0, 3.0], tolerance=1e-13).isel(time=1)
    back = simulator.simulate(moved(end, momentum=-end.momentum), [0.0, 3.0], tolerance=1e-13).isel(time=1)
    np.testing.assert_allclose(back.position, start.position, atol=1e-9)
    np.testing.assert_allclose(back.momentum, -start.momentum, atol=1e-9)


@pytest.mark.parametrize("method", ["dop853", "splitting"])
@pytest.mark.parametrize("bodies", [2, 3])
def test_no_number_depends_on_batch_or_threads(bodies: int, method: Any) -> None:
    simulator = pendulum(bodies)
    start, times = simulator.sample(11), [0.0, 0.7, 2.0]
    run = simulator.simulate(start, times, method=method)
    assert same(run, simulator.simulate(start, times, method=method, threads=1))
    assert same(run, simulator.simulate(start, times, method=method, threads=3))
    order = np.random.default_rng(0).permutation(11)[:6]
    part = simulator.simulate(start.isel(sample=order), times, method=method)
    assert same(part, run.isel(sample=order))
    slope = simulator.tendency(start)
    assert same(simulator.tendency(start.isel(sample=order)), slope.isel(sample=order))


# starts


def test_a_sample_is_the_same_however_many_are_drawn() -> None:
    simulator = pendulum()
    many, few = simulator.sample(20, seed=3), simulator.sample(4, seed=3)
    for name in many.data_vars:
        np.testing.assert_array_equal(few[name], many[name][:4] if "sample" in many[name].dims else many[name])
    assert not np.array_equal(simulator.sample(4, seed=4).position, few.position)
    assert len(np.unique(many.mass)) == 40
    validate(few)
    assert few.attrs["seed"] == 3


def test_starts_follow_the_protocol() -> None:
    starts = SpringPendulum().sample(4000, seed=1)
    np.testing.assert_allclose(starts.position.mean("sample"), [[0, 0, -1.5], [0, 0, -3]], atol=0.02)
    np.testing.assert_allclose(starts.position.std("sample"), 0.2, rtol=0.05)
    np.testing.assert_allclose(starts.momentum.mean("sample"), 0.0, atol=0.03)
    np.testing.assert_allclose(starts.momentum.std("sample"), 0.4, rtol=0.05)
    assert {name for name, array in starts.data_vars.items() if "sample" not in array.dims} == {
        "mass", "stiffness", "rest_length", "gravity"
    }  # fmt: skip


def test_parameters_are_drawn_in_their_ranges() -> None:
    starts = pendulum(mass=LogUniform(0.01, 100.0), gravity=[[0, 0, -1]] * 2000).sample(2000)
    assert starts.gravity.dims == ("sample", "i")
    logs = np.log10(starts.mass)
    assert -2 <= logs.min() < -1.9 < 1.9 < logs.max() <= 2
    assert abs(float(logs.mean())) < 0.1
    assert 1.0 <= starts.stiffness.min() < 1.05 < 4.95 < starts.stiffness.max() <= 5.0


def test_the_chain_starts_along_gravity() -> None:
    starts = SpringPendulum(gravity=(3.0, 0.0, 4.0), rest_length=(1.0, 2.0), position_spread=0).sample(1)
    np.testing.assert_allclose(starts.position[0], [[0.9, 0, 1.2], [2.7, 0, 3.6]])
    starts = SpringPendulum(gravity=(0, 0, 0), position_spread=0, momentum_spread=0).sample(1)
    np.testing.assert_allclose(starts.position[0], [[0, 0, -1.5], [0, 0, -3]])
    np.testing.assert_array_equal(starts.momentum, 0.0)


def test_arrays_per_sample_are_used_as_given() -> None:
    mass = np.random.default_rng(0).uniform(1, 2, (3, 2))
    starts = SpringPendulum(mass=mass).sample(3)
    np.testing.assert_array_equal(starts.mass, mass)
    with pytest.raises(InputError, match="mass: expected 4 samples, given an array for 3"):
        SpringPendulum(mass=mass).sample(4)


@pytest.mark.parametrize("samples", [0, -1, 1.0, True, "3", None])
def test_samples_are_counted(samples: Any) -> None:
    with pytest.raises(InputError, match="expected at least 1 sample, given"):
        SpringPendulum().sample(samples)


@pytest.mark.parametrize("seed", [-1, 1.0, True, "3", None])
def test_seeds_are_integers(seed: Any) -> None:
    with pytest.raises(InputError, match="expected a seed that is an integer >= 0, given"):
        SpringPendulum().sample(1, seed)


# bad input


@pytest.mark.parametrize("name", ["simulate", "tendency"])
@pytest.mark.parametrize("body", [1, 2])
def test_a_spring_without_length_has_no_direction(name: str, body: int) -> None:
    simulator = SpringPendulum()
    start = simulator.sample(3)
    q = start.position.values.copy()
    q[2, body - 1] = 0.0 if body == 1 else q[2, 0]
    call = simulator.tendency if name == "tendency" else lambda d: simulator.simulate(d, [0.0, 1.0])
    message = rf"position, sample 2: expected the spring above body {body} to have a length, given 0 .*; move the body"
    with pytest.raises(InputError, match=message):
        call(moved(start, position=q))
    assert np.isfinite(simulator.conserved(moved(start, position=q)).energy).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"bodies": 0}, {"bodies": 2.0}, {"bodies": True}, {"bodies": "2"}, {"mass": -1}, {"mass": 0}, {"mass": "a"},
        {"mass": "1"}, {"mass": None}, {"mass": True}, {"mass": 1j}, {"mass": [1, 2, 3]}, {"mass": [[1], [2]]},
        {"mass": [[1, 2], [3]]}, {"mass": []}, {"mass": np.nan}, {"mass": [1, np.inf]}, {"mass": np.ones((1, 1, 2))},
        {"mass": Uniform(-1, 1)}, {"stiffness": 0}, {"stiffness": Uniform(0, 1)}, {"rest_length": -1e-9},
        {"gravity": -1.0}, {"gravity": (0, 0)}, {"gravity": (0, 0, np.nan)}, {"gravity": Uniform(0, 1)},
        {"position_spread": -1}, {"position_spread": [1]}, {"momentum_spread": np.nan}, {"momentum_spread": "a"},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(InputError, match=rf"^{name}: expected .*given ") as caught:
        SpringPendulum(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [3, None, "a", {}, xr.DataArray(1.0)])
def test_what_is_no_dataset_is_refused(given: Any) -> None:
    simulator = SpringPendulum()
    for call in (lambda d: simulator.simulate(d, [0, 1]), simulator.tendency, simulator.conserved):
        with pytest.raises(InputError, match="expected an xarray Dataset"):
            call(given)


def test_bad_starts_are_refused() -> None:
    simulator = SpringPendulum()
    start = simulator.sample(3)
    run = simulator.simulate(start, [0.0, 1.0])
    q, m, nan = start.position, start.mass, np.full((3, 2, 3), np.nan)
    for bad, message in (
        (run, "expected starts without a time dimension; pass dataset.isel"),
        (start.drop_vars("momentum"), "variable 'momentum': expected in 'kg"),
        (moved(start, mass=-m), "mass: expected positive values, given -1.0"),
        (moved(start, rest_length=-m), "rest_length: expected values not negative, given -1.0"),
        (moved(start, position=nan), "'position': expected finite numbers, given nan at sample 0, body 0, i 0"),
        (start.isel(i=slice(2)), "dimension 'i': expected 3 components, given 2"),
        (start.isel(i=[1, 0, 2]), "coordinate 'i': expected the labels"),
        (start.isel(sample=slice(0)), "dimension 'sample': expected at least 1 entry, given 0"),
        (start.assign(position=q.assign_attrs(units="kg")), "'position': expected the attribute 'units'|'units': exp"),
        (start.drop_attrs(), "expected the attribute 'units', given none; declare it"),
        (start.transpose(..., "body"), "'position': expected the dimensions .'body', 'i'."),
    ):
        with pytest.raises(InputError, match=message):
            simulator.simulate(bad, [0.0, 1.0])
    for bad in (nan[:, None] + run.position, run.position.astype(complex)):
        with pytest.raises(InputError, match="variable 'position': expected"):
            simulator.conserved(run.assign(position=bad.assign_attrs(run.position.attrs)))


@pytest.mark.parametrize("options", [{"method": "euler"}, {"tolerance": 0.0}, {"tolerance": np.nan}, {"threads": 0}])
def test_a_wrong_option_is_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(InputError, match=rf"^{name}: expected .*(given|got) "):
        SpringPendulum().simulate(SpringPendulum().sample(1), [0.0, 1.0], **options)


@pytest.mark.parametrize("options", [{"order": 3}, {"step": 0.0}, {"step": -1.0}])
def test_a_wrong_option_of_the_splitting_is_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(InputError, match=rf"^{name}: expected "):
        SpringPendulum().simulate(SpringPendulum().sample(1), [0.0, 1.0], method="splitting", **options)


def test_a_blow_up_names_its_sample() -> None:
    simulator = SpringPendulum()
    start = simulator.sample(3)
    p = start.momentum.values.copy()
    p[1] *= 1e300
    with pytest.raises(DivergenceError, match="sample 1") as caught:
        simulator.simulate(moved(start, momentum=p), [0.0, 1.0])
    assert caught.value.sample == 1


# settings


def test_settings_cannot_change() -> None:
    gravity = np.array([0.0, 0.0, -1.0])
    simulator = SpringPendulum(gravity=gravity, mass=[1, 2])
    gravity[:] = np.nan
    assert simulator.gravity == (0.0, 0.0, -1.0)
    assert simulator.mass == (1.0, 2.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        simulator.mass = 2.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        SpringPendulum(2)  # type: ignore[misc]
    with pytest.raises(TypeError, match="unexpected keyword"):
        SpringPendulum(weight=2.0)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "simulator",
    [
        SpringPendulum(),
        SpringPendulum(bodies=np.int64(3), mass=np.float32(2.0), stiffness=[1, 2, 3], gravity=np.zeros(3)),
        SpringPendulum(mass=np.ones((4, 2)), gravity=[[0, 0, -1], [0, 1, 0]]),
        SpringPendulum(mass=Uniform(1, np.int64(2)), stiffness=LogUniform(np.float32(1), 3), rest_length=0),
    ],
)
def test_settings_and_repr_make_the_same_simulator(simulator: SpringPendulum) -> None:
    assert eval(repr(simulator)) == simulator
    assert hash(eval(repr(simulator))) == hash(simulator)
    assert dataclasses.replace(simulator, position_spread=0.9) != simulator
    settings = json.loads(json.dumps(simulator.settings()))
    kinds = {"uniform": Uniform, "log_uniform": LogUniform}
    for name, value in settings.items():
        if isinstance(value, dict):
            ((kind, ends),) = value.items()
            settings[name] = kinds[kind](*ends)
    assert SpringPendulum(**settings) == simulator


def test_chunks_of_pendulums_are_trajectories() -> None:
    simulator = pendulum()
    run = simulator.simulate(simulator.sample(5), 0.2 * np.arange(20))
    cut = chunk(run, 4, seed=1)
    validate(cut)
    again = simulator.simulate(cut.isel(time=0), cut.time.values)
    np.testing.assert_allclose(again.position, cut.position, atol=1e-8)
