"""Central differences on periodic grids.

With h the cell and f_s the value s cells further along an axis:

| order | ∂f | ∂²f |
|---|---|---|
| 2 | (f₁ - f₋₁)/2h | (f₁ - 2f₀ + f₋₁)/h² |
| 4 | (8(f₁ - f₋₁) - (f₂ - f₋₂))/12h | (16(f₁ + f₋₁) - (f₂ + f₋₂) - 30f₀)/12h² |

Source: Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51, 1988.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np

from simulators.grid.operators import Operator

__all__ = ["first_order", "laplacian", "laplacian_symbol"]

# by order: the weights of f₁ - f₋₁ and f₂ - f₋₂, and those of f₁ - 2f₀ + f₋₁ and f₂ - 2f₀ + f₋₂
_FIRST = {2: (Fraction(1, 2), Fraction(0)), 4: (Fraction(2, 3), Fraction(-1, 12))}
_SECOND = {2: (Fraction(1), Fraction(0)), 4: (Fraction(4, 3), Fraction(-1, 12))}


def first_order(values: np.ndarray, cell: tuple[float, ...], order: int, operator: Operator, scheme: int) -> np.ndarray:
    """Apply a gradient, divergence or curl.

    Args:
        values: float32 or float64 (..., *space, *indices).
        cell: sizes of the cells (x, y, z).
        order: the tensor order of the values.
        operator: what to apply.
        scheme: 2 or 4.
    """
    from simulators.grid import _kernels

    dimension, gives = len(cell), len(operator.terms)
    flat, outer, shape, spans = _rows(values, dimension, order, scheme)
    shape[3] //= operator.takes
    spans //= operator.takes
    counts = np.array([len(terms) for terms in operator.terms])
    places = np.zeros((gives, max(counts), 2), dtype=np.int64)
    weights = np.zeros((gives, max(counts), 2), dtype=values.dtype)
    for a, terms in enumerate(operator.terms):
        for t, (component, axis, sign) in enumerate(terms):
            places[a, t] = component, 2 - axis
            weights[a, t] = [sign * float(w) / cell[axis] for w in _FIRST[scheme]]
    out = np.empty((*outer, *(dimension,) * (order + operator.added)), dtype=values.dtype)
    takes, wide = operator.takes, scheme == 4
    _kernels.first_order(flat, shape, spans, takes, places, counts, weights, wide, out.reshape(-1))
    return out


def laplacian(values: np.ndarray, cell: tuple[float, ...], order: int, scheme: int) -> np.ndarray:
    """Σ_k ∂_k² of every component; arguments as of `first_order`."""
    from simulators.grid import _kernels

    flat, _, shape, spans = _rows(values, len(cell), order, scheme)
    weights = np.array([[float(w) / h**2 for w in _SECOND[scheme]] for h in cell], dtype=values.dtype)
    out = np.empty(values.shape, dtype=values.dtype)
    _kernels.laplacian(flat, shape, spans, len(cell), weights, scheme == 4, out.reshape(-1))
    return out


def _rows(
    values: np.ndarray, dimension: int, order: int, scheme: int
) -> tuple[np.ndarray, tuple[int, ...], np.ndarray, np.ndarray]:
    """The values flat, their shape up to the indices, and as the kernels take them the shape and the spans of a row."""
    outer, components = values.shape[: values.ndim - order], dimension**order
    space = (*(1,) * (3 - dimension), *outer[-dimension:])
    shape = np.array([math.prod(outer[:-dimension]), *space[:2], space[2] * components])
    flat = np.require(values, requirements=["C", "W"]).reshape(-1)
    return flat, outer, shape, _spans(space[2], scheme // 2) * components


@functools.lru_cache
def _spans(cells: int, reach: int) -> np.ndarray:
    """Begin and length of the parts of a row within which the neighbours 1, -1, 2, -2 lie equally far, and how far.

    The first is the whole row, for derivatives along other axes.
    """
    parts = [(x, 1) for x in range(cells)]
    if cells > 2 * reach:
        parts[reach:-reach] = [(reach, cells - 2 * reach)]
    distances = [[(x + shift) % cells - x for shift in (1, -1, 2, -2)] for x, _ in parts]
    return np.array([[0, cells, 0, 0, 0, 0], *([*part, *far] for part, far in zip(parts, distances, strict=True))])


def laplacian_symbol(shape: tuple[int, ...], cell: tuple[float, ...], scheme: int) -> np.ndarray:
    """The eigenvalues of the laplacian on the modes of a real transform, see `Grid.laplacian_symbol`."""
    near, far = map(float, _SECOND[scheme])
    total = np.zeros(())
    for n, (count, size) in enumerate(zip(shape, reversed(cell), strict=True)):
        modes = count // 2 + 1 if n == len(shape) - 1 else count
        half = np.pi * np.minimum(np.arange(modes), count - np.arange(modes)) / count
        axis = (near * np.sin(half) ** 2 + far * np.sin(2 * half) ** 2) * (4 / size**2)
        total = np.add(total[..., None], -axis)
    return total + 0.0
