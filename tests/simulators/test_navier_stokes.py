"""The Navier-Stokes equations: exact solutions, another implementation, orders, budgets, symmetries, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import physym
from physym.symmetry import Hyperoctahedral, act, translate
from simulators import DivergenceError, InputError, LogUniform, NavierStokes, Uniform, registered, validate
from simulators.grid import Grid
from simulators.grid.dealiased import Dealiased
from simulators.integrate import spectral
from simulators.navier_stokes.flow import Flow, sizes

SMALL = NavierStokes(cell=1 / 24, radius=0.12, buoyancy=(0.4, 1.3))
BOX = NavierStokes(length=(1.0, 1.0, 1.0), cell=1 / 10, eddy=1.0, radius=0.2, buoyancy=(0.5, -0.2, 1.0))


def starting(model: NavierStokes, velocity: np.ndarray, temperature: np.ndarray | None = None) -> xr.Dataset:
    """A start on the model's grid, with fields (i, *space) and (*space)."""
    start = model.sample(1)
    warm = np.zeros(model.grid().shape) if temperature is None else temperature
    return start.assign(
        velocity=start["velocity"].copy(data=np.moveaxis(velocity, 0, -1)[None]),
        temperature=start["temperature"].copy(data=warm[None]),
    )


def places(model: NavierStokes) -> list[np.ndarray]:
    """Phases 2π x/L of the cell centres, (x, y, z), that broadcast to the grid."""
    grid = model.grid()
    axes = [2 * np.pi * (np.arange(n) + 0.5) / n for n in grid.shape]
    return list(np.meshgrid(*axes, indexing="ij"))[::-1]


def last(run: xr.Dataset, name: str = "velocity") -> np.ndarray:
    return run[name].isel(time=-1).values


def waves(shape: tuple[int, ...], length: tuple[float, ...]) -> list[np.ndarray]:
    """Wavenumbers (x, y, z) of numpy's full transform."""
    axes = [2 * np.pi * np.fft.fftfreq(n, side / n) for n, side in zip(shape, length[::-1], strict=True)]
    return np.meshgrid(*axes, indexing="ij")[::-1]


