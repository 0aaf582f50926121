"""What averaging gains in linear regression: closed forms against published numbers and against random data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from physym.symmetry import SO, Hyperoctahedral, Lorentz, MatrixGroup, O, Product, S, U, Z
from physym.symmetry.averaging.reynolds import average
from physym.symmetry.generalisation import Regression, asymmetry
from physym.symmetry.linear.representations import T, V
from physym.symmetry.weighted_inputs import weighted_inputs
from simulators.errors import InputError

SKEW = MatrixGroup(discrete=[[[1.0, 1.0], [0.0, -1.0]]])


def half(dim):
    """A group that leaves the first half of the directions and reverses the others."""
    return MatrixGroup(discrete=[np.diag([1.0] * (dim // 2) + [-1.0] * (dim // 2))])


def task(**settings):
    """Huang, Levie and Villar's: 4 nodes with 2 channels in and 3 out, S_4; 12 of 96 parameters are equivariant."""
    theta = np.random.default_rng(0).standard_normal((12, 8))
    return Regression(theta, S(4), 2 * V, 3 * V, **settings)


@pytest.mark.parametrize(("n", "wanted"), [(10, 0.4900), (20, 0.1131), (60, 0.02774)])
def test_gap_of_many_samples(n, wanted):
    """Elesedy and Zaidi: s² dim A/(n - d - 1) with d = 6, dim A = 3, s = .7, whatever Θ and s_x."""
    one = Regression([1.0, 2.0, 3.0, 0.0, 0.0, 0.0], half(6), scale=1.7, noise=0.7)
    assert one.complement == 3
    assert one.bias == pytest.approx(0.0, abs=1e-12)
    assert f"{one.gap(n):.4g}" == f"{wanted:.4g}"
    mean, error = one.measured_gap(n, 1500, seed=n)
    assert abs(mean - one.gap(n)) < 3 * error


@pytest.mark.parametrize(("n", "wanted"), [(4, 2.591), (7, 3.110), (9, 3.171)])
def test_gap_of_few_samples(n, wanted):
    """d = 12, dim A = 6, s = .7, and s_x²|Θ|² = 23.593, to which the three published values agree."""
    one = Regression(np.r_[np.full(6, np.sqrt(23.593 / 6) / 1.3), np.zeros(6)], half(12), scale=1.3, noise=0.7)
    assert one.complement == 6
    assert one.gap(n) == pytest.approx(wanted, abs=6e-4)
    mean, error = one.measured_gap(n, 4000, seed=n)
    assert abs(mean - one.gap(n)) < 3 * error


def test_gap_is_infinite_between_if_there_is_noise():
    one = Regression(np.arange(6.0), Z(6), noise=0.1)
    assert [one.gap(n) for n in (5, 6, 7)] == [np.inf] * 3
    assert np.isfinite([one.gap(4), one.gap(8)]).all()
    assert one.risk(6) == one.risk(6, averaged=True) == np.inf
    # without noise it is not, and any d samples tell Θ
    exact = Regression(np.arange(6.0), Z(6), noise=0.0)
    assert exact.gap(6) == -exact.bias < 0
    assert exact.risk(6) == 0
    mean, error = exact.measured_gap(5, 3000)
    assert abs(mean - exact.gap(5)) < 3 * error


def test_gap_of_maps_that_are_not_equivariant():
    """Published: -17.196 at s_x = s = 1, n = 30, from |Ψ⊥Θ|² = 21.196; Monte Carlo there -17.189 ± .012."""
    one = task()
    assert (len(one.basis), one.complement) == (12, 84)
    even, odd = one.project(one.theta), one.theta - one.project(one.theta)
    two = Regression(even + odd * np.sqrt(21.196 / one.bias), S(4), 2 * V, 3 * V)
    assert two.gap(30) == pytest.approx(-17.196, abs=1e-9)
    mean, error = two.measured_gap(30, 1000)
    assert abs(mean - two.gap(30)) < 3 * error
    assert abs(two.gap(30) - -17.189) < 0.012


