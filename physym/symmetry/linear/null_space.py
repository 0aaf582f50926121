"""Invariant tensors of groups with a Lie algebra, and of finite groups of any matrices.

The null space of dρ(A) w = 0, ρ(h) w = w is found without its matrix, on halves of the factors of the tensor product:

- Generators that commute with one another are made diagonal, and so is the Casimir element Σ K⁻¹_ij A_i A_j of the
  algebra (K the trace form), which tells irreducible parts apart. Only products of vectors of the two halves with
  opposite weights (for discrete generators inverse ones) and equal Casimir eigenvalues can be invariant.
- On these pairs the other generators of the Lie algebra are sparse, and fall into blocks that do not mix. Null spaces
  of small blocks are dense, of large ones found by inverse iteration.
- What discrete generators are left is imposed on the basis that is found.

Source: the weights are those of E. Cartan; see W. Fulton and J. Harris, Representation Theory (1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg

from physym.symmetry.groups import Group
from physym.symmetry.linear.orbits import check_size
from physym.symmetry.linear.representations import Rep, Term, orientation

__all__ = ["null_space"]

_ZERO = 1e-9
_CLOSE = 1e-7
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
    own, shared = _torus(flat, discrete)
    metric = _invariant_form(flat, discrete)
    frame = _eigenvectors([flat[n] for n in own] + [discrete[n] for n in shared], group.dim)
    cut = (len(factors) + 1) // 2
    left, right = (
        _half(some, frame, flat, [flat[n] for n in own], [discrete[n] for n in shared], metric)
        for some in (factors[:cut], factors[cut:])
    )
    signs = [orientation(discrete[n]) if pseudo else 1.0 for n in shared]
    a, b = np.nonzero(_matched(left, right, signs))
    others = [n for n in range(len(flat)) if n not in own]
    small = _kernel(_constraints(left, right, a, b, others), len(a))
    size = (len(left.vectors), len(right.vectors))
    check_size((small.shape[1], *size))
    tensors = np.zeros((small.shape[1], *size), complex)
    tensors[:, a, b] = small.T
    basis = (left.vectors @ tensors @ right.vectors.T).reshape(len(tensors), size[0] * size[1])
    if not group.complex:
        basis = _real(basis)
    for n, h in enumerate(discrete):
        if n in shared or not len(basis):
            continue
        change = Rep((term,)).act(h, basis) - basis
        values, vectors = np.linalg.eigh(change.conj() @ change.T)
        basis = vectors[:, values <= _ZERO * max(1.0, values[-1])].T.conj() @ basis
    return np.ascontiguousarray(basis)


@dataclass(frozen=True)
class _Half:
    """Common eigenvectors of the diagonal generators and of the Casimir element, on the product of some factors.

    Attributes:
        vectors: as columns (dim, dim).
        weights: eigenvalues of the diagonal generators of the Lie algebra (generator, vector).
        phases: those of the diagonal discrete ones (generator, vector).
        casimir: those of the Casimir element (vector,), or zeros.
        generators: of the Lie algebra, as matrices between the vectors.
    """

    vectors: np.ndarray
    weights: np.ndarray
    phases: np.ndarray
    casimir: np.ndarray
    generators: list[sparse.csc_array]


def _half(
    factors: tuple[bool, ...],
    frame: np.ndarray,
    flat: np.ndarray,
    own: list[np.ndarray],
    shared: list[np.ndarray],
    metric: np.ndarray | None,
) -> _Half:
    rep, dim = Rep(((factors, 0),)), len(frame)
    size = dim ** len(factors)
    check_size((size, size))
    vectors = np.ones((1, 1), complex)
    weights, phases = np.zeros((len(own), 1), complex), np.ones((len(shared), 1), complex)
    values = [np.einsum("ab,ac,cb->b", frame.conj(), one, frame) for one in (*own, *shared)]
    weight, factor = np.split(np.array(values, complex).reshape(-1, 1, dim), [len(own)])
    for star in factors:
        vectors = np.kron(vectors, frame.conj() if star else frame)
        weights = (weights[:, :, None] + (-weight if star else weight)).reshape(len(own), len(vectors))
        phases = (phases[:, :, None] * (1 / factor if star else factor)).reshape(len(shared), len(vectors))
    inside = frame.conj().T @ flat @ frame
    between = np.array([rep.derivative(one, np.eye(size)).T for one in inside]).reshape(-1, size, size)
    casimir = np.zeros(size)
    if metric is not None:
        # sum_ij metric_ij A_i A_j, block by block of equal weights
        raised = np.einsum("ij,jab->iab", metric, between) if size <= _DENSE else None
        turn = np.zeros((size, size), complex)
        labels = np.concatenate([weights, phases])
        _, place = np.unique(np.round(np.concatenate([labels.real, labels.imag]), 6) + 0.0, axis=1, return_inverse=True)
        for n in range(place.max() + 1):
            block = np.flatnonzero(place.ravel() == n)
            if raised is None:
                pairs = np.argwhere(np.abs(metric) > _ZERO)
                matrix = sum(metric[i, j] * between[i][block] @ between[j][:, block] for i, j in pairs)
            else:
                matrix = np.einsum("iac,icb->ab", between[:, block], raised[:, :, block], optimize=True)
            casimir[block], turn[np.ix_(block, block)] = np.linalg.eigh((matrix + matrix.conj().T) / 2)
        vectors = vectors @ turn
        between = turn.conj().T @ between @ turn
    kept = [sparse.csc_array(np.where(np.abs(one) > _ZERO * np.abs(one).max(initial=0.0), one, 0)) for one in between]
    return _Half(vectors, weights, phases, casimir, kept)


def _invariant_form(flat: np.ndarray, discrete: np.ndarray) -> np.ndarray | None:
    """K⁻¹ of the trace form K_ij = tr(A_i A_j), so that Σ K⁻¹_ij A_i A_j commutes with the group, if there is one.

    The generators must span a Lie algebra, closed under the conjugate transpose and under the discrete elements, such
    as those of all classical groups do.
    """
    if not len(flat):
        return None
    rows = flat.reshape(len(flat), -1)
    # brackets are bilinear: random elements stand for all
    some = np.einsum("ni,iab->nab", np.random.default_rng(0).standard_normal((4, len(flat))), flat)
    brackets = some[:2] @ some[2:] - some[2:] @ some[:2]
    others = [some.conj().swapaxes(1, 2), *(h @ some @ np.linalg.inv(h) for h in discrete)]
    several = np.concatenate([part.reshape(-1, rows.shape[1]) for part in (brackets, *others)])
    # real combinations, since the algebra is one over the real numbers
    own, other = (np.concatenate([m.real, m.imag], axis=1) for m in (rows, several))
    solved = np.linalg.lstsq(own.T, other.T, rcond=None)[0]
    form = np.einsum("iab,jba->ij", flat, flat).real
    scale = np.abs(form).max()
    if np.abs(own.T @ solved - other.T).max() > _ZERO * max(1.0, np.abs(other).max()) or scale == 0:
        return None
    return np.linalg.inv(form) if np.linalg.svd(form, compute_uv=False)[-1] > _ZERO * scale else None


def _matched(left: _Half, right: _Half, signs: list[float]) -> np.ndarray:
    """Which pairs (left, right) of vectors the diagonal generators leave as they are, and may be of dual irreps."""
    scale = max(1.0, np.abs(left.casimir).max(), np.abs(right.casimir).max())
    found = np.abs(left.casimir[:, None] - right.casimir[None]) <= _CLOSE * scale
    for a, b in zip(left.weights, right.weights, strict=True):
        found &= np.abs(a[:, None] + b[None]) <= _CLOSE * max(1.0, np.abs(a).max(), np.abs(b).max())
    for sign, a, b in zip(signs, left.phases, right.phases, strict=True):
        found &= np.abs(sign * a[:, None] * b[None] - 1) <= _CLOSE
    return found


def _torus(flat: np.ndarray, discrete: np.ndarray) -> tuple[list[int], list[int]]:
    """Which generators of the Lie algebra, and which discrete ones, to make diagonal together."""
    chosen: list[np.ndarray] = []
    found: tuple[list[int], list[int]] = ([], [])
    for places, several in zip(found, (flat, discrete), strict=True):
        for n, one in enumerate(several):
            scale = np.linalg.norm(one) ** 2
            normal = np.linalg.norm(one @ one.conj().T - one.conj().T @ one) <= _ZERO * scale
            if normal and all(np.linalg.norm(one @ c - c @ one) <= _ZERO * np.sqrt(scale) for c in chosen):
                chosen.append(one / max(np.linalg.norm(one), _ZERO))
                places.append(n)
    return found


def _eigenvectors(matrices: list[np.ndarray], dim: int) -> np.ndarray:
    """Columns (dim, dim) of common eigenvectors of normal matrices that commute."""
    rng = np.random.default_rng(0)
    mixed = np.zeros((dim, dim), complex)
    for one in matrices:
        a, b = rng.uniform(0.5, 1.5, 2) / max(np.linalg.norm(one), _ZERO)
        mixed += a * (one + one.conj().T) + 1j * b * (one - one.conj().T)
    return np.linalg.eigh(mixed)[1]


def _constraints(left: _Half, right: _Half, a: np.ndarray, b: np.ndarray, others: list[int]) -> sparse.csr_array:
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
            null = np.ones((1, 1)) if gram[block[0], block[0]] <= _ZERO * scale else np.zeros((1, 0))
        elif len(block) <= _DENSE:
            values, vectors = np.linalg.eigh(gram[block][:, block].toarray())
            null = vectors[:, values <= _ZERO * scale]
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
        null = values <= _ZERO * scale
        if not null.all() or count == size:
            return block @ vectors[:, null]
        count *= 4


def _real(basis: np.ndarray) -> np.ndarray:
    """A real orthonormal basis of a space that complex conjugation keeps."""
    both = np.concatenate([basis.real, basis.imag])
    values, vectors = np.linalg.eigh(both @ both.T)
    kept = vectors[:, len(both) - len(basis) :]
    return (kept / np.sqrt(values[len(both) - len(basis) :])).T @ both
