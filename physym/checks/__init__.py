"""One report that holds simulators, datasets and learned models to the same laws.

What is checked follows from the types that the variables declare, and from what the simulator says that it keeps.
With S the map from a start to its trajectory and G an element of a symmetry, a symmetry check is
S(G·start) = G·S(start) over one output step, so that chaos does not enter:

| check | G | tolerance |
|---|---|---|
| rotations, reflections | random orthogonal matrices, acting on every tensor, parameters included | 1e-10 |
| the same of fields | the rotations and reflections of the grid, which carry cells to cells | 1e-10 |
| translations | of fields, by random numbers of cells, parameters included | 1e-10 |
| equivariance under a group | elements of the group that a model states, parameters included | 1e-10 |
| time translation | a random offset of the clock | 1e-10 |
| units | random sizes of the base units, for variables, parameters and times | 1e-10 |
| time reversal | forward, reversed, forward, reversed is the start, over 10 output steps | 1e-6; learned 1e-2 |

A model whose net commutes with a group is held to that group: generators and random elements of it, reflections
included. What it does not promise of rotations and reflections is measured too, but nothing is demanded of it: the
tolerance is infinite, null in JSON. A model that states no group is held to all of them.

Differences are relative, see `physym.metrics.difference`, and so is the drift of conserved quantities, see
`physym.metrics.drift`: neither depends on the arbitrary constant of an energy, nor divides by a momentum that happens
to be zero. A model that computes in float32 obeys symmetries to 100 of its roundings. The tolerance of a drift is 1e-6
for what the subject itself keeps, 1e-2 for what the simulator of its training data keeps and it only learned, 1e-3 for
stored data, whose makers chose their own precision (the public protocol of the pendulum, float32 at rtol 1e-4, drifts
by 2e-4). Stored intervals are also run anew by the simulator that the data name, to 5e-4 (the same data: 1.4e-4).
Budgets of fields close to 1e-10 if the flows that they account for are in the data, those of squares such as energy as
well as the tolerance of the solver asks; `physym.checks.conservation` says how closely if they are not.

Runs of fields are dear, and one field has many cells: 2 samples, 11 times and 8 stored intervals then do; of a dataset,
the budgets of at most 64 samples are looked at, and of any data no more than 256 MiB, so that a store of any size
can be checked; the schema is checked of all.
"""

from physym.checks.findings import Check, Report
from physym.checks.subjects import Subject, check

__all__ = ["Check", "Report", "Subject", "check"]
