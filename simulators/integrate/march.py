"""Adaptive marching of fields: step control that every method for stiff fields shares.

The error of a step is the largest, over the fields, of RMS(error estimate)/(local tolerance * scale), where RMS runs
over the cells and the scale of a field is, unless given, the largest RMS that it has had so far. Steps are fractions
of the interval between two outputs; they change only by whole powers of 2^(1/4), and an interval is filled with equal
steps. So output times are hit exactly, and the steps are the same for a translated, turned or rescaled problem,
although sums over its cells round differently.
"""

from __future__ import annotations

import abc
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from simulators.errors import DivergenceError, InputError
from simulators.integrate import arguments
from simulators.integrate.fields import FieldKernel, RightHandSide, Solution
from simulators.integrate.lanes import default_threads

__all__ = ["Method", "Scale", "march", "rms", "spread"]

Scale = Callable[["np.ndarray"], "np.ndarray"]

SAFETY, SHRINK, GROWTH, RUNGS = 0.9, 0.2, 4.0, 4
SMALLEST = 1e-13
"""A step below this fraction of an interval is lost in the rounding of the time."""

FIRST = 2.0**-10
"""The first step is at most this part of the run: a slope that is zero at the start tells nothing of later."""

TINY = 2.0**-20
"""Within this part of the run a field that begins with zero may grow unmeasured."""


class Method(abc.ABC):
    """A one-step method at work on one sample.

    A subclass keeps the current state, makes candidates of the next, and recomputes nothing that it has.

    Class attributes:
        exponent: the error estimate is of order h^exponent.
        local: the local tolerance is local * tolerance, so that the errors of a run add up to about the tolerance.

    Attributes:
        t: the current time.
        y: the current state (field, *space), not to be changed from outside.
        integrals: (integral,) since the start.
    """

    exponent: float
    local: float = 1.0

    def __init__(self, rhs: RightHandSide, t: float, y: np.ndarray, integrals: int) -> None:
        """Begin at a state, which is copied."""
        self.rhs = rhs
        self.t = float(t)
        self.y = np.array(y, dtype=np.float64, order="C")
        self.integrals = np.zeros(integrals)

    @abc.abstractmethod
    def slope(self) -> np.ndarray:
        """dy/dt (field, *space) at the current state, for the first step."""

    @abc.abstractmethod
    def attempt(self, h: float, scale: np.ndarray) -> np.ndarray:
        """Make a candidate after a step h, and keep it.

        Args:
            h: the step, > 0.
            scale: (field,) the sizes of the fields, for methods that need them; zeros where a field is zero.

        Returns:
            The error estimate of the candidate, RMS over cells (field,); not finite if the candidate is not.
        """

    @abc.abstractmethod
    def candidate(self) -> np.ndarray:
        """The state that the last attempt made."""

    @abc.abstractmethod
    def accept(self, t: float) -> None:
        """Make the candidate the current state, at time t."""


def spread(fields: np.ndarray) -> np.ndarray:
    """Standard deviation over the cells, (field,), of fields (field, *space); at least 1% of their root mean square.

    The size by which one sees a pattern: a field that is nearly uniform counts by how it varies.
    """
    flat = fields.reshape(len(fields), -1)
    square = np.einsum("fn,fn->f", flat, flat) / flat.shape[1]
    # what cancels in the variance is far below the hundredth that is added
    return np.sqrt(np.maximum(square - flat.mean(axis=1) ** 2, 0.0) + 1e-4 * square)


def rms(fields: np.ndarray) -> np.ndarray:
    """Root mean square over the cells, (field,), of fields (field, *space)."""
    flat = fields.reshape(len(fields), -1)
    return np.sqrt(np.einsum("fn,fn->f", flat, flat) / flat.shape[1])


