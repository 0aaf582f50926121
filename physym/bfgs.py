"""A quasi-Newton minimiser for full-batch losses: self-scaled BFGS with a strong Wolfe line search.

With s = x₊ - x and y = g₊ - g, the inverse Hessian B follows

    B₊ = (B - (s (By)ᵀ + By sᵀ)/ρ + s sᵀ (yᵀBy)/ρ²)/τ + s sᵀ/ρ,     ρ = yᵀs,   τ = min(1, yᵀs / sᵀB⁻¹s),

which for τ = 1 is BFGS. The factor of Al-Baali (Comput. Optim. Appl. 9, 1998) shrinks eigenvalues that are too large
before the update; on the ill-conditioned losses of laws of motion it goes an order of magnitude lower than L-BFGS in
the same time (benchmarks/optimisers.py). B is dense, 8 n² bytes; beyond `DENSE` parameters the last `HISTORY` pairs
stand for it (L-BFGS: Nocedal, Math. Comput. 35, 1980). Every quantity of the iteration is in `state`, so that a run can
stop and go on bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["SelfScaledBFGS"]

Objective = Callable[[torch.Tensor], tuple[float, torch.Tensor]]
DENSE = 8000
HISTORY = 100
_DECREASE, _CURVATURE = 1e-4, 0.9


class _Dense:
    """B, kept as factor * matrix so that scaling it costs nothing."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.matrix: torch.Tensor | None = state.get("matrix")
        self.factor = float(state["factor"]) if "factor" in state else 1.0

    def state(self) -> dict[str, torch.Tensor]:
        if self.matrix is None:
            return {}
        return {"matrix": self.matrix, "factor": torch.tensor(self.factor, dtype=torch.float64)}

    def __matmul__(self, gradient: torch.Tensor) -> torch.Tensor:
        return gradient if self.matrix is None else self.factor * (self.matrix @ gradient)

    def update(self, s: torch.Tensor, y: torch.Tensor, curvature: float, model: float) -> None:
        """Take in a step; `model` is sᵀB⁻¹s."""
        if self.matrix is None:
            self.matrix = torch.eye(s.numel(), dtype=s.dtype, device=s.device)
            self.factor = curvature / float(y @ y)
            model = float(s @ s) / self.factor
        new = self.factor / min(1.0, curvature / model)
        by = self.matrix @ y
        u = (s * (0.5 * (float(y @ by) / curvature + 1 / new)) - by) / curvature
        self.matrix.addr_(s, u).addr_(u, s)
        self.factor = new


