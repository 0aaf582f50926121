"""A regressor that no change of units can mislead, around one that knows nothing of units.

    y = P(x) f(π(x)),    π the dimensionless groups of the inputs,  P a product of inputs with the units of y.

The estimator learns f, a function from numbers to a number. Inputs in other units, or of a system of another size, are
the same numbers: what was learned at one scale holds at all of them, where raw inputs would leave the training range.

An input that is zero somewhere, or of both signs, stands only above the line: a product of the others makes it
dimensionless, or its square where only that has whole powers. Groups that are positive in training enter as their
logarithms, in which products of inputs are linear; others enter as they are. A group that is the same in all of
training is left out: nothing can be learned about it.

Source: S. Villar, W. Yao, D. W. Hogg, B. Blum-Smith and B. Dumitrascu, Dimensionless machine learning: imposing exact
units equivariance (JMLR 24, 2023).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Self

import numpy as np
import xarray as xr

from physym.units.groups import Groups, dimensionless_groups
from physym.units.monomials import products, text
from physym.units.systems import System, system
from physym.units.typed import Column, Columns, Table, read_table
from simulators.errors import InputError
from simulators.units import conversion

__all__ = ["DimensionlessRegressor"]

# groups that vary less than this, relative to their size, vary by rounding
_SAME = 1e-9


class DimensionlessRegressor:
    """Learns from dimensionless groups, by any estimator with ``fit(X, y)`` and ``predict(X)``; see the module.

    It follows the conventions of scikit-learn (`get_params`, `set_params`, `score`, clones), which need not be there.

    Args:
        estimator: what learns from an array (row, feature) and an array (row,); it is copied, and stays as it is.
        base: names of the units whose sizes may change independently; the SI base units by default; see
            `physym.units.dimensionless_groups`.

    Attributes:
        groups_: the dimensionless groups (`physym.units.Groups`).
        product_: exponents of the product P of inputs, by name.
        features_: what the estimator sees, such as ``log(a*k1/R)``.
        estimator_: the fitted estimator.

    >>> class Line:
    ...     def fit(self, X, y):
    ...         self.weights = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0]
    ...     def predict(self, X):
    ...         return np.c_[X, np.ones(len(X))] @ self.weights
    >>> columns = {"way": ([1.0, 2.0, 4.0], "m"), "depth": ([1.0, 1.0, 2.0], "m"), "time": ([1.0, 2.0, 2.0], "s")}
    >>> model = DimensionlessRegressor(Line()).fit(columns, ([1.0, 1.5, 3.0], "m/s"))
    >>> model.features_, {name: str(power) for name, power in model.product_.items()}
    (('log(way/depth)',), {'way': '1', 'time': '-1'})
    >>> model.predict({"way": ([4.0], "km"), "depth": ([1.0], "km"), "time": ([1.0], "h")}).round(6).item()
    2.222222
    """

    def __init__(self, estimator: Any, base: Sequence[str] | None = None) -> None:  # noqa: ANN401
        self.estimator = estimator
        self.base = base

    def __repr__(self) -> str:
        return f"{type(self).__name__}(estimator={self.estimator!r}, base={self.base!r})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings; with `deep` those of the estimator too, as ``estimator__NAME``."""
        found = {"estimator": self.estimator, "base": self.base}
        if deep and hasattr(self.estimator, "get_params"):
            found |= {f"estimator__{name}": value for name, value in self.estimator.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401
        """Change settings by the names that `get_params` gives.

        Raises:
            InputError: if there is no such setting.
        """
        inner = {}
        for name, value in params.items():
            if name in ("estimator", "base"):
                setattr(self, name, value)
            elif name.startswith("estimator__") and hasattr(self.estimator, "set_params"):
                inner[name.removeprefix("estimator__")] = value
            else:
                raise InputError(f"expected settings among {', '.join(self.get_params())}; given {name!r}")
        if inner:
            self.estimator.set_params(**inner)
        return self

    def fit(self, X: Columns, y: Column) -> Self:
        """Learn y from typed columns.

        Args:
            X: a dataset of 1-D variables with units, or name -> typed array or (values, "units").
            y: a typed array or (values, "units").

        Raises:
            InputError: if the columns are unfit (see `physym.units.read_table`), if no product of them has the units of
                y, or if one that is zero somewhere cannot be made dimensionless by the others.
        """
        for name in ("fit", "predict"):
            if isinstance(self.estimator, type) or not hasattr(self.estimator, name):
                raise InputError(f"estimator: expected an object with fit and predict, given {self.estimator!r}")
        table, over = read_table(X, y, constants=True), system(self.base)
        if table.target is None:
            raise InputError("y: expected the values to learn, with units; given None")
        units = {name: unit.text for name, unit in table.units.items()}
        self.groups_, self.product_ = _plan(table, units, self.base)
        self.units_, self._attrs = units, dict(y.attrs) if isinstance(y, xr.DataArray) else {}
        self._attrs["units"] = table.target_units.text  # type: ignore[union-attr]
        groups = self._groups(table, over)
        self._logs = np.all(groups > 0, axis=0)
        features = self._features(groups)
        size = np.where(self._logs, 1.0, np.max(np.abs(features), axis=0, initial=0.0))
        self._kept = np.ptp(features, axis=0) > _SAME * size
        titles = [f"log({t})" if log else t for t, log in zip(self.groups_.texts, self._logs, strict=True)]
        self.features_ = tuple(title for title, kept in zip(titles, self._kept, strict=True) if kept)
        target = table.target * over.read(self._attrs["units"]).factor / self._scale(table, over)
        if np.ptp(target) <= _SAME * np.max(np.abs(target)):
            # y is the product times a constant: nothing is left to learn, and not every estimator takes that
            target = np.full_like(target, np.mean(target))
        self.estimator_ = copy.deepcopy(self.estimator)
        self.estimator_.fit(self._inputs(features), target)
        return self

    def predict(self, X: Columns) -> xr.DataArray:
        """Typed predictions, in the units of the y of `fit`, one a row.

        Args:
            X: the columns of `fit`, in any units that measure the same; others are ignored.

        Raises:
            InputError: if it is not fitted, or a column is absent, measures another quantity, or has values (such as
                zero) for which a group is not defined.
        """
        if not hasattr(self, "estimator_"):
            raise InputError(f"expected a fitted regressor, given {self!r}; call fit(X, y) first")
        over = System(self.groups_.base)
        for name in self.units_ if isinstance(X, Mapping) else ():
            if name not in X:
                raise InputError(f"column {name!r}: expected, as it was fitted, given {', '.join(map(str, X))}")
        own = {name: X[name] for name in self.units_} if isinstance(X, Mapping) else X
        table = read_table(own, constants=True)
        for name, unit in table.units.items():
            if over.read(unit.text).exponents != over.read(self.units_[name]).exponents:
                raise InputError(
                    f"column {name!r}: expected units of {self.units_[name]!r}, given {unit.text!r}, which measures"
                    " another quantity"
                )
        numbers = np.asarray(self.estimator_.predict(self._inputs(self._features(self._groups(table, over)))))
        values = numbers.reshape(table.rows) * self._scale(table, over) / over.read(self._attrs["units"]).factor
        coords = {table.dim: X[table.dim]} if isinstance(X, xr.Dataset) and table.dim in X.coords else {}
        return xr.DataArray(values, dims=(table.dim,), coords=coords, attrs=self._attrs)

    def score(self, X: Columns, y: Column) -> float:
        """R², the part of the variance of y that is predicted: 1 at best.

        Raises:
            InputError: as `predict`, and if y measures another quantity or is constant.
        """
        table, found = read_table(X, y, constants=True), self.predict(X)
        truth = table.target * conversion(table.target_units.text, found.attrs["units"])  # type: ignore
        return float(1 - np.sum((truth - found.values) ** 2) / np.sum((truth - np.mean(truth)) ** 2))

    def _groups(self, table: Table, over: System) -> np.ndarray:
        columns = _columns(table, self.groups_.names, over)
        found = []
        for title, row in zip(self.groups_.texts, self.groups_.exponents.tolist(), strict=True):
            found.append(_product(columns, dict(zip(self.groups_.names, row, strict=True)), title))
        return np.array(found).reshape(len(found), table.rows).T

    def _features(self, groups: np.ndarray) -> np.ndarray:
        """Logarithms (row, group) of the groups that were positive in training; the others as they are."""
        bad = np.flatnonzero(np.any(groups[:, self._logs] <= 0, axis=0))
        if bad.size:
            title = np.array(self.groups_.texts)[self._logs][bad[0]]
            raise InputError(f"{title}: expected positive values, as in the fit, given others; fit on such data too")
        return np.where(self._logs, np.log(np.where(self._logs, groups, 1.0)), groups)

    def _inputs(self, features: np.ndarray) -> np.ndarray:
        """What the estimator sees (row, feature): a column of zeros if no group varies."""
        return features[:, self._kept] if self._kept.any() else np.zeros((len(features), 1))

    def _scale(self, table: Table, over: System) -> np.ndarray:
        return _product(_columns(table, self.product_, over), self.product_, text(self.product_)) * np.ones(table.rows)


def _columns(table: Table, names: Iterable[str], over: System) -> dict[str, np.ndarray]:
    """Columns in base units."""
    return {name: table.values[name] * over.read(table.units[name].text).factor for name in names}


def _product(columns: Mapping[str, np.ndarray], powers: Mapping[str, int | Fraction], title: str) -> np.ndarray:
    """A product of powers of columns, of their sizes where a power is a fraction.

    Mantissas and binary exponents are multiplied separately: the parts of a product can be beyond the floating-point
    numbers where the product is not.
    """
    value, twos = np.array(1.0), np.array(0.0)
    for name, power in powers.items():
        if power < 0 and np.any(columns[name] == 0):
            row = int(np.flatnonzero(columns[name] == 0)[0])
            raise InputError(
                f"column {name!r}: expected other than zero, since {title} divides by it; given 0 at row {row}"
            )
        if power:
            mantissa, exponent = np.frexp(columns[name])
            mantissa = mantissa if Fraction(power).denominator == 1 else np.abs(mantissa)
            value, twos = value * mantissa ** float(power), twos + exponent * float(power)
    whole = np.floor(twos)
    with np.errstate(over="ignore"):
        found = np.ldexp(value * 2.0 ** (twos - whole), whole.astype(int))
    if not np.all(np.isfinite(found)):
        raise InputError(f"{title}: expected numbers below 1e308, given larger ones; look at the columns' units")
    return found


def _plan(table: Table, units: dict[str, str], base: Sequence[str] | None) -> tuple[Groups, dict[str, Fraction]]:
    """The groups, and the powers of the product with the units of y.

    Raises:
        InputError: if there is no such product, or a column cannot be made dimensionless.
    """
    steady = [n for n, v in table.values.items() if np.all(v > 0) or np.all(v < 0)]
    firm = [n for n, v in table.values.items() if np.all(v != 0)]
    try:
        return _over(steady, table, units, base)
    except InputError:
        if firm == steady:
            raise
        return _over(firm, table, units, base)


def _over(
    firm: Sequence[str], table: Table, units: dict[str, str], base: Sequence[str] | None
) -> tuple[Groups, dict[str, Fraction]]:
    """The same, with only the columns `firm` below the line."""
    known, plain = {name: units[name] for name in firm}, dimensionless_groups(units, base)
    others = [name for name in units if name not in known]
    rows = []
    if firm:
        for row in dimensionless_groups(known, base).exponents.tolist():
            own = dict(zip(firm, row, strict=True))
            rows.append([own.get(name, 0) for name in units])
    for name in others:
        try:
            powers = _reach(known, units[name], base)
        except InputError as error:
            raise InputError(
                f"column {name!r}: expected values of one sign, or other columns of one sign that make it dimensionless"
                f" ({error})"
            ) from error
        whole = math.lcm(*(power.denominator for power in powers.values()))
        rows.append([whole if n == name else -int(whole * powers.get(n, 0)) for n in units])
    product = _reach(known, table.target_units.text, base)  # type: ignore[union-attr]
    exponents = np.array(rows, dtype=np.int64).reshape(-1, len(units))
    return replace(plain, exponents=exponents), product


def _reach(known: Mapping[str, str], units: str, base: Sequence[str] | None) -> dict[str, Fraction]:
    """As `products`, which takes at least one variable."""
    if known:
        return products(known, units, base)
    if any(system(base).read(units).exponents):
        raise InputError(f"expected columns of one sign of which a product has the units {units!r}, given none")
    return {}
