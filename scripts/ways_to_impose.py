#!/usr/bin/env python3
"""The ways to impose a continuous symmetry side by side, on one task of the literature.

The moment of inertia of five points with masses, a tensor that turns with them (Finzi, Welling and Wilson 2021),

    I = Σ_i m_i (|x_i|² 1 - x_i x_iᵀ),    5 T(0) + 5 V -> T(2) of O(3),

is learned from few examples and from many; x_i is normal, m_i is log(1 + e^z) of a normal z. All nets have about 5000
weights and the same training, but where said: so many steps of Adam on 64 examples each, at a rate that falls from 1e-2
to 0 as a cosine. The last two ways are least squares of the cubic monomials of which I is made. Each way is also asked
how far F(gx) is from ρ(g) F(x), whether it jumps, and what it makes of turned clouds if it has learned from flat ones,
whose z is a fifth of what it was. All of it takes half an hour of one core.

usage: scripts/ways_to_impose.py [--ways NAME ...] [--sizes 30 100 ...] [--seeds 2] [--steps 2000] [--figure PNG]
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if importlib.util.find_spec("physym") is None:
    if not PYTHON.exists() or Path(sys.prefix) == PYTHON.parents[1]:
        sys.exit("expected physym, given a Python without; run scripts/test, or pip install -e .")
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

# nets this small are slower on several threads
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

from physym import symmetry  # noqa: E402
from physym.plotting.style import COLOURS, INK, PALE, new_figure, save, styled  # noqa: E402
from physym.symmetry import O, T, V  # noqa: E402

GROUP, BODIES = O(3), 5
REP_IN, REP_OUT = BODIES * T(0) + BODIES * V, T(2)
BATCH, RATE, TIMES, SAMPLES, PENALTY = 64, 1e-2, 8, 64, 1.0
TEST, FLAT, PATHS, STRIDES, LOWEST = 2000, 1000, 10, 500, 1e-4

Predict = Callable[[np.ndarray], np.ndarray]
Learned = tuple[Predict, int]
"""From clouds (n, 20) to tensors (n, 9), and how many numbers were fitted."""
Rows = dict[tuple[str, int, int, bool], dict[str, float]]


def inertia(x: np.ndarray) -> np.ndarray:
    """The moments of inertia (n, 9) of clouds (n, 20)."""
    masses, points = parts(x)
    second = np.einsum("ni,nia,nib->nab", masses, points, points)
    return (np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second).reshape(-1, 9)


def clouds(count: int, rng: np.random.Generator, *, flat: bool = False) -> np.ndarray:
    """Masses and positions (n, 20)."""
    points = rng.standard_normal((count, BODIES, 3)) * (1.0, 1.0, 0.2 if flat else 1.0)
    return joined(np.logaddexp(0.0, rng.standard_normal((count, BODIES))), points)


def parts(x: np.ndarray | torch.Tensor) -> tuple:
    """Masses (..., 5) and positions (..., 5, 3)."""
    return x[..., :BODIES], x[..., BODIES:].reshape(*x.shape[:-1], BODIES, 3)


def joined(masses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The inverse of `parts`."""
    return np.concatenate([masses, points.reshape(*masses.shape[:-1], -1)], axis=-1)


def perceptron(inputs: int = 20, outputs: int = 9, width: int = 57) -> nn.Module:
    """A perceptron with two hidden layers."""
    sizes = (inputs, width), (width, width), (width, outputs)
    return nn.Sequential(*(part for size in sizes for part in (nn.Linear(*size), nn.SiLU())))[:-1].double()


