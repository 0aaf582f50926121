"""What is matched in place of the target itself: powers, inverse functions, and what is left without a part of it.

A view z of the target y undoes the outermost operation of a law: if y = √(a + b), then z = y² = a + b is a sum. It
knows how an expression for z becomes one for y, and weights 1/|dz/dy| that give residuals of z the size they have in y.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from physym.symbolic.library import power, product
from physym.symbolic.monomials import named
from physym.symbolic.numbers import Exact
from physym.symbolic.space import Space
from physym.symbolic.tree import Apply, Node, Number, Sum, fused

__all__ = ["View", "divided", "inverse_functions", "peeled", "powers"]

_MINUS = Number(-1.0, Exact(Fraction(-1)))


@dataclass(frozen=True, slots=True)
class View:
    """A target z(y) to be matched in place of y.

    Attributes:
        value: z on the sample, (points,).
        weights: 1/|dz/dy|, (points,), of mean square one.
        degree: z has the units of y to this power.
        undo: the expression for y from one for z.
    """

    value: np.ndarray
    weights: np.ndarray
    degree: Fraction
    undo: Callable[[Node], Node]


def _weights(slope: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        weights = 1 / np.abs(slope)
    finite = weights[np.isfinite(weights)]
    most = 20 * float(np.median(finite)) if len(finite) else 1.0
    weights = np.minimum(np.nan_to_num(weights, nan=0.0, posinf=most), most)
    return weights / np.sqrt(np.mean(weights**2))


def _signed(node: Node, negative: bool) -> Node:
    return fused(_MINUS, node) if negative else node


def powers(target: np.ndarray, exponents: tuple[Fraction, ...]) -> Iterator[View]:
    """The views y^q; roots and even powers only of a target of one sign, but for rare points that noise has turned."""
    turned = min(np.mean(target < 0), np.mean(target > 0))
    negative = bool(np.mean(target < 0) > 0.5)
    for q in exponents:
        if q == 1:
            yield View(target, np.ones_like(target), q, lambda node: node)
            continue
        odd = q.denominator == 1 and q.numerator % 2
        if not odd and turned > 0.05:
            continue
        base = target if odd else np.where((target < 0) == negative, np.abs(target), 0.0)
        smallest = 1e-3 * float(np.sqrt(np.mean(target**2)))
        if q < 0:
            base = np.where(np.abs(base) < smallest, np.copysign(smallest, base), base)
        with np.errstate(all="ignore"):
            value = base ** float(q)
            slope = float(q) * base ** float(q - 1)
        if not np.isfinite(value).all():
            continue

        def undo(node: Node, q: Fraction = q, negative: bool = negative and not odd) -> Node:
            return _signed(power(node, 1 / q), negative)

        yield View(value, _weights(slope), q, undo)


def inverse_functions(target: np.ndarray) -> Iterator[View]:
    """Views of a dimensionless target as the inverse of a function of what is looked for."""
    low, high = float(target.min()), float(target.max())
    zero = Fraction(0)

    def view(inverse: str, value: np.ndarray, slope: np.ndarray) -> View:
        return View(value, _weights(slope), zero, lambda node: Apply(inverse, node))

    slack = 0.35
    if low > -np.pi / 2 - slack and high < np.pi / 2 + slack:
        yield view("asin", np.sin(target), np.cos(target))
        yield view("atan", np.tan(target), 1 + np.tan(target) ** 2)
    if low > -slack and high < np.pi + slack:
        yield view("acos", np.cos(target), np.sin(target))
    if high - low < 60 and max(abs(low), abs(high)) < 200:
        yield view("log", np.exp(target), np.exp(target))
    if low > 0:
        yield view("exp", np.log(target), 1 / target)
    if np.quantile(np.abs(target), 0.99) < 1:
        clipped = np.clip(target, -0.999, 0.999)
        yield view("tanh", np.arctanh(clipped), 1 / (1 - clipped**2))


_COEFFICIENTS = (1.0, -1.0, 0.5, 2.0, -0.5, -2.0)


def peeled(space: Space) -> list[tuple[View, View | None]]:
    """The target less a simple term with a simple coefficient, and the square of that if it has one sign.

    The simplest come first: coefficients of one, then the others.
    """
    library = space.library
    steps = np.concatenate([library.products[:24], library.roots[:4]])
    rows = np.unique(np.concatenate([center + steps for center in space.centers]), axis=0)
    rows = rows[np.argsort(named(rows, space.variables), kind="stable")][:40]
    values = [space.sample.monomial(row) for row in rows]
    found = []
    for coefficients in (_COEFFICIENTS[:2], _COEFFICIENTS[2:]):
        for row, value in zip(rows, values, strict=True):
            if np.isfinite(value).all():
                found += [_peeled(space, row, value, c) for c in coefficients]
    return found


def _peeled(space: Space, row: np.ndarray, value: np.ndarray, coefficient: float) -> tuple[View, View | None]:
    term = fused(Number(coefficient), product(row))
    left = space.target - coefficient * value

    def undo(node: Node) -> Node:
        return Sum((term, node))

    square = next(powers(left, (Fraction(2),)), None)
    if square is not None:
        square = View(square.value, square.weights, square.degree, lambda node, inner=square.undo: undo(inner(node)))
    return View(left, np.ones_like(left), Fraction(1), undo), square


def divided(space: Space, most: int) -> Iterator[View]:
    """The target over a simple wave or exponential, which all its terms may share."""
    waves = (e for e in space.library.elements if isinstance(e.node, Apply) and e.node.name in ("sin", "cos", "exp"))
    for element in itertools.islice(waves, most):
        with np.errstate(all="ignore"):
            value, weights = space.target / element.value, np.abs(element.value)
        if np.isfinite(value).all():
            weights = weights / np.sqrt(np.mean(weights**2))
            yield View(value, weights, Fraction(1), lambda node, f=element.node: fused(node, f))
