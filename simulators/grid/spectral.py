"""Derivatives of the trigonometric interpolant of a field on a periodic grid, in float64.

First derivatives transform along their own axis alone. The highest mode of an even number of cells, cos(πx/h), is 0 at
every cell centre of its derivative and is dropped; in the second derivative it counts like the others.

Source: Trefethen, "Spectral Methods in MATLAB" (SIAM 2000), chapter 3.
"""

from __future__ import annotations

import numpy as np

from simulators.grid.operators import Operator

__all__ = ["first_order", "laplacian", "laplacian_symbol", "wavenumbers"]


def first_order(values: np.ndarray, length: tuple[float, ...], order: int, operator: Operator) -> np.ndarray:
    """Apply a gradient, divergence or curl; arguments as of `differences.first_order`, lengths being of the box."""
    before = values.ndim - order
    taken = values if operator.takes > 1 or operator.added < 0 else values[..., None]
    parts = []
    for terms in operator.terms:
        pieces = [_derivative(taken[..., b], before - 1 - a, length[a] * sign) for b, a, sign in terms]
        parts.append(pieces[0])
        for piece in pieces[1:]:
            parts[-1] += piece
    if operator.added < 0:
        return parts[0].astype(values.dtype, copy=False)
    return np.stack(parts, axis=-1).astype(values.dtype, copy=False)


def _derivative(values: np.ndarray, axis: int, length: float) -> np.ndarray:
    """∂ along one axis; a negative length counts backwards."""
    from scipy import fft

    count = values.shape[axis]
    modes = fft.rfft(values.astype(np.float64, copy=False), axis=axis)
    k = np.arange(count // 2 + 1) * (2j * np.pi / length)
    if count % 2 == 0:
        k[-1] = 0.0
    modes *= k.reshape(-1, *(1,) * (values.ndim - 1 - axis))
    return fft.irfft(modes, count, axis=axis, overwrite_x=True)


def laplacian(values: np.ndarray, length: tuple[float, ...], order: int) -> np.ndarray:
    """Σ_k ∂_k² of every component; arguments as of `first_order`."""
    from scipy import fft

    dimension = len(length)
    axes = tuple(range(values.ndim - order - dimension, values.ndim - order))
    shape = tuple(values.shape[axis] for axis in axes)
    modes = fft.rfftn(values.astype(np.float64, copy=False), axes=axes)
    symbol = laplacian_symbol(shape, length)
    modes *= symbol.reshape(*symbol.shape, *(1,) * order)
    return fft.irfftn(modes, shape, axes=axes, overwrite_x=True).astype(values.dtype, copy=False)


def wavenumbers(shape: tuple[int, ...], length: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """See `Grid.wavenumbers`."""
    found = []
    for n, (count, size) in enumerate(zip(shape, reversed(length), strict=True)):
        last = n == len(shape) - 1
        half = count // 2
        modes = np.arange(half + 1) if last else (np.arange(count) + half) % count - half
        found.append((modes * (2 * np.pi / size)).reshape(-1, *(1,) * (len(shape) - 1 - n)))
    return tuple(found)


def laplacian_symbol(shape: tuple[int, ...], length: tuple[float, ...]) -> np.ndarray:
    """-|k|² on the modes of a real transform, see `Grid.laplacian_symbol`."""
    return 0.0 - sum((k**2 for k in wavenumbers(shape, length)), start=np.zeros(()))
