"""The exponential integrator: exact where it must be, order 4, reproducible to the bit, and clear when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from simulators import DivergenceError, InputError, integrate
from simulators.integrate import _compile
from simulators.integrate.exponential import ETDRK4, _symbols
from simulators.integrate.fields import RightHandSide


def wavenumbers(cells: int, length: float = 2 * np.pi) -> np.ndarray:
    return 2 * np.pi * np.arange(cells // 2 + 1) / length


def fixed_steps(rhs: Callable[..., Any], y0: np.ndarray, linear: list[Any], span: float, steps: int) -> np.ndarray:
    method = ETDRK4(RightHandSide(rhs, y0.shape, np.empty(0), 0), 0.0, y0, 0, _symbols(linear, y0.shape))
    for n in range(steps):
        method.attempt(span / steps, np.ones(len(y0)))
        method.accept((n + 1) * span / steps)
    return method.y


@integrate.field_kernel
def gray_scott(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
    """Two fields; parameters: feed, kill; integrals: what was fed and what was killed, per cell."""
    fed, killed = 0.0, 0.0
    for i in range(y.shape[1]):
        u, v = y[0, i], y[1, i]
        out[0, i] = -u * v * v + p[0] * (1.0 - u)
        out[1, i] = u * v * v - (p[0] + p[1]) * v
        fed += p[0] * (1.0 - u)
        killed += (p[0] + p[1]) * v
    if rates.size == 2:
        rates[0], rates[1] = fed / y.shape[1], killed / y.shape[1]


def gray_scott_array(t: float, y: np.ndarray) -> np.ndarray:
    u, v = y
    return np.stack([-u * v * v + 0.03 * (1 - u), u * v * v - (0.03 + 0.06) * v])


def gray_scott_start(cells: int = 64, samples: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    x = np.linspace(0, 2 * np.pi, cells, endpoint=False)
    v = np.array([0.3 * np.exp(-4 * (1 - np.cos(x - n))) for n in range(samples)])
    k2 = wavenumbers(cells) ** 2
    return np.stack([1 - 0.5 * v, v], axis=1), [-0.02 * k2, -0.01 * k2]


@pytest.mark.parametrize("turn", [1.0, -1.0, 1j, np.exp(0.3j), -np.exp(-1.2j)])
def test_phi_agrees_with_means_over_a_contour(turn: complex) -> None:
    z = turn * np.concatenate([[0.0], np.logspace(-14, 2, 60)])
    z = z.real.copy() if np.isrealobj(turn) or np.imag(turn) == 0 else z
    points = z[:, None] + 2.5 * np.exp(2j * np.pi * (np.arange(128) + 0.5) / 128)
    e = np.exp(points)
    wanted = [
        e, (e - 1) / points, (e - 1 - points) / points**2, (e - 1 - points - points**2 / 2) / points**3,
    ]  # fmt: skip
    for given, on_contour in zip(integrate.phi(z), wanted, strict=True):
        mean = on_contour.mean(axis=1)
        np.testing.assert_allclose(given, mean if np.iscomplexobj(given) else mean.real, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("at", [1.0, -1.0, 1j])
def test_phi_is_continuous_where_its_two_formulas_meet(at: complex) -> None:
    z = np.array([at * (1 - 1e-15), at * (1 + 1e-15)])
    for values in integrate.phi(z if isinstance(at, complex) else z.real):
        assert abs(values[1] - values[0]) < 1e-14


@pytest.mark.parametrize("shape", [(32,), (33,), (8, 12), (9, 7), (6, 5, 4), (1, 8), (1,)])
def test_the_linear_part_is_exact(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    y0 = rng.standard_normal((1, 2, *shape))
    axes = [2 * np.pi * np.fft.fftfreq(n, 1 / n) for n in shape[:-1]] + [np.arange(shape[-1] // 2 + 1.0)]
    k2 = sum(np.ix_(*[a**2 for a in axes])[n] for n in range(len(shape)))
    decay = -3.0 * k2 - 0.5
    found = integrate.etdrk4(lambda t, y: 0 * y, y0, [0.0, 0.5, 7.0], linear=[decay, None], tolerance=1e-3)
    for time, state in zip((0.5, 7.0), found.states[0, 1:], strict=True):
        wanted = np.fft.irfftn(np.exp(decay * time) * np.fft.rfftn(y0[0, 0]), s=shape, axes=range(len(shape)))
        np.testing.assert_allclose(state[0], wanted, atol=1e-14)
        np.testing.assert_array_equal(state[1], y0[0, 1])


def test_a_complex_linear_part_carries_a_wave_around() -> None:
    cells, speed = 65, 1.7
    x = np.linspace(0, 2 * np.pi, cells, endpoint=False)
    y0 = np.exp(np.sin(x))[None, None]
    found = integrate.etdrk4(
        lambda t, y: 0 * y, y0, [0.0, 3.0], linear=[-1j * speed * wavenumbers(cells)], tolerance=1e-3
    )
    np.testing.assert_allclose(found.states[0, 1, 0], np.exp(np.sin(x - speed * 3.0)), atol=1e-13)


def test_without_a_linear_part_it_is_the_classical_method() -> None:
    rng = np.random.default_rng(1)
    y, h = rng.standard_normal((2, 6)), 0.3

    def f(t: float, y: np.ndarray) -> np.ndarray:
        return np.stack([np.cos(t) * y[1], -np.sin(y[0])])

    k1 = f(0.0, y)
    k2 = f(h / 2, y + h / 2 * k1)
    k3 = f(h / 2, y + h / 2 * k2)
    k4 = f(h, y + h * k3)
    wanted = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    np.testing.assert_allclose(fixed_steps(f, y, [None, None], h, 1), wanted, rtol=1e-15)
    np.testing.assert_allclose(fixed_steps(f, y, [np.zeros(4), None], h, 1), wanted, rtol=1e-14)


@pytest.mark.parametrize(("stiff", "coarse"), [(0.01, 40), (1.0, 80)])
def test_the_observed_order_is_four(stiff: float, coarse: int) -> None:
    """Manufactured solution y = exp(sin(x - t)) of y' = stiff y_xx + y y_x + source, the stiff part exponential."""
    cells = 64
    x = np.linspace(0, 2 * np.pi, cells, endpoint=False)
    k = wavenumbers(cells)

    def f(t: float, y: np.ndarray) -> np.ndarray:
        s, c = np.sin(x - t), np.cos(x - t)
        e = np.exp(s)
        slope = np.fft.irfft(1j * k * np.fft.rfft(y[0]), cells)
        return (y[0] * slope + (-e * c - stiff * e * (c * c - s) - e * e * c))[None]

    errors = []
    for steps in (coarse, 2 * coarse, 4 * coarse):
        y = fixed_steps(f, np.exp(np.sin(x))[None], [-stiff * k**2], 1.0, steps)
        errors.append(np.sqrt(np.mean((y[0] - np.exp(np.sin(x - 1.0))) ** 2)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 4) < 0.2), (orders, errors)


