"""The dataset schema: typed variables, and files that are whole or absent.

Every data variable states its physical type in its attributes: `units`, `tensor_order` and `pseudo`, beside
`long_name`, `symbol` and `role` ("state", "parameter" or "diagnostic"). Dimensions come in the order `sample`,
`time`, the entity (`body`), space (`z`, `y`, `x`), then the tensor indices `i`, `j`, `k`, which are labelled
"x", "y", "z". `validate` holds a dataset to this, `conform` brings one into the units and dimensions that a
simulator or model wants, `write` and `read` keep it in netCDF-4 (``.nc``) or zarr v3 (``.zarr``).
"""

from __future__ import annotations

from simulators.schema.files import attributes, read, write
from simulators.schema.places import check_output
from simulators.schema.types import CONVENTIONS, INDICES, LABELS, SPACE, Variable, coordinates, names, over, variables
from simulators.schema.validation import conform, validate

__all__ = [
    "CONVENTIONS",
    "INDICES",
    "LABELS",
    "SPACE",
    "Variable",
    "attributes",
    "check_output",
    "conform",
    "coordinates",
    "names",
    "over",
    "read",
    "validate",
    "variables",
    "write",
]
