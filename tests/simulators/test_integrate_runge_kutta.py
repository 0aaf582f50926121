"""DOP853: order, analytic solutions, independence of samples, and how runs that cannot finish end."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import _spring_pendulum_kernels as pendulum
from simulators import integrate
from simulators.errors import DivergenceError, InputError

PARAMETERS = np.array([1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 0.0, 0.0, -1.0])
TIMES = 0.2 * np.arange(51)
ROOT = Path(__file__).resolve().parents[2]


@integrate.kernel
def oscillator(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """Frequency squared is the parameter."""
    for lane in range(t.size):
        out[0, lane] = y[1, lane]
        out[1, lane] = -p[0, lane] * y[0, lane]


@integrate.kernel
def growth(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """dy/dt = rate * y^power."""
    for lane in range(t.size):
        out[0, lane] = p[0, lane] * y[0, lane] ** p[1, lane]


@integrate.kernel
def forced(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """dy/dt = cos t."""
    for lane in range(t.size):
        out[0, lane] = math.cos(t[lane])


@integrate.kernel
def kepler(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """Two-body problem in the plane, with unit mass parameter."""
    for lane in range(t.size):
        cube = (y[0, lane] ** 2 + y[1, lane] ** 2) ** 1.5
        out[0, lane] = y[2, lane]
        out[1, lane] = y[3, lane]
        out[2, lane] = -y[0, lane] / cube
        out[3, lane] = -y[1, lane] / cube


def pendulum_array(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The double pendulum of PARAMETERS, written again."""
    q1, d = y[:, :3], y[:, 3:6] - y[:, :3]
    pull1 = q1 * (1 - 1 / np.linalg.norm(q1, axis=1, keepdims=True))
    pull2 = d * (2 - 2 / np.linalg.norm(d, axis=1, keepdims=True))
    return np.concatenate([y[:, 6:], PARAMETERS[6:] - pull1 + pull2, PARAMETERS[6:] - pull2], axis=1)


def starts(samples: int) -> np.ndarray:
    """Pendulums near hanging at rest."""
    random = np.random.default_rng(1)
    q = np.array([0, 0, -1.5, 0, 0, -3.0]) + 0.2 * random.standard_normal((samples, 6))
    return np.concatenate([q, 0.4 * random.standard_normal((samples, 6))], axis=1)


def test_oscillator_of_several_frequencies() -> None:
    """Each sample has its own parameter and meets cos(w t)."""
    w = np.linspace(0.5, 20, 13)
    times = np.linspace(0, 10, 33)
    y = integrate.dop853(oscillator, [[1.0, 0.0]] * 13, times, (w**2)[:, None], scale=np.stack([1 + 0 * w, w], 1))
    assert np.max(abs(y[:, :, 0] - np.cos(w[:, None] * times))) < 1e-9
    assert np.max(abs(y[:, :, 1] / w[:, None] + np.sin(w[:, None] * times))) < 1e-9


def test_exponential_forwards_and_backwards() -> None:
    """Backward integration returns to the start."""
    times = np.linspace(0, 2, 9)
    y = integrate.dop853(growth, [[1.0], [2.0]], times, [1.0, 1.0], tolerance=1e-12)
    assert np.max(abs(y[:, :, 0] / np.array([[1.0], [2.0]]) - np.exp(times))) < 1e-11
    back = integrate.dop853(growth, y[:, -1], times[::-1], [1.0, 1.0], tolerance=1e-12)
    assert np.max(abs(back[:, ::-1] - y)) < 1e-11


def test_time_enters_the_right_hand_side() -> None:
    """A forced equation starts at rest, at any first time."""
    times = np.linspace(-1, 12, 40)
    y = integrate.dop853(forced, np.zeros((3, 1)), times)
    assert np.max(abs(y[:, :, 0] - (np.sin(times) - math.sin(-1)))) < 1e-9


def test_kepler_orbit_closes() -> None:
    """Ten eccentric orbits, whose period is known, and the energy on the way."""
    e = np.array([0.0, 0.3, 0.6, 0.9])
    start = np.stack([1 - e, 0 * e, 0 * e, np.sqrt((1 + e) / (1 - e))], axis=1)
    y = integrate.dop853(kepler, start, np.linspace(0, 20 * math.pi, 101), tolerance=1e-13)
    energy = 0.5 * np.sum(y[..., 2:] ** 2, -1) - 1 / np.hypot(y[..., 0], y[..., 1])
    assert np.max(abs(energy + 0.5)) < 1e-11
    assert np.max(abs(y[:, -1] - start)) < 3e-9