def test_the_error_follows_the_tolerance() -> None:
    y0, linear = gray_scott_start()
    times = np.linspace(0, 60, 4)
    best = integrate.etdrk4(gray_scott_array, y0, times, linear=linear, tolerance=1e-12)
    last = np.inf
    for tolerance in (1e-3, 1e-5, 1e-7, 1e-9):
        found = integrate.etdrk4(gray_scott_array, y0, times, linear=linear, tolerance=tolerance)
        error = np.sqrt(np.mean((found.states - best.states) ** 2, axis=-1)) / best.states.std(axis=-1).max()
        assert error.max() < 2 * tolerance
        assert error.max() < 0.1 * last
        last = error.max()
        assert found.evaluations[0] == 1 + 4 * (found.steps[0] + found.rejected[0])


def test_a_kernel_is_the_function_that_it_was_made_of() -> None:
    y0, linear = gray_scott_start()
    times, p = [0.0, 3.0, 20.0], np.array([0.03, 0.06])
    kernel = integrate.etdrk4(gray_scott, y0, times, p, linear=linear, tolerance=1e-6)
    plain = integrate.etdrk4(gray_scott_array, y0, times, linear=linear, tolerance=1e-6)
    np.testing.assert_allclose(kernel.states, plain.states, atol=1e-14)
    out, other, none = np.empty_like(y0[0]), np.empty_like(y0[0]), np.empty(0)
    gray_scott(0.0, y0[0], p, out, none)
    gray_scott.compiled(2)(0.0, y0[0], p, other, none)
    np.testing.assert_allclose(out, other, rtol=1e-14, atol=1e-17)


