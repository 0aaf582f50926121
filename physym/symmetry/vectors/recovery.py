"""Vectors from their invariants: the proof that nothing but the group is lost.

A Gram matrix is split by its eigenvalues, G = Σ_k λ_k u_k u_kᵀ: each positive one gives the vectors a component
√λ_k u_k in a direction of positive length, each negative one √-λ_k u_k in one of negative length. A skew one is split
into planes, G = Σ_k 2μ_k (b_k a_kᵀ - a_k b_kᵀ), where a_k + i b_k is an eigenvector of iG for the eigenvalue μ_k > 0;
each plane gives one pair of conjugate components. Determinants add a sign, or over the complex numbers a phase, which
one element sets right for all of them. What is found is one of many: `physym.symmetry.align` finds the
element that carries it to another.

What a Gram matrix has of rounding is not split: eigenvalues of 1e-16 would be components of 1e-8, and the vectors would
span more. How large rounding is follows from the size of the vectors. That is no more than the matrix tells for the
compact groups; for the others products cancel, down to nothing but rounding for light rays, or parallel vectors in Sp.
Where the size |v|² is known, `scale` says it.

Sources: H. Weyl, The Classical Groups (Princeton 1939); G. Young and A. S. Householder, Discussion of a set of points
in terms of their mutual distances (Psychometrika 3, 1938).
"""

from __future__ import annotations

import math

import numpy as np

from physym.symmetry.groups import Group
from physym.symmetry.tolerance import check_tolerance
from physym.symmetry.vectors.canonical import canonical, planes, squares
from physym.symmetry.vectors.forms import Form, form_of, numbers
from physym.symmetry.vectors.invariants import check_count, determinants, invariant_names, triangles
from simulators.errors import InputError

__all__ = ["from_gram", "from_minkowski", "recover"]

# singular values below this, relative to the largest, are zero by rounding
_ZERO = 1e-10


def from_gram(gram: np.ndarray, group: Group | Form, tolerance: float = 1e-8, *, scale: float = 0.0) -> np.ndarray:
    """Vectors whose Gram matrix, in the form that a group keeps, is the given one.

    Args:
        gram: (..., n, n) of numpy, as `physym.symmetry.vectors.invariants.gram` gives it.
        group: O, Lorentz, Sp, U, or a `Form`; the special groups are as good as these.
        tolerance: how far it may be from such a Gram matrix, relative to its largest entry or to `scale`.
        scale: the size |v|² of the numbers that were summed to the products, if it is greater than the largest entry;
            eigenvalues that are rounding of it are 0.

    Returns:
        Vectors (..., n, d) that span as little as they can; in Sp, if n is odd and smaller than d, independent ones
        where the rank of the matrix, which is even, is n - 1. For the compact groups they are unique up to an element
        of the group; for O(1,d) and Sp others with this Gram matrix are of another orbit if their span contains a
        vector that is orthogonal to all of it, such as a null vector, and has another dimension.

    Raises:
        InputError: if there are no such vectors: the matrix is not symmetric (skew, Hermitian), is not finite, or has
            more positive or negative eigenvalues than the form; or if `tolerance` or `scale` is no finite number >= 0.

    >>> from physym.symmetry.groups import O
    >>> vectors = from_gram([[25.0, 3.0], [3.0, 1.0]], O(2))
    >>> (vectors @ vectors.T).round(12)
    array([[25.,  3.],
           [ 3.,  1.]])
    """
    form = form_of(group)
    gram, tolerance, scale = _square(gram, form), check_tolerance(tolerance), check_tolerance(scale, "scale")
    shape = canonical(form.matrix, skew=form.skew)
    components = _planes(gram, form.dim, scale) if form.skew else squares(gram, shape.positive, shape.negative, scale)
    found = components @ np.linalg.inv(shape.basis)
    # the product puts the conjugate on the left vector, and so on the rows of its Gram matrix
    found = found.conj() if form.hermitian else found
    size = np.abs(gram).max(axis=(-2, -1), initial=scale)
    off = np.abs(form.products(found, found) - gram).max(axis=(-2, -1), initial=0.0)
    if np.any(off > tolerance * size):
        worst = float(np.max(off / np.where(size > 0, size, 1.0)))
        raise InputError(
            f"gram: expected a Gram matrix of vectors with {form.dim} components in this form, given one that is"
            f" {worst:.2g} off, relative to its largest entry; take more components, a greater tolerance, or, if it is"
            " rounding of larger numbers, say their `scale`"
        )
    return found


