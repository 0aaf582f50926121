"""Equivariant vector functions of vectors under the classical groups.

Every equivariant polynomial vector function h(g v_1, ..., g v_n) = g h(v_1, ..., v_n) is a sum of vectors weighted by
invariants (Villar et al. 2021),

    h(v) = Σ_s f_s(invariants) v_s  +  Σ_S f_S(invariants) c(v_S),

where the second sum, over all selections S of d - 1 vectors, belongs to the special groups alone. c is the generalised
cross product, ⟨c(v_1, ..., v_{d-1}), w⟩ = det(v_1, ..., v_{d-1}, w) for all w, and

    c(gv) = det(g) g c(v),    ⟨c, c⟩ = det Gram(v_1, ..., v_{d-1}) / det M  with M the matrix of the form.

For U and SU the f_s are complex numbers, functions of the real invariants. The vectors need not be independent: with
n < d and O(d) they span less than R^d, and so does every equivariant function.

Sources: S. Villar, D. W. Hogg, K. Storey-Fisher, W. Yao and B. Blum-Smith, Scalars are universal (NeurIPS 2021); H.
Weyl, The Classical Groups (Princeton 1939).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from physym.symmetry.groups import Group
from physym.symmetry.vectors.forms import Array, Form, array_of, checked, det, form_of, module_of, subsets
from physym.symmetry.vectors.invariants import invariants
from simulators.errors import InputError

__all__ = ["basis_vectors", "cross", "equivariant"]


def cross(vectors: Array, group: Group | Form | None = None) -> Array:
    """The generalised cross product c of d - 1 vectors: ⟨c, w⟩ = det(v_1, ..., v_{d-1}, w) for all w.

    Args:
        vectors: (..., d - 1, d), of numpy or torch.
        group: the classical group whose form is meant; O(d) by default.

    Returns:
        An array (..., d): in three dimensions v_1 x v_2, in the plane v_1 turned by a quarter.

    Raises:
        InputError: if there are not d - 1 vectors of d components, or they are not finite.

    >>> cross([[1.0, 2.0, 3.0], [0.0, 1.0, 5.0]])
    array([ 7., -5.,  1.])
    """
    shape = tuple(array_of(vectors, "vectors").shape)
    if len(shape) < 2 or shape[-2] != shape[-1] - 1:
        raise InputError(f"vectors: expected d - 1 vectors of d components, (..., d - 1, d), given the shape {shape}")
    form = form_of(group) if group is not None else Form(np.eye(shape[-1]), hermitian=True)
    vectors = checked(vectors, form)
    module = module_of(vectors)
    found = _minors(vectors)
    return found if group is None else form.raised(module.stack([found], axis=-2))[..., 0, :]


def _minors(vectors: Array) -> Array:
    """The covector det(v_1, ..., v_{d-1}, ·) (..., d) of vectors (..., d - 1, d)."""
    size, module = vectors.shape[-1], module_of(vectors)
    signed = []
    for column in range(size):
        others = [k for k in range(size) if k != column]
        minor = det(vectors[..., others]) if others else vectors.sum(axis=(-2, -1)) + 1.0
        signed.append(-minor if (size - 1 - column) % 2 else minor)
    return module.stack(signed, axis=-1)


def basis_vectors(vectors: Array, group: Group | Form) -> Array:
    """The vectors that every equivariant function of vectors is a weighted sum of.

    Args:
        vectors: (..., n, d), of numpy or torch.
        group: O, SO, Lorentz, Sp, U, SU, or a `Form`.

    Returns:
        An array (..., m, d): the vectors, and for SO, SU and the like the cross products of all selections of d - 1 of
        them, in lexicographic order.

    Raises:
        InputError: if the vectors do not fit the group, or are not finite.

    >>> from physym.symmetry.groups import SO
    >>> basis_vectors([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], SO(3))
    array([[1., 0., 0.],
           [0., 2., 0.],
           [0., 0., 2.]])
    """
    form = form_of(group)
    vectors = checked(vectors, form)
    if not form.volume:
        return vectors
    chosen = subsets(vectors.shape[-2], form.dim - 1)
    crossed = form.raised(_minors(vectors[..., chosen, :]))
    return module_of(vectors).concatenate([vectors, crossed], axis=-2)


def equivariant(vectors: Array, coefficients: Callable[[Array], Array], group: Group | Form) -> Array:
    """An equivariant vector function: a sum of vectors weighted by functions of the invariants.

    Args:
        vectors: (..., n, d), of numpy or torch.
        coefficients: any function from `invariants` (..., k) to weights (..., m) of the `basis_vectors`, such as a net.
        group: O, SO, Lorentz, Sp, U, SU, or a `Form`.

    Returns:
        An array (..., d).

    Raises:
        InputError: if the vectors do not fit the group, are not finite, or if `coefficients` is no function that
            gives m weights.

    >>> from physym.symmetry.groups import O
    >>> equivariant([[1.0, 0.0], [0.0, 2.0]], lambda scalars: scalars[..., [0, 2]], O(2))
    array([1., 8.])
    """
    if not callable(coefficients):
        raise InputError(f"coefficients: expected a function from invariants to weights, given {coefficients!r}")
    basis = basis_vectors(vectors, group)
    weights = coefficients(invariants(vectors, group))
    wanted = tuple(basis.shape[:-1])
    given = tuple(getattr(weights, "shape", ()))
    if given != wanted:
        raise InputError(f"coefficients: expected weights {wanted}, one for each basis vector, given the shape {given}")
    if module_of(weights) is not module_of(basis):
        kind = module_of(basis).__name__
        raise InputError(
            f"coefficients: expected weights of {kind}, as the vectors are, given {type(weights).__name__}"
        )
    return (weights[..., None] * basis).sum(axis=-2)
