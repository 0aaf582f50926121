"""Arrays of numpy and tensors of torch alike: what they are checked for before and after an average."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulators.errors import InputError

__all__ = ["array_of", "finite_input", "largest", "rounding"]


def array_of(given: Any) -> Any:  # noqa: ANN401
    """Tensors as they are, all else as an array of numpy."""
    return given if hasattr(given, "new_tensor") else np.asarray(given)


def finite_input(x: Any) -> Any:  # noqa: ANN401
    """An array of finite numbers (..., dim); tensors are not looked at, which would make them wait.

    Raises:
        InputError: if it is none.
    """
    try:
        x = array_of(x)
    except ValueError as error:
        raise InputError("x: expected an array (..., dim), given lists of several lengths") from error
    if not x.shape:
        raise InputError("x: expected an array (..., dim), given a number")
    if not hasattr(x, "new_tensor"):
        if x.dtype.kind not in "bifuc":
            raise InputError(f"x: expected numbers, given an array of {x.dtype}")
        if not np.all(np.isfinite(x)):
            raise InputError("x: expected finite numbers, given nan or infinite ones")
    return x


def largest(values: Any) -> float:  # noqa: ANN401
    """The largest size of entries of an array or tensor."""
    values = values.detach() if hasattr(values, "new_tensor") else values
    return float(abs(values).max()) if 0 not in values.shape else 0.0


def rounding(values: Any) -> float:  # noqa: ANN401
    """How far two sums of such numbers may be apart by rounding: more for those of single precision."""
    single = any(str(values.dtype).endswith(kind) for kind in ("float32", "complex64", "float16"))
    return 1e-3 if single else 1e-8
