"""The right-hand side of the shallow-water equations as a kernel for `simulators.integrate`.

It works in the natural units of a sample: thickness in units of H, velocity in units of c = sqrt(g H), salinity as
departure from S0 in units of σ; time stays in seconds. Fields over (y, x): h = η/H, the momenta m = D u/(H c) along x
and y, and the salt r = D (S - S0)/(H σ), with D/H = 1 + h. Parameters: c/dx, c/dy, f, ν/dx**2, ν/dy**2, κ/dx**2,
κ/dy**2. Integral: the mean over the cells of what viscosity takes of the energy, in units of g H**2.

Every term is a sum over the four neighbours b along an axis, one and two cells away on both sides, s being the side:

    mass:                -c s w m_b
    momenta and salt q:  -c s w (m + m_b) (q + q_b)/2 + ν v (D + D_b) (q_b - q)/2
    pressure:            -c s w D h_b

with w = 2/3, -1/12 the weights of the first derivative of order 4 and v = 4/3, -1/12 those of the second, m the
momentum along the axis, and q the velocities and the salinity (κ for ν). Neighbours on both sides are paired before
anything else is added, so that the mirror image of a state has the mirror image's rates.
"""

from __future__ import annotations

import functools

import numba
import numpy as np

from simulators.integrate import _compile, field_kernel

_V, _N, _F = _compile.vector, numba.int64, numba.float64


@numba.njit
def _shifted(field: np.ndarray, begin: int, stride: int, count: int) -> tuple[np.ndarray, ...]:
    """The cells of a stretch, those one and two further, and those one and two before."""
    far = 2 * stride
    return (
        field[begin : begin + count],
        field[begin + stride : begin + stride + count],
        field[begin + far : begin + far + count],
        field[begin - stride : begin - stride + count],
        field[begin - far : begin - far + count],
    )


@_compile.lanes(numba.void(_V, _V, _V, _V, _V, _N, _N, _N, _F, _F, _F, _V, _V, _V, _V, _V))
def _along(
    height: np.ndarray, flow: np.ndarray, normal: np.ndarray, other: np.ndarray, salt: np.ndarray,
    stride: int, begin: int, count: int, c: float, nu: float, kappa: float, rates: np.ndarray,
    mass_rate: np.ndarray, normal_rate: np.ndarray, other_rate: np.ndarray, salt_rate: np.ndarray,
) -> None:  # fmt: skip
    """Add what the neighbours along one axis do; arrays are flat, a neighbour is `stride` further."""
    h0, h1, h2, h3, h4 = _shifted(height, begin, stride, count)
    m0, m1, m2, m3, m4 = _shifted(flow, begin, stride, count)
    u0, u1, u2, u3, u4 = _shifted(normal, begin, stride, count)
    v0, v1, v2, v3, v4 = _shifted(other, begin, stride, count)
    s0, s1, s2, s3, s4 = _shifted(salt, begin, stride, count)
    near, far = c * 2.0 / 3.0, -c / 12.0
    close, wide = 2.0 / 3.0, -1.0 / 24.0
    for i in range(count):
        pull = near * (m1[i] - m3[i]) + far * (m2[i] - m4[i])
        push = near * (h1[i] - h3[i]) + far * (h2[i] - h4[i])
        f1, f3 = 0.5 * near * (m0[i] + m1[i]), 0.5 * near * (m0[i] + m3[i])
        f2, f4 = 0.5 * far * (m0[i] + m2[i]), 0.5 * far * (m0[i] + m4[i])
        g1, g3 = close * (2.0 + (h0[i] + h1[i])), close * (2.0 + (h0[i] + h3[i]))
        g2, g4 = wide * (2.0 + (h0[i] + h2[i])), wide * (2.0 + (h0[i] + h4[i]))
        mass_rate[i] -= pull
        u, v, s = u0[i], v0[i], s0[i]
        drag = (g1 * (u1[i] - u) + g3 * (u3[i] - u)) + (g2 * (u2[i] - u) + g4 * (u4[i] - u))
        away = (f1 * (u1[i] + u) - f3 * (u3[i] + u)) + (f2 * (u2[i] + u) - f4 * (u4[i] + u))
        normal_rate[i] += nu * drag - away - (1.0 + h0[i]) * push
        rates[i] -= nu * drag * u
        drag = (g1 * (v1[i] - v) + g3 * (v3[i] - v)) + (g2 * (v2[i] - v) + g4 * (v4[i] - v))
        away = (f1 * (v1[i] + v) - f3 * (v3[i] + v)) + (f2 * (v2[i] + v) - f4 * (v4[i] + v))
        other_rate[i] += nu * drag - away
        rates[i] -= nu * drag * v
        drag = (g1 * (s1[i] - s) + g3 * (s3[i] - s)) + (g2 * (s2[i] - s) + g4 * (s4[i] - s))
        away = (f1 * (s1[i] + s) - f3 * (s3[i] + s)) + (f2 * (s2[i] + s) - f4 * (s4[i] + s))
        salt_rate[i] += kappa * drag - away


