"""States by name carried through time by their rates of change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["carried"]

States = Mapping[str, np.ndarray]


def carried(
    slopes: Callable[[dict[str, np.ndarray]], States], start: States, times: np.ndarray, tolerance: float
) -> dict[str, np.ndarray]:
    """States at the times by the adaptive method of order 8.

    Errors are measured by |z| + |dz/dt|·(the first output interval) at the start, a size that turns and scales as the
    state does.

    Args:
        slopes: the rates of change (sample, own shape) of states (sample, own shape), by name.
        start: states (sample, own shape).
        times: increasing, from 0 on.
        tolerance: bound of the error, relative to that size.

    Returns:
        States (sample, time, own shape) by name.

    Raises:
        DivergenceError: if a run leaves the finite numbers, naming sample and time.
    """
    from simulators.integrate import dop853

    shapes = {name: array.shape[1:] for name, array in start.items()}
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes.values())])
    places = {name: slice(a, b) for name, a, b in zip(shapes, ends[:-1], ends[1:], strict=True)}
    count = max(len(array) for array in start.values())

    def flat(arrays: States) -> np.ndarray:
        return np.concatenate([arrays[name].reshape(count, -1) for name in shapes], axis=1)

    def law(_t: np.ndarray, z: np.ndarray) -> np.ndarray:
        return flat(slopes({name: z[:, place].reshape(count, *shapes[name]) for name, place in places.items()}))

    first = flat(start)
    slope = law(np.zeros((count, 1)), first)
    step = times[1] if times.size > 1 else 1.0
    size = np.ones_like(first)
    for place in places.values():
        norms = [np.sqrt(np.sum(array[:, place] ** 2, axis=1)) for array in (first, slope)]
        own = norms[0] + step * norms[1]
        size[:, place] = np.where(own > 0, own, 1.0)[:, None]
    out = dop853(law, first, times, tolerance=tolerance, scale=size)
    return {name: out[..., place].reshape(count, times.size, *shapes[name]) for name, place in places.items()}