@pytest.mark.parametrize("n", [1, 2, 4, 6, 12, 40])
def test_risks_and_gaps_at_any_number_of_samples(n):
    """Few samples, maps that are not equivariant, several outputs: no formula of the papers covers these together."""
    one = task(scale=1.3, noise=0.4)
    before, after = one.measured_risks(n, 3000, seed=n)
    for values, wanted in (
        (before, one.risk(n)),
        (after, one.risk(n, averaged=True)),
        (before - after, one.gap(n)),
    ):
        assert abs(values.mean() - wanted) < 3.3 * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("n", [1, 2, 6, 7, 8])
def test_the_standard_error_is_honest_near_as_many_samples_as_inputs(n):
    """d = 4: of plain draws 16 % are beyond 3 standard errors at n = 6, and they are 1.06 too low on average."""
    one = Regression(np.random.default_rng(0).standard_normal(4), S(4), noise=0.5)
    off = []
    for seed in range(200):
        mean, error = one.measured_gap(n, 1000, seed)
        off.append((mean - one.gap(n)) / error)
    assert np.mean(np.abs(off) > 3) <= 0.015
    assert abs(np.mean(off)) < 0.35
    assert 0.85 < np.std(off) < 1.2


@pytest.mark.parametrize("n", [11, 12, 13])
def test_a_gap_that_is_infinite_is_measured_with_an_infinite_error(n):
    theta = np.ones(12)
    mean, error = Regression(theta, half(12), noise=0.1).measured_gap(n, 20)
    assert np.isfinite(mean)
    assert error == np.inf
    for finite in (Regression(theta, half(12), noise=0.0), Regression(theta, MatrixGroup(discrete=[np.eye(12)]))):
        assert np.isfinite(finite.measured_gap(n, 20)).all()


@pytest.mark.parametrize(("n", "d"), [(1, 3), (3, 5), (5, 3), (6, 3), (9, 3), (2, 2)])
def test_weights_make_means_those_of_normal_inputs(n, d):
    """E w = 1, E w XᵀX = n 1, E w X⁺X = min(n, d)/d 1, E w tr (XᵀX)⁺ = min(n, d)/(|n - d| - 1)."""
    x, inverse, weights = weighted_inputs(np.random.default_rng(n), (20000, n, d))
    np.testing.assert_allclose(inverse, np.linalg.pinv(x), rtol=1e-9)
    wanted = [(np.ones(len(x)), 1.0), (x.swapaxes(1, 2) @ x, n * np.eye(d)), (inverse @ x, min(n, d) / d * np.eye(d))]
    if abs(n - d) > 1:
        trace = np.sum(inverse**2, axis=(1, 2))
        wanted.append((trace, min(n, d) / (abs(n - d) - 1)))
        assert (weights * trace).max() <= 2 * min(n, d) / (abs(n - d) - 1)
    for values, mean in wanted:
        values = values * weights.reshape(-1, *(1,) * (values.ndim - 1))
        assert (np.abs(values.mean(axis=0) - mean) <= 4 * values.std(axis=0) / np.sqrt(len(x)) + 1e-12).all()


def test_risk_of_new_data():
    """From predictions for new inputs, by an average over the elements one by one."""
    one, rng = task(noise=0.5), np.random.default_rng(1)
    differences = []
    for _ in range(300):
        x, new = rng.standard_normal((2, 17, 8))
        y = x @ one.theta.T + 0.5 * rng.standard_normal((17, 12))
        found = np.linalg.lstsq(x, y, rcond=None)[0].T
        averaged = average(lambda x, found=found: x @ found.T, S(4), 2 * V, 3 * V)
        target = new @ one.theta.T + 0.5 * rng.standard_normal((17, 12))
        differences.append(np.sum((new @ found.T - target) ** 2 - (averaged(new) - target) ** 2, axis=1).mean())
    assert abs(np.mean(differences) - one.gap(17)) < 3 * np.std(differences) / np.sqrt(300)


def test_the_projection_is_the_average_over_the_elements():
    one = task()
    turns = S(4).elements()
    mean = np.mean([(3 * V).matrix(g) @ one.theta @ (2 * V).matrix(g).T for g in turns], axis=0)
    np.testing.assert_allclose(one.project(one.theta), mean, atol=1e-12)


