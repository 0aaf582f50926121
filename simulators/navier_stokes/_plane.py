"""The nonlinear part of the two-dimensional equations, all of it in one loop over blocks of lines.

With z = u + i v the two products that are needed are one: z² = u² - v² + 2i u v, and z T = u T + i v T. So a complex
transform takes u and v to the cells, and one takes each product back. Lines along y are transformed first, for the
columns of modes that are kept; then blocks of lines along x are taken to the cells, multiplied and taken back without
leaving the fastest cache; then the columns again. The columns are kx = 0 to K, then -K to -1.
"""

# ruff: noqa: ANN001, ANN202  numba infers the types of a kernel
from __future__ import annotations

from simulators.grid import _lines
from simulators.integrate import _compile

_loop = _compile.elementwise(None)
_transform = _lines.forward


@_loop
def spread(hat, kx, ky, kept, inverse, means, re, im):
    """Modes of z and T from those of the vorticity and T; rows that are not kept stay zero."""
    rows, columns, heat = ky.size, kx.size, hat.shape[0] > 1
    last = 2 * columns - 1
    tr, ti = re[:, re.shape[1] // 2 :], im[:, im.shape[1] // 2 :]
    for r in range(rows):
        if kept[r] == 0.0:
            continue
        opposite, y = rows - r if r > 0 else 0, ky[r]
        for m in range(columns):
            a, b = inverse[r, m] * hat[0, r, m, 0], inverse[r, m] * hat[0, r, m, 1]
            # u = i ky ψ and v = -i kx ψ
            ur, ui, vr, vi = -y * b, y * a, kx[m] * b, -kx[m] * a
            re[r, m] = ur - vi
            im[r, m] = ui + vr
            if m > 0:
                re[opposite, last - m] = ur + vi
                im[opposite, last - m] = vr - ui
        if heat:
            for m in range(columns):
                tr[r, m] = hat[1, r, m, 0]
                ti[r, m] = hat[1, r, m, 1]
    re[0, 0], im[0, 0] = means[0], means[1]


@_loop
def _copied(source, out):
    for y in range(out.shape[0]):
        for lane in range(out.shape[1]):
            out[y, lane] = source[y, lane]


@_loop
def _turned(source, out):
    for lane in range(out.shape[0]):
        for y in range(out.shape[1]):
            out[lane, y] = source[y, lane]


@_loop
def _kept(source, kept, out):
    """The rows that are kept."""
    for y in range(out.shape[0]):
        if kept[y] != 0.0:
            for lane in range(out.shape[1]):
                out[y, lane] = source[y, lane]


@_loop
def _opened(source, out, columns, sign):
    """The columns that are kept, with zeros between; if there is a sign, -K to -1 are those of 1 to K times it."""
    for c in range(columns):
        for lane in range(out.shape[1]):
            out[c, lane] = source[c, lane]
    gap = out[columns : out.shape[0] - columns + 1]
    for c in range(gap.shape[0]):
        for lane in range(gap.shape[1]):
            gap[c, lane] = 0.0
    rest = out[out.shape[0] - columns + 1 :]
    for c in range(rest.shape[0]):
        row = source[columns - 1 - c] if sign != 0.0 else source[columns + c]
        factor = sign if sign != 0.0 else row.dtype.type(1.0)
        for lane in range(rest.shape[1]):
            rest[c, lane] = factor * row[lane]


@_loop
def _closed(source, out, columns):
    """The columns that are kept, without what is between."""
    for c in range(columns):
        for lane in range(source.shape[1]):
            out[c, lane] = source[c, lane]
    rest, end = out[columns : 2 * columns - 1], source[source.shape[0] - columns + 1 :]
    for c in range(rest.shape[0]):
        for lane in range(end.shape[1]):
            rest[c, lane] = end[c, lane]


@_loop
def _square(br, bi):
    for i in range(br.size):
        u, v = br[i], bi[i]
        br[i] = (u - v) * (u + v)
        bi[i] = u * v + u * v


@_loop
def _times(br, bi, tr, ti):
    """Set t to z times its real part."""
    for i in range(br.size):
        t = tr[i]
        tr[i] = br[i] * t
        ti[i] = bi[i] * t


@_loop
def _shown(source, out):
    """A block of lines along x to the cells (row, column), as many rows as there are."""
    for lane in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[lane, x] = source[x, lane]


@_loop
def _across(re, im, b, lanes, columns, rows, heat, plan, c, s, cells):
    """Lines along x of (column, row) to the cells and back, block by block: z becomes z², and T becomes z T."""
    width, none = c.size, re.dtype.type(0.0)
    one, minus = re.dtype.type(1.0), re.dtype.type(-1.0)
    wide, half = width * lanes, re.shape[0] // 2
    xr, xi, yr, yi = b[0][:wide], b[1][:wide], b[2][:wide], b[3][:wide]
    ar, ai, er, ei = b[4][:wide], b[5][:wide], b[6][:wide], b[7][:wide]
    # where z and T are found at the cells; the way back ends where the way there began
    odd = plan.size % 2 == 1
    zr, zi, or_z, oi_z = (yr, yi, xr, xi) if odd else (xr, xi, yr, yi)
    tr, ti, or_t, oi_t = (er, ei, ar, ai) if odd else (ar, ai, er, ei)
    for first in range(0, rows, lanes):
        end = min(first + lanes, rows)
        block_r, block_i = re[:, first : first + lanes], im[:, first : first + lanes]
        _opened(block_r, xr.reshape(width, lanes), columns, none)
        _opened(block_i, xi.reshape(width, lanes), columns, none)
        _transform(xi, xr, yi, yr, lanes, plan, c, s)
        if cells.shape[0] > 0:
            _shown(zr.reshape(width, lanes), cells[0, first:end])
            _shown(zi.reshape(width, lanes), cells[1, first:end])
        if heat:
            _opened(block_r[half:], ar.reshape(width, lanes), columns, one)
            _opened(block_i[half:], ai.reshape(width, lanes), columns, minus)
            _transform(ai, ar, ei, er, lanes, plan, c, s)
            if cells.shape[0] > 0:
                _shown(tr.reshape(width, lanes), cells[2, first:end])
            _times(zr, zi, tr, ti)
            _transform(tr, ti, or_t, oi_t, lanes, plan, c, s)
            _closed(ar.reshape(width, lanes), block_r[half:], columns)
            _closed(ai.reshape(width, lanes), block_i[half:], columns)
        _square(zr, zi)
        _transform(zr, zi, or_z, oi_z, lanes, plan, c, s)
        _closed(xr.reshape(width, lanes), block_r, columns)
        _closed(xi.reshape(width, lanes), block_i, columns)


@_loop
def products(re, im, between_r, between_i, b, lanes, columns, heat, kept, plan_y, cy, sy, plan_x, cx, sx, cells):
    """From modes of z and T to those of z² and z T in their place, times the number of cells.

    `re` and `im` (row, column) hold z in the first half of their columns and T in the second, or only z without heat;
    in rows that are not kept they are zero. `between_r` and `between_i` (column, row) and `b` (8, size) are for what
    is between. Columns of the first and rows of the second are a multiple of twice the `lanes` of a block. `columns`
    is K + 1, and the plans are of lines along y and x. Fields (field, row, column) in `cells` are filled with u, v, T.
    """
    rows, tall = cy.size, cy.size * lanes
    xr, xi, yr, yi = b[0][:tall], b[1][:tall], b[2][:tall], b[3][:tall]
    into_r, into_i = xr.reshape(rows, lanes), xi.reshape(rows, lanes)
    odd = plan_y.size % 2 == 1
    found_r, found_i = (yr.reshape(rows, lanes), yi.reshape(rows, lanes)) if odd else (into_r, into_i)
    half = re.shape[1] // 2
    for first in range(0, re.shape[1], lanes):
        if heat and first - half >= columns:
            # T is real: its columns 0 to K do
            break
        _copied(re[:, first : first + lanes], into_r)
        _copied(im[:, first : first + lanes], into_i)
        _transform(xi, xr, yi, yr, lanes, plan_y, cy, sy)
        _turned(found_r, between_r[first : first + lanes, :rows])
        _turned(found_i, between_i[first : first + lanes, :rows])
    _across(between_r, between_i, b, lanes, columns, rows, heat, plan_x, cx, sx, cells)
    for first in range(0, re.shape[1], lanes):
        _turned(between_r[first : first + lanes], into_r)
        _turned(between_i[first : first + lanes], into_i)
        _transform(xr, xi, yr, yi, lanes, plan_y, cy, sy)
        _kept(found_r, kept, re[:, first : first + lanes])
        _kept(found_i, kept, im[:, first : first + lanes])


@_loop
def slopes(re, im, hat, kx, ky, kept, buoyancy, halves, out):
    """The nonlinear and buoyant part of dω/dt and dT/dt from the modes of z² and z T times the number of cells.

        dω/dt: -kx ky (u² - v²) + (kx² - ky²) u v + i (kx by - ky bx) T,   dT/dt: -i (kx u T + ky v T)

    `halves` are a half and a quarter by the number of cells.
    """
    rows, columns, heat = ky.size, kx.size, hat.shape[0] > 1
    last = 2 * columns - 1
    half, quarter = halves[0], halves[1]
    qr, qi = re[:, re.shape[1] // 2 :], im[:, im.shape[1] // 2 :]
    bx, by = buoyancy[0], buoyancy[1]
    for r in range(rows):
        if kept[r] == 0.0:
            continue
        opposite, y = rows - r if r > 0 else 0, ky[r]
        for m in range(columns):
            other = last - m if m > 0 else 0
            pr, pi, nr, ni = re[r, m], im[r, m], re[opposite, other], im[opposite, other]
            cross, stretch = -half * kx[m] * y, quarter * (kx[m] - y) * (kx[m] + y)
            out[0, r, m, 0] = cross * (pr + nr) + stretch * (pi + ni)
            out[0, r, m, 1] = cross * (pi - ni) + stretch * (nr - pr)
        if heat:
            for m in range(columns):
                other = last - m if m > 0 else 0
                pr, pi, nr, ni = qr[r, m], qi[r, m], qr[opposite, other], qi[opposite, other]
                g, x, z = kx[m] * by - y * bx, half * kx[m], half * y
                out[0, r, m, 0] -= g * hat[1, r, m, 1]
                out[0, r, m, 1] += g * hat[1, r, m, 0]
                out[1, r, m, 0] = x * (pi - ni) + z * (nr - pr)
                out[1, r, m, 1] = -(x * (pr + nr) + z * (pi + ni))
