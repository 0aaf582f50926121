"""The shallow-water equations: exact solutions, another implementation, orders, what is kept, symmetries, bad input."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import physym
from physym.symmetry import Hyperoctahedral, act, translate
from physym.units import rescale
from simulators import DivergenceError, InputError, LogUniform, SchemaError, ShallowWater, Uniform, registered, validate
from simulators.shallow_water.natural import stable_step

STATES = ("height", "velocity", "salinity")
DAY = 86400.0
SMALL = {"length": (160e3, 120e3), "cell": 10e3}
IDEAL = {"viscosity": 0.0, "diffusivity": 0.0}


def starting(model: ShallowWater, height: Any, velocity: Any, salinity: Any = 35.0) -> xr.Dataset:
    """A start with the given fields (y, x), (y, x, 2), (y, x)."""
    start = model.sample(1)
    full = [
        np.broadcast_to(values, start[name].shape[1:])
        for name, values in zip(STATES, (height, velocity, salinity), strict=True)
    ]
    return start.assign({name: start[name].copy(data=values[None]) for name, values in zip(STATES, full, strict=True)})


def rough(model: ShallowWater, seed: int = 0, size: float = 0.3) -> xr.Dataset:
    """A start of noise, elevations within a part of the depth."""
    rng, shape = np.random.default_rng(seed), model.grid().shape
    height = size * float(np.max(model.depth)) * rng.uniform(-1, 1, shape)
    return starting(model, height, rng.normal(size=(*shape, 2)), 35 + rng.normal(size=shape))


def places(model: ShallowWater) -> tuple[np.ndarray, np.ndarray]:
    """The phases 2π x/length of the cells, along x (1, x) and y (y, 1)."""
    rows, columns = model.grid().shape
    return (2 * np.pi * (np.arange(columns) + 0.5) / columns)[None], (2 * np.pi * (np.arange(rows) + 0.5) / rows)[
        :, None
    ]


def sides(f: np.ndarray, axis: int) -> list[np.ndarray]:
    return [np.roll(f, -shift, axis) for shift in (-2, -1, 0, 1, 2)]


def slope(f: np.ndarray, axis: int, h: float) -> np.ndarray:
    a, b, _, d, e = sides(f, axis)
    return (a - 8 * b + 8 * d - e) / (12 * h)


def curvature(f: np.ndarray, axis: int, h: float) -> np.ndarray:
    a, b, c, d, e = sides(f, axis)
    return (-a + 16 * b - 30 * c + 16 * d - e) / (12 * h**2)


def right_hand_side(start: xr.Dataset, cell: tuple[float, float]) -> tuple[np.ndarray, ...]:
    """d(η, D u, D v, D S)/dt of one sample by the formulas of the module: an implementation of its own."""
    eta, velocity, salt = (start[name].values[0] for name in STATES)
    g, f, depth, nu, kappa = (
        float(start[name]) for name in ("gravity", "coriolis", "depth", "viscosity", "diffusivity")
    )
    thick = depth + eta
    axes = [(1, cell[0]), (0, cell[1])]
    flows = [thick * velocity[..., n] for n in range(2)]

    def carried(q: np.ndarray, spreading: float) -> np.ndarray:
        total = np.zeros_like(q)
        for m, (axis, h) in zip(flows, axes, strict=True):
            total -= 0.5 * (slope(m * q, axis, h) + m * slope(q, axis, h) + q * slope(m, axis, h))
            # ∂(D ∂q) = ½ [∂²(D q) + D ∂²q - q ∂²D]
            spread = curvature(thick * q, axis, h) + thick * curvature(q, axis, h) - q * curvature(thick, axis, h)
            total += 0.5 * spreading * spread
        return total

    mass = -sum(slope(m, axis, h) for m, (axis, h) in zip(flows, axes, strict=True))
    force = [carried(velocity[..., n], nu) - g * thick * slope(eta, *axes[n]) for n in range(2)]
    return mass, force[0] + f * flows[1], force[1] - f * flows[0], carried(salt, kappa)


def rates(model: ShallowWater, start: xr.Dataset) -> tuple[np.ndarray, ...]:
    """d(η, D u, D v, D S)/dt of the model's tendency."""
    eta, velocity, salt = (start[name].values[0] for name in STATES)
    d_eta, d_velocity, d_salt = (model.tendency(start)[name].values[0] for name in STATES)
    thick = float(start["depth"]) + eta
    flow = thick[..., None] * d_velocity + velocity * d_eta[..., None]
    return d_eta, flow[..., 0], flow[..., 1], thick * d_salt + salt * d_eta


