"""The candidate terms of a partial differential equation for scalar fields on a periodic grid.

A term is a product

    Π_i f_i^{p_i} · Π_s f_s/(f_s + K_s) · (1 | ∇²f_i | ∇f_i·∇f_j),

a scalar under translations, rotations and reflections, whatever the fields. The saturation constants K_s are unknown;
the factor in front carries whatever units the equation needs.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.fft

from simulators.errors import SchemaError
from simulators.grid import Grid

__all__ = ["FieldTerm", "Space", "polynomials", "rationals", "spatials"]


class Space:
    """Derivatives of arrays (..., *space) on a grid, by one scheme.

    Attributes:
        grid: the grid.
        scheme: 2, 4 or "spectral", as `simulators.grid.Grid` has them.
        symbol: eigenvalues of the laplacian on the modes of `scipy.fft.rfftn`.
    """

    def __init__(self, grid: Grid, scheme: int | str) -> None:
        self.grid, self.scheme = grid, scheme
        self.axes = tuple(range(-grid.ndim, 0))
        self.symbol = grid.laplacian_symbol(scheme)  # type: ignore[arg-type]

    def laplacian(self, f: np.ndarray) -> np.ndarray:
        """∇²f, by the transform, which is the same scheme for every one."""
        modes = scipy.fft.rfftn(f, axes=self.axes)
        return scipy.fft.irfftn(self.symbol * modes, s=self.grid.shape, axes=self.axes)

    def product(self, f: np.ndarray, g: np.ndarray) -> np.ndarray:
        """∇f·∇g = (∇²(fg) - f ∇²g - g ∇²f)/2, which every scheme obeys to its order."""
        if f is g:
            return 0.5 * self.laplacian(f * f) - f * self.laplacian(f)
        return 0.5 * (self.laplacian(f * g) - f * self.laplacian(g) - g * self.laplacian(f))


@dataclass(frozen=True)
class FieldTerm:
    """One term.

    Attributes:
        powers: the exponent of each field.
        saturations: pairs (field, K) of the factors f/(f + K); K is a number, or the name of a constant.
        laplacian: the field whose laplacian is a factor; -1 without.
        gradients: the two fields whose gradients' product is a factor; empty without.
        constant: the name of the factor in front, once it has one.
    """

    powers: tuple[int, ...]
    saturations: tuple[tuple[int, float | str], ...] = ()
    laplacian: int = -1
    gradients: tuple[int, ...] = ()
    constant: str = ""

    @property
    def linear(self) -> bool:
        """Whether noise enters it linearly."""
        return not self.saturations and not self.gradients and sum(self.powers) + (self.laplacian >= 0) <= 1

    @property
    def fields(self) -> set[int]:
        """The fields that occur."""
        found = {i for i, p in enumerate(self.powers) if p} | {i for i, _ in self.saturations} | set(self.gradients)
        return found | ({self.laplacian} if self.laplacian >= 0 else set())

    @property
    def family(self) -> tuple[Any, ...]:
        """What it is but for its constants."""
        return (self.powers, tuple(i for i, _ in self.saturations), self.laplacian, self.gradients)

    def value(
        self, fields: Sequence[np.ndarray], space: Space, constants: Mapping[str, Any] | None = None
    ) -> np.ndarray:
        """The product without the factor in front.

        Args:
            fields: arrays (..., *space), all of the same shape.
            space: of the derivatives.
            constants: values of named saturation constants, which broadcast against the fields.
        """
        out: np.ndarray | None = None

        def times(factor: np.ndarray) -> None:
            nonlocal out
            out = factor if out is None else out * factor

        for i, power in enumerate(self.powers):
            for _ in range(power):
                times(fields[i])
        for i, given in self.saturations:
            half = given if isinstance(given, float) else (constants or {})[given]
            times(fields[i] / (fields[i] + half))
        if self.laplacian >= 0:
            times(space.laplacian(fields[self.laplacian]))
        if self.gradients:
            times(space.product(fields[self.gradients[0]], fields[self.gradients[1]]))
        return np.ones_like(fields[0]) if out is None else out

    def slope(self, which: int, fields: Sequence[np.ndarray], space: Space) -> np.ndarray:
        """The derivative with respect to the constant K of one saturation: the term times -1/(f + K)."""
        i, half = self.saturations[which]
        return -self.value(fields, space) / (fields[i] + half)

    def units(self, states: Sequence[tuple[str, int]], length: str) -> list[tuple[str, int]]:
        """The units of the product as factors (units, power), given (units of the states, 1) and of lengths."""
        found = [(states[i][0], p) for i, p in enumerate(self.powers) if p]
        if self.laplacian >= 0:
            found += [(states[self.laplacian][0], 1), (length, -2)]
        return found + [(states[i][0], 1) for i in self.gradients] + ([(length, -2)] if self.gradients else [])

    def with_half(self, which: int, half: float | str) -> FieldTerm:
        """The same with another saturation constant."""
        pairs = list(self.saturations)
        pairs[which] = (pairs[which][0], half)
        return replace(self, saturations=tuple(pairs))

    def text(self, symbols: Sequence[str]) -> str:
        """As a formula says it."""
        parts = [symbols[i] + (f"**{p}" if p > 1 else "") for i, p in enumerate(self.powers) if p]
        for i, half in self.saturations:
            told = f"{half:.4g}" if isinstance(half, float) else half
            parts.append(f"{symbols[i]}/({symbols[i]} + {told})")
        if self.laplacian >= 0:
            parts.append(f"∇²{symbols[self.laplacian]}")
        if self.gradients:
            first, second = (symbols[i] for i in self.gradients)
            parts.append(f"|∇{first}|²" if first == second else f"∇{first}·∇{second}")
        return " ".join(parts) or "1"

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "powers": list(self.powers), "saturations": [list(pair) for pair in self.saturations],
            "laplacian": self.laplacian, "gradients": list(self.gradients), "constant": self.constant,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], fields: int) -> FieldTerm:
        """From what `to_dict` gave, after JSON.

        Raises:
            SchemaError: if it names a field that there is not.
        """
        pairs = tuple((int(i), half if isinstance(half, str) else float(half)) for i, half in values["saturations"])
        found = cls(
            tuple(int(p) for p in values["powers"]), pairs, int(values["laplacian"]),
            tuple(int(i) for i in values["gradients"]), str(values["constant"]),
        )  # fmt: skip
        if len(found.powers) != fields or not all(0 <= i < fields for i in found.fields) or min(found.powers) < 0:
            raise SchemaError(f"expected terms over {fields} fields, given {dict(values)}")
        return found


def polynomials(fields: int, degree: int) -> list[FieldTerm]:
    """All monomials up to a degree, the constant source first."""
    found = []
    for total in range(degree + 1):
        for chosen in itertools.combinations_with_replacement(range(fields), total):
            found.append(FieldTerm(tuple(chosen.count(i) for i in range(fields))))
    return found


def spatials(fields: int) -> list[FieldTerm]:
    """Laplacians, laplacians times a field, and products of gradients."""
    none = (0,) * fields
    unit = [tuple(int(i == j) for j in range(fields)) for i in range(fields)]
    found = [FieldTerm(none, laplacian=i) for i in range(fields)]
    found += [FieldTerm(unit[j], laplacian=i) for i in range(fields) for j in range(fields)]
    pairs = itertools.combinations_with_replacement(range(fields), 2)
    return found + [FieldTerm(none, gradients=pair) for pair in pairs]


def rationals(halves: Sequence[Sequence[float]]) -> list[FieldTerm]:
    """f_s/(f_s + K), alone and times another field, for every K in `halves` of every field s.

    Times f_s itself it is a sum of f_s and the saturation, and f_j/(f_s + K) is one of f_j and f_j f_s/(f_s + K).
    """
    fields = len(halves)
    found = []
    for s, grid in enumerate(halves):
        others = [(0,) * fields]
        others += [tuple(int(i == j) for i in range(fields)) for j in range(fields) if j != s]
        found += [FieldTerm(powers, ((s, float(half)),)) for powers in others for half in grid]
    return found
