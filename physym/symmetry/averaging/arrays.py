"""Arrays of numpy and tensors of torch alike: what they are checked for before and after an average."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulators.errors import InputError

__all__ = ["array_of", "check_finite", "finite_input", "is_tensor", "largest", "library", "rounding", "together"]


def is_tensor(given: object) -> bool:
    """Whether it is one of torch."""
    return hasattr(given, "new_tensor")


def library(given: object) -> Any:  # noqa: ANN401
    """The module torch for tensors, numpy for all else."""
    if is_tensor(given):
        import torch

        return torch
    return np


def array_of(given: Any, name: str) -> Any:  # noqa: ANN401
    """Tensors as they are, all else as an array of numpy; integers and truth values as floats.

    Raises:
        InputError: if it is no array of numbers.
    """
    if is_tensor(given):
        import torch

        return given if given.is_floating_point() or given.is_complex() else given.to(torch.get_default_dtype())
    try:
        given = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name}: expected an array (..., dim), given lists of several lengths") from error
    if given.dtype.kind not in "bifuc":
        raise InputError(f"{name}: expected numbers, given an array of {given.dtype}")
    return given.astype(np.float64) if given.dtype.kind in "biu" else given


def check_finite(values: Any, name: str) -> None:  # noqa: ANN401
    """Refuse arrays of numpy with nan; tensors are not looked at, which would make them wait.

    Raises:
        InputError: if one of the numbers is nan or infinite.
    """
    if not is_tensor(values) and not np.all(np.isfinite(values)):
        raise InputError(f"{name}: expected finite numbers, given nan or infinite ones")


def finite_input(x: Any) -> Any:  # noqa: ANN401
    """An array of finite numbers (..., dim).

    Raises:
        InputError: if it is none.
    """
    x = array_of(x, "x")
    if not x.shape:
        raise InputError("x: expected an array (..., dim), given a number")
    check_finite(x, "x")
    return x


def together(x: Any, values: np.ndarray) -> tuple[Any, Any]:  # noqa: ANN401
    """An array or tensor, and numbers of numpy as the same kind; both complex if one of them is."""
    if not is_tensor(x):
        return x, values
    if np.iscomplexobj(values):
        import torch

        x = x.to(torch.promote_types(x.dtype, torch.complex64))
    return x, x.new_tensor(values)


def largest(values: Any) -> float:  # noqa: ANN401
    """The largest size of entries of an array or tensor."""
    values = values.detach() if is_tensor(values) else values
    return float(abs(values).max()) if 0 not in values.shape else 0.0


def rounding(values: Any) -> float:  # noqa: ANN401
    """How far two sums of such numbers may be apart by rounding: more for those of single precision."""
    single = any(str(values.dtype).endswith(kind) for kind in ("float32", "complex64", "float16"))
    return 1e-3 if single else 1e-8
