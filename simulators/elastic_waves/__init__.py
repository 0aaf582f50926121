"""Elastic waves in a homogeneous solid; `model` has the equations."""

from __future__ import annotations

from simulators.elastic_waves.model import ElasticWaves

__all__ = ["ElasticWaves"]
