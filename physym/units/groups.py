"""Dimensionless groups: products of powers of variables that no change of units alters.

Variables x_1, …, x_n whose units span r independent scales have n - r independent groups

    π_k = Π_i x_i^{E_ki},    A E_kᵀ = 0,  E integer,

and a law between the variables that holds in all units is a law between the groups. The rows of E are a basis of all
integer solutions (see `physym.units.lattice`), so every dimensionless product of whole powers is a product of groups.

How many scales there are is for the user to say. Over the SI base units a litre is a volume, 0.001 m**3: the 12
parameters of the Rietkerk model with a duration, a time step, a length and a cell size are 16 variables over kg, m and
s, and have 13 groups. Its equations allow more than that: water only ever turns into water, so that litres may change
size without metres, and with ``base=("l", "d", "m", "g")`` there are 12 groups, one input less to learn from. This is a
scaling symmetry beyond units, which no reading of the units can find, and the equations must have it.

Sources: E. Buckingham, On physically similar systems (Physical Review 4, 1914); S. Villar, W. Yao, D. W. Hogg, B.
Blum-Smith and B. Dumitrascu, Dimensionless machine learning: imposing exact units equivariance (JMLR 24, 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from physym.units.lattice import null_lattice
from physym.units.monomials import Variables, declared, matrix, sympy_product, text
from physym.units.systems import System, system
from simulators.errors import InputError
from simulators.schema import INDICES

__all__ = ["Groups", "dimensionless_groups", "oriented"]


@dataclass(frozen=True, eq=False)
class Groups:
    """A basis of the dimensionless products of some variables.

    Attributes:
        names: of the variables.
        units: of the variables, as given.
        symbols: of the variables, as formulas write them.
        exponents: integer array (groups, variables), read-only; short rows first.
        base: the base units over which the units were read.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    symbols: tuple[str, ...]
    exponents: np.ndarray
    base: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of groups: variables less rank."""
        return len(self.exponents)

    @property
    def rank(self) -> int:
        """The number of independent scales that the units of the variables span."""
        return len(self.names) - self.count

    @property
    def texts(self) -> tuple[str, ...]:
        """Each group as a formula of the symbols, such as ``a*k1/R``."""
        return tuple(text(dict(zip(self.symbols, row, strict=True))) for row in self.exponents.tolist())

    def __str__(self) -> str:
        return ", ".join(self.texts) if self.count else "no dimensionless group"

    def expressions(self) -> tuple[Any, ...]:
        """Each group as a SymPy expression of positive symbols, which are called by the variables' names."""
        return tuple(sympy_product(dict(zip(self.names, row, strict=True))) for row in self.exponents.tolist())

    def latex(self) -> str:
        r"""The groups as LaTeX, separated by ``,\quad``."""
        import sympy

        products = (sympy_product(dict(zip(self.symbols, row, strict=True))) for row in self.exponents.tolist())
        return r",\quad ".join(map(sympy.latex, products))

    def values(self, data: xr.Dataset | Mapping[str, Any]) -> dict[str, Any]:
        """The groups' values by their text.

        Args:
            data: a dataset, or name -> number or array in the units of this object, (values, "units"), or typed array.
                Of vectors and tensors the norm is taken.

        Returns:
            A number or array a group; a DataArray, dimensions brought together, if that is what was given.

        Raises:
            InputError: if a variable is absent, measures another quantity, or is zero where a group divides by it.

        >>> groups = dimensionless_groups({"mass": "kg", "stiffness": "kg/s**2", "time": "s"})
        >>> groups.values({"mass": 2.0, "stiffness": 8.0, "time": (500.0, "ms")})
        {'stiffness*time**2/mass': 1.0}
        """
        over = System(self.base)
        columns = [_magnitude(name, units, data, over) for name, units in zip(self.names, self.units, strict=True)]
        found: dict[str, Any] = {}
        for title, row in zip(self.texts, self.exponents.tolist(), strict=True):
            value: Any = 1.0
            for name, column, power in zip(self.names, columns, row, strict=True):
                if power < 0 and np.any(np.asarray(column) == 0):
                    raise InputError(f"variable {name!r}: expected other than zero, since {title} divides by it")
                if power:
                    with np.errstate(over="ignore", invalid="ignore"):
                        value = value * column**power
            if not np.all(np.isfinite(value)):
                raise InputError(f"{title}: expected finite numbers, given {float(np.max(np.abs(value)))} as its value")
            found[title] = value if isinstance(value, xr.DataArray) or np.ndim(value) else float(value)
        return found


def _magnitude(name: str, units: str, data: xr.Dataset | Mapping[str, Any], over: System) -> Any:  # noqa: ANN401
    """A variable's values in base units, as numpy or xarray hold them."""
    if name not in data:
        raise InputError(f"variable {name!r}: expected in the data, given {', '.join(map(str, data)) or 'none'}")
    given = data[name]
    if isinstance(given, xr.DataArray):
        values, own = given.astype(float), given.attrs.get("units", units)
        indices = [dim for dim in INDICES if dim in values.dims]
        values = np.sqrt((values**2).sum(indices)) if indices else values
    elif isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
        values, own = np.asarray(given[0], dtype=float), given[1]
    else:
        values, own = np.asarray(given, dtype=float), units
    reading = over.read(own)
    if reading.exponents != over.read(units).exponents:
        raise InputError(
            f"variable {name!r}: expected units of {units!r}, given {own!r}, which measures another quantity"
        )
    values = values * reading.factor
    return values if isinstance(values, xr.DataArray) else values[()]


def oriented(row: Sequence[int]) -> list[int]:
    """The row or its negative: the one with more above the line than below, or else whose first factor is above."""
    first = next(e for e in row if e)
    return [-e for e in row] if sum(row) < 0 or (sum(row) == 0 and first < 0) else list(row)


def dimensionless_groups(variables: Variables, base: Sequence[str] | None = None) -> Groups:
    """A basis of the products of whole powers of the variables that are dimensionless.

    Args:
        variables: name -> units (or `simulators.Variable`); or a typed dataset: its states, parameters and time.
        base: names of the units whose sizes may change independently; the SI base units by default. Units that name
            one of them count in it, those that measure the same are converted to it, all others are read by their SI
            parts: over ("l", "d", "m", "g") ml are litres, and litres no cubic metres.

    Returns:
        The groups, short ones first: a basis, reduced by the method of Lenstra, Lenstra and Lovász.

    Raises:
        InputError: if units cannot be read, are affine (degC), or are not spanned by `base`.

    >>> water = {"R": "l/d/m**2", "a": "1/d", "k1": "l/m**2", "Du": "m**2/d", "L": "m"}
    >>> print(dimensionless_groups(water, base=("l", "d", "m")))
    a*k1/R, a*L**2/Du
    >>> print(dimensionless_groups(water))
    k1/L, a*k1/R, R*k1/Du
    """
    given, over = declared(variables), system(base)
    units = {name: own for name, (own, _) in given.items()}
    rows = null_lattice(matrix(units, over), len(units))
    # short ones first; among these, by the first variable
    rows = sorted(map(oriented, rows), key=lambda row: (sum(map(abs, row)), [-abs(e) for e in row]))
    exponents = np.array(rows, dtype=np.int64).reshape(-1, len(units))
    exponents.setflags(write=False)
    symbols = tuple(symbol for _, symbol in given.values())
    return Groups(tuple(units), tuple(units.values()), symbols, exponents, over.base)
