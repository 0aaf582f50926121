"""What every group of matrices answers.

A group is a frozen dataclass that knows the space V it acts on: R^dim, or C^dim for the unitary groups. Two things
determine it: its Lie algebra, whose exponentials fill the component of the identity, and some elements that lead to the
other components. Random elements, averages over all elements and the dimensions of spaces of invariants follow.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import matrix_balance

from simulators.errors import InputError

__all__ = ["MOST", "Group", "balanced", "check_count", "check_degree", "words"]

MOST = 50_000
_LARGEST = 2**28
_SAME = 1e-9
_BIN = 1e-6
_EDGE = 0.01
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
            return self._draw_many(rng, 1)[0]
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise InputError(f"count: expected a number of elements that is an integer >= 0, given {count!r}")
        return self._draw_many(rng, count)

    def _draw_many(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Random elements (count, dim, dim), the same as if drawn one after the other."""
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
        raise InputError(f"{self!r}: expected a finite group, given one with infinitely many elements; draw some")

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
        check_degree(degree)
        if self.finite:
            elements = self.elements()
            return elements, np.full(len(elements), 1.0 / len(elements))
        raise InputError(
            f"{self!r}: expected a group with an exact quadrature (finite groups, SO(2), O(2), SO(3), O(3), and these"
            " about an axis), given one without; average over random elements if it is compact"
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


def check_count(group: Group, count: int, most: float = MOST) -> None:
    """Refuse to list very many elements.

    Raises:
        InputError: if they are more than 50,000 (or `most`), or all their entries more than 2^28.
    """
    if count > most or count * group.dim**2 > _LARGEST:
        few = f"at most {most} elements to list, with" if most < np.inf else "elements with"
        raise InputError(
            f"{group!r}: expected {few} at most 2^28 entries, given {count} of {group.dim} x {group.dim}; average over"
            " random elements, or over classes"
        )


def check_degree(degree: int) -> None:
    """Refuse what is no degree of a polynomial.

    Raises:
        InputError: unless it is an integer >= 0.
    """
    if isinstance(degree, bool) or not isinstance(degree, int | np.integer) or degree < 0:
        raise InputError(f"degree: expected an integer >= 0, given {degree!r}")


def balanced(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrices in units of the components that make them small, without rounding.

    Units that fit the ratios of entries to those across the diagonal are tried, and then row and column sums balanced.

    Args:
        matrices: g (n, dim, dim).

    Returns:
        D⁻¹ g D (n, dim, dim), and the diagonal of D (dim,): powers of 2.
    """
    units = np.ones(matrices.shape[-1])
    if not len(matrices):
        return matrices, units
    total = np.abs(matrices).sum(axis=0)
    rows, columns = np.nonzero(np.triu((total > 0) & (total.T > 0), 1))
    if len(rows):
        ratios = np.log2(total[rows, columns] / total[columns, rows]) / 2
        pairs = np.eye(len(units))[rows] - np.eye(len(units))[columns]
        fitted = 2.0 ** np.round(np.linalg.lstsq(pairs, ratios, rcond=None)[0])
        units = min(units, fitted, key=lambda d: float(np.linalg.norm(total / d[:, None] * d)))
    moved = total / units[:, None] * units
    units = units * matrix_balance(moved, permute=False, separate=True)[1][0]
    return matrices / units[:, None] * units, units


def words(letters: Sequence[np.ndarray], limit: int) -> np.ndarray:
    """All products of some matrices (n, dim, dim), the identity first, if there are at most `limit`.

    Which of those found a product is, is looked up by a random projection, in bins: both that it may be in, should
    rounding have moved it over the edge of one.

    Raises:
        InputError: if there are more, or products come near to one another without being equal.
    """
    letters, units = balanced(np.asarray(letters))
    dim = len(units)
    direction = np.random.default_rng(0).standard_normal((dim, dim))
    found = [np.eye(dim, dtype=letters.dtype)]
    bins: dict[int, list[int]] = {}

    def place(matrix: np.ndarray) -> float:
        return float((direction * matrix).sum().real / np.linalg.norm(matrix)) / _BIN

    bins[math.floor(place(found[0]))] = [0]
    for element in found:
        for letter in letters:
            product = letter @ element
            largest, where = np.abs(product).max(), place(product)
            near = {math.floor(where - _EDGE), math.floor(where + _EDGE)}
            gaps = [np.abs(product - found[n]).max() for one in near for n in bins.get(one, ())]
            if any(gap <= _SAME * largest for gap in gaps):
                continue
            if any(gap <= _BIN * largest for gap in gaps) or len(found) >= limit or largest > _FAR:
                raise InputError(f"generators: expected a finite group of at most {limit} elements, given more")
            bins.setdefault(math.floor(where), []).append(len(found))
            found.append(product)
    return np.array(found) * units[:, None] / units
