"""Moments of noisy runs of fields: what a law must fulfil however large the noise is.

Over the interval from one output to the next the change of a field is the integral of its terms, which four outputs
give (-1, 13, 13, -1)/24. Noise in the terms is an error in variables and would bias every coefficient. So each row, a
Fourier mode of an interval, is multiplied by instruments: terms on the fields at two outputs outside the interval,
whose noise is independent of the row's. The sums over the rows of a part (a stretch of time and of wavelengths) have
no bias of first order, and a law that holds makes all of them chance (generalised method of moments: Hansen,
Econometrica 50, 1982).
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

_INNER = np.array([-1.0, 13.0, 13.0, -1.0]) / 24
_FINER = np.array([11.0, -93.0, 802.0, 802.0, -93.0, 11.0]) / 1440
_NEAR = 0.5
_STRETCHES = 4
_RANK = 1e-5
SYSTEMATIC = 200.0
_TESTED = 2

Slope = tuple[FieldTerm, int]


@dataclass(frozen=True)
class Sums:
    """Products over the rows of each block of the terms, the fields' changes, and the instruments.

    Attributes:
        full: (run, block, column, column), columns in that order.
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
        square = np.einsum("i,bij,j->b", x, self.full.sum(axis=0), x)
        own = x[: self.terms]
        return np.maximum(square, 0.0) + SYSTEMATIC * np.einsum("i,bij,j->b", own, self.systematic, own)


class Moments:
    """Rows and instruments of noisy runs.

    Args:
        data: the runs.
        space: of the derivatives.
        instruments: the terms that serve as such.
        runs: which samples to use.
    """

    def __init__(self, data: FieldData, space: Space, instruments: Sequence[FieldTerm], runs: Sequence[int]) -> None:
        self.data, self.space, self.runs = data, space, list(runs)
        self._intervals()
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

    def _intervals(self) -> None:
        times, count = self.data.times, self.data.times.size
        steps, rows = np.diff(times), np.arange(2, count - 3)
        change, inner, finer, outside = (np.zeros((rows.size, count), np.float32) for _ in range(4))
        for n, b in enumerate(rows):
            inner[n, b - 1 : b + 3] = _INNER * steps[b]
            finer[n, b - 2 : b + 4] = _FINER * steps[b]
            change[n, b], change[n, b + 1] = -1.0, 1.0
            outside[n, [b - 2, b + 3]] = 0.5
        off = (inner - finer) / steps[rows][:, None]
        worst = np.zeros(rows.size)
        for values, noise in zip(self.data.values, self.data.noise, strict=True):
            if noise > 0:
                flat = values[self.runs].reshape(len(self.runs), count, -1)
                square = np.mean([np.mean((off @ one) ** 2, axis=-1) for one in flat], axis=0)
                extra = np.maximum(square - (off**2).sum(axis=1) * noise**2, 0.0)
                worst = np.maximum(worst, np.sqrt(extra) / noise)
        # intervals that the quadrature resolves to about the noise
        kept = worst <= max(_NEAR, float(np.median(worst)))
        self.step = float(steps.mean())
        self.change, self._inner, self._finer, self._away = (a[kept] for a in (change, inner, finer, outside))

    def _modes(self, array: np.ndarray) -> np.ndarray:
        modes = scipy.fft.rfftn(array.astype(np.float32), axes=self.data.axes, norm="ortho")
        return modes.reshape(len(array), -1)[:, self._order] * self._root

    def _outside(self, run: int, terms: Sequence[FieldTerm]) -> np.ndarray:
        smooth = self.data.smooth(self.data.values[:, run])
        fields = [np.tensordot(self._away, array, 1) for array in smooth]
        return np.stack([self._modes(term.value(fields, self.space)) for term in terms])

    def sums(self, terms: Sequence[FieldTerm], slopes: Sequence[Slope] = ()) -> Sums:
        """The products for terms and for derivatives (term, saturation) with respect to saturation constants."""
        data, count = self.data, len(terms) + len(slopes)
        fields, instruments = len(data.values), len(self._instruments[0])
        size = count + fields + instruments
        full = np.zeros((len(self.runs), self.rows.size, size, size))
        systematic = np.zeros((self.rows.size, count, count))
        for place, run in enumerate(self.runs):
            raw = list(data.values[:, run])
            smooth, wiener = list(data.smooth(data.values[:, run])), []
            if place < _TESTED:
                wiener = list(data.wiener(data.values[:, run]))
            columns = np.empty((size, len(self.change), self._order.size), np.complex64)
            off = np.empty((count, *columns.shape[1:]), np.complex64)
            for n, item in enumerate([*terms, *slopes]):
                # noise in what is linear does no harm
                linear = isinstance(item, FieldTerm) and item.linear
                modes = self._modes(self._value(item, raw if linear else smooth))
                columns[n] = self._inner @ modes
                if wiener:
                    other = modes if linear else self._modes(self._value(item, wiener))
                    off[n] = columns[n] - self._finer @ other
            for n, array in enumerate(raw):
                columns[count + n] = self.change @ self._modes(array)
            columns[count + fields :] = self._instruments[place]
            for b, (block, band) in enumerate(itertools.product(self._blocks, self._bands)):
                full[place, b] = _products(columns[:, block, band])
                if wiener:
                    systematic[b] += _products(off[:, block, band]) * len(self.runs) / min(_TESTED, len(self.runs))
        return Sums(full, systematic, count, fields)

    def _value(self, item: FieldTerm | Slope, fields: Sequence[np.ndarray]) -> np.ndarray:
        if isinstance(item, FieldTerm):
            return item.value(fields, self.space)
        return item[0].slope(item[1], fields, self.space)

    def projected(self, sums: Sums, weights: np.ndarray, field: int) -> np.ndarray:
        """Moments (moment, term + 1) of the terms and of the change of a field, last; by chance each is of size 1.

        Args:
            sums: of the terms.
            weights: per block, the inverse of the variance of a row.
            field: whose equation it is.
        """
        first = sums.terms + sums.fields
        wanted = [*range(sums.terms), sums.terms + field]
        total, found = sums.full.sum(axis=0), []
        for part in np.unique(self._parts):
            own = np.einsum("b,bij->ij", weights[self._parts == part], total[self._parts == part])
            inner = own[first:, first:]
            scale = np.sqrt(np.maximum(np.diag(inner), 1e-30))
            sizes, turned = np.linalg.eigh(inner / np.outer(scale, scale))
            kept = sizes > _RANK * sizes.max()
            found.append((turned[:, kept] / np.sqrt(sizes[kept])).T / scale @ own[first:][:, wanted])
        return np.concatenate(found)


def _products(columns: np.ndarray) -> np.ndarray:
    flat = np.ascontiguousarray(columns).reshape(len(columns), -1).view(np.float32)
    return flat @ flat.T
