"""The rows of a linear law A c ≈ b, compressed, and least squares with some of its columns.

Rows come in groups (samples, runs, regions of a field) that are independent of each other, while rows of one group need
not be. Every group is compressed to its triangular factor, so that best subsets, held-out errors and subsamples cost no
more than the number of columns has it, however many rows there are, and lose no digits to normal equations.

Standard errors allow for rows of one group that depend on each other (the sandwich estimator of clustered rows, Liang
and Zeger, Biometrika 73, 1986). They are statistical only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError

__all__ = ["Fit", "Problem", "solve", "triangle"]


@dataclass(frozen=True)
class Problem:
    """The rows of [A b], compressed by groups.

    Attributes:
        factors: triangular factors (group, n + 1, n + 1), whose last column stands for b.
        counts: how many rows each group had.
    """

    factors: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray, target: np.ndarray, groups: np.ndarray | None = None) -> Problem:
        """Compress A (row, n) and b (row,) with the group of each row (row,), one group by default.

        Rows that are weighted are to be multiplied by the root of their weight first.

        Raises:
            InputError: if shapes do not match, or numbers are not finite.
        """
        matrix, target = np.asarray(matrix, dtype=np.float64), np.asarray(target, dtype=np.float64)
        if matrix.ndim != 2 or target.shape != matrix.shape[:1]:
            raise InputError(f"expected A (row, n) and b (row,), given the shapes {matrix.shape} and {target.shape}")
        joined = np.column_stack([matrix, target])
        if not np.all(np.isfinite(joined)):
            raise InputError("expected finite rows to select terms by, given NaN or infinity; check the data")
        labels = np.zeros(len(joined), dtype=int) if groups is None else np.asarray(groups)
        order = np.argsort(labels, kind="stable")
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
        parts = np.split(joined[order], cuts)
        return cls(np.stack([triangle(part) for part in parts]), np.array([len(part) for part in parts]))

    @classmethod
    def joined(cls, problems: Iterable[Problem]) -> Problem:
        """Several problems of the same columns and of different groups, as one."""
        parts = list(problems)
        return cls(np.concatenate([p.factors for p in parts]), np.concatenate([p.counts for p in parts]))

    @property
    def columns(self) -> int:
        """The number of candidate terms."""
        return self.factors.shape[-1] - 1

    def only(self, groups: np.ndarray) -> Problem:
        """The rows of some groups."""
        return Problem(self.factors[groups], self.counts[groups])

    def whole(self) -> np.ndarray:
        """The triangular factor (n + 1, n + 1) of all rows."""
        return self._whole

    @functools.cached_property
    def _whole(self) -> np.ndarray:
        return triangle(self.factors.reshape(-1, self.factors.shape[-1]))

    def errors(self, coefficients: np.ndarray) -> np.ndarray:
        """The mean square of A c - b of each group."""
        residual = self.factors @ np.append(coefficients, -1.0)
        return np.sum(residual**2, axis=1) / self.counts


@dataclass(frozen=True)
class Fit:
    """Least squares with some of the columns.

    Attributes:
        support: their numbers.
        coefficients: of all columns (n,), zero outside the support.
        errors: standard errors (n,), zero outside the support.
        covariance: of the support's coefficients (k, k).
        residual: root mean square of A c - b.
    """

    support: tuple[int, ...]
    coefficients: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    residual: float

    @classmethod
    def of(cls, problem: Problem, support: Sequence[int]) -> Fit:
        """Fit the columns of the support to all rows."""
        columns, whole = list(support), problem.whole()
        coefficients = np.zeros(problem.columns)
        coefficients[columns] = solve(whole, columns)
        rows, k = int(problem.counts.sum()), len(columns)
        square = float(problem.errors(coefficients) @ problem.counts)
        bread = np.zeros((k, k))
        if k:
            inverse = np.linalg.pinv(whole[:, columns])
            bread = inverse @ inverse.T
        covariance = bread * square / max(rows - k, 1)
        groups = len(problem.counts)
        if k and groups >= 2 * k + 2:
            residual = problem.factors @ np.append(coefficients, -1.0)
            scores = np.einsum("gri,gr->gi", problem.factors[..., columns], residual)
            covariance = bread @ (scores.T @ scores) @ bread * groups / (groups - k)
        errors = np.zeros(problem.columns)
        errors[columns] = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        return cls(tuple(columns), coefficients, errors, covariance, float(np.sqrt(square / rows)))


def solve(whole: np.ndarray, support: list[int]) -> np.ndarray:
    """Coefficients of some columns by least squares, for columns of comparable size; of the factor's last column."""
    if not support:
        return np.zeros(0)
    columns = whole[:, support]
    norms = np.linalg.norm(columns, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    return np.linalg.lstsq(columns / norms, whole[:, -1], rcond=1e-14)[0] / norms


def triangle(rows: np.ndarray) -> np.ndarray:
    """The square triangular factor of rows (m, n + 1), filled up with zeros."""
    size = rows.shape[1]
    factor = np.linalg.qr(rows, mode="r")
    return np.vstack([factor, np.zeros((size - len(factor), size))]) if len(factor) < size else factor
