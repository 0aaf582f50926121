"""One sample of the Navier-Stokes equations in Fourier space, for the exponential steppers.

Fields at the cells: the components of the velocity, then the temperature. Modes: the vorticity (2-D) or the velocity
(3-D), then the temperature. The means of velocity and temperature do not change, and are kept apart; where the
temperature is uniform it stays so, and is left out.
"""

from __future__ import annotations

import numpy as np

from simulators.grid.dealiased import Dealiased
from simulators.integrate.spectral_system import Channels, SpectralSystem
from simulators.navier_stokes.plane import Plane

__all__ = ["Flow", "sizes"]


def sizes(fields: np.ndarray) -> np.ndarray:
    """What errors are relative to, (field,): the standard deviation over the cells, at least 1% of the RMS.

    The components of the velocity, all but the last field, share that of the vector.
    """
    flat = fields.reshape(len(fields), -1)
    square = np.einsum("fn,fn->f", flat, flat) / flat.shape[1]
    found = np.maximum(square - flat.mean(axis=1) ** 2, 0.0) + 1e-4 * square
    found[:-1] = np.sum(found[:-1])
    return np.sqrt(found)


class Flow(SpectralSystem):
    """The equations of one sample."""

    def __init__(
        self,
        space: Dealiased,
        y: np.ndarray,
        viscosity: float,
        diffusivity: float,
        buoyancy: np.ndarray,
        precision: type = np.float64,
    ) -> None:
        """Begin with fields (field, *space), which settle the means and whether there is heat.

        Args:
            space: the modes that are kept.
            y: velocity and temperature at the cells.
            viscosity: ν.
            diffusivity: κ.
            buoyancy: b (i).
            precision: float64 or float32, of everything but sums and outputs.
        """
        from simulators.navier_stokes import _kernels

        self._kernels, self._space, self._real = _kernels, space, precision
        self._complex = np.complex64 if precision is np.float32 else np.complex128
        self._dimension = dimension = len(space.shape)
        hat = self._all_modes(y)
        place = (0,) * dimension
        self._means = hat[(slice(None), *place)].real.astype(precision)
        self._heat = bool(np.ptp(y[-1]) > 0)
        if not self._heat:
            self._means[-1] = y[-1].flat[0]
        self._viscosity, self._diffusivity = float(viscosity), float(diffusivity)
        self._buoyancy = np.asarray(buoyancy, dtype=precision)
        rows = (-1, space.modes[-1])
        *self._waves, kept = space.rows(precision)
        self._kept = kept
        inverse = np.where(space.square > 0, 1.0 / np.where(space.square > 0, space.square, 1.0), 0.0)
        self._inverse = inverse.reshape(rows).astype(precision)
        self._weight = space.weight.reshape(rows).astype(precision)
        self._shape, self._rows = space.modes, self._inverse.shape
        moving = 1 if dimension == 2 else 3
        metric = space.weight * (inverse if dimension == 2 else 1.0)
        viscous = Channels(
            slice(0, moving), (-self._viscosity * space.square).ravel(), metric.ravel(), slice(0, dimension)
        )
        cooling = Channels(
            slice(moving, moving + 1), (-self._diffusivity * space.square).ravel(), space.weight.ravel(),
            slice(dimension, dimension + 1),
        )  # fmt: skip
        self.groups = (viscous, cooling) if self._heat else (viscous,)
        self.rates = 5 if dimension == 2 else 3
        self.owner = (0, 0, dimension, 0, 0)[: self.rates]
        self._largest = np.array(space.largest)
        self._plane = Plane(space, self._heat, precision) if dimension == 2 else None

    def modes(self, fields: np.ndarray) -> np.ndarray:
        """The modes of fields, whose means are dropped, made free of divergence."""
        hat = self._all_modes(fields)
        hat[(slice(None), *(0,) * self._dimension)] = 0.0
        hat *= self._space.kept
        waves, d = self._space.wavenumbers, self._dimension
        if d == 2:
            found = [1j * (waves[0] * hat[1] - waves[1] * hat[0])]
        else:
            along = sum(k * u for k, u in zip(waves, hat[:d], strict=True)) * self._inverse.reshape(self._shape)
            found = [u - k * along for k, u in zip(waves, hat[:d], strict=True)]
        if self._heat:
            found.append(hat[d])
        return np.ascontiguousarray(np.stack(found), dtype=self._complex)

    def nonlinear(self, modes: np.ndarray, out: np.ndarray, *, cells: bool) -> np.ndarray | None:
        """Fill `out` with N; returns velocity and, with heat, temperature at the cells, if they are wanted."""
        hat, n = self._pairs(modes), self._pairs(out)
        if self._plane is not None:
            return self._plane(hat, n, *self._waves, self._kept, self._inverse, self._means, self._buoyancy, cells)
        at = self._transformed(modes, self._means)
        products = np.empty((5 + 3 * self._heat, *at.shape[1:]), dtype=self._real)
        self._kernels.products3(at.reshape(len(at), -1), products.reshape(len(products), -1))
        p = self._pairs(self._space.forward(products))
        self._kernels.slopes3(p, hat, *self._waves, self._kept, self._inverse, self._buoyancy, n)
        return at

    def fields(self, found: np.ndarray) -> np.ndarray:
        """Velocity and temperature (field, *space), float64."""
        fields = np.empty((self._dimension + 1, *self._space.shape))
        fields[-1] = self._means[-1]
        if self._heat:
            fields[-1] += found[-1]
        fields[:-1] = found[: self._dimension]
        return fields

    def slope(self, modes: np.ndarray, nonlinear: np.ndarray) -> np.ndarray:
        """d/dt of velocity and temperature (field, *space)."""
        total = nonlinear.copy()
        for group in self.groups:
            total[group.channels] += (group.symbol.reshape(self._shape) * modes[group.channels]).astype(self._complex)
        fields = np.zeros((self._dimension + 1, *self._space.shape))
        found = self._transformed(total, np.zeros_like(self._means))
        fields[: len(found)] = found
        return fields

    def ledger(self, modes: np.ndarray, nonlinear: np.ndarray) -> np.ndarray:
        """(3, integral): see `_kernels.rates2`."""
        out = np.empty((3, self.rates))
        hat, n = self._pairs(modes), self._pairs(nonlinear)
        constants = (self._weight, self._viscosity, self._diffusivity, self._buoyancy, out)
        if self._dimension == 2:
            self._kernels.rates2(hat, n, *self._waves, self._inverse, *constants)
        else:
            self._kernels.rates3(hat, n, *self._waves, *constants)
        return out

    def crossing(self, found: np.ndarray) -> float:
        """The largest rate at which the flow crosses the smallest wave, from the largest components."""
        flat = found[: self._dimension].reshape(self._dimension, -1)
        return float(np.maximum(flat.max(axis=1), -flat.min(axis=1)) @ self._largest)

    def _transformed(self, modes: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Velocity, with its mean, and the temperature without, at the cells."""
        d = self._dimension
        hat = np.empty((d + self._heat, *self._shape), dtype=self._complex)
        if d == 2:
            self._kernels.fields2(self._pairs(modes), *self._waves, self._inverse, self._pairs(hat))
        else:
            np.copyto(hat, modes)
        hat[(slice(0, d), *(0,) * d)] = means[:d]
        return self._space.backward(hat)

    def _all_modes(self, fields: np.ndarray) -> np.ndarray:
        return self._space.forward(np.asarray(fields, dtype=np.float64))

    def _pairs(self, array: np.ndarray) -> np.ndarray:
        """As the loops take it: (channel, row, column, 2)."""
        return array.view(self._real).reshape(len(array), *self._rows, 2)
