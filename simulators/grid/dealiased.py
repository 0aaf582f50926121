"""The modes of a periodic grid on which products of two fields are exact: the lowest two thirds along every axis.

A product of two fields with modes up to K has modes up to 2K; on N cells those above N/2 come out as lower ones. With
3K < N none of them falls on a mode up to K, so that a product computed at the cells and cut off at K is the exact one,
cut off at K. The highest mode of an even number of cells is never among them.

Source: S. A. Orszag, On the elimination of aliasing in finite-difference schemes by filtering high-wavenumber
components (J. Atmos. Sci. 1971).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulators.errors import InputError
from simulators.grid.grid import Grid
from simulators.grid.spectral import wavenumbers

__all__ = ["Dealiased"]

FEWEST = 4
"""With fewer cells along an axis only the mean is left."""


class Dealiased:
    """The modes of a grid that are kept, and the transforms between them and the cells.

    Arrays of modes have the shape `modes` behind their own axes: all rows of `scipy.fft.rfftn`, and of the last axis
    the columns that are kept; rows that are not kept are zero. A field is the sum of its modes times exp(i k·x), x
    being counted from the first cell's centre: so the mean square over the cells is the sum of weight |mode|².

    Attributes:
        shape: of the fields over the cells, in the order of storage.
        modes: of the arrays of modes.
        wavenumbers: angular wavenumbers (x, y, z) [1/units], which broadcast to `modes`.
        kept: 1 where a mode is kept, 0 elsewhere.
        weight: how often a kept mode occurs in the whole spectrum: 1 or 2; 0 where it is not kept.
        square: |k|².
        largest: the largest wavenumbers kept (x, y, z).
    """

    def __init__(self, grid: Grid) -> None:
        """Choose the modes of a grid.

        Raises:
            InputError: if there are fewer than 4 cells along an axis.
        """
        for dim, count in zip(grid.dims, grid.shape, strict=True):
            if count < FEWEST:
                raise InputError(f"grid: expected at least {FEWEST} cells along {dim}, given {count}; refine it")
        self.shape = grid.shape
        most = [(count - 1) // 3 for count in self.shape]
        self.modes = (*self.shape[:-1], most[-1] + 1)
        stored = wavenumbers(self.shape, grid.length)
        stored = (*stored[:-1], stored[-1][: most[-1] + 1])
        steps = [2 * np.pi / length for length in reversed(grid.length)]
        inside = [abs(k) < (n + 0.5) * step for k, n, step in zip(stored, most, steps, strict=True)]
        self.kept = np.broadcast_to(np.prod(np.broadcast_arrays(*inside), axis=0), self.modes).astype(np.float64)
        self.weight = self.kept * np.where(np.arange(most[-1] + 1) == 0, 1.0, 2.0)
        self.wavenumbers = tuple(reversed(stored))
        self.square = np.ascontiguousarray(sum(np.broadcast_to(k**2, self.modes) for k in stored))
        self.largest = tuple(n * step for n, step in zip(reversed(most), reversed(steps), strict=True))
        self._rest = tuple(range(-len(self.shape), -1))

    def forward(self, fields: np.ndarray) -> np.ndarray:
        """The modes (..., *modes) of fields (..., *space); rows that are not kept are not zero here yet."""
        from scipy import fft

        columns = fft.rfft(fields, axis=-1, norm="forward", workers=1)[..., : self.modes[-1]]
        return fft.fftn(columns, axes=self._rest, norm="forward", workers=1)

    def backward(self, modes: np.ndarray) -> np.ndarray:
        """The fields (..., *space) of modes (..., *modes), which are overwritten."""
        from scipy import fft

        columns = fft.ifftn(modes, axes=self._rest, norm="forward", overwrite_x=True, workers=1)
        return fft.irfft(columns, self.shape[-1], axis=-1, norm="forward", overwrite_x=True, workers=1)

    def rows(self, precision: Any = np.float64) -> tuple[np.ndarray, ...]:  # noqa: ANN401
        """For loops over rows and columns: wavenumbers x (column,), y, z (row,), and whether a row is kept (row,)."""
        count = self.modes[:-1]
        along = [np.broadcast_to(k[..., 0], count).ravel() for k in self.wavenumbers[1:]]
        kept = self.kept.reshape(-1, self.modes[-1])[:, 0]
        found = (self.wavenumbers[0].ravel(), *along, kept)
        return tuple(np.ascontiguousarray(array, dtype=precision) for array in found)