def right_hand_side(fields: np.ndarray, length: tuple[float, ...], nu: float, kappa: float, b: Any) -> np.ndarray:
    """d(u, T)/dt by plain transforms of the advective form on a grid refined threefold, where nothing is aliased."""
    shape, d = fields.shape[1:], len(fields) - 1
    fine = tuple(3 * n for n in shape)
    cut = np.ix_(*[(np.fft.fftfreq(n, 1 / n)).astype(int) for n in shape])
    k = waves(fine, length)
    hat = np.zeros((d + 1, *fine), dtype=complex)
    hat[(slice(None), *cut)] = np.fft.fftn(fields, axes=range(1, d + 1)) * 3**d

    def real(a: np.ndarray) -> np.ndarray:
        return np.fft.ifftn(a, axes=range(-d, 0)).real

    velocity = real(hat[:d])
    moved = [sum(velocity[a] * real(1j * k[a] * h) for a in range(d)) for h in hat]
    force = -np.fft.fftn(np.array(moved), axes=range(1, d + 1))
    warm = hat[d].copy()
    warm.flat[0] = 0.0
    for a in range(d):
        force[a] += b[a] * warm
    square = sum(a**2 for a in k)
    along = sum(a * f for a, f in zip(k, force[:d], strict=True)) / np.where(square > 0, square, 1.0)
    for a in range(d):
        force[a] -= k[a] * along
    for a, diffusivity in enumerate((nu,) * d + (kappa,)):
        force[a] -= diffusivity * square * hat[a]
    steps = [2 * np.pi / side for side in length]
    kept = np.all([abs(a) < (n - 1) // 3 * h + 0.5 * h for a, n, h in zip(k, shape[::-1], steps, strict=True)], axis=0)
    coarse = (force * kept)[(slice(None), *cut)] / 3**d
    return np.fft.ifftn(coarse, axes=range(1, d + 1)).real


def divergence(model: NavierStokes, velocity: np.ndarray) -> float:
    """RMS of the divergence beside that of the gradient."""
    grid, steep = model.grid(), model.grid().gradient(velocity, "spectral", tensor_order=1)
    return float(grid.divergence(velocity, "spectral", tensor_order=1).std() / np.sqrt(np.mean(steep**2)))


def test_it_is_known_and_its_data_are_valid() -> None:
    assert registered()["NavierStokes"].command() == "navier-stokes"
    start = SMALL.sample(2)
    run = SMALL.simulate(start, SMALL.times[:3])
    validate(start)
    validate(run)
    assert run["velocity"].dims == ("sample", "time", "y", "x", "i")
    assert run["temperature"].dims == ("sample", "time", "y", "x")
    assert {v.symbol for v in SMALL.variables().values()} == {"u", "T", "ν", "κ", "b"}
    for dataset in (SMALL.tendency(run), SMALL.conserved(run), SMALL.budgets(run), SMALL.project(run)):
        assert dict(dataset.sizes)["time"] == 3
    assert SMALL.tendency(start)["velocity"].attrs["units"] == "m/s**2"
    assert SMALL.tendency(start)["temperature"].attrs["units"] == "K/s"


@pytest.mark.parametrize("flow", [(0.0, 0.0), (0.3, -0.7)])
@pytest.mark.parametrize("solver", [{}, {"step": 0.01}, {"step": 0.01, "method": "etdrk2"}])
def test_a_taylor_green_vortex_decays_exactly(flow: tuple[float, float], solver: dict[str, Any]) -> None:
    model = NavierStokes(length=(1.0, 2.0), cell=1 / 12, viscosity=0.01)
    x, y = places(model)
    square = (2 * np.pi) ** 2 * (4 + 0.25)
    decay = np.exp(-0.01 * square * 0.7)

    def vortex(moved: float) -> np.ndarray:
        a, b = 2 * (x - 2 * np.pi * flow[0] * moved), y - np.pi * flow[1] * moved
        return np.stack([np.cos(a) * np.sin(b) * 0.5, -2 * np.sin(a) * np.cos(b)])

    mean = np.reshape(flow, (2, 1, 1))
    run = model.simulate(starting(model, mean + vortex(0.0), 280.0 + 0 * x), [0.0, 0.35, 0.7], **solver)
    wanted = np.moveaxis(mean + decay * vortex(0.7), 0, -1)
    # what stands decays exactly; what the mean flow carries is as good as the steps
    atol = 1e-14 if flow == (0.0, 0.0) else 2e-3 if solver.get("method") else 2e-6
    np.testing.assert_allclose(last(run)[0], wanted, atol=atol)
    np.testing.assert_array_equal(run["temperature"], 280.0)


def test_a_beltrami_flow_decays_exactly() -> None:
    model = NavierStokes(length=(1.0, 1.0, 1.0), cell=1 / 8, viscosity=0.02)
    x, y, z = places(model)
    flow = np.stack([np.sin(z) + 0.5 * np.cos(y), 2 * np.sin(x) + np.cos(z), 0.5 * np.sin(y) + 2 * np.cos(x)])
    run = model.simulate(starting(model, flow), [0.0, 0.4, 1.0])
    wanted = flow * np.exp(-0.02 * (2 * np.pi) ** 2)
    np.testing.assert_allclose(last(run)[0], np.moveaxis(wanted, 0, -1), atol=1e-14)


def test_heat_that_a_uniform_flow_carries_spreads_as_it_should() -> None:
    model = NavierStokes(cell=1 / 16, diffusivity=0.01, buoyancy=0.0)
    x, y = places(model)
    flow = np.stack([0.4 + 0 * x, 0.25 + 0 * x])
    run = model.simulate(starting(model, flow, 3 + np.cos(2 * x + y)), [0.0, 1.0], tolerance=1e-9)
    wanted = 3 + np.exp(-0.05 * (2 * np.pi) ** 2) * np.cos(2 * (x - 0.8 * np.pi) + y - 0.5 * np.pi)
    np.testing.assert_allclose(last(run, "temperature")[0], wanted, atol=1e-9)
    np.testing.assert_allclose(last(run)[0], np.moveaxis(flow, 0, -1), atol=1e-15)


def test_small_internal_waves_have_their_frequency() -> None:
    """Layers T = -s cos(y) of strength far above the wave's: at rest, pressure carries them; nothing moves."""
    model = NavierStokes(cell=1 / 16, viscosity=0.0, diffusivity=0.0)
    _, y = places(model)
    run = model.simulate(starting(model, np.zeros((2, 16, 16)), -np.cos(y)), [0.0, 5.0])
    np.testing.assert_allclose(last(run), 0.0, atol=1e-14)


@pytest.mark.parametrize("shape", [(12, 12), (9, 14), (15, 10), (6, 7, 9), (8, 6, 8)])
def test_the_tendency_is_that_of_another_implementation(shape: tuple[int, ...]) -> None:
    d = len(shape)
    length = (1.0, 1.7, 0.8)[:d]
    cell = tuple(side / n for side, n in zip(length, shape[::-1], strict=True))
    b = (0.3, -1.1, 0.7)[:d]
    model = NavierStokes(length=length, cell=cell, viscosity=0.02, diffusivity=0.01, buoyancy=b)
    rng = np.random.default_rng(0)
    start = model.project(starting(model, rng.standard_normal((d, *shape)), 5 + rng.standard_normal(shape)))
    fields = np.concatenate([np.moveaxis(start["velocity"].values[0], -1, 0), start["temperature"].values])
    found = model.tendency(start)
    wanted = right_hand_side(fields, length, 0.02, 0.01, b)
    size = abs(wanted).max()
    np.testing.assert_allclose(np.moveaxis(found["velocity"].values[0], -1, 0), wanted[:-1], atol=1e-13 * size)
    np.testing.assert_allclose(found["temperature"].values[0], wanted[-1], atol=1e-13 * size)


def test_a_box_without_change_along_z_is_a_rectangle() -> None:
    start, times = SMALL.sample(1, seed=3), [0.0, 0.1, 0.3]
    flat = SMALL.simulate(start, times, tolerance=1e-8)
    box = NavierStokes(length=(1.0, 1.0, 0.5), cell=(1 / 24, 1 / 24, 1 / 8), buoyancy=(0.4, 1.3, 0.0))
    u = np.moveaxis(start["velocity"].values[0], -1, 0)
    u = np.concatenate([u, np.zeros((1, *u.shape[1:]))])
    warm = np.broadcast_to(start["temperature"].values[0], (4, 24, 24))
    deep = box.simulate(starting(box, np.repeat(u[:, None], 4, axis=1), warm), times, tolerance=1e-8)
    for name, part in (("velocity", deep["velocity"].values[..., :2]), ("temperature", deep["temperature"].values)):
        np.testing.assert_allclose(part, np.repeat(flat[name].values[:, :, None], 4, axis=2), atol=1e-8)
    np.testing.assert_allclose(deep["velocity"].values[..., 2], 0.0, atol=1e-15)
    np.testing.assert_allclose(deep["cumulative_dissipation"], flat["cumulative_dissipation"], rtol=1e-8)
    np.testing.assert_allclose(deep["cumulative_buoyancy_work"], flat["cumulative_buoyancy_work"], rtol=1e-7)


@pytest.mark.parametrize(("method", "order"), [("etdrk2", 2), ("etdrk4", 4)])
def test_the_order_in_time(method: Any, order: int) -> None:
    start = SMALL.sample(1, seed=2)
    truth = SMALL.simulate(start, [0.0, 0.4], tolerance=1e-10)
    steps = (40, 80, 160) if order == 2 else (20, 40, 80)
    runs = [SMALL.simulate(start, [0.0, 0.4], step=0.4 / n, method=method) for n in steps]
    for name in ("velocity", "temperature"):
        errors = np.array([np.sqrt(np.mean((last(run, name) - last(truth, name)) ** 2)) for run in runs])
        np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), order, atol=0.2, err_msg=name)
    gaps = np.array([abs(SMALL.budgets(run)["energy_budget"].values[0, -1]) for run in runs])
    assert np.log2(gaps[0] / gaps[-1]) / 2 > order - 0.3


