"""Which necklaces an invariant does not tell apart.

An invariant is complete if strings that share it are rotations of each other. Of bits this is decided by looking at
every necklace of N beads. The invariants here are integers, and they are compared byte by byte, so that no tolerance
enters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from physym.symmetry.cyclic.necklaces import representatives
from physym.symmetry.cyclic.rotation import least_rotation
from physym.symmetry.cyclic.spectra import correlation
from simulators.errors import InputError

__all__ = ["Collisions", "collisions"]

Invariant = Literal["autocorrelation", "power_spectrum", "triple_correlation", "bispectrum", "four_point"]
_POINTS = {"autocorrelation": 2, "triple_correlation": 3, "four_point": 4}
# Fourier transforms of these, which tell the same strings apart
_SPECTRA = {"power_spectrum": "autocorrelation", "bispectrum": "triple_correlation"}
# integers of an invariant held at once
_CHUNK = 2**23


@dataclass(frozen=True, eq=False)
class Collisions:
    """What an invariant tells apart.

    Attributes:
        strings: all necklaces, uint8 (orbits, N), as `representatives` lists them.
        labels: int64 (orbits,): equal for necklaces that share the invariant, numbered as they first occur.
    """

    strings: np.ndarray
    labels: np.ndarray

    @property
    def orbits(self) -> int:
        """The number of necklaces."""
        return len(self.strings)

    @property
    def separated(self) -> int:
        """The number of values that the invariant takes; `orbits` if it is complete."""
        return int(self.labels.max()) + 1

    @property
    def complete(self) -> bool:
        """Whether no two necklaces share the invariant."""
        return self.separated == self.orbits

    def pairs(self, *, mirrored: bool = True) -> np.ndarray:
        """Inequivalent strings that share the invariant, each with the first that has its value.

        Args:
            mirrored: whether to list pairs of mirror images too.

        Returns:
            uint8 (pairs, 2, N).

        >>> for one, other in collisions(8, "autocorrelation").pairs(mirrored=False):
        ...     print(one, other)
        [0 0 0 1 1 0 1 1] [0 0 1 0 0 1 1 1]
        """
        _, first = np.unique(self.labels, return_index=True)
        later = np.flatnonzero(first[self.labels] != np.arange(self.orbits))
        found = np.stack([self.strings[first[self.labels[later]]], self.strings[later]], axis=1)
        if mirrored:
            return found
        image = least_rotation(found[:, 1, ::-1]).strings
        return found[(image != found[:, 0]).any(axis=-1)]


def collisions(N: int, invariant: Invariant | Callable[[np.ndarray], np.ndarray]) -> Collisions:
    """Which necklaces of bits share an invariant: exact.

    Args:
        N: number of bits.
        invariant: "autocorrelation" or "power_spectrum", which tell the same strings apart; "triple_correlation" or
            "bispectrum", which do too; "four_point"; or a function from strings, int64 (n, N), to integers (n, ...).

    Returns:
        The necklaces with the values they share.

    Raises:
        InputError: if the invariant is none of these, or a function gives other than integers, a row a string.

    >>> found = collisions(6, "autocorrelation")
    >>> found.separated, found.orbits
    (13, 14)
    """
    strings = representatives(N)
    size = strings.shape[1]
    invariant = _SPECTRA.get(invariant, invariant) if isinstance(invariant, str) else invariant
    if callable(invariant):
        evaluate, each = invariant, size**2
    elif isinstance(invariant, str) and invariant in _POINTS:
        points = _POINTS[invariant]
        # reals are exact below 2**53 and are multiplied far faster than integers
        evaluate, each = lambda rows: correlation(rows.astype(float), points).astype(np.int64), size**points
    else:
        names = ", ".join(map(repr, [*_POINTS, *_SPECTRA]))
        raise InputError(f"invariant: expected {names} or a function, given {invariant!r}")
    step = max(1, _CHUNK // each)
    known: dict[bytes, int] = {}
    labels = np.empty(len(strings), np.int64)
    for start in range(0, len(strings), step):
        rows = strings[start : start + step].astype(np.int64)
        values = np.asarray(evaluate(rows))
        if values.dtype.kind not in "bui" or values.shape[:1] != rows.shape[:1]:
            raise InputError(
                f"invariant: expected integers ({len(rows)}, ...), given {values.dtype} of shape {values.shape}"
            )
        flat = np.ascontiguousarray(values.reshape(len(rows), -1).astype(np.int64))
        if not callable(invariant):
            # sums over a string of fewer than 256 bits
            flat = flat.astype(np.uint8 if size < 2**8 else np.int64)
        for n, row in enumerate(flat):
            labels[start + n] = known.setdefault(row.tobytes(), len(known))
    return Collisions(strings, labels)
