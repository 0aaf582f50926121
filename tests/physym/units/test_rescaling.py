"""Dimensions and changes of units."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import xarray as xr

from physym.units import dimensions, rescale
from simulators import InputError, SchemaError, SpringPendulum, Variable


def test_dimensions_of_units():
    assert dimensions("kg*m/s**2") == {"kg": 1, "m": 1, "s": -2}
    assert dimensions("km h-1") == {"m": 1, "s": -1}
    assert dimensions("1") == {}
    assert dimensions("l/m**2") == {"m": 1}
    assert dimensions("m**0.5") == {"m": Fraction(1, 2)}


def test_dimensions_of_a_dataset_name_coordinates_too():
    run = SpringPendulum().simulate(SpringPendulum().sample(1), [0.0, 1.0])
    found = dimensions(run)
    assert found["momentum"] == {"kg": 1, "m": 1, "s": -1}
    assert found["time"] == {"s": 1}
    assert set(found) == {*SpringPendulum.variables(), "time"}


def test_rescaling_multiplies_values_and_keeps_units():
    run = SpringPendulum().simulate(SpringPendulum().sample(2), [0.0, 1.0])
    before = run.copy(deep=True)
    new = rescale(run, kg=2.0, m=3.0, s=5.0)
    xr.testing.assert_identical(run, before)
    factors = {"position": 3, "momentum": 2 * 3 / 5, "mass": 2, "stiffness": 2 / 25, "rest_length": 3}
    for name, factor in (factors | {"gravity": 3 / 25, "time": 5}).items():
        np.testing.assert_allclose(new[name], run[name] * factor, rtol=1e-15)
        assert new[name].attrs == run[name].attrs
    np.testing.assert_array_equal(new.body, run.body)


def test_one_metre_counts_a_thousand_if_the_unit_is_the_millimetre():
    """The length unit becomes 1/1000 of what it was: read in millimetres, the values are the same physics."""
    start = SpringPendulum().sample(1)
    new = rescale(start, m=1000.0)
    millimetres = start.position * 1000
    np.testing.assert_allclose(new.position, millimetres)


def test_space_coordinates_and_fractional_powers_scale():
    variable = Variable("h", "m**1.5", "height", "h", ("x",))
    field = xr.Dataset({"h": ("x", np.ones(3), variable.attrs())}, coords={"x": ("x", np.arange(3.0), {"units": "km"})})
    new = rescale(field, m=4.0)
    np.testing.assert_allclose(new.h, 8.0)
    np.testing.assert_allclose(new.x, [0.0, 4.0, 8.0])


def test_the_law_does_not_notice():
    pendulum = SpringPendulum(stiffness=(1.0, 2.0))
    start, times = pendulum.sample(3), np.array([0.0, 0.5, 1.0])
    given = pendulum.simulate(rescale(start, kg=7.0, m=0.2, s=3.0), 3.0 * times)
    wanted = rescale(pendulum.simulate(start, times), kg=7.0, m=0.2, s=3.0)
    xr.testing.assert_allclose(given, wanted, rtol=1e-12)


@pytest.mark.parametrize("factor", [0.0, -1.0, np.nan, np.inf, "2", None, True])
def test_factors_that_are_none(factor):
    with pytest.raises(InputError, match="s: expected a positive, finite factor, given"):
        rescale(SpringPendulum().sample(1), s=factor)


def test_only_datasets_are_rescaled():
    with pytest.raises(InputError, match="expected a dataset of typed variables, or units as text; given dict"):
        rescale({"x": 1.0}, m=2.0)


def test_unknown_base_units_and_absent_units():
    start = SpringPendulum().sample(1)
    with pytest.raises(InputError, match=r"expected factors of the base units kg, m, s, .* given 'g'"):
        rescale(start, g=2.0)
    del start.mass.attrs["units"]
    with pytest.raises(SchemaError, match="variable 'mass': expected the attribute 'units', given none"):
        dimensions(start)
    with pytest.raises(SchemaError, match="variable 'mass'"):
        rescale(start, m=2.0)
