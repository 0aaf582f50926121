"""Lawful terms: products of scalars that rotations, reflections and units allow, and vectors times them.

A term is

    number · constant · Π parameter^power · Π atom^power [· vector],

where an atom is a scalar state x, a norm |a| or a product a·b of vectors, of which each is a sum of states of single
bodies (q₂ - q₁), or an atom with an offset, |a| - L or x + K. A product of such is invariant under rotations and
reflections whatever its coefficient, and so is the law that is a sum of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from physym.discovery.bodies.laws.reading import fraction, whole
from physym.discovery.unit_text import product
from simulators.schema import Variable

if TYPE_CHECKING:
    import sympy

__all__ = ["Atom", "Monomial", "Term", "Values", "Vector", "gradient", "symbols", "vector", "vector_value"]

Values = Mapping[str, np.ndarray]
Vector = tuple[tuple[str, int, int], ...]
"""A sum of weight · variable[entity]: (variable, entity or -1 if it has none, weight)."""
Monomial = tuple[tuple[str, int, Fraction], ...]
"""A product of variable[entity]^power; of a vector, its norm counts."""


def vector(*parts: tuple[str, int, int]) -> Vector:
    """A vector in its one order."""
    return tuple(sorted(parts))


def _at(values: Values, name: str, entity: int) -> np.ndarray:
    return values[name] if entity < 0 else values[name][:, entity]


def vector_value(values: Values, parts: Vector) -> np.ndarray:
    """The components (row, i) of a vector."""
    first, *rest = parts
    out = _at(values, first[0], first[1]) * first[2] if first[2] != 1 else _at(values, first[0], first[1])
    for name, entity, weight in rest:
        out = out + _at(values, name, entity) if weight == 1 else out + weight * _at(values, name, entity)
    return out


def monomial_value(values: Values, powers: Monomial, types: Mapping[str, Variable]) -> np.ndarray | float:
    """The value (row,) of a product of parameters; 1 of none."""
    out: np.ndarray | float = 1.0
    for name, entity, power in powers:
        value = _at(values, name, entity)
        if types[name].tensor_order:
            value = np.linalg.norm(value, axis=-1)
        out = out * value ** float(power)
    return out


@dataclass(frozen=True)
class Atom:
    """A scalar that terms are products of.

    Attributes:
        kind: "scalar", "norm" or "dot".
        vectors: the scalar state itself, the vector of a norm, or both of a product.
        sign: of the offset: -1 in |a| - L, 1 in x + K, 0 without one.
        offset: the name of the constant of the offset, "" if it is none.
        scale: the product of parameters that multiplies the constant.
    """

    kind: str
    vectors: tuple[Vector, ...]
    sign: int = 0
    offset: str = ""
    scale: Monomial = ()

    def value(self, values: Values, types: Mapping[str, Variable]) -> np.ndarray:
        """(row,)."""
        if self.kind == "dot":
            base = np.einsum("ri,ri->r", vector_value(values, self.vectors[0]), vector_value(values, self.vectors[1]))
        else:
            base = vector_value(values, self.vectors[0])
            base = np.sqrt(np.einsum("ri,ri->r", base, base)) if self.kind == "norm" else base
        if self.sign:
            own = values[self.offset] if self.offset else 1.0
            base = base + self.sign * own * monomial_value(values, self.scale, types)
        return base

    def states(self) -> set[tuple[str, int]]:
        """The variables and entities in it."""
        return {(name, entity) for parts in self.vectors for name, entity, _ in parts}

    def units(self, types: Mapping[str, Variable]) -> str:
        """Of its value."""
        return product((types[parts[0][0]].units, 1) for parts in self.vectors)


@dataclass(frozen=True)
class Term:
    """One term of a law; see the module.

    Attributes:
        atoms: the scalars with their powers.
        constant: the name of its constant, "" if it is none.
        monomial: the parameters with their powers.
        number: an exact factor.
        direction: the vector that the product multiplies, () for a scalar term.
    """

    atoms: tuple[tuple[Atom, int], ...] = ()
    constant: str = ""
    monomial: Monomial = ()
    number: Fraction = field(default=Fraction(1))
    direction: Vector = ()

    def value(self, values: Values, types: Mapping[str, Variable]) -> np.ndarray | float:
        """(row,) or, with a direction, (row, i)."""
        out = self._front(values, types)
        for atom, power in self.atoms:
            base = atom.value(values, types)
            out = out * (base if power == 1 else base**power)
        if self.direction:
            arrow = vector_value(values, self.direction)
            return arrow * (out[:, None] if isinstance(out, np.ndarray) else out)
        return out

    @functools.cached_property
    def _factor(self) -> float:
        return float(self.number)

    def _front(self, values: Values, types: Mapping[str, Variable]) -> np.ndarray | float:
        out: np.ndarray | float = self._factor
        if self.constant:
            out = out * values[self.constant]
        return out * monomial_value(values, self.monomial, types) if self.monomial else out

    def units(self, types: Mapping[str, Variable]) -> str:
        """Of all but the constant."""
        factors = [(types[name].units, power) for name, _, power in self.monomial]
        factors += [(atom.units(types), power) for atom, power in self.atoms]
        factors += [(types[self.direction[0][0]].units, 1)] if self.direction else []
        return product(factors)

    def states(self) -> set[tuple[str, int]]:
        """The variables and entities in it, parameters' scales apart."""
        found = {(name, entity) for name, entity, _ in self.direction}
        return found.union(*(atom.states() for atom, _ in self.atoms))

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "number": str(self.number),
            "constant": self.constant,
            "monomial": [[name, entity, str(power)] for name, entity, power in self.monomial],
            "direction": [list(part) for part in self.direction],
            "atoms": [
                {
                    "kind": atom.kind,
                    "vectors": [[list(part) for part in parts] for parts in atom.vectors],
                    "sign": atom.sign,
                    "offset": atom.offset,
                    "scale": [[name, entity, str(power)] for name, entity, power in atom.scale],
                    "power": power,
                }
                for atom, power in self.atoms
            ],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Term:
        """From what `to_dict` gave, after JSON."""

        def parts(rows: Iterable[Any]) -> Vector:
            return tuple((str(name), int(entity), whole(weight)) for name, entity, weight in rows)

        def powers(rows: Iterable[Any]) -> Monomial:
            return tuple((str(name), int(entity), fraction(power)) for name, entity, power in rows)

        atoms = []
        for row in given["atoms"]:
            if row["kind"] not in ("scalar", "norm", "dot"):
                raise ValueError(f"an atom of kind {row['kind']!r}")
            vectors = tuple(parts(rows) for rows in row["vectors"])
            atom = Atom(row["kind"], vectors, whole(row["sign"]), str(row["offset"]), powers(row["scale"]))
            atoms.append((atom, whole(row["power"])))
        return cls(
            tuple(atoms), str(given["constant"]), powers(given["monomial"]), fraction(given["number"]),
            parts(given["direction"]),
        )  # fmt: skip