def _planes(gram: np.ndarray, dim: int, scale: float) -> np.ndarray:
    """Components (..., n, dim) in conjugate pairs; of an odd number of vectors they are independent, as most are.

    One combination of them is then orthogonal to all. It is given the first component of a pair that is free.
    """
    found, count = planes(gram, dim, scale), gram.shape[-1]
    if count % 2 == 0 or count > dim:
        return found
    left, sizes, _ = np.linalg.svd(gram)
    size = np.maximum(sizes[..., 0], scale)
    size = np.where(size > 0, size, 1.0)
    single = sizes[..., -2] > _ZERO * size if count > 1 else np.full(size.shape, fill_value=True)
    found[..., count // 2] = left[..., -1] * np.where(single, np.sqrt(size), 0.0)[..., None]
    return found


def _square(gram: np.ndarray, form: Form) -> np.ndarray:
    gram = numbers(gram, "gram")
    if gram.ndim < 2 or gram.shape[-1] != gram.shape[-2]:
        raise InputError(f"gram: expected numbers (..., n, n), given the shape {gram.shape}")
    if np.iscomplexobj(gram) and not form.hermitian:
        raise InputError("gram: expected real numbers, given complex ones; take U or SU, whose form is Hermitian")
    return gram


def from_minkowski(gram: np.ndarray, dim: int, tolerance: float = 1e-8) -> np.ndarray:
    """Vectors (..., n, 1 + dim) with given Minkowski products: `from_gram` for O(1,dim), time first.

    Products do not tell the future from the past: the vector whose square is largest points to the future. A product 0
    of a vector with itself gives 0, not a null vector: both have it.

    >>> from_minkowski([[-4.0]], 1).round(12) + 0.0
    array([[0., 2.]])
    """
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or dim < 1:
        raise InputError(f"dim: expected the number of dimensions of space, an integer >= 1, given {dim!r}")
    found = from_gram(gram, Form(np.diag([1.0] + [-1.0] * int(dim))), tolerance)
    if not found.shape[-2]:
        return found
    first = np.argmax(np.diagonal(np.asarray(gram), axis1=-2, axis2=-1), axis=-1)[..., None]
    times = np.take_along_axis(found[..., 0], first, axis=-1)[..., None]
    return found * np.where(times < 0, -1.0, 1.0)


def recover(
    values: np.ndarray, count: int, group: Group | Form, tolerance: float = 1e-8, *, scale: float = 0.0
) -> np.ndarray:
    """Vectors with given invariants: what `physym.symmetry.vectors.invariants.invariants` does, undone.

    It is undone up to the group as far as polynomials see it. What they do not see is chosen: of SO⁺(1,d) the direction
    of time (they are those of SO(1,d), see `Form.future`); of O(1,d) and Sp which of several orbits with these
    invariants it is, if the span of the vectors contains a vector that is orthogonal to all of it; see `from_gram`.

    Args:
        values: (..., m) of numpy, all the invariants of `count` vectors, determinants included.
        count: n, the number of vectors.
        group: O, SO, Lorentz, Sp, U, SU, or a `Form`.
        tolerance: how far they may be from invariants of vectors, relative to the largest product or to `scale`.
        scale: the size |v|² of the vectors, if it is greater than the largest product; see the module.

    Returns:
        Vectors (..., n, d).

    Raises:
        InputError: if no vectors have these invariants, or `tolerance` or `scale` is no finite number >= 0.

    >>> from physym.symmetry.vectors.alignment import align
    >>> from physym.symmetry.groups import SO
    >>> from physym.symmetry.vectors.invariants import invariants
    >>> vectors = np.array([[1.0, 2.0], [0.0, 1.0], [2.0, 2.0]])
    >>> found = recover(invariants(vectors, SO(2)), 3, SO(2))
    >>> bool(np.allclose(found @ align(found, vectors, SO(2)).T, vectors))
    True
    """
    form, count, values = form_of(group), check_count(count, 1), numbers(values, "values", real=True)
    wanted = len(invariant_names(count, form))
    if values.ndim < 1 or values.shape[-1] != wanted:
        raise InputError(f"values: expected {wanted} invariants of {count} vectors, given the shape {values.shape}")
    volumes = math.comb(count, form.dim) if form.volume else 0
    found = from_gram(_unpacked(values, count, form), form, tolerance, scale=scale)
    if not volumes:
        return found
    given = values[..., -volumes:]
    if form.hermitian:
        given = values[..., -2 * volumes : -volumes] + 1j * given
    return _oriented(found, given, form, tolerance)


def _unpacked(values: np.ndarray, count: int, form: Form) -> np.ndarray:
    """The Gram matrix (..., count, count) in the beginning of the invariants."""
    upper, strict = triangles(count)
    rows, columns = strict if form.skew else upper
    gram = np.zeros((*values.shape[:-1], count, count), dtype=complex if form.hermitian else float)
    gram[..., rows, columns] = values[..., : len(rows)]
    if form.hermitian:
        gram[..., strict[0], strict[1]] += 1j * values[..., len(rows) : len(rows) + len(strict[0])]
    # the other triangle: its conjugate, or its negative
    above = gram[..., strict[0], strict[1]]
    gram[..., strict[1], strict[0]] = -above if form.skew else above.conj()
    return gram


def _oriented(found: np.ndarray, given: np.ndarray, form: Form, tolerance: float) -> np.ndarray:
    """Vectors turned by one element that keeps the form so that their determinants are the given ones."""
    own = determinants(found)
    largest = np.argmax(np.abs(own), axis=-1)[..., None]
    ratio = np.take_along_axis(given * own.conj(), largest, -1)
    flat = ratio == 0
    # a sign, or a phase
    ratio = np.where(flat, 1.0, ratio / np.where(flat, 1.0, np.abs(ratio)))
    if not form.skew:
        basis = canonical(form.matrix, skew=False).basis
        basis = basis.conj() if form.hermitian else basis
        components = found @ basis
        components[..., 0] = components[..., 0] * ratio
        found = components @ np.linalg.inv(basis)
    # the Gram matrix has the squares of lengths: what it rounds is the root of that in lengths
    bound = np.sqrt(tolerance) * np.linalg.norm(found, axis=-1).max(axis=-1) ** form.dim
    off = np.abs(determinants(found) - given).max(axis=-1)
    if np.any(off > bound):
        raise InputError(
            f"values: expected determinants that belong to the products, given ones that are {np.max(off):.2g} off"
        )
    return found
