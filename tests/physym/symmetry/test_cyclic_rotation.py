"""The least rotation: against all turns, its equivariance, its periods, its jumps and its speed."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from physym.symmetry.cyclic import all_strings, least_rotation
from simulators.errors import InputError


def by_hand(word):
    """The least turn, the first shift that gives it, and the period: by making all turns."""
    turns = [tuple(word[n:]) + tuple(word[:n]) for n in range(len(word))]
    again = [n for n in range(1, len(word)) if turns[n] == turns[0]]
    return min(turns), turns.index(min(turns)), min([*again, len(word)])


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12) | st.lists(st.floats(allow_nan=False), min_size=1))
@settings(max_examples=300, deadline=None)
def test_it_is_the_least_of_all_turns(word):
    least, shift, period = by_hand(word)
    found = least_rotation(word)
    assert (tuple(found.strings.tolist()), int(found.shift), int(found.period)) == (least, shift, period)
    assert bool(found.ambiguous) == (period < len(word))


@pytest.mark.parametrize("size", [*range(1, 11)])
def test_every_string_of_bits(size):
    strings = all_strings(size)
    found, wanted = least_rotation(strings), [by_hand(row) for row in strings.tolist()]
    assert [tuple(row) for row in found.strings.tolist()] == [least for least, _, _ in wanted]
    np.testing.assert_array_equal(found.shift, [shift for _, shift, _ in wanted])
    np.testing.assert_array_equal(found.period, [period for _, _, period in wanted])


@pytest.mark.parametrize("size", [2, 31, 32, 33, 60, 63, 64, 65, 96])
@pytest.mark.parametrize("letters", [(0, 1), (-1.5, 2.5), (3, 3), (0, 1, 2)], ids=str)
def test_words_of_one_machine_word_and_longer_ones(size, letters):
    """Random strings, and those repeated from each divisor of the size; a third letter in the last one alone."""
    rng = np.random.default_rng(size)
    periods = [n for n in range(1, size + 1) if size % n == 0]
    rows = [np.tile(rng.choice(letters[:2], n), size // n) for n in periods for _ in range(20)]
    strings = np.array([*rows, rng.choice(letters, size)])
    found, wanted = least_rotation(strings), [by_hand(row) for row in strings.tolist()]
    assert [tuple(row) for row in found.strings.tolist()] == [least for least, _, _ in wanted]
    np.testing.assert_array_equal(found.shift, [shift for _, shift, _ in wanted])
    np.testing.assert_array_equal(found.period, [period for _, _, period in wanted])


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=20), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_turn_moves_the_shift_along_and_not_the_string(word, turn):
    one, other = least_rotation(word), least_rotation(np.roll(word, turn))
    np.testing.assert_array_equal(one.strings, other.strings)
    np.testing.assert_array_equal(one.strings, np.roll(word, -one.shift))
    assert other.period == one.period
    assert other.shift == (one.shift + turn) % one.period


@pytest.mark.parametrize(("size", "count"), [(6, 10), (8, 16), (12, 76), (16, 256)])
def test_the_shift_is_ambiguous_for_periodic_strings_only(size, count):
    assert least_rotation(all_strings(size)).ambiguous.sum() == count


def test_a_gauge_by_the_largest_letter_is_ambiguous_far_more_often():
    strings = all_strings(6)
    largest = (strings == strings.max(axis=1, keepdims=True)).sum(axis=1)
    assert ((largest > 1) & (largest < 6)).sum() == 56


def test_a_small_change_flips_the_shift_and_the_string():
    """At a tie of first letters the aligned string jumps by the size of its letters, however small the change."""
    for change in (1e-3, 1e-9, 1e-15):
        low, high = (least_rotation([0.0, 2.0, t, 1.0]) for t in (-change, change))
        assert (int(low.shift), int(high.shift)) == (2, 0)
        assert np.abs(low.strings - high.strings).max() > 0.99
    # off the ties it follows the string
    x = np.array([0.0, 2.0, 0.5, 1.0])
    assert np.abs(least_rotation(x + 1e-9).strings - least_rotation(x).strings).max() < 1.1e-9


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint16", "float16", "float32", "float64", ">i4", ">f8"])
def test_every_ordered_type_keeps_its_own(dtype):
    word = np.array([1, 0, 1, 1, 0, 0], dtype)
    found = least_rotation(word)
    assert found.strings.dtype == word.dtype
    np.testing.assert_array_equal(found.strings, np.array([0, 0, 1, 0, 1, 1], dtype))
    assert found.shift.shape == ()


def test_numbers_that_only_64_bits_tell_apart():
    top = np.array([2**64 - 1, 2**64 - 2, 2**64 - 1], np.uint64)
    np.testing.assert_array_equal(least_rotation(top).strings, np.roll(top, -1))
    low = np.array([0, -(2**63), -(2**63) + 1])
    np.testing.assert_array_equal(least_rotation(low).strings, np.roll(low, -1))


def test_batches_of_any_shape_and_order_in_memory():
    strings = np.random.default_rng(0).integers(0, 3, (7, 4, 3, 5)).transpose(2, 1, 0, 3)
    found = least_rotation(strings)
    assert found.strings.shape == (3, 4, 7, 5)
    assert found.shift.shape == found.period.shape == (3, 4, 7)
    for place in np.ndindex(3, 4, 7):
        assert tuple(found.strings[place].tolist()) == by_hand(strings[place].tolist())[0]
    assert least_rotation(np.zeros((0, 5))).strings.shape == (0, 5)


def fibonacci(size):
    one, other = [0], [0, 1]
    while len(other) < size:
        one, other = other, other + one
    return np.array(other[:size], np.uint8)


@pytest.mark.parametrize(
    "word",
    [
        np.zeros(64, np.uint8), np.tile([1, 0], 32), np.arange(64)[::-1], fibonacci(64), fibonacci(64)[::-1],
        np.r_[np.zeros(63, int), 1], np.r_[1, np.zeros(63, int)], np.tile(np.r_[np.zeros(31, int), 1], 2),
    ],
)  # fmt: skip
def test_no_string_is_slow(word):
    """O(N): a string of 2^15 letters that is built alike takes about as long a letter as those of 64."""
    words = np.tile(np.asarray(word, np.uint8), (2**11, 1))
    long = np.ascontiguousarray(words.reshape(4, -1))
    least_rotation(words[:1])
    spent = []
    for given_ in (words, long):
        best = np.inf
        for _ in range(5):
            began = time.process_time()
            least_rotation(given_)
            best = min(best, time.process_time() - began)
        spent.append(best)
    # quadratic time would take hundreds of times as long
    assert spent[1] < 20 * spent[0] + 1e-3
    # 10^6 strings in 2 s are 2^11 in 4 ms
    assert spent[0] < 4e-3


@pytest.mark.parametrize(
    ("strings", "match"),
    [
        ([1.0, np.nan], r"given NaN at \(1,\)"),
        ([1j, 2.0], "expected real numbers"),
        (np.ones(3, np.longdouble), "expected real numbers"),
        ([], "N >= 1"),
        (3, r"given int64 of shape \(\)"),
        (["a", "b"], "expected real numbers"),
        ([[1, 2], [3]], "strings: expected an array of numbers, all rows of one length"),
        (torch.ones(3, requires_grad=True), "given a tensor that requires grad; detach it"),
    ],
)
def test_bad_input_is_refused(strings, match):
    with pytest.raises(InputError, match=match):
        least_rotation(strings)
