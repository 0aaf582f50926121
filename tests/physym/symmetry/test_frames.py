"""Averages over frames: exact symmetry from a few evaluations, where the principal axes are distinct."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symmetry import SO, Lorentz, O, Product, S, Z
from physym.symmetry.averaging.frames import frame_average, frames
from physym.symmetry.averaging.poses import Pose
from physym.symmetry.averaging.reynolds import average
from physym.symmetry.linear.representations import PSEUDO, T, V
from simulators.errors import InputError

CLOUD = Product(S(7), O(3))
OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])


def wild(shape, seed=0):
    """A function of clouds (..., n, d) without symmetry, to values (..., *shape)."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((60, int(np.prod(shape, dtype=int))))
    turns = rng.standard_normal(60)

    def f(points):
        flat = points.reshape(*points.shape[:-2], -1)
        size = flat.shape[-1]
        seen = np.tanh(flat @ np.sin(np.outer(np.arange(1, size + 1), turns)) + turns)
        return (seen @ weights).reshape(*points.shape[:-2], *shape)

    return f


def moves(group, count, rng, many):
    """Random rotations (many, 3, 3) and orders (many, count) of a group of clouds."""
    parts = (group.first, group.second) if isinstance(group, Product) else (group,)
    turn = next((part for part in parts if not isinstance(part, S)), None)
    turns = np.array([turn.random(rng) if turn else np.eye(3) for _ in range(many)])
    orders = np.tile(np.arange(count), (many, 1))
    return turns, rng.permuted(orders, axis=1) if any(isinstance(part, S) for part in parts) else orders


GROUPS = [O(3), SO(3), S(7), CLOUD, Product(S(7), SO(3))]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("translations", [False, True])
def test_any_function_becomes_equivariant(group, translations):
    """Invariants, tensors, pseudotensors, values of points, positions: under 100 random elements."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((2, 7, 3)) * [3.0, 2.0, 1.0]
    turns, orders = moves(group, 7, rng, 100)
    assert np.any(np.linalg.det(turns) < 0) == (group in (O(3), CLOUD))
    shifts = translations * rng.standard_normal((100, 1, 3))
    moved = np.array([(points @ g.T + t)[:, n] for g, t, n in zip(turns, shifts, orders, strict=True)])
    reps = [T(0), V, T(2) + PSEUDO * V] if group != S(7) else [T(0)]
    for rep in reps:
        for per_point in (False, True):
            shape = (7, rep.dim(3)) if per_point else (rep.dim(3),)
            places = rep == V and translations
            f = frame_average(wild(shape), group, rep, per_point=per_point, positions=places, translations=translations)
            values = f(points)
            assert values.shape == (2, *shape)
            assert np.abs(values).max() > 0.1
            for found, g, shift, order in zip(f(moved), turns, shifts, orders, strict=True):
                wanted = rep.act(g, values) + (shift[0] if places else 0.0)
                np.testing.assert_allclose(found, wanted[:, order] if per_point else wanted, atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_the_number_of_frames(dim):
    points = np.random.default_rng(1).standard_normal((5, 6, dim))
    for group, count in ((O(dim), 2**dim), (SO(dim), 2 ** (dim - 1)), (S(6), 1), (Product(S(6), O(dim)), 2**dim)):
        found = frames(points, group, translations=True)
        assert found.matrix.shape == (5, count, dim, dim)
        assert found.order.shape == (5, count, 6)
        np.testing.assert_allclose(
            found.matrix.swapaxes(-1, -2) @ found.matrix, np.broadcast_to(np.eye(dim), found.matrix.shape), atol=1e-13
        )
        if isinstance(group, SO):
            np.testing.assert_allclose(np.linalg.det(found.matrix), 1.0)
        standard = found.undo(points[:, None])
        np.testing.assert_allclose(found.act(standard), np.broadcast_to(points[:, None], standard.shape), atol=1e-13)
        if group != S(6):
            # principal axes: no correlations, by falling variance
            moments = standard.swapaxes(-1, -2) @ standard
            np.testing.assert_allclose(moments, moments * np.eye(dim), atol=1e-12)
            assert np.all(np.diff(np.diagonal(moments, axis1=-2, axis2=-1)) < 0)


def test_equivariant_functions_stay_as_they_are():
    points = np.random.default_rng(2).standard_normal((4, 7, 3))

    def inertia(x):
        return (x.swapaxes(-1, -2) @ x).reshape(*x.shape[:-2], 9)

    def spin(x):
        return np.cross(x[..., 0, :], x[..., 1, :])

    def cubes(x):
        return np.sum(x**2, axis=-1, keepdims=True) * x

    np.testing.assert_allclose(frame_average(inertia, CLOUD, T(2))(points), inertia(points), atol=1e-12)
    np.testing.assert_allclose(frame_average(spin, O(3), PSEUDO * V)(points), spin(points), atol=1e-12)
    np.testing.assert_allclose(frame_average(spin, SO(3), V)(points), spin(points), atol=1e-12)
    np.testing.assert_allclose(frame_average(cubes, CLOUD, V, per_point=True)(points), cubes(points), atol=1e-12)
    centre = frame_average(lambda x: x.mean(axis=-2), CLOUD, V, translations=True, positions=True)
    np.testing.assert_allclose(centre(points + 5.0), points.mean(axis=-2) + 5.0, atol=1e-12)
    # as a vector the pseudovector averages to nothing
    np.testing.assert_allclose(frame_average(spin, O(3), V)(points), 0.0, atol=1e-12)


def test_averages_of_invariants_agree_with_those_over_the_group():
    """Both leave Σ|x|²|x_1|² of a function that is not invariant, up to what is: two projections on the same space."""
    points = np.random.default_rng(3).standard_normal((7, 3))

    def f(x):
        return np.sum(x**2, axis=(-2, -1)) * np.sum(x[..., 0, :] ** 2, axis=-1)

    full = average(lambda x: f(x.reshape(*x.shape[:-1], 7, 3)), O(3), 7 * V, T(0), degree=4)
    np.testing.assert_allclose(full(points.reshape(-1)), frame_average(f, O(3))(points), rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(1, 4), st.booleans())
def test_frames_move_with_the_cloud(seed, count, dim, reflections):
    """𝓕(hX) = h𝓕(X) as sets."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((max(count, dim), dim)) * 2.0 ** np.arange(dim)
    group = O(dim) if reflections else SO(dim)
    h = group.random(rng)
    first, second = frames(points, group).matrix, frames(points @ h.T, group).matrix
    apart = np.abs((h @ first)[:, None] - second[None]).max(axis=(-2, -1))
    assert np.all(apart.min(axis=0) < 1e-8)
    assert np.all(apart.min(axis=1) < 1e-8)


