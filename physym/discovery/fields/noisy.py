"""The terms of every equation from noisy runs, by moments; saturations found in one equation are offered to others."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

import numpy as np

from physym.discovery.fields.balance import Balance
from physym.discovery.fields.choice import Choice, Choices
from physym.discovery.fields.data import FieldData
from physym.discovery.fields.equations import Found
from physym.discovery.fields.moments import Moments
from physym.discovery.fields.pooling import pooled
from physym.discovery.fields.settle import measured
from physym.discovery.fields.table import Table, View
from physym.discovery.fields.terms import FieldTerm, Space, polynomials, rationals, spatials

__all__ = ["equations", "scheme"]

_TURNS = 3
_CELLS = 4.0e6
_OUTPUTS = 50
_MEASURED = 100
_SCHEME_RUNS = 6
_CHANCE = 2.0
_LIMITS = (0.01, 3.0)
_NOISES = 6.0


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
    fields, samples = data.values.shape[:2]
    finer, every = _thinning(data)
    runs = min(samples, max(3, round(_CELLS / data.values[0, 0].size)))
    # cubes are too near to saturations where there is noise
    table = _table(data.thinned(finer * every), space, runs, polynomials(fields, 2) + spatials(fields))
    say(f"{len(table.terms)} candidate terms, {len(table.moments.change)} intervals of {runs} runs")
    search = Choices(table, deadline)
    chosen: dict[int, Choice] = {}
    for turn in range(_TURNS):
        changed = False
        for e in range(fields):
            if turn and time.monotonic() > deadline:
                break
            others = [t for other, one in chosen.items() if other != e for t in one.terms] if turn else []
            best = search.best(e, list(dict.fromkeys(others)), chosen.get(e))
            if turn and best.families == chosen[e].families:
                continue
            chosen[e], changed = best, True
            say(f"d{symbols[e]}/dt = {_told(best.terms, best.fit.values, symbols)}  (leaves {best.score:.1e})")
        if not changed:
            break
    found = [_found(chosen[e], symbols) for e in range(fields)]
    # the moments over intervals as long, with more outputs in them
    own = list(dict.fromkeys(t.with_half(0, 1.0) if t.saturations else t for one in found for t in one.terms))
    whole = Moments(data.thinned(finer), space, _instruments(data), range(samples), every)
    plain, saturated = ([t for t in own if bool(t.saturations) == wanted] for wanted in (False, True))
    exact = Table(whole, plain, saturated, table.limits)
    final = pooled([measured(exact, one, e) for e, one in enumerate(found)])
    for e, one in enumerate(final):
        say(f"d{symbols[e]}/dt = {_told(one.terms, one.values, symbols)}  (all {samples} runs)")
    return final


def scheme(data: FieldData, schemes: Sequence[int | str], say: Callable[[str], None]) -> int | str:
    """The scheme of the derivatives with which equations of reactions and diffusion leave the least.

    All are judged under the same weights: in every block of rows those of the scheme that leaves least there.
    """
    fields, runs = len(data.values), min(data.values.shape[1], _SCHEME_RUNS)
    finer, every = _thinning(data)
    few = data.thinned(finer * every)
    plain = polynomials(fields, 2) + [t for t in spatials(fields) if t.linear]
    tables = [_table(few, Space(data.grid, one), runs, plain) for one in schemes]
    told, doubtful = np.zeros(len(tables)), np.zeros(len(tables))
    for e in range(fields):
        found = [Choices(table).first(e) for table in tables]
        pairs = list(zip(tables, found, strict=True))
        common = np.max([table.weights(e, one.terms, one.fit.values) for table, one in pairs], axis=0)
        fits = [View(table, common, e).refined(one.terms)[1] for table, one in pairs]
        left = np.log([fit.left / len(fit.moments) for fit in fits])
        # an equation that leaves more than chance with every scheme is a wrong one
        if left.min() < np.log(_CHANCE):
            told += left
        doubtful += left
    best = schemes[int(np.argmin(told if told.any() else doubtful))]
    say(f"derivatives of the scheme {best}")
    return best


def _tops(data: FieldData) -> list[float]:
    return [float(np.quantile(np.abs(array[..., ::2]), 0.999)) for array in data.values]


def _sure(data: FieldData) -> list[bool]:
    """Which fields are positive but for noise."""
    return [array.min() + 6 * noise > 0 for array, noise in zip(data.values, data.noise, strict=True)]


def _thinning(data: FieldData) -> tuple[int, int]:
    """Every which output constants are measured with, and every which of these terms are chosen with."""
    finer = max(1, data.times.size // _MEASURED)
    return finer, max(1, data.times.size // _OUTPUTS // finer)


def _instruments(data: FieldData) -> list[FieldTerm]:
    fields = len(data.values)
    halves = [np.geomspace(0.03 * t, 3 * t, 2) if s else [] for t, s in zip(_tops(data), _sure(data), strict=True)]
    return polynomials(fields, 2) + [t for t in spatials(fields) if t.linear] + rationals(halves)


def _table(data: FieldData, space: Space, runs: int, plain: Sequence[FieldTerm]) -> Table:
    """The moments of terms and of saturations."""
    tops = _tops(data)
    low, high = _LIMITS
    # where noise may make a denominator vanish nothing is known
    limits = [(max(low * t, _NOISES * n), high * t) for t, n in zip(tops, data.noise, strict=True)]
    moments = Moments(data, space, _instruments(data), range(runs), 0)
    saturated = rationals([[top] if sure else [] for top, sure in zip(tops, _sure(data), strict=True)])
    return Table(moments, plain, saturated, limits)


def _told(terms: Sequence[FieldTerm], values: np.ndarray, symbols: Sequence[str]) -> str:
    return " + ".join(f"{v:.4g} {t.text(symbols)}" for v, t in zip(values, terms, strict=True))


def _found(choice: Choice, symbols: Sequence[str]) -> Found:
    """With what every number of its terms leaves at least."""
    terms, fit = choice.terms, choice.fit
    front = []
    for size in range(1, len(terms) + 1):
        fits = [Balance.of(fit.moments, own) for own in itertools.combinations(range(len(terms)), size)]
        best = min(fits, key=_share)
        front.append((size, _share(best), " + ".join(terms[n].text(symbols) for n in best.columns)))
    return Found(tuple(terms), fit.values, fit.errors, _share(fit), tuple(front))


def _share(fit: Balance) -> float:
    return float(np.sqrt(min(fit.left / fit.size, 1.0)))
