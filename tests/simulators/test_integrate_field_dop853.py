"""DOP853 for fields: order, stability, tolerances, integrals, equal steps, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import integrate
from simulators.errors import DivergenceError, InputError
from simulators.integrate import field_dop853
from simulators.integrate.equal_steps import equal_steps
from simulators.integrate.field_dop853 import DOP853, IMAGINARY, REAL
from simulators.integrate.fields import RightHandSide
from simulators.integrate.rkc2 import RKC2

CELLS = 32
X = (np.arange(CELLS) + 0.5) / CELLS
START = np.stack([np.exp(np.sin(2 * np.pi * X)), np.cos(2 * np.pi * X) ** 3])


@integrate.field_kernel
def waves(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
    """Nonlinear waves on a ring of length 1, by differences that keep both sums; p: speed."""
    n = y.shape[1]
    c = 0.5 * p[0] * n
    for i in range(n):
        a, b = i - 1 if i > 0 else n - 1, i + 1 if i < n - 1 else 0
        out[0, i] = -c * (y[1, b] - y[1, a])
        out[1, i] = -c * (y[0, b] ** 2 - y[0, a] ** 2) * 0.5
    if rates.size == 1:
        rates[0] = np.sum(y[0]) * np.cos(t)


def waves_array(t: float, y: np.ndarray) -> np.ndarray:
    """The same, written again, at speed 1."""
    slope = 0.5 * CELLS * (np.roll(y, -1, -1) - np.roll(y, 1, -1))
    square = 0.25 * CELLS * (np.roll(y[0] ** 2, -1) - np.roll(y[0] ** 2, 1))
    return np.stack([-slope[1], -square])


def pendulum(t: float, y: np.ndarray) -> np.ndarray:
    """A driven, damped and nonlinear oscillator."""
    return np.array([y[1], np.cos(1.3 * t) - np.sin(2.0 * y[0]) - 0.3 * y[1] * y[0] ** 2])


def reference(f: object, y0: np.ndarray, times: list[float]) -> np.ndarray:
    found = scipy.integrate.solve_ivp(
        lambda t, z: f(t, z.reshape(y0.shape)).ravel(), times, y0.ravel(), "DOP853", rtol=3e-14, atol=1e-15
    )
    return found.y[:, -1].reshape(y0.shape)


def test_the_order_of_equal_steps_is_eight() -> None:
    """For a rotation; and for a nonlinear law, whose leading terms part more slowly, at least about that."""

    def rotation(t: float, y: np.ndarray) -> np.ndarray:
        return np.array([-y[1], y[0]])

    errors = []
    for steps in (8, 16, 32):
        run = field_dop853(rotation, np.array([[[1.0], [0.0]]]), [0.0, 1.0, 8.0], step=8 / steps)
        assert run.steps == steps
        errors.append(np.hypot(*(run.states[0, -1, :, 0] - [np.cos(8.0), np.sin(8.0)])))
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 8, atol=0.2)
    exact = reference(pendulum, np.ones((2, 1)), [0.0, 3.0])
    errors = [
        abs(field_dop853(pendulum, np.ones((1, 2, 1)), [0.0, 3.0], step=3.0 / steps).states[0, -1] - exact).max()
        for steps in (6, 24)
    ]
    assert np.log2(errors[0] / errors[1]) / 2 > 7.6


def growth(z: complex) -> float:
    """By how much a step of 1 multiplies y where dy/dt = z y."""

    def turn(t: float, y: np.ndarray) -> np.ndarray:
        return np.array([z.real * y[0] - z.imag * y[1], z.imag * y[0] + z.real * y[1]])

    method = DOP853(RightHandSide(turn, (2, 1), np.zeros(0), 0), 0.0, np.array([[1.0], [0.0]]), 0)
    method.attempt(1.0, np.ones(2))
    return float(np.hypot(*method.candidate())[0])


def test_it_is_stable_as_far_as_it_says() -> None:
    for part in np.linspace(0.02, 1.0, 50):
        assert growth(1j * part * IMAGINARY) <= 1 + 1e-12
        assert growth(-part * REAL) <= 1 + 1e-12
    assert growth(1.01j * IMAGINARY) > 1
    assert growth(-1.01 * REAL) > 1
    # what mixes waves and diffusion lies below the line between both ends
    for part in np.linspace(0, 1, 50):
        assert growth(1j * part * IMAGINARY - (1 - part) * REAL) <= 1 + 1e-12


@pytest.mark.parametrize("tolerance", [1e-4, 1e-7, 1e-10])
def test_the_error_is_about_the_tolerance(tolerance: float) -> None:
    exact = reference(waves_array, START, [0.0, 0.2])
    run = field_dop853(waves, START[None], [0.0, 0.05, 0.2], np.array([1.0]), tolerance=tolerance)
    size = np.sqrt(np.mean(START**2, axis=1))
    error = np.sqrt(np.mean((run.states[0, -1] - exact) ** 2, axis=1)) / size
    assert error.max() < 2 * tolerance
    assert error.max() > 1e-4 * tolerance
    assert run.evaluations[0] == 1 + 12 * (run.steps[0] + run.rejected[0])


def test_kernels_and_array_functions_agree() -> None:
    one = field_dop853(waves, START[None], [0.0, 0.1, 0.2], np.array([1.0]), tolerance=1e-9)
    two = field_dop853(waves_array, START[None], [0.0, 0.1, 0.2], tolerance=1e-9)
    np.testing.assert_allclose(one.states, two.states, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(one.steps, two.steps)


def test_it_agrees_with_the_method_for_bodies() -> None:
    start = np.array([[0.3, 0.5], [-1.0, 0.2]])
    bodies = integrate.dop853(
        lambda t, y: np.stack([y[:, 1], np.cos(1.3 * t[:, 0]) - np.sin(2 * y[:, 0]) - 0.3 * y[:, 1] * y[:, 0] ** 2], 1),
        start, [0.0, 2.0, 5.0], tolerance=1e-12,
    )  # fmt: skip
    fields = field_dop853(pendulum, start[:, :, None], [0.0, 2.0, 5.0], tolerance=1e-12)
    np.testing.assert_allclose(fields.states[..., 0], bodies, atol=1e-10)


def test_integrals_are_carried_along() -> None:
    run = field_dop853(waves, START[None], [0.0, 0.5, 1.0], np.array([0.1]), tolerance=1e-10, integrals=1)
    np.testing.assert_allclose(run.integrals[0, :, 0], START[0].sum() * np.sin([0.0, 0.5, 1.0]), rtol=1e-9)
    equal = field_dop853(waves, START[None], [0.0, 0.5, 1.0], np.array([0.1]), step=0.05, integrals=1)
    np.testing.assert_allclose(equal.integrals, run.integrals, rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(step=st.floats(1e-3, 0.02), seed=st.integers(0, 99))
def test_sums_are_kept_whatever_the_step(step: float, seed: int) -> None:
    start = 1 + 0.3 * np.random.default_rng(seed).standard_normal((1, 2, CELLS))
    run = field_dop853(waves, start, [0.0, 0.02], np.array([1.0]), step=step)
    np.testing.assert_allclose(run.states.sum(-1)[:, 1], start.sum(-1), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("more", [{"tolerance": 1e-6}, {"step": 0.004}])
def test_results_do_not_depend_on_the_batch_or_the_threads(more: dict[str, float]) -> None:
    starts = START + 0.1 * np.random.default_rng(0).standard_normal((5, 2, 1))
    speeds = np.linspace(0.5, 1.5, 5)[:, None]
    run = field_dop853(waves, starts, [0.0, 0.05, 0.11], speeds, threads=3, **more)
    for n in range(5):
        alone = field_dop853(waves, starts[n : n + 1], [0.0, 0.05, 0.11], speeds[n : n + 1], threads=1, **more)
        np.testing.assert_array_equal(alone.states[0], run.states[n])
    np.testing.assert_array_equal(run.states[:, 0], starts)


def test_equal_steps_fill_the_intervals_and_carry_any_method() -> None:
    run = field_dop853(waves, START[None], [0.0, 0.1, 0.15], np.array([1.0]), step=0.02)
    assert run.steps == [5 + 3]
    assert run.rejected == [0]

    def make(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> RKC2:
        return RKC2(side, t, y, 0, 5.0)

    errors = []
    for step in (0.1, 0.05):
        found = equal_steps(make, lambda t, y: -y * np.cos(t), START[None], [0.0, 2.0], step=step)
        errors.append(abs(found.states[0, 1] - START * np.exp(-np.sin(2.0))).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)


def test_a_field_that_is_zero_stays() -> None:
    run = field_dop853(waves, np.zeros((1, 2, CELLS)), [0.0, 5.0], np.array([1.0]))
    assert not run.states.any()
    assert run.steps[0] < 20


@pytest.mark.parametrize("more", [{}, {"step": 0.05}])
def test_a_run_that_blows_up_says_where(more: dict[str, float]) -> None:
    start = np.concatenate([np.zeros((1, 1, 3)), np.full((1, 1, 3), 2.0)])
    with pytest.raises(DivergenceError, match="sample 1 got to time") as caught:
        field_dop853(lambda t, y: y**2, start, [0.0, 0.2, 3.0], **more)
    assert caught.value.sample == 1
    assert 0.2 <= caught.value.time < 0.75


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"step": 0.0}, "step: expected a finite number above 0"),
        ({"step": "x"}, "step: expected a finite number above 0"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"threads": 0, "step": 0.1}, "threads: expected a whole number"),
        ({"integrals": 1, "step": 0.1}, "rhs: expected the pair"),
        ({"parameters": [1.0], "step": 0.1}, "parameters: expected None"),
        ({"times": [1.0, 0.0], "step": 0.1}, "times: expected increasing times"),
        ({"times": [0.0, 0.0], "step": 0.1}, "times: expected strictly increasing"),
        ({"y0": np.ones(3), "step": 0.1}, "y0: expected an array"),
        ({"y0": np.full((1, 1, 3), np.nan), "step": 0.1}, "y0: expected finite numbers"),
    ],
)
def test_wrong_arguments_are_refused(more: dict[str, object], message: str) -> None:
    arguments = {"y0": np.ones((1, 1, 3)), "times": [0.0, 1.0], "parameters": None} | more
    with pytest.raises(InputError, match=message):
        field_dop853(lambda t, y: -y, **arguments)


@pytest.mark.parametrize("more", [{}, {"step": 1e-6}])
def test_too_many_steps_are_refused(more: dict[str, float]) -> None:
    with pytest.raises(DivergenceError, match="raise max_steps"):
        field_dop853(lambda t, y: -y, np.ones((1, 1, 3)), [0.0, 9.0], max_steps=3, tolerance=1e-12, **more)
