"""Exponential Runge-Kutta methods whose state stays in Fourier space, for fields whose products are taken there.

`etdrk4` transforms a right-hand side that is known at the cells. Where the right-hand side itself works on modes, as
that of an incompressible flow does, this costs transforms that cancel; here there are none but those of the right-hand
side. The methods are the same: Krogstad's of order 4 with the two estimates of `etdrk4`, adaptive on `march` or with
fixed steps, and the one of order 2 by Cox and Matthews with fixed steps.

Integrals along the run, such as what is dissipated, take the state and its slope at both ends of a step:

    ∫ r dt = h (r0 + r1)/2 + h² (r0' - r1')/12,

of order 4 whatever the linear part. How far Simpson's rule with the stages in the middle is from that is held below the
tolerance too, relative to the size that the system gives.

Source: S. M. Cox and P. C. Matthews, Exponential time differencing for stiff systems (J. Comput. Phys. 2002);
S. Krogstad, Generalized integrating factor methods for stiff PDEs (J. Comput. Phys. 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from simulators.errors import InputError
from simulators.integrate._spectral_methods import ETDRK2, ETDRK4
from simulators.integrate.equal_steps import equal_steps
from simulators.integrate.fields import RightHandSide, Solution
from simulators.integrate.march import Method, Scale, march, rms
from simulators.integrate.spectral_system import SpectralSystem

__all__ = ["spectral_etdrk4", "spectral_fixed"]

METHODS = {"etdrk2": ETDRK2, "etdrk4": ETDRK4}


def spectral_etdrk4(
    make: Callable[[int], SpectralSystem],
    y0: np.ndarray,
    times: np.ndarray,
    *,
    tolerance: float,
    scale: Scale = rms,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Solve with the adaptive method of order 4, whose steps `simulators.integrate.march` chooses.

    Args:
        make: gives the system of a sample.
        y0: initial states (batch, field, *space).
        times: (k,), increasing; y0 holds at times[0]. They are hit exactly.
        tolerance: error to aim at, relative to the scale of each field.
        scale: a function of the state (field, *space) to (field,), whose largest value so far counts.
        integrals: how many the systems keep.
        max_steps: the most steps, rejected ones included, of a sample.
        threads: how many samples run at once; all cores by default. No number depends on it.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers, needed steps below rounding, or more than `max_steps`.
    """

    def begin(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> Method:
        return ETDRK4(side, t, y, make(sample), sample, fixed=False)

    return march(
        begin, _unused, y0, times,
        tolerance=tolerance, scale=scale, integrals=integrals, max_steps=max_steps, threads=threads,
    )  # fmt: skip


def spectral_fixed(
    make: Callable[[int], SpectralSystem],
    y0: np.ndarray,
    times: np.ndarray,
    *,
    step: float,
    method: Literal["etdrk2", "etdrk4"] = "etdrk4",
    integrals: int = 0,
    threads: int | None = None,
) -> Solution:
    """Solve with fixed steps: each interval between outputs is cut into the fewest equal steps not above `step`.

    Arguments and errors as of `spectral_etdrk4`.

    Args:
        make: gives the system of a sample.
        y0: initial states (batch, field, *space).
        times: (k,), increasing.
        step: the largest step, > 0.
        method: "etdrk2" or "etdrk4", by order.
        integrals: how many the systems keep.
        threads: how many samples run at once.

    Raises:
        InputError: an argument is wrong, or the step is too large for the flow at the start.
        DivergenceError: the flow of a sample became too fast for the step, or not finite.
    """
    if method not in METHODS:
        raise InputError(f"method: expected 'etdrk2' or 'etdrk4' for fixed steps, given {method!r}")

    def begin(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> Method:
        return METHODS[method](side, t, y, make(sample), sample, fixed=True)

    return equal_steps(begin, _unused, y0, times, step=step, integrals=integrals, threads=threads)


def _unused(t: float, y: np.ndarray) -> np.ndarray:
    raise NotImplementedError
