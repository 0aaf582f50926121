"""Dimensionless numbers do not notice a change of units, and lead back to the data they came from."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import simulators
from physym.data import Signature
from physym.units import rescale

FACTOR = st.floats(-6, 6).map(lambda power: 10.0**power)
LIKE = torch.zeros(1, dtype=torch.float64)


def trajectories(varied: bool):
    ranges = simulators.LogUniform(0.2, 5.0)
    options = {"mass": ranges, "stiffness": ranges, "rest_length": ranges} if varied else {"stiffness": (1.0, 2.0)}
    pendulum = simulators.SpringPendulum(**options)
    return pendulum.simulate(pendulum.sample(6), [0.0, 0.1, 0.2])


DATA = [trajectories(varied) for varied in (False, True)]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DATA), FACTOR, FACTOR, FACTOR)
def test_rescaled_data_are_the_same_numbers(data, kg, m, s):
    signature = Signature.of(data)
    assert signature.dimensionless
    other = rescale(data, kg=kg, m=m, s=s)
    a, b = (signature.tensors(signature.conform(d), LIKE) for d in (data, other))
    torch.testing.assert_close(b.states, a.states, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(b.context.scalars, a.context.scalars, rtol=1e-11, atol=0)
    torch.testing.assert_close(b.context.vectors, a.context.vectors, rtol=1e-11, atol=1e-12)
    times = [signature.times(d["time"].values, "s", t.units) for d, t in ((data, a), (other, b))]
    np.testing.assert_allclose(times[1], times[0], rtol=1e-11)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(DATA), FACTOR, FACTOR, FACTOR)
def test_there_and_back(data, kg, m, s):
    data = rescale(data, kg=kg, m=m, s=s)
    signature = Signature.of(data)
    typed = signature.tensors(signature.conform(data), LIKE)
    back = signature.dataset(typed.states, typed.units, signature.conform(data), data["time"].values)
    for name in data.data_vars:
        np.testing.assert_allclose(back[name], data[name], rtol=1e-12)
        assert back[name].attrs == data[name].attrs


def test_json_and_back():
    for data in DATA:
        signature = Signature.of(data)
        assert Signature.from_dict(signature.to_dict()) == signature


def test_parameters_that_do_not_span_the_units_leave_numbers_in_si():
    data = DATA[0].drop_vars(["mass", "stiffness"]).assign_attrs(simulator="none")
    signature = Signature.of(data)
    assert not signature.dimensionless
    typed = signature.tensors(signature.conform(data), LIKE)
    np.testing.assert_array_equal(typed.states[:, :, :6].numpy(), data.position.values.reshape(6, 3, 6))


def test_a_parameter_that_may_be_zero_does_not_set_units():
    pendulum = simulators.SpringPendulum(gravity=(0.0, 0.0, 0.0), rest_length=0.0)
    start = pendulum.sample(4).assign()
    start["position"] = start["position"] + 1.0
    start["position"].attrs = DATA[0].position.attrs
    signature = Signature.of(pendulum.simulate(start, [0.0, 0.1]))
    assert "gravity" not in signature.powers
    assert "rest_length" not in signature.powers
