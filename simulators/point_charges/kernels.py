"""The motion of charges in a periodic box, as kernels for `simulators.integrate`.

    dq_b/dt = p_b/m_b,    dp_b/dt = Q_b Σ_c Q_c E(q_b - q_c)

with E the field of a unit charge of the standard deviation √2 a; see `simulators.point_charges.ewald` for the sums.
They are split at σ = L/12 in the plane and L/6 in space, L being the shortest side, and stop at 8 standard
deviations: at 1e-14.

Rows of the state: q (body, i) flattened, then p (body, i) flattened. Rows of the parameters: charge (body), mass
(body), width √2 a, strength 1/ε (in the plane over its depth), lengths (i).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from simulators.integrate import kernel

if TYPE_CHECKING:
    from simulators.integrate import Kernel

__all__ = ["forces"]


def forces(dimension: int) -> Kernel:
    """The right-hand side in 2 or 3 dimensions."""
    return plane if dimension == 2 else space


@kernel
def plane(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """d(q, p)/dt in 2 dimensions."""
    bodies, lanes = y.shape[0] // 4, t.size
    half = 2 * bodies
    most_x, most_y = 0, 0
    for lane in range(lanes):
        lx, ly = p[half + 2, lane], p[half + 3, lane]
        if lx > 0.0 and ly > 0.0:
            # 8 standard deviations of exp(-k²σ²/2), σ = L/12; all that run share one box
            most_x = math.ceil(96.0 / (2.0 * math.pi) * lx / min(lx, ly))
            most_y = math.ceil(96.0 / (2.0 * math.pi) * ly / min(lx, ly))
    gx, gy = np.empty((most_x + 1, lanes)), np.empty((most_y + 1, lanes))
    base = np.empty((2, lanes))
    for lane in range(lanes):
        for n in range(2):
            base[n, lane] = 2.0 * math.pi / p[half + 2 + n, lane]
        sigma = min(p[half + 2, lane], p[half + 3, lane]) / 12.0
        for m in range(most_x + 1):
            gx[m, lane] = math.exp(-0.5 * (sigma * base[0, lane] * m) ** 2)
        for m in range(most_y + 1):
            gy[m, lane] = math.exp(-0.5 * (sigma * base[1, lane] * m) ** 2)
    # exp(-i k x) of every body: along x as the modes go on, along y from -most_y
    ex, step = np.empty((2, bodies, lanes)), np.empty((2, bodies, lanes))
    ey = np.empty((2 * most_y + 1, 2, bodies, lanes))
    for b in range(bodies):
        for lane in range(lanes):
            w = 1.0 / p[bodies + b, lane]
            out[2 * b, lane] = y[half + 2 * b, lane] * w
            out[2 * b + 1, lane] = y[half + 2 * b + 1, lane] * w
            out[half + 2 * b, lane] = 0.0
            out[half + 2 * b + 1, lane] = 0.0
            angle = base[0, lane] * y[2 * b, lane]
            step[0, b, lane], step[1, b, lane] = math.cos(angle), -math.sin(angle)
            ex[0, b, lane], ex[1, b, lane] = 1.0, 0.0
            angle = base[1, lane] * y[2 * b + 1, lane]
            c, s = math.cos(angle), -math.sin(angle)
            re, im = 1.0, 0.0
            for m in range(most_y + 1):
                ey[most_y + m, 0, b, lane], ey[most_y + m, 1, b, lane] = re, im
                ey[most_y - m, 0, b, lane], ey[most_y - m, 1, b, lane] = re, -im
                re, im = re * c - im * s, re * s + im * c
    wave, total, weight = np.empty((2, bodies, lanes)), np.empty((2, lanes)), np.empty((3, lanes))
    for mx in range(most_x + 1):
        for my in range(-most_y, most_y + 1):
            if mx == 0 and my == 0:
                continue
            part = ey[most_y + my]
            for lane in range(lanes):
                kx, ky = base[0, lane] * mx, base[1, lane] * my
                twice = 2.0 if mx > 0 else 1.0
                g = twice * gx[mx, lane] * gy[abs(my), lane] / (kx * kx + ky * ky)
                weight[0, lane], weight[1, lane] = g * kx, g * ky
                total[0, lane], total[1, lane] = 0.0, 0.0
            for b in range(bodies):
                for lane in range(lanes):
                    re = ex[0, b, lane] * part[0, b, lane] - ex[1, b, lane] * part[1, b, lane]
                    im = ex[0, b, lane] * part[1, b, lane] + ex[1, b, lane] * part[0, b, lane]
                    wave[0, b, lane], wave[1, b, lane] = re, im
                    total[0, lane] += p[b, lane] * re
                    total[1, lane] += p[b, lane] * im
            for b in range(bodies):
                for lane in range(lanes):
                    # the imaginary part of S exp(i k r)
                    turned = total[1, lane] * wave[0, b, lane] - total[0, lane] * wave[1, b, lane]
                    out[half + 2 * b, lane] += weight[0, lane] * turned
                    out[half + 2 * b + 1, lane] += weight[1, lane] * turned
        for b in range(bodies):
            for lane in range(lanes):
                re, im = ex[0, b, lane], ex[1, b, lane]
                ex[0, b, lane] = re * step[0, b, lane] - im * step[1, b, lane]
                ex[1, b, lane] = re * step[1, b, lane] + im * step[0, b, lane]
    for b in range(bodies):
        for lane in range(lanes):
            scale = p[b, lane] * p[half + 1, lane] / (p[half + 2, lane] * p[half + 3, lane])
            out[half + 2 * b, lane] *= scale
            out[half + 2 * b + 1, lane] *= scale
    for lane in range(lanes):
        lx, ly, s = p[half + 2, lane], p[half + 3, lane], p[half, lane]
        if not (lx > 0.0 and ly > 0.0 and s > 0.0):
            continue
        sigma = min(lx, ly) / 12.0
        reach = 8.0 * max(s, sigma)
        far_x, far_y = math.floor(reach / lx + 0.5), math.floor(reach / ly + 0.5)
        a, c = 0.5 / sigma**2, 0.5 / s**2
        low, difference = min(a, c), abs(c - a)
        sign = 1.0 if c > a else -1.0
        for b in range(bodies):
            for other in range(b):
                dx, dy = y[2 * b, lane] - y[2 * other, lane], y[2 * b + 1, lane] - y[2 * other + 1, lane]
                dx -= lx * math.floor(dx / lx + 0.5)
                dy -= ly * math.floor(dy / ly + 0.5)
                fx, fy = 0.0, 0.0
                for nx in range(-far_x, far_x + 1):
                    for ny in range(-far_y, far_y + 1):
                        x, v = dx + nx * lx, dy + ny * ly
                        square = x * x + v * v
                        if square > reach * reach:
                            continue
                        pull = difference
                        if square > 0.0:
                            pull = -math.exp(-low * square) * math.expm1(-difference * square) / square
                        fx += pull * x
                        fy += pull * v
                scale = sign * p[b, lane] * p[other, lane] * p[half + 1, lane] / (2.0 * math.pi)
                out[half + 2 * b, lane] += scale * fx
                out[half + 2 * b + 1, lane] += scale * fy
                out[half + 2 * other, lane] -= scale * fx
                out[half + 2 * other + 1, lane] -= scale * fy


@kernel
def space(t: np.ndarray, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
    """d(q, p)/dt in 3 dimensions."""
    bodies, lanes = y.shape[0] // 6, t.size
    half, scales = 3 * bodies, 2 * bodies
    most = np.zeros(3, dtype=np.int64)
    for lane in range(lanes):
        least = min(p[scales + 2, lane], p[scales + 3, lane], p[scales + 4, lane])
        if least > 0.0:
            for n in range(3):
                # 8 standard deviations of exp(-k²σ²/2), σ = L/6; all that run share one box
                most[n] = math.ceil(48.0 / (2.0 * math.pi) * p[scales + 2 + n, lane] / least)
    top = max(most[0], most[1], most[2])
    base, gauss = np.empty((3, lanes)), np.empty((3, top + 1, lanes))
    # exp(-i k x) of every body along each axis, from -top
    e = np.empty((3, 2 * top + 1, 2, bodies, lanes))
    for n in range(3):
        for lane in range(lanes):
            base[n, lane] = 2.0 * math.pi / p[scales + 2 + n, lane]
            sigma = min(p[scales + 2, lane], p[scales + 3, lane], p[scales + 4, lane]) / 6.0
            for m in range(top + 1):
                gauss[n, m, lane] = math.exp(-0.5 * (sigma * base[n, lane] * m) ** 2)
        for b in range(bodies):
            for lane in range(lanes):
                out[3 * b + n, lane] = y[half + 3 * b + n, lane] / p[bodies + b, lane]
                out[half + 3 * b + n, lane] = 0.0
                angle = base[n, lane] * y[3 * b + n, lane]
                c, s = math.cos(angle), -math.sin(angle)
                re, im = 1.0, 0.0
                for m in range(top + 1):
                    e[n, top + m, 0, b, lane], e[n, top + m, 1, b, lane] = re, im
                    e[n, top - m, 0, b, lane], e[n, top - m, 1, b, lane] = re, -im
                    re, im = re * c - im * s, re * s + im * c
    flat, wave = np.empty((2, bodies, lanes)), np.empty((2, bodies, lanes))
    total, weight = np.empty((2, lanes)), np.empty((3, lanes))
    for mx in range(most[0] + 1):
        for my in range(-most[1], most[1] + 1):
            for b in range(bodies):
                for lane in range(lanes):
                    ar, ai = e[0, top + mx, 0, b, lane], e[0, top + mx, 1, b, lane]
                    br, bi = e[1, top + my, 0, b, lane], e[1, top + my, 1, b, lane]
                    flat[0, b, lane], flat[1, b, lane] = ar * br - ai * bi, ar * bi + ai * br
            for mz in range(-most[2], most[2] + 1):
                if mx == 0 and my == 0 and mz == 0:
                    continue
                part = e[2, top + mz]
                for lane in range(lanes):
                    kx, ky, kz = base[0, lane] * mx, base[1, lane] * my, base[2, lane] * mz
                    g = (2.0 if mx > 0 else 1.0) * gauss[0, mx, lane] * gauss[1, abs(my), lane]
                    g *= gauss[2, abs(mz), lane] / (kx * kx + ky * ky + kz * kz)
                    weight[0, lane], weight[1, lane], weight[2, lane] = g * kx, g * ky, g * kz
                    total[0, lane], total[1, lane] = 0.0, 0.0
                for b in range(bodies):
                    for lane in range(lanes):
                        re = flat[0, b, lane] * part[0, b, lane] - flat[1, b, lane] * part[1, b, lane]
                        im = flat[0, b, lane] * part[1, b, lane] + flat[1, b, lane] * part[0, b, lane]
                        wave[0, b, lane], wave[1, b, lane] = re, im
                        total[0, lane] += p[b, lane] * re
                        total[1, lane] += p[b, lane] * im
                for b in range(bodies):
                    for lane in range(lanes):
                        # the imaginary part of S exp(i k r)
                        turned = total[1, lane] * wave[0, b, lane] - total[0, lane] * wave[1, b, lane]
                        out[half + 3 * b, lane] += weight[0, lane] * turned
                        out[half + 3 * b + 1, lane] += weight[1, lane] * turned
                        out[half + 3 * b + 2, lane] += weight[2, lane] * turned
    for b in range(bodies):
        for lane in range(lanes):
            volume = p[scales + 2, lane] * p[scales + 3, lane] * p[scales + 4, lane]
            scale = p[b, lane] * p[scales + 1, lane] / volume
            for n in range(3):
                out[half + 3 * b + n, lane] *= scale
    away, image, pulled, far = np.empty(3), np.empty(3), np.empty(3), np.zeros(3, dtype=np.int64)
    for lane in range(lanes):
        least, s = min(p[scales + 2, lane], p[scales + 3, lane], p[scales + 4, lane]), p[scales, lane]
        if not (least > 0.0 and s > 0.0):
            continue
        sigma = least / 6.0
        reach = 8.0 * max(s, sigma)
        for n in range(3):
            far[n] = math.floor(reach / p[scales + 2 + n, lane] + 0.5)
        for b in range(bodies):
            for other in range(b):
                for n in range(3):
                    length = p[scales + 2 + n, lane]
                    away[n] = y[3 * b + n, lane] - y[3 * other + n, lane]
                    away[n] -= length * math.floor(away[n] / length + 0.5)
                    pulled[n] = 0.0
                for nx in range(-far[0], far[0] + 1):
                    image[0] = away[0] + nx * p[scales + 2, lane]
                    for ny in range(-far[1], far[1] + 1):
                        image[1] = away[1] + ny * p[scales + 3, lane]
                        for nz in range(-far[2], far[2] + 1):
                            image[2] = away[2] + nz * p[scales + 4, lane]
                            square = image[0] ** 2 + image[1] ** 2 + image[2] ** 2
                            if square > reach * reach:
                                continue
                            # |E|/r of a charge of width s less one of width σ; by series below r = width
                            pull = 0.0
                            for sign, width in ((1.0, s), (-1.0, sigma)):
                                u2 = square / (width * width)
                                if u2 < 1.0:
                                    series, term = 0.0, 1.0
                                    for n in range(18):
                                        series += term / (2 * n + 3)
                                        term *= -0.5 * u2 / (n + 1)
                                    pull += sign * math.sqrt(2.0 / math.pi) * series / width**3
                                else:
                                    u = math.sqrt(u2)
                                    bell = math.sqrt(2.0 / math.pi) * u * math.exp(-0.5 * u2)
                                    pull += sign * (math.erf(u / math.sqrt(2.0)) - bell) / square**1.5
                            for n in range(3):
                                pulled[n] += pull * image[n]
                scale = p[b, lane] * p[other, lane] * p[scales + 1, lane] / (4.0 * math.pi)
                for n in range(3):
                    out[half + 3 * b + n, lane] += scale * pulled[n]
                    out[half + 3 * other + n, lane] -= scale * pulled[n]
