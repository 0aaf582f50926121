"""Tables of typed columns: read as given, and refused in one line that names the column."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from physym.units import read_table
from simulators import InputError


def typed(values, units, dims="sample"):
    return xr.DataArray(np.asarray(values), dims=dims, attrs={"units": units})


def test_all_ways_of_giving_columns_are_read_alike():
    mass, speed, energy = [1.0, 2.0, 4.0], [3, 5, 6], [4.5, 25.0, 72.0]
    ways = (
        {"mass": (mass, "kg"), "speed": (np.array(speed), "m/s")},
        {"mass": typed(mass, "kg"), "speed": typed(speed, "m/s")},
        {"mass": (tuple(mass), "kg"), "speed": typed(speed, "m/s", "run")},
        xr.Dataset({"mass": typed(mass, "kg"), "speed": typed(speed, "m/s")}),
    )
    for columns in ways:
        for y in ((energy, "J"), typed(energy, "J")):
            table = read_table(columns, y)
            assert table.names == ("mass", "speed")
            assert table.rows == 3
            assert {name: unit.text for name, unit in table.units.items()} == {"mass": "kg", "speed": "m/s"}
            np.testing.assert_array_equal(table.values["mass"], mass)
            np.testing.assert_array_equal(table.values["speed"], speed)
            np.testing.assert_array_equal(table.target, energy)
            assert table.target_units.text == "J"
            assert all(values.dtype == np.float64 for values in table.values.values())
    assert read_table(ways[3]).dim == "sample"
    assert read_table({"speed": typed(speed, "m/s", "run")}).dim == "run"
    assert read_table(ways[0]).target is None


def test_what_was_given_stays_as_it_was():
    given = np.array([1.0, 2.0])
    table = read_table({"a": (given, "m")})
    table.values["a"][0] = 7.0
    assert given[0] == 1.0


GOOD = ([1.0, 2.0], "m")


@pytest.mark.parametrize(
    ("columns", "y", "message"),
    [
        (
            {"a": ([2.0, 2.0], "km")},
            None,
            "column 'a': expected values that vary, given 2 km in every row; leave it out",
        ),
        (
            {"a": ([1.0, np.nan, 1.0], "m")},
            None,
            r"column 'a': expected finite numbers, given nan at row 1 \(1 of 3 rows\)",
        ),
        ({"a": ([1.0, -np.inf], "m")}, None, "column 'a': expected finite numbers, given -inf at row 1"),
        ({"a": ([1.0, 2.0], "degC")}, None, "column 'a': expected units that scale, given 'degC'.* use 'K'"),
        ({"a": ([1.0, 2.0], "mm/foo")}, None, "column 'a': expected units that pint reads, .* given 'mm/foo'"),
        ({"a": ([1.0, 2.0], "")}, None, "column 'a': expected units such as"),
        (
            {"a": [1.0, 2.0]},
            None,
            "column 'a': expected values with units, given a list without units; give a DataArray",
        ),
        ({"a": np.ones(2)}, None, "column 'a': expected values with units, given a ndarray without units"),
        ({"a": (["x", "y"], "m")}, None, "column 'a': expected real numbers, given the type <U1"),
        ({"a": ([1j, 2.0], "m")}, None, "column 'a': expected real numbers, given the type complex128"),
        ({"a": ([True, False], "1")}, None, "column 'a': expected real numbers, given the type bool"),
        (
            {"a": ([[1.0], [2.0, 3.0]], "m")},
            None,
            "column 'a': expected real numbers, given a list without units that is",
        ),
        ({"a": ([[1.0, 2.0]], "m")}, None, r"column 'a': expected one dimension, given the shape \(1, 2\); flatten it"),
        ({"a": (3.0, "m")}, None, r"column 'a': expected one dimension, given the shape \(\)"),
        ({"a": ([], "m")}, None, "column 'a': expected at least one value, given none"),
        (
            {"a": (np.ma.array([1.0, 2.0], mask=[True, False]), "m")},
            None,
            "column 'a': expected values in every row, given masked ones",
        ),
        ({"a": GOOD, "b": ([1.0, 2.0, 3.0], "m")}, None, "column 'b': expected 2 values, as in 'a', given 3"),
        ({"a": xr.DataArray([1.0, 2.0], dims="t")}, None, "column 'a': expected the attribute 'units', given none"),
        ({1: GOOD}, None, "expected names of columns that are text, given 1"),
        ({}, None, "expected at least one column, given none"),
        (xr.Dataset(), None, "expected at least one column, given none"),
        (np.ones((2, 2)), None, "X: expected a Dataset of 1-D variables with units, .* given ndarray"),
        ({"a": GOOD}, ([1.0, 1.0], "m"), "y: expected values that vary, given 1 in every row"),
        ({"a": GOOD}, ([1.0, 2.0, 3.0], "m"), "y: expected 2 values, one a row of X, given 3"),
        ({"a": GOOD}, [1.0, 2.0], "y: expected values with units, given a list without units"),
        ({"a": GOOD}, ([1.0, np.nan], "m"), "y: expected finite numbers, given nan at row 1"),
        ({"a": GOOD}, ([1.0, 2.0], "degF"), "y: expected units that scale, given 'degF'"),
    ],
)
def test_what_is_refused(columns, y, message):
    with pytest.raises(InputError, match=message) as caught:
        read_table(columns, y)
    assert "\n" not in str(caught.value)


def test_constant_columns_are_allowed_where_asked():
    assert read_table({"a": ([2.0, 2.0], "m")}, constants=True).rows == 2
    with pytest.raises(InputError, match="y: expected values that vary"):
        read_table({"a": ([2.0, 3.0], "m")}, ([2.0, 2.0], "m"), constants=True)
