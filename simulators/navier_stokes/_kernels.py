"""The loops of the Navier-Stokes equations over modes and cells, each array read once.

Modes are real arrays (channel, row, column, 2), the last index being real and imaginary part; compiled for float64 and
float32 as they come.

In 2-D the channels are the vorticity ω and, if there is heat, the temperature; with the stream function ψ = ω/k²,
u = ∂ψ/∂y and v = -∂ψ/∂x. `_plane` has the nonlinear part. In 3-D the channels are the velocity and the temperature.
What is left of u u without the multiple w² of the identity, which is a pressure, are five products; the divergence of
these fluxes is projected on fields without divergence.

Source: C. Basdevant, Technical improvements for direct numerical simulation of homogeneous three-dimensional turbulence
(J. Comput. Phys. 1983).
"""

# ruff: noqa: ANN001, ANN202  numba infers the types of a kernel
from __future__ import annotations

from simulators.integrate import _compile

_loop = _compile.elementwise(None)
_sums = _compile.elementwise(None, reassociate=True)


@_loop
def fields2(hat, kx, ky, inverse, out):
    """Modes of u, v and T from those of ω and T, without the mean flow."""
    heat = out.shape[0] > 2
    for r in range(ky.size):
        for m in range(kx.size):
            a, b = inverse[r, m] * hat[0, r, m, 0], inverse[r, m] * hat[0, r, m, 1]
            out[0, r, m, 0] = -ky[r] * b
            out[0, r, m, 1] = ky[r] * a
            out[1, r, m, 0] = kx[m] * b
            out[1, r, m, 1] = -kx[m] * a
        if heat:
            for m in range(kx.size):
                out[2, r, m, 0] = hat[1, r, m, 0]
                out[2, r, m, 1] = hat[1, r, m, 1]


@_sums
def rates2(hat, n, kx, ky, inverse, weight, viscosity, diffusivity, buoyancy, out):
    """Rates of the ledger, how fast they change, and the sizes of what they change; float64 sums.

    Row 0 of `out`: the kinetic energy dissipated and put in by buoyancy, the variance of temperature, the enstrophy
    dissipated and put in; row 1: their time derivatives; row 2: |u|², twice the enstrophy, and the variance, so that
    each entry is beside its own.
    """
    heat = hat.shape[0] > 1
    bx, by = buoyancy[0], buoyancy[1]
    for i in range(3):
        for j in range(5):
            out[i, j] = 0.0
    for r in range(ky.size):
        energy = dissipated = dissipated1 = palinstrophy = palinstrophy1 = 0.0
        variance = spread = spread1 = work = work1 = torque = torque1 = 0.0
        for m in range(kx.size):
            q, s, i = weight[r, m], kx[m] * kx[m] + ky[r] * ky[r], inverse[r, m]
            a, b = hat[0, r, m, 0], hat[0, r, m, 1]
            c, d = n[0, r, m, 0] - viscosity * s * a, n[0, r, m, 1] - viscosity * s * b
            square, change = q * (a * a + b * b), 2.0 * q * (a * c + b * d)
            energy += i * square
            dissipated += square
            dissipated1 += change
            palinstrophy += s * square
            palinstrophy1 += s * change
        if heat:
            for m in range(kx.size):
                q, s, i = weight[r, m], kx[m] * kx[m] + ky[r] * ky[r], inverse[r, m]
                a, b = hat[0, r, m, 0], hat[0, r, m, 1]
                c, d = n[0, r, m, 0] - viscosity * s * a, n[0, r, m, 1] - viscosity * s * b
                e, f = hat[1, r, m, 0], hat[1, r, m, 1]
                u, v = n[1, r, m, 0] - diffusivity * s * e, n[1, r, m, 1] - diffusivity * s * f
                g = q * (kx[m] * by - ky[r] * bx)
                turn, turn1 = g * (b * e - a * f), g * (d * e + b * u - c * f - a * v)
                variance += q * (e * e + f * f)
                spread += q * s * (e * e + f * f)
                spread1 += 2.0 * q * s * (e * u + f * v)
                work += i * turn
                work1 += i * turn1
                torque += turn
                torque1 += turn1
        out[0, 0] += viscosity * dissipated
        out[1, 0] += viscosity * dissipated1
        out[0, 1] += work
        out[1, 1] += work1
        out[0, 2] += 2.0 * diffusivity * spread
        out[1, 2] += 2.0 * diffusivity * spread1
        out[0, 3] += viscosity * palinstrophy
        out[1, 3] += viscosity * palinstrophy1
        out[0, 4] += torque
        out[1, 4] += torque1
        out[2, 0] += energy
        out[2, 1] += energy
        out[2, 2] += variance
        out[2, 3] += dissipated
        out[2, 4] += dissipated