def march(
    make: Callable[[RightHandSide, float, np.ndarray, int], Method],
    rhs: Callable[..., object],
    y0: np.ndarray,
    times: np.ndarray,
    parameters: np.ndarray | None = None,
    *,
    tolerance: float,
    scale: np.ndarray | Scale = rms,
    integrals: int = 0,
    max_steps: int = 1_000_000,
    threads: int | None = None,
) -> Solution:
    """Carry each sample of a batch through time by a method of its own.

    Args:
        make: `make(right-hand side, time, state, sample)` gives the method at the start of a sample.
        rhs: a field kernel or an array function, see `simulators.integrate.fields`.
        y0: (batch, field, *space).
        times: (k,), increasing.
        parameters: (batch, m), or (m,) for all samples; handed to a kernel.
        tolerance: error to aim at, relative to the scale of each field.
        scale: (field,) or (batch, field), > 0; or a function of the state (field, *space) to (field,), whose largest
            value so far counts: `rms` by default.
        integrals: how many integrals the right-hand side keeps along the run.
        max_steps: the most steps, rejected ones included, of a sample.
        threads: how many samples run at once.

    Raises:
        InputError: an argument has the wrong shape or values.
        DivergenceError: a sample failed; the first of them is named.
    """
    y0 = _states(y0)
    times = arguments.increasing(times)
    if times.size > 1 and times[1] < times[0]:
        raise InputError(f"times: expected increasing times, given {times[0]:g} before {times[1]:g}; sort them")
    tolerance = arguments.positive("tolerance", tolerance, 1e-14)
    integrals = arguments.count("integrals", integrals) if integrals else 0
    max_steps = arguments.count("max_steps", max_steps)
    threads = default_threads() if threads is None else arguments.count("threads", threads)
    batch, fields = y0.shape[:2]
    values = arguments.parameters(parameters, batch)
    if not callable(scale) and np.asarray(scale).dtype.kind not in "iuf":
        raise InputError(f"scale: expected sizes, or a function of the state such as integrate.rms; given {scale!r}")
    scales = None if callable(scale) else arguments.per_sample("scale", scale, (batch, fields), positive=True)
    if not isinstance(rhs, FieldKernel):
        arguments.no_parameters(parameters)
    states = np.empty((batch, times.size, *y0.shape[1:]))
    kept = np.zeros((batch, times.size, integrals))
    counts = np.zeros((3, batch), dtype=np.int64)

    stop = threading.Event()

    def run(sample: int) -> DivergenceError | None:
        side = RightHandSide(rhs, y0.shape[1:], values[sample], integrals)  # type: ignore[arg-type]
        method = make(side, times[0], y0[sample], sample)
        given = scale if scales is None else scales[sample]
        try:
            with np.errstate(all="ignore"):
                steps = _walk(method, times, tolerance, given, max_steps, states[sample], kept[sample], sample, stop)
        except DivergenceError as error:
            return error
        except BaseException:
            stop.set()
            raise
        counts[:, sample] = (*steps, side.evaluations)
        return None

    pool = ThreadPoolExecutor(min(threads, batch)) if threads > 1 and batch > 1 else None
    try:
        for fault in map(run, range(batch)) if pool is None else pool.map(run, range(batch)):
            # in order, so that the first that failed is named
            if fault is not None:
                raise fault
    finally:
        if pool is not None:
            stop.set()
            pool.shutdown(cancel_futures=True)
    return Solution(states, kept, *counts)


def _states(y0: np.ndarray) -> np.ndarray:
    try:
        given = np.asarray(y0)
    except ValueError:
        given = np.empty(0, dtype=object)
    if given.dtype.kind not in "iuf":
        raise InputError(f"y0: expected real numbers, given {given.dtype}; a complex field is two real ones")
    array = np.array(given, dtype=np.float64, order="C")
    if not 2 <= array.ndim <= 5 or 0 in array.shape:
        raise InputError(
            "y0: expected an array (batch, field, *space) of at most 3 space dimensions, given the shape"
            f" {array.shape}; a single sample is y0[None]"
        )
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InputError(f"y0: expected finite numbers, given {array[where]} at index {where}; repair that entry")
    return array


