"""What `physym discover` finds: the law of motion of trajectories, or the formula of a table."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from simulators.errors import InputError
from simulators.schema import names

if TYPE_CHECKING:
    import xarray as xr

    from physym.discovery.law import Law
    from physym.symbolic import SymbolicRegressor

__all__ = ["Discovery", "check_new", "discover_law", "find_formula", "is_table", "read_data"]

FORMULA, PICTURE = "formula.json", "pareto.png"
_STATISTICAL = "Standard errors are statistical: what all data have wrong alike, as an integrator may, is not in them."
# as the folders of laws and of models name what makes them finished
_FINISHED = (FORMULA, "law.json", "model.json")


class Discovery(Protocol):
    """What was found; printed, it is formulas and tables."""

    interrupted: bool

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it."""

    def save(self, folder: Path, *, force: bool) -> None:
        """Write it with the picture of its candidates."""


def is_table(dataset: xr.Dataset) -> bool:
    """Whether it is a table of typed columns: nothing in it has more than one dimension, and there is no time."""
    return "time" not in dataset.dims and all(array.ndim <= 1 for array in dataset.data_vars.values())


def read_data(path: Path) -> xr.Dataset:
    """A table, of which the columns declare their units and no more, or a dataset of the schema.

    A file may lack parameters of the simulator that it names: a law may be looked for in states alone.

    Raises:
        InputError: if there is no such file, or it may not be read.
        SchemaError: if it is no table and breaks the schema.
    """
    import xarray as xr

    from physym.discovery.system import as_far_as_known
    from simulators.schema import read, validate
    from simulators.schema.stores import COMPLETED

    alone = None
    with contextlib.suppress(Exception):  # what cannot be opened is for `read` to explain
        options: dict[str, Any] = {"engine": "zarr", "consolidated": False} if path.is_dir() else {}
        with xr.open_dataset(path, decode_times=False, **options) as dataset:
            if dataset.data_vars and is_table(dataset):
                # a store lists its arrays in any order, and the order decides the course of a search
                return dataset.load()[sorted(dataset.data_vars)] if path.is_dir() else dataset.load()
            known = as_far_as_known(dataset)
            # of a store only what says that it is whole, which holds no flags of single runs then
            whole = path.is_file() or (dataset.attrs.get(COMPLETED) == 1 and COMPLETED not in dataset)
            if known is not dataset and whole:
                alone = known.load()[sorted(known.data_vars)] if path.is_dir() else known.load()
    if alone is None:
        return read(path)
    validate(alone, where=str(path))
    return alone


