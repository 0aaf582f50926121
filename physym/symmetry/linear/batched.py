"""Representations of many elements at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from physym.symmetry.averaging.arrays import library
from physym.symmetry.linear.representations import Rep
from simulators.errors import InputError

__all__ = ["Representation", "act_each", "matrices"]

Representation = Rep | Callable[[np.ndarray], np.ndarray]
"""What acts: one made of `T`, `V` and `PSEUDO`, or a function from elements (dim, dim) to matrices."""


def act_each(rep: Rep, elements: np.ndarray, tensors: np.ndarray) -> np.ndarray:
    """Each ρ(g_b) on its own tensors.

    Args:
        rep: the representation.
        elements: g (batch, d, d), of numpy or torch.
        tensors: (batch, m, dim) of the same, or (1, m, dim) if they are the same for all elements.

    Returns:
        (batch, m, dim).

    Raises:
        InputError: if the last axis of the tensors does not fit.
    """
    size, total, xp = elements.shape[-1], rep.dim(elements.shape[-1]), library(tensors)
    if tensors.shape[-1] != total:
        raise InputError(f"values: expected {total} entries of {rep!r} along the last axis, given {tensors.shape[-1]}")
    stars = any(any(factors) for factors, _ in rep.terms)
    # as factors from the right, on the last index: g transposed, and g⁻¹ for the dual
    right = {False: elements.swapaxes(-1, -2), True: xp.linalg.inv(elements) if stars else elements}
    if any(p for _, p in rep.terms) and str(elements.dtype).startswith("complex"):
        raise InputError("PSEUDO: expected real matrices, whose determinant has a sign, given complex ones")
    signs = xp.sign(xp.linalg.det(elements).real)[:, None, None] if any(p for _, p in rep.terms) else 1.0
    found, start = [], 0
    for factors, p in rep.terms:
        width = size ** len(factors)
        part = tensors[..., start : start + width]
        for star in factors:
            # the first index is turned and becomes the last: after all have been, they are in order again
            part = part.reshape(len(part), -1, size, width // size).swapaxes(-1, -2) @ right[star][:, None]
            part = part.reshape(len(part), -1, width)
        found.append(xp.broadcast_to(part * signs if p else part, (len(elements), tensors.shape[1], width)))
        start += width
    return xp.concatenate(found, axis=-1) if found else xp.broadcast_to(tensors, (len(elements), *tensors.shape[1:]))


def matrices(rho: Representation, elements: np.ndarray) -> np.ndarray:
    """ρ(g) (batch, dim, dim) of elements (batch, d, d), written out.

    Raises:
        InputError: if a function does not give square matrices.
    """
    if isinstance(rho, Rep):
        return act_each(rho, elements, np.eye(rho.dim(elements.shape[-1]))[None]).swapaxes(-1, -2)
    found = np.array([np.asarray(rho(g)) for g in elements])
    if found.ndim != 3 or found.shape[-1] != found.shape[-2]:
        raise InputError(f"representation: expected a function that gives matrices (dim, dim), given {found.shape[1:]}")
    return found
