"""The dataset schema: typed variables, and files that are whole or absent.

Every data variable states its physical type in its attributes: `units`, `tensor_order` and `pseudo`, beside
`long_name`, `symbol` and `role` ("state", "parameter" or "diagnostic"). Dimensions come in the order `sample`,
`time`, the entity (`body`), space (`z`, `y`, `x`), then the tensor indices `i`, `j`, `k`, which are labelled
"x", "y", "z". `validate` holds a dataset to this, `conform` brings one into the units and dimensions that a
simulator or model wants, `write` and `read` keep it in netCDF-4 (``.nc``) or zarr v3 (``.zarr``).
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.units import conversion, parse

__all__ = [
    "CONVENTIONS",
    "INDICES",
    "LABELS",
    "Variable",
    "attributes",
    "check_output",
    "conform",
    "coordinates",
    "names",
    "read",
    "require_finite",
    "validate",
    "variables",
    "write",
]  # fmt: skip

CONVENTIONS = "CF-1.11, physym-1"
SPACE = ("z", "y", "x")
INDICES = ("i", "j", "k", "l")
LABELS = ("x", "y", "z")
Role = Literal["state", "parameter", "diagnostic"]
_ROLES = ("state", "parameter", "diagnostic")
_REQUIRED = ("units", "long_name", "symbol", "tensor_order", "pseudo", "role")
_DATASET_REQUIRED = ("Conventions", "simulator")


@dataclass(frozen=True)
class Variable:
    """The physical type of one variable.

    Attributes:
        name: its name in the dataset.
        units: as pint and UDUNITS read them; "1" if dimensionless.
        long_name: what a plot's axis says.
        symbol: what a formula says.
        dims: its dimensions besides `sample`, `time` and the tensor indices: ``("body",)``, ``("y", "x")``.
        tensor_order: the number of its tensor indices.
        pseudo: 1 if it changes sign under reflections beside what its indices do.
        role: "state", "parameter" or "diagnostic".
    """

    name: str
    units: str
    long_name: str
    symbol: str
    dims: tuple[str, ...] = ()
    tensor_order: int = 0
    pseudo: int = 0
    role: Role = "state"

    @property
    def indices(self) -> tuple[str, ...]:
        """The names of the tensor indices."""
        return INDICES[: self.tensor_order]

    def attrs(self) -> dict[str, Any]:
        """The attributes that declare this type in a dataset."""
        return {key: getattr(self, key) for key in _REQUIRED}


def names(dataset: xr.Dataset, role: Role) -> list[str]:
    """The names of the variables of one role, in the dataset's order."""
    return [str(name) for name, array in dataset.data_vars.items() if array.attrs.get("role") == role]


def variables(dataset: xr.Dataset) -> dict[str, Variable]:
    """The types that a valid dataset declares, by name."""
    found = {}
    for name, array in dataset.data_vars.items():
        order = int(array.attrs["tensor_order"])
        dims = tuple(str(d) for d in array.dims if d not in ("sample", "time"))
        given = {key: array.attrs[key] for key in ("units", "long_name", "symbol", "role")}
        found[str(name)] = Variable(
            str(name), dims=dims[: len(dims) - order], tensor_order=order, pseudo=int(array.attrs["pseudo"]), **given
        )
    return found


