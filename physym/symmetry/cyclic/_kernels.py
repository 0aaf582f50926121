"""Loops over circular strings, compiled when first used and cached on disk."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def least_rotations(strings: np.ndarray, shifts: np.ndarray, periods: np.ndarray) -> None:
    """Where the least rotation of each row starts, and the period of the row.

    A row written twice is cut into Lyndon words by Duval's algorithm; the last that starts in the first copy starts
    the least rotation. No letter is looked at more than four times.
    """
    size = strings.shape[1]
    for row in range(strings.shape[0]):
        letters = strings[row]
        start, word, best = 0, 1, 0
        while start < size:
            best = start
            ahead, behind = start + 1, start
            while ahead < 2 * size:
                new = letters[ahead if ahead < size else ahead - size]
                old = letters[behind if behind < size else behind - size]
                if new < old:
                    break
                behind = start if old < new else behind + 1
                ahead += 1
            word = ahead - behind
            while start <= behind:
                start += word
        shifts[row] = best
        periods[row] = word


@numba.njit(cache=True, nogil=True)
def least_rotations_of_bits(
    strings: np.ndarray, low: float, high: float, shifts: np.ndarray, periods: np.ndarray
) -> bool:
    """The same for rows of at most 64 letters of two kinds; false if there is a third.

    A row is one word of the machine, whose rotations are compared as numbers, without a branch: five times as fast.
    """
    size = strings.shape[1]
    one, top = np.uint64(1), np.uint64(size - 1)
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - size)
    for row in range(strings.shape[0]):
        word, third = np.uint64(0), False
        for place in range(size):
            letter = strings[row, place]
            third |= (letter != low) & (letter != high)
            word = (word << one) | np.uint64(letter != low)
        if third:
            return False
        turned, least, best, same = word, word, 0, 1
        for place in range(1, size):
            turned = ((turned << one) | (turned >> top)) & mask
            best = place if turned < least else best
            least = min(least, turned)
            same += turned == word
        shifts[row] = best
        periods[row] = size // same
    return True


@numba.njit(cache=True, nogil=True)
def rotate(strings: np.ndarray, shifts: np.ndarray, out: np.ndarray) -> None:
    """Each row from its shift on, and round."""
    size = strings.shape[1]
    for row in range(strings.shape[0]):
        start = shifts[row]
        for place in range(size - start):
            out[row, place] = strings[row, start + place]
        for place in range(start):
            out[row, size - start + place] = strings[row, place]


@numba.njit(cache=True, nogil=True)
def necklaces(letters: int, out: np.ndarray) -> int:
    """Fills the rows with all necklaces in lexicographic order, and says how many there are."""
    size = out.shape[1]
    word = np.zeros(size, out.dtype)
    found = 1
    out[0] = word
    while True:
        last = size - 1
        while last >= 0 and word[last] == letters - 1:
            last -= 1
        if last < 0:
            return found
        word[last] += 1
        for place in range(last + 1, size):
            word[place] = word[place - last - 1]
        # the word is a power of its first letters where their number divides it: only then is it a necklace
        if size % (last + 1) == 0:
            out[found] = word
            found += 1


@numba.njit(cache=True, nogil=True)
def orbits(letters: int, size: int, table: np.ndarray) -> int:
    """Numbers the orbits of the strings, which are numbers in the base of letters; the table starts at -1."""
    top = table.size // letters
    found = 0
    for code in range(table.size):
        if table[code] < 0:
            # the first of its orbit that is met is the least
            turned = code
            for _ in range(size):
                table[turned] = found
                turned = turned // letters + (turned % letters) * top
            found += 1
    return found
