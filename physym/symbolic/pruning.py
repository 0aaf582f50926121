"""Terms that rounding alone put into a law."""

from __future__ import annotations

import numpy as np

from physym.symbolic.tree import Apply, Columns, Node, Power, Product, Sum, evaluate, fused

__all__ = ["pruned"]

_ROUNDING = 1e-13


def pruned(node: Node, columns: Columns) -> Node:
    """The expression without those terms of its sums that are below 1e-13 of the largest at every point.

    A law that fits to the last digit can carry such terms: their coefficients are the rounding errors of a fit.

    Args:
        node: with its numbers fitted.
        columns: the variables.
    """
    if isinstance(node, Sum):
        sizes = np.abs([evaluate(term, columns) for term in node.terms])
        rounding = (sizes < _ROUNDING * sizes.max(axis=0)).all(axis=1)
        kept = [term for term, small in zip(node.terms, rounding, strict=True) if not small]
        terms = tuple(pruned(term, columns) for term in kept)
        return terms[0] if len(terms) == 1 else Sum(terms)
    if isinstance(node, Product):
        return fused(*(pruned(factor, columns) for factor in node.factors))
    if isinstance(node, Power):
        return Power(pruned(node.base, columns), node.exponent)
    if isinstance(node, Apply):
        return Apply(node.name, pruned(node.argument, columns))
    return node
