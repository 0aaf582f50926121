"""Trajectories of many windows by one law, with their derivatives by starts and by constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from simulators.integrate.tableaus import DOP853_STAGES

if TYPE_CHECKING:
    from physym.discovery.bodies.fitting.windows import Windows
    from physym.discovery.equation import Constant
    from physym.discovery.law import Law

__all__ = ["EXACT", "STEP", "Shooting"]

STEP = 1e-6
"""Of differences, relative to what they are taken of."""
EXACT = 1e-9
"""Errors of integration below it, relative to the states, count as rounding."""
_ROWS = 40_000
_SUBSTEPS = 16
_SHARE = 0.05
_LOOK = 17


class Shooting:
    """The states of every window as functions of its first state and of the law's constants.

    Args:
        law: whose constants are the unknowns.
        windows: the data.
    """

    def __init__(self, law: Law, windows: Windows) -> None:
        self.law, self.windows, self.substeps = law, windows, 1
        self.shapes = {c.name: np.shape(c.value) for c in law.constants}
        self.data = xr.Dataset()

    def flat(self, constants: Sequence[Constant]) -> np.ndarray:
        """Their values (p,)."""
        return np.concatenate([np.ravel(c.value) for c in constants]) if constants else np.zeros(0)

    def sizes(self, constants: np.ndarray) -> np.ndarray:
        """What changes of the constants (p,) are measured by (p,): each number, and of a vector its norm; 1 for 0."""
        out, place = np.abs(constants), 0
        for shape in self.shapes.values():
            part = slice(place, place + int(np.prod(shape)))
            out[part], place = np.linalg.norm(constants[part]), part.stop
        return np.where(out > 0, out, 1.0)

    def run(
        self, start: np.ndarray, constants: np.ndarray, window: np.ndarray, points: int | None = None
    ) -> np.ndarray:
        """States (row, point, n) from starts (row, n) by constants (row, p) with times and parameters of windows."""
        own, place = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            part = constants[:, place : place + size]
            own[name] = part if shape else part[:, 0]
            place += size
        own |= {name: array[window] for name, array in self.windows.parameters.items()}
        layout, times = self.windows.layout, self.windows.times[window, :points]

        def slope(z: np.ndarray) -> np.ndarray:
            return layout.join(self.law.slopes(layout.split(z) | own, self.data))

        out, z = [start], start
        with np.errstate(all="ignore"):
            for k in range(times.shape[1] - 1):
                h = (times[:, k + 1] - times[:, k])[:, None] / self.substeps
                for _ in range(self.substeps):
                    slopes: list[np.ndarray] = []
                    for row in (*DOP853_STAGES[:12], DOP853_STAGES[12]):
                        move = sum((w * s for w, s in zip(row, slopes, strict=True) if w), start=0.0)
                        at = z + h * move
                        if len(slopes) < 12:
                            slopes.append(slope(at))
                    z = at
                out.append(z)
        return np.stack(out, axis=1)

    def refine(self, start: np.ndarray, constants: np.ndarray, scale: np.ndarray, size: np.ndarray) -> None:
        """Take enough substeps that their error is small beside the residual, or beside the states in any case."""
        few = np.unique(np.linspace(0, len(start) - 1, 32).astype(int))
        rows = np.broadcast_to(constants, (len(few), len(constants)))
        known = self.windows.states[few, :_LOOK]
        coarse = self.run(start[few], rows, few, _LOOK)
        while self.substeps < _SUBSTEPS:
            before, self.substeps = self.substeps, 2 * self.substeps
            fine = self.run(start[few], rows, few, _LOOK)
            with np.errstate(all="ignore"):
                error = np.sqrt(np.mean(((fine - coarse) / scale) ** 2))
                allowed = _SHARE * np.sqrt(np.mean(((known - fine) / scale) ** 2))
                exact = np.sqrt(np.mean(((fine - coarse) / size) ** 2)) <= EXACT
            if error <= allowed or exact:
                self.substeps = before
                return
            coarse = fine

    def jacobian(
        self, start: np.ndarray, constants: np.ndarray, base: np.ndarray, size: np.ndarray, moves: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of all states (window, point · n, n) by starts and (window, point · n, p) by constants."""
        count, n = start.shape
        p = len(constants)
        block = max(1, _ROWS // (n + p))
        by_start, by_constant = [], []
        for first in range(0, count, block):
            rows = np.arange(first, min(first + block, count))
            shift = np.concatenate([np.diag(STEP * size), np.zeros((p, n))])
            turn = np.concatenate([np.zeros((n, p)), np.diag(moves)])
            z = (start[rows][:, None] + shift).reshape(-1, n)
            c = np.broadcast_to(constants + turn, (len(rows), n + p, p)).reshape(len(rows) * (n + p), p)
            out = self.run(z, c, np.repeat(rows, n + p)).reshape(len(rows), n + p, -1)
            change = (out - base[rows].reshape(len(rows), 1, -1)).transpose(0, 2, 1)
            by_start.append(change[..., :n] / (STEP * size))
            by_constant.append(change[..., n:] / moves)
        return np.concatenate(by_start), np.concatenate(by_constant)
