"""What all tests share: one thread a process, float64 in torch; pyproject.toml makes warnings errors."""

from __future__ import annotations

import os

# before numpy, numba or torch start their threads: tests run side by side
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import torch  # noqa: E402

torch.set_default_dtype(torch.float64)
