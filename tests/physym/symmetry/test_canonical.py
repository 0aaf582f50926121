"""Canonical forms: the same for all clouds of an orbit, and never continuous everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symmetry import SO, Lorentz, O, Product, S
from physym.symmetry.averaging.canonical import canonicalise, canonicalised
from physym.symmetry.averaging.frames import frame_average
from physym.symmetry.linear.representations import PSEUDO, T, V
from simulators.errors import InputError

RNG = np.random.default_rng(0)
OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])
SHAPES = {
    "generic": RNG.standard_normal((6, 3)),
    "octahedron": OCTAHEDRON,
    "triangle": np.array([[np.cos(a), np.sin(a), 0.0] for a in 2 * np.pi * np.arange(6) / 3]),
    "line": np.outer([1.0, -1.0, 0.5, -0.5, 2.0, 0.0], [1.0, 2.0, 2.0]),
    "half as far, and opposite": np.outer([-1.0, 0.5, 2.0, 0.0, 0.0, -1.5], [3.0, 2.0, 1.0]),
    "almost a line": np.outer([-1.0, 0.5, 2.0, 0.0, 0.0, -1.5], [3.0, 2.0, 1.0]) + 1e-8 * RNG.standard_normal((6, 3)),
    "origin": np.zeros((6, 3)),
    "repeated": np.tile(RNG.standard_normal((2, 3)), (3, 1)),
    "tiny": 1e-250 * RNG.standard_normal((6, 3)),
    "huge": 1e250 * RNG.standard_normal((6, 3)),
    "flat but for rounding": RNG.standard_normal((6, 3)) * [1.0, 1.0, 1e-17],
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("group", [O(3), SO(3), S(6)], ids=repr)
@pytest.mark.parametrize("translations", [False, True])
def test_all_clouds_have_one_canonical_form(name, group, translations):
    """Symmetric ones too; under 100 random elements, reflections included."""
    points = SHAPES[name]
    if group == S(6) and translations:
        # a shift would round away the differences by which points are sorted
        points = np.round(points, 3) if name not in ("tiny", "huge") else points
    rng = np.random.default_rng(1)
    canonical, pose = canonicalise(points, group, translations=translations)
    scale = np.abs(points).max(initial=1e-300)
    np.testing.assert_allclose(pose.act(canonical), points, atol=1e-13 * scale)
    moved = np.array([_moved(points, group, rng, translations * scale) for _ in range(100)])
    found, poses = canonicalise(moved, group, translations=translations)
    np.testing.assert_allclose(found, np.broadcast_to(canonical, found.shape), atol=1e-10 * scale)
    np.testing.assert_allclose(poses.act(found), moved, atol=1e-12 * scale)
    if isinstance(group, SO):
        np.testing.assert_allclose(np.linalg.det(poses.matrix), 1.0)


def _moved(points, group, rng, shift):
    if isinstance(group, S):
        return rng.permutation(points) + shift * rng.standard_normal(3)
    return points @ group.random(rng).T + shift * rng.standard_normal(3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.integers(0, 2))
def test_canonical_forms_of_small_figures(seed, count, dim, reflections, span):
    """Points on a grid of few places: ties, lines, repetitions in all combinations."""
    rng = np.random.default_rng(seed)
    points = rng.integers(-span, span + 1, (count, dim)).astype(float)
    group = O(dim) if reflections else SO(dim)
    canonical, _ = canonicalise(points, group)
    found, pose = canonicalise(points @ group.random(rng).T, group)
    np.testing.assert_allclose(found, canonical, atol=1e-10)
    assert np.linalg.det(pose.matrix) == pytest.approx(1.0) or reflections
    # nothing but the group is lost: the Gram matrix is the same
    np.testing.assert_allclose(canonical @ canonical.T, points @ points.T, atol=1e-11)


@pytest.mark.parametrize("group", [Product(S(8), O(3)), Product(S(8), SO(3))], ids=repr)
@pytest.mark.parametrize("translations", [False, True])
def test_rotations_and_orders_together(group, translations):
    rng = np.random.default_rng(2)
    points = rng.standard_normal((8, 3))
    canonical, _ = canonicalise(points, group, translations=translations)
    for _ in range(100):
        moved = rng.permutation(points) @ group.second.random(rng).T + translations * rng.standard_normal(3)
        found, pose = canonicalise(moved, group, translations=translations)
        np.testing.assert_allclose(found, canonical, atol=1e-10)
        np.testing.assert_allclose(pose.act(found), moved, atol=1e-12)
    mirrored = canonicalise(points * [-1.0, 1.0, 1.0], group, translations=translations)[0]
    assert np.allclose(mirrored, canonical) == isinstance(group.second, O)


@pytest.mark.parametrize(
    ("group", "rep"),
    [(O(3), T(0)), (O(3), V), (SO(3), T(2) + V), (O(3), PSEUDO * V + T(3)), (Product(S(8), O(3)), V)],
    ids=repr,
)
@pytest.mark.parametrize("translations", [False, True])
def test_any_function_becomes_equivariant(group, rep, translations):
    rng = np.random.default_rng(3)
    points = rng.standard_normal((2, 8, 3))
    weights = rng.standard_normal((24, 8 * rep.dim(3)))
    orders = isinstance(group, Product)
    positions = rep == V and translations

    def f(x):
        return np.tanh(x.reshape(*x.shape[:-2], 24) @ weights).reshape(*x.shape[:-1], rep.dim(3))

    g = canonicalised(f, group, rep, per_point=True, positions=positions, translations=translations)
    values = g(points)
    for _ in range(100):
        matrix, shift = (group.second if orders else group).random(rng), translations * rng.standard_normal(3)
        order = rng.permutation(8) if orders else np.arange(8)
        wanted = rep.act(matrix, values) + (shift if positions else 0.0)
        np.testing.assert_allclose(g((points @ matrix.T + shift)[:, order]), wanted[:, order], atol=1e-10)


def test_an_equivariant_function_stays_as_it_is():
    points = np.random.default_rng(4).standard_normal((5, 8, 3))
    spin = canonicalised(lambda x: np.cross(x[..., 0, :], x[..., 1, :]), O(3), PSEUDO * V)
    np.testing.assert_allclose(spin(points), np.cross(points[:, 0], points[:, 1]), atol=1e-12)
    lengths = canonicalised(lambda x: np.linalg.norm(x, axis=-1), Product(S(8), O(3)), per_point=True)
    np.testing.assert_allclose(lengths(points), np.linalg.norm(points, axis=-1), atol=1e-12)
    ranks = canonicalised(lambda x: np.broadcast_to(np.arange(8.0), x.shape[:-1]), S(8), per_point=True)
    np.testing.assert_array_equal(ranks(points), np.argsort(np.argsort(points[..., 0], axis=-1), axis=-1))


def test_clouds_without_a_canonical_form_under_both():
    with pytest.raises(InputError, match="distinct principal axes"):
        canonicalise(OCTAHEDRON, Product(S(6), O(3)))
    kite = np.array([[3.0, 0.0], [-1.0, 0.0], [-2.0, 1.0], [-2.0, -1.0]])
    with pytest.raises(InputError, match="average over frames instead"):
        canonicalise(kite, Product(S(4), O(2)))
    # for rotations alone the mirror line has no direction to be given, but then its points have no order
    with pytest.raises(InputError, match="their order is not stable"):
        canonicalise(kite, Product(S(4), SO(2)))


def jumps(path, group):
    """How far canonical forms of successive clouds are apart, and how far the orbits are."""
    forms = canonicalise(path, group)[0]
    leaps = np.abs(np.diff(forms, axis=0)).max(axis=(-2, -1))
    steps = path[1:] - path[:-1]
    # the orbits are no farther apart than the clouds
    return leaps, np.abs(steps).max(axis=(-2, -1))


def test_no_order_of_two_points_in_the_plane_is_continuous():
    """They change places by half a turn: a continuous choice of order would not change on the way, but must do so."""
    for start in np.linspace(0.05, 3.0, 7):
        angles = start + np.pi * np.arange(2001) / 2000
        along = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        path = np.stack([along, -along], axis=1)
        np.testing.assert_allclose(path[-1], path[0, ::-1], atol=1e-12)
        leaps, moves = jumps(path, S(2))
        assert np.sum(leaps > 1.0) == 1  # an odd number, whatever the rule
        assert moves.max() < 2e-3


def test_canonical_forms_under_rotations_jump_where_the_choice_changes():
    """The cloud moves by little, its orbit by less, and its canonical form by as much as it is large."""
    grow = np.linspace(0.5, 2.5, 4001)
    path = np.zeros((len(grow), 2, 2))
    path[:, 0, 0] = grow
    path[:, 1] = [1.0, 1.0]
    for group in (O(2), SO(2)):
        leaps, moves = jumps(path, group)
        assert np.sum(leaps > 0.3) == 1
        assert moves.max() < 1e-3


def test_an_average_over_frames_does_not_jump_where_a_sign_changes():
    """Along a path on which the third moment passes through 0 the canonical form jumps, the frame average does not."""
    group = Product(S(4), O(2))
    path = np.array(
        [[[3.0 + t, 0.2], [-3.0, -0.3], [1.0, 1.0], [-1.05, -0.4]] for t in np.linspace(-0.2, 0.2, 1001) + 1e-5]
    )

    def f(x):
        return np.tanh(x[..., 0, 0] + 2.0) + x[..., -1, 1] ** 2

    through_form, through_frames = canonicalised(f, group)(path), frame_average(f, group)(path)
    assert np.abs(np.diff(through_form)).max() > 0.03
    assert np.abs(np.diff(through_frames)).max() < 1e-3


def test_values_without_entries():
    assert canonicalised(lambda x: x[..., 0, :0], O(3), 0 * V)(np.ones((2, 4, 3))).shape == (2, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: canonicalise(OCTAHEDRON, O(2)), r"expected O\(3\)"),
        (lambda: canonicalise(OCTAHEDRON, Lorentz(2)), "group: expected"),
        (lambda: canonicalise([1.0, 2.0], O(2)), "expected real numbers"),
        (lambda: canonicalise([[np.inf, 2.0]], O(2)), "expected finite numbers"),
        (lambda: canonicalise(OCTAHEDRON, O(3), tolerance=np.nan), "tolerance: expected a finite number >= 0"),
        (lambda: canonicalised(lambda x: x, O(3), tolerance=-1.0), "tolerance: expected a finite number >= 0"),
        (lambda: canonicalised(None, O(3)), "f: expected a function of clouds"),
        (lambda: canonicalised(lambda x: x, "O(3)"), r"group: expected O\(d\), .* given 'O\(3\)'"),
        (lambda: canonicalised(lambda x: x[..., 0, 0] * np.nan, O(3))(OCTAHEDRON), "f: expected finite numbers"),
        (lambda: canonicalised(lambda x: x, O(3), "V"), "rep_out: expected a representation"),
        (lambda: canonicalised(lambda x: x[..., :2], O(3), V)(OCTAHEDRON), "expected 3 entries of V"),
    ],
)
def test_what_has_no_canonical_form(call, message):
    with pytest.raises(InputError, match=message):
        call()
