"""What of a field a flat picture can show: each scalar, each component of a vector, the size of a tensor.

Of a field in three dimensions the middle plane across z is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from physym.plotting.style import bracket, component, plain
from simulators.schema import INDICES, SPACE, names

__all__ = ["View", "edges", "has_fields", "liveliest", "said_plane", "views"]

_MOST = 6


@dataclass(frozen=True, eq=False)
class View:
    """One number a cell.

    Attributes:
        key: a name that is fit for a file.
        title: what it is, in words.
        label: what a colour bar says: symbol and units.
        units: of the values.
        signed: whether both signs occur, or belong to it as to a component.
        runs: the values of each dataset over all cells.
    """

    key: str
    title: str
    label: str
    units: str
    signed: bool
    runs: tuple[xr.DataArray, ...]

    @property
    def plane(self) -> tuple[str, ...]:
        """The names of the axes of space that are shown, upwards first."""
        return tuple(str(dim) for dim in self.maps[0].dims if dim in SPACE)

    @property
    def maps(self) -> tuple[xr.DataArray, ...]:
        """The values that are shown, (..., y, x) or (..., x)."""
        return tuple(_plane(run) for run in self.runs)


def has_fields(dataset: xr.Dataset) -> bool:
    """Whether a state is a field on a grid."""
    return any(dim in SPACE for name in names(dataset, "state") for dim in dataset[name].dims)


def views(*datasets: xr.Dataset, only: Sequence[str] | None = None) -> list[View]:
    """The views of all fields, at most 6, of datasets with the same states (truth first).

    Args:
        *datasets: of one sample or many.
        only: names of variables to show; by default the states.
    """
    found = [view for name in (only or names(datasets[0], "state")) for view in _of(name, datasets)]
    return found[:_MOST]


def _of(name: str, datasets: Sequence[xr.Dataset]) -> Iterator[View]:
    arrays = [dataset[name] for dataset in datasets]
    first = arrays[0]
    if not any(dim in SPACE for dim in first.dims):
        return
    attrs = first.attrs
    units, title = str(attrs.get("units", "1")), plain(attrs.get("long_name", name), 40)
    symbol = attrs.get("symbol", name)
    indices = [dim for dim in INDICES if dim in first.dims]
    if len(indices) == 1:
        labels = first["i"].values if "i" in first.coords else range(first.sizes["i"])
        for n, label in enumerate(labels):
            runs = tuple(array.isel(i=n, drop=True) for array in arrays)
            words = component(symbol, label) + bracket(units)
            yield View(f"{name}_{label}", f"{title}, {label}", words, units, True, runs)
        return
    if indices:
        arrays = [np.sqrt((array**2).sum(indices)) for array in arrays]
        title, symbol = f"size of {title}", f"|{symbol}|"
    low, high = float(arrays[0].min()), float(arrays[0].max())
    signed = min(-low, high) > 0.02 * max(-low, high)
    yield View(name, title, component(symbol) + bracket(units), units, signed, tuple(arrays))


def _plane(array: xr.DataArray) -> xr.DataArray:
    """The middle plane across the first of three axes."""
    return array.isel(z=array.sizes["z"] // 2) if set(SPACE) <= set(array.dims) else array


def said_plane(dataset: xr.Dataset) -> str:
    """A word on the plane that is shown of a field in three dimensions; else none."""
    if not set(SPACE) <= set(dataset.dims):
        return ""
    height = float(dataset["z"][dataset.sizes["z"] // 2])
    return f" Shown is the plane z = {height:.4g} {dataset['z'].attrs.get('units', '')}."


def edges(axis: xr.DataArray) -> np.ndarray:
    """The edges of cells, of times too, that these are the middles of."""
    middles = axis.values.astype(float)
    if middles.size == 1:
        return np.array([middles[0] - 0.5, middles[0] + 0.5])
    inner = (middles[1:] + middles[:-1]) / 2
    return np.concatenate([[2 * middles[0] - inner[0]], inner, [2 * middles[-1] - inner[-1]]])


def liveliest(shown: Sequence[View]) -> View:
    """The view whose pattern is the strongest at the last time: its spread in space is greatest beside its size."""

    def strength(view: View) -> float:
        last = view.maps[0].isel(time=-1)
        size = float(np.sqrt((last**2).mean()))
        return float(np.sqrt(last.var(list(view.plane)).mean())) / size if size > 0 else 0.0

    return max(shown, key=strength)