def test_coordinates_in_which_a_group_is_orthogonal():
    """As the refusal of one that is not says: x' = A^(1/2) x, A the mean of gᵀg."""
    elements = SKEW.elements()
    values, axes = np.linalg.eigh(np.mean(elements.swapaxes(-1, -2) @ elements, axis=0))
    root = axes @ np.diag(np.sqrt(values)) @ axes.T
    group = MatrixGroup(discrete=root @ SKEW.discrete_generators() @ np.linalg.inv(root))
    one = Regression([1.0, 2.0], group)
    np.testing.assert_allclose(one.project(one.theta), np.mean(one.theta @ group.elements(), axis=0), atol=1e-12)


def test_where_the_curves_of_the_notebook_cross():
    """Θ = (1, 1, .92)/|.|, s = 1/6: S_3 is better than S_2 up to 22.53 samples projected, 21.53 constrained."""
    theta = np.array([1.0, 1.0, 0.92])
    theta /= np.linalg.norm(theta)
    swap = MatrixGroup(discrete=[np.eye(3)[[1, 0, 2]]], name="S(2)")
    three, two = (Regression(theta, group, noise=1 / 6) for group in (S(3), swap))
    assert two.bias == pytest.approx(0.0, abs=1e-15)
    assert three.crossing(two) == pytest.approx(22.53125)
    assert two.crossing() == two.crossing(two) == np.inf
    # the same where the curves of the risks meet
    assert brentq(lambda n: three.gap(n) - two.gap(n), 10, 40) == pytest.approx(22.53125)
    assert brentq(lambda n: three.gap(n), 10, 80) == pytest.approx(three.crossing())
    constrained = brentq(lambda n: three.risk_constrained(n) - two.risk_constrained(n), 10, 40)
    assert constrained == pytest.approx(21.53125)


def test_least_squares_among_invariants():
    """Against random data, and against the projection."""
    theta = np.array([1.0, 1.0, 0.9, -0.3])
    one, rng = Regression(theta, S(4), noise=0.5), np.random.default_rng(2)
    # fourth moments of 1/|x|² are finite for n > 8
    for n in (9, 14):
        risks = []
        for _ in range(3000):
            x = rng.standard_normal((n, 4))
            y = x @ theta + 0.5 * rng.standard_normal(n)
            seen = x.sum(axis=1)
            risks.append(np.sum((seen @ y / (seen @ seen) - theta) ** 2))
        assert abs(np.mean(risks) - one.risk_constrained(n)) < 3.3 * np.std(risks) / np.sqrt(3000)
    # what does not fit is noise to it, not to the projection, which is the better the farther the truth from invariance
    assert one.risk(8, averaged=True) < one.risk_constrained(8)
    fair = Regression(np.ones(4), S(4), noise=0.5)
    assert fair.risk_constrained(8) < fair.risk(8, averaged=True) < fair.risk(8)
    # with several outputs each has its own coefficients
    two = Regression(np.stack([theta, 2 * theta]), S(4), V, 2 * T(0), noise=0.5)
    twice = Regression(2 * theta, S(4), noise=0.5)
    assert two.risk_constrained(9) == pytest.approx(one.risk_constrained(9) + twice.risk_constrained(9))
    # fewer samples than invariants
    full = Regression(np.arange(4.0), half(8), 2 * T(0) + T(0) + T(0), noise=0.3)
    assert full.risk_constrained(2) == pytest.approx(full.risk(2))


def test_groups_that_leave_nothing_or_all():
    nothing = Regression([1.0, -2.0], O(2), noise=0.5)
    assert nothing.complement == 2
    assert nothing.risk(2, averaged=True) == nothing.risk_constrained(2) == pytest.approx(5.0)
    assert nothing.risk(9, averaged=True) == pytest.approx(5.0)
    all_of_it = Regression([1.0, -2.0], MatrixGroup(discrete=[np.eye(2)]), noise=0.5)
    assert all_of_it.gap(2) == all_of_it.gap(9) == 0.0
    assert all_of_it.crossing() == np.inf


