"""Simulators of dynamical systems that write typed xarray datasets.

They need numpy, scipy, numba and xarray, and nothing of physym, so that other research can take them alone.
"""

from __future__ import annotations

from simulators import ensemble
from simulators.base import LogUniform, Simulator, Uniform, chunk, registered
from simulators.elastic_waves import ElasticWaves
from simulators.errors import DivergenceError, InputError, SchemaError
from simulators.grid import Grid
from simulators.navier_stokes import NavierStokes
from simulators.point_charges import PointCharges
from simulators.rietkerk import Rietkerk
from simulators.schema import Variable, read, validate, write
from simulators.shallow_water import ShallowWater
from simulators.spring_pendulum import SpringPendulum

__all__ = [
    "DivergenceError",
    "ElasticWaves",
    "Grid",
    "InputError",
    "LogUniform",
    "NavierStokes",
    "PointCharges",
    "Rietkerk",
    "SchemaError",
    "ShallowWater",
    "Simulator",
    "SpringPendulum",
    "Uniform",
    "Variable",
    "chunk",
    "ensemble",
    "read",
    "registered",
    "validate",
    "write",
]
