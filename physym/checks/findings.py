"""The findings of a check, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Check", "Measured", "Report"]

Measured = tuple[float, str]


@dataclass(frozen=True)
class Check:
    """One line of a report.

    Attributes:
        name: what was checked.
        error: how far it is from what must hold; NaN if that could not be measured.
        tolerance: up to where it passes; infinite for what is measured though it was not promised.
        passed: whether it does.
        detail: where the error is largest, or why there is none.
    """

    name: str
    error: float
    tolerance: float
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """What was checked, of whom, and what came out; printed, it is a table.

    Attributes:
        subject: name of the simulator, model or dataset.
        checks: in the order in which they ran.
    """

    subject: str
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(line.passed for line in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: an error or tolerance that is not a finite number is None."""
        lines = [asdict(line) for line in self.checks]
        for line in lines:
            line |= {key: None for key in ("error", "tolerance") if not math.isfinite(line[key])}
        return {"subject": self.subject, "passed": self.passed, "checks": lines}

    def __str__(self) -> str:
        rows = [("check", "error", "tolerance", "", "")]
        for line in self.checks:
            error = f"{line.error:.1e}" if math.isfinite(line.error) else "-"
            if math.isinf(line.tolerance):
                rows.append((line.name, error, "-", "-", line.detail))
                continue
            rows.append((line.name, error, f"{line.tolerance:.0e}", "passed" if line.passed else "FAILED", line.detail))
        a, b, c, d = (max(len(row[n]) for row in rows) for n in range(4))
        table = [f"{row[0]:<{a}}  {row[1]:>{b}}  {row[2]:>{c}}  {row[3]:<{d}}  {row[4]}".rstrip() for row in rows]
        demanded = [line for line in self.checks if not math.isinf(line.tolerance)]
        passed = sum(line.passed for line in demanded)
        return "\n".join([self.subject, *table, f"{passed} of {len(demanded)} checks passed"])

    def run(self, name: str, tolerance: float, measure: Callable[[], Measured]) -> bool:
        """Add a check; one that raises has failed, and says why. With an infinite tolerance nothing is demanded.

        Returns:
            Whether it passed.
        """
        try:
            error, detail = measure()
        except Exception as fault:
            # any fault of the subject is a finding; the other checks go on
            return self.fail(name, tolerance, fault)
        return self._add(name, float(error), tolerance, detail)

    def fail(self, name: str, tolerance: float, fault: Exception) -> bool:
        """Add a check that could not be measured; the answer is False if anything is demanded."""
        return self._add(name, math.nan, tolerance, f"{type(fault).__name__}: {fault}")

    def _add(self, name: str, error: float, tolerance: float, detail: str) -> bool:
        free = math.isinf(tolerance)
        detail = "; ".join(part for part in ("not promised" if free else "", detail) if part)
        self.checks.append(Check(name, error, tolerance, free or bool(error <= tolerance), detail))
        return self.checks[-1].passed
