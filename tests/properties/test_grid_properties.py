"""Laws of periodic grids and their derivatives, for random sizes, cells, tensor orders and fields."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings

from simulators import InputError
from simulators.grid import Grid
from simulators.grid.unit_text import divided
from simulators.units import parse

quick = settings(max_examples=60, deadline=None)
lengths = st.floats(1e-6, 1e6)
schemes = st.sampled_from((2, 4, "spectral"))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def grids(draw, most=6):
    d = draw(st.integers(1, 3))
    cells = draw(st.tuples(*[st.floats(0.1, 10.0)] * d))
    counts = draw(st.tuples(*[st.integers(1, most)] * d))
    return Grid(tuple(n * h for n, h in zip(counts, cells, strict=True)), cells)


@st.composite
def operators(draw):
    """A grid, a tensor order, and an operator that takes it."""
    grid = draw(grids())
    order = draw(st.integers(0, 2))
    names = ["gradient", "laplacian"] + (["divergence"] if order else [])
    if grid.ndim == 2 or (grid.ndim == 3 and order):
        names.append("curl")
    name, scheme = draw(st.sampled_from(names)), draw(schemes)
    return grid, order, lambda f: getattr(grid, name)(f, scheme, tensor_order=order)


def noise(seed, grid, order, lead=()):
    return np.random.default_rng(seed).standard_normal((*lead, *grid.shape, *(grid.ndim,) * order))


def scale(grid):
    return 20 / min(1.0, *grid.cell) ** 2


@quick
@given(operators(), seeds, st.floats(-3, 3))
def test_operators_are_linear_and_act_on_every_sample_alone(drawn, seed, factor):
    grid, order, operator = drawn
    f, g = noise(seed, grid, order, (2, 3)), noise(seed + 1, grid, order, (2, 3))
    np.testing.assert_allclose(
        operator(f + factor * g), operator(f) + factor * operator(g), rtol=0, atol=1e-12 * scale(grid)
    )
    np.testing.assert_allclose(operator(f)[1, 2], operator(f[1, 2]), rtol=0, atol=1e-12 * scale(grid))


@quick
@given(operators(), seeds)
def test_a_field_that_does_not_vary_along_an_axis_may_drop_it(drawn, seed):
    grid, order, operator = drawn
    flat = Grid((grid.length[0], *grid.cell[1:]), grid.cell)
    f = noise(seed, flat, order)
    along = np.broadcast_to(f, (*grid.shape, *f.shape[grid.ndim :]))
    found = operator(along)
    first = found[(slice(0, 1),) * (grid.ndim - 1)]
    np.testing.assert_allclose(found, np.broadcast_to(first, found.shape), rtol=0, atol=1e-12 * scale(grid))


@quick
@given(operators(), seeds)
def test_every_result_has_no_mean(drawn, seed):
    grid, order, operator = drawn
    found = operator(noise(seed, grid, order))
    np.testing.assert_allclose(found.mean(axis=tuple(range(grid.ndim))), 0.0, atol=1e-12 * scale(grid))


@quick
@given(grids(), seeds, schemes, st.floats(0.1, 10.0))
def test_derivatives_scale_with_the_length(grid, seed, scheme, factor):
    f = noise(seed, grid, 0)
    scaled = Grid(tuple(factor * x for x in grid.length), tuple(factor * x for x in grid.cell))
    assert scaled.shape == grid.shape
    np.testing.assert_allclose(
        factor * scaled.gradient(f, scheme), grid.gradient(f, scheme), rtol=1e-11, atol=1e-12 * scale(grid)
    )
    np.testing.assert_allclose(
        factor**2 * scaled.laplacian(f, scheme), grid.laplacian(f, scheme), rtol=1e-11, atol=1e-12 * scale(grid)
    )


@quick
@given(grids(), seeds, schemes)
def test_two_dimensions_are_three_with_a_single_layer(grid, seed, scheme):
    if grid.ndim == 2:
        layer = Grid((*grid.length, 1.0), (*grid.cell, 1.0))
        v = np.zeros((1, *grid.shape, 3))
        v[0, ..., :2] = noise(seed, grid, 1)
        same = {"rtol": 0, "atol": 1e-12 * scale(grid)}
        flat = grid.curl(v[0, ..., :2], scheme, tensor_order=1)
        np.testing.assert_allclose(layer.curl(v, scheme, tensor_order=1)[0, ..., 2], flat, **same)
        np.testing.assert_allclose(layer.laplacian(v[..., 0], scheme)[0], grid.laplacian(v[0, ..., 0], scheme), **same)
        stream = np.zeros_like(v)
        stream[0, ..., 2] = v[0, ..., 0]
        found = layer.curl(stream, scheme, tensor_order=1)[0]
        np.testing.assert_allclose(found[..., :2], grid.curl(v[0, ..., 0], scheme), **same)
        assert np.all(abs(found[..., 2]) <= same["atol"])


@quick
@given(st.lists(st.tuples(st.integers(1, 40), lengths), min_size=1, max_size=3), st.sampled_from(("m", "km", "1")))
def test_grids_are_read_back_from_their_coordinates(axes, units):
    cells = tuple(h for _, h in axes)
    grid = Grid(tuple(n * h for n, h in axes), cells, units)
    assert grid.shape == tuple(n for n, _ in reversed(axes))
    assert Grid.of(xr.Dataset(coords=grid.coordinates()), cell=cells, units=units) == grid


@quick
@given(st.integers(1, 500), lengths, st.floats(-1e3, 1e3))
def test_grids_that_begin_elsewhere_keep_their_coordinates(count, h, origin):
    grid = Grid(count * h, h, origin=origin * h)
    found = Grid.of(xr.Dataset(coords=grid.coordinates()), cell=h)
    assert found.shape == grid.shape
    np.testing.assert_allclose(found.cell, grid.cell, rtol=1e-9)
    np.testing.assert_allclose(found.coordinates()["x"][1], grid.coordinates()["x"][1], rtol=1e-9, atol=1e-6 * h)


@quick
@given(st.floats(1.0, 100.0), st.floats(0.01, 150.0))
def test_a_cell_divides_or_the_nearest_that_do_are_named(length, cell):
    try:
        grid = Grid(length, cell)
    except InputError as error:
        named = [float(part.split()[0]) for part in str(error).split("nearest: ")[1].split(" or ")]
        counts = [Grid(length, length / round(length / size)).size for size in named]
        assert all(abs(length / n - size) < 1e-8 * size for n, size in zip(counts, named, strict=True))
        assert len(counts) == 1 or (counts[0] * cell < length < counts[1] * cell and counts[1] == counts[0] + 1)
    else:
        assert grid.size * cell == pytest.approx(length, rel=1e-9)


factors = st.tuples(
    st.sampled_from(("kg", "g", "m", "km", "s", "d", "l", "K", "µm", "percent")), st.sampled_from((-3, -2, -1, 1, 2, 3))
)


@st.composite
def units(draw):
    """Texts of both styles: "kg*m**2/s", "kg m2 s-1"."""
    pairs = draw(st.lists(factors, min_size=1, max_size=4))
    if draw(st.booleans()):
        return " ".join(f"{name}{power}" for name, power in pairs)
    text = f"{pairs[0][0]}**{pairs[0][1]}"
    for name, power in pairs[1:]:
        text += draw(st.sampled_from("*/")) + (name if power == 1 else f"{name}**{power}")
    return text


@quick
@given(
    st.one_of(units(), st.sampled_from(("1", "1/d", "(kg*m)/(s*K)", "kg m/s K", "m**0.5", "l/d/m**2"))),
    st.sampled_from(("m", "km", "1", "m**2", "(m)")),
    st.integers(1, 2),
)
def test_divided_units_are_read_as_the_quotient(text, by, power):
    found, a, b = (parse(t) for t in (divided(text, by, power), text, by))
    assert found.exponents == tuple(x - power * y for x, y in zip(a.exponents, b.exponents, strict=True))
    assert found.factor * b.factor**power == pytest.approx(a.factor, rel=1e-12)
