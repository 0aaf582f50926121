"""Integer lattices: whole, reduced and the same whatever the basis."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.matrices.normalforms import smith_normal_form

from physym.units.lattice import hermite, null_lattice, reduced, solution

ENTRIES = st.integers(-4, 4)


def matrices(rows=(1, 4), columns=(1, 7)):
    shapes = st.tuples(st.integers(*rows), st.integers(*columns))
    return shapes.flatmap(
        lambda shape: st.lists(
            st.lists(ENTRIES, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
        )
    )


def is_saturated(rows) -> bool:
    """All elementary divisors are 1: no vector of the lattice is a multiple of a vector that is not in it."""
    form = smith_normal_form(sympy.Matrix(rows), domain=sympy.ZZ)
    return all(abs(form[n, n]) == 1 for n in range(len(rows)))


def test_clearing_denominators_would_give_a_sublattice():
    """The trap: 2 x + y = ... has a rational null space whose cleared basis is of index 2."""
    matrix = [[1, 0, 1, 1], [0, 2, 1, 1]]
    cleared = []
    for vector in sympy.Matrix(matrix).nullspace():
        scale = sympy.ilcm(*(e.q for e in vector))
        cleared.append([int(e * scale) for e in vector])
    assert not is_saturated(cleared)
    found = null_lattice(matrix, 4)
    assert is_saturated(found)
    assert hermite(found) == hermite([[0, 0, 1, -1], [-2, -1, 2, 0]])
    assert hermite(found) != hermite(cleared)


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_null_lattices_are_whole_and_have_the_rank_of_the_null_space(matrix):
    columns = len(matrix[0])
    found = null_lattice(matrix, columns)
    assert len(found) == columns - sympy.Matrix(matrix).rank()
    assert not np.any(np.array(matrix) @ np.array(found, dtype=int).reshape(-1, columns).T)
    if found:
        assert is_saturated(found)


@settings(max_examples=60, deadline=None)
@given(matrices((1, 4), (4, 7)), st.randoms(use_true_random=False))
def test_reduction_keeps_the_lattice_and_shortens(rows, random):
    rows = [row for row in hermite(rows) if any(row)]
    if not rows:
        return
    # another basis, much longer
    mixed = [list(row) for row in rows]
    for _ in range(10):
        a, b = random.randrange(len(mixed)), random.randrange(len(mixed))
        if a != b:
            times = random.choice((-3, 2))
            mixed[a] = [x + times * y for x, y in zip(mixed[a], mixed[b], strict=True)]
    assert hermite(mixed) == hermite(rows)
    short = reduced(mixed)
    assert hermite(short) == hermite(rows)
    # the bound of Lenstra, Lenstra and Lovász for delta = 0.99, over all vectors: the shortest is not far
    shortest = min(sum(e * e for e in row) for row in rows)
    assert sum(e * e for e in short[0]) <= (1 / (0.99 - 0.25)) ** (len(rows) - 1) * shortest


def test_large_entries_stay_exact():
    """Beyond the integers of the machine."""
    big = 10**30
    found = null_lattice([[big, big + 1, 1]], 3)
    assert all(big * a + (big + 1) * b + c == 0 for a, b, c in found)
    assert is_saturated(found)


def test_fractions_scale_rows_only():
    rational = [[Fraction(1, 2), 1, 0], [0, Fraction(1, 3), -1]]
    assert null_lattice(rational, 3) == null_lattice([[1, 2, 0], [0, 1, -3]], 3)
    assert null_lattice([], 2) == [[1, 0], [0, 1]]


@settings(max_examples=60, deadline=None)
@given(matrices(), st.data())
def test_solutions_solve_and_are_whole_if_any_is(matrix, data):
    columns = len(matrix[0])
    hidden = data.draw(st.lists(ENTRIES, min_size=columns, max_size=columns))
    divisor = data.draw(st.integers(1, 3))
    wanted = [Fraction(sum(a * x for a, x in zip(row, hidden, strict=True)), divisor) for row in matrix]
    found = solution(matrix, columns, wanted)
    assert [sum(a * x for a, x in zip(row, found, strict=True)) for row in matrix] == wanted
    assert all(divisor % e.denominator == 0 for e in found)
    assert sum(map(abs, found)) <= sum(Fraction(abs(e), divisor) for e in hidden) or columns > 1


@pytest.mark.parametrize(
    ("matrix", "wanted", "expected"),
    [
        ([[1, 1], [0, 2]], [0, 1], ["-1/2", "1/2"]),
        ([[1, 1], [1, 1]], [0, 1], None),
        ([[2, 3]], [1], ["-1", "1"]),
        ([[0, 0]], [0], ["0", "0"]),
    ],
)
def test_solutions_known_by_hand(matrix, wanted, expected):
    found = solution(matrix, 2, wanted)
    assert (found if found is None else [str(e) for e in found]) == expected
