"""From the weak form to the terms of every equation: propose, refine, compare with the whole library, drop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from physym.discovery.fields.data import FieldData
from physym.discovery.fields.search import FINE, FLAT, Normal, Subset, eliminate, path, refine, weigh
from physym.discovery.fields.terms import FieldTerm, Space, polynomials, rationals, spatials
from physym.discovery.fields.weak import Products, WeakForm
from simulators.errors import InputError

__all__ = ["Found", "equations"]

_GRID = 9
_SIZES = (4, 7, 9)
_FIRST = 3
_ROUNDS = 2


@dataclass(frozen=True)
class Found:
    """One equation.

    Attributes:
        terms: its terms, with numbers as saturation constants.
        values: the factors in front.
        errors: their standard errors by the weak form.
        share: what is left of the square of the rate.
        pareto: (number of terms, share) along the way.
        spreads: standard errors of the saturation constants, as the terms have them; none if they are not known.
        covariance: of the factors and then of the saturation constants, if it is known.
    """

    terms: tuple[FieldTerm, ...]
    values: np.ndarray
    errors: np.ndarray
    share: float
    pareto: tuple[tuple[int, float, str], ...]
    spreads: tuple[tuple[float, ...], ...] = ()
    covariance: np.ndarray | None = None

    @property
    def constants(self) -> np.ndarray:
        """The factors and then the saturation constants."""
        return np.array([*self.values, *(float(half) for t in self.terms for _, half in t.saturations)])

    def measured(self, terms: Sequence[FieldTerm], constants: np.ndarray, covariance: np.ndarray) -> Found:
        """The same for other constants, ordered as in `constants`, with their covariance."""
        errors, place = np.sqrt(np.maximum(np.diag(covariance), 0.0)), len(terms)
        made, spreads = [], []
        for term in terms:
            own = range(place, place + len(term.saturations))
            spreads.append(tuple(float(errors[n]) for n in own))
            for which, n in enumerate(own):
                term = term.with_half(which, float(constants[n]))
            made.append(term)
            place += len(own)
        count = len(made)
        return replace(
            self, terms=tuple(made), values=constants[:count], errors=errors[:count], spreads=tuple(spreads),
            covariance=covariance,
        )  # fmt: skip


def equations(
    data: FieldData, form: WeakForm, space: Space, symbols: Sequence[str], say: Callable[[str], None],
    deadline: float = np.inf,
) -> list[Found]:  # fmt: skip
    """The equation of every field.

    Args:
        data: the runs.
        form: their weak form.
        space: of the derivatives.
        symbols: of the fields, for messages.
        say: takes messages.
        deadline: by `time.monotonic`, after which nothing more is tried.
    """
    fields = len(data.values)
    tops = [float(np.quantile(np.abs(array[..., ::2]), 0.999)) for array in data.values]
    limits = [(3e-3 * top, 6.0 * top) for top in tops]
    plain = polynomials(fields, 3 if fields <= 3 else 2) + spatials(fields)
    lows = [array.min() + 6 * sd for array, sd in zip(data.values, data.noise, strict=True)]
    positive = [low > -1e-9 * top for low, top in zip(lows, tops, strict=True)]

    def grid(count: int) -> list[FieldTerm]:
        return rationals([
            np.geomspace(0.03 * top, 3 * top, count) if sure else [] for top, sure in zip(tops, positive, strict=True)
        ])  # fmt: skip

    library = plain + grid(_GRID)
    products = form.products(library, space)
    say(f"{len(library)} candidate terms, {form.windows.count} windows")
    now: list[list[FieldTerm]] = [[] for _ in range(fields)]
    fronts: list[dict[int, tuple[float, str]]] = [{} for _ in range(fields)]
    found: list[Found] = []
    for turn in range(_ROUNDS + 1):
        found, old = [], [tuple(terms) for terms in now]
        for e in range(fields):
            own = products.only([*range(len(library)), len(library) + e])
            best = _best(own, library, e, now[e], _maker(form, space, e), limits, fronts[e], symbols)
            now[e] = list(best.terms)
            found.append(best)
            told = " + ".join(f"{v:.4g} {t.text(symbols)}" for v, t in zip(best.values, best.terms, strict=True))
            say(f"d{symbols[e]}/dt = {told}  (lacks {best.share:.1e})")
        if turn == _ROUNDS or time.monotonic() > deadline:
            break
        if turn and all(_same(a, b) for a, b in zip(old, now, strict=True)):
            break
        chosen = list(dict.fromkeys(t for terms in now for t in terms if t.saturations))
        library = plain + grid(4) + chosen
        products = form.products(library, space)
    return found


def _same(first: Sequence[FieldTerm], second: Sequence[FieldTerm]) -> bool:
    return {t.family for t in first} == {t.family for t in second}


def _maker(
    form: WeakForm, space: Space, e: int
) -> Callable[[Sequence[FieldTerm], Sequence[tuple[int, int]]], Products]:
    def make(terms: Sequence[FieldTerm], slopes: Sequence[tuple[int, int]]) -> Products:
        made = form.products(terms, space, slopes)
        count = len(terms) + len(slopes)
        return made.only([*range(count), count + e])

    return make


def _best(
    products: Products,
    library: Sequence[FieldTerm],
    e: int,
    now: Sequence[FieldTerm],
    make: Callable[[Sequence[FieldTerm], Sequence[tuple[int, int]]], Products],
    limits: Sequence[tuple[float, float]],
    front: dict[int, tuple[float, str]],
    symbols: Sequence[str],
) -> Found:
    """The best of several proposals for one equation."""
    likely = [n for n, t in enumerate(library) if t.linear and t.laplacian in (-1, e)]
    weights = weigh(products, likely, None, FINE if products.noise.any() else FLAT)
    proposals: list[tuple[int, ...]] = []
    if now:
        start = [library.index(t) for t in now]
        values = Subset.of(Normal.of(products, weights), start).values
        sharp = Normal.of(products, weigh(products, start, values, FINE))
        proposals = [s.columns for s in path(sharp, len(start) + 3, start=start)]
        proposals = [tuple(start), proposals[-1]]
    else:
        normal = Normal.of(products, weights)
        own = next(n for n, t in enumerate(library) if t.laplacian == e and not any(t.powers))
        routes = [path(normal), path(normal, target=own)]
        ends = [max(route, key=lambda s: len(s.columns)) for route in routes if route]
        largest = {s.target for s in ends} - {own, len(library)}
        for route in (*routes, *(path(normal, target=j) for j in sorted(largest))):
            for subset in route:
                told = " + ".join(library[n].text(symbols) for n in subset.columns)
                share = max(abs(subset.share), 1e-16)
                front[len(subset.columns)] = min(front.get(len(subset.columns), (np.inf, "")), (share, told))
            proposals += [s.columns for s in route if len(s.columns) in _SIZES]
    if products.noise.any():
        # every refinement is dear then
        proposals = _promising(products, proposals, weights)
    best, score = None, np.inf
    tried: dict[frozenset, list[FieldTerm]] = {}
    for columns in proposals:
        merged: dict[tuple, FieldTerm] = {}
        fit = Subset.of(Normal.of(products, weights), columns)
        for n, _ in sorted(zip(fit.columns, fit.values, strict=True), key=lambda pair: -abs(pair[1])):
            merged.setdefault(library[n].family, library[n])
        for variant in _variants(list(merged.values()), limits):
            tried.setdefault(frozenset(t.family for t in variant), variant)
    for families, terms in tried.items():
        kept, made, own_weights = refine(make, terms, limits, None, _FIRST)
        subset = eliminate(Normal.of(made, own_weights), range(len(kept)))
        kept = _bounded([kept[n] for n in subset.columns], limits)
        if set(kept) != set(terms) and (len(kept) < len(terms) or any(t.family not in families for t in kept)):
            kept, made, own_weights = refine(make, kept, limits, None)
            subset = eliminate(Normal.of(made, own_weights), range(len(kept)))
            kept = [kept[n] for n in subset.columns]
        excess = _excess(made, subset)
        told = " + ".join(t.text(symbols) for t in kept)
        front[len(kept)] = min(front.get(len(kept), (np.inf, "")), (max(abs(subset.share), 1e-16), told))
        if excess * 1.3 ** len(kept) < score:
            score = excess * 1.3 ** len(kept)
            best = (kept, subset)
    if best is None:
        raise InputError(
            f"state {symbols[e]!r}: expected a rate that some term explains, given one that none does; check the data"
        )
    kept, subset = best
    pareto = tuple((n, float(np.sqrt(share)), told) for n, (share, told) in sorted(front.items()))
    return Found(tuple(kept), subset.values, subset.errors, subset.share, pareto)


def _promising(
    products: Products, proposals: Sequence[tuple[int, ...]], weights: np.ndarray, each: int = 2
) -> list[tuple[int, ...]]:
    """Of the proposals of every size those that leave the least."""
    normal, ranked = Normal.of(products, weights), {}
    for columns in dict.fromkeys(proposals):
        ranked.setdefault(len(columns), []).append((_excess(products, Subset.of(normal, columns)), columns))
    return [columns for rows in ranked.values() for _, columns in sorted(rows)[:each]]


def _variants(terms: list[FieldTerm], limits: Sequence[tuple[float, float]]) -> list[list[FieldTerm]]:
    """The terms as they are, and with saturations in place of the powers that are their expansions."""
    found, folded = [terms], list(terms)
    families = {t.family for t in terms}
    for t in terms:
        if t.saturations or t.laplacian >= 0 or t.gradients:
            continue
        for s, power in enumerate(t.powers):
            below = FieldTerm(tuple(p - (i == s) for i, p in enumerate(t.powers))) if power == 2 else None
            if below is not None and below.family in families:
                base = tuple(0 if i == s else p for i, p in enumerate(t.powers))
                new = FieldTerm(base, ((s, 0.1 * limits[s][1]),))
                if new.family not in {f.family for f in folded}:
                    folded.append(new)
    shadows = set()
    for t in folded:
        for s, _ in t.saturations[:1]:
            for k in (1, 2, 3):
                shadows.add(FieldTerm(tuple(p + k * (i == s) for i, p in enumerate(t.powers))).family)
    bare = [t for t in folded if t.family not in shadows]
    return found if {t.family for t in bare} == families else [bare, *found]


def _bounded(terms: list[FieldTerm], limits: Sequence[tuple[float, float]]) -> list[FieldTerm]:
    """The terms with what a saturation is where its constant has run to a limit: f_s, or 1."""
    found = []
    for t in terms:
        for s, half in t.saturations[:1]:
            low, high = limits[s]
            if float(half) > 0.5 * high:
                t = FieldTerm(tuple(p + (i == s) for i, p in enumerate(t.powers)))
            elif float(half) < 1.5 * low:
                t = FieldTerm(t.powers)
        if t.family not in {f.family for f in found}:
            found.append(t)
    return found


def _excess(products: Products, subset: Subset) -> float:
    """What is left, noise taken off, as a part of the square of the rate, and of those of all terms.

    Terms that balance each other whatever the rate fail by the first, and those that explain only a rate which is small
    beside them by the second.
    """
    clean, last = products.full.sum(axis=0) - products.noise, products.full.shape[-1] - 1
    x = np.zeros(last + 1)
    x[list(subset.columns)], x[-1] = subset.values, -1.0
    weights = weigh(products, subset.columns, subset.values, FINE)
    left = weights @ np.abs(np.einsum("i,bij,j->b", x, clean, x))
    size = weights @ np.maximum(np.einsum("i,bii->b", x**2, clean), 0.0)
    return float(left / max(size, 1e-300)) + abs(subset.share)
