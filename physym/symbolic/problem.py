"""What the search for a law is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import sympy

__all__ = ["Found", "Problem"]


@dataclass(frozen=True)
class Problem:
    """A table of typed columns, and a typed column to explain by them.

    Attributes:
        names: of the variables.
        values: of each variable, (points,), in coherent units.
        exponents: of the variables over the base units, integers or halves, (base, variables).
        target: what is to be explained, (points,).
        target_exponents: of the target over the base units, (base,).
        fixed: names of variables that are constants of nature: offered, the same at every point.
    """

    names: tuple[str, ...]
    values: dict[str, np.ndarray]
    exponents: np.ndarray
    target: np.ndarray
    target_exponents: np.ndarray
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """A law that was found.

    Attributes:
        complexity: number of symbols, numbers and operations of the expression.
        error: RMS of the residual relative to the RMS of the target.
        expression: over symbols that are named as the variables.
        bits: description length of the law and of the residual given the law; the smaller the better.
        constants: fitted numbers that remained numbers: (value, standard error).
        evaluations: how many hypotheses had been scored when it was found.
    """

    complexity: int
    error: float
    expression: sympy.Expr
    bits: float
    constants: tuple[tuple[float, float], ...] = ()
    evaluations: int = 0
    extra: dict[str, object] = field(default_factory=dict)
