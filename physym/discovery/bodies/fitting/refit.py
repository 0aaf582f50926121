"""All constants of a law at once, through its own simulation: multiple shooting by Gauss-Newton.

Of every window the state at its first point is unknown too, and is eliminated from the linear equations (Bock, in
Numerical Treatment of Inverse Problems in Differential and Integral Equations, 1983). So neither noise is
differentiated nor is an error of an interpolation left, and the residuals tell the noise.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from physym.discovery.bodies.fitting.shooting import EXACT, STEP, Shooting

if TYPE_CHECKING:
    from physym.discovery.bodies.fitting.windows import Windows
    from physym.discovery.law import Law

__all__ = ["Refit", "refit"]

_FAR = 1e-2
_STILL = 1e-8
_TRIES = 6


@dataclass(frozen=True)
class Refit:
    """A law through the data.

    Attributes:
        law: with refitted constants and their standard errors.
        states: by the law, (window, point, n).
        noise: root mean square residual of each state variable, by name, corrected for the number of unknowns.
        square: sum of squares of residuals in units of the scale that was given.
        rows: the number of residuals.
        unknowns: the number of constants and of states that were fitted.
        converged: whether the last step was below a hundredth of the standard errors.
    """

    law: Law
    states: np.ndarray
    noise: dict[str, float]
    square: float
    rows: int
    unknowns: int
    converged: bool

    def criterion(self) -> float:
        """The information criterion of Schwarz, for laws fitted to the same windows with the same scale."""
        count = sum(np.size(c.value) for c in self.law.constants)
        return float(self.rows * np.log(max(self.square, 1e-300) / self.rows) + count * np.log(self.rows))


def refit(
    law: Law,
    windows: Windows,
    scale: np.ndarray,
    *,
    steps: int = 20,
    deadline: float = np.inf,
    starts: np.ndarray | None = None,
    reweight: bool = True,
) -> Refit:
    """Fit the constants of a law to windows of data.

    Args:
        law: its constants are where to begin.
        windows: the data.
        scale: (n,), by what residuals are divided at first.
        steps: the most Gauss-Newton steps.
        deadline: by `time.monotonic`, when to stop.
        starts: where the states at the first points begin (window, n); the stored ones by default.
        reweight: after the first convergence, divide by the residual's own size for each state variable, and go on.
    """
    shooting = Shooting(law, windows)
    constants = shooting.flat(law.constants)
    start = windows.states[:, 0].copy() if starts is None else starts.copy()
    size = np.sqrt(np.mean(windows.states**2, axis=(0, 1)))
    size = np.where(size > 0, size, 1.0)
    weights = scale.copy()
    rounds = 2 if reweight else 1
    for turn in range(rounds):
        found = _gauss_newton(shooting, start, constants, weights, size, steps, deadline)
        start, constants = found[0], found[1]
        residual = windows.states - found[2]
        share = np.sqrt(residual[0].size * len(residual) / max(residual.size - start.size - constants.size, 1))
        told = {
            name: float(np.sqrt(np.mean(residual[..., place] ** 2)) * share)
            for name, place in windows.layout.places.items()
        }
        if all(told[name] <= 10 * EXACT * np.max(size[place]) for name, place in windows.layout.places.items()):
            # nothing but rounding is left
            break
        if time.monotonic() > deadline:
            break
        if turn + 1 < rounds:
            weights = np.empty_like(scale)
            for name, place in windows.layout.places.items():
                floor = 1e-13 * float(np.sqrt(np.mean(size[place] ** 2)))
                weights[place] = max(told[name], floor)
    errors = _errors(found[3], found[4], windows)
    names, place = [], 0
    for constant in law.constants:
        width = int(np.prod(np.shape(constant.value)))
        part, error = constants[place : place + width], errors[place : place + width]
        if constant.order:
            names.append(replace(constant, value=tuple(part.tolist()), error=tuple(error.tolist())))
        else:
            names.append(replace(constant, value=float(part[0]), error=float(error[0])))
        place += width
    square = float(np.sum((residual / scale) ** 2))
    unknowns = start.size + constants.size
    return Refit(law.with_constants(names), found[2], told, square, residual.size, unknowns, found[5])


def _gauss_newton(
    shooting: Shooting,
    start: np.ndarray,
    constants: np.ndarray,
    weights: np.ndarray,
    size: np.ndarray,
    steps: int,
    deadline: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool]:
    """Starts, constants, states, projected derivatives and residuals, and whether it converged."""
    windows = shooting.windows
    count, points, _ = windows.states.shape
    every, p = np.arange(count), len(constants)
    unit = np.tile(weights, points)
    shooting.refine(start, constants, weights, size)

    def residual(z: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        states = shooting.run(z, np.broadcast_to(c, (count, p)), every)
        r = (windows.states - states).reshape(count, -1) / unit
        with np.errstate(all="ignore"):
            square = float(np.sum(r**2))
        return states, r, square if np.isfinite(square) else np.inf

    states, r, square = residual(start, constants)
    if not np.isfinite(square):
        return start, constants, np.where(np.isfinite(states), states, 0.0), np.zeros((count, 0, p)), r[:, :0], False
    damping, anew = 0.0, True
    for turn in range(steps):
        if turn and time.monotonic() > deadline:
            break
        fresh = anew
        if fresh:
            moves = STEP * shooting.sizes(constants)
            a, b = shooting.jacobian(start, constants, states, size, moves)
            if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
                return start, constants, states, np.zeros((count, 0, p)), r[:, :0], False
            a, b = a / unit[None, :, None], b / unit[None, :, None]
            q, upper = np.linalg.qr(a)
            rest = b - q @ (q.transpose(0, 2, 1) @ b)
        tall = rest.reshape(r.size, p)
        norms = np.linalg.norm(tall, axis=0)
        norms = np.where(norms > 0, norms, 1.0)
        gram, moment = (tall / norms).T @ (tall / norms), (tall / norms).T @ r.ravel()
        variance, better = square / max(r.size - start.size - p, 1), False
        for _ in range(_TRIES):
            change = np.linalg.lstsq(gram + damping * np.eye(p), moment, rcond=1e-15)[0] / norms
            inner = np.einsum("wri,wr->wi", q, r - np.einsum("wri,i->wr", b, change))
            shift = _solve(upper, inner)
            own = np.abs(change) / shooting.sizes(constants)
            moved = max(float(np.max(own, initial=0.0)), float(np.max(np.abs(shift) / size)))
            trial = residual(start + shift, constants + change)
            better = trial[2] <= square * (1 + 1e-12)
            if better or moved < _STILL:
                break
            damping = max(8 * damping, 1e-3)
        gain = square - trial[2] if better else 0.0
        if better:
            start, constants = start + shift, constants + change
            states, r, square = trial
        damping = 0.0 if damping < 1e-2 else damping / 8
        if gain <= 1e-6 * variance * max(p, 1) or gain <= 1e-10 * square or moved < _STILL:
            # near the solution the derivatives hardly change, and are kept; the last word has those at the solution
            if fresh:
                spread = np.sqrt(np.maximum(np.diag(np.linalg.pinv(gram)), 0) * variance) / norms
                close = np.abs(change) <= np.maximum(spread, 1e-6 * shooting.sizes(constants))
                return start, constants, states, rest, r, bool(better or moved < _STILL or np.all(close))
            anew, damping = True, 0.0
            continue
        anew = moved > _FAR
    return start, constants, states, rest, r, False


def _solve(upper: np.ndarray, right: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.solve(upper, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return (np.linalg.pinv(upper) @ right[..., None])[..., 0]


def _errors(rest: np.ndarray, r: np.ndarray, windows: Windows) -> np.ndarray:
    """Standard errors (p,): the greater of those for independent rows and for independent samples."""
    p = rest.shape[-1]
    if not p or not rest.shape[1]:
        return np.full(p, np.inf)
    tall = rest.reshape(-1, p)
    norms = np.linalg.norm(tall, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    bread = np.linalg.pinv((tall / norms).T @ (tall / norms))
    free = max(r.size - windows.states[:, 0].size - p, 1)
    plain = np.diag(bread) * float(np.sum(r**2)) / free
    labels, group = np.unique(windows.samples, return_inverse=True)
    if len(labels) >= 2 * p + 2:
        each = np.einsum("wri,wr->wi", rest, r) / norms
        scores = np.zeros((len(labels), p))
        np.add.at(scores, group, each)
        robust = np.diag(bread @ (scores.T @ scores) @ bread) * len(labels) / (len(labels) - p)
        plain = np.maximum(plain, robust * r.size / (r.size - windows.states[:, 0].size))
    return np.sqrt(np.maximum(plain, 0)) / norms
