"""Derivatives on periodic grids: exact, of the order they claim, equivariant, and typed."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy import fft

from simulators import InputError, validate
from simulators.grid import Grid
from simulators.schema import INDICES, LABELS, Variable

SCHEMES = (2, 4, "spectral")
GRIDS = {1: Grid(7.0, 1.0), 2: Grid((6.0, 2.5), (1.0, 0.5)), 3: Grid((5.0, 2.0, 4.5), (1.0, 0.5, 1.5))}
# operator, tensor order of the field, dimensions
USES = [
    *[("gradient", order, d) for order in (0, 1, 2) for d in (1, 2, 3)],
    *[("divergence", order, d) for order in (1, 2) for d in (1, 2, 3)],
    *[("curl", 0, 2), ("curl", 1, 2), ("curl", 2, 2), ("curl", 1, 3), ("curl", 2, 3)],
    *[("laplacian", order, d) for order in (0, 1, 2) for d in (1, 2, 3)],
]


def noise(grid: Grid, order: int, lead: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    shape = (*lead, *grid.shape, *(grid.ndim,) * order)
    return np.random.default_rng(seed).standard_normal(shape)


def apply(grid: Grid, name: str, f: np.ndarray, order: int, scheme: object) -> np.ndarray:
    return getattr(grid, name)(f, scheme, tensor_order=order)


def centres(grid: Grid) -> list[np.ndarray]:
    """x, y, z of every cell, each of the grid's shape."""
    axes = [grid.coordinates()[dim][1] for dim in grid.dims]
    return list(reversed(np.meshgrid(*axes, indexing="ij")))


def levi_civita(dimension: int) -> np.ndarray:
    symbol = np.zeros((dimension,) * dimension)
    for order in itertools.permutations(range(dimension)):
        symbol[order] = np.linalg.det(np.eye(dimension)[list(order)])
    return symbol


def contracted(name: str, gradient: np.ndarray, order: int, dimension: int) -> np.ndarray:
    """An operator from the full gradient G_{..bk} = ∂_k T_{..b}: a second way to each of them."""
    if name == "gradient":
        return gradient
    if name == "divergence":
        return np.einsum("...kk->...", gradient)
    epsilon = levi_civita(dimension)
    if dimension == 3:
        return np.einsum("kab,...ba->...k", epsilon, gradient)
    if order == 0:
        return np.einsum("ka,...a->...k", epsilon, gradient)
    return np.einsum("ab,...ba->...", epsilon, gradient)


def without_highest(f: np.ndarray, grid: Grid, lead: int = 0) -> np.ndarray:
    """The field without the highest modes of its even axes, which first derivatives drop."""
    for n, count in enumerate(grid.shape):
        if count % 2 == 0:
            modes = fft.fft(f, axis=lead + n)
            index = [slice(None)] * f.ndim
            index[lead + n] = count // 2
            modes[tuple(index)] = 0.0
            f = fft.ifft(modes, axis=lead + n).real
    return f


# the derivatives of waves are known


