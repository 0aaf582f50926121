"""The constants of an equation from moments: factors by a linear fit, saturation constants by Gauss-Newton steps."""

from __future__ import annotations

import numpy as np

from physym.discovery.fields.equations import Found
from physym.discovery.fields.table import Table, View

__all__ = ["measured"]

_STEPS = 8
_LARGEST = 0.5
_SETTLED = 1e-4


def measured(table: Table, found: Found, e: int) -> Found:
    """An equation with its constants and their covariance from the moments of a table that has all its terms."""
    terms, values = list(found.terms), found.values
    free, count = [n for n, term in enumerate(found.terms) if term.saturations], len(found.terms)
    for _ in range(_STEPS):
        view = View(table, table.weights(e, terms, values), e)
        wide, covariance = view.unbiased(terms, [terms[n] for n in free])
        values, largest = wide[:count], 0.0
        for place, n in enumerate(free, start=count):
            field, half = terms[n].saturations[0]
            step = float(np.clip(wide[place] / wide[n], -_LARGEST, _LARGEST))
            new = float(np.clip(float(half) * np.exp(step), *table.limits[field]))
            largest = max(largest, abs(np.log(new / float(half))))
            terms[n] = terms[n].with_half(0, new)
        if largest < _SETTLED:
            break
    constants = wide.copy()
    for place, n in enumerate(free, start=count):
        constants[place] = float(terms[n].saturations[0][1])
        factor = constants[place] / wide[n]
        covariance[place] *= factor
        covariance[:, place] *= factor
    return found.measured(terms, constants, covariance)
