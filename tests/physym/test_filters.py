"""Invariant filters: their numbers, their invariance, and the discrete derivatives among them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from physym.symmetry import Hyperoctahedral, invariant_filters
from simulators.errors import InputError
from simulators.grid import Grid

# numbers by (dim, size) and parity, for orders from 0: Gregory et al. 2023 and an independent count
NUMBERS = {
    (2, 3): ((3, 2, 5, 8, 20), (0, 2, 5, 8, 20)),
    (2, 5): ((6, 6, 13, 24), (1, 6, 13, 24)),
    (3, 3): ((4, 3, 8, 16), (0, 0, 4, 14)),
    (3, 5): ((10, 12, 30), (0, 3, 20)),
}
CASES = [
    (dim, size, order, pseudo, count)
    for (dim, size), rows in NUMBERS.items()
    for pseudo, row in enumerate(rows)
    for order, count in enumerate(row)
]


def turned(g: np.ndarray, filters: np.ndarray, order: int, pseudo: int) -> np.ndarray:
    """Filters under g, cell by cell, by the formula."""
    sizes = filters.shape[1 + order :]
    found = np.zeros_like(filters)
    middle = (np.array(sizes) - 1) / 2
    for cell in itertools.product(*map(range, sizes)):
        offset = (np.array(cell) - middle)[::-1]
        goal = tuple(np.round((g @ offset)[::-1] + middle).astype(int))
        value = filters[(slice(None), *(slice(None),) * order, *cell)]
        for index in range(order):
            value = np.moveaxis(np.tensordot(g, value, axes=(1, 1 + index)), 0, 1 + index)
        found[(slice(None), *(slice(None),) * order, *goal)] = value
    return found * round(np.linalg.det(g)) ** pseudo


@pytest.mark.parametrize(("dim", "size", "order", "pseudo", "count"), CASES)
def test_the_numbers_of_filters(dim, size, order, pseudo, count) -> None:
    found = invariant_filters(dim, size, order, pseudo)
    assert found.shape == (count, *(dim,) * order, *(size,) * dim)
    flat = found.reshape(count, dim**order * size**dim)
    np.testing.assert_allclose(flat @ flat.T, np.eye(count), atol=1e-14)
    # sparse: no entry belongs to two filters
    assert ((flat != 0).sum(axis=0) <= 1).all()
    offsets = np.stack(np.meshgrid(*[np.arange(size) - (size - 1) / 2] * dim, indexing="ij"))
    held = np.abs(flat).reshape(count, -1, *(size,) * dim).sum(axis=1) > 0 if count else np.zeros((0, *(size,) * dim))
    far = [(offsets**2).sum(axis=0)[cells].max() for cells in held]
    assert far == sorted(far)


@pytest.mark.parametrize(("dim", "size", "order", "pseudo"), [(2, 3, 2, 1), (2, 4, 1, 0), (3, 3, 2, 1), (1, 5, 1, 1)])
def test_every_element_leaves_them_as_they_are_and_there_are_no_others(dim, size, order, pseudo) -> None:
    found, elements = invariant_filters(dim, size, order, pseudo), Hyperoctahedral(dim).elements()
    for g in elements:
        np.testing.assert_allclose(turned(g, found, order, pseudo), found, atol=1e-14)
    # the number of invariants is the mean trace of the group, here over unit filters
    total = dim**order * size**dim
    units = np.eye(total).reshape(total, *(dim,) * order, *(size,) * dim)
    traces = [np.trace(turned(g, units, order, pseudo).reshape(total, total)) for g in elements]
    assert np.mean(traces) == pytest.approx(len(found))


def test_a_smaller_group_has_more_filters_down_to_all_of_them() -> None:
    elements = Hyperoctahedral(2).elements()
    rotations = elements[np.linalg.det(elements) > 0]
    # a rotation does not know pseudotensors
    assert len(invariant_filters(2, 3, 0, 1, group=rotations)) == len(invariant_filters(2, 3, 0, 0)) == 3
    assert len(invariant_filters(2, 3, 1, 0, group=rotations)) == 4
    assert len(invariant_filters(2, 3, 2, 0, group=elements[:1])) == 36
    # a stencil that is not square is carried to itself by reflections of the axes alone
    signs = elements[[np.array_equal(np.abs(g), np.eye(2)) for g in elements]]
    assert invariant_filters(2, (3, 5), 0, group=signs).shape == (6, 3, 5)


def projected(wanted: np.ndarray, dim: int, size: int, order: int, pseudo: int) -> np.ndarray:
    """The part of a stencil that invariant filters make up."""
    basis = invariant_filters(dim, size, order, pseudo)
    return np.tensordot(np.tensordot(basis, wanted, axes=wanted.ndim), basis, axes=(0, 0))


@pytest.mark.parametrize("dim", [2, 3])
def test_gradient_divergence_curl_and_laplacian_are_among_them(dim) -> None:
    """Their stencils, read off from impulses, are sums of invariant filters of the right order and parity."""
    grid, cells = Grid((5.0,) * dim, 1.0), (5,) * dim
    inner = (slice(1, 4),) * dim

    def stencil(apply, order: int, first: int) -> np.ndarray:
        """(*outputs, *inputs, *cells) of an operator, seen from the cell in the middle."""
        columns = []
        for component in itertools.product(range(dim), repeat=first):
            found = np.zeros((*(dim,) * (order - first), *cells))
            for cell in itertools.product(range(5), repeat=dim):
                impulse = np.zeros((*cells, *(dim,) * first))
                impulse[(*cell, *component)] = 1.0
                found[(..., *cell)] = apply(impulse)[(2,) * dim]
            columns.append(found)
        stacked = np.stack(columns, axis=order - first) if first else columns[0]
        return stacked[(..., *inner)]

    laplacian = stencil(lambda f: grid.laplacian(f), 0, 0)
    gradient = stencil(lambda f: grid.gradient(f), 1, 0)
    divergence = stencil(lambda f: grid.divergence(f, tensor_order=1), 1, 1)
    curl = stencil(lambda f: grid.curl(f, tensor_order=1), 1 if dim == 2 else 2, 1)
    for wanted, order, pseudo in ((laplacian, 0, 0), (gradient, 1, 0), (divergence, 1, 0), (curl, dim - 1, 1)):
        assert np.abs(wanted).max() > 0.4
        np.testing.assert_allclose(projected(wanted, dim, 3, order, pseudo), wanted, atol=1e-14)
    # the parity matters: a gradient is no pseudovector
    assert np.abs(projected(gradient, dim, 3, 1, 1)).max() < 1e-14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 3, 0), "dim: expected 1, 2 or 3, given 4"),
        ((2.0, 3, 0), "dim: expected 1, 2 or 3, given 2.0"),
        ((2, 0, 0), "size: expected an integer >= 1"),
        ((2, 3.0, 0), "size: expected an integer >= 1"),
        ((2, None, 0), "size: expected an integer >= 1"),
        ((2, (3,), 0), "size: expected an integer >= 1, or 2 of them"),
        ((2, 3, -1), "order: expected an integer >= 0"),
        ((2, 3, 1, 2), "pseudo: expected 0 or 1"),
        ((2, (3, 5), 0), "exchanges its sides"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        invariant_filters(*arguments)
    assert "\n" not in str(caught.value)


def test_what_is_no_group_is_refused() -> None:
    elements = Hyperoctahedral(2).elements()
    with pytest.raises(InputError, match="signed permutation"):
        invariant_filters(2, 3, 0, group=np.ones((1, 2, 2)))
    with pytest.raises(InputError, match="group: expected an array"):
        invariant_filters(2, 3, 0, group="full")
    quarter = next(g for g in elements if np.array_equal(g, [[0, -1], [1, 0]]))
    with pytest.raises(InputError, match="products of elements to be elements"):
        invariant_filters(2, 3, 0, group=np.array([np.eye(2), quarter]))