def check_new(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds something finished.

    Raises:
        InputError: naming the file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected a folder for the law, given a file")
    there = [name for name in _FINISHED if (folder / name).exists()]
    if there and not force:
        raise InputError(f"{folder}: expected a folder without a law, given one with {there[0]}; use --force")


def discover_law(dataset: xr.Dataset, *, time_limit: float | None, seed: int, progress: bool) -> Discovery:
    """The law of motion of trajectories; see `physym.discover`.

    Raises:
        InputError: if the data are unfit.
    """
    from physym.discovery import discover

    if time_limit is not None and not time_limit > 0:
        raise InputError(f"--time-limit: expected seconds > 0, given {time_limit:g}")
    return _Motion(discover(dataset, time_limit=time_limit, seed=seed, progress=progress))


def find_formula(
    dataset: xr.Dataset, target: str | None, *, constants: Sequence[str], unknown_constants: int,
    time_limit: float | None, seed: int, progress: bool,
) -> Discovery:  # fmt: skip
    """One column of a table as a formula of the others; see `physym.SymbolicRegressor`.

    Raises:
        InputError: if there is no such column, or the table is unfit.
    """
    from physym.symbolic import SymbolicRegressor

    columns = [name for name in dataset.data_vars if dataset[name].ndim == 1]
    if target not in columns:
        # what a table is about is a state rather than a parameter
        such = (names(dataset, "state") or columns or ["NAME"])[0]
        raise InputError(
            f"--target: expected the column to explain, among {', '.join(map(str, columns))}; given {target or 'none'};"
            f" use --target {such}"
        )
    settings = {} if time_limit is None else {"time_limit": time_limit}
    model = SymbolicRegressor(
        constants=tuple(constants) or None,
        unknown_constants=unknown_constants,
        seed=seed,
        progress=progress,
        **settings,
    )
    model.fit(dataset[[name for name in columns if name != target]], dataset[target])
    return _Formula(target, str(dataset[target].attrs["units"]), model)


@dataclass(frozen=True)
class _Formula:
    target: str
    units: str
    model: SymbolicRegressor

    @property
    def interrupted(self) -> bool:
        return self.model.interrupted_

    def to_dict(self) -> dict[str, Any]:
        model = self.model
        constants = [
            {"name": one.name, "value": one.value, "standard_error": one.error, "units": one.units}
            for one in model.constants_.values()
        ]
        return {
            "kind": "Formula",
            "target": self.target,
            "units": self.units,
            "expression": str(model.expression_),
            "latex": model.latex(),
            "error": model.pareto_[model.pareto_.chosen].error,
            "constants": constants,
            "numbers": [{"value": value, "standard_error": error} for value, error in model.numbers_],
            "pareto": [{"complexity": n, "error": error, "expression": str(law)} for n, error, law in model.pareto_],
            "evaluations": model.evaluations_,
            "interrupted": self.interrupted,
        }

    def __str__(self) -> str:
        lines = [f"{self.target} = {self.model.expression_}    [{self.units}]"]
        lines += [f"  {constant}" for constant in self.model.constants_.values()]
        lines += [f"  {value:.6g} is {value:.9g} ± {error:.2g}" for value, error in self.model.numbers_]
        return "\n".join([*lines, "", str(self.model.pareto_)])

    def save(self, folder: Path, *, force: bool) -> None:
        check_new(folder, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        front = self.model.pareto_
        rows = [(n, error, str(law)) for n, error, law in front]
        _draw(folder, {self.target: rows}, {self.target: front.chosen}, "symbols")
        scratch = folder / f".{FORMULA}.partial"
        scratch.write_text(json.dumps(self.to_dict(), indent=1, allow_nan=False), encoding="utf-8")
        scratch.replace(folder / FORMULA)


@dataclass(frozen=True)
class _Motion:
    law: Law
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        pareto = {
            left: [{"terms": n, "error": error, "expression": told} for n, error, told in rows]
            for left, rows in self.law.pareto_.items()
        }
        return {
            "kind": type(self.law).__name__,
            "equations": self.law.lines(),
            "latex": self.law.latex(),
            "table": self.law.table(),
            "pareto": pareto,
            "chosen": self.law.chosen_,
        }

    def __str__(self) -> str:
        header = ("equation", "term", "constant", "coefficient", "standard error", "units", "equals")
        rows = [header]
        for row in self.law.table():
            numbers = _numbers(row["coefficient"], row["standard_error"])
            rows.append((row["equation"], row["term"], row["constant"], *numbers, row["units"], row["parameters"]))
        widths = [max(len(row[n]) for row in rows) for n in range(len(header))]
        lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)
        return "\n".join([str(self.law), "", *lines, "", _STATISTICAL])

    def save(self, folder: Path, *, force: bool) -> None:
        check_new(folder, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        _draw(folder, self.law.pareto_, self.law.chosen_, "terms")
        self.law.save(folder, force=force)


def _numbers(value: float | tuple[float, ...], error: float | tuple[float, ...]) -> tuple[str, str]:
    """A constant and its standard error, as many digits as the error has sense for."""
    from physym.discovery.printing import rounded

    if not isinstance(value, tuple):
        return rounded(value, error)
    pairs = [rounded(*pair) for pair in zip(value, error, strict=True)]
    return ", ".join(text for text, _ in pairs), ", ".join(text for _, text in pairs)


def _draw(folder: Path, fronts: dict[str, Any], chosen: dict[str, int], counted: str) -> None:
    from physym.plotting import save, styled
    from physym.plotting.pareto import draw_pareto

    fronts = {left: rows for left, rows in fronts.items() if rows}
    if fronts:
        with styled():
            save(draw_pareto(fronts, chosen, counted), folder / PICTURE)
