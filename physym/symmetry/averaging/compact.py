"""Which groups have averages: those with a uniform random element."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physym.symmetry.groups import AboutAxis, Group, MatrixGroup, Product
from simulators.errors import InputError

__all__ = ["check_compact", "parts"]

_ROUNDING = 1e-10


def check_compact(group: Group) -> None:
    """Refuse groups without a uniform random element.

    Raises:
        InputError: if the group is not compact, or is infinite and known by its generators alone, so that its elements
            cannot be drawn uniformly.
    """
    for part in parts(group):
        if isinstance(part, MatrixGroup) and not part.finite:
            raise InputError(
                f"{part!r}: expected a group whose uniform random elements are known, given infinitely many by their"
                " generators; take the group by its name, or a finite one"
            )
        if not part.finite and not _unitary(part):
            raise InputError(
                f"{part!r}: expected a compact group, given one that is not: no average over it exists; average over"
                " its compact part, such as the rotations, or use invariants"
            )


def parts(group: Group) -> Iterator[Group]:
    """The groups that a product, or a group about an axis, is made of."""
    if isinstance(group, Product):
        yield from parts(group.first)
        yield from parts(group.second)
    elif isinstance(group, AboutAxis):
        yield from parts(group.plane)
    else:
        yield group


def _unitary(group: Group) -> bool:
    flat, discrete = group.lie_algebra(), group.discrete_generators()
    skew = np.abs(flat + flat.conj().swapaxes(-1, -2)).max(initial=0.0)
    lengths = np.abs(discrete @ discrete.conj().swapaxes(-1, -2) - np.eye(group.dim)).max(initial=0.0)
    return bool(max(skew, lengths) < _ROUNDING)
