"""The periodic grid: a box of equal cells that continues itself along every axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.grid import differences, fields, geometry, operators, spectral
from simulators.grid.fields import Scheme
from simulators.schema import SPACE

__all__ = ["Grid"]

Field = TypeVar("Field", np.ndarray, xr.DataArray)


@dataclass(frozen=True)
class Grid:
    """A periodic box [origin, origin + length) in 1, 2 or 3 dimensions, cut into equal cells.

    `length`, `cell` and `origin` are in the order (x, y, z), as components are; one number stands for every axis, and
    where all are numbers the grid has one dimension. Arrays are stored in the order (z, y, x). The values of a field
    belong to the cell centres origin + (k + 1/2) cell.

    A field is either a typed DataArray of the schema, with the dimensions (..., z, y, x, i, j), or a plain array
    (..., nz, ny, nx, d, d) with as many component axes as the argument `tensor_order` says, none by default. A typed
    field gives a typed result with the units, tensor order and parity that follow; its role is "diagnostic". An array
    gives an array. float32 stays float32; other numbers become float64. A typed field must be finite; in a plain
    array NaN and infinity spread as far as the stencil reaches.

    Every operator takes a scheme:

    - 2, 4: central differences of that order. Turning or reflecting the grid by its own symmetries, or shifting it by
      cells, turns, reflects or shifts the result, to the last bit, and so do cells that are not square if they turn
      along. A constant has the derivative 0 exactly.
    - "spectral": the derivative of the trigonometric interpolant, exact for what the grid resolves and computed in
      float64. On an even number of cells the highest mode is dropped in first derivatives, where its sign is
      undefined, and kept in the laplacian. Symmetries hold to rounding.

    Args:
        length: of the box along each axis, in `units`.
        cell: size of a cell along each axis; it must divide the length to 1e-9, which becomes a multiple of it.
        units: of both; "1" where lengths are dimensionless.
        origin: the lower corner of the box; it matters to `coordinates` alone.

    Raises:
        InputError: unless lengths and cells are finite, positive, for at most 3 axes, and divide; or if `units` are
            of another quantity, such as an angle.

    >>> grid = Grid(length=(200.0, 100.0), cell=2.0)
    >>> grid.dims, grid.shape
    (('y', 'x'), (50, 100))
    >>> x = np.linspace(0.0, 100.0, 8, endpoint=False)
    >>> np.allclose(Grid(100.0, 12.5).laplacian(np.cos(0.02 * np.pi * x), "spectral"),
    ...             -(0.02 * np.pi) ** 2 * np.cos(0.02 * np.pi * x))
    True
    """

    length: tuple[float, ...]
    cell: tuple[float, ...]
    units: str = "m"
    origin: tuple[float, ...] = (0.0,)

    def __init__(
        self,
        length: float | Sequence[float],
        cell: float | Sequence[float],
        units: str = "m",
        origin: float | Sequence[float] = 0.0,
    ) -> None:
        made = geometry.box(length, cell, units, origin)
        for name, value in zip(("length", "cell", "units", "origin"), made, strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def rectangle(cls, length: Any, cell: Any) -> Grid:  # noqa: ANN401  as users give settings
        """The grid of a rectangle in metres, from settings (along x, along y).

        Raises:
            InputError: unless there are two lengths and two sizes of a cell, and as of the class.
        """
        if not np.shape(length) == np.shape(cell) == (2,):
            raise InputError(
                f"length, cell: expected one number each, or one along x and one along y; given {length} and {cell}"
            )
        return cls(length=length, cell=cell)

    @classmethod
    def of(
        cls, data: xr.Dataset | xr.DataArray, cell: float | Sequence[float] | None = None, units: str = "m"
    ) -> Grid:
        """The grid that a dataset or a typed field lives on, read from the coordinates of its cell centres.

        Args:
            data: with the dimensions x, or y and x, or z, y and x.
            cell: the size of a cell (x, y, z) where an axis has a single one, whose coordinate does not tell it; axes
                of several cells have their own.
            units: of the grid; coordinates in others, such as km, are converted.

        Raises:
            InputError: if the coordinates are absent, without units, angles, not increasing, or not even to 1e-6 of a
                cell.

        >>> grid = Grid((200.0, 100.0), 2.0)
        >>> Grid.of(xr.Dataset(coords=grid.coordinates())) == grid
        True
        """
        length, cells, origin = geometry.measure(data, cell, units)
        return cls(length, cells, units, origin)

    @property
    def ndim(self) -> int:
        """The number of dimensions: 1, 2 or 3."""
        return len(self.length)

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the dimensions in the order of storage: ("z", "y", "x") or its end."""
        return SPACE[-self.ndim :]

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of cells along each of `dims`."""
        pairs = zip(reversed(self.length), reversed(self.cell), strict=True)
        return tuple(round(length / cell) for length, cell in pairs)

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.shape)

    def coordinates(self) -> dict[str, Any]:
        """The coordinates of the cell centres as xarray takes them: {dim: (dim, values, attributes)}.

        >>> Grid(3.0, 1.0).coordinates()["x"]
        ('x', array([0.5, 1.5, 2.5]), {'units': 'm', 'long_name': 'x', 'axis': 'X'})
        """
        found = {}
        axes = zip(self.dims, self.shape, reversed(self.cell), reversed(self.origin), strict=True)
        for dim, cells, cell, origin in axes:
            attrs = {"units": self.units, "long_name": dim, "axis": dim.upper()}
            found[dim] = (dim, origin + (np.arange(cells) + 0.5) * cell, attrs)
        return found

    def gradient(self, f: Field, scheme: Scheme = 2, *, tensor_order: int | None = None) -> Field:
        """(grad T)_{i..k} = ∂_k T_{i..}: the new index is the last.

        Args:
            f: a field of any tensor order.
            scheme: 2, 4 or "spectral".
            tensor_order: of a plain array, 0 by default.

        Raises:
            InputError: if the field is not one on this grid.
        """
        return fields.first_order(self, f, scheme, tensor_order, operators.gradient)

    def divergence(self, f: Field, scheme: Scheme = 2, *, tensor_order: int | None = None) -> Field:
        """(div T)_{i..} = Σ_k ∂_k T_{i..k}, over the last index.

        Args:
            f: a vector or tensor field.
            scheme: 2, 4 or "spectral".
            tensor_order: of a plain array, which must say at least 1.

        Raises:
            InputError: if the field is a scalar, or is not one on this grid.
        """
        return fields.first_order(self, f, scheme, tensor_order, operators.divergence)

    def curl(self, f: Field, scheme: Scheme = 2, *, tensor_order: int | None = None) -> Field:
        """The curl over the last index; a true tensor gives a pseudotensor and the reverse.

        In 3-D (curl T)_{i..k} = Σ_{ab} ε_{kab} ∂_a T_{i..b}. In 2-D a vector or tensor loses the index,
        ∂_x T_{i..y} - ∂_y T_{i..x}, and a scalar ψ becomes the vector (∂_y ψ, -∂_x ψ), whose stream function it is.

        Args:
            f: a vector or tensor field; in 2-D a scalar too.
            scheme: 2, 4 or "spectral".
            tensor_order: of a plain array, 0 by default.

        Raises:
            InputError: in 1-D, for a scalar in 3-D, or if the field is not one on this grid.
        """
        return fields.first_order(self, f, scheme, tensor_order, operators.curl)

    def laplacian(self, f: Field, scheme: Scheme = 2, *, tensor_order: int | None = None) -> Field:
        """Σ_k ∂_k² T, component by component.

        The differences of order 2 and 4 are those of 3 and 5 points along each axis; they are not the divergence of
        the gradient, whose stencil is wider.

        Args:
            f: a field of any tensor order.
            scheme: 2, 4 or "spectral".
            tensor_order: of a plain array, 0 by default.

        Raises:
            InputError: if the field is not one on this grid.
        """
        return fields.laplacian(self, f, scheme, tensor_order)

    def wavenumbers(self) -> tuple[np.ndarray, ...]:
        """The angular wavenumbers 2π m/length [1/units] of the modes of `scipy.fft.rfftn` over the space axes.

        One array for each of `dims`; they broadcast to the shape of the transform, whose last axis is halved. The
        highest mode of an even number of cells is there, negative except on the last axis.
        """
        return spectral.wavenumbers(self.shape, self.length)

    def laplacian_symbol(self, scheme: Scheme = 2) -> np.ndarray:
        """The eigenvalues [1/units**2] of the laplacian on the modes of `scipy.fft.rfftn` over the space axes.

        They are real, none is above 0, and they have the shape of the transform. With θ the phase from a cell to the
        next and h its size, each axis gives -k² ("spectral"), -(4/h²) sin²(θ/2) (order 2), or
        -(1/h²) (16/3 sin²(θ/2) - 1/3 sin²θ) (order 4).

        Raises:
            InputError: if there is no such scheme.
        """
        fields.check_scheme(scheme)
        if scheme == "spectral":
            return spectral.laplacian_symbol(self.shape, self.length)
        return differences.laplacian_symbol(self.shape, self.cell, scheme)
