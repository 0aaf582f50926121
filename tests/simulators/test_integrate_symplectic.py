"""Splittings and Gauss-Legendre: order, bounded energy, reversibility, and how runs that fail end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import _spring_pendulum_kernels as pendulum
from simulators import integrate
from simulators.errors import DivergenceError, InputError

PARAMETERS = np.array([1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 0.0, 0.0, -1.0])


@integrate.kernel
def same(t: np.ndarray, x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """dq/dt = p."""
    for lane in range(t.size):
        out[0, lane] = x[0, lane]


@integrate.kernel
def swing(t: np.ndarray, x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """The mathematical pendulum, dp/dt = -w^2 sin q."""
    for lane in range(t.size):
        out[0, lane] = -p[0, lane] * math.sin(x[0, lane])


@integrate.kernel
def driven(t: np.ndarray, x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """A driven oscillator, dp/dt = -q + cos 2t."""
    for lane in range(t.size):
        out[0, lane] = math.cos(2 * t[lane]) - x[0, lane]


@integrate.kernel
def runaway(t: np.ndarray, x: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """dp/dt = strength * q^3."""
    for lane in range(t.size):
        out[0, lane] = p[0, lane] * x[0, lane] ** 3


def swing_array(t: float, y: np.ndarray) -> np.ndarray:
    """The mathematical pendulum."""
    return np.stack([y[:, 1], -np.sin(y[:, 0])], axis=1)


def starts(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Spring pendulums near hanging at rest."""
    random = np.random.default_rng(1)
    q = np.array([0, 0, -1.5, 0, 0, -3.0]) + 0.2 * random.standard_normal((samples, 6))
    return q, 0.4 * random.standard_normal((samples, 6))


