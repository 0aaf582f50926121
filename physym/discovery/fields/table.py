"""The moments of all candidate terms at once, for any saturation constants.

A saturation f/(f + K) is a logistic function of ln K. So the sums of a candidate for any K follow from those at a few
Chebyshev nodes of ln K by interpolation, whose error falls off geometrically, and a search over terms and constants
needs the data only once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg
from numpy.polynomial import chebyshev

from physym.discovery.fields.balance import Balance
from physym.discovery.fields.moments import SYSTEMATIC, Moments
from physym.discovery.fields.terms import FieldTerm

__all__ = ["Table", "View"]

_NODES = 10
_STEPS = 8
_LARGEST = 0.7
_SETTLED = 1e-3
_RIVAL = 1e-6


class Table:
    """Sums of terms and of saturations at nodes.

    Args:
        moments: of the runs.
        plain: terms that stay as they are.
        saturated: terms with one saturation each, whatever its constant.
        limits: of the saturation constants of each field.

    Attributes:
        terms: the columns: the plain terms, and then the saturated ones, each at all nodes.
    """

    def __init__(
        self,
        moments: Moments,
        plain: Sequence[FieldTerm],
        saturated: Sequence[FieldTerm],
        limits: Sequence[tuple[float, float]],
    ) -> None:
        self.moments, self.limits = moments, list(limits)
        nodes = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
        self._inverse = np.linalg.inv(chebyshev.chebvander(nodes, _NODES - 1))
        self._slopes = chebyshev.chebder(np.eye(_NODES), axis=0)
        self.terms = list(plain)
        self._places = {term: [n] for n, term in enumerate(plain)}
        for term in saturated:
            middle, half = self._scale(term.saturations[0][0])
            self._places[term.family] = list(range(len(self.terms), len(self.terms) + _NODES))
            self.terms += [term.with_half(0, float(np.exp(middle + half * z))) for z in nodes]
        self.sums = moments.sums(self.terms)

    def _scale(self, field: int) -> tuple[float, float]:
        low, high = np.log(self.limits[field])
        return 0.5 * (low + high), 0.5 * (high - low)

    def place(self, term: FieldTerm, slope: bool = False) -> np.ndarray:
        """The term as a sum of columns, or its derivative with respect to ln K."""
        fixed = term in self._places
        out, places = np.zeros(len(self.terms)), self._places[term if fixed else term.family]
        if fixed:
            out[places] = 1.0
            return out
        field, constant = term.saturations[0]
        middle, half = self._scale(field)
        z = (np.log(float(constant)) - middle) / half
        row = chebyshev.chebvander(z, _NODES - 1)[0]
        if slope:
            row = row[:-1] @ self._slopes / half
        out[places] = row @ self._inverse
        return out

    def weights(self, e: int, terms: Sequence[FieldTerm], values: np.ndarray) -> np.ndarray:
        """Per block, the inverse of the variance of a row of an equation, whose residual tells it."""
        x = sum((v * self.place(t) for t, v in zip(terms, values, strict=True)), start=np.zeros(len(self.terms)))
        return self.moments.weights(self.sums, e, range(len(x)), x)

    def first_weights(self, e: int, spread: float) -> np.ndarray:
        """Before there is an equation: by the noise of the changes, and of a diffusion that there might be.

        Args:
            e: the number of the field.
            spread: how far it diffuses, in squares of cells and per interval.
        """
        moments, noise, sums = self.moments, self.moments.data.noise[e] ** 2, self.sums
        grid = moments.data.grid
        unit = min(side / cells for side, cells in zip(grid.length, grid.shape, strict=True)) ** 2
        likely = [n for n, t in enumerate(self.terms) if t.linear and t.laplacian < 0 and any(t.powers)]
        off = [sums.systematic[:, n, n] / np.maximum(sums.full[:, n, n], 1e-30) for n in likely]
        column = sums.terms + e
        change = sums.full[:, column, column] / moments.rows
        variance = noise * (2.0 + 0.5 * (spread * unit) ** 2 * moments.stiffness)
        return 1.0 / np.maximum(variance + SYSTEMATIC * np.max(off, axis=0) * change, 1e-300)


class View:
    """The moments of a table for one field, under weights of the rows.

    Attributes:
        table: whose columns they are.
        rows: (moment, column + 1), the rate last.
        chance: what chance makes of their products (column + 1, column + 1).
    """

    def __init__(self, table: Table, weights: np.ndarray, e: int) -> None:
        self.table = table
        self.rows, self.chance = table.moments.projected(table.sums, weights, e)

    def columns(self, terms: Sequence[FieldTerm], slopes: Sequence[FieldTerm] = ()) -> np.ndarray:
        """Of terms, of derivatives with respect to ln K, and of the rate (row, column)."""
        places = [self.table.place(t) for t in terms] + [self.table.place(t, slope=True) for t in slopes]
        return np.column_stack([*(self.rows[:, :-1] @ p for p in places), self.rows[:, -1]])

    def unbiased(self, terms: Sequence[FieldTerm], slopes: Sequence[FieldTerm]) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of terms and of derivatives with respect to ln K, and their covariance.

        Moments of terms are subject to chance too, that of the rate's. Least squares on many moments would shrink
        the coefficients by as much; what is left relative to what chance would leave is least where it should be
        (limited information: Anderson and Rubin, Ann. Math. Stat. 20, 1949).
        """
        places = [self.table.place(t) for t in terms] + [self.table.place(t, slope=True) for t in slopes]
        count = len(places)
        wide = np.zeros((len(self.chance), count + 1))
        wide[:-1, :-1], wide[-1, -1] = np.transpose(places), 1.0
        rows = self.rows @ wide
        scale = np.sqrt(np.maximum((rows**2).sum(axis=0), 1e-300))
        inner = (rows / scale).T @ (rows / scale)
        chance = (wide / scale).T @ self.chance @ (wide / scale)
        ratios, vectors = scipy.linalg.eigh(0.5 * (chance + chance.T), inner)
        best = vectors[:, -1] / scale
        normal = (inner - chance / ratios[-1])[:-1, :-1]
        inverse = np.linalg.pinv(normal, hermitian=True) / np.outer(scale[:-1], scale[:-1])
        values = -best[:-1] / best[-1]
        residual = rows @ np.append(values, -1.0)
        excess = max(1.0, float(residual @ residual) / max(len(rows) - count, 1))
        return values, inverse * excess

    def fit(self, terms: Sequence[FieldTerm]) -> Balance:
        """Of the rate by terms as they are."""
        return Balance.of(self.columns(terms), range(len(terms)))

    def refined(self, terms: Sequence[FieldTerm]) -> tuple[list[FieldTerm], Balance]:
        """The terms with the saturation constants with which they leave the least, by damped Gauss-Newton steps."""
        terms, damping = list(terms), 1.0
        free, count = [n for n, t in enumerate(terms) if t.saturations], len(terms)
        now = self.fit(terms)
        for _ in range(_STEPS if free else 0):
            wide = Balance.of(self.columns(terms, [terms[n] for n in free]), range(count + len(free)))
            moved, largest = list(terms), 0.0
            for place, n in enumerate(free, start=count):
                field, half = terms[n].saturations[0]
                ratio = wide.values[place] / wide.values[n] if wide.values[n] else 0.0
                step = float(np.clip(ratio, -_LARGEST, _LARGEST)) * damping
                new = float(np.clip(float(half) * np.exp(step), *self.table.limits[field]))
                largest = max(largest, abs(np.log(new / float(half))))
                moved[n] = terms[n].with_half(0, new)
            fit = self.fit(moved)
            if fit.left > now.left * (1 + 1e-9):
                damping *= 0.3
                if damping < 0.02:
                    break
                continue
            terms, now = moved, fit
            if largest < _SETTLED:
                break
        return terms, now

    def gains(self, terms: Sequence[FieldTerm], fit: Balance, barred: np.ndarray) -> np.ndarray:
        """How much less every column of the table would leave beside the terms (column,), -1 where it may not.

        What is fitted is what `fit` has fitted.
        """
        own, target = self.columns(terms), fit.target
        kept = np.delete(own, target, axis=1)
        aim, wide = own[:, target], self.rows[:, :-1]
        sizes = np.sqrt(np.maximum((wide**2).sum(axis=0), 1e-300))
        wide = wide / sizes
        if kept.shape[1]:
            span, _ = np.linalg.qr(kept / np.sqrt(np.maximum((kept**2).sum(axis=0), 1e-300)))
            wide, aim = wide - span @ (span.T @ wide), aim - span @ (span.T @ aim)
        rest = (wide**2).sum(axis=0)
        shut = barred | (rest < _RIVAL)
        return np.where(shut, -1.0, (aim @ wide) ** 2 / np.maximum(rest, 1e-300))

