"""Necklaces: their number, their list, and the map from strings to them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symmetry.cyclic import all_strings, count_orbits, least_rotation, orbit_table, representatives, string_codes
from simulators.errors import InputError

# OEIS A000031
NUMBERS = (
    2, 3, 4, 6, 8, 14, 20, 36, 60, 108, 188, 352, 632, 1182, 2192, 4116, 7712, 14602, 27596, 52488,
)  # fmt: skip


def by_hand(size, letters):
    """The least string of each orbit, by making all turns of all strings."""
    words = itertools.product(range(letters), repeat=size)
    return sorted({min(word[n:] + word[:n] for n in range(size)) for word in words})


def test_numbers_of_orbits():
    assert tuple(count_orbits(n) for n in range(1, 21)) == NUMBERS
    assert count_orbits(24) == 699252
    for size, letters in itertools.product(range(1, 40), (1, 2, 3, 7)):
        # Burnside: the mean over the group of what each element leaves as it is
        kept = [letters ** math.gcd(n, size) for n in range(size)]
        assert count_orbits(size, letters) * size == sum(kept)


@pytest.mark.parametrize(("size", "letters"), [(1, 2), (2, 2), (6, 2), (9, 2), (10, 2), (1, 5), (5, 3), (6, 4), (4, 1)])
def test_representatives_are_the_least_strings_in_order(size, letters):
    found = representatives(size, letters)
    assert found.dtype == np.uint8
    assert [tuple(row) for row in found.tolist()] == by_hand(size, letters)
    assert len(found) == count_orbits(size, letters)


@pytest.mark.parametrize(("size", "letters"), [(1, 2), (8, 2), (12, 2), (5, 3), (3, 6), (4, 1)])
def test_the_table_agrees_with_least_rotations(size, letters):
    """Two ways that share nothing: a walk round each orbit, and Duval's algorithm on each string."""
    table, strings, least = orbit_table(size, letters), all_strings(size, letters), representatives(size, letters)
    assert table.dtype == np.int32
    np.testing.assert_array_equal(least[table], least_rotation(strings).strings)
    np.testing.assert_array_equal(string_codes(strings, letters), np.arange(letters**size))
    # an orbit has as many strings as its period
    np.testing.assert_array_equal(np.bincount(table), least_rotation(least).period)


def test_the_factor_of_augmentation():
    assert round(2**16 / count_orbits(16), 2) == 15.92


@given(st.integers(1, 7), st.integers(1, 4), st.data())
@settings(max_examples=50, deadline=None)
def test_a_turn_stays_in_its_orbit(size, letters, data):
    word = data.draw(st.lists(st.integers(0, letters - 1), min_size=size, max_size=size))
    codes = [int(string_codes(np.roll(word, n), letters)) for n in range(size)]
    table = orbit_table(size, letters)
    assert len(set(table[codes])) == 1
    assert set(np.flatnonzero(table == table[codes[0]])) == set(codes)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: count_orbits(0), "N: expected an integer >= 1, given 0"),
        (lambda: count_orbits(True), "given True"),
        (lambda: count_orbits(5, 2.0), "letters: expected an integer >= 1"),
        (lambda: representatives(40), "at most a gigabyte, given all necklaces of 40 letters out of 2"),
        (lambda: representatives(10**9), "at most a gigabyte"),
        (lambda: orbit_table(40), "`least_rotation` needs no table"),
        (lambda: orbit_table(10**9), "at most a gigabyte"),
        (lambda: all_strings(30), "at most a gigabyte"),
        (lambda: representatives(2, 257), "letters: expected at most 256"),
        (lambda: string_codes([0, 2]), "expected letters 0 to 1, given 0 to 2"),
        (lambda: string_codes([0.0, 1.0]), "expected integers"),
        (lambda: string_codes([[0], [1, 0]]), "strings: expected an array of numbers, all rows of one length"),
        (lambda: string_codes(np.zeros(64, int)), "at most 63 bits"),
        (lambda: string_codes(np.zeros((3, 0), int)), "N >= 1"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()
