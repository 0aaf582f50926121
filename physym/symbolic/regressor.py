"""Symbolic regression that knows units: from typed columns to the law that they obey, as a formula."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr

from physym.symbolic.constants import Constant, Constants, read_constants
from physym.symbolic.front import Candidate, Front, undominated
from physym.symbolic.problem import Found
from physym.symbolic.running import Bar, problem_of, run, thinned
from physym.symbolic.unknown import search_unknown
from physym.units.monomials import products
from physym.units.typed import Column, Columns, Table, read_table
from simulators.errors import InputError
from simulators.units import BASE, Unit, parse

if TYPE_CHECKING:
    import sympy

__all__ = ["SymbolicRegressor"]

_MOST_UNKNOWN = 2


class SymbolicRegressor:
    """Finds the formula y = f(X) that typed columns obey; an estimator by the conventions of scikit-learn.

    Only expressions whose units are lawful are ever formed. The numbers in them are therefore without units, and the
    expression holds between quantities, whatever units they are given in: lengths in km instead of m give the same
    one. To put numbers into it, write all of them in SI base units, or let `predict` do so. Every constant that has
    units is a symbol of its own, with its value in `constants_`. Of a table of more than 50,000 rows as many, chosen at
    random, are searched.

    Args:
        time_limit: seconds that a search may take.
        constants: constants of nature that the law may contain: symbols such as ``("c", "k_B")``, see
            `physym.symbolic.NATURE`, or ``{"c": (299792458.0, "m/s")}``.
        unknown_constants: how many constants the law may contain whose value and units are both unknown, and found;
            units then no longer guide the search, but the law that is found obeys them. They are named C1, C2, ...
        seed: of the search; with the same one the same data take the same course.
        progress: show a bar on stderr.

    Attributes:
        expression_ (sympy.Expr): the law that describes the data in the fewest bits, over plain symbols named as the
            columns and constants.
        pareto_ (Front): the list of (complexity, error, expression) that no other beats in both; error is the RMS of
            the residual relative to the RMS of y.
        constants_ (dict): the constants in `expression_` that have units, offered or found, by symbol: `Constant` with
            value, units and standard error.
        numbers_ (list): the fitted numbers without units in `expression_`: (value, standard error).
        interrupted_ (bool): whether Ctrl-C ended the search; the laws are the best until then. A second one is raised.
        evaluations_ (int): how many hypotheses were scored.
        feature_names_in_, n_features_in_: of the columns.

    >>> mass, speed = np.random.default_rng(0).uniform(1, 5, (2, 100))
    >>> X = {"m": (mass, "kg"), "v": (3.6 * speed, "km/h")}
    >>> model = SymbolicRegressor(time_limit=5).fit(X, (mass * speed**2 / 2, "J"))
    >>> model.expression_
    m*v**2/2
    >>> float(model.predict({"m": ([2.0], "kg"), "v": ([10.0], "m/s")})[0])
    100.0
    """

    def __init__(
        self,
        *,
        time_limit: float = 60.0,
        constants: Constants = None,
        unknown_constants: int = 0,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        self.time_limit = time_limit
        self.constants = constants
        self.unknown_constants = unknown_constants
        self.seed = seed
        self.progress = progress

    def fit(self, X: Columns, y: Column) -> Self:
        """Search for the law.

        Args:
            X: a dataset of 1-D variables with units, or a mapping name -> typed array or (values, "units").
            y: a typed array or (values, "units"), one value a row of X.

        Raises:
            InputError: if the table cannot be read (see `physym.units.read_table`), no product of columns and constants
                has the units of y, there are too few rows, or a setting is wrong.
            KeyboardInterrupt: at a second Ctrl-C, or at the first if nothing has been found yet.
        """
        self._check_settings()
        offered = read_constants(self.constants)
        table = read_table(X, y)
        if table.target is None:
            raise InputError("y: expected the values to explain, with units; given None")
        self._check_table(table, offered)
        table = thinned(table, int(self.seed))
        unknown = int(self.unknown_constants)
        with Bar(float(self.time_limit), shown=bool(self.progress)) as bar:
            if unknown:
                outcome = search_unknown(table, offered, unknown, seed=int(self.seed), bar=bar)
            else:
                outcome = run(problem_of(table, offered), time_limit=bar.left(), seed=int(self.seed), bar=bar)
        if not outcome.found:
            raise InputError(f"time_limit: no law was found in {self.time_limit:g} s; give more")
        self.interrupted_, self.evaluations_ = outcome.interrupted, outcome.evaluations
        self.feature_names_in_ = np.array(table.names, dtype=object)
        self.n_features_in_ = len(table.names)
        found = undominated(map(_rooted, outcome.found))
        self.pareto_ = Front(
            [Candidate(law.complexity, law.error, law.expression) for law in found],
            min(range(len(found)), key=lambda place: found[place].bits),
        )
        best = found[self.pareto_.chosen]
        self.expression_, self.numbers_ = best.expression, list(best.constants)
        known = offered | best.extra.get("unknown", {})
        self.constants_ = {name: one for name, one in known.items() if name in _symbols(best.expression)}
        self._units, self._target_units = dict(table.units), table.target_units
        attrs = dict(y.attrs) if isinstance(y, xr.DataArray) else {}
        self._attrs = attrs | {"units": table.target_units.text}
        return self

    def predict(self, X: Columns) -> xr.DataArray:
        """The law's values, one a row of X, in the units that y had.

        Args:
            X: at least the columns that the law needs, in any units of the same quantities.

        Raises:
            InputError: if there is no law yet, a column is absent or measures something else, or the law is no real
                number in some row.
        """
        self._check_fitted()
        table = read_table(X, constants=True)
        values = {name: one.value * one.unit.factor for name, one in self.constants_.items()}
        needed = [name for name in self.feature_names_in_ if name in _symbols(self.expression_)]
        for name in needed:
            if name not in table.values:
                given = ", ".join(table.names)
                raise InputError(f"X: expected the column {name!r}, of which the law is made; given {given}")
            if table.units[name].exponents != self._units[name].exponents:
                raise InputError(
                    f"column {name!r}: expected units like {self._units[name].text!r}, as it was fitted; given"
                    f" {table.units[name].text!r}, which measures another quantity"
                )
            values[name] = table.values[name] * table.units[name].factor
        result = np.broadcast_to(_evaluate(self.expression_, values), table.rows) / self._target_units.factor
        lost = np.flatnonzero(~np.isfinite(result))
        if lost.size:
            raise InputError(
                f"X: expected rows for which {self.expression_} is a real number, given row {lost[0]}"
                f" ({lost.size} of {table.rows} rows); leave such rows out"
            )
        return xr.DataArray(result, dims=table.dim, attrs=self._attrs)

    def score(self, X: Columns, y: Column) -> float:
        """The coefficient of determination, 1 - Σ(y - f)² / Σ(y - mean y)²; 1 is best."""
        table = read_table(X, y, constants=True)
        factor = table.target_units.factor / self._checked_units(table.target_units).factor
        true, found = table.target * factor, self.predict(X).values
        return float(1 - np.sum((true - found) ** 2) / np.sum((true - true.mean()) ** 2))

    def latex(self) -> str:
        """The law as LaTeX."""
        import sympy

        self._check_fitted()
        return sympy.latex(self.expression_)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, by name."""
        return {name: getattr(self, name) for name in _settings()}

    def set_params(self, **settings: Any) -> Self:  # noqa: ANN401
        """Change settings.

        Raises:
            InputError: if there is none of that name.
        """
        for name, value in settings.items():
            if name not in _settings():
                raise InputError(f"expected settings among {', '.join(_settings())}, given {name!r}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = _settings()
        given = {name: value for name, value in self.get_params().items() if value != defaults[name]}
        return f"SymbolicRegressor({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def _checked_units(self, unit: Unit) -> Unit:
        self._check_fitted()
        if unit.exponents != self._target_units.exponents:
            wanted = self._target_units.text
            raise InputError(f"y: expected units like {wanted!r}, as it was fitted; given {unit.text!r}")
        return self._target_units

    def _check_fitted(self) -> None:
        if not hasattr(self, "expression_"):
            raise InputError("expected a regressor that has found a law, given one without; call fit(X, y) first")

    def _check_settings(self) -> None:
        limit, unknown, seed = self.time_limit, self.unknown_constants, self.seed
        if isinstance(limit, bool) or not isinstance(limit, Real) or not 0 < limit < math.inf:
            raise InputError(f"time_limit: expected seconds > 0, given {limit!r}")
        if isinstance(unknown, bool) or not isinstance(unknown, Integral) or not 0 <= unknown <= _MOST_UNKNOWN:
            raise InputError(f"unknown_constants: expected an integer from 0 to {_MOST_UNKNOWN}, given {unknown!r}")
        if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
            raise InputError(f"seed: expected an integer >= 0, given {seed!r}")

    def _check_table(self, table: Table, offered: dict[str, Constant]) -> None:
        for name in offered:
            if name in table.values:
                raise InputError(f"constant {name!r}: expected a symbol that no column has; rename one of the two")
        least = len(table.names) + int(self.unknown_constants) + 1
        if table.rows < least:
            raise InputError(
                f"X: expected at least {least} rows, more than the numbers that a law of {len(table.names)} columns may"
                f" contain; given {table.rows}"
            )
        if not self.unknown_constants:
            units = {name: unit.text for name, unit in table.units.items()}
            _check_reach(units | {name: one.units for name, one in offered.items()}, table.target_units)


def _check_reach(units: dict[str, str], target: Unit) -> None:
    """Refuse a target that has units which no product of columns has."""
    known = {name: parse(text) for name, text in units.items()}
    for base in BASE:
        if target.exponent(base) and not any(unit.exponent(base) for unit in known.values()):
            raise InputError(
                f"expected inputs whose products can have units {target.text}, given none with {base}; add a variable"
                f" containing {base}, or unknown_constants=1"
            )
    products(units, target.text)


def _rooted(law: Found) -> Found:
    from physym.symbolic.tidy import complexity, rooted

    expression = rooted(law.expression)
    return replace(law, expression=expression, complexity=complexity(expression))


def _symbols(expression: sympy.Expr) -> set[str]:
    return {symbol.name for symbol in expression.free_symbols}


def _evaluate(expression: sympy.Expr, values: dict[str, float | np.ndarray]) -> np.ndarray:
    """An expression over plain symbols, NaN where it is not real."""
    from physym.symbolic.refit import compiled

    function = compiled(expression, list(values))
    with np.errstate(all="ignore"):
        return np.asarray(function(*values.values()), dtype=np.float64)


def _settings() -> dict[str, Any]:
    """The names of the settings, with their defaults."""
    signature = inspect.signature(SymbolicRegressor.__init__)
    return {name: one.default for name, one in signature.parameters.items() if name != "self"}
