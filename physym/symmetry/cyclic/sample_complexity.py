"""How many samples the symmetry saves: a factor of about |G| = N, measured in two ways.

**A table** learns what it has seen. Of n strings drawn evenly from all 2^N, the expected share of strings that are
seen, and of strings whose orbit is seen, are

    strings  1 - (1 - 2^-N)^n,        orbits  1 - Σ_{d | N} (d L(d)/2^N) (1 - d/2^N)^n,

where L(d) = (1/d) Σ_{e | d} μ(d/e) 2^e counts the orbits of d strings. Nearly all orbits have N strings, so that the
second needs N times fewer, and in the limit exactly. At small N the factor is a little less, as the periodic strings
have small orbits; where they are very few it may be a trifle more (7.04 at N = 7).

**A learner that interpolates**: kernel ridge regression with a kernel k of two strings, and with its average over the
group, k_G(x, y) = (1/N) Σ_n k(x, φ_n y), which gives what augmentation by all turns gives, with N times the ridge, at
none of its cost. Both learn from as many strings, and the ratio of the numbers that they need for one error is the
factor.

Sources: B. Tahmasebi and S. Jegelka, The exact sample complexity gain from invariances for kernel regression (NeurIPS
2023); B. Elesedy, Provably strict generalisation benefit for invariance in kernel methods (NeurIPS 2021).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from physym.symmetry.cyclic.necklaces import orbit_table
from physym.symmetry.cyclic.tasks import longest_run, require_invariant
from simulators.errors import InputError
from simulators.parameters import count

__all__ = [
    "LearningCurve",
    "draws_until",
    "expected_coverage",
    "learning_curve",
    "orbits_of_length",
    "saved_factor",
    "table_samples",
]


def orbits_of_length(length: int) -> int:
    """L(d): how many necklaces of d bits have no smaller period: exact.

    Raises:
        InputError: if the length is no integer >= 1.

    >>> [orbits_of_length(d) for d in range(1, 9)]
    [2, 1, 2, 3, 6, 9, 18, 30]
    """
    length = count("length", length)
    # the strings of period exactly d are all but those of a smaller period, which divides d
    return _aperiodic(length) // length


@functools.cache
def _aperiodic(length: int) -> int:
    smaller = (d for d in range(1, length // 2 + 1) if length % d == 0)
    return 2**length - sum(_aperiodic(d) for d in smaller)


def expected_coverage(N: int, samples: float, *, orbits: bool) -> float:
    """The expected share of all strings of N bits that a table knows after so many samples.

    Args:
        N: number of bits.
        samples: strings drawn evenly, with repetition.
        orbits: whether the table knows the whole orbit of a string.

    Raises:
        InputError: if N is no integer >= 1, or samples < 0.

    >>> round(expected_coverage(16, 4096, orbits=False), 3), round(expected_coverage(16, 4096, orbits=True), 3)
    (0.061, 0.631)
    """
    N = count("N", N)
    if isinstance(samples, bool) or not isinstance(samples, int | float | np.number) or not samples >= 0:
        raise InputError(f"samples: expected a number >= 0, given {samples!r}")
    unseen = 0.0
    for d in (d for d in range(1, N + 1) if N % d == 0):
        size = d if orbits else 1
        share = orbits_of_length(d) * d / 2**N
        # log1p keeps the digits of 1 - size/2^N, which has none left at N = 54
        unseen += share * (math.exp(samples * math.log1p(-size / 2**N)) if size < 2**N else float(samples == 0))
    return 1.0 - unseen


def table_samples(N: int, share: float = 0.5, *, orbits: bool) -> float:
    """The number of samples at which the expected coverage reaches a share, as a real number.

    Raises:
        InputError: if N is no integer >= 1, or the share is not between 0 and 1.

    >>> round(table_samples(16, orbits=False) / table_samples(16, orbits=True), 2)
    15.96
    """
    N = count("N", N)
    _check_share(share)
    low, high = 0.0, 1.0
    while expected_coverage(N, high, orbits=orbits) < share:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if expected_coverage(N, middle, orbits=orbits) < share else (low, middle)
    return high


def draws_until(
    N: int,
    share: float = 0.5,
    *,
    orbits: bool,
    repeats: int = 20,
    seed: int = 0,
) -> np.ndarray:
    """Measured: strings drawn one by one until the table knows a share of all strings.

    Returns:
        int64 array (repeats,): draws of each repetition.

    Raises:
        InputError: if a number is no integer >= 1 (the seed >= 0), the share is not between 0 and 1, or a table of 2^N
            strings would take more than a gigabyte.
    """
    _check_share(share)
    repeats, rng = count("repeats", repeats), np.random.default_rng(count("seed", seed, 0))
    table = orbit_table(N)
    table = table if orbits else np.arange(len(table))
    weight = np.bincount(table)
    found = np.empty(repeats, np.int64)
    for n in range(repeats):
        batch = max(64, math.ceil(2 * table_samples(N, share, orbits=orbits)))
        drawn = np.empty(0, np.int64)
        while True:
            drawn = np.concatenate([drawn, table[rng.integers(0, len(table), batch)]])
            _, first = np.unique(drawn, return_index=True)
            first.sort()
            known = np.cumsum(weight[drawn[first]])
            if known[-1] >= share * len(table):
                found[n] = first[np.searchsorted(known, share * len(table))] + 1
                break
    return found


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Errors of a learner against the number of its training strings.

    Attributes:
        size: number N of bits.
        averaged: whether its kernel is averaged over the turns.
        samples: int64 (n,), increasing.
        errors: mean square errors on other strings over the variance of the truth (n, repetitions).
    """

    size: int
    averaged: bool
    samples: np.ndarray
    errors: np.ndarray

    def samples_for(self, error: float) -> float:
        """Where the median of the errors first falls to a value, by a line between logarithms; NaN if it does not.

        It is NaN too if the first of the numbers is enough already.
        """
        median = np.median(self.errors, axis=1)
        below = np.flatnonzero(median <= error)
        if not below.size or below[0] == 0:
            return math.nan
        n = below[0]
        tiny = np.finfo(float).tiny
        top, bottom = math.log(max(median[n - 1], tiny)), math.log(max(median[n], tiny))
        part = (top - math.log(error)) / (top - bottom)
        return float(self.samples[n - 1] * (self.samples[n] / self.samples[n - 1]) ** part)


