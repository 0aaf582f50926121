"""Invariant tensors of groups of signed permutations.

Every generator takes an entry of a tensor to another one, or its negative. So each orbit of entries carries one
invariant, with the entries 1 and -1 over its root size, or none where it returns to its own negative. Orbits are the
connected components of a graph, whose nodes are the entries and their negatives.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from physym.symmetry.linear.representations import Term, orientation
from simulators.errors import InputError

__all__ = ["check_size", "is_signed_permutation", "orbits"]

_LARGEST = 2**28


def check_size(shape: tuple[int, ...]) -> None:
    """Refuse arrays of more than 2^28 numbers.

    Raises:
        InputError: if it has more.
    """
    total = int(np.prod([int(n) for n in shape], dtype=object))
    if total > _LARGEST:
        raise InputError(
            f"basis: expected at most 2^28 numbers, given {' x '.join(map(str, shape))} = {total:.3g}; take smaller"
            " representations"
        )


def is_signed_permutation(matrix: np.ndarray) -> bool:
    """Whether a matrix has one entry, 1 or -1, in each row and column."""
    entries = matrix[matrix != 0]
    return bool(
        (np.count_nonzero(matrix, axis=0) == 1).all()
        and (np.count_nonzero(matrix, axis=1) == 1).all()
        and np.isin(entries, (1.0, -1.0)).all()
    )


def orbits(dim: int, discrete: np.ndarray, term: Term) -> np.ndarray:
    """An orthonormal basis (n, dim**k) of the invariants of one tensor product, no two with a common entry.

    Args:
        dim: of the space that the permutations act on.
        discrete: generators (n, dim, dim).
        term: factors, and whether the sign of the determinant multiplies.
    """
    factors, pseudo = term
    total = dim ** len(factors)
    index = np.arange(total, dtype=np.int32)
    rows, columns = [], []
    for h in discrete:
        goal, sign = np.abs(h).argmax(axis=0).astype(np.int32), h.sum(axis=0).real.astype(np.int8)
        # signed permutations are orthogonal: the dual is the same
        moved, signs = np.zeros(1, np.int32), np.full(1, orientation(h) if pseudo else 1, np.int8)
        for _ in factors:
            moved, signs = (moved[:, None] * dim + goal).ravel(), (signs[:, None] * sign).ravel()
        # entry n with the sign plus is node n, with minus node total + n
        flipped = np.where(signs < 0, np.int32(total), np.int32(0))
        rows += [index, index + total]
        columns += [moved + flipped, moved + (total - flipped)]
    if not rows:
        return np.eye(total)
    if not any((column[:total] >= total).any() for column in columns[::2]):
        # no sign changes: the negatives are a copy of the rest
        nodes, rows, columns = total, rows[::2], columns[::2]
    else:
        nodes = 2 * total
    edges = np.concatenate(rows), np.concatenate(columns)
    graph = sparse.coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(nodes, nodes))
    _, label = csgraph.connected_components(graph, directed=False)
    plus, minus = label[:total], label[total:]
    # of an orbit and its negative, that which holds its first entry with a plus
    entries, least = (index, plus) if nodes == total else (np.flatnonzero(plus != minus), np.minimum(plus, minus))
    _, first, place = np.unique(least[entries], return_index=True, return_inverse=True)
    lead = plus[entries][first]
    count = len(first)
    check_size((count, total))
    found = np.zeros((count, total))
    rank = np.argsort(np.argsort(first))
    sizes = np.sqrt(np.bincount(place, minlength=count))[place]
    found[rank[place], entries] = np.where(plus[entries] == lead[place], 1.0, -1.0) / sizes
    return found
