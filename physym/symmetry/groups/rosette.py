"""The finite groups of the plane, and groups of the plane about an axis in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from physym.symmetry.groups.group import Group, words
from physym.symmetry.groups.permutations import D, Z
from simulators.errors import InputError

__all__ = ["AboutAxis", "Rosette"]


@dataclass(frozen=True, repr=False)
class Rosette(Group):
    """The rosette groups C_n and D_n: the rotations, and reflections, of the plane that keep a regular n-gon.

    Matrices (2, 2); as permutations of the corners the same groups are `Z` and `D`.

    Args:
        fold: n; rotations by 2π/n are elements.
        reflections: whether reflections are, in n lines through the origin, among them the x axis.

    Raises:
        InputError: unless fold is an integer >= 1.

    >>> len(Rosette(6).elements()), len(Rosette(6, reflections=False).elements())
    (12, 6)
    """

    dim: int = field(init=False)
    fold: int
    reflections: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.fold, int | np.integer) or isinstance(self.fold, bool) or self.fold < 1:
            raise InputError(f"Rosette: expected a number of rotations that is an integer >= 1, given {self.fold!r}")
        object.__setattr__(self, "dim", 2)

    def __repr__(self) -> str:
        return f"Rosette({self.fold}{'' if self.reflections else ', reflections=False'})"

    @property
    def finite(self) -> bool:
        """True."""
        return True

    def discrete_generators(self) -> np.ndarray:
        """The rotation by 2π/n, and the reflection in the x axis."""
        angle = 2 * np.pi / self.fold
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.array([turn, np.diag([1.0, -1.0])] if self.reflections else [turn])

    def elements(self) -> np.ndarray:
        """All elements (n or 2n, 2, 2), the identity first."""
        return words(self.discrete_generators(), 2 * self.fold)

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element (2, 2), each as likely as any other."""
        elements = self.elements()
        return elements[rng.integers(len(elements))]


@dataclass(frozen=True, repr=False)
class AboutAxis(Group):
    """A group of the plane at right angles to an axis in space: what is left of O(3) where there is gravity.

    Args:
        plane: O(2), SO(2), or a rosette group; D(n) and Z(n) stand for the rosette groups D_n and C_n.
        axis: the direction (3,) that stays as it is, or its name.

    Raises:
        InputError: unless plane is a real group of dimension 2, and axis a vector other than zero.

    >>> from physym.symmetry import SO
    >>> turn = AboutAxis(SO(2)).random(np.random.default_rng(0))
    >>> (turn @ [0.0, 0.0, 1.0]).tolist()
    [0.0, 0.0, 1.0]
    """

    dim: int = field(init=False)
    plane: Group
    axis: tuple[float, ...] | str = "z"

    def __post_init__(self) -> None:
        if isinstance(self.plane, D | Z):
            object.__setattr__(self, "plane", Rosette(self.plane.dim, reflections=isinstance(self.plane, D)))
        if not isinstance(self.plane, Group) or self.plane.dim != 2 or self.plane.complex:
            raise InputError(f"AboutAxis: expected a group of the plane such as O(2), D(6), given {self.plane!r}")
        given = dict(zip("xyz", np.eye(3), strict=True)).get(self.axis, ()) if isinstance(self.axis, str) else self.axis
        try:
            axis = np.asarray(given, dtype=float)
        except (ValueError, TypeError):
            axis = np.zeros(0)
        if axis.shape != (3,) or not np.all(np.isfinite(axis)) or not np.any(axis):
            raise InputError(
                f"AboutAxis: expected an axis of three numbers, not all zero, or 'x', 'y', 'z', given {self.axis!r}"
            )
        axis = axis / np.abs(axis).max()  # whose squares neither overflow nor vanish
        object.__setattr__(self, "axis", tuple(float(x) for x in axis / np.linalg.norm(axis)))
        object.__setattr__(self, "dim", 3)

    def __repr__(self) -> str:
        return f"AboutAxis({self.plane!r}, axis={self.axis})"

    @property
    def finite(self) -> bool:
        """Whether the group of the plane is."""
        return self.plane.finite

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random element of the group of the plane (3, 3)."""
        return self._raised(self.plane.random(rng)[None], 1.0)[0]

    def lie_algebra(self) -> np.ndarray:
        """That of the group of the plane (n, 3, 3)."""
        return self._raised(self.plane.lie_algebra(), 0.0)

    def discrete_generators(self) -> np.ndarray:
        """Those of the group of the plane (n, 3, 3)."""
        return self._raised(self.plane.discrete_generators(), 1.0)

    def elements(self) -> np.ndarray:
        """Those of the group of the plane (n, 3, 3)."""
        return self._raised(self.plane.elements(), 1.0)

    def quadrature(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """That of the group of the plane."""
        elements, weights = self.plane.quadrature(degree)
        return self._raised(elements, 1.0), weights

    def classes(self, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of the group of the plane, and the eigenvalue 1."""
        eigenvalues, weights = self.plane.classes(degree)
        return np.concatenate([eigenvalues, np.ones((len(eigenvalues), 1))], axis=1), weights

    def _raised(self, flat: np.ndarray, along: float) -> np.ndarray:
        """Matrices of the plane (n, 2, 2) as those of space (n, 3, 3)."""
        frame = _frame(self.axis)
        found = frame[:, :2] @ flat @ frame[:, :2].T
        return found + along * np.outer(frame[:, 2], frame[:, 2])


def _frame(axis: Sequence[float]) -> np.ndarray:
    """Columns (3, 3): two unit vectors at right angles, and the axis; the unit vectors of z if that is the axis."""
    z = np.asarray(axis)
    least = int(np.argmin(np.abs(z)))
    x = np.eye(3)[least] - z[least] * z
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)
