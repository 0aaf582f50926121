"""Laws that are sums or quotients of sums, z(y) = Σ c u f / (1 + Σ d v), linear as z = Σ c u f - Σ d v z."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physym.symbolic import matching
from physym.symbolic.library import ONE, power
from physym.symbolic.pool import Pool
from physym.symbolic.space import Space, Term, Terms
from physym.symbolic.targets import View
from physym.symbolic.tree import Node, Number, Sum, fused

__all__ = ["match_terms"]

# how many terms are the third beside two narrow ones, how many narrow ones there are then, and how many combinations
# are carried on to one term more
_THIRD, _TWO_OF, _QUOTIENTS, _CARRIED = 8000, 150, 60, 60
_COEFFICIENT = 2.0


def match_terms(
    space: Space, pool: Pool, view: View, *, wide: int, narrow: int, most: int = 200, rational: bool = False
) -> None:
    """Look for laws that are sums of one to four terms.

    Args:
        space: products and functions.
        pool: where laws go.
        view: what is matched.
        wide: how many terms there are.
        narrow: how many of them are paired with each of all; in triples, at most 150 take two of the places.
        most: how many candidates of each kind are looked at.
        rational: whether the target times a dimensionless expression may be a term, which makes a quotient.

    Raises:
        Finished: if a law is exact, or time is up.
    """
    pool.check_time()
    given = space.terms(view.degree, wide)
    above = len(given.terms)
    if rational:
        below = _denominators(space, view)
        given = Terms(
            given.terms + below.terms,
            np.concatenate([given.values, below.values]),
            np.concatenate([given.costs, below.costs]),
        )
    bottoms = np.arange(above, len(given.terms))

    def design(chosen: np.ndarray | slice) -> matching.Design:
        return matching.Design(given.values[chosen], given.costs[chosen] + _COEFFICIENT, view.value, view.weights)

    def consider(found: np.ndarray, count: int = 24) -> None:
        pool.consider((node for row in found.tolist() for node in _law(view, given, above, row)), most=count)
        pool.check_time()

    everything = design(slice(None))
    first = np.concatenate([np.arange(min(narrow, above)), bottoms])
    pool.evaluations += len(everything.rows) * (1 + len(first))
    found, _ = matching.best_singles(everything, most)
    consider(found, 12)
    pairs, _ = matching.best_pairs(design(first), everything, most)
    pairs[:, 0] = first[pairs[:, 0]]
    consider(pairs)
    two = np.concatenate([np.arange(min(narrow, _TWO_OF, above)), bottoms[:_QUOTIENTS]])
    # quotients come last, so that they are among the third terms too
    rest = np.concatenate([np.arange(min(_THIRD, above)), bottoms])
    third = design(rest)
    pool.evaluations += len(two) ** 2 * len(third.rows) // 2
    triples, _ = matching.best_triples(design(two), third, most)
    triples = np.concatenate([two[triples[:, :2]], rest[triples[:, 2:]]], axis=1)
    consider(triples)
    for found in (pairs, triples):
        inside = found[(found < _THIRD).all(axis=1)][:_CARRIED] if not rational else found[:_CARRIED]
        if rational:
            inside = np.searchsorted(rest, inside[np.isin(inside, rest).all(axis=1)])
        more, _ = matching.extended(third, inside, most)
        pool.evaluations += len(inside) * len(third.rows)
        consider(rest[more])


def _denominators(space: Space, view: View) -> Terms:
    """Dimensionless terms times the target: what stands below the line."""
    library = space.library
    simple = [element for element in library.elements[:200] if not isinstance(element.node, Sum)][:60]
    terms = [Term(row) for row in library.products[1:80]]
    terms += [Term(np.zeros(space.variables), element) for element in simple]
    values = [*library.values[1:80], *(element.value for element in simple)]
    costs = [*library.costs[1:80], *(element.bits for element in simple)]
    return Terms(terms, -np.array(values) * view.value, np.array(costs))


def _law(view: View, given: Terms, above: int, combination: list[int]) -> Iterator[Node]:
    """The law with these terms, their coefficients from least squares."""
    design = given.values[combination] * view.weights
    size = np.linalg.norm(design, axis=1)
    found, *_ = np.linalg.lstsq((design / size[:, None]).T, view.value * view.weights, rcond=1e-12)
    coefficients = found / size
    if not np.isfinite(coefficients).all() or not coefficients.all() or all(place >= above for place in combination):
        return
    top: list[Node] = []
    bottom: list[Node] = [ONE]
    for place, coefficient in zip(combination, coefficients, strict=True):
        part = fused(Number(float(coefficient)), given.terms[place].node())
        (top if place < above else bottom).append(part)
    node = top[0] if len(top) == 1 else Sum(tuple(top))
    yield view.undo(node if len(bottom) == 1 else fused(node, power(Sum(tuple(bottom)), -1)))

