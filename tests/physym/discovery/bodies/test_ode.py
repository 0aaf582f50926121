from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import physym
from physym.discovery.system import System
from simulators import InputError

_spec = importlib.util.spec_from_file_location("systems", Path(__file__).with_name("systems.py"))
systems = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(systems)

TRUTH = {"c1*x": 1.1, "c2*x*y": -0.4, "c3*y": -0.4, "c4*x*y": 0.1}


def prey(noise, seed=0):
    start = np.random.default_rng(seed).uniform(2, 8, (3, 2))
    units = ("1/m**2", "1/m**2")
    return systems.scalars(systems.lotka_volterra, start, np.arange(0, 6, 0.15), units, noise=noise, seed=seed)


@functools.cache
def found_in(noise, seed=0):
    return physym.discover(prey(noise, seed))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_lotka_volterra(noise):
    law = found_in(noise)
    found = {row["term"]: row["coefficient"] for row in law.table()}
    assert found == pytest.approx(TRUTH, rel=0.5 * noise + 1e-7)
    assert [row["units"] for row in law.table()] == ["1/s", "m**2/s", "1/s", "m**2/s"]
    assert physym.check(law, law.starts, verbose=False).passed


def test_standard_errors_are_honest():
    deviations = []
    for seed in range(5):
        law = physym.discover(prey(0.03, seed))
        rows = law.table()
        assert [row["term"] for row in rows] == list(TRUTH)
        deviations += [(row["coefficient"] - TRUTH[row["term"]]) / row["standard_error"] for row in rows]
    assert np.max(np.abs(deviations)) < 4.0
    assert 0.5 < np.sqrt(np.mean(np.square(deviations))) < 1.7


def test_saturation_with_unknown_constant():
    start = np.random.default_rng(1).uniform(1, 15, (6, 1))
    data = systems.scalars(lambda z: z * (1 - z / 10) - 2 * z / (z + 1.5), start, np.arange(0, 8, 0.2), ("g",))
    law = physym.discover(data)
    found = {(row["term"], row["constant"][0]): row["coefficient"] for row in law.table()}
    truth = {
        ("c1*x", "c"): 1.0, ("c2*x**2", "c"): -0.1, ("c3*x/(K1 + x)", "c"): -2.0, ("c3*x/(K1 + x)", "K"): 1.5,
    }  # fmt: skip
    assert found == pytest.approx(truth, rel=1e-6)
    offset = next(c for c in law.constants if c.name == "K1")
    assert offset.units == "g"


def test_pareto_front_falls_to_the_law():
    law = found_in(0.01)
    front = law.pareto_["dx/dt"]
    assert front[0] == (0, 1.0, "0")
    assert law.chosen_ == {"dx/dt": 2, "dy/dt": 2}
    assert [point[0] for point in front] == list(range(len(front)))
    assert front[2][2] == "x + x*y"
    assert front[2][1] < 0.1 * front[1][1]


def test_bad_data_are_refused_in_one_line():
    good = prey(0.0)
    state, rng = good["state_x"], np.random.default_rng(0)
    cases = {
        "role='state'": good.drop_vars(["state_x", "state_y"]),
        "at least 2": good.isel(time=slice(1)),
        "finite numbers": good.assign(state_x=state.where(state.time > 1)),
        "units": good.assign(state_x=state.assign_attrs(units="prey per acre!")),
        "'units'": good.assign(state_x=state.drop_attrs()),
        "xarray Dataset": {"x": 1},
        "expected states that change": good.assign({name: 0 * good[name] + 1 for name in good.data_vars}),
        "expected numbers between 1e-30 and 1e[+]30": good.assign(state_x=1e200 * state),
        "more numbers than the 6 constants": good.isel(time=slice(3), sample=slice(1)),
        "that none does": good.drop_vars("state_y").assign(state_x=rng.standard_normal(state.shape) + 0 * state),
        "pseudo 1": good.assign(state_x=state.assign_attrs(pseudo=1)),
    }
    for message, data in cases.items():
        if isinstance(data, xr.Dataset):
            # arithmetic drops attributes
            for name, array in data.data_vars.items():
                array.attrs = good[name].attrs | array.attrs if message != "'units'" else array.attrs
        with pytest.raises(InputError, match=message) as caught:
            physym.discover(data)
        assert "\n" not in str(caught.value)


def test_states_of_one_symbol_are_told_apart_and_nothing_of_it_is_run(tmp_path):
    hostile = f"__import__('pathlib').Path({str(tmp_path / 'run')!r}).touch()"
    data = prey(0.0)
    for name in data.data_vars:
        data[name].attrs["symbol"] = hostile
    assert [v.symbol for v in System.of(data).states] == ["state_x", "state_y"]
    data["state_x"].attrs["symbol"] = "x"
    law = physym.discover(data, time_limit=0.01)
    law.save(tmp_path / "law")
    assert hostile in str(physym.load(tmp_path / "law"))
    assert law.latex()
    assert not (tmp_path / "run").exists()


def test_a_time_limit_still_gives_a_law():
    assert str(physym.discover(prey(0.01), time_limit=0.01)).startswith("dx/dt = ")
