"""Parameters of simulators: fixed, drawn from ranges, or found in a dataset, where they win.

States and parameters have any of the dimensions `sample` and `time` (parameters: `sample`); the functions here bring
them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from simulators.errors import InputError
from simulators.schema import Variable, conform, coordinates

__all__ = [
    "LogUniform",
    "Uniform",
    "arrays",
    "check_sign",
    "chosen",
    "complete",
    "count",
    "draw",
    "ends",
    "frozen",
    "lead",
    "setting",
    "sides",
    "typed",
]


@dataclass(frozen=True)
class Uniform:
    """A parameter drawn uniformly in [low, high], anew for each sample and entity."""

    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = frozen(name, getattr(self, name))
            if isinstance(value, tuple):
                raise InputError(f"{name}: expected one number, given {value}")
            object.__setattr__(self, name, value)
        if self.low > self.high:
            raise InputError(f"expected finite low <= high, given {self.low} and {self.high}")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Values of the given shape."""
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class LogUniform(Uniform):
    """A parameter whose logarithm is uniform in [log low, log high]; low is positive."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise InputError(f"expected a positive low of a log-uniform range, given {self.low}")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Values of the given shape."""
        return np.exp(rng.uniform(np.log(self.low), np.log(self.high), shape))


def frozen(name: str, value: Any) -> Any:  # noqa: ANN401
    """A setting as a number or nested tuples of numbers, which nobody changes later.

    Raises:
        InputError: with the setting's name, unless it holds finite numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name}: expected numbers, given {value!r}") from error
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name}: expected numbers, given {value!r}")
    if not np.all(np.isfinite(array)):
        bad = np.argwhere(~np.isfinite(array))[0]
        place = f" at index {tuple(map(int, bad))}" if bad.size else ""
        raise InputError(f"{name}: expected finite numbers, given {array[tuple(bad)]}{place}")

    def nested(values: Any) -> Any:  # noqa: ANN401
        return tuple(map(nested, values)) if isinstance(values, list) else values

    return nested(array.tolist())


def count(name: str, value: Any, least: int = 1) -> int:  # noqa: ANN401
    """A setting that counts things.

    Raises:
        InputError: with the setting's name, unless it is an integer, and not below the least.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name}: expected an integer >= {least}, given {value!r}")
    return int(value)


def setting(name: str, value: Any, *, ranges: bool = True, samples: bool = False) -> Any:  # noqa: ANN401
    """A setting that is one number, as a simulator keeps it.

    Args:
        name: of the setting.
        value: as the user gives it.
        ranges: whether it may be a range to draw from.
        samples: whether it may be one number a sample.

    Raises:
        InputError: with the setting's name, unless it is that.
    """
    if ranges and isinstance(value, Uniform):
        return value
    value = frozen(name, value)
    if np.ndim(value) > samples:
        told = "one number, or one a sample" if samples else "one number"
        raise InputError(f"{name}: expected {told}; given the shape {np.shape(value)}")
    return value


def ends(value: Any) -> np.ndarray:  # noqa: ANN401
    """The numbers of a setting, or both ends of its range, for checks of what they may be."""
    return np.asarray((value.low, value.high) if isinstance(value, Uniform) else value)


def chosen(value: float | Uniform, rng: np.random.Generator) -> float:
    """The number, or one drawn from the range."""
    return float(value.draw(rng, ())) if isinstance(value, Uniform) else value


def check_sign(name: str, values: np.ndarray, *, zero: bool = False) -> None:
    """Refuse numbers that are negative or, unless told otherwise, zero.

    Raises:
        InputError: with their name and the first of them.
    """
    wrong = values[values < 0] if zero else values[values <= 0]
    if wrong.size:
        sign = "values not negative" if zero else "positive values"
        raise InputError(f"{name}: expected {sign}, given {wrong.ravel()[0]:g}")


