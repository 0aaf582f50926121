"""Memory and plans for the nonlinear part of the two-dimensional equations, whose loops `_plane` has."""

from __future__ import annotations

import numpy as np

from simulators.grid.dealiased import Dealiased

__all__ = ["Plane"]

_LANES = {np.float64: 16, np.float32: 32}
"""Lines in a block, whose numbers fill two lines of the cache."""


class Plane:
    """The nonlinear part of one sample, in memory of its own."""

    def __init__(self, space: Dealiased, heat: bool, precision: type) -> None:
        """Make room.

        Args:
            space: the modes that are kept.
            heat: whether there is a temperature.
            precision: float64 or float32.
        """
        from simulators.grid import _lines
        from simulators.navier_stokes import _plane

        self._loops = _plane
        rows, width = space.shape
        self._columns, self._heat = space.modes[1], heat
        columns = self._columns
        few = 2 * columns - 1 <= 2 * _LANES[np.float64]
        self._lanes = lanes = _LANES[np.float64 if few else precision]

        # z, and with heat as much again for T; a few rows more than needed, since lines that are a power of two apart
        # would share lines of the cache
        across, tall = (1 + heat) * _whole(2 * columns - 1, lanes), _whole(rows, lanes) + 8
        self._modes = [np.zeros((rows, across), dtype=precision) for _ in range(2)]
        self._between = [np.zeros((across, tall), dtype=precision) for _ in range(2)]
        self._blocks = np.empty((8, max(rows, width) * lanes), dtype=precision)
        self._plans = (*_lines.plan(rows, precision), *_lines.plan(width, precision))
        self._halves = np.array([0.5, 0.25], dtype=precision) / precision(rows * width)
        self._none = np.empty((0, rows, width), dtype=precision)

    def __call__(
        self,
        hat: np.ndarray,
        out: np.ndarray,
        kx: np.ndarray,
        ky: np.ndarray,
        kept: np.ndarray,
        inverse: np.ndarray,
        means: np.ndarray,
        buoyancy: np.ndarray,
        cells: bool,
    ) -> np.ndarray | None:
        """Fill `out` with N; returns u, v and T without its mean at the cells, if they are wanted.

        Args:
            hat: modes of vorticity and temperature (channel, row, column, 2).
            out: of the same shape.
            kx: wavenumbers (column,).
            ky: wavenumbers (row,).
            kept: 1 for a row that is kept (row,).
            inverse: 1/k² (row, column).
            means: of u and v.
            buoyancy: b (i).
            cells: whether to return the fields.
        """
        none = self._none
        shown = np.empty((2 + self._heat, *none.shape[1:]), dtype=none.dtype) if cells else none
        self._loops.spread(hat, kx, ky, kept, inverse, means, *self._modes)
        counts = (self._lanes, self._columns, self._heat)
        self._loops.products(*self._modes, *self._between, self._blocks, *counts, kept, *self._plans, shown)
        self._loops.slopes(*self._modes, hat, kx, ky, kept, buoyancy, self._halves, out)
        return shown if cells else None


def _whole(count: int, lanes: int) -> int:
    """At least the count, in whole blocks."""
    return -(-count // lanes) * lanes
