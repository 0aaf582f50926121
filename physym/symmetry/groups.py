"""Groups of matrices, with random elements.

A group is a frozen dataclass that knows the dimension it acts on and draws its own elements; `physym.symmetry.act`
carries an element over to typed data.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError

__all__ = ["SO", "Group", "Hyperoctahedral", "O"]


@dataclass(frozen=True, repr=False)
class Group(abc.ABC):
    """A group of real matrices (dim, dim).

    Args:
        dim: the dimension of the space that it acts on.

    Raises:
        InputError: unless dim is an integer >= 1.
    """

    dim: int

    def __post_init__(self) -> None:
        if not isinstance(self.dim, int | np.integer) or isinstance(self.dim, bool) or self.dim < 1:
            raise InputError(f"{type(self).__name__}: expected a dimension that is an integer >= 1, given {self.dim!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dim})"

    @abc.abstractmethod
    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim); by the Haar measure where the group is compact."""


class O(Group):  # noqa: E742  the name of the group
    """The orthogonal group: rotations and reflections, QᵀQ = 1; half of its elements have det Q = -1.

    Source: Mezzadri, "How to generate random matrices from the classical compact groups" (Notices AMS 2007).

    >>> q = O(3).random(np.random.default_rng(0))
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim) by the Haar measure."""
        q, r = np.linalg.qr(rng.standard_normal((self.dim, self.dim)))
        # the factors are unique, and so Q is uniform, only with a positive diagonal of R
        return q * np.where(np.diag(r) < 0, -1.0, 1.0)


class SO(Group):
    """The special orthogonal group: rotations, QᵀQ = 1 and det Q = 1.

    >>> q = SO(3).random(np.random.default_rng(0))
    >>> round(float(np.linalg.det(q)), 12)
    1.0
    """

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim) by the Haar measure."""
        q = O(self.dim).random(rng)
        q[:, 0] *= np.sign(np.linalg.det(q))
        return q


class Hyperoctahedral(Group):
    """The hyperoctahedral group B_d: signed permutation matrices, the rotations and reflections that keep a grid.

    They are the 8 symmetries of the square for d = 2 and the 48 of the cube for d = 3, half of them with det Q = -1.

    >>> len(Hyperoctahedral(2).elements()), len(Hyperoctahedral(3).elements())
    (8, 48)
    """

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        return _signed_permutation(rng.permutation(self.dim), rng.choice([-1.0, 1.0], self.dim))

    def elements(self) -> np.ndarray:
        """All 2^d d! elements (element, dim, dim), the identity first."""
        orders = itertools.permutations(range(self.dim))
        signs = list(itertools.product([1.0, -1.0], repeat=self.dim))
        return np.array([_signed_permutation(order, sign) for order in orders for sign in signs])


def _signed_permutation(order: Sequence[int] | np.ndarray, signs: Sequence[float] | np.ndarray) -> np.ndarray:
    matrix = np.zeros((len(order), len(order)))
    matrix[np.arange(len(order)), order] = signs
    return matrix
