"""The terms of every equation from noisy runs, by moments; saturations found in one equation are offered to others."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from physym.discovery.fields.balance import PENALTY, Balance, clashes, routes
from physym.discovery.fields.data import FieldData
from physym.discovery.fields.equations import Found
from physym.discovery.fields.moments import SYSTEMATIC, Moments, Sums
from physym.discovery.fields.terms import FieldTerm, Space, polynomials, rationals, spatials

__all__ = ["equations"]

_SPREADS = (0.0, 10.0, 100.0)
_MOST = 7
_ROUNDS = 3
_TRIED = 2
_FEWEST = 3
_KEPT = 4
_STEPS = 5
_GRID = 7
_CELLS = 1.0e6
_OUTPUTS = 50
_CHANCE = 3.0

Limits = Sequence[tuple[float, float]]


def equations(
    data: FieldData, space: Space, symbols: Sequence[str], say: Callable[[str], None], deadline: float = np.inf
) -> list[Found]:
    """The equation of every field.

    Args:
        data: the runs.
        space: of the derivatives.
        symbols: of the fields, for messages.
        say: takes messages.
        deadline: by `time.monotonic`, after which nothing more is tried.
    """
    every = max(1, data.times.size // _OUTPUTS)
    if every > 1:
        data = replace(
            data, values=data.values[:, :, ::every], times=data.times[::every], seen=data.seen[:, ::every],
            gain=data.gain[:, ::every],
        )  # fmt: skip
    fields, samples = data.values.shape[:2]
    tops = [float(np.quantile(np.abs(array[..., ::2]), 0.999)) for array in data.values]
    limits = [(3e-3 * top, 6.0 * top) for top in tops]
    lows = [array.min() + 6 * noise for array, noise in zip(data.values, data.noise, strict=True)]
    sure = [low > 0 for low in lows]

    def grid(count: int) -> list[FieldTerm]:
        return rationals([np.geomspace(0.03 * t, 3 * t, count) if s else [] for t, s in zip(tops, sure, strict=True)])

    plain = polynomials(fields, 2)
    instruments = plain + [t for t in spatials(fields) if t.linear] + grid(2)
    runs = range(min(samples, max(3, round(_CELLS / data.values[0, 0].size))))
    moments = Moments(data, space, instruments, runs)
    library = plain + spatials(fields) + grid(_GRID)
    say(f"{len(library)} candidate terms, {len(moments.change)} intervals of {len(moments.runs)} runs")
    search = _Search(moments, library, limits, symbols)
    found: dict[int, tuple[Found, float, bool]] = {}
    for turn in range(2):
        for e in range(fields):
            # what leaves no more than chance does needs no second search
            if turn and (time.monotonic() > deadline or found[e][2]):
                continue
            best = search.best(e)
            if turn and best[1] >= found[e][1]:
                continue
            found[e] = best
            one, score, _ = best
            search.offer(one.terms)
            told = " + ".join(f"{v:.4g} {t.text(symbols)}" for v, t in zip(one.values, one.terms, strict=True))
            say(f"d{symbols[e]}/dt = {told}  (leaves {score:.1e})")
    whole = _Search(Moments(data, space, instruments, range(samples)), [], limits, symbols)
    final = [whole.measured(found[e][0], e) for e in range(fields)]
    for e, one in enumerate(final):
        told = " + ".join(f"{v:.4g} {t.text(symbols)}" for v, t in zip(one.values, one.terms, strict=True))
        say(f"d{symbols[e]}/dt = {told}  (all {samples} runs)")
    return final


class _Search:
    """Candidate terms of one data set with their sums, to which equations add what they found."""

    def __init__(self, moments: Moments, library: Sequence[FieldTerm], limits: Limits, symbols: Sequence[str]) -> None:
        self.moments, self.library, self.limits, self.symbols = moments, list(library), limits, symbols
        self._sums: Sums | None = None

    def offer(self, terms: Sequence[FieldTerm]) -> None:
        """Add terms with saturations to the candidates."""
        new = [t for t in terms if t.saturations and t not in self.library]
        if new:
            self.library += new
            self._sums = None

    def best(self, e: int) -> tuple[Found, float, bool]:
        """The equation of a field, its score, and whether it leaves little more than chance does."""
        if self._sums is None:
            self._sums = self.moments.sums(self.library)
        sums, clash = self._sums, clashes(self.library)
        own = [n for n, t in enumerate(self.library) if t.laplacian == e and not any(t.powers)]
        grid = self.moments.data.grid
        unit = min(side / cells for side, cells in zip(grid.length, grid.shape, strict=True)) ** 2
        trials: list[tuple[np.ndarray, Balance, int]] = []
        front: dict[int, tuple[float, str]] = {}
        for spread in _SPREADS:
            weights = self._first_weights(sums, e, spread * unit / self.moments.step)
            for turn in range(_ROUNDS):
                projected = self.moments.projected(sums, weights, e)
                fits = sorted((Balance.of(projected, c) for c in routes(projected, clash, own, _MOST)), key=_score)
                if turn < _ROUNDS - 1:
                    weights = self._weights(sums, e, fits[0].columns, fits[0].values)
            trials += [(weights, fit, len(projected)) for fit in fits]
            for fit in fits:
                told = " + ".join(self.library[n].text(self.symbols) for n in fit.columns)
                share = float(np.sqrt(min(fit.left / fit.size, 1.0)))
                front[len(fit.columns)] = min(front.get(len(fit.columns), (np.inf, "")), (share, told))
        trials.sort(key=_rank)
        best: tuple[list[FieldTerm], Balance, int] | None = None
        done = set()
        # the best two and the best of every size, since the constants are still those of a coarse grid
        sizes: dict[int, tuple[np.ndarray, Balance, int]] = {}
        for trial in trials:
            sizes.setdefault(len(trial[1].columns), trial)
        tried = [*trials[:_TRIED], *(sizes[n] for n in sorted(sizes) if n >= _FEWEST)]
        for weights, fit, _ in [*tried, *self._parts(sums, e, trials[0])]:
            if best is not None and not _rank(best)[0]:
                break
            terms = [self.library[n] for n in fit.columns]
            if (key := frozenset(t.family for t in terms)) in done:
                continue
            done.add(key)
            settled = self._settled(terms, e, weights)
            if best is None or _rank(settled) < _rank(best):
                best = settled
        assert best is not None
        terms, fit, count = best
        share = float(np.sqrt(min(fit.left / fit.size, 1.0)))
        front[len(terms)] = (share, " + ".join(t.text(self.symbols) for t in terms))
        pareto = tuple((n, error, told) for n, (error, told) in sorted(front.items()))
        return Found(tuple(terms), fit.values, fit.errors, share, pareto), fit.score, fit.left < _CHANCE * count

    def _parts(
        self, sums: Sums, e: int, trial: tuple[np.ndarray, Balance, int]
    ) -> list[tuple[np.ndarray, Balance, int]]:
        """The best subsets of every size, since two saturations may share what one of another constant explains."""
        weights, fit, count = trial
        projected, found = self.moments.projected(sums, weights, e), []
        for size in range(len(fit.columns) - 1, _FEWEST - 1, -1):
            fits = [Balance.of(projected, chosen) for chosen in itertools.combinations(fit.columns, size)]
            found += [(weights, one, count) for one in sorted(fits, key=_left)[:_KEPT]]
        return found

    def _first_weights(self, sums: Sums, e: int, spread: float) -> np.ndarray:
        """Before there is an equation: by the noise of the changes, and of a diffusion that there might be."""
        moments, noise = self.moments, self.moments.data.noise[e] ** 2
        total = sums.full.sum(axis=0)
        likely = [n for n, t in enumerate(self.library) if t.linear and t.laplacian < 0 and any(t.powers)]
        off = [sums.systematic[:, n, n] / np.maximum(total[:, n, n], 1e-30) for n in likely]
        column = sums.terms + e
        change = total[:, column, column] / moments.rows
        variance = noise * (2.0 + 0.5 * (spread * moments.step) ** 2 * moments.stiffness)
        return 1.0 / np.maximum(variance + SYSTEMATIC * np.max(off, axis=0) * change, 1e-300)

    def _weights(self, sums: Sums, e: int, columns: Sequence[int], values: np.ndarray) -> np.ndarray:
        rows, noise = self.moments.rows, self.moments.data.noise[e] ** 2
        floor = max(0.5 * noise, 1e-12 * float(sums.full[..., sums.terms + e, sums.terms + e].sum() / rows.sum()))
        return rows / np.maximum(sums.variance(e, columns, values), floor * rows)

    def _refined(self, terms: Sequence[FieldTerm], e: int, weights: np.ndarray) -> tuple[list[FieldTerm], np.ndarray]:
        """Move the saturation constants to where least is left."""
        terms, count = list(terms), len(terms)
        for _ in range(_STEPS):
            free = [(n, which) for n, term in enumerate(terms) for which in range(len(term.saturations))]
            sums = self.moments.sums(terms, [(terms[n], which) for n, which in free])
            rate = [*range(count), count + len(free)]
            now = Balance.of(self.moments.projected(sums, weights, e)[:, rate], range(count))
            weights = self._weights(sums, e, range(count), now.values)
            if not free:
                break
            fit = Balance.of(self.moments.projected(sums, weights, e), range(count + len(free)))
            moved = 0.0
            for place, (n, which) in enumerate(free, start=count):
                field, half = terms[n].saturations[which]
                ratio = fit.values[place] / fit.values[n] / float(half) if fit.values[n] else 0.0
                new = float(np.clip(float(half) * np.exp(np.clip(ratio, -0.5, 0.5)), *self.limits[field]))
                moved = max(moved, abs(np.log(new / float(half))))
                terms[n] = terms[n].with_half(which, new)
            if moved < 3e-3:
                break
        return self._bounded(terms), weights

    def measured(self, found: Found, e: int) -> Found:
        """An equation with its constants and their errors from these moments; as it was if a term does not hold."""
        moments, count = self.moments, len(found.terms)
        weights = self._weights(moments.sums(found.terms), e, range(count), found.values)
        terms, weights = self._refined(found.terms, e, weights)
        if [t.family for t in terms] != [t.family for t in found.terms]:
            return found
        free = [(n, which) for n, term in enumerate(terms) for which in range(len(term.saturations))]
        sums = moments.sums(terms, [(terms[n], which) for n, which in free])
        fit = Balance.of(moments.projected(sums, weights, e), range(count + len(free)))
        spreads: list[list[float]] = [[] for _ in terms]
        for place, (n, _) in enumerate(free, start=count):
            spreads[n].append(float(fit.errors[place] / max(abs(fit.values[n]), 1e-300)))
        values, errors = fit.values[:count], fit.errors[:count]
        return replace(
            found, terms=tuple(terms), values=values, errors=errors, spreads=tuple(tuple(own) for own in spreads)
        )

    def _bounded(self, terms: Sequence[FieldTerm]) -> list[FieldTerm]:
        """The terms with what a saturation tends to where its constant has run to a limit."""
        found: list[FieldTerm] = []
        bounded: list[FieldTerm] = []
        for term in terms:
            inside = all(
                1.5 * self.limits[s][0] < float(half) < 0.7 * self.limits[s][1] for s, half in term.saturations
            )
            (found if inside else bounded).append(term)
        for term in bounded:
            s, half = term.saturations[0]
            new = _limits(term)[float(half) < 0.5 * self.limits[s][1]]
            if not clashes([*found, new])[-1, :-1].any():
                found.append(new)
        return found

    def _settled(self, terms: list[FieldTerm], e: int, weights: np.ndarray) -> tuple[list[FieldTerm], Balance, int]:
        """Refine, and take what is simpler while it leaves hardly more; with the number of moments."""
        terms, weights = self._refined(terms, e, weights)
        while True:
            simpler = {n: _limits(t) for n, t in enumerate(terms)}
            pool = list(dict.fromkeys([*terms, *(t for many in simpler.values() for t in many)]))
            projected = self.moments.projected(self.moments.sums(pool), weights, e)
            now, tried = Balance.of(projected, range(len(terms))), []
            for n in range(len(terms)):
                rest = [j for j in range(len(terms)) if j != n]
                sets = [rest] if rest else []
                sets += [[*rest, pool.index(t)] for t in simpler[n] if not self._clashes(t, terms, rest)]
                tried += [(Balance.of(projected, chosen).left, chosen) for chosen in sets]
            left, chosen = min(tried, default=(np.inf, []), key=lambda pair: pair[0])
            if left > PENALTY * now.left:
                shadows = self._without_shadows(terms)
                if shadows is not None:
                    other, again = self._refined(shadows, e, weights)
                    fit = Balance.of(self.moments.projected(self.moments.sums(other), again, e), range(len(other)))
                    if fit.left * PENALTY ** len(other) < now.left * PENALTY ** len(terms):
                        terms, weights = other, again
                        continue
                return terms, now, len(projected)
            terms, weights = self._refined([pool[j] for j in chosen], e, weights)

    @staticmethod
    def _clashes(term: FieldTerm, terms: Sequence[FieldTerm], rest: Sequence[int]) -> bool:
        return bool(clashes([*(terms[j] for j in rest), term])[-1, :-1].any())

    def _without_shadows(self, terms: Sequence[FieldTerm]) -> list[FieldTerm] | None:
        """The terms without expansions of saturations among them, whose constants begin anew."""
        clash = clashes(terms)
        np.fill_diagonal(clash, False)
        plain = {n for n, t in enumerate(terms) if not t.saturations and clash[n].any()}
        if not plain:
            return None
        found = []
        for n, t in enumerate(terms):
            if n in plain:
                continue
            if clash[n].any():
                t = t.with_half(0, 0.05 * self.limits[t.saturations[0][0]][1])
            found.append(t)
        return found


def _rank(settled: tuple[object, Balance, int]) -> tuple[bool, float]:
    """What leaves no more than chance does comes before what only leaves little."""
    _, fit, count = settled
    return fit.left > _CHANCE * count, fit.score


def _left(fit: Balance) -> float:
    return fit.left


def _score(fit: Balance) -> float:
    return fit.score


def _limits(term: FieldTerm) -> list[FieldTerm]:
    """What a saturation tends to as its constant grows or vanishes."""
    found = []
    for s, _ in term.saturations[:1]:
        found += [FieldTerm(tuple(p + (i == s) for i, p in enumerate(term.powers))), FieldTerm(term.powers)]
    return found