def test_integrals_balance_the_mean_to_rounding() -> None:
    y0, linear = gray_scott_start(samples=2)
    p = np.array([[0.03, 0.06], [0.02, 0.05]])
    for tolerance in (1e-2, 1e-6):
        found = integrate.etdrk4(gray_scott, y0, [0.0, 5.0, 50.0], p, linear=linear, tolerance=tolerance, integrals=2)
        mass = found.states.sum(axis=2).mean(axis=-1)
        flow = found.integrals[..., 0] - found.integrals[..., 1]
        assert np.abs(flow[:, -1]).min() > 1e-3
        np.testing.assert_allclose(mass - mass[:, :1], flow, atol=1e-14)


def test_neither_batch_nor_threads_reach_the_numbers() -> None:
    y0, linear = gray_scott_start(samples=5)
    p = np.linspace([0.02, 0.05], [0.04, 0.065], 5)
    options: dict[str, Any] = {"linear": linear, "tolerance": 1e-5}
    whole = integrate.etdrk4(gray_scott, y0, [0.0, 9.0, 30.0], p, threads=3, **options)
    for n in range(5):
        alone = integrate.etdrk4(gray_scott, y0[n : n + 1], [0.0, 9.0, 30.0], p[n], threads=1, **options)
        np.testing.assert_array_equal(alone.states[0], whole.states[n])


def test_shifted_and_rescaled_problems_take_the_same_steps() -> None:
    y0, linear = gray_scott_start()
    options: dict[str, Any] = {"tolerance": 1e-6}
    times = np.array([0.0, 7.0, 30.0])
    here = integrate.etdrk4(gray_scott_array, y0, times, linear=linear, **options)
    there = integrate.etdrk4(gray_scott_array, np.roll(y0, 11, axis=-1), times, linear=linear, **options)
    np.testing.assert_allclose(np.roll(here.states, 11, axis=-1), there.states, atol=1e-14)
    length, clock = 3.7, 11.3

    def rescaled(t: float, y: np.ndarray) -> np.ndarray:
        return gray_scott_array(t / clock, y / length) * length / clock

    other = integrate.etdrk4(rescaled, y0 * length, 5.0 + times * clock, linear=[s / clock for s in linear], **options)
    np.testing.assert_array_equal(other.steps, here.steps)
    np.testing.assert_allclose(other.states / length, here.states, atol=1e-13)


def test_outputs_do_not_move_the_solution() -> None:
    y0, linear = gray_scott_start()
    few = integrate.etdrk4(gray_scott_array, y0, [0.0, 30.0], linear=linear, tolerance=1e-8)
    times = np.concatenate([[0.0], np.sort(np.random.default_rng(0).uniform(0, 30, 50)), [30.0]])
    many = integrate.etdrk4(gray_scott_array, y0, times, linear=linear, tolerance=1e-8)
    np.testing.assert_array_equal(many.states[:, 0], y0)
    np.testing.assert_allclose(many.states[:, -1], few.states[:, -1], atol=1e-8)


@pytest.mark.parametrize("frequency", [1.0, 5.0, 30.0])
@pytest.mark.parametrize("stiff", [True, False])
def test_a_forcing_that_depends_on_time_alone_is_followed(frequency: float, stiff: bool) -> None:
    """u_t = u_xx + 5 cos(w t) sin(x), from zero; without L the forcing is all there is."""
    cells, times, decay = 32, np.linspace(0, 10, 5), 1.0 if stiff else 0.0
    wave = np.sin(2 * np.pi * np.arange(cells) / cells)
    linear = [-(wavenumbers(cells) ** 2)] if stiff else [None]
    w = frequency
    exact = 5 * (decay * np.cos(w * times) + w * np.sin(w * times) - decay * np.exp(-decay * times)) / (decay + w * w)
    for tolerance in (1e-3, 1e-6):
        found = integrate.etdrk4(
            lambda t, y: (5 * np.cos(w * t) * wave)[None], np.zeros((1, 1, cells)), times, linear=linear,
            tolerance=tolerance,
        )  # fmt: skip
        assert abs(found.states[0, :, 0] - exact[:, None] * wave).max() < tolerance * abs(exact).max()