def test_it_is_known_and_its_data_are_valid() -> None:
    model = ShallowWater(**SMALL)
    assert registered()["ShallowWater"].command() == "shallow-water"
    start = model.sample(2)
    run = model.simulate(start, model.times[:3])
    for dataset in (start, run, model.tendency(run), model.conserved(run)):
        assert dataset.sizes["sample"] == 2
    validate(start)
    validate(run)
    assert run["velocity"].dims == ("sample", "time", "y", "x", "i")
    assert list(run["velocity"]["i"].values) == ["x", "y"]
    assert run["coriolis"].attrs["pseudo"] == 1
    assert json.loads(run.attrs["solver"]) == {"method": "DOP853", "tolerance": 1e-8, "differences": 4}
    xr.testing.assert_equal(run.isel(time=0, drop=True)[list(STATES)], start[list(STATES)])


@pytest.mark.parametrize("length", [(160e3, 120e3), (50e3, 240e3)])
def test_the_tendency_is_that_of_another_implementation(length: tuple[float, float]) -> None:
    model = ShallowWater(length=length, cell=(10e3, 12e3), viscosity=3e4, diffusivity=2e4, coriolis=-2e-4)
    start = rough(model)
    for found, wanted in zip(rates(model, start), right_hand_side(start, (10e3, 12e3)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12 * abs(wanted).max())


def test_the_kernel_is_the_function_that_it_was_made_of() -> None:
    from simulators.shallow_water.kernels import rhs

    rng = np.random.default_rng(0)
    y, p = 0.2 * rng.uniform(-1, 1, (4, 5, 7)), rng.uniform(0.1, 2, 7)
    outs, lost = np.empty((2, 4, 5, 7)), np.empty((2, 1))
    rhs(0.0, y, p, outs[0], lost[0])
    rhs.compiled(3)(0.0, y, p, outs[1], lost[1])
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(lost[0], lost[1], rtol=1e-13)


def test_the_differences_are_of_order_four() -> None:
    """Against derivatives by Fourier series, exact for products of few modes."""

    def along(f: np.ndarray, axis: int, model: ShallowWater) -> np.ndarray:
        k = model.grid().wavenumbers()[axis]
        return np.fft.irfft2(1j * k * np.fft.rfft2(f), s=f.shape)

    errors = []
    for cells in (24, 36, 48):
        model = ShallowWater(length=240e3, cell=240e3 / cells, viscosity=3000.0, diffusivity=2000.0)
        x, y = places(model)
        eta, u, v = 100 * np.sin(x + y), 0.5 * np.cos(x - 2 * y), 0.3 * np.sin(2 * x) * np.cos(y)
        salt = 35 + np.cos(x) * np.sin(2 * y)
        thick = 500 + eta
        start = starting(model, eta, np.stack([u, v], -1), salt)
        exact = [-along(thick * u, 1, model) - along(thick * v, 0, model)]
        for n, (q, spreading) in enumerate(((u, 3000.0), (v, 3000.0), (salt, 2000.0))):
            total = np.zeros_like(q)
            for axis, m in ((1, thick * u), (0, thick * v)):
                total += along(spreading * thick * along(q, axis, model) - m * q, axis, model)
            if n < 2:
                total -= 0.05 * thick * along(eta, 1 - n, model) - 1e-4 * thick * (v, -u)[n]
            exact.append(total)
        errors.append([np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(rates(model, start), exact, strict=True)])
    orders = np.log(np.array(errors[0]) / errors[2]) / np.log(2)
    np.testing.assert_allclose(orders, 4, atol=0.2)


def modified(phase: float, cell: float) -> float:
    """What differences of order 4 make of the wavenumber phase/cell."""
    return float(8 * np.sin(phase) - np.sin(2 * phase)) / (6 * cell)


@pytest.mark.parametrize("mode", [(1, 0), (0, 2), (3, 1), (2, -2)])
@pytest.mark.parametrize("f", [0.0, 1e-4, -2e-4])
def test_small_waves_have_the_dispersion_of_poincare(mode: tuple[int, int], f: float) -> None:
    """ω² = f² + g H k², with f = 0 a gravity wave: travelling, for one period of the wave that the grid holds."""
    model = ShallowWater(length=(240e3, 160e3), cell=10e3, coriolis=f, **IDEAL)
    x, y = places(model)
    k = np.array([modified(2 * np.pi * n / cells, 10e3) for n, cells in zip(mode, (24, 16), strict=True)])
    omega = np.sqrt(f**2 + 25.0 * k @ k)
    phase = mode[0] * x + mode[1] * y
    wave = 1e-5 * np.exp(1j * phase)
    # of η = exp(i(k·x - ωt)): -iω u = -f ẑ×u - g ∇η
    u = (k[0] * omega + 1j * f * k[1]) / (omega**2 - f**2) * 0.05 * wave
    v = (k[1] * omega - 1j * f * k[0]) / (omega**2 - f**2) * 0.05 * wave
    start = starting(model, wave.real, np.stack([u, v], -1).real)
    for part in (0.25, 1.0):
        run = model.simulate(start, [0.0, part * 2 * np.pi / omega], tolerance=1e-10).isel(time=1)
        turn = np.exp(-2j * np.pi * part)
        np.testing.assert_allclose(run["height"].values[0], (wave * turn).real, atol=1e-5 * 2e-6)
        wanted = np.stack([u * turn, v * turn], -1).real
        np.testing.assert_allclose(run["velocity"].values[0], wanted, atol=2e-6 * abs(wanted).max())


def test_the_frequency_of_a_standing_wave_is_right_to_order_four() -> None:
    errors = []
    for cells in (8, 16, 32):
        model = ShallowWater(length=(160e3, 5e3), cell=(160e3 / cells, 5e3), coriolis=0.0, **IDEAL)
        x, y = places(model)
        start = starting(model, 1e-5 * np.cos(x + 0 * y), 0.0)
        period = 160e3 / 5.0
        run = model.simulate(start, [0.0, 0.25 * period], tolerance=1e-10)
        # a quarter of the exact period after the top there is no elevation, but for the error of the frequency
        errors.append(float(abs(run["height"].isel(time=1)).max()) / 1e-5)
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 4, atol=0.2)


