"""How kernels are compiled: once, for an explicit signature, and cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core.compiler import CompilerBase, DefaultPassBuilder

# No flag here assumes that NaN or inf does not occur, or reorders sums: lanes stay independent to the bit.
_OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}

vector = numba.float64[::1]
matrix = numba.float64[:, ::1]
cube = numba.float64[:, :, ::1]
integers = numba.int64[::1]
_RIGHT_HAND_SIDE = numba.void(vector, matrix, matrix, matrix)
right_hand_side_type = numba.types.FunctionType(_RIGHT_HAND_SIDE)


class _NoAlias(CompilerBase):
    """Promises LLVM that array arguments do not overlap; else loops over lanes are not vectorised."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


def right_hand_side(function: Callable[..., None]) -> Any:  # noqa: ANN401
    """Compile `function(t, x, parameters, out)` to a first-class function."""
    return numba.cfunc(_RIGHT_HAND_SIDE, nopython=True, pipeline_class=_NoAlias, **_OPTIONS)(function)


def lanes(signature: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401
    """Compile loops over lanes whose array arguments never overlap."""
    return numba.njit(signature, pipeline_class=_NoAlias, **_OPTIONS)


def driver(signature: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401
    """Compile a driver, which may call kernels and runs without Python's global lock.

    With None for the signature its caller settles the types.
    """
    return numba.njit(signature, nogil=True, **_OPTIONS)


def field_right_hand_side(function: Callable[..., None], rank: int) -> Any:  # noqa: ANN401
    """Compile `function(t, y, parameters, out, rates)` for a state (field, *space) of so many dimensions."""
    field = numba.types.Array(numba.float64, rank, "C")
    signature = numba.void(numba.float64, field, vector, field, vector)
    return numba.njit(signature, nogil=True, pipeline_class=_NoAlias, **_OPTIONS)(function)


def elementwise(signature: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401
    """Compile loops over flat arrays that never overlap and run without Python's global lock."""
    return numba.njit(signature, nogil=True, pipeline_class=_NoAlias, **_OPTIONS)
