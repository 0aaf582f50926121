"""The least rotation: one string of each orbit of Z_N, chosen without looking at the others.

Among the N rotations of a string the least in lexicographic order is unique as a string, so x and y are rotations of
each other if and only if their least rotations are equal: it is a complete invariant, in O(N) a string by Duval's
algorithm (up to 64 letters of two kinds are the bits of one word, which is turned N times). It is a gauge: an orbit is
replaced by a representative of it, which any function may then see.

What it costs: the shift that aligns a string is ambiguous where the string is periodic (the aligned string is not),
and the aligned string is no continuous function of real strings. Where two rotations tie but for a small number, a
small change turns it by many places at once. No other choice does better for N >= 3: the strings that are not periodic
form one connected set, which a continuous gauge would cut into N pieces, one a shift.

>>> for t in (-1e-9, 1e-9):
...     print(least_rotation([0.0, 2.0, t, 1.0]).strings.round(6) + 0.0)
[0. 1. 0. 2.]
[0. 2. 0. 1.]

Sources: K. S. Booth, Lexicographically least circular substrings (Information Processing Letters 10, 1980); J.-P.
Duval, Factorizing words over an ordered alphabet (Journal of Algorithms 4, 1983); N. Dym, H. Lawrence and J. W.
Siegel, Equivariant frames and the impossibility of continuous canonicalization (ICML 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulators.errors import InputError

__all__ = ["Aligned", "as_array", "as_strings", "least_rotation"]

# letters converted at once
_CHUNK = 2**18
# of a word of the machine
_BITS = 64


@dataclass(frozen=True, eq=False)
class Aligned:
    """Strings in their least rotation.

    Attributes:
        strings: (..., N): the least rotation of each.
        shift: int64 array (...): the first place of the least rotation in the given string, so that
            ``strings[m] == given[(m + shift) % N]``, that is ``np.roll(given, -shift)``. The string φ_n x has the shift
            of x plus n, modulo the period.
        period: int64 array (...): the least n >= 1 that leaves the string as it is, a divisor of N.
    """

    strings: np.ndarray
    shift: np.ndarray
    period: np.ndarray

    @property
    def ambiguous(self) -> np.ndarray:
        """Whether other shifts give the same string: those by `period`, for strings that are periodic."""
        return self.period < self.strings.shape[-1]


def least_rotation(strings: Any) -> Aligned:  # noqa: ANN401
    """The least rotation of each string, in lexicographic order.

    Args:
        strings: booleans, integers or real numbers (..., N), along the last axis.

    Returns:
        The strings, of the given dtype, with shifts and periods.

    Raises:
        InputError: if the strings are none of these, are empty, or hold a NaN, which has no order.

    >>> aligned = least_rotation([[1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0]])
    >>> print(aligned.strings, aligned.shift, aligned.period, aligned.ambiguous)
    [[0 0 1 0 1 1]
     [0 0 1 0 0 1]] [2 1] [6 3] [False  True]
    """
    from physym.symmetry.cyclic import _kernels

    given = as_strings(strings)
    size, leading = given.shape[-1], given.shape[:-1]
    rows = np.ascontiguousarray(given).reshape(-1, size)
    # few types, so that little is compiled; all keep the order
    kind = {"b": np.uint8, "f": np.float64, "u": np.uint64 if given.dtype.itemsize == 8 else np.int64}
    wanted = np.uint8 if given.dtype == np.uint8 else kind.get(given.dtype.kind, np.int64)
    shift, period = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    step = max(1, _CHUNK // size)
    for part in (slice(start, start + step) for start in range(0, len(rows), step)):
        some = rows[part].astype(wanted, copy=False)
        if size <= _BITS and _kernels.least_rotations_of_bits(some, some.min(), some.max(), shift[part], period[part]):
            continue
        _kernels.least_rotations(some, shift[part], period[part])
    found = np.empty_like(rows)
    letters = f"u{given.dtype.itemsize}"
    _kernels.rotate(rows.view(letters), shift, found.view(letters))
    return Aligned(found.reshape(given.shape), shift.reshape(leading), period.reshape(leading))


def as_strings(strings: Any) -> np.ndarray:  # noqa: ANN401
    """Real strings of at most 64 bits a letter as an array (..., N).

    Raises:
        InputError: if they are not real numbers, are empty, or hold a NaN.
    """
    given = as_array("strings", strings)
    real = given.dtype.kind in "buif" and given.dtype.itemsize <= 8
    if not real or given.ndim == 0 or given.shape[-1] == 0:
        raise InputError(f"strings: expected real numbers (..., N), N >= 1; given {given.dtype} of shape {given.shape}")
    if given.dtype.kind == "f" and np.isnan(given).any():
        where = tuple(np.argwhere(np.isnan(given))[0].tolist())
        raise InputError(f"strings: expected numbers that have an order, given NaN at {where}; replace or drop it")
    return given


def as_array(name: str, values: Any, dtype: type | None = None) -> np.ndarray:  # noqa: ANN401
    """An argument as an array of numpy.

    Raises:
        InputError: with its name, if it has rows of several lengths or other than numbers, or is a tensor that requires
            grad.
    """
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected an array of numbers, all rows of one length; given others") from None
    except RuntimeError:
        raise InputError(f"{name}: expected an array of numpy, given a tensor that requires grad; detach it") from None
