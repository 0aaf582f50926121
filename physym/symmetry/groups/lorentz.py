"""The Lorentz group of space-time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from physym.symmetry.groups.group import Group
from physym.symmetry.groups.orthogonal import SO, O, skew
from simulators.errors import InputError

__all__ = ["Lorentz"]

_RAPIDITY = 1.0


@dataclass(frozen=True, repr=False, init=False)
class Lorentz(Group):
    """The Lorentz group O(1, d): matrices Λ (1 + d, 1 + d) with Λᵀ η Λ = η, η = diag(1, -1, ..., -1).

    Time is the first component. The group has four components, which the reflections of time and of one axis of space
    lead to. It is not compact: there is no uniform random element.

    Args:
        signature: the dimensions of space d, or of time and space (1, d); 3 by default.
        proper: whether only the component of the identity is meant, SO⁺(1, d): no reflections.

    Raises:
        InputError: unless d is an integer >= 1.

    >>> Lorentz(3) == Lorentz(1, 3) == Lorentz()
    True

    >>> boost = Lorentz(3).random(np.random.default_rng(0))
    >>> metric = Lorentz(3).metric
    >>> bool(np.allclose(boost.T @ metric @ boost, metric))
    True
    """

    space: int
    proper: bool

    def __init__(self, *signature: int, proper: bool = False) -> None:
        times, space = signature if len(signature) == 2 else (1, *(signature or (3,)))[:2]
        whole = isinstance(space, int | np.integer) and not isinstance(space, bool) and len(signature) <= 2
        if not whole or space < 1 or times != 1 or isinstance(times, bool):
            raise InputError(
                f"Lorentz: expected the dimensions of space such as Lorentz(3), or Lorentz(1, 3), given {signature!r}"
            )
        if not isinstance(proper, bool):
            raise InputError(f"proper: expected True or False, given {proper!r}")
        for name, value in (("dim", int(space) + 1), ("space", int(space)), ("proper", proper)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Lorentz({self.space}{', proper=True' if self.proper else ''})"

    @property
    def metric(self) -> np.ndarray:
        """η (1 + d, 1 + d)."""
        return np.diag([1.0, *[-1.0] * self.space])

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A rotation times a boost along a random direction, of a normally distributed rapidity."""
        inner = O(self.space) if not self.proper else SO(self.space)
        turn = np.eye(self.dim)
        turn[1:, 1:] = inner.random(rng)
        if not self.proper:
            turn[0, 0] = rng.choice([-1.0, 1.0])
        boost = np.zeros((self.dim, self.dim))
        boost[0, 1:] = boost[1:, 0] = _RAPIDITY * rng.standard_normal(self.space)
        return expm(boost) @ turn

    def lie_algebra(self) -> np.ndarray:
        """The boosts along the axes, then the rotations (d (d + 1)/2, 1 + d, 1 + d)."""
        turns = skew(self.space)
        found = np.zeros((self.space + len(turns), self.dim, self.dim))
        axes = np.arange(self.space)
        found[axes, 0, axes + 1] = found[axes, axes + 1, 0] = 1.0
        found[self.space :, 1:, 1:] = turns
        return found

    def discrete_generators(self) -> np.ndarray:
        """The reflections of time and of the first axis of space; none if proper."""
        if self.proper:
            return super().discrete_generators()
        found = np.stack([np.eye(self.dim)] * 2)
        found[0, 0, 0] = found[1, 1, 1] = -1.0
        return found

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of O(1 + d) or SO(1 + d), whose complex form is the same.

        The reflections of time and of space together are more components than O(1 + d) has, but have no other
        invariants: with both, an invariant is even in each, and so is one of the rotations and one reflection.
        """
        return (SO(self.dim) if self.proper else O(self.dim)).classes(degree)