class _Limited:
    """B by the last pairs of s and y."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.steps = list(state["steps"].clone()) if "steps" in state else []
        self.changes = list(state["changes"].clone()) if "changes" in state else []

    def state(self) -> dict[str, torch.Tensor]:
        return {"steps": torch.stack(self.steps), "changes": torch.stack(self.changes)} if self.steps else {}

    def __matmul__(self, gradient: torch.Tensor) -> torch.Tensor:
        if not self.steps:
            return gradient
        pairs = list(zip(self.steps, self.changes, strict=True))
        q, weights = gradient.clone(), []
        for s, y in reversed(pairs):
            weights.append(float(s @ q) / float(s @ y))
            q -= weights[-1] * y
        s, y = pairs[-1]
        q *= float(s @ y) / float(y @ y)
        for (s, y), weight in zip(pairs, reversed(weights), strict=True):
            q += (weight - float(y @ q) / float(s @ y)) * s
        return q

    def update(self, s: torch.Tensor, y: torch.Tensor, _curvature: float, _model: float) -> None:
        """Take in a step."""
        self.steps, self.changes = [*self.steps[1 - HISTORY :], s], [*self.changes[1 - HISTORY :], y]


class SelfScaledBFGS:
    """Minimise f(x).

    Args:
        objective: x (n,) to f(x) and its gradient (n,).
        x: where to begin.
        state: of an earlier run, to go on from.

    Attributes:
        x: the best point so far.
        value: f(x).
        stalled: whether no step along the gradient lowers f any more.
    """

    def __init__(self, objective: Objective, x: torch.Tensor, state: dict[str, torch.Tensor] | None = None) -> None:
        self.objective = objective
        self.stalled = False
        self.inverse = self._inverse(x, state or {})
        if state is None:
            self.x = x.clone()
            self.value, self.gradient = objective(self.x)
        else:
            self.x, self.gradient, self.value = state["x"], state["gradient"], float(state["value"])

    @staticmethod
    def _inverse(x: torch.Tensor, state: dict[str, torch.Tensor]) -> _Dense | _Limited:
        return _Dense(state) if x.numel() <= DENSE else _Limited(state)

    def state(self) -> dict[str, torch.Tensor]:
        """All that the next step depends on."""
        value = torch.tensor(self.value, dtype=torch.float64)
        return {"x": self.x, "gradient": self.gradient, "value": value, **self.inverse.state()}

    def step(self) -> None:
        """One line search along -B g and one update of B; without descent, B is forgotten, then the run is stalled."""
        fresh = not self.inverse.state()
        direction = -(self.inverse @ self.gradient)
        length = min(1.0, 1.0 / max(float(self.gradient.abs().sum()), 1e-300)) if fresh else 1.0
        slope = float(self.gradient @ direction)
        found = self._search(direction, slope, length) if slope < 0 else None
        if found is None:
            self.stalled = fresh
            self.inverse = self._inverse(self.x, {})
            return
        length, value, gradient = found
        s, y = length * direction, gradient - self.gradient
        curvature = float(s @ y)
        if curvature > max(1e-16 * float(s.norm() * y.norm()), 1e-300):
            self.inverse.update(s, y, curvature, -length * float(s @ self.gradient))
        self.x, self.value, self.gradient = self.x + s, value, gradient

    def _search(self, d: torch.Tensor, slope: float, length: float) -> tuple[float, float, torch.Tensor] | None:
        """A step that satisfies the strong Wolfe conditions, by bracketing and safeguarded cubic interpolation."""
        low, low_value, low_slope = 0.0, self.value, slope
        high: tuple[float, float, float] | None = None
        best: tuple[float, float, torch.Tensor] | None = None
        for _ in range(25):
            value, gradient = self.objective(self.x + length * d)
            here = float(gradient @ d)
            finite = value == value and abs(value) != float("inf") and here == here
            if finite and value < (best[1] if best else self.value):
                best = (length, value, gradient)
            if not finite or value > self.value + _DECREASE * length * slope or (value >= low_value and low > 0):
                high = (length, value if finite else float("inf"), here)
            elif abs(here) <= -_CURVATURE * slope:
                return length, value, gradient
            elif here >= 0:
                high = (length, value, here)
            else:
                low, low_value, low_slope = length, value, here
            if high and abs(high[0] - low) <= 1e-14 * max(low, high[0]):
                break
            length = _interpolate(low, low_value, low_slope, high) if high else 2.5 * length
        return best


def _interpolate(a: float, fa: float, ga: float, high: tuple[float, float, float]) -> float:
    """The minimiser of the cubic through two points with slopes, kept within the middle 80 % of the bracket."""
    b, fb, gb = high
    middle = (a + b) / 2
    if not abs(fb) < float("inf") or gb != gb:
        return middle
    d1 = ga + gb - 3 * (fa - fb) / (a - b)
    square = d1 * d1 - ga * gb
    if square < 0:
        return middle
    d2 = square**0.5 * (1 if b > a else -1)
    below = gb - ga + 2 * d2
    if below == 0:
        return middle
    cubic = b - (b - a) * (gb + d2 - d1) / below
    return min(max(cubic, a + 0.1 * (b - a)), b - 0.1 * (b - a))