def gradient(term: Term, values: Values, types: Mapping[str, Variable]) -> dict[tuple[str, int], np.ndarray]:
    """The derivatives (row, i) of a term without direction, by each vector state (variable, entity) in it."""
    front = term._front(values, types)  # noqa: SLF001  of the same module
    bases = [atom.value(values, types) for atom, _ in term.atoms]
    out: dict[tuple[str, int], np.ndarray] = {}

    def add(parts: Vector, slope: np.ndarray) -> None:
        for name, entity, weight in parts:
            if types[name].role == "state":
                part = slope if weight == 1 else weight * slope
                out[name, entity] = out[name, entity] + part if (name, entity) in out else part

    for place, (atom, power) in enumerate(term.atoms):
        factor = front if power == 1 else front * power * bases[place] ** (power - 1)
        for other, (_, exponent) in enumerate(term.atoms):
            if other != place:
                factor = factor * (bases[other] if exponent == 1 else bases[other] ** exponent)
        column = factor[:, None] if isinstance(factor, np.ndarray) else factor
        arrows = [vector_value(values, parts) for parts in atom.vectors]
        if atom.kind == "dot":
            add(atom.vectors[0], column * arrows[1])
            add(atom.vectors[1], column * arrows[0])
        elif atom.kind == "norm":
            length = np.sqrt(np.einsum("ri,ri->r", arrows[0], arrows[0]))
            add(atom.vectors[0], column * arrows[0] / length[:, None])
    return out


def symbols(term: Term, types: Mapping[str, Variable], latex: dict[str, str] | None = None) -> sympy.Expr:
    """The term with a symbol for each atom, parameter and constant; how LaTeX writes them goes into `latex`."""
    import sympy

    written = {} if latex is None else latex

    def symbol(text: str, tex: str) -> sympy.Symbol:
        written[text] = tex
        return sympy.Symbol(text)

    def scaled(powers: Monomial) -> sympy.Expr:
        out = sympy.Integer(1)
        for name, entity, power in powers:
            text, tex = _name(types, name, entity)
            if types[name].tensor_order:
                text, tex = f"|{text}|", rf"\lvert {tex} \rvert"
            out *= symbol(text, tex) ** sympy.Rational(power.numerator, power.denominator)
        return out

    def offset(atom: Atom) -> sympy.Expr:
        own = sympy.Symbol(atom.offset) if atom.offset else sympy.Integer(1)
        return atom.sign * own * scaled(atom.scale)

    out = sympy.Rational(term.number.numerator, term.number.denominator) * scaled(term.monomial)
    out *= sympy.Symbol(term.constant) if term.constant else 1
    for atom, power in term.atoms:
        told = [_sum(types, parts) for parts in atom.vectors]
        if atom.kind == "norm":
            base = symbol(f"|{told[0][0]}|", rf"\lvert {told[0][1]} \rvert")
        elif atom.kind == "dot":
            texts, texes = zip(*[(f"({a})", f"({b})") if " " in a else (a, b) for a, b in told], strict=True)
            base = symbol(f"{texts[0]}·{texts[1]}", rf"{texes[0]} \cdot {texes[1]}")
        else:
            base = symbol(*told[0])
        out *= (base + offset(atom) if atom.sign else base) ** power
    if term.direction:
        text, tex = _sum(types, term.direction)
        out *= symbol(f"({text})" if " " in text else text, tex)
    return out


def _name(types: Mapping[str, Variable], name: str, entity: int) -> tuple[str, str]:
    told = types[name].symbol
    return (told, told) if entity < 0 else (f"{told}{entity + 1}", f"{told}_{{{entity + 1}}}")


def _sum(types: Mapping[str, Variable], parts: Vector) -> tuple[str, str]:
    """A vector as text and as LaTeX, the positive part first."""
    texts, texes = [], []
    for name, entity, weight in sorted(parts, key=lambda part: -part[2]):
        sign = "-" if weight < 0 else "+" if texts else ""
        size = "" if abs(weight) == 1 else f"{abs(weight)} "
        text, tex = _name(types, name, entity)
        texts.append(f"{sign} {size}{text}" if texts else f"{sign}{size}{text}")
        texes.append(f"{sign} {size}{tex}")
    return " ".join(texts), " ".join(texes).strip()
