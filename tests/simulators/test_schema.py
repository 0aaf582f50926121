"""Datasets are typed, bad ones say what is wrong, and files are whole or absent."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from simulators import InputError, SchemaError, SpringPendulum, read, schema, validate, write
from simulators.schema import Variable, attributes, check_output, conform

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "shared" / "reference"
REFERENCE = REFERENCE if REFERENCE.exists() else ROOT.parent / "shared" / "reference"
PENDULUM = SpringPendulum(stiffness=(1.0, 2.0))
SUFFIXES = (".nc", ".zarr")
CHANGED = {"units": "1", "long_name": "a", "symbol": "a", "tensor_order": 0, "pseudo": 0, "role": "diagnostic"}

Change = Callable[[xr.Dataset], xr.Dataset | None]


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return PENDULUM.simulate(PENDULUM.sample(3), [0.0, 0.1, 0.25])


@pytest.fixture
def run(whole: xr.Dataset) -> xr.Dataset:
    return whole.copy(deep=True)


def bare(dataset: xr.Dataset) -> xr.Dataset:
    """What zarr adds to say that the store is finished is not the dataset's."""
    found = dataset.copy()
    found.attrs.pop("completed", None)
    return found


def same_bits(a: xr.Dataset, b: xr.Dataset) -> bool:
    return set(a.variables) == set(b.variables) and all(
        a[name].dims == b[name].dims and a[name].values.tobytes() == b[name].values.tobytes() for name in a.variables
    )


# what validate says


def test_a_simulated_dataset_is_valid(run: xr.Dataset) -> None:
    validate(run)
    validate(PENDULUM.sample(1))
    validate(run, {"position": PENDULUM.variables()["position"]})


@pytest.mark.parametrize("key", ["units", "long_name", "symbol", "tensor_order", "pseudo", "role"])
@pytest.mark.parametrize("value", [None, 7, [1, 2], np.array([1, 2]), {"a": 1}, b"x", np.nan, object()])
def test_an_attribute_of_the_wrong_type_is_named(run: xr.Dataset, key: str, value: object) -> None:
    run.position.attrs[key] = value
    with pytest.raises(SchemaError, match=rf"^dataset: variable 'position', attribute '{key}': expected .*given"):
        validate(run)
    del run.position.attrs[key]
    with pytest.raises(SchemaError, match=rf"variable 'position': expected the attribute '{key}', given none"):
        validate(run)


@pytest.mark.parametrize("kind", [int, np.int32, np.int8, np.float64])
def test_numbers_of_every_type_declare_an_order(run: xr.Dataset, kind: type) -> None:
    run.position.attrs |= {"tensor_order": kind(1), "pseudo": kind(0)}
    validate(run)
    assert schema.variables(run)["position"] == PENDULUM.variables()["position"]


def attribute(name: str, key: str, value: object) -> Change:
    return lambda d: d[name].attrs.update({key: value})


def extra(values: np.ndarray) -> Change:
    return lambda d: d.assign(extra=(("sample", "time", "body"), values, CHANGED))


