"""The group of changes of units."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physym.symmetry.groups.group import Group
from simulators.errors import InputError

__all__ = ["Scalings"]


@dataclass(frozen=True, repr=False)
class Scalings(Group):
    """The changes of units, which multiply each of some variables by powers of positive numbers.

        x_v -> x_v Π_b s_b^{p_vb}

    Args:
        exponents: powers p (variables, base units).

    Raises:
        InputError: unless these are finite numbers.

    >>> Scalings(((1, 0), (1, -1))).lie_algebra()[1].tolist()
    [[0.0, 0.0], [0.0, -1.0]]
    """

    dim: int = field(init=False)
    exponents: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        try:
            array = np.asarray(self.exponents, dtype=float)
        except (ValueError, TypeError) as error:
            raise InputError(f"exponents: expected numbers (variables, base), given {self.exponents!r}") from error
        if array.ndim != 2 or not array.size or not np.all(np.isfinite(array)):
            raise InputError(f"exponents: expected finite numbers (variables, base), given {self.exponents!r}")
        object.__setattr__(self, "exponents", tuple(tuple(map(float, row)) for row in array))
        object.__setattr__(self, "dim", len(array))

    def __repr__(self) -> str:
        return f"Scalings({self.exponents})"

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """A change of each base unit by a factor whose logarithm is normally distributed."""
        powers = np.array(self.exponents)
        return np.diag(np.exp(powers @ rng.standard_normal(powers.shape[1])))

    def lie_algebra(self) -> np.ndarray:
        """Diagonal matrices of the exponents (base, variables, variables)."""
        return np.array([np.diag(column) for column in np.array(self.exponents).T])