def test_the_tolerance_bounds_the_error() -> None:
    start, times = SMALL.sample(1, seed=5), np.linspace(0, 0.8, 3)
    truth = SMALL.simulate(start, times, tolerance=1e-9)
    for tolerance in (1e-3, 1e-5, 1e-7):
        run = SMALL.simulate(start, times, tolerance=tolerance)
        for name, axes in (("velocity", (-1, -2, -3)), ("temperature", (-1, -2))):
            error = np.sqrt(np.mean((run[name].values - truth[name].values) ** 2, axis=axes))
            size = np.maximum.accumulate(truth[name].values.std(axis=axes), axis=1)
            assert (error / size).max() < tolerance
            assert error[:, 1:].min() > 0


def test_convergence_in_space_is_spectral() -> None:
    """The error falls faster than any power of the cell; a start on waves is the same flow on finer grids."""
    times, setting = [0.0, 0.3], {"eddy": 1.0, "radius": 0.15, "viscosity": 0.01, "diffusivity": 0.01}
    truth = NavierStokes(cell=1 / 96, **setting)
    fine = truth.simulate(truth.sample(1, seed=1), times, tolerance=1e-10)
    errors = []
    for cells in (24, 32, 48):
        model = NavierStokes(cell=1 / cells, **setting)
        run = model.simulate(model.sample(1, seed=1), times, tolerance=1e-10)
        hat = [np.fft.fft2(last(r)[0, ..., 0]) / last(r)[0, ..., 0].size for r in (run, fine)]
        angle = np.outer(np.arange(-7, 8), np.pi * (1 / cells - 1 / 96))
        turn = np.exp(-1j * (angle[:, :1] + angle[:, :1].T))
        low = np.ix_(np.arange(-7, 8), np.arange(-7, 8))
        errors.append(np.sqrt(np.sum(abs(hat[0][low] * turn[:, :] - hat[1][low]) ** 2)))
    orders = np.log(np.array(errors[:-1]) / errors[1:]) / np.log([32 / 24, 48 / 32])
    assert orders[0] > 6
    assert orders[1] > 10
    assert errors[-1] < 1e-5