def test_near_an_octahedron_the_average_is_not_stable():
    """Noise of 1e-9 changes it by as much as its own size; hence the refusal."""
    rng = np.random.default_rng(4)

    def f(x):
        return np.sum(np.abs(x[..., 0]), axis=-1)

    values = []
    for _ in range(20):
        noisy = OCTAHEDRON + 1e-9 * rng.standard_normal((6, 3))
        with pytest.raises(InputError, match=r"distinct principal axes.*average over the group instead"):
            frame_average(f, O(3))(noisy)
        values.append(frame_average(f, O(3), on_degenerate="accept")(noisy))
    assert np.ptp(values) > 0.5
    # the average over the group is as stable as f
    full = average(lambda x: f(x.reshape(*x.shape[:-1], 6, 3)), O(3), 6 * V, T(0), samples=400)
    stable = full(np.array([(OCTAHEDRON + 1e-9 * rng.standard_normal((6, 3))).ravel() for _ in range(5)]))
    assert np.ptp(stable) < 1e-7
    # far enough from it there is no objection, and what noise does falls with the distance
    stretched = OCTAHEDRON * [1.2, 1.1, 1.0]
    values = [frame_average(f, O(3))(stretched + 1e-9 * rng.standard_normal((6, 3))) for _ in range(20)]
    assert np.ptp(values) < 1e-6


def test_one_cloud_of_a_batch_is_enough_to_be_refused():
    batch = np.random.default_rng(5).standard_normal((3, 6, 3))
    frames(batch, O(3))
    batch[1] = OCTAHEDRON
    with pytest.raises(InputError, match="eigenvalues differ by"):
        frames(batch, SO(3))
    # points on a line leave the axes across it open
    with pytest.raises(InputError, match="distinct principal axes"):
        frames(np.outer(np.arange(4.0), [1.0, 1.0, 0.0]), O(3))
    with pytest.raises(InputError, match="distinct principal axes"):
        frames(np.zeros((4, 2)), O(2))


