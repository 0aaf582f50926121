"""Elastic waves: plane waves, another solver, conservation, superposition, symmetries of rank-2 tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

import physym
from physym.symmetry import Hyperoctahedral, act, translate
from simulators import ElasticWaves, Grid, InputError, LogUniform, Uniform, registered, validate
from simulators.base import streams

RHO, LAM, MU = 2.0, 3.0, 1.5
UNITS = {"density": RHO, "lame_lambda": LAM, "lame_mu": MU}


def solid(length: Any, cell: Any = 1.0, **more: Any) -> ElasticWaves:
    return ElasticWaves(**{**UNITS, "length": length, "cell": cell, "width": 2.0 * np.min(cell), **more})


def put(data: xr.Dataset, **values: Any) -> xr.Dataset:
    """The dataset with other numbers in some variables."""
    return data.assign({name: data[name].copy(data=np.asarray(array)) for name, array in values.items()})


def starting(model: ElasticWaves, velocity: np.ndarray, stress: np.ndarray) -> xr.Dataset:
    return put(model.sample(1), velocity=velocity[None], stress=stress[None])


def noise(model: ElasticWaves, seed: int = 0) -> xr.Dataset:
    """A start of white noise: every mode, the highest too, and stress that no displacement made."""
    rng, start = np.random.default_rng(seed), model.sample(1)
    stress = rng.standard_normal(start.stress.shape)
    stress = stress + np.swapaxes(stress, -1, -2)
    return put(start, velocity=rng.standard_normal(start.velocity.shape), stress=stress)


def places(grid: Grid) -> np.ndarray:
    """The cell centres (*space, i)."""
    axes = [grid.coordinates()[dim][1] for dim in grid.dims]
    return np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1)


def derivative(field: np.ndarray, axis: int, length: float) -> np.ndarray:
    """∂ along an axis by the full complex transform, without the highest mode."""
    count = field.shape[axis]
    k = 2j * np.pi * np.fft.fftfreq(count, 1 / count) / length
    if count % 2 == 0:
        k[count // 2] = 0
    shape = [1] * field.ndim
    shape[axis] = count
    return np.fft.ifft(np.fft.fft(field, axis=axis) * k.reshape(shape), axis=axis).real


def right_hand_side(v: np.ndarray, s: np.ndarray, length: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The equations component by component: an implementation of its own. Fields (*space, i) and (*space, i, j)."""
    d = v.shape[-1]

    def partial(field: np.ndarray, i: int) -> np.ndarray:
        return derivative(field, d - 1 - i, length[i])

    push, made = np.zeros_like(v), np.zeros_like(s)
    for i in range(d):
        for j in range(d):
            push[..., i] += partial(s[..., i, j], j) / RHO
            made[..., i, j] += MU * (partial(v[..., i], j) + partial(v[..., j], i))
            made[..., i, i] += LAM * partial(v[..., j], j)
    return push, made


def test_it_is_known_and_its_data_are_valid() -> None:
    model = solid(12.0)
    assert registered()["ElasticWaves"].command() == "elastic-waves"
    run = model.simulate(model.sample(2), [0.0, 0.5, 2.0])
    validate(model.sample(2))
    validate(run)
    assert run.stress.dims == ("sample", "time", "y", "x", "i", "j")
    assert {name: float(run[name]) for name in UNITS} == UNITS
    np.testing.assert_array_equal(run.stress, np.swapaxes(run.stress.values, -1, -2))
    assert model.tendency(run).stress.dims == run.stress.dims


@pytest.mark.parametrize(
    ("length", "cell", "waves"),
    [((8.0, 6.0), 1.0, (1, -2)), ((9.0, 10.0), (1.0, 2.0), (3, 1)), ((8.0, 6.0, 5.0), 1.0, (2, 1, -1))],
)
@pytest.mark.parametrize("kind", ["P", "S"])
def test_plane_waves_travel_at_their_speeds(length: Any, cell: Any, waves: Any, kind: str) -> None:
    model = solid(length, cell)
    k = 2 * np.pi * np.array(waves) / np.array(length)
    n, phase = k / np.linalg.norm(k), places(model.grid()) @ k
    arrow = n if kind == "P" else np.linalg.svd(n[None])[2][1]
    speed = np.sqrt(((LAM + 2 * MU) if kind == "P" else MU) / RHO)
    shape = LAM * (arrow @ n) * np.eye(len(n)) + MU * (np.outer(arrow, n) + np.outer(n, arrow))

    def wave(time: float) -> tuple[np.ndarray, np.ndarray]:
        size = np.cos(phase - speed * np.linalg.norm(k) * time + 0.3)
        return size[..., None] * arrow, -size[..., None, None] * shape / speed

    times = [0.0, 0.7, 5.0, 5.1, 12345.6]
    run = model.simulate(starting(model, *wave(0.0)), times)
    for n_time, time in enumerate(times):
        velocity, stress = wave(time)
        np.testing.assert_allclose(run.velocity[0, n_time], velocity, rtol=0, atol=1e-14 * (10 + time))
        np.testing.assert_allclose(run.stress[0, n_time], stress, rtol=0, atol=5e-14 * (10 + time))