def test_agrees_with_scipy() -> None:
    """Both at 1e-12 or better on the double pendulum."""
    start = starts(3)
    y = integrate.dop853(pendulum.double_rhs, start, TIMES, PARAMETERS, tolerance=1e-14)
    for state, found in zip(start, y, strict=True):
        peer = scipy.integrate.solve_ivp(
            lambda t, x: pendulum_array(t, x[None])[0],
            (0, 10),
            state,
            "DOP853",
            TIMES,
            rtol=3e-14,
            atol=1e-15,
        )
        assert np.max(abs(peer.y.T - found)) < 1e-12 * np.max(abs(found))


@pytest.mark.parametrize("bodies", [1, 2, 3, 5])
def test_chain_kernels_against_automatic_differences(bodies: int) -> None:
    """rhs, velocity and force are the derivatives of H, for chains of any length."""
    random = np.random.default_rng(bodies)
    n = 3 * bodies
    y, p = random.standard_normal((4, 2 * n)), random.uniform(0.5, 2, (4, 3 * bodies + 3))

    def energy(x: np.ndarray) -> np.ndarray:
        q, momentum = x[:, :n].reshape(4, bodies, 3), x[:, n:].reshape(4, bodies, 3)
        mass, stiffness, rest = (p[:, i * bodies : (i + 1) * bodies] for i in range(3))
        length = np.linalg.norm(np.diff(q, axis=1, prepend=0), axis=2)
        kinetic = np.sum(momentum**2, 2) / (2 * mass)
        weight = mass * np.einsum("sbi,si->sb", q, p[:, -3:])
        return np.sum(kinetic + 0.5 * stiffness * (length - rest) ** 2 - weight, axis=1)

    step = 1e-5 * np.eye(2 * n)
    slope = np.stack([(energy(y + e) - energy(y - e)) / 2e-5 for e in step], axis=1)
    slope = np.concatenate([slope[:, n:], -slope[:, :n]], axis=1)
    found = integrate.evaluate(pendulum.rhs, 0.0, y, p)
    np.testing.assert_allclose(found, slope, atol=1e-7)
    np.testing.assert_allclose(integrate.evaluate(pendulum.velocity, 0.0, y[:, n:], p), found[:, :n], rtol=1e-14)
    np.testing.assert_allclose(integrate.evaluate(pendulum.force, 0.0, y[:, :n], p), found[:, n:], rtol=1e-12)
    if bodies == 2:
        np.testing.assert_allclose(integrate.evaluate(pendulum.double_rhs, 0.0, y, p), found, rtol=1e-12)


def test_kernel_and_array_function_agree() -> None:
    """Two implementations of the same method."""
    start = starts(11)
    a = integrate.dop853(pendulum_array, start, TIMES)
    b = integrate.dop853(pendulum.double_rhs, start, TIMES, PARAMETERS)
    assert np.max(abs(a - b)) < 1e-12
    back = integrate.dop853(pendulum_array, a[:, -1], TIMES[::-1])
    assert np.max(abs(back[:, -1] - start)) < 1e-8


def test_global_error_is_about_the_tolerance() -> None:
    """The promise of the docstring, and so the order: errors fall as the tolerance does."""
    start = starts(40)
    best = integrate.dop853(pendulum.double_rhs, start, TIMES, PARAMETERS, tolerance=1e-14)
    for tolerance in (1e-6, 1e-8, 1e-10, 1e-12):
        y = integrate.dop853(pendulum.double_rhs, start, TIMES, PARAMETERS, tolerance=tolerance)
        size = np.linalg.norm(start, axis=1)
        error = np.median(np.max(np.linalg.norm(y - best, axis=2), axis=1) / size)
        assert 0.005 * tolerance < error < 3 * tolerance