def test_water_at_rest_stays_exactly() -> None:
    model = ShallowWater(**SMALL)
    for height in (0.0, 0.3, -77.0):
        start = starting(model, height, 0.0)
        assert not any(
            rate.any() for rate in (model.tendency(start)["height"].values, model.tendency(start)["velocity"].values)
        )
        run = model.simulate(start, [0.0, DAY, 10 * DAY])
        np.testing.assert_array_equal(run["height"].values[0, 0], run["height"].values[0, 2])
        assert not run["velocity"].values.any()
        np.testing.assert_allclose(run["salinity"].values, 35.0, rtol=1e-14)


@pytest.mark.parametrize("f", [1e-4, -5e-5])
def test_a_jet_in_geostrophic_balance_is_steady(f: float) -> None:
    model = ShallowWater(length=(80e3, 320e3), cell=10e3, coriolis=f, **IDEAL)
    x, y = places(model)
    eta = 100 * np.exp(np.sin(y) + 0.3 * np.cos(2 * y)) - 100 + 0 * x
    u = -0.05 / f * slope(eta, 0, 10e3)
    start = starting(model, eta, np.stack([u, 0 * u], -1), 35 + np.cos(y) + 0 * x)
    run = model.simulate(start, [0.0, 5 * DAY])
    for name in STATES:
        size = float(abs(start[name]).max())
        np.testing.assert_allclose(run[name].values[0, 1], start[name].values[0], atol=1e-10 * size)


def test_a_uniform_flow_turns_in_inertial_circles_and_its_momentum_is_kept() -> None:
    model = ShallowWater(**SMALL)
    times = np.arange(0, 2 * DAY, 0.1 * DAY)
    run = model.simulate(starting(model, 3.0, [0.4, -0.1]), times)
    turned = (0.4 - 0.1j) * np.exp(-1e-4j * times)
    velocity = run["velocity"].values[0]
    wanted = np.stack([turned.real, turned.imag], -1)[:, None, None]
    np.testing.assert_allclose(velocity, np.broadcast_to(wanted, velocity.shape), atol=1e-9)
    kept = model.conserved(run)["momentum"].values[0]
    np.testing.assert_allclose(kept, np.broadcast_to([503 * 0.4, -503 * 0.1], kept.shape), rtol=1e-9)


