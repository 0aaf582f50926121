"""Discovery of partial differential equations for scalar fields: the terms are exactly those that made the data."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import physym
from physym.discovery.fields import discover_fields
from physym.discovery.fields.data import FieldData
from physym.discovery.fields.law import FieldLaw
from physym.discovery.fields.names import named
from physym.discovery.fields.terms import FieldTerm, Space
from physym.discovery.fields.windows import Windows
from physym.discovery.law import Constant
from physym.discovery.system import System
from simulators.errors import InputError, SchemaError
from simulators.grid import Grid
from simulators.integrate import etdrk4
from simulators.schema import Variable

ATTRS = {"Conventions": "CF-1.11, physym-1", "title": "test", "source": "test", "history": "test", "simulator": "none"}
COUNTS = {"solver": "none", "seed": 0}


def dataset(states, values, times, grid, noise=0.0, seed=0):
    """Runs (sample, time, field, *space) as the schema wants them."""
    rng = np.random.default_rng(seed)
    found = {}
    for n, (name, symbol, units) in enumerate(states):
        array = values[:, :, n] + noise * values[:, :, n].std() * rng.standard_normal(values[:, :, n].shape)
        kind = Variable(name, units, name, symbol, grid.dims)
        found[name] = (("sample", "time", *grid.dims), array, kind.attrs())
    time = ("time", times, {"units": "d", "long_name": "time"})
    return xr.Dataset(found, attrs={**ATTRS, **COUNTS}).assign_coords(time=time, **grid.coordinates())


def smooth_starts(grid, samples, fields, rng, top=0.5):
    """Random fields of long waves."""
    modes = np.fft.rfftn(rng.standard_normal((samples, fields, *grid.shape)), axes=tuple(range(-grid.ndim, 0)))
    waves = -grid.laplacian_symbol("spectral")
    modes *= np.exp(-waves / top**2)
    out = np.fft.irfftn(modes, s=grid.shape, axes=tuple(range(-grid.ndim, 0)))
    return out / out.std(axis=tuple(range(-grid.ndim, 0)), keepdims=True)


def fisher(noise=0.0, samples=6):
    """∂n/∂t = 0.5 ∇²n + 0.8 n - 0.4 n², by the differences of 3 points, in one dimension."""
    grid = Grid(64.0, 1.0)
    start = 0.6 + 0.2 * smooth_starts(grid, samples, 1, np.random.default_rng(1))
    times = 0.25 * np.arange(33)
    run = etdrk4(
        lambda _t, y: 0.8 * y - 0.4 * y * y, start, times, linear=[0.5 * grid.laplacian_symbol(2)], tolerance=1e-9
    )
    return dataset([("density", "n", "g/m")], run.states, times, grid, noise)


def terms_of(law):
    """Of every equation, the families of its terms."""
    return [{t.family for t in terms} for terms in law.rights]


def family(powers, laplacian=-1, saturated=()):
    return FieldTerm(tuple(powers), tuple((s, 1.0) for s in saturated), laplacian).family


@pytest.mark.parametrize(("noise", "within"), [(0.0, 1e-5), (0.01, 0.2)])
def test_fisher_kpp(noise, within):
    law = discover_fields(fisher(noise, 6 if noise == 0 else 10))
    assert terms_of(law) == [{family([0], 0), family([1]), family([2])}]
    found = {t.family: c for t, c in zip(law.rights[0], law.constants, strict=True)}
    for kind, truth in ((family([0], 0), 0.5), (family([1]), 0.8), (family([2]), -0.4)):
        assert abs(found[kind].value / truth - 1) < within
        assert abs(found[kind].value - truth) < 6 * found[kind].error + 1e-6
    assert found[family([2])].units.replace(" ", "") in ("m/d/g", "m/g/d")
    assert law.scheme == 2 or noise


def reaction():
    """∂u/∂t = 0.3 - 0.5 u + 4 ∇²u - 0.6 u v/(v + 2), ∂v/∂t = 0.6 u v/(v + 2) - 0.3 v + 0.2 ∇²v, on 16 x 16 cells."""
    grid = Grid((32.0, 32.0), 2.0)
    start = 2.0 * np.exp(0.7 * smooth_starts(grid, 5, 2, np.random.default_rng(3)))
    times = 0.4 * np.arange(21)

    def rhs(_t, y):
        taken = 0.6 * y[0] * y[1] / (y[1] + 2.0)
        return np.stack([0.3 - 0.5 * y[0] - taken, taken - 0.3 * y[1]])

    symbol = grid.laplacian_symbol("spectral")
    run = etdrk4(rhs, start, times, linear=[4.0 * symbol, 0.2 * symbol], tolerance=1e-9)
    return dataset([("water", "u", "l/m**2"), ("plants", "v", "g/m**2")], run.states, times, grid)


@pytest.fixture(scope="module")
def rational():
    return reaction(), discover_fields(reaction())


def test_rational_terms_and_scheme(rational):
    _, law = rational
    assert terms_of(law) == [
        {family([0, 0]), family([1, 0]), family([0, 0], 0), family([1, 0], saturated=[1])},
        {family([0, 1]), family([0, 0], 1), family([1, 0], saturated=[1])},
    ]
    assert law.scheme == "spectral"
    values = sorted(abs(c.value) for c in law.constants)
    assert np.allclose(values, sorted([0.3, 0.5, 0.6, 2.0, 4.0, 0.6, 2.0, 0.3, 0.2]), rtol=1e-4)
    halves = {c.units for c in law.constants if c.name.startswith("K_")}
    assert halves == {"g/m**2"}


def test_a_law_is_a_simulator(rational, tmp_path):
    data, law = rational
    start = data.isel(time=0).drop_vars("time")
    assert physym.check(law, start.isel(sample=slice(2)), verbose=False).passed
    run = law.simulate(start, data.time.values, tolerance=1e-7)
    assert float(abs(run.plants - data.plants).max()) < 1e-4
    law.save(tmp_path / "law")
    again = physym.load(tmp_path / "law")
    assert isinstance(again, FieldLaw)
    assert str(again) == str(law)
    assert again.tendency(start).identical(law.tendency(start))
    assert "∇²u" in str(law)
    assert set(law.pareto_) == {"∂u/∂t", "∂v/∂t"}
    assert len(law.table()) == 9


def test_windows_are_exact_for_polynomials():
    times = np.array([0.0, 1.0, 1.7, 3.0, 4.1, 5.0, 6.5, 7.0])
    for smooth in (0, 2):
        windows = Windows(times, smooth)
        for power in range(9):
            s = times / 7.0
            rate = power * s ** max(power - 1, 0) / 7.0
            assert np.allclose(windows.left @ s**power, windows.right @ rate, atol=1e-9)
        assert np.allclose(windows.right.sum(axis=1), 1.0)


def test_noise_is_measured():
    data = fisher(0.02)
    found = FieldData.of(data, System.of(data)).noise[0]
    assert abs(found / (0.02 * float(fisher().density.std())) - 1) < 0.15
    assert FieldData.of(fisher(), System.of(fisher())).noise[0] == 0


def test_gradient_products_of_terms():
    grid = Grid((16.0, 16.0), 0.5)
    coordinates = grid.coordinates()
    x, y = coordinates["x"][1], coordinates["y"][1][:, None]
    wave = 2 * np.pi / 16.0
    f, g = np.sin(wave * x) + 0 * y, np.cos(wave * (x + y))
    space = Space(grid, "spectral")
    wanted = -(wave**2) * np.cos(wave * x) * np.sin(wave * (x + y))
    assert np.allclose(space.product(f, g), wanted, atol=1e-12)
    assert np.allclose(space.product(f, f), (wave * np.cos(wave * x)) ** 2 + 0 * y, atol=1e-12)


def test_unfit_data_are_refused():
    data = fisher()
    with pytest.raises(InputError, match="at least 6 times"):
        discover_fields(data.isel(time=slice(5)))
    with pytest.raises(InputError, match="at least 8 cells"):
        discover_fields(data.isel(x=slice(7)))
    with pytest.raises(InputError, match="a field that changes"):
        discover_fields(data.assign(density=data.density * 0 + 1))
    with pytest.raises(SchemaError, match="fields"):
        FieldTerm.from_dict(FieldTerm((1, 0), laplacian=1).to_dict(), 1)


def test_constants_are_named_by_parameters():
    data = fisher()
    kinds = [("growth", "r", "1/d", 0.8), ("crowding", "b", "m/d/g", 0.4), ("spreading", "D", "m**2/d", 0.25)]
    given = {n: ((), v, Variable(n, u, n, s, role="parameter").attrs()) for n, s, u, v in kinds}
    system = System.of(data.assign(given))
    constants = [
        Constant("c1", 0.8, 1e-6, "1/d"),
        Constant("c2", -0.4, 1e-6, "m/g/d"),
        Constant("c3", 0.5, 1e-6, "m/d"),
        Constant("c4", 2.0, 1e-6, "g/m"),
    ]
    assert [c.parameters for c in named(constants, system)] == ["r", "-b", "", "r/b"]