@pytest.mark.parametrize(("length", "cell"), [((6.0, 5.0), 1.0), ((4.0, 6.0, 5.0), (1.0, 1.5, 1.0))])
def test_a_run_is_that_of_another_solver(length: Any, cell: Any) -> None:
    model = solid(length, cell, width=3.0)
    start = noise(model)
    v, s = start.velocity.values[0], start.stress.values[0]

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        parts = right_hand_side(y[: v.size].reshape(v.shape), y[v.size :].reshape(s.shape), model.grid().length)
        return np.concatenate([part.ravel() for part in parts])

    state = np.concatenate([v.ravel(), s.ravel()])
    push, made = right_hand_side(v, s, model.grid().length)
    np.testing.assert_allclose(model.tendency(start).velocity[0], push, rtol=0, atol=1e-13)
    np.testing.assert_allclose(model.tendency(start).stress[0], made, rtol=0, atol=1e-13)
    wanted = solve_ivp(slope, (0, 3), state, method="DOP853", rtol=1e-11, atol=1e-11, t_eval=[1.0, 3.0]).y.T
    run = model.simulate(start, [0.0, 1.0, 3.0]).isel(time=slice(1, None))
    np.testing.assert_allclose(run.velocity.values.reshape(2, -1), wanted[:, : v.size], rtol=0, atol=1e-8)
    np.testing.assert_allclose(run.stress.values.reshape(2, -1), wanted[:, v.size :], rtol=0, atol=1e-8)


@pytest.mark.parametrize("length", [(8.0, 7.0), (4.0, 6.0, 5.0)])
def test_energy_momentum_and_mean_stress_are_kept_to_rounding(length: Any) -> None:
    model = solid(length)
    start = noise(model)
    start = put(start, velocity=start.velocity.values + np.arange(1.0, len(length) + 1))
    kept = model.conserved(model.simulate(start, np.linspace(0, 1e4, 20)))
    for name in ("energy", "momentum", "mean_stress"):
        np.testing.assert_allclose(kept[name], kept[name].isel(time=[0]).values.repeat(20, 1), rtol=1e-12, atol=1e-12)
    strain = np.linalg.inv(LAM * np.outer(np.eye(d := len(length)).ravel(), np.eye(d).ravel()) + 2 * MU * np.eye(d * d))
    flat = start.stress.values.reshape(-1, d * d)
    energy = 0.5 * np.mean(np.einsum("na,ab,nb->n", flat, strain, flat))
    energy += 0.5 * RHO * np.mean(np.sum(start.velocity.values**2, axis=-1))
    assert kept.energy[0, 0] == pytest.approx(energy, rel=1e-13)
    momentum = RHO * start.velocity.mean(("y", "x", *"z" * (d - 2)))[0]
    np.testing.assert_allclose(kept.momentum[0, 0], momentum, rtol=1e-12)


def test_outputs_do_not_depend_on_the_other_times_and_motion_can_be_reversed() -> None:
    model = solid((8.0, 6.0))
    start = noise(model)
    run = model.simulate(start, [0.0, 1.3, 7.0])
    alone = model.simulate(start, [2.0, 9.0])
    for name in ("velocity", "stress"):
        np.testing.assert_array_equal(run[name][:, 2], alone[name][:, 1])
        np.testing.assert_array_equal(run[name][:, 0], start[name])
    middle = run.isel(time=1).drop_vars("time")
    onward = model.simulate(middle, [1.3, 7.0])
    np.testing.assert_allclose(onward.stress[:, 1], run.stress[:, 2], rtol=0, atol=1e-13)
    end = alone.isel(time=1).drop_vars("time")
    back = model.simulate(put(end, velocity=-end.velocity), [0.0, 7.0]).isel(time=1)
    np.testing.assert_allclose(back.velocity, -start.velocity, rtol=0, atol=1e-13)
    np.testing.assert_allclose(back.stress, start.stress, rtol=0, atol=1e-13)


