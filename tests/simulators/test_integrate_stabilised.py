"""RKC2 and ROCK4: order conditions, stability, observed orders, tolerances, symmetries, and bad input."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import integrate
from simulators.errors import DivergenceError, InputError
from simulators.integrate import _rock4_stages
from simulators.integrate import _stabilised as shared
from simulators.integrate._rock4_table import TABLE
from simulators.integrate._spectral_radius import SAFETY, SpectralRadius
from simulators.integrate.fields import RightHandSide
from simulators.integrate.rkc2 import RKC2, SPREAD, needed, rkc2, stages
from simulators.integrate.rock4 import ROCK4, rock4

ROOT = Path(__file__).resolve().parents[2]
BOTH = pytest.mark.parametrize("solve", [rkc2, rock4])
CELLS = 64
X = (np.arange(CELLS) + 0.5) / CELLS
START = np.stack([1 + np.sin(2 * np.pi * X), 3 + 0.5 * np.cos(2 * np.pi * X)])
SPREADING = 0.02


@integrate.field_kernel
def brusselator(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
    """On a ring of length 1; p: diffusivity."""
    n = y.shape[1]
    d = p[0] * n * n
    for i in range(n):
        u, v = y[0, i], y[1, i]
        out[0, i] = 1.0 + u * u * v - 4.0 * u + d * (y[0, i - 1] - 2.0 * u + y[0, (i + 1) % n])
        out[1, i] = 3.0 * u - u * u * v + d * (y[1, i - 1] - 2.0 * v + y[1, (i + 1) % n])


def brusselator_array(t: float, y: np.ndarray) -> np.ndarray:
    """The same, written again."""
    u, v = y
    diffusion = SPREADING * CELLS**2 * (np.roll(y, 1, -1) - 2 * y + np.roll(y, -1, -1))
    return np.stack([1 + u * u * v - 4 * u, 3 * u - u * u * v]) + diffusion


def heat(t: float, y: np.ndarray) -> np.ndarray:
    """du/dt = u_xx/20."""
    return 0.05 * CELLS**2 * (np.roll(y, 1, -1) - 2 * y + np.roll(y, -1, -1))


def pendulum(t: float, y: np.ndarray) -> np.ndarray:
    """A driven, damped and nonlinear oscillator."""
    return np.array([y[1], np.cos(1.3 * t) - np.sin(2.0 * y[0]) - 0.3 * y[1] * y[0] ** 2])


def reference(f: Callable[..., np.ndarray], y0: np.ndarray, times: list[float]) -> np.ndarray:
    """An accurate solution at the last time."""
    found = scipy.integrate.solve_ivp(
        lambda t, z: f(t, z.reshape(y0.shape)).ravel(), times, y0.ravel(), "DOP853", rtol=3e-13, atol=1e-14
    )
    return found.y[:, -1].reshape(y0.shape)


def rms(fields: np.ndarray) -> np.ndarray:
    """Root mean square of each field."""
    return np.sqrt(np.mean(fields.reshape(len(fields), -1) ** 2, axis=1))


def one_step(method: type, f: Callable[..., np.ndarray], y: np.ndarray, h: float, radius: float) -> np.ndarray:
    """One step from time 0, without error control."""
    found = method(RightHandSide(f, y.shape, np.zeros(0), 0), 0.0, y, 0, radius)
    found.attempt(h, np.ones(len(y)))
    return found.candidate().copy()


def fixed(
    method: type, f: Callable[..., np.ndarray], y: np.ndarray, end: float, steps: int, radius: float
) -> np.ndarray:
    """The solution after equal steps, without error control."""
    found = method(RightHandSide(f, y.shape, np.zeros(0), 0), 0.0, y, 0, radius)
    for n in range(steps):
        found.attempt(end / steps, np.ones(len(y)))
        found.accept(end * (n + 1) / steps)
    return found.y.copy()


def tableau(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ROCK4 as an ordinary Runge-Kutta method: matrix, weights, and weights of its error estimate."""
    m = _rock4_stages.stages(degree)
    count = degree - 4
    a, state, step = np.zeros((degree + 1, degree)), np.zeros(degree), np.zeros(degree)
    for j in range(count):
        a[j] = state
        step = m.momenta[j] * step + m.slopes[j] * np.eye(degree)[j]
        state = state + step
    for i in range(4):
        a[count + i] = state
        a[count + i, count : count + i] = m.matrix[i]
    a[degree] = state
    a[degree, count:] += m.weights
    error = m.error[0] * state
    error[count:] += m.error[1:]
    return a[:degree], a[degree], error


