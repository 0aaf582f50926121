"""The trade between how simple a law is and how well it fits: the candidates that no other beats in both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sympy

    from physym.symbolic.problem import Found

__all__ = ["Candidate", "Front", "undominated"]

_ROUNDING, _BETTER = 1e-12, 1 - 1e-5


class Candidate(NamedTuple):
    """A law that a search proposes.

    Attributes:
        complexity: number of symbols, numbers and operations.
        error: RMS of the residual relative to the RMS of y.
        expression: over symbols named as the variables and constants.
    """

    complexity: int
    error: float
    expression: sympy.Expr


class Front(list[Candidate]):
    """The candidates from the simplest to the most accurate; printed, a table in which `chosen` is marked.

    Attributes:
        chosen: place of the law that describes the data in the fewest bits.
    """

    def __init__(self, candidates: Iterable[Candidate] = (), chosen: int = 0) -> None:
        super().__init__(candidates)
        self.chosen = chosen

    def __str__(self) -> str:
        rows = [("complexity", "error", "expression")]
        rows += [(str(one.complexity), f"{one.error:.2e}", str(one.expression)) for one in self]
        a, b = (max(len(row[n]) for row in rows) for n in range(2))
        marks = [" ", *("*" if place == self.chosen else " " for place in range(len(self)))]
        lines = (f"{mark} {row[0]:>{a}}  {row[1]:>{b}}  {row[2]}" for mark, row in zip(marks, rows, strict=True))
        return "\n".join(lines)

    __repr__ = __str__


def undominated(found: Iterable[Found]) -> list[Found]:
    """Those of which no other is as simple and as accurate, from the simplest to the most accurate.

    Of laws that differ by rounding alone the one of fewer bits stands; the law of fewest bits of all always does.
    """
    laws = sorted(found, key=lambda law: (law.complexity, law.bits, law.error))
    shortest = min((law.bits for law in laws), default=0.0)
    kept: list[Found] = []
    for one in laws:
        if not kept or max(one.error, _ROUNDING) < _BETTER * max(kept[-1].error, _ROUNDING):
            kept.append(one)
        elif one.bits == shortest and kept[-1].bits > shortest:
            kept[-1:] = [one] if kept[-1].complexity == one.complexity else [kept[-1], one]
    return kept
