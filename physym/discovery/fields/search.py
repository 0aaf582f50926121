"""The sparse search for the terms of one equation, by the products of the weak form.

Rows of a block are weighted by what the noise and the quadrature do to the residual of the equation at hand, and by the
residual itself; so the intervals and wavelengths that a stored run resolves badly count little. Noise is taken off the
products, hence a residual measures what the terms lack, not the noise. Subsets of every size are found by forward
selection with exchanges. Saturation constants start on a grid and are then refined by Newton's method on the term's
derivative (variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from physym.discovery.fields.terms import FieldTerm
from physym.discovery.fields.weak import Products

__all__ = ["FINE", "FLAT", "Normal", "Subset", "eliminate", "path", "refine", "weigh"]

_RIVAL = 1e-7
_STEPS = 6
_MOST = 9
_NEEDED = 1.0
_SIGMAS = 5.0
FLAT = 1e-2
FINE = 1e-6
SYSTEMATIC = 1.0
BALANCED = 1.0


@dataclass(frozen=True)
class Normal:
    """Weighted normal equations of some terms, the noise taken off.

    Attributes:
        groups: (group, n + 1, n + 1), the last column being the rate of the field.
        spread: what chance does to the sum of squares of a residual.
        blur: diagonal (n + 1,) of the noise that was taken off.
    """

    groups: np.ndarray
    spread: float
    blur: np.ndarray

    @classmethod
    def of(cls, products: Products, weights: np.ndarray) -> Normal:
        """With weights per row (block,)."""
        full = np.einsum("b,gbij->gij", weights, products.full)
        noise = np.einsum("b,bij->ij", weights, products.noise)
        spread = float(np.sqrt(2.0 * products.rows @ np.minimum(weights, 1e300) ** 0)) if noise.any() else 0.0
        return cls(full - noise / len(full), spread, np.diag(noise))

    @property
    def whole(self) -> np.ndarray:
        """Over all groups (n + 1, n + 1)."""
        return self.groups.sum(axis=0)


@dataclass(frozen=True)
class Subset:
    """A fit of some of the columns to the rate.

    Where terms balance each other and the rate is small beside them, least squares would shrink them all to fit it. So
    the largest term is fitted by the others and the rate, and the whole divided by the factor of the rate.

    Attributes:
        columns: their numbers.
        values: their coefficients.
        errors: standard errors, for which the groups are independent.
        sigmas: sizes of the coefficients relative to the largest term's, in standard errors.
        square: what is left of the square of the column that was fitted.
        share: what is left of the rate, as a part of its square.
        target: the column that was fitted.
    """

    columns: tuple[int, ...]
    values: np.ndarray
    errors: np.ndarray
    sigmas: np.ndarray
    square: float
    share: float
    target: int

    @classmethod
    def of(cls, normal: Normal, columns: Sequence[int], target: int | None = None) -> Subset:
        """The fit; the target is the largest term unless it is given."""
        whole, pick = normal.whole, list(columns)
        rate = len(whole) - 1
        if target is None:
            values, _ = _least(whole, pick, rate)
            sizes = values**2 * np.maximum(np.diag(whole)[pick], 0.0)
            largest = int(np.argmax(sizes)) if pick else 0
            target = pick[largest] if pick and sizes[largest] > BALANCED * whole[rate, rate] else rate
        others = [j for j in (*pick, rate) if j != target]
        found, inverse = _least(whole, others, target)
        square = float(whole[target, target] - found @ whole[others, target])
        groups = normal.groups
        scores = groups[:, others, target] - groups[:, others][:, :, others] @ found
        covariance = inverse @ (scores.T @ scores) @ inverse * len(groups) / max(len(groups) - 1, 1)
        spread = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
        place = {j: n for n, j in enumerate(others)}
        if target == rate:
            order = [place[j] for j in pick]
            sigmas = np.abs(found[order]) / spread[order]
            return cls(
                tuple(pick), found[order], spread[order], sigmas, square, square / whole[rate, rate], target
            )  # fmt: skip
        slope = found[place[rate]]
        slope = slope if abs(slope) > 1e-12 * np.sqrt(whole[target, target] / whole[rate, rate]) else 1e-300
        values, errors, sigmas = [], [], []
        for j in pick:
            gradient = np.zeros(len(others))
            if j == target:
                values.append(1.0 / slope)
                gradient[place[rate]] = -1.0 / slope**2
                sigmas.append(np.inf)
            else:
                values.append(-found[place[j]] / slope)
                gradient[place[j]], gradient[place[rate]] = -1.0 / slope, found[place[j]] / slope**2
                sigmas.append(abs(found[place[j]]) / spread[place[j]])
            errors.append(float(np.sqrt(max(gradient @ covariance @ gradient, 0.0))))
        share = square / slope**2 / whole[rate, rate]
        return cls(tuple(pick), np.array(values), np.array(errors), np.array(sigmas), square, share, target)


def _least(whole: np.ndarray, columns: Sequence[int], target: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of columns for a target, and the inverse of their products."""
    inner, outer = whole[np.ix_(columns, columns)], whole[list(columns), target]
    scale = np.sqrt(np.maximum(np.abs(np.diag(inner)), 1e-200))
    inverse = np.linalg.pinv(inner / np.outer(scale, scale), rcond=1e-13, hermitian=True) / np.outer(scale, scale)
    return inverse @ outer, inverse


