"""Constants that several field equations share, from the estimates of each equation by itself.

What one field loses another often gains, and the same saturation occurs in both equations. Where two estimates differ
by no more than their errors allow, the simpler law is the one in which they are the same number; then both become the
estimate of least variance that uses all equations, which is the generalised least squares under that constraint.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physym.discovery.fields.equations import Found

__all__ = ["pooled"]

_SIGMAS = 3.0


def pooled(found: Sequence[Found]) -> list[Found]:
    """The equations under all constraints that their constants do not contradict, the least doubtful first.

    Factors of the same terms in two equations may be equal or opposite, and saturation constants of one field equal.
    Equations without a covariance stay as they are.
    """
    known = [e for e, one in enumerate(found) if one.covariance is not None]
    sizes = [found[e].constants.size for e in known]
    ends = np.cumsum(sizes, dtype=int)
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    values = np.concatenate([found[e].constants for e in known]) if known else np.empty(0)
    covariance = np.zeros((values.size, values.size))
    for e, part in zip(known, parts, strict=True):
        covariance[part, part] = found[e].covariance
    left = _pairs([found[e] for e in known], values, [part.start for part in parts])
    while left:
        doubts = []
        for i, j, sign in left:
            spread = covariance[i, i] + covariance[j, j] - 2 * sign * covariance[i, j]
            # what earlier constraints have tied already decides nothing
            tied = spread <= 1e-9 * (covariance[i, i] + covariance[j, j])
            doubts.append(np.inf if tied else abs(values[i] - sign * values[j]) / np.sqrt(spread))
        best = int(np.argmin(doubts))
        if doubts[best] > _SIGMAS:
            break
        i, j, sign = left.pop(best)
        apart = np.zeros(values.size)
        apart[i], apart[j] = 1.0, -sign
        along = covariance @ apart
        values = values - along * (apart @ values) / (apart @ along)
        covariance = covariance - np.outer(along, along) / (apart @ along)
    out = list(found)
    for e, part in zip(known, parts, strict=True):
        out[e] = found[e].measured(found[e].terms, values[part], covariance[part, part])
    return out


def _pairs(found: Sequence[Found], values: np.ndarray, begins: Sequence[int]) -> list[tuple[int, int, float]]:
    """Constants (i, j) that might be the same but for a sign."""
    factors, halves = [], []
    for e, (one, begin) in enumerate(zip(found, begins, strict=True)):
        place = begin + len(one.terms)
        for n, term in enumerate(one.terms):
            factors.append((e, begin + n, term.family))
            for field, _ in term.saturations:
                halves.append((e, place, field))
                place += 1
    pairs = []
    for rows, signed in ((factors, True), (halves, False)):
        for k, (e, i, kind) in enumerate(rows):
            for other, j, same in rows[k + 1 :]:
                if same == kind and (other != e or not signed):
                    pairs.append((i, j, float(np.sign(values[i] * values[j])) if signed else 1.0))
    return pairs