def test_shear_and_salinity_decay_as_they_must() -> None:
    model = ShallowWater(length=160e3, coriolis=0.0, viscosity=2000.0, diffusivity=1000.0)
    x, y = places(model)
    eigenvalue = -(16 * np.cos(2 * np.pi / 16) * 2 - 2 * np.cos(4 * np.pi / 16) - 30) / (12 * 1e8)
    assert eigenvalue == pytest.approx((2 * np.pi / 160e3) ** 2, rel=1e-3)
    start = starting(model, 0.0, np.stack([0.3 * np.sin(y) + 0 * x, 0 * x * y], -1), 35 + np.cos(y) + 0 * x)
    run = model.simulate(start, [0.0, 5 * DAY])
    decay = np.exp(-eigenvalue * 5 * DAY * np.array([2000.0, 1000.0]))
    np.testing.assert_allclose(run["velocity"].values[0, 1, ..., 0], decay[0] * 0.3 * np.sin(y) + 0 * x, atol=1e-9)
    np.testing.assert_allclose(run["salinity"].values[0, 1] - 35, decay[1] * np.cos(y) + 0 * x, atol=1e-9)
    lost = float(run["cumulative_dissipation"][0, 1])
    assert lost == pytest.approx(0.5 * 500 * 0.5 * 0.3**2 * (1 - decay[0] ** 2), rel=1e-8)


def energy_rate(model: ShallowWater, start: xr.Dataset) -> tuple[float, float]:
    """dE/dt of the differences in space alone, and the size of its terms."""
    eta, velocity, _ = (start[name].values[0] for name in STATES)
    d_eta, *flow, _ = rates(model, start)
    thick, square = 500 + eta, np.sum(velocity**2, axis=-1)
    terms = [velocity[..., 0] * flow[0] + velocity[..., 1] * flow[1], (0.05 * thick - 0.5 * square) * d_eta]
    return float(np.mean(sum(terms))), float(sum(np.mean(abs(term)) for term in terms))


@pytest.mark.parametrize("seed", range(3))
def test_without_friction_the_differences_keep_energy_and_the_square_of_salinity(seed: int) -> None:
    model = ShallowWater(length=(160e3, 130e3), cell=10e3, **IDEAL)
    start = rough(model, seed)
    rate, size = energy_rate(model, start)
    assert abs(rate) < 1e-14 * size
    salt = start["salinity"].values[0] - 35
    d_eta, *_, content = rates(model, start)
    # d(D s²)/dt = 2 s d(D s)/dt - s² dD/dt, with s = S - 35
    terms = 2 * salt * (content - 35 * d_eta) - salt**2 * d_eta
    assert abs(terms.mean()) < 1e-13 * abs(terms).mean()


def test_friction_takes_the_energy_that_it_says() -> None:
    model = ShallowWater(length=(160e3, 130e3), viscosity=2000.0)
    for seed in range(3):
        start = rough(model, seed, 0.6)
        rate, _ = energy_rate(model, start)
        step = 1e-3
        run = model.simulate(start, [0.0, step])
        lost = float(run["cumulative_dissipation"][0, 1]) / step
        assert lost > 0
        assert lost == pytest.approx(-rate, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), f=st.floats(-1e-3, 1e-3), friction=st.floats(0, 1e4))
def test_sums_do_not_change(seed: int, f: float, friction: float) -> None:
    model = ShallowWater(length=(90e3, 70e3), coriolis=f, viscosity=friction, diffusivity=friction)
    start = rough(model, seed)
    d_eta, *flow, content = rates(model, start)
    thick = 500 + start["height"].values[0]
    momentum = [np.mean(thick * start["velocity"].values[0, ..., n]) for n in range(2)]
    for values, wanted in ((d_eta, 0), (content, 0), (flow[0], f * momentum[1]), (flow[1], -f * momentum[0])):
        assert abs(values.mean() - wanted) < 1e-14 * np.mean(abs(values)) * values.size


