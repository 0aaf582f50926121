"""Exponential Runge-Kutta of order 4 for stiff fields on periodic grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.fft

from simulators.errors import InputError
from simulators.integrate.fields import ArrayFunction, FieldKernel, RightHandSide, Solution
from simulators.integrate.march import Method, Scale, march, rms

STEPS = 2
"""For so many steps the coefficients are kept."""

__all__ = ["etdrk4", "phi", "third_difference"]

Linear = Sequence["np.ndarray | None"]


def phi(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The functions e^z, φ1, φ2 and φ3 of exponential integrators, to rounding for every z.

        φ1(z) = (e^z - 1)/z,   φ2(z) = (φ1(z) - 1)/z,   φ3(z) = (φ2(z) - 1/2)/z

    These quotients cancel near z = 0, where Kassam and Trefethen average over a contour about it; a Taylor series for
    |z| < 1 is as stable and takes a fifth of the time.

    Args:
        z: real or complex, of any shape.

    Source: A.-K. Kassam and L. N. Trefethen, Fourth-order time-stepping for stiff PDEs (SIAM J. Sci. Comput. 2005).
    """
    z = np.asarray(z)
    flat = np.ascontiguousarray(z, dtype=np.complex128 if np.iscomplexobj(z) else np.float64).ravel()
    found = tuple(np.empty_like(flat) for _ in range(4))
    from simulators.integrate import _exponential_loops

    _exponential_loops.phi(flat, *found)
    return tuple(array.reshape(z.shape) for array in found)  # type: ignore[return-value]