BAD: dict[str, tuple[Change, str]] = {
    "momentum in m": (attribute("momentum", "units", "m"), "'momentum', attribute 'units': .*'kg\\*m/s', given 'm'"),
    "affine units": (attribute("position", "units", "degC"), "'position', attribute 'units': .*'degC'.* offset"),
    "unknown units": (attribute("position", "units", "smoot$"), "'units': expected units that pint reads"),
    "pseudo": (attribute("position", "pseudo", 1), "'position', attribute 'pseudo': expected 0, given 1"),
    "order": (attribute("mass", "tensor_order", 1), "'mass', attribute 'tensor_order': expected 0, .*given 1"),
    "role": (attribute("mass", "role", "state"), "'mass', attribute 'role': expected 'parameter', given 'state'"),
    "packed": (attribute("position", "scale_factor", 2), "'position', attribute 'scale_factor': expected none"),
    "name of attribute": (attribute("position", "a/b", 2), "'position', attribute 'a/b': expected a name as netCDF"),
    "name of variable": (lambda d: d.rename(position="a/b"), "variable 'a/b': expected a name"),
    "name no text": (lambda d: d.rename(sample=3), "dimension 3: expected a name"),
    "long name": (lambda d: d.assign_attrs({"é" * 128: 1}), "dataset attribute 'é+...: expected a name"),
    "order of dimensions": (lambda d: d.transpose("time", ...), "'position': expected dimensions in the order sample"),
    "tensor first": (lambda d: d.transpose(..., "body"), "'position': expected dimensions in the order sample"),
    "parameter in time": (
        lambda d: d.assign(mass=d.mass.expand_dims(time=d.time)),
        "'mass': expected a parameter without 'time'",
    ),
    "other dimensions": (lambda d: d.rename(body="link"), "'position': expected the dimensions .'body', 'i'."),
    "other index": (lambda d: d.rename(i="j"), "'position': expected the dimensions .*given .'body', 'j'."),
    "no labels": (lambda d: d.drop_vars("i"), "coordinate 'i': expected the labels .*given no coordinate"),
    "labels permuted": (lambda d: d.isel(i=[1, 0, 2]), "coordinate 'i': expected the labels .*given .'y', 'x', 'z'"),
    "labels numbered": (lambda d: d.assign_coords(i=[0, 1, 2]), "coordinate 'i': expected the labels"),
    "no time": (lambda d: d.drop_vars("time"), "coordinate 'time': expected floats, given no coordinate"),
    "variable absent": (lambda d: d.drop_vars("momentum"), "'momentum': expected in 'kg\\*m/s' as a state; given only"),
    "nothing": (lambda _: xr.Dataset(), "dataset attribute 'Conventions': expected text, given None"),
    "no variables": (lambda d: d.drop_vars(list(d.data_vars)), "expected variables, given none"),
    "no state": (lambda d: d[["mass"]].assign_attrs(simulator="none"), "at least one variable .*role='state'"),
    "no samples": (lambda d: d.isel(sample=slice(0)), "dimension 'sample': expected at least 1 entry, given 0"),
    "no times": (lambda d: d.isel(time=slice(0)), "dimension 'time': expected at least 1 entry, given 0"),
    "undeclared": (lambda d: d.assign(more=("sample", [1, 2, 3])), "'more': expected the attribute 'units', given no"),
    "complex": (extra(np.ones((3, 3, 2), complex)), "'extra': expected numbers of 1 to 8 bytes, given dtype complex"),
    "text": (extra(np.full((3, 3, 2), "a")), "'extra': expected numbers"),
    "objects": (extra(np.full((3, 3, 2), None)), "'extra': expected numbers"),
    "durations": (extra(np.ones((3, 3, 2), "timedelta64[s]")), "'extra': expected numbers"),
    "half floats": (extra(np.ones((3, 3, 2), "f2")), "'extra': expected numbers"),
    "NaN": (
        extra(np.where(np.arange(18) == 15, np.nan, 0.0).reshape(3, 3, 2)),
        "'extra': .*nan at sample 2, time 1, body 1",
    ),
    "infinity": (lambda d: d.assign(mass=d.mass.assign_attrs(d.mass.attrs) / 0.0), "'mass'"),
    "simulator": (lambda d: d.assign_attrs(simulator="Foo"), "attribute 'simulator': .*'none' .*given 'Foo'"),
    "simulator no text": (lambda d: d.assign_attrs(simulator=3), "'simulator': expected text, given 3"),
    "conventions": (lambda d: d.assign_attrs(Conventions="CF-1.8"), "'Conventions': expected 'CF-1.11, physym-1'"),
    "later conventions": (lambda d: d.assign_attrs(Conventions="CF-1.11, physym-10"), "'Conventions': expected"),
    "dates": (
        lambda d: d.assign_coords(day=("sample", np.arange(3).astype("datetime64[D]"))),
        "coordinate 'day': expected numbers or text, given dtype datetime64",
    ),
    "objects along": (lambda d: d.assign_coords(o=("sample", ["a", None, "b"])), "coordinate 'o': expected numbers or"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_dataset_says_what_is_wrong(run: xr.Dataset, case: str, tmp_path: Path) -> None:
    change, message = BAD[case]
    with np.errstate(divide="ignore"):
        changed = change(run)
    changed = run if changed is None else changed
    with pytest.raises(SchemaError, match=message):
        validate(changed)
    with pytest.raises(SchemaError, match=message):
        write(changed, tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())


TIMES = {
    "integers": [0, 1, 2],
    "durations": np.array([0, 1, 2], "timedelta64[s]"),
    "dates": np.array([0, 1, 2], "datetime64[s]"),
    "text": ["a", "b", "c"],
    "NaN": [0.0, np.nan, 1.0],
    "twice": [0.0, 0.0, 1.0],
    "backwards": [0.0, 2.0, 1.0],
}


@pytest.mark.parametrize("case", TIMES)
def test_times_are_increasing_floats(run: xr.Dataset, case: str) -> None:
    with pytest.raises(SchemaError, match=r"^dataset: coordinate 'time': expected "):
        validate(run.assign_coords(time=("time", TIMES[case], {"units": "s"})))


@pytest.mark.parametrize("units", [None, 3, "m", "degC", "days since 2000-01-01"])
def test_times_have_units_of_time(run: xr.Dataset, units: object) -> None:
    with pytest.raises(SchemaError, match=r"coordinate 'time'.*'units'"):
        validate(run.assign_coords(time=("time", [0.0, 1.0, 2.0], {"units": units} if units else {})))
    validate(run.assign_coords(time=("time", [0.0, 1.0, 2.0], {"units": "days"})))


def test_cells_of_a_grid_have_centres_with_units() -> None:
    attrs = CHANGED | {"role": "state"}
    grid = xr.Dataset({"h": (("sample", "y", "x"), np.ones((1, 2, 3)), attrs)})
    grid.attrs = {"Conventions": schema.CONVENTIONS, "simulator": "none"}
    with pytest.raises(SchemaError, match="coordinate 'y': expected floats, given no coordinate"):
        validate(grid)
    grid = grid.assign_coords(y=[0.5, 1.5], x=("x", [0.5, 1.5, 2.5], {"units": "km"}))
    with pytest.raises(SchemaError, match="coordinate 'y': expected the attribute 'units', such as 'm'"):
        validate(grid)
    grid.y.attrs["units"] = "m"
    validate(grid)
    with pytest.raises(SchemaError, match="'h': expected dimensions in the order") as caught:
        validate(grid.transpose("sample", "x", "y"))
    assert str(caught.value).endswith("given ('sample', 'x', 'y'); pass it through .transpose('sample', 'y', 'x')")
    flat = {"h": schema.Variable("h", "1", "height", "h", ("y", "x"))}
    with pytest.raises(SchemaError, match="expected the dimensions") as caught:
        conform(grid.transpose("sample", "x", "y"), flat)
    assert str(caught.value).endswith("given ('x', 'y'); pass it through .transpose(..., 'y', 'x')")
    with pytest.raises(SchemaError, match=r"besides sample and time, given \('y',\)$"):
        conform(grid.isel(x=0, drop=True), flat)
    conform(grid.transpose("sample", "x", "y").transpose(..., "y", "x"), flat)


@pytest.mark.parametrize("given", [None, 3, {}, "a.nc", xr.DataArray(1.0)])
def test_what_is_no_dataset_is_refused(given: object, tmp_path: Path) -> None:
    for refuse in (validate, lambda d: conform(d, {}), lambda d: write(d, tmp_path / "a.nc")):
        with pytest.raises(SchemaError, match="expected an xarray Dataset, given "):
            refuse(given)  # type: ignore[arg-type]


def test_the_number_of_faults_and_the_place_are_told(run: xr.Dataset) -> None:
    del run.position.attrs["units"], run.mass.attrs["role"]
    with pytest.raises(SchemaError, match=r"^here: .*'position'.* \(and 1 more\)$"):
        validate(run, where="here")


def test_values_of_lazy_arrays_are_looked_at_piece_by_piece(run: xr.Dataset) -> None:
    validate(run.chunk({"sample": 1}))
    broken = run.assign(position=run.position.where(run.sample < 2).transpose(*run.position.dims))
    broken.position.attrs = run.position.attrs
    with pytest.raises(SchemaError, match="'position': expected finite numbers, given nan at sample 2, time 0"):
        validate(broken.assign_coords(sample=[0, 1, 2]).drop_vars("sample").chunk({"sample": 1}))
    validate(broken.drop_vars("sample", errors="ignore"), values=False)


# conform


def test_conform_converts_units_and_orders_dimensions(run: xr.Dataset) -> None:
    other = run.transpose("time", "sample", ...)
    other["position"] = (100.0 * other.position).assign_attrs(run.position.attrs | {"units": "cm"})
    other["mass"] = (1000.0 * other.mass).astype(int).assign_attrs(run.mass.attrs | {"units": "g"})
    found = conform(other, PENDULUM.variables())
    xr.testing.assert_allclose(found, run.drop_attrs(deep=False), rtol=1e-15)
    assert found.position.dims == run.position.dims
    assert {array.dtype for array in found.data_vars.values()} == {np.dtype("f8")}
    assert all(found[name].attrs == run[name].attrs for name in run.data_vars)
    assert other.position.attrs["units"] == "cm"


@pytest.mark.parametrize("case", ["momentum in m", "text", "NaN", "undeclared", "labels permuted", "no samples"])
def test_conform_refuses_what_is_not_of_the_type(run: xr.Dataset, case: str) -> None:
    change, message = BAD[case]
    changed = change(run)
    changed = run if changed is None else changed
    typed = PENDULUM.variables() | {
        name: Variable(name, "1", "a", "a", ("body",), role="diagnostic")
        for name in ("extra", "more")
        if name in changed
    }
    with pytest.raises(SchemaError, match=message):
        conform(changed, typed)


def test_conform_takes_what_is_optional(run: xr.Dataset) -> None:
    typed = PENDULUM.variables()
    assert "mass" not in conform(run.drop_vars("mass"), typed, optional=["mass"])
    with pytest.raises(SchemaError, match="variable 'mass': expected in 'kg' as a parameter"):
        conform(run.drop_vars("mass"), typed)


def test_indices_have_at_most_three_components() -> None:
    with pytest.raises(SchemaError, match="dimension 'i': expected at most 3 components, given 4"):
        schema.coordinates(["i"], {"i": 4})


# attributes


HELD = [
    ("Σ ünï 😀\n", "Σ ünï 😀\n"), ("", ""), (3, 3), (-(2**63) + 1, -(2**63) + 1), (0.1, 0.1),
    (float("inf"), float("inf")),
    (True, 1), (np.bool_(False), 0), (np.int8(3), 3), (np.float32(0.5), 0.5), (np.array(3.5), 3.5), (np.str_("a"), "a"),
    (None, "null"), ([], "[]"), ([1, 2], "[1, 2]"), ((1.0, "a"), '[1.0, "a"]'), (2**70, str(2**70)),
    (np.uint64(2**64 - 1), str(2**64 - 1)), (np.array([1]), "[1]"), (np.eye(2), "[[1.0, 0.0], [0.0, 1.0]]"),
    (np.array([True, False]), "[true, false]"), (np.array(["a"]), '["a"]'), ("a\0b", '"a\\u0000b"'),
    ({"a": [1, {"b": None, "c": np.float64(2.0), "d": np.arange(2)}]},
     '{"a": [1, {"b": null, "c": 2.0, "d": [0, 1]}]}'),
    ("\udc80", '"\\udc80"'), ("x" * 100_000, "x" * 100_000),
]  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_attributes_come_back_as_they_are_held(run: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    given = {f"a{n}": value for n, (value, _) in enumerate(HELD)}
    run.attrs |= given
    run.mass.attrs |= given
    run.time.attrs |= given
    found = read(write(run, tmp_path / f"a{suffix}"))
    for attrs in (attributes(given), found.attrs, found.mass.attrs, found.time.attrs):
        for name, (_, held) in zip(given, HELD, strict=True):
            assert type(attrs[name]) is type(held)
            assert attrs[name] == held
    assert run.mass.attrs["a6"] is True


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [np.arange(3), np.array([0.5, np.nan]), np.arange(3, dtype="u1")])
def test_lines_of_numbers_stay_arrays(run: xr.Dataset, tmp_path: Path, suffix: str, value: np.ndarray) -> None:
    run.attrs["line"] = value
    found = read(write(run, tmp_path / f"a{suffix}")).attrs["line"]
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("value", [1j, b"a", Path("a"), {1}, object(), np.datetime64("2000"), np.longdouble(1)])
def test_an_attribute_without_a_form_is_named(run: xr.Dataset, tmp_path: Path, value: object) -> None:
    with pytest.raises(SchemaError, match=r"attribute 'odd': expected text, numbers or JSON; given \w+"):
        write(run.assign_attrs(odd=value), tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())


# files


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read(run: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    run = run.assign_coords(
        sample=["ü", "bc", "d"], label=("sample", [3, 1, 2]), gap=("sample", [np.nan, 1, 2]), at=2.0
    )
    path = tmp_path / "new" / f"a[b]* ü{suffix}"
    assert write(run, path) == path
    found = bare(read(path))
    xr.testing.assert_identical(found, run)
    assert same_bits(found.load(), run)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    # and what was read is written again
    other = tmp_path / ("b.zarr" if suffix == ".nc" else "b.nc")
    xr.testing.assert_identical(bare(read(write(found, other))), run)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "i1", "u1", "i2", "i8", "u8", "bool"])
def test_numbers_keep_their_type(run: xr.Dataset, tmp_path: Path, suffix: str, dtype: str) -> None:
    values = np.arange(6).reshape(3, 2).astype(dtype)
    run["extra"] = (("sample", "body"), values, CHANGED)
    found = read(write(run, tmp_path / f"a{suffix}")).extra
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_encodings_of_elsewhere_are_forgotten(run: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    run.position.encoding = {"dtype": "i2", "scale_factor": 0.01, "_FillValue": -1, "chunksizes": (1, 1, 1, 1)}
    run.time.encoding = {"units": "days since 2000-01-01", "dtype": "i4"}
    run.encoding = {"unlimited_dims": {"sample"}, "source": "elsewhere"}
    before = dict(run.position.encoding)
    assert same_bits(read(write(run, tmp_path / f"a{suffix}")).load(), run)
    assert run.position.encoding == before


def test_packed_files_of_others_are_unpacked(run: xr.Dataset, tmp_path: Path) -> None:
    packing = {"dtype": "i4", "scale_factor": 1e-6, "_FillValue": -(2**31)}
    run.to_netcdf(tmp_path / "a.nc", encoding={"position": packing, "momentum": {"dtype": "f4"}})
    found = read(tmp_path / "a.nc")
    np.testing.assert_allclose(found.position, run.position, atol=5.1e-7, rtol=0)
    assert float(abs(found.position - run.position).max()) > 1e-9
    assert same_bits(read(write(found, tmp_path / "b.nc")), found)


def test_times_open_as_floats_even_for_plain_xarray_of_others(run: xr.Dataset, tmp_path: Path) -> None:
    with xr.set_options(keep_attrs=False):
        run.to_netcdf(tmp_path / "a.nc")
        run.assign_attrs(completed=1).to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=True)
        for suffix in SUFFIXES:
            found = read(tmp_path / f"a{suffix}")
            assert found.time.dtype == np.float64
            assert found.time.attrs["units"] == "s"
            assert conform(found, PENDULUM.variables()).position.attrs["units"] == "m"


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference data are not here")
@pytest.mark.parametrize("name", ["pendulum_train.nc", "pendulum_test.nc"])
def test_reference_files_open(name: str, tmp_path: Path) -> None:
    found = read(REFERENCE / name)
    assert same_bits(read(write(found, tmp_path / name)), found)
    assert (tmp_path / name).stat().st_size < 1.2 * (REFERENCE / name).stat().st_size + 50_000


def test_numbers_are_compressed(run: xr.Dataset, tmp_path: Path) -> None:
    long = run.isel(time=0).drop_vars("time").isel(sample=np.zeros(100_000, int))
    for suffix in SUFFIXES:
        path = write(long, tmp_path / f"a{suffix}")
        size = sum(p.stat().st_size for p in [path, *path.rglob("*")] if p.is_file())
        assert size < 0.1 * long.nbytes


def test_a_store_keeps_one_run_in_a_chunk_and_says_which_are_there(run: xr.Dataset, tmp_path: Path) -> None:
    path = write(run, tmp_path / "a.zarr")
    raw = xr.open_zarr(path, consolidated=False, decode_times=False)
    assert raw["completed"].dtype == np.int8
    assert raw["completed"].values.tolist() == [1, 1, 1]
    assert raw["completed"].encoding["chunks"] == (1,)
    assert raw["position"].encoding["chunks"] == (1, 3, 2, 3)
    assert raw["mass"].encoding["chunks"] == (2,)
    for name, array in zarr.open_group(path, mode="r").arrays():
        assert name in ("i",) or np.isnan(array.fill_value) or array.fill_value < 0, name
    write(run.isel(time=0).drop_vars("time"), tmp_path / "b.zarr")
    assert "completed" not in xr.open_zarr(tmp_path / "b.zarr", consolidated=False)
    clash = run.assign(completed=(("sample", "body"), np.ones((3, 2)), CHANGED))
    with pytest.raises(SchemaError, match="variable 'completed': expected another name"):
        write(clash, tmp_path / "c.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


def test_a_store_that_says_nothing_of_a_run_is_damaged(run: xr.Dataset, tmp_path: Path) -> None:
    path = write(run, tmp_path / "a.zarr")
    zarr.open_group(path, mode="r+")["completed"][1] = 7
    with pytest.raises(SchemaError, match="expected the flag 'completed' of each run as 0 or 1, given others"):
        read(path)


def test_a_big_store_stays_on_disk(run: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = run.copy(deep=True)
    path = write(broken, tmp_path / "a.zarr")
    shutil.rmtree(path / "position" / "c")
    with pytest.raises(SchemaError, match="'position': expected finite numbers, given nan"):
        read(path)
    monkeypatch.setattr(schema.files, "_IN_MEMORY", run.nbytes - 1)
    found = read(path)
    with pytest.raises(SchemaError, match="'position': expected finite numbers, given nan"):
        conform(found, PENDULUM.variables())


def test_a_big_store_is_validated_block_by_block(
    run: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.zeros((20, 1, 50_000))
    long = run.isel(sample=[0] * 20, time=[0]).assign(noise=(("sample", "time", "bin"), values, CHANGED))
    path = write(long, tmp_path / "a.zarr")
    monkeypatch.setattr(schema.files, "_IN_MEMORY", 0)
    monkeypatch.setattr(schema.validation, "_BLOCK_BYTES", 800_000)
    found = read(path)
    tracemalloc.start()
    validate(found)
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 500_000
    assert peak < 4_000_000
    zarr.open_group(path, mode="r+")["noise"][13, 0, 7] = np.inf
    with pytest.raises(SchemaError, match="'noise': expected finite numbers, given inf at sample 13, time 0, bin 7"):
        validate(read(path))
    chunk = path / "position" / "c" / "5" / "0" / "0" / "0"
    chunk.write_bytes(b"bad")
    for check in (validate, lambda data: conform(data, PENDULUM.variables())):
        with pytest.raises(SchemaError, match="'position': expected numbers that can be read, given damaged ones"):
            check(read(path))


# damage


def refused(path: Path) -> None:
    with pytest.raises(InputError, match=r": expected .*given ") as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_truncated_netcdf_is_damaged(run: xr.Dataset, tmp_path: Path) -> None:
    content = write(run, tmp_path / "a.nc").read_bytes()
    path = tmp_path / "t.nc"
    for length in {*range(0, 64, 7), *np.linspace(64, len(content) - 1, 40).astype(int)}:
        path.write_bytes(content[:length])
        with pytest.raises(SchemaError, match="expected a netCDF file, given one that is damaged or of another kind"):
            read(path)


def test_netcdf_with_wrong_bytes_never_ends_in_another_error(run: xr.Dataset, tmp_path: Path) -> None:
    content = write(run, tmp_path / "a.nc").read_bytes()
    path, rng, refusals = tmp_path / "t.nc", random.Random(0), 0
    for _ in range(60):
        broken = bytearray(content)
        for _ in range(8):
            broken[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        path.write_bytes(bytes(broken))
        try:
            read(path)
        except SchemaError:
            refusals += 1
    assert refusals > 5


@pytest.mark.parametrize("half", [False, True])
def test_a_store_that_lost_a_file_is_refused(run: xr.Dataset, tmp_path: Path, half: bool) -> None:
    path = write(run, tmp_path / "a.zarr")
    files = [file for file in path.rglob("*") if file.is_file()]
    assert len(files) > 2 * len(run.data_vars)
    for file in files:
        content = file.read_bytes()
        if half:
            file.write_bytes(content[: len(content) // 2])
        else:
            file.unlink()
        refused(path)
        file.write_bytes(content)
    assert same_bits(read(path).load(), run)


def test_what_is_no_dataset_of_ours_does_not_open(run: xr.Dataset, tmp_path: Path) -> None:
    for name, content in {"empty.nc": b"", "text.nc": b"hello\n" * 1000, "zeros.nc": bytes(5000)}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.nc").mkdir()
    (tmp_path / "folder.zarr").mkdir()
    os.mkfifo(tmp_path / "pipe.nc")
    (tmp_path / "link.nc").symlink_to("nowhere")
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc")
    run.to_netcdf(tmp_path / "classic.nc", format="NETCDF3_CLASSIC")
    run.drop_vars("i").to_zarr(tmp_path / "unfinished.zarr", consolidated=False)
    for path in tmp_path.iterdir():
        refused(path)
    for path in (tmp_path / "absent.nc", tmp_path / "absent.zarr", tmp_path / "empty.nc" / "a.nc", Path("x" * 300)):
        refused(path)
    with pytest.raises(SchemaError, match="expected netCDF-4, given netCDF-3"):
        read(tmp_path / "classic.nc")
    with pytest.raises(SchemaError, match="expected a finished store, given one without completed=1"):
        read(tmp_path / "unfinished.zarr")


# outputs


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_force_replaces(run: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    path = write(run, tmp_path / f"a{suffix}")
    with pytest.raises(InputError, match="finished already; use --force to replace it"):
        write(run.isel(sample=[0]), path)
    assert read(path).sizes["sample"] == 3
    assert write(run.isel(sample=[0]), path, force=True) == path
    assert read(path).sizes["sample"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_force_replaces_whatever_is_there(run: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "a.nc").mkdir()
    (tmp_path / "a.nc" / "file").write_text("a")
    (tmp_path / "a.zarr").write_text("a")
    for suffix in SUFFIXES:
        assert same_bits(read(write(run, tmp_path / f"a{suffix}", force=True)).load(), run)


def test_a_link_stays_a_link(run: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for suffix in SUFFIXES:
        link = tmp_path / f"a{suffix}"
        link.symlink_to(tmp_path / "far" / f"b{suffix}")
        write(run, link)
        write(run.isel(sample=[0]), link, force=True)
        assert link.is_symlink()
        assert read(tmp_path / "far" / f"b{suffix}").sizes["sample"] == 1


@pytest.mark.parametrize(
    "name", ["a.h5", "a", ".nc", "a.NC", "file/a.nc", "file/b/a.nc", "x" * 230 + ".nc", "x" * 300 + ".nc"]
)
def test_an_output_that_cannot_be_is_refused(run: xr.Dataset, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("a")
    with pytest.raises(InputError, match=r": expected .*"):
        write(run, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.getuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="expected a folder that can be written"):
        check_output(tmp_path / "a.nc")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root may write to")
def test_a_folder_that_nobody_can_write_is_refused(run: xr.Dataset) -> None:
    for path in (Path("/proc/a.nc"), Path("/proc/b/a.nc")):
        with pytest.raises(InputError, match=rf"^{path}: expected "):
            write(run, path)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_old_dataset(run: xr.Dataset, full_disk: Path, suffix: str) -> None:
    path = write(run, full_disk / f"a{suffix}")
    values = np.random.default_rng(0).standard_normal((3, 20_000))
    long = run.assign(noise=(("sample", "bin"), values, CHANGED))
    with pytest.raises(InputError, match=rf"^{path}: expected to write there, given No space left on device"):
        write(long, path, force=True)
    assert same_bits(read(path).load(), run)
    assert list(full_disk.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ctrl_c_leaves_nothing(run: xr.Dataset, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(xr.Dataset, "to_netcdf", interrupted)
    monkeypatch.setattr(schema.stores, "create", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(run, tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_of_two_writers_at_once_the_later_is_refused(
    run: xr.Dataset, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = tmp_path / f"a{suffix}", run.isel(sample=[0])
    function = "_write_netcdf" if suffix == ".nc" else "create"
    module = schema.files if suffix == ".nc" else schema.stores
    plain = getattr(module, function)

    def slow(*args: object) -> None:
        plain(*args)
        if any(isinstance(given, xr.Dataset) and given.sizes["sample"] == 3 for given in args):
            write(first, path)

    monkeypatch.setattr(module, function, slow)
    with pytest.raises(InputError, match="finished already"):
        write(run, path)
    assert read(path).sizes["sample"] == 1
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys
from simulators import read, write
first, second, path = sys.argv[1:]
data = [read(first), read(second)]
print("ready", flush=True)
n = 0
while True:
    write(data[n % 2], path, force=True)
    n += 1
"""


def writer(folder: Path, path: Path) -> subprocess.Popen[str]:
    """A process that replaces a dataset by one of another size, again and again."""
    command = [sys.executable, "-c", WRITER, str(folder / "1.nc"), str(folder / "2.nc"), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def two_sizes(run: xr.Dataset, folder: Path) -> None:
    folder.mkdir()
    write(run.isel(sample=[0]), folder / "1.nc")
    write(run.isel(sample=[0, 1]), folder / "2.nc")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_kill_9_at_any_moment_leaves_a_whole_dataset_or_none(run: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    two_sizes(run, tmp_path / "in")
    path, rng = tmp_path / "out" / f"a{suffix}", random.Random(suffix)
    leftovers = 0
    for _ in range(3):
        process = writer(tmp_path / "in", path)
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
        for found in path.parent.glob("*"):
            if found == path:
                assert read(path).sizes["sample"] in (1, 2)
            else:
                leftovers += 1
                assert found.name.startswith(f".{path.name}.")
                assert found.name.endswith(".partial")
    write(run, path, force=True)
    assert list(path.parent.iterdir()) == [path]
    assert same_bits(read(path).load(), run)


def test_force_replaces_a_file_atomically_beside_another_writer(run: xr.Dataset, tmp_path: Path) -> None:
    two_sizes(run, tmp_path / "in")
    path = write(run, tmp_path / "out" / "a.nc")
    process = writer(tmp_path / "in", path)
    seen, end = set(), time.monotonic() + 1.0
    while time.monotonic() < end or len(seen) < 2:
        assert process.poll() is None
        seen.add(read(path).sizes["sample"])
        if len(seen) > 1:
            write(run, path, force=True)
    process.kill()
    process.wait()
    process.stdout.close()  # type: ignore[union-attr]
    assert {1, 2} & seen
    write(run, path, force=True)
    assert list(path.parent.iterdir()) == [path]


def test_only_partials_of_dead_writers_are_cleared(run: xr.Dataset, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead, node = int(done.stdout), os.uname().nodename
    kept = [
        f".a.nc.{os.getpid()}@{node}.x.partial",
        f".a.nc.{dead}@elsewhere.x.partial",
        f".b.nc.{dead}@{node}.x.partial",
    ]
    kept += [f".a.nc.odd@{node}.x.partial", f".a.nc.b.nc.{dead}@{node}.x.partial"]
    for name in (*kept, f".a.nc.{dead}@{node}.x.partial"):
        (tmp_path / name).mkdir()
    write(run, tmp_path / "a.nc")
    assert {p.name for p in tmp_path.iterdir()} == {"a.nc", *kept}


def test_the_settings_of_a_solver_are_json(run: xr.Dataset, tmp_path: Path) -> None:
    found = read(write(run, tmp_path / "a.nc"))
    assert json.loads(found.attrs["solver"]) == {"method": "DOP853", "tolerance": 1e-10}
    assert found.attrs["seed"] == 0


def test_a_store_lists_variables_in_one_order(run: xr.Dataset, tmp_path: Path) -> None:
    """Zarr itself lists them in any; the order decides, for one, what the entries of a flat state are."""
    mixed = run[sorted(run.data_vars, reverse=True)].assign(zeta=run["mass"], alpha=run["mass"])
    path = write(mixed, tmp_path / "a.zarr")
    for _ in range(10):
        assert list(read(path).data_vars) == [*PENDULUM.variables(), "alpha", "zeta"]
