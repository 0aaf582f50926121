"""Vectors from their invariants, and the element that carries what is found to what there was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symmetry import SO, SU, Lorentz, O, Sp, U
from physym.symmetry.vectors.alignment import align
from physym.symmetry.vectors.forms import Form, form_of
from physym.symmetry.vectors.invariants import gram, invariants
from physym.symmetry.vectors.recovery import from_gram, from_minkowski, recover
from simulators.errors import InputError

GROUPS = [
    O(1), O(2), O(3), SO(1), SO(2), SO(3), SO(4), Lorentz(1), Lorentz(3), Lorentz(3, proper=True), Sp(2), Sp(4), U(1),
    U(2), U(3), SU(2), SU(3),
]  # fmt: skip


def draw(group, count, rng, lead=()):
    shape = (*lead, count, group.dim)
    vectors = rng.standard_normal(shape)
    return vectors + 1j * rng.standard_normal(shape) if group.complex else vectors


def is_element(g, group):
    form = form_of(group)
    volume = not form.volume or np.abs(np.linalg.det(g) - 1).max() < 1e-8
    return form.kept_by(g) < 1e-9 and volume and (not form.future or g[0, 0] > 0)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_nothing_is_lost(group, count):
    """Vectors from invariants alone are carried to the ones there were, by an element of the group."""
    rng = np.random.default_rng(count)
    vectors = draw(group, count, rng, (3,))
    found = recover(invariants(vectors, group), count, group)
    assert found.shape == vectors.shape
    for a, b in zip(found, vectors, strict=True):
        are_carried(a, b, group)


def are_carried(a, b, group):
    """Whether an element of the group, or if it keeps the future one and a reversal, carries a to b."""
    if form_of(group).future:
        # no polynomial tells past from future: turned about, they may be in the other half
        try:
            g = align(a, b, group)
        except InputError:
            with pytest.raises(InputError, match=r"differ by a reversal of time, .* take Form\(eta, volume=True\)"):
                align(a, b, group)
            turn = align(a, b, Form(group.metric, volume=True))
            assert turn[0, 0] < 0
            np.testing.assert_allclose(a @ turn.T, b, atol=1e-8 * np.linalg.norm(turn, 2) ** 2)
            b = b @ np.diag([-1.0, -1.0, 1.0, 1.0])
            g = align(a, b, group)
    else:
        g = align(a, b, group)
    assert is_element(g, group)
    np.testing.assert_allclose(a @ g.T, b, atol=1e-8 * np.linalg.norm(g, 2) ** 2)


SPLIT = Form(np.diag([1.0, 1.0, -1.0, -1.0]))
TURNED = np.array([[2.0, 1.0], [1.0, 3.0]])
FORMS = [
    SPLIT, Form(SPLIT.matrix, volume=True), Form(TURNED), Form(-TURNED, volume=True),
    Form(np.array([[2.0, 1j], [-1j, 3.0]]), hermitian=True, volume=True),
    Form(np.array([[2.0, 1j], [-1j, -3.0]]), hermitian=True),
]  # fmt: skip


def of_rank(group, count, rank, rng, lead=()):
    """Vectors of which no more than so many are independent."""
    dim = form_of(group).dim
    parts = [rng.standard_normal((*lead, *shape)) for shape in ((count, rank), (rank, dim), (count, rank), (rank, dim))]
    turning = form_of(group).hermitian
    return (parts[0] + 1j * parts[2]) @ (parts[1] + 1j * parts[3]) if turning else parts[0] @ parts[1]


@pytest.mark.parametrize("group", [*GROUPS, *FORMS], ids=[*map(repr, GROUPS), *(f"form{k}" for k in range(len(FORMS)))])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_nothing_is_lost_of_vectors_that_depend_on_each_other(group, count):
    rng = np.random.default_rng(count)
    for rank in range(min(count, form_of(group).dim) + 1):
        vectors = of_rank(group, count, rank, rng, (3,))
        scale = np.abs(vectors).max(initial=0.0) ** 2
        given = invariants(vectors, group)
        found = recover(given, count, group, scale=scale)
        volumes = form_of(group).dim if form_of(group).volume else 2
        np.testing.assert_allclose(invariants(found, group), given, atol=1e-11 * max(1.0, scale) ** volumes)
        if form_of(group).skew and rank % 2:
            # one combination is orthogonal to all, which the products do not show
            continue
        if form_of(group).skew and rank < count < form_of(group).dim and count % 2:
            continue
        for a, b in zip(found, vectors, strict=True):
            are_carried(a, b, group)


@pytest.mark.parametrize("group", [Lorentz(2), Lorentz(3), SPLIT], ids=["Lorentz(2)", "Lorentz(3)", "split"])
@pytest.mark.parametrize("rank", [1, 2])
def test_rounding_of_the_products_adds_no_dimension(group, rank):
    for seed in range(50):
        vectors = of_rank(group, 3, rank, np.random.default_rng(seed))
        products = np.linalg.eigvalsh(gram(vectors, group))
        if np.sort(np.abs(products))[-rank] < 1e-2 * np.abs(vectors).max() ** 2:
            # almost a light ray: rounding is larger than the products tell
            continue
        found = recover(invariants(vectors, group), 3, group)
        assert np.linalg.matrix_rank(found, tol=1e-10) == rank
        are_carried(found, vectors, group)


def test_points_of_a_plane_have_no_volume():
    vectors = of_rank(SO(3), 5, 2, np.random.default_rng(0))
    np.testing.assert_allclose(invariants(recover(invariants(vectors, SO(3)), 5, SO(3)), SO(3))[15:], 0.0, atol=1e-13)


def test_products_of_nothing_but_rounding():
    """Of parallel vectors in the plane of Sp(2), and of a line near the light cone."""
    vectors = of_rank(Sp(2), 4, 1, np.random.default_rng(3))
    values = invariants(vectors, Sp(2))
    assert 0 < np.abs(values).max() < 1e-14
    with pytest.raises(InputError, match="if it is rounding of larger numbers, say their `scale`"):
        recover(values, 4, Sp(2))
    np.testing.assert_array_equal(recover(values, 4, Sp(2), scale=np.abs(vectors).max() ** 2), 0.0)
    ray = np.array([[1.0], [0.3], [-0.7]]) * np.array([1e4, np.sqrt(1e8 - 1.0)])
    found = recover(invariants(ray, Lorentz(1)), 3, Lorentz(1), scale=1e8)
    assert np.linalg.matrix_rank(found, tol=1e-10) == 1
    are_carried(found, ray, Lorentz(1))


def test_definite_forms_answer_with_the_nearest():
    rng = np.random.default_rng(7)
    for form in FORMS[2:5]:
        a, b = of_rank(form, 5, 2, rng), of_rank(form, 5, 2, rng)
        g = align(a, b, form)
        assert is_element(g, form)

        def off(element, a=a, b=b, form=form):
            rest = a @ element.T - b
            return abs(np.trace(form.products(rest, rest)).real)

        # through 1 for the components Xᴴa, with X of Cholesky's instead of the eigenvalues
        basis = np.linalg.cholesky(form.matrix * np.sign(form.matrix[0, 0].real))
        group = SU(2) if form.hermitian else SO(2) if form.volume else O(2)
        for _ in range(200):
            other = np.linalg.inv(basis.conj().T) @ group.random(rng) @ basis.conj().T
            assert is_element(other, form)
            assert off(other) >= off(g) * (1 - 1e-12)
    stacked = align(np.stack([a, b]), np.stack([b, a]), form)
    np.testing.assert_allclose(stacked[0], g, atol=1e-12)


def test_the_nearest_in_any_units():
    a = np.random.default_rng(8).standard_normal((4, 3))
    g = O(3).random(np.random.default_rng(9))
    for unit in (1e-200, 1e200):
        np.testing.assert_allclose(align(unit * a, unit * (a @ g.T), O(3)), g, atol=1e-12)


@pytest.mark.parametrize("tolerance", [np.nan, np.inf, -1.0, "a", None, True])
def test_what_is_no_tolerance(tolerance):
    calls = (
        lambda: recover([-1.0], 1, O(2), tolerance=tolerance),
        lambda: recover([1.0], 1, O(2), scale=tolerance),
        lambda: from_gram([[-1.0]], O(2), tolerance),
        lambda: from_minkowski([[1.0]], 1, tolerance),
        lambda: align(np.eye(4), 2 * np.eye(4), Lorentz(3), tolerance),
    )
    for call in calls:
        with pytest.raises(InputError, match=r"(tolerance|scale): expected a finite number >= 0, given"):
            call()


@pytest.mark.parametrize("learned", [True, False])
def test_tensors_are_refused(learned):
    one = torch.ones(1, 1, requires_grad=learned)
    for call in (
        lambda: recover(one[0], 1, O(1)),
        lambda: from_gram(one, O(1)),
        lambda: align(one, np.ones((1, 1)), O(1)),
        lambda: align(np.ones((1, 1)), one, O(1)),
    ):
        with pytest.raises(InputError, match=r"expected an array of numpy, given a tensor; give its \.detach"):
            call()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(GROUPS), st.integers(1, 6), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_an_element_is_found_again(group, count, seed, degenerate):
    """Whatever the vectors span: less than the space, repeated vectors, zeros."""
    rng = np.random.default_rng(seed)
    vectors = draw(group, count, rng)
    vectors[rng.integers(count)] *= degenerate != 1
    if degenerate == 2:
        vectors[-1] = 2 * vectors[0]
    g = group.random(rng)
    found = align(vectors, vectors @ g.T, group)
    assert is_element(found, group)
    scale = np.linalg.norm(g, 2) * np.linalg.norm(found, 2) * max(1.0, np.abs(vectors).max())
    np.testing.assert_allclose(vectors @ found.T, vectors @ g.T, atol=1e-9 * scale)
    if np.linalg.matrix_rank(vectors, tol=1e-3) == group.dim:
        np.testing.assert_allclose(found, g, atol=1e-6 * scale)


def test_light_is_carried_to_light_but_not_to_nothing():
    light, other, nothing = np.array([[1.0, 1.0, 0, 0]]), np.array([[3.0, 0, 0, -3.0]]), np.zeros((1, 4))
    g = align(light, other, Lorentz(3, proper=True))
    assert is_element(g, Lorentz(3, proper=True))
    np.testing.assert_allclose(g @ light[0], other[0], atol=1e-12)
    np.testing.assert_array_equal(gram(light, Lorentz(3)), gram(nothing, Lorentz(3)))
    for a, b in ((light, nothing), (nothing, light)):
        with pytest.raises(InputError, match="expected vectors of the same orbit"):
            align(a, b, Lorentz(3))
    np.testing.assert_array_equal(from_minkowski([[0.0]], 3), nothing)
    # two of them span a plane, and a third in it is null only along one of these
    pair = np.array([[1.0, 1.0, 0, 0], [1.0, -1.0, 0, 0]])
    h = Lorentz(3).random(np.random.default_rng(0))
    np.testing.assert_allclose(pair @ align(pair, pair @ h.T, Lorentz(3)).T, pair @ h.T, atol=1e-10)
    past = np.array([[-1.0, 1.0, 0, 0]])
    assert align(light, past, Lorentz(3))[0, 0] < 0
    with pytest.raises(InputError, match="differ by a reversal of time"):
        align(light, past, Lorentz(3, proper=True))


def test_a_proper_element_where_the_vectors_leave_a_choice():
    rng = np.random.default_rng(9)
    for _ in range(20):
        space = np.concatenate([np.zeros((1, 1)), rng.standard_normal((1, 3))], axis=1)
        goal = space @ Lorentz(3, proper=True).random(rng).T
        assert is_element(align(space, goal, Lorentz(3, proper=True)), Lorentz(3, proper=True))


def test_the_nearest_rotation_to_noisy_vectors():
    """Least squares: no other rotation nearby, or anywhere, does better."""
    rng = np.random.default_rng(1)
    a = rng.standard_normal((10, 3))
    for group in (O(3), SO(3)):
        b = a @ O(3).random(rng).T + 0.1 * rng.standard_normal((10, 3))
        g = align(a, b, group)
        best = np.sum((a @ g.T - b) ** 2)
        others = np.array([group.random(rng) for _ in range(500)])
        assert np.all(np.sum((a @ np.swapaxes(others, -1, -2) - b) ** 2, axis=(-2, -1)) > best)
        for axis in SO(3).lie_algebra():
            for step in (1e-3, -1e-3):
                turned = g @ (np.eye(3) + step * axis + step**2 / 2 * axis @ axis)
                assert np.sum((a @ turned.T - b) ** 2) > best - 1e-9
        assert is_element(g, group)


def test_alignments_come_in_batches():
    rng = np.random.default_rng(2)
    for group in (SO(3), Lorentz(3), Sp(4)):
        a = draw(group, 5, rng, (2, 3))
        g = np.array([[group.random(rng) for _ in range(3)] for _ in range(2)])
        found = align(a, a @ np.swapaxes(g, -1, -2), group)
        np.testing.assert_allclose(found, g, atol=1e-8 * np.abs(g).max() ** 3)


@pytest.mark.parametrize("group", [O(3), Lorentz(3), Sp(4), U(2), U(3)], ids=repr)
@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_the_gram_matrix_comes_back(group, count):
    products = gram(draw(group, count, np.random.default_rng(3), (5,)), group)
    np.testing.assert_allclose(gram(from_gram(products, group), group), products, atol=1e-12 * np.abs(products).max())


def test_forms_without_a_name():
    rng = np.random.default_rng(4)
    a = rng.standard_normal((4, 4))
    z = a + 1j * rng.standard_normal((4, 4))
    for form in (
        Form(np.diag([1.0, 1.0, -1.0, -1.0]), volume=True),
        Form(a + a.T),
        Form(a - a.T),
        Form(z + z.conj().T, hermitian=True),
        Form(np.diag([2.0, 1.0, -1.0]), hermitian=True, volume=True),
    ):
        vectors = rng.standard_normal((6, form.dim)) + (
            1j * rng.standard_normal((6, form.dim)) if form.hermitian else 0
        )
        found = recover(invariants(vectors, form), 6, form)
        g = align(found, vectors, form)
        assert form.kept_by(g) < 1e-9
        np.testing.assert_allclose(found @ g.T, vectors, atol=1e-8 * np.linalg.norm(g, 2) ** 2)


def test_a_gram_matrix_of_too_high_a_rank():
    three = np.eye(3)
    with pytest.raises(
        InputError, match=r"expected a Gram matrix of vectors with 2 components .* take more components"
    ):
        from_gram(three, O(2))
    with pytest.raises(InputError, match="Gram matrix of vectors"):
        from_gram(-three, O(3))
    with pytest.raises(InputError, match="Gram matrix of vectors"):
        from_minkowski(np.diag([1.0, 1.0]), 3)
    with pytest.raises(InputError, match="Gram matrix of vectors"):
        from_gram([[1.0, 2.0], [0.0, 1.0]], O(3))
    with pytest.raises(InputError, match="Gram matrix of vectors"):
        from_gram(three, Sp(4))
    # where more than one combination is orthogonal to all, the span stays as small as it can
    np.testing.assert_array_equal(from_gram(np.zeros((3, 3)), Sp(6)), 0.0)
    skew = gram(np.random.default_rng(5).standard_normal((5, 4)), Sp(4))
    with pytest.raises(InputError, match="Gram matrix of vectors"):
        from_gram(skew, Sp(2))
    # one of a batch
    with pytest.raises(InputError, match="Gram matrix of vectors"):
        from_gram(np.stack([three[:2, :2], -three[:2, :2]]), O(2))
    assert from_gram(np.diag([1.0, 1e-13, 0.0]), O(1)).shape == (3, 1)


def test_determinants_that_do_not_belong():
    vectors = np.random.default_rng(6).standard_normal((4, 3))
    values = invariants(vectors, SO(3))
    values[-1] *= -1
    with pytest.raises(InputError, match="expected determinants that belong to the products"):
        recover(values, 4, SO(3))
    # all reversed they belong to the mirror image
    values[-4:] = -invariants(vectors, SO(3))[-4:]
    np.testing.assert_allclose(
        invariants(recover(values, 4, SO(3)), SO(3)), invariants(vectors @ np.diag([1.0, 1, -1]), SO(3)), atol=1e-12
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: from_gram(np.zeros((2, 3)), O(2)), r"expected numbers \(..., n, n\)"),
        (lambda: from_gram([[np.nan]], O(2)), "expected finite numbers"),
        (lambda: from_gram([[1.0], [1.0, 2.0]], O(2)), "gram: expected one array of numbers, given lists of several"),
        (lambda: recover([1j], 1, O(2)), "values: expected real numbers, given an array of complex128"),
        (lambda: from_gram([[1j]], O(2)), "take U or SU"),
        (lambda: from_minkowski([[1.0]], 0), "expected the number of dimensions of space"),
        (lambda: recover(np.zeros(4), 2, O(3)), "expected 3 invariants of 2 vectors"),
        (lambda: recover(np.zeros(3), 2.0, O(3)), "expected the number of vectors"),
        (lambda: recover([1.0, 0.0, 1.0, np.nan], 2, SO(2)), "expected finite numbers"),
        (lambda: align(np.eye(3), np.eye(3)[:2], O(3)), "expected vectors of the shape"),
        (lambda: align(np.eye(4), 2 * np.eye(4), Lorentz(3)), "same orbit"),
        (lambda: align(np.eye(4), np.diag([1.0, 1, 1, -1]), Lorentz(3, proper=True)), "same orbit"),
    ],
)
def test_what_is_no_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("seed", range(5))
def test_spans_that_contain_vectors_orthogonal_to_all_of_it(seed):
    """Planes tangent to the light cone, planes of null vectors, and Lagrangian planes of phase space."""
    from scipy.linalg import expm

    rng = np.random.default_rng(seed)
    split = Form(np.diag([1.0, 1.0, -1.0, -1.0]))
    skew = rng.standard_normal((4, 4))
    cases = [
        (Lorentz(3), np.array([[1.0, 1, 0, 0], [0.3, 0.3, 1, 0]]), Lorentz(3).random(rng)),
        (Lorentz(3), np.array([[1.0, 1, 0, 0], [0.3, 0.3, 1, 0], [2, 2, 1, 3]]), Lorentz(3).random(rng)),
        (split, np.array([[1.0, 0, 1, 0], [0.5, 1, 0.5, 1]]), expm(split.matrix @ (skew - skew.T) / 4)),
        (Sp(4), np.array([[1.0, 2, 0, 0], [0.5, 1, 0, 0.1]]), Sp(4).random(rng)),
        (Sp(4), np.array([[1.0, 2, 0, 0], [0.5, 4, 0, 0]]), Sp(4).random(rng)),
    ]
    for group, vectors, other in cases:
        # a general position, in which no component vanishes
        vectors = vectors @ other.T
        g = (Lorentz(3) if group == Lorentz(3) else Sp(4)).random(rng) if group is not split else other
        products = gram(vectors, group)
        assert group == Sp(4) or np.linalg.matrix_rank(products, tol=1e-9) < len(vectors)
        found = align(vectors, vectors @ g.T, group)
        assert form_of(group).kept_by(found) < 1e-9
        np.testing.assert_allclose(vectors @ found.T, vectors @ g.T, atol=1e-8 * np.linalg.norm(g, 2) ** 2)


def test_minkowski_products_give_the_future():
    """Momenta of particles come back as such, up to a boost and a rotation without a reversal of time."""
    rng = np.random.default_rng(0)
    space = rng.standard_normal((20, 3, 3))
    momenta = np.concatenate([np.sqrt(1.0 + np.sum(space**2, axis=-1, keepdims=True)), space], axis=-1)
    metric = np.diag([1.0, -1.0, -1.0, -1.0])
    found = from_minkowski(momenta @ metric @ momenta.swapaxes(-1, -2), 3)
    assert (found[..., 0] > 0).all()
    turn = align(found, momenta, Lorentz(3))
    assert (turn[:, 0, 0] > 0).all()
    np.testing.assert_allclose(found @ turn.swapaxes(-1, -2), momenta, atol=1e-6)
