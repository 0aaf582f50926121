"""Which products of the data's parameters the constants of a law are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from physym.discovery.bodies.candidates.library import parameter_products, simplicity
from physym.discovery.bodies.laws.terms import Monomial, Term
from physym.discovery.equation import Constant
from physym.discovery.system import System
from simulators.schema import Variable
from simulators.units import parse

__all__ = ["named", "told"]

_NUMBERS = (Fraction(1), Fraction(1, 2), Fraction(2))
_SIGMAS = 4.0
_RELATIVE = 1e-4


def named(constants: Sequence[Constant], terms: Sequence[Term], system: System) -> list[Constant]:
    """The constants with the simplest product of parameters that each equals within four standard errors.

    Parameters of the bodies in the constant's own term are tried, whose values must be the same for all samples. They
    may be in other units than the constant, grams beside kilograms. A pure number is what it is.
    """
    types = {v.name: v for v in system.parameters if v.name in system.defaults}
    if not types:
        return list(constants)
    values = {name: np.array(system.defaults[name]) for name in types}
    out = []
    for constant in constants:
        near = {
            entity
            for term in terms
            if constant.name == term.constant or any(constant.name == atom.offset for atom, _ in term.atoms)
            for _, entity in term.states()
        }
        out.append(
            constant
            if constant.order or parse(constant.units).dimensionless
            else replace(constant, parameters=_product(constant, near, types, values, system))
        )
    return out


def _product(
    constant: Constant, near: set[int], types: Mapping[str, Variable], values: Mapping[str, np.ndarray], system: System
) -> str:
    allowed = _SIGMAS * float(constant.error) + _RELATIVE * abs(float(constant.value))
    for monomial in sorted(parameter_products(types, constant.units, near, sizes=system.sizes), key=simplicity):
        value = 1 / parse(constant.units).factor
        for name, entity, power in monomial:
            own = values[name] * parse(types[name].units).factor
            if types[name].tensor_order:
                own = np.linalg.norm(own, axis=-1)
            value *= float(own if own.ndim == 0 else own[entity]) ** float(power)
        for number in _NUMBERS if monomial else ():
            for sign in (1, -1):
                if abs(float(constant.value) - sign * float(number) * value) <= allowed:
                    return told(monomial, sign * number, types)
    return ""


def told(monomial: Monomial, number: Fraction, types: Mapping[str, Variable]) -> str:
    """A product as text, such as "-2*m1/L1"."""

    def factor(name: str, entity: int, power: Fraction) -> str:
        text = types[name].symbol + ("" if entity < 0 else str(entity + 1))
        text = f"|{text}|" if types[name].tensor_order else text
        return text if power == 1 else f"{text}**{power}"

    above = [factor(name, e, p) for name, e, p in monomial if p > 0]
    below = [factor(name, e, -p) for name, e, p in monomial if p < 0]
    if abs(number.numerator) != 1 or not above:
        above.insert(0, str(abs(number.numerator)))
    if number.denominator != 1:
        below.insert(0, str(number.denominator))
    return ("-" if number < 0 else "") + "*".join(above) + "".join("/" + text for text in below)
