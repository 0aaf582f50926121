"""Moments of noisy runs of fields: what a law must fulfil however large the noise is.

Over an interval between outputs the change of a field is the integral of its terms, which for two steps five outputs
give; where they are evenly spaced, by (-1, 34, 114, 34, -1)/90. Noise in the terms is an error in variables and would
bias every coefficient. So each row, a Fourier mode of an interval, is multiplied by instruments: terms on the fields at
two outputs outside the interval, whose noise is independent of the row's. The sums over the rows of a part (a stretch
of time and of wavelengths) have no bias of first order, and a law that holds makes all of them chance (generalised
method of moments: Hansen, Econometrica 50, 1982). Where a term is curved in a field, noise also shifts its mean: by
half the curvature times the variance, which is taken off.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from physym.discovery.fields.data import FieldData
from physym.discovery.fields.terms import FieldTerm, Space

__all__ = ["SYSTEMATIC", "Moments", "Sums"]

_STRETCHES = 4
_RANK = 1e-5
SYSTEMATIC = 200.0
_TESTED = 2


@dataclass(frozen=True)
class Sums:
    """Products over the rows of each block of the terms, the fields' changes, and the instruments.

    Attributes:
        full: (block, column, column), over all runs, columns in that order.
        systematic: of the terms, products of what a finer quadrature and another filter change (block, term, term).
        terms: how many columns are terms.
        fields: how many are changes.
    """

    full: np.ndarray
    systematic: np.ndarray
    terms: int
    fields: int

    def variance(self, field: int, columns: Sequence[int], values: np.ndarray) -> np.ndarray:
        """The sum of squares of the residual of an equation in each block, and of its systematic errors."""
        x = np.zeros(self.full.shape[-1])
        x[list(columns)], x[self.terms + field] = values, -1.0
        square = np.einsum("i,bij,j->b", x, self.full, x)
        own = x[: self.terms]
        return np.maximum(square, 0.0) + SYSTEMATIC * np.einsum("i,bij,j->b", own, self.systematic, own)


class Moments:
    """Rows and instruments of noisy runs.

    Args:
        data: the runs.
        space: of the derivatives.
        instruments: the terms that serve as such.
        runs: which samples to use.
        pairs: of how many pairs of steps between outputs an interval is made, and intervals overlap by half; 0 for
            intervals of one step, by four outputs.
        near: how large the errors of the quadrature may be beside the noise; intervals in which they are larger are
            left out, but never more than half of all.
        smoothed: whether terms that are not linear are taken of fields without the modes that do not rise out of the
            noise. That is less noise, and lacks a little of every term.
    """

    def __init__(
        self,
        data: FieldData,
        space: Space,
        instruments: Sequence[FieldTerm],
        runs: Sequence[int],
        pairs: int = 1,
        near: float = 0.01,
        smoothed: bool = False,
    ) -> None:
        self.data, self.space, self.runs, self._smoothed = data, space, list(runs), smoothed
        self._blurs = data.spread(data.seen if smoothed else np.ones_like(data.seen)), data.spread(data.gain)
        self._intervals(pairs, near)
        shells = data.shells[data.seen.any(axis=(0, 1)) > 0].max()
        edges = [0]
        while edges[-1] <= shells:
            edges.append(edges[-1] + max(1, edges[-1] // 3))
        flat = data.shells.ravel()
        bands = [np.flatnonzero((flat >= a) & (flat < b)) for a, b in itertools.pairwise(edges)]
        bands = [band for band in bands if band.size]
        self._order = np.concatenate(bands)
        self._root = np.sqrt(data.copies).ravel()[self._order].astype(np.float32)
        ends = np.cumsum([band.size for band in bands])
        self._bands = [slice(end - band.size, end) for end, band in zip(ends, bands, strict=True)]
        self._blocks, begin, count = [], 0, len(self.change)
        while begin < count:
            end = min(count, begin + max(1, begin // 3))
            self._blocks.append(slice(begin, end))
            begin = end
        weights = [(self._root[band] ** 2).sum() for band in self._bands]
        sizes = [block.stop - block.start for block in self._blocks]
        self.rows = np.array([size * weight * len(self.runs) for size in sizes for weight in weights])
        waves = space.symbol.ravel()[self._order]
        means = [np.average(waves[band] ** 2, weights=self._root[band] ** 2) for band in self._bands]
        self.stiffness = np.tile(means, len(sizes))
        thirds = np.minimum(np.searchsorted([2, 5], np.arange(len(bands)), side="right"), 2)
        times = np.minimum(np.arange(len(sizes)) * _STRETCHES // len(sizes), _STRETCHES - 1)
        self._parts = (times[:, None] * 3 + thirds).ravel()
        self._instruments = [self._outside(run, instruments) for run in self.runs]

    def _intervals(self, pairs: int, near: float) -> None:
        times, count, reach = self.data.times, self.data.times.size, max(2 * pairs, 1)
        steps = min(reach, 2)
        rows = np.arange(2, count - reach - 2, max(pairs, 1))
        lengths = times[rows + reach] - times[rows]
        change, inner, finer, outside = (np.zeros((rows.size, count), np.float32) for _ in range(4))
        for n, b in enumerate(rows):
            for begin in range(b, b + reach, steps):
                inner[n, begin - 1 : begin + steps + 2] += _integral(times, begin, steps, 1)
                finer[n, begin - 2 : begin + steps + 3] += _integral(times, begin, steps, 2)
            change[n, b], change[n, b + reach] = -1.0, 1.0
            outside[n, [b - 2, b + reach + 2]] = 0.5
        off = (inner - finer) / lengths[:, None]
        worst = np.zeros(rows.size)
        for values, noise in zip(self.data.values, self.data.noise, strict=True):
            if noise > 0:
                flat = values[self.runs].reshape(len(self.runs), count, -1)
                square = np.mean([np.mean((off @ one) ** 2, axis=-1) for one in flat], axis=0)
                extra = np.maximum(square - (off**2).sum(axis=1) * noise**2, 0.0)
                worst = np.maximum(worst, np.sqrt(extra) / noise)
        kept = worst <= max(near, float(np.median(worst)))
        self.step = float(lengths.mean())
        self.change, self._inner, self._finer, self._away = (a[kept] for a in (change, inner, finer, outside))

    def _modes(self, array: np.ndarray) -> np.ndarray:
        modes = scipy.fft.rfftn(array.astype(np.float32), axes=self.data.axes, norm="ortho")
        return modes.reshape(len(array), -1)[:, self._order] * self._root

    def _outside(self, run: int, terms: Sequence[FieldTerm]) -> np.ndarray:
        smooth = self.data.smooth(self.data.values[:, run])
        fields = [np.tensordot(self._away, array, 1) for array in smooth]
        return np.stack([self._modes(term.value(fields, self.space)) for term in terms])

    def sums(self, terms: Sequence[FieldTerm]) -> Sums:
        """The products for terms."""
        data, count = self.data, len(terms)
        fields, instruments = len(data.values), len(self._instruments[0])
        size = count + fields + instruments
        full = np.zeros((self.rows.size, size, size))
        systematic = np.zeros((self.rows.size, count, count))
        for place, run in enumerate(self.runs):
            raw = list(data.values[:, run])
            used = list(data.smooth(data.values[:, run])) if self._smoothed else raw
            tested = place < _TESTED
            wiener = list(data.wiener(data.values[:, run])) if tested and self._smoothed else []
            columns = np.empty((size, len(self.change), self._order.size), np.complex64)
            off = np.empty((count, *columns.shape[1:]), np.complex64)
            for n, term in enumerate(terms):
                # noise in what is linear does no harm
                value = term.value(raw, self.space) if term.linear else self._debiased(term, used, self._blurs[0])
                modes = self._modes(value)
                columns[n] = self._inner @ modes
                if tested:
                    other = modes
                    if wiener and not term.linear:
                        other = self._modes(self._debiased(term, wiener, self._blurs[1]))
                    off[n] = columns[n] - self._finer @ other
            for n, array in enumerate(raw):
                columns[count + n] = self.change @ self._modes(array)
            columns[count + fields :] = self._instruments[place]
            for b, (block, band) in enumerate(itertools.product(self._blocks, self._bands)):
                full[b] += _products(columns[:, block, band])
                if tested:
                    systematic[b] += _products(off[:, block, band]) * len(self.runs) / min(_TESTED, len(self.runs))
        return Sums(full, systematic, count, fields)

    def _debiased(self, term: FieldTerm, fields: Sequence[np.ndarray], spreads: np.ndarray) -> np.ndarray:
        """The value less what noise of standard deviations (field, time) shifts its mean by, to the second order."""
        value = term.value(fields, self.space)
        total = value.copy()
        for i, spread in enumerate(spreads):
            if term.powers[i] < 2 and all(i != s for s, _ in term.saturations):
                continue
            shift = spread.reshape(-1, *(1,) * (fields[i].ndim - 1))
            for moved in (fields[i] + shift, fields[i] - shift):
                total -= 0.5 * (term.value([*fields[:i], moved, *fields[i + 1 :]], self.space) - value)
        return total

    def weights(self, sums: Sums, field: int, columns: Sequence[int], values: np.ndarray) -> np.ndarray:
        """Per block, the inverse of the variance of a row of an equation, whose residual tells it."""
        rate = sums.full[:, sums.terms + field, sums.terms + field].sum() / self.rows.sum()
        floor = max(0.5 * self.data.noise[field] ** 2, 1e-12 * float(rate))
        return self.rows / np.maximum(sums.variance(field, columns, values), floor * self.rows)

    def projected(self, sums: Sums, weights: np.ndarray, field: int) -> tuple[np.ndarray, np.ndarray]:
        """Moments (moment, term + 1) of the terms and of the change of a field, last; by chance each is of size 1.

        With them come the sums of their products (term + 1, term + 1) that chance makes, by what instruments do not
        explain of the rows.

        Args:
            sums: of the terms.
            weights: per block, the inverse of the variance of a row.
            field: whose equation it is.
        """
        first = sums.terms + sums.fields
        wanted = [*range(sums.terms), sums.terms + field]
        total, found = sums.full, []
        chance = np.zeros((len(wanted), len(wanted)))
        for part in np.unique(self._parts):
            here = self._parts == part
            own = np.einsum("b,bij->ij", weights[here], total[here])
            inner = own[first:, first:]
            scale = np.sqrt(np.maximum(np.diag(inner), 1e-30))
            sizes, turned = np.linalg.eigh(inner / np.outer(scale, scale))
            kept = sizes > _RANK * sizes.max()
            found.append((turned[:, kept] / np.sqrt(sizes[kept])).T / scale @ own[first:][:, wanted])
            rest = own[np.ix_(wanted, wanted)] - found[-1].T @ found[-1]
            chance += rest * len(found[-1]) / self.rows[here].sum()
        return np.concatenate(found), chance


def _integral(times: np.ndarray, begin: int, steps: int, reach: int) -> np.ndarray:
    """Weights of the outputs begin - reach to begin + steps + reach in the integral over steps from an output."""
    length = times[begin + steps] - times[begin]
    places = (times[begin - reach : begin + steps + reach + 1] - times[begin]) / length
    powers = np.arange(places.size)
    return np.linalg.solve(places ** powers[:, None], length / (powers + 1.0))


def _products(columns: np.ndarray) -> np.ndarray:
    flat = np.ascontiguousarray(columns).reshape(len(columns), -1).view(np.float32)
    return flat @ flat.T
