"""Invariant tensors of groups with a Lie algebra, and of finite groups of any matrices.

The null space of dρ(A) w = 0, ρ(h) w = w is found without its matrix, on halves of the factors of the tensor product:

- Generators that commute with one another are made diagonal, and so is the Casimir element Σ K⁻¹_ij A_i A_j of the
  algebra (K the trace form), which tells irreducible parts apart. Only products of vectors of the two halves with
  opposite weights (for discrete generators inverse ones) and equal Casimir eigenvalues can be invariant.
- On these pairs the other generators of the Lie algebra are sparse, and fall into blocks that do not mix. Null spaces
  of small blocks are dense, of large ones found by inverse iteration.
- What discrete generators are left is imposed on the basis that is found.

Generators are brought to one size first, in the frame in which they are least (`physym.symmetry.linear.normal_frame`):
what is small is told from zero by its share of the largest. What is found must stay as it is under all generators to
1e-6.

Source: the weights are those of E. Cartan; see W. Fulton and J. Harris, Representation Theory (1991).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg

from physym.symmetry.groups import Group
from physym.symmetry.linear.normal_frame import normal_frame
from physym.symmetry.linear.orbits import check_size
from physym.symmetry.linear.representations import Rep, Term, orientation
from physym.symmetry.linear.weights import Half, eigenvectors, half_of, invariant_form, matched, torus
from simulators.errors import InputError

__all__ = ["null_space"]

_NULL = 1e-12
_OFF = 1e-6
_ROUNDS = 4
_ROUNDING = 1e-13
_DENSE = 600
_SHIFT = 1e-9


def null_space(group: Group, flat: np.ndarray, discrete: np.ndarray, term: Term) -> np.ndarray:
    """An orthonormal basis (n, dim**k) of the invariants of one tensor product.

    Args:
        group: of matrices.
        flat: its Lie algebra.
        discrete: its discrete generators.
        term: factors, and whether the sign of the determinant multiplies.
    """
    factors, pseudo = term
    flat, discrete, frame = _of_one_size(flat, discrete)
    own, shared = torus(flat, discrete)
    metric = invariant_form(flat, discrete)
    axes = eigenvectors([flat[n] for n in own] + [discrete[n] for n in shared], group.dim)
    cut = (len(factors) + 1) // 2
    left, right = (
        half_of(some, axes, flat, [flat[n] for n in own], [discrete[n] for n in shared], metric)
        for some in (factors[:cut], factors[cut:])
    )
    signs = [orientation(discrete[n]) if pseudo else 1.0 for n in shared]
    a, b = np.nonzero(matched(left, right, signs))
    others = [n for n in range(len(flat)) if n not in own]
    small = _kernel(_constraints(left, right, a, b, others), len(a))
    size = (len(left.vectors), len(right.vectors))
    check_size((small.shape[1], *size))
    tensors = np.zeros((small.shape[1], *size), complex)
    tensors[:, a, b] = small.T
    basis = (left.vectors @ tensors @ right.vectors.T).reshape(len(tensors), size[0] * size[1])
    if not group.complex:
        basis = _real(basis)
    rep = Rep((term,))
    for n, h in enumerate(discrete):
        if n in shared or not len(basis):
            continue
        change = rep.act(h, basis) - basis
        values, vectors = np.linalg.eigh(change.conj() @ change.T)
        basis = vectors[:, values <= _NULL * max(1.0, values[-1])].T.conj() @ basis
    _check(group, rep, flat, discrete, basis)
    if frame is not None:
        basis = _orthonormal(rep.act(frame, np.where(np.abs(basis) > _ROUNDING, basis, 0.0)))
    return np.ascontiguousarray(basis)


def _of_one_size(flat: np.ndarray, discrete: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Generators in their `normal_frame`, those of the Lie algebra of size 1; and the frame."""
    flat = flat[np.any(flat, axis=(1, 2))]
    count, frame = len(flat), None
    for _ in range(_ROUNDS):
        flat = flat / np.linalg.norm(flat, axis=(1, 2), ord=2)[:, None, None]
        # what is skewed is large, and may be small in the new frame
        both, change = normal_frame(flat, discrete)
        flat, discrete = both[:count], both[count:]
        if change is None:
            break
        frame = change if frame is None else frame @ change
    return flat / np.linalg.norm(flat, axis=(1, 2), ord=2)[:, None, None], discrete, frame


