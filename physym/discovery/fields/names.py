"""Which products of the data's parameters the constants of field equations are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from physym.discovery.law import Constant
from physym.discovery.system import System
from simulators.units import parse

__all__ = ["named"]

_MOST = 4
_SIGMAS = 4.0
_RELATIVE = 1e-6


def named(constants: Sequence[Constant], system: System) -> list[Constant]:
    """The constants with the simplest product of parameters, or of one less a parameter, that each equals.

    Products are of up to four parameters to the power of 1 or -1, with the units of the constant, dimensionless
    parameters p also as 1 - p. Equal is what differs by less than four standard errors; of several the one of fewest
    divisions, then the nearest, or several if their values are the same. Parameters that differ between samples are
    not tried.
    """
    types = {v.name: v for v in system.parameters if v.name in system.defaults and not v.dims and not v.tensor_order}
    factors: list[tuple[str, str, float, np.ndarray]] = []
    for name, variable in types.items():
        value = float(np.asarray(system.defaults[name]))
        powers, factor = _exponents(variable.units), parse(variable.units).factor
        if value == 0:
            continue
        factors.append((name, variable.symbol, value * factor, powers))
        if not powers.any() and 0 < value < 1:
            factors.append((name, f"(1 - {variable.symbol})", 1 - value, powers))
    return [replace(c, parameters=_product(c, factors)) for c in constants] if factors else list(constants)


def _exponents(units: str) -> np.ndarray:
    return np.array([float(e) for e in parse(units).exponents])


def _product(constant: Constant, factors: Sequence[tuple[str, str, float, np.ndarray]]) -> str:
    wanted, unit = _exponents(constant.units), parse(constant.units).factor
    size, error = abs(float(constant.value)) * unit, float(constant.error) * unit
    allowed = _SIGMAS * error + _RELATIVE * size
    if error > 0.2 * size:
        return ""
    for count in range(1, _MOST + 1):
        found = []
        for chosen in itertools.combinations(factors, count):
            if len({name for name, *_ in chosen}) < count:
                continue
            for signs in itertools.product((1, -1), repeat=count):
                powers = sum(sign * own for sign, (*_, own) in zip(signs, chosen, strict=True))
                if not np.array_equal(powers, wanted):
                    continue
                value = float(np.prod([abs(v) ** sign for sign, (_, _, v, _) in zip(signs, chosen, strict=True)]))
                if abs(value - size) <= allowed:
                    above = [symbol for sign, (_, symbol, *_) in zip(signs, chosen, strict=True) if sign > 0]
                    below = [symbol for sign, (_, symbol, *_) in zip(signs, chosen, strict=True) if sign < 0]
                    text = "*".join(above or ["1"]) + "".join("/" + symbol for symbol in below)
                    found.append((len(below), abs(value - size), text))
        if found:
            # parameters of one value cannot be told apart
            few, _, _ = min(found)
            near = min(off for below, off, _ in found if below == few) + _RELATIVE * size
            sign = "-" if constant.value < 0 else ""
            return " or ".join(sign + text for below, off, text in found if below == few and off <= near)
    return ""