@field_kernel
def rhs(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray, rates: np.ndarray) -> None:
    """d(h, m_x, m_y, r)/dt at every cell; NaN where the layer is dry."""
    rows, columns = y.shape[1], y.shape[2]
    wide = columns + 4
    # height, the momenta, the velocities and the salinity, with a margin of copies of the cells beyond the border
    held = np.empty((6, rows + 4, wide))
    dry = False
    for i in range(rows):
        for j in range(columns):
            thick = 1.0 + y[0, i, j]
            dry |= thick <= 0.0
            inverse = 1.0 / thick
            held[0, i + 2, j + 2] = y[0, i, j]
            held[1, i + 2, j + 2] = y[1, i, j]
            held[2, i + 2, j + 2] = y[2, i, j]
            held[3, i + 2, j + 2] = y[1, i, j] * inverse
            held[4, i + 2, j + 2] = y[2, i, j] * inverse
            held[5, i + 2, j + 2] = y[3, i, j] * inverse
    for field in range(6):
        part = held[field]
        for i in range(2, rows + 2):
            for j in range(2):
                part[i, j] = part[i, 2 + (j - 2) % columns]
                part[i, columns + 2 + j] = part[i, 2 + j % columns]
        for i in range(2):
            part[i] = part[2 + (i - 2) % rows]
            part[rows + 2 + i] = part[2 + i % rows]
    # one long loop over all rows; what it finds in the margins between them is left there
    begin, count = 2 * wide + 2, rows * wide - 4
    change = np.zeros((5, count))
    flat = held.reshape(6, -1)
    _along(
        flat[0], flat[1], flat[3], flat[4], flat[5], 1, begin, count, p[0], p[3], p[5], change[4],
        change[0], change[1], change[2], change[3],
    )  # fmt: skip
    _along(
        flat[0], flat[2], flat[4], flat[3], flat[5], wide, begin, count, p[1], p[4], p[6], change[4],
        change[0], change[2], change[1], change[3],
    )  # fmt: skip
    f = p[2]
    lost = 0.0
    for i in range(rows):
        first = i * wide
        for j in range(columns):
            n = first + j
            out[0, i, j] = change[0, n]
            out[1, i, j] = change[1, n] + f * y[2, i, j]
            out[2, i, j] = change[2, n] - f * y[1, i, j]
            out[3, i, j] = change[3, n]
            lost += change[4, n]
    if dry:
        out[:] = np.nan
    if rates.size == 1:
        rates[0] = lost / (rows * columns)


@functools.cache
def load() -> None:
    """Load the machine code of the kernel and of the solver from disk, or make it, which takes seconds."""
    from simulators.integrate import _explicit_loops  # noqa: F401

    rhs.compiled(3)
