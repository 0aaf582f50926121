"""Whether what a law says that it keeps is kept, and how closely it can be.

On a grid the quantities may be budgets: a change minus what came in and went out. Where the data hold the cumulative
flows as diagnostics, budgets close to rounding. Without them a law can only integrate the flows over the output times;
how well that closes is seen at every other time: quadrature of any order then errs at least twice as much, while a leak
shows as before. Half of that is then the tolerance, if it is the greater. A quantity whose attribute `closes_to` is
"tolerance", such as an energy, which no explicit method keeps to rounding, may drift by a hundredth of the tolerance
that the data's solver states.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from physym.checks.findings import Report
from physym.checks.moves import has_grid
from physym.checks.selection import described
from physym.metrics import drift, nudge
from simulators import Simulator
from simulators.schema import names

__all__ = ["CLOSED", "check_kept"]

CLOSED = 1e-10
_ROUNDINGS = 100
_PART = 0.01


def check_kept(
    report: Report,
    label: str,
    law: Simulator,
    name: str,
    run: Callable[[], xr.Dataset],
    tolerance: float,
    rng: np.random.Generator,
    precision: float = np.finfo(np.float64).eps,
    note: str = "",
) -> None:
    """Add a check that a quantity does not drift.

    Args:
        report: where to add it.
        label: what to call it.
        law: answers `conserved`.
        name: of the quantity.
        run: trajectories, or what raises because there are none.
        tolerance: of the drift; of a budget that closes by stored flows 1e-10, or 100 roundings of the data.
        rng: for the natural size of the quantity.
        precision: the rounding of the stored numbers.
        note: what the detail begins with.
    """
    try:
        data = run()
        kept, nudged = law.conserved(data)[name], law.conserved(nudge(data, rng))[name]
        error, detail = drift(kept, nudged), [note] if note else []
        if has_grid(data):
            bare = data.drop_vars(names(data, "diagnostic"))
            if not _same(law.conserved(bare)[name], kept):
                tolerance = max(CLOSED, _ROUNDINGS * precision)
                if kept.attrs.get("closes_to") == "tolerance":
                    tolerance = max(tolerance, _PART * _solver_tolerance(data))
                detail.append("closed by the flows in the data")
            elif tolerance < error < np.inf and (coarse := _coarse(law, data, name, nudged - kept) / 2) > tolerance:
                tolerance = coarse
                detail.append("flows integrated over the output times, and so only to their spacing")
    except Exception as fault:
        # any fault of the subject is a finding; the other checks go on
        report.fail(label, tolerance, fault)
        return
    report.run(label, tolerance, lambda: (error, "; ".join(detail)))


def _same(a: xr.DataArray, b: xr.DataArray) -> bool:
    return np.array_equal(a.values, b.values, equal_nan=True)


def _coarse(law: Simulator, data: xr.Dataset, name: str, moved: xr.DataArray) -> float:
    """The drift as seen at every other time and the last."""
    last = data.sizes["time"] - 1
    some = sorted({*range(0, last + 1, 2), last})
    kept = law.conserved(data.isel(time=some))[name]
    return drift(kept, kept + moved.isel(time=some).values)


def _solver_tolerance(data: xr.Dataset) -> float:
    """The tolerance that the solver of the data states, 0 if it states none."""
    stated = described(data, "solver").get("tolerance", 0.0)
    return float(stated) if isinstance(stated, int | float) else 0.0
