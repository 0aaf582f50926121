"""Fields and energies of charges in a periodic box, by Ewald sums.

A charge Q of Gaussian shape and standard deviation a, in d dimensions and with a uniform background that makes the box
neutral, has the field

    E(r) = Q/(ε V) Σ_{k≠0} (-i k/k²) exp(-k²a²/2) exp(i k·r).

The sum needs about 8 L/(2π a) modes an axis. Where a is small, the charge is replaced by one of the standard deviation
σ > a, and the difference of the two, which a Gaussian bounds, is added in space over the images nearby. The field in
free space of a charge of width s is

    2-D   Q/(2π ε) r/r² (1 - exp(-r²/2s²)),
    3-D   Q/(4π ε) r/r³ (erf(u/√2) - sqrt(2/π) u exp(-u²/2)),  u = r/s.

Both sums stop where a Gaussian is below 1e-16 (8.6 standard deviations), whatever σ is: it changes the result by
rounding alone. The mean of the potential over the box is zero.

Two charges of widths a act on each other like points on one of width √2 a. So the energy ½ ΣΣ Q Q' Φ(r - r'), with that
width and each charge and its own images among the pairs, is that of the field, ε/2 ∫|E|².

Arguments are alike: lengths of the box along (x, y) or (x, y, z); places (..., body, i), anywhere; charges (..., body);
width a; strength 1/ε, in 2-D over the depth of the plane; splitting σ, chosen if None.

Source: P. P. Ewald, Die Berechnung optischer und elektrostatischer Gitterpotentiale (Annalen der Physik 369, 1921);
D. Frenkel and B. Smit, Understanding Molecular Simulation (2nd ed., 2002), chapter 12.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

__all__ = ["density", "energy", "field"]

_REACH = 8.6
_SERIES = 18


def density(
    axes: Sequence[np.ndarray], lengths: Sequence[float], places: np.ndarray, charges: np.ndarray, width: float
) -> np.ndarray:
    """The charge per area or volume (*space) on the points of the axes (x, y) or (x, y, z), stored as (y, x)."""
    total = np.asarray(charges)
    for n, (points, length) in enumerate(zip(axes, lengths, strict=True)):
        away = points - places[:, n, None]
        away -= length * np.round(away / length)
        far = math.ceil(_REACH * width / length)
        images = length * np.arange(-far, far + 1)
        bump = np.exp(-0.5 * ((away[..., None] + images) / width) ** 2).sum(axis=-1) / (math.sqrt(2 * math.pi) * width)
        # later axes are stored before
        total = total[..., None] * bump if n == 0 else total[:, None] * bump.reshape(*bump.shape, *(1,) * n)
    return total.sum(axis=0)


def field(
    axes: Sequence[np.ndarray],
    lengths: Sequence[float],
    places: np.ndarray,
    charges: np.ndarray,
    width: float,
    strength: float,
    splitting: float | None = None,
) -> np.ndarray:
    """The electric field (*space, i) on the points of the axes (x, y) or (x, y, z), stored as (y, x)."""
    dimension = len(lengths)
    if splitting is None:
        splitting = max(width, min(lengths) / (50 if dimension == 2 else 25))
    sigma = max(width, splitting)
    waves, k, weight = _modes(lengths, sigma)
    potential = strength * weight * _structure(waves, places, charges)
    spread = [np.exp(1j * np.outer(wave, points)) for wave, points in zip(waves, axes, strict=True)]
    parts = []
    for n in range(dimension):
        part = -1j * k[n] * potential
        for axis, basis in enumerate(reversed(spread)):
            part = np.moveaxis(np.tensordot(part, basis, axes=(axis, 0)), -1, axis)
        parts.append(part.real)
    total = np.stack(parts, axis=-1)
    if width < sigma:
        _add_near(total, axes, lengths, places, charges * strength, width, sigma)
    return total


def energy(
    lengths: Sequence[float],
    places: np.ndarray,
    charges: np.ndarray,
    width: np.ndarray | float,
    strength: np.ndarray | float,
    splitting: float | None = None,
) -> np.ndarray:
    """The energy (row,) of the fields of rows of charges; width and strength may be those of each row."""
    from scipy.special import exp1

    dimension, volume, rows = len(lengths), math.prod(lengths), len(places)
    sigma = min(lengths) / 6 if splitting is None else splitting
    pair = math.sqrt(2) * np.broadcast_to(np.asarray(width, dtype=np.float64), rows)
    strength = np.broadcast_to(np.asarray(strength, dtype=np.float64), rows)
    waves, _, weight = _modes(lengths, sigma)
    far = np.abs(_structure(waves, places, charges)) ** 2
    total = np.sum(weight * far, axis=tuple(range(1, dimension + 1)))
    size = np.array(lengths)
    away = places[:, :, None] - places[:, None]
    away -= size * np.round(away / size)
    product = charges[:, :, None] * charges[:, None]
    s = pair[:, None, None]
    for image in _images(lengths, _REACH * max(sigma, float(pair.max())) + 0.5 * size):
        square = np.sum((away + image) ** 2, axis=-1)
        zero = square == 0
        square[zero] = 1.0
        if dimension == 2:
            near = (exp1(square / (2 * sigma**2)) - exp1(square / (2 * s**2))) / (4 * math.pi)
            limit = np.log(sigma / s) / (2 * math.pi)
        else:
            near = (_erf(square, s) - _erf(square, sigma)) / (4 * math.pi * np.sqrt(square))
            limit = math.sqrt(2 / math.pi) * (1 / s - 1 / sigma) / (4 * math.pi)
        total += np.sum(product * np.where(zero, limit, near), axis=(-2, -1))
    # the near part has a mean, which the background takes away
    total -= charges.sum(axis=-1) ** 2 * (sigma**2 - pair**2) / (2 * volume)
    return 0.5 * strength * total


def _modes(lengths: Sequence[float], sigma: float) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Wavenumbers along each axis; the same as fields over the modes (..., y, x); exp(-k²σ²/2)/(k² V) of a half space.

    The modes with kx > 0 stand for their opposites too, and count twice.
    """
    waves = []
    for n, length in enumerate(lengths):
        most = math.ceil(_REACH * length / (2 * math.pi * sigma))
        waves.append(2 * math.pi / length * np.arange(0 if n == 0 else -most, most + 1))
    k = np.meshgrid(*reversed(waves), indexing="ij")[::-1]
    square = sum(part**2 for part in k)
    zero = square == 0
    weight = np.exp(-0.5 * sigma**2 * square) / (np.where(zero, 1.0, square) * math.prod(lengths))
    weight *= np.where(k[0] > 0, 2.0, 1.0)
    weight[zero] = 0.0
    return waves, k, weight


