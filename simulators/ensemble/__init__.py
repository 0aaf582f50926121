"""Ensembles: many runs in one zarr v3 store, resumable, on one machine or a Dask cluster.

    simulators.ensemble.generate(simulators.SpringPendulum(), 1000, "runs.zarr", workers=8, progress=True)

The store is the same, bit for bit, whatever made it: one process or many, in one go or killed and resumed ten times.
A run that fails is recorded with its reason, and the rest goes on. `simulators.schema.stores` says how runs lie in a
store, `simulators.read` reads it.
"""

from __future__ import annotations

from simulators.ensemble.coordinator import generate, make, resumes
from simulators.ensemble.plan import Plan, differences

__all__ = ["Plan", "differences", "generate", "make", "resumes"]
