"""Complete invariants of vectors under the classical groups.

Every invariant polynomial of n vectors is a polynomial of the products ⟨v_i, v_j⟩ in the form that the group keeps and,
for the special groups, of the determinants of all d of them (first fundamental theorem; Weyl 1939):

    group       invariants of v_1, ..., v_n                                 relations
    O(d)        v_iᵀv_j, i <= j                                             minors of order d + 1 of the Gram matrix
    SO(d)       v_iᵀv_j and det(v_{i1} ... v_{id})                          det² = det Gram
    O(1,d)      v_iᵀηv_j, i <= j                                            det² = -det Gram (d = 3)
    SO⁺(1,d)    v_iᵀηv_j and det(...)
    Sp(2n)      v_iᵀJv_j, i < j                                             Pf Gram = ±det
    U(d)        v_iᴴv_j, i <= j, real and imaginary part
    SU(d)       v_iᴴv_j and det(...), real and imaginary part               |det|² = det Gram

For the compact groups the invariants separate orbits: vectors with the same invariants are carried to one another by an
element (see `physym.symmetry.recover`). For O(1,d) and Sp(2n) they separate what polynomials can, thus vectors whose
span contains no vector orthogonal to all of it; others can share them and be of two orbits: (1, 1, 0, 0), a null
vector, and 0 have the same Minkowski product 0, and in Sp every single vector has ⟨v, v⟩ = 0. Also, no polynomial tells
past from future: the invariants of SO⁺(1,d) are those of SO(1,d), which can reverse time together with a direction of
space.

Sources: H. Weyl, The Classical Groups (Princeton 1939); S. Villar, D. W. Hogg, K. Storey-Fisher, W. Yao and B.
Blum-Smith, Scalars are universal (NeurIPS 2021).
"""

from __future__ import annotations

import numpy as np

from physym.symmetry.groups import Group
from physym.symmetry.vectors.forms import Array, Form, array_of, checked, det, form_of, module_of, subsets
from simulators.errors import InputError

__all__ = ["check_count", "determinants", "gram", "invariant_names", "invariants", "triangles"]


def gram(vectors: Array, group: Group | Form | None = None) -> Array:
    """The Gram matrix ⟨v_i, v_j⟩ of vectors, in the form that a group keeps.

    Args:
        vectors: (..., n, d), of numpy or torch.
        group: a classical group; O(d) by default.

    Returns:
        An array (..., n, n): symmetric, antisymmetric (Sp) or Hermitian (U, SU).

    Raises:
        InputError: if the vectors do not fit the group, or are not finite.

    >>> gram([[3.0, 4.0], [1.0, 0.0]])
    array([[25.,  3.],
           [ 3.,  1.]])
    """
    form = form_of(group) if group is not None else Form(np.eye(_last(vectors)))
    vectors = checked(vectors, form)
    with np.errstate(over="ignore", invalid="ignore"):
        found = _finite(form.products(vectors, vectors))
    other = found.swapaxes(-1, -2)
    # symmetric to the last bit: rounding of ⟨u, v⟩ and ⟨v, u⟩ may differ
    return (found - other) / 2 if form.skew else (found + (other.conj() if form.hermitian else other)) / 2


def _last(vectors: Array) -> int:
    shape = tuple(array_of(vectors, "vectors").shape)
    if len(shape) < 2 or not shape[-1]:
        raise InputError(f"vectors: expected an array (..., n, d), given the shape {shape}")
    return shape[-1]


def determinants(vectors: Array) -> Array:
    """The determinants of all selections of d vectors, in lexicographic order.

    Args:
        vectors: (..., n, d), of numpy or torch.

    Returns:
        An array (..., n!/(d!(n-d)!)); it has no entry if n < d.

    >>> determinants([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]])
    array([ 1.,  3., -2.])
    """
    size = _last(vectors)
    vectors = checked(vectors, Form(np.eye(size), hermitian=True))
    chosen = subsets(vectors.shape[-2], size)
    return det(vectors[..., chosen, :])


def invariants(vectors: Array, group: Group | Form) -> Array:
    """Complete invariants of vectors under a classical group; see the module.

    Args:
        vectors: (..., n, d), of numpy or torch; real, for U and SU complex.
        group: O, SO, Lorentz, Sp, U, SU, or a `Form`.

    Returns:
        Real numbers (..., m): the products row by row, i <= j (i < j for Sp), for U and SU the real parts and then the
        imaginary parts, i < j; after them, for SO, SU and the like, the determinants. `invariant_names` names them.

    Raises:
        InputError: if the vectors do not fit the group, or they or their products are not finite.

    >>> from physym.symmetry.groups import SO
    >>> invariants([[1.0, 0.0], [2.0, 3.0]], SO(2))
    array([ 1.,  2., 13.,  3.])
    >>> invariant_names(2, SO(2))
    ('<v1,v1>', '<v1,v2>', '<v2,v2>', 'det(v1,v2)')
    """
    form = form_of(group)
    vectors = checked(vectors, form)
    with np.errstate(over="ignore", invalid="ignore"):
        products = _finite(form.products(vectors, vectors))
        volumes = _finite(determinants(vectors)) if form.volume else None
    upper, strict = triangles(vectors.shape[-2])
    parts = [products[..., strict[0], strict[1]] if form.skew else products[..., upper[0], upper[1]].real]
    if form.hermitian:
        parts.append(_imaginary(products[..., strict[0], strict[1]]))
    if form.volume:
        parts += [volumes.real, _imaginary(volumes)] if form.hermitian else [volumes]
    return module_of(vectors).concatenate(parts, axis=-1)


def invariant_names(count: int, group: Group | Form) -> tuple[str, ...]:
    """The names of the `invariants` of so many vectors, in their order.

    Raises:
        InputError: if the number is no integer >= 0, or the group is none of the classical ones.
    """
    form, count = form_of(group), check_count(count)
    upper, strict = triangles(count)
    products = [f"<v{i + 1},v{j + 1}>" for i, j in zip(*(strict if form.skew else upper), strict=True)]
    volumes = [f"det({','.join(f'v{i + 1}' for i in row)})" for row in subsets(count, form.dim)] if form.volume else []
    if not form.hermitian:
        return (*products, *volumes)
    off = [f"<v{i + 1},v{j + 1}>" for i, j in zip(*strict, strict=True)]
    parts = ((f"Re {names}" for names in products), (f"Im {names}" for names in off))
    return (*parts[0], *parts[1], *(f"Re {names}" for names in volumes), *(f"Im {names}" for names in volumes))


def check_count(count: int, least: int = 0) -> int:
    """A number of vectors.

    Raises:
        InputError: if it is none.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
        raise InputError(f"count: expected the number of vectors, an integer >= {least}, given {count!r}")
    return int(count)


def triangles(count: int) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Row and column of the products with i <= j, and of those with i < j."""
    return np.triu_indices(count), np.triu_indices(count, 1)


def _finite(values: Array) -> Array:
    """The same, if it did not overflow; tensors are not looked at."""
    if module_of(values) is np and not np.all(np.isfinite(values)):
        raise InputError("vectors: expected numbers whose products are finite, given larger ones; take other units")
    return values


def _imaginary(values: Array) -> Array:
    """The imaginary part, which torch refuses to take of real numbers."""
    return values.imag if module_of(values) is np or values.is_complex() else values * 0.0
