"""Filters on a grid that no symmetry of the grid changes.

A filter of order k and parity p holds a tensor at every cell of a small stencil. A signed permutation g acts on it by

    (g·F)(x)_{i1..ik} = det(g)^p Σ_{a1..ak} g_{i1 a1} ⋯ g_{ik ak} F(g⁻¹x)_{a1..ak},

where cells x are seen from the middle of the stencil. Convolution with F commutes with g if and only if g·F = F; so the
invariant filters are all there is of equivariant convolution.

Every g carries one unit filter (a 1 in one component at one cell) to another, up to its sign. So the average over the
group of each orbit of unit filters is an invariant filter or zero, and these are orthogonal: there is no sparser basis.

Source: W. Gregory, D. W. Hogg, B. Blum-Smith, M. T. Arias, K. W. K. Wong and S. Villar, GeometricImageNet: extending
convolutional neural networks to vector and tensor images (arXiv 2305.12585, 2023).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from physym.symmetry.groups import Hyperoctahedral
from simulators.errors import InputError

__all__ = ["invariant_filters"]


def invariant_filters(
    dim: int,
    size: int | Sequence[int],
    order: int,
    pseudo: int = 0,
    *,
    group: np.ndarray | None = None,
) -> np.ndarray:
    """An orthonormal basis of the filters that a group of rotations and reflections of the grid leaves as they are.

    The sums of squares are 1, no two filters share an entry that is not zero, and they are sorted by the distance of
    their cells from the middle: first those on the cell in the middle, which act alike in all directions.

    Args:
        dim: of the grid: 1, 2 or 3.
        size: cells of the stencil along each side, or along each of (z, y, x).
        order: of the tensors; 0 for scalars.
        pseudo: 1 if reflections change their sign besides.
        group: its elements (n, dim, dim), signed permutation matrices; all 2^d d! of them by default.

    Returns:
        (filters, *(dim,)*order, *size): component axes in the order (x, y, z), space axes in the order (z, y, x).

    Raises:
        InputError: if an argument is none of these, or the group does not carry the stencil to itself.

    >>> invariant_filters(2, 3, 1).shape, invariant_filters(2, 3, 0, pseudo=1).shape
    ((2, 2, 3, 3), (0, 3, 3))
    """
    sizes = _sizes(dim, size)
    for name, value in (("order", order), ("pseudo", pseudo)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise InputError(f"{name}: expected an integer >= 0, given {value!r}")
    if pseudo > 1:
        raise InputError(f"pseudo: expected 0 or 1, given {pseudo!r}")
    elements = Hyperoctahedral(dim).elements() if group is None else _elements(dim, group)
    found = _basis(sizes, int(order), int(pseudo), elements.tobytes(), len(elements))
    return found.copy()


def _sizes(dim: int, size: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or dim not in (1, 2, 3):
        raise InputError(f"dim: expected 1, 2 or 3, given {dim!r}")
    sizes = tuple(size) if isinstance(size, Sequence | np.ndarray) else (size,) * dim
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in sizes)
    if len(sizes) != dim or not whole:
        raise InputError(f"size: expected an integer >= 1, or {dim} of them, given {size!r}")
    return tuple(int(n) for n in sizes)


def _elements(dim: int, group: np.ndarray) -> np.ndarray:
    try:
        elements = np.asarray(group, dtype=float)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"group: expected an array (n, {dim}, {dim}) of signed permutation matrices, given {group!r}"
        ) from error
    fits = elements.ndim == 3 and elements.shape[1:] == (dim, dim) and len(elements) > 0
    ones = fits and np.isin(elements, (-1.0, 0.0, 1.0)).all()
    if not ones or any((np.abs(elements).sum(axis=n) != 1).any() for n in (1, 2)):
        raise InputError(
            f"group: expected signed permutation matrices (n, {dim}, {dim}), given an array of the shape"
            f" {elements.shape}; take some of Hyperoctahedral({dim}).elements()"
        )
    known = {element.tobytes() for element in elements + 0.0}
    if any((a @ b + 0.0).tobytes() not in known for a in elements for b in elements):
        raise InputError(f"group: expected products of elements to be elements, given {len(known)} without some")
    return elements + 0.0


@functools.lru_cache(maxsize=256)
def _basis(sizes: tuple[int, ...], order: int, pseudo: int, raw: bytes, count: int) -> np.ndarray:
    dim = len(sizes)
    elements = np.frombuffer(raw).reshape(count, dim, dim)
    shape = (*(dim,) * order, *sizes)
    total = int(np.prod(shape))
    index = np.array(np.unravel_index(np.arange(total), shape))
    components = index[:order]
    # twice the offset from the middle, which is whole for even sizes too, in the order (x, y, z)
    offsets = (2 * index[order:] - (np.array(sizes)[:, None] - 1))[::-1]
    targets = np.empty((count, total), dtype=np.int64)
    signs = np.empty((count, total))
    for n, g in enumerate(elements.astype(np.int64)):
        moved = g @ offsets
        place = (moved[::-1] + np.array(sizes)[:, None] - 1) // 2
        if (place < 0).any() or (place >= np.array(sizes)[:, None]).any():
            raise InputError(
                f"size: expected a stencil that the group carries to itself, given {sizes} (z, y, x) and a group that"
                " exchanges its sides; make them equal, or take a smaller group"
            )
        goal = np.abs(g).argmax(axis=0)
        sign = g.sum(axis=0)
        targets[n] = np.ravel_multi_index((*goal[components], *place), shape)
        signs[n] = sign[components].prod(axis=0) * round(np.linalg.det(g)) ** pseudo
    first = np.flatnonzero(targets.min(axis=0) == np.arange(total))
    sums = np.zeros((len(first), total))
    np.add.at(sums, (np.arange(len(first)), targets[:, first]), signs[:, first])
    # an orbit that returns with the other sign leaves nothing
    left = np.abs(sums).max(axis=1, initial=0.0) > 0
    first, sums = first[left], sums[left]
    sums /= np.sqrt((sums**2).sum(axis=1, keepdims=True))
    # the last entry is positive, so that vectors point outwards
    last = total - 1 - np.abs(sums[:, ::-1]).argmax(axis=1)
    sums = sums * np.sign(sums[np.arange(len(sums)), last])[:, None] + 0.0
    # the largest of the coordinates of a cell tells its ring where distances are equal
    far = (offsets**2).sum(axis=0)[first]
    ranked = np.lexsort((first, np.abs(offsets).max(axis=0)[first], far))
    return sums[ranked].reshape(-1, *shape)
