"""A Hamiltonian in closed form.

    H(q, p) = Σ_j c_j h_j(q, p; parameters),    dq/dt = ∂H/∂p,    dp/dt = -∂H/∂q,

with scalars h_j that rotations and reflections leave alone. H is kept exactly, whatever its constants.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import xarray as xr

from physym.discovery.bodies.laws.terms import Term, gradient, symbols
from physym.discovery.equation import Constant, Equation, Point
from physym.discovery.law import Law
from physym.discovery.system import System
from physym.discovery.unit_text import product
from simulators.schema import Variable
from simulators.units import parse

__all__ = ["HamiltonianLaw", "canonical_pair", "energy_units"]


def canonical_pair(system: System) -> tuple[Variable, Variable] | None:
    """Positions and momenta: the only two states, vectors of equal shape whose units multiply to an action."""
    action = parse("kg*m**2/s").exponents
    if len(system.states) != 2 or any(v.tensor_order != 1 or v.pseudo for v in system.states):
        return None
    for q, p in itertools.permutations(system.states):
        total = tuple(a + b for a, b in zip(parse(q.units).exponents, parse(p.units).exponents, strict=True))
        if total == action and q.dims == p.dims and parse(p.units).exponent("kg"):
            return q, p
    return None


def energy_units(q: Variable, p: Variable, time_units: str) -> str:
    """The units of H in which Hamilton's equations hold as they stand."""
    return product([(p.units, 1), (q.units, 1), (time_units, -1)])


class HamiltonianLaw(Law):
    """A Hamiltonian that is a sum of terms; see the module.

    Args:
        system: what it is about.
        starts: a few typed starts.
        constants: of the terms.
        terms: scalars, without a direction.
        pareto: the best law of each number of terms.
    """

    def __init__(
        self,
        system: System,
        starts: xr.Dataset,
        constants: Sequence[Constant],
        terms: Sequence[Term],
        pareto: Mapping[str, Sequence[Point]] | None = None,
    ) -> None:
        super().__init__(system, starts, constants, pareto)
        self.terms = tuple(terms)
        pair = canonical_pair(system)
        if pair is None:
            raise ValueError("no positions and momenta")
        self.position, self.momentum = pair
        self._types = self.variables()

    @property
    def reversible(self) -> bool:
        """Whether H is even in the momenta, so that t -> -t changes nothing."""
        even = True
        for term in self.terms:
            count = 0
            for atom, power in term.atoms:
                if atom.kind == "dot":
                    count += power * sum(parts[0][0] == self.momentum.name for parts in atom.vectors)
            even = even and count % 2 == 0
        return even

    def equations(self) -> list[Equation]:
        """H as a sum of its terms."""
        latex: dict[str, str] = {}
        total = sum(symbols(term, self._types, latex) for term in self.terms)
        return [Equation("H", energy_units(self.position, self.momentum, self.time_units), total, latex)]

    def slopes(self, values: Mapping[str, np.ndarray], data: xr.Dataset) -> dict[str, np.ndarray]:
        """Hamilton's equations."""
        q, p = self.position.name, self.momentum.name
        out = {name: np.zeros(values[name].shape) for name in (q, p)}
        for term in self.terms:
            for (name, entity), slope in gradient(term, values, self._types).items():
                target, sign = (q, 1.0) if name == p else (p, -1.0)
                place = out[target] if entity < 0 else out[target][:, entity]
                place += sign * slope
        return out

    def energy(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """H (row,), up to a constant."""
        rows = len(values[self.position.name])
        return sum((term.value(values, self._types) for term in self.terms), start=np.zeros(rows))

    def conserved(self, dataset: xr.Dataset) -> xr.Dataset:
        """H of each sample and time, `hamiltonian`.

        Raises:
            InputError: if the dataset is not of the law's types.
        """
        data = self.conformed(dataset)
        values, dims, sizes = self.rows(data)
        units = energy_units(self.position, self.momentum, self.time_units)
        declared = Variable("hamiltonian", units, "Hamiltonian", "H", role="diagnostic")
        coords = {dim: data.coords[dim] for dim in dims if dim in data.coords}
        held = {"hamiltonian": (dims, self.energy(values).reshape(sizes), declared.attrs())}
        return xr.Dataset(held, coords=coords, attrs=dataset.attrs)

    def body(self) -> dict[str, Any]:
        """The terms."""
        return {"terms": [term.to_dict() for term in self.terms]}

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
        return cls(system, starts, constants, [Term.from_dict(term) for term in body["terms"]], pareto)