def sides(length: Any, cell: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:  # noqa: ANN401
    """The sides (x, y, z) of a rectangle or box, and of its cells; one number is for all, of two unless told otherwise.

    Raises:
        InputError: if they are no numbers, or the box has other than 2 or 3 sides.
    """
    given = {"length": frozen("length", length), "cell": frozen("cell", cell)}
    most = max((np.size(value) for value in given.values() if np.ndim(value)), default=2)
    for name, value in given.items():
        if np.ndim(value) > 1 or (np.ndim(value) and np.size(value) not in (2, 3)):
            raise InputError(f"{name}: expected one number, or 2 or 3 along x, y and z; given {value}")
    length, cell = (value if np.ndim(value) else (value,) * most for value in given.values())
    return length, cell


def typed(variable: Variable, value: Any, sizes: Mapping[Any, int]) -> xr.DataArray:  # noqa: ANN401
    """A parameter's numbers as an array: one number for all, one for each entity or component, or those per sample.

    Args:
        variable: its type.
        value: a number, or an array (own dimensions) or (sample, own dimensions).
        sizes: of its own dimensions.
    """
    own, array = (*variable.dims, *variable.indices), np.array(value, dtype=np.float64)
    if array.ndim == 0:
        array = np.full([sizes[dim] for dim in own], array)
    return xr.DataArray(array, dims=("sample", *own) if array.ndim > len(own) else own, attrs=variable.attrs())


def draw(
    types: Mapping[str, Variable],
    own: Mapping[str, Any],
    sizes: Mapping[Any, int],
    rngs: Sequence[np.random.Generator],
    *,
    samples: int | None = None,
    only: slice | None = None,
) -> dict[str, xr.DataArray]:
    """A simulator's parameters for some samples, those that are ranges drawn anew for each, in the order of `own`.

    Args:
        types: of the parameters.
        own: the simulator's parameters by name: numbers, arrays (for all samples) or ranges.
        sizes: of their own dimensions.
        rngs: a random stream for each sample that is wanted.
        samples: how many samples there are in all; as many as streams by default.
        only: which of them are wanted; all by default.

    Raises:
        InputError: if a parameter was given for another number of samples.
    """
    samples = len(rngs) if samples is None else samples
    found = {}
    for name, value in own.items():
        if isinstance(value, Uniform):
            shape = tuple(sizes[dim] for dim in types[name].dims)
            found[name] = typed(types[name], np.array([value.draw(rng, shape) for rng in rngs]), sizes)
            continue
        array = typed(types[name], value, sizes)
        given = array.sizes.get("sample", samples)
        if given != samples:
            raise InputError(f"{name}: expected {samples} samples, given an array for {given}")
        found[name] = array if only is None or "sample" not in array.dims else array.isel(sample=only)
    return found


def complete(dataset: xr.Dataset, types: Mapping[str, Variable], own: Mapping[str, Any]) -> xr.Dataset:
    """States and parameters in the units and with all dimensions of their types.

    Args:
        dataset: with all states; parameters in it win.
        types: of states and parameters.
        own: the simulator's parameters by name, as `typed` takes them, or ranges.

    Raises:
        InputError: if a variable is not of its type, or a parameter is in neither or of another size.
    """
    data, found = conform(dataset, types, optional=own), {}
    sizes = dict(data.sizes)
    for name, value in own.items():
        variable = types[name]
        if name in data:
            array = data[name]
            absent = {dim: sizes[dim] for dim in variable.dims if dim not in array.dims}
            found[name] = array.expand_dims(absent).transpose(..., *variable.dims, *variable.indices)
        elif isinstance(value, Uniform):
            raise InputError(f"variable {name!r}: expected in the dataset, since the simulator only knows its range")
        else:
            found[name] = typed(variable, value, sizes)
        for dim, size in found[name].sizes.items():
            if sizes.setdefault(dim, size) != size:
                raise InputError(
                    f"{name}: expected {sizes[dim]} along {dim!r}, as in the dataset, given {size} by the simulator;"
                    " put it into the dataset"
                )
    data = data.assign(found)
    standard = coordinates([str(dim) for dim in data.dims], data.sizes)
    return data[list(types)].assign_coords({dim: c for dim, c in standard.items() if dim not in data.coords})


def lead(data: xr.Dataset) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names and sizes of the dimensions `sample` and `time`, those there are."""
    dims = tuple(dim for dim in ("sample", "time") if dim in data.dims)
    return dims, tuple(data.sizes[dim] for dim in dims)


def arrays(data: xr.Dataset) -> list[np.ndarray]:
    """The variables' values, all with the leading dimensions `lead`."""
    dims, sizes = lead(data)
    found = []
    for array in data.data_vars.values():
        aligned = array.expand_dims([dim for dim in dims if dim not in array.dims]).transpose(*dims, ...)
        found.append(np.broadcast_to(aligned.values, (*sizes, *aligned.shape[len(sizes) :])))
    return found