def etdrk4(
    rhs: FieldKernel | ArrayFunction,
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    linear: Linear | Callable[[int], Linear],
    tolerance: float = 1e-6,
    scale: np.ndarray | Scale = rms,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Solve dy/dt = L y + N(t, y) on a periodic grid, L being diagonal in Fourier space.

    Krogstad's exponential Runge-Kutta method of order 4 (the B variant of Cox and Matthews' ETDRK4): L is solved
    exactly, N sees the classical method of order 4, to which the whole reduces for a field without L and for each
    mode whose L is zero. So integrals of N, kept with the same weights, balance the mean of a field to rounding.

    The error is the larger of two estimates of order 3 that cost no evaluation: an embedded method, which takes N at
    the end of the step for its last stage; and what Radau's quadrature of order 3 would miss of N along the solution,
    h⁴/216 times its third derivative, by divided differences over this step and the one before. The first sees how N
    depends on y, the second how it depends on t.

    A sample needs about 15 complex arrays for each field with L, and 10 real ones for each without.

    Steps are chosen so that the error at any time is about `tolerance` times the scale of the field or below, where
    neighbouring solutions do not part. A sample's result does not depend on the batch or the threads, to the last bit.

    Args:
        rhs: N, a function made with `field_kernel`, or an array function f(t, y) that takes the state of one sample
            (field, *space) to N(t, y), or, with integrals, to the pair (N, rates).
        y0: initial states (batch, field, *space), in any units.
        times: (k,), increasing; y0 holds at times[0]. They are hit exactly.
        parameters: (batch, m), or one row (m,) for all samples; handed to a kernel.
        linear: for each field the eigenvalues of L on the modes of `scipy.fft.rfftn` over the space axes, an array that
            broadcasts to their shape, real or complex, such as `diffusivity * Grid.laplacian_symbol()`; or None if the
            field has no L. Or a function from the number of a sample to such a sequence.
        tolerance: error to aim at relative to the scale of each field.
        scale: (field,) or (batch, field), > 0, in the units of y0; or a function of the state (field, *space) to
            (field,), whose largest value so far counts: the root mean square over the cells by default, or
            `integrate.spread`, which measures a field by how it varies.
        integrals: how many integrals the right-hand side keeps along the run.
        max_steps: the most steps, rejected ones included, of a sample.
        threads: how many samples run at once; all cores by default.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample left the finite numbers, needed steps below rounding, or more than `max_steps`.

    Source: S. M. Cox and P. C. Matthews, Exponential time differencing for stiff systems (J. Comput. Phys. 2002);
    S. Krogstad, Generalized integrating factor methods for stiff PDEs (J. Comput. Phys. 2005). The estimate: P.
    Whalen, M. Brio and J. V. Moloney, Exponential time-differencing with embedded Runge-Kutta adaptive step control
    (J. Comput. Phys. 2015).
    """

    def make(side: RightHandSide, t: float, y: np.ndarray, sample: int) -> Method:
        given = linear(sample) if callable(linear) else linear
        return ETDRK4(side, t, y, integrals, _symbols(given, y.shape))

    return march(
        make, rhs, y0, times, parameters,
        tolerance=tolerance, scale=scale, integrals=integrals, max_steps=max_steps, threads=threads,
    )  # fmt: skip


def _symbols(linear: Linear, shape: tuple[int, ...]) -> list[np.ndarray | None]:
    listed = isinstance(linear, Sequence | np.ndarray) and np.ndim(linear[:0]) > 0 and not isinstance(linear, str)
    if not listed or len(linear) != shape[0]:
        given = len(linear) if listed else repr(linear)
        raise InputError(f"linear: expected an array or None for each of {shape[0]} fields, given {given}")
    if len(shape) < 2 and any(symbol is not None for symbol in linear):
        raise InputError(
            "linear: expected None for each field, since the state (batch, field) has no grid; add an axis"
        )
    modes = (*shape[1:-1], shape[-1] // 2 + 1)
    found: list[np.ndarray | None] = []
    for field, symbol in enumerate(linear):
        same = [n for n in range(field) if linear[n] is symbol]
        if symbol is None or same:
            # one array for all that share it, and so one set of coefficients
            found.append(found[same[0]] if same else None)
            continue
        kind = np.complex128 if np.iscomplexobj(symbol) else np.float64
        try:
            array = np.ascontiguousarray(np.broadcast_to(np.asarray(symbol, dtype=kind), modes))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"linear: expected numbers that broadcast to the modes {modes} of field {field}, given the shape"
                f" {np.shape(symbol)}"
            ) from error
        if not np.all(np.isfinite(array)):
            raise InputError(f"linear: expected finite numbers for field {field}, given others")
        found.append(array)
    return found


class ETDRK4(Method):
    """The method at work on one sample; see `etdrk4`."""

    exponent = 4.0
    local = 0.1

    def __init__(
        self, rhs: RightHandSide, t: float, y: np.ndarray, integrals: int, symbols: Sequence[np.ndarray | None]
    ) -> None:
        """Begin at a state.

        Args:
            rhs: N of the sample.
            t: the time.
            y: (field, *space).
            integrals: how many are kept.
            symbols: for each field L on the modes, or None.
        """
        super().__init__(rhs, t, y, integrals)
        from simulators.integrate import _exponential_loops

        self._loops = _exponential_loops
        self._symbols = symbols
        self._stiff = [field for field, symbol in enumerate(symbols) if symbol is not None]
        self._plain = _runs([field for field, symbol in enumerate(symbols) if symbol is None])
        self._space = self.y.shape[1:]
        self._axes = tuple(range(len(self._space)))
        self._cells = int(np.prod(self._space))
        self._stage, self._new = np.empty_like(self.y), np.empty_like(self.y)
        # N at the start, at the stages and at the end of the step, and at the start of the step before
        self._n = [np.zeros_like(self.y) for _ in range(6)]
        self._before = 0.0
        self._rates = [np.empty(integrals) for _ in range(5)]
        self._hats: dict[int, list[np.ndarray]] = {}
        self._weights: dict[float, dict[int, tuple[np.ndarray, ...]]] = {}
        self._step = 0.0
        # where modes grow, so would what rounding puts into those that no real field has
        self._grows = [field for field in self._stiff if np.any(symbols[field].real > 0)]  # type: ignore[union-attr]
        self.rhs(self.t, self.y, self._n[0], self._rates[0])
        for field in self._stiff:
            modes = symbols[field].shape  # type: ignore[union-attr]
            # the state, its candidate, a stage, and N as above
            self._hats[field] = [np.zeros(modes, np.complex128).ravel() for _ in range(9)]
            self._hats[field][0][:] = self._forward(self.y[field])
            self._hats[field][3][:] = self._forward(self._n[0][field])

    def slope(self) -> np.ndarray:
        """L y + N(t, y)."""
        found = self._n[0].copy()
        for field in self._stiff:
            found[field] += self._backward(self._symbols[field].ravel() * self._hats[field][0], field)  # type: ignore[union-attr]
        return found

    def attempt(self, h: float, scale: np.ndarray) -> np.ndarray:
        """Make a candidate after a step h; see `Method`."""
        del scale
        self._step = h
        weights, loops, n, t = self._weights_for(h), self._loops, self._n, self.t
        flat = [array.reshape(len(array), -1) for array in n]
        u, stage, new = (array.reshape(len(array), -1) for array in (self.y, self._stage, self._new))
        for number, (point, fraction, source) in enumerate(((0.5, 0.5, 0), (0.5, 0.5, 1), (1.0, 1.0, 2)), 1):
            for part in self._plain:
                loops.shift(_line(stage, part), _line(u, part), fraction * h, _line(flat[source], part))
            for field in self._stiff:
                hats, w = self._hats[field], weights[field]
                if number == 1:
                    loops.combine2(hats[2], hats[0], w[0], hats[3], w[1])
                elif number == 2:
                    loops.combine3(hats[2], hats[0], w[0], hats[3], w[2], hats[4], w[3])
                else:
                    loops.combine3(hats[2], hats[0], w[4], hats[3], w[5], hats[5], w[6])
                self._stage[field] = self._backward(hats[2], field)
            self._evaluate(number, t + point * h, self._stage)
        for part in self._plain:
            loops.classical(_line(new, part), _line(u, part), h / 6.0, *(_line(array, part) for array in flat[:4]))
        for field in self._stiff:
            hats, w = self._hats[field], weights[field]
            loops.combine4(hats[1], hats[0], w[4], hats[3], w[7], hats[4], hats[5], w[8], hats[6], w[9])
            self._new[field] = self._backward(hats[1], field)
        self._evaluate(4, t + h, self._new)
        return self._errors(h, weights, flat)

    def _errors(self, h: float, weights: dict[int, tuple[np.ndarray, ...]], flat: Sequence[np.ndarray]) -> np.ndarray:
        quadrature = third_difference(h, self._before)
        errors = np.empty(len(self.y))
        for part in self._plain:
            for field in range(part.start, part.stop):
                total = self._loops.changes(flat[5][field], *(array[field] for array in flat[:5]), quadrature)
                errors[field] = (h / 6.0) * np.sqrt(total / self._cells)
        for field in self._stiff:
            columns = self._space[-1] // 2 + 1
            last = self._space[-1] % 2 == 0 and columns > 1
            # Parseval: the mean square over cells is the sum over modes, divided by cells twice
            size, hats = float(self._cells) ** 2, self._hats[field]
            total = self._loops.squares(hats[8], *hats[3:8], weights[field][9], quadrature, size, last, columns)
            errors[field] = np.sqrt(total)
        return errors

    def candidate(self) -> np.ndarray:
        """The state that the last attempt made."""
        return self._new

    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""
        r = self._rates
        self.integrals = self.integrals + (self._step / 6.0) * (r[0] + 2.0 * (r[1] + r[2]) + r[3])
        self.t = float(t)
        self.y, self._new = self._new, self.y
        self._before = self._step
        n = self._n
        n[0], n[4], n[5] = n[4], n[5], n[0]
        r[0], r[4] = r[4], r[0]
        for field, hats in self._hats.items():
            hats[0], hats[1] = hats[1], hats[0]
            hats[3], hats[7], hats[8] = hats[7], hats[8], hats[3]
            if field in self._grows:
                hats[0] = self._forward(self.y[field])

    def _evaluate(self, number: int, t: float, y: np.ndarray) -> None:
        """N at a stage, and its transform where there is an L."""
        self.rhs(t, y, self._n[number], self._rates[number])
        for field in self._stiff:
            self._hats[field][3 + number] = self._forward(self._n[number][field])

    def _forward(self, field: np.ndarray) -> np.ndarray:
        return scipy.fft.rfftn(field, axes=self._axes, workers=1).ravel()

    def _backward(self, hat: np.ndarray, field: int) -> np.ndarray:
        modes = hat.reshape(self._symbols[field].shape)  # type: ignore[union-attr]
        return scipy.fft.irfftn(modes, s=self._space, axes=self._axes, workers=1)

    def _weights_for(self, h: float) -> dict[int, tuple[np.ndarray, ...]]:
        """The coefficients of a step, kept for the last few steps."""
        if h in self._weights:
            return self._weights[h]
        if len(self._weights) == STEPS:
            del self._weights[next(iter(self._weights))]
        found: dict[int, tuple[np.ndarray, ...]] = {}
        for field in self._stiff:
            symbol = self._symbols[field]
            same = [n for n in found if self._symbols[n] is symbol]
            if same:
                found[field] = found[same[0]]
                continue
            z = h * symbol.ravel()  # type: ignore[union-attr]
            half, half1, half2, _ = phi(0.5 * z)
            whole, one, two, three = phi(z)
            found[field] = (
                half, 0.5 * h * half1, h * (0.5 * half1 - half2), h * half2,
                whole, h * (one - 2.0 * two), 2.0 * h * two,
                h * (one - 3.0 * two + 4.0 * three), h * (2.0 * two - 4.0 * three), h * (4.0 * three - two),
            )  # fmt: skip
        self._weights[h] = found
        return found


def third_difference(h: float, before: float) -> np.ndarray:
    """Weights of N at -before, 0, h/2 (each of two) and h, whose sum is h³/36 times the third derivative of N.

    With nothing before, the second difference takes its place.
    """
    if before == 0.0:
        return np.array([0.0, 4.0, -4.0, 4.0]) / 36.0
    q = before / h
    return np.array([-6.0 / (q * (q + 0.5) * (q + 1.0)), 12.0 / q, -12.0 / (q + 0.5), 12.0 / (q + 1.0)]) / 36.0


def _runs(fields: Sequence[int]) -> list[slice]:
    """Neighbouring fields as slices."""
    found: list[slice] = []
    for field in fields:
        if found and found[-1].stop == field:
            found[-1] = slice(found[-1].start, field + 1)
        else:
            found.append(slice(field, field + 1))
    return found


def _line(fields: np.ndarray, part: slice) -> np.ndarray:
    """Neighbouring fields (field, cell) as one contiguous line."""
    return fields[part].reshape(-1)
