"""How kernels are compiled: once, for an explicit signature, and cached on disk."""

from __future__ import annotations

import cmath
import inspect
import math
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numba
import numpy as np
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.dispatcher import Dispatcher

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
    options = _OPTIONS | {"cache": _fixed(function, set())}
    return _made(numba.cfunc, _RIGHT_HAND_SIDE, function, nopython=True, pipeline_class=_NoAlias, **options)


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
    options = _OPTIONS | {"cache": _fixed(function, set())}
    return _made(numba.njit, signature, function, nogil=True, pipeline_class=_NoAlias, **options)


def _made(compiler: Callable[..., Any], signature: Any, function: Callable[..., None], **options: Any) -> Any:  # noqa: ANN401
    """Compile a function of a user; without a cache on disk where its source is in no file."""
    try:
        return compiler(signature, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return compiler(signature, **options | {"cache": False})(function)


def _fixed(function: Callable[..., Any], seen: set[int]) -> bool:
    """Whether its source alone decides the machine code, so that it may be kept on disk.

    numba freezes the values that a function reads from its module or closure, but does not look at them when it takes
    code from the disk: a script that is run with another constant would get the code of the one before.
    """
    if id(function) in seen:
        return True
    seen.add(id(function))
    try:
        found = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return False
    return all(_constant(value, seen) for value in (*found.nonlocals.values(), *found.globals.values()))


def _constant(value: Any, seen: set[int]) -> bool:  # noqa: ANN401
    if inspect.ismodule(value):
        return value in (np, math, cmath, numba)
    if isinstance(value, Dispatcher):
        return _fixed(value.py_func, seen)
    if isinstance(value, FunctionType):
        return _fixed(value, seen)
    return isinstance(value, BuiltinFunctionType | np.ufunc | type)


def elementwise(signature: Any, *, reassociate: bool = False) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401
    """Compile loops over flat arrays that never overlap and run without Python's global lock.

    Sums may be taken in another order, which vector instructions need, where only an error estimate comes of them.
    """
    options = _OPTIONS | {"fastmath": {"contract", "nsz", "reassoc"}} if reassociate else _OPTIONS
    return numba.njit(signature, nogil=True, pipeline_class=_NoAlias, **options)
