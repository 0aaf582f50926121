"""Groups made of others: direct products, and groups given by their generators."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.linalg import block_diag, expm

from physym.symmetry.groups.group import MOST, Group, balanced, check_count, words
from physym.symmetry.groups.permutations import Z
from simulators.errors import InputError

__all__ = ["MatrixGroup", "Product", "translations"]

_LETTERS = 12
_UNIT = 1e-8
_SKEWED = 1e6


@dataclass(frozen=True, repr=False)
class Product(Group):
    """The direct product G x H, acting on matrices as g X hᵀ, or on pairs of vectors as (g x, h y).

    Args:
        first: G.
        second: H.
        on: "matrices" (dim G, dim H), flattened row by row, such as the points of a cloud under S(n) and O(d); or
            "pairs" of vectors, one after the other.

    >>> from physym.symmetry import O, S
    >>> Product(S(4), O(3)).dim, Product(O(3), O(3), on="pairs").dim
    (12, 6)
    """

    dim: int = field(init=False)
    first: Group
    second: Group
    on: Literal["matrices", "pairs"] = "matrices"

    def __post_init__(self) -> None:
        for one in (self.first, self.second):
            if not isinstance(one, Group):
                raise InputError(f"Product: expected two groups, given {one!r}")
        if self.on not in ("matrices", "pairs"):
            more = "; nest products of more than two groups" if isinstance(self.on, Group) else ""
            raise InputError(f"on: expected 'matrices' or 'pairs', given {self.on!r}{more}")
        a, b = self.first.dim, self.second.dim
        object.__setattr__(self, "dim", a * b if self.on == "matrices" else a + b)

    def __repr__(self) -> str:
        return f"Product({self.first!r}, {self.second!r}{'' if self.on == 'matrices' else ', on=' + repr(self.on)})"

    @property
    def complex(self) -> bool:
        """Whether one of the two is."""
        return self.first.complex or self.second.complex

    @property
    def finite(self) -> bool:
        """Whether both are."""
        return self.first.finite and self.second.finite

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim)."""
        return self._joined(self.first.random(rng), self.second.random(rng))

    def lie_algebra(self) -> np.ndarray:
        """Those of both (n, dim, dim)."""
        a, b = self.first.dim, self.second.dim
        if self.on == "matrices":
            found = [np.kron(one, np.eye(b)) for one in self.first.lie_algebra()]
            found += [np.kron(np.eye(a), one) for one in self.second.lie_algebra()]
        else:
            found = [block_diag(one, np.zeros((b, b))) for one in self.first.lie_algebra()]
            found += [block_diag(np.zeros((a, a)), one) for one in self.second.lie_algebra()]
        return np.array(found) if found else super().lie_algebra()

    def discrete_generators(self) -> np.ndarray:
        """Those of both (n, dim, dim)."""
        found = [self._joined(one, np.eye(self.second.dim)) for one in self.first.discrete_generators()]
        found += [self._joined(np.eye(self.first.dim), one) for one in self.second.discrete_generators()]
        return np.array(found) if found else super().discrete_generators()

    def elements(self) -> np.ndarray:
        """All pairs (n, dim, dim), the identity first.

        Raises:
            InputError: if they are more than 50,000, or more than 2^28 numbers.
        """
        check_count(self, self.first.order() * self.second.order())
        return self._every(self.first.elements(), self.second.elements())

    def order(self) -> int:
        """The product of those of both."""
        return self.first.order() * self.second.order()

    def quadrature(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """The products of those of both."""
        (g, u), (h, v) = self.first.quadrature(degree), self.second.quadrature(degree)
        return self._every(g, h), np.outer(u, v).ravel()

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """The products of those of both."""
        (g, u), (h, v) = self.first.classes(degree), self.second.classes(degree)
        g, h = np.repeat(g, len(h), axis=0), np.tile(h, (len(g), 1))
        joined = np.concatenate([g, h], axis=1)
        if self.on == "matrices":
            joined = (g[:, :, None] * h[:, None, :]).reshape(len(g), -1)
        return joined, np.outer(u, v).ravel()

    def _every(self, g: np.ndarray, h: np.ndarray) -> np.ndarray:
        """All pairs (n m, dim, dim) of some elements of both, the first of g with all of h first."""
        check_count(self, len(g) * len(h), np.inf)
        a = self.first.dim
        if self.on == "matrices":
            return np.einsum("nij,mkl->nmikjl", g, h).reshape(-1, self.dim, self.dim)
        found = np.zeros((len(g), len(h), self.dim, self.dim), np.result_type(g, h))
        found[..., :a, :a], found[..., a:, a:] = g[:, None], h
        return found.reshape(-1, self.dim, self.dim)

    def _joined(self, g: np.ndarray, h: np.ndarray) -> np.ndarray:
        return np.kron(g, h) if self.on == "matrices" else block_diag(g, h)


class MatrixGroup(Group):
    """The group that some matrices generate: a subgroup of another, or one's own.

    Args:
        lie_algebra: matrices (n, dim, dim) whose exponentials are elements.
        discrete: elements (n, dim, dim).
        name: what it is called in messages.

    Raises:
        InputError: unless these are finite square matrices of one size, those of `discrete` with an inverse.

    >>> quarter = MatrixGroup(discrete=[[[0.0, -1.0], [1.0, 0.0]]])
    >>> quarter.finite, len(quarter.elements())
    (True, 4)
    """

    def __init__(
        self,
        *,
        lie_algebra: Sequence[np.ndarray] | np.ndarray = (),
        discrete: Sequence[np.ndarray] | np.ndarray = (),
        name: str = "MatrixGroup",
    ) -> None:
        found = []
        for label, given in (("lie_algebra", lie_algebra), ("discrete", discrete)):
            try:
                array = np.asarray(given)
            except ValueError as error:
                raise InputError(f"{label}: expected finite matrices (n, dim, dim), given {given!r}") from error
            square = array.ndim == 3 and array.shape[1] == array.shape[2]
            if array.size != 0 and (not square or array.dtype.kind not in "biufc" or not np.all(np.isfinite(array))):
                raise InputError(f"{label}: expected finite matrices (n, dim, dim), given the shape {array.shape}")
            found.append(array.astype(complex if array.dtype.kind == "c" else float))
        dims = {array.shape[1] for array in found if array.size}
        if len(dims) != 1:
            raise InputError(f"generators: expected matrices of one size, given sizes {sorted(dims) or 'none'}")
        dim = dims.pop()
        flat, discrete = (array if array.size else np.zeros((0, dim, dim)) for array in found)
        if any(abs(np.linalg.det(one)) < 1e-12 for one in discrete):
            raise InputError("discrete: expected matrices with an inverse, given one with determinant 0")
        super().__init__(dim)
        for array in (flat, discrete):
            array.setflags(write=False)
        for label, value in (("_flat", flat), ("_discrete", discrete), ("_name", name)):
            object.__setattr__(self, label, value)

    def __repr__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MatrixGroup) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[int, bytes, bytes]:
        return self.dim, self._flat.tobytes(), self._discrete.tobytes()

    @property
    def complex(self) -> bool:
        """Whether a generator is."""
        return any(array.dtype.kind == "c" for array in (self._flat, self._discrete))

    @property
    def finite(self) -> bool:
        """Whether there are at most 50,000 elements."""
        return self._listed is not None

    @functools.cached_property
    def _listed(self) -> np.ndarray | None:
        """All elements, or None if they are too many."""
        if len(self._flat):
            return None
        # a generator of finite order has eigenvalues of size 1 and a basis of eigenvectors
        values, vectors = np.linalg.eig(balanced(self._discrete)[0])
        if np.abs(np.abs(values) - 1).max() > _UNIT or np.linalg.cond(vectors).max() > _SKEWED:
            return None
        try:
            return words(self._discrete, MOST)
        except InputError:
            return None

    def lie_algebra(self) -> np.ndarray:
        """As given."""
        return self._flat

    def discrete_generators(self) -> np.ndarray:
        """As given."""
        return self._discrete

    def elements(self) -> np.ndarray:
        """All products of the generators, the identity first.

        Raises:
            InputError: if they are more than 50,000.
        """
        return super().elements() if self._listed is None else self._listed.copy()

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element, each as likely as any other if the group is finite.

        If it is not, a product of up to twelve random generators and their inverses: not the Haar measure.
        """
        if self._listed is not None:
            return self._listed[rng.integers(len(self._listed))].copy()
        found = np.eye(self.dim)
        count = len(self._flat) + len(self._discrete)
        for n in rng.integers(0, count, rng.integers(1, _LETTERS + 1)):
            if n < len(self._flat):
                found = expm(rng.standard_normal() * self._flat[n]) @ found
                continue
            letter = self._discrete[n - len(self._flat)]
            found = (letter if rng.integers(2) else np.linalg.inv(letter)) @ found
        return found


def translations(*shape: int) -> Group:
    """The translations of a periodic grid by whole cells, acting on its cells in the order of memory.

    Raises:
        InputError: unless there are numbers of cells >= 1.

    >>> len(translations(2, 3).elements())
    6
    """
    if not shape or any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in shape):
        raise InputError(f"translations: expected numbers of cells that are integers >= 1, given {shape!r}")
    found: Group = Z(shape[0])
    for count in shape[1:]:
        found = Product(found, Z(count))
    return found