@pytest.mark.parametrize("model", [SMALL, BOX])
def test_the_divergence_is_rounding(model: NavierStokes) -> None:
    run = model.simulate(model.sample(1, seed=1), [0.0, 0.1, 0.5], tolerance=1e-4)
    for time in range(3):
        assert divergence(model, run["velocity"].values[0, time]) < 1e-14


@pytest.mark.parametrize("model", [SMALL, BOX])
def test_means_are_kept_to_rounding(model: NavierStokes) -> None:
    start = model.sample(2, seed=0)
    start = start.assign(
        velocity=start["velocity"] + np.array([0.3, -0.2, 0.1])[: start.sizes["i"]],
        temperature=start["temperature"] + 20.0,
    )
    start = start.assign({n: start[n].assign_attrs(model.sample(1)[n].attrs) for n in ("velocity", "temperature")})
    kept = model.conserved(model.simulate(start, [0.0, 0.5, 1.0], tolerance=1e-3))
    np.testing.assert_allclose(kept["mean_velocity"].values[:, 0, :2], [[0.3, -0.2]] * 2, atol=1e-14)
    for name in ("mean_velocity", "mean_temperature"):
        np.testing.assert_allclose(kept[name], kept[name].isel(time=[0] * 3), atol=2e-14, err_msg=name)


@pytest.mark.parametrize("model", [SMALL, BOX])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-7])
def test_budgets_close_as_the_tolerance_asks(model: NavierStokes, tolerance: float) -> None:
    run = model.simulate(model.sample(2, seed=1), np.linspace(0, 1, 4), tolerance=tolerance)
    left = model.budgets(run)
    assert len(left) == (3 if model is SMALL else 2)
    # with the size of what is accounted for
    energy = float(run["cumulative_dissipation"].max())
    heat = float(run["cumulative_temperature_dissipation"].max())
    assert float(run["cumulative_buoyancy_work"].std()) > 0.001
    assert 0 < float(abs(left["energy_budget"]).max()) / energy < tolerance
    assert 0 < float(abs(left["temperature_budget"]).max()) / heat < tolerance
    if model is SMALL:
        enstrophy = float(run["cumulative_enstrophy_dissipation"].max())
        assert 0 < float(abs(left["enstrophy_budget"]).max()) / enstrophy < 3 * tolerance


@pytest.mark.parametrize("model", [SMALL, BOX])
def test_squares_are_those_of_the_fields_and_stay(model: NavierStokes) -> None:
    """At the first time they are means over the cells, the flow of the whole included; later they are that still."""
    start = model.sample(2, seed=1)
    wind = start["velocity"] + xr.DataArray([0.3, -0.2, 0.1][: model.grid().ndim], dims="i")
    start = start.assign(velocity=wind.assign_attrs(start["velocity"].attrs))
    run = model.simulate(start, np.linspace(0, 0.6, 4), tolerance=1e-7)
    kept, space = model.conserved(run), [dim for dim in "zyx" if dim in run.dims]
    first = run.isel(time=0)
    wanted = {"energy": 0.5 * (first["velocity"] ** 2).sum("i").mean(space)}
    wanted["temperature_variance"] = first["temperature"].var(space)
    if model is SMALL:
        wanted["enstrophy"] = 0.5 * (model.grid().curl(first["velocity"], "spectral") ** 2).mean(space)
    assert set(kept) == {"mean_velocity", "mean_temperature", *wanted}
    for name, value in wanted.items():
        assert kept[name].attrs["closes_to"] == 1.0
        np.testing.assert_allclose(kept[name].isel(time=0), value, rtol=1e-12)
        np.testing.assert_allclose(kept[name], np.repeat(value.values[:, None], 4, axis=1), rtol=1e-6)
    # since the first time that is there, though the ledger began before
    later = model.conserved(run.isel(time=slice(1, None)))["energy"]
    assert float(later[0, 0]) == pytest.approx(float(0.5 * (run["velocity"][0, 1] ** 2).sum("i").mean()), rel=1e-12)
    assert float(abs(later[0, 0] - kept["energy"][0, 0])) > 1e-4
    still = model.budgets(run)
    assert still["energy_budget"].attrs["units"] == "m**2/s**2"
    np.testing.assert_allclose(still["energy_budget"], kept["energy"] - kept["energy"].isel(time=0), atol=1e-15)


def test_what_is_dissipated_follows_a_decay_though_steps_are_long() -> None:
    """A vortex has no nonlinear part: only the budget asks for short steps."""
    model = NavierStokes(cell=1 / 12, viscosity=0.05)
    x, y = places(model)
    flow = np.stack([np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y)])
    run = model.simulate(starting(model, flow), [0.0, 1.0], tolerance=1e-6)
    wanted = 0.25 * (1 - np.exp(-4 * 0.05 * (2 * np.pi) ** 2))
    assert float(run["cumulative_dissipation"][0, -1]) == pytest.approx(wanted, rel=2e-6)
    enstrophy = wanted * 2 * (2 * np.pi) ** 2
    assert float(run["cumulative_enstrophy_dissipation"][0, -1]) == pytest.approx(enstrophy, rel=2e-6)