def weigh(products: Products, columns: Sequence[int], values: np.ndarray | None, flat: float = 0.0) -> np.ndarray:
    """Weights per row (block,) from the errors of the equation, or before there is one, of its likely columns.

    Args:
        products: with the rate of the field last.
        columns: of the terms.
        values: their coefficients; None for the sum of the columns' errors relative to their sizes.
        flat: this share of the power of the terms counts as error everywhere, so that terms which are still lacking
            do not hide where the data are best; 0 to trust the residual instead.
    """
    full = products.full.sum(axis=0)
    noisy, last = products.noise.any(), full.shape[-1] - 1
    # an error of quadrature is the same in many rows and does not average out as noise does
    errors = products.noise + (SYSTEMATIC if noisy else 1.0) * products.quadrature
    power = np.maximum(np.einsum("bii->bi", full), 0.0)
    if values is None:
        x2 = np.zeros(last + 1)
        pick = [*columns, last]
        x2[pick] = 1.0 / np.maximum(power.sum(axis=0)[pick], 1e-300)
        variance = np.maximum(np.einsum("bii->bi", errors), 0.0) @ x2
    else:
        x = np.zeros(last + 1)
        x[list(columns)], x[-1] = values, -1.0
        x2 = x**2
        variance = np.einsum("i,bij,j->b", x, errors, x) * (1.0 if flat or noisy else 0.0)
        left = np.einsum("i,bij,j->b", x, full, x)
        variance = variance if flat else np.maximum(variance, left)
        variance = np.maximum(variance, 0.3 * products.noise[:, last, last])
    variance = np.maximum(variance, max(flat, 1e-12) * (power @ x2)) / products.rows
    return 1.0 / np.maximum(variance, 1e-9 * np.median(variance))


def path(normal: Normal, most: int = _MOST, target: int = -1, start: Sequence[int] = ()) -> list[Subset]:
    """The best subset of every size, by forward selection with exchanges.

    Args:
        normal: equations.
        most: columns at most.
        start: columns to begin with.
        target: the column to explain; if it is not the rate, the rate is always among those that explain it.
    """
    whole = normal.whole
    if target >= 0:
        order = [j for j in range(len(whole)) if j != target] + [target]
        turned = Normal(normal.groups[:, order][:, :, order], normal.spread, normal.blur[order])
        found = _path(turned, most, [len(order) - 2])
        rate = len(order) - 1
        return [Subset.of(normal, sorted({target, *(order[j] for j in chosen)} - {rate})) for chosen in found]
    return [Subset.of(normal, sorted(chosen)) for chosen in _path(normal, most, [], start)]


def _path(normal: Normal, most: int, forced: list[int], start: Sequence[int] = ()) -> list[list[int]]:
    whole = normal.whole
    # by the columns' sizes with the noise, since what is left of a column without it may be nothing
    scale = np.sqrt(np.maximum(np.abs(np.diag(whole)) + np.abs(normal.blur), 1e-200))
    scaled, blur = whole / np.outer(scale, scale), np.abs(normal.blur) / scale**2
    allowed = [j for j in range(len(whole) - 1) if scaled[j, j] > 0.01]
    chosen = [*forced, *start]
    found = [list(start)] if start else []
    while len(chosen) < min(most, len(allowed)):
        gains = _gains(scaled, blur, chosen, allowed)
        best = max(gains, key=gains.__getitem__, default=None)
        if best is None or not gains[best] > 0:
            break
        chosen = _exchanged(scaled, blur, [*chosen, best], allowed, forced)
        found.append(list(chosen))
    return found


