"""Candidate terms for bodies: everything simple that units, rotations and reflections allow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from physym.discovery.bodies.laws.terms import Atom, Monomial, Term, Vector, vector
from physym.discovery.system import System
from simulators.schema import Variable
from simulators.units import parse

__all__ = ["AXES", "energies", "entities", "forces", "parameter_products", "separations", "simplicity"]

AXES = ("axis x", "axis y", "axis z")
"""Names of the unit vectors that stand for the components of an unknown constant vector."""
_RADIAL = (-3, -2, -1, 1, 2, 3, 4)
_CENTRAL = (-4, -3, -2, -1, 0, 1, 2)


def entities(system: System, variable: Variable) -> list[int]:
    """The entities of a state: 0, 1, ... or -1 if it has none."""
    return list(range(system.sizes[variable.dims[0]])) if variable.dims else [-1]


def separations(name: str, bodies: Sequence[int]) -> list[Vector]:
    """Positions from the origin and from each other."""
    alone = [vector((name, b, 1)) for b in bodies]
    return alone + [vector((name, b, 1), (name, a, -1)) for a, b in itertools.combinations(bodies, 2)]


def _fields(system: System, types: Mapping[str, Variable]) -> list[Vector]:
    """Vectors that are the same for all bodies: parameters, or else the axes of an unknown one."""
    known = [
        ((name, -1, 1),) for name, v in types.items() if v.role == "parameter" and v.tensor_order == 1 and not v.dims
    ]
    given = [parts for parts in known if parts[0][0] not in AXES]
    return given or [((axis, -1, 1),) for axis in AXES[: system.sizes["i"]]]


def energies(system: System, types: Mapping[str, Variable], q: Variable, p: Variable) -> list[Term]:
    """Scalars that a Hamiltonian may be a sum of: of momenta, of distances, and of both with vector parameters."""
    bodies = entities(system, q)
    momenta = [vector((p.name, b, 1)) for b in bodies]
    positions = [vector((q.name, b, 1)) for b in bodies]
    apart = separations(q.name, bodies)
    terms = [Term(((Atom("norm", (a,)), 2),)) for a in momenta]
    terms += [Term(((Atom("dot", pair), 1),)) for pair in itertools.combinations(momenta, 2)]
    terms += [Term(((Atom("norm", (a,)), 4),)) for a in momenta]
    terms += [Term(((Atom("dot", (a, b)), 1),)) for a in momenta for b in positions]
    terms += [Term(((Atom("norm", (d,)), power),)) for d in apart for power in _RADIAL]
    terms += [Term(((Atom("norm", (a,)), 1), (Atom("norm", (b,)), 1))) for a, b in itertools.combinations(apart, 2)]
    fields = _fields(system, types)
    terms += [Term(((Atom("dot", (a, f)), 1),)) for f in fields for a in positions]
    return terms + [Term(((Atom("dot", (a, f)), 1),)) for f in fields for a in momenta if f[0][0] not in AXES]


def forces(system: System, types: Mapping[str, Variable], left: tuple[str, int]) -> list[Term]:
    """Vectors that the rate of change of one body's vector may be a sum of."""
    terms: list[Term] = []
    for variable in (types[v.name] for v in system.states if v.tensor_order == 1):
        bodies = entities(system, variable)
        is_place = parse(variable.units).exponents == parse("m").exponents
        for parts in (
            separations(variable.name, bodies) if is_place else [vector((variable.name, b, 1)) for b in bodies]
        ):
            own = Atom("norm", (parts,))
            # a pair acts on its own bodies
            if len(parts) == 2 and left[1] not in {entity for _, entity, _ in parts}:
                continue
            powers = _CENTRAL if is_place else (0, 1)
            for power in powers:
                terms.append(Term(((own, power),) if power else (), direction=parts))
    return terms + [Term(direction=f) for f in _fields(system, types)]


def parameter_products(
    types: Mapping[str, Variable], units: str, near: Iterable[int], *, most: int = 2, sizes: Mapping[str, int]
) -> list[Monomial]:
    """Products of few powers of parameters that have the given units, simplest first.

    Args:
        types: of the parameters.
        units: wanted.
        near: the entities whose parameters may stand in the product.
        most: the largest sum of the absolute exponents.
        sizes: of the entity dimensions.
    """
    wanted = np.array([float(e) for e in parse(units).exponents])
    places = sorted({e for e in near if e >= 0})
    pool: list[tuple[str, int, np.ndarray]] = []
    for name, variable in types.items():
        if variable.role != "parameter" or variable.tensor_order > 1 or name in AXES:
            continue
        powers = np.array([float(e) for e in parse(variable.units).exponents])
        if variable.dims:
            pool += [(name, e, powers) for e in (places or range(sizes[variable.dims[0]]))]
        else:
            pool.append((name, -1, powers))
    found: list[Monomial] = []
    if not np.any(wanted):
        found.append(())
    for count in range(1, most + 1):
        for chosen in itertools.combinations_with_replacement(range(len(pool)), count):
            for signs in itertools.product((1, -1), repeat=count):
                if any(chosen[a] == chosen[b] and signs[a] != signs[b] for a in range(count) for b in range(a)):
                    continue
                if np.allclose(sum(s * pool[c][2] for c, s in zip(chosen, signs, strict=True)), wanted):
                    total: dict[tuple[str, int], Fraction] = {}
                    for c, s in zip(chosen, signs, strict=True):
                        key = pool[c][:2]
                        total[key] = total.get(key, Fraction(0)) + s
                    monomial = tuple((name, e, power) for (name, e), power in sorted(total.items()))
                    if monomial not in found:
                        found.append(monomial)
    return found


def simplicity(monomial: Monomial) -> tuple[Fraction, int]:
    """What products of parameters are sorted by: few first, and those of the last body before others of as many.

    A spring belongs to the body that hangs from it.
    """
    return sum((abs(p) for _, _, p in monomial), start=Fraction(0)), sum(-e for _, e, _ in monomial)
