"""States of a simulator without its parameters are data of no known simulator, in a store too."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import simulators
from physym.discovered import read_data
from physym.discovery.system import System
from simulators.errors import SchemaError
from simulators.schema import read, write


def test_states_alone_in_a_store(tmp_path):
    sim = simulators.Rietkerk(length=32.0, cell=4.0)
    write(sim.simulate(sim.sample(2, seed=1), np.arange(0.0, 40.0, 5.0)), tmp_path / "whole.zarr")
    whole = read(tmp_path / "whole.zarr")
    states = whole[[name for name in whole.data_vars if whole[name].attrs["role"] == "state"]]
    states.to_zarr(tmp_path / "states.zarr", consolidated=False)
    given = read_data(tmp_path / "states.zarr")
    assert given.attrs["simulator"] == "none"
    assert System.of(given).simulator == "none"
    assert set(given.data_vars) == set(states.data_vars)
    # one that does not say that it is finished, or has lost numbers, is still refused
    states.drop_attrs(deep=False).assign_attrs({k: v for k, v in states.attrs.items() if k != "completed"}).to_zarr(
        tmp_path / "half.zarr", consolidated=False
    )
    with pytest.raises(SchemaError):
        read_data(tmp_path / "half.zarr")
    shutil.rmtree(tmp_path / "states.zarr" / "vegetation" / "c")
    with pytest.raises(SchemaError):
        read_data(tmp_path / "states.zarr")
