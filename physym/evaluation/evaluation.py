"""How good a learned law is: its rollouts against the truth, what it conserves, and the checks it must pass.

`evaluate` rolls a model out from the starts of a dataset and compares it with the dataset by the field's metric. With
an output folder it also writes one self-contained page, its pictures, the numbers as JSON and the prediction as
netCDF.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from physym.checks.moves import FIELDS, has_grid
from physym.checks.selection import failed_runs, few, in_parts, loaded
from physym.evaluation.drift import Drift, drifts
from physym.evaluation.provenance import provenance
from physym.evaluation.rollouts import Law, labels, roll_out, start_of
from physym.evaluation.tables import by_time, by_variable, number, plain_json, table, verdict
from physym.metrics import geometric_mean, rollout_error, spatial_errors
from simulators.errors import InputError
from simulators.schema import SPACE, names, validate, write

__all__ = ["Evaluation", "evaluate"]

PAGE, NUMBERS, PREDICTION = "report.html", "evaluation.json", "prediction.nc"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        errors: relative error (sample, time); 1 from where a rollout diverged.
        spatial_errors: of each field (sample, time), relative to its variation in space; none without fields.
        truth: states and parameters that were predicted, with the dimension sample, and the flows of budgets.
        prediction: the same variables by the model, in the units of the truth; NaN from where a rollout diverged.
            Flows are in it if the model gives them.
        diverged: the time at which a sample left the finite numbers, by its label.
        drifts: of every conserved quantity, in the data and in the rollouts.
        checks: each with name, error, tolerance, passed, detail.
        seconds: what the rollouts took.
        provenance: of the data, the model and this evaluation, as JSON holds it.
        notes: which of the data are not in it, and why.
        files: what was written, by purpose, relative to the output folder.
    """

    errors: xr.DataArray
    spatial_errors: xr.Dataset
    truth: xr.Dataset
    prediction: xr.Dataset
    diverged: Mapping[Any, float]
    drifts: tuple[Drift, ...]
    checks: tuple[dict[str, Any], ...]
    seconds: float
    provenance: dict[str, Any]
    notes: tuple[str, ...] = ()
    files: dict[str, Any] = field(default_factory=dict)

    @property
    def rollout_error(self) -> float:
        """The geometric mean of the relative error over samples and times."""
        return geometric_mean(self.errors)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check["passed"] for check in self.checks)

    @property
    def labels(self) -> list[Any]:
        """The name of each sample: its number in the dataset, those of failed runs included, or what this calls it."""
        return labels(self.errors)

    @property
    def ranking(self) -> np.ndarray:
        """The places of the samples in `errors`, from the best predicted to the worst."""
        return np.argsort(np.log(self.errors.values).mean(axis=1), kind="stable")

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON holds it; a number that is not finite is None."""
        return plain_json(
            {
                "rollout_error": self.rollout_error,
                "passed": self.passed,
                "samples": self.errors.sizes["sample"],
                "sample_labels": self.labels,
                "notes": list(self.notes),
                "times": self.errors.sizes["time"],
                "time_units": self.errors["time"].attrs["units"],
                "error_by_time": by_time(self.errors),
                "spatial_errors": by_variable(self.spatial_errors),
                "diverged": [{"sample": sample, "time": when} for sample, when in self.diverged.items()],
                "conserved": [drift.to_dict() for drift in self.drifts],
                "checks": list(self.checks),
                "rollout_seconds": round(self.seconds, 3),
                "provenance": self.provenance,
                "files": self.files,
            }
        )

    def __str__(self) -> str:
        samples, times = self.errors.sizes["sample"], self.errors.sizes["time"]
        units = self.errors["time"].attrs["units"]
        blocks = [f"rollout error {self.rollout_error:.3g}: geometric mean over {samples} samples and {times} times"]
        if self.diverged:
            shown = [f"sample {sample} at {number(when)} {units}" for sample, when in list(self.diverged.items())[:3]]
            more = ", ..." if len(self.diverged) > len(shown) else ""
            blocks[0] += (
                f"\n{len(self.diverged)} of {samples} rollouts diverged: {', '.join(shown)}{more};"
                " they count as 1 from there on"
            )
        blocks[0] += "".join(f"\n{note}" for note in self.notes)
        rows = [[number(row[key]) for key in ("time", "geometric_mean", "low", "high")] for row in by_time(self.errors)]
        blocks.append(table((f"time [{units}]", "error", "10% of samples below", "90% below"), rows))
        if self.spatial_errors:
            found = by_variable(self.spatial_errors)
            head = ("error / variation in space", *(f"{number(when)} {units}" for when in found[0]["times"]))
            blocks.append(table(head, [[row["name"], *map(number, row["median"])] for row in found]))
        if self.drifts:
            head = ("conserved", "by", "size", "units", "drift in data", "of model", "largest")
            blocks.append(table(head, [drift.cells() for drift in self.drifts], text=2))
        rows = [
            [c["name"], number(c["error"]), *(cell if cell != "failed" else "FAILED" for cell in verdict(c))]
            for c in self.checks
        ]
        blocks.append(table(("check", "error", "tolerance", ""), rows))
        return "\n\n".join(blocks)


def evaluate(
    model: Law,
    dataset: xr.Dataset,
    *,
    output: str | Path | None = None,
    force: bool = False,
    run: str | Path | None = None,
    overridden: Sequence[str] = (),
    command: Sequence[str] | None = None,
) -> Evaluation:
    """Compare a law's rollouts with a dataset.

    At most 64 samples of fields are compared, and of any data no more than 384 MiB; they are then evenly spread, and
    the notes say so.

    Args:
        model: a learned model, or anything that answers `simulate` and `conserved`.
        dataset: true trajectories, valid by the schema, of at least two times.
        output: a folder for the page, pictures and numbers; it appears whole or not at all.
        force: replace an evaluation that is in `output` already.
        run: the folder the model was loaded from, whose learning curve and name the page then shows.
        overridden: the parameters of the dataset that are not its own, for the provenance.
        command: the words that make this evaluation again.

    Raises:
        SchemaError: if the dataset is not valid, or its numbers cannot be read.
        InputError: if the dataset has fewer than two times or states that the model was not fitted for, or if the
            output exists (without `force`), holds other files, or cannot be written.
    """
    folder = None if output is None else _check_folder(Path(output), force=force)
    validate(dataset, values=False)
    if dataset.sizes.get("time", 0) < 2:
        raise InputError(
            f"dataset: expected trajectories of at least 2 times to compare with, given {dataset.sizes.get('time', 0)};"
            " simulate more"
        )
    truth, told = _truth(dataset)
    notes = tuple(note for note in (failed_runs(dataset), told) if note)
    begun = time.perf_counter()
    prediction, diverged = roll_out(model, truth)
    seconds = time.perf_counter() - begun
    evaluation = Evaluation(
        errors=in_parts(rollout_error, prediction, truth),
        spatial_errors=in_parts(spatial_errors, prediction, truth),
        truth=truth,
        prediction=prediction,
        diverged=diverged,
        drifts=drifts(model, truth, prediction),
        checks=_checks(model, truth, diverged),
        seconds=seconds,
        provenance=provenance(model, dataset, run, output, overridden, command),
        notes=notes,
    )
    return evaluation if folder is None else _write(evaluation, folder, None if run is None else Path(run))


def _truth(dataset: xr.Dataset) -> tuple[xr.Dataset, str]:
    """What is compared with, in memory: states, flows and parameters of samples with labels, and which these are."""
    moving = [*names(dataset, "state"), *_flows(dataset)]
    truth = dataset[[*moving, *names(dataset, "parameter")]]
    # a grid tells bodies their box
    truth = truth.assign_coords({dim: dataset[dim] for dim in SPACE if dim in dataset.coords})
    truth.encoding = dict(dataset.encoding)
    if "sample" not in truth.dims:
        truth = truth.assign({name: truth[name].expand_dims("sample") for name in moving})
    known = labels(truth)
    if len(set(known)) < len(known):
        truth = truth.drop_vars("sample")
    if "sample" not in truth.coords:
        truth = truth.assign_coords(sample=("sample", np.arange(truth.sizes["sample"])))
    truth, told = few(truth, FIELDS.stored if has_grid(truth) else None)
    truth = loaded(truth)
    validate(truth)
    return truth, f"{told}, evenly spread" if told else ""


def _flows(dataset: xr.Dataset) -> list[str]:
    """The diagnostics over time alone, such as what flowed in and out of a field."""
    lead = {"sample", "time"} & set(dataset.dims)
    return [name for name in names(dataset, "diagnostic") if set(dataset[name].dims) == lead]


def _checks(model: Law, truth: xr.Dataset, diverged: Mapping[Any, float]) -> tuple[dict[str, Any], ...]:
    from physym.checks import check

    start = start_of(truth)
    lost, samples = len(diverged), truth.sizes["sample"]
    finite = {"name": "rollouts stay finite", "error": lost / samples, "tolerance": 0.0, "passed": not lost}
    finite["detail"] = f"{lost} of {samples} rollouts diverged"
    return finite, *map(asdict, check(model, start, verbose=False).checks)


def _check_folder(folder: Path, *, force: bool) -> Path:
    """Refuse, before any work is done, a folder that must not be replaced."""
    try:
        held = {path.name for path in folder.iterdir()} if folder.exists() else set()
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: expected a folder that can be written, given {error.strerror or error}; choose another"
        ) from error
    if not os.access(folder.parent, os.W_OK):
        raise InputError(
            f"{folder}: expected a folder that can be written, given {folder.parent} without that right; choose another"
        )
    ours = {PAGE, NUMBERS, PREDICTION, "animation.gif"}
    foreign = sorted(name for name in held if name not in ours and not name.endswith(".png"))
    if foreign:
        raise InputError(
            f"{folder}: expected a folder for this evaluation alone, given one with {foreign[0]}; choose another"
        )
    if PAGE in held and not force:
        raise InputError(
            f"{folder}: expected a new output, given one that is finished already; use --force to replace it"
        )
    return folder


def _write(evaluation: Evaluation, folder: Path, run: Path | None) -> Evaluation:
    """Write everything beside its place, then rename it: the folder appears whole or not at all."""
    from physym import plotting
    from physym.evaluation.report import page

    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"{folder}: expected to write there, given {error.strerror or error}; choose another folder"
        ) from error
    try:
        scratch = beside / folder.name
        scratch.mkdir()
        pictures = plotting.draw_all(evaluation, scratch, run)
        whole = [n for n, label in enumerate(evaluation.labels) if label not in evaluation.diverged]
        files = {"page": PAGE, "numbers": NUMBERS, "pictures": [picture.file for picture in pictures]}
        if whole:
            kept = evaluation.prediction
            if evaluation.diverged:
                kept = kept.isel(sample=whole).assign_attrs(omitted_samples=list(evaluation.diverged))
            write(kept, scratch / PREDICTION)
            files["prediction"] = PREDICTION
        evaluation = replace(evaluation, files=files)
        (scratch / NUMBERS).write_text(json.dumps(evaluation.to_dict(), indent=1, allow_nan=False) + "\n")
        (scratch / PAGE).write_text(page(evaluation, pictures, scratch), encoding="utf-8")
        if folder.exists():
            folder.rename(beside / "replaced")
        scratch.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: expected to write there, given {error.strerror or error}; make room or choose another"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return evaluation