def test_points_that_an_axis_does_not_tell_apart_have_no_order():
    kite = np.array([[3.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    frames(kite, O(2))
    with pytest.raises(InputError, match="their order is not stable"):
        frames(kite, Product(S(4), O(2)))
    frames(kite, Product(S(4), O(2)), on_degenerate="accept")
    # but repeated points may come in any order
    double = np.concatenate([kite[:3], kite[:1]])
    f = frame_average(wild((2,)), Product(S(4), O(2)), V)
    np.testing.assert_allclose(f(double[[3, 1, 2, 0]]), f(double), atol=1e-12)
    # and the order of points with no rotations about is never in doubt
    np.testing.assert_array_equal(frames(kite, S(4)).undo(kite[None])[0], kite[[1, 3, 2, 0]])


def test_a_flat_cloud_has_frames():
    """The third axis is that across the plane: a vector average lies in it, a pseudovector along it."""
    flat = np.random.default_rng(6).standard_normal((7, 3)) * [2.0, 1.0, 0.0]
    assert abs(frame_average(wild((3,)), O(3), V)(flat)[2]) < 1e-12
    np.testing.assert_allclose(frame_average(wild((3,)), O(3), PSEUDO * V)(flat)[:2], 0.0, atol=1e-12)


def test_clouds_of_any_size():
    points = np.random.default_rng(9).standard_normal((7, 3))
    for group in (SO(3), CLOUD):
        f = frame_average(lambda x: x[..., 0, :], group, V, tolerance=1e-3)
        for scale in (1e-250, 1e250):
            np.testing.assert_allclose(f(scale * points) / scale, f(points), rtol=1e-9, atol=1e-12)


def test_poses_in_batches():
    rng = np.random.default_rng(7)
    pose = Pose(
        np.array([O(3).random(rng) for _ in range(4)]),
        rng.standard_normal((4, 3)),
        np.array([rng.permutation(5) for _ in range(4)]),
    )
    points = rng.standard_normal((4, 5, 3))
    placed = pose.act(points)
    np.testing.assert_allclose(pose.undo(placed), points, atol=1e-13)
    for b in range(4):
        for i in range(5):
            wanted = pose.matrix[b] @ points[b, i] + pose.shift[b]
            np.testing.assert_allclose(placed[b, pose.order[b, i]], wanted, atol=1e-13)


POINTS = np.random.default_rng(8).standard_normal((7, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frames(POINTS, O(2)), r"expected O\(3\), SO\(3\), S\(7\)"),
        (lambda: frames(POINTS, S(3)), r"given S\(3\)"),
        (lambda: frames(POINTS, Lorentz(2)), r"given Lorentz\(2\)"),
        (lambda: frames(POINTS, Product(O(3), S(7))), "expected"),
        (lambda: frames(POINTS, Product(S(7), Z(3))), "expected"),
        (lambda: frames(POINTS, Product(S(7), O(3), on="pairs")), "expected"),
        (lambda: frames(POINTS[0], O(3)), r"expected real numbers \(..., n, d\)"),
        (lambda: frames([[1.0, 2.0], [1.0]], O(2)), "given lists of several lengths"),
        (lambda: frames(POINTS + 0j, O(3)), "expected real numbers"),
        (lambda: frames(np.where(POINTS > 1, np.nan, POINTS), O(3)), "expected finite numbers"),
        (lambda: frames(POINTS, O(3), on_degenerate="hope"), "expected 'raise' or 'accept'"),
        (lambda: frames(np.zeros((12, 11)) + np.eye(12)[:, :11] * np.arange(1, 12), O(11)), "use canonicalise"),
        (lambda: frames(POINTS, O(3), tolerance=np.nan), "tolerance: expected a finite number >= 0, given nan"),
        (lambda: frames(OCTAHEDRON, O(3), tolerance="a"), "tolerance: expected a finite number >= 0, given 'a'"),
        (lambda: frames(POINTS, O(3)).undo([[1.0, 2.0], [1.0]]), "points: .* lists of several lengths"),
        (lambda: frame_average(wild((1,)), O(3), 0), "rep_out: expected a representation"),
        (lambda: frame_average(None, O(3)), "f: expected a function of clouds .*, given None"),
        (lambda: frame_average(wild((1,)), None), r"group: expected O\(d\), SO\(d\), S\(n\), .* given None"),
        (lambda: frame_average(wild((1,)), Product(O(3), S(7))), r"group: expected O\(d\)"),
        (lambda: frame_average(wild((1,)), O(3), tolerance=np.nan), "tolerance: expected a finite number"),
        (lambda: frame_average(wild((1,)), O(3), on_degenerate="hope"), "expected 'raise' or 'accept'"),
        (lambda: frame_average(wild((9,)), O(3), T(2), positions=True), "expected vectors, rep_out=V"),
        (lambda: frame_average(lambda x: x[..., 0, 0] * np.nan, O(3))(POINTS), "f: expected finite numbers"),
        (lambda: frame_average(lambda x: ["a"] * 3, O(3))(POINTS), "f: expected numbers"),
        (lambda: frame_average(wild((2,)), O(3), V)(POINTS), "expected 3 entries of V"),
        (lambda: frame_average(lambda x: 1.0, O(3), V)(POINTS), "along an axis after the batch"),
        (lambda: frame_average(lambda x: 1.0, O(3))(POINTS[None]), "expected values for a batch"),
        (lambda: frame_average(wild((3, 3)), O(3), V, per_point=True)(POINTS), "one value for each of 7 points"),
        (lambda: frame_average(wild((9,)), O(3), T(2), positions=True)(POINTS), "expected vectors, rep_out=V"),
    ],
)
def test_what_has_no_frames(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("size", [7, 8])
def test_frames_of_a_batch_take_one_cloud_for_each(size):
    """Eight clouds and eight frames are not paired by chance."""
    points = np.random.default_rng(0).standard_normal((size, 5, 3))
    found = frames(points, O(3))
    standard = found.undo(points[:, None])
    np.testing.assert_allclose(found.act(standard), np.broadcast_to(points[:, None], standard.shape), atol=1e-12)
    with pytest.raises(InputError, match=r"points: expected one cloud for each pose .* give points\[..., None, :, :\]"):
        found.undo(points)
    with pytest.raises(InputError, match="points: expected one cloud for each pose"):
        found.act(standard[..., :2])
