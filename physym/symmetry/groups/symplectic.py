"""The symplectic group of phase space."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from physym.symmetry.groups.group import Group
from physym.symmetry.groups.weyl import torus_sp
from simulators.errors import InputError

__all__ = ["Sp"]


class Sp(Group):
    """The symplectic group Sp(2n, R): matrices M (2n, 2n) with Mᵀ J M = J, J = [[0, 1], [-1, 0]].

    The linear canonical maps of phase space, positions before momenta. It is not compact.

    Args:
        dim: 2n.

    Raises:
        InputError: unless dim is an even integer >= 2.

    >>> m = Sp(4).random(np.random.default_rng(0))
    >>> bool(np.allclose(m.T @ Sp(4).form @ m, Sp(4).form))
    True
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % 2:
            raise InputError(f"Sp: expected an even dimension 2n (positions and momenta), given {self.dim}")

    @property
    def form(self) -> np.ndarray:
        """J (2n, 2n)."""
        half = self.dim // 2
        return np.kron(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(half))

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """The product of two exponentials J S, S being random symmetric matrices."""
        found = np.eye(self.dim)
        for _ in range(2):
            s = rng.standard_normal((self.dim, self.dim)) / np.sqrt(self.dim)
            found = expm(self.form @ (s + s.T) / 2) @ found
        return found

    def lie_algebra(self) -> np.ndarray:
        """The matrices J S with S symmetric (n (2n + 1), 2n, 2n)."""
        rows, columns = np.triu_indices(self.dim)
        symmetric = np.zeros((len(rows), self.dim, self.dim))
        symmetric[np.arange(len(rows)), rows, columns] = symmetric[np.arange(len(rows)), columns, rows] = 1.0
        return self.form @ symmetric

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of USp(2n), whose complex form is the same."""
        return torus_sp(self.dim, degree)
