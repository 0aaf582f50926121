"""The cyclic group Z_N on strings, worked through: from orbits to what the symmetry is worth.

Z_N turns a string x of N letters around a circle, (φ_n x)(m) = x(m - n), and a function is invariant if it is one of
necklaces. There are five ways to impose that, and this package has the parts of each, exact where they can be:

- orbits: `count_orbits`, `representatives`, `orbit_table`, `all_strings`, `string_codes`;
- a gauge: `least_rotation`, in O(N) a string;
- invariants: `autocorrelation`, `power_spectrum`, `triple_correlation`, `bispectrum`, `four_point`, `correlation`;
  `from_bispectrum` shows that nothing is lost, `collisions` where something is;
- `compare` learns one task, such as `longest_run`, in all ways, nets among them;
- `learning_curve`, `saved_factor`, `expected_coverage`, `table_samples`: how many samples the symmetry saves.
"""

from __future__ import annotations

from physym.symmetry.cyclic.collisions import Collisions, collisions
from physym.symmetry.cyclic.inversion import from_bispectrum
from physym.symmetry.cyclic.necklaces import all_strings, count_orbits, orbit_table, representatives, string_codes
from physym.symmetry.cyclic.rotation import Aligned, least_rotation
from physym.symmetry.cyclic.sample_complexity import (
    LearningCurve,
    draws_until,
    expected_coverage,
    learning_curve,
    orbits_of_length,
    saved_factor,
    table_samples,
)
from physym.symmetry.cyclic.spectra import (
    autocorrelation,
    bispectrum,
    correlation,
    four_point,
    power_spectrum,
    triple_correlation,
)
from physym.symmetry.cyclic.strategies import Outcome, Report, bispectrum_features, compare
from physym.symmetry.cyclic.tasks import best_error, least_squares_error, longest_run

__all__ = [
    "Aligned",
    "Collisions",
    "LearningCurve",
    "Outcome",
    "Report",
    "all_strings",
    "autocorrelation",
    "best_error",
    "bispectrum",
    "bispectrum_features",
    "collisions",
    "compare",
    "correlation",
    "count_orbits",
    "draws_until",
    "expected_coverage",
    "four_point",
    "from_bispectrum",
    "learning_curve",
    "least_rotation",
    "least_squares_error",
    "longest_run",
    "orbit_table",
    "orbits_of_length",
    "power_spectrum",
    "representatives",
    "saved_factor",
    "string_codes",
    "table_samples",
    "triple_correlation",
]
