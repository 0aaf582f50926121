"""The page of an evaluation: one self-contained HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physym.evaluation.tables import by_time, by_variable, number, verdict

if TYPE_CHECKING:
    from physym.evaluation import Evaluation
    from physym.plotting import Picture

__all__ = ["page"]


def page(evaluation: Evaluation, pictures: Sequence[Picture], folder: Path) -> str:
    """The page as text.

    Args:
        evaluation: the numbers.
        pictures: what was drawn, in order.
        folder: where the pictures are.
    """
    model, data = evaluation.provenance["model"], evaluation.provenance["data"]
    title = f"{model['kind']} on {data.get('title') or data['simulator']}"
    sections = [
        _headline(evaluation, title),
        *(_figure(picture, folder, picture.title) for picture in pictures[:1]),
        _section("Checks", _check_table(evaluation)),
        _section("Rollout error", _error_table(evaluation)),
        *([_section("Error of each field", _field_table(evaluation))] if evaluation.spatial_errors else []),
        *([_section("Conserved quantities", _drift_table(evaluation))] if evaluation.drifts else []),
        _section("Pictures", "".join(_figure(picture, folder, picture.title) for picture in pictures[1:])),
        _section("Where it comes from", _provenance(evaluation)),
        _section("Do it again", _again(evaluation)),
    ]
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
    )
    style = resources.files("physym.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    head = f"{head}<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
    return f"{head}<body>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"


def _headline(evaluation: Evaluation, title: str) -> str:
    samples, times = evaluation.errors.sizes["sample"], evaluation.errors.sizes["time"]
    units = evaluation.errors["time"].attrs["units"]
    span = float(evaluation.errors["time"][-1] - evaluation.errors["time"][0])
    passed = sum(check["passed"] for check in evaluation.checks)
    mark = "good" if evaluation.passed else "bad"
    last = by_time(evaluation.errors)[-1]
    cards = [
        (
            "",
            number(evaluation.rollout_error),
            f"rollout error: geometric mean over {samples} samples and {times} times",
        ),
        (mark, f"{passed} of {len(evaluation.checks)}", "checks passed"),
        (
            "",
            number(last["geometric_mean"]),
            f"error after {number(span)} {units}; {number(last['low'])} to {number(last['high'])} for 80% of samples",
        ),
        ("", f"{evaluation.seconds:.2g} s", f"to roll out {samples} samples over {number(span)} {units}"),
    ]
    numbers = "".join(
        f'<div><b class="{mark}">{escape(value)}</b><span>{escape(text)}</span></div>' for mark, value, text in cards
    )
    simulator = evaluation.provenance["data"]["simulator"]
    said = "data from elsewhere" if simulator == "none" else f"data of {simulator}"
    kind = evaluation.provenance["model"]["kind"]
    line = f"How well {kind} predicts {said}, rolled out from their starts."
    note = ""
    if evaluation.diverged:
        listed = [
            f"sample {sample} at {number(when)} {units}" for sample, when in list(evaluation.diverged.items())[:12]
        ]
        more = ", and others" if len(evaluation.diverged) > 12 else ""
        lost = f"{len(evaluation.diverged)} of {samples} rollouts diverged and count as error 1 from there on"
        note = f'<p class="note">{escape(lost + ": " + ", ".join(listed) + more + ".")}</p>'
    note += "".join(f'<p class="soft">{escape(text[0].upper() + text[1:])}.</p>' for text in evaluation.notes)
    return (
        f'<h1>{escape(title)}</h1>\n<p class="soft">{escape(line)}</p>\n<div class="numbers">{numbers}</div>\n{note}\n'
    )


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n"


def _figure(picture: Picture, folder: Path, title: str) -> str:
    kind = picture.file.rsplit(".", 1)[-1]
    content = base64.b64encode((folder / picture.file).read_bytes()).decode("ascii")
    image = f'<img alt="{escape(title)}" src="data:image/{kind};base64,{content}">'
    small = ' class="small"' if kind == "gif" else ""
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>"
    return f"<figure{small}>\n<h3>{escape(title)}</h3>\n{image}\n{caption}\n</figure>\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], text: int = 1) -> str:
    """Cells are HTML already; the first `text` columns are text."""
    names = "".join(f'<th class="text">{cell}</th>' if n < text else f"<th>{cell}</th>" for n, cell in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(f'<td class="text">{cell}</td>' if n < text else f"<td>{cell}</td>" for n, cell in enumerate(row))
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table>\n<thead><tr>{names}</tr></thead>\n<tbody>{body}</tbody>\n</table></div>\n'


def _check_table(evaluation: Evaluation) -> str:
    rows = []
    for check in evaluation.checks:
        tolerance, word = verdict(check)
        kind = {"passed": "badge good", "failed": "badge bad"}.get(word, "soft")
        badge = f'<span class="{kind}">{word}</span>'
        detail = f'<br><span class="soft">{escape(str(check["detail"]))}</span>' if check["detail"] else ""
        rows.append(
            [f"{escape(str(check['name']))}{detail}", number(check["error"]), tolerance, badge]
        )
    return _table(("check", "error", "tolerance", ""), rows)


def _error_table(evaluation: Evaluation) -> str:
    units = escape(str(evaluation.errors["time"].attrs["units"]))
    rows = [
        [number(row[key]) for key in ("time", "geometric_mean", "low", "high")] for row in by_time(evaluation.errors)
    ]
    formula = (
        "The error at one time is RMS(a − b) / (RMS(a) + RMS(b)) of the states a and b, in the units of the dataset."
    )
    return f'<p class="soft">{formula}</p>' + _table(
        (f"time [{units}]", "geometric mean", "10% below", "90% below"), rows, text=0
    )


def _field_table(evaluation: Evaluation) -> str:
    units = str(evaluation.errors["time"].attrs["units"])
    found = by_variable(evaluation.spatial_errors)
    text = (
        "RMS difference over the cells, relative to how much the true field varies in space: 0.01 is a hundredth of the"
        " pattern, 1 no better than to know the mean alone. Median over samples."
    )
    rows = []
    for row in found:
        attrs = evaluation.truth[row["name"]].attrs
        rows.append([escape(str(attrs.get("long_name", row["name"]))), *map(number, row["median"])])
    head = ("field", *(escape(f"{number(when)} {units}") for when in found[0]["times"]))
    return f'<p class="soft">{text}</p>' + _table(head, rows)


def _drift_table(evaluation: Evaluation) -> str:
    rows = [
        [escape(cell) for cell in (*cells[:2], f"{cells[2]} {cells[3]}", *cells[4:])]
        for cells in (d.cells() for d in evaluation.drifts)
    ]
    text = (
        "Drift is the change since the start, relative to the quantity's natural size: how much it would change if"
        " every state moved by its own size. Root mean square over samples and times."
    )
    head = ("quantity", "conserved by", "size", "drift in the data", "of the model", "its largest")
    return f'<p class="soft">{text}</p>' + _table(head, rows, text=2)


def _provenance(evaluation: Evaluation) -> str:
    names = {
        "data": "The data it is compared with",
        "model": "The model and its training",
        "evaluation": "This evaluation",
    }
    blocks = []
    for key, title in names.items():
        items = "".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in _flat(evaluation.provenance[key])
        )
        blocks.append(f"<details><summary>{title}</summary>\n<dl>{items}</dl></details>\n")
    return "".join(blocks)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested mappings as lines of name and text."""
    lines = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            lines += _flat(value, f"{name}: ")
        else:
            lines.append((name, value if isinstance(value, str) else json.dumps(value)))
    return lines


def _again(evaluation: Evaluation) -> str:
    command = evaluation.provenance["evaluation"].get("command")
    if command is None:
        code = "from physym.evaluation import evaluate\n\nevaluate(model, dataset, output=..., run=...)"
    else:
        code = shlex.join([*command, *(["--force"] if "--output" in command else [])])
    return f"<pre>{escape(code)}</pre>\n"
