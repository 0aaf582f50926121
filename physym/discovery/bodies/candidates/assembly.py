"""Selected terms with their coefficients, written as a person would: squares completed, vectors joined, all named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from physym.discovery.bodies.candidates.library import AXES
from physym.discovery.bodies.laws.terms import Atom, Monomial, Term
from physym.discovery.equation import Constant
from physym.discovery.unit_text import product
from simulators.schema import Variable

__all__ = ["Namer", "assemble"]


class Namer:
    """Names for constants that no variable has, nor any symbol: c1, c2, ... and for lengths and the like K1, K2, ..."""

    def __init__(self, types: Mapping[str, Variable]) -> None:
        taken = {*types, *(v.symbol for v in types.values())}
        self.prefixes = {kind: self._free(kind, taken) for kind in ("c", "K")}
        self.counts = dict.fromkeys(self.prefixes, 0)

    @staticmethod
    def _free(kind: str, taken: Iterable[str]) -> str:
        texts = {text.rstrip("0123456789") for text in taken}
        while kind in texts:
            kind += "_"
        return kind

    def __call__(self, kind: str) -> str:
        """The next name of a kind."""
        self.counts[kind] += 1
        return f"{self.prefixes[kind]}{self.counts[kind]}"


def assemble(
    chosen: Sequence[tuple[Term, float]],
    types: Mapping[str, Variable],
    units: str,
    namer: Namer,
    *,
    squares: bool,
    offsets: Mapping[str, float] | None = None,
) -> tuple[list[Term], list[Constant]]:
    """Terms with constants, of terms without and their coefficients.

    Args:
        chosen: terms and coefficients.
        types: of states and parameters.
        units: of the sum.
        namer: of constants.
        offsets: values of the unknown offsets in the terms, by name.
        squares: complete c₂ r² + c₁ r to ½ k (r - L)², k = 2 c₂ and L = -c₁/k, and write ½ c before single squares.

    Returns:
        Terms and constants.
    """
    terms: list[Term] = []
    constants: list[Constant] = []
    names = {}
    for offset, value in (offsets or {}).items():
        if any(atom.offset == offset for term, _ in chosen for atom, _ in term.atoms):
            names[offset] = namer("K")
            constants.append(Constant(names[offset], value, 0.0, types[offset].units))
    rest = [(_renamed(term, names), value) for term, value in chosen]
    while rest:
        term, value = rest.pop(0)
        axes = [place for place, (other, _) in enumerate(rest) if _without_axis(other) == _without_axis(term)]
        if _axis(term):
            name, components = namer("c"), [0.0] * sum(axis in types for axis in AXES)
            for one, number in [(term, value), *(rest[place] for place in axes)]:
                components[AXES.index(_axis(one))] = number
            rest = [other for place, other in enumerate(rest) if place not in axes]
            own = product([(units, 1), (term.units(types), -1)])
            constants.append(Constant(name, tuple(components), (0.0,) * len(components), own))
            terms.append(_with_axis(term, name))
            continue
        partner = _partner(term, rest) if squares else None
        if partner is not None:
            linear, slope = rest[partner]
            first, second = (term, value), (linear, slope)
            if term.atoms[0][1] == 1:
                first, second = second, first
            length = -second[1] / (2 * first[1])
            scale = _ratio(second[0].monomial, first[0].monomial)
            if length > 0:
                rest.pop(partner)
                name, offset = namer("c"), namer("K")
                atom = replace(first[0].atoms[0][0], sign=-1, offset=offset, scale=scale)
                own = product([(units, 1), (first[0].units(types), -1)])
                powers = [(types[n].units, -power) for n, _, power in scale]
                constants.append(Constant(name, 2 * first[1], 0.0, own))
                constants.append(Constant(offset, length, 0.0, product([(atom.units(types), 1), *powers])))
                terms.append(Term(((atom, 2),), name, first[0].monomial, Fraction(1, 2)))
                continue
        half = squares and len(term.atoms) == 1 and term.atoms[0][1] == 2
        name = namer("c")
        constants.append(
            Constant(name, value * (2 if half else 1), 0.0, product([(units, 1), (term.units(types), -1)]))
        )
        terms.append(replace(term, constant=name, number=Fraction(1, 2) if half else Fraction(1)))
    return terms, constants


def _partner(term: Term, rest: Sequence[tuple[Term, float]]) -> int | None:
    """The place of the term that makes a square with this one: r with r², of the same r."""
    if len(term.atoms) != 1 or term.atoms[0][0].kind != "norm" or term.atoms[0][1] not in (1, 2):
        return None
    for place, (other, _) in enumerate(rest):
        if len(other.atoms) == 1 and other.atoms[0] == (term.atoms[0][0], 3 - term.atoms[0][1]):
            return place
    return None


def _ratio(above: Monomial, below: Monomial) -> Monomial:
    total: dict[tuple[str, int], Fraction] = {}
    for powers, sign in ((above, 1), (below, -1)):
        for name, entity, power in powers:
            total[name, entity] = total.get((name, entity), Fraction(0)) + sign * power
    return tuple((name, entity, power) for (name, entity), power in sorted(total.items()) if power)


def _axis(term: Term) -> str:
    """The name of the unit vector in it, or ""."""
    parts = [part for part in term.direction if part[0] in AXES]
    parts += [part for atom, _ in term.atoms for one in atom.vectors for part in one if part[0] in AXES]
    return parts[0][0] if parts else ""


def _with_axis(term: Term, name: str) -> Term:
    """The term with a vector constant in place of the unit vector."""

    def changed(parts: tuple[tuple[str, int, int], ...]) -> tuple[tuple[str, int, int], ...]:
        return tuple((name, -1, 1) if part[0] in AXES else part for part in parts)

    atoms = tuple(
        (Atom(atom.kind, tuple(changed(one) for one in atom.vectors), atom.sign, atom.offset, atom.scale), power)
        for atom, power in term.atoms
    )
    return replace(term, atoms=atoms, direction=changed(term.direction))


def _without_axis(term: Term) -> Term | None:
    return _with_axis(term, "") if _axis(term) else None


def _renamed(term: Term, names: Mapping[str, str]) -> Term:
    """The term with other names of its offsets."""
    atoms = tuple((replace(atom, offset=names.get(atom.offset, atom.offset)), power) for atom, power in term.atoms)
    return replace(term, atoms=atoms)
