"""Groups of permutations and signed permutations, as matrices.

The permutation that takes place n to place p(n) is the matrix with ones at (p(n), n).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from physym.symmetry.groups.group import MOST, Group, check_count, words
from simulators.errors import InputError

__all__ = ["A", "D", "Hyperoctahedral", "S", "Z"]

_MOST_CLASSES = 2**24


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

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        elements = self.elements()
        return elements[rng.integers(len(elements))]


class S(Permutations):
    """The symmetric group: all n! permutations of n things.

    >>> len(S(4).elements())
    24
    """

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
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
        found = _few(self, partitions(self.dim))
        return np.array([_turns(parts) for parts in found]), np.array([1.0 / _fixing(parts) for parts in found])


class A(Permutations):
    """The alternating group: the even permutations of n things.

    >>> len(A(4).elements())
    12
    """

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        found = S(self.dim).random(rng)
        if self.dim > 1 and np.linalg.det(found) < 0:
            found[[0, 1]] = found[[1, 0]]
        return found

    def order(self) -> int:
        """The number of even permutations, n!/2."""
        return max(1, math.factorial(self.dim) // 2)

    def elements(self) -> np.ndarray:
        """All elements (n, dim, dim), the identity first.

        Raises:
            InputError: if they are more than 50,000.
        """
        check_count(self, self.order())
        return super().elements()

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of S_n that are even: with an even number of cycles of even length."""
        del degree
        found = [parts for parts in _few(self, partitions(self.dim)) if not sum(n % 2 == 0 for n in parts) % 2]
        weights = np.array([1.0 / _fixing(parts) for parts in found])
        return np.array([_turns(parts) for parts in found]), weights / weights.sum()

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
        """The number of rotations, n."""
        return self.dim

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        return np.roll(np.eye(self.dim), rng.integers(self.dim), axis=0)

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Every rotation, with the eigenvalues exp(2πi jk/n)."""
        del degree
        turns = np.arange(self.dim)
        return np.exp(2j * np.pi * np.outer(turns, turns) / self.dim), np.full(self.dim, 1 / self.dim)


class D(Permutations):
    """The dihedral group: rotations and reflections of n places in a ring, the corners of a regular polygon.

    For n = 1 and 2 the places do not tell all 2n elements apart, and there are n matrices; in the plane `Rosette` does.

    >>> len(D(5).elements())
    10
    """

    def discrete_generators(self) -> np.ndarray:
        """The rotation by one place, and the reversal."""
        return np.array([_shift(self.dim), matrix(np.arange(self.dim)[::-1])])

    def order(self) -> int:
        """The number of matrices: 2n for n > 2, else n."""
        return self.dim * (2 if self.dim > 2 else 1)

    def elements(self) -> np.ndarray:
        """All elements (n, dim, dim): the rotations, and the same after the reversal.

        Raises:
            InputError: if they are more than 50,000.
        """
        check_count(self, self.order())
        turns = np.array([np.roll(np.eye(self.dim), k, axis=0) for k in range(self.dim)])
        return np.concatenate([turns, turns[:, :, ::-1]]) if self.dim > 2 else turns

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim), each as likely as any other."""
        turn = np.roll(np.eye(self.dim), rng.integers(self.dim), axis=0)
        return turn[:, ::-1].copy() if rng.integers(2) else turn

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Every rotation, and of the reflections those that keep no place, one, or two."""
        turns, weights = Z(self.dim).classes(degree)
        pairs = self.dim // 2
        swaps = [(2,) * pairs + (1,)] if self.dim % 2 else [(2,) * pairs, (2,) * (pairs - 1) + (1, 1)]
        mirrors = np.array([_turns(parts) for parts in swaps])
        shares = np.concatenate([weights, np.full(len(swaps), 1 / len(swaps))]) / 2
        return np.concatenate([turns, mirrors]), shares


class Hyperoctahedral(Permutations):
    """The hyperoctahedral group B_d: signed permutation matrices, the rotations and reflections that keep a grid.

    They are the 8 symmetries of the square for d = 2 and the 48 of the cube for d = 3, half of them with det Q = -1.

    >>> len(Hyperoctahedral(2).elements()), len(Hyperoctahedral(3).elements())
    (8, 48)
    """

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
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

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """One for each way to write d as lengths of cycles of either sign, weighted by how many there are."""
        del degree
        pairs = (
            pair
            for plus in range(self.dim + 1)
            for pair in itertools.product(partitions(plus), partitions(self.dim - plus))
        )
        found = _few(self, pairs)
        eigenvalues = [np.concatenate([_turns(even), _turns(odd, half=0.5)]) for even, odd in found]
        weights = [0.5 ** len(even + odd) / (_fixing(even) * _fixing(odd)) for even, odd in found]
        return np.array(eigenvalues), np.array(weights)

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


def _few(group: Group, classes: Iterator[Any]) -> list[Any]:
    """What classes there are, if they are not very many."""
    most = _MOST_CLASSES // group.dim
    found = list(itertools.islice(classes, most + 1))
    if len(found) > most:
        remedy = "count by len(equivariant_basis(...))"
        raise InputError(f"{group!r}: expected at most {most} classes, given more; {remedy}")
    return found


def _turns(parts: tuple[int, ...], half: float = 0.0) -> np.ndarray:
    """The eigenvalues of cycles: roots of 1, or of -1 for half = 0.5."""
    every = [_roots(part, half) for part in parts]
    return np.concatenate(every) if every else np.zeros(0, complex)


@functools.lru_cache(maxsize=512)
def _roots(part: int, half: float) -> np.ndarray:
    return np.exp(2j * np.pi * (np.arange(part) + half) / part)


def _fixing(parts: tuple[int, ...]) -> float:
    """How many permutations commute with one of these cycles."""
    counts = [parts.count(part) for part in set(parts)]
    return float(math.prod(parts) * math.prod(math.factorial(count) for count in counts))