@pytest.mark.parametrize("degree", _rock4_stages.DEGREES)
def test_rock4_order_conditions(degree: int) -> None:
    """All 8 of order 4; the error estimate vanishes to order 3 and not beyond; nodes are those of the tableau."""
    a, b, e = tableau(degree)
    c = a.sum(axis=1)
    sums = [b.sum(), b @ c, b @ c**2, b @ a @ c, b @ c**3, (b * c) @ a @ c, b @ a @ c**2, b @ a @ a @ c]
    assert np.max(abs(np.array(sums) - [1, 1 / 2, 1 / 3, 1 / 6, 1 / 4, 1 / 8, 1 / 12, 1 / 24])) < 2e-13
    assert np.max(abs(np.array([e.sum(), e @ c, e @ c**2, e @ a @ c]))) < 1e-13
    fourth = np.array([e @ c**3, (e * c) @ a @ c, e @ a @ c**2, e @ a @ a @ c])
    assert np.min(abs(fourth)) > 5e-4
    # on y' = λ y the estimate is the error where |h λ| = 1
    assert abs(abs(fourth[3]) - abs(b @ a @ a @ a @ c - 1 / 120)) < 1e-13
    m = _rock4_stages.stages(degree)
    np.testing.assert_allclose(m.nodes, [*c, 1.0], rtol=0, atol=1e-13)
    assert np.all(c[:-1] <= 1.0)
    assert 1.0 < c[-1] < 1.05
    assert max(abs(x) for row in (*m.matrix, m.weights) for x in row) < 1.2


@pytest.mark.parametrize("degree", _rock4_stages.DEGREES)
def test_rock4_stability(degree: int) -> None:
    """A step of y' = λ y is damped to 0.8 on the whole of the interval, and the interval is 0.34 s² long."""
    length = TABLE[degree][-1]
    z = -length * np.sin(0.5 * np.pi * np.linspace(0, 1, 40 * degree)) ** 2
    r = one_step(ROCK4, lambda t, y: z * y, np.ones((1, z.size)), 1.0, length)[0]
    assert np.max(abs(r)) <= 1.0
    assert np.max(abs(r[z < -0.25])) <= 0.8 + 3e-6
    assert abs(r[-1]) > 0.7999
    small = abs(z) < 0.3
    assert np.max(abs(r - np.exp(z))[small]) < 0.3**5 / 20
    if degree >= 20:
        assert 0.334 < length / degree**2 < 0.343


def test_rock4_keeps_rounding_small() -> None:
    """200 stages lose no more than 3 digits against the stability polynomial in extended precision."""
    m = _rock4_stages.stages(200)
    z = -TABLE[200][-1] * np.linspace(0, 1, 301) ** 2
    f = np.longdouble
    state, step = np.ones(z.size, f), np.zeros(z.size, f)
    for slope, momentum in zip(m.slopes, m.momenta, strict=True):
        step = f(slope) * z * state + f(momentum) * step
        state = state + step
    k: list[np.ndarray] = []
    for row in m.matrix:
        k.append(z * (state + sum((f(x) * y for x, y in zip(row, k, strict=True)), np.zeros(z.size, f))))
    exact = state + sum(f(x) * y for x, y in zip(m.weights, k, strict=True))
    found = one_step(ROCK4, lambda t, y: z * y, np.ones((1, z.size)), 1.0, TABLE[200][-1])[0]
    assert np.max(abs(found - exact)) < 1e-12


