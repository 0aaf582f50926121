"""Weights: common eigenvectors of generators that commute, and of the Casimir element, on products of factors.

Generators that commute with one another are made diagonal, and so is the Casimir element Σ K⁻¹_ij A_i A_j of the Lie
algebra (K_ij = tr(A_i A_j), the trace form), which tells irreducible parts apart.

Source: the weights are those of E. Cartan; see W. Fulton and J. Harris, Representation Theory (1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from physym.symmetry.linear.orbits import check_size
from physym.symmetry.linear.representations import Rep

__all__ = ["Half", "eigenvectors", "half_of", "invariant_form", "matched", "torus"]

_ZERO = 1e-9
_CLOSE = 1e-8
_LIKE = 1e-6
_DENSE = 600


@dataclass(frozen=True)
class Half:
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


def half_of(
    factors: tuple[bool, ...],
    frame: np.ndarray,
    flat: np.ndarray,
    own: list[np.ndarray],
    shared: list[np.ndarray],
    metric: np.ndarray | None,
) -> Half:
    """Common eigenvectors on the product of some factors, V or its dual.

    Args:
        factors: of each whether it is the dual.
        frame: eigenvectors on V, as columns (dim, dim).
        flat: the Lie algebra (n, dim, dim).
        own: those of it that are diagonal in the frame.
        shared: discrete generators that are.
        metric: K⁻¹ (n, n), if there is a Casimir element.
    """
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
        place = _clusters(np.concatenate([labels.real, labels.imag]))
        for n in range(place.max() + 1):
            block = np.flatnonzero(place == n)
            if raised is None:
                pairs = np.argwhere(np.abs(metric) > _ZERO)
                matrix = sum(metric[i, j] * between[i][block] @ between[j][:, block] for i, j in pairs)
            else:
                matrix = np.einsum("iac,icb->ab", between[:, block], raised[:, :, block], optimize=True)
            casimir[block], turn[np.ix_(block, block)] = np.linalg.eigh((matrix + matrix.conj().T) / 2)
        vectors = vectors @ turn
        between = turn.conj().T @ between @ turn
    kept = [sparse.csc_array(np.where(np.abs(one) > _ZERO * np.abs(one).max(initial=0.0), one, 0)) for one in between]
    return Half(vectors, weights, phases, casimir, kept)


def _clusters(labels: np.ndarray) -> np.ndarray:
    """Numbers (n,) of the columns of labels (rows, n), the same where no row has a gap between them."""
    found = np.zeros(labels.shape, int)
    for row, out in zip(labels, found, strict=True):
        order = np.argsort(row)
        out[order[1:]] = np.cumsum(np.diff(row[order]) > _CLOSE)
    return np.unique(found, axis=1, return_inverse=True)[1].ravel()


def invariant_form(flat: np.ndarray, discrete: np.ndarray) -> np.ndarray | None:
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


def matched(left: Half, right: Half, signs: list[float]) -> np.ndarray:
    """Which pairs (left, right) of vectors the diagonal generators leave as they are, and may be of dual irreps."""
    scale = max(1.0, np.abs(left.casimir).max(), np.abs(right.casimir).max())
    found = np.abs(left.casimir[:, None] - right.casimir[None]) <= _LIKE * scale
    for a, b in zip(left.weights, right.weights, strict=True):
        found &= np.abs(a[:, None] + b[None]) <= _CLOSE * max(1.0, np.abs(a).max(), np.abs(b).max())
    for sign, a, b in zip(signs, left.phases, right.phases, strict=True):
        found &= np.abs(sign * a[:, None] * b[None] - 1) <= _CLOSE
    return found


def torus(flat: np.ndarray, discrete: np.ndarray) -> tuple[list[int], list[int]]:
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


def eigenvectors(matrices: list[np.ndarray], dim: int) -> np.ndarray:
    """Columns (dim, dim) of common eigenvectors of normal matrices that commute."""
    rng = np.random.default_rng(0)
    mixed = np.zeros((dim, dim), complex)
    for one in matrices:
        a, b = rng.uniform(0.5, 1.5, 2) / max(np.linalg.norm(one), _ZERO)
        mixed += a * (one + one.conj().T) + 1j * b * (one - one.conj().T)
    return np.linalg.eigh(mixed)[1]
