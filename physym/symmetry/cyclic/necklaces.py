"""Necklaces: what is left of strings over an alphabet when only their order around a circle counts.

The group Z_N turns a string x of N letters, (φ_n x)(m) = x(m - n). Its orbits are the necklaces, and a function of
strings is invariant if and only if it is a function of necklaces. Burnside's lemma counts them, over q letters,

    orbits(N, q) = (1/N) Σ_{n=0}^{N-1} q^gcd(n, N) = (1/N) Σ_{d | N} φ(d) q^(N/d),

since φ_n leaves q^gcd(n, N) strings as they are. Each necklace is written as its least string in lexicographic order.

Sources: H. Fredricksen and J. Maiorana, Necklaces of beads in k colors and k-ary de Bruijn sequences (Discrete
Mathematics 23, 1978); J.-P. Duval, Génération d'une section des classes de conjugaison et arbre des mots de Lyndon de
longueur bornée (Theoretical Computer Science 60, 1988).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physym.symmetry.cyclic.rotation import as_array
from simulators.errors import InputError
from simulators.parameters import count

__all__ = ["all_strings", "check_size", "count_orbits", "orbit_table", "representatives", "string_codes"]

# bytes that a table, a list of strings or their invariants may take: a gigabyte
_MOST = 2**30


def count_orbits(N: int, letters: int = 2) -> int:
    """How many necklaces of so many letters there are: exact, of any size.

    Raises:
        InputError: if an argument is no integer >= 1.

    >>> [count_orbits(n) for n in range(1, 9)]
    [2, 3, 4, 6, 8, 14, 20, 36]
    """
    size, letters = count("N", N), count("letters", letters)
    divisors = {d for small in range(1, math.isqrt(size) + 1) if size % small == 0 for d in (small, size // small)}
    return sum(_totient(d) * letters ** (size // d) for d in divisors) // size


def representatives(N: int, letters: int = 2) -> np.ndarray:
    """The least string of every necklace, in lexicographic order.

    Returns:
        uint8 array (orbits, N) of letters 0, …, letters - 1.

    Raises:
        InputError: if an argument is no integer >= 1, there are more than 256 letters, or the array would take more
            than a gigabyte.

    >>> print(representatives(4))
    [[0 0 0 0]
     [0 0 0 1]
     [0 0 1 1]
     [0 1 0 1]
     [0 1 1 1]
     [1 1 1 1]]
    """
    from physym.symmetry.cyclic import _kernels

    size, letters = _alphabet(N, letters)
    # the number itself may have millions of digits
    wanted = count_orbits(size, letters) if size * math.log2(letters) <= 64 else 2**64
    check_size(wanted * size, f"all necklaces of {size} letters out of {letters}")
    found = np.empty((wanted, size), np.uint8)
    _kernels.necklaces(letters, found)
    return found


def orbit_table(N: int, letters: int = 2) -> np.ndarray:
    """The quotient map: for every string the number of its orbit, a row of `representatives`.

    Strings are numbered as `string_codes` does. No more memory is taken than the table itself.

    Returns:
        int32 array (letters**N,).

    Raises:
        InputError: if an argument is no integer >= 1, there are more than 256 letters, or the table would take more
            than a gigabyte.

    >>> print(orbit_table(3))
    [0 1 1 2 1 2 2 3]
    """
    from physym.symmetry.cyclic import _kernels

    size, letters = _alphabet(N, letters)
    wanted = letters**size if size * math.log2(letters) <= 64 else 2**64
    check_size(4 * wanted, f"a table of all strings of {size} letters out of {letters}")
    table = np.full(wanted, -1, np.int32)
    _kernels.orbits(letters, size, table)
    return table


def all_strings(N: int, letters: int = 2) -> np.ndarray:
    """Every string, in lexicographic order: uint8 array (letters**N, N).

    Raises:
        InputError: as `orbit_table`.

    >>> print(all_strings(2))
    [[0 0]
     [0 1]
     [1 0]
     [1 1]]
    """
    size, letters = _alphabet(N, letters)
    wanted = letters**size if size * math.log2(letters) <= 64 else 2**64
    check_size(wanted * size, f"all strings of {size} letters out of {letters}")
    found = np.empty((wanted, size), np.uint8)
    for place in range(size):
        after = letters ** (size - 1 - place)
        found[:, place] = np.tile(np.repeat(np.arange(letters, dtype=np.uint8), after), wanted // (after * letters))
    return found


def string_codes(strings: Any, letters: int = 2) -> np.ndarray:  # noqa: ANN401
    """The strings as numbers in the base of letters, the first letter counting most.

    Args:
        strings: integers or booleans (..., N) from 0 to letters - 1.
        letters: of the alphabet.

    Returns:
        int64 array (...): places in `all_strings` and `orbit_table`.

    Raises:
        InputError: if the strings are not of this alphabet, or too long for 63 bits.

    >>> int(string_codes([1, 0, 1, 1]))
    11
    """
    letters = count("letters", letters)
    given = as_array("strings", strings)
    if given.dtype.kind not in "bui" or given.ndim == 0 or given.shape[-1] == 0:
        raise InputError(f"strings: expected integers (..., N), N >= 1; given {given.dtype} of shape {given.shape}")
    if given.size and (given.min() < 0 or given.max() >= letters):
        raise InputError(f"strings: expected letters 0 to {letters - 1}, given {given.min()} to {given.max()}")
    size = given.shape[-1]
    if size * math.log2(letters) > 63:
        raise InputError(f"strings: expected numbers of at most 63 bits, given {size} letters out of {letters}")
    codes = np.zeros(given.shape[:-1], np.int64)
    for place in range(size):
        codes = codes * letters + given[..., place].astype(np.int64)
    return codes


def check_size(amount: int, what: str, name: str = "N", remedy: str = "`least_rotation` needs no table") -> None:
    """Refuse what would take more than a gigabyte.

    Raises:
        InputError: if it takes more bytes.
    """
    if amount > _MOST:
        raise InputError(f"{name}: expected at most a gigabyte, given {what}; {remedy}")


def _totient(n: int) -> int:
    """How many of 1, …, n share no factor with n."""
    found, factor = n, 2
    while factor * factor <= n:
        if n % factor == 0:
            found -= found // factor
            while n % factor == 0:
                n //= factor
        factor += 1
    return found - found // n if n > 1 else found


def _alphabet(N: int, letters: int) -> tuple[int, int]:
    size, letters = count("N", N), count("letters", letters)
    if letters > 256:
        raise InputError(f"letters: expected at most 256, given {letters}; `least_rotation` takes any alphabet")
    return size, letters
