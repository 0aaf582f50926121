"""How far a trajectory is from another, and a conserved quantity from being constant.

`rollout_error` is the field's metric and `spatial_errors` tells it apart by variables of fields; `difference` and
`drift` are what `physym.check` measures by.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.schema import SPACE, Variable, names
from simulators.units import conversion

__all__ = ["difference", "drift", "geometric_mean", "nudge", "rollout_error", "spatial_errors"]

FLOOR = 1e-7
NUDGE = 1e-3
_UNIFORM, _SIGN = 1e-12, 1e-6
_ROUNDING = float(np.finfo(np.float32).eps)


def rollout_error(pred: xr.Dataset, truth: xr.Dataset) -> xr.DataArray:
    """The relative error of a rollout at each time.

        error = RMS(a - b) / (RMS(a) + RMS(b)),

    RMS over all components of all state variables, in the units of `truth`; clamped below at 1e-7.

    It lies in [1e-7, 1]. Where both states are zero it is 1e-7; where the prediction is not finite it is 1, the
    supremum.

    Args:
        pred: the prediction; its units are converted if they can be.
        truth: what to compare with; its variables of role "state" are compared.

    Returns:
        Errors (sample, time); without a dimension that the data do not have.

    Raises:
        SchemaError: if the prediction lacks a state, or has it in units of another quantity.
        InputError: if samples, times or other sizes differ (times may differ by the rounding of float32), or the truth
            is not finite.

    Source: Finzi, Welling and Wilson (ICML 2021), appendix on the springy double pendulum.
    """
    _same_times(pred, truth)
    states = names(truth, "state")
    if not states:
        raise SchemaError("truth: expected at least one variable with the attribute role='state', given none")
    pairs = [_pair(name, pred, truth) for name in states]
    lead = [dim for dim in ("sample", "time") if dim in truth[states[0]].dims]
    flat = [[values.reshape(*values.shape[: len(lead)], -1) for values in pair] for pair in pairs]
    a, b = (np.concatenate(side, axis=-1) for side in zip(*flat, strict=True))
    finite = np.isfinite(a).all(axis=-1)
    a = np.where(finite[..., None], a, 0.0)
    size = np.maximum(np.abs(a), np.abs(b)).max(axis=-1, keepdims=True)
    # the ratio has no scale; squares of numbers <= 1 do not overflow
    size = np.where(size > 0, size, 1.0)
    a, b = a / size, b / size
    total = _rms(a) + _rms(b)
    error = np.where(finite, np.maximum(_rms(a - b) / np.where(total > 0, total, 1.0), FLOOR), 1.0)
    coords = {dim: truth.coords[dim] for dim in lead if dim in truth.coords}
    declared = Variable("rollout_error", "1", "relative error of the state", "ε", role="diagnostic")
    return xr.DataArray(error, dims=lead, coords=coords, name=declared.name, attrs=declared.attrs())


def spatial_errors(pred: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """The error of each field at each time, relative to how much the true field varies in space.

        error = RMS(a - b) / sqrt(mean |b - <b>|²),

    RMS and mean over cells and components, <b> being the mean of each component over the cells. Unlike the rollout
    error it compares no litres with grams: 0.01 is one hundredth of the pattern, and 1 no better than to know the mean.

    Args:
        pred: the prediction; its units are converted if they can be.
        truth: what to compare with; its variables of role "state" over a grid are compared.

    Returns:
        Errors (sample, time) by variable; NaN where the truth is uniform to rounding, infinite where the prediction is
        not finite. Without variables if there are no fields.

    Raises:
        SchemaError: if the prediction lacks a state, or has it in units of another quantity.
        InputError: if samples, times or other sizes differ, or the truth is not finite.
    """
    _same_times(pred, truth)
    found = {}
    for name in names(truth, "state"):
        if not any(dim in SPACE for dim in truth[name].dims):
            continue
        a, b = _pair(name, pred, truth)
        lead = [dim for dim in ("sample", "time") if dim in truth[name].dims]
        rest = [dim for dim in truth[name].dims if dim not in lead]
        space = tuple(len(lead) + n for n, dim in enumerate(rest) if dim in SPACE)
        whole = tuple(range(len(lead), b.ndim))
        spread = np.sqrt(np.mean((b - b.mean(axis=space, keepdims=True)) ** 2, axis=whole))
        flat = spread <= _UNIFORM * np.sqrt(np.mean(b**2, axis=whole))
        finite = np.isfinite(a).all(axis=whole)
        distance = np.sqrt(np.mean((np.where(np.isfinite(a), a, 0.0) - b) ** 2, axis=whole))
        error = np.where(finite, distance / np.where(flat, np.nan, spread), np.inf)
        coords = {dim: truth.coords[dim] for dim in lead if dim in truth.coords}
        told = f"error of {truth[name].attrs.get('long_name', name)}, relative to its variation in space"
        found[name] = xr.DataArray(error, dims=lead, coords=coords, attrs=Variable(name, "1", told, "ε").attrs())
        found[name].attrs["role"] = "diagnostic"
    return xr.Dataset(found)


def geometric_mean(errors: xr.DataArray | np.ndarray) -> float:
    """exp(mean(log(errors))) over samples and times: the field's one number.

    Raises:
        InputError: unless there are errors, all of them positive and finite.
    """
    values = np.asarray(errors, dtype=np.float64)
    if not values.size or not np.all((values > 0) & np.isfinite(values)):
        raise InputError("errors: expected positive, finite numbers, as rollout_error gives them; given others or none")
    return float(np.exp(np.mean(np.log(values))))


def difference(given: xr.Dataset, wanted: xr.Dataset, nudged: xr.Dataset | None = None) -> tuple[float, str]:
    """The largest relative difference |given - wanted| over the variables and samples of `wanted`.

    It is relative to the largest of: the norm of the variable in the sample; its RMS norm over samples; and its natural
    size, the RMS over samples of |nudged - wanted|/0.001. Coordinates do not matter.

    Args:
        given: has at least the variables of `wanted`.
        wanted: what it should be.
        nudged: what `wanted` becomes when the data that it comes from are nudged.

    Returns:
        The difference, 0 where nothing differs and infinite where a number is not finite, and in which variable it is.

    Raises:
        SchemaError: if a variable is absent or has other sizes.
    """
    worst = (0.0, "")
    for name, array in wanted.data_vars.items():
        if name not in given or dict(given[name].sizes) != dict(array.sizes):
            raise SchemaError(f"variable {name!r}: expected the sizes {dict(array.sizes)}, given others or none")
        norms = _norms(array)
        scale = np.maximum(norms, _rms(norms))
        if nudged is not None:
            scale = np.maximum(scale, _rms(_norms(nudged[name], array)) / NUDGE)
        error = _largest(_norms(given[name], array), scale)
        worst = (error, str(name)) if error > worst[0] else worst
    return worst


def drift(kept: xr.DataArray, nudged: xr.DataArray) -> float:
    """Max |c(t) - c(0)| over samples and times of a conserved quantity c, relative to its natural size.

    The natural size is the RMS first-order change of c if every state variable moved by its own RMS value in a random
    direction. It does not see the arbitrary constant of an energy, nor vanish with an angular momentum that is zero.

    Args:
        kept: c along the run, with the dimension `time`.
        nudged: c along the nudged run.

    Returns:
        The drift, 0 where nothing changed and infinite where a number is not finite.
    """
    change = np.abs((kept - kept.isel(time=0, drop=True)).values)
    return _largest(change, np.asarray(_rms((nudged - kept).values.ravel()) / NUDGE))


def nudge(data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Move every state variable by 0.001 of its RMS value, in a random direction that is the same over a grid.

    A field that is nowhere negative, but for rounding, moves up, and one that is nowhere positive down: laws refuse
    negative densities. All others are multiplied by a random number near 1 besides: an energy of waves, whose mean over
    the grid is zero, would not change to first order without.
    """
    moved = {}
    for name in names(data, "state"):
        array = data[name]
        noise = rng.standard_normal([1 if dim in SPACE else array.sizes[dim] for dim in array.dims])
        values = array.values
        if any(dim in SPACE for dim in array.dims):
            low, high = values.min(), values.max()
            if -low <= _SIGN * high:
                noise = np.abs(noise)
            elif high <= -_SIGN * low:
                noise = -np.abs(noise)
            else:
                values = values * (1.0 + NUDGE * rng.standard_normal())
        moved[name] = array.copy(data=values + NUDGE * _rms(array.values.ravel()) * noise)
    return data.assign(moved)