def _structure(waves: Sequence[np.ndarray], places: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Σ Q exp(-i k·r) over the bodies, (..., *modes)."""
    phases = [np.exp(-1j * places[..., n, None] * wave) for n, wave in enumerate(waves)]
    rest = charges[..., None] * phases[-1]
    for phase in phases[-2:0:-1]:
        rest = (rest[..., :, None] * phase[..., None, :]).reshape(*charges.shape, -1)
    found = np.swapaxes(rest, -1, -2) @ phases[0]
    return found.reshape(*charges.shape[:-1], *(wave.size for wave in reversed(waves)))


def _images(lengths: Sequence[float], reach: Sequence[float]) -> list[np.ndarray]:
    """The shifts by whole boxes along every axis within a reach."""
    counts = [math.floor(far / length) for far, length in zip(reach, lengths, strict=True)]
    steps = itertools.product(*(range(-count, count + 1) for count in counts))
    return [np.array(step) * np.array(lengths) for step in steps]


def _add_near(
    total: np.ndarray,
    axes: Sequence[np.ndarray],
    lengths: Sequence[float],
    places: np.ndarray,
    sources: np.ndarray,
    width: float,
    sigma: float,
) -> None:
    """Add the field of charges of a width over that of charges of width σ, where it is not below rounding."""
    reach, dimension = _REACH * sigma, len(lengths)
    middle = np.array([0.5 * (points[0] + points[-1]) for points in axes])
    extent = np.array([0.5 * abs(points[-1] - points[0]) for points in axes])
    size = np.array(lengths)
    for place, source in zip(places, sources, strict=True):
        nearest = place - size * np.round((place - middle) / size)
        for image in _images(lengths, extent + reach + 0.5 * size):
            away = [points - x for points, x in zip(axes, nearest + image, strict=True)]
            chosen = [np.flatnonzero(np.abs(d) <= reach) for d in away]
            if not all(some.size for some in chosen):
                continue
            parts = np.meshgrid(*(d[some] for d, some in zip(away[::-1], chosen[::-1], strict=True)), indexing="ij")
            square = sum(part**2 for part in parts)
            pull = source * (_radial(square, width, dimension) - _radial(square, sigma, dimension))
            place_in = np.ix_(*chosen[::-1])
            for n, part in enumerate(reversed(parts)):
                total[(*place_in, n)] += pull * part


def _radial(square: np.ndarray, width: float, dimension: int) -> np.ndarray:
    """|E|/(r Q/ε) at r² of a Gaussian charge in free space."""
    if dimension == 2:
        u = square / (2 * width**2)
        return -np.expm1(-u) / np.where(u > 0, u, 1.0) / (4 * math.pi * width**2) + (u == 0) / (4 * math.pi * width**2)
    u2 = square / width**2
    few, total, term = np.minimum(u2, 1.0), np.zeros_like(u2), np.ones_like(u2)
    for n in range(_SERIES):
        total += term / (2 * n + 3)
        term = term * few / (-2.0 * (n + 1))
    u = np.sqrt(np.maximum(u2, 1.0))
    direct = (_erf(u**2, 1.0) - math.sqrt(2 / math.pi) * u * np.exp(-0.5 * u**2)) / u**3
    return np.where(u2 < 1, math.sqrt(2 / math.pi) * total, direct) / (4 * math.pi * width**3)


def _erf(square: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    from scipy.special import erf

    return erf(np.sqrt(square / 2) / width)