@pytest.mark.parametrize("count", [3, 4, 7, 20, 100, 500])
def test_rkc2_is_the_published_method(count: int) -> None:
    """Its polynomial is a + b T(w0 + w1 z); 1/3 of the interval's damping; all |R| < 1 within the published length."""
    eps = 2 / 13
    length = 2 / 3 * (count**2 - 1) * (1 - 2 / 15 * eps)
    assert needed(length * (1 - 1e-9)) == count
    assert needed(length * (1 + 1e-9)) == count + 1
    z = -length * np.sin(0.5 * np.pi * np.linspace(0, 1, 50 * count)) ** 2
    found = one_step(RKC2, lambda t, y: z * y, np.ones((1, z.size)), 1.0, length)[0]
    w0 = 1 + eps / count**2
    t = np.polynomial.chebyshev.Chebyshev.basis(count)
    first, second = t.deriv(1)(w0), t.deriv(2)(w0)
    w1, b = first / second, second / first**2
    exact = 1 - b * t(w0) + b * np.cos(count * np.arccos(np.clip(w0 + w1 * z, -1, 1)))
    inside = abs(w0 + w1 * z) < 1
    assert np.max(abs(found - exact)[inside]) < 1e-12 + 2e-15 * count**2
    assert np.max(abs(found[z < -0.1])) < 0.97
    assert np.max(abs(found)) <= 1.0
    nodes = stages(count).nodes
    middle = [(j**2 - 1) / (count**2 - 1) for j in range(2, count)]
    np.testing.assert_allclose(nodes[2:], middle, rtol=0.07)


@pytest.mark.parametrize("radius", [4.0, 30.0, 200.0])
def test_error_estimates(radius: float) -> None:
    """On y' = λ y, RKC2's is the published one to the power 2/3, and ROCK4's that of its tableau, field by field."""
    z, sizes = np.array([-0.9, 0.4]), np.array([2.0, 0.5])
    estimates = []
    for method in (RKC2, ROCK4):
        side = RightHandSide(lambda t, y: z[:, None] / 0.1 * y, (2, 3), np.zeros(0), 0)
        found = method(side, 0.0, np.ones((2, 3)), 0, radius / 0.1)
        estimates.append(found.attempt(0.1, sizes))
    r = one_step(RKC2, lambda t, y: z[:, None] * y, np.ones((2, 1)), 1.0, radius)[:, 0]
    published = abs(0.8 * (1 - r) + 0.4 * z * (1 + r))
    np.testing.assert_allclose(estimates[0], sizes * (published / sizes) ** (2 / 3), rtol=1e-9)
    degree = next(s for s, row in TABLE.items() if row[-1] >= radius)
    a, _, e = tableau(degree)
    exact = [x * e @ np.linalg.solve(np.eye(degree) - x * a, np.ones(degree)) for x in z]
    np.testing.assert_allclose(estimates[1], np.abs(exact), rtol=1e-9)


@pytest.mark.parametrize(("method", "order", "steps"), [(RKC2, 2, (40, 80)), (ROCK4, 4, (40, 80))])
@pytest.mark.parametrize("reach", [1.0, 6.0, 100.0])
def test_order_on_a_driven_oscillator(method: type, order: int, steps: tuple[int, int], reach: float) -> None:
    """Nonlinear and with time in the right-hand side; the reach sets the stages, alike at both steps."""
    y0 = np.array([[0.3], [0.0]])
    exact = reference(pendulum, y0, [0.0, 4.0])
    errors = [np.max(abs(fixed(method, pendulum, y0, 4.0, n, reach * n / 4.0) - exact)) for n in steps]
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.2


@pytest.mark.parametrize(("method", "order", "steps"), [(RKC2, 2, (40, 80)), (ROCK4, 4, (80, 160))])
def test_order_on_the_brusselator(method: type, order: int, steps: tuple[int, int]) -> None:
    """Stiff diffusion with a reaction. The stages are as many at both steps, as the error depends on them, too."""
    exact = reference(brusselator_array, START, [0.0, 2.0])
    reach = 2.0 * 4.1 * SPREADING * CELLS**2 / steps[0]
    found = [fixed(method, brusselator_array, START, 2.0, n, reach * n / 2.0) for n in steps]
    errors = [np.max(abs(y - exact)) for y in found]
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.2