def _gains(scaled: np.ndarray, blur: np.ndarray, chosen: list[int], allowed: list[int]) -> dict[int, float]:
    """How much of the rate's square every further column takes away."""
    rest = scaled
    if chosen:
        inner = np.linalg.pinv(scaled[np.ix_(chosen, chosen)], rcond=1e-13, hermitian=True)
        rest = scaled - scaled[:, chosen] @ inner @ scaled[chosen]
    own = np.diag(rest)
    # a column that the others make up to its noise decides nothing
    open_ = [j for j in allowed if j not in chosen and own[j] > _RIVAL + 0.01 * blur[j]]
    return {j: float(rest[j, -1] ** 2 / own[j]) for j in open_ if rest[j, -1] ** 2 / own[j] <= rest[-1, -1] * 1.5}


def _left(scaled: np.ndarray, chosen: list[int]) -> float:
    inner = np.linalg.pinv(scaled[np.ix_(chosen, chosen)], rcond=1e-13, hermitian=True)
    return float(scaled[-1, -1] - scaled[-1, chosen] @ inner @ scaled[chosen, -1])


def _exchanged(
    scaled: np.ndarray, blur: np.ndarray, chosen: list[int], allowed: list[int], forced: list[int]
) -> list[int]:
    for _ in range(3 * len(chosen)):
        now, change = abs(_left(scaled, chosen)), None
        for out in [j for j in chosen if j not in forced]:
            less = [j for j in chosen if j != out]
            gains = _gains(scaled, blur, less, allowed)
            for best in sorted(gains, key=gains.__getitem__)[-3:]:
                new = [*less, best]
                left = abs(_left(scaled, new))
                if best != out and left < now * (1 - 1e-6):
                    now, change = left, new
        if change is None:
            break
        chosen = change
    return chosen


def eliminate(normal: Normal, columns: Sequence[int]) -> Subset:
    """Drop terms while one is not needed: it lowers what is left by less than that, or is within its error of zero."""
    now = Subset.of(normal, columns)
    while len(now.columns) > 1:
        weak = []
        for out, sigma in zip(now.columns, now.sigmas, strict=True):
            rest = [j for j in now.columns if j != out]
            if out == now.target:
                continue
            floor = max(abs(now.square), _chance(normal, now))
            rise = (Subset.of(normal, rest, now.target).square - now.square) / floor
            if rise < _NEEDED or (sigma < _SIGMAS and len(normal.groups) > 3):
                weak.append((rise, out))
        if not weak:
            return now
        now = Subset.of(normal, [j for j in now.columns if j != min(weak)[1]])
    return now


def _chance(normal: Normal, subset: Subset) -> float:
    """What chance does to the square that is left, whose rows have the variance 1 when the rate's factor is 1."""
    rate = len(normal.whole) - 1
    if subset.target == rate:
        return normal.spread
    place = subset.columns.index(subset.target)
    return normal.spread / max(subset.values[place] ** 2, 1e-300)


def refine(
    make: Callable[[Sequence[FieldTerm], Sequence[tuple[int, int]]], Products],
    terms: Sequence[FieldTerm],
    limits: Sequence[tuple[float, float]],
    weights: np.ndarray | None,
    rounds: int = _STEPS,
) -> tuple[list[FieldTerm], Products, np.ndarray]:
    """Move the saturation constants of the terms to where the residual is least.

    Args:
        make: gives the products of terms, then of the derivatives (term, saturation), then of the rate.
        terms: with numbers as their constants.
        limits: of the constants of each field.
        weights: per row, to begin with; None for those of `weigh`.
        rounds: at most.

    Returns:
        The terms, their products without derivatives, and the last weights.
    """
    terms = list(terms)
    free = [(n, which) for n, term in enumerate(terms) for which in range(len(term.saturations))]
    count = len(terms)
    for step in range(rounds + 1):
        products = make(terms, free if step < rounds else [])
        plain = products.only([*range(count), products.full.shape[-1] - 1])
        if weights is None:
            weights = weigh(plain, range(count), None, FINE)
        for _ in range(3):
            now = Subset.of(Normal.of(plain, weights), range(count))
            weights = weigh(plain, range(count), now.values, FINE)
        if not free or step == rounds:
            return terms, plain, weights
        moved = 0.0
        fit = Subset.of(Normal.of(products, weights), range(count + len(free)))
        for place, (n, which) in enumerate(free):
            field, half = terms[n].saturations[which]
            low, high = limits[field]
            ratio = float(fit.values[count + place] / fit.values[n]) / float(half) if fit.values[n] else 0.0
            new = float(np.clip(float(half) * np.exp(np.clip(ratio, -0.7, 0.7)), low, high))
            moved = max(moved, abs(np.log(new / float(half))))
            terms[n] = terms[n].with_half(which, new)
        if moved < 3e-4:
            free = []
    return terms, plain, weights
