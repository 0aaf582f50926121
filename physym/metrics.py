"""How far a predicted trajectory is from the true one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from simulators.errors import InputError, SchemaError
from simulators.schema import names
from simulators.units import conversion

__all__ = ["geometric_mean", "rollout_error"]

FLOOR = 1e-7
_ROUNDING = float(np.finfo(np.float32).eps)


def rollout_error(pred: xr.Dataset, truth: xr.Dataset) -> xr.DataArray:
    """The relative error of a rollout at each time,

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
    a, b = (np.concatenate([pair[n].reshape(*pair[n].shape[: len(lead)], -1) for pair in pairs], axis=-1) for n in (0, 1))
    finite = np.isfinite(a).all(axis=-1)
    a = np.where(finite[..., None], a, 0.0)
    size = np.maximum(np.abs(a), np.abs(b)).max(axis=-1, keepdims=True)
    # the ratio has no scale; squares of numbers <= 1 do not overflow
    size = np.where(size > 0, size, 1.0)
    a, b = a / size, b / size
    total = _rms(a) + _rms(b)
    error = np.where(finite, np.maximum(_rms(a - b) / np.where(total > 0, total, 1.0), FLOOR), 1.0)
    coords = {dim: truth.coords[dim] for dim in lead if dim in truth.coords}
    attrs = {"units": "1", "long_name": "relative error of the state", "symbol": "ε", "tensor_order": 0, "pseudo": 0}
    return xr.DataArray(error, dims=lead, coords=coords, name="rollout_error", attrs=attrs | {"role": "diagnostic"})


def geometric_mean(errors: xr.DataArray | np.ndarray) -> float:
    """exp(mean(log(errors))) over samples and times: the field's one number.

    Raises:
        InputError: unless there are errors, all of them positive and finite.
    """
    values = np.asarray(errors, dtype=np.float64)
    if not values.size or not np.all((values > 0) & np.isfinite(values)):
        raise InputError("errors: expected positive, finite numbers, as rollout_error gives them; given others or none")
    return float(np.exp(np.mean(np.log(values))))


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
        raise InputError(
            f"times: expected {b[n]:.9g} at index {n}, given {a[n]:.9g} in the prediction; roll out at the times of the truth"
        )


def _pair(name: str, pred: xr.Dataset, truth: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    wanted = truth[name]
    if name not in pred.data_vars:
        raise SchemaError(f"state {name!r}: expected in the prediction, given only {', '.join(map(str, pred.data_vars)) or 'none'}")
    given = pred[name]
    if dict(given.sizes) != dict(wanted.sizes):
        raise InputError(f"state {name!r}: expected the sizes {dict(wanted.sizes)}, given {dict(given.sizes)} in the prediction")
    for array, which in ((given, "prediction"), (wanted, "truth")):
        if "units" not in array.attrs:
            raise SchemaError(f"state {name!r}: expected the attribute 'units' in the {which}, given none; declare it")
    try:
        factor = conversion(given.attrs["units"], wanted.attrs["units"])
    except InputError as error:
        raise SchemaError(f"state {name!r}, units of the prediction: {error}") from error
    order = [*(dim for dim in ("sample", "time") if dim in wanted.dims), *(d for d in wanted.dims if d not in ("sample", "time"))]
    values = wanted.transpose(*order).values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise InputError(f"state {name!r}: expected a finite truth, given NaN or infinity")
    return given.transpose(*order).values.astype(np.float64) * factor, values