def test_potential_enstrophy_is_kept_to_order_four() -> None:
    """d/dt Σ ½ D q² of the differences in space falls with the fourth power of the cell."""
    found = []
    for cells in (24, 36, 48):
        model = ShallowWater(length=240e3, cell=240e3 / cells, **IDEAL)
        x, y = places(model)
        velocity = np.stack([0.5 * np.cos(x - 2 * y), 0.3 * np.sin(2 * x) * np.cos(y) + 0.2 * np.sin(x)], -1)
        start = starting(model, 100 * np.sin(x + y) + 40 * np.cos(x), velocity)
        change = model.tendency(start)
        q, d_eta = model.potential_vorticity(start).values[0], change["height"].values[0]
        d_curl = model.grid().curl(change["velocity"].values[0], 4, tensor_order=1)
        terms = q * d_curl - 0.5 * q**2 * d_eta
        found.append(abs(terms.mean()) / np.mean(abs(terms)))
    orders = np.log(np.array(found[:-1]) / found[1:]) / np.log([1.5, 4 / 3])
    assert found[-1] < 1e-3
    np.testing.assert_allclose(orders, 4, atol=0.4)


def test_mass_salt_and_momentum_are_kept_to_rounding_and_energy_to_the_error_in_time() -> None:
    model = ShallowWater(length=320e3)
    start = model.sample(2, seed=2)
    sizes = {"mass": 30.0, "salt": 1e3, "momentum": 100.0}
    drifts = []
    for more in ({"tolerance": 1e-4}, {"tolerance": 1e-6}, {"tolerance": 1e-8}, {"step": 1500.0}):
        kept = model.conserved(model.simulate(start, model.times[::8], **more))
        for name, size in sizes.items():
            assert float(abs(kept[name] - kept[name].isel(time=0)).max()) < 1e-12 * size
        drifts.append(float(abs(kept["energy"] - kept["energy"].isel(time=0)).max()))
    lost = float(model.simulate(start, model.times[::8])["cumulative_dissipation"].max())
    assert lost > 5
    assert drifts[0] < 1e-4
    assert drifts[2] < 3e-8
    assert drifts[2] < 0.1 * drifts[1] < 0.1 * drifts[0]


def test_a_leak_shows_and_data_without_a_ledger_close_as_the_times_are_dense() -> None:
    model = ShallowWater(length=160e3)
    start = model.sample(1)
    errors = []
    for step in (0.5, 0.25, 0.125):
        run = model.simulate(start, np.arange(0, 4.01, step) * DAY)
        bare = model.conserved(run.drop_vars("cumulative_dissipation"))["energy"]
        errors.append(float(abs(bare - bare.isel(time=0)).max()))
    assert errors[2] < 1e-3 * float(run["cumulative_dissipation"].max())
    assert errors[0] > 4 * errors[2]
    leaking = run.copy(deep=True)
    leaking["velocity"].values *= 1 - 1e-6 * np.arange(run.sizes["time"])[:, None, None, None]
    kept = model.conserved(leaking)["energy"]
    assert float(abs(kept - kept.isel(time=0)).max()) > 1e-5


def test_a_run_goes_on_from_where_another_ended() -> None:
    model = ShallowWater(**SMALL)
    whole = model.simulate(model.sample(1), [0.0, DAY, 2 * DAY], tolerance=1e-10)
    rest = model.simulate(whole.isel(time=1, drop=True), [DAY, 2 * DAY], tolerance=1e-10)
    for name in STATES:
        size = float(abs(whole[name]).max())
        np.testing.assert_allclose(rest[name].values[:, 1], whole[name].values[:, 2], atol=1e-8 * size)
    assert float(rest["cumulative_dissipation"][0, 0]) == 0


@pytest.mark.parametrize("element", range(8))
def test_the_eight_symmetries_of_the_grid_and_translations_hold(element: int) -> None:
    model = ShallowWater(length=(160e3, 130e3), cell=10e3, coriolis=(1e-4, -5e-5))
    start = model.sample(2, seed=1)
    run = model.simulate(start, [0.0, DAY])

    def move(data: xr.Dataset) -> xr.Dataset:
        turned = act(Hyperoctahedral(2).elements()[element], data)
        return translate(turned, {"x": 3 + element, "y": 5})

    moved, wanted = model.simulate(move(start), [0.0, DAY]), move(run)
    assert moved.sizes == wanted.sizes
    for name in (*STATES, "cumulative_dissipation"):
        size = float(abs(wanted[name]).max())
        np.testing.assert_allclose(moved[name].values, wanted[name].values, atol=2e-13 * size, err_msg=name)
    mirrored = np.linalg.det(Hyperoctahedral(2).elements()[element]) < 0
    np.testing.assert_array_equal(moved["coriolis"].values, start["coriolis"].values * (-1) ** mirrored)