@BOTH
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
def test_heat(solve: Callable, tolerance: float) -> None:
    """Every Fourier mode decays with its own rate, from a step in the temperature."""
    start = np.where(X < 0.3, 1.0, 0.0)[None]
    times = [0.0, 0.01, 0.1, 1.0]
    found = solve(heat, start[None], times, tolerance=tolerance)
    rates = -0.2 * CELLS**2 * np.sin(np.pi * np.arange(CELLS // 2 + 1) / CELLS) ** 2
    exact = np.fft.irfft(np.fft.rfft(start) * np.exp(rates * np.array(times)[:, None, None]), CELLS)
    assert np.max(rms((found.states[0] - exact)[:, 0])) < 2 * tolerance * rms(start)[0]
    # Euler needs a step below 2/819 for stability alone, and a million for an error of 1e-6
    assert found.evaluations[0] < {1e-3: 819, 1e-6: 9000}[tolerance] * (1 if solve is rock4 else 3)
    assert abs(found.states[0, -1].sum() - start.sum()) < 1e-13 * CELLS


@BOTH
def test_error_follows_the_tolerance(solve: Callable) -> None:
    """Within a factor of about ten of it, and down with it; kernels and array functions agree."""
    exact = reference(brusselator_array, START, [0.0, 3.0])
    tolerances = np.array([1e-3, 1e-4, 1e-5, 1e-6] + ([1e-7, 1e-8] if solve is rock4 else []))
    errors = []
    for tolerance in tolerances:
        found = solve(brusselator, START[None], [0.0, 3.0], [SPREADING], tolerance=tolerance)
        errors.append(np.max(rms(found.states[0, -1] - exact) / rms(exact)))
    ratios = np.array(errors) / tolerances
    assert np.all((ratios > 0.01) & (ratios < 2))
    assert np.all(np.diff(errors) < 0)
    assert np.max(ratios) < 15 * np.min(ratios)
    plain = solve(brusselator_array, START[None], [0.0, 3.0], tolerance=tolerances[1])
    fast = solve(brusselator, START[None], [0.0, 3.0], [SPREADING], tolerance=tolerances[1])
    assert plain.steps == fast.steps
    assert plain.evaluations == fast.evaluations
    assert np.max(abs(plain.states - fast.states)) < 1e-9


def test_work() -> None:
    """Fewer evaluations than an explicit method that is not stabilised, at the same error or below."""
    exact = reference(brusselator_array, START, [0.0, 10.0])
    peer = scipy.integrate.solve_ivp(
        lambda t, z: brusselator_array(t, z.reshape(2, -1)).ravel(), [0.0, 10.0], START.ravel(), "RK45",
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip
    found = rock4(brusselator, START[None], [0.0, 10.0], [SPREADING], tolerance=1e-5)
    assert np.max(abs(found.states[0, -1] - exact)) < np.max(abs(peer.y[:, -1] - exact.ravel()))
    assert found.evaluations[0] < 0.35 * peer.nfev
    loose = rkc2(brusselator, START[None], [0.0, 10.0], [SPREADING], tolerance=1e-3)
    assert loose.evaluations[0] < 0.4 * peer.nfev


@BOTH
def test_integrals_balance_to_rounding(solve: Callable) -> None:
    """The total of u + v changes by what flows in, which is kept as an integral."""

    def rhs(t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return brusselator_array(t, y), np.array([np.sum(1.0 - y[0])])

    found = solve(rhs, START[None], np.linspace(0, 5, 6), tolerance=1e-4, integrals=1)
    total = found.states[0].sum(axis=(1, 2))
    change = total - total[0]
    assert np.max(abs(change)) > 1.0
    assert np.max(abs(change - found.integrals[0, :, 0])) < 1e-11 * np.max(total)


@BOTH
@settings(max_examples=10, deadline=None)
@given(
    powers=st.tuples(st.integers(-6, 6), st.integers(-6, 6)),
    clock=st.integers(-6, 6),
    shift=st.integers(0, 63),
    mirror=st.booleans(),
)
def test_units_and_places_do_not_matter(
    solve: Callable, powers: tuple[int, int], clock: int, shift: int, mirror: bool
) -> None:
    """Rescaled, moved and mirrored problems take the same steps and stages to the same result."""
    units, unit = np.array([10.0**p for p in powers])[:, None], 10.0**clock

    def move(y: np.ndarray) -> np.ndarray:
        return np.roll(y[..., ::-1] if mirror else y, shift, -1)

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        return brusselator_array(t * unit, y / units) * units * unit

    one = solve(brusselator_array, START[None], [0.0, 0.4], tolerance=1e-4)
    two = solve(rhs, move(START)[None] * units, np.array([0.0, 0.4]) / unit, tolerance=1e-4)
    assert (one.steps, one.rejected) == (two.steps, two.rejected)
    # the estimate of the spectral radius is a difference quotient, so rounding reaches it, but not the steps
    assert np.max(abs(move(one.states) - two.states / units)) < 1e-11


@BOTH
def test_symmetries_of_the_square(solve: Callable) -> None:
    """Turned by right angles and mirrored, a pattern in two dimensions goes the same way."""

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        across = np.roll(y, 1, -1) + np.roll(y, -1, -1)
        return 40.0 * (across + (np.roll(y, 1, -2) + np.roll(y, -1, -2)) - 4 * y) + 5 * (y - y**3)

    start = np.random.default_rng(3).standard_normal((1, 1, 12, 12))
    one = solve(rhs, start, [0.0, 0.5], tolerance=1e-4)
    for mirror in (False, True):
        for turns in range(4):
            move = lambda y: np.rot90(y[..., ::-1] if mirror else y, turns, (-2, -1))  # noqa: B023, E731
            two = solve(rhs, move(start), [0.0, 0.5], tolerance=1e-4)
            assert one.evaluations == two.evaluations
            assert np.max(abs(move(one.states) - two.states)) < 1e-13


def estimate(f: Callable, y: np.ndarray, scale: np.ndarray) -> float:
    """The spectral radius at a state, without its safety."""
    found = SpectralRadius(RightHandSide(f, y.shape, np.zeros(0), 0), y.shape, 0)
    return found(0.0, y, np.asarray(f(0.0, y)), 0.1, scale, anew=True) / SAFETY


@pytest.mark.parametrize("cells", [16, 33, 64])
def test_spectral_radius_of_diffusion(cells: int) -> None:
    """Found although the state, and so its slope, is one slow mode or uniform; also where diffusivities differ."""

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        return np.array([100.0, 0.1])[:, None] * (np.roll(y, 1, -1) - 2 * y + np.roll(y, -1, -1)) - y

    x = np.arange(cells) / cells
    for state in (np.cos(2 * np.pi * x) * np.ones((2, 1)), np.ones((2, cells))):
        found = estimate(rhs, state, np.ones(2))
        exact = 400.0 * np.cos(np.pi / cells if cells % 2 else 0.0) ** 2 + 1
        assert 0.98 * exact < found < 1.001 * exact


def test_spectral_radius_without_the_checkerboard() -> None:
    """Second differences over two cells do not see the checkerboard; the slope finds their fastest mode."""
    state = np.random.default_rng(0).standard_normal((1, 64))
    found = estimate(lambda t, y: np.roll(y, 2, -1) - 2 * y + np.roll(y, -2, -1), state, np.ones(1))
    assert 3.6 < found < 4.001


def test_spectral_radius_of_coupled_components() -> None:
    """The checkerboard is a null vector here, and the slope finds the mode; a field that is zero counts, too."""
    exchange = np.array([[-30.0, 30.0], [30.0, -30.0]])
    assert abs(estimate(lambda t, y: exchange @ y, np.array([[1.0], [0.2]]), np.ones(2)) - 60.0) < 0.6
    decay = np.array([[-1.0, 0.0], [1.0, -500.0]])
    assert abs(estimate(lambda t, y: decay @ y, np.array([[1.0], [0.0]]), np.array([1.0, 0.0])) - 500.0) < 5


def test_spectral_radius_where_a_field_is_zero() -> None:
    """The field is measured by what it gains in a step, in whatever units: a probe of size 1 would be too far off."""
    for unit in (1.0, 1e-8):

        def rhs(t: float, y: np.ndarray) -> np.ndarray:
            return np.array([-y[0], unit * y[0] - 500 * y[1] - 1e3 * y[1] ** 2 / unit])  # noqa: B023

        assert abs(estimate(rhs, np.array([[1.0], [0.0]]), np.array([1.0, 0.0])) - 500.0) < 5


@pytest.mark.parametrize("method", [RKC2, ROCK4])
def test_a_rejected_step_makes_the_radius_known_anew(method: type) -> None:
    """Diffusion grows a thousandfold after the first step: the second explodes, and goes well when tried again."""
    state = np.random.default_rng(0).standard_normal((1, CELLS))
    side = RightHandSide(lambda t, y: (1e-3 if t < 10.0 else 1.0) * heat(t, y), (1, CELLS), np.zeros(0), 0)
    found = method(side, 0.0, state, 0, None)
    found.attempt(10.0, rms(state))
    found.accept(10.0)
    largest, counts = np.max(abs(found.y)), [side.evaluations]
    found.attempt(10.0, rms(state))
    assert np.max(abs(found.candidate())) > 1e3 * largest
    for _ in range(2):
        counts.append(side.evaluations)
        found.attempt(10.0, rms(state))
        assert np.max(abs(found.candidate())) < largest
    # once is enough from one state
    assert side.evaluations - counts[2] < counts[2] - counts[1]


@pytest.mark.parametrize("method", [RKC2, ROCK4])
def test_a_slope_that_is_not_finite_at_the_end_is_an_error(method: type) -> None:
    """Else the step would be accepted, and no next one found."""
    side = RightHandSide(lambda t, y: -y if t != 0.5 else y * np.nan, (1, 4), np.zeros(0), 0)
    found = method(side, 0.0, np.ones((1, 4)), 0, 10.0)
    assert not np.isfinite(found.attempt(0.5, np.ones(1))[0])
    assert np.all(np.isfinite(found.candidate()))
    assert np.isfinite(found.attempt(0.25, np.ones(1))[0])


@BOTH
def test_given_radius(solve: Callable) -> None:
    """One number, one a sample, or none: the same solutions within the tolerance, and fewer evaluations."""
    radius = 4.2 * SPREADING * CELLS**2
    batch, times = np.stack([START, START + 0.1]), [0.0, 1.0]
    free = solve(brusselator, batch, times, [SPREADING], tolerance=1e-4)
    one = solve(brusselator, batch, times, [SPREADING], tolerance=1e-4, spectral_radius=radius)
    each = solve(brusselator, batch, times, [SPREADING], tolerance=1e-4, spectral_radius=[radius, radius])
    assert np.array_equal(one.states, each.states)
    assert np.max(abs(one.states - free.states)) < 1e-4
    assert np.all(one.evaluations < free.evaluations)


@BOTH
def test_samples_do_not_depend_on_batch_or_threads(solve: Callable) -> None:
    """To the last bit."""
    batch = np.stack([START, START + 0.1, START * 1.3])
    together = solve(brusselator, batch, [0.0, 0.5], [SPREADING], tolerance=1e-4, threads=2)
    for sample in range(3):
        alone = solve(brusselator, batch[sample : sample + 1], [0.0, 0.5], [SPREADING], tolerance=1e-4, threads=1)
        assert np.array_equal(alone.states[0], together.states[sample])


@BOTH
def test_a_radius_beyond_all_stages_shortens_the_step(solve: Callable) -> None:
    """Without calling the right-hand side in vain."""
    radius = 3e7
    found = solve(lambda t, y: -y, np.ones((1, 1, 4)), [0.0, 0.01], tolerance=1e-3, spectral_radius=radius)
    assert np.max(abs(found.states[0, -1] - np.exp(-0.01))) < 1e-6
    most = SPREAD * 1e6 if solve is rkc2 else _rock4_stages.INTERVALS[-1]
    assert found.steps[0] >= 0.01 * radius / most
    assert found.evaluations[0] <= found.steps[0] * (1000 if solve is rkc2 else 200) + 1


@BOTH
def test_a_radius_that_grows_is_noticed(solve: Callable) -> None:
    """Diffusion that becomes 400 times as fast within the run."""

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        return (1.0 + 399.0 * (t > 1.0)) * 0.02 * heat(t, y) - 0.1 * y

    found = solve(rhs, START[None], [0.0, 2.0], tolerance=1e-5)
    rates = 0.02 * 0.2 * CELLS**2 * np.sin(np.pi * np.arange(CELLS // 2 + 1) / CELLS) ** 2
    exact = np.fft.irfft(np.fft.rfft(START) * np.exp(-401 * rates - 0.2), CELLS)
    assert np.max(abs(found.states[0, -1] - exact)) < 1e-4


@BOTH
def test_blow_up_is_reported(solve: Callable) -> None:
    """y' = y² ends at t = 1; a right-hand side that is not finite is told apart."""
    with pytest.raises(DivergenceError, match=r"sample 1 got to time (0\.99|1\.000)") as caught:
        solve(lambda t, y: y * y, np.array([[[0.1]], [[1.0]]]), [0.0, 2.0], tolerance=1e-4)
    assert caught.value.sample == 1
    with pytest.raises(DivergenceError, match="not finite"):
        solve(lambda t, y: np.sqrt(-y), np.ones((1, 1, 4)), [0.0, 2.0])
    with pytest.raises(DivergenceError, match="max_steps"):
        solve(brusselator, START[None], [0.0, 50.0], [SPREADING], tolerance=1e-5, max_steps=20)


@BOTH
def test_a_forcing_that_depends_on_time_alone_is_followed(solve: Callable) -> None:
    for tolerance in (1e-3, 1e-5):
        wave = solve(lambda t, y: 0 * y + np.sin(5 * t), np.ones((1, 1, 8)), [0.0, 3.0], tolerance=tolerance)
        assert abs(wave.states[0, -1] - 1 - (1 - np.cos(15)) / 5).max() < tolerance
        slow = solve(lambda t, y: 0 * y + t**3, np.zeros((1, 1, 16)), [0.0, 1.0], tolerance=tolerance)
        assert abs(slow.states[0, -1] - 0.25).max() < tolerance


@BOTH
def test_a_right_hand_side_that_needs_what_is_not_negative(solve: Callable) -> None:
    """Porous medium with compact support: Barenblatt's mass is kept, and the radius is found on the border."""
    start = np.maximum(0.0, 0.04 - (X - 0.5) ** 2)[None]

    def spread(t: float, y: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            p = y**1.5
        return (np.roll(p, 1, -1) - 2 * p + np.roll(p, -1, -1)) * CELLS**2

    found = solve(spread, start[None], [0.0, 0.05], tolerance=1e-4).states[0, -1]
    assert found.sum() == pytest.approx(start.sum(), rel=1e-12)
    assert found.max() < 0.8 * start.max()



@BOTH
@pytest.mark.parametrize("radius", [0.0, -1.0, np.inf, np.nan, "big", [1.0], [1.0, -1.0], [[1.0, 1.0]], True])
def test_bad_radius(solve: Callable, radius: object) -> None:
    """Refused in one line that names it."""
    with pytest.raises(InputError, match=r"spectral_radius: expected .* (given|got) .*; ") as caught:
        solve(brusselator, np.stack([START, START]), [0.0, 1.0], [SPREADING], spectral_radius=radius)
    assert "\n" not in str(caught.value)


@BOTH
def test_bad_input(solve: Callable) -> None:
    """What all solvers of fields refuse."""
    for arguments, options in (
        ((START[0], [0.0, 1.0]), {}),
        ((START[None], [0.0, 0.0]), {}),
        ((START[None], [1.0, 0.0]), {}),
        ((START[None] * np.nan, [0.0, 1.0]), {}),
        ((START[None], [0.0, 1.0]), {"tolerance": 0.0}),
        ((START[None], [0.0, 1.0]), {"parameters": [1.0]}),
        ((START[None], [0.0, 1.0]), {"scale": [1.0, 0.0]}),
        ((START[None], [0.0, 1.0]), {"integrals": 1}),
    ):
        with pytest.raises(InputError):
            solve(brusselator_array, *arguments, **options)
    with pytest.raises(InputError, match="expected shape"):
        solve(lambda t, y: y[:1], START[None], [0.0, 1.0])


def test_estimates_are_rare() -> None:
    """Not more often than every 25 steps where no step is rejected."""
    times, calls = [0.0, 1.0], []

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        calls.append(t)
        return heat(t, y)

    found = rock4(rhs, np.sin(2 * np.pi * X)[None, None], times, tolerance=1e-9)
    given_radius = rock4(rhs, np.sin(2 * np.pi * X)[None, None], times, tolerance=1e-9, spectral_radius=950.0)
    assert found.rejected[0] == 0
    assert found.steps[0] > 3 * shared.EVERY
    assert found.evaluations[0] < 1.1 * given_radius.evaluations[0] + 60
    assert len(calls) == found.evaluations[0] + given_radius.evaluations[0]


def test_table_is_what_the_derivation_finds() -> None:
    """From a rough guess, for the first degree and another."""
    path = ROOT / "scripts" / "derive_rock4.py"
    spec = importlib.util.spec_from_file_location("derive_rock4", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert tuple(TABLE) == script.DEGREES
    for degree in (5, 12):
        found = script.row(degree, script.solve(degree, np.array(TABLE[degree][:5]) * 1.02))
        np.testing.assert_allclose(found, TABLE[degree], rtol=1e-6)