def test_a_slow_begin_from_zero_is_followed() -> None:
    found = integrate.etdrk4(lambda t, y: 0 * y + t**3, np.zeros((1, 1, 16)), [0.0, 1.0], linear=[None])
    np.testing.assert_allclose(found.states[0, -1], 0.25, rtol=1e-6)


def test_modes_that_grow_do_not_grow_from_what_no_real_field_has() -> None:
    """Allen-Cahn with its growth in L and in N: rounding in the transform's spare half must not be carried along."""
    shape = (24, 24)
    k = [2 * np.pi * np.fft.fftfreq(24), 2 * np.pi * np.fft.rfftfreq(24)]
    lap = -(k[0][:, None] ** 2 + k[1] ** 2)
    y0 = 0.01 * np.random.default_rng(0).standard_normal((1, 1, *shape))
    runs = [
        integrate.etdrk4(lambda t, y: -(y**3), y0, [0.0, 90.0], linear=[1 + 0.5 * lap], tolerance=1e-6),
        integrate.etdrk4(lambda t, y: y - y**3, y0, [0.0, 90.0], linear=[0.5 * lap], tolerance=1e-6),
    ]
    assert abs(runs[0].states - runs[1].states).max() < 1e-4
    assert runs[0].rejected[0] < 5


def test_a_kernel_cannot_use_parameters_or_rates_that_are_not_there() -> None:
    y0, linear = gray_scott_start()
    with pytest.raises(DivergenceError, match="sample 0 got to time 0: it is not finite"):
        integrate.etdrk4(gray_scott, y0, [0.0, 1.0], linear=linear)
    with pytest.raises(InputError, match=r"writes 0 rates, given one that writes rates\[1\]"):
        integrate.etdrk4(careless, y0, [0.0, 1.0], linear=linear)


