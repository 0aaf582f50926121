"""Fields without divergence, symmetric tensors and a band of waves: found in the data, and kept by rollouts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import physym
from physym.models.fields.constraints import band, band_of, obeyed, solenoidal, symmetric
from physym.models.fields.equivariance import equivariance_error, random_fields, translation_error
from physym.symmetry import Hyperoctahedral
from simulators import ElasticWaves, NavierStokes, ShallowWater
from simulators.grid import Grid
from simulators.schema import variables


@pytest.mark.parametrize(("dim", "cells"), [(2, 8), (2, 9), (3, 4)])
def test_the_projection_leaves_no_divergence_and_commutes(dim, cells) -> None:
    fields = random_fields({(1, 0): 1}, dim, cells)
    cell = (0.5,) * dim

    def layer(given):
        return {(1, 0): solenoidal(given[1, 0][:, 0], cell)[:, None]}

    found = layer(fields)[1, 0][:, 0]
    grid, values = Grid((0.5 * cells,) * dim, 0.5), np.moveaxis(found.numpy(), 1, -1)
    slopes = grid.gradient(values, "spectral", tensor_order=1)
    assert np.abs(np.trace(slopes, axis1=-2, axis2=-1)).max() < 1e-12 * np.abs(slopes).max()
    torch.testing.assert_close(solenoidal(found, cell), found, rtol=0, atol=1e-14)
    # the nearest: what is taken off is orthogonal to what is left, and the mean stays
    taken = fields[1, 0][:, 0] - found
    assert abs(float((taken * found).sum())) < 1e-12 * float((taken**2).sum())
    assert float(taken.square().mean()) > 0.1
    axes = tuple(range(2, 2 + dim))
    torch.testing.assert_close(taken.mean(axes), torch.zeros_like(taken.mean(axes)), rtol=0, atol=1e-15)
    assert equivariance_error(layer, fields, Hyperoctahedral(dim).elements()) < 1e-12
    assert translation_error(layer, fields, dim) < 1e-12


def test_cells_that_are_not_square_are_measured_along_their_sides() -> None:
    fields = random_fields({(1, 0): 1}, 2, 8)[1, 0][:, 0]
    values = np.moveaxis(solenoidal(fields, (2.0, 0.5)).numpy(), 1, -1)
    slopes = Grid((16.0, 4.0), (2.0, 0.5)).gradient(values, "spectral", tensor_order=1)
    assert np.abs(np.trace(slopes, axis1=-2, axis2=-1)).max() < 1e-12 * np.abs(slopes).max()


def test_the_symmetric_part() -> None:
    tensors = random_fields({(2, 0): 1}, 2, 3)[2, 0][:, 0]
    found = symmetric(tensors.flatten(1, 2), 2).unflatten(1, (2, 2))
    torch.testing.assert_close(found, (tensors + tensors.transpose(1, 2)) / 2)


@pytest.mark.parametrize(("dim", "cells", "highest"), [(1, 9, 0.5), (2, 8, 0.75), (2, 12, 0.7), (3, 6, 0.4)])
def test_the_band_holds_whole_waves_and_commutes(dim, cells, highest) -> None:
    fields = random_fields({(0, 0): 2}, dim, cells)[0, 0]
    found = band(fields, dim, highest)
    modes = np.fft.fftn(found.numpy(), axes=range(2, 2 + dim))
    before = np.fft.fftn(fields.numpy(), axes=range(2, 2 + dim))
    waves = np.meshgrid(*[np.abs(np.fft.fftfreq(cells)) * 2] * dim, indexing="ij")
    kept = np.all([wave <= highest for wave in waves], axis=0)
    assert 1 < kept.sum() < kept.size
    np.testing.assert_allclose(modes, np.where(kept, before, 0), atol=1e-12)

    def layer(given):
        return {(0, 0): band(given[0, 0], dim, highest)}

    assert equivariance_error(layer, {(0, 0): fields}, Hyperoctahedral(dim).elements()) < 1e-12
    assert translation_error(layer, {(0, 0): fields}, dim) < 1e-12


def test_the_shortest_waves_of_data_are_found() -> None:
    """A dealiased scheme keeps two thirds of the waves, one in cells all, a standing wave its own."""
    air = NavierStokes(cell=1 / 16)
    flow = air.simulate(air.sample(2), 0.05 * np.arange(3))
    sea = ShallowWater(length=160e3)
    water = sea.simulate(sea.sample(2), sea.times[:3])
    wave = flow.isel(time=slice(2)).copy(deep=True)
    wave["temperature"][:] = np.cos(2 * np.pi * 3 * flow["x"].values)
    wave["velocity"][:] = 0.0
    for run, wanted in [(flow, 10 / 16), (water, 1.0), (wave, 6 / 16)]:
        states = [v for v in variables(run).values() if v.role == "state"]
        for data in (run, run.astype(np.float32)):
            found = band_of(data, states, Grid.of(run))
            assert wanted <= found < wanted + 2 / 16
            assert found <= 1


@pytest.mark.parametrize(
    ("model", "free", "even"),
    [
        (NavierStokes(cell=1 / 16), ("velocity",), ()),
        (ElasticWaves(length=1600.0, cell=100.0), (), ("stress",)),
        (ShallowWater(length=160e3), (), ()),
    ],
)
def test_what_data_obey_is_found(model, free, even) -> None:
    run = model.simulate(model.sample(2), model.times[:3])
    states = [v for v in model.variables().values() if v.role == "state"]
    for data in (run, run.astype(np.float32)):
        assert obeyed(data, states, Grid.of(run)) == (free, even)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_rollouts_obey_it_and_simulators_take_them(precision, tmp_path) -> None:
    air = NavierStokes(cell=1 / 16)
    run = air.simulate(air.sample(4), 0.05 * np.arange(4))
    model = physym.FieldNet(net="resnet", width=2, depth=1, precision=precision).fit(run, steps=3)
    model.save(tmp_path / "model")
    start = run.isel(time=0, drop=True)
    for law in (model, physym.load(tmp_path / "model")):
        found = law.simulate(start, 0.05 * np.arange(6))
        slopes = Grid.of(found).gradient(found["velocity"].values, "spectral", tensor_order=1)
        assert (
            np.abs(np.trace(slopes, axis1=-2, axis2=-1)).max()
            < (1e-12 if precision == "float64" else 1e-5) * np.abs(slopes).max()
        )
        assert float(abs(found["velocity"].isel(time=-1) - start["velocity"]).max()) > 1e-3
        modes = np.abs(np.fft.fft(found["temperature"].values, axis=-1))
        assert modes[..., 6:11].max() < (1e-12 if precision == "float64" else 1e-5) * modes.max()
    solid = ElasticWaves(length=1600.0, cell=100.0)
    waves = solid.simulate(solid.sample(4), 0.02 * np.arange(4))
    model = physym.FieldNet(net="resnet", width=2, depth=1, precision=precision).fit(waves, steps=3)
    found = model.simulate(waves.isel(time=0, drop=True), 0.02 * np.arange(6))
    stress = found["stress"].values
    np.testing.assert_array_equal(stress, np.swapaxes(stress, -1, -2))
    solid.conserved(found)