def test_the_wrong_sign_of_coriolis_would_show() -> None:
    model = ShallowWater(**SMALL)
    start = model.sample(1)
    mirror = np.diag([-1.0, 1.0])
    wrong = act(mirror, start).assign(coriolis=start["coriolis"])
    a, b = model.simulate(wrong, [0.0, DAY])["height"], act(mirror, model.simulate(start, [0.0, DAY]))["height"]
    assert float(abs(a - b).max()) > 1


def test_the_checks_of_physym_pass() -> None:
    model = ShallowWater(length=160e3)
    report = physym.check(model, verbose=False)
    assert report.passed, str(report)
    assert {"rotations", "reflections", "translations", "units"} <= {check.name for check in report.checks}
    ideal = ShallowWater(**SMALL, **IDEAL, depth=Uniform(400, 600))
    assert physym.check(ideal, verbose=False).passed
    stored = physym.check(model.simulate(model.sample(2), model.times[:9]), verbose=False)
    assert stored.passed, str(stored)


def test_other_units_give_the_same_run() -> None:
    model = ShallowWater(**SMALL)
    run = model.simulate(model.sample(1, seed=1), [0.0, DAY])
    scale = {"kg": 3.7, "m": 5.3, "s": 11.0}
    other = model.simulate(rescale(run.isel(time=0).drop_vars("time"), **scale), 11.0 * np.array([0.0, DAY]))
    for name, array in rescale(run, **scale).data_vars.items():
        size = float(abs(array).max())
        np.testing.assert_allclose(other[name], array, atol=1e-11 * size, err_msg=str(name))


@pytest.mark.parametrize("more", [{}, {"step": 1200.0}])
def test_runs_neither_depend_on_their_neighbours_nor_on_threads(more: dict[str, float]) -> None:
    model = ShallowWater(**SMALL, depth=LogUniform(300, 900), viscosity=Uniform(0, 300), coriolis=Uniform(-1e-4, 1e-4))
    start = model.sample(4, seed=0)
    run = model.simulate(start, [0.0, DAY], threads=3, **more)
    for n in range(4):
        alone = model.simulate(start.isel(sample=[n]), [0.0, DAY], threads=1, **more)
        for name in STATES:
            np.testing.assert_array_equal(alone[name].values[0], run[name].values[n])
    single = model.simulate(start.isel(sample=2), [0.0, DAY], **more)
    kept, wanted = model.conserved(single), model.conserved(run).isel(sample=2)
    xr.testing.assert_allclose(kept, wanted, rtol=1e-13)
    xr.testing.assert_allclose(model.conserved(single.isel(time=0)), wanted.isel(time=0), rtol=1e-13)
    np.testing.assert_array_equal(single["velocity"].values, run["velocity"].values[2])


def test_a_sample_is_the_same_however_many_are_drawn() -> None:
    model = ShallowWater(**SMALL, depth=Uniform(400, 600), speed=Uniform(0.1, 0.3), wavelength=LogUniform(5e4, 1e5))
    many = model.sample(6, seed=7)
    xr.testing.assert_equal(many.isel(sample=slice(3)), model.sample(3, seed=7))
    xr.testing.assert_equal(many.isel(sample=slice(2, 5)), model.sample(6, seed=7, only=slice(2, 5)))
    assert not many["height"].equals(model.sample(6, seed=8)["height"])


@pytest.mark.parametrize("f", [1e-4, -1e-4, 0.0])
def test_starts_are_balanced_eddies_and_bodies_of_water(f: float) -> None:
    model = ShallowWater(coriolis=f, speed=0.3, mean_salinity=20.0, contrast=2.0)
    start = model.sample(3, seed=0)
    velocity, height, salinity = (start[name].values for name in ("velocity", "height", "salinity"))
    np.testing.assert_allclose(np.sqrt(np.mean(np.sum(velocity**2, -1), axis=(1, 2))), 0.3)
    across, along = (-0.05 * slope(height, axis, 10e3) for axis in (2, 1))
    np.testing.assert_allclose(-f * velocity[..., 1], across, atol=1e-18)
    np.testing.assert_allclose(f * velocity[..., 0], along, atol=1e-18)
    spreading = slope(velocity[..., 0], 2, 10e3) + slope(velocity[..., 1], 1, 10e3)
    turning = slope(velocity[..., 1], 2, 10e3) - slope(velocity[..., 0], 1, 10e3)
    assert abs(spreading).max() < 1e-13 * abs(turning).max() + 1e-18
    np.testing.assert_allclose(salinity.mean(axis=(1, 2)), 20.0)
    assert 17.9 < salinity.min() < 18.5 < 21.5 < salinity.max() < 22.1
    # the wavelength that was asked for
    waves = np.sqrt(np.mean(turning**2) / np.mean(np.sum(velocity**2, -1)))
    assert 2 * np.pi / waves == pytest.approx(200e3, rel=0.15)


