"""What every group of matrices answers.

A group is a frozen dataclass that knows the space V it acts on: R^dim, or C^dim for the unitary groups. Two things
determine it: its Lie algebra, whose exponentials fill the component of the identity, and some elements that lead to the
other components. Random elements, averages over all elements and the dimensions of spaces of invariants follow.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError

__all__ = ["MOST", "Group", "check_count", "words"]

MOST = 50_000
_LARGEST = 2**28
_SAME = 1e-9
_FAR = 1e6


@dataclass(frozen=True, repr=False)
class Group(abc.ABC):
    """A group of matrices (dim, dim).

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

    @property
    def complex(self) -> bool:
        """Whether its matrices are complex."""
        return False

    @property
    def finite(self) -> bool:
        """Whether `elements` lists them all."""
        return False

    def random(self, rng: np.random.Generator | int | None = None, count: int | None = None) -> np.ndarray:
        """A random element (dim, dim); by the Haar measure where the group is compact.

        Args:
            rng: a generator of numpy, which goes on from where it is, or a seed; by default a new one each time.
            count: how many elements; one without an axis for them by default.

        Returns:
            (dim, dim), or (count, dim, dim).

        Raises:
            InputError: if rng is neither, or count no integer >= 0.

        >>> from physym.symmetry import SO
        >>> SO(3).random(0, count=100).shape
        (100, 3, 3)
        """
        if isinstance(rng, bool) or not isinstance(rng, np.random.Generator | int | np.integer | None):
            raise InputError(f"rng: expected a generator np.random.default_rng(...) or a seed, given {rng!r}")
        if isinstance(rng, int | np.integer) and rng < 0:
            raise InputError(f"rng: expected a seed >= 0, given {rng!r}")
        rng = np.random.default_rng(rng)
        if count is None:
            return self._draw(rng)
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise InputError(f"count: expected a number of elements that is an integer >= 0, given {count!r}")
        return np.array([self._draw(rng) for _ in range(count)]).reshape(count, self.dim, self.dim)

    @abc.abstractmethod
    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim)."""

    def lie_algebra(self) -> np.ndarray:
        """A basis (n, dim, dim) of the Lie algebra: the matrices A whose exponentials are elements; none if finite."""
        return np.zeros((0, self.dim, self.dim))

    def discrete_generators(self) -> np.ndarray:
        """Elements (n, dim, dim) that together with the exponentials of the Lie algebra generate the group."""
        return np.zeros((0, self.dim, self.dim))

    def elements(self) -> np.ndarray:
        """All elements (n, dim, dim) of a finite group, the identity first.

        Raises:
            InputError: if the group is not finite.
        """
        raise InputError(f"{self!r}: expected a finite group, given one with infinitely many elements; take quadrature")

    def order(self) -> int:
        """The number of elements of a finite group.

        Raises:
            InputError: if the group is not finite.
        """
        return len(self.elements())

    def quadrature(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Elements and weights whose weighted sum is the Haar average of polynomials of the entries up to a degree.

        Args:
            degree: of the polynomials in the entries of the elements that are averaged exactly: for a linear map from
                T(k) to T(l) it is k + l. For SO(2) the highest frequency, for SO(3) the highest l.

        Returns:
            Elements (n, dim, dim), and weights (n,) that sum to 1.

        Raises:
            InputError: if no exact rule is known for the group, or it is not compact.
        """
        if self.finite:
            elements = self.elements()
            return elements, np.full(len(elements), 1.0 / len(elements))
        raise InputError(
            f"{self!r}: expected a group with an exact quadrature (finite groups, SO(2), O(2), SO(3), O(3), and these"
            " about an axis), given one without; average over random elements"
        )

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and weights whose weighted sum averages class functions such as characters exactly.

        Args:
            degree: of the polynomials in the eigenvalues that are averaged exactly.

        Returns:
            Complex eigenvalues (n, dim) of one element of each class, and weights (n,) that sum to 1. For groups that
            are not compact they are those of the compact form, which has the same invariants.

        Raises:
            InputError: if no rule is known for the group.
        """
        try:
            elements, weights = self.quadrature(degree)
        except InputError as error:
            raise InputError(
                f"{self!r}: expected a group whose classes are known, or that can be listed, given one that is neither;"
                " count by len(equivariant_basis(...))"
            ) from error
        return np.linalg.eigvals(elements), weights


def check_count(group: Group, count: int) -> None:
    """Refuse to list very many elements.

    Raises:
        InputError: if they are more than 50,000, or all their entries more than 2^28.
    """
    if count > MOST or count * group.dim**2 > _LARGEST:
        raise InputError(
            f"{group!r}: expected at most {MOST} elements to list, with at most 2^28 entries, given {count} of"
            f" {group.dim} x {group.dim}; average over random elements, or over classes"
        )


def words(letters: Sequence[np.ndarray], limit: int) -> np.ndarray:
    """All products of some matrices (n, dim, dim), the identity first, if there are at most `limit`.

    Raises:
        InputError: if there are more, or products come near to one another without being equal.
    """
    dim = letters[0].shape[0]
    found = [np.eye(dim, dtype=np.result_type(*letters))]
    known = {_key(found[0]): 0}
    for element in found:
        for letter in letters:
            product = letter @ element
            place = known.setdefault(_key(product), len(found))
            largest = np.abs(product).max()
            if place < len(found):
                if np.abs(product - found[place]).max() <= _SAME * largest:
                    continue
            elif len(found) < limit and largest < _FAR:
                found.append(product)
                continue
            raise InputError(f"generators: expected a finite group of at most {limit} elements, given more")
    return np.array(found)


def _key(matrix: np.ndarray) -> bytes:
    return (np.round(matrix, 6) + 0.0).tobytes()
