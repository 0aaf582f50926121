"""Groups acting on typed datasets, by hand-computed cases; the group laws are in tests/properties."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from physym.symmetry import SO, Hyperoctahedral, O, act, reverse_time, translate
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


def grid(shape, spacing, components=None, seed=0):
    """A scalar, a pseudoscalar, a vector and a tensor over cells of other sizes along each axis, and a profile."""
    rng, dims = np.random.default_rng(seed), ("z", "y", "x")[-len(shape) :]
    size = components or len(shape)
    types = {"s": (0, 0), "p": (0, 1), "v": (1, 0), "b": (1, 1), "t": (2, 0)}
    out = {}
    for name, (order, pseudo) in types.items():
        v = Variable(name, "m", name, name, dims, order, pseudo)
        values = rng.standard_normal((2, *shape, *(size,) * order))
        out[name] = (("sample", *dims, *v.indices), values, v.attrs())
    profile = Variable("profile", "m", "profile", "p", ("x",), 1)
    out["profile"] = (("x", "i"), rng.standard_normal((shape[-1], size)), profile.attrs())
    wind = Variable("wind", "m/s", "wind", "U", (), 1, role="parameter")
    out["wind"] = (("i",), rng.standard_normal(size), wind.attrs())
    axes = zip(dims, shape, spacing, strict=True)
    coords = {d: (d, (np.arange(n) + 0.5) * h, {"units": "m", "long_name": f"along {d}"}) for d, n, h in axes}
    return xr.Dataset(out, coords | {d: list("xyz"[:size]) for d in ("i", "j")}, {"title": "fields"})


TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


def test_a_quarter_turn_of_a_grid_by_hand():
    """x goes to y and y to -x: what was at (x, y) = (1st, 1st) of 3 x 2 cells is then at (last of 2, 1st of 3)."""
    field = grid((2, 3), (1.0, 5.0))
    turned = act(TURN, field)
    assert dict(turned.sizes) == {"sample": 2, "y": 3, "x": 2, "i": 2, "j": 2}
    assert turned.s.dims == ("sample", "y", "x")
    np.testing.assert_array_equal(turned.x, [0.5, 1.5])
    np.testing.assert_array_equal(turned.y, [2.5, 7.5, 12.5])
    assert turned.x.attrs == {"units": "m", "long_name": "along x"}
    for y in range(3):
        for x in range(2):
            old = {"y": 1 - x, "x": y}
            np.testing.assert_array_equal(turned.s.isel(y=y, x=x), field.s.isel(old))
            np.testing.assert_array_equal(turned.v.isel(y=y, x=x, i=0), -field.v.isel(old).isel(i=1))
            np.testing.assert_array_equal(turned.v.isel(y=y, x=x, i=1), field.v.isel(old).isel(i=0))
            np.testing.assert_array_equal(turned.t.isel(y=y, x=x, i=0, j=1), -field.t.isel(old).isel(i=1, j=0))
    assert turned.profile.dims == ("y", "i")
    np.testing.assert_array_equal(turned.profile.isel(y=2, i=1), field.profile.isel(x=2, i=0))
    np.testing.assert_array_equal(turned.wind, [-field.wind[1], field.wind[0]])
    for name in field.data_vars:
        assert turned[name].attrs == field[name].attrs


def test_a_mirrored_grid_keeps_its_coordinates_and_flips_what_is_pseudo():
    field = grid((2, 3), (1.0, 5.0))
    mirrored = act(np.diag([-1.0, 1.0]), field)
    xr.testing.assert_identical(mirrored.x, field.x)
    np.testing.assert_array_equal(mirrored.p, -field.p[..., ::-1])
    np.testing.assert_array_equal(mirrored.v.isel(i=0), -field.v.isel(i=0)[..., ::-1])
    np.testing.assert_array_equal(mirrored.b.isel(i=0), field.b.isel(i=0)[..., ::-1])


def test_a_grid_along_some_axes_turns_the_others_freely():
    """Three components along a line: it may be turned about its axis, but not tilted."""
    line = grid((4,), (1.0,), components=3)
    about = np.eye(3)
    about[1:, 1:] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    np.testing.assert_allclose(act(about, line).v, np.einsum("ij,sxj->sxi", about, line.v))
    with pytest.raises(InputError, match="permutes and reflects the axes of the fields over x, given another"):
        act(QUARTER, line)


def test_turns_that_are_not_of_the_grid_are_refused():
    field = grid((4, 4), (1.0, 1.0))
    eighth = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    with pytest.raises(InputError, match="over y, x, given another: a grid is not carried to itself by a general"):
        act(eighth, field)
    with pytest.raises(InputError, match="expected at least 2 rows for fields over y, x, given 1"):
        act(np.eye(1), field)
    uneven = field.assign_coords(x=[0.0, 1.0, 2.0, 4.0])
    act(np.eye(2), uneven)
    with pytest.raises(InputError, match="coordinate 'x': expected cells of one size to reflect, given sizes from 1"):
        act(-np.eye(2), uneven)
    # a quarter turn as people compute it
    angle = np.pi / 2
    rounded = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xr.testing.assert_identical(act(rounded, field), act(TURN, field))


def test_single_precision_stays():
    field = grid((4, 4), (1.0, 1.0)).astype(np.float32)
    assert {str(array.dtype) for array in act(TURN @ np.diag([1.0, -1.0]), field).values()} == {"float32"}


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_hyperoctahedral_group(dim):
    elements = Hyperoctahedral(dim).elements()
    found = {tuple(element.ravel()) for element in elements}
    assert len(found) == len(elements) == 2**dim * [1, 1, 2, 6][dim]
    np.testing.assert_array_equal(elements[0], np.eye(dim))
    assert {tuple((a @ b).ravel()) for a in elements for b in elements} == found
    rng = np.random.default_rng(0)
    assert {tuple(Hyperoctahedral(dim).random(rng).ravel()) for _ in range(1000)} == found


def test_translations_move_fields_and_nothing_else():
    field = grid((3, 4), (1.0, 2.0))
    moved = translate(field, {"x": 3, "y": -2})
    np.testing.assert_array_equal(moved.t, np.roll(field.t.values, (-2, 3), (1, 2)))
    np.testing.assert_array_equal(moved.profile, np.roll(field.profile.values, 3, 0))
    xr.testing.assert_identical(moved.wind, field.wind)
    xr.testing.assert_identical(moved.coords.to_dataset(), field.coords.to_dataset())
    xr.testing.assert_identical(translate(moved, {"x": 1, "y": 2}), field)
    with pytest.raises(InputError, match="expected dimensions of a grid, given 'z', while the dataset has y, x"):
        translate(field, {"z": 1})
    with pytest.raises(InputError, match=r"cells\['x'\]: expected a whole number of cells, given 0.5"):
        translate(field, {"x": 0.5})


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


def test_what_is_given_to_act_in_another_order_or_as_a_group():
    start = SpringPendulum().sample(1)
    with pytest.raises(InputError, match=r"expected act\(matrix, dataset\), given them the other way round"):
        act(start, np.eye(3))
    with pytest.raises(InputError, match=r"given the group O\(3\); take O\(3\).random\(rng\)"):
        act(O(3), start)
    with pytest.raises(InputError, match=r"dataset: expected an xarray.Dataset, given ndarray"):
        act(np.eye(3), np.ones(3))
    with pytest.raises(InputError, match=r"matrix: expected finite numbers .* given str"):
        act("a", start)
