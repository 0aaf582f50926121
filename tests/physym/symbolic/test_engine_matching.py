"""Columns that explain a target: what matrix products rank agrees with least squares of every combination."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from physym.symbolic import matching
from physym.symbolic.matching import Design, best_pairs, best_singles, best_triples, extended, projected

POINTS = 50
# the base takes part of the target: of three rows, of which one is a combination of the others
CASES = [(seed, weighted, based) for seed in (0, 1) for weighted in (False, True) for based in (False, True)]


class Given:
    """Random columns of very different sizes, a target made of some of them and noise, weights and a base."""

    def __init__(self, seed: int, weighted: bool, based: bool, columns: int = 14) -> None:
        rng = np.random.default_rng(seed)
        self.columns = rng.standard_normal((columns, POINTS)) * 10.0 ** rng.integers(-6, 6, columns)[:, None]
        self.columns += rng.standard_normal(POINTS) * np.abs(self.columns).max(axis=1)[:, None]
        self.bits = rng.uniform(0.0, 6.0, columns)
        self.weights = rng.uniform(0.1, 2.0, POINTS) if weighted else np.ones(POINTS)
        self.base = None
        self.target = rng.standard_normal(POINTS)
        for k in (1, 5, 9):
            self.target += rng.choice([-1, 1]) * self.columns[k] / np.std(self.columns[k])
        if based:
            two = rng.standard_normal((2, POINTS))
            self.base = np.concatenate([two, [two[0] - 2 * two[1]]])
            self.target += 3 * two[0]

    def design(self, chosen=slice(None)) -> Design:
        return Design(self.columns[chosen], self.bits[chosen], self.target, self.weights, self.base)

    def length(self, combination) -> float:
        """Description length from least squares in double precision."""
        base = np.zeros((0, POINTS)) if self.base is None else self.base
        residual = [self.residual(base), self.residual(np.concatenate([base, self.columns[list(combination)]]))]
        return POINTS / 2 * np.log2(residual[1] / residual[0]) + self.bits[list(combination)].sum()

    def residual(self, rows) -> float:
        rows = rows * self.weights
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True) if len(rows) else rows
        target = self.target * self.weights
        found = np.linalg.lstsq(rows.T, target, rcond=1e-10)[0] if len(rows) else np.zeros(0)
        return float(np.sum((target - found @ rows) ** 2))


def agrees(given, found, lengths, combinations) -> None:
    """The best of all combinations in their order, each with its length."""
    expected = sorted((given.length(c), tuple(sorted(c))) for c in combinations)[: len(found)]
    np.testing.assert_allclose(lengths, [length for length, _ in expected], atol=2e-3)
    assert [tuple(sorted(row)) for row in found.tolist()] == [c for _, c in expected]


@pytest.mark.parametrize("case", CASES)
def test_singles(case) -> None:
    given = Given(*case)
    agrees(given, *best_singles(given.design(), 14), itertools.combinations(range(14), 1))


@pytest.mark.parametrize("case", CASES)
def test_pairs_of_one_design(case) -> None:
    given = Given(*case)
    design = given.design()
    found, lengths = best_pairs(design, design, 91)
    assert len(found) == 91
    agrees(given, found, lengths, itertools.combinations(range(14), 2))
    few, few_lengths = best_pairs(design, design, 5)
    np.testing.assert_array_equal(few, found[:5])
    np.testing.assert_array_equal(few_lengths, lengths[:5])


@pytest.mark.parametrize("case", CASES)
def test_pairs_of_two_designs(case) -> None:
    given = Given(*case)
    chosen = np.array([9, 2, 4])
    found, lengths = best_pairs(given.design(chosen), given.design(slice(5, None)), 20)
    found = np.stack([chosen[found[:, 0]], found[:, 1] + 5], axis=1)
    agrees(given, found, lengths, ((a, b) for a in (9, 2, 4) for b in range(5, 14) if a != b))


@pytest.mark.parametrize("case", CASES)
def test_triples(case) -> None:
    given = Given(*case)
    chosen = np.array([1, 9, 3, 6, 8])
    found, lengths = best_triples(given.design(chosen), given.design(slice(4, 8)), 24)
    found = np.concatenate([chosen[found[:, :2]], found[:, 2:] + 4], axis=1)
    pairs = itertools.combinations(chosen.tolist(), 2)
    agrees(given, found, lengths, ((*pair, c) for pair in pairs for c in range(4, 8) if c not in pair))


@pytest.mark.parametrize("block", [1, 30, 200])
def test_small_blocks_and_a_moving_threshold_change_nothing(monkeypatch, block) -> None:
    given = Given(3, True, True, columns=40)
    design = given.design()
    expected = [best_pairs(design, design, 6), best_triples(design, design, 6)]
    monkeypatch.setattr(matching, "_BLOCK", block)
    design = given.design()
    for (found, lengths), (same, as_before) in zip(
        [best_pairs(design, design, 6), best_triples(design, design, 6)], expected, strict=True
    ):
        np.testing.assert_array_equal(found, same)
        np.testing.assert_allclose(lengths, as_before, atol=1e-3)
    agrees(given, *best_pairs(design, design, 6), itertools.combinations(range(40), 2))


def repeated(found) -> np.ndarray:
    return np.array([len(set(row)) < len(row) for row in found.tolist()])


@pytest.mark.parametrize("case", CASES)
def test_extended(case) -> None:
    given = Given(*case)
    starts = np.array([[1, 5], [3, 7], [9, 2]])
    found, lengths = extended(given.design(), starts, 9)
    assert {tuple(row) for row in found[:, :2].tolist()} <= {(1, 5), (3, 7), (9, 2)}
    for start in starts.tolist():
        own = (found[:, :2] == start).all(axis=1) & ~repeated(found)
        best = sorted((given.length([*start, c]), c) for c in range(14) if c not in start)[: own.sum()]
        assert found[own, 2].tolist() == [c for _, c in best]
        np.testing.assert_allclose(lengths[own], [length for length, _ in best], atol=2e-3)
    assert (np.diff(lengths) >= 0).all()
    np.testing.assert_array_equal(extended(given.design(), starts, 2)[0], found[:2])


def test_extended_adds_no_column_twice() -> None:
    given = Given(0, False, False)
    # no other column is worth its bits
    given.bits = np.where(np.isin(np.arange(14), (1, 5)), 0.0, 60.0)
    found, _ = extended(given.design(), np.array([[1, 5]]), 3)
    assert not repeated(found).any()


def test_what_lies_in_the_base_or_is_not_finite_is_left_out() -> None:
    given = Given(0, True, True)
    given.columns[2] = given.base[0] + 4 * given.base[2]
    given.columns[3, 7] = np.nan
    given.columns[4] = 0.0
    design = given.design()
    assert design.index.tolist() == [k for k in range(14) if k not in (2, 3, 4)]
    assert len(design.base) == 2
    np.testing.assert_allclose(design.rows @ design.base.T, 0.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(design.rows, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(projected(projected(given.columns[:1], design.base), design.base),
                               projected(given.columns[:1], design.base))  # fmt: skip
    whole = np.linalg.norm(given.target * given.weights)
    assert design.left == pytest.approx(np.sqrt(given.residual(given.base)) / whole)
    found, _ = extended(design, np.array([[2, 1], [1, 5]]), 4)
    assert (found[:, :2] == [1, 5]).all()
    assert {2, 3, 4}.isdisjoint(best_pairs(design, design, 200)[0].ravel().tolist())


def test_parallel_columns_are_no_pair() -> None:
    given = Given(1, False, False)
    given.columns[5] = -3 * given.columns[1]
    design = given.design()
    pairs, _ = best_pairs(design, design, 200)
    assert len(pairs) == 90
    assert [1, 5] not in np.sort(pairs).tolist()
    triples, _ = best_triples(design, design, 2000)
    assert len(triples)
    assert not any({1, 5} <= set(row) for row in triples.tolist())
    assert not repeated(triples).any()


@pytest.mark.filterwarnings("error")
def test_nothing_to_match() -> None:
    given = Given(0, False, False)
    empty, full = given.design(slice(0, 0)), given.design()
    assert best_singles(empty, 3)[0].shape == (0, 1)
    assert best_pairs(empty, full, 3)[0].shape == best_pairs(full, empty, 3)[0].shape == (0, 2)
    assert best_triples(full, empty, 3)[0].shape == best_triples(given.design(slice(0, 1)), full, 3)[0].shape == (0, 3)
    assert extended(full, np.zeros((0, 2), dtype=int), 3)[0].shape == (0, 3)
    # a target within the base: nothing is left to explain
    inside = Design(given.columns, given.bits, given.columns[0] * 2, given.weights, given.columns[:1])
    assert inside.left < 1e-12
