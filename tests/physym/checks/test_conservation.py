"""Drift of what fields keep: how it is measured, and when its tolerance is that of the flows in the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from physym.checks import Check, Report, check
from physym.checks.conservation import check_kept
from physym.metrics import nudge
from simulators import NavierStokes, ShallowWater
from simulators.schema import names

FLOW = NavierStokes(cell=1 / 24, viscosity=0.004, diffusivity=0.004)
SQUARES = ("energy", "temperature_variance", "enstrophy")


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return FLOW.simulate(FLOW.sample(2, seed=5), 0.1 * np.arange(11))


def lines(law: object, data: xr.Dataset, tolerance: float) -> dict[str, Check]:
    report = Report("law")
    kept = list(law.conserved(data).data_vars)
    check_kept(report, law, kept, lambda: data, tolerance, np.random.default_rng(0))
    return {line.name.removeprefix("conservation: "): line for line in report.checks}


def bare(data: xr.Dataset) -> xr.Dataset:
    return data.drop_vars(names(data, "diagnostic"))


class OfStates:
    """Says that what it reads off the states is kept, though it is not; it has no flows."""

    def conserved(self, data: xr.Dataset) -> xr.Dataset:
        space = ["y", "x"]
        return xr.Dataset({"heat": (data["temperature"] ** 2).mean(space), "speed": data["velocity"].mean(space)})


def test_the_flows_of_a_simulator_raise_the_tolerance_to_their_spacing_and_nothing_else_does(run: xr.Dataset) -> None:
    sparse = bare(run).isel(time=slice(None, None, 5))
    found = lines(FLOW, sparse, 1e-6)
    for name in SQUARES:
        assert found[name].passed
        assert found[name].tolerance > 1e-6
        assert "flows integrated" in found[name].detail
    assert found["mean_velocity"].tolerance == 1e-6
    for data in (run, sparse):
        heat = lines(OfStates(), data, 1e-6)["heat"]
        assert (heat.passed, heat.tolerance, heat.detail) == (False, 1e-6, "")
        assert heat.error > 0.1


def test_a_leak_is_no_matter_of_spacing(run: xr.Dataset) -> None:
    """At close times the flows are followed so well that one percent shows, with the flows in the data and without."""
    fade = 1 - 0.01 * run["time"]
    slower = (run["velocity"] * fade).transpose(*run["velocity"].dims)
    leak = run.assign(velocity=slower.assign_attrs(run["velocity"].attrs))
    for data in (leak, bare(leak)):
        found = lines(FLOW, data, 1e-3)
        assert {name for name, line in found.items() if not line.passed} == {"energy", "enstrophy"}
    assert all(line.passed for line in lines(FLOW, bare(run), 1e-3).values())


def test_squares_are_measured_by_their_own_size(run: xr.Dataset) -> None:
    """Also where a nudge would hardly change them: a temperature that is nowhere negative only rises."""
    warm = run.assign(temperature=(run["temperature"] + 300.0).assign_attrs(run["temperature"].attrs))
    kept = FLOW.conserved(warm)["temperature_variance"]
    assert float(abs(FLOW.conserved(nudge(warm, np.random.default_rng(0)))["temperature_variance"] - kept).max()) < 1e-9
    off = kept - kept.isel(time=0)
    wanted = float(abs(off).max() / np.sqrt(((2 * warm["temperature"].var(["y", "x"])) ** 2).mean()))
    found = lines(FLOW, warm, 1e-3)["temperature_variance"]
    assert found.passed
    assert found.error == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "squares"),
    [
        (lambda: (FLOW, 0.1 * np.arange(5), 0.02), SQUARES),
        (lambda: (ShallowWater(length=160e3, viscosity=2000.0), 21600.0 * np.arange(4), 3000.0), ("energy",)),
    ],
)
def test_fixed_steps_state_no_tolerance_and_are_held_to_that_of_all(make: Callable, squares: tuple[str, ...]) -> None:
    model, times, step = make()
    data = model.simulate(model.sample(1), times, step=step)
    found = {line.name: line for line in check(data, verbose=False).checks}
    for name in squares:
        line = found[f"conservation: {name}"]
        assert line.passed, line
        assert line.tolerance == 1e-3
        assert line.error > 1e-11
        assert "closed by the flows" in line.detail


def test_stored_flows_are_held_to_the_tolerance_of_the_solver(run: xr.Dataset) -> None:
    found = lines(FLOW, run, 1e-3)
    for name in SQUARES:
        assert found[name].passed
        assert found[name].tolerance == 1e-6
        assert found[name].error < 1e-7
    leak = run.copy(deep=True)
    leak["velocity"][:, 5:] *= 1 - 1e-5
    found = lines(FLOW, leak, 1e-3)
    assert not found["energy"].passed
    assert found["temperature_variance"].passed


class Learned:
    """A model of flows that errs a little, and has no flows to tell."""

    reversible = False
    simulator = "NavierStokes"
    times = 0.05 * np.arange(11)

    def __init__(self) -> None:
        self.starts, self.variables = FLOW.sample(2), FLOW.variables

    def simulate(self, initial: xr.Dataset, times: np.ndarray) -> xr.Dataset:
        found = bare(FLOW.simulate(initial, times))
        return found.assign(velocity=(found["velocity"] * 1.01).assign_attrs(found["velocity"].attrs))

    def conserved(self, data: xr.Dataset) -> xr.Dataset:
        return FLOW.conserved(data)[["mean_temperature"]]


def test_a_learned_model_needs_no_flows_in_its_runs() -> None:
    found = {line.name: line for line in check(Learned(), verbose=False).checks}
    for name in SQUARES:
        line = found[f"conservation: {name} (NavierStokes)"]
        assert line.passed, line
        assert line.tolerance == 1e-2
        assert line.error > 1e-6