def test_the_default_run_moves_and_stays_smooth() -> None:
    model = ShallowWater()
    run = model.simulate(model.sample(1, seed=5), model.times[::10], tolerance=1e-5)
    correlation = [np.corrcoef(run["height"].values[0, [0, n]].reshape(2, -1))[0, 1] for n in range(5)]
    assert correlation[1] < 0.95
    assert correlation[4] < 0.8
    for values in (run["height"].values[0, -1], run["velocity"].values[0, -1, ..., 0], run["salinity"].values[0, -1]):
        power = abs(np.fft.fft2(values - values.mean())) ** 2
        checkered = power[32].sum() + power[:, 32].sum()
        assert checkered < 3e-5 * power.sum()
    power = abs(np.fft.fft2(run["height"].values[0, -1])) ** 2
    assert power[32].sum() + power[:, 32].sum() < 1e-6 * power.sum()
    assert 33.9 < float(run["salinity"].min()) < float(run["salinity"].max()) < 36.1


def test_potential_vorticity_is_typed_and_that_of_rest_is_f_over_depth() -> None:
    model = ShallowWater(**SMALL)
    q = model.potential_vorticity(starting(model, 0.0, 0.0))
    np.testing.assert_allclose(q, 1e-4 / 500)
    assert q.attrs["pseudo"] == 1
    run = model.simulate(model.sample(2), [0.0, DAY])
    assert model.potential_vorticity(run).dims == ("sample", "time", "y", "x")


def test_a_row_of_cells_is_a_channel_of_even_flow() -> None:
    line, broad = ShallowWater(length=(160e3, 10e3), cell=10e3), ShallowWater(length=(160e3, 60e3), cell=10e3)
    x, _ = places(line)
    fields = [20 * np.sin(x), np.stack([0.2 * np.cos(x), 0.1 * np.sin(2 * x)], -1), 35 + np.cos(x)]
    flat = line.simulate(starting(line, *fields), [0.0, DAY])
    wide = broad.simulate(starting(broad, *fields), [0.0, DAY])
    for name in STATES:
        wanted = np.repeat(flat[name].values, 6, axis=2)
        np.testing.assert_allclose(wide[name].values, wanted, atol=1e-10 * abs(wanted).max())


def test_the_longest_stable_step_is_that() -> None:
    """Noise on still water: at the longest step it does not grow, beyond it does."""
    model = ShallowWater(length=70e3, **IDEAL)
    start = starting(model, 1e-7 * np.random.default_rng(0).normal(size=(7, 7)), 0.0)
    parameters = {name: np.array([float(start[name])]) for name in model.variables() if name not in STATES}
    longest = stable_step(start["height"].values, start["velocity"].values, parameters, (10e3, 10e3))[0]
    run = model.simulate(start, [0.0, 2000 * longest], step=longest)
    assert float(abs(run["height"]).isel(time=1).max()) < 2e-7
    with pytest.raises(InputError, match=f"step: expected at most {longest:.4g} s, which the fastest wave allows"):
        model.simulate(start, [0.0, 1.0], step=1.001 * longest)
    for step in (0.0, "x"):
        with pytest.raises(InputError, match="step: expected a finite number above 0"):
            model.simulate(start, [0.0, 1.0], step=step)
    from simulators import integrate
    from simulators.shallow_water.kernels import rhs
    from simulators.shallow_water.natural import Natural

    natural = Natural.of(parameters, start["salinity"].values, (10e3, 10e3))
    fields = natural.pack(*(start[name].values for name in STATES))
    step = 1.03 * longest
    with pytest.raises(DivergenceError, match="shorten the step"):
        integrate.field_dop853(rhs, fields, [0.0, 500 * step], natural.parameters, step=step, integrals=1)


