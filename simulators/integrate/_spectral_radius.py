"""The spectral radius of a right-hand side's Jacobian, estimated from the right-hand side alone."""

from __future__ import annotations

import numpy as np

from simulators.integrate.fields import RightHandSide
from simulators.integrate.march import rms

__all__ = ["SpectralRadius"]

SAFETY = 1.15
"""The estimate, which tends to the spectral radius from below, is raised by this factor."""

CHANGE, MOST = 0.01, 60
"""The power method ends when an iteration changes its result by less than CHANGE, or after MOST of them."""

PROBE = 2.0**-20
"""The size of a probe relative to the scale of each field: small for what curves, large for what rounds."""

CLEAR = 1.05
"""The slope's result counts if it is larger by this factor, lest rounding choose between two that are alike."""


class SpectralRadius:
    """A nonlinear power method: J v from the difference f(y + v) - f(y), again and again.

    It measures every field by its scale, so that the result does not depend on the fields' units. It begins with the
    checkerboard (+1 and -1 on neighbouring cells), the fastest mode of diffusion on a grid, and, since that may by
    chance hold nothing of the fastest mode, with the slope too. At the next estimate it goes on from where it was. On
    grids of even sizes nothing depends on where the origin lies, or on which way the axes point; on odd ones the
    checkerboard has a seam, and the result may differ by a percent.

    Sommeijer, Shampine and Verwer, "RKC: an explicit solver for parabolic PDEs" (J. Comput. Appl. Math. 1998), section
    3.3, begin with the slope only.
    """

    def __init__(self, rhs: RightHandSide, shape: tuple[int, ...], integrals: int) -> None:
        """Begin without knowledge.

        Args:
            rhs: the right-hand side.
            shape: of the state, (field, *space).
            integrals: how many are kept along the run.
        """
        self._rhs = rhs
        self._mode = np.array(1.0 - 2.0 * (np.indices(shape[1:]).sum(axis=0) % 2) * np.ones(shape))
        self._probe, self._slope, self._rates = np.empty(shape), np.empty(shape), np.empty(integrals)

    def __call__(self, t: float, y: np.ndarray, slope: np.ndarray, h: float, scale: np.ndarray, *, anew: bool) -> float:
        """Estimate the spectral radius at a state; not finite if the right-hand side is not about there.

        Args:
            t: the time.
            y: the state (field, *space).
            slope: dy/dt there.
            h: a step, by which a field that is zero is measured.
            scale: (field,) the sizes of the fields.
            anew: whether to begin with the slope, too.
        """
        # a field that has no size yet will have that which it gets within a step
        sizes = np.where(scale > 0, scale, h * rms(slope)).reshape(-1, *(1,) * (y.ndim - 1))
        units = np.where(sizes > 0, sizes, 1.0)
        largest, mode = self._power(t, y, slope, np.where(sizes > 0, self._mode, 0.0), units)
        if anew and np.isfinite(largest):
            other, mode_too = self._power(t, y, slope, slope / units, units)
            if not other <= CLEAR * largest:
                largest, mode = other, mode_too
        if largest > 0 and np.isfinite(largest):
            self._mode = mode
        return SAFETY * largest

    def _power(
        self, t: float, y: np.ndarray, slope: np.ndarray, mode: np.ndarray, units: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """The power method from a mode, counted in units; returns its result and the mode it ends at."""
        found: list[float] = []
        for _ in range(MOST):
            size = np.sqrt(np.mean(mode * mode))
            if not (size > 0 and np.isfinite(size)):
                break
            mode = mode / size
            np.multiply(units, PROBE * mode, out=self._probe)
            self._probe += y
            self._rhs(t, self._probe, self._slope, self._rates)
            image = (self._slope - slope) / (PROBE * units)
            there = np.isfinite(image)
            if not np.any(there):
                return np.inf, mode
            # a right-hand side that needs what is not negative may be undefined beside zeros
            image = np.where(there, image, 0.0)
            found.append(float(np.sqrt(np.mean(image * image))))
            if len(found) > 1 and abs(found[-1] - found[-2]) <= CHANGE * found[-1]:
                break
            mode = image
        # what has not settled turns among modes of complex eigenvalues: take the largest of the last results
        return max(found[-10:] if len(found) == MOST else found[-1:], default=0.0), mode
