"""The loops of exponential steppers on modes (channel, mode, 2), whose last index is real and imaginary part.

The coefficients are real, one for each mode (mode,), the same for all channels. Compiled for float64 and float32 as
they come; sums are in float64.
"""

from __future__ import annotations

from simulators.integrate import _compile

_loop = _compile.elementwise(None)


@_loop
def combine2(out, u, w0, n1, w1):
    """Set out = w0 u + w1 n1."""
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            for part in range(2):
                out[c, i, part] = w0[i] * u[c, i, part] + w1[i] * n1[c, i, part]


@_loop
def combine3(out, u, w0, n1, w1, n2, w2):
    """Set out = w0 u + w1 n1 + w2 n2."""
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            for part in range(2):
                out[c, i, part] = w0[i] * u[c, i, part] + w1[i] * n1[c, i, part] + w2[i] * n2[c, i, part]


@_loop
def combine4(out, u, w0, n1, w1, n2, n3, w23, n4, w4):
    """Set out = w0 u + w1 n1 + w23 (n2 + n3) + w4 n4."""
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            for part in range(2):
                middle = n2[c, i, part] + n3[c, i, part]
                out[c, i, part] = (
                    w0[i] * u[c, i, part] + w1[i] * n1[c, i, part] + w23[i] * middle + w4[i] * n4[c, i, part]
                )


@_loop
def correct(out, n1, n2, w):
    """Add w (n2 - n1) to out."""
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            for part in range(2):
                out[c, i, part] += w[i] * (n2[c, i, part] - n1[c, i, part])


@_compile.elementwise(None, reassociate=True)
def squares(before, n1, n2, n3, n4, n5, w, metric, q):
    """The larger of the two estimates of `simulators.integrate.etdrk4`, as sums over the modes of metric |w e|²."""
    stage = line = 0.0
    for c in range(n1.shape[0]):
        for i in range(n1.shape[1]):
            size = metric[i] * w[i] * w[i]
            for part in range(2):
                d = n4[c, i, part] - n5[c, i, part]
                stage += size * d * d
                middle = n2[c, i, part] + n3[c, i, part]
                e = q[0] * before[c, i, part] + q[1] * n1[c, i, part] + q[2] * middle + q[3] * n5[c, i, part]
                line += size * e * e
    return max(stage, line)
