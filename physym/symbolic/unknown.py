"""Laws with constants of which neither the value nor the units are known, such as black-body radiation before Planck.

Units cannot guide a search for what has unknown ones, so the law is sought without them and they are read off from the
numbers that it contains; see `physym.symbolic.dimensional`. Each such number is then explained as

    number = q · Π_k K_k^a_k · Π_n C_n^p_n,

K the constants that are offered, C as many unknown ones as the user allows, q a simple number such as 2 or 1/(4π), and
the exponents fixed by the units. At last the unknown constants are fitted to the data, all other numbers being exact.

Data cannot tell h from h·c or h/k_B where c and k_B are known. By convention, the unknown constant has units over kg, m
and s if it can, since k_B, N_A and such serve to convert the other base units; with exponents up to 2 if it can, as
most constants of nature; it makes the numbers inside of functions and sums short to write, then all others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy

from physym.symbolic.constants import Constant
from physym.symbolic.dimensional import Measured, Placed, Vector, place_numbers
from physym.symbolic.front import undominated
from physym.symbolic.guided import guided
from physym.symbolic.numbers import Exact, exact_near
from physym.symbolic.problem import Found, Problem
from physym.symbolic.refit import refit
from physym.symbolic.running import Bar, Outcome, exponents, plain, run
from physym.symbolic.scaled import match_scaled
from physym.symbolic.tidy import complexity
from physym.units.lattice import solution
from physym.units.monomials import text
from physym.units.typed import Table
from simulators.errors import InputError
from simulators.units import BASE

__all__ = ["search_unknown"]

_POWERS = tuple(map(Fraction, ("1", "-1", "2", "-2", "1/2", "-1/2", "3", "-3", "4", "-4", "0")))
# largest sum of the exponents of offered constants in the definition of an unknown one
_REACH = 3
# bits that a number may take to be called simple, and how near it must be, beside four standard errors
_SIMPLE, _NEAR = 9.0, 1e-6
# relative residual of a law that leaves nothing to look for
_EXACT = 1e-9
_MECHANICAL = tuple(BASE.index(base) for base in ("kg", "m", "s"))


@dataclass(frozen=True)
class _Number:
    """simple · Π_k K_k^offered · Π_n C_n^unknown."""

    simple: Exact
    offered: Vector
    unknown: Vector

    @property
    def length(self) -> Fraction:
        """How long it is to write, apart from the simple number."""
        return sum(map(abs, self.offered + self.unknown), Fraction(0))


@dataclass(frozen=True)
class _Explanation:
    """Every number of a law that has units, and the unknown constants.

    Attributes:
        numbers: by the symbol that stands for it.
        values: of the unknown constants in SI units.
        units: their exponents over the base units.
    """

    numbers: dict[sympy.Symbol, _Number]
    values: tuple[float, ...]
    units: tuple[Vector, ...]

    def rank(self, inside: set[sympy.Symbol]) -> tuple[float, ...]:
        """The smaller the better; see the module."""
        odd = sum(bool(e) for units in self.units for n, e in enumerate(units) if n not in _MECHANICAL)
        large = sum(abs(e) > 2 for units in self.units for e in units)
        within = sum(number.length for symbol, number in self.numbers.items() if symbol in inside)
        every = sum(number.length for number in self.numbers.values())
        plain = sum(number.simple.bits for symbol, number in self.numbers.items() if symbol in inside)
        bits = sum(number.simple.bits for number in self.numbers.values())
        small = sum(number.simple.value < 1 for number in self.numbers.values())
        return (odd, large, float(within), float(every), plain, bits, small)


def search_unknown(table: Table, offered: dict[str, Constant], count: int, *, seed: int, bar: Bar) -> Outcome:
    """Laws with at most `count` unknown constants; these are in `extra["unknown"]` of each, by symbol.

    Raises:
        InputError: if no law that was found is lawful with so few.
        KeyboardInterrupt: if nothing has been found yet, or at a second Ctrl-C.
    """
    typed = [name for name in table.names if not table.units[name].dimensionless]
    scales = {name: _size(table.values[name]) if name in typed else 1.0 for name in table.names}
    size = 1.0 if table.target_units.dimensionless else _size(table.target)
    values = {name: table.values[name] / scales[name] for name in table.names}
    problem = Problem(table.names, values, np.zeros((0, len(values))), table.target / size, np.zeros(0))
    found, evaluations = match_scaled(problem, time_limit=bar.left() / 3, seed=seed)
    # a simple law with the wrong constants may fit as well as the lawful one: all are looked at, not only the best
    laws = [plain(law) for law in found]
    interrupted = False
    if min((law.error for law in laws), default=1.0) > _EXACT:
        units = exponents([*table.units.values(), table.target_units])
        typed_problem = replace(problem, exponents=units[:, :-1], target_exponents=units[:, -1])
        try:
            found, scored = guided(typed_problem, time_limit=bar.left() / 2, seed=seed)
        except KeyboardInterrupt:
            if not laws:
                raise
            found, scored, interrupted = [], 0, True
        laws += [plain(law) for law in found]
        evaluations += scored
    if not interrupted and min((law.error for law in laws), default=1.0) > _EXACT:
        outcome = run(problem, time_limit=0.9 * bar.left(), seed=seed, bar=bar, known=laws)
        laws, interrupted = [*laws, *outcome.found], outcome.interrupted
        evaluations += outcome.evaluations
    scales = {name: scales[name] * table.units[name].factor for name in typed}
    size *= table.target_units.factor
    lawful = [_lawful(law, table, offered, count, scales, size) for law in sorted(laws, key=lambda law: law.bits)]
    explained = undominated(law for law in lawful if law is not None)
    if not laws:
        return Outcome([], evaluations, interrupted)
    if not explained:
        raise InputError(
            f"expected a law with at most {count} unknown constants, given data for which only others were found, such"
            f" as {laws[-1].expression} between scaled columns; offer the constants of nature that may be in it, or"
            " give more time_limit or unknown_constants"
        )
    return Outcome(explained, evaluations, interrupted)


def _size(values: np.ndarray) -> float:
    """A typical one, other than 0."""
    return float(np.exp(np.mean(np.log(np.abs(values[values != 0])))))


def _lawful(
    law: Found, table: Table, offered: dict[str, Constant], count: int, scales: Mapping[str, float], size: float
) -> Found | None:
    """The law between quantities in SI units, or None if it is not lawful with so few unknown constants."""
    if not all(value for value, _ in law.constants):
        return None
    errors = {value: abs(error / value) for value, error in law.constants}
    units = {name: unit.exponents for name, unit in table.units.items()}
    try:
        placed = place_numbers(law.expression, errors, scales, size, units, table.target_units.exponents)
    except OverflowError:
        # absurd exponents
        return None
    if placed is None:
        return None
    best = _explain(placed, list(offered.values()), count)
    if best is None:
        return None
    taken = {*table.names, *offered}
    names = list(itertools.islice((name for n in itertools.count(1) if (name := f"C{n}") not in taken), count))
    expression, plain = _written(placed, best, list(offered), names)
    data = {name: table.values[name] * table.units[name].factor for name in table.names}
    data |= {name: one.value * one.unit.factor for name, one in offered.items()}
    target = table.target * table.target_units.factor
    fitted = refit(expression, names[: len(best.values)], best.values, data, target)
    if fitted is None or fitted.error > 2 * law.error + _NEAR:
        return None
    powers = [{base: e for base, e in zip(BASE, units, strict=True) if e} for units in best.units]
    found = {
        name: Constant(name, value, text(own), error)
        for name, value, error, own in zip(names, fitted.values, fitted.errors, powers, strict=False)
    }
    return replace(
        law,
        expression=expression,
        error=fitted.error,
        constants=tuple(plain),
        complexity=complexity(expression),
        extra={**law.extra, "unknown": found},
    )


def _explain(placed: Placed, offered: Sequence[Constant], count: int) -> _Explanation | None:
    """The explanation that ranks best, or None if there is none."""
    typed = [symbol for symbol, units in placed.units.items() if any(units)]
    rows = [list(row) for row in zip(*(one.unit.exponents for one in offered), strict=True)] or [[]] * len(BASE)
    known = [Measured(one.value * one.unit.factor, abs(one.error / one.value)) for one in offered]
    inside = _inside(placed.expression, set(typed))

    def explained(symbol: sympy.Symbol, pivots: Sequence[sympy.Symbol], powers: Vector) -> _Number | None:
        """A number as a product of those that define the unknown constants, and of offered ones."""
        left, value = list(placed.units[symbol]), placed.numbers[symbol]
        for pivot, power in zip(pivots, powers, strict=True):
            left = [e - power * p for e, p in zip(left, placed.units[pivot], strict=True)]
            value = value.times(placed.numbers[pivot], -float(power))
        exponents = solution(rows, len(offered), left)
        if exponents is None:
            return None
        for one, power in zip(known, exponents, strict=True):
            value = value.times(one, -float(power))
        near = exact_near(value.value, value.value * max(4 * value.error, _NEAR), most=1)
        if not near or near[0].bits > _SIMPLE:
            return None
        return _Number(near[0], tuple(exponents), powers)

    best: _Explanation | None = None
    for used in range(count + 1):
        for pivots in itertools.combinations(typed, used):
            chosen: dict[sympy.Symbol, _Number] | None = {}
            for symbol in typed:
                options = (explained(symbol, pivots, powers) for powers in _powers(symbol, pivots))
                found = min((one for one in options if one is not None), key=_brevity, default=None)
                if found is None:
                    chosen = None
                    break
                chosen[symbol] = found
            if chosen is None:
                continue
            for one in _defined(chosen, pivots, placed, offered, known):
                if best is None or one.rank(inside) < best.rank(inside):
                    best = one
        if best is not None:
            return best
    return None


def _brevity(number: _Number) -> float:
    return 3 * float(number.length) + number.simple.bits


def _powers(symbol: sympy.Symbol, pivots: Sequence[sympy.Symbol]) -> Iterator[Vector]:
    """Exponents of the unknown constants that a number may have; those that define one have 1 of it."""
    if symbol in pivots:
        yield tuple(Fraction(symbol == pivot) for pivot in pivots)
    else:
        yield from itertools.product(_POWERS, repeat=len(pivots))


def _defined(
    numbers: dict[sympy.Symbol, _Number], pivots: Sequence[sympy.Symbol], placed: Placed,
    offered: Sequence[Constant], known: Sequence[Measured],
) -> Iterator[_Explanation]:  # fmt: skip
    """The same with each unknown constant multiplied by products of the offered ones."""
    reach = range(-_REACH, _REACH + 1)
    factors = [k for k in itertools.product(reach, repeat=len(offered)) if sum(map(abs, k)) <= _REACH]
    for chosen in itertools.product(factors, repeat=len(pivots)):
        # number = C · Π K^-k defines C, and every other number that contains C takes up the difference
        written = {}
        for symbol, number in numbers.items():
            powers = list(number.offered)
            for power, k in zip(number.unknown, chosen, strict=True):
                powers = [e - power * own for e, own in zip(powers, k, strict=True)]
            written[symbol] = replace(number, offered=tuple(powers))
        values, units = [], []
        for pivot, k in zip(pivots, chosen, strict=True):
            value, own = placed.numbers[pivot].value, list(placed.units[pivot])
            for one, constant, power in zip(known, offered, k, strict=True):
                value *= one.value**power
                own = [e + power * c for e, c in zip(own, constant.unit.exponents, strict=True)]
            values.append(value)
            units.append(tuple(own))
        yield _Explanation(written, tuple(values), tuple(units))


def _inside(expression: sympy.Expr, symbols: set[sympy.Symbol]) -> set[sympy.Symbol]:
    """The symbols that stand within functions or sums."""
    found: set[sympy.Symbol] = set()
    for part in sympy.preorder_traversal(expression):
        if isinstance(part, sympy.Add | sympy.Function):
            found |= part.free_symbols & symbols
    return found


def _written(
    placed: Placed, explanation: _Explanation, offered: Sequence[str], names: Sequence[str]
) -> tuple[sympy.Expr, list[tuple[float, float]]]:
    """The law with its constants, and the numbers without units that stay numbers."""

    def rational(value: Fraction) -> sympy.Rational:
        return sympy.Rational(value.numerator, value.denominator)

    values, plain = {}, []
    for symbol, measured in placed.numbers.items():
        number = explanation.numbers.get(symbol)
        if number is not None:
            factors = zip((*offered, *names), number.offered + number.unknown, strict=False)
            powers = [sympy.Symbol(name) ** rational(power) for name, power in factors]
            values[symbol] = sympy.Mul(number.simple.sympy(), *powers)
            continue
        near = exact_near(measured.value, measured.value * max(4 * measured.error, _NEAR), most=1)
        if near and near[0].bits <= _SIMPLE:
            values[symbol] = near[0].sympy()
        else:
            values[symbol] = sympy.Float(measured.value)
            plain.append((measured.value, measured.value * measured.error))
    return placed.expression.xreplace(values), plain