def test_superposition() -> None:
    model, times = solid((8.0, 6.0)), [0.0, 1.0, 50.0]
    a, b = noise(model, 1), noise(model, 2)
    both = put(a, **{name: 2.0 * a[name] - b[name] for name in ("velocity", "stress")})
    runs = [model.simulate(start, times) for start in (a, b, both)]
    for name in ("velocity", "stress"):
        np.testing.assert_allclose(runs[2][name], 2 * runs[0][name] - runs[1][name], rtol=0, atol=1e-13)


def test_residual_stress_stays_and_displacements_make_none() -> None:
    model = solid((8.0, 7.0))
    start = noise(model)
    kept = model.residual_stress(model.simulate(start, [0.0, 3.0, 1e3]))
    assert float(abs(kept).max()) > 0.5
    np.testing.assert_allclose(kept[:, 1:], kept[:, [0, 0]], rtol=0, atol=1e-11)
    pull = model.grid().divergence(kept.values[0, 0], "spectral", tensor_order=2)
    np.testing.assert_allclose(pull, 0, rtol=0, atol=1e-13)
    frozen = model.simulate(put(start, velocity=0 * start.velocity, stress=kept[:, 0]), [0.0, 9.0])
    np.testing.assert_allclose(frozen.velocity, 0, rtol=0, atol=1e-13)
    made = solid(16.0).sample(2)
    assert float(abs(solid(16.0).residual_stress(made)).max()) < 1e-13 * float(abs(made.stress).max())


def test_a_pulse_spreads_as_two_rings() -> None:
    model = ElasticWaves(pulses=1, width=200.0)
    start = model.sample(1, seed=4)
    time, (fast, slow) = 0.3, (np.sqrt(9e10 / 2700), np.sqrt(3e10 / 2700))
    # the place, which the stream draws first
    middle = streams(1, 4)[0].random(2) * 6400.0
    away = (places(model.grid()) - middle + 3200.0) % 6400.0 - 3200.0
    distance = np.linalg.norm(away, axis=-1)
    velocity = model.simulate(start, [0.0, time]).velocity.values[0, 1]
    velocity -= velocity[distance > fast * time + 1400].mean(axis=0)
    size = np.linalg.norm(velocity, axis=-1)
    assert size[distance > fast * time + 1200].max() < 1e-5 * size.max()
    for speed in (fast, slow):
        assert size[abs(distance - speed * time) < 200].max() > 0.2 * size.max()
    along = np.sum(velocity * away, axis=-1) / distance
    across = np.abs(velocity[..., 0] * away[..., 1] - velocity[..., 1] * away[..., 0]) / distance
    outer = abs(distance - fast * time) < 150
    assert abs(along[outer]).max() > 4 * across[outer].max()


