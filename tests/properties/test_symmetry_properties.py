"""Group laws of the actions on typed datasets, for random types, sizes and elements."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import xarray as xr
from hypothesis import given, settings

from physym.symmetry import SO, O, act, reverse_time
from physym.units import rescale
from simulators import SpringPendulum, Variable
from simulators.schema import coordinates
from simulators.units import BASE

UNITS = ("1", "m", "m/s", "kg*m/s**2", "1/d", "m**0.5", "K", "kg/A/s**2", "km/h")
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None)
factors = st.dictionaries(st.sampled_from(BASE), st.floats(1e-3, 1e3))


@st.composite
def datasets(draw):
    """Variables of random tensor order, pseudo, units and leading dimensions, with values of order 1."""
    size = draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(seeds))
    out = {}
    for n in range(draw(st.integers(1, 4))):
        order = draw(st.integers(0, 4))
        dims = draw(st.sampled_from([(), ("sample",), ("sample", "time"), ("body",), ("sample", "time", "body")]))
        v = Variable(f"v{n}", draw(st.sampled_from(UNITS)), "v", "v", (), order, draw(st.integers(0, 1)))
        shape = [{"sample": 2, "time": 3, "body": 2}.get(dim, size) for dim in (*dims, *v.indices)]
        out[v.name] = ((*dims, *v.indices), rng.standard_normal(shape), v.attrs())
    dataset = xr.Dataset(out)
    coords = coordinates(map(str, dataset.dims), {str(k): s for k, s in dataset.sizes.items()})
    if "time" in dataset.dims:
        coords["time"] = ("time", np.array([0.0, 0.5, 2.0]), {"units": "s"})
    return dataset.assign_coords(coords), size, rng


def close(a, b, rtol=1e-11):
    xr.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
    for name in a.variables:
        assert a[name].attrs == b[name].attrs


@quick
@given(datasets())
def test_act_is_a_homomorphism(drawn):
    data, size, rng = drawn
    a, b = O(size).random(rng), O(size).random(rng)
    close(act(a, act(b, data)), act(a @ b, data))


@quick
@given(datasets())
def test_act_has_a_neutral_element_and_inverses(drawn):
    data, size, rng = drawn
    q = O(size).random(rng)
    close(act(np.eye(size), data), data)
    close(act(q.T, act(q, data)), data)


@quick
@given(datasets())
def test_rotations_keep_norms_and_reflections_differ_from_them_by_pseudo_alone(drawn):
    data, size, rng = drawn
    q = SO(size).random(rng) @ np.diag([-1.0] + [1.0] * (size - 1))
    true = data.copy(deep=True)
    for v in true.values():
        v.attrs["pseudo"] = 0
    signs = {name: -1.0 if v.attrs["pseudo"] else 1.0 for name, v in data.items()}
    given_, wanted = act(q, data), act(q, true)
    for name, v in data.items():
        np.testing.assert_allclose(given_[name], signs[name] * wanted[name], atol=1e-12)
        np.testing.assert_allclose(np.sum(given_[name] ** 2), np.sum(v**2), rtol=1e-10)


@quick
@given(datasets(), factors, factors)
def test_rescaling_composes_and_inverts(drawn, first, second):
    data, _, _ = drawn
    product = {base: first.get(base, 1.0) * second.get(base, 1.0) for base in BASE}
    close(rescale(rescale(data, **first), **second), rescale(data, **product))
    close(rescale(rescale(data, **first), **{base: 1 / f for base, f in first.items()}), data)


@quick
@given(datasets())
def test_time_reversal_is_an_involution_and_commutes_with_the_others(drawn):
    data, size, rng = drawn
    q = O(size).random(rng)
    xr.testing.assert_identical(reverse_time(reverse_time(data)), data)
    close(reverse_time(act(q, data)), act(q, reverse_time(data)))
    close(reverse_time(rescale(data, s=3.0, m=2.0)), rescale(reverse_time(data), s=3.0, m=2.0))
    close(rescale(act(q, data), m=2.0), act(q, rescale(data, m=2.0)))


@quick
@given(seeds, st.integers(1, 3), factors)
def test_conserved_quantities_are_carried_along(seed, bodies, scales):
    rng = np.random.default_rng(seed)
    pendulum = SpringPendulum(bodies=bodies, gravity=rng.standard_normal(3), mass=rng.uniform(0.5, 2, bodies))
    start = pendulum.sample(2, seed=seed)
    q = O(3).random(rng)
    for move in (lambda d: act(q, d), lambda d: rescale(d, **scales), reverse_time):
        close(pendulum.conserved(move(start)), move(pendulum.conserved(start)), rtol=1e-9)


@quick
@given(seeds)
def test_tendencies_are_equivariant(seed):
    rng = np.random.default_rng(seed)
    pendulum = SpringPendulum(gravity=rng.standard_normal(3))
    start = pendulum.sample(2, seed=seed)
    q = O(3).random(rng)
    close(pendulum.tendency(act(q, start)), act(q, pendulum.tendency(start)), rtol=1e-10)
