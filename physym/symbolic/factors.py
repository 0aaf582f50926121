"""Laws that are products, y = c Π x^e Π S^p: linear in logarithms, log |y| = log c + Σ e log x + Σ p log |S|.

The products of powers that are dimensionless are the base that every hypothesis shares, so that only which factors S
there are is searched for; all exponents come from the fit, and are then brought to fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from physym.symbolic import matching
from physym.symbolic.library import Element, power, product
from physym.symbolic.numbers import snap_exponent
from physym.symbolic.pool import Pool
from physym.symbolic.space import Space
from physym.symbolic.targets import View
from physym.symbolic.tree import Apply, Node, Number, evaluate, fused

__all__ = ["match_factors", "match_power_laws", "match_scanned"]

_EXPONENTIALS = 60
_LARGEST, _LARGEST_GROUP = 6, 8


def match_power_laws(space: Space, pool: Pool) -> None:
    """Products of powers alone: all that there is if no product of the variables is dimensionless."""
    groups = space.power_law(space.target)
    nodes = []
    for denominators in ((1,), (1, 2), (1, 2, 3, 4)):
        exponents = [] if groups is None else [float(snap_exponent(float(g), denominators)[0]) for g in groups]
        node = product(space.shortest + (np.array(exponents) @ space.basis if exponents else 0))
        nodes += list(_with_amplitude(node, space.target, space))
    pool.consider(nodes)


def _with_amplitude(node: Node, target: np.ndarray, space: Space) -> Iterator[Node]:
    value = evaluate(node, space.sample)
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(value @ value)
    if np.isfinite(size) and size > 0:
        yield fused(Number(float(value @ target) / size), node)


@dataclass(frozen=True, slots=True)
class _Logs:
    """The regression that all hypotheses share: rows of the base and of factors, the target, and weights."""

    base: np.ndarray
    factors: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    elements: Sequence[Element]


def match_factors(
    space: Space,
    pool: Pool,
    view: View,
    elements: Sequence[Element],
    *,
    pairs: bool = True,
    third: bool = False,
    most: int = 150,
) -> None:
    """Look for laws that are products.

    Args:
        space: products and functions.
        pool: where laws go.
        view: what is matched, with the units of the target.
        elements: functions that may be factors.
        pairs: whether two factors are looked for.
        third: whether a third is looked for beside the best pairs.
        most: how many candidates of each kind are looked at.

    Raises:
        Finished: if a law is exact, or time is up.
    """
    pool.check_time()
    target, weights, base = space.logarithms(view.value, view.weights)
    library = space.library
    # exp(κ u) is a factor whose logarithm is u
    exponentials = slice(1, min(_EXPONENTIALS, len(library.products)))
    values = np.array([element.value for element in elements]).reshape(-1, len(target))
    factors = np.concatenate([np.log(np.abs(values) + 1e-300), library.values[exponentials]])
    costs = np.array([*(element.bits for element in elements), *(library.costs[exponentials] + 4)])
    logs = _Logs(base, factors, target, weights, elements)
    design = matching.Design(factors, costs, target, weights, base)
    rows = len(design.rows)
    pool.evaluations += rows

    def nodes(found: np.ndarray) -> Iterator[Node]:
        for combination in found.tolist():
            yield from _law(space, view, logs, combination)

    found, _ = matching.best_singles(design, most)
    pool.consider(nodes(found), most=min(most, 24))
    if not pairs:
        return
    pool.check_time()
    pool.evaluations += rows * (rows - 1) // 2
    found, _ = matching.best_pairs(design, design, 2 * most)
    pool.consider(nodes(found), most=min(most, 24))
    if third:
        pool.check_time()
        pool.evaluations += 60 * rows
        found, _ = matching.extended(design, found[:60], most)
        pool.consider(nodes(found))


def match_scanned(space: Space, pool: Pool, view: View) -> None:
    """Look for one factor with a number of any size inside: the best on a grid, for each function of each product.

    Raises:
        Finished: if a law is exact, or time is up.
    """
    pool.check_time()
    target, weights, base = space.logarithms(view.value, view.weights)
    best = []
    for family in space.library.scanned():
        factors = np.log(np.abs(np.array([element.value for element in family])) + 1e-300)
        design = matching.Design(factors, np.zeros(len(family)), target, weights, base)
        pool.evaluations += len(family)
        found, _ = matching.best_singles(design, 1)
        best += [(family[place], factors[place]) for place in found[:, 0]]
    logs = _Logs(base, np.array([column for _, column in best]), target, weights, [element for element, _ in best])
    # the grid is coarse: which is best shows only after the fit, so that each is fitted on its own
    for place in range(len(best)):
        pool.consider(_law(space, view, logs, [place]), most=5)


def _law(space: Space, view: View, logs: _Logs, combination: list[int]) -> Iterator[Node]:
    """The law with these factors, all exponents brought to fractions; none if one is out of bounds."""
    design = np.concatenate([logs.base, logs.factors[combination]]) * logs.weights
    found, *_ = np.linalg.lstsq(design.T, logs.target * logs.weights, rcond=1e-10)
    exponents = found[len(logs.base) :]
    known = set()
    # off the right numbers inside of factors the exponents are off too: simpler ones are tried beside the nearest
    simpler = [[snap_exponent(float(e), d)[0] for e in exponents] for d in ((1, 2, 3), (1, 2), (1,))]
    simpler.append([Fraction(int(np.sign(e))) for e in exponents])
    for fractions in simpler:
        if tuple(fractions) in known:
            continue
        known.add(tuple(fractions))
        # of an exponential the exponent is a number
        fixed = [e if place >= len(logs.elements) else float(f)
                 for place, e, f in zip(combination, exponents, fractions, strict=True)]  # fmt: skip
        left = logs.target - np.array(fixed) @ logs.factors[combination]
        groups, *_ = np.linalg.lstsq((logs.base * logs.weights).T, left * logs.weights, rcond=1e-10)
        choices = {tuple(float(snap_exponent(float(g), d)[0]) for g in groups[1:]) for d in ((1, 2, 3, 4), (1, 2))}
        for steps in sorted(choices):
            yield from _with_exponents(space, view, logs, combination, exponents, fractions, np.array(steps))


def _with_exponents(
    space: Space, view: View, logs: _Logs, combination: list[int], exponents: np.ndarray,
    fractions: Sequence[Fraction], steps: np.ndarray,
) -> Iterator[Node]:  # fmt: skip
    parts: list[Node] = []
    for place, exponent, fraction in zip(combination, exponents, fractions, strict=True):
        if place >= len(logs.elements):
            argument = product(space.library.products[1 + place - len(logs.elements)])
            parts.append(Apply("exp", fused(Number(float(exponent)), argument)))
        elif not fraction or abs(fraction) > _LARGEST:
            return
        else:
            parts.append(power(logs.elements[place].node, fraction))
    if np.abs(steps).max(initial=0.0) > _LARGEST_GROUP:
        return
    body = fused(product(space.shortest + (steps @ space.basis if len(steps) else 0)), *parts)
    yield from (view.undo(node) for node in _with_amplitude(body, view.value, space))
