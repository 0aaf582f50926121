"""The loops of the exponential integrator, fused so that every array is read once a stage.

Coefficients are real where the linear part is, complex else; `w` holds one row of coefficients for each use.
"""

from __future__ import annotations

import numba
import numpy as np

from simulators.integrate import _compile

_REAL, _COMPLEX = numba.float64[::1], numba.complex128[::1]
_FEW = 1.0
_TERMS = 18


def _phi(z, exponential, one, two, three):
    for n in range(z.size):
        x = z[n]
        if abs(x) < _FEW:
            # Taylor series, from the last term up: phi_3 = sum x^k/(k+3)!, and phi_(k-1) = x phi_k + 1/(k-1)!
            last = 1.0 + 0.0 * x
            for k in range(_TERMS, 0, -1):
                last = 1.0 + x * last / (k + 3)
            three[n] = last / 6.0
            two[n] = 0.5 + x * three[n]
            one[n] = 1.0 + x * two[n]
            exponential[n] = 1.0 + x * one[n]
        else:
            e = np.exp(x)
            exponential[n] = e
            one[n] = (e - 1.0) / x
            two[n] = (one[n] - 1.0) / x
            three[n] = (two[n] - 0.5) / x


def _combine2(out, u, w0, n1, w1):
    for i in range(out.size):
        out[i] = w0[i] * u[i] + w1[i] * n1[i]


def _combine3(out, u, w0, n1, w1, n2, w2):
    for i in range(out.size):
        out[i] = w0[i] * u[i] + w1[i] * n1[i] + w2[i] * n2[i]


def _combine4(out, u, w0, n1, w1, n2, n3, w23, n4, w4):
    for i in range(out.size):
        out[i] = w0[i] * u[i] + w1[i] * n1[i] + w23[i] * (n2[i] + n3[i]) + w4[i] * n4[i]


def _shift(out, u, h, n):
    for i in range(out.size):
        out[i] = u[i] + h * n[i]


def _classical(out, u, h, n1, n2, n3, n4):
    for i in range(out.size):
        out[i] = u[i] + h * (n1[i] + 2.0 * (n2[i] + n3[i]) + n4[i])


def _squares(before, n1, n2, n3, n4, n5, w, q, size, last, columns):
    """The larger of the two estimates: sums over the modes of |w e|^2, each mode of rfftn as often as it occurs."""
    stage = line = 0.0
    for row in range(n1.size // columns):
        first, end = row * columns, (row + 1) * columns
        for i in range(first, end):
            d = w[i] * (n4[i] - n5[i])
            stage += 2.0 * (d.real * d.real + d.imag * d.imag)
            e = w[i] * (q[0] * before[i] + q[1] * n1[i] + q[2] * (n2[i] + n3[i]) + q[3] * n5[i])
            line += 2.0 * (e.real * e.real + e.imag * e.imag)
        # the first mode of a row, and with an even number of cells the last, have no other half
        for i in range(first, end, columns - 1) if last else range(first, first + 1):
            d = w[i] * (n4[i] - n5[i])
            stage -= d.real * d.real + d.imag * d.imag
            e = w[i] * (q[0] * before[i] + q[1] * n1[i] + q[2] * (n2[i] + n3[i]) + q[3] * n5[i])
            line -= e.real * e.real + e.imag * e.imag
    stage, line = max(stage, 0.0), max(line, 0.0)
    return max(stage, line) / size


def _changes(before, n1, n2, n3, n4, n5, q):
    """The same without transforms: the larger of the sums over the cells of e^2."""
    stage = line = 0.0
    for i in range(n1.size):
        d = n4[i] - n5[i]
        stage += d * d
        e = q[0] * before[i] + q[1] * n1[i] + q[2] * (n2[i] + n3[i]) + q[3] * n5[i]
        line += e * e
    return max(stage, line)


def _both(function, arguments, *, reassociate=False):
    """Compiled for real and for complex coefficients."""
    return _compile.elementwise([arguments(_REAL), arguments(_COMPLEX)], reassociate=reassociate)(function)


phi = _both(_phi, lambda w: numba.void(w, w, w, w, w))
combine2 = _both(_combine2, lambda w: numba.void(_COMPLEX, _COMPLEX, w, _COMPLEX, w))
combine3 = _both(_combine3, lambda w: numba.void(_COMPLEX, _COMPLEX, w, _COMPLEX, w, _COMPLEX, w))
combine4 = _both(
    _combine4, lambda w: numba.void(_COMPLEX, _COMPLEX, w, _COMPLEX, w, _COMPLEX, _COMPLEX, w, _COMPLEX, w)
)
squares = _both(
    _squares,
    lambda w: numba.float64(
        _COMPLEX, _COMPLEX, _COMPLEX, _COMPLEX, _COMPLEX, _COMPLEX, w, _REAL, numba.float64, numba.boolean, numba.int64
    ),
    reassociate=True,
)
shift = _compile.elementwise(numba.void(_REAL, _REAL, numba.float64, _REAL))(_shift)
classical = _compile.elementwise(numba.void(_REAL, _REAL, numba.float64, _REAL, _REAL, _REAL, _REAL))(_classical)
changes = _compile.elementwise(numba.float64(_REAL, _REAL, _REAL, _REAL, _REAL, _REAL, _REAL), reassociate=True)(
    _changes
)
