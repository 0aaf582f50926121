"""The frame in which the matrices of a group are as small as they can be.

A group that is given in a skewed frame, or in odd units, keeps no rotation orthogonal and makes rounding errors large.
In the frame F that makes the sum of squares least,

    Σ_n |F⁻¹ g_n F|²  ->  min,    where  Σ_n g_n g_nᴴ = Σ_n g_nᴴ g_n,

matrices of a compact group are unitary, up to a frame that commutes with them, and generators of the Lie algebra of
any reductive one closed under the conjugate transpose. The sum is convex along F exp(sX), so descent finds it.

Source: G. Kempf and L. Ness, The length of vectors in representation spaces (Algebraic Geometry, Copenhagen 1978,
Springer 1979); for diagonal F it is the balancing of J. H. Wilkinson and others.
"""

from __future__ import annotations

import numpy as np

from physym.symmetry.groups.group import balanced
from simulators.errors import InputError

__all__ = ["normal_frame"]

_NORMAL = 1e-7
_NEAR = 1e-3
_STEPS = 500
_VANISHED = 1e-12
_FAR = 20.0
_STILL = 1e-12
_SKEWED = 1e3
_DEFECTIVE = 1e6
_ROUNDING = 1e-14


def normal_frame(flat: np.ndarray, discrete: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Generators in the frame that makes them least, by conjugate gradients.

    Args:
        flat: of the Lie algebra (n, d, d), of about the same size.
        discrete: elements (m, d, d).

    Returns:
        F⁻¹ g F of all (n + m, d, d) and F (d, d); None for F = 1, if nothing is to be gained. There is no such frame
        for groups of translations, of shears and of others that are not reductive, whose elements have no basis of
        eigenvectors; F is then diagonal, and makes entries about 1.

    Raises:
        InputError: if the frame is so skewed that rounding errors of the generators matter.
    """
    matrices = np.concatenate([flat, discrete])
    if not len(matrices):
        return matrices, None
    start, units = balanced(matrices)
    if _defective(start[len(flat) :]):
        return _in_own_units(matrices)
    if np.linalg.norm(_excess(matrices)) <= _NORMAL * _size(matrices):
        return matrices, None
    found, turn, size = start, np.eye(len(units)), _size(start)
    step, before, along = 0.25 / size, None, None
    for _ in range(_STEPS):
        slope = _excess(found)
        if np.linalg.norm(slope) <= _NORMAL * size:
            break
        share = 0.0 if before is None else max(0.0, np.vdot(slope, slope - before).real / np.vdot(before, before).real)
        along = slope if not share else slope + share * along
        before = slope
        step, size, found, stretch = _search(found, along, step, size)
        turn = turn @ stretch
    if size <= _VANISHED * _size(start) or np.linalg.norm(_excess(found)) > _NEAR * size:
        return _in_own_units(matrices)
    if np.linalg.cond(turn) > _SKEWED:
        if _defective(start):
            return _in_own_units(matrices)
        raise InputError(
            f"generators: expected a frame less skewed than {_SKEWED:.0e}, given {np.linalg.cond(turn):.1g}:"
            " their rounding errors matter; give them in an orthogonal one, and turn what comes out"
        )
    return found, units[:, None] * turn if np.any(units != 1) or found is not start else None


def _defective(matrices: np.ndarray) -> bool:
    """Whether one of them has no basis of eigenvectors, but for rounding."""
    return bool(len(matrices)) and np.linalg.cond(np.linalg.eig(matrices)[1]).max() > _DEFECTIVE


def _in_own_units(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """D⁻¹ g D and D, powers of 2 that bring the entries off the diagonal as near to 1 as can be; None for D = 1."""
    total = np.abs(matrices).max(axis=0)
    rows, columns = np.nonzero(np.triu(total, 1) + np.tril(total, -1) > _ROUNDING * total.max())
    one = np.eye(len(total))
    units = 2.0 ** np.round(np.linalg.lstsq(one[rows] - one[columns], np.log2(total[rows, columns]), rcond=None)[0])
    return matrices / units[:, None] * units, np.diag(units) if np.any(units != 1) else None


def _search(
    matrices: np.ndarray, along: np.ndarray, step: float, size: float
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """The step along a Hermitian matrix, doubled or halved until it is best; what comes of it, and its exponential."""
    values, axes = np.linalg.eigh(along)

    def at(step: float) -> tuple[float, float, np.ndarray, np.ndarray]:
        stretch = np.exp(np.clip(step * values, -_FAR, _FAR))
        turn = (axes * stretch) @ axes.conj().T
        moved = ((axes / stretch) @ axes.conj().T) @ matrices @ turn
        return step, _size(moved), moved, turn

    best = at(step)
    while best[1] < size and (further := at(2 * best[0]))[1] < best[1]:
        best = further
    while best[1] >= size and best[0] * np.abs(values).max() > _STILL:
        best = at(best[0] / 2)
    return best if best[1] < size else (step, size, matrices, np.eye(len(along)))


def _excess(matrices: np.ndarray) -> np.ndarray:
    """Σ g gᴴ - gᴴ g."""
    starred = matrices.conj().swapaxes(1, 2)
    return (matrices @ starred - starred @ matrices).sum(axis=0)


def _size(matrices: np.ndarray) -> float:
    """Σ |g|²."""
    return float((matrices * matrices.conj()).real.sum())