def _norms(array: xr.DataArray, minus: xr.DataArray | None = None) -> np.ndarray:
    values = array.values if minus is None else array.transpose(*minus.dims).values - minus.values
    return np.linalg.norm(values.reshape(array.sizes["sample"] if "sample" in array.dims else 1, -1), axis=1)


def _largest(change: np.ndarray, scale: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(change == 0, 0.0, change / scale)
    return float(np.max(ratio)) if np.all(np.isfinite(ratio)) else math.inf


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2, axis=-1))


def _same_times(pred: xr.Dataset, truth: xr.Dataset) -> None:
    for dim in ("sample", "time"):
        given, wanted = pred.sizes.get(dim, 0), truth.sizes.get(dim, 0)
        if given != wanted:
            raise InputError(f"dimension {dim!r}: expected {wanted} in the prediction, as in the truth, given {given}")
    if "time" not in truth.dims:
        return
    factor = conversion(pred["time"].attrs.get("units", "s"), truth["time"].attrs.get("units", "s"))
    a, b = pred["time"].values * factor, truth["time"].values
    wrong = np.flatnonzero(~(np.abs(a - b) <= _ROUNDING * np.abs(b).max()))
    if wrong.size:
        n = wrong[0]
        given = f"given {a[n]:.9g} in the prediction; roll out at the times of the truth"
        raise InputError(f"times: expected {b[n]:.9g} at index {n}, {given}")


def _pair(name: str, pred: xr.Dataset, truth: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    wanted = truth[name]
    if name not in pred.data_vars:
        only = ", ".join(map(str, pred.data_vars)) or "none"
        raise SchemaError(f"state {name!r}: expected in the prediction, given only {only}")
    given = pred[name]
    if dict(given.sizes) != dict(wanted.sizes):
        sizes = f"expected the sizes {dict(wanted.sizes)}, given {dict(given.sizes)} in the prediction"
        raise InputError(f"state {name!r}: {sizes}")
    for array, which in ((given, "prediction"), (wanted, "truth")):
        if "units" not in array.attrs:
            raise SchemaError(f"state {name!r}: expected the attribute 'units' in the {which}, given none; declare it")
    try:
        factor = conversion(given.attrs["units"], wanted.attrs["units"])
    except InputError as error:
        raise SchemaError(f"state {name!r}, units of the prediction: {error}") from error
    order = sorted(wanted.dims, key=lambda dim: ("sample", "time").index(dim) if dim in ("sample", "time") else 2)
    values = wanted.transpose(*order).values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise InputError(f"state {name!r}: expected a finite truth, given NaN or infinity")
    return given.transpose(*order).values.astype(np.float64) * factor, values
