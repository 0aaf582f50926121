"""The natural units of a sample, in which the kernel works, and how long a step may be.

Thickness in units of the depth H, velocity in units of c = sqrt(g H), salinity as departure from its mean S0 in units
of σ, the standard deviation with a hundredth of the root mean square.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simulators.integrate import rms

__all__ = ["Natural", "scale", "stable_step"]

_FLOOR = 0.01
_FIRST, _SECOND = 1.3722, 16.0 / 3.0
"""The largest eigenvalues of the differences of order 4, first and second, in units of 1/cell and 1/cell**2."""

Parameters = dict[str, np.ndarray]


class Natural(NamedTuple):
    """The natural units of some rows, a row per sample and time; arrays (row, 1, 1) but for the parameters.

    Attributes:
        depth: H [m].
        speed: c [m/s].
        salinity: S0 [g/kg].
        contrast: σ [g/kg].
        parameters: those of the kernel (row, 7).
    """

    depth: np.ndarray
    speed: np.ndarray
    salinity: np.ndarray
    contrast: np.ndarray
    parameters: np.ndarray

    @classmethod
    def of(cls, parameters: Parameters, salinity: np.ndarray, cell: tuple[float, float]) -> Natural:
        """Those of rows with the given parameters (row,) and salinity (row, y, x), on cells (x, y)."""
        depth, speed = parameters["depth"], np.sqrt(parameters["gravity"] * parameters["depth"])
        mean = salinity.mean(axis=(1, 2), keepdims=True)
        square = np.mean((salinity - mean) ** 2, axis=(1, 2)) + _FLOOR**2 * np.mean(salinity**2, axis=(1, 2))
        x, y = cell
        packed = [speed / x, speed / y, parameters["coriolis"]]
        packed += [parameters[name] / size**2 for name in ("viscosity", "diffusivity") for size in cell]
        contrast = np.sqrt(np.where(square > 0, square, 1.0))
        columns = (array[:, None, None] for array in (depth, speed))
        return cls(*columns, mean, contrast[:, None, None], np.stack(packed, axis=-1))

    def pack(self, height: np.ndarray, velocity: np.ndarray, salinity: np.ndarray) -> np.ndarray:
        """The kernel's fields (row, 4, y, x) from height and salinity (row, y, x) and velocity (row, y, x, 2)."""
        raised = height / self.depth
        thick = 1.0 + raised
        u, v = np.moveaxis(velocity, -1, 0) / self.speed
        return np.stack([raised, thick * u, thick * v, thick * ((salinity - self.salinity) / self.contrast)], axis=1)

    def unpack(self, fields: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Height, velocity and salinity from the kernel's fields (row, ..., 4, y, x)."""
        between = (slice(None), *(None,) * (fields.ndim - 4))
        depth, speed, salinity, contrast = (array[between] for array in self[:4])
        thick = 1.0 + fields[..., 0, :, :]
        velocity = np.stack([speed * (fields[..., n, :, :] / thick) for n in (1, 2)], axis=-1)
        return depth * fields[..., 0, :, :], velocity, salinity + contrast * (fields[..., 3, :, :] / thick)


    def slopes(
        self, rates: np.ndarray, height: np.ndarray, velocity: np.ndarray, salinity: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """d/dt of height, velocity and salinity, from the kernel's rates (row, 4, y, x) and the states."""
        thick = 1.0 + height / self.depth
        grown = rates[:, 0] / thick
        flow = self.speed[..., None] * np.moveaxis(rates[:, 1:3], 1, -1) / thick[..., None]
        flow -= velocity * grown[..., None]
        salt = self.contrast * rates[:, 3] / thick - (salinity - self.salinity) * grown
        return self.depth * rates[:, 0], flow, salt


def scale(fields: np.ndarray) -> np.ndarray:
    """The sizes (4,) that errors are relative to: of height and of momentum, at least a hundredth of each other; and σ.

    Both components of the momentum have one size, so that a turned flow takes the same steps.
    """
    height, *momentum, _ = rms(fields)
    flow = np.hypot(*momentum)
    across = np.hypot(flow, _FLOOR * height) / np.sqrt(2.0)
    return np.array([np.hypot(height, _FLOOR * flow), across, across, 1.0])


def stable_step(
    height: np.ndarray, velocity: np.ndarray, parameters: Parameters, cell: tuple[float, float]
) -> np.ndarray:
    """The longest step (row,) [s] with which the explicit method carries every wave of a state without growth.

    Args:
        height: (row, y, x) [m].
        velocity: (row, y, x, 2) [m/s].
        parameters: each (row,).
        cell: along x and y [m]; infinite along an axis of one cell.
    """
    from simulators.integrate.field_dop853 import IMAGINARY, REAL

    g, f, depth = (parameters[name][:, None, None] for name in ("gravity", "coriolis", "depth"))
    shortest = _FIRST / np.array(cell)
    waves = np.sqrt(g * (depth + height) * np.sum(shortest**2) + f**2)
    turning = np.max(abs(velocity) @ shortest + waves, axis=(1, 2))
    spreading = np.maximum(parameters["viscosity"], parameters["diffusivity"]) * _SECOND * np.sum(1 / np.square(cell))
    return 1.0 / (turning / IMAGINARY + spreading / REAL)