def test_without_viscosity_energy_and_enstrophy_stay() -> None:
    model = NavierStokes(cell=1 / 24, viscosity=0.0, buoyancy=0.0, blobs=0)
    run = model.simulate(model.sample(1), [0.0, 0.5, 1.0], tolerance=1e-8)
    np.testing.assert_array_equal(run["cumulative_dissipation"], 0.0)
    left = model.budgets(run)
    assert float(abs(left["energy_budget"]).max()) < 1e-8
    assert float(abs(left["enstrophy_budget"]).max()) < 1e-6 * float((model.grid().curl(run["velocity"]) ** 2).mean())


def test_a_leak_shows_in_the_budgets() -> None:
    run = SMALL.simulate(SMALL.sample(1), [0.0, 0.5, 1.0], tolerance=1e-8)
    leaking = run.copy(deep=True)
    leaking["velocity"].values *= 1 - 1e-4 * run["time"].values[:, None, None, None]
    lost = 1e-4 * run["time"] * (run["velocity"] ** 2).sum("i").mean(["y", "x"])
    np.testing.assert_allclose(SMALL.budgets(leaking)["energy_budget"][0], -lost[:, 0], rtol=1e-3, atol=1e-9)


def test_budgets_of_data_without_a_ledger_close_as_the_times_are_dense() -> None:
    errors = []
    for step in (0.1, 0.05, 0.025):
        run = SMALL.simulate(SMALL.sample(1), np.arange(0, 1.001, step), tolerance=1e-8)
        bare = run.drop_vars([name for name in run if str(name).startswith("cumulative")])
        errors.append([float(abs(a.isel(time=-1)).max()) for a in SMALL.budgets(bare).values()])
    assert np.log2(np.array(errors[0]) / errors[-1]).min() / 2 > 3
    assert SMALL.budgets(SMALL.sample(1))["energy_budget"].values == 0


@pytest.mark.parametrize("model", [SMALL, BOX])
def test_symmetries_of_the_grid_hold(model: NavierStokes) -> None:
    """All 8 of the square, some of the 48 of the cube; the buoyancy turns along."""
    start, times = model.sample(1, seed=4), [0.0, 0.05, 0.2]
    run = model.simulate(start, times)
    elements = Hyperoctahedral(model.grid().ndim).elements()
    for element in elements if len(elements) == 8 else elements[5::9]:
        image = model.simulate(act(element, start), times)
        wanted = act(element, run)
        for name in ("velocity", "temperature", "buoyancy", "cumulative_buoyancy_work", "cumulative_dissipation"):
            np.testing.assert_allclose(image[name], wanted[name], rtol=1e-11, atol=1e-13, err_msg=str(name))


@pytest.mark.parametrize("model", [SMALL, BOX])
def test_translations_hold(model: NavierStokes) -> None:
    start, times = model.sample(1, seed=4), [0.0, 0.05, 0.2]
    shift = {"y": 3, "x": 8} | ({"z": 5} if model is BOX else {})
    image = model.simulate(translate(start, shift), times)
    wanted = model.simulate(start, times)
    for name in ("velocity", "temperature"):
        np.testing.assert_allclose(image[name], translate(wanted[[name]], shift)[name], rtol=1e-11, atol=1e-13)


def test_it_passes_the_checks() -> None:
    report = physym.check(SMALL, SMALL.sample(2, seed=9), verbose=False)
    assert report.passed, str(report)
    assert {"rotations", "reflections", "translations", "units"} <= {line.name for line in report.checks}


def test_a_moving_frame_sees_the_same_flow() -> None:
    """Galilean invariance: a mean flow carries everything by whole cells."""
    start = SMALL.sample(1, seed=6)
    moved = start.assign(velocity=(start["velocity"] + np.array([1.0, 0.5])).assign_attrs(start["velocity"].attrs))
    still = SMALL.simulate(start, [0.0, 0.5], tolerance=1e-9)
    run = SMALL.simulate(moved, [0.0, 0.5], tolerance=1e-9)
    wanted = np.roll(last(still), (6, 12), axis=(1, 2)) + np.array([1.0, 0.5])
    np.testing.assert_allclose(last(run), wanted, atol=1e-7)