def _walk(
    method: Method,
    times: np.ndarray,
    tolerance: float,
    given: np.ndarray | Scale,
    max_steps: int,
    states: np.ndarray,
    kept: np.ndarray,
    sample: int,
    stop: threading.Event,
) -> tuple[int, int]:
    """Fill states and integrals at the times; returns the numbers of accepted and rejected steps."""
    states[0] = method.y
    local = method.local * tolerance
    scale = _sized(given, method.y) if callable(given) else given
    if times.size == 1:
        return 0, 0
    h = _first_step(method, scale, local, times[-1] - times[0])
    accepted = rejected = 0
    grow = True
    for n in range(1, times.size):
        begin, span = times[n - 1], times[n] - times[n - 1]
        done, part, used = 0.0, min(1.0, h / span), h / span
        while done < 1.0 and not stop.is_set():
            left = 1.0 - done
            # the slack keeps a quotient that rounds to just above a whole number from adding a step
            pieces = max(1, math.ceil(left / part - 1e-6))
            part = left / pieces
            # the very step of before where only rounding is between them: methods keep what they have computed for it
            part = used = used if abs(part - used) <= 1e-9 * used else part
            errors = method.attempt(part * span, scale)
            sizes = np.maximum(scale, given(method.candidate())) if callable(given) else scale
            if accepted == 0 and part * span <= TINY * (times[-1] - times[0]):
                # what is zero at the start has no size yet, and so soon little error
                errors = np.where((scale == 0.0) & np.isfinite(errors), 0.0, errors)
            error = _error(errors, local * sizes)
            if error <= 1.0:
                accepted += 1
                done = 1.0 if pieces == 1 else done + part
                scale = sizes
                method.accept(times[n] if done == 1.0 else begin + done * span)
                part *= min(_rung(error, method.exponent), GROWTH if grow else 1.0)
                grow = True
            else:
                rejected += 1
                part *= _rung(error, method.exponent)
                grow = False
                if part < SMALLEST:
                    _fail(times, sample, method.t, finite=math.isfinite(error))
            if accepted + rejected >= max_steps and (done < 1.0 or n < times.size - 1):
                _fail(times, sample, method.t, finite=None)
        states[n] = method.y
        kept[n] = method.integrals
        h = part * span
    return accepted, rejected


def _first_step(method: Method, scale: np.ndarray, local: float, span: float) -> float:
    """A step, `span` divided by a power of two, whose first-order change is a part of the scale."""
    speed = rms(method.slope())
    rate = float(np.max(np.divide(speed, scale, out=np.zeros_like(speed), where=scale > 0)))
    if not math.isfinite(rate):
        return span * SMALLEST
    step = 0.5 * local ** (1.0 / method.exponent) / rate if rate > 0 else span
    return span * min(FIRST, 2.0 ** math.floor(math.log2(step / span)))


def _sized(scale: Scale, state: np.ndarray) -> np.ndarray:
    """What a function gives for the scale, if that can be one."""
    found = np.asarray(scale(state))
    if found.shape != (len(state),) or found.dtype.kind not in "iuf" or np.any(found < 0):
        raise InputError(
            f"scale: expected a function that gives a size >= 0 for each of {len(state)} fields, given {found.dtype} of"
            f" the shape {found.shape}"
        )
    return found.astype(np.float64)


def _error(errors: np.ndarray, allowed: np.ndarray) -> float:
    if not np.all(np.isfinite(errors) & np.isfinite(allowed)):
        return math.inf
    return float(np.max(np.where(errors == 0.0, 0.0, errors / np.where(errors == 0.0, 1.0, allowed))))


def _rung(error: float, exponent: float) -> float:
    """The factor to the next step, a power of 2^(1/4)."""
    if error == 0.0:
        return GROWTH
    if not math.isfinite(error):
        return 0.25
    factor = min(GROWTH, max(SHRINK, SAFETY * error ** (-1.0 / exponent)))
    return 2.0 ** (math.floor(RUNGS * math.log2(factor)) / RUNGS)


def _fail(times: np.ndarray, sample: int, time: float, *, finite: bool | None) -> None:
    reason = {
        True: "its step fell below rounding; the solution is singular there, or the tolerance is too small",
        False: "it is not finite beyond it; check the initial state and the parameters",
        None: "it took max_steps steps; raise max_steps or tolerance",
    }[finite]
    raise DivergenceError(
        f"expected a run from {times[0]:g} to {times[-1]:g}, but sample {sample} got to time {time:.10g}: {reason}.",
        sample=sample,
        time=time,
    )
