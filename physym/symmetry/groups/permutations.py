"""Groups of permutations and signed permutations, as matrices.

The permutation that takes place n to place p(n) is the matrix with ones at (p(n), n).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from physym.symmetry.groups.group import MOST, Group, check_count, words

__all__ = ["A", "D", "Hyperoctahedral", "S", "Z"]


class Permutations(Group):
    """A finite group of permutation matrices (dim, dim)."""

    @property
    def finite(self) -> bool:
        """True."""
        return True

    def elements(self) -> np.ndarray:
        """All elements (n, dim, dim), the identity first.

        Raises:
            InputError: if they are more than 50,000.
        """
        return words(self.discrete_generators(), MOST)

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        elements = self.elements()
        return elements[rng.integers(len(elements))]


class S(Permutations):
    """The symmetric group: all n! permutations of n things.

    >>> len(S(4).elements())
    24
    """

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        return matrix(rng.permutation(self.dim))

    def discrete_generators(self) -> np.ndarray:
        """A transposition and the rotation by one place."""
        if self.dim == 1:
            return np.eye(1)[None]
        swap = [1, 0, *range(2, self.dim)]
        return np.array([matrix(swap), _shift(self.dim)])

    def elements(self) -> np.ndarray:
        """All elements (n, dim, dim), the identity first.

        Raises:
            InputError: if they are more than 50,000.
        """
        check_count(self, self.order())
        return np.array([matrix(order) for order in itertools.permutations(range(self.dim))])

    def order(self) -> int:
        """N!"""
        return math.factorial(self.dim)

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """One permutation for each partition of n into cycles, weighted by how many there are."""
        del degree
        eigenvalues, weights = [], []
        for parts in partitions(self.dim):
            turns = np.concatenate([np.exp(2j * np.pi * np.arange(part) / part) for part in parts])
            eigenvalues.append(turns)
            counts = [parts.count(part) for part in set(parts)]
            weights.append(1.0 / (math.prod(parts) * math.prod(math.factorial(count) for count in counts)))
        return np.array(eigenvalues), np.array(weights)


class A(Permutations):
    """The alternating group: the even permutations of n things.

    >>> len(A(4).elements())
    12
    """

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        found = S(self.dim).random(rng)
        if self.dim > 1 and np.linalg.det(found) < 0:
            found[[0, 1]] = found[[1, 0]]
        return found

    def discrete_generators(self) -> np.ndarray:
        """The cycles of three neighbours."""
        if self.dim < 3:
            return np.eye(self.dim)[None]
        cycles = []
        for n in range(self.dim - 2):
            order = list(range(self.dim))
            order[n : n + 3] = [n + 1, n + 2, n]
            cycles.append(matrix(order))
        return np.array(cycles)


class Z(Permutations):
    """The cyclic group: the rotations of n places in a ring.

    >>> Z(3).elements()[1].astype(int).tolist()
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    """

    def discrete_generators(self) -> np.ndarray:
        """The rotation by one place."""
        return _shift(self.dim)[None]

    def elements(self) -> np.ndarray:
        """All rotations (n, n, n), by one place after the other."""
        check_count(self, self.dim)
        return np.array([np.roll(np.eye(self.dim), k, axis=0) for k in range(self.dim)])

    def order(self) -> int:
        """The number of permutations."""
        return self.dim


class D(Permutations):
    """The dihedral group: rotations and reflections of n places in a ring, the corners of a regular polygon.

    >>> len(D(5).elements())
    10
    """

    def discrete_generators(self) -> np.ndarray:
        """The rotation by one place, and the reversal."""
        return np.array([_shift(self.dim), matrix(np.arange(self.dim)[::-1])])


class Hyperoctahedral(Permutations):
    """The hyperoctahedral group B_d: signed permutation matrices, the rotations and reflections that keep a grid.

    They are the 8 symmetries of the square for d = 2 and the 48 of the cube for d = 3, half of them with det Q = -1.

    >>> len(Hyperoctahedral(2).elements()), len(Hyperoctahedral(3).elements())
    (8, 48)
    """

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        return matrix(np.argsort(rng.permutation(self.dim)), rng.choice([-1.0, 1.0], self.dim))

    def discrete_generators(self) -> np.ndarray:
        """Those of S_d, and the reflection of the first axis."""
        return np.concatenate([S(self.dim).discrete_generators(), np.diag([-1.0, *[1.0] * (self.dim - 1)])[None]])

    def elements(self) -> np.ndarray:
        """All 2^d d! elements (element, dim, dim), the identity first.

        Raises:
            InputError: if they are more than 50,000.
        """
        check_count(self, self.order())
        orders = itertools.permutations(range(self.dim))
        signs = list(itertools.product([1.0, -1.0], repeat=self.dim))
        return np.array([matrix(np.argsort(order), sign) for order in orders for sign in signs])

    def order(self) -> int:
        """The number of signed permutations, 2^d d!."""
        return 2**self.dim * math.factorial(self.dim)


def matrix(order: Sequence[int] | np.ndarray, signs: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
    """The matrix (n, n) that takes place k to place order[k], row r times signs[r]."""
    found = np.zeros((len(order), len(order)))
    found[np.asarray(order), np.arange(len(order))] = 1.0
    return found if signs is None else found * np.asarray(signs)[:, None] + 0.0


def _shift(dim: int) -> np.ndarray:
    return matrix(np.roll(np.arange(dim), -1))


def partitions(total: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a sum of positive ones, the largest first."""
    if total == 0:
        yield ()
    for part in range(min(total, total if largest is None else largest), 0, -1):
        for rest in partitions(total - part, part):
            yield (part, *rest)
