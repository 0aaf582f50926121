"""The linear equations that the coefficients of a block of candidate terms obey over windows of data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physym.discovery.bodies.candidates.families import Block, Family
from physym.discovery.bodies.fitting.windows import Windows
from physym.discovery.bodies.laws.terms import Term
from physym.discovery.selection import Problem

__all__ = ["Rows", "entries_of"]

_GROUPS = 10


def entries_of(windows: Windows, block: Block) -> np.ndarray:
    """The entries of the flat state that a block is about."""
    slots = [windows.layout.slots[slot] for slot in block.slots]
    return np.concatenate([np.arange(slot.start, slot.stop) for slot in slots])


class Rows:
    """z(t_k) = z₀ + Σ_j c_j ∫ φ_j dt at every point of every window, with the unknown z₀ of each taken out.

    For white noise in z that is the generalised least squares of the increments.

    Args:
        family: of the law.
        windows: the data.
        block: the equations and candidates.
        scale: (n,), by what each entry of the state is divided.
    """

    def __init__(self, family: Family, windows: Windows, block: Block, scale: np.ndarray) -> None:
        self.family, self.windows, self.block = family, windows, block
        self.entries = entries_of(windows, block)
        self._scale = scale[self.entries]
        self._values = family.with_axes(windows.values(windows.between))
        samples = windows.samples if len(np.unique(windows.samples)) >= _GROUPS else np.arange(windows.count)
        self._groups = np.repeat(samples, windows.states.shape[1] * len(self.entries))
        self._target = self._centred(windows.targets[..., self.entries])
        self._plain = self._columns(block.terms, {})

    def _centred(self, rows: np.ndarray) -> np.ndarray:
        return ((rows - rows.mean(axis=1, keepdims=True)) / self._scale).ravel()

    def _columns(self, terms: Sequence[Term], offsets: dict[str, float]) -> np.ndarray:
        count = len(next(iter(self._values.values())))
        values = self._values | {name: np.full(count, value) for name, value in offsets.items()}
        shape = (*self.windows.between.shape[:3], len(self.entries))
        each = (self.family.features(self.block, term, values).reshape(shape) for term in terms)
        return np.column_stack([self._centred(self.windows.integrals(one)) for one in each])

    def problem(self, offset: str = "", value: float = 0.0, *, grouped: bool = True) -> Problem:
        """The equations, with the candidates of one unknown offset that has a value if its name is given.

        Args:
            offset: its name, "" for none.
            value: its value.
            grouped: keep groups of rows apart, to hold them out.
        """
        matrix = self._plain
        if offset:
            matrix = np.column_stack([matrix, self._columns(self.block.saturating[offset], {offset: value})])
        return Problem.of(matrix, self._target, self._groups if grouped else None)

    def size(self, offset: str) -> float:
        """The mean size of the state that an offset is added to."""
        (atom,) = (atom for atom, _ in self.block.saturating[offset][0].atoms if atom.offset)
        name, entity, _ = atom.vectors[0][0]
        return float(np.mean(np.abs(self.windows.states[..., self.windows.layout.slots[name, entity]])))
