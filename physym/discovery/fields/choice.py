"""Which terms an equation has: from many that explain the rate to those without which they do not.

With few terms wrong ones may leave as little as right ones, since weights of the rows that follow from what a law
leaves are those of its own errors. Many terms leave what the right ones do, whichever they are. So the search begins
with many, takes their weights, drops what is not needed, and then exchanges terms while less is left.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physym.discovery.fields.balance import PENALTY, Balance, clashes
from physym.discovery.fields.table import Table, View
from physym.discovery.fields.terms import FieldTerm

__all__ = ["Choice", "Choices"]

_SPREADS = (100.0, 10.0)
_WIDE = 10
_MOST = 8
_TURNS = 4
_WIDER = 2
_TRIED = 3
_GAIN = 0.98
_RIVALS = 30.0
_COMPARED = 3


@dataclass(frozen=True)
class Choice:
    """Terms and their fit.

    Attributes:
        terms: with their saturation constants.
        fit: by moments.
    """

    terms: tuple[FieldTerm, ...]
    fit: Balance

    @property
    def families(self) -> frozenset:
        """What the terms are but for their constants."""
        return frozenset(t.family for t in self.terms)

    @property
    def left(self) -> float:
        """What is left and as much as chance leaves, with a penalty for every term and half of one for a saturation."""
        size = sum(1.0 + 0.5 * len(t.saturations) for t in self.terms)
        return (self.fit.left + len(self.fit.moments)) * PENALTY**size

    @property
    def score(self) -> float:
        """The same relative to what cancels, so that it compares fits under different weights."""
        return self.left / self.fit.size


class Choices:
    """The search for the terms of equations among those of a table.

    Args:
        table: of the candidates.
        deadline: by `time.monotonic`, after which an equation is taken as it is.
    """

    def __init__(self, table: Table, deadline: float = np.inf) -> None:
        self.table, self.deadline = table, deadline
        families = dict.fromkeys(t.family for t in table.terms)
        self._first = {family: n for n, family in reversed([(n, t.family) for n, t in enumerate(table.terms)])}
        self._family = np.array([list(families).index(t.family) for t in table.terms])
        self._clash = clashes(table.terms)

    def best(self, e: int, others: Sequence[FieldTerm] = (), before: Choice | None = None) -> Choice:
        """The equation of a field.

        Args:
            e: the number of the field.
            others: terms of other fields' equations, which may well be in this one too.
            before: what was found without them.
        """
        found: list[tuple[Choice, np.ndarray]] = []
        if before is not None:
            found.append((before, self.table.weights(e, before.terms, before.fit.values)))
        for spread in _SPREADS:
            weights = self.table.first_weights(e, spread)
            for _ in range(_WIDER):
                if found and self._late():
                    break
                view = View(self.table, weights, e)
                wide = self._wide(view, e, others)
                found += self._settled(self._pruned(view, wide), view, e)
                weights = self.table.weights(e, wide.terms, wide.fit.values)
        return self._compared(found, e)

    def first(self, e: int) -> Choice:
        """An equation of a field by a search that is short, and may well be wrong."""
        view = View(self.table, self.table.first_weights(e, _SPREADS[0]), e)
        return self._settled(self._pruned(view, self._wide(view, e, ())), view, e)[-1][0]

    def _late(self) -> bool:
        return time.monotonic() > self.deadline

    def _made(self, view: View, terms: Sequence[FieldTerm]) -> Choice:
        refined, fit = view.refined(terms)
        return Choice(tuple(refined), fit)

    def _wide(self, view: View, e: int, others: Sequence[FieldTerm]) -> Choice:
        """What reacts and spreads linearly, what other equations have, and more terms one by one."""
        none = tuple(0 for _ in self.table.moments.data.values)
        start = [t for t in self.table.terms if t.linear and t.laplacian in (-1, e)]
        start += [FieldTerm(none)] if FieldTerm(none).family not in {t.family for t in start} else []
        for term in others:
            if term.family not in {t.family for t in start} and not clashes([*start, term])[-1, :-1].any():
                start.append(term)
        now = self._made(view, start)
        while len(now.terms) < _WIDE + len(others) and not self._late():
            more = self._added(view, now.terms, now.fit)[:_TRIED]
            if not more:
                break
            now = min((self._made(view, terms) for terms in more), key=lambda one: one.fit.left)
        return now

    def _added(self, view: View, terms: Sequence[FieldTerm], fit: Balance) -> list[list[FieldTerm]]:
        """The terms and one more, by how much less they leave."""
        places = [self._first[t.family] for t in terms]
        barred = self._clash[places].any(axis=0) if places else np.zeros(len(self._clash), dtype=bool)
        gains = view.gains(terms, fit, barred)
        chosen, seen = [], set()
        for n in np.argsort(gains)[::-1]:
            if gains[n] <= 0 or len(seen) == _TRIED:
                break
            if self._family[n] not in seen:
                seen.add(self._family[n])
                chosen.append([*terms, self.table.terms[n]])
        return chosen

    def _pruned(self, view: View, now: Choice) -> Choice:
        """The best of those that come of it as the terms without which least more is left go one by one."""
        best = now
        while len(now.terms) > 1 and not self._late():
            fits = [(view.fit(rest).left, n) for n, rest in enumerate(_without(now.terms))]
            tried = [self._made(view, _without(now.terms)[n]) for _, n in sorted(fits)[:_TRIED]]
            now = min(tried, key=lambda one: one.fit.left)
            best = min(best, now, key=lambda one: one.left)
        return best

    def _polished(self, view: View, now: Choice) -> Choice:
        """Drop, add or exchange terms, or take the limit of a saturation, while that is better."""
        while not self._late():
            less = [self._made(view, rest) for rest in _without(now.terms) if rest]
            for term, rest in zip(now.terms, _without(now.terms), strict=True):
                simpler = [t for t in _tended(term) if not clashes([*rest, t])[-1, :-1].any()]
                less += [self._made(view, [*rest, t]) for t in simpler]
            simplest = min(less, key=lambda one: one.left, default=now)
            if simplest.left <= now.left and simplest is not now:
                now = simplest
                continue
            bases = [(now.terms, now.fit, _TRIED)] if len(now.terms) < _MOST else []
            bases += [(one.terms, one.fit, _TRIED) for one in less[: len(now.terms)]]
            # a saturation in place of the two terms of its expansion
            pairs = [list(rest) for rest in itertools.combinations(now.terms, max(len(now.terms) - 2, 0)) if rest]
            bases += [(rest, view.fit(rest), 1) for rest in pairs]
            sets = [terms for own, fit, most in bases for terms in self._added(view, own, fit)[:most]]
            better = min((self._made(view, terms) for terms in sets), key=lambda one: one.left, default=now)
            if better.left >= _GAIN * now.left:
                break
            now = better
        return now

    def _settled(self, now: Choice, view: View, e: int) -> list[tuple[Choice, np.ndarray]]:
        """Laws under the weights that follow from them, until these change no terms."""
        found = []
        for _ in range(_TURNS):
            before = now.families
            now = self._polished(view, now)
            weights = self.table.weights(e, now.terms, now.fit.values)
            view = View(self.table, weights, e)
            now = self._made(view, now.terms)
            found.append((now, self.table.weights(e, now.terms, now.fit.values)))
            if now.families == before or self._late():
                break
        return found

    def _compared(self, found: list[tuple[Choice, np.ndarray]], e: int) -> Choice:
        """The best under common weights: in every block of rows those of the law that leaves least there."""
        for _ in range(_TURNS):
            found.sort(key=lambda pair: pair[0].score)
            near = [pair for pair in found if pair[0].score < _RIVALS * found[0][0].score]
            view = View(self.table, np.max([weights for _, weights in near], axis=0), e)
            laws = {one.families: one for one, _ in reversed(near)}
            ranked = sorted((self._made(view, one.terms) for one in laws.values()), key=lambda one: one.left)
            best = min((self._polished(view, one) for one in ranked[:_COMPARED]), key=lambda one: one.left)
            if best.families in laws or self._late():
                break
            found += self._settled(best, view, e)
        return best


def _without(terms: Sequence[FieldTerm]) -> list[list[FieldTerm]]:
    return [[t for k, t in enumerate(terms) if k != n] for n in range(len(terms))]


def _tended(term: FieldTerm) -> list[FieldTerm]:
    """What a saturation tends to as its constant grows or vanishes."""
    found = []
    for s, _ in term.saturations[:1]:
        found += [FieldTerm(tuple(p + (i == s) for i, p in enumerate(term.powers))), FieldTerm(term.powers)]
    return found
