"""Integrators of ordinary differential equations, batched over samples.

- `dop853`: adaptive, order 8, per-sample steps; for kernels (compiled, threaded) and plain array functions;
- `splitting`: explicit symplectic, orders 2, 4 and 6, for separable Hamiltonians;
- `gauss_legendre`: implicit symplectic, orders 2, 4 and 6, for any f, on numpy arrays and torch tensors;
- `kernel` makes a right-hand side into machine code; `evaluate` calls one on a batch.
"""

from __future__ import annotations

from simulators.integrate.gauss_legendre import gauss_legendre
from simulators.integrate.lanes import LANES, Kernel, kernel
from simulators.integrate.runge_kutta import dop853, evaluate
from simulators.integrate.symplectic import splitting

__all__ = ["LANES", "Kernel", "dop853", "evaluate", "gauss_legendre", "kernel", "splitting"]