def test_equal_steps_come_to_the_same() -> None:
    model = ShallowWater(**SMALL)
    start = model.sample(1)
    a, b = model.simulate(start, [0.0, DAY], step=600.0), model.simulate(start, [0.0, DAY], tolerance=1e-10)
    np.testing.assert_allclose(a["height"], b["height"], atol=1e-7)
    assert json.loads(a.attrs["solver"])["step"] == 600.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gravity": 0.0}, "gravity: expected positive values, given 0"),
        ({"depth": (500.0, -1.0)}, "depth: expected positive values, given -1"),
        ({"viscosity": -1.0}, "viscosity: expected values not negative, given -1"),
        ({"diffusivity": Uniform(-1, 1)}, "diffusivity: expected values not negative"),
        ({"coriolis": [[1.0]]}, "coriolis: expected one number, or one a sample"),
        ({"coriolis": float("nan")}, "coriolis: expected finite numbers"),
        ({"depth": "deep"}, "depth: expected numbers"),
        ({"cell": 3e4}, "divide"),
        ({"length": 40e3}, "cell: expected at least 5 cells along y"),
        ({"length": (160e3, 20e3)}, "cell: expected at least 5 cells along y, or one"),
        ({"length": (1e5, 1e5, 1e5)}, "one along x and one along y"),
        ({"speed": -1.0}, "speed: expected values not negative"),
        ({"speed": (1.0, 2.0)}, "speed: expected one number"),
        ({"wavelength": 0.0}, "wavelength: expected positive values"),
        ({"contrast": -1.0}, "contrast: expected values not negative"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ShallowWater(**given)


def test_wrong_starts_and_times_are_refused() -> None:
    model = ShallowWater(**SMALL)
    start = model.sample(2)
    dry = start.assign(height=start["height"].copy(data=start["height"].values - 500))
    for call in (model.tendency, model.conserved, lambda data: model.simulate(data, [0.0, 1.0])):
        with pytest.raises(InputError, match=r"height: expected above -depth, .* given a layer of -?\d+.* m at sample"):
            call(dry)
    with pytest.raises(InputError, match="lower the speed or the wavelength"):
        ShallowWater(speed=5.0).sample(1)
    with pytest.raises(InputError, match="strictly increase"):
        model.simulate(start, [0.0, 2.0, 1.0])
    with pytest.raises(InputError, match="tolerance"):
        model.simulate(start, [0.0, 1.0], tolerance=0.0)
    with pytest.raises(InputError, match="without a time"):
        model.simulate(model.simulate(start, [0.0, 1.0]), [0.0, 1.0])
    with pytest.raises(InputError, match="depth: expected 3 samples, given an array for 2"):
        ShallowWater(**SMALL, depth=(400.0, 500.0)).sample(3)
    with pytest.raises(InputError, match="cell: expected at least 5 cells along x"):
        model.simulate(start.isel(x=slice(4)), [0.0, 1.0])
    with pytest.raises(SchemaError, match="velocity"):
        model.simulate(start.drop_vars("velocity"), [0.0, 1.0])


def test_a_layer_that_runs_dry_says_when_and_where() -> None:
    model = ShallowWater(**SMALL, coriolis=0.0)
    x, y = places(model)
    flow = np.stack([4 * np.sin(x + 0 * y), 4 * np.sin(y + 0 * x)], -1)
    start = xr.concat(
        [starting(model, 0.0, 0.1 * flow), starting(model, 0.0, 10 * flow)], "sample", data_vars="minimal"
    )
    with pytest.raises(DivergenceError, match=r"sample 1 got to time .* runs dry or the flow breaks") as caught:
        model.simulate(start, [0.0, 0.2 * DAY])
    assert caught.value.sample == 1


def test_energy_may_drift_as_the_tolerance_of_the_run_lets_it_and_no_more() -> None:
    model = ShallowWater(**SMALL, viscosity=1000.0)
    run = model.simulate(model.sample(2), model.times[:9], tolerance=1e-5)
    (energy,) = (line for line in physym.check(run, verbose=False).checks if line.name == "conservation: energy")
    assert energy.passed
    assert 1e-11 < energy.error < energy.tolerance
    assert energy.tolerance == pytest.approx(1e-7)
    leak = run.copy(deep=True)
    leak["velocity"][:, 5:] *= 1 - 1e-3
    (energy,) = (line for line in physym.check(leak, verbose=False).checks if line.name == "conservation: energy")
    assert not energy.passed
