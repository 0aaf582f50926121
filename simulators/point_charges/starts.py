"""Random starts of charged bodies: places that are well apart."""

from __future__ import annotations

import numpy as np

from simulators.errors import InputError
from simulators.grid import Grid

__all__ = ["places"]

_TRIES = 1000


def places(grid: Grid, rng: np.random.Generator, bodies: int, separation: float) -> np.ndarray:
    """Places (body, i) in the box, at least so far apart, also across its sides.

    Args:
        grid: of the box, whose middle is the origin.
        rng: the random stream.
        bodies: how many.
        separation: the least distance.

    Raises:
        InputError: if there is no room for them.
    """
    size, found = np.array(grid.length), np.empty((bodies, grid.ndim))
    for body in range(bodies):
        for _ in range(_TRIES):
            found[body] = (rng.random(grid.ndim) - 0.5) * size
            away = found[:body] - found[body]
            away -= size * np.round(away / size)
            if np.all(np.linalg.norm(away, axis=-1) >= separation):
                break
        else:
            raise InputError(
                f"separation: expected room for {bodies} bodies at least {separation:g} m apart, given a box of"
                f" {' x '.join(f'{side:g}' for side in grid.length)} m; reduce it, or the bodies"
            )
    return found
