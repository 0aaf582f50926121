"""Kinds of laws that a search may find: which terms they are sums of, and how terms become a law."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from physym.discovery.bodies.candidates.assembly import Namer, assemble
from physym.discovery.bodies.candidates.library import (
    AXES,
    energies,
    entities,
    forces,
    parameter_products,
    simplicity,
)
from physym.discovery.bodies.laws.hamiltonian import HamiltonianLaw, energy_units
from physym.discovery.bodies.laws.ode import OdeLaw
from physym.discovery.bodies.laws.terms import Atom, Monomial, Term, Values, gradient
from physym.discovery.equation import Point
from physym.discovery.law import Law
from physym.discovery.system import System
from physym.discovery.unit_text import product
from simulators.schema import Variable

__all__ = ["Block", "Chosen", "Energies", "Family", "Rates"]

Chosen = Sequence[tuple[Term, float]]
"""Terms with coefficients."""
_DEGREE = 3


@dataclass(frozen=True)
class Block:
    """Equations that share their coefficients.

    Attributes:
        left: what stands left.
        slots: the entries of the state that it is about, by (name, entity).
        units: of the sum.
        terms: the candidates.
        saturating: by the name of an unknown offset K, further candidates with x + K below the line.
    """

    left: str
    slots: tuple[tuple[str, int], ...]
    units: str
    terms: tuple[Term, ...]
    saturating: dict[str, tuple[Term, ...]] = field(default_factory=dict)


class Family:
    """A kind of law of a system.

    Args:
        system: what it is about.
        varying: the names of the scalar parameters that differ between samples, and so stand in the terms.
    """

    def __init__(self, system: System, varying: Sequence[str] = ()) -> None:
        self.system = system
        self.types: dict[str, Variable] = {v.name: v for v in (*system.states, *system.parameters)}
        self.varying = tuple(varying)
        if "i" in system.sizes:
            for axis in AXES[: system.sizes["i"]]:
                self.types[axis] = Variable(axis, "1", axis, axis, (), 1, role="parameter")
        self.blocks = self._blocks()

    def _blocks(self) -> list[Block]:
        raise NotImplementedError

    def features(self, block: Block, term: Term, values: Values) -> np.ndarray:
        """What a term with the coefficient 1 adds to the rates of change of a block's slots (row, entries)."""
        raise NotImplementedError

    def law(
        self,
        chosen: Sequence[Chosen],
        starts: xr.Dataset,
        pareto: Mapping[str, Sequence[Point]],
        offsets: Sequence[Mapping[str, float]] = (),
    ) -> Law:
        """The law of the terms chosen for each block, with the values of unknown offsets in each of them."""
        raise NotImplementedError

    def with_axes(self, values: Values) -> dict[str, np.ndarray]:
        """The values and the unit vectors."""
        rows = len(next(iter(values.values())))
        size = self.system.sizes.get("i", 0)
        return dict(values) | {
            axis: np.broadcast_to(np.eye(size)[n], (rows, size)) for n, axis in enumerate(AXES[:size])
        }

    def scaled(self, terms: Sequence[Term], units: str) -> tuple[Term, ...]:
        """The terms or, where parameters vary, their products with those of parameters that have the right units."""
        if not self.varying:
            return tuple(terms)
        out = []
        for term in terms:
            wanted = product([(units, 1), (term.units(self.types), -1)])
            near = {entity for _, entity in term.states()}
            known = {name: v for name, v in self.types.items() if not v.tensor_order or v.role == "state"}
            vectors = {name: v for name, v in self.types.items() if v.tensor_order and name not in AXES}
            products = parameter_products(known, wanted, near, sizes=self.system.sizes)
            products = products or parameter_products(known | vectors, wanted, near, sizes=self.system.sizes)
            # those with the same powers of what varies differ by a number only, and the first stands for them
            first: dict[Monomial, Monomial] = {}
            for monomial in sorted(products, key=simplicity):
                first.setdefault(tuple(one for one in monomial if one[0] in self.varying), monomial)
            products = list(first.values())
            out += [Term(term.atoms, monomial=monomial, direction=term.direction) for monomial in products]
        return tuple(out)


