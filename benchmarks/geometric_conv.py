"""Speed and memory of `GeometricConv` beside the plain convolution, which is the limit.

16 scalars and 16 vectors -> the same, 3x3 periodic, batch 8 of 64x64, float32, one thread: torch's Conv2d of 48 -> 48
channels does the same work on the same number of entries. Forward alone, and forward and backward to the inputs and
weights; medians over rounds in which all take turns, in random order. Memory is what two rounds with a batch of 128
add to the peak of a fresh process. Measured by others on such a machine: ginjax (JAX, jitted) 176 ms and 2,690 ms, and
6.3 s to build its filters.

    python benchmarks/geometric_conv.py [--rounds 15] [--device cpu]
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from physym.models.fields import GeometricConv
from physym.symmetry import filters

TYPES = {(0, 0): 16, (1, 0): 16}
BATCH, CELLS, ENTRIES = 8, 64, 48


def layers(device: str) -> dict[str, torch.nn.Module]:
    """Ours, and torch's with the periodic padding that it has and with zeros."""
    options = {"kernel_size": 3, "padding": 1, "device": device}
    return {
        "GeometricConv": GeometricConv(TYPES, TYPES, 3, 2).to(device),
        "Conv2d, circular": torch.nn.Conv2d(ENTRIES, ENTRIES, padding_mode="circular", **options),
        "Conv2d, zeros": torch.nn.Conv2d(ENTRIES, ENTRIES, **options),
    }


def work(
    name: str, layer: torch.nn.Module, device: str, batch: int = BATCH
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Forward, and forward and backward."""
    if name == "GeometricConv":
        shapes = {(0, 0): (batch, 16, CELLS, CELLS), (1, 0): (batch, 16, 2, CELLS, CELLS)}
        x = {key: torch.randn(shape, device=device, requires_grad=True) for key, shape in shapes.items()}
        gradient = {key: torch.randn(shape, device=device) for key, shape in shapes.items()}

        def both() -> None:
            found = layer(x)
            torch.autograd.backward([found[key] for key in shapes], [gradient[key] for key in shapes])

    else:
        x = torch.randn(batch, ENTRIES, CELLS, CELLS, device=device, requires_grad=True)
        slope = torch.randn_like(x)

        def both() -> None:
            layer(x).backward(slope)

    def forward() -> None:
        with torch.no_grad():
            layer(x)

    return forward, both


def timed(function: Callable[[], object], device: str) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    function()
    if device != "cpu":
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - begun)


def memory(name: str) -> float:
    """MiB that two rounds of a layer with a large batch add to the peak of a process of its own."""
    code = (
        "import resource, torch; torch.set_num_threads(1); import sys; sys.path.insert(0, 'benchmarks');"
        f"import geometric_conv as g; layer = g.layers('cpu')[{name!r}];"
        f"_, both = g.work({name!r}, layer, 'cpu', 16 * g.BATCH);"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; [both() for _ in range(2)];"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


def main() -> None:
    """Time all in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    filters._basis.cache_clear()
    built = [timed(lambda order=order: filters.invariant_filters(2, 3, order), "cpu") for order in range(4)]
    print(f"filters of order 3 in 2-D: {built[3]:.1f} ms; the layer: {timed(lambda: layers('cpu'), 'cpu'):.1f} ms")
    every = {name: work(name, layer, given.device) for name, layer in layers(given.device).items()}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in every}
    for number in range(given.rounds + 2):
        for name, pair in random.sample(list(every.items()), len(every)):
            found = [timed(function, given.device) for function in pair]
            if number >= 2:
                for kept, value in zip(times[name], found, strict=True):
                    kept.append(value)
    print(f"{'':18s} {'forward':>12s} {'with backward':>15s} {'over zeros':>18s} {'peak memory':>13s}")
    limit = [statistics.median(part) for part in times["Conv2d, zeros"]]
    for name, parts in times.items():
        middle = [statistics.median(part) for part in parts]
        ratios = " ".join(f"{a / b:.2f}" for a, b in zip(middle, limit, strict=True))
        held = f"{memory(name):9.0f} MiB" if given.device == "cpu" else ""
        print(f"{name:18s} {middle[0]:9.1f} ms {middle[1]:12.1f} ms {ratios:>18s} {held:>13s}")


if __name__ == "__main__":
    main()