@pytest.mark.parametrize("group", [Hyperoctahedral(2), SO(3), O(3)], ids=repr)
def test_the_gap_of_any_function_is_what_averaging_removes(group):
    """risk(f) - risk(Qf) = E|f - Qf|², for a target that is equivariant, both measured on the same normal inputs."""
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((group.dim, 3))

    def f(x):
        return np.prod(x @ weights + 0.5, axis=-1)

    averaged = average(f, group, V, T(0), degree=None if group.finite else 3)
    x = rng.standard_normal((20000, group.dim))
    y = np.sum(x**2, axis=1) + rng.standard_normal(len(x))
    difference = (f(x) - y) ** 2 - (averaged(x) - y) ** 2
    removed, error = asymmetry(averaged, x)
    assert removed > 10 * error
    assert abs(difference.mean() - removed) < 3 * np.std(difference) / np.sqrt(len(x)) + 3 * error
    # an invariant function loses nothing
    none, _ = asymmetry(average(lambda x: np.sum(x**2, axis=-1), group, V, T(0), degree=2), x)
    assert none < 1e-20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Regression([1.0, 2.0], Lorentz(1)), "expected a compact group"),
        (lambda: Regression([1.0, 2.0], U(2)), "expected a real one"),
        (lambda: Regression([1.0, 2.0], "S(2)"), "expected a real one"),
        (lambda: Regression([1.0, 2.0], SKEW), r"group: expected orthogonal matrices, given .*A\^\(1/2\) x"),
        (lambda: Regression([1.0, 2.0] * 2, Product(S(2), SKEW)), "group: expected orthogonal matrices"),
        (lambda: Regression([1.0, 2.0], S(3)), r"theta: expected the shape \(1, 3\), given \(2,\)"),
        (lambda: Regression([1.0, np.nan], S(2)), "expected finite real numbers"),
        (lambda: Regression([[1.0], [2.0, 1.0]], S(2)), "theta: expected the shape .*, given rows of several lengths"),
        (lambda: Regression("a", S(2)), "expected finite real numbers"),
        (lambda: Regression([1.0, 2.0], S(2), 2), "expected one made of T, V and PSEUDO"),
        (lambda: Regression([1.0, 2.0], S(2), scale=0), "scale: expected a number > 0"),
        (lambda: Regression([1.0, 2.0], S(2), scale="a"), "scale: expected numbers, given 'a'"),
        (lambda: Regression([1.0, 2.0], S(2), noise=-1), "noise: expected a number >= 0"),
        (lambda: Regression([1.0, 2.0], S(2), noise=None), "noise: expected numbers, given None"),
        (lambda: Regression([1.0, 2.0], S(2), noise=[0.1, 0.2]), "noise: expected one number"),
        (lambda: Regression([1.0, 2.0], S(2)).gap(0), "expected a number >= 1"),
        (lambda: Regression([1.0, 2.0], S(2)).risk(np.nan), "expected a number >= 1"),
        (lambda: Regression([1.0, 2.0], S(2)).gap(True), "expected a number >= 1"),
        (lambda: Regression([1.0, 2.0], S(2)).measured_gap(2.5), "samples: expected an integer >= 1"),
        (lambda: Regression([1.0, 2.0], S(2)).measured_gap(2, 1), "trials: expected an integer >= 2"),
        (lambda: Regression([1.0, 2.0], S(2)).measured_gap(2, seed="a"), "seed: expected an integer >= 0, given 'a'"),
        (lambda: Regression([1.0, 2.0], S(2)).measured_gap(2, seed=-1), "seed: expected an integer >= 0, given -1"),
        (lambda: task().risk_constrained(5), "expected scalars for a closed form"),
        (lambda: task().crossing(task(noise=2.0)), "expected the same theta, scale and noise"),
        (
            lambda: Regression(np.eye(3)[0], Z(3)).crossing(Regression(np.eye(3)[0], O(3))),
            r"expected a subgroup of Z\(3\)",
        ),
        (lambda: asymmetry(average(np.sin, SO(2), V, V), np.ones((3, 2))), "expected an exact average"),
        (lambda: asymmetry(average(np.sin, S(2), V, V), np.ones(2)), "inputs: expected at least two"),
    ],
)
def test_what_is_no_regression(call, message):
    with pytest.raises(InputError, match=message):
        call()