def learning_curve(
    N: int,
    samples: Sequence[int],
    *,
    averaged: bool,
    target: Callable[[np.ndarray], Any] = longest_run,
    repeats: int = 5,
    test: int = 1000,
    seed: int = 0,
    ridge: float = 1e-6,
) -> LearningCurve:
    """Kernel ridge regression of a function of necklaces, from more and more strings.

    The kernel of two strings that differ in h bits is exp(-h/2): a Gaussian one, of a width that does not depend on N.

    Args:
        N: number of bits.
        samples: numbers of training strings, increasing.
        averaged: whether to average the kernel over the turns.
        target: from strings (n, N) of 0 and 1 to finite numbers (n,), a function of necklaces that is not constant.
        repeats: training sets drawn anew.
        test: strings to test on, drawn evenly.
        seed: of all.
        ridge: added to the kernel's diagonal, which is 1 of the plain kernel.

    Raises:
        InputError: if a number is none of these, or the target is constant or no function of necklaces.
    """
    size, repeats, test = count("N", N), count("repeats", repeats), count("test", test)
    numbers = np.array([count("samples", n) for n in samples] if np.iterable(samples) else [], np.int64)
    if not numbers.size or (np.diff(numbers) <= 0).any():
        raise InputError(f"samples: expected increasing integers such as [4, 8], given {samples!r}")
    if isinstance(ridge, bool) or not isinstance(ridge, int | float) or not 0 < ridge < math.inf:
        raise InputError(f"ridge: expected a number > 0, given {ridge!r}")
    from scipy.linalg import cho_solve

    rng = np.random.default_rng(count("seed", seed, 0))
    new = rng.integers(0, 2, (test, size), dtype=np.int64)
    truth = require_invariant(target, new, rng)
    if not truth.std() > 0:
        raise InputError("target: expected a function that is not constant on the test strings; draw more of them")
    errors = np.empty((numbers.size, repeats))
    for repeat in range(repeats):
        x = rng.integers(0, 2, (int(numbers[-1]), size), dtype=np.int64)
        y = require_invariant(target, x, rng)
        within, across = _kernel(x, x, averaged=averaged), _kernel(new, x, averaged=averaged)
        # the factor of a leading part of a matrix is that part of its factor: one for all numbers of samples
        factor = np.linalg.cholesky(within + ridge * np.eye(len(x)))
        for n, number in enumerate(numbers):
            mean = y[:number].mean()
            weights = cho_solve((factor[:number, :number], True), y[:number] - mean)
            found = mean + across[:, :number] @ weights
            errors[n, repeat] = np.mean((found - truth) ** 2) / truth.var()
    return LearningCurve(size, averaged, numbers, errors)


def saved_factor(N: int, error: float = 0.1, *, most: int = 2048, **settings: Any) -> float:  # noqa: ANN401
    """How many times fewer strings the averaged kernel needs for a mean square error, relative to the variance.

    Args:
        N: number of bits.
        error: to reach, between 0 and 1.
        most: training strings to try at most.
        settings: of `learning_curve`.

    Returns:
        The ratio, or NaN if either does not reach the error with so many, or reaches it with 2.

    Raises:
        InputError: as `learning_curve`, or if the error is not between 0 and 1.
    """
    if isinstance(error, bool) or not isinstance(error, int | float) or not 0 < error < 1:
        raise InputError(f"error: expected a number between 0 and 1, given {error!r}")
    # a few times all strings there are: more can teach nothing
    most = min(count("most", most), 8 * 2 ** min(count("N", N), 32))
    plain = _needed(N, error, 128, most, averaged=False, **settings)
    if math.isnan(plain):
        return math.nan
    return plain / _needed(N, error, max(16, math.ceil(4 * plain / N)), most, averaged=True, **settings)


def _needed(N: int, error: float, first: int, most: int, **settings: Any) -> float:  # noqa: ANN401
    """How many strings an error needs: curves to twice as many each time, since most of the time goes to the top."""
    top = min(first, most)
    while math.isnan(found := learning_curve(N, _ladder(top), **settings).samples_for(error)) and top < most:
        top = min(2 * top, most)
    return found


def _ladder(top: int) -> list[int]:
    """Numbers from 2 to the top, each about √2 times the one before."""
    return [*sorted({round(2 ** (k / 2)) for k in range(2, math.floor(2 * math.log2(top)) + 1)} - {top}), top]


def _kernel(x: np.ndarray, y: np.ndarray, *, averaged: bool) -> np.ndarray:
    size = x.shape[1]
    values = np.exp(-0.5 * np.arange(size + 1))
    left, right = x.astype(float), y.astype(float)
    # bits that differ: x + y - 2xy
    total = left.sum(axis=1)[:, None] + right.sum(axis=1)
    found = np.zeros(total.shape)
    turns = range(size if averaged else 1)
    for n in turns:
        found += values[np.rint(total - 2 * left @ np.roll(right, n, axis=1).T).astype(np.int64)]
    return found / len(turns)


def _check_share(share: float) -> None:
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise InputError(f"share: expected a number between 0 and 1, given {share!r}")
