"""The orthogonal groups: rotations and reflections of R^d."""

from __future__ import annotations

import itertools

import numpy as np

from physym.symmetry.groups.group import Group, check_degree
from physym.symmetry.groups.weyl import odd_part, torus_so

__all__ = ["SO", "O"]


class O(Group):  # noqa: E742  the name of the group
    """The orthogonal group: rotations and reflections, QᵀQ = 1; half of its elements have det Q = -1.

    Source: Mezzadri, "How to generate random matrices from the classical compact groups" (Notices AMS 2007).

    >>> q = O(3).random(np.random.default_rng(0))
    >>> bool(np.allclose(q.T @ q, np.eye(3)))
    True
    """

    @property
    def finite(self) -> bool:
        """In one dimension alone."""
        return self.dim == 1

    def elements(self) -> np.ndarray:
        """1 and -1, as matrices (2, 1, 1) in one dimension.

        Raises:
            InputError: in more, where there are infinitely many.
        """
        return np.array([[[1.0]], [[-1.0]]]) if self.finite else super().elements()

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim) by the Haar measure."""
        return self._draw_many(rng, 1)[0]

    def _draw_many(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Random elements (count, dim, dim) by the Haar measure."""
        q, r = np.linalg.qr(rng.standard_normal((count, self.dim, self.dim)))
        # the factors are unique, and so Q is uniform, only with a positive diagonal of R
        return q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None]

    def lie_algebra(self) -> np.ndarray:
        """The skew-symmetric matrices (d (d - 1)/2, d, d): one rotation for every pair of axes."""
        return skew(self.dim)

    def discrete_generators(self) -> np.ndarray:
        """The reflection of the first axis."""
        return mirror(self.dim)[None]

    def quadrature(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of `SO`, and the same reflected."""
        if self.dim > 3 or self.finite:
            return super().quadrature(degree)
        rotations, weights = SO(self.dim).quadrature(degree)
        return np.concatenate([rotations, rotations @ mirror(self.dim)]), np.concatenate([weights, weights]) / 2

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of `SO`, and of the rotations times a reflection."""
        even, odd = torus_so(self.dim, degree), odd_part(self.dim, degree)
        return np.concatenate([even[0], odd[0]]), np.concatenate([even[1], odd[1]]) / 2


class SO(Group):
    """The special orthogonal group: rotations, QᵀQ = 1 and det Q = 1.

    >>> q = SO(3).random(np.random.default_rng(0))
    >>> round(float(np.linalg.det(q)), 12)
    1.0
    """

    @property
    def finite(self) -> bool:
        """In one dimension alone."""
        return self.dim == 1

    def elements(self) -> np.ndarray:
        """1, as a matrix (1, 1, 1), in one dimension.

        Raises:
            InputError: in more, where there are infinitely many.
        """
        return np.eye(1)[None] if self.finite else super().elements()

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (dim, dim) by the Haar measure."""
        return self._draw_many(rng, 1)[0]

    def _draw_many(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Random elements (count, dim, dim) by the Haar measure."""
        q = O(self.dim).random(rng, count)
        q[..., 0] *= np.sign(np.linalg.det(q))[:, None]
        return q

    def lie_algebra(self) -> np.ndarray:
        """The skew-symmetric matrices (d (d - 1)/2, d, d): one rotation for every pair of axes."""
        return skew(self.dim)

    def quadrature(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotations and weights, exact up to the degree; for 1, 2 and 3 dimensions.

        In the plane they are degree + 1 equal angles. In space they are products of degree + 1 equal angles about z, of
        Gauss-Legendre nodes in the cosine of the angle from z, and of as many angles about z again.
        """
        check_degree(degree)
        if self.dim > 3 or self.finite:
            return super().quadrature(degree)
        turns = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
        if self.dim == 2:
            return _turn(turns), np.full(degree + 1, 1 / (degree + 1))
        nodes, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
        about_z = np.zeros((degree + 1, 3, 3))
        about_z[:, :2, :2], about_z[:, 2, 2] = _turn(turns), 1.0
        tilts = np.zeros((len(nodes), 3, 3))
        tilts[:, ::2, ::2], tilts[:, 1, 1] = _turn(-np.arccos(nodes)), 1.0
        elements = np.einsum("aij,bjk,ckl->abcil", about_z, tilts, about_z).reshape(-1, 3, 3)
        shares = np.broadcast_to(weights[:, None] / 2 / (degree + 1) ** 2, (degree + 1, len(nodes), degree + 1))
        return elements, shares.ravel().copy()

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotations by angles on the maximal torus, by Weyl's integration formula."""
        return torus_so(self.dim, degree)


def skew(dim: int) -> np.ndarray:
    """A basis (n, dim, dim) of the skew-symmetric matrices."""
    pairs = list(itertools.combinations(range(dim), 2))
    found = np.zeros((len(pairs), dim, dim))
    for n, (a, b) in enumerate(pairs):
        found[n, a, b], found[n, b, a] = -1.0, 1.0
    return found


def mirror(dim: int) -> np.ndarray:
    """The reflection of the first axis (dim, dim)."""
    return np.diag([-1.0, *[1.0] * (dim - 1)])


def _turn(angles: np.ndarray) -> np.ndarray:
    """Rotations of the plane (..., 2, 2)."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
