"""Parameters of the command line in place of those of the data."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from simulators.base import Simulator, Uniform
from simulators.errors import InputError
from simulators.parameters import typed

__all__ = ["overrides"]


def overrides(simulator: Simulator, dataset: xr.Dataset, given: Sequence[str]) -> dict[str, xr.DataArray]:
    """The parameters that --set gives, to stand in place of the dataset's own.

    Args:
        simulator: has the values.
        dataset: to evaluate with.
        given: the names or symbols that stand beside --set.

    Raises:
        InputError: if one is no parameter of the law, or is a range, or of another size than the data.
    """
    law = {name: variable for name, variable in simulator.variables().items() if variable.role == "parameter"}
    symbols = {variable.symbol: name for name, variable in law.items()}
    found = {}
    for key in given:
        name = key if key in law else symbols.get(key)
        if name is None:
            raise InputError(
                f"--set {key}: expected a parameter of the law ({', '.join(law)}), given a setting of the starts,"
                " which are those of the data"
            )
        value = getattr(simulator, name)
        if isinstance(value, Uniform):
            raise InputError(f"--set {key}: expected numbers to evaluate with, given a range")
        try:
            array = typed(law[name], value, dataset.sizes)
        except ValueError as error:
            raise InputError(f"--set {key}: expected other numbers, given {value} ({error})") from error
        for dim, size in array.sizes.items():
            wanted = dataset.sizes.get(dim, 1)
            if size != wanted:
                raise InputError(f"--set {key}: expected 1 number, or {wanted} along {dim!r}; given {size}")
        found[name] = array
    return found
