"""Numbers and tables as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

__all__ = ["by_time", "by_variable", "number", "plain_json", "quantile", "table", "verdict"]

WIDTH = 100
_TIMES = 6


def number(value: float | None) -> str:
    """Three digits; "-" if there is no number."""
    if value is None or math.isnan(value):
        return "-"
    return "∞" if math.isinf(value) else f"{value:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = 1) -> str:
    """Columns aligned to at most 100 characters: the first `text` to the left, the others to the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    spare = WIDTH - sum(widths[text:]) - 2 * (len(head) - 1)
    while sum(widths[:text]) > spare and max(widths[:text]) > 8:
        widths[widths.index(max(widths[:text]))] -= 1

    def line(row: Sequence[str]) -> str:
        cells = [_cut(cell, width) for cell, width in zip(row, widths, strict=True)]
        aligned = [c.ljust(w) if n < text else c.rjust(w) for n, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return "  ".join(aligned).rstrip()

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, rows)])


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def quantile(values: np.ndarray, share: float) -> np.ndarray:
    """The value over the first axis that a share of all lies below; unlike numpy's, it may be infinite."""
    ordered = np.sort(values, axis=0)
    return ordered[round(share * (len(ordered) - 1))]


def by_time(errors: xr.DataArray) -> list[dict[str, float]]:
    """Geometric mean and the 10 % and 90 % quantiles of errors (sample, time), at a few times after the first."""
    rows = []
    for index in _few(errors.sizes["time"]):
        values = errors.isel(time=index).values
        mean = float(np.exp(np.log(values).mean()))
        low, high = (float(quantile(values, share)) for share in (0.1, 0.9))
        rows.append({"time": float(errors["time"][index]), "geometric_mean": mean, "low": low, "high": high})
    return rows


def by_variable(errors: xr.Dataset) -> list[dict[str, Any]]:
    """For each variable the median over samples of its errors (sample, time), at a few times after the first."""
    rows = []
    for name, array in errors.data_vars.items():
        few = array.transpose("sample", "time").isel(time=_few(array.sizes["time"]))
        row = {"name": str(name), "times": few["time"].values.tolist()}
        rows.append(row | {"median": quantile(few.values, 0.5).tolist()})
    return rows


def _few(times: int) -> list[int]:
    last = times - 1
    return sorted({max(1, round(last * (n + 1) / _TIMES)) for n in range(_TIMES)})


def verdict(check: Mapping[str, Any]) -> tuple[str, str]:
    """The tolerance of a check and what came of it, in words: of what was not promised, nothing is demanded."""
    if math.isinf(check["tolerance"]):
        return "-", "not promised"
    return number(check["tolerance"]), "passed" if check["passed"] else "failed"


def plain_json(value: Any) -> Any:  # noqa: ANN401
    """As JSON holds it: numpy becomes Python, what is not finite becomes None, anything else text."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_json(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
