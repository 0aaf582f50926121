"""Only lawful expressions are ever formed: checked by two other implementations, for random systems of units."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import pytest
import sympy

from physym.symbolic.factors import match_factors, match_power_laws
from physym.symbolic.pool import Pool
from physym.symbolic.problem import Problem
from physym.symbolic.search import search
from physym.symbolic.space import Space
from physym.symbolic.targets import divided, inverse_functions, peeled, powers
from physym.symbolic.terms import match_terms
from physym.symbolic.tree import Apply, Monomial, Number, Power, Product, Sum, to_sympy
from physym.units import DimensionError, check_expression

BASE = ("kg", "m", "s")
ROOTS = tuple(Fraction(q) for q in ("1", "2", "-1", "-2", "1/2", "-1/2"))
SEEDS = range(3)


def written(exponents) -> str:
    return "*".join(f"{base}**({Fraction(float(e))})" for base, e in zip(BASE, exponents, strict=False)) or "1"


def random_problem(seed: int) -> Problem:
    """Variables with random units, and a target that is a product times a function of dimensionless ones."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(4, 6))
    exponents = rng.choice([-2, -1, -1, 0, 0, 1, 1, 2, 0.5], (rows, columns))
    names = tuple(f"x{k}" for k in range(columns))
    values = {name: rng.uniform(0.5, 2.0, 96) for name in names}
    # every third target has no units, so that inverse functions are looked at
    hidden = rng.integers(-1, 2, columns) * (0 if seed % 3 == 2 else 1) / rng.choice([1, 2])
    target = np.prod([x**e for x, e in zip(values.values(), hidden, strict=True)], axis=0)
    target = target * (1 + 0.3 * np.sin(values["x0"])) * (0.4 if seed % 3 == 2 else 1.0)
    return Problem(names, values, exponents, target, exponents @ hidden)


def units_of(node, problem: Problem) -> tuple[Fraction, ...]:
    """The units of an expression of the search, worked out from its leaves."""
    none = (Fraction(0),) * len(problem.exponents)
    if isinstance(node, Number):
        return none
    if isinstance(node, Monomial):
        rows = [[Fraction(float(e)) for e in row] for row in problem.exponents]
        return tuple(sum(e * p for e, p in zip(row, node.exponents, strict=True)) for row in rows)
    if isinstance(node, Sum):
        (same,) = {units_of(term, problem) for term in node.terms}
        return same
    if isinstance(node, Product):
        return tuple(map(sum, zip(*(units_of(factor, problem) for factor in node.factors), strict=True)))
    if isinstance(node, Power):
        return tuple(e * node.exponent for e in units_of(node.base, problem))
    assert isinstance(node, Apply)
    assert not any(units_of(node.argument, problem)), f"{node.name} of what has units"
    return none


def assert_lawful(nodes, problem: Problem, degree: Fraction | int, some: int = 50) -> None:
    """All by the rules above, and some by those for SymPy's expressions."""
    assert nodes
    wanted = tuple(Fraction(float(e)) * degree for e in problem.target_exponents)
    for node in nodes:
        assert units_of(node, problem) == wanted
    units = dict(zip(problem.names, map(written, problem.exponents.T), strict=True))
    symbols = sympy.symbols(problem.names)
    for k in np.random.default_rng(0).permutation(len(nodes))[:some]:
        check_expression(to_sympy(nodes[k], symbols), units, written([float(e) for e in wanted]))


@functools.cache
def space_of(seed: int) -> tuple[Problem, Space, Pool]:
    problem = random_problem(seed)
    pool = Pool(problem, 100.0, 0)
    space = Space(problem, pool.sample, pool.y, range(len(problem.names)))
    space.collect(300)
    return problem, space, pool


def test_these_checks_can_fail() -> None:
    names, values = ("l", "t"), {"l": np.ones(3), "t": np.ones(3)}
    problem = Problem(names, values, np.array([[1, 0], [0, 1]]), np.ones(3), np.array([1, 0]))
    length, time = Monomial((240, 0)), Monomial((0, 240))
    assert_lawful([length, Sum((length, Product((Number(2.0), length))))], problem, 1)
    for wrong in (Sum((length, time)), Apply("sin", length), Sum((length, Number(1.0)))):
        with pytest.raises((AssertionError, ValueError)):
            units_of(wrong, problem)
        with pytest.raises(DimensionError):
            check_expression(to_sympy(wrong, sympy.symbols(names)), {"l": "m", "t": "s"}, "m")
    with pytest.raises(AssertionError):
        assert_lawful([time], problem, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_elements_and_terms(seed) -> None:
    problem, space, _ = space_of(seed)
    assert len(space.library.elements) > 100
    assert_lawful([element.node for element in space.library.elements], problem, 0)
    for degree in ROOTS:
        terms = space.terms(degree, 250)
        assert len(terms.terms) > 100
        nodes = [term.node() for term in terms.terms]
        assert_lawful(nodes, problem, degree, some=10)
        # and their values are those of the expressions
        for k in (0, len(nodes) // 2, -1):
            function = sympy.lambdify(sympy.symbols(problem.names), to_sympy(nodes[k], sympy.symbols(problem.names)))
            np.testing.assert_allclose(
                np.broadcast_to(function(*space.sample.values), terms.values[k].shape), terms.values[k], rtol=1e-6
            )
    assert_lawful(list(space.witnesses()), problem, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_candidates_of_every_stage(seed, monkeypatch) -> None:
    problem, space, pool = space_of(seed)
    formed: list = []
    monkeypatch.setattr(Pool, "consider", lambda _pool, nodes, **_: formed.extend(nodes))
    views = list(powers(space.target, ROOTS))
    inverses = list(inverse_functions(space.target)) if space.dimensionless_target else []
    beside = peeled(space)[:4]
    squares = [square for _, square in beside if square is not None]
    match_power_laws(space, pool)
    for view in (views[0], *inverses, *(view for view, _ in beside)):
        match_factors(space, pool, view, space.library.elements[:150], third=True, most=8)
    for view in (*views, *inverses, *squares, *divided(space, 2)):
        match_terms(space, pool, view, wide=150, narrow=30, most=4, rational=view is views[0])
    assert len(views) == len(ROOTS)
    assert bool(inverses) == (not problem.target_exponents.any())
    assert len(formed) > 100
    # functions, powers, sums and quotients are among them
    assert {type(node) for node in formed} >= {Product, Sum, Power}
    assert_lawful(formed, problem, 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_a_search_finds(seed) -> None:
    problem = random_problem(seed)
    units = dict(zip(problem.names, map(written, problem.exponents.T), strict=True))
    found = search(problem, time_limit=1.5, seed=seed)
    assert found
    for law in found:
        assert {symbol.name for symbol in law.expression.free_symbols} <= set(problem.names)
        check_expression(law.expression, units, written(problem.target_exponents))
