"""How far from exact numbers may be."""

from __future__ import annotations

import sys

import numpy as np

from simulators.errors import InputError

__all__ = ["check_tolerance"]


def check_tolerance(tolerance: float, name: str = "tolerance") -> float:
    """A tolerance, once it is known to be a finite number >= 0.

    Raises:
        InputError: if it is none; `nan` and `inf` would switch checks off.
    """
    number = isinstance(tolerance, float | int | np.floating | np.integer) and not isinstance(tolerance, bool)
    if not number or not 0 <= tolerance <= sys.float_info.max:
        raise InputError(f"{name}: expected a finite number >= 0, given {tolerance!r}; take one such as 1e-8")
    return float(tolerance)