def test_neither_batch_nor_threads_change_a_number() -> None:
    model = NavierStokes(cell=1 / 16, radius=0.15, viscosity=LogUniform(0.002, 0.01), buoyancy=Uniform(0.5, 1.5))
    start = model.sample(4, seed=0)
    # one sample without heat, and one at rest
    cold = start["temperature"].values.copy()
    cold[1] = 7.0
    still = start["velocity"].values.copy()
    still[2] = 0.0
    start = start.assign(
        temperature=start["temperature"].copy(data=cold), velocity=start["velocity"].copy(data=still)
    )
    for solver in ({}, {"step": 0.02}):
        run = model.simulate(start, [0.0, 0.1, 0.3], threads=3, **solver)
        np.testing.assert_array_equal(run["temperature"][1], 7.0)
        assert float(abs(last(run)[2]).max()) > 0.01
        for n in range(4):
            alone = model.simulate(start.isel(sample=n), [0.0, 0.1, 0.3], threads=1, **solver)
            for name in ("velocity", "temperature", "cumulative_dissipation"):
                np.testing.assert_array_equal(alone[name], run[name][n])


def test_a_run_can_be_continued() -> None:
    start = SMALL.sample(1, seed=1)
    run = SMALL.simulate(start, [0.0, 0.2, 0.4], tolerance=1e-8)
    rest = SMALL.simulate(run.isel(time=1, drop=True), [0.2, 0.4], tolerance=1e-8)
    np.testing.assert_allclose(last(rest), last(run), atol=1e-8)
    stored = run.isel(time=1, drop=True).astype(np.float32)
    again = SMALL.simulate(stored, [0.2, 0.4], tolerance=1e-6)
    np.testing.assert_allclose(last(again), last(run), atol=3e-6)


@pytest.mark.parametrize("model", [SMALL, BOX])
def test_single_precision_is_as_good_as_it_can_be(model: NavierStokes) -> None:
    start = model.sample(1, seed=1)
    for solver in ({"step": 0.005}, {"tolerance": 1e-5}, {"step": 0.005, "method": "etdrk2"}):
        double = model.simulate(start, [0.0, 0.1, 0.2], **solver)
        single = model.simulate(start, [0.0, 0.1, 0.2], precision="float32", **solver)
        assert single["velocity"].dtype == np.float64
        assert 0 < abs(last(single) - last(double)).max() < 1e-5
        np.testing.assert_allclose(single["cumulative_dissipation"], double["cumulative_dissipation"], rtol=3e-5)
        assert '"float32"' in str(single.attrs["solver"])


def test_starts_are_drawn_as_asked() -> None:
    model = NavierStokes(speed=Uniform(0.2, 0.8), heat=Uniform(1, 2), viscosity=LogUniform(1e-3, 1e-2), blobs=2)
    many = model.sample(5, seed=7)
    xr.testing.assert_equal(many.isel(sample=slice(3)), model.sample(3, seed=7))
    xr.testing.assert_equal(many.isel(sample=slice(2, 4)), model.sample(5, seed=7, only=slice(2, 4)))
    assert not many["velocity"].equals(model.sample(5, seed=8)["velocity"])
    speed = np.sqrt((many["velocity"] ** 2).sum("i").mean(["y", "x"]))
    assert speed.min() >= 0.2
    assert speed.max() <= 0.8
    assert float(speed.std()) > 0.05
    assert float(abs(NavierStokes(blobs=1).sample(1)["temperature"]).max()) == pytest.approx(1.0, abs=0.1)
    assert float(abs(many["velocity"].mean(["y", "x"])).max()) < 1e-15
    assert not NavierStokes(blobs=0).sample(1)["temperature"].any()
    # a finer grid has the same flow and the same blobs between its cells
    fine, coarse = (NavierStokes(cell=1 / n).sample(1, seed=1) for n in (96, 32))
    for name in ("velocity", "temperature"):
        np.testing.assert_allclose(fine[name][:, 1::3, 1::3], coarse[name], atol=2e-4)
    up = NavierStokes(buoyancy=Uniform(1, 2)).sample(3)["buoyancy"]
    assert up.dims == ("sample", "i")
    np.testing.assert_array_equal(up[:, 0], 0.0)
    assert up[:, 1].min() >= 1
    np.testing.assert_array_equal(NavierStokes(length=(1.0, 1.0, 1.0), cell=1 / 8).sample(1)["buoyancy"], [0, 0, 1])
    for axis in range(3):
        flow = BOX.sample(20, seed=0)["velocity"].values[..., axis]
        assert flow.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.15)


