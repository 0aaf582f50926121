"""Recipes: how a dataset is made, as TOML that people read and `physym generate` follows.

    simulator = "SpringPendulum"

    [parameters]                              # settings of the simulator; the others keep their defaults
    stiffness = [1.0, 2.0]                    # by name, or by symbol: k
    mass = { log_uniform = [0.5, 2.0] }       # or uniform: drawn anew for each sample and body

    [[outputs]]
    file = "spring_pendulum_train.nc"         # beside the recipe; .nc or .zarr
    samples = 500
    seed = 0
    times = { start = 0.0, stop = 30.0, step = 0.2 }
    chunk = 5                                 # optional: cut so many consecutive points at random from each run
    tolerance = 1e-10                         # optional: of the simulator; or, where it takes fixed steps, step = 0.01

`physym.generation` makes what a recipe, or the command line, asks for.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simulators.base import LogUniform, Simulator, Uniform, check_times, registered
from simulators.ensemble import Plan
from simulators.errors import InputError

__all__ = ["Job", "find_simulator", "parse_value", "read_recipe", "require_integer", "suggest"]

_TIMES = ("start", "stop", "step")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_POINT_FIRST = re.compile(r"(?<![\w.])[+-]?\.\d")
_RANGES = {"uniform": Uniform, "log_uniform": LogUniform}


def suggest(name: str, choices: Iterable[str]) -> str:
    """The choices, and the one that was probably meant."""
    choices = sorted(choices)
    near = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.5)
    return f"expected one of {', '.join(choices)}; given {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def find_simulator(name: str) -> type[Simulator]:
    """A simulator by its command-line name or its class name.

    Raises:
        InputError: if there is none, naming those there are.

    >>> find_simulator("spring-pendulum").__name__
    'SpringPendulum'
    """
    for found in registered().values():
        if name in (found.__name__, found.command()):
            return found
    raise InputError(f"simulator: {suggest(name, (s.command() for s in registered().values()))}")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One dataset to make.

    Args:
        simulator: its command-line or class name.
        parameters: settings of the simulator by name, or parameters by their symbol, as JSON holds them; ranges as
            ``{"uniform": [low, high]}``.
        samples: how many.
        seed: of the starts, and of where chunks are cut.
        times: (start, stop, step) of the output times, stop excluded; the simulator's own by default.
        chunk: number of consecutive points to keep of each run, at a random place; all by default.
        tolerance: of the simulator; its own by default.
        step: the largest of fixed steps, of a simulator that takes them; the tolerance says by default.
        file: where a recipe wants it.

    Raises:
        InputError: naming the setting that is wrong.
    """

    simulator: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    samples: int = 1
    seed: int = 0
    times: tuple[float, float, float] | None = None
    chunk: int | None = None
    tolerance: float | None = None
    step: float | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        require_integer("samples", self.samples, 1)
        require_integer("seed", self.seed, 0)
        if self.chunk is not None:
            require_integer("chunk", self.chunk, 2)
        if self.tolerance is not None and not (_is_number(self.tolerance) and 0 < self.tolerance < 1):
            raise InputError(f"tolerance: expected a number between 0 and 1, given {self.tolerance!r}")
        if self.step is not None and not (_is_number(self.step) and self.step > 0):
            raise InputError(f"step: expected a number above 0, given {self.step!r}")
        points = self.output_times().size
        if self.chunk is not None and self.chunk > points:
            raise InputError(f"chunk: expected at most {points} points, as many as there are times, given {self.chunk}")
        self.plan()

    def make(self) -> Simulator:
        """The simulator with its settings."""
        kind = find_simulator(self.simulator)
        known = [f.name for f in dataclasses.fields(kind) if f.init]  # type: ignore[arg-type]
        symbols = {v.symbol: name for name, v in kind.variables().items() if name in known}
        given: dict[str, Any] = {}
        for key, value in self.parameters.items():
            name = key if key in known else symbols.get(key)
            if name is None:
                raise InputError(f"parameters: {suggest(key, known)}")
            if name in given:
                raise InputError(f"parameters.{name}: expected it once, given by its name and by its symbol")
            given[name] = _setting(name, value)
        return kind(**given)

    def output_times(self) -> np.ndarray:
        """The times at which the simulator stores its state."""
        if self.times is None:
            return find_simulator(self.simulator).times
        if len(self.times) != 3 or not all(_is_number(value) for value in self.times):
            raise InputError(f"times: expected three numbers start, stop, step; given {self.times!r}")
        start, stop, step = self.times
        if not (step > 0 and stop > start and np.isfinite(stop - start)):
            raise InputError(f"times: expected start < stop and step > 0, so that times increase; given {self.times}")
        # a multiple of the step that rounding puts just below the stop is not an output
        count = int(np.ceil((stop - start) / step * (1 - 1e-12)))
        return check_times(start + step * np.arange(max(count, 1)))

    def plan(self) -> Plan:
        """What an ensemble of these runs is."""
        return Plan(
            simulator=self.make(),
            samples=self.samples,
            times=self.output_times(),
            seed=self.seed,
            tolerance=self.tolerance,
            chunk=self.chunk,
            step=self.step,
        )

    def settings(self) -> dict[str, Any]:
        """All that decides the numbers, with defaults filled in, as JSON holds it."""
        return self.plan().settings()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def require_integer(name: str, value: object, least: int) -> None:
    """Refuse a setting that is no integer, or below the least.

    Raises:
        InputError: naming the setting.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{name}: expected an integer >= {least}, given {value!r}")


def _setting(name: str, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, Mapping):
        return tuple(value) if isinstance(value, list) and not any(isinstance(v, list) for v in value) else value
    kind = next(iter(value), "")
    ends = value.get(kind)
    if len(value) != 1 or kind not in _RANGES or not isinstance(ends, list) or len(ends) != 2:
        raise InputError(f"parameters.{name}: expected {{uniform = [low, high]}} or log_uniform, given {dict(value)}")
    if not all(_is_number(end) for end in ends):
        raise InputError(f"parameters.{name}: expected two finite numbers, given {ends}")
    try:
        return _RANGES[kind](*ends)
    except InputError as error:
        raise InputError(f"parameters.{name}: {error}") from error


def parse_value(text: str) -> Any:  # noqa: ANN401
    """The value of a setting as the command line writes it; a plain word is text, which the simulator judges.

    Raises:
        InputError: if it is no word and holds no numbers.

    >>> parse_value("1,.2"), parse_value("log_uniform:0.5,2"), parse_value("patches")
    ([1, 0.2], {'log_uniform': [0.5, 2]}, 'patches')
    """
    kind, colon, rest = text.rpartition(":")
    try:
        values = [_item(item) for item in rest.split(",")]
    except ValueError as error:
        if text.isidentifier():
            return text
        raise InputError(f"expected numbers such as 1 or 1,2 or log_uniform:0.5,2; given {text!r}") from error
    if colon:
        return {kind.replace("-", "_"): values}
    return values[0] if len(values) == 1 else values


def _item(text: str) -> Any:  # noqa: ANN401
    """One value as JSON holds it, or a number that people also write as .2, 2. or +2.

    Raises:
        ValueError: if it is neither.
    """
    try:
        return json.loads(text)
    except ValueError:
        if not _NUMBER.fullmatch(text.strip()):
            raise
        return int(text) if text.strip().lstrip("+-").isdigit() else float(text)


def read_recipe(path: str | Path) -> list[Job]:
    """The datasets that a recipe asks for.

    Raises:
        InputError: naming the file and the key that is wrong.
    """
    path = Path(path)
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected a recipe, given no such file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        given = f"given one that cannot be read ({error})"
        given += _remedy(path, error) if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise InputError(f"{path}: expected a recipe in TOML, {given}") from error
    try:
        _keys(recipe, ("simulator", "parameters", "outputs"), required=("simulator", "outputs"))
        _typed("simulator", recipe["simulator"], str, "a name")
        _typed("parameters", recipe.get("parameters", {}), dict, "a table")
        _typed("outputs", recipe["outputs"], list, "tables [[outputs]]")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    jobs = []
    for number, output in enumerate(recipe["outputs"], 1):
        try:
            jobs.append(_job(output, recipe, path.parent))
        except InputError as error:
            raise InputError(f"{path}, output {number}: {error}") from error
    return jobs


def _remedy(path: Path, error: tomllib.TOMLDecodeError) -> str:
    """What to write where TOML refuses a number that begins with its point."""
    place = re.search(r"at line (\d+)", str(error))
    lines = path.read_text(encoding="utf-8").splitlines()
    line = lines[int(place[1]) - 1] if place and int(place[1]) <= len(lines) else ""
    return "; a number begins with a digit: write 0.2 for .2" if _POINT_FIRST.search(line) else ""


def _job(output: Any, recipe: Mapping[str, Any], folder: Path) -> Job:  # noqa: ANN401
    _typed("outputs", output, dict, "a table")
    _keys(output, ("file", "samples", "seed", "times", "chunk", "tolerance", "step"), required=("file", "samples"))
    _typed("file", output["file"], str, "a name that ends in .nc or .zarr")
    settings = {key: value for key, value in output.items() if key not in ("file", "times")}
    if "times" in output:
        _typed("times", output["times"], dict, "a table {start, stop, step}")
        _keys(output["times"], _TIMES, required=_TIMES)
        settings["times"] = tuple(output["times"][key] for key in _TIMES)
    parameters = recipe.get("parameters", {})
    return Job(simulator=recipe["simulator"], parameters=parameters, file=folder / output["file"], **settings)


def _keys(table: Mapping[str, Any], known: tuple[str, ...], required: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise InputError(f"key: {suggest(key, known)}")
    for key in required:
        if key not in table:
            raise InputError(f"{key}: expected in the recipe, given none")


def _typed(key: str, value: object, kind: type, what: str) -> None:
    if not isinstance(value, kind) or (not value and kind is list):
        raise InputError(f"{key}: expected {what}, given {value!r}")