def learned(
    make: Callable[[], nn.Module],
    x: np.ndarray,
    y: np.ndarray,
    steps: int,
    seed: int,
    *,
    within: Callable[[nn.Module], Callable] | None = None,
    augment: bool = False,
    penalty: float = 0.0,
    times: int = 1,
) -> Learned:
    """Train a net, or what `within` makes of it, on the mean square error; y is measured in its root mean square."""
    torch.manual_seed(seed)
    net, rng, scale = make(), np.random.default_rng(seed), np.sqrt(np.mean(y**2))
    function = within(net) if within else net
    adam = torch.optim.Adam(net.parameters(), lr=RATE)
    for part in np.linspace(0.0, math.pi, times * steps, endpoint=False):
        adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(part))
        rows = rng.integers(0, len(x), BATCH)
        given, wanted = x[rows], y[rows] / scale
        if augment or penalty:
            g = GROUP.random(rng, BATCH)
            moved = REP_IN.act(g, given)
        if augment:
            given, wanted = moved, REP_OUT.act(g, wanted)
        found = function(torch.from_numpy(given))
        loss = (found - torch.from_numpy(wanted)).square().mean()
        if penalty:
            loss += penalty * (function(torch.from_numpy(moved)) - turned(torch.from_numpy(g), found)).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    def predict(new: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return scale * function(torch.from_numpy(np.ascontiguousarray(new))).numpy()

    return predict, sum(p.numel() for p in net.parameters())


def turned(g: torch.Tensor, tensors: torch.Tensor) -> torch.Tensor:
    """G t gᵀ of elements (..., 3, 3) and tensors (..., 9), in torch."""
    return (g @ tensors.unflatten(-1, (3, 3)) @ g.mT).flatten(-2)


def averaged_after(x: np.ndarray, y: np.ndarray, steps: int, seed: int) -> Learned:
    """The net of augmentation, averaged over random elements when asked."""
    f, weights = learned(perceptron, x, y, steps, seed, augment=True)
    return symmetry.average(f, GROUP, REP_IN, REP_OUT, samples=SAMPLES, seed=seed), weights


def posed(poses: Callable, x: np.ndarray, y: np.ndarray, steps: int, seed: int) -> Learned:
    """The mean of ρ(g) f(g⁻¹x) over the frames of x, or the one g of its canonical form, and trained so."""

    def prepared(given: np.ndarray) -> np.ndarray:
        masses, points = parts(given)
        found = poses(points, GROUP)
        g = (found[1] if poses is symmetry.canonicalise else found).matrix.reshape(len(points), -1, 3, 3)
        form = joined(np.broadcast_to(masses[:, None], (*g.shape[:2], BODIES)), points[:, None] @ g)
        return np.concatenate([form, g.reshape(*g.shape[:2], 9)], axis=-1)

    def mean(net: nn.Module, z: torch.Tensor) -> torch.Tensor:
        return turned(z[..., -9:].unflatten(-1, (3, 3)), net(z[..., :-9])).mean(-2)

    f, weights = learned(perceptron, prepared(x), y, steps, seed, within=lambda net: partial(mean, net))
    return lambda new: f(prepared(new)), weights


def of_invariants(net: nn.Module) -> Callable:
    """Σ w_ij x_i x_jᵀ + w 1, the derivative of Σ w_ij x_iᵀℓx_j + w tr ℓ by ℓ; the net makes w of the invariants."""

    def number(x: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
        (masses, points), form = parts(x), dual.unflatten(-1, (3, 3))
        trace = form.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)
        terms = torch.cat([(points @ form @ points.mT).flatten(-2), trace], dim=-1)
        return (net(torch.cat([masses, symmetry.invariants(points, GROUP)], dim=-1)) * terms).sum(-1)

    return symmetry.equivariants_torch(number, REP_OUT.dim(3), axes=1)


def cubic(x: np.ndarray, y: np.ndarray, steps: int, seed: int, *, equivariant: bool) -> Learned:
    """Least squares of a linear map of all m_i x_j x_kᵀ, j <= k: any, or one that commutes with the group."""
    j, k = np.triu_indices(BODIES)

    def features(given: np.ndarray) -> np.ndarray:
        masses, points = parts(given)
        pairs = points[:, j, :, None] * points[:, k, None, :]
        return np.einsum("ni,npab->nipab", masses, pairs).reshape(len(given), -1)

    known = features(x)
    if not equivariant:
        matrix = np.linalg.lstsq(known, y, rcond=1e-12)[0]
        return lambda new: features(new) @ matrix, matrix.size
    basis = symmetry.equivariant_basis(GROUP, BODIES * len(j) * T(2), REP_OUT)
    design = np.tensordot(known, basis, axes=([1], [2])).swapaxes(1, 2)
    found = np.linalg.lstsq(design.reshape(-1, len(basis)), y.ravel(), rcond=1e-12)[0]
    return lambda new: features(new) @ np.tensordot(found, basis, axes=1).T, found.size


LONGER = partial(learned, perceptron, augment=True, times=TIMES)
CUBE = partial(symmetry.average, group=symmetry.Hyperoctahedral(3), rho_in=REP_IN, rho_out=REP_OUT)
EQUIVARIANT = partial(symmetry.EquivariantMLP, GROUP, REP_IN, REP_OUT, hidden=48)
INVARIANT = partial(perceptron, BODIES + BODIES * (BODIES + 1) // 2, BODIES**2 + 1, width=50)
# of each the fit, for what it is exact whatever its weights, and the colour and dashes of its line
WAYS: dict[str, tuple[Callable[[np.ndarray, np.ndarray, int, int], Learned], str, str, str]] = {
    "no symmetry": (partial(learned, perceptron), "nothing", PALE, "-"),
    "augmentation": (partial(learned, perceptron, augment=True), "nothing", COLOURS[1], "-"),
    f"augmentation, {TIMES} x steps": (LONGER, "nothing", COLOURS[1], "-."),
    "penalty": (partial(learned, perceptron, penalty=PENALTY), "nothing", COLOURS[1], ":"),
    "augmentation, averaged": (averaged_after, f"nothing: {SAMPLES} elements", COLOURS[1], "--"),
    "mean over B3": (partial(learned, perceptron, within=CUBE), "B3, 48 elements", COLOURS[5], "-"),
    "canonical form": (partial(posed, symmetry.canonicalise), "O(3), but it jumps", COLOURS[3], "-"),
    "frames": (partial(posed, symmetry.frames), "O(3), but it jumps", COLOURS[4], "-"),
    "equivariant layers": (partial(learned, EQUIVARIANT), "O(3)", COLOURS[2], "-"),
    "invariants": (partial(learned, INVARIANT, within=of_invariants), "O(3)", COLOURS[0], "-"),
    "cubic, any map": (partial(cubic, equivariant=False), "nothing; law is cubic", INK, "--"),
    "cubic, equivariant map": (partial(cubic, equivariant=True), "O(3); law is cubic", INK, "-"),
}


def measured(way: str, size: int, seed: int, flat: bool, steps: int) -> dict[str, float]:
    """Learn, and measure: squares are relative to the mean square of I; `change`, `jump` and `states` to its root.

    Returns:
        error: mean square error on test clouds.
        turned: the same, each cloud being turned by an element of its own.
        change: root mean square of F(gx) - ρ(g) F(x) over 100 random elements, of which half are reflections.
        jump: largest change between neighbours on paths of 2 `STRIDES` clouds past one with two equal moments.
        states: root mean square of the standard error that the way states itself; 0 if it states none.
        weights, seconds: numbers fitted, and processor time to learn.
    """
    rng, began = np.random.default_rng(seed), time.process_time()
    x, test = clouds(size, rng, flat=flat), clouds(TEST, rng, flat=flat)
    predict, weights = WAYS[way][0](x, inertia(x), steps, seed)
    seconds, unit = time.process_time() - began, np.mean(inertia(test) ** 2)
    moved = REP_IN.act(GROUP.random(rng, TEST), test)
    error, turned = (np.mean((predict(new) - inertia(new)) ** 2) / unit for new in (test, moved))
    g, few, places = GROUP.random(rng, 100), test[:50], np.linspace(-0.5, 0.5, 2 * STRIDES)
    path = joined(np.ones(BODIES), np.eye(BODIES, 3) * (1.2, 1.2, 0.5)) + places[:, None, None] * clouds(PATHS, rng)
    off = predict(REP_IN.act(g[:, None], few).reshape(-1, 20)).reshape(100, 50, 9)
    off -= REP_OUT.act(g[:, None], predict(few))
    steep = np.abs(np.diff(predict(path.reshape(-1, 20)).reshape(*path.shape[:2], 9), axis=0)).max()
    stated = predict.with_error(test)[1] if hasattr(predict, "with_error") else np.zeros(1)
    change, states = (np.sqrt(np.mean(values**2) / unit) for values in (off, stated))
    found = {"error": error, "turned": turned, "change": change, "jump": steep / np.sqrt(unit), "states": states}
    return found | {"weights": weights, "seconds": seconds}


def errors(rows: Rows, sizes: list[int], seeds: int) -> dict[str, list[float]]:
    """Of each way the error against the number of examples, geometric means over the seeds."""
    logs = {key[:3]: math.log(row["error"]) for key, row in rows.items() if not key[3]}
    ways = dict.fromkeys(way for way, *_ in rows)
    return {way: [math.exp(np.mean([logs[way, n, seed] for seed in range(seeds)])) for n in sizes] for way in ways}


def table(rows: Rows, sizes: list[int], seeds: int) -> str:
    """What each way reached; what is no error is of the most examples."""
    heads = ["weights", "s", *map(str, sizes), "flat", "turned", "change", "jump"]
    lines = [f"{'way':24s} {'exact for':22s}" + "".join(f"{head:>9s}" for head in heads)]
    for way, means in errors(rows, sizes, seeds).items():
        last, flat = rows[way, sizes[-1], 0, False], rows[way, FLAT, 0, True]
        cells = [*means, flat["error"], flat["turned"], last["change"], last["jump"]]
        note = f"  states {last['states']:.1e}" if last["states"] else ""
        head = f"{way:24s} {WAYS[way][1]:22s}{last['weights']:9.0f}{last['seconds']:9.1f}"
        lines.append(head + "".join(f"{cell:9.1e}" for cell in cells) + note)
    return "\n".join(lines)


def draw(rows: Rows, sizes: list[int], seeds: int, path: Path) -> None:
    """The error against the number of examples, a line for each way, named at its end or where it leaves."""
    found, place = errors(rows, sizes, seeds), math.inf
    plain, layers = (found.get(way, [0.0]) for way in ("no symmetry", "equivariant layers"))
    few = [n for n, own in zip(sizes, layers, strict=False) if own < plain[-1]]
    with styled():
        figure = new_figure(9.5, 6.2)
        axes = figure.subplots()
        for way in sorted(found, key=lambda way: -found[way][-1]):
            colour, dashes = WAYS[way][2:]
            axes.plot(sizes, found[way], dashes, color=colour, marker="o", ms=4, lw=1.8)
            inside = sum(error > LOWEST for error in found[way])
            place, gap = (min(found[way][-1], place / 1.25), 8) if inside == len(sizes) else (1.3 * LOWEST, 26)
            at = sizes[max(inside - 1, 0)], place
            axes.annotate(way, at, (gap, 0), textcoords="offset points", va="center", color=colour)
        axes.set(xscale="log", yscale="log", ylim=(LOWEST, 1.0), xlabel="training examples")
        axes.set_ylabel("mean square error, over the mean square of I")
        axes.set_xticks(sizes, sizes)
        axes.minorticks_off()
        if few:
            axes.set_title(f"Equivariant layers learn more from {few[0]} examples than plain layers from {sizes[-1]}")
        save(figure, path)


def main() -> None:
    """Learn, measure, print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="NAME")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300, 1000, 3000], help="training examples")
    parser.add_argument("--seeds", type=int, default=2, help="means are geometric")
    parser.add_argument("--steps", type=int, default=2000, help="of training of each net (2000)")
    parser.add_argument("--figure", type=Path, default=ROOT / "benchmarks" / "ways_to_impose.png", metavar="PNG")
    given = parser.parse_args()
    runs = [*((size, seed, False) for size in given.sizes for seed in range(given.seeds)), (FLAT, 0, True)]
    rows = {key: measured(*key, given.steps) for key in ((way, *run) for way in given.ways for run in runs)}
    print(table(rows, given.sizes, given.seeds))
    draw(rows, given.sizes, given.seeds, given.figure)
    print(f"\n{given.figure}")


if __name__ == "__main__":
    main()
