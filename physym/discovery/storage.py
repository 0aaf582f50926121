"""Laws on disk: a folder with `law.json` and `starts.nc`; nothing of it is ever evaluated as code.

`law.json` is written last: a folder without it holds no finished law.
"""

from __future__ import annotations

import importlib
import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulators.errors import InputError, SchemaError
from simulators.schema import read, write
from simulators.units import parse

if TYPE_CHECKING:
    from physym.discovery.law import Law

__all__ = ["FINISHED", "load", "save"]

FINISHED = "law.json"
_STARTS = "starts.nc"
_FORMAT = 1
_LARGEST = 10_000_000
_HOMES = {
    "HamiltonianLaw": "physym.discovery.bodies.laws.hamiltonian",
    "OdeLaw": "physym.discovery.bodies.laws.ode",
    "FieldLaw": "physym.discovery.fields.law",
}


def save(law: Law, path: str | Path, *, force: bool = False) -> Path:
    """Write a law.

    Raises:
        InputError: if the folder holds a law or a model already (without `force`), or cannot be written.
    """
    path = Path(path)
    others = [name for name in (FINISHED, "model.json") if (path / name).exists()]
    if others and not force:
        raise InputError(
            f"{path}: expected a folder without a law, given one with a finished {others[0]}; use force to replace it"
        )
    described = {
        "format": _FORMAT,
        "kind": type(law).__name__,
        "system": law.system.to_dict(),
        "constants": [asdict(constant) | {"error": _finite(constant.error)} for constant in law.constants],
        "pareto": law.pareto_,
        "chosen": law.chosen_,
        "body": law.body(),
    }
    try:
        text = json.dumps(described, indent=1, ensure_ascii=False, allow_nan=False)
        path.mkdir(parents=True, exist_ok=True)
        for name in others:
            (path / name).unlink()
        write(law.starts, path / _STARTS, force=True)
        scratch = path / f".{FINISHED}.{os.getpid()}.partial"
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path / FINISHED)
    except OSError as error:
        raise InputError(f"{path}: expected a folder that can be written, given {error.strerror or error}") from error
    return path


def load(path: str | Path) -> Law:
    """Read a law that `save` wrote.

    Raises:
        InputError: if there is no finished law.
        SchemaError: if a file is damaged.
    """
    from physym.discovery.equation import Constant
    from physym.discovery.system import System

    path = Path(path)
    if not (path / FINISHED).is_file():
        raise InputError(f"{path}: expected a folder with a law, given none; run physym discover")
    try:
        if (path / FINISHED).stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        described = json.loads((path / FINISHED).read_text(encoding="utf-8"))
        if described["format"] != _FORMAT:
            raise ValueError(f"format {described['format']!r}, not {_FORMAT}")
        home = importlib.import_module(_HOMES[described["kind"]])
        kind: type[Law] = getattr(home, described["kind"])
        constants = []
        for given in described["constants"]:
            parse(given["units"])
            numbers = {key: _numbers(given[key]) for key in ("value", "error")}
            if not np.all(np.isfinite(numbers["value"])):
                raise ValueError(f"constant {given['name']!r} is not finite")
            constants.append(Constant(**{**given, **numbers}))
        pareto = {left: [(int(n), float(e), str(t)) for n, e, t in rows] for left, rows in described["pareto"].items()}
        system = System.from_dict(described["system"])
        law = kind.from_body(described["body"], system, read(path / _STARTS), constants, pareto)
        law.chosen_ = {left: int(place) for left, place in described["chosen"].items()}
        if any(not 0 <= place < len(pareto[left]) for left, place in law.chosen_.items()):
            raise ValueError("a chosen law that is none of the candidates")
        # what names other variables, or other components than there are, shows at once
        with np.errstate(all="ignore"):
            law.tendency(law.starts)
        law.equations()
        return law
    except (OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise SchemaError(f"{path}: expected a whole law, given a damaged one ({error}); discover it again") from error


def _finite(error: float | tuple[float, ...]) -> float | list[float | None] | None:
    """As JSON holds it, which has no infinity: None where an error is unknown."""
    if isinstance(error, tuple):
        return [_finite(one) for one in error]
    return error if math.isfinite(error) else None


def _numbers(given: float | list[float | None] | None) -> float | tuple[float, ...]:
    if isinstance(given, list):
        return tuple(math.inf if one is None else float(one) for one in given)
    return math.inf if given is None else float(given)