def wave(grid: Grid, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tensor field a cos(k·x + 0.3), its gradient, and its laplacian."""
    modes = np.array([2, -1, 1])[: grid.ndim]
    k = 2 * np.pi * modes / np.array(grid.length)
    phase = sum(k_n * x for k_n, x in zip(k, centres(grid), strict=True)) + 0.3
    a = np.random.default_rng(1).standard_normal((grid.ndim,) * order)
    f, slope = (np.multiply.outer(part, a) for part in (np.cos(phase), -np.sin(phase)))
    return f, np.multiply.outer(slope, k), -np.sum(k**2) * f


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("cells", [6, 7])
def test_spectral_derivatives_of_waves_are_exact(name: str, order: int, d: int, cells: int) -> None:
    grid = Grid((6.0, 2.5, 1.0)[:d], tuple(length / (cells + n) for n, length in enumerate((6.0, 2.5, 1.0)[:d])))
    f, gradient, laplacian = wave(grid, order)
    wanted = laplacian if name == "laplacian" else contracted(name, gradient, order, d)
    np.testing.assert_allclose(apply(grid, name, f, order, "spectral"), wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", [2, 4])
def test_differences_have_the_order_they_claim(name: str, order: int, d: int, scheme: int) -> None:
    errors = []
    for cells in (24, 36):
        grid = Grid((6.0, 2.5, 1.0)[:d], tuple(length / cells for length in (6.0, 2.5, 1.0)[:d]))
        f, gradient, laplacian = wave(grid, order)
        wanted = laplacian if name == "laplacian" else contracted(name, gradient, order, d)
        errors.append(np.sqrt(np.mean((apply(grid, name, f, order, scheme) - wanted) ** 2)))
    assert np.log(errors[0] / errors[1]) / np.log(36 / 24) == pytest.approx(scheme, abs=0.1)


# two implementations agree


def rolled(grid: Grid, f: np.ndarray, order: int, scheme: int, power: int) -> np.ndarray:
    """All ∂_k or ∂_k² by numpy, the axis last."""
    weights = {(2, 1): {1: 1 / 2}, (4, 1): {1: 2 / 3, 2: -1 / 12}, (2, 2): {1: 1.0}, (4, 2): {1: 4 / 3, 2: -1 / 12}}
    found = []
    for n, h in enumerate(grid.cell):
        axis = f.ndim - order - 1 - n
        parts = []
        for shift, weight in weights[scheme, power].items():
            ahead, behind = np.roll(f, -shift, axis), np.roll(f, shift, axis)
            parts.append(weight * (ahead - behind if power == 1 else ahead + behind - 2 * f))
        found.append(sum(parts) / h**power)
    return np.stack(found, axis=-1)


SHAPES = [(1,), (2,), (3,), (4,), (5,), (1, 1), (2, 5), (5, 1), (3, 4), (1, 1, 1), (2, 1, 3), (3, 4, 5), (4, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scheme", [2, 4])
def test_differences_agree_with_rolled_arrays_however_few_the_cells(shape: tuple[int, ...], scheme: int) -> None:
    cell = (0.5, 2.0, 3.0)[: len(shape)]
    grid = Grid(tuple(n * h for n, h in zip(reversed(shape), cell, strict=True)), cell)
    assert grid.shape == shape
    for name, order, d in USES:
        if d == grid.ndim:
            f = noise(grid, order, (2, 3))
            if name == "laplacian":
                wanted = rolled(grid, f, order, scheme, 2).sum(axis=-1)
            else:
                wanted = contracted(name, rolled(grid, f, order, scheme, 1), order, d)
            np.testing.assert_allclose(apply(grid, name, f, order, scheme), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_spectral_derivatives_agree_with_a_transform_over_all_axes(shape: tuple[int, ...]) -> None:
    cell = (0.5, 2.0, 3.0)[: len(shape)]
    grid = Grid(tuple(n * h for n, h in zip(reversed(shape), cell, strict=True)), cell)
    axes = tuple(range(1, 1 + grid.ndim))
    for name, order, d in USES:
        if d == grid.ndim:
            f = noise(grid, order, (2,))
            modes = fft.fftn(f, axes=axes)
            numbers = [2 * np.pi * fft.fftfreq(n, h) for n, h in zip(shape, reversed(grid.cell), strict=True)]
            gradient, laplacian = [], 0.0
            for n, k in enumerate(numbers):
                k = k.reshape(-1, *(1,) * (f.ndim - 2 - n))
                kept = np.where(np.isclose(abs(k), np.pi / grid.cell[-1 - n]), 0.0, k)
                gradient.insert(0, fft.ifftn(1j * kept * modes, axes=axes).real)
                laplacian = laplacian - fft.ifftn(k**2 * modes, axes=axes).real
            wanted = laplacian if name == "laplacian" else contracted(name, np.stack(gradient, axis=-1), order, d)
            np.testing.assert_allclose(apply(grid, name, f, order, "spectral"), wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_symbol_is_the_laplacian_of_every_mode(shape: tuple[int, ...], scheme: object) -> None:
    cell = (0.5, 2.0, 3.0)[: len(shape)]
    grid = Grid(tuple(n * h for n, h in zip(reversed(shape), cell, strict=True)), cell)
    f = noise(grid, 0)
    symbol = grid.laplacian_symbol(scheme)
    wanted = fft.rfftn(grid.laplacian(f, scheme))
    assert symbol.shape == wanted.shape
    assert symbol.dtype == np.float64
    assert np.all(symbol <= 0)
    assert symbol.flat[0] == 0
    np.testing.assert_allclose(symbol * fft.rfftn(f), wanted, rtol=1e-11, atol=1e-11)
    assert np.broadcast_shapes(*(k.shape for k in grid.wavenumbers())) == symbol.shape


def test_wavenumbers_are_those_of_the_modes() -> None:
    grid = Grid((6.0, 2.5, 1.0), (1.0, 0.5, 0.25))
    numbers = grid.wavenumbers()
    np.testing.assert_allclose(-sum(k**2 for k in numbers), grid.laplacian_symbol("spectral"), rtol=1e-14)
    for k, count, h in zip(numbers, grid.shape, reversed(grid.cell), strict=True):
        wanted = (fft.rfftfreq if k.shape[-1] > 1 else fft.fftfreq)(count, h)
        np.testing.assert_allclose(k.reshape(-1), 2 * np.pi * wanted, rtol=1e-14)
    fine, phase = Grid(1.0, 1e-2), 2 * np.pi * 1e-2 * np.arange(1, 4)
    for scheme, wanted in ((2, phase**2 / 12), (4, phase**4 / 90)):
        ratio = fine.laplacian_symbol(scheme)[1:4] / fine.laplacian_symbol("spectral")[1:4]
        np.testing.assert_allclose(1 - ratio, wanted, rtol=0.01)


# identities of vector calculus


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("d", [2, 3])
def test_second_derivatives_that_must_vanish_do(d: int, scheme: object) -> None:
    grid = GRIDS[d]
    f, v = noise(grid, 0), noise(grid, 1)
    assert np.max(abs(grid.gradient(f, scheme))) > 0.1
    rotation = grid.curl(v, scheme, tensor_order=1) if d == 3 else grid.curl(f, scheme)
    zero = {
        "curl grad": grid.curl(grid.gradient(f, scheme), scheme, tensor_order=1),
        "div curl": grid.divergence(rotation, scheme, tensor_order=1),
    }
    for name, values in zero.items():
        np.testing.assert_allclose(values, 0.0, atol=1e-13 * np.max(abs(f)) / min(grid.cell) ** 2 * 10, err_msg=name)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("order", [0, 1])
def test_spectral_div_grad_is_the_laplacian(d: int, order: int) -> None:
    grid = GRIDS[d]
    f = without_highest(noise(grid, order), grid)
    found = grid.divergence(grid.gradient(f, "spectral", tensor_order=order), "spectral", tensor_order=order + 1)
    np.testing.assert_allclose(found, grid.laplacian(f, "spectral", tensor_order=order), atol=1e-11)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("d", [2, 3])
def test_curl_curl_is_grad_div_minus_div_grad(d: int, scheme: object) -> None:
    grid = GRIDS[d]
    v = noise(grid, 1)
    once = grid.curl(v, scheme, tensor_order=1)
    twice = grid.curl(once, scheme, tensor_order=1 if d == 3 else 0)
    wanted = grid.gradient(grid.divergence(v, scheme, tensor_order=1), scheme)
    wanted = wanted - grid.divergence(grid.gradient(v, scheme, tensor_order=1), scheme, tensor_order=2)
    np.testing.assert_allclose(twice, wanted, atol=1e-11)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_summation_by_parts_and_means(d: int, scheme: object) -> None:
    grid = GRIDS[d]
    f, g, v, w = noise(grid, 0), noise(grid, 0, seed=1), noise(grid, 1, seed=2), noise(grid, 1, seed=3)
    lap = grid.laplacian
    pairs = {
        "div is minus the adjoint of grad": (
            np.sum(f * grid.divergence(v, scheme, tensor_order=1)),
            -np.sum(grid.gradient(f, scheme) * v),
        ),
        "lap is symmetric": (np.sum(g * lap(f, scheme)), np.sum(lap(g, scheme) * f)),
        "mean of div": (np.mean(grid.divergence(v, scheme, tensor_order=1)), 0.0),
        "mean of lap": (np.mean(lap(f, scheme)), 0.0),
    }
    if d == 2:
        pairs["curls are adjoint"] = (
            np.sum(f * grid.curl(v, scheme, tensor_order=1)),
            np.sum(grid.curl(f, scheme) * v),
        )
    if d == 3:
        pairs["curl is symmetric"] = (
            np.sum(w * grid.curl(v, scheme, tensor_order=1)),
            np.sum(grid.curl(w, scheme, tensor_order=1) * v),
        )
    for name, (a, b) in pairs.items():
        assert a == pytest.approx(b, rel=1e-11, abs=1e-11), name
    assert np.sum(f * lap(f, scheme)) < 0


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", [2, 4])
def test_constants_have_no_derivative_and_a_mean_costs_no_digits(name: str, order: int, d: int, scheme: int) -> None:
    grid = GRIDS[d]
    f = np.full((*grid.shape, *(d,) * order), 0.1 + 1 / 3)
    assert not np.any(apply(grid, name, f, order, scheme))
    small = np.round(noise(grid, order) * 2**9) / 2**9
    np.testing.assert_array_equal(
        apply(grid, name, small + 1.5 * 2.0**43, order, scheme), apply(grid, name, small, order, scheme)
    )


# symmetries


def elements(d: int) -> list[np.ndarray]:
    """The signed permutation matrices."""
    found = []
    for order in itertools.permutations(range(d)):
        for signs in itertools.product((1.0, -1.0), repeat=d):
            found.append(np.diag(signs) @ np.eye(d)[list(order)])
    return found


def carried(q: np.ndarray, f: np.ndarray, order: int, pseudo: int) -> np.ndarray:
    """(Q·T)(x) = det(Q)^pseudo Q T(Q⁻¹x): new axis i is the old axis with Q_{i,axis} = ±1, reversed if that is -1."""
    d = len(q)
    first = f.ndim - order - d
    source = np.argmax(abs(q), axis=1)
    axes = list(range(f.ndim))
    for i in range(d):
        axes[first + d - 1 - i] = first + d - 1 - source[i]
    f = f.transpose(axes)
    f = np.flip(f, [first + d - 1 - i for i in range(d) if q[i, source[i]] < 0])
    for n in range(order):
        axis = f.ndim - order + n
        f = np.moveaxis(np.tensordot(f, q, axes=(axis, 1)), -1, axis)
    return f * np.round(np.linalg.det(q)) ** pseudo


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_rotation_and_reflection_of_the_grid_commutes(name: str, order: int, d: int, scheme: object) -> None:
    grid = GRIDS[d]
    f = noise(grid, order, (2,))
    result = apply(grid, name, f, order, scheme)
    gives = result.ndim - 1 - d
    group = elements(d)
    assert len(group) == {1: 2, 2: 8, 3: 48}[d]
    for q in group:
        source = np.argmax(abs(q), axis=1)
        turned = Grid(tuple(grid.length[n] for n in source), tuple(grid.cell[n] for n in source))
        found = apply(turned, name, carried(q, f, order, 0), order, scheme)
        wanted = carried(q, result, gives, 1 if name == "curl" else 0)
        if scheme == "spectral":
            np.testing.assert_allclose(found, wanted, atol=1e-11)
        else:
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_translations_by_cells_commute(name: str, order: int, d: int, scheme: object) -> None:
    grid = GRIDS[d]
    f = noise(grid, order)
    shifts, axes = tuple(range(2, 2 + d)), tuple(range(d))
    found = apply(grid, name, np.roll(f, shifts, axes), order, scheme)
    wanted = np.roll(apply(grid, name, f, order, scheme), shifts, axes)
    if scheme == "spectral":
        np.testing.assert_allclose(found, wanted, atol=1e-11)
    else:
        np.testing.assert_array_equal(found, wanted)


# numbers and memory


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_float32_stays_float32_and_other_numbers_become_float64(name: str, order: int, d: int, scheme: object) -> None:
    grid = GRIDS[d]
    f = noise(grid, order)
    exact = apply(grid, name, f.astype(np.float32).astype(np.float64), order, scheme)
    found = apply(grid, name, f.astype(np.float32), order, scheme)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=2e-5)
    whole = np.round(10 * f)
    for dtype in (np.int16, ">f8", np.float16):
        np.testing.assert_array_equal(
            apply(grid, name, whole.astype(dtype), order, scheme), apply(grid, name, whole, order, scheme)
        )


@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_any_memory_layout_and_no_samples(name: str, order: int, d: int, scheme: object) -> None:
    grid = GRIDS[d]
    f = noise(grid, order, (3, 2))
    kept = f.copy()
    wanted = apply(grid, name, f, order, scheme)
    np.testing.assert_array_equal(f, kept)
    f.flags.writeable = False
    np.testing.assert_array_equal(apply(grid, name, f, order, scheme), wanted)
    np.testing.assert_allclose(apply(grid, name, np.asfortranarray(f), order, scheme), wanted, atol=1e-11)
    np.testing.assert_array_equal(apply(grid, name, f[::2, 1], order, scheme), wanted[::2, 1])
    assert apply(grid, name, f[:0], order, scheme).shape == wanted[:0].shape


def test_nan_in_an_array_spreads_no_further_than_the_stencil() -> None:
    grid = Grid((6.0, 6.0), 1.0)
    f = noise(grid, 0)
    f[2, 3] = np.nan
    for scheme, cells in ((2, 5), (4, 9)):
        assert np.count_nonzero(np.isnan(grid.laplacian(f, scheme))) == cells


# typed fields


def typed(grid: Grid, order: int = 0, pseudo: int = 0, units: str = "g/m**2") -> xr.DataArray:
    dims = ("sample", "time", *grid.dims, *INDICES[:order])
    variable = Variable("density", units, "vegetation density", "v", grid.dims, order, pseudo)
    coords = grid.coordinates() | {i: (i, list(LABELS[: grid.ndim])) for i in INDICES[:order]}
    coords["time"] = ("time", [0.0, 1.0], {"units": "s"})
    return xr.DataArray(noise(grid, order, (3, 2)), coords, dims, "density", variable.attrs())


@pytest.mark.parametrize("pseudo", [0, 1])
@pytest.mark.parametrize(("name", "order", "d"), USES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_results_are_typed(name: str, order: int, d: int, scheme: object, pseudo: int) -> None:
    grid = GRIDS[d]
    f = typed(grid, order, pseudo)
    found = getattr(grid, name)(f, scheme)
    gives = {"gradient": order + 1, "divergence": order - 1, "laplacian": order, "curl": order}[name]
    if (name, d) == ("curl", 2):
        gives = 1 if order == 0 else order - 1
    assert found.dims == ("sample", "time", *grid.dims, *INDICES[:gives])
    assert found.attrs == {
        "units": "g/m**4" if name == "laplacian" else "g/m**3",
        "long_name": f"{name} of vegetation density",
        "symbol": {"gradient": "∇v", "divergence": "∇·v", "curl": "∇×v", "laplacian": "∇²v"}[name],
        "tensor_order": gives,
        "pseudo": 1 - pseudo if name == "curl" else pseudo,
        "role": "diagnostic",
    }
    assert found.name == f"density_{name}"
    np.testing.assert_array_equal(found.values, apply(grid, name, f.values, order, scheme))
    dataset = xr.Dataset({"density": f, found.name: found})
    validate(dataset.assign_attrs(Conventions="CF-1.11, physym-1", simulator="none"))
    assert Grid.of(found) == grid


def test_dimensions_may_come_in_any_order_and_names_may_lack() -> None:
    grid = GRIDS[2]
    v = typed(grid, 1)
    turned = v.transpose("i", "x", "sample", "y", "time")
    xr.testing.assert_identical(grid.divergence(turned), grid.divergence(v))
    bare = v.drop_vars(["x", "y", "i"]).rename(None)
    for key in ("long_name", "symbol", "role"):
        del bare.attrs[key]
    found = grid.curl(bare)
    assert found.name is None
    np.testing.assert_array_equal(found, grid.curl(v))
    assert grid.gradient(v.assign_attrs(symbol="a + b")).symbol == "∇(a + b)"


def test_coordinates_in_kilometres_are_converted() -> None:
    f = typed(GRIDS[2])
    far = f.assign_coords({dim: (dim, f[dim].values / 1000, {"units": "km"}) for dim in ("y", "x")})
    grid = Grid.of(far)
    assert grid.units == "m"
    np.testing.assert_allclose(grid.cell, GRIDS[2].cell, rtol=1e-12)
    np.testing.assert_allclose(grid.gradient(far), GRIDS[2].gradient(f), rtol=1e-10)
    assert grid.gradient(far).units == "g/m**3"
    coarse = Grid.of(far, units="km")
    assert coarse.laplacian(far).units == "g/m**2/km**2"
    np.testing.assert_allclose(coarse.laplacian(far), 1e6 * GRIDS[2].laplacian(f), rtol=1e-10)


def test_dimensionless_lengths() -> None:
    grid = Grid((2 * np.pi, 2 * np.pi), 2 * np.pi / 8, units="1")
    assert grid.laplacian(typed(grid, units="1")).units == "1"
    assert Grid.of(typed(grid), units="1") == grid


# grids


def test_a_grid_says_its_sizes() -> None:
    grid = Grid(length=(200.0, 100.0, 30.0), cell=(2, 1, 3))
    assert (grid.dims, grid.shape, grid.ndim, grid.size) == (("z", "y", "x"), (10, 100, 100), 3, 100_000)
    assert grid.length == (200.0, 100.0, 30.0)
    assert grid.cell == (2.0, 1.0, 3.0)
    assert Grid(5.0, 0.5) == Grid((5.0,), [0.5]) == Grid(np.array([5.0]), np.float32(0.5))
    assert hash(Grid(5.0, 0.5)) == hash(Grid(5, 0.5))
    decimal = Grid(0.3, 0.1)
    assert decimal.shape == (3,)
    assert Grid.of(xr.Dataset(coords=decimal.coordinates())) == decimal
    assert dataclasses.replace(decimal, cell=0.05).shape == (6,)
    assert pickle.loads(pickle.dumps(decimal)) == decimal
    assert Grid(1.0, 1 / 3).shape == (3,)
    x = grid.coordinates()["x"]
    assert x[0] == "x"
    np.testing.assert_array_equal(x[1], 2 * np.arange(100) + 1.0)
    assert x[2] == {"units": "m", "long_name": "x", "axis": "X"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((100.0, 3.0), "cell: expected one that divides the length 100 m along x, given 3 m; nearest: 3.03030303 m"),
        (((6.0, 5.0), 2.0), "length 5 m along y, given 2 m; nearest: 2.5 m (2 cells) or 1.666666667 m (3 cells)"),
        ((1.0, 1.7), "given 1.7 m; nearest: 1 m (1 cell)"),
        ((1.0, 3.0), "given 3 m; nearest: 1 m (1 cell)"),
        ((1.0, 0.0), "cell: expected numbers above 0, given 0"),
        ((-1.0, 1.0), "length: expected numbers above 0, given -1"),
        ((np.inf, 1.0), "length: expected finite numbers, given inf"),
        (((1.0, np.nan), 1.0), "length: expected finite numbers, given nan at index (1,)"),
        (((1.0,) * 4, 1.0), "length: expected one number, or up to 3 in the order (x, y, z); given shape (4,)"),
        (((), 1.0), "length: expected one number, or up to 3"),
        (((1.0, 1.0), (1.0, 1.0, 1.0)), "length: expected 3 numbers (x, y, z) or one for all, given 2"),
        (("1", 1.0), "length: expected numbers, given '1'"),
        ((None, 1.0), "length: expected numbers, given None"),
        ((1e300, 1e-300), "cell: expected at most 2147483648 cells along x, given inf; enlarge the cell"),
        ((1.0, 1.0, "degC"), "expected units that scale"),
        ((1.0, 1.0, None), "expected units such as"),
        ((1.0, 1.0, "s"), "units: expected a length, such as 'm', or '1'; given 's'"),
        ((1.0, 1.0, "degree"), "units: expected a length, such as 'm', or '1'; given 'degree'; put the data"),
        ((1.0, 1.0, "m", np.inf), "origin: expected finite numbers"),
    ],
)
def test_bad_grids_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Grid(*arguments)


def axis(values: object, units: str | None = "m", dim: str = "x", **more: object) -> xr.Dataset:
    return xr.Dataset(coords={dim: (dim, np.array(values), {} if units is None else {"units": units}), **more})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: np.zeros(3), "expected an xarray Dataset or DataArray on a grid, given ndarray"),
        (lambda: xr.Dataset(), "expected the dimensions x, or y and x, or z, y and x of a grid; given none"),
        (lambda: axis([0.5, 1.5], dim="y"), "of a grid; given y"),
        (lambda: xr.Dataset({"a": ("x", [1.0, 2.0])}), "coordinate 'x': expected cell centres, given none"),
        (lambda: axis([0.5, 1.5], None), "coordinate 'x': expected the attribute 'units', such as 'm'; given None"),
        (lambda: axis([0.5, 1.5], "s"), "coordinate 'x': expected units of 'm', given 's'"),
        (lambda: axis([0.5, 1.5, 2.50001]), "expected evenly spaced, increasing cell centres; given steps from 1 to"),
        (lambda: axis([2.5, 1.5, 0.5]), "expected evenly spaced, increasing cell centres; given steps from -1 to -1"),
        (lambda: axis([1.5, 1.5]), "increasing cell centres; given steps from 0 to 0"),
        (lambda: axis([0.5, np.nan, 2.5]), "coordinate 'x': expected finite numbers, given others"),
        (lambda: axis(["a", "b"]), "coordinate 'x': expected numbers along it, given <U1"),
        (lambda: axis(np.zeros(0)), "coordinate 'x': expected numbers along it, given float64 of shape (0,)"),
        (lambda: axis([0.5]), "expected several cells, or the size of a single one as the argument cell; given one"),
    ],
)
def test_coordinates_that_are_no_grid_are_refused(data: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Grid.of(data())


@pytest.mark.parametrize("units", ["degrees", "rad", "arcmin", "percent"])
def test_coordinates_that_are_no_distances_are_refused_also_as_units_of_the_grid(units: str) -> None:
    told = f"coordinate 'x': expected a length, such as 'm', or '1'; given {units!r}; put the data on a plane"
    for wanted in (units, "1"):
        with pytest.raises(InputError, match=re.escape(told)):
            Grid.of(axis([0.5, 1.5], units), units=wanted)
    assert Grid.of(axis([0.5, 1.5], "1"), units="1") == Grid(2.0, 1.0, "1")
    assert Grid.of(axis([0.5, 1.5], "km")) == Grid(2000.0, 1000.0)


def test_a_single_cell_takes_its_size_from_the_caller() -> None:
    grid = Grid((1.0, 6.0), (1.0, 2.0))
    data = xr.Dataset(coords=grid.coordinates())
    assert Grid.of(data, cell=1.0) == grid
    assert Grid.of(data, cell=(1.0, 9.0)) == grid
    assert Grid.of(data, cell=4.0) == Grid((4.0, 6.0), (4.0, 2.0), origin=(-1.5, 0.0))
    for cell, message in ((0.0, "given one cell and 0"), (-1.0, "and -1"), ((1.0,) * 3, "expected 2 numbers")):
        with pytest.raises(InputError, match=message):
            Grid.of(data, cell=cell)


def test_grids_may_begin_anywhere_and_have_few_digits() -> None:
    grid = Grid((12.0, 8.0), (0.1, 0.25), origin=(-6.0, 1.0))
    found = Grid.of(xr.Dataset(coords=grid.coordinates()))
    for name in ("length", "cell", "origin"):
        np.testing.assert_allclose(getattr(found, name), getattr(grid, name), rtol=1e-12)
    np.testing.assert_allclose(found.coordinates()["x"][1], grid.coordinates()["x"][1], rtol=1e-12)
    single = axis(Grid(1000.0, 0.1).coordinates()["x"][1].astype(np.float32))
    assert Grid.of(single).shape == (10_000,)
    np.testing.assert_allclose(Grid.of(single).cell, 0.1, rtol=1e-6)
    assert Grid.of(axis([0, 1, 2])) == Grid(3.0, 1.0, origin=-0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.gradient(np.zeros((5, 5))), "field: expected an array that ends in the cells (5, 6) of the grid"),
        (lambda g: g.gradient(np.zeros(6)), "given the shape (6,)"),
        (lambda g: g.laplacian(np.zeros((5, 6, 3)), tensor_order=1), "(5, 6) of the grid and 1 x 2 components"),
        (lambda g: g.laplacian(np.zeros((5, 6, 2))), "expected an array that ends in the cells (5, 6)"),
        (lambda g: g.divergence(np.zeros((5, 6))), "expected a vector or tensor to take the divergence of"),
        (lambda g: g.gradient(np.zeros((5, 6)), 3), "scheme: expected 2, 4 or 'spectral', given 3"),
        (lambda g: g.gradient(np.zeros((5, 6)), True), "scheme: expected 2, 4 or 'spectral', given True"),
        (lambda g: g.laplacian(np.zeros((5, 6)), "fft"), "scheme: expected 2, 4 or 'spectral', given 'fft'"),
        (lambda g: g.laplacian_symbol(6), "scheme: expected 2, 4 or 'spectral', given 6"),
        (lambda g: g.gradient(np.zeros((5, 6)) * 1j), "field: expected real numbers, given complex128"),
        (lambda g: g.gradient([[1.0], [1.0, 2.0]]), "field: expected an array of numbers"),
        (lambda g: g.gradient("abc"), "field: expected real numbers, given <U3"),
        (lambda g: g.gradient(np.zeros((5, 6)), tensor_order=-1), "tensor_order: expected an integer >= 0, given -1"),
        (lambda g: g.gradient(np.zeros((5, 6)), tensor_order=0.5), "tensor_order: expected an integer >= 0, given 0.5"),
        (lambda g: g.gradient(xr.Dataset()), "expected one field, given a Dataset"),
        (lambda g: g.gradient(typed(g).drop_attrs()), "'density': expected the attribute 'units', given none"),
        (lambda g: g.gradient(typed(g).assign_attrs(tensor_order=1)), "expected units as text, tensor_order 0"),
        (lambda g: g.gradient(typed(g).assign_attrs(pseudo=2)), "pseudo 0 or 1, given"),
        (lambda g: g.gradient(typed(g).assign_attrs(units="foo")), "expected units that pint reads"),
        (lambda g: g.gradient(typed(g), tensor_order=1), "tensor_order: expected 0, as 'density' declares, given 1"),
        (lambda g: g.gradient(typed(GRIDS[1])), "expected the dimensions y, x on this grid, given"),
        (lambda g: g.gradient(typed(g).isel(x=0)), "expected the dimensions y, x on this grid, given"),
        (lambda g: g.gradient(typed(g, 1).rename(i="j")), "expected the dimensions y, x, i on this grid, given"),
        (lambda g: g.gradient(typed(g).isel(x=slice(4))), "variable 'density': expected an array that ends in"),
        (lambda g: g.gradient(typed(Grid((12.0, 5.0), (2.0, 1.0)))), "expected cells of 1 m along 'x', as"),
        (lambda g: g.gradient(typed(g).where(typed(g) < 2)), "variable 'density': expected finite numbers, given NaN"),
        (lambda g: g.gradient(typed(g, 1).isel(i=[1, 0])), "expected 2 components along 'i', given ['y', 'x']"),
        (lambda g: g.gradient(typed(g, 4)), "gradient: expected a result of at most 4 indices, given one with 5"),
        (lambda g: GRIDS[1].curl(np.zeros(7)), "expected a grid of 2 or 3 dimensions to take a curl on, given 1"),
        (lambda g: GRIDS[3].curl(noise(GRIDS[3], 0)), "expected a vector or tensor to take the curl of"),
    ],
)
def test_bad_fields_are_refused(call: Callable[[Grid], object], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        call(GRIDS[2])
    assert "\n" not in str(caught.value)


def test_the_grid_is_imported_without_numba() -> None:
    code = "import sys, simulators.grid; assert not {'numba', 'scipy.fft', 'pint'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
