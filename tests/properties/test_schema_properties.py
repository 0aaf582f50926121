"""Random typed datasets and attributes come back from files as they were."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simulators import SchemaError, read, validate, write
from simulators.schema import CONVENTIONS, INDICES, attributes, conform, coordinates, variables

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=200, deadline=None)
UNITS = ("1", "m", "kg*m/s", "kg m s-2", "l/d/m**2", "K", "g/kg", "Pa")
NAMES = st.from_regex(r"\A[A-Za-z_é][A-Za-z0-9_ é]{0,10}[a-zé]\Z").filter(lambda name: not name.startswith("__"))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(width=64)
DTYPES = st.sampled_from(["f4", "f8", "i1", "i4", "i8", "u2", "u8", "bool"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def values(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    dtype = np.dtype(draw(DTYPES))
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    return draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype, **finite), fill=st.nothing()))


@st.composite
def datasets(draw: st.DrawFn) -> xr.Dataset:
    """Variables of all types over samples, times, bodies, cells and tensor indices."""
    sizes = {dim: draw(st.integers(1, 3)) for dim in ("sample", "time", "body", "y", "x", *INDICES[:3])}
    taken = {*sizes, "case"}
    arrays: dict[str, Any] = {}
    for name in draw(st.lists(NAMES.filter(lambda n: n not in taken), min_size=1, max_size=4, unique=True)):
        role = draw(st.sampled_from(["state", "parameter", "diagnostic"])) if arrays else "state"
        lead = [d for d in ("sample", "time") if draw(st.booleans()) and (role, d) != ("parameter", "time")]
        own = draw(st.sampled_from([(), ("body",), ("y", "x")]))
        indices = INDICES[: draw(st.integers(0, 3))]
        dims = (*lead, *own, *indices)
        attrs = {
            "units": draw(st.sampled_from(UNITS)), "long_name": draw(TEXT), "symbol": draw(TEXT),
            "tensor_order": len(indices), "pseudo": draw(st.integers(0, 1)), "role": role,
        }  # fmt: skip
        arrays[name] = (dims, draw(values(tuple(sizes[d] for d in dims))), attrs)
    dataset = xr.Dataset(arrays, attrs={"Conventions": CONVENTIONS, "simulator": "none", "note": draw(TEXT)})
    coords = coordinates(map(str, dataset.dims), {str(k): v for k, v in dataset.sizes.items()})
    for dim, units in {"time": "days", "y": "m", "x": "m"}.items():
        if dim in dataset.dims:
            coords[dim] = (dim, 0.1 + np.arange(sizes[dim]) / 3, {"units": units})
    if "sample" in dataset.dims and draw(st.booleans()):
        labels = draw(st.lists(TEXT.filter(bool), min_size=sizes["sample"], max_size=sizes["sample"]))
        coords["case"] = ("sample", labels)
    return dataset.assign_coords(coords)


@FEW
@given(datasets(), st.sampled_from([".nc", ".zarr"]))
def test_a_dataset_comes_back_bit_for_bit(dataset: xr.Dataset, suffix: str) -> None:
    validate(dataset)
    with tempfile.TemporaryDirectory() as folder:
        found = read(write(dataset, Path(folder) / f"a{suffix}")).load()
    assert found.attrs.pop("completed", None) == (1 if suffix == ".zarr" else None)
    xr.testing.assert_identical(found, dataset)
    assert variables(found) == variables(dataset)
    for name, array in dataset.variables.items():
        assert found[name].values.tobytes() == array.values.tobytes()


@FEW
@given(datasets())
def test_a_dataset_conforms_to_what_it_declares(dataset: xr.Dataset) -> None:
    found = conform(dataset, variables(dataset))
    for name, array in dataset.data_vars.items():
        assert found[name].dims == array.dims
        np.testing.assert_array_equal(found[name], array.astype(float))


@FEW
@given(datasets(), st.data())
def test_any_attribute_that_is_lost_is_missed(dataset: xr.Dataset, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(dataset.data_vars)))
    key = data.draw(st.sampled_from(sorted(dataset[name].attrs)))
    broken = dataset.copy(deep=True)
    del broken[name].attrs[key]
    with pytest.raises(SchemaError) as caught:
        validate(broken)
    assert f"variable {name!r}: expected the attribute {key!r}, given none" in str(caught.value)


@MANY
@given(JSON | st.integers() | TEXT | NUMBERS)
def test_attributes_keep_what_netcdf_holds_and_spell_the_rest(value: Any) -> None:
    (held,) = attributes({"a": value}).values()
    if isinstance(value, bool):
        assert held is int(value)
    elif isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 2**63):
        assert held is value
    else:
        assert isinstance(held, str)
        assert json.loads(held) == value
    assert attributes({"a": held}) == {"a": held} or held != held


@FEW
@given(st.dictionaries(NAMES, NUMBERS | TEXT | JSON, max_size=5), st.sampled_from([".nc", ".zarr"]))
def test_attributes_come_back(given_: dict[str, Any], suffix: str) -> None:
    attrs = {"units": "m", "long_name": "a", "symbol": "a", "tensor_order": 0, "pseudo": 0, "role": "state"}
    dataset = xr.Dataset({"a b": ("sample", [1.0], attrs)})
    dataset.attrs = given_ | {"Conventions": CONVENTIONS, "simulator": "none"}
    with tempfile.TemporaryDirectory() as folder:
        found = read(write(dataset, Path(folder) / f"a{suffix}")).attrs
    assert {k: repr(found[k]) for k in given_} == {k: repr(v) for k, v in attributes(given_).items()}


@MANY
@given(st.text(max_size=12))
def test_names_that_pass_are_names_that_netcdf_takes(name: str) -> None:
    attrs = {"units": "m", "long_name": "a", "symbol": "a", "tensor_order": 0, "pseudo": 0, "role": "state"}
    dataset = xr.Dataset({"a": ("sample", [1.0], attrs)}, attrs={"Conventions": CONVENTIONS, "simulator": "none"})
    dataset.attrs[name] = dataset.attrs.get(name, 1)
    try:
        validate(dataset)
    except SchemaError as error:
        refusal = str(error)
    else:
        with tempfile.TemporaryDirectory() as folder:
            dataset.to_netcdf(Path(folder) / "a.nc")
        return
    assert f"attribute {name!r}: expected a name as netCDF allows it" in refusal
