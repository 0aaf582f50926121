"""Settings of simulators: what they may be, and how wrong ones are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulators import InputError, NavierStokes, Uniform
from simulators.parameters import check_sign, chosen, count, ends, setting, sides


def test_a_setting_is_a_number_a_range_or_one_number_a_sample() -> None:
    assert setting("a", np.float32(0.5)) == 0.5
    assert setting("a", [1, 2.0], samples=True) == (1.0, 2.0)
    some = Uniform(0.0, 1.0)
    assert setting("a", some) is some
    for given, options, told in (
        ((1.0, 2.0), {}, r"a: expected one number; given the shape \(2,\)"),
        ([[1.0]], {"samples": True}, r"a: expected one number, or one a sample; given the shape \(1, 1\)"),
        (some, {"ranges": False}, "a: expected numbers, given Uniform"),
        (np.nan, {}, "a: expected finite numbers"),
    ):
        with pytest.raises(InputError, match=told):
            setting("a", given, **options)


def test_signs_are_those_of_all_numbers_and_of_both_ends_of_a_range() -> None:
    np.testing.assert_array_equal(ends(Uniform(-1.0, 2.0)), [-1.0, 2.0])
    check_sign("a", ends((1.0, 2.0)))
    check_sign("a", ends(0.0), zero=True)
    for value, zero, told in (
        (0.0, False, "a: expected positive values, given 0"),
        ((1.0, -2.0, -3.0), True, "a: expected values not negative, given -2"),
        (Uniform(-1.0, 2.0), True, "a: expected values not negative, given -1"),
    ):
        with pytest.raises(InputError, match=told):
            check_sign("a", ends(value), zero=zero)


def test_a_number_is_chosen_from_a_range_alone() -> None:
    rng = np.random.default_rng(0)
    assert chosen(0.3, rng) == 0.3
    assert chosen(Uniform(0.0, 1.0), rng) == np.random.default_rng(0).uniform()


def test_what_is_counted_begins_where_it_is_told() -> None:
    assert count("a", np.int64(1)) == 1
    assert count("a", 0, 0) == 0
    for value, least in ((0, 1), (-1, 0), (True, 0), (1.0, 0)):
        with pytest.raises(InputError, match=f"a: expected an integer >= {least}, given {value!r}"):
            count("a", value, least)


@pytest.mark.parametrize(
    ("length", "cell", "wanted"),
    [
        (2.0, 0.5, ((2.0, 2.0), (0.5, 0.5))),
        ((2.0, 1.0), 0.5, ((2.0, 1.0), (0.5, 0.5))),
        (2.0, (0.5, 0.25, 0.5), ((2.0,) * 3, (0.5, 0.25, 0.5))),
        ((1, 2, 3), 1, ((1, 2, 3), (1, 1, 1))),
    ],
)
def test_one_side_is_for_all_and_others_say_how_many(length: Any, cell: Any, wanted: Any) -> None:
    assert sides(length, cell) == wanted


@pytest.mark.parametrize("wrong", [(1.0,), (1.0,) * 4, ((1.0, 1.0), (1.0, 1.0)), ()])
def test_other_numbers_of_sides_are_refused(wrong: Any) -> None:
    for name, given in (("length", (wrong, 1.0)), ("cell", (1.0, wrong))):
        with pytest.raises(InputError, match=f"{name}: expected one number, or 2 or 3 along x, y and z"):
            sides(*given)


def test_cells_that_are_given_along_three_axes_make_a_box() -> None:
    assert NavierStokes(cell=(0.25, 0.25, 0.125)).grid().shape == (8, 4, 4)
