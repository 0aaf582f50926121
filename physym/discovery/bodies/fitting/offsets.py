"""Unknown offsets: the K of x/(x + K), by a scan over the range of x and a search between."""

from __future__ import annotations

from typing import Any

import numpy as np

from physym.discovery.bodies.fitting.rows import Rows
from physym.discovery.selection import Fit, Selection, select

__all__ = ["WORTH", "best_offset"]

WORTH = 0.03
"""What every constant has to lower the error by, to be worth it."""
_SCAN = np.logspace(-1.5, 1.5, 9)
_MOST = 6
_PRECISION = 1e-9


def best_offset(rows: Rows, offset: str, floor: float, settings: dict[str, Any]) -> tuple[float, Selection]:
    """The value of an offset with which few terms leave least, and these terms.

    Args:
        rows: the equations.
        offset: its name.
        floor: residuals below it count as equal.
        settings: of the selection.
    """
    from scipy.optimize import minimize_scalar

    size = rows.size(offset)
    rough = [select(rows.problem(offset, size * share, grouped=False), most=_MOST, **settings) for share in _SCAN]
    scores = [len(one.support) * np.log1p(WORTH) + np.log(one.fit.residual + floor) for one in rough]
    best = int(np.argmin(scores))
    low, high = (float(np.log(_SCAN[min(max(best + side, 0), len(_SCAN) - 1)])) for side in (-1, 1))
    value, selection = size * float(_SCAN[best]), rough[best]
    for _ in range(2):
        support = selection.support

        def residual(x: float, support: tuple[int, ...] = support) -> float:
            return Fit.of(rows.problem(offset, size * float(np.exp(x)), grouped=False), support).residual

        found = minimize_scalar(residual, bounds=(low, high), options={"xatol": _PRECISION})
        value = size * float(np.exp(found.x))
        selection = select(rows.problem(offset, value), most=_MOST, **settings)
        if selection.support == support:
            break
    return value, selection
