"""Group laws of the actions on typed datasets, for random types, sizes and elements."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import xarray as xr
from hypothesis import given, settings

from physym.symmetry import SO, Hyperoctahedral, O, act, reverse_time, translate
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


# Fields on grids ------------------------------------------------------------------------------------------------------


@st.composite
def fields(draw):
    """Variables over a random periodic grid in 1 to 3 dimensions, of random types, some over part of the axes."""
    size = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(seeds))
    space = ("z", "y", "x")[-size:]
    cells = {dim: draw(st.integers(1, 4)) for dim in space}
    lengths = cells | {"sample": 2, "time": 3} | dict.fromkeys("ijkl", size)
    out = {}
    for n in range(draw(st.integers(1, 3))):
        order = draw(st.integers(0, 3))
        over = space if n == 0 else tuple(dim for dim in space if draw(st.booleans()))
        dims = (*draw(st.sampled_from([(), ("sample",), ("sample", "time")])), *over)
        v = Variable(f"v{n}", "m/s", "v", "v", over, order, draw(st.integers(0, 1)))
        values = rng.standard_normal([lengths[dim] for dim in (*dims, *v.indices)])
        out[v.name] = ((*dims, *v.indices), values, v.attrs())
    dataset = xr.Dataset(out)
    coords = coordinates(map(str, dataset.dims), {str(k): s for k, s in dataset.sizes.items()})
    for dim in space:
        step = rng.uniform(0.5, 2.0)
        coords[dim] = (dim, rng.standard_normal() + step * np.arange(cells[dim]), {"units": "m", "long_name": dim})
    return dataset.assign_coords(coords), size, rng


def same(a, b):
    """Bit for bit, signs of zeros and the order of dimensions included."""
    xr.testing.assert_identical(a, b)
    for name in a.variables:
        assert a[name].dims == b[name].dims
        assert a[name].values.tobytes() == b[name].values.tobytes()


@quick
@given(fields())
def test_act_on_grids_is_a_homomorphism_bit_for_bit(drawn):
    data, size, rng = drawn
    group = Hyperoctahedral(size)
    a, b = group.random(rng), group.random(rng)
    same(act(a, act(b, data)), act(a @ b, data))
    same(act(np.eye(size), data), data)
    same(act(a.T, act(a, data)), data)


@quick
@given(fields(), st.lists(st.integers(-5, 5), min_size=3, max_size=3))
def test_translations_of_grids_commute_with_turns_as_vectors_do(drawn, shifts):
    data, size, rng = drawn
    q, vector = Hyperoctahedral(size).random(rng), np.array(shifts[:size])

    def cells(v):
        return dict(zip("xyz", map(int, v), strict=False))

    same(act(q, translate(data, cells(vector))), translate(act(q, data), cells(q @ vector)))
    same(translate(translate(data, cells(vector)), cells(-vector)), data)


def slope(array, dim):
    """Central difference along one axis of a periodic grid."""
    step = float(array[dim][1] - array[dim][0])
    return (array.roll({dim: -1}) - array.roll({dim: 1})) / (2 * step)


@quick
@given(seeds, st.integers(2, 3))
def test_gradients_divergences_and_curls_turn_as_tensors(seed, size):
    rng = np.random.default_rng(seed)
    space, labels = ("z", "y", "x")[-size:], list("xyz"[:size])
    shape = rng.integers(3, 6, size)
    steps = rng.uniform(0.5, 2.0, size)
    coords = {d: (d, (np.arange(n) + 0.5) * h, {"units": "m"}) for d, n, h in zip(space, shape, steps, strict=True)}
    coords |= dict.fromkeys("ij", labels)
    types = {"s": Variable("s", "1", "s", "s", space), "v": Variable("v", "1", "v", "v", space, 1)}
    data = xr.Dataset(
        {n: ((*space, *v.indices), rng.standard_normal((*shape, *(size,) * v.tensor_order)), v.attrs())
         for n, v in types.items()}, coords,
    )  # fmt: skip

    def derivatives(given):
        v = given.v
        parts = {label: v.isel(i=n, drop=True) for n, label in enumerate(labels)}
        curl = [
            slope(parts[b], a) - slope(parts[a], b) for a, b in (("x", "y"), ("y", "z"), ("z", "x"))[: 2 * size - 3]
        ]
        found = {
            "gradient": (xr.concat([slope(given.s, dim) for dim in labels], "i"), 1, 0),
            "jacobian": (xr.concat([slope(v, dim) for dim in labels], "j"), 2, 0),
            "divergence": (sum(slope(parts[dim], dim) for dim in labels), 0, 0),
            # the z component comes first
            "curl": (curl[0], 0, 1) if size == 2 else (xr.concat([curl[1], curl[2], curl[0]], "i"), 1, 1),
        }
        typed = {}
        for name, (array, order, pseudo) in found.items():
            typed[name] = array.transpose(*space, *"ij"[:order]).assign_attrs(tensor_order=order, pseudo=pseudo)
        return xr.Dataset(typed, given.coords)

    q = Hyperoctahedral(size).random(rng)
    a, b = derivatives(act(q, data)), act(q, derivatives(data))
    for name in b.data_vars:
        np.testing.assert_allclose(a[name], b[name], atol=1e-12, err_msg=name)
