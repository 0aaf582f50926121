"""Periodic grids in one, two and three dimensions, and the derivatives of the fields on them.

- `Grid`: a periodic box of equal cells; gradient, divergence, curl and laplacian of scalars, vectors and tensors by
  central differences of order 2 and 4 or by Fourier series; eigenvalues of the laplacian for exponential and implicit
  steppers.
"""

from __future__ import annotations

from simulators.grid.grid import Grid

__all__ = ["Grid"]
