"""Errors that a user can act on.

Every message has three parts: what was expected, what was given, and the remedy.
"""

from __future__ import annotations

__all__ = ["DivergenceError", "InputError", "SchemaError"]


class InputError(ValueError):
    """The caller's input was wrong; the command line ends with exit code 2."""


class SchemaError(InputError):
    """A dataset does not follow the physym schema; the message names the variable or attribute."""


class DivergenceError(ArithmeticError):
    """A run left the finite numbers, or its step fell below rounding.

    Attributes:
        sample: index of the first run that failed.
        time: time at which it failed, in the units of the times that were asked for.
    """

    def __init__(self, message: str, *, sample: int, time: float) -> None:
        super().__init__(message)
        self.sample = sample
        self.time = time