def coordinates(dims: Iterable[str], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The standard coordinates of entity and tensor dimensions: bodies count from 1, indices are labelled.

    Raises:
        SchemaError: if a tensor index has more than three components.
    """
    coords: dict[str, Any] = {}
    for dim in dims:
        if dim in INDICES:
            if sizes[dim] > len(LABELS):
                raise SchemaError(f"dimension {dim!r}: expected at most 3 components, given {sizes[dim]}")
            coords[dim] = (dim, list(LABELS[: sizes[dim]]))
        elif dim not in ("sample", "time", *SPACE):
            coords[dim] = (dim, np.arange(1, sizes[dim] + 1))
    return coords


def _problems(dataset: xr.Dataset) -> Iterable[str]:
    for key in _DATASET_REQUIRED:
        if not isinstance(dataset.attrs.get(key), str):
            yield f"dataset attribute {key!r}: expected text, given {dataset.attrs.get(key)!r}; set it"
    if "physym-1" not in str(dataset.attrs.get("Conventions", "physym-1")):
        yield f"dataset attribute 'Conventions': expected {CONVENTIONS!r}, given {dataset.attrs['Conventions']!r}"
    if not dataset.data_vars:
        yield "dataset: expected variables, given none"
    for name, array in dataset.data_vars.items():
        yield from _variable_problems(str(name), array)
    if not names(dataset, "state"):
        yield "dataset: expected at least one variable with the attribute role='state', given none"
    if "time" in dataset.dims:
        yield from _time_problems(dataset)
    for dim in dataset.dims:
        labels = LABELS[: dataset.sizes[dim]]
        if dim in INDICES and (dim not in dataset.coords or tuple(map(str, dataset[dim].values)) != labels):
            given = list(dataset[dim].values) if dim in dataset.coords else "no coordinate"
            yield f"coordinate {dim!r}: expected the labels {list(labels)}, given {given}"


def _variable_problems(name: str, array: xr.DataArray) -> Iterable[str]:
    attrs = array.attrs
    missing = [key for key in _REQUIRED if key not in attrs]
    for key in missing:
        yield f"variable {name!r}: expected the attribute {key!r}, given none; declare it"
    if missing:
        return
    try:
        parse(attrs["units"])
    except InputError as error:
        yield f"variable {name!r}, attribute 'units': {error}"
    if attrs["role"] not in _ROLES:
        yield f"variable {name!r}, attribute 'role': expected one of {', '.join(_ROLES)}; given {attrs['role']!r}"
    if attrs["pseudo"] not in (0, 1):
        yield f"variable {name!r}, attribute 'pseudo': expected 0 or 1, given {attrs['pseudo']!r}"
    order = sum(dim in INDICES for dim in array.dims)
    if attrs["tensor_order"] != order:
        given = attrs["tensor_order"]
        yield f"variable {name!r}, attribute 'tensor_order': expected {order}, its index dimensions; given {given!r}"
    ranks = [_rank(str(dim)) for dim in array.dims]
    if ranks != sorted(ranks):
        ranking = "sample, time, entity, z, y, x, i, j, k"
        yield f"variable {name!r}: expected dimensions in the order {ranking}; given {array.dims}"
    if array.dtype.kind not in "fiub":
        yield f"variable {name!r}: expected numbers, given dtype {array.dtype}"
    if attrs["role"] == "parameter" and "time" in array.dims:
        yield f"variable {name!r}: expected a parameter without 'time', given dimensions {array.dims}"


def _rank(dim: str) -> int:
    order = ("sample", "time", None, *SPACE, *INDICES)
    return order.index(dim) if dim in order else 2


def _time_problems(dataset: xr.Dataset) -> Iterable[str]:
    if "time" not in dataset.coords:
        yield "coordinate 'time': expected times as floats, given no coordinate"
        return
    time = dataset["time"]
    if time.dtype.kind != "f":
        yield f"coordinate 'time': expected floats, given {time.dtype}; open with simulators.read"
    elif not np.all(np.isfinite(time)) or not np.all(np.diff(time) > 0):
        yield "coordinate 'time': expected finite, strictly increasing times; given others"
    if not isinstance(time.attrs.get("units"), str):
        yield "coordinate 'time': expected the attribute 'units', such as 's'; given none"
        return
    try:
        conversion(time.attrs["units"], "s")
    except InputError as error:
        yield f"coordinate 'time', attribute 'units': {error}"


def validate(dataset: xr.Dataset, expected: Mapping[str, Variable] | None = None, *, where: str = "dataset") -> None:
    """Hold a dataset to the schema.

    Args:
        dataset: what to look at.
        expected: types that it must have; by default those of the simulator that the dataset names.
        where: what to call the dataset in a message, such as its path.

    Raises:
        SchemaError: with the first fault (and how many more there are): which variable or attribute is wrong,
            what was expected and what was given.
    """
    from simulators.base import registered

    problems = list(_problems(dataset))
    name = dataset.attrs.get("simulator")
    if expected is None and isinstance(name, str):
        known = registered()
        if name in known:
            expected = known[name].variables()
        elif name != "none":
            problems.append(
                f"dataset attribute 'simulator': expected one of {', '.join(sorted(known))}, or 'none' for data from"
                f" elsewhere; given {name!r}"
            )
    for variable in (expected or {}).values():
        problems.extend(_type_problems(dataset, variable))
    if not problems:
        problems.extend(_value_problems(dataset))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SchemaError(f"{where}: {problems[0]}{more}")


def _type_problems(dataset: xr.Dataset, variable: Variable) -> Iterable[str]:
    name = variable.name
    if name not in dataset.data_vars:
        if variable.role != "diagnostic":
            given = ", ".join(map(str, dataset.data_vars)) or "none"
            yield f"variable {name!r}: expected in {variable.units!r} as a {variable.role}; given only {given}"
        return
    array = dataset[name]
    if set(_REQUIRED) - set(array.attrs):
        return
    try:
        conversion(array.attrs["units"], variable.units)
    except InputError as error:
        yield f"variable {name!r}, attribute 'units': {error}"
    for key in ("tensor_order", "pseudo", "role"):
        if array.attrs[key] != getattr(variable, key):
            expected, found = getattr(variable, key), array.attrs[key]
            yield f"variable {name!r}, attribute {key!r}: expected {expected!r}, given {found!r}"
    wanted = (*variable.dims, *variable.indices)
    given = tuple(dim for dim in array.dims if dim not in ("sample", "time"))
    if given != wanted and not (variable.role == "parameter" and given == variable.indices):
        yield f"variable {name!r}: expected the dimensions {wanted} besides sample and time, given {given}"


def _value_problems(dataset: xr.Dataset) -> Iterable[str]:
    for name, array in dataset.data_vars.items():
        bad = ~np.isfinite(array.values)
        if bad.any():
            first = dict(zip(array.dims, (int(n) for n in np.argwhere(bad)[0]), strict=True))
            place = ", ".join(f"{dim} {n}" for dim, n in first.items()) or "its value"
            yield f"variable {name!r}: expected finite numbers, given {array.values[bad][0]} at {place}"


def require_finite(name: str, values: np.ndarray) -> None:
    """Refuse NaN and infinity.

    Raises:
        InputError: with the name and the place of the first one.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputError(
            f"{name}: expected finite numbers, given {values[bad][0]} at index {tuple(np.argwhere(bad)[0])}"
        )


def conform(dataset: xr.Dataset, expected: Mapping[str, Variable], *, optional: Iterable[str] = ()) -> xr.Dataset:
    """The named variables of a dataset, in the expected units and order of dimensions.

    Args:
        dataset: with at least the expected variables.
        expected: the types wanted, by name.
        optional: names that may be absent.

    Raises:
        SchemaError: if a variable is absent, has another type, or holds a NaN.
    """
    out = {}
    for name, variable in expected.items():
        if name not in dataset.data_vars and name in optional:
            continue
        for problem in itertools.chain(_type_problems(dataset, variable), _undeclared(dataset, variable)):
            raise SchemaError(problem)
        array = dataset[name]
        factor = conversion(array.attrs["units"], variable.units)
        order = [d for d in ("sample", "time", *variable.dims, *variable.indices) if d in array.dims]
        scaled = array.transpose(*order).astype(np.float64) * factor
        out[name] = scaled.assign_attrs(variable.attrs())
        for problem in _value_problems(xr.Dataset({name: scaled})):
            raise SchemaError(problem)
    return xr.Dataset(out)


def _undeclared(dataset: xr.Dataset, variable: Variable) -> Iterable[str]:
    missing = [key for key in _REQUIRED if key not in dataset[variable.name].attrs]
    if missing:
        yield f"variable {variable.name!r}: expected the attribute {missing[0]!r}, given none; declare it"


def attributes(values: Mapping[str, Any]) -> dict[str, str | int | float | np.ndarray]:
    """Attributes as netCDF can hold them: text, numbers and arrays of numbers stay, the rest becomes JSON text.

    Raises:
        SchemaError: naming the attribute that has no JSON form.
    """
    held: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool):
            held[key] = int(value)
        elif _plain(value):
            held[key] = value
        else:
            try:
                held[key] = json.dumps(value.tolist() if isinstance(value, np.ndarray) else value)
            except (TypeError, ValueError) as error:
                raise SchemaError(
                    f"attribute {key!r}: expected text, numbers or JSON; given {type(value).__name__}"
                ) from error
    return held