@integrate.field_kernel
def careless(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
    """Writes a rate whether or not it was asked for."""
    out[:] = -y
    rates[1] = 1.0


SPREADING = 0.3


@numba.njit
def doubled(x: float) -> float:
    """Without constants of its own."""
    return 2.0 * x


@numba.njit
def spread(x: float) -> float:
    """With a constant of the module."""
    return SPREADING * x


def test_only_code_that_its_source_decides_is_kept_on_disk() -> None:
    """numba would hand a script that is run with another constant the code of the run before."""

    def over_numpy(t: Any, y: Any, p: Any, out: Any, rates: Any) -> None:
        out[:] = np.sin(y) * doubled(t)

    def over_constant(t: Any, y: Any, p: Any, out: Any, rates: Any) -> None:
        out[:] = SPREADING * y

    def over_helper(t: Any, y: Any, p: Any, out: Any, rates: Any) -> None:
        out[:] = spread(t)

    size = np.random.default_rng(0).uniform()

    def over_closure(t: Any, y: Any, p: Any, out: Any, rates: Any) -> None:
        out[:] = size

    from simulators.rietkerk.kernels import rhs

    assert _compile._fixed(over_numpy, set())
    assert _compile._fixed(gray_scott.function, set())
    assert _compile._fixed(rhs.function, set())
    for function in (over_constant, over_helper, over_closure):
        assert not _compile._fixed(function, set())


def test_a_kernel_without_a_file_is_compiled_all_the_same() -> None:
    scope: dict[str, Any] = {}
    exec("def decay(t, y, p, out, rates):\n    out[:] = -y", scope)
    found = integrate.etdrk4(
        integrate.field_kernel(scope["decay"]), np.ones((1, 1, 4)), [0.0, 1.0], linear=[None], tolerance=1e-8
    )
    np.testing.assert_allclose(found.states[0, -1], np.exp(-1.0), rtol=1e-7)


def test_a_function_cannot_change_the_state() -> None:
    with pytest.raises(ValueError, match="read-only"):
        integrate.etdrk4(lambda t, y: np.multiply(y, -1, out=y), np.ones((1, 1, 8)), [0.0, 1.0], linear=[None])


def test_an_interruption_ends_all_samples() -> None:
    calls = []

    def slow(t: float, y: np.ndarray) -> np.ndarray:
        calls.append(t)
        if len(calls) == 200:
            raise KeyboardInterrupt
        return np.sin(40 * t) - 0.1 * y

    with pytest.raises(KeyboardInterrupt):
        integrate.etdrk4(slow, np.ones((6, 1, 8)), [0.0, 1e3], linear=[None], tolerance=1e-8, threads=2)
    assert len(calls) < 2000


def test_a_blow_up_is_named_with_its_sample_and_time() -> None:
    y0 = np.array([0.5, 2.0])[:, None, None] * np.ones((2, 1, 8))
    with pytest.raises(DivergenceError, match=r"sample 1 got to time 0\.(49|5)") as caught:
        integrate.etdrk4(lambda t, y: y * y, y0, [0.0, 1.0], linear=[-1e-9 * np.ones(5)], tolerance=1e-6)
    assert caught.value.sample == 1
    assert caught.value.time == pytest.approx(0.5, abs=1e-3)


def test_a_slope_that_is_not_finite_is_named() -> None:
    with pytest.raises(DivergenceError, match="sample 0 got to time 0: it is not finite"):
        integrate.etdrk4(lambda t, y: y * np.nan, np.ones((1, 1, 8)), [0.0, 1.0], linear=[None])


def test_too_many_steps_are_named() -> None:
    y0, linear = gray_scott_start()
    with pytest.raises(DivergenceError, match="max_steps"):
        integrate.etdrk4(gray_scott_array, y0, [0.0, 60.0], linear=linear, tolerance=1e-9, max_steps=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tolerance": 0.0}, "tolerance: expected a finite number"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"times": [0.0, 2.0, 1.0]}, "strictly increasing"),
        ({"times": [1.0, 0.0]}, "increasing times"),
        ({"y0": np.ones(8)}, "y0: expected an array"),
        ({"y0": np.full((1, 2, 8), np.inf)}, "expected finite numbers, given inf at index"),
        ({"linear": [None]}, "for each of 2 fields, given 1"),
        ({"linear": [None, np.ones(4)]}, "field 1, given the shape"),
        ({"linear": [None, np.full(33, np.nan)]}, "finite numbers for field 1"),
        ({"linear": [None, "a"]}, "broadcast"),
        ({"parameters": [1.0]}, "parameters: expected None for a plain function"),
        ({"integrals": 1}, "expected the pair"),
        ({"scale": [1.0, 0.0]}, "scale: expected numbers above 0"),
        ({"threads": 0}, "threads"),
        ({"rhs": lambda t, y: y[0]}, "expected shape"),
        ({"rhs": lambda t, y: 1j * y}, "real numbers"),
        ({"rhs": lambda t, y: (y, np.zeros(1))}, "expected dy/dt alone"),
        ({"rhs": lambda t, y: (y, np.zeros(1)), "integrals": 2}, "with 2 rates"),
        ({"y0": np.ones((1, 2, 8)) * 1j}, "y0: expected real numbers"),
        ({"y0": [["a"]]}, "y0: expected real numbers"),
        ({"y0": np.ones((1, 2))}, "has no grid"),
        ({"times": ["a", "b"]}, "times: expected numbers"),
        ({"linear": -1.0}, "for each of 2 fields, given -1.0"),
        ({"linear": None}, "for each of 2 fields, given None"),
        ({"scale": "rms"}, "scale: expected sizes, or a function"),
        ({"scale": lambda y: abs(y)}, "a size >= 0 for each of 2 fields"),
        ({"scale": lambda y: -np.ones(2)}, "a size >= 0 for each of 2 fields"),
    ],
)
def test_wrong_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    y0, linear = gray_scott_start()
    given = {"rhs": gray_scott_array, "y0": y0, "times": [0.0, 1.0], "linear": linear, **change}
    with pytest.raises(InputError, match=message):
        integrate.etdrk4(**given)
