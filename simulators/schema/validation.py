"""Holding datasets to the schema: what is wrong, what was expected, what was given."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.schema import stores
from simulators.schema.types import CONVENTIONS, DECLARED, INDICES, LABELS, ROLES, SPACE, Variable, over
from simulators.units import conversion, parse

__all__ = ["conform", "validate"]

_RANKING = ("sample", "time", "entity", *SPACE, *INDICES)
_TEXT = ("units", "long_name", "symbol")
# what CF uses to code values; here they would be applied twice, or change what was stored
_CODING = ("_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned")
# netCDF: a letter, digit, underscore or non-ASCII first; no slash, no control characters, no blank at the end
_NAME = re.compile(r"[0-9A-Za-z_\u0080-\U0010ffff](?:[^/\x00-\x1f\x7f]*[^/\x00-\x20\x7f])?")
_NAME_BYTES = 255
_BLOCK_BYTES = 2**26


def validate(
    dataset: xr.Dataset,
    expected: Mapping[str, Variable] | None = None,
    *,
    where: str = "dataset",
    values: bool = True,
) -> None:
    """Hold a dataset to the schema.

    Args:
        dataset: what to look at.
        expected: types that it must have; by default those of the simulator that the dataset names.
        where: what to call the dataset in a message, such as its path.
        values: look for NaN and infinity too, which reads every number.

    Raises:
        SchemaError: with the first fault (and how many more there are): which variable or attribute is wrong,
            what was expected and what was given.
    """
    from simulators.base import registered

    if not isinstance(dataset, xr.Dataset):
        raise SchemaError(f"{where}: expected an xarray Dataset, given {type(dataset).__name__}")
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
    for variable in over(expected or {}, dataset.dims).values():
        problems.extend(_type_problems(dataset, variable))
    if values and not problems:
        problems.extend(_value_problems(dataset))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SchemaError(f"{where}: {problems[0]}{more}")


def conform(dataset: xr.Dataset, expected: Mapping[str, Variable], *, optional: Iterable[str] = ()) -> xr.Dataset:
    """The named variables of a dataset as float64, in the expected units, `sample` and `time` first.

    Args:
        dataset: with at least the expected variables.
        expected: the types wanted, by name.
        optional: names that may be absent.

    Raises:
        SchemaError: if a variable is absent, has another type, has no samples, holds a NaN, or cannot be read.
    """
    if not isinstance(dataset, xr.Dataset):
        raise SchemaError(f"expected an xarray Dataset, given {type(dataset).__name__}")
    wanted = {name: v for name, v in expected.items() if name in dataset.data_vars or name not in optional}
    for variable in wanted.values():
        declared = (
            _declaration_problems(variable.name, dataset[variable.name], variable.units)
            if variable.name in dataset
            else ()
        )
        _raise_first(itertools.chain(declared, _type_problems(dataset, variable)))
    _raise_first(_dimension_problems(dataset[list(wanted)], labelled=False))
    out = {}
    for name, variable in wanted.items():
        array = dataset[name]
        factor = conversion(array.attrs["units"], variable.units)
        if array.chunks is None:
            array = array.copy(data=_numbers(name, array))
        order = [d for d in ("sample", "time", *variable.dims, *variable.indices) if d in array.dims]
        out[name] = (array.transpose(*order).astype(np.float64) * factor).assign_attrs(variable.attrs())
    found = xr.Dataset(out)
    _raise_first(_value_problems(found))
    return found


def _raise_first(problems: Iterable[str]) -> None:
    for problem in problems:
        raise SchemaError(problem)


def _problems(dataset: xr.Dataset) -> Iterable[str]:
    for key in ("Conventions", "simulator"):
        if not isinstance(dataset.attrs.get(key), str):
            yield f"dataset attribute {key!r}: expected text, given {dataset.attrs.get(key)!r}; set it"
    conventions = dataset.attrs.get("Conventions")
    if isinstance(conventions, str) and "physym-1" not in re.split(r"[,\s]+", conventions):
        yield f"dataset attribute 'Conventions': expected {CONVENTIONS!r}, given {conventions!r}"
    yield from _name_problems(dataset)
    if not dataset.data_vars:
        yield "dataset: expected variables, given none"
    for name, array in dataset.data_vars.items():
        yield from _variable_problems(str(name), array)
    if not any(_equal(array.attrs.get("role"), "state") for array in dataset.data_vars.values()):
        yield "dataset: expected at least one variable with the attribute role='state', given none"
    yield from _dimension_problems(dataset, labelled=True)
    for dim in ("time", *SPACE):
        if dim in dataset.dims:
            yield from _axis_problems(dataset, dim)
    for name, coord in dataset.coords.items():
        text = coord.dtype.kind in "UT" or (
            coord.dtype == object and all(isinstance(v, str) for v in coord.values.flat)
        )
        if not text and name not in ("time", *SPACE) and not _is_number(coord.dtype):
            yield f"coordinate {name!r}: expected numbers or text, given dtype {coord.dtype}"


def _name_problems(dataset: xr.Dataset) -> Iterable[str]:
    kinds: dict[str, Iterable[object]] = {
        "dataset attribute": dataset.attrs,
        "dimension": dataset.dims,
        "variable": dataset.variables,
    }
    kinds |= {f"variable {name!r}, attribute": variable.attrs for name, variable in dataset.variables.items()}
    for kind, found in kinds.items():
        for name in found:
            fits = isinstance(name, str) and _NAME.fullmatch(name)
            if not fits or len(str(name).encode(errors="replace")) > _NAME_BYTES:
                shown = repr(name) if len(repr(name)) <= 80 else f"{repr(name)[:77]}..."
                yield f"{kind} {shown}: expected a name as netCDF allows it, given another; rename it"


def _declaration_problems(name: str, array: xr.DataArray, known: str | None = None) -> Iterable[str]:
    """What a variable declares wrongly; units that are `known` need no reading."""
    attrs = array.attrs
    for key in DECLARED:
        if key not in attrs:
            yield f"variable {name!r}: expected the attribute {key!r}, given none; declare it"
        elif key in _TEXT and not isinstance(attrs[key], str):
            yield f"variable {name!r}, attribute {key!r}: expected text, given {attrs[key]!r}"
    if isinstance(attrs.get("units"), str) and attrs["units"] != known:
        try:
            parse(attrs["units"])
        except InputError as error:
            yield f"variable {name!r}, attribute 'units': {error}"
    if not _is_number(array.dtype):
        yield f"variable {name!r}: expected numbers of 1 to 8 bytes, given dtype {array.dtype}"


def _variable_problems(name: str, array: xr.DataArray) -> Iterable[str]:
    attrs = array.attrs
    yield from _declaration_problems(name, array)
    for key in _CODING:
        if key in attrs:
            yield f"variable {name!r}, attribute {key!r}: expected none, since values are stored as they are; decode it"
    order = sum(dim in INDICES for dim in array.dims)
    if "role" in attrs and not any(_equal(attrs["role"], role) for role in ROLES):
        yield f"variable {name!r}, attribute 'role': expected one of {', '.join(ROLES)}; given {attrs['role']!r}"
    if "pseudo" in attrs and not any(_equal(attrs["pseudo"], value) for value in (0, 1)):
        yield f"variable {name!r}, attribute 'pseudo': expected 0 or 1, given {attrs['pseudo']!r}"
    if "tensor_order" in attrs and not _equal(attrs["tensor_order"], order):
        given = attrs["tensor_order"]
        yield f"variable {name!r}, attribute 'tensor_order': expected {order}, its index dimensions; given {given!r}"
    ranks = [_RANKING.index(dim if dim in _RANKING else "entity") for dim in array.dims]
    if ranks != sorted(ranks):
        told = f"expected dimensions in the order {', '.join(_RANKING)}; given {array.dims}"
        order = tuple(array.dims[n] for n in sorted(range(len(ranks)), key=ranks.__getitem__))
        yield f"variable {name!r}: {told}; pass it through .transpose{order}"
    if "time" in array.dims and _equal(attrs.get("role"), "parameter"):
        yield f"variable {name!r}: expected a parameter without 'time', given dimensions {array.dims}"


def _type_problems(dataset: xr.Dataset, variable: Variable) -> Iterable[str]:
    """How a variable that declares a type differs from the wanted one."""
    name = variable.name
    if name not in dataset.data_vars:
        if variable.role != "diagnostic":
            given = ", ".join(map(str, dataset.data_vars)) or "none"
            yield f"variable {name!r}: expected in {variable.units!r} as a {variable.role}; given only {given}"
        return
    array = dataset[name]
    if any(_declaration_problems(name, array, variable.units)):
        return
    try:
        conversion(array.attrs["units"], variable.units)
    except InputError as error:
        yield f"variable {name!r}, attribute 'units': {error}"
    for key in ("tensor_order", "pseudo", "role"):
        if not _equal(array.attrs[key], getattr(variable, key)):
            expected, found = getattr(variable, key), array.attrs[key]
            yield f"variable {name!r}, attribute {key!r}: expected {expected!r}, given {found!r}"
    wanted = (*variable.dims, *variable.indices)
    given = tuple(dim for dim in array.dims if dim not in ("sample", "time"))
    if given != wanted and not (variable.role == "parameter" and given == variable.indices):
        turn = f"; pass it through .transpose(..., {', '.join(map(repr, wanted))})" if set(given) == set(wanted) else ""
        yield f"variable {name!r}: expected the dimensions {wanted} besides sample and time, given {given}{turn}"


def _dimension_problems(dataset: xr.Dataset, *, labelled: bool) -> Iterable[str]:
    for dim, size in dataset.sizes.items():
        if size == 0:
            yield f"dimension {dim!r}: expected at least 1 entry, given 0"
        labels = list(LABELS[:size])
        given = [str(label) for label in dataset[dim].values] if dim in dataset.coords else None
        if dim in INDICES and given != labels and (labelled or given is not None):
            yield f"coordinate {dim!r}: expected the labels {labels}, given {given or 'no coordinate'}"


def _axis_problems(dataset: xr.Dataset, dim: str) -> Iterable[str]:
    """Of time, or of the centres of a grid's cells."""
    if dim not in dataset.coords:
        yield f"coordinate {dim!r}: expected floats, given no coordinate"
        return
    axis, units = dataset[dim], dataset[dim].attrs.get("units")
    if axis.dtype.kind != "f" or not _is_number(axis.dtype):
        yield f"coordinate {dim!r}: expected floats, given {axis.dtype}; open with simulators.read"
    elif not np.all(np.isfinite(axis)) or not np.all(np.diff(axis) > 0):
        yield f"coordinate {dim!r}: expected finite, strictly increasing numbers; given others"
    if not isinstance(units, str):
        such = "s" if dim == "time" else "m"
        yield f"coordinate {dim!r}: expected the attribute 'units', such as {such!r}; given none"
        return
    try:
        unit = parse(units)
        if dim == "time":
            conversion(unit.text, "s")
    except InputError as error:
        yield f"coordinate {dim!r}, attribute 'units': {error}"


