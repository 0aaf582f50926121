"""The laws found so far: candidates are scored on few points, the best fitted to more, and the shortest to all."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from physym.symbolic.fitting import Fit, description, fit, snap
from physym.symbolic.problem import Found, Problem
from physym.symbolic.pruning import pruned
from physym.symbolic.tree import Columns, Node, bits, compiled, evaluate, free, to_sympy

if TYPE_CHECKING:
    import sympy

__all__ = ["Finished", "Pool"]

_SAMPLE, _MIDDLE = 600, 4000
# mean squares relative to that of the target: what is rounding, and below what a law is taken as exact
_FLOOR, _EXACT = 1e-22, 1e-18
_SLACK = 60.0
_SURPLUS, _SURPRISE, _LEARNED = 1.0, 3.5, 0.8
_RESERVE, _LONGEST_RESERVE = 0.08, 4.0


class Finished(Exception):
    """Raised to end a search: a law is exact or leaves nothing to explain, or time is up."""


class Pool:
    """Laws, each fitted, by the length of their description.

    Attributes:
        columns: the variables on all points; `sample` and `middle` are selections of 600 and 4000 of them.
        target: on all points; `y` and `middle_y` are those of the selections.
        evaluations: how many hypotheses were scored so far, including those that a matrix product scores at once.
    """

    def __init__(
        self, problem: Problem, time_limit: float, seed: int, symbols: Sequence[sympy.Expr] | None = None
    ) -> None:
        self._symbols = symbols
        self._start, self._limit = time.monotonic(), time_limit - min(_RESERVE * time_limit, _LONGEST_RESERVE)
        self.share_time(1.0)
        self._whole = False
        self.names, self.evaluations = problem.names, 0
        self.columns = Columns([problem.values[name] for name in problem.names])
        self.target = problem.target
        rng = np.random.default_rng(seed)
        few = np.sort(rng.permutation(len(self.target))[:_SAMPLE])
        some = np.sort(rng.permutation(len(self.target))[:_MIDDLE])
        self.sample, self.y = self.columns.at(few), self.target[few]
        self.middle, self.middle_y = self.columns.at(some), self.target[some]
        self._laws: dict[str, tuple[float, Fit]] = {}
        self._shortest_on_sample = math.inf

    def __len__(self) -> int:
        return len(self._laws)

    @property
    def shortest(self) -> float:
        """The least length of a description."""
        return min((length for length, _ in self._laws.values()), default=math.inf)

    def share_time(self, share: float) -> None:
        """Let time be up after a share of it."""
        self.deadline = self._start + share * self._limit

    def finished(self) -> bool:
        """Whether a law explains everything, or all the time is up; if not, the rest of the time is there."""
        self.share_time(1.0)
        return self._whole or time.monotonic() > self.deadline

    def check_time(self) -> None:
        """End the search when time is up.

        Raises:
            Finished: then.
        """
        if time.monotonic() > self.deadline:
            raise Finished

    def _length(self, fitted: Fit, points: int) -> float:
        return description(fitted, points, len(self.names), _FLOOR)

    def _add(self, fitted: Fit) -> None:
        length = self._length(fitted, len(self.middle_y))
        # laws with one residual are forms of one law, of which the shortest is kept
        key = repr(round(fitted.error, 14)) if fitted.error > 1e-12 else repr(fitted.node)
        if key not in self._laws or self._laws[key][0] > length:
            self._laws[key] = (length, fitted)

    def _score(self, node: Node) -> float | None:
        """Length of the description on the sample, with the amplitude fitted."""
        value = evaluate(node, self.sample)
        self.evaluations += 1
        with np.errstate(all="ignore"):
            size = float(value @ value)
        if not (np.isfinite(value).all() and 1e-300 < size < 1e300):
            return None
        errors = [float(np.mean((self.y - scale * value) ** 2)) for scale in (1.0, float(value @ self.y) / size)]
        error = min(errors) / float(np.mean(self.y**2))
        return len(self.y) / 2 * math.log2(max(error, 1e-16)) + bits(node, len(self.names))

    def _hopeless(self, node: Node) -> float:
        """The residual above which an expression is too far behind to be fitted further."""
        behind = self._shortest_on_sample + 3 * _SLACK - bits(node, len(self.names))
        return 2.0 ** min(behind / (len(self.y) / 2), 0.0) if math.isfinite(behind) else 1.0

    def consider(self, nodes: Iterable[Node], *, most: int = 24) -> None:
        """Score candidates, and fit the `most` best of them.

        Raises:
            Finished: if one is exact, or time is up.
        """
        scored = ((self._score(node), count, node) for count, node in enumerate(nodes))
        best = heapq.nsmallest(most, (item for item in scored if item[0] is not None))
        for count, (_, _, node) in enumerate(best):
            if count % 4 == 0:
                self.check_time()
            fitted = fit(node, self.sample, self.y, iterations=25, enough=_FLOOR, hopeless=self._hopeless(node))
            if fitted is None:
                continue
            length = self._length(fitted, len(self.y))
            if length > self._shortest_on_sample + _SLACK:
                continue
            self._shortest_on_sample = min(self._shortest_on_sample, length)
            refined = fit(fitted.node, self.middle, self.middle_y, iterations=6, enough=_FLOOR)
            if refined is not None:
                self._add(refined)
                self._add(snap(refined, self.middle, self.middle_y, len(self.names), _FLOOR))
        if any(fitted.error < _EXACT for _, fitted in self._laws.values()):
            self._whole = True
            raise Finished

    def stop_if_explained(self, witnesses: Iterable[Node], smooth: np.ndarray) -> None:
        """End the search if nothing is found in what the shortest law leaves.

        With n points, the correlation of noise with one column is normal of width 1/√n; the largest of those with m
        witnesses is about √(2 ln m)/√n, and n times the share of noise that m smooth functions explain is m ± √(2 m).

        Args:
            witnesses: terms that a law could have.
            smooth: functions on all points that know no law, (functions, points).

        Raises:
            Finished: if all is explained.
        """
        if not self._laws:
            return
        _, fitted = min(self._laws.values(), key=lambda item: item[0])
        whole = fit(fitted.node, self.columns, self.target, iterations=6)
        if whole is None or whole.error > _LEARNED:
            return
        value, slopes = compiled(whole.node, self.columns)(np.array([number.value for number in free(whole.node)]))
        points = len(self.target)
        # what a change of the fitted numbers would explain is no finding
        base = np.linalg.qr(slopes.T)[0] if len(slopes) else np.zeros((points, 0))
        residual = self.target - value
        residual = residual - base @ (base.T @ residual)
        residual /= np.linalg.norm(residual)
        functions, diagonal = np.linalg.qr(smooth.T)
        functions = functions[:, np.abs(np.diag(diagonal)) > 1e-8 * np.abs(np.diag(diagonal)).max()]
        count = functions.shape[1]
        explained = points * float(np.sum((functions.T @ residual) ** 2))
        if explained > count + _SURPRISE * math.sqrt(2 * count):
            return
        largest, count = 0.0, 2
        for witness in witnesses:
            column = evaluate(witness, self.columns)
            if not np.isfinite(column).all():
                continue
            column = column - base @ (base.T @ column)
            length = float(np.linalg.norm(column))
            # a column that lives on a few points is no witness: there the correlation is not normal
            if length > 0 and np.abs(column).max() < 0.2 * length:
                largest, count = max(largest, abs(float(column @ residual)) / length), count + 1
        if largest * math.sqrt(points) < math.sqrt(2 * math.log(count)) + _SURPLUS:
            self._whole = True
            raise Finished

    def front(self, most: int = 60) -> list[Found]:
        """The shortest laws, fitted to all points, the shortest first."""
        import sympy

        symbols = self._symbols or [sympy.Symbol(name) for name in self.names]
        ranked = sorted(self._laws.values(), key=lambda item: item[0])[:most]
        stop = time.monotonic() + max(self.deadline - time.monotonic(), 0) + _LONGEST_RESERVE
        refined: list[tuple[float, Fit]] = []
        for count, (_, fitted) in enumerate(ranked):
            whole = fit(pruned(fitted.node, self.columns), self.columns, self.target, iterations=10)
            if whole is None or (refined and time.monotonic() > stop):
                continue
            if count < 12:
                whole = snap(whole, self.columns, self.target, len(self.names), _FLOOR)
            refined.append((self._length(whole, len(self.target)), whole))
        return [self._found(length, whole, symbols) for length, whole in sorted(refined, key=lambda item: item[0])]

    def _found(self, length: float, whole: Fit, symbols: Sequence[sympy.Expr]) -> Found:
        import sympy

        expression = to_sympy(whole.node, symbols)
        numbers = zip(free(whole.node), whole.deviations, strict=True)
        return Found(
            complexity=sum(1 for _ in sympy.preorder_traversal(expression)),
            error=math.sqrt(whole.error),
            expression=expression,
            bits=length,
            constants=tuple((number.value, float(deviation)) for number, deviation in numbers),
            evaluations=self.evaluations,
        )
