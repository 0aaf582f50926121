"""Integrators of ordinary differential equations, batched over samples.

- `dop853`: adaptive, order 8, per-sample steps; for kernels (compiled, threaded) and plain array functions;
- `splitting`: explicit symplectic, orders 2, 4 and 6, for separable Hamiltonians;
- `gauss_legendre`: implicit symplectic, orders 2, 4 and 6, for any f, on numpy arrays and torch tensors;
- `etdrk4`: exponential, adaptive, order 4, for stiff fields on periodic grids;
- `rock4`, `rkc2`: stabilised explicit, adaptive, orders 4 and 2, for fields whose stiffness is diffusion;
- `field_dop853`: explicit, adaptive or by equal steps, order 8, for fields that are not stiff: waves, advection;
- `spectral_etdrk4`, `spectral_fixed`: exponential, for a `SpectralSystem` whose right-hand side works on modes;
- `field_kernel` makes the right-hand side of a field into machine code;
- `kernel` makes a right-hand side into machine code; `evaluate` calls one on a batch.
"""

from __future__ import annotations

from simulators.integrate.exponential import etdrk4, phi
from simulators.integrate.field_dop853 import field_dop853
from simulators.integrate.fields import FieldKernel, Solution, field_kernel
from simulators.integrate.gauss_legendre import gauss_legendre
from simulators.integrate.lanes import LANES, Kernel, kernel
from simulators.integrate.march import rms, spread
from simulators.integrate.rkc2 import rkc2
from simulators.integrate.rock4 import rock4
from simulators.integrate.runge_kutta import dop853, evaluate
from simulators.integrate.spectral import spectral_etdrk4, spectral_fixed
from simulators.integrate.spectral_system import Channels, SpectralSystem
from simulators.integrate.symplectic import splitting

__all__ = [
    "LANES",
    "Channels",
    "FieldKernel",
    "Kernel",
    "Solution",
    "SpectralSystem",
    "dop853",
    "etdrk4",
    "evaluate",
    "field_dop853",
    "field_kernel",
    "gauss_legendre",
    "kernel",
    "phi",
    "rkc2",
    "rms",
    "rock4",
    "spectral_etdrk4",
    "spectral_fixed",
    "splitting",
    "spread",
]
