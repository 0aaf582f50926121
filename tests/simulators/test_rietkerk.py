"""The Rietkerk model: known numbers, other implementations, orders, budgets that close, symmetries that hold."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

from physym.units import rescale
from simulators import DivergenceError, InputError, LogUniform, Rietkerk, Uniform, integrate, registered, validate
from simulators.integrate.exponential import ETDRK4
from simulators.integrate.fields import RightHandSide

STATES = ("surface_water", "soil_water", "vegetation")
DEFAULT = {
    "R": 0.375, "a": 0.2, "k2": 5.0, "W0": 0.1, "Du": 100.0, "gm": 0.05, "k1": 5.0, "dw": 0.2, "Dw": 0.1, "c": 20.0,
    "dv": 0.25, "Dv": 0.1,
}  # fmt: skip
BARE, VEGETATED = (18.75, 1.875, 0.0), (0.375 / (0.2 * (10 / 3 + 0.5) / (10 / 3 + 5)), 5 / 3, 10 / 3)


def right_hand_side(state: np.ndarray, cell: tuple[float, float], p: dict[str, float] = DEFAULT) -> np.ndarray:
    """The equations by np.roll: an implementation of its own. Cells along (y, x)."""
    u, w, v = state

    def laplacian(f: np.ndarray) -> np.ndarray:
        return sum((np.roll(f, 1, n) - 2 * f + np.roll(f, -1, n)) / h**2 for n, h in enumerate(cell))

    soak = p["a"] * (v + p["k2"] * p["W0"]) / (v + p["k2"]) * u
    uptake = p["gm"] * v * w / (p["k1"] + w)
    return np.stack(
        [
            p["R"] - soak + p["Du"] * laplacian(u),
            soak - uptake - p["dw"] * w + p["Dw"] * laplacian(w),
            p["c"] * uptake - p["dv"] * v + p["Dv"] * laplacian(v),
        ]
    )


def stacked(dataset: xr.Dataset) -> np.ndarray:
    return np.stack([dataset[name].values for name in STATES], axis=-3)


def starting(model: Rietkerk, state: np.ndarray) -> xr.Dataset:
    """A start with the given fields (sample, 3, y, x)."""
    start = model.sample(len(state))
    return start.assign({name: start[name].copy(data=state[:, n]) for n, name in enumerate(STATES)})


def uniform(model: Rietkerk, values: tuple[float, ...]) -> xr.Dataset:
    return starting(model, np.broadcast_to(np.reshape(values, (1, 3, 1, 1)), (1, 3, *model.grid().shape)))


def test_it_is_known_and_its_data_are_valid() -> None:
    model = Rietkerk(length=40.0)
    assert registered()["Rietkerk"].command() == "rietkerk"
    run = model.simulate(model.sample(2), model.times[:3])
    for dataset in (model.sample(2), run, model.tendency(run), model.conserved(run)):
        assert dataset.sizes["sample"] == 2
    validate(model.sample(2))
    validate(run)
    assert run["vegetation"].dims == ("sample", "time", "y", "x")
    assert {v.symbol for v in model.variables().values()} == {"u", "w", "v", *DEFAULT}
    for variable in model.variables().values():
        if variable.role == "parameter":
            assert float(run[variable.name]) == DEFAULT[variable.symbol]


@pytest.mark.parametrize("values", [BARE, VEGETATED])
def test_the_known_equilibria_stay(values: tuple[float, ...]) -> None:
    model = Rietkerk(length=20.0)
    start = uniform(model, values)
    assert max(float(abs(slope).max()) for slope in model.tendency(start).values()) < 1e-14
    run = model.simulate(start, [0.0, 10.0, 200.0])
    np.testing.assert_allclose(stacked(run)[0, -1], stacked(start)[0], rtol=1e-9, atol=1e-12)


def test_the_vegetated_state_is_that_of_the_ground_truths() -> None:
    np.testing.assert_allclose(VEGETATED, (4.0761, 5 / 3, 10 / 3), rtol=1e-5)


@pytest.mark.parametrize("cell", [2.0, (2.0, 2.5), (1.0, 5.0)])
def test_the_tendency_is_that_of_another_implementation(cell: Any) -> None:
    model = Rietkerk(length=(40.0, 30.0), cell=cell)
    rng = np.random.default_rng(0)
    state = rng.uniform(0, 20, (3, 3, *model.grid().shape))
    across, along = model.grid().cell
    slopes = stacked(model.tendency(starting(model, state)))
    for n in range(3):
        np.testing.assert_allclose(slopes[n], right_hand_side(state[n], (along, across)), rtol=1e-12, atol=1e-11)


def test_parameters_of_a_sample_are_its_own() -> None:
    ranges = {name: LogUniform(0.5, 2.0) for name, v in Rietkerk.variables().items() if v.role == "parameter"}
    model = Rietkerk(length=(12.0, 8.0), **ranges)
    start = model.sample(4, seed=3)
    state = np.random.default_rng(1).uniform(1, 5, (4, 3, 4, 6))
    start = start.assign({name: start[name].copy(data=state[:, n]) for n, name in enumerate(STATES)})
    slopes = stacked(model.tendency(start))
    symbols = {v.symbol: name for name, v in model.variables().items()}
    for n in range(4):
        p = {symbol: float(start[symbols[symbol]][n]) for symbol in DEFAULT}
        np.testing.assert_allclose(slopes[n], right_hand_side(state[n], (2.0, 2.0), p), rtol=1e-12, atol=1e-11)
    run = model.simulate(start, [0.0, 1.0, 3.0])
    for n in range(4):
        alone = Rietkerk(length=(12.0, 8.0)).simulate(start.isel(sample=[n]), [0.0, 1.0, 3.0])
        np.testing.assert_array_equal(stacked(alone)[0], stacked(run)[n])


def test_a_run_is_that_of_scipy() -> None:
    model = Rietkerk(length=(24.0, 16.0))
    start = model.sample(1, seed=5)
    shape = stacked(start)[0].shape
    solution = solve_ivp(
        lambda t, y: right_hand_side(y.reshape(shape), (2.0, 2.0)).ravel(), (0, 30), stacked(start)[0].ravel(),
        method="DOP853", rtol=1e-10, atol=1e-11, t_eval=[0.0, 7.0, 30.0],
    )  # fmt: skip
    wanted = solution.y.T.reshape(3, *shape)
    run = stacked(model.simulate(start, [0.0, 7.0, 30.0], tolerance=1e-9))[0]
    np.testing.assert_allclose(run, wanted, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("method", ["etdrk4", "rock4", "rkc2"])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
def test_the_tolerance_bounds_the_error(method: Any, tolerance: float) -> None:
    model = Rietkerk(length=64.0)
    start, times = model.sample(1, seed=2), model.times[:21:2]
    truth = stacked(model.simulate(start, times, tolerance=1e-9))
    error = stacked(model.simulate(start, times, tolerance=tolerance, method=method)) - truth
    size = np.sqrt(truth.var(axis=(-2, -1)) + 1e-4 * (truth**2).mean(axis=(-2, -1)))
    relative = np.sqrt((error**2).mean(axis=(-2, -1))) / np.maximum.accumulate(size, axis=1)
    assert relative.max() < tolerance
    assert relative[:, 1:].min() > 0


def test_the_order_in_time_is_four() -> None:
    """On smooth fields; where neighbouring cells differ, stiff modes follow at an order between 3 and 4."""
    from simulators.rietkerk.kernels import pack, rhs

    model = Rietkerk(length=100.0, cell=6.25)
    x = 2 * np.pi * np.arange(16) / 16
    wave = np.sin(x) * np.cos(x[:, None])
    state = np.stack([6 + wave, 2 + 0.5 * wave, 4 + 2 * np.cos(x + 0 * wave)])
    values = {name: np.array([v]) for name, v in model.settings().items() if name in model.variables()}
    symbol = 100.0 * model.grid().laplacian_symbol(2)

    def run(steps: int) -> np.ndarray:
        side = RightHandSide(rhs, state.shape, pack(values, (6.25, 6.25), np.array([[True, False, False]]))[0], 3)
        method = ETDRK4(side, 0.0, state, 3, [symbol, None, None])
        for n in range(steps):
            method.attempt(10.0 / steps, np.ones(3))
            method.accept(10.0 * (n + 1) / steps)
        return method.y

    truth = run(1280)
    errors = np.array([np.sqrt(np.mean((run(n) - truth) ** 2, axis=(1, 2))) for n in (40, 80, 160)])
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 4, atol=0.2)


def test_the_order_in_space_is_two() -> None:
    """Manufactured solution: smooth fields whose rates are known by formula."""
    errors = []
    for cells in (16, 32, 64):
        model = Rietkerk(length=(60.0, 40.0), cell=(60.0 / cells, 40.0 / cells))
        start = model.sample(1)
        x, y = 2 * np.pi * start["x"].values / 60, 2 * np.pi * start["y"].values[:, None] / 40
        wave, bend = np.sin(x) * np.cos(y), np.cos(x + 0 * y)
        state = np.stack([5 + wave, 2 + 0.5 * bend, 4 + wave + bend])
        kx, ky = (2 * np.pi / 60) ** 2, (2 * np.pi / 40) ** 2
        curved = np.stack([-(kx + ky) * wave, -kx * 0.5 * bend, -(kx + ky) * wave - kx * bend])
        diffusivity = np.reshape([100.0, 0.1, 0.1], (3, 1, 1))
        exact = right_hand_side(state, (1e30, 1e30)) + diffusivity * curved
        slopes = stacked(model.tendency(starting(model, state[None])))[0]
        errors.append(np.sqrt(np.mean((slopes - exact) ** 2, axis=(1, 2))))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2, atol=0.2)


def jacobian(laplacian: float) -> np.ndarray:
    """Of the vegetated state, for a mode on which the Laplacian is a number."""
    u, w, v = VEGETATED
    p = DEFAULT
    soak = p["a"] * (v + p["k2"] * p["W0"]) / (v + p["k2"])
    by_v = p["a"] * u * p["k2"] * (1 - p["W0"]) / (v + p["k2"]) ** 2
    per_plant, by_w = p["gm"] * w / (p["k1"] + w), p["gm"] * v * p["k1"] / (p["k1"] + w) ** 2
    reaction = [
        [-soak, 0, -by_v],
        [soak, -by_w - p["dw"], by_v - per_plant],
        [0, p["c"] * by_w, p["c"] * per_plant - p["dv"]],
    ]
    return np.array(reaction) + laplacian * np.diag([p["Du"], p["Dw"], p["Dv"]])


def test_the_jacobian_has_the_growth_rates_of_the_ground_truths() -> None:
    assert max(np.linalg.eigvals(jacobian(0.0)).real) == pytest.approx(-0.00596, abs=5e-6)
    waves = np.linspace(0.05, 0.4, 3501)
    growth = [max(np.linalg.eigvals(jacobian(-(k**2))).real) for k in waves]
    best = waves[int(np.argmax(growth))]
    assert max(growth) == pytest.approx(0.0506, abs=5e-5)
    assert best == pytest.approx(0.149, abs=5e-4)
    assert 2 * np.pi / best == pytest.approx(42.2, abs=0.1)


@pytest.mark.parametrize("mode", [(0, 0), (1, 0), (3, 0), (2, 3), (5, 5)])
def test_simulations_reproduce_the_dispersion_relation(mode: tuple[int, int]) -> None:
    """A small eigenmode of the vegetated state grows at its eigenvalue: to 1e-6, over one day."""
    model = Rietkerk(length=(128.0, 96.0), cell=(2.0, 3.0))
    grid = model.grid()
    laplacian = float(grid.laplacian_symbol(2)[mode[1], mode[0]])
    values, vectors = np.linalg.eig(jacobian(laplacian))
    rate, vector = values[np.argmax(values.real)], vectors[:, np.argmax(values.real)]
    x, y = 2 * np.pi * (np.arange(64) + 0.5) / 64, 2 * np.pi * (np.arange(32)[:, None] + 0.5) / 32
    wave = np.exp(1j * (mode[0] * x + mode[1] * y))
    small = 1e-4 * (vector[:, None, None] * wave).real
    middle = np.reshape(VEGETATED, (3, 1, 1))
    start = starting(model, np.stack([middle + small, middle - small]))
    plus, minus = stacked(model.simulate(start, [0.0, 1.0], tolerance=1e-12).isel(time=1))
    wanted = 1e-4 * (np.exp(rate) * vector[:, None, None] * wave).real
    # even terms cancel in the difference, cubic ones are 1e-8 of it
    np.testing.assert_allclose(0.5 * (plus - minus), wanted, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("method", ["etdrk4", "rock4", "rkc2"])
def test_budgets_close_to_rounding_over_200_days(method: Any) -> None:
    model = Rietkerk(length=48.0)
    run = model.simulate(model.sample(2, seed=0), model.times[::8], tolerance=1e-3, method=method)
    kept = model.conserved(run)
    water = (run["surface_water"] + run["soil_water"]).mean(["y", "x"])
    assert float((abs(kept["water_budget"]) / water.max()).max()) < 1e-12
    assert float((abs(kept["biomass_budget"]) / run["vegetation"].mean(["y", "x"]).max()).max()) < 1e-12
    assert float(abs(water - water.isel(time=0)).max()) > 1


def test_a_leak_shows_in_the_budget() -> None:
    model = Rietkerk(length=32.0)
    run = model.simulate(model.sample(1), [0.0, 5.0, 10.0])
    leaking = run.copy(deep=True)
    leaking["soil_water"].values *= 1 - 1e-6 * run["time"].values[:, None, None]
    lost = (run["soil_water"] * 1e-6 * run["time"]).mean(["y", "x"])
    np.testing.assert_allclose(model.conserved(leaking)["water_budget"], -lost, atol=1e-12)
    assert float(abs(model.conserved(leaking)["biomass_budget"]).max()) < 1e-12


def test_budgets_of_data_without_a_ledger_close_as_the_times_are_dense() -> None:
    model = Rietkerk(length=32.0)
    start = model.simulate(model.sample(1), [0.0, 20.0]).isel(time=1, drop=True)
    errors = []
    for step in (2.0, 1.0, 0.5):
        run = model.simulate(start, np.arange(0, 40.1, step), tolerance=1e-10)
        bare = run.drop_vars([name for name in run if str(name).startswith("cumulative")])
        kept = model.conserved(bare)
        errors.append([float(abs(kept[name].isel(time=-1)).max()) for name in kept])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() > 3.5
    assert np.max(errors[1]) < 1e-2
    assert model.conserved(start)["water_budget"].values == 0


def turned(state: np.ndarray, quarter: int, mirror: bool) -> np.ndarray:
    out = np.rot90(state, quarter, axes=(-2, -1))
    return np.flip(out, axis=-1) if mirror else out


@pytest.mark.parametrize(("quarter", "mirror"), list(itertools.product(range(4), (False, True))))
def test_the_eight_symmetries_of_the_square_hold(quarter: int, mirror: bool) -> None:
    model = Rietkerk(length=40.0)
    start = model.sample(1, seed=4)
    run = stacked(model.simulate(start, [0.0, 4.0, 15.0]))
    image = starting(model, turned(stacked(start), quarter, mirror).copy())
    np.testing.assert_allclose(
        stacked(model.simulate(image, [0.0, 4.0, 15.0])), turned(run, quarter, mirror), rtol=1e-11, atol=1e-13
    )


def test_translations_hold() -> None:
    model = Rietkerk(length=(40.0, 30.0), cell=(2.0, 1.5))
    start = model.sample(1, seed=4)
    run = stacked(model.simulate(start, [0.0, 4.0, 15.0]))
    image = starting(model, np.roll(stacked(start), (3, -7), axis=(-2, -1)))
    moved = stacked(model.simulate(image, [0.0, 4.0, 15.0]))
    np.testing.assert_allclose(moved, np.roll(run, (3, -7), axis=(-2, -1)), rtol=1e-11, atol=1e-13)


def test_turning_the_axes_of_a_rectangle_turns_the_run() -> None:
    model, other = Rietkerk(length=(40.0, 30.0), cell=(2.0, 1.5)), Rietkerk(length=(30.0, 40.0), cell=(1.5, 2.0))
    state = stacked(model.sample(1, seed=4))
    run = stacked(model.simulate(starting(model, state), [0.0, 4.0, 15.0]))
    image = starting(other, state.swapaxes(-1, -2))
    np.testing.assert_allclose(
        stacked(other.simulate(image, [0.0, 4.0, 15.0])).swapaxes(-1, -2), run, rtol=1e-11, atol=1e-13
    )


def test_a_tendency_is_mirrored_to_the_last_bit() -> None:
    model = Rietkerk(length=40.0)
    state = np.random.default_rng(0).uniform(0, 9, (1, 3, 20, 20))
    slopes = stacked(model.tendency(starting(model, state)))
    for axis in (-1, -2):
        image = stacked(model.tendency(starting(model, np.flip(state, axis).copy())))
        np.testing.assert_array_equal(image, np.flip(slopes, axis))
        image = stacked(model.tendency(starting(model, np.roll(state, 3, axis))))
        np.testing.assert_array_equal(image, np.roll(slopes, 3, axis))


@pytest.mark.parametrize("length", [(40.0, 30.0), (40.0, 2.0)])
@pytest.mark.parametrize("method", ["etdrk4", "rock4"])
def test_other_units_give_the_same_run(method: Any, length: tuple[float, float]) -> None:
    model = Rietkerk(length=length)
    run = model.simulate(model.sample(1, seed=1), [0.0, 5.0, 20.0], method=method)
    scale = {"kg": 3.7, "m": 5.3, "s": 11.0}
    whole = run.isel(time=0).drop_vars("time")
    other = model.simulate(rescale(whole, **scale), 11.0 * np.array([0.0, 5.0, 20.0]), method=method)
    for name, array in rescale(run, **scale).data_vars.items():
        np.testing.assert_allclose(other[name], array, rtol=1e-10, err_msg=str(name))


def test_runs_neither_depend_on_their_neighbours_nor_on_threads() -> None:
    model = Rietkerk(length=24.0, rainfall=LogUniform(0.3, 0.6), cell=1.0)
    start = model.sample(5, seed=0)
    run = model.simulate(start, [0.0, 5.0, 9.0], threads=3)
    for n in range(5):
        alone = model.simulate(start.isel(sample=[n]), [0.0, 5.0, 9.0], threads=1)
        np.testing.assert_array_equal(stacked(alone)[0], stacked(run)[n])
    np.testing.assert_array_equal(stacked(model.simulate(start.isel(sample=2), [0.0, 5.0, 9.0])), stacked(run)[2])


def test_a_sample_is_the_same_however_many_are_drawn() -> None:
    model = Rietkerk(length=20.0, rainfall=Uniform(0.2, 0.6), cover=Uniform(0.05, 0.5), biomass=LogUniform(10, 90))
    many = model.sample(6, seed=7)
    xr.testing.assert_equal(many.isel(sample=slice(3)), model.sample(3, seed=7))
    xr.testing.assert_equal(many.isel(sample=slice(2, 5)), model.sample(6, seed=7, only=slice(2, 5)))
    assert not many["vegetation"].equals(model.sample(6, seed=8)["vegetation"])
    fixed = Rietkerk(length=20.0, cover=Uniform(0.05, 0.5), biomass=LogUniform(10, 90)).sample(6, seed=7)
    assert fixed["vegetation"].equals(many["vegetation"])


def test_starts_are_the_bare_state_with_vegetation() -> None:
    model = Rietkerk(cover=0.2, biomass=30.0, rainfall=(0.3, 0.6))
    start = model.sample(2, seed=0)
    np.testing.assert_allclose(start["soil_water"].mean(["y", "x"]), [1.5, 3.0])
    np.testing.assert_allclose(start["surface_water"].mean(["y", "x"]), [15.0, 30.0])
    assert set(np.unique(start["vegetation"])) == {0.0, 30.0}
    assert abs(float((start["vegetation"] > 0).mean()) - 0.2) < 0.01
    with pytest.raises(InputError, match="rainfall: expected 3 samples, given an array for 2"):
        model.sample(3)


def test_patches_are_round_and_cross_the_border() -> None:
    model = Rietkerk(start="patches", cover=1e-9, biomass=7.0, length=(60.0, 30.0), cell=0.5)
    starts = model.sample(40, seed=0)["vegetation"].values
    assert set(np.unique(starts)) == {0.0, 7.0}
    areas = (starts > 0).sum(axis=(1, 2)) * 0.25
    np.testing.assert_allclose(areas, np.pi * 25, rtol=0.03)
    assert any(plants[:, 0].any() and plants[:, -1].any() for plants in starts)
    for cover in (0.0, 0.1, 0.5, 0.9, 1.0):
        covered = Rietkerk(start="patches", cover=cover).sample(20, seed=1)["vegetation"].values > 0
        assert covered.mean() == pytest.approx(cover, abs=0.02)


def test_plants_are_never_fewer_than_none() -> None:
    for cell in (2.0, 0.5):
        model = Rietkerk(length=32.0, cell=cell, vegetation_diffusion=1.0, cover=0.02)
        run = model.simulate(model.sample(1, seed=1), [0.0, 0.01, 1.0, 20.0], tolerance=1e-4)
        assert float(run["vegetation"].min()) > -1e-9
        model.simulate(run.isel(time=-1, drop=True), [0.0, 1.0])


def test_a_row_of_cells_is_a_line_of_land() -> None:
    line = Rietkerk(length=(40.0, 2.0))
    start = line.sample(1, seed=0)
    flat = stacked(line.simulate(start, [0.0, 10.0], tolerance=1e-9))
    broad = Rietkerk(length=(40.0, 12.0))
    image = starting(broad, np.repeat(stacked(start), 6, axis=-2))
    found = stacked(broad.simulate(image, [0.0, 10.0], tolerance=1e-9))
    np.testing.assert_allclose(found, np.repeat(flat, 6, axis=-2), rtol=1e-8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rainfall": -0.1}, "rainfall: expected values not negative, given -0.1"),
        ({"vegetation_loss": (0.2, -1.0)}, "vegetation_loss: expected values not negative, given -1"),
        ({"uptake_constant": 0.0}, "uptake_constant: expected positive values, given 0"),
        ({"rainfall": Uniform(-1, 1)}, "rainfall: expected values not negative"),
        ({"rainfall": [[1.0]]}, "rainfall: expected one number, or one a sample"),
        ({"rainfall": "much"}, "rainfall: expected numbers"),
        ({"rainfall": float("nan")}, "rainfall: expected finite numbers"),
        ({"cell": 3.0}, "divide"),
        ({"cell": -2.0}, "cell"),
        ({"length": 0.0}, "length"),
        ({"length": (10.0, 10.0, 10.0)}, "one along x and one along y"),
        ({"cover": 1.5}, "cover: expected a part of the area"),
        ({"cover": Uniform(0.5, 1.5)}, "cover: expected a part of the area"),
        ({"biomass": -1.0}, "biomass: expected values not negative"),
        ({"start": "trees"}, "start: expected 'cells' or 'patches', given 'trees'"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Rietkerk(**given)


def test_wrong_starts_and_times_are_refused() -> None:
    model = Rietkerk(length=20.0)
    start = model.sample(1)
    negative = start.assign(vegetation=start["vegetation"].copy(data=start["vegetation"].values - 1.0))
    with pytest.raises(InputError, match=r"vegetation: expected numbers that are not negative, given -1 at sample 0"):
        model.simulate(negative, [0.0, 1.0])
    with pytest.raises(InputError, match="rainfall: expected values not negative"):
        model.simulate(start.assign(rainfall=-start["rainfall"].assign_attrs(start["rainfall"].attrs)), [0.0, 1.0])
    with pytest.raises(InputError, match="strictly increase"):
        model.simulate(start, [0.0, 2.0, 1.0])
    with pytest.raises(InputError, match="tolerance"):
        model.simulate(start, [0.0, 1.0], tolerance=0.0)
    with pytest.raises(InputError, match="method: expected"):
        model.simulate(start, [0.0, 1.0], method="euler")
    with pytest.raises(InputError, match="without a time"):
        model.simulate(model.simulate(start, [0.0, 1.0]), [0.0, 1.0])
    with pytest.raises(InputError, match="bare state"):
        Rietkerk(soil_water_loss=0.0).sample(1)


@pytest.mark.parametrize("rainfall", [1e200, 1e299, 1e300])
def test_a_run_that_diverges_says_when_and_where(rainfall: float) -> None:
    model = Rietkerk(length=20.0, rainfall=(0.3, rainfall))
    with pytest.raises(DivergenceError, match="sample 1 got to time") as caught:
        model.simulate(model.sample(2), [0.0, 100.0])
    assert caught.value.sample == 1


def test_its_kernel_is_the_function_that_it_was_made_of() -> None:
    from simulators.rietkerk.kernels import rhs

    rng = np.random.default_rng(0)
    y, p = rng.uniform(0, 5, (3, 5, 7)), rng.uniform(0.1, 2, 15)
    outs, rates = np.empty((2, 3, 5, 7)), np.empty((2, 3))
    rhs(0.0, y, p, outs[0], rates[0])
    rhs.compiled(3)(0.0, y, p, outs[1], rates[1])
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-13)
    assert integrate.FieldKernel is type(rhs)
