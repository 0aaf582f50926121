"""Weights over consecutive output times that turn a differential equation into a sum over outputs.

For numbers f_n = f(t_n) and F_n = f'(t_n) at the times of a window, weights α, β are sought with

    Σ_n α_n f_n = Σ_n β_n F_n,   Σ_n β_n = 1,

exact for polynomials f up to degree 4m on 2m + 1 times. Noise in f is never differentiated twice, and windows that are
added up with any weights keep the order; so smoothing in time costs no accuracy. With m = 1 and equal steps this is
Simpson's rule; the difference of m = 1 and m = 2 estimates the error of the quadrature.
"""

from __future__ import annotations

from math import comb

import numpy as np

__all__ = ["Windows"]


class Windows:
    """Matrices that take values at the output times to windows.

    Args:
        times: (time,), increasing.
        smooth: over how many further windows to smooth with binomial weights.
        most: how many windows to keep at most, evenly chosen.

    Attributes:
        left: (window, time) weights of f, in 1/time.
        right: (window, time) weights of its rate.
        coarse: the pair (left, right) of the lower order, over the same times.
    """

    def __init__(self, times: np.ndarray, smooth: int = 0, most: int = 60) -> None:
        fine, coarse = _weights(times, 2), _weights(times, 1)
        coarse = tuple(array[1:-1] for array in coarse)
        count = len(fine[0])
        smooth = min(smooth, count - 1)
        blur = np.zeros((count - smooth, count))
        for row in range(len(blur)):
            blur[row, row : row + smooth + 1] = [comb(smooth, k) / 2.0**smooth for k in range(smooth + 1)]
        every = max(1, -(-len(blur) // most))
        blur = blur[::every]
        self.left, self.right = (blur @ array for array in fine)
        self.coarse = tuple(blur @ array for array in coarse)

    @property
    def count(self) -> int:
        """The number of windows."""
        return len(self.left)

    def blocks(self) -> list[slice]:
        """Windows that are weighted alike: each of the first alone, later ones with ever more others."""
        found, begin = [], 0
        while begin < self.count:
            end = begin + max(1, begin // 4)
            found.append(slice(begin, min(end, self.count)))
            begin = end
        return found


def _weights(times: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    count, size = times.size - 2 * reach, 2 * reach + 1
    left, right = (np.zeros((count, times.size)) for _ in range(2))
    for row in range(count):
        window = slice(row, row + size)
        middle, half = times[row + reach], 0.5 * (times[row + size - 1] - times[row])
        s = (times[window] - middle) / half
        system = np.zeros((2 * size, 2 * size))
        for power in range(2 * size - 1):
            system[power, :size] = s**power
            if power:
                system[power, size:] = -power * s ** (power - 1)
        system[-1, size:] = 1.0
        found = np.linalg.solve(system, np.eye(2 * size)[-1])
        left[row, window], right[row, window] = found[:size] / half, found[size:]
    return left, right
