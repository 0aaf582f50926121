"""Partial differential equations in closed form, as simulators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr

from physym.discovery.fields.dynamics import carry, tendencies
from physym.discovery.fields.terms import FieldTerm, Space
from physym.discovery.law import Constant, Equation, Law, Point
from physym.discovery.system import System
from physym.discovery.unit_text import product
from simulators.errors import SchemaError
from simulators.grid import Grid

if TYPE_CHECKING:
    import sympy

__all__ = ["FieldLaw"]


class FieldLaw(Law):
    """∂f/∂t of every scalar field f on a periodic grid as a sum of terms; see `terms` for what they are.

    Args:
        system: what it is about.
        starts: a few typed starts.
        constants: the factors of the terms, and the saturation constants.
        rights: the terms of every state's equation, in the order of the states.
        scheme: of the derivatives: 2, 4 or "spectral", as `simulators.grid.Grid` has them.
        length: the units of lengths in the constants.
        pareto: per equation the best law of each number of terms.

    Raises:
        SchemaError: if terms name constants that there are not.
    """

    def __init__(
        self,
        system: System,
        starts: xr.Dataset,
        constants: Sequence[Constant],
        rights: Sequence[Sequence[FieldTerm]],
        scheme: int | str,
        length: str,
        pareto: Mapping[str, Sequence[Point]] | None = None,
    ) -> None:
        super().__init__(system, starts, constants, pareto)
        self.rights = tuple(tuple(terms) for terms in rights)
        self.scheme, self.length = scheme, length
        known = {c.name for c in constants}
        needed = {t.constant for terms in self.rights for t in terms}
        needed |= {half for terms in self.rights for t in terms for _, half in t.saturations}
        if len(self.rights) != len(system.states) or not needed <= known or scheme not in (2, 4, "spectral"):
            raise SchemaError(
                f"expected {len(system.states)} equations over the constants {sorted(known)} and a scheme that is 2, 4"
                f" or 'spectral', given {len(self.rights)} over {sorted(map(str, needed))} and {scheme!r}"
            )

    def left(self, name: str) -> str:
        """What stands left in the equation of a state."""
        return f"∂{self._symbols()[name]}/∂t"

    def _symbols(self) -> dict[str, str]:
        found = {s.name: s.symbol for s in self.system.states}
        return found if len(set(found.values())) == len(found) else {name: name for name in found}

    def equations(self) -> list[Equation]:
        """One for every state."""
        import sympy

        symbols = list(self._symbols().values())
        out = []
        for state, terms in zip(self.system.states, self.rights, strict=True):
            latex: dict[str, str] = {}
            total = sum((_expression(term, symbols, latex) for term in terms), start=sympy.Integer(0))
            units = product([(state.units, 1), (self.time_units, -1)])
            out.append(Equation(self.left(state.name), units, total, latex))
        return out

    def slopes(self, values: Mapping[str, np.ndarray], data: xr.Dataset) -> dict[str, np.ndarray]:
        """The sums."""
        grid = Grid.of(data, units=self.length)
        names = [state.name for state in self.system.states]
        wide = (slice(None), *(None,) * grid.ndim)
        constants = {c.name: values[c.name][wide] for c in self.constants}
        found = tendencies(self.rights, Space(grid, self.scheme), [values[name] for name in names], constants)
        return dict(zip(names, found, strict=True))

    def runs(
        self, data: xr.Dataset, times: np.ndarray, tolerance: float
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The states (sample, time, *space) at the times, by name, and what to say about the solver."""
        space = Space(Grid.of(data, units=self.length), self.scheme)
        values, _, _ = self.rows(data)
        names = [state.name for state in self.system.states]
        start = np.stack([values[name] for name in names], axis=1)
        numbers = np.stack([values[c.name] for c in self.constants], axis=1)
        states = np.empty((len(start), times.size, *start.shape[1:]))
        for row in np.unique(numbers, axis=0):
            own = np.flatnonzero((numbers == row).all(axis=1))
            constants = {c.name: float(v) for c, v in zip(self.constants, row, strict=True)}
            states[own] = carry(self.rights, space, start[own], times - times[0], constants, max(tolerance, 1e-12))
        found = {name: states[:, :, n] for n, name in enumerate(names)}
        return found, {"method": "etdrk4 or rock4", "tolerance": tolerance, "laplacian": str(self.scheme)}

    def body(self) -> dict[str, Any]:
        """The terms, the scheme and the units of lengths."""
        rights = [[term.to_dict() for term in terms] for terms in self.rights]
        return {"rights": rights, "scheme": self.scheme, "length": self.length}

    @classmethod
    def from_body(
        cls,
        body: Mapping[str, Any],
        system: System,
        starts: xr.Dataset,
        constants: Sequence[Constant],
        pareto: Mapping[str, Sequence[Point]],
    ) -> Self:
        """From what `body` gave, after JSON."""
        fields = len(system.states)
        rights = [[FieldTerm.from_dict(term, fields) for term in terms] for terms in body["rights"]]
        return cls(system, starts, constants, rights, body["scheme"], body["length"], pareto)


def _expression(term: FieldTerm, symbols: Sequence[str], latex: dict[str, str]) -> sympy.Expr:
    import sympy

    out: sympy.Expr = sympy.Symbol(term.constant)
    for i, power in enumerate(term.powers):
        out *= sympy.Symbol(symbols[i]) ** power
    for i, half in term.saturations:
        field = sympy.Symbol(symbols[i])
        out *= field / (field + sympy.Symbol(str(half)))
    if term.laplacian >= 0:
        name = symbols[term.laplacian]
        latex[f"∇²{name}"] = rf"\nabla^2 {name}"
        out *= sympy.Symbol(f"∇²{name}")
    if term.gradients:
        first, second = (symbols[i] for i in term.gradients)
        told = f"|∇{first}|²" if first == second else f"∇{first}·∇{second}"
        latex[told] = rf"|\nabla {first}|^2" if first == second else rf"\nabla {first}\cdot\nabla {second}"
        out *= sympy.Symbol(told)
    return out