def oscillator_array(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The oscillator of unit frequency."""
    return np.stack([y[:, 1], -y[:, 0]], axis=1)


@pytest.mark.parametrize(("rhs", "p"), [(oscillator, [1.0]), (oscillator_array, None)])
def test_order_of_steps_and_dense_output(rhs: object, p: list[float] | None) -> None:
    """Eight for the steps; the interpolant of order seven leaves an error h^8 within one step.

    With an immense tolerance a run is one step.
    """
    end, within = [], []
    for step in (0.5, 0.25):
        y = np.array([[1.0, 0.0]])
        for _ in range(round(8 / step)):
            y = integrate.dop853(rhs, y, [0, step], p, tolerance=1e9)[:, -1]
        end.append(np.max(abs(y - [math.cos(8), -math.sin(8)])))
        middle = integrate.dop853(rhs, [[1.0, 0.0]], [0, step / 2, step], p, tolerance=1e9)[0, 1]
        within.append(np.max(abs(middle - [math.cos(step / 2), -math.sin(step / 2)])))
    assert abs(math.log2(end[0] / end[1]) - 8) < 0.2
    assert abs(math.log2(within[0] / within[1]) - 8) < 0.2


@pytest.mark.parametrize("batch", [1, 3, 8, 61])
def test_samples_do_not_see_each_other(batch: int) -> None:
    """Bit for bit: the batch around a sample, its place in it and the threads do not matter."""
    start = starts(200)
    whole = integrate.dop853(pendulum.double_rhs, start, TIMES, PARAMETERS, threads=1)
    for first in (0, 77):
        part = integrate.dop853(pendulum.double_rhs, start[first : first + batch], TIMES, PARAMETERS, threads=1)
        np.testing.assert_array_equal(part, whole[first : first + batch])
    for threads in (2, 3):
        again = integrate.dop853(pendulum.double_rhs, start, TIMES, PARAMETERS, threads=threads)
        np.testing.assert_array_equal(again, whole)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_rotations_and_units(seed: int, length: float, duration: float, mass: float) -> None:
    """Rotating and rescaling the problem rotates and rescales the result, but for rounding."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((3, 3)))[0]
    start, times = starts(4), TIMES[:11]
    scale = np.repeat([3.0, 1.0], 6)
    y = integrate.dop853(pendulum.double_rhs, start, times, PARAMETERS, scale=scale, tolerance=1e-6)
    unit = np.repeat([length, mass * length / duration], 6)
    spring = np.repeat([mass, mass / duration**2, length], 2)
    p = np.concatenate([PARAMETERS[:6] * spring, turn @ PARAMETERS[6:] * length / duration**2])
    turned = (start.reshape(4, 4, 3) @ turn.T).reshape(4, 12) * unit
    z = integrate.dop853(pendulum.double_rhs, turned, times * duration, p, scale=scale * unit, tolerance=1e-6)
    expected = (y.reshape(4, 11, 4, 3) @ turn.T).reshape(4, 11, 12) * unit
    assert np.max(abs(z - expected) / unit) < 1e-12


def test_blow_up_names_time_and_sample() -> None:
    """The solution of y' = y^2 has its pole at 1/y0; the others arrive. Kernel and array function say the same."""
    y0 = np.array([[0.1], [0.2], [2.0], [0.1], [3.0]])
    times = np.linspace(0, 1, 5)
    for rhs, p in ((growth, [1.0, 2.0]), (lambda t, y: y**2, None)):
        with pytest.raises(DivergenceError, match=r"sample 2 got to time 0\.5") as caught:
            integrate.dop853(rhs, y0, times, p)
        assert caught.value.sample == 2
        assert abs(caught.value.time - 0.5) < 1e-9
        found = integrate.dop853(rhs, y0[:2], times, p)
        assert np.max(abs(found[:, :, 0] - 1 / (1 / y0[:2] - times))) < 1e-9


def test_no_run_hangs_and_no_nan_is_silent() -> None:
    """NaN at the start and on the way, too many steps, and a stiff problem."""
    times = np.array([0.0, 1.0])
    with pytest.raises(DivergenceError, match="not finite") as caught:
        integrate.dop853(growth, [[1.0], [-1.0]], times, [1.0, 0.5])
    assert caught.value.sample == 1
    assert caught.value.time == 0.0
    with pytest.raises(DivergenceError, match="not finite"):
        integrate.dop853(lambda t, y: np.where(t < 0.3, y, np.nan), [[1.0]], times)
    for rhs, p in ((growth, [-1e9, 1.0]), (lambda t, y: -1e9 * y, None)):
        with pytest.raises(DivergenceError, match="max_steps") as caught:
            integrate.dop853(rhs, [[1.0]], times, p, max_steps=500)
        assert 0 < caught.value.time < 1
    with pytest.raises(DivergenceError, match="sample 0 got to time") as caught:
        integrate.dop853(lambda t, y: 1 / (0.5 - t) + 0 * y, [[0.0]], times, max_steps=2000)
    assert abs(caught.value.time - 0.5) < 1e-6


def test_edge_cases() -> None:
    """One time, a state at rest, a sample that never moves, output times much finer than steps."""
    y0 = np.array([[1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(integrate.dop853(oscillator, y0, [3.0], [1.0])[:, 0], y0)
    times = np.linspace(0, 1, 1001)
    y = integrate.dop853(oscillator, y0, times, [1.0])
    assert np.max(abs(y[0, :, 0] - np.cos(times))) < 1e-9
    assert not y[1].any()
    np.testing.assert_array_equal(y[:, 0], y0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [0, 1, 1]}, "strictly increasing.*index 2"),
        ({"times": [0, 1, 0.5]}, "strictly increasing"),
        ({"times": [0, np.nan]}, "times: expected finite"),
        ({"times": []}, "times: expected a list"),
        ({"y0": [1.0, 0.0]}, r"y0: expected an array \(batch, n\)"),
        ({"y0": [[1.0, np.inf]]}, r"y0: expected finite.*\(0, 1\)"),
        ({"tolerance": 0}, "tolerance: expected"),
        ({"tolerance": 1e-17}, "at least 1e-15"),
        ({"tolerance": math.nan}, "tolerance: expected"),
        ({"scale": [1.0, 0.0]}, "scale: expected numbers above 0"),
        ({"scale": [1.0, 1.0, 1.0]}, "scale: expected shape"),
        ({"parameters": [[1.0]] * 3}, "parameters: expected shape"),
        ({"max_steps": 0}, "max_steps: expected"),
        ({"threads": 0}, "threads: expected"),
        ({"rhs": lambda t, y: y, "parameters": [1.0]}, "parameters: expected None"),
        ({"rhs": lambda t, y: y[:, :1], "parameters": None}, r"f\(t, y\): expected shape"),
    ],
)
def test_bad_arguments(change: dict, message: str) -> None:
    """Every one is refused in one line with what was expected."""
    call = {"rhs": oscillator, "y0": [[1.0, 0.0]], "times": [0, 1], "parameters": [1.0]} | change
    with pytest.raises(InputError, match=message):
        integrate.dop853(call.pop("rhs"), call.pop("y0"), call.pop("times"), **call)


def test_import_is_cheap_and_the_cache_serves_the_second_process() -> None:
    """Before a kernel runs numba is not imported, and then nothing is compiled anew."""
    code = """
import sys, time
from simulators import integrate, _spring_pendulum_kernels as kernels
assert "numba" not in sys.modules
import numpy as np
begin = time.perf_counter()
p = np.array([1.0, 1, 1, 2, 1, 1, 0, 0, -1])
integrate.dop853(kernels.double_rhs, np.arange(1.0, 13.0)[None], [0.0, 0.1], p)
print(time.perf_counter() - begin)
from simulators.integrate import _dop853_lanes
assert kernels.double_rhs.compiled.cache_hits == 1
assert not _dop853_lanes.integrate.stats.cache_misses
"""
    integrate.dop853(pendulum.double_rhs, starts(1), TIMES, PARAMETERS)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
    assert float(done.stdout) < 5  # 0.4 s on an idle machine; compiling takes 7 s


def test_caches_notice_edits() -> None:
    """What is compiled into the drivers from other files is in their digest."""
    from simulators.integrate import _dop853_lanes, _splitting_lanes

    names = ("_compile", "controller", "lanes", "tableaus")
    sources = b"".join((ROOT / f"simulators/integrate/{name}.py").read_bytes() for name in names)
    digest = hashlib.sha256(sources).hexdigest()[:12]
    assert digest == _dop853_lanes.FROZEN, f'set FROZEN = "{digest}" in _dop853_lanes.py'
    assert digest == _splitting_lanes.FROZEN, f'set FROZEN = "{digest}" in _splitting_lanes.py'


def test_kernel_runs_as_plain_python() -> None:
    """For debugging, uncompiled."""
    x, p, out = starts(8).T, np.repeat(PARAMETERS[:, None], 8, axis=1), np.empty((12, 8))
    pendulum.rhs(np.zeros(8), x, p, out)
    np.testing.assert_allclose(out.T, pendulum_array(np.zeros(8), x.T), atol=1e-14)
