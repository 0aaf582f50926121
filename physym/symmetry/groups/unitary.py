"""The unitary groups of C^n."""

from __future__ import annotations

import numpy as np

from physym.symmetry.groups.group import Group
from physym.symmetry.groups.weyl import torus_su, torus_u

__all__ = ["SU", "U"]


class U(Group):
    """The unitary group: complex matrices with Uᴴ U = 1.

    >>> u = U(2).random(np.random.default_rng(0))
    >>> bool(np.allclose(u.conj().T @ u, np.eye(2)))
    True
    """

    @property
    def complex(self) -> bool:
        """True."""
        return True

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim) by the Haar measure."""
        z = rng.standard_normal((2, self.dim, self.dim))
        q, r = np.linalg.qr(z[0] + 1j * z[1])
        diagonal = np.diag(r)
        return q * (diagonal / np.abs(diagonal))

    def lie_algebra(self) -> np.ndarray:
        """The skew-Hermitian matrices (n², n, n)."""
        return _skew_hermitian(self.dim)

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Of diagonal elements, by Weyl's integration formula."""
        return torus_u(self.dim, degree)


class SU(U):
    """The special unitary group: complex matrices with Uᴴ U = 1 and det U = 1.

    >>> u = SU(2).random(np.random.default_rng(0))
    >>> bool(np.isclose(np.linalg.det(u), 1))
    True
    """

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim) by the Haar measure."""
        u = super()._draw(rng)
        u[:, 0] /= np.linalg.det(u)
        return u

    def lie_algebra(self) -> np.ndarray:
        """The skew-Hermitian matrices without trace (n² - 1, n, n)."""
        found = _skew_hermitian(self.dim)
        found[: self.dim] -= np.roll(found[: self.dim], -1, axis=0)
        return np.delete(found, self.dim - 1, axis=0)

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Of diagonal elements, by Weyl's integration formula."""
        return torus_su(self.dim, degree)


def _skew_hermitian(dim: int) -> np.ndarray:
    """A real basis (n², n, n): first the diagonal ones."""
    found = []
    for a in range(dim):
        one = np.zeros((dim, dim), complex)
        one[a, a] = 1j
        found.append(one)
    for a in range(dim):
        for b in range(a + 1, dim):
            for factor in (1.0, 1j):
                one = np.zeros((dim, dim), complex)
                one[a, b], one[b, a] = factor, -np.conj(factor)
                found.append(one)
    return np.array(found)
