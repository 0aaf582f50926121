"""The weak form of a partial differential equation as small matrices.

Every candidate term is evaluated on the data, summed over windows of output times (`field_windows`) and projected on
the Fourier modes of the grid, which are the test functions: the laplacian then acts on the test function, a mode is as
smooth as its wavenumber says, and modes do not share noise. The products of all columns are kept by group of samples,
by block of windows and by shell of wavenumbers; so weights, selections and subsamples cost nothing afterwards.

Noise in the data makes the products too large by a part that does not go away with more data and would bias every
coefficient. It is measured by adding as much noise again, once with either sign, and is taken off (simulation
extrapolation: Cook and Stefanski, J. Am. Stat. Assoc. 89, 1994).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from physym.discovery.fields.data import FieldData
from physym.discovery.fields.terms import FieldTerm, Space
from physym.discovery.fields.windows import Windows

__all__ = ["Products", "WeakForm"]

_GROUPS = 10


@dataclass(frozen=True)
class Products:
    """Sums over rows of the products of columns: the terms, and then the weighted sum of each field over time.

    Attributes:
        full: (group, block, column, column).
        noise: the part of it that noise makes, over all groups (block, column, column).
        quadrature: products of the differences that a quadrature of lower order makes, the noise taken off (block,
            column, column).
        rows: how many rows a block has, all groups together (block,).
    """

    full: np.ndarray
    noise: np.ndarray
    quadrature: np.ndarray
    rows: np.ndarray

    def only(self, columns: Sequence[int]) -> Products:
        """Some of the columns."""
        pick = np.ix_(columns, columns)
        parts = (array[..., pick[0], pick[1]] for array in (self.full, self.noise, self.quadrature))
        return Products(*parts, self.rows)


class WeakForm:
    """Windows, blocks and noise of data, from which products of any columns are made.

    Args:
        data: the runs.
        smooth: over how many windows to smooth.
        seed: of the noise that is added.
    """

    def __init__(self, data: FieldData, smooth: int = 0, seed: int = 0) -> None:
        self.data, self.seed = data, seed
        self.windows = Windows(data.times, smooth)
        self.groups = np.arange(data.values.shape[1]) % _GROUPS
        self._times = self.windows.blocks()
        noisy = data.noise.any()
        # waves that no field shows at any time tell nothing
        shells = data.shells[data.seen.any(axis=(0, 1))].max() if noisy else data.shells.max()
        # long waves one by one, shorter ones with ever more others
        edges = [0]
        while edges[-1] <= shells:
            edges.append(edges[-1] + max(1, edges[-1] // 3))
        self._bands = [
            np.flatnonzero((data.shells.ravel() >= a) & (data.shells.ravel() < b)) for a, b in itertools.pairwise(edges)
        ]
        self._bands = [band for band in self._bands if band.size]

    def products(self, terms: Sequence[FieldTerm], space: Space, slopes: Sequence[tuple[int, int]] = ()) -> Products:
        """The products of the terms, of the derivatives (term, saturation), and of the fields' sums over time."""
        data = self.data
        fields, samples = data.values.shape[:2]
        columns, blocks = len(terms) + len(slopes) + fields, len(self._times) * len(self._bands)
        full = np.zeros((min(_GROUPS, samples), blocks, columns, columns))
        noise, quadrature = (np.zeros((blocks, columns, columns)) for _ in range(2))
        rng = np.random.default_rng(self.seed)
        fine = (self.windows.left, self.windows.right)
        noisy = data.noise.any()
        tested = list(range(0, samples, max(1, samples // 4)))[: 2 if noisy else 4]
        for run in range(samples):
            values = data.values[:, run]
            own = self._columns(values, terms, space, slopes, fine)
            self._add(full[self.groups[run]], own)
            if noisy:
                shape = (fields,) + (1,) * (values.ndim - 1)
                added = data.noise.reshape(shape) * rng.standard_normal(values.shape)
                before = np.zeros_like(noise)
                self._add(before, own)
                noise -= before
                for moved in (values + added, values - added):
                    self._add(noise, self._columns(moved, terms, space, slopes, fine), 0.5)
            if run in tested:
                share = samples / len(tested)
                coarse = self._columns(values, terms, space, slopes, self.windows.coarse)
                before = np.zeros_like(noise)
                self._add(before, own - coarse)
                quadrature += share * before
                if noisy:
                    quadrature += share * before
                    for moved in (values + added, values - added):
                        both = [self._columns(moved, terms, space, slopes, w) for w in (fine, self.windows.coarse)]
                        self._add(quadrature, both[0] - both[1], -0.5 * share)
        rows = np.array([
            data.copies.ravel()[band].sum() * len(range(block.start, block.stop))
            for block in self._times for band in self._bands
        ]) * samples  # fmt: skip
        return Products(full, noise, quadrature, rows)

    def _columns(
        self,
        values: np.ndarray,
        terms: Sequence[FieldTerm],
        space: Space,
        slopes: Sequence[tuple[int, int]],
        weights: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Columns (column, window, mode) of one sample."""
        data = self.data
        smooth = data.smooth(values)
        raw, left, right = list(values), *weights
        inner = len(terms) + len(slopes)
        out = np.empty((inner + len(values), len(left), data.shells.size), dtype=np.complex128)
        root = np.sqrt(data.copies).ravel()

        def project(array: np.ndarray, over: np.ndarray) -> np.ndarray:
            summed = (over @ array.reshape(len(array), -1)).reshape(-1, *data.grid.shape)
            return scipy.fft.rfftn(summed, axes=data.axes, norm="ortho").reshape(len(over), -1) * root

        for n, term in enumerate(terms):
            # noise in what is linear does no harm but what is taken off
            used = raw if term.linear else list(smooth)
            out[n] = project(term.value(used, space), right)
        for n, (term, which) in enumerate(slopes, start=len(terms)):
            out[n] = project(terms[term].slope(which, list(smooth), space), right)
        for n, array in enumerate(values):
            out[inner + n] = project(array, left)
        return out

    def _add(self, total: np.ndarray, columns: np.ndarray, factor: float = 1.0) -> None:
        """Add the products of the columns to (block, column, column)."""
        place = 0
        for block in self._times:
            for band in self._bands:
                part = np.ascontiguousarray(columns[:, block][..., band]).reshape(len(columns), -1).view(np.float64)
                total[place] += factor * (part @ part.T)
                place += 1