def _plain(value: object) -> bool:
    """Whether netCDF holds the value as it is."""
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu" and value.ndim <= 1 and value.size > 0
    return isinstance(value, str | float)


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """Refuse, before any work is done, an output that exists or cannot be written.

    Returns:
        The path.

    Raises:
        InputError: with the reason and the remedy.
    """
    path = Path(path)
    if path.suffix not in (".nc", ".zarr"):
        raise InputError(f"{path}: expected a name that ends in .nc or .zarr")
    if path.exists() and not force:
        raise InputError(
            f"{path}: expected a new output, given one that is finished already; use --force to replace it"
        )
    parent = path.parent
    if not parent.exists():
        try:
            parent.mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"{path}: expected a folder that can be written, given {parent} ({error.strerror})"
            ) from error
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{path}: expected a folder that can be written, given {parent}")
    return path


def write(dataset: xr.Dataset, path: str | Path, *, force: bool = False) -> Path:
    """Write a dataset whole or not at all: beside its place, then renamed into it.

    Args:
        dataset: valid by the schema.
        path: ending in ``.nc`` (netCDF-4) or ``.zarr`` (zarr v3).
        force: replace what is there.

    Raises:
        SchemaError: if the dataset is not valid.
        InputError: if the output exists (without `force`) or cannot be written.
    """
    path = check_output(path, force=force)
    validate(dataset)
    held = dataset.copy()
    held.attrs = attributes(dataset.attrs)
    for variable in held.variables.values():
        variable.attrs = attributes(variable.attrs)
        variable.encoding = {}
    _clear(path)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.{os.getpid()}.", suffix=".partial", dir=path.parent))
    try:
        target = scratch / path.name
        if path.suffix == ".nc":
            encoding = {
                n: {"zlib": True, "complevel": 1, "_FillValue": None}
                for n, v in held.variables.items()
                if v.dtype.kind in "fiu"
            }
            held.to_netcdf(target, format="NETCDF4", engine="netcdf4", encoding=encoding)
            with target.open("rb") as file:
                os.fsync(file.fileno())
        else:
            held.attrs["completed"] = 1
            # zarr v3 specifies variable-length text only
            labels = {name: coord.astype(object) for name, coord in held.coords.items() if coord.dtype.kind == "U"}
            held = held.assign_coords(labels)
            held.to_zarr(target, zarr_format=3, mode="w", consolidated=False)
        if path.is_dir():
            path.rename(scratch / "replaced")
        target.replace(path)
    except (OSError, RuntimeError) as error:
        # netCDF reports a full disk as a RuntimeError
        raise InputError(
            f"{path}: expected to write there, given {getattr(error, 'strerror', None) or error}"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return path


def _clear(path: Path) -> None:
    """Remove what killed writers of this path have left beside it."""
    for scratch in path.parent.glob(f".{path.name}.*.partial"):
        writer = scratch.name.removeprefix(f".{path.name}.").split(".")[0]
        try:
            os.kill(int(writer), 0)
        except ProcessLookupError:
            shutil.rmtree(scratch, ignore_errors=True)
        except (ValueError, PermissionError):
            continue


def read(path: str | Path) -> xr.Dataset:
    """Open a finished dataset, validated; times are floats; netCDF is loaded, zarr is opened lazily.

    Raises:
        InputError: if there is no such file.
        SchemaError: if it is damaged or unfinished, or breaks the schema.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: expected a dataset, given no such file")
    plain = {"decode_times": False, "decode_timedelta": False}
    try:
        if path.is_dir():
            dataset = xr.open_zarr(path, consolidated=False, chunks=None, **plain)
            labels = {dim: [str(label) for label in dataset[dim].values] for dim in INDICES if dim in dataset.coords}
            dataset = dataset.assign_coords(labels)
        else:
            dataset = xr.load_dataset(path, engine="netcdf4", **plain)
    except (OSError, ValueError, RuntimeError, KeyError, FileNotFoundError) as error:
        kind = "a zarr store" if path.is_dir() else "a netCDF file"
        raise SchemaError(
            f"{path}: expected {kind}, given one that is damaged or of another kind; generate it again"
        ) from error
    if path.is_dir() and dataset.attrs.get("completed") != 1:
        raise SchemaError(f"{path}: expected a finished store, given one without completed=1; run its generation again")
    validate(dataset, where=str(path))
    return dataset
