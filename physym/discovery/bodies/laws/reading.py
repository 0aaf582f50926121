"""Numbers of terms from files, where hostile ones could take all time and memory."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["fraction", "whole"]

_LARGEST = 99


def whole(given: object) -> int:
    """A small integer.

    Raises:
        ValueError: if it is none.
    """
    if not isinstance(given, int) or abs(given) > _LARGEST:
        raise ValueError("an integer that is too large, or none")
    return given


def fraction(given: object) -> Fraction:
    """A fraction of small integers from its text.

    Raises:
        ValueError: if it is none.
    """
    if not isinstance(given, str) or not re.fullmatch(r"-?\d{1,4}(/[1-9]\d{0,3})?", given):
        raise ValueError("a fraction that is too large, or none")
    return Fraction(given)
