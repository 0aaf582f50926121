"""The equations of motion of a chain of n bodies on springs, as kernels for `simulators.integrate`.

Body b hangs from body b - 1, the first from a pivot at the origin; with d_b = q_b - q_(b-1),

    dq_b/dt = p_b / m_b
    dp_b/dt = m_b g - k_b (1 - L_b/|d_b|) d_b + k_(b+1) (1 - L_(b+1)/|d_(b+1)|) d_(b+1)

Rows of the state: q (body, i) flattened, then p (body, i) flattened. Rows of the parameters: mass (body),
stiffness (body), rest_length (body), gravity (i). |d_b| = 0 has no direction and gives NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulators.integrate import kernel

if TYPE_CHECKING:
    import numpy as np


@kernel
def rhs(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """d(q, p)/dt of the whole state."""
    n = y.shape[0] // 6
    for b in range(n):
        for lane in range(t.size):
            w = 1.0 / p[b, lane]
            out[3 * b, lane] = y[3 * (n + b), lane] * w
            out[3 * b + 1, lane] = y[3 * (n + b) + 1, lane] * w
            out[3 * b + 2, lane] = y[3 * (n + b) + 2, lane] * w
    for b in range(n):
        above = max(b - 1, 0)
        hung = 1.0 if b > 0 else 0.0
        for lane in range(t.size):
            x = y[3 * b, lane] - hung * y[3 * above, lane]
            v = y[3 * b + 1, lane] - hung * y[3 * above + 1, lane]
            z = y[3 * b + 2, lane] - hung * y[3 * above + 2, lane]
            pull = p[n + b, lane] * (1.0 - p[2 * n + b, lane] / math.sqrt(x * x + v * v + z * z))
            out[3 * (n + b), lane] = -pull * x
            out[3 * (n + b) + 1, lane] = -pull * v
            out[3 * (n + b) + 2, lane] = -pull * z
    for b in range(n):
        for i in range(3):
            row = 3 * (n + b) + i
            if b < n - 1:
                for lane in range(t.size):
                    out[row, lane] -= out[row + 3, lane]
            for lane in range(t.size):
                out[row, lane] += p[b, lane] * p[3 * n + i, lane]


@kernel
def double_rhs(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """The same as `rhs` for two bodies, in one vector loop and twice as fast."""
    for lane in range(t.size):
        m1, m2 = p[0, lane], p[1, lane]
        w1, w2 = 1.0 / m1, 1.0 / m2
        x, v, z = y[0, lane], y[1, lane], y[2, lane]
        dx, dv, dz = y[3, lane] - x, y[4, lane] - v, y[5, lane] - z
        pull1 = p[2, lane] * (1.0 - p[4, lane] / math.sqrt(x * x + v * v + z * z))
        pull2 = p[3, lane] * (1.0 - p[5, lane] / math.sqrt(dx * dx + dv * dv + dz * dz))
        out[0, lane] = y[6, lane] * w1
        out[1, lane] = y[7, lane] * w1
        out[2, lane] = y[8, lane] * w1
        out[3, lane] = y[9, lane] * w2
        out[4, lane] = y[10, lane] * w2
        out[5, lane] = y[11, lane] * w2
        out[6, lane] = m1 * p[6, lane] - pull1 * x + pull2 * dx
        out[7, lane] = m1 * p[7, lane] - pull1 * v + pull2 * dv
        out[8, lane] = m1 * p[8, lane] - pull1 * z + pull2 * dz
        out[9, lane] = m2 * p[6, lane] - pull2 * dx
        out[10, lane] = m2 * p[7, lane] - pull2 * dv
        out[11, lane] = m2 * p[8, lane] - pull2 * dz


@kernel
def velocity(t: np.ndarray, momentum: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """dq/dt of the momenta."""
    for b in range(momentum.shape[0] // 3):
        for lane in range(t.size):
            w = 1.0 / p[b, lane]
            out[3 * b, lane] = momentum[3 * b, lane] * w
            out[3 * b + 1, lane] = momentum[3 * b + 1, lane] * w
            out[3 * b + 2, lane] = momentum[3 * b + 2, lane] * w


@kernel
def force(t: np.ndarray, q: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """dp/dt of the positions."""
    n = q.shape[0] // 3
    for b in range(n):
        above = max(b - 1, 0)
        hung = 1.0 if b > 0 else 0.0
        for lane in range(t.size):
            x = q[3 * b, lane] - hung * q[3 * above, lane]
            y = q[3 * b + 1, lane] - hung * q[3 * above + 1, lane]
            z = q[3 * b + 2, lane] - hung * q[3 * above + 2, lane]
            pull = p[n + b, lane] * (1.0 - p[2 * n + b, lane] / math.sqrt(x * x + y * y + z * z))
            out[3 * b, lane] = -pull * x
            out[3 * b + 1, lane] = -pull * y
            out[3 * b + 2, lane] = -pull * z
    for b in range(n):
        for i in range(3):
            row = 3 * b + i
            if b < n - 1:
                for lane in range(t.size):
                    out[row, lane] -= out[row + 3, lane]
            for lane in range(t.size):
                out[row, lane] += p[b, lane] * p[3 * n + i, lane]
