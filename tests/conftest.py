"""What all tests share: one thread a process, float64, and warnings (numpy's floating-point ones too) as errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

# before numpy, numba or torch start their threads: tests run side by side
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def strict_numbers() -> Iterator[None]:
    """Floating-point traps, and float64 as torch's default where a test uses it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_default_dtype(torch.float64)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield
    if torch is not None:
        torch.set_default_dtype(torch.float32)