def test_a_rectangle_is_a_box_in_which_nothing_changes_along_z() -> None:
    flat, deep = solid((8.0, 6.0)), solid((8.0, 6.0, 4.0))
    start = noise(flat)
    v, s = np.zeros((4, 6, 8, 3)), np.zeros((4, 6, 8, 3, 3))
    v[..., :2], s[..., :2, :2] = start.velocity[0], start.stress[0]
    s[..., 2, 2] = LAM / (2 * (LAM + MU)) * np.trace(start.stress.values[0], axis1=-2, axis2=-1)
    a, b = flat.simulate(start, [0.0, 0.9, 40.0]), deep.simulate(starting(deep, v, s), [0.0, 0.9, 40.0])
    np.testing.assert_allclose(b.velocity[0, :, 1, ..., :2], a.velocity[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(b.stress[0, :, 3, ..., :2, :2], a.stress[0], rtol=0, atol=1e-13)
    assert float(abs(b.velocity[..., 2]).max()) < 1e-13
    np.testing.assert_allclose(deep.conserved(b).energy, flat.conserved(a).energy, rtol=1e-13)


@pytest.mark.parametrize(("length", "cell"), [((8.0, 6.0), 1.0), ((6.0, 6.0), (1.0, 1.5)), ((4.0, 5.0, 6.0), 1.0)])
def test_it_commutes_with_the_symmetries_of_the_grid(length: Any, cell: Any) -> None:
    model = solid(length, cell)
    start, times = noise(model), [0.0, 1.7]
    run, shift = model.simulate(start, times), dict(zip("xyz", (3, -1, 2)[: len(length)], strict=False))
    for q in Hyperoctahedral(len(length)).elements():
        wanted, found = act(q, run), model.simulate(act(q, start), times)
        np.testing.assert_allclose(found.stress, wanted.stress, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.velocity, wanted.velocity, rtol=0, atol=1e-13)
    moved = model.simulate(translate(start, shift), times)
    np.testing.assert_allclose(moved.stress, translate(run, shift).stress, rtol=0, atol=1e-13)


def test_the_checks_pass() -> None:
    ranges = {"density": Uniform(2e3, 3e3), "lame_lambda": LogUniform(1e10, 4e10), "lame_mu": Uniform(1e10, 3e10)}
    report = physym.check(ElasticWaves(length=(1600.0, 1200.0), **ranges), verbose=False)
    assert report.passed, str(report)
    assert {"rotations", "reflections", "translations", "units", "time reversal"} <= {c.name for c in report.checks}


def test_the_checks_pass_in_a_box() -> None:
    model = ElasticWaves(length=(800.0, 600.0, 400.0), width=150.0)
    start = model.sample(2)
    report = physym.check(model, start, verbose=False)
    assert report.passed, str(report)
    report = physym.check(model.simulate(start, model.times[:4]), verbose=False)
    assert report.passed, str(report)


def test_samples_are_their_own_whatever_the_rest() -> None:
    model = ElasticWaves(length=1600.0, width=Uniform(150.0, 300.0), density=Uniform(2e3, 3e3))
    start = model.sample(5, seed=3)
    xr.testing.assert_equal(start.isel(sample=slice(3, 5)), model.sample(5, seed=3, only=slice(3, 5)))
    run = model.simulate(start, [0.0, 0.1], threads=3)
    alone = model.simulate(start.isel(sample=[4]), [0.0, 0.1], threads=1)
    np.testing.assert_array_equal(run.stress[4], alone.stress[0])
    np.testing.assert_allclose(start.velocity.mean(("y", "x")), 0, rtol=0, atol=1e-15)
    assert 0.3 < float(start.velocity.std() / 0.6) < 1.5


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"density": 0.0}, "density: expected positive values, given 0"),
        ({"lame_mu": (1.0, -1.0)}, "lame_mu: expected positive values, given -1"),
        ({"lame_mu": Uniform(0.0, 1.0)}, "lame_mu: expected positive"),
        ({"lame_mu": 3.0, "lame_lambda": -2.0}, r"lame_lambda: expected values above -2/3 lame_mu, given -2;"),
        ({"density": [[1.0]]}, r"density: expected one number, or one a sample; given the shape \(1, 1\)"),
        ({"length": (8.0,)}, "length: expected one number, or 2 or 3"),
        ({"cell": 0.3, "length": 1.0}, "cell: expected one that divides"),
        ({"pulses": 0}, "pulses: expected an integer >= 1, given 0"),
        ({"width": 0.0}, "width: expected positive values"),
        ({"speed": -1.0}, "speed: expected values not negative"),
        ({"width": (1.0, 2.0)}, "width: expected one number; given"),
        ({"length": (8.0, 8.0, 8.0), "cell": (1.0, 1.0)}, "cell: expected 3 numbers"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ElasticWaves(**settings)


def test_bad_starts_are_refused() -> None:
    model = solid((4.0, 4.0))
    start = model.sample(1)
    skew = start.stress.copy()
    skew[0, 1, 2, 0, 1] += 1.0
    flat = start.isel(y=0, drop=True)
    tall = xr.Dataset({name: start[name].expand_dims(z=[0.5], axis=1) for name in ("velocity", "stress")})
    tall["z"].attrs["units"] = "m"
    place = "sample 0, y 1, x 2, i 0, j 1"
    for wrong, told in (
        (start.assign(stress=skew), f"stress: expected a symmetric tensor, .* differs by 1 Pa at {place}"),
        (put(start, lame_mu=-start.lame_mu), "lame_mu: expected positive values, given -1.5"),
        (put(start, lame_lambda=-start.lame_lambda), "lame_lambda: expected values above"),
        (start.drop_vars("stress"), "variable 'stress': expected in 'Pa'"),
        (flat, "variable 'velocity': expected the dimensions"),
        (tall, "dimension 'i': expected 3 components"),
        (model.simulate(start, [0.0, 1.0]), "expected starts without a time dimension"),
    ):
        with pytest.raises(InputError, match=told):
            model.simulate(wrong, [0.0, 1.0])
    with pytest.raises(InputError, match="tolerance: expected a positive number"):
        model.simulate(start, [0.0, 1.0], tolerance=0.0)
    run = model.simulate(put(start, stress=start.stress + 1e-3 * (skew - start.stress)), [0.0, 1.0])
    np.testing.assert_array_equal(run.stress, np.swapaxes(run.stress.values, -1, -2))
