"""The element of a group that carries some vectors to others.

For the compact groups it is the best one, by least squares (Procrustes): with Σ_i b_i a_iᴴ = W S Zᴴ it is W Zᴴ; for the
special groups the direction of the smallest singular value takes what is missing to determinant 1. A definite form
M = ±X Xᴴ is 1 for the components Xᴴa.

For the other groups it is exact: two lists of vectors with the same Gram matrix and the same linear relations are in
one orbit (Witt's theorem), and the proof constructs the element. A basis of the span is completed in the same way on
both sides: for every vector of the span that is orthogonal to all of it, one that is dual to it and null; and a
canonical basis of what is orthogonal to all these. The element carries basis to basis.

Sources: P. H. Schönemann, A generalized solution of the orthogonal Procrustes problem (Psychometrika 31, 1966); W.
Kabsch (Acta Crystallographica A 32, 1976); E. Witt, Theorie der quadratischen Formen in beliebigen Körpern (Journal für
die reine und angewandte Mathematik 176, 1937).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from physym.symmetry.groups import Group
from physym.symmetry.tolerance import check_tolerance
from physym.symmetry.vectors.canonical import canonical
from physym.symmetry.vectors.forms import Form, checked, form_of, numbers
from simulators.errors import InputError

__all__ = ["align"]

# sizes below this, relative to the largest, are zero by rounding
_ZERO = 1e-10


def align(start: np.ndarray, goal: np.ndarray, group: Group | Form, tolerance: float = 1e-6) -> np.ndarray:
    """The element g of a group with g a_i = b_i.

    Args:
        start: the vectors a (..., n, d), of numpy.
        goal: the vectors b (..., n, d), of numpy.
        group: O, SO, Lorentz, Sp, U, SU, or a `Form`.
        tolerance: how far g a may be from b for the groups that are not compact, relative to |g| |a|. The compact ones,
            which keep a definite form, answer with the element that comes nearest in that form, however far.

    Returns:
        Elements (..., d, d). If the vectors do not span the space, it is one of many.

    Raises:
        InputError: if the vectors do not fit the group, are not finite, or, for a group that is not compact, are not of
            one orbit; which says so if a reversal of time is all that is missing. If `tolerance` is no finite number
            >= 0.

    >>> from physym.symmetry.groups import SO
    >>> align([[1.0, 0.0]], [[0.0, 1.0]], SO(2)).round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    form, tolerance = form_of(group), check_tolerance(tolerance)
    start, goal = checked(numbers(start, "start"), form, "start"), checked(numbers(goal, "goal"), form, "goal")
    if start.shape != goal.shape:
        raise InputError(f"goal: expected vectors of the shape {start.shape} of those to align, given {goal.shape}")
    if np.array_equal(form.matrix, np.eye(form.dim)):
        return _nearest(start, goal, form)
    shape = canonical(form.matrix, skew=form.skew)
    if 0 in (shape.positive, shape.negative):
        basis = shape.basis.conj()
        return np.linalg.inv(basis.T) @ _nearest(start @ basis, goal @ basis, form) @ basis.T
    shape = (*start.shape[:-2], form.dim, form.dim)
    rows = (-1, *start.shape[-2:])
    pairs = zip(start.reshape(rows), goal.reshape(rows), strict=True)
    try:
        return np.array([_found(a, b, form, tolerance) for a, b in pairs]).reshape(shape)
    except np.linalg.LinAlgError as error:
        raise InputError(_APART) from error


def _nearest(start: np.ndarray, goal: np.ndarray, form: Form) -> np.ndarray:
    goal, start = (vectors / _sizes(vectors) for vectors in (goal, start))
    left, _, right = np.linalg.svd(np.swapaxes(goal, -1, -2) @ start.conj())
    if form.volume:
        left[..., -1] *= (np.linalg.det(left) * np.linalg.det(right)).conj()[..., None]
    return left @ right


def _sizes(vectors: np.ndarray) -> np.ndarray:
    """The largest entries (..., 1, 1) of vectors, in units of which their products do not overflow; 1 if all are 0."""
    sizes = np.abs(vectors).max(axis=(-2, -1), keepdims=True, initial=0.0)
    return np.where(sizes > 0, sizes, 1.0)