def energy(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Energy (sample, time) of the double pendulum of PARAMETERS."""
    l1, l2 = np.linalg.norm(q[..., :3], axis=-1), np.linalg.norm(q[..., 3:] - q[..., :3], axis=-1)
    return 0.5 * np.sum(p**2, -1) + 0.5 * (l1 - 1) ** 2 + (l2 - 1) ** 2 + q[..., 2] + q[..., 5]


@pytest.mark.parametrize(("order", "step"), [(2, 0.05), (4, 0.1), (6, 0.1)])
def test_order_of_splitting(order: int, step: float) -> None:
    """On the double pendulum, within 0.2 of theory."""
    q, p = starts(16)
    times = np.linspace(0, 4, 5)
    exact = integrate.dop853(pendulum.double_rhs, np.hstack([q, p]), times, PARAMETERS, tolerance=1e-14)
    error = []
    for h in (step, step / 2):
        found = integrate.splitting(pendulum.velocity, pendulum.force, q, p, times, PARAMETERS, step=h, order=order)
        error.append(np.median(np.max(abs(np.concatenate(found, -1) - exact), axis=(1, 2))))
    assert abs(math.log2(error[0] / error[1]) - order) < 0.2


@pytest.mark.parametrize("order", [2, 4, 6])
def test_splitting_of_a_driven_oscillator(order: int) -> None:
    """Time enters the force at the right stages: q = (4 cos t - cos 2t)/3 from q = 1 at rest."""
    times = np.linspace(0, 5, 6)
    error = []
    for step in (0.1, 0.05):
        q, _ = integrate.splitting(same, driven, [[1.0]], [[0.0]], times, step=step, order=order)
        error.append(np.max(abs(q[0, :, 0] - (4 * np.cos(times) - np.cos(2 * times)) / 3)))
    assert abs(math.log2(error[0] / error[1]) - order) < 0.2


@pytest.mark.parametrize(("order", "bound"), [(2, 4e-3), (4, 2e-6), (6, 2e-8)])
def test_energy_error_stays_bounded(order: int, bound: float) -> None:
    """Over 10^5 steps there is no drift: the slope is lost in the oscillation of the error."""
    times = np.linspace(0, 10_000, 2001)
    q, p = integrate.splitting(
        same, swing, np.linspace(0.2, 2.0, 8)[:, None], np.zeros((8, 1)), times, [1.0], step=0.1, order=order
    )
    error = 0.5 * p[..., 0] ** 2 - np.cos(q[..., 0])
    error -= error[:, :1]
    assert np.max(abs(error)) < bound
    slope = np.polyfit(times, error.T, 1)[0]
    assert np.max(abs(slope)) * times[-1] < 0.05 * np.max(abs(error))


def test_energy_of_the_double_pendulum() -> None:
    """10^5 steps of order 4 and of order 6 near rest."""
    q, p = starts(8)
    q = np.array([0, 0, -3.0, 0, 0, -4.5]) + 0.3 * (q - np.array([0, 0, -1.5, 0, 0, -3.0]))
    times = np.linspace(0, 5000, 501)
    for order, bound in ((4, 1e-6), (6, 1e-8)):
        found = integrate.splitting(
            pendulum.velocity, pendulum.force, q, 0.3 * p, times, PARAMETERS, step=0.05, order=order
        )
        error = energy(*found)
        error -= error[:, :1]
        assert np.max(abs(error)) < bound
        early, late = abs(error[:, 1:251]).max(), abs(error[:, 251:]).max()
        assert late < 2 * early


def test_rounding_does_not_accumulate() -> None:
    """Order 6 with small steps: compensated sums keep the energy to a few units of rounding over 10^5 steps."""
    q, p = integrate.splitting(same, swing, [[1.0]], [[0.0]], np.linspace(0, 1000, 101), [1.0], step=0.01, order=6)
    error = 0.5 * p[0, :, 0] ** 2 - np.cos(q[0, :, 0]) + math.cos(1)
    assert np.max(abs(error)) < 2e-15


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([2, 4, 6]), st.floats(-2, 2), st.floats(-1, 1), st.floats(0.02, 0.3))
def test_splitting_is_reversible(order: int, q0: float, p0: float, step: float) -> None:
    """Backwards in time, and with momenta reversed, a run returns to its start to rounding."""
    times = np.array([0.0, 1.0, 3.0])
    q, p = integrate.splitting(same, swing, [[q0]], [[p0]], times, [1.0], step=step, order=order)
    back = integrate.splitting(same, swing, q[:, -1], p[:, -1], times[::-1], [1.0], step=step, order=order)
    turned = integrate.splitting(same, swing, q[:, -1], -p[:, -1], 3 - times[::-1], [1.0], step=step, order=order)
    assert abs(back[0][0, -1, 0] - q0) < 1e-14
    assert abs(back[1][0, -1, 0] - p0) < 1e-14
    assert abs(turned[0][0, -1, 0] - q0) < 1e-14
    assert abs(turned[1][0, -1, 0] + p0) < 1e-14


def test_samples_do_not_see_each_other() -> None:
    """Bit for bit, whatever the threads and the batch."""
    q, p = starts(150)
    times = np.linspace(0, 1, 3)

    def run(samples: slice, threads: int) -> np.ndarray:
        found = integrate.splitting(
            pendulum.velocity,
            pendulum.force,
            q[samples],
            p[samples],
            times,
            PARAMETERS,
            step=0.05,
            threads=threads,
        )
        return np.concatenate(found, -1)

    whole = run(slice(None), 1)
    np.testing.assert_array_equal(run(slice(None), 2), whole)
    np.testing.assert_array_equal(run(slice(33, 44), 1), whole[33:44])
    np.testing.assert_array_equal(whole[:, 0], np.hstack([q, p]))


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_order_of_gauss_legendre(stages: int) -> None:
    """On the mathematical pendulum, within 0.2 of theory, also backwards."""
    y0 = np.array([[1.0, 0.3], [2.0, 0.0]])
    for times in (np.array([0.0, 2.0, 5.0]), np.array([1.0, -2.0])):
        exact = integrate.dop853(lambda t, y: swing_array(0, y), y0, times, tolerance=1e-15)
        error = []
        for step in (0.2, 0.1):
            y = integrate.gauss_legendre(swing_array, y0, times, step=step, stages=stages)
            error.append(np.max(abs(y - exact)))
        assert abs(math.log2(error[0] / error[1]) - 2 * stages) < 0.2


@pytest.mark.parametrize(("stages", "bound"), [(1, 2e-3), (2, 2e-6), (3, 1e-9)])
def test_energy_of_gauss_legendre(stages: int, bound: float) -> None:
    """Bounded and without drift over 5000 steps, for a Hamiltonian that is not separable."""

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        q, p = y[:, 0], y[:, 1]
        return np.stack([p * (1 + q**2), -q * p**2 - np.sin(q)], axis=1)

    times = np.linspace(0, 500, 501)
    y = integrate.gauss_legendre(slope, np.array([[0.5, 0.0], [1.0, 0.2]]), times, step=0.1, stages=stages)
    error = 0.5 * y[..., 1] ** 2 * (1 + y[..., 0] ** 2) - np.cos(y[..., 0])
    error -= error[:, :1]
    assert np.max(abs(error)) < bound
    drift = np.polyfit(times, error.T, 1)[0] * times[-1]
    assert np.max(abs(drift)) < 0.2 * np.max(abs(error))


def test_gauss_legendre_conserves_quadratic_invariants() -> None:
    """The norm of a rotating rigid body stays to rounding."""
    inertia = np.array([1.0, 2.0, 3.0])
    y0 = np.array([[0.3, 1.0, 0.1], [1.0, 0.5, 0.2]])
    y = integrate.gauss_legendre(lambda t, y: np.cross(y, y / inertia), y0, np.linspace(0, 100, 11), step=0.1)
    assert np.max(abs(np.sum(y**2, -1) - np.sum(y0**2, -1)[:, None])) < 1e-14


def test_gauss_legendre_is_reversible() -> None:
    """Backwards in time a run returns to its start to rounding."""
    times = np.linspace(0, 10, 11)
    y0 = np.array([[1.0, 0.3], [2.0, 0.0]])
    y = integrate.gauss_legendre(swing_array, y0, times, step=0.1)
    back = integrate.gauss_legendre(swing_array, y[:, -1], times[::-1], step=0.1)
    assert np.max(abs(back[:, -1] - y0)) < 1e-13


def test_gauss_legendre_on_torch_tensors() -> None:
    """The same numbers, in double and single precision, and gradients flow through."""
    torch = pytest.importorskip("torch")

    def slope(t: float, y: object) -> object:
        return torch.stack([y[:, 1], -torch.sin(y[:, 0])], dim=1)

    y0 = np.array([[1.0, 0.3], [2.0, 0.0]])
    times = np.linspace(0, 3, 4)
    expected = integrate.gauss_legendre(swing_array, y0, times, step=0.1)
    start = torch.tensor(y0, requires_grad=True)
    found = integrate.gauss_legendre(slope, start, times, step=0.1)
    assert np.max(abs(found.detach().numpy() - expected)) < 1e-14
    (gradient,) = torch.autograd.grad(found[0, -1, 0], start)
    nudged = integrate.gauss_legendre(swing_array, y0 + np.array([[1e-6, 0], [0, 0]]), times, step=0.1)
    assert abs(gradient[0, 0].item() - (nudged - expected)[0, -1, 0] / 1e-6) < 1e-5
    single = integrate.gauss_legendre(slope, torch.tensor(y0, dtype=torch.float32), times, step=0.1)
    assert single.dtype == torch.float32
    assert np.max(abs(single.numpy() - expected)) < 1e-5


def test_failures_name_sample_and_time() -> None:
    """A runaway, an iteration that cannot converge, and NaN."""
    with pytest.raises(DivergenceError, match="sample 1 left them by time") as caught:
        integrate.splitting(
            same, runaway, [[0.1], [3.0], [0.1]], np.zeros((3, 1)), np.linspace(0, 9, 10), [1.0], step=0.1
        )
    assert caught.value.sample == 1
    assert caught.value.time == 1.0
    y0 = np.array([[0.1], [5.0]])
    with pytest.raises(DivergenceError, match="sample 1 did not") as caught:
        integrate.gauss_legendre(lambda t, y: y**2, y0, np.array([0.0, 1.0]), step=0.01)
    assert caught.value.sample == 1
    assert 0.1 < caught.value.time < 0.25
    with pytest.raises(DivergenceError, match="converge"):
        integrate.gauss_legendre(lambda t, y: -1e4 * y, y0, np.array([0.0, 1.0]), step=0.1)
    with pytest.raises(DivergenceError, match="sample 0"):
        integrate.gauss_legendre(lambda t, y: y * np.nan, y0, np.array([0.0, 1.0]), step=0.1)


def test_a_state_at_rest_converges() -> None:
    """Where everything is zero there is nothing to compare rounding with."""
    y = integrate.gauss_legendre(swing_array, np.zeros((1, 2)), np.array([0.0, 1.0]), step=0.1)
    assert not y.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": 0}, "step: expected"),
        ({"step": math.inf}, "step: expected"),
        ({"order": 3}, r"order: expected one of \[2, 4, 6\]"),
        ({"p0": [[1.0, 2.0]]}, "p0: expected shape"),
        ({"q0": [[math.nan]]}, "q0: expected finite"),
        ({"times": [0, 0]}, "strictly increasing"),
    ],
)
def test_bad_arguments_of_splitting(change: dict, message: str) -> None:
    """Each is refused in one line."""
    call = {"q0": [[1.0]], "p0": [[0.0]], "times": [0, 1], "parameters": [1.0], "step": 0.1} | change
    with pytest.raises(InputError, match=message):
        integrate.splitting(same, swing, **call)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": -1}, "step: expected"),
        ({"stages": 4}, "stages: expected one of"),
        ({"y0": np.array([1.0])}, r"y0: expected an array \(batch, n\)"),
        ({"y0": np.array([[math.nan]])}, "y0: expected finite"),
        ({"times": [0, 0]}, "strictly increasing"),
    ],
)
def test_bad_arguments_of_gauss_legendre(change: dict, message: str) -> None:
    """Each is refused in one line."""
    call = {"y0": np.array([[1.0, 0.0]]), "times": [0, 1], "step": 0.1} | change
    with pytest.raises(InputError, match=message):
        integrate.gauss_legendre(swing_array, **call)
