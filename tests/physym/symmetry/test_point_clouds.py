"""Features of point clouds: invariance, what they tell apart and what they cannot; congruence; regression."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from physym.symmetry import SO, O
from physym.symmetry.clouds.congruence import congruence
from physym.symmetry.clouds.features import (
    centroid_features,
    centroid_frame,
    centroid_rows,
    centroids,
    conjugation_invariants,
    distances,
    gram_features,
)
from physym.symmetry.clouds.regressor import PointCloudRegressor
from simulators.errors import InputError

LINE = np.array([[0.0], [1.0], [4.0], [10.0], [12.0], [17.0]]), np.array([[0.0], [1.0], [8.0], [11.0], [13.0], [17.0]])
FEATURES = (gram_features, centroid_features)


def homometric(dim, seed):
    """Two clouds with one multiset of distances: the sums a + b and the differences a - b of two sets."""
    a, b = np.random.default_rng(seed).standard_normal((2, 3, dim))
    return (a[:, None] + b).reshape(-1, dim), (a[:, None] - b).reshape(-1, dim)


def ring(*sizes):
    """Points whose Gram matrix is 2 + the adjacency matrix of cycles of these sizes."""
    adjacency = np.zeros((sum(sizes), sum(sizes)))
    begin = 0
    for size in sizes:
        for k in range(size):
            i, j = begin + k, begin + (k + 1) % size
            adjacency[i, j] = adjacency[j, i] = 1
        begin += size
    values, axes = np.linalg.eigh(2 * np.eye(len(adjacency)) + adjacency)
    return axes * np.sqrt(np.maximum(values, 0))


def rank(function, point):
    """The rank of the Jacobian by central differences."""
    columns = []
    for index in np.ndindex(point.shape):
        step = np.zeros(point.shape)
        step[index] = 1e-5
        columns.append((function(point + step) - function(point - step)) / 2e-5)
    sizes = np.linalg.svd(np.array(columns), compute_uv=False)
    found = int(np.sum(sizes > 1e-6 * sizes[0]))
    # a gap between what counts and what is rounding
    assert found == len(sizes) or sizes[found] < 1e-3 * sizes[found - 1]
    return found


@pytest.mark.parametrize("features", [*FEATURES, distances], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("dim", "count"), [(1, 4), (2, 7), (3, 6), (3, 40), (4, 3)])
def test_a_hundred_motions_and_orders_change_nothing(features, dim, count):
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((count, dim))
    before = features(cloud)
    scale = np.abs(before).max()
    moved = np.array([(cloud @ O(dim).random(rng).T)[rng.permutation(count)] for _ in range(100)])
    np.testing.assert_allclose(features(moved), np.broadcast_to(before, (100, len(before))), atol=1e-11 * scale)
    if features is not distances:
        away = rng.standard_normal((100, 1, dim))
        centred = features(cloud, centre=True)
        np.testing.assert_allclose(
            features(moved + away, centre=True), np.broadcast_to(centred, (100, len(before))), atol=1e-11 * scale
        )
        assert np.abs(features(moved + away) - before).max(axis=1).min() > 1e-3


def test_numbers_of_features():
    cloud = np.random.default_rng(1).standard_normal((2, 6, 3))
    assert gram_features(cloud).shape == (2, 22)
    assert centroid_features(cloud).shape == (2, 6 + 6 * 4)
    assert distances(cloud).shape == (2, 15)
    np.testing.assert_allclose(gram_features(cloud)[1], gram_features(cloud[1]), rtol=1e-12)
    np.testing.assert_allclose(centroid_features(cloud)[1], centroid_features(cloud[1]), rtol=1e-12)


@pytest.mark.parametrize(("dim", "count", "wanted", "centred"), [(3, 6, 15, 12), (2, 7, 13, 11), (1, 5, 5, 4)])
@pytest.mark.parametrize("features", FEATURES, ids=lambda f: f.__name__)
def test_ranks_are_the_dimension_of_the_quotient(features, dim, count, wanted, centred):
    cloud = np.random.default_rng(2).standard_normal((count, dim))
    assert rank(features, cloud) == wanted
    assert rank(lambda points: features(points, centre=True), cloud) == centred
    if dim > 1:
        # the lengths are not needed: without them the rank is the same
        bare = rank(lambda p: np.concatenate([part[..., :dim].ravel() for part in centroid_rows(p)[1:]]), cloud)
        assert bare == wanted


@pytest.mark.parametrize(("count", "wanted"), [(3, 6), (4, 720)])
def test_all_arrangements_of_a_matrix_are_told_apart(count, wanted):
    """Matrices with one diagonal and one multiset above it: as many values of f* as there are orbits."""
    rng = np.random.default_rng(3)
    upper = np.triu_indices(count, 1)
    entries, diagonal = rng.standard_normal(len(upper[0])), rng.standard_normal(count)
    arrangements = np.array(list(itertools.permutations(entries)))
    matrices = np.zeros((len(arrangements), count, count))
    matrices[:, upper[0], upper[1]] = matrices[:, upper[1], upper[0]] = arrangements
    matrices += np.diag(diagonal)
    found = conjugation_invariants(matrices)
    np.testing.assert_allclose(found[:, :-1], np.broadcast_to(found[0, :-1], found[:, :-1].shape))
    assert len(np.unique(found[:, -1].round(9))) == wanted
    permuted = matrices[:, rng.permutation(count)]
    assert np.abs(permuted - np.swapaxes(permuted, 1, 2)).max() > 0.1
    order = rng.permutation(count)
    np.testing.assert_allclose(conjugation_invariants(matrices[:, order][:, :, order]), found, rtol=1e-12)


def test_off_the_diagonal_is_off_the_diagonal():
    matrix = np.array([[10.0, 1.0, 2.0], [1.0, 20.0, 3.0], [2.0, 3.0, 30.0]])
    mixed = 10 * (1 + 2) + 20 * (1 + 3) + 30 * (2 + 3)
    assert conjugation_invariants(matrix).tolist() == [10, 20, 30, 1, 2, 3, mixed]


PAIRS = [LINE, *(homometric(dim, seed) for dim in (1, 2, 3) for seed in range(3))]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_clouds_that_share_all_distances(first, second):
    np.testing.assert_allclose(distances(first), distances(second), atol=1e-12)
    assert congruence(first, second) is None
    for features in FEATURES:
        a, b = features(first, centre=True), features(second, centre=True)
        assert np.abs(a - b).max() > 1e-3 * np.abs(a).max()


def test_cycles_are_too_symmetric_for_features():
    """Six points in one cycle or two: equal diagonals, and f* is a number of edges; congruence tells them apart."""
    one, two = ring(6), ring(3, 3)
    np.testing.assert_allclose(gram_features(one), gram_features(two), atol=1e-9)
    assert congruence(one, two, translations=False) is None
    assert congruence(one, two) is None
    for cloud in (one, two):
        rng = np.random.default_rng(4)
        assert congruence(cloud, (cloud @ O(6).random(rng).T)[rng.permutation(6)]) is not None


def test_centroids_move_with_the_cloud():
    rng = np.random.default_rng(5)
    for dim, count in ((1, 3), (2, 5), (3, 8), (5, 12)):
        cloud = rng.standard_normal((count, dim))
        for _ in range(100):
            q = O(dim).random(rng)
            moved = 3.0 * (cloud @ q.T)[rng.permutation(count)]
            np.testing.assert_allclose(centroids(moved), 3.0 * centroids(cloud) @ q.T, atol=1e-12)
            frame = centroid_frame(moved)
            np.testing.assert_allclose(frame, centroid_frame(cloud) @ q.T, atol=1e-9)
        np.testing.assert_allclose(frame @ frame.T, np.eye(dim), atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["opposite", "plane", "line", "zero", "one", "octahedron"]))
def test_centroids_of_symmetric_clouds_stay_where_the_symmetry_is(seed, kind):
    """They are continuous there: rounding decides nothing, whatever the order of the points."""
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((4, 3))
    cloud = {
        "opposite": np.concatenate([half, -half]),
        "plane": half * [1.0, 1.0, 0.0],
        "line": half * [1.0, 0.0, 0.0],
        "zero": np.zeros((3, 3)),
        "one": half[:1],
        "octahedron": np.concatenate([np.eye(3), -np.eye(3)]),
    }[kind]
    q = O(3).random(rng)
    moved = (cloud @ q.T)[rng.permutation(len(cloud))]
    np.testing.assert_allclose(centroids(moved) @ q, centroids(cloud), atol=1e-12)
    frame = centroid_frame(moved)
    expected = {"opposite": 0, "plane": 2, "line": 1, "zero": 0, "one": 1, "octahedron": 0}[kind]
    np.testing.assert_array_less(np.linalg.norm(frame, axis=1)[expected:], 1e-6)
    noise = 1e-9 * rng.standard_normal(cloud.shape)
    np.testing.assert_allclose(centroids(cloud + noise), centroids(cloud), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 9), st.booleans())
def test_congruent_clouds_are_found_out(seed, dim, count, symmetric):
    rng = np.random.default_rng(seed)
    # small whole numbers make clouds with symmetries and points that coincide
    cloud = rng.integers(-1, 2, (count, dim)).astype(float) if symmetric else rng.standard_normal((count, dim))
    moved = (cloud @ O(dim).random(rng).T)[rng.permutation(count)] + rng.standard_normal(dim)
    found = congruence(cloud, moved)
    assert found is not None
    np.testing.assert_allclose(found.matrix.T @ found.matrix, np.eye(dim), atol=1e-12)
    np.testing.assert_allclose(moved[found.order], cloud @ found.matrix.T + found.shift, atol=1e-7)
    assert sorted(found.order) == list(range(count))
    if count > dim and not symmetric:
        moved[0] += 0.01
        assert congruence(cloud, moved) is None


def test_mirror_images_and_translations_if_one_wants():
    rng = np.random.default_rng(6)
    cloud = rng.standard_normal((6, 3))
    mirrored = cloud * [1.0, 1.0, -1.0]
    assert congruence(cloud, mirrored) is not None
    assert congruence(cloud, mirrored, reflections=False) is None
    turned = cloud @ SO(3).random(rng).T
    assert congruence(cloud, turned, reflections=False) is not None
    assert congruence(cloud, turned + 1.0, translations=False) is None
    flat = cloud * [1.0, 1.0, 0.0]
    assert np.linalg.det(congruence(flat, flat * [-1.0, 1.0, 1.0], reflections=False).matrix) > 0
    points = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert congruence(points, points[[1, 0, 2]]).order.tolist()[0] == 1
    assert congruence(points, np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), translations=False) is None


def skewness(cloud):
    """The length of the mean of |p|²p about the middle, which no multiset of distances has."""
    centred = cloud - cloud.mean(axis=0)
    return np.linalg.norm(np.mean(np.sum(centred**2, axis=1, keepdims=True) * centred, axis=0))


def spread(cloud):
    """The volume of the ellipsoid of the cloud: no sum over pairs."""
    centred = cloud - cloud.mean(axis=0)
    return np.sqrt(np.linalg.det(centred.T @ centred))


@pytest.mark.parametrize("features", ["centroids", "gram", "pairs", "distances"])
def test_a_regressor_is_invariant_and_learns(features):
    rng = np.random.default_rng(7)
    clouds = rng.standard_normal((260, 5, 2))
    values = np.array([spread(cloud) for cloud in clouds])
    model = PointCloudRegressor(features).fit(clouds[:200], values[:200])
    found = model.predict(clouds[200:])
    error = np.sqrt(np.mean((found - values[200:]) ** 2)) / values[200:].std()
    assert error < {"centroids": 0.25, "gram": 0.35, "pairs": 0.3, "distances": 0.45}[features]
    assert abs(model.error_ / values.std() - error) < 0.2
    turns = np.array([O(2).random(rng) for _ in range(60)])
    moved = clouds[200:, rng.permutation(5)] @ np.swapaxes(turns, 1, 2) + rng.standard_normal((60, 1, 2))
    np.testing.assert_allclose(model.predict(moved), found, atol=1e-7 * values.std())


def test_a_sum_over_pairs_is_learned_exactly():
    clouds = np.random.default_rng(8).standard_normal((150, 5, 3))
    values = np.array([np.sum(np.exp(-(distances(cloud) ** 2))) for cloud in clouds])
    for features, bound in (("distances", 1e-3), ("pairs", 0.1)):
        model = PointCloudRegressor(features).fit(clouds[:120], values[:120])
        assert np.sqrt(np.mean((model.predict(clouds[120:]) - values[120:]) ** 2)) < bound * values.std()
        assert model.kernel_.reach == 0.0


def test_clouds_that_share_distances_have_one_answer_from_distances_alone():
    pairs = [homometric(2, seed) for seed in range(40)]
    clouds = [cloud for pair in pairs for cloud in pair]
    values = np.array([skewness(cloud) for cloud in clouds])
    blind = PointCloudRegressor("distances").fit(clouds[:60], values[:60]).predict(clouds[60:])
    np.testing.assert_allclose(blind[::2], blind[1::2], atol=1e-6)
    seeing = PointCloudRegressor("centroids").fit(clouds[:60], values[:60]).predict(clouds[60:])
    least = np.sqrt(np.mean((values[60::2] - values[61::2]) ** 2)) / 2
    assert np.sqrt(np.mean((blind - values[60:]) ** 2)) > least
    assert np.sqrt(np.mean((seeing - values[60:]) ** 2)) < 0.5 * least


def test_clouds_of_several_sizes():
    rng = np.random.default_rng(9)
    clouds = [rng.standard_normal((count, 2)) for count in rng.integers(3, 8, 120)]
    values = np.array([np.sum(distances(cloud) ** 2) for cloud in clouds])
    model = PointCloudRegressor("pairs").fit(clouds[:100], values[:100])
    assert np.sqrt(np.mean((model.predict(clouds[100:]) - values[100:]) ** 2)) < 0.15 * values.std()
    again = PointCloudRegressor("pairs").fit(clouds[:100], values[:100])
    np.testing.assert_array_equal(again.predict(clouds[100:]), model.predict(clouds[100:]))


def test_own_features_and_constant_values():
    rng = np.random.default_rng(10)
    clouds = rng.standard_normal((40, 4, 2))
    model = PointCloudRegressor(lambda cloud: (np.linalg.norm(cloud, axis=1)[:, None],), centre=False)
    values = np.linalg.norm(clouds, axis=2).sum(axis=1)
    assert np.abs(model.fit(clouds, values).predict(clouds) - values).max() < 1e-3
    np.testing.assert_allclose(model.fit(clouds, np.full(40, 3.0)).predict(clouds[:2]), [3.0, 3.0])


def test_the_error_left_out_is_that_of_leaving_out():
    rng = np.random.default_rng(11)
    clouds = rng.standard_normal((25, 4, 2))
    values = np.array([spread(cloud) for cloud in clouds])
    from physym.symmetry.clouds import multisets
    from physym.symmetry.clouds import regressor as module

    sets = [multisets.FEATURES["centroids"](cloud) for cloud in clouds]
    matrix = module._inner(sets, sets, 1.0)[0]
    error, ridge, weights = module._left_out(matrix, values)
    np.testing.assert_allclose(weights, np.linalg.solve(matrix + ridge * np.eye(25), values), rtol=1e-5, atol=1e-8)
    off = []
    for k in range(25):
        rest = np.delete(np.arange(25), k)
        left = np.linalg.solve(matrix[np.ix_(rest, rest)] + ridge * np.eye(24), values[rest])
        off.append(matrix[k, rest] @ left - values[k])
    np.testing.assert_allclose(error, np.sqrt(np.mean(np.square(off))), rtol=1e-5)


def test_the_kernel_is_the_mean_over_pairs_of_rows_in_blocks_or_not(monkeypatch):
    from physym.symmetry.clouds import regressor as module

    rng = np.random.default_rng(12)
    first, second = (
        [(rng.standard_normal((n, 2)), rng.standard_normal((2, 1))) for n in sizes] for sizes in ([3, 1, 4], [2, 5])
    )

    def one(a, b, width):
        return np.mean(np.exp(-np.sum((a[:, None] - b) ** 2, axis=-1) / (2 * width**2)))

    for block in (module._BLOCK, 1):
        monkeypatch.setattr(module, "_BLOCK", block)
        found = module._inner(first, second, 2.0, 3)
        for level, width in enumerate((2.0, 1.0, 0.5)):
            wanted = [[np.mean([one(x, y, width) for x, y in zip(a, b, strict=True)]) for b in second] for a in first]
            np.testing.assert_allclose(found[level], wanted, rtol=1e-9)


SEVERAL = np.random.default_rng(21).standard_normal((5, 3, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gram_features(1e200 * SEVERAL), "expected numbers whose products are finite"),
        (lambda: centroid_features(1e200 * SEVERAL), "expected numbers whose products are finite"),
        (lambda: distances([[1.7e308], [-1.7e308]]), "expected numbers whose products are finite"),
        (lambda: gram_features([[1.7e308], [1.7e308]], centre=True), "expected numbers whose products are finite"),
        (lambda: gram_features(SEVERAL, centre="no"), "centre: expected True or False, given 'no'"),
        (lambda: congruence(SEVERAL[0], SEVERAL[0], reflections="no"), "reflections: expected True or False"),
        (lambda: congruence(SEVERAL[0], SEVERAL[0], translations=None), "translations: expected True or False"),
        (lambda: gram_features(torch.ones(2, 2) + 1j), "expected real numbers, given a tensor of torch.complex"),
        (lambda: gram_features(torch.ones(2)), r"expected clouds .* given the shape \(2,\)"),
        (lambda: conjugation_invariants(torch.ones(2, 3)), r"expected an array .* given the shape \(2, 3\)"),
        (lambda: conjugation_invariants(np.zeros((2, 3))), r"expected an array \(..., n, n\)"),
        (lambda: conjugation_invariants([[0.0, 1.0], [2.0, 0.0]]), "expected a symmetric one"),
        (lambda: gram_features([[np.nan, 1.0]]), "expected finite numbers"),
        (lambda: gram_features([1.0, 2.0]), "expected clouds"),
        (lambda: centroid_features(np.zeros((0, 3))), "expected clouds"),
        (lambda: centroids([["a"]]), "expected real numbers"),
        (lambda: centroids([[1.0], [1.0, 2.0]]), "expected one array"),
        (lambda: distances(np.zeros((2, 2)) + 1j), "expected real numbers"),
        (lambda: congruence(np.zeros((2, 2)), np.zeros((3, 2))), "expected two clouds of one shape"),
        (lambda: congruence(np.zeros((2, 2)), np.zeros((2, 2)), tolerance=0.0), "expected a number > 0"),
        (lambda: PointCloudRegressor("k-means"), "expected one of centroids, gram, pairs, distances or a function"),
        (lambda: PointCloudRegressor(["gram"]), r"expected one of .* or a function, given \['gram'\]"),
        (lambda: PointCloudRegressor(centre="no"), "centre: expected True or False, given 'no'"),
        (
            lambda: PointCloudRegressor(lambda cloud: 3).fit(SEVERAL, np.arange(5.0)),
            "tuple of arrays, given one to int",
        ),
        (lambda: PointCloudRegressor(lambda cloud: cloud[0]).fit(SEVERAL, np.arange(5.0)), "given one to ndarray"),
        (
            lambda: PointCloudRegressor(lambda cloud: (cloud[0],)).fit(SEVERAL, np.arange(5.0)),
            r"given one to \[\(2,\)\]",
        ),
        (lambda: PointCloudRegressor(lambda cloud: ("a",)).fit(SEVERAL, np.arange(5.0)), "features: expected real"),
        (
            lambda: PointCloudRegressor(lambda cloud: (cloud.T,)).fit([SEVERAL[0], SEVERAL[1, :2]], [0.0, 1.0]),
            r"expected as many arrays and columns of each cloud, given \[\(2, 1\), \(3, 1\)\]",
        ),
        (lambda: PointCloudRegressor().fit(SEVERAL, 1j * np.arange(5.0)), "values: expected real numbers"),
        (lambda: PointCloudRegressor().fit(SEVERAL, torch.arange(5.0)), "values: expected an array of numpy"),
        (lambda: PointCloudRegressor().predict(np.zeros((2, 3, 3))), "call fit first"),
        (lambda: PointCloudRegressor().fit(np.zeros((2, 3, 3)), [1.0]), "expected two or more, one for each cloud"),
        (lambda: PointCloudRegressor().fit(np.ones((2, 3, 3)), [1.0, np.inf]), "expected finite numbers"),
        (lambda: PointCloudRegressor().fit(np.ones((2, 3, 3)), ["a", "b"]), "expected real numbers"),
        (lambda: PointCloudRegressor().fit([np.ones((2, 3)), np.ones((2, 2))], [1.0, 2.0]), "all of one d"),
        (lambda: PointCloudRegressor().fit([], []), "given none"),
        (lambda: PointCloudRegressor().fit(3, [1]), r"expected an array \(N, n, d\) .* given 3"),
        (lambda: PointCloudRegressor().fit(np.array(3), [1]), "expected an array"),
        (
            lambda: PointCloudRegressor("pairs").fit(SEVERAL, np.arange(5.0)).predict(1e200 * SEVERAL),
            "whose products are finite",
        ),
        (
            lambda: PointCloudRegressor(lambda cloud: (cloud @ cloud.T,)).fit(1e200 * SEVERAL, np.arange(5.0)),
            "features: expected finite numbers",
        ),
        (lambda: PointCloudRegressor().score(SEVERAL, np.arange(5.0)), "call fit first"),
        (lambda: PointCloudRegressor().fit(SEVERAL, np.arange(5.0)).score(SEVERAL, np.ones(5)), "expected different"),
        (lambda: PointCloudRegressor().fit(SEVERAL, np.arange(5.0)).score(SEVERAL, [1.0]), "one for each cloud"),
        (lambda: PointCloudRegressor("pairs").fit(np.ones((2, 1, 3)), [1.0, 2.0]), "a cloud with none"),
    ],
)
def test_what_is_no_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("tolerance", [np.nan, np.inf, -1.0, "a", None])
def test_what_is_no_tolerance(tolerance):
    with pytest.raises(InputError, match="tolerance: expected a finite number >= 0, given"):
        congruence(SEVERAL[0], SEVERAL[0], tolerance)


@pytest.mark.parametrize("function", [centroids, centroid_frame, centroid_rows, centroid_features])
@pytest.mark.parametrize("learned", [True, False])
def test_tensors_where_numpy_is_meant(function, learned):
    cloud = torch.ones(3, 2, requires_grad=learned)
    with pytest.raises(InputError, match=r"points: expected an array of numpy, given a tensor; give its \.detach"):
        function(cloud)
    with pytest.raises(InputError, match="expected an array of numpy, given a tensor"):
        congruence(cloud, cloud)
    with pytest.raises(InputError, match="expected an array of numpy, given a tensor"):
        PointCloudRegressor().fit([cloud, cloud], [0.0, 1.0])


def test_torch_agrees_with_numpy_and_differentiates():
    tensor = torch.tensor(SEVERAL, requires_grad=True)
    for function in (gram_features, distances, lambda points: gram_features(points, centre=True)):
        np.testing.assert_allclose(function(tensor).detach(), function(SEVERAL), rtol=1e-13)
        assert torch.autograd.gradcheck(function, tensor)
    assert gram_features(torch.ones(3, 2, dtype=torch.int64)).dtype == torch.get_default_dtype()
    assert distances(torch.ones(3, 2, dtype=torch.float32)).dtype == torch.float32


@pytest.mark.parametrize("unit", [1e-200, 1e-170, 1e200, 1e300])
def test_units_are_nothing(unit):
    rng = np.random.default_rng(22)
    cloud = rng.standard_normal((5, 3))
    for function in (centroids, distances):
        np.testing.assert_allclose(function(unit * cloud) / unit, function(cloud), rtol=1e-9)
    np.testing.assert_allclose(centroid_frame(unit * cloud), centroid_frame(cloud), rtol=1e-9)
    turned = cloud @ SO(3).random(rng).T + 1.0
    found = congruence(unit * cloud, unit * turned[::-1])
    np.testing.assert_array_equal(found.order, np.arange(5)[::-1])
    np.testing.assert_allclose(unit * cloud @ found.matrix.T + found.shift, unit * turned, rtol=0, atol=1e-9 * unit)
    assert congruence(unit * np.eye(3), unit * np.diag([1.0, 2.0, 3.0])) is None
    assert congruence(unit * np.eye(3), np.eye(3)) is None


@pytest.mark.parametrize("features", ["centroids", "gram", "pairs", "distances"])
def test_units_are_nothing_to_the_regressor(features):
    clouds = np.random.default_rng(23).standard_normal((20, 4, 2))
    values = np.sum(clouds**2, axis=(1, 2))
    wanted = PointCloudRegressor(features).fit(clouds[:15], values[:15]).predict(clouds[15:])
    for power in (-600, 600):
        model = PointCloudRegressor(features).fit(np.ldexp(clouds[:15], power), values[:15])
        np.testing.assert_array_equal(model.predict(np.ldexp(clouds[15:], power)), wanted)


def test_no_clouds_have_features_too():
    for function in FEATURES:
        assert function(np.zeros((0, 3, 2))).shape == (0, len(function(np.zeros((3, 2)))))
    assert centroids(np.zeros((0, 3, 2))).shape == (0, 2, 2)
    assert distances(np.zeros((0, 3, 2))).shape == (0, 3)


def test_a_fit_that_fails_leaves_nothing_to_predict_with():
    model = PointCloudRegressor().fit(SEVERAL, np.arange(5.0))
    with pytest.raises(InputError, match="expected finite numbers"):
        model.fit(SEVERAL, np.full(5, np.nan))
    with pytest.raises(InputError, match="call fit first"):
        model.predict(SEVERAL)


def test_other_features_than_in_training():
    model = PointCloudRegressor("pairs").fit(SEVERAL, np.arange(5.0))
    with pytest.raises(InputError, match=r"expected \(3, 1\) columns as in training, given \(1, 1\); fit again"):
        model.set_params(features="distances").predict(SEVERAL)


def test_the_score_is_the_share_of_the_variance():
    rng = np.random.default_rng(20)
    clouds = rng.standard_normal((40, 5, 2))
    values = np.array([spread(cloud) for cloud in clouds])
    model = PointCloudRegressor().fit(clouds[:30], values[:30])
    found, wanted = model.predict(clouds[30:]), values[30:]
    assert model.score(clouds[30:], wanted) == pytest.approx(1 - np.mean((found - wanted) ** 2) / np.var(wanted))
    # where the predictions are the mean of what is asked for, nothing is explained
    assert model.score(clouds[30:], np.concatenate([found[:5] + 1, found[5:] - 1])) < 1.0
    assert model.score(clouds[30:], found) == 1.0


def test_centres_of_symmetry_leave_centroids_only_radii():
    """Two rhombuses of the same radii and other angles, which pairs tell apart."""
    angles = np.array([0.0, 0.5, 1.2])[:, None] * [0.0, 1.0]
    half = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * np.array([1.0, 2.0])[:, None]
    clouds = np.concatenate([half, -half], axis=1)
    np.testing.assert_allclose(centroid_features(clouds[0]), centroid_features(clouds[1]), atol=1e-12)
    assert np.abs(gram_features(clouds[1]) - gram_features(clouds[2])).max() > 0.1


def test_other_dimensions_than_in_training():
    model = PointCloudRegressor().fit(np.random.default_rng(13).standard_normal((5, 3, 3)), np.arange(5.0))
    with pytest.raises(InputError, match=r"expected one or more \(n, 3\)"):
        model.predict(np.zeros((2, 3, 2)))
    assert "centroids" in repr(model)


def test_settings_as_scikit_learn_asks():
    model = PointCloudRegressor("gram", centre=False)
    assert model.get_params() == {"features": "gram", "centre": False}
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(features="pairs") is model
    assert model.features == "pairs"
    with pytest.raises(InputError, match="expected settings among features, centre, given 'center'"):
        model.set_params(center=True)
    with pytest.raises(InputError, match="features: expected one of"):
        model.set_params(features="grams")
