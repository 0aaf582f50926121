"""Groups acting on typed datasets, by hand-computed cases; the group laws are in tests/properties."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from physym.symmetry import SO, O, act, reverse_time
from simulators import InputError, SchemaError, SpringPendulum, Variable

QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
MIRROR = np.diag([-1.0, 1.0, 1.0])


def typed(values, units="1", order=0, pseudo=0, role="state", dims=()):
    variable = Variable("v", units, "a variable", "v", tensor_order=order, pseudo=pseudo, role=role)
    return xr.Dataset({"v": ((*dims, *variable.indices), np.asarray(values, float), variable.attrs())})


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_elements_are_orthogonal_and_only_half_of_o_are_rotations(dim):
    rng = np.random.default_rng(0)
    for group in (O(dim), SO(dim)):
        draws = np.array([group.random(rng) for _ in range(400)])
        np.testing.assert_allclose(draws.mT @ draws, np.broadcast_to(np.eye(dim), draws.shape), atol=1e-13)
        positive = np.mean(np.linalg.det(draws) > 0)
        assert positive == 1 if isinstance(group, SO) else abs(positive - 0.5) < 0.1


@pytest.mark.parametrize("group", [O(3), SO(3)])
def test_haar_moments(group):
    """E[Q_ij²] = 1/3, E[Q] = 0 and E[Q_11⁴] = 3/(d(d+2)) = 1/5."""
    rng = np.random.default_rng(1)
    draws = np.array([group.random(rng) for _ in range(20000)])
    np.testing.assert_allclose(np.mean(draws, axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(np.mean(draws**2, axis=0), 1 / 3, atol=0.01)
    np.testing.assert_allclose(np.mean(draws**4, axis=0), 1 / 5, atol=0.01)


def test_elements_depend_on_the_generator_alone():
    first, second = (O(3).random(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert repr(SO(3)) == "SO(3)"
    assert SO(3) == SO(3)
    assert SO(3) != O(3)


@pytest.mark.parametrize("dim", [0, -1, 2.0, True, "3"])
def test_dimensions_that_are_none(dim):
    with pytest.raises(InputError, match="expected a dimension that is an integer >= 1, given"):
        O(dim)


def test_vectors_turn_and_matrices_turn_on_both_indices():
    np.testing.assert_allclose(act(QUARTER, typed([1, 2, 3], order=1)).v, [-2, 1, 3])
    square = np.arange(9.0).reshape(3, 3)
    np.testing.assert_allclose(act(QUARTER, typed(square, order=2)).v, QUARTER @ square @ QUARTER.T)
    cube = np.arange(27.0).reshape(3, 3, 3)
    wanted = np.einsum("ia,jb,kc,abc->ijk", QUARTER, QUARTER, QUARTER, cube)
    np.testing.assert_allclose(act(QUARTER, typed(cube, order=3)).v, wanted)


def test_pseudotensors_change_sign_only_under_reflections():
    assert float(act(QUARTER, typed(2.0, pseudo=1)).v) == 2.0
    assert float(act(MIRROR, typed(2.0, pseudo=1)).v) == -2.0
    assert float(act(MIRROR, typed(2.0)).v) == 2.0
    np.testing.assert_allclose(act(MIRROR, typed([1, 2, 3], order=1, pseudo=1)).v, [1, -2, -3])


def test_angular_momentum_of_reflected_bodies_is_that_of_a_pseudovector():
    q, p = np.random.default_rng(2).standard_normal((2, 3))
    spin = typed(np.cross(q, p), order=1, pseudo=1)
    np.testing.assert_allclose(act(MIRROR, spin).v, np.cross(MIRROR @ q, MIRROR @ p), atol=1e-14)


def test_what_acts_moves_parameters_and_keeps_types_and_input():
    start = SpringPendulum(gravity=(0.0, 3.0, -4.0)).sample(5)
    before = start.copy(deep=True)
    turned = act(QUARTER, start)
    xr.testing.assert_identical(start, before)
    np.testing.assert_allclose(turned.gravity, [-3.0, 0.0, -4.0])
    np.testing.assert_allclose(turned.position, np.einsum("ij,sbj->sbi", QUARTER, start.position))
    xr.testing.assert_identical(turned.mass, start.mass)
    assert turned.attrs == start.attrs
    for name in start.data_vars:
        assert turned[name].attrs == start[name].attrs
        assert turned[name].dims == start[name].dims


def test_index_dimensions_may_stand_in_any_order():
    square = np.arange(9.0).reshape(3, 3)
    given = typed(square, order=2)
    np.testing.assert_allclose(act(QUARTER, given.transpose("j", "i")).v, (QUARTER @ square @ QUARTER.T).T)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), "expected 2 components over 'i', given 3"),
        (np.ones((2, 3)), r"expected finite numbers \(d, d\), given the shape \(2, 3\)"),
        (np.full((3, 3), np.nan), "expected finite numbers"),
        (np.zeros((3, 3)), "expected one with an inverse"),
    ],
)
def test_matrices_that_cannot_act(matrix, message):
    with pytest.raises(InputError, match=message):
        act(matrix, typed([1, 2, 3], order=1))


def test_fields_on_a_grid_are_refused():
    field = typed(np.zeros((4, 4, 2)), order=1, dims=("y", "x"))
    with pytest.raises(InputError, match="given fields over y, x: a grid is not carried to itself"):
        act(np.eye(2), field)


@pytest.mark.parametrize("key", ["tensor_order", "pseudo"])
def test_undeclared_types_are_refused(key):
    given = typed([1, 2, 3], order=1)
    del given.v.attrs[key]
    with pytest.raises(SchemaError, match=f"variable 'v': expected the attribute '{key}', given none"):
        act(np.eye(3), given)


def test_a_wrong_tensor_order_is_refused():
    given = typed([1, 2, 3], order=1)
    given.v.attrs["tensor_order"] = 0
    with pytest.raises(SchemaError, match="variable 'v': expected 0 index dimensions"):
        act(np.eye(3), given)


@pytest.mark.parametrize(
    ("units", "sign"),
    [("m", 1), ("m/s", -1), ("kg m s-1", -1), ("N", 1), ("1/d", -1), ("m**2/s", -1), ("W", -1), ("1", 1), ("A*s", -1)],
)
def test_time_reversal_acts_by_the_power_of_seconds(units, sign):
    assert float(reverse_time(typed(2.0, units)).v) == 2.0 * sign


def test_a_reversed_trajectory_runs_backwards_with_increasing_times():
    run = SpringPendulum().simulate(SpringPendulum().sample(2), [0.0, 1.0, 3.0])
    back = reverse_time(run)
    np.testing.assert_array_equal(back.time, [-3.0, -1.0, 0.0])
    assert back.time.attrs == run.time.attrs
    np.testing.assert_array_equal(back.position, run.position[:, ::-1])
    np.testing.assert_array_equal(back.momentum, -run.momentum[:, ::-1])
    np.testing.assert_array_equal(back.gravity, run.gravity)
    xr.testing.assert_identical(reverse_time(back), run)


def test_a_reversed_trajectory_solves_the_law():
    pendulum = SpringPendulum(stiffness=(1.0, 2.0))
    back = reverse_time(pendulum.simulate(pendulum.sample(3), np.linspace(0.0, 2.0, 5)))
    again = pendulum.simulate(back.isel(time=0, drop=True), back.time.values)
    np.testing.assert_allclose(again.position, back.position, atol=1e-9)


def test_fractional_powers_and_absent_units_have_no_parity():
    with pytest.raises(InputError, match=r"variable 'v': expected a whole power of seconds, given 'm/s\*\*0.5'"):
        reverse_time(typed(1.0, "m/s**0.5"))
    bare = typed(1.0)
    del bare.v.attrs["units"]
    with pytest.raises(SchemaError, match="variable 'v': expected the attribute 'units', given none"):
        reverse_time(bare)
