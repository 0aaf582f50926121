"""What lies between the points of trajectories, at Gauss-Legendre nodes of every interval.

By polynomials through neighbours or, where noise is what differences of high order show, by smoothing splines whose
smoothness generalised cross-validation sets (Craven and Wahba, Numer. Math. 31, 1979); once a law is known, by
polynomials through values and slopes (Hermite).
"""

from __future__ import annotations

import itertools
import math

import numpy as np

__all__ = ["NODES", "between", "hermite", "misfit", "noise"]

NODES = 5
"""Gauss-Legendre points an interval."""
_STENCIL = 6
_HERMITE = 4
_SPLINE = 8
_PLATEAU = 0.8
_PIECE = 300
_NEIGHBOURS = 4


def noise(states: np.ndarray) -> tuple[np.ndarray, bool]:
    """The standard deviation of white noise in evenly spaced series, and whether it is that.

    Differences of order k of white noise have the variance C(2k, k) σ², those of a smooth series fall with k.

    Args:
        states: (series, point, n).

    Returns:
        σ (n,), an upper bound if the series are smooth; whether differences have stopped falling.
    """
    orders = range(1, min(states.shape[1], 9))
    sizes = []
    for k in orders:
        change = np.diff(states, k, axis=1)
        sizes.append(np.sqrt(np.mean(change**2, axis=(0, 1)) / math.comb(2 * k, k)))
    if not sizes:
        return np.zeros(states.shape[-1]), False
    table = np.array(sizes)
    falling = len(table) < 4 or float(np.median(table[-1] / np.maximum(table[-2], 1e-300))) < _PLATEAU
    return table.min(axis=0), not falling


def between(whole: np.ndarray, times: np.ndarray) -> np.ndarray:
    """States (series, interval, node, n) between the points of series (series, point, n)."""
    nodes, _ = np.polynomial.legendre.leggauss(NODES)
    points = whole.shape[1]
    steps = np.diff(times)
    even = np.allclose(steps, steps[0], rtol=1e-6)
    at = times[:-1, None] + steps[:, None] * (nodes + 1) / 2
    if even and points >= _SPLINE and noise(whole)[1]:
        return _smoothed(whole, times, at)
    out = np.empty((len(whole), points - 1, NODES, whole.shape[-1]))
    size = min(points, _STENCIL)
    for k in range(points - 1):
        first = min(max(0, k - (size - 1) // 2), points - size)
        stencil = np.arange(first, first + size)
        weights = _lagrange(times[stencil] - times[k], at[k] - times[k])
        out[:, k] = np.einsum("ms,wsn->wmn", weights, whole[:, stencil])
    return out


def misfit(whole: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How far each point of series (series, point, n) is from the polynomial through its four nearest neighbours.

    Noise, or motion that the points are too far apart to show; 0 of fewer than five points.
    """
    points = whole.shape[1]
    out = np.zeros(whole.shape)
    if points <= _NEIGHBOURS:
        return out
    for k in range(points):
        first = min(max(0, k - _NEIGHBOURS // 2), points - _NEIGHBOURS - 1)
        others = np.setdiff1d(np.arange(first, first + _NEIGHBOURS + 1), k)
        (weights,) = _lagrange(times[others] - times[k], np.zeros(1))
        out[:, k] = np.abs(whole[:, k] - np.einsum("s,wsn->wn", weights, whole[:, others]))
    return out


def _smoothed(whole: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic smoothing splines of evenly spaced series, each as smooth as generalised cross-validation has it.

    In the basis where the roughness penalty is diagonal (Demmler and Reinsch, Numer. Math. 24, 1975), the spline of
    every smoothness is a division, and so is its cross-validation.
    """
    from scipy.interpolate import CubicSpline

    count, points, n = whole.shape
    pieces = max(1, round(points / _PIECE))
    cuts = np.linspace(0, points - 1, pieces + 1).round().astype(int)
    out = np.empty((count, *at.shape, n))
    for first, last in itertools.pairwise(cuts):
        values, basis = np.linalg.eigh(_roughness(last - first + 1))
        rows = whole[:, first : last + 1].transpose(1, 0, 2).reshape(last - first + 1, -1)
        inner = basis.T @ rows
        scores, best = np.full(inner.shape[1], np.inf), np.zeros(inner.shape[1])
        for penalty in np.logspace(-4, 8, 49):
            # how far each coefficient is shrunk; the trace is the number of degrees of freedom given up
            lost = 1 - 1 / (1 + penalty * np.maximum(values, 0))
            score = np.sum((lost[:, None] * inner) ** 2, axis=0) / np.sum(lost) ** 2
            best, scores = np.where(score < scores, penalty, best), np.minimum(score, scores)
        smooth = basis @ (inner / (1 + np.maximum(values, 0)[:, None] * best))
        spline = CubicSpline(times[first : last + 1], smooth, bc_type="natural")
        out[:, first:last] = spline(at[first:last]).reshape(last - first, -1, count, n).transpose(2, 0, 1, 3)
    return out


def _roughness(points: int) -> np.ndarray:
    """The matrix K of the penalty y'K y = ∫ (y'')² of natural cubic splines through evenly spaced points."""
    second = np.diff(np.eye(points), 2, axis=0)
    band = (np.eye(points - 2) * 4 + np.eye(points - 2, k=1) + np.eye(points - 2, k=-1)) / 6
    return second.T @ np.linalg.solve(band, second)


def _lagrange(nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Weights (place, node) of the polynomial through the nodes."""
    scale = float(np.ptp(nodes))
    x, y = nodes / scale, at / scale
    matrix = np.ones((len(y), len(x)))
    for j in range(len(x)):
        for m in range(len(x)):
            if m != j:
                matrix[:, j] *= (y - x[m]) / (x[j] - x[m])
    return matrix


def hermite(states: np.ndarray, slopes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Between points, by polynomials through values and slopes of neighbours."""
    nodes, _ = np.polynomial.legendre.leggauss(NODES)
    windows, points, n = states.shape
    out = np.empty((windows, points - 1, NODES, n))
    size = min(points, _HERMITE)
    for k in range(points - 1):
        first = min(max(0, k - (size - 1) // 2), points - size)
        stencil = np.arange(first, first + size)
        local = times[:, stencil] - times[:, k : k + 1]
        step = times[:, k + 1] - times[:, k]
        # windows of one trajectory lie on one grid, mostly: few distinct stencils
        shapes, which = np.unique(np.round(local / step[:, None], 9), axis=0, return_inverse=True)
        for shape, own in enumerate(shapes):
            rows = np.flatnonzero(which.ravel() == shape)
            values, rates = _hermite_weights(own, (nodes + 1) / 2)
            out[rows, k] = np.einsum("ms,wsn->wmn", values, states[rows][:, stencil])
            out[rows, k] += np.einsum("ms,wsn,w->wmn", rates, slopes[rows][:, stencil], step[rows])
    return out


def _hermite_weights(nodes: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (place, node) of values and of slopes: h = (1 - 2 (x - x_j) l_j'(x_j)) l_j², (x - x_j) l_j²."""
    base = _lagrange(nodes, at)
    apart = nodes[:, None] - nodes[None, :] + np.eye(len(nodes))
    derivative = np.sum(1 / apart, axis=1) - 1
    away = at[:, None] - nodes[None, :]
    return (1 - 2 * away * derivative) * base**2, away * base**2
