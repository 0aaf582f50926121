"""Right-hand sides and runs of equations that are sums of field terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from physym.discovery.fields.terms import FieldTerm, Space

__all__ = ["carry", "tendencies"]

Rights = Sequence[Sequence[FieldTerm]]
Constants = Mapping[str, "np.ndarray | float"]


def tendencies(
    rights: Rights, space: Space, fields: Sequence[np.ndarray], constants: Constants, *, exact: Sequence[bool] = ()
) -> list[np.ndarray]:
    """The rate of every field.

    Args:
        rights: the terms of every field's equation.
        space: of the derivatives.
        fields: arrays (..., *space).
        constants: by name, numbers or arrays that broadcast against the fields.
        exact: fields whose own diffusion is left out, because a solver does it.
    """
    out = []
    shared: dict[tuple, np.ndarray] = {}
    for e, terms in enumerate(rights):
        total = np.zeros_like(fields[0])
        for term in terms:
            if exact and exact[e] and _diffusion(term, e):
                continue
            key = (*term.family, *(half for _, half in term.saturations))
            if key not in shared:
                shared[key] = term.value(fields, space, constants)
            total += constants[term.constant] * shared[key]
        out.append(total)
    return out


def carry(
    rights: Rights, space: Space, start: np.ndarray, times: np.ndarray, constants: Constants, tolerance: float
) -> np.ndarray:
    """Runs (sample, time, field, *space) from starts (sample, field, *space), with the same constants for all.

    Diffusion of a field in its own equation is solved exactly, by an exponential method of order 4; where anything else
    diffuses, by a stabilised one. The error is relative to how the fields vary.

    Raises:
        DivergenceError: if a run leaves the finite numbers.
    """
    from simulators.integrate import etdrk4, rock4, spread

    rates = [
        sum(float(constants[t.constant]) for t in terms if _diffusion(t, e)) for e, terms in enumerate(rights)
    ]  # fmt: skip
    exact = [rate > 0 for rate in rates]
    other = any(
        (t.laplacian >= 0 or t.gradients) and not (_diffusion(t, e) and exact[e])
        for e, terms in enumerate(rights)
        for t in terms
    )

    def rhs(_t: float, y: np.ndarray) -> np.ndarray:
        return np.stack(tendencies(rights, space, y, constants, exact=() if other else exact))

    if other:
        return rock4(rhs, start, times, tolerance=tolerance, scale=spread).states
    linear = [rate * space.symbol if e else None for rate, e in zip(rates, exact, strict=True)]
    return etdrk4(rhs, start, times, linear=linear, tolerance=tolerance, scale=spread).states


def _diffusion(term: FieldTerm, field: int) -> bool:
    return term.laplacian == field and not any(term.powers) and not term.saturations and not term.gradients
