"""Discovery of partial differential equations for scalar fields on periodic grids.

1. The noise of the data is read off the shortest waves.
2. Of noiseless runs the weak form (`weak`) turns a library of lawful terms (`terms`) into small matrices; sparse search
   finds the terms and the saturation constants by its residual (`search`, `equations`). All constants are refitted
   through the simulation (`refit`), and terms that this shows to be nothing go.
3. Of noisy runs terms are chosen (`choice`, `noisy`) by moments that noise does not bias (`moments`), which a table
   holds for all constants at once (`table`). Simulations from noisy starts would bias the constants by more than
   moments of all runs are uncertain: these stand (`settle`), and constants that equations share are estimated from all
   of these (`pooling`).
4. In both, the scheme of the derivatives is the one with which simple equations leave the least.
5. Constants that are products of the data's own parameters are named (`names`).

Source of the weak form: Messenger and Bortz, "Weak SINDy for partial differential equations" (J. Comput. Phys. 443,
2021); here the test functions are Fourier modes, and what little noise there is is taken off by simulation
extrapolation.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import scipy.linalg
import xarray as xr

from physym.discovery.fields import noisy
from physym.discovery.fields.data import FieldData
from physym.discovery.fields.equations import Found, equations
from physym.discovery.fields.law import FieldLaw
from physym.discovery.fields.names import named
from physym.discovery.fields.refit import Refit, refit
from physym.discovery.fields.search import FLAT, weigh
from physym.discovery.fields.terms import FieldTerm, Space, polynomials, rationals
from physym.discovery.fields.weak import WeakForm
from physym.discovery.law import Constant
from physym.discovery.system import System
from physym.discovery.unit_text import product
from simulators.errors import DivergenceError, InputError

__all__ = ["discover_fields"]

_CELLS = 1.2e6
_NOISY_CELLS = 5e5
_NOISY_TIMES = 20
_SIGMAS = 4.0
_LACKS = 1e-2
_BLUR = 5e-3
_SCHEMES: tuple[int | str, ...] = (2, 4, "spectral")


def discover_fields(
    dataset: xr.Dataset, *, time_limit: float | None = None, seed: int = 0, progress: bool = False
) -> FieldLaw:
    """Find the partial differential equations of runs of scalar fields on a periodic grid.

    Args:
        dataset: runs (sample, time, *space), valid by the schema.
        time_limit: seconds after which no further stage begins; the first stage is always finished.
        seed: of the noise that is added and of the pieces of runs that are used.
        progress: say how it goes on stderr.

    Raises:
        InputError: if a state is no scalar field, or there are fewer than 6 times or 8 cells along an axis.
    """
    begin = time.monotonic()
    deadline = begin + (np.inf if time_limit is None else time_limit)

    def say(text: str) -> None:
        if progress:
            print(f"{time.monotonic() - begin:6.0f} s  {text}", file=sys.stderr, flush=True)

    system = System.of(dataset)
    data = FieldData.of(dataset, system)
    symbols = [state.symbol for state in system.states]
    for state, noise in zip(system.states, data.noise, strict=True):
        say(f"{state.name}: noise of about {noise:.2g} {state.units}")
    half = begin + 0.6 * (deadline - begin)
    rough = bool(data.noise.all() and data.times.size >= _NOISY_TIMES)
    if rough:
        scheme = noisy.scheme(data, _SCHEMES, say)
        found = noisy.equations(data, Space(data.grid, scheme), symbols, say, half)
    else:
        few = _some(data)
        form = WeakForm(few, _smoothing(few), seed)
        scheme = _scheme(few, form, say)
        found = equations(few, form, Space(data.grid, scheme), symbols, say, half)
        if max(one.share for one in found) > _LACKS and data.times.size >= _NOISY_TIMES and time.monotonic() < half:
            say("some of it is not explained; looked for again as if there were noise")
            found = noisy.equations(_blurred(data, seed), Space(data.grid, scheme), symbols, say, half)
    rights, constants = _named_terms(found, system)
    starts = {name: value for name, (value, _) in constants.items()}
    errors = {name: error for name, (_, error) in constants.items()}
    if not rough:
        rights, starts, errors = _settle(data, rights, scheme, starts, errors, deadline, say, seed)
    made = _constants(rights, starts, errors, system, data.grid.units)
    pareto = {
        f"∂{symbol}/∂t": [(n, error, text) for n, error, text in one.pareto]
        for symbol, one in zip(_lefts(system), found, strict=True)
    }
    law = FieldLaw(system, system.starts(dataset), made, rights, scheme, data.grid.units, pareto)
    sizes = {left: [n for n, *_ in pareto[left]] for left in pareto}
    law.chosen_ = {
        left: sizes[left].index(len(terms))
        for left, terms in zip(pareto, rights, strict=True)
        if len(terms) in sizes[left]
    }
    say(f"done\n{law}")
    return law


def _lefts(system: System) -> list[str]:
    symbols = [state.symbol for state in system.states]
    return symbols if len(set(symbols)) == len(symbols) else [state.name for state in system.states]


def _some(data: FieldData) -> FieldData:
    """As many samples as the weak form needs; noise needs more."""
    samples = data.values.shape[1]
    each = data.values[0, 0].size
    most = max(3, int((_NOISY_CELLS if data.noise.any() else _CELLS) / each))
    if most >= samples:
        return data
    return replace(data, values=data.values[:, np.linspace(0, samples - 1, most).astype(int)])


def _blurred(data: FieldData, seed: int) -> FieldData:
    """The data with a little noise, beside which the errors of windows between few outputs mislead no search."""
    rng = np.random.default_rng(seed)
    noise = np.maximum(data.noise, _BLUR * data.values.reshape(len(data.values), -1).std(axis=1))
    wide = noise.reshape(-1, *(1,) * (data.values.ndim - 1))
    whole = np.ones_like(data.seen)
    values = data.values + wide * rng.standard_normal(data.values.shape)
    return replace(data, values=values, noise=noise, seen=whole, gain=whole)


def _smoothing(data: FieldData) -> int:
    """Over how many windows to smooth: as many as make the most of the signal over the noise in the rates."""
    if not data.noise.any() or data.times.size < 12:
        return 0
    from physym.discovery.fields.windows import Windows

    best, chosen = -np.inf, 0
    for smooth in (0, 1, 2, 4, 8, 16, 32):
        if smooth > data.times.size // 4:
            break
        left = Windows(data.times, smooth, most=10**9).left
        gains = []
        for values, noise in zip(data.values, data.noise, strict=True):
            blur = np.mean(np.sum(left**2, axis=1)) * noise**2
            if blur > 0:
                run = values[: max(1, 4)].reshape(-1, data.times.size, data.grid.size)
                power = np.mean([np.mean((left @ one) ** 2) for one in run])
                gains.append(np.log(max(power / blur - 1.0, 1e-6) / (1 + smooth)))
        worth = float(np.mean(gains))
        if worth > best:
            best, chosen = worth, smooth
    return chosen


def _scheme(data: FieldData, form: WeakForm, say: Callable[[str], None]) -> int | str:
    """The scheme of the derivatives with which diffusion and simple reactions leave the least."""
    fields = len(data.values)
    tops = [float(np.quantile(np.abs(array[..., ::2]), 0.999)) for array in data.values]
    sure = [array.min() >= 0 for array in data.values]
    terms = polynomials(fields, 2) + [FieldTerm((0,) * fields, laplacian=i) for i in range(fields)]
    terms += rationals([[0.3 * top] if one else [] for top, one in zip(tops, sure, strict=True)])
    left: dict[int | str, float] = {}
    weights: list[np.ndarray] = []
    for scheme in _SCHEMES:
        products = form.products(terms, Space(data.grid, scheme))
        count, total = len(terms), 0.0
        for e in range(fields):
            own = products.only([*range(count), count + e])
            if len(weights) <= e:
                likely = [n for n, t in enumerate(terms) if t.linear and t.laplacian in (-1, e)]
                weights.append(weigh(own, likely, None, FLAT))
            whole = np.einsum("b,gbij->ij", weights[e], own.full)
            scale = np.sqrt(np.diag(whole))
            factor = scipy.linalg.lstsq(whole[:-1, :-1] / np.outer(scale, scale)[:-1, :-1], whole[:-1, -1] / scale[:-1])
            total += 1.0 - float(factor[0] @ (whole[:-1, -1] / scale[:-1])) / whole[-1, -1]
        left[scheme] = total
    best = min(left, key=left.__getitem__)
    say(f"derivatives of the scheme {best}")
    return best


def _named_terms(
    found: Sequence[Found], system: System
) -> tuple[list[list[FieldTerm]], dict[str, tuple[float, float]]]:
    """The terms with names for their constants, and the numbers and errors of these."""
    symbols = _lefts(system)
    taken = {v.name for v in (*system.states, *system.parameters)}
    rights, constants = [], {}
    for symbol, one in zip(symbols, found, strict=True):
        terms = []
        for n, (term, value, error) in enumerate(zip(one.terms, one.values, one.errors, strict=True), start=1):
            name = f"c_{symbol}{n}"
            while name in taken:
                name += "_"
            constants[name] = (float(value), float(error))
            new = replace(term, constant=name)
            for which, (_, half) in enumerate(term.saturations):
                own = f"K_{symbol}{n}" + ("" if which == 0 else f"_{which}")
                spread = one.spreads[n - 1][which] if one.spreads else float("inf")
                constants[own] = (float(half), spread)
                new = new.with_half(which, own)
            terms.append(new)
        rights.append(terms)
    return rights, constants


def _settle(
    data: FieldData,
    rights: list[list[FieldTerm]],
    scheme: int | str,
    values: dict[str, float],
    errors: dict[str, float],
    deadline: float,
    say: Callable[[str], None],
    seed: int,
) -> tuple[list[list[FieldTerm]], dict[str, float], dict[str, float]]:
    """Refit through the simulation, and without the terms that it finds to be within their errors of zero."""
    space = Space(data.grid, scheme)
    while time.monotonic() < deadline:
        try:
            done: Refit = refit(
                data, rights, space, values, windows=_pieces(data), deadline=deadline, say=say, seed=seed
            )
        except DivergenceError as error:
            say(f"the runs of the law diverge, its constants stay those of the weak form ({error})")
            break
        values, errors = done.values, done.errors
        say(f"runs differ from the data by {done.residual:.2e} of how the fields vary")
        sigmas = {
            t.constant: abs(values[t.constant]) / max(errors[t.constant], 1e-300) for terms in rights for t in terms
        }
        least = min(sigmas, key=sigmas.__getitem__)
        if sigmas[least] >= _SIGMAS:
            break
        say(f"{least} is nothing")
        rights = [[t for t in terms if t.constant != least] for terms in rights]
        kept = {t.constant for terms in rights for t in terms}
        kept |= {str(half) for terms in rights for t in terms for _, half in t.saturations}
        values = {name: value for name, value in values.items() if name in kept}
        errors = {name: error for name, error in errors.items() if name in kept}
    return rights, values, errors


def _pieces(data: FieldData) -> int:
    return 48 if data.noise.any() else 12


def _constants(
    rights: Sequence[Sequence[FieldTerm]],
    values: dict[str, float],
    errors: dict[str, float],
    system: System,
    length: str,
) -> list[Constant]:
    """The constants with units, named by the data's parameters where they are products of them."""
    states = [(state.units, 1) for state in system.states]
    out = []
    for state, terms in zip(system.states, rights, strict=True):
        for term in terms:
            below = [(units, -power) for units, power in term.units(states, length)]
            units = product([(state.units, 1), (system.time_units, -1), *below])
            out.append(_constant(term.constant, values, errors, units))
            for field, half in term.saturations:
                out.append(_constant(str(half), values, errors, states[field][0]))
    if not out:
        raise InputError("expected fields that obey an equation, given none that any term explains; check the data")
    return named(out, system)


def _constant(name: str, values: dict[str, float], errors: dict[str, float], units: str) -> Constant:
    error = errors[name]
    return Constant(name, values[name], float(error) if np.isfinite(error) else abs(values[name]), units)
