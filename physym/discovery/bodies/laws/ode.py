"""Ordinary differential equations in closed form: the rate of change of each state is a sum of lawful terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import xarray as xr

from physym.discovery.bodies.laws.terms import Term, symbols
from physym.discovery.equation import Constant, Equation, Point
from physym.discovery.law import Law
from physym.discovery.system import System
from physym.discovery.unit_text import product

__all__ = ["OdeLaw"]

Right = tuple[str, int, tuple[Term, ...]]


class OdeLaw(Law):
    """d(state)/dt of every state of every body as a sum of terms.

    Args:
        system: what it is about.
        starts: a few typed starts.
        constants: of the terms.
        rights: (state, entity or -1, terms) for every one.
        pareto: per equation the best law of each number of terms.
    """

    def __init__(
        self,
        system: System,
        starts: xr.Dataset,
        constants: Sequence[Constant],
        rights: Sequence[Right],
        pareto: Mapping[str, Sequence[Point]] | None = None,
    ) -> None:
        super().__init__(system, starts, constants, pareto)
        self.rights = tuple(rights)
        self._types = self.variables()
        missing = {v.name for v in system.states} - {name for name, _, _ in rights}
        if missing:
            raise ValueError(f"no equation for {', '.join(sorted(missing))}")

    def left(self, name: str, entity: int) -> str:
        """What stands left in an equation."""
        return f"d{self._types[name].symbol}{'' if entity < 0 else entity + 1}/dt"

    def equations(self) -> list[Equation]:
        """One for every state of every body."""
        import sympy

        out = []
        for name, entity, terms in self.rights:
            latex: dict[str, str] = {}
            units = product([(self._types[name].units, 1), (self.time_units, -1)])
            total = sum((symbols(term, self._types, latex) for term in terms), start=sympy.Integer(0))
            out.append(Equation(self.left(name, entity), units, total, latex))
        return out

    def slopes(self, values: Mapping[str, np.ndarray], data: xr.Dataset) -> dict[str, np.ndarray]:
        """The sums."""
        out = {v.name: np.zeros(values[v.name].shape) for v in self.system.states}
        for name, entity, terms in self.rights:
            place = out[name] if entity < 0 else out[name][:, entity]
            for term in terms:
                place += term.value(values, self._types)
        return out

    def body(self) -> dict[str, Any]:
        """The terms of each equation."""
        return {"rights": [[name, entity, [term.to_dict() for term in terms]] for name, entity, terms in self.rights]}

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
        rights = [
            (str(name), int(entity), tuple(Term.from_dict(term) for term in terms))
            for name, entity, terms in body["rights"]
        ]
        return cls(system, starts, constants, rights, pareto)