class Energies(Family):
    """Hamiltonians."""

    def __init__(self, system: System, pair: tuple[Variable, Variable], varying: Sequence[str] = ()) -> None:
        self.pair = pair
        super().__init__(system, varying)

    def _blocks(self) -> list[Block]:
        q, p = self.pair
        units = energy_units(q, p, self.system.time_units)
        slots = tuple((v.name, b) for v in self.system.states for b in entities(self.system, v))
        return [Block("H", slots, units, self.scaled(energies(self.system, self.types, q, p), units))]

    def features(self, block: Block, term: Term, values: Values) -> np.ndarray:
        """Hamilton's equations of one term."""
        q, p = (v.name for v in self.pair)
        slopes = gradient(term, values, self.types)
        rows, width = len(values[q]), values[q].shape[-1]
        out = np.zeros((rows, len(block.slots), width))
        for place, (name, entity) in enumerate(block.slots):
            other, sign = (p, 1.0) if name == q else (q, -1.0)
            if (other, entity) in slopes:
                out[:, place] = sign * slopes[other, entity]
        return out.reshape(rows, -1)

    def law(
        self,
        chosen: Sequence[Chosen],
        starts: xr.Dataset,
        pareto: Mapping[str, Sequence[Point]],
        offsets: Sequence[Mapping[str, float]] = (),
    ) -> HamiltonianLaw:
        """The Hamiltonian of the chosen terms."""
        terms, constants = assemble(chosen[0], self.types, self.blocks[0].units, Namer(self.types), squares=True)
        return HamiltonianLaw(self.system, starts, constants, terms, pareto)


class Rates(Family):
    """The rate of change of each state of each body: forces on bodies, polynomials of scalars."""

    def _blocks(self) -> list[Block]:
        blocks = []
        for variable in self.system.states:
            units = product([(variable.units, 1), (self.system.time_units, -1)])
            for entity in entities(self.system, variable):
                left = f"d{variable.symbol}{'' if entity < 0 else entity + 1}/dt"
                slot = (variable.name, entity)
                if variable.tensor_order:
                    blocks.append(
                        Block(left, (slot,), units, self.scaled(forces(self.system, self.types, slot), units))
                    )
                    continue
                terms, saturating = self.scaled(self._powers(), units), {}
                for place in self._scalars() if not self.varying else []:
                    offset = f"offset of {place[0]} {place[1]}"
                    self.types[offset] = replace(self.types[place[0]], name=offset, dims=(), role="parameter")
                    saturating[offset] = tuple(self._saturating(place, offset))
                blocks.append(Block(left, (slot,), units, terms, saturating))
        return blocks

    def _scalars(self) -> list[tuple[str, int]]:
        return [(v.name, b) for v in self.system.states if not v.tensor_order for b in entities(self.system, v)]

    def _saturating(self, place: tuple[str, int], offset: str) -> list[Term]:
        """x/(x + K) and its products with every scalar state."""
        own = ((*place, 1),)
        below = (Atom("scalar", (own,), 1, offset), -1)
        terms = [Term(((Atom("scalar", (own,)), 1), below))]
        for other in self._scalars():
            # x²/(x + K) would be the same as x less K x/(x + K)
            if other != place:
                terms.append(Term(((Atom("scalar", (own,)), 1), (Atom("scalar", (((*other, 1),),)), 1), below)))
        return terms

    def _powers(self) -> list[Term]:
        """Monomials of the scalar states, up to the third degree."""
        scalars, terms = self._scalars(), [Term()]
        for degree in range(1, _DEGREE + 1):
            for some in itertools.combinations_with_replacement(scalars, degree):
                atoms = tuple((Atom("scalar", (((*place, 1),),)), some.count(place)) for place in sorted(set(some)))
                terms.append(Term(atoms))
        return terms

    def features(self, block: Block, term: Term, values: Values) -> np.ndarray:
        """The term itself."""
        name, entity = block.slots[0]
        state = values[name] if entity < 0 else values[name][:, entity]
        return np.broadcast_to(term.value(values, self.types), state.shape).reshape(len(state), -1)

    def law(
        self,
        chosen: Sequence[Chosen],
        starts: xr.Dataset,
        pareto: Mapping[str, Sequence[Point]],
        offsets: Sequence[Mapping[str, float]] = (),
    ) -> OdeLaw:
        """The equations of the chosen terms, with the values of the offsets in each of them."""
        namer, rights, constants = Namer(self.types), [], []
        given = offsets or [{}] * len(self.blocks)
        for block, some, values in zip(self.blocks, chosen, given, strict=True):
            terms, own = assemble(some, self.types, block.units, namer, squares=False, offsets=values)
            constants += own
            rights.append((*block.slots[0], tuple(terms)))
        return OdeLaw(self.system, starts, constants, rights, pareto)