def _value_problems(dataset: xr.Dataset) -> Iterable[str]:
    for name, array in dataset.data_vars.items():
        if array.dtype.kind != "f":
            continue
        for first, values in _blocks(str(name), array):
            bad = np.argwhere(~np.isfinite(values))
            if bad.size:
                place, value = bad[0], values[tuple(bad[0])]
                place = [place[0] + first, *place[1:]] if array.dims else []
                told = ", ".join(f"{dim} {n}" for dim, n in zip(array.dims, place, strict=True)) or "its value"
                yield f"variable {name!r}: expected finite numbers, given {value} at {told}"
                break


def _blocks(name: str, array: xr.DataArray) -> Iterator[tuple[int, np.ndarray]]:
    """An array in blocks along its first dimension, each with its place; of a lazy one, nothing is kept.

    Raises:
        SchemaError: if a part cannot be read.
    """
    if not array.dims:
        yield 0, _numbers(name, array)
        return
    size = max(1, _BLOCK_BYTES * array.shape[0] // max(1, array.nbytes))
    for first in range(0, array.shape[0], size):
        # a part of a lazy array has a cache of its own, which goes with it
        yield first, _numbers(name, array[first : first + size])


def _numbers(name: str, array: xr.DataArray) -> np.ndarray:
    try:
        return array.copy(deep=False).values
    except MemoryError:
        raise
    except Exception as error:  # damage makes the libraries raise almost anything
        stores.settle()
        told = " ".join(str(error).split())[:100] or type(error).__name__
        raise SchemaError(
            f"variable {name!r}: expected numbers that can be read, given damaged ones ({told}); generate them again"
        ) from error


def _is_number(dtype: np.dtype) -> bool:
    """Whether netCDF and zarr hold it as it is."""
    return dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize in (4, 8))


def _equal(given: object, expected: object) -> bool:
    """Equality of an attribute, which may be an array, with one value."""
    return np.ndim(given) == 0 and bool(given == expected)  # type: ignore[arg-type]
