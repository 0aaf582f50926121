"""Right-hand sides of fields on grids: one sample at a time, as compiled kernels or as plain array functions.

numba is imported when a kernel first runs, not before: importing this module is cheap.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulators.errors import InputError

__all__ = ["FieldKernel", "RightHandSide", "Solution", "field_kernel"]

Function = Callable[[float, "np.ndarray", "np.ndarray", "np.ndarray", "np.ndarray"], None]
ArrayFunction = Callable[[float, "np.ndarray"], "np.ndarray | tuple[np.ndarray, np.ndarray]"]


class FieldKernel:
    """A right-hand side `function(t, y, parameters, out, rates)`, compiled on first use and cached on disk.

    Calling it runs the function as plain Python, which is slow and serves for debugging.
    """

    def __init__(self, function: Function) -> None:
        """Wrap a function; nothing is compiled yet."""
        self.function = function
        self._compiled: dict[int, Any] = {}
        functools.update_wrapper(self, function)

    def __call__(self, t: float, y: np.ndarray, parameters: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
        """Evaluate without compiling."""
        self.function(t, y, parameters, out, rates)

    def compiled(self, rank: int) -> Any:  # noqa: ANN401  (a numba dispatcher; naming the type would import numba)
        """The machine code for states of so many dimensions, the fields' included."""
        if rank not in self._compiled:
            from simulators.integrate import _compile

            self._compiled[rank] = _compile.field_right_hand_side(self.function, rank)
        return self._compiled[rank]


def field_kernel(function: Function) -> FieldKernel:
    """Make the right-hand side of a partial differential equation into a compiled kernel (a decorator).

    The function has the signature `function(t, y, parameters, out, rates)` and must fill `out` and `rates`:

    - `t`: float64, the time;
    - `y`: float64 (field, *space), the state of one sample;
    - `parameters`: float64 (parameter,), those of the sample;
    - `out`: float64 (field, *space), dy/dt;
    - `rates`: float64 (integral,), the rates of integrals that are kept along the run, such as what flows in and out;
      it is empty unless the solver is asked for `integrals`; look at its size before writing.

    The arrays never overlap. Whatever numba compiles in nopython mode is allowed; what the function reads from its
    module is frozen when it is compiled.

    Example:
        @integrate.field_kernel
        def heat(t, y, parameters, out, rates):      # du/dt = D d2u/dx2, periodic; parameters: D/dx**2
            n = y.shape[1]
            for i in range(n):
                out[0, i] = parameters[0] * (y[0, i - 1] - 2.0 * y[0, i] + y[0, (i + 1) % n])
    """
    return FieldKernel(function)


_GUARD = 64


class RightHandSide:
    """The right-hand side of one sample, whichever way it was given.

    Parameters and, at the first call, rates lie before a guard of NaN, so that a kernel that reads parameters which it
    was not given cannot go on unnoticed, and one that writes such rates is found.

    Attributes:
        evaluations: how often it was called.
    """

    def __init__(
        self, rhs: FieldKernel | ArrayFunction, shape: tuple[int, ...], parameters: np.ndarray, integrals: int
    ) -> None:
        """Bind the sample's parameters.

        Args:
            rhs: a kernel, or a function f(t, y) that returns dy/dt, and with integrals the pair (dy/dt, rates).
            shape: of the state, (field, *space).
            parameters: (m,).
            integrals: how many are kept along the run.
        """
        self.evaluations = 0
        self._shape, self._integrals = shape, integrals
        self._parameters = np.concatenate([parameters, np.full(_GUARD, np.nan)])[: parameters.size]
        self._compiled = rhs.compiled(len(shape)) if isinstance(rhs, FieldKernel) else None
        self._function = rhs

    def __call__(self, t: float, y: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
        """Fill dy/dt (field, *space) and the rates (integral,) at a time and state.

        Raises:
            InputError: if a plain function returns another shape.
        """
        self.evaluations += 1
        if self._compiled is not None:
            if self.evaluations == 1:
                self._first(t, y, out, rates)
            else:
                self._compiled(t, y, self._parameters, out, rates)
            return
        shown = y.view()
        shown.flags.writeable = False
        found = self._function(t, shown)  # type: ignore[call-arg]
        if isinstance(found, tuple) != bool(self._integrals):
            wanted = f"the pair (dy/dt, rates) for {self._integrals} integrals" if self._integrals else "dy/dt alone"
            raise InputError(f"rhs: expected {wanted}, given {type(found).__name__}; see the argument `integrals`")
        if self._integrals:
            if len(found) != 2 or np.shape(found[1]) != rates.shape:
                raise InputError(f"rhs: expected the pair (dy/dt, rates) with {self._integrals} rates, given others")
            found, rates[:] = found
        found = np.asarray(found)
        if found.shape != out.shape or found.dtype.kind not in "iuf":
            raise InputError(
                f"rhs: expected shape {out.shape} and real numbers, dy/dt of one sample; given {found.dtype} of the"
                f" shape {found.shape} (a complex field is two real ones)"
            )
        out[:] = found

    def _first(self, t: float, y: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
        """Evaluate a kernel, and look whether it writes more rates than there are."""
        guarded = np.full(rates.size + _GUARD, np.nan)
        self._compiled(t, y, self._parameters, out, guarded[: rates.size])  # type: ignore[misc]
        beyond = np.flatnonzero(~np.isnan(guarded[rates.size :]))
        if beyond.size:
            raise InputError(
                f"rhs: expected a kernel that writes {rates.size} rates, given one that writes rates"
                f"[{rates.size + beyond[-1]}]; ask for as many integrals, or write `if rates.size:` before it"
            )
        rates[:] = guarded[: rates.size]


@dataclass(frozen=True)
class Solution:
    """What a solver of fields found.

    Attributes:
        states: (batch, k, field, *space) at the k times.
        integrals: (batch, k, integral), each zero at the first time.
        steps: (batch,) steps that were accepted.
        rejected: (batch,) steps that were tried in vain.
        evaluations: (batch,) calls of the right-hand side.
    """

    states: np.ndarray
    integrals: np.ndarray
    steps: np.ndarray
    rejected: np.ndarray
    evaluations: np.ndarray
