"""Refit of all constants of field equations through the simulation.

The law is run from stored times to the next ones, and its constants are moved until the runs meet what is stored, by
Gauss-Newton steps. Nothing is differentiated or interpolated, so the spacing of the outputs limits no accuracy. Starts
are freed of the wavelengths that do not rise out of the noise. Residuals are compared mode by mode and weighted by
their own mean square in each window, field and band of wavelengths, anew at every step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.fft

from physym.discovery.fields.data import FieldData
from physym.discovery.fields.dynamics import Rights, carry
from physym.discovery.fields.terms import Space
from simulators.errors import DivergenceError

__all__ = ["Refit", "refit"]

_STEP = 1e-3
_BANDS = 8
_TOLERANCE = 1e-6
_LOOSE = 0.01
_SETTLED = 2e-5


@dataclass(frozen=True)
class Refit:
    """What came of it.

    Attributes:
        values: the constants by name.
        errors: standard errors, for which windows are independent.
        residual: root mean square of the residuals relative to the change over a window.
        rounds: steps that were made.
    """

    values: dict[str, float]
    errors: dict[str, float]
    residual: float
    rounds: int


def refit(
    data: FieldData,
    rights: Rights,
    space: Space,
    constants: Mapping[str, float],
    *,
    windows: int = 24,
    rounds: int = 6,
    deadline: float = np.inf,
    say: Callable[[str], None] = lambda _text: None,
    seed: int = 0,
) -> Refit:
    """Move the constants to where the runs meet the data.

    Args:
        data: the runs.
        rights: the equations.
        space: of the derivatives.
        constants: where to begin, none of them zero.
        windows: how many pieces of the runs to use.
        rounds: steps at most.
        deadline: by `time.monotonic`, after which no further step begins.
        say: takes messages.
        seed: of the choice of the pieces.
    """
    task = _Task(data, rights, space, windows, seed)
    names = list(constants)
    now = np.array([constants[name] for name in names])
    kept = (now, np.full(now.size, np.inf), np.inf)
    best, made = np.inf, 0
    residual = task.residual(dict(zip(names, now, strict=True)))
    weights = task.weights(residual)
    for made in range(1, rounds + 1):
        inner, outer, scores = task.normal(names, now, residual, weights)
        scale = np.sqrt(np.maximum(np.diag(inner), 1e-300))
        inverse = np.linalg.pinv(inner / np.outer(scale, scale), rcond=1e-12, hermitian=True) / np.outer(scale, scale)
        step = inverse @ outer
        step *= min(1.0, 0.5 / max(np.max(np.abs(step)), 1e-300))
        spread = inverse @ (scores.T @ scores) @ inverse
        errors = np.sqrt(np.maximum(np.diag(spread), 0.0)) * np.abs(now)
        cost = task.cost(residual, weights)
        taken = False
        for _ in range(4):
            trial = now * (1 + step)
            try:
                new = task.residual(dict(zip(names, trial, strict=True)))
            except DivergenceError:
                new = None
            if new is not None and task.cost(new, weights) <= cost * (1 + 1e-9):
                taken = True
                break
            step = step / 4
        kept = (now, errors, cost)
        if not taken:
            break
        now, residual = trial, new
        kept = (now, errors, cost)
        weights = task.weights(residual)
        best = float(np.max(np.abs(step)))
        say(f"refit {made}: largest relative change {best:.1e}")
        if best < max(_SETTLED, 0.02 * float(np.max(errors / np.abs(now)))) or time.monotonic() > deadline:
            break
    values, errors, _ = kept
    return Refit(
        dict(zip(names, values.tolist(), strict=True)), dict(zip(names, errors.tolist(), strict=True)),
        task.relative(residual), made,
    )  # fmt: skip


class _Task:
    """Pieces of the runs, and what the law makes of their starts."""

    def __init__(self, data: FieldData, rights: Rights, space: Space, windows: int, seed: int) -> None:
        self.data, self.rights, self.space = data, rights, space
        samples, count = data.values.shape[1:3]
        # over longer pieces the constants do more beside the noise of the start
        length = max(2, round((count - 1) / 20)) if data.noise.any() else max(1, round((count - 1) / 40))
        rng = np.random.default_rng(seed)
        begins = np.arange(0, count - length, length)
        # half of the pieces early, where most happens, half anywhere
        early = begins[: max(1, len(begins) // 5)]
        places = [early[n % len(early)] if n % 2 else begins[rng.integers(len(begins))] for n in range(windows)]
        pairs = sorted({(int(b), (n + int(rng.integers(samples))) % samples) for n, b in enumerate(places)})
        self.pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        outputs = np.unique(np.round(np.linspace(0, length, min(length, 2) + 1)).astype(int))
        for begin in sorted({b for b, _ in pairs}):
            runs = [run for b, run in pairs if b == begin]
            starts = np.stack([data.estimate(run, begin) for run in runs])
            later = data.values[:, runs][:, :, begin + outputs[1:]]
            times = data.times[begin + outputs] - data.times[begin]
            self.pieces.append((starts, times, np.moveaxis(later, 0, 2)))
        # what is far below the noise need not be computed
        share = data.noise / np.array([array.std() for array in data.values])
        self.tolerance = max(_TOLERANCE, _LOOSE * float(share.max()))
        self.step = _STEP if self.tolerance == _TOLERANCE else 10 * _STEP
        top = data.shells.max() + 1
        edges = np.unique(np.round(np.linspace(0, np.sqrt(top), _BANDS + 1) ** 2).astype(int))
        self.band = np.searchsorted(edges, data.shells, side="right") - 1
        self.copies = data.copies
        self.sizes = np.bincount(self.band.ravel(), self.copies.ravel())

    def _modes(self, fields: np.ndarray) -> np.ndarray:
        return scipy.fft.rfftn(fields, axes=self.data.axes, norm="ortho")

    def residual(self, constants: Mapping[str, float]) -> list[np.ndarray]:
        """Stored less computed, per piece (run, time, field, *modes)."""
        return [
            self._modes(later - carry(self.rights, self.space, starts, times, constants, self.tolerance)[:, 1:])
            for starts, times, later in self.pieces
        ]

    def weights(self, residual: list[np.ndarray]) -> list[np.ndarray]:
        """1/mean square per run, time, field and band, spread over the modes."""
        out = []
        floors = np.array([array.var() for array in self.data.values]) * (self.tolerance / 10) ** 2
        for part in residual:
            square = np.abs(part) ** 2 * self.copies
            flat = square.reshape(-1, self.band.size)
            means = np.stack([np.bincount(self.band.ravel(), row) for row in flat]) / self.sizes
            means = means.reshape(*part.shape[:3], -1) + floors[:, None]
            # a band of few modes may have a small residual by chance
            means = np.maximum(means, 0.1 * means.mean(axis=(0, 1), keepdims=True) if len(part) > 1 else means)
            out.append(self.copies / means[..., self.band])
        return out

    def cost(self, residual: list[np.ndarray], weights: list[np.ndarray]) -> float:
        """The weighted sum of squares."""
        return float(sum(np.sum(w * np.abs(r) ** 2) for r, w in zip(residual, weights, strict=True)))

    def normal(
        self, names: list[str], now: np.ndarray, residual: list[np.ndarray], weights: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Jᵀ W J, Jᵀ W r and its part of every run of a piece, for relative changes of the constants."""
        slopes = []
        for n in range(now.size):
            moved = now.copy()
            moved[n] *= 1 + self.step
            new = self.residual(dict(zip(names, moved, strict=True)))
            pairs = zip(residual, new, strict=True)
            slopes.append([((old - one) / self.step).astype(np.complex64) for old, one in pairs])
        size = now.size
        inner, scores = np.zeros((size, size)), []
        for piece, (r, w) in enumerate(zip(residual, weights, strict=True)):
            columns = [slope[piece] * np.sqrt(w) for slope in slopes]
            own = r * np.sqrt(w)
            for run in range(len(r)):
                matrix = np.stack([c[run].ravel() for c in columns])
                target = own[run].ravel()
                inner += (matrix.conj() @ matrix.T).real
                scores.append((matrix.conj() @ target).real)
        return inner, np.sum(scores, axis=0), np.array(scores)

    def relative(self, residual: list[np.ndarray]) -> float:
        """Root mean square of the residual, relative to how each field varies."""
        scale = np.array([array.std() for array in self.data.values])
        total = [np.sum(np.abs(r) ** 2 * self.copies, axis=tuple(range(3, r.ndim))) / scale**2 for r in residual]
        cells = self.data.grid.size
        return float(np.sqrt(np.mean([np.mean(t) for t in total]) / cells))
