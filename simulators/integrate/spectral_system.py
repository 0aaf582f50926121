"""Equations of fields whose right-hand side works on modes, one sample at a time."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

__all__ = ["Channels", "SpectralSystem"]


@dataclass(frozen=True)
class Channels:
    """Channels of modes that share a linear part.

    Attributes:
        channels: which of the system's.
        symbol: eigenvalues of the linear part on the modes (mode,), real.
        metric: (mode,), so that sum of metric |e|² over channels and modes is the mean square of an error e.
        fields: whose error that is.
    """

    channels: slice
    symbol: np.ndarray
    metric: np.ndarray
    fields: slice


class SpectralSystem(abc.ABC):
    """One sample of an equation d/dt modes = L modes + N(modes), which does not depend on time itself.

    Attributes:
        groups: its channels, by linear part.
        rates: how many integrals it keeps.
        owner: for each of them the field beside which its error counts.
    """

    groups: tuple[Channels, ...]
    rates: int = 0
    owner: tuple[int, ...] = ()

    @abc.abstractmethod
    def modes(self, fields: np.ndarray) -> np.ndarray:
        """The modes (channel, ...) of fields (field, *space), complex64 or complex128."""

    @abc.abstractmethod
    def nonlinear(self, modes: np.ndarray, out: np.ndarray, *, cells: bool) -> np.ndarray | None:
        """Fill `out` with N; returns what it knows of the fields at the cells, if they are wanted."""

    @abc.abstractmethod
    def fields(self, found: np.ndarray) -> np.ndarray:
        """The fields (field, *space), float64, from what `nonlinear` returned."""

    @abc.abstractmethod
    def slope(self, modes: np.ndarray, nonlinear: np.ndarray) -> np.ndarray:
        """d/dt of the fields (field, *space)."""

    def ledger(self, modes: np.ndarray, nonlinear: np.ndarray) -> np.ndarray:
        """(3, integral): the rates of the integrals, their time derivatives, and the sizes to compare them with."""
        return np.zeros((3, 0))

    def crossing(self, found: np.ndarray) -> float:
        """The largest rate at which the flow crosses the smallest wave, from what `nonlinear` returned."""
        return 0.0
