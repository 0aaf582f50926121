"""The page of an evaluation: one self-contained HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physym.tables import by_time, number

if TYPE_CHECKING:
    from physym.evaluate import Evaluation
    from physym.plotting import Picture

__all__ = ["page"]

_CSS = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5b6670; --line: #dfe4e8; --paper: #fff; --card: #f5f7f9; --good: #00724f; --bad: #b3261e;
  --good-soft: #dcf3ea; --bad-soft: #fbe3e1; --link: #005f96; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaed; --soft: #a0abb4; --line: #39424a; --paper: #14181c; --card: #1d2329;
  --good: #6fd6ae; --bad: #ff9d94; --good-soft: #153b2f; --bad-soft: #4a1f1c; --link: #79bfee; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.8rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; } .soft { color: var(--soft); overflow-wrap: anywhere; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem; margin: 1.5rem 0 0; }
.numbers div { background: var(--card); border-radius: .6rem; padding: .85rem 1rem; }
.numbers b { display: block; font-size: 1.6rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.numbers span { color: var(--soft); font-size: .88rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .75rem .42rem 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); white-space: nowrap; } th.text, td.text { text-align: left; overflow-wrap: anywhere; }
td.detail { color: var(--soft); font-size: .85rem; min-width: 11rem; }
.badge { display: inline-block; border-radius: 1rem; padding: 0 .6rem; font-size: .85rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); background: var(--good-soft); } .bad { color: var(--bad); background: var(--bad-soft); }
b.good, b.bad { background: none; }
figure { margin: 0 0 2rem; } figure img { display: block; width: 100%; height: auto; border-radius: .5rem; border: 1px solid var(--line); background: #fff; }
figure.small img { max-width: 720px; margin: 0 auto; }
figcaption { color: var(--soft); font-size: .92rem; margin-top: .5rem; }
.note { background: var(--bad-soft); border-radius: .6rem; padding: .7rem 1rem; margin: 1rem 0 0; }
details { border: 1px solid var(--line); border-radius: .6rem; padding: .6rem 1rem; margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.2rem; margin: .7rem 0; font-size: .9rem; }
dt { color: var(--soft); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: var(--card); border-radius: .6rem; padding: .8rem 1rem; font-size: .88rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 36rem) { main { padding: 1.4rem .9rem 3rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
"""


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
        *([_section("Conserved quantities", _drift_table(evaluation))] if evaluation.drifts else []),
        _section("Pictures", "".join(_figure(picture, folder, picture.title) for picture in pictures[1:])),
        _section("Where it comes from", _provenance(evaluation)),
        _section("Do it again", _again(evaluation)),
    ]
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
    )
    return f"{head}<title>{escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"


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
    line = f"How well a learned law ({evaluation.provenance['model']['kind']}) predicts {said} that it is compared with from their starts on."
    note = ""
    if evaluation.diverged:
        listed = [
            f"sample {sample} at {number(when)} {units}" for sample, when in list(evaluation.diverged.items())[:12]
        ]
        more = ", and others" if len(evaluation.diverged) > 12 else ""
        note = f"{len(evaluation.diverged)} of {samples} rollouts diverged and count as error 1 from there on: {', '.join(listed)}{more}."
        note = f'<p class="note">{escape(note)}</p>'
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
    return f"<figure{small}>\n<h3>{escape(title)}</h3>\n{image}\n<figcaption>{escape(picture.caption)}</figcaption>\n</figure>\n"


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
        badge = '<span class="badge good">passed</span>' if check["passed"] else '<span class="badge bad">failed</span>'
        detail = f'<br><span class="soft">{escape(str(check["detail"]))}</span>' if check["detail"] else ""
        rows.append(
            [f"{escape(str(check['name']))}{detail}", number(check["error"]), number(check["tolerance"]), badge]
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


def _drift_table(evaluation: Evaluation) -> str:
    rows = [
        [escape(cell) for cell in (*cells[:2], f"{cells[2]} {cells[3]}", *cells[4:])]
        for cells in (d.cells() for d in evaluation.drifts)
    ]
    text = "Drift is the change since the start, relative to the quantity's natural size: how much it would change if every state moved by its own size. Root mean square over samples and times."
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
        code = "from physym.evaluate import evaluate\n\nevaluate(model, dataset, output=..., run=...)"
    else:
        code = shlex.join([*command, *(["--force"] if "--output" in command else [])])
    return f"<pre>{escape(code)}</pre>\n"
