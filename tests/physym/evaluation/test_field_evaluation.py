"""Checks, evaluations and pictures of fields: what is lawful passes, what is not fails, and pages show all of it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import simulators
from physym import checks, plotting
from physym.checks import check
from physym.evaluation import evaluate
from physym.metrics import nudge, rollout_error, spatial_errors
from physym.plotting.views import edges, views
from simulators import DivergenceError, InputError, Rietkerk, Variable
from simulators.base import Simulator
from simulators.schema import SPACE, conform

# A field of one's own -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Advection(Simulator):
    """∂c/∂t = -U·∇c + κ ∇²c,  ∂v/∂t = -U·∇v + κ ∇²v - g ∇c: a scalar that drives a vector, exact by Fourier series.

    State: concentration c [kg/m**2] and velocity v [m/s] over 1 to 3 dimensions. Parameters: wind U (i) [m/s];
    diffusivity κ [m**2/s]; coupling g [m**4/kg/s**2].
    """

    times: ClassVar[np.ndarray] = np.linspace(0.0, 4.0, 9)
    cells: tuple[int, ...] = (6, 9)
    sizes: tuple[float, ...] = (4.0, 7.0)

    dim: ClassVar[int] = 2

    @classmethod
    def variables(cls):
        space = SPACE[-cls.dim :]
        typed = (
            Variable("concentration", "kg/m**2", "concentration", "c", space),
            Variable("velocity", "m/s", "velocity", "v", space, 1),
            Variable("wind", "m/s", "wind", "U", (), 1, role="parameter"),
            Variable("diffusivity", "m**2/s", "diffusivity", "κ", role="parameter"),
            Variable("coupling", "m**4/kg/s**2", "coupling", "g", role="parameter"),
        )
        return {v.name: v for v in typed}

    def sample(self, samples, seed=0):
        dim, types, space = self.dim, self.variables(), SPACE[-self.dim :]
        rng = np.random.default_rng(seed)
        values = {
            "concentration": 1.0 + rng.random((samples, *self.cells)),
            "velocity": rng.standard_normal((samples, *self.cells, dim)),
            "wind": np.array([0.7, -0.4, 0.3])[:dim],
            "diffusivity": np.array(0.02),
            "coupling": np.array(0.05),
        }
        dims = {"wind": ("i",), "diffusivity": (), "coupling": ()}
        data = xr.Dataset(
            {n: (dims.get(n, ("sample", *space, *types[n].indices)), v, types[n].attrs()) for n, v in values.items()}
        )
        axes = zip(space, self.cells, self.sizes, strict=True)
        data = data.assign_coords({d: (d, (np.arange(n) + 0.5) * size / n, {"units": "m"}) for d, n, size in axes})
        return self._finish(data, "scents in the wind", seed=seed)

    def simulate(self, initial, times, *, tolerance=1e-9):
        space = [dim for dim in SPACE if dim in initial.dims]
        types = self.variables()
        data = conform(initial, types)
        steps = [float(initial[d][1] - initial[d][0]) for d in space]
        waves = [np.fft.fftfreq(initial.sizes[d], h) * 2 * np.pi for d, h in zip(space, steps, strict=True)]
        grids = np.meshgrid(*waves, indexing="ij")
        # the highest wave of an even number of cells has no direction
        odd = [np.where(abs(g) > np.pi / h - 1e-9, 0.0, g) for g, h in zip(grids, steps, strict=True)][::-1]
        axes, t = tuple(range(-len(space), 0)), (np.asarray(times) - times[0]).reshape(-1, *[1] * len(space))
        drift = sum(k * u for k, u in zip(odd, data.wind.values, strict=True))
        decay = np.exp((-1j * drift - float(data.diffusivity) * sum(g**2 for g in grids)) * t)

        def series(values):
            return np.fft.fftn(values, axes=axes)[..., None, *[slice(None)] * len(space)]

        c = series(data.concentration.values) * decay
        v = series(np.moveaxis(data.velocity.values, -1, 0))
        v = [v[n] * decay - float(data.coupling) * t * 1j * k * c for n, k in enumerate(odd)]
        runs = {"concentration": c, "velocity": np.stack(v, axis=-1)}
        lead = ("sample",) if "sample" in data.dims else ()
        found = {}
        for name, values in runs.items():
            over = tuple(axis - (name == "velocity") for axis in axes)
            dims = (*lead, "time", *space, *types[name].indices)
            found[name] = (dims, np.fft.ifftn(values, axes=over).real, types[name].attrs())
        return self._finish(initial.assign(found), "scents in the wind", np.asarray(times, float))

    def tendency(self, dataset):
        raise NotImplementedError

    def conserved(self, dataset):
        space = [dim for dim in SPACE if dim in dataset.dims]
        kinds = {
            "mass": Variable("mass", "kg/m**2", "mean concentration", "M", role="diagnostic"),
            "momentum": Variable("momentum", "m/s", "mean velocity", "P", (), 1, role="diagnostic"),
        }
        means = zip(kinds.items(), ("concentration", "velocity"), strict=True)
        found = {n: dataset[s].mean(space).assign_attrs(k.attrs()) for (n, k), s in means}
        return xr.Dataset(found).drop_vars(space, errors="ignore")


@dataclass(frozen=True, kw_only=True)
class AlongLine(Advection):
    dim: ClassVar[int] = 1
    cells: tuple[int, ...] = (16,)
    sizes: tuple[float, ...] = (3.0,)


@dataclass(frozen=True, kw_only=True)
class InBox(Advection):
    dim: ClassVar[int] = 3
    cells: tuple[int, ...] = (4, 5, 6)
    sizes: tuple[float, ...] = (1.0, 2.0, 3.0)


OWN = {law.__name__: law for law in (Advection, AlongLine, InBox)}
for stand_in in OWN:
    # it must not stay known to other tests
    del simulators.base._REGISTERED[stand_in]


@pytest.fixture
def known(monkeypatch):
    for name, law in OWN.items():
        monkeypatch.setitem(simulators.base._REGISTERED, name, law)


class Broken:
    """Advection with something wrong, behind the call of simulators."""

    times = Advection.times
    law = Advection()

    def variables(self):
        return self.law.variables()

    def sample(self, samples, seed=0):
        return self.law.sample(samples, seed)

    def conserved(self, dataset):
        return self.law.conserved(dataset)

    def simulate(self, initial, times):
        return self.wrong(self.law.simulate(initial, times))

    def wrong(self, run):
        return run


def added(run, name, values):
    return run.assign({name: (run[name] + values).transpose(*run[name].dims).assign_attrs(run[name].attrs)})


def scaled(run, factor, name="concentration"):
    return added(run, name, run[name] * (factor - 1.0))


class Anisotropic(Broken):
    """Spreads along x alone, a little: covariant under shifts, not under turns, nor the mirrors that trade axes."""

    def wrong(self, run):
        more = run.concentration.roll(x=1) + run.concentration.roll(x=-1) - 2 * run.concentration
        return added(run, "concentration", 1e-6 * (run.time > run.time[0]) * more)


class Placed(Broken):
    """One cell in the middle gains what its mirror images gain too: only a shift shows it."""

    law = Advection(cells=(7, 7), sizes=(4.0, 4.0))

    def wrong(self, run):
        middle = np.zeros((run.sizes["y"], run.sizes["x"]))
        middle[run.sizes["y"] // 2, run.sizes["x"] // 2] = 1.0
        # as much is taken from all, so that the mean stays
        place = xr.DataArray(middle - middle.mean(), dims=("y", "x"))
        gain = 1e-6 * place * run.concentration.mean(["y", "x"]) * (run.time > run.time[0])
        return added(run, "concentration", gain)


class Slanted(Broken):
    """A swirl that a mirror turns the other way: v gains a part that is turned by 90 degrees."""

    def wrong(self, run):
        v = run.velocity
        turned = xr.concat([-v.isel(i=1, drop=True), v.isel(i=0, drop=True)], "i").assign_coords(i=v.i)
        return added(run, "velocity", 1e-6 * (turned - turned.mean(["y", "x"])) * (run.time > run.time[0]))


class Leaking(Broken):
    """Loses one part in 10^6 of its mass over the run that is checked; lawful in all else."""

    def wrong(self, run):
        return scaled(run, 1.0 - 2e-6 * (run.time > run.time[0]))


class HiddenUnits(Broken):
    """Leaks nothing, but has a length of 1 cm in it."""

    def simulate(self, initial, times):
        kappa = initial.diffusivity + 1e-4
        run = self.law.simulate(initial.assign(diffusivity=kappa.assign_attrs(initial.diffusivity.attrs)), times)
        return run.assign(diffusivity=initial.diffusivity)


KEPT = {"conservation: mass", "conservation: momentum"}
ALL = {"schema", "rotations", "reflections", "translations", "time translation", "units"} | KEPT


def failed(subject, **options):
    report = check(subject, verbose=False, **options)
    return {line.name for line in report.checks if not line.passed}


# Checks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [Advection(), Advection(cells=(8, 8)), InBox(), AlongLine()])
def test_lawful_fields_pass(law):
    report = check(law, verbose=False)
    assert report.passed, str(report)
    # a line has mirrors but no turns
    assert {line.name for line in report.checks} == (ALL if law.dim > 1 else ALL - {"rotations"})
    assert all(line.error < 1e-12 for line in report.checks), str(report)


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        (Anisotropic(), {"rotations", "reflections"}),
        (Placed(), {"translations"}),
        (Slanted(), {"reflections"}),
        (Leaking(), {"conservation: mass"}),
        (HiddenUnits(), {"units"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Broken) else "",
)
def test_who_breaks_a_law_of_fields_fails_its_check_and_no_other(subject, wanted):
    report = check(subject, verbose=False)
    assert {line.name for line in report.checks if not line.passed} == wanted, str(report)


def test_rietkerk_passes_and_its_budgets_close():
    report = check(Rietkerk(length=(16.0, 40.0), cell=(2.0, 4.0)), verbose=False)
    assert report.passed, str(report)
    lines = {line.name: line for line in report.checks}
    assert set(lines) == (ALL - KEPT) | {"conservation: water_budget", "conservation: biomass_budget"}
    for name in ("water_budget", "biomass_budget"):
        assert lines[f"conservation: {name}"].tolerance == 1e-10
        assert lines[f"conservation: {name}"].detail == "closed by the flows in the data"


@pytest.fixture(scope="module")
def land():
    model = Rietkerk(length=24.0, rainfall=simulators.LogUniform(0.3, 0.5))
    return model.simulate(model.sample(3), np.arange(0.0, 101.0, 5.0))


FLOWS = [f"cumulative_{name}" for name in ("rainfall", "uptake", "soil_water_loss", "vegetation_loss")]
BUDGETS = {"conservation: water_budget", "conservation: biomass_budget"}


def leak(data, name, share):
    """Lose a share of a field at a steady rate over the run."""
    return scaled(data, 1.0 - share * (data.time / data.time[-1]), name)


def test_a_stored_field_passes_with_its_flows_in_single_precision_and_without(land):
    report = check(land, verbose=False)
    assert report.passed, str(report)
    assert {line.name for line in report.checks} == {"schema", "rotations", "reflections", "translations", "units"} | {
        "law", *BUDGETS,
    }  # fmt: skip
    single = land.astype(np.float32).assign_coords(land.coords)
    report = check(single, verbose=False)
    assert report.passed, str(report)
    assert {line.tolerance for line in report.checks if line.name in BUDGETS} == {100 * np.finfo(np.float32).eps}
    report = check(land.drop_vars(FLOWS), verbose=False)
    assert report.passed, str(report)
    assert all("integrated" in line.detail for line in report.checks if line.name in BUDGETS)
    assert not failed(land.isel(sample=1))


@pytest.mark.parametrize(("field", "budget"), [("soil_water", "water"), ("vegetation", "biomass")])
def test_leaks_of_a_millionth_show_in_the_flows(land, field, budget):
    assert failed(leak(land, field, 1e-6)) == {f"conservation: {budget}_budget"}


def test_larger_leaks_show_without_the_flows():
    model = Rietkerk(length=16.0)
    run = model.simulate(model.sample(2), np.arange(0.0, 51.0)).drop_vars(FLOWS)
    assert not failed(run)
    assert failed(leak(leak(run, "soil_water", 0.05), "vegetation", 0.05)) >= BUDGETS


def test_a_stored_field_of_another_law_fails(land):
    drier = land.assign(rainfall=(0.98 * land.rainfall).assign_attrs(land.rainfall.attrs))
    assert failed(drier) == {"law"}


def test_many_samples_are_looked_at_in_part():
    model = Rietkerk(length=6.0)
    report = check(model.simulate(model.sample(70), [0.0, 1.0, 2.0]), verbose=False)
    assert report.passed, str(report)
    assert "64 of 70 samples" in next(line for line in report.checks if line.name in BUDGETS).detail


def test_stored_fields_of_another_simulator(known):
    data = Advection().simulate(Advection().sample(2), Advection.times)
    report = check(data, verbose=False)
    assert report.passed, str(report)
    assert failed(leak(data, "concentration", 1e-2)) == {"conservation: mass", "law"}


def test_nudges_keep_the_sign_of_densities():
    data = Rietkerk(length=16.0).sample(40)
    assert float(data.vegetation.min()) == 0.0
    shaken = nudge(data, np.random.default_rng(0))
    offset = (shaken - data).vegetation
    assert float(offset.min()) > 0.0
    np.testing.assert_allclose(offset.std(["y", "x"]), 0.0, atol=1e-13)
    size = np.sqrt(float((data.vegetation**2).mean()))
    assert np.isclose(np.sqrt(float((offset**2).mean())), 1e-3 * size, rtol=0.5)
    below = scaled(data, -1.0, "vegetation")
    assert float((nudge(below, np.random.default_rng(0)) - below).vegetation.max()) < 0.0
    both = Advection().sample(40)
    signs = np.sign((nudge(both, np.random.default_rng(0)) - both).velocity.isel(y=0, x=0))
    assert 0.3 < float((signs > 0).mean()) < 0.7


# Errors and spectra ---------------------------------------------------------------------------------------------------


def test_spatial_errors_by_hand():
    data = Advection().simulate(Advection().sample(2), [0.0, 1.0])
    off = data.assign(
        concentration=(data.concentration + 0.1).assign_attrs(data.concentration.attrs),
        velocity=(1.5 * data.velocity).assign_attrs(data.velocity.attrs),
    )
    off.velocity.values[1, 1, 0, 0, 0] = np.nan
    errors = spatial_errors(off, data)
    np.testing.assert_allclose(errors.concentration, 0.1 / data.concentration.std(["y", "x"]))
    v = data.velocity
    spread = np.sqrt(((v - v.mean(["y", "x"])) ** 2).mean(["y", "x", "i"]))
    wanted = 0.5 * np.sqrt((v**2).mean(["y", "x", "i"])) / spread
    np.testing.assert_allclose(errors.velocity[:, 0], wanted[:, 0])
    assert np.isinf(errors.velocity[1, 1])
    flat = data.assign(concentration=xr.full_like(data.concentration, 2.0))
    assert np.isnan(spatial_errors(flat, flat).concentration).all()
    centimetres = off.assign(velocity=(100 * off.velocity).assign_attrs(v.attrs | {"units": "cm/s"}))
    np.testing.assert_allclose(spatial_errors(centimetres, data).velocity, errors.velocity)
    assert not spatial_errors(data[["wind"]], data[["wind"]].assign_attrs(data.attrs)).data_vars


@pytest.mark.parametrize(("shape", "spacing"), [((24,), (0.5,)), ((12, 20), (1.0, 2.0)), ((6, 8, 10), (1.0, 1.0, 0.5))])
def test_spectra_hold_the_variance(shape, spacing):
    values = np.random.default_rng(0).standard_normal((3, *shape)) + 5.0
    lengths, power = plotting.radial_spectrum(values, spacing)
    np.testing.assert_allclose(power.sum(axis=-1), values.reshape(3, -1).var(axis=1))
    assert np.all(np.diff(lengths) < 0)
    longest = max(n * h for n, h in zip(shape, spacing, strict=True))
    assert lengths[0] == longest


@pytest.mark.parametrize("waves", [(0, 5), (4, 0), (3, 4), (2, 2), (1, 1)])
def test_a_wave_peaks_at_its_wavelength(waves):
    """Amplitude 3 is a variance of 4.5; waves (3, 4) a side are 5 together, (2, 2) in shell 3."""
    y, x = np.meshgrid(*[(np.arange(40) + 0.5) / 40] * 2, indexing="ij")
    field = 7.0 + 3.0 * np.sin(2 * np.pi * (waves[0] * y + waves[1] * x) + 0.3)
    lengths, power = plotting.radial_spectrum(field, (2.0, 2.0))
    peak = power.argmax()
    assert lengths[peak] == pytest.approx(80.0 / round(np.hypot(*waves)))
    assert power[peak] == pytest.approx(4.5)
    assert np.delete(power, peak).max() < 1e-25


def test_spectra_do_not_depend_on_the_direction_of_axes():
    values = np.random.default_rng(1).standard_normal((12, 20))
    for turned, spacing in (
        (np.rot90(values), (2.0, 1.0)),
        (values[::-1], (1.0, 2.0)),
        (np.roll(values, 5, 1), (1, 2)),
    ):
        for a, b in zip(
            plotting.radial_spectrum(values, (1.0, 2.0)), plotting.radial_spectrum(turned, spacing), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-10)
    for spacing in ((), (1.0, 0.0), (1.0, 1.0, 1.0)):
        with pytest.raises(InputError, match="spacing: expected a positive size of cells for each axis of space"):
            plotting.radial_spectrum(values, spacing)


# Evaluations ----------------------------------------------------------------------------------------------------------


class Drier(Rietkerk):
    """Rietkerk with 3 % less rain than the data say."""

    # of a default run, which the checks follow
    times: ClassVar[np.ndarray] = np.arange(11.0)

    def simulate(self, initial, times, **options):
        less = initial.assign(rainfall=(0.97 * initial.rainfall).assign_attrs(initial.rainfall.attrs))
        run = super().simulate(less, times, **options)
        return run.assign(rainfall=initial.rainfall).assign_attrs(simulator="Rietkerk")


class Flowless(Drier):
    """Gives no flows, as a learned model."""

    def simulate(self, initial, times, **options):
        return super().simulate(initial, times, **options).drop_vars(FLOWS)


class Diverging(Drier):
    """Loses the last of three samples at time 40."""

    def simulate(self, initial, times, **options):
        samples = initial.sizes.get("sample", 0)
        if (samples == 3 and times[-1] > 40.0) or (samples == 1 and times[-1] >= 40.0):
            raise DivergenceError("expected a finite run", sample=samples - 1, time=40.0)
        return super().simulate(initial, times, **options)


for stand_in in ("Drier", "Flowless", "Diverging"):
    del simulators.base._REGISTERED[stand_in]


@contextlib.contextmanager
def coarse():
    """Pictures of fewer dots and maps, which are quicker to write."""
    moments = plotting.maps.moments
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plotting.style, "_DPI", 75)
        patch.setattr(plotting.maps, "moments", lambda times: moments(times, 2))
        yield


@pytest.fixture(scope="module")
def drier(land, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fields") / "report"
    with coarse():
        return evaluate(Diverging(length=24.0), land, output=folder), folder


def whole(folder, evaluation):
    """The page stands alone and holds every picture, each of which shows something."""
    page = (folder / "report.html").read_text()
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    pictures = evaluation.files["pictures"]
    assert page.count("data:image/") == len(pictures)
    for name in pictures:
        with Image.open(folder / name) as image:
            assert min(image.size) > 200
            assert len(image.convert("RGB").resize((64, 64)).getcolors(5000)) > 10
    stored = json.loads((folder / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert stored == json.loads(json.dumps(evaluation.to_dict()))
    return page


def test_a_simulator_is_evaluated_against_fields(drier, land):
    evaluation, folder = drier
    page = whole(folder, evaluation)
    pictures = evaluation.files["pictures"]
    states = ("surface_water", "soil_water", "vegetation")
    assert pictures[:2] == ["animation.gif", "error.png"]
    assert {f"field_median_{name}.png" for name in states} | {"means.png", "spectra.png", "conserved.png"} <= {
        *pictures
    }
    assert sum(name.startswith("field_worst") for name in pictures) == 1
    assert (folder / "animation.gif").stat().st_size < 2e6
    with Image.open(folder / "animation.gif") as image:
        assert image.n_frames > 10
    assert page.index("Error of each field") < page.index("Wavelengths of the patterns")
    run = Drier(length=24.0).simulate(land.isel(time=0).drop_vars(["time", *FLOWS]), land.time.values)
    assert evaluation.diverged == {2: 40.0}
    assert "1 of 3 rollouts diverged" in page
    np.testing.assert_allclose(evaluation.errors[:2], rollout_error(run, land)[:2])
    error = np.sqrt(((run.vegetation - land.vegetation) ** 2).mean(["y", "x"])) / land.vegetation.std(["y", "x"])
    np.testing.assert_allclose(evaluation.spatial_errors.vegetation[:2], error[:2])
    np.testing.assert_allclose(evaluation.spatial_errors.vegetation[2, :8], error[2, :8], rtol=1e-5)
    assert np.isinf(evaluation.spatial_errors.vegetation[2, 8:]).all()
    stored = evaluation.to_dict()["spatial_errors"]
    assert [row["name"] for row in stored] == list(states)
    assert stored[2]["times"][-1] == 100.0
    assert stored[2]["median"][-1] == pytest.approx(float(error[:2, -1].max()))
    assert "vegetation" in str(evaluation)
    assert max(map(len, str(evaluation).splitlines())) <= 100
    for budget in evaluation.drifts:
        assert float(budget.data.max()) < 1e-12
        # the rain that it does not have is in flows of its own
        assert float(budget.model[:2].max()) < 1e-12
    prediction = simulators.read(folder / "prediction.nc")
    np.testing.assert_allclose(prediction.vegetation, run.vegetation[:2])
    assert set(FLOWS) <= set(prediction.data_vars)


def test_the_law_itself_has_no_error_and_says_so_once(land, monkeypatch):
    monkeypatch.setattr(Rietkerk, "times", Drier.times)
    clock = Variable("moment", "d", "moment", "t", role="diagnostic")
    evaluation = evaluate(Rietkerk(length=24.0), land.assign(moment=("time", land.time.values, clock.attrs())))
    assert evaluation.rollout_error == pytest.approx(1e-7)
    assert evaluation.passed
    assert len(evaluation.drifts) == 2


def test_budgets_of_who_gives_no_flows_are_closed_alike_for_both(land):
    evaluation = evaluate(Flowless(length=24.0), land)
    ratio = {budget.name: float(budget.model.max() / budget.data.max()) for budget in evaluation.drifts}
    assert all(float(budget.data.max()) > 1e-6 for budget in evaluation.drifts)
    assert 0.2 < ratio["biomass_budget"] < 5.0
    # and the rain that it does not have, but the data say, is unaccounted for
    assert ratio["water_budget"] > 5.0


@pytest.mark.parametrize(("law", "picture"), [(AlongLine(), "velocity_x"), (InBox(), "velocity_z")])
def test_lines_boxes_and_vectors_of_one_sample(known, tmp_path, monkeypatch, law, picture):
    # how checks of them end, and how curves look, does not depend on the number of dimensions
    monkeypatch.setattr(checks, "check", lambda *_, **__: checks.Report("", []))
    curves = plotting.draw_error
    monkeypatch.setattr(plotting, "draw_drifts", lambda found: curves(np.maximum(found[0].data, 1e-9)))
    data = law.simulate(law.sample(1), law.times[:2])
    with coarse():
        evaluation = evaluate(law, data.isel(sample=0), output=tmp_path / "report")
    page = whole(tmp_path / "report", evaluation)
    assert evaluation.passed, str(evaluation)
    assert f"field_only_{picture}.png" in evaluation.files["pictures"]
    assert ("animation.gif" in evaluation.files["pictures"]) == (law.dim > 1)
    assert ("Shown is the plane z = " in page) == (law.dim == 3)


# Pictures of a dataset alone ------------------------------------------------------------------------------------------


def test_maps_and_means_of_a_dataset(land):
    with plotting.styled():
        figure = plotting.draw_fields(land, sample=1, times=[0.0, 52.0, 100.0], variables=["vegetation"])
    maps = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="center") for axes in maps] == ["t = 0 d", "t = 50 d", "t = 100 d"]
    for axes, n in zip(maps, (0, 10, 20), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), land.vegetation[1, n])
        assert axes.get_aspect() == 1
        np.testing.assert_allclose(axes.images[0].get_extent(), (0, 24, 0, 24), atol=1e-12)
    assert maps[0].get_xlabel() == "x [m]"
    (mean,) = [axes for axes in figure.axes if axes.get_xlabel() == "time [d]"]
    np.testing.assert_allclose(mean.lines[0].get_ydata(), land.vegetation[1].mean(["y", "x"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 3}, "sample: expected one of 3, given 3"),
        ({"times": [500.0]}, "times: expected within 0 to 100, given 500"),
        ({"times": []}, "times: expected at least one, given none"),
        ({"variables": ["clouds"]}, "variables: expected names in the dataset, given 'clouds'"),
        ({"variables": ["rainfall"]}, "expected fields over y and x, given none"),
    ],
)
def test_pictures_that_cannot_be_drawn(land, options, message):
    with pytest.raises(InputError, match=message):
        plotting.draw_fields(land, **options)
    with pytest.raises(InputError, match="expected fields over time"):
        plotting.draw_fields(land.isel(time=0))


def test_a_comparison_shares_its_colours_and_centres_the_difference(land):
    a, b = land.isel(sample=0), land.isel(sample=1)
    view = next(view for view in views(a, b) if view.key == "vegetation")
    with plotting.styled():
        figure = plotting.draw_comparison(a, b, view, "title")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    truth, model, apart = images[:4], images[4:8], images[8:]
    assert len(apart) == 4
    for one, two, three, n in zip(truth, model, apart, (5, 10, 15, 20), strict=True):
        assert one.norm.vmin == two.norm.vmin <= float(a.vegetation[n].min())
        assert one.norm.vmax == two.norm.vmax >= float(a.vegetation[n].max())
        assert three.norm.vmin == -three.norm.vmax < 0
        np.testing.assert_allclose(three.get_array(), (b - a).vegetation[n])


def test_views_of_vectors_and_tensors():
    data = InBox(sizes=(1.0, 1.0, 1.0)).sample(1).isel(sample=0)
    strain = Variable("strain", "1", "strain", "e", SPACE, 2)
    values = np.random.default_rng(0).standard_normal((4, 5, 6, 3, 3))
    data["strain"] = ((*SPACE, "i", "j"), values, strain.attrs())
    found = {view.key: view for view in views(data)}
    assert list(found) == ["concentration", "velocity_x", "velocity_y", "velocity_z", "strain"]
    np.testing.assert_array_equal(found["velocity_y"].maps[0], data.velocity[2, ..., 1])
    np.testing.assert_allclose(found["strain"].runs[0], np.linalg.norm(values, axis=(-2, -1)))
    assert [found[name].signed for name in ("concentration", "velocity_x", "strain")] == [False, True, False]
    np.testing.assert_allclose(edges(data.x), np.linspace(0, 1, 7), atol=1e-15)