def _found(start: np.ndarray, goal: np.ndarray, form: Form, tolerance: float) -> np.ndarray:
    """The element for one list of vectors, or why there is none."""
    try:
        return _carrying(start, goal, form, tolerance)
    except (InputError, np.linalg.LinAlgError):
        if not form.future:
            raise
    _carrying(start, goal, dataclasses.replace(form, future=False), tolerance)
    raise InputError(_REVERSED)


def _carrying(start: np.ndarray, goal: np.ndarray, form: Form, tolerance: float) -> np.ndarray:
    """The element for one list of vectors."""
    from scipy.linalg import qr

    scale = np.abs(start).max(initial=0.0) or np.abs(goal).max(initial=0.0)
    if scale == 0:
        return np.eye(form.dim)
    triangle, order = qr(start.T, mode="r", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(triangle)) > _ZERO * scale))
    chosen = order[:rank]
    first, second = start[chosen] / scale, goal[chosen] / scale
    relations = _relations(form.products(first, first))
    fixed = rank + len(relations[0])
    frames = [_completed(vectors, relations, form) for vectors in (first, second)]
    if frames[0] is None or frames[1] is None or frames[0].shape != frames[1].shape:
        raise InputError(_APART)
    turned = np.linalg.solve(frames[0], frames[1])
    if form.volume and fixed < form.dim:
        # what the vectors leave free is turned further; its directions of positive length come first
        frames[1][-1] *= np.sign(np.linalg.det(turned)).conj()
        if form.future and turned[0, 0] < 0 and fixed < form.dim - 1:
            frames[1][[fixed, -1]] *= -1.0
        turned = np.linalg.solve(frames[0], frames[1])
    element = turned.T
    off = np.abs(start @ turned - goal).max() / (scale * max(1.0, np.linalg.norm(element, 2)))
    wrong = (form.volume and abs(np.linalg.det(element) - 1.0) > tolerance) or (form.future and element[0, 0] < 0)
    if not np.isfinite(off) or off > tolerance or form.kept_by(element) > tolerance or wrong:
        raise InputError(_APART)
    return element


_APART = (
    "goal: expected vectors of the same orbit, with the same invariants and the same linear relations, given others; "
    "compare their invariants first"
)


_REVERSED = (
    "goal: expected vectors of the same orbit, given ones that differ by a reversal of time, which their invariants do "
    "not see; take Form(eta, volume=True), eta being the metric of the group"
)


def _relations(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Combinations (rows) of independent vectors: those orthogonal to all of them, and as many as there are others."""
    left, sizes, _ = np.linalg.svd(gram)
    null = sizes <= _ZERO * max(1.0, sizes.max(initial=0.0))
    return left[:, null].T, left[:, ~null].T


def _completed(vectors: np.ndarray, relations: tuple[np.ndarray, np.ndarray], form: Form) -> np.ndarray | None:
    """A basis (d, d) that begins with the span of independent vectors; None if these are not independent."""
    radical, rest = (rows @ vectors for rows in relations)
    span = np.concatenate([rest, radical])
    conditions = _lowered(span, form)
    if np.linalg.matrix_rank(conditions, tol=_ZERO * np.abs(conditions).max(initial=1.0)) < len(span):
        return None
    wanted = np.concatenate([np.zeros((len(rest), len(radical))), np.eye(len(radical))])
    dual = (np.linalg.pinv(conditions) @ wanted).T
    dual = dual - form.products(dual, dual).conj() @ radical / 2
    span = np.concatenate([span, dual])
    others = np.linalg.svd(_lowered(span, form))[2][len(span) :].conj() if len(span) else np.eye(form.dim)
    if not len(others):
        return span
    basis = canonical(form.products(others, others), skew=form.skew).basis
    mixing = np.linalg.inv(basis)
    return np.concatenate([span, (mixing.conj() if form.hermitian else mixing) @ others])


def _lowered(vectors: np.ndarray, form: Form) -> np.ndarray:
    """The covectors ⟨v, ·⟩ (n, d) of vectors (n, d)."""
    return (vectors.conj() if form.hermitian else vectors) @ form.matrix