def test_projecting_keeps_what_may_stay() -> None:
    start = SMALL.sample(2, seed=1)
    kept = SMALL.project(start)
    for name in ("velocity", "temperature"):
        np.testing.assert_allclose(kept[name], start[name], atol=1e-14)
    rng = np.random.default_rng(0)
    rough = start.assign(
        velocity=start["velocity"].copy(data=rng.standard_normal(start["velocity"].shape)),
        temperature=start["temperature"].copy(data=rng.standard_normal(start["temperature"].shape)),
    )
    smooth = SMALL.project(rough)
    assert divergence(SMALL, smooth["velocity"].values) < 1e-14
    again = SMALL.project(smooth)
    for name in ("velocity", "temperature"):
        np.testing.assert_allclose(again[name], smooth[name], atol=1e-14)
        np.testing.assert_allclose(smooth[name].mean(["y", "x"]), rough[name].mean(["y", "x"]), atol=1e-14)
        # orthogonal: what was taken away has nothing in common with what stays
        assert abs(float(((rough[name] - smooth[name]) * smooth[name]).mean())) < 1e-15
    SMALL.simulate(smooth, [0.0, 0.001])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"viscosity": -0.1}, "viscosity: expected values not negative, given -0.1"),
        ({"diffusivity": (0.1, -1.0)}, "diffusivity: expected values not negative, given -1"),
        ({"viscosity": Uniform(-1, 1)}, "viscosity: expected values not negative"),
        ({"viscosity": [[1.0]]}, "viscosity: expected one number, or one a sample"),
        ({"viscosity": "much"}, "viscosity: expected numbers"),
        ({"diffusivity": float("nan")}, "diffusivity: expected finite numbers"),
        ({"buoyancy": (1.0, 2.0, 3.0)}, "buoyancy: expected one number, or a vector .* of 2 components"),
        ({"cell": 0.3}, "divide"),
        ({"cell": 0.5}, "grid: expected at least 4 cells along y, given 2"),
        ({"length": (1.0, 1.0, 1.0, 1.0)}, "length"),
        ({"eddy": 0.0}, "eddy: expected positive values"),
        ({"radius": -1.0}, "radius: expected positive values"),
        ({"speed": -1.0}, "speed: expected values not negative"),
        ({"blobs": 1.5}, "blobs: expected an integer >= 0"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NavierStokes(**given)


def test_wrong_starts_are_refused() -> None:
    start = SMALL.sample(2)
    x, y = places(SMALL)
    diverging = starting(SMALL, np.stack([np.sin(x) + np.sin(y), 0 * x]))
    with pytest.raises(InputError, match=r"sample 0 of which a part of 0.71 diverges .* pass it through `project`"):
        SMALL.simulate(diverging, [0.0, 1.0])
    with pytest.raises(InputError, match=r"of which a part of 0\.71 diverges"):
        SMALL.tendency(diverging)
    rough = starting(SMALL, np.stack([np.sin(y), 0 * x]), np.cos(12 * x + 0.3))
    with pytest.raises(InputError, match=r"temperature: expected no waves of .* given sample 0 with a part of 1 in"):
        SMALL.simulate(rough, [0.0, 1.0])
    short = starting(SMALL, np.stack([np.sin(9 * y), 0 * x]))
    with pytest.raises(InputError, match="velocity: expected no waves of less than 3 cells"):
        SMALL.simulate(short, [0.0, 1.0])
    with pytest.raises(InputError, match="viscosity: expected values not negative"):
        SMALL.simulate(start.assign(viscosity=-start["viscosity"].assign_attrs(start["viscosity"].attrs)), [0.0, 1.0])
    with pytest.raises(InputError, match="without a time"):
        SMALL.simulate(SMALL.simulate(start, [0.0, 0.01]), [0.0, 1.0])
    with pytest.raises(InputError, match="strictly increase"):
        SMALL.simulate(start, [0.0, 2.0, 1.0])
    with pytest.raises(InputError, match=r"buoyancy: expected 3 along 'i'"):
        SMALL.tendency(BOX.sample(1).drop_vars("buoyancy"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tolerance": 0.0}, "tolerance"),
        ({"method": "euler"}, "method: expected 'etdrk4', or 'etdrk2' with a step, given 'euler'"),
        ({"method": "etdrk2"}, "method: expected 'etdrk4', or 'etdrk2' with a step"),
        ({"method": "euler", "step": 0.01}, "method: expected 'etdrk2' or 'etdrk4' for fixed steps"),
        ({"step": -1.0}, "step"),
        ({"step": 1.0}, r"step: expected at most 0.0\d+ for the flow of sample 0 at time 0, given 1"),
        ({"precision": "half"}, "precision: expected 'float64' or 'float32'"),
        ({"precision": "float32"}, "tolerance: expected at least 1e-05 in float32"),
        ({"threads": 0}, "threads"),
    ],
)
def test_wrong_solvers_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SMALL.simulate(SMALL.sample(1), [0.0, 1.0], **given)


def test_the_largest_step_that_is_named_will_do() -> None:
    start = SMALL.sample(1, seed=1)
    with pytest.raises(InputError) as caught:
        SMALL.simulate(start, [0.0, 1.0], step=1.0)
    largest = float(str(caught.value).split("at most ")[1].split(" ")[0])
    run = SMALL.simulate(start, [0.0, 0.5], step=0.7 * largest)
    assert np.isfinite(last(run)).all()


def test_a_flow_that_becomes_too_fast_says_when() -> None:
    model = NavierStokes(cell=1 / 16, buoyancy=(0.0, 1000.0), speed=0.01, radius=0.15)
    with pytest.raises(DivergenceError, match=r"step: expected at most .* of sample 0 at time 0\.\d+") as caught:
        model.simulate(model.sample(2), [0.0, 1.0], step=0.02)
    assert 0 < caught.value.time < 1
    with pytest.raises(DivergenceError, match="sample 1 got to time"):
        NavierStokes(cell=1 / 16, buoyancy=[(0.0, 1.0), (0.0, 1e250)], radius=0.15).simulate(
            model.sample(2).drop_vars("buoyancy"), [0.0, 1.0]
        )


def test_products_are_exact_on_the_modes_that_are_kept() -> None:
    """Whatever the number of cells, odd or even: the product's low modes are a convolution of modes."""
    rng = np.random.default_rng(0)
    for shape in ((4, 5), (6, 9), (7, 8), (5, 4, 6)):
        space = Dealiased(Grid(tuple(map(float, shape[::-1])), 1.0))
        assert all(3 * round(k / (2 * np.pi / n)) < n for k, n in zip(space.largest, shape[::-1], strict=True))
        fields = space.backward(space.forward(rng.standard_normal((2, *shape))) * space.kept)
        modes = space.forward(fields)
        np.testing.assert_allclose(space.backward(modes * space.kept), fields, atol=1e-14)
        mean = np.sum(space.weight * abs(modes) ** 2, axis=tuple(range(1, fields.ndim)))
        np.testing.assert_allclose(mean, np.mean(fields**2, axis=tuple(range(1, fields.ndim))), rtol=1e-13)
        fine = tuple(3 * n for n in shape)
        whole = np.zeros((2, *fine), dtype=complex)
        place = np.ix_(*[np.fft.fftfreq(n, 1 / n).astype(int) for n in shape])
        whole[(slice(None), *place)] = np.fft.fftn(fields, axes=range(1, fields.ndim)) / np.prod(shape)
        product = np.prod(np.fft.ifftn(whole, axes=range(1, fields.ndim), norm="forward").real, axis=0)
        wanted = np.fft.fftn(product, norm="forward")[place][..., : space.modes[-1]]
        np.testing.assert_allclose(
            space.forward(fields[0] * fields[1]) * space.kept, wanted * space.kept, atol=1e-14
        )


@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_transforms_of_lines_are_those_of_numpy(precision: Any) -> None:
    from simulators.grid import _lines

    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5, 7, 8, 12, 30, 49, 64, 66, 96, 101, 128):
        lines = rng.standard_normal((n, 16)) + 1j * rng.standard_normal((n, 16))
        factors, c, s = _lines.plan(n, precision)
        x = [part.astype(precision).ravel() for part in (lines.real, lines.imag)]
        y = [np.empty_like(part) for part in x]
        _lines.forward(*x, *y, 16, factors, c, s)
        real, imaginary = y if len(factors) % 2 else x
        wanted = np.fft.fft(lines, axis=0)
        error = abs((real + 1j * imaginary).reshape(n, 16) - wanted).max() / abs(wanted).max()
        assert error < 20 * np.finfo(precision).eps, n