@_loop
def products3(f, out):
    """The products u² - w², v² - w², u v, u w, v w and, with heat, u T, v T and w T at the cells."""
    for i in range(f.shape[1]):
        u, v, w = f[0, i], f[1, i], f[2, i]
        out[0, i] = (u - w) * (u + w)
        out[1, i] = (v - w) * (v + w)
        out[2, i] = u * v
        out[3, i] = u * w
        out[4, i] = v * w
    if f.shape[0] > 3:
        for i in range(f.shape[1]):
            t = f[3, i]
            out[5, i] = f[0, i] * t
            out[6, i] = f[1, i] * t
            out[7, i] = f[2, i] * t


@_loop
def slopes3(p, hat, kx, ky, kz, kept, inverse, buoyancy, out):
    """The nonlinear and buoyant part of du/dt, projected, and of dT/dt, from the modes of the products."""
    heat = hat.shape[0] > 3
    for r in range(ky.size):
        y, z, on = ky[r], kz[r], kept[r]
        for m in range(kx.size):
            x, i = kx[m], inverse[r, m]
            for part in range(2):
                # the force is -i times the sum: its real part is the imaginary part of the sum
                other, sign = 1 - part, on * (1.0 - 2.0 * part)
                a, b = p[0, r, m, other], p[1, r, m, other]
                c, d, e = p[2, r, m, other], p[3, r, m, other], p[4, r, m, other]
                u, v, w = sign * (x * a + y * c + z * d), sign * (x * c + y * b + z * e), sign * (x * d + y * e)
                if heat:
                    t = hat[3, r, m, part]
                    u, v, w = u + buoyancy[0] * t, v + buoyancy[1] * t, w + buoyancy[2] * t
                    out[3, r, m, part] = sign * (
                        x * p[5, r, m, other] + y * p[6, r, m, other] + z * p[7, r, m, other]
                    )
                along = i * (x * u + y * v + z * w)
                out[0, r, m, part] = u - x * along
                out[1, r, m, part] = v - y * along
                out[2, r, m, part] = w - z * along


@_sums
def rates3(hat, n, kx, ky, kz, weight, viscosity, diffusivity, buoyancy, out):
    """As `rates2`, of the first three of its entries."""
    heat = hat.shape[0] > 3
    for i in range(3):
        for j in range(3):
            out[i, j] = 0.0
    for r in range(ky.size):
        energy = dissipated = dissipated1 = variance = spread = spread1 = work = work1 = 0.0
        for m in range(kx.size):
            q, s = weight[r, m], kx[m] * kx[m] + ky[r] * ky[r] + kz[r] * kz[r]
            for part in range(2):
                square = change = 0.0
                for c in range(3):
                    a = hat[c, r, m, part]
                    rate = n[c, r, m, part] - viscosity * s * a
                    square += a * a
                    change += 2.0 * a * rate
                    if heat:
                        e = hat[3, r, m, part]
                        work += q * buoyancy[c] * a * e
                        work1 += q * buoyancy[c] * (rate * e + a * (n[3, r, m, part] - diffusivity * s * e))
                energy += q * square
                dissipated += q * s * square
                dissipated1 += q * s * change
                if heat:
                    e = hat[3, r, m, part]
                    variance += q * e * e
                    spread += q * s * e * e
                    spread1 += 2.0 * q * s * e * (n[3, r, m, part] - diffusivity * s * e)
        out[0, 0] += viscosity * dissipated
        out[1, 0] += viscosity * dissipated1
        out[0, 1] += work
        out[1, 1] += work1
        out[0, 2] += 2.0 * diffusivity * spread
        out[1, 2] += 2.0 * diffusivity * spread1
        out[2, 0] += energy
        out[2, 1] += energy
        out[2, 2] += variance

