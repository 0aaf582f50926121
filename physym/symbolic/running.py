"""A search that is watched: a bar of its progress, and what is found so far if it is interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from physym.symbolic.front import undominated
from physym.symbolic.problem import Found, Problem
from simulators.units import BASE, Unit

if TYPE_CHECKING:
    from physym.symbolic.constants import Constant
    from physym.units.typed import Table

__all__ = ["Bar", "Outcome", "exponents", "plain", "problem_of", "run", "thinned"]

# more rows than these make every fit of constants slow, and laws no better known than by their simplicity
_ROWS = 50_000

_SHOWN = "{desc} {bar} {n:.0f}/{total:.0f} s{postfix}"


@dataclass(frozen=True)
class Outcome:
    """What a search ended with.

    Attributes:
        found: the laws of which no other is as simple and as accurate, over plain symbols.
        evaluations: how many hypotheses were scored.
        interrupted: whether Ctrl-C ended it.
    """

    found: list[Found]
    evaluations: int
    interrupted: bool


def exponents(units: Sequence[Unit]) -> np.ndarray:
    """Of units over the SI base units, (base, unit)."""
    return np.array([[float(unit.exponent(base)) for unit in units] for base in BASE])


def thinned(table: Table, seed: int) -> Table:
    """The table, or of a long one a random selection of rows."""
    if table.rows <= _ROWS:
        return table
    rows = np.sort(np.random.default_rng(seed).choice(table.rows, _ROWS, replace=False))
    values = {name: column[rows] for name, column in table.values.items()}
    return replace(table, values=values, target=table.target[rows])


def problem_of(table: Table, offered: dict[str, Constant]) -> Problem:
    """The table in SI units, with the offered constants as columns that do not vary."""
    values = {name: table.values[name] * table.units[name].factor for name in table.names}
    values |= {name: np.full(table.rows, one.value * one.unit.factor) for name, one in offered.items()}
    units = [*table.units.values(), *(one.unit for one in offered.values())]
    every = exponents([*units, table.target_units])
    used = every[np.any(every, axis=1)]
    target = table.target * table.target_units.factor
    return Problem(tuple(values), values, used[:, :-1], target, used[:, -1], tuple(offered))


class Bar:
    """Seconds gone, and the law that is best so far, on stderr.

    Args:
        time_limit: seconds in all.
        shown: whether it is.
    """

    def __init__(self, time_limit: float, *, shown: bool) -> None:
        self.start, self.time_limit, self.shown = monotonic(), time_limit, shown

    def __enter__(self) -> Bar:
        from tqdm import tqdm

        self.bar = tqdm(total=self.time_limit, desc="search", bar_format=_SHOWN, leave=False, disable=not self.shown)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def left(self) -> float:
        """Seconds until the time limit."""
        return self.time_limit - (monotonic() - self.start)

    def show(self, found: Sequence[Found], evaluations: int) -> None:
        """Say how it stands."""
        self.bar.n = min(monotonic() - self.start, self.time_limit)
        if found:
            best = min(found, key=lambda law: law.bits)
            told = f"{evaluations} tried, error {best.error:.1e}: {best.expression}"
            self.bar.set_postfix_str(told[:120], refresh=False)
        self.bar.refresh()


def run(problem: Problem, *, time_limit: float, seed: int, bar: Bar, known: Sequence[Found] = ()) -> Outcome:
    """Search, and if Ctrl-C ends that, go on with what has been found.

    Args:
        problem: what is to be explained.
        time_limit: seconds.
        seed: of the search.
        bar: shows how it goes.
        known: laws that were found before, which count as well.

    Raises:
        KeyboardInterrupt: if nothing has been found yet, or at a second Ctrl-C.
    """
    from physym.symbolic.search import search

    found: list[Found] = list(known)
    evaluations, interrupted = 0, False

    def report(front: Sequence[Found], count: int) -> None:
        nonlocal found, evaluations
        found, evaluations = [*known, *front], count
        bar.show(found, count)

    try:
        # what overflows is no candidate
        with np.errstate(all="ignore"):
            found = [*known, *search(problem, time_limit=time_limit, seed=seed, report=report)]
    except KeyboardInterrupt:
        if not found:
            raise
        interrupted = True
    evaluations = max([evaluations, *(law.evaluations for law in found)])
    return Outcome(undominated(map(plain, undominated(found))), evaluations, interrupted)


def plain(law: Found) -> Found:
    """The law in its shortest form over symbols without assumptions, which is what users write."""
    import sympy

    from physym.symbolic.tidy import complexity, tidy

    symbols = {symbol: sympy.Symbol(symbol.name) for symbol in law.expression.free_symbols}
    expression = tidy(law.expression).xreplace(symbols)
    known = {abs(value): abs(error / value) for value, error in law.constants if value}
    # a number that tidying changed, such as 2q for q, is as uncertain as the worst
    worst = max(known.values(), default=0.0)
    numbers = sorted(float(number) for number in expression.atoms(sympy.Float))
    constants = tuple((value, abs(value) * known.get(abs(value), worst)) for value in numbers)
    return replace(law, expression=expression, constants=constants, complexity=complexity(expression))