def test_sizes_are_those_of_the_vector_and_of_the_heat() -> None:
    rng = np.random.default_rng(0)
    fields = rng.standard_normal((3, 8, 8)) + np.reshape([5.0, -2.0, 300.0], (3, 1, 1))
    spread = np.sqrt(fields[0].var() + fields[1].var() + 1e-4 * np.mean(fields[0] ** 2 + fields[1] ** 2))
    heat = np.sqrt(fields[2].var() + 1e-4 * np.mean(fields[2] ** 2))
    np.testing.assert_allclose(sizes(fields), [spread, spread, heat], rtol=1e-10)


def test_fixed_and_adaptive_steps_are_of_the_same_method() -> None:
    """The average step of an adaptive run, fixed, gives errors of the same size."""
    start = SMALL.sample(1, seed=2)
    grid = SMALL.grid()
    state = np.concatenate([np.moveaxis(start["velocity"].values, -1, 1), start["temperature"].values[:, None]], axis=1)

    def make(row: int) -> Flow:
        return Flow(Dealiased(grid), state[row], 0.001, 0.001, np.array([0.4, 1.3]))

    times = np.array([0.0, 0.25])
    truth = spectral.spectral_etdrk4(make, state, times, tolerance=1e-9, scale=sizes, integrals=5)
    adaptive = spectral.spectral_etdrk4(make, state, times, tolerance=1e-5, scale=sizes, integrals=5)
    count = int(adaptive.steps[0])
    even = spectral.spectral_fixed(make, state, times, step=0.25 / count, integrals=5)
    assert even.steps[0] == count
    assert even.evaluations[0] == 4 * count + 1 == adaptive.evaluations[0] - 4 * adaptive.rejected[0]
    errors = [abs(run.states[0, -1] - truth.states[0, -1]).max() for run in (adaptive, even)]
    assert 0.1 < errors[0] / errors[1] < 10