def _orthonormal(basis: np.ndarray) -> np.ndarray:
    """Orthonormal rows with the same span; entries that are small in all rows keep their digits.

    Householder's method does so if the largest entries come first (A. J. Cox and N. J. Higham, 1998).
    """
    order = np.argsort(-np.abs(basis).max(axis=0, initial=0.0), kind="stable")
    found = np.empty_like(basis)
    found[:, order] = scipy.linalg.qr(basis[:, order].T, mode="economic", pivoting=True)[0].T
    return found


def _check(group: Group, rep: Rep, flat: np.ndarray, discrete: np.ndarray, basis: np.ndarray) -> None:
    """Refuse a basis that the generators change: random combinations of it stand for all.

    Raises:
        InputError: if they change it by more than 1e-6.
    """
    if not len(basis):
        return
    some = np.random.default_rng(0).standard_normal((2, len(basis))) @ basis / len(basis) ** 0.5
    scale = [max(1.0, np.linalg.norm(h, 2), np.linalg.norm(np.linalg.inv(h), 2)) ** rep.degree for h in discrete]
    off = [np.abs(rep.derivative(a, some)).max() for a in flat]
    off += [np.abs(rep.act(h, some) - some).max() / size for h, size in zip(discrete, scale, strict=True)]
    if max(off, default=0.0) > _OFF:
        raise InputError(
            f"{group!r}: expected generators that tell invariants from others, given ones that change them by"
            f" {max(off):.1g}; choose units, or a basis, in which all of its elements are near to rotations in size"
        )


def _constraints(left: Half, right: Half, a: np.ndarray, b: np.ndarray, others: list[int]) -> sparse.csr_array:
    """What some generators make of the pairs of vectors (a, b), as columns; rows of zeros are left out."""
    rows, columns, entries = [], [], []
    width = len(right.vectors)
    total = len(left.vectors) * width
    for block, n in enumerate(others):
        first = sparse.coo_array(left.generators[n][:, a])
        second = sparse.coo_array(right.generators[n][:, b])
        rows += [block * total + first.row * width + b[first.col], block * total + a[second.col] * width + second.row]
        columns += [first.col, second.col]
        entries += [first.data, second.data]
    if not rows:
        return sparse.csr_array((0, len(a)), dtype=complex)
    used, place = np.unique(np.concatenate(rows), return_inverse=True)
    together = (np.concatenate(entries), (place, np.concatenate(columns)))
    return sparse.csr_array(sparse.coo_array(together, shape=(len(used), len(a))))


def _kernel(matrix: sparse.csr_array, size: int) -> np.ndarray:
    """Orthonormal columns (size, n) of the null space of a sparse matrix (rows, size)."""
    gram = sparse.csr_array(matrix.conj().T @ matrix) if matrix.shape[0] else sparse.csr_array((size, size))
    scale = float(np.abs(gram.diagonal()).max(initial=0.0))
    _, label = csgraph.connected_components(abs(gram) > _ROUNDING * scale, directed=False)
    order = np.argsort(label, kind="stable")
    found = []
    for block in np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if size else []:
        if len(block) == 1:
            null = np.ones((1, 1)) if gram[block[0], block[0]] <= _NULL * scale else np.zeros((1, 0))
        elif len(block) <= _DENSE:
            values, vectors = np.linalg.eigh(gram[block][:, block].toarray())
            null = vectors[:, values <= _NULL * scale]
        else:
            null = _inverse_iteration(sparse.csc_array(gram[block][:, block]), scale)
        part = np.zeros((size, null.shape[1]), complex)
        part[block] = null
        found.append(part)
    return np.concatenate(found, axis=1) if found else np.zeros((size, 0), complex)


def _inverse_iteration(gram: sparse.csc_array, scale: float) -> np.ndarray:
    """Orthonormal columns of the null space of a positive semidefinite matrix, by a block that grows until it holds."""
    size, count = gram.shape[0], 64
    rng = np.random.default_rng(0)
    solver = sparse_linalg.splu(sparse.csc_array(gram + _SHIFT * scale * sparse.eye_array(size, format="csc")))
    while True:
        count = min(count, size)
        block = rng.standard_normal((size, count)).astype(gram.dtype)
        for _ in range(3):
            block = np.linalg.qr(solver.solve(block))[0]
        values, vectors = np.linalg.eigh(block.conj().T @ (gram @ block))
        null = values <= _NULL * scale
        if not null.all() or count == size:
            return block @ vectors[:, null]
        count *= 4


def _real(basis: np.ndarray) -> np.ndarray:
    """A real orthonormal basis of a space that complex conjugation keeps."""
    both = np.concatenate([basis.real, basis.imag])
    values, vectors = np.linalg.eigh(both @ both.T)
    kept = vectors[:, len(both) - len(basis) :]
    return (kept / np.sqrt(values[len(both) - len(basis) :])).T @ both
