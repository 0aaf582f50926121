"""Averages over a group, which make any function equivariant: the Reynolds operator.

    (Qf)(x) = ∫ ρ_out(g) f(ρ_in(g)⁻¹ x) dg

over the Haar measure of a compact group. Q leaves equivariant functions as they are, and in the space of functions that
are square-integrable with respect to an invariant measure it is the orthogonal projection on them. The integral is

- a sum over the elements, if they can be listed;
- an exact quadrature, if f is a polynomial of known degree or band-limited, for SO(2), O(2), SO(3) and O(3), the same
  about an axis, and products of these;
- else a mean over random elements, whose error falls as the root of their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physym.symmetry.averaging.arrays import (
    array_of,
    check_finite,
    finite_input,
    is_tensor,
    largest,
    rounding,
    together,
)
from physym.symmetry.averaging.compact import check_compact, parts
from physym.symmetry.groups import Group, MatrixGroup
from physym.symmetry.groups.orthogonal import check_degree
from physym.symmetry.linear.batched import Representation, act_each, matrices
from physym.symmetry.linear.representations import Rep
from simulators.errors import InputError

__all__ = ["Average", "average"]

_SAMPLES = 1000
_AT_ONCE = 2**18


@dataclass(frozen=True, repr=False)
class Average:
    """A function averaged over a group; made by `average`.

    Attributes:
        f: the function.
        rho_in: how the group acts on what it takes.
        rho_out: how the group acts on what it gives.
        elements: those averaged over (n, dim, dim).
        weights: theirs (n,), with the sum 1.
        exact: whether there is no sampling error.
        degree: that of the exact rule, if one was given.
        turn: two random elements (2, dim, dim) by which the first call turns the rule, to make sure of its degree.
        check: whether the first call makes sure of f and the degree.
    """

    f: Callable[[Any], Any]
    rho_in: Representation
    rho_out: Representation
    elements: np.ndarray
    weights: np.ndarray
    exact: bool
    degree: int | None = None
    turn: np.ndarray | None = None
    check: bool = True
    _sure: list[bool] = field(default_factory=list, init=False, compare=False)

    def __call__(self, x: Any) -> Any:  # noqa: ANN401  arrays of numpy or torch
        """The average (..., dim_out) at x (..., dim_in).

        Raises:
            InputError: if x is not finite or does not fit, or f does not give one finite value for each of a batch
                (tensors are looked at on the first call alone); on the first call also if these depend on each other,
                or the degree is too small for f.
        """
        x = finite_input(x)
        if self._sure or not self.check or 0 in x.shape:
            mean = sum(_sum(weights, values) for weights, values in self._values(x, self.elements))
            check_finite(mean, "f")
            return mean
        mean, sizes = 0.0, []
        for weights, values in self._values(x, self.elements, alone=True):
            mean = mean + _sum(weights, values)
            sizes.append(largest(values))
        scale = np.max(sizes)
        check_finite(largest(x), "x")  # of tensors too, this once
        check_finite(scale, "f")
        if self.turn is not None:
            first, second = self.turn
            other = sum(_sum(*terms) for terms in self._values(x, first @ self.elements @ second))
            off = largest(mean - other)
            if off > rounding(mean) * scale:
                raise InputError(
                    f"degree: expected at least that of f and what acts on its values together, given {self.degree},"
                    f" for which the average changes by {off:.2g} under a turn; take a larger degree, or check=False if"
                    " an approximation is meant"
                )
        if scale > 0:
            self._sure.append(True)
        return mean

    def with_error(self, x: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """The average at x, and the standard error of each of its entries; 0 if it is exact.

        The elements are the same at all x, and so the errors at two x are not independent.
        """
        x = finite_input(x)
        mean = self(x)
        if self.exact:
            return mean, 0.0 * abs(mean)
        spread = sum(_sum(weights, abs(values - mean) ** 2) for weights, values in self._values(x, self.elements))
        return mean, (spread / (len(self.weights) - 1)) ** 0.5

    def _values(
        self,
        x: Any,  # noqa: ANN401
        elements: np.ndarray,
        *,
        alone: bool = False,
    ) -> Iterator[tuple[np.ndarray, Any]]:
        """The terms ρ_out(g) f(ρ_in(g)⁻¹ x) for some elements at a time (elements, ...), and their weights.

        If `alone`, the last is compared with what f gives for it without the others.
        """
        at_once = max(1, _AT_ONCE // max(1, int(np.prod(x.shape))))
        for start in range(0, len(elements), at_once):
            g = elements[start : start + at_once]
            moved = _act(self.rho_in, np.linalg.inv(g), x[None])
            values = array_of(self.f(moved), "f")
            wanted, given = (len(g), *x.shape[:-1]), tuple(values.shape)
            if given[:1] != wanted[:1] or (self._size_out(g) != 1 and given[:-1] != wanted):
                raise InputError(
                    f"f: expected one that takes a batch (..., dim) and gives (..., dim_out), given the shape {given}"
                    f" for {tuple(moved.shape)}"
                )
            if alone and not start and len(g) > 1:
                single = array_of(self.f(moved[-1:]), "f")
                off = largest(single - values[-1:]) if single.shape == values[-1:].shape else np.inf
                if off > rounding(values) * largest(values):
                    raise InputError(
                        "f: expected one that takes a batch (..., dim), each on its own, given one whose last value"
                        " is another without the others; index and sum along the last axis alone, as in x[..., 0]"
                    )
            yield self.weights[start : start + at_once], _act(self.rho_out, g, values, scalar=True)

    def _size_out(self, g: np.ndarray) -> int:
        """The dimension of what f gives."""
        if isinstance(self.rho_out, Rep):
            return self.rho_out.dim(g.shape[-1])
        return matrices(self.rho_out, g[:1]).shape[-1]


def average(
    f: Callable[[Any], Any],
    group: Group,
    rho_in: Representation,
    rho_out: Representation,
    *,
    degree: int | None = None,
    samples: int | None = None,
    seed: int = 0,
    check: bool = True,
) -> Average:
    """A function averaged over a group, (Qf)(x) = ∫ ρ_out(g) f(ρ_in(g)⁻¹ x) dg.

    Args:
        f: from arrays (..., dim_in) to arrays (..., dim_out), of numpy or torch. If dim_out is 1 it may give any shape,
            such as (...,): all entries are scalars, or pseudoscalars.
        group: a compact one: its invariant measure is finite.
        rho_in: how it acts on what f takes: made of `T`, `V` and `PSEUDO`, or a function from elements (dim, dim) to
            matrices (dim_in, dim_in).
        rho_out: the same for what f gives.
        degree: for an exact average over a group with infinitely many elements: that of ρ_out(g) f(ρ_in(g)⁻¹ x) as
            a polynomial in the entries of g. If f is a polynomial of degree m of vectors, and gives tensors of order
            k, it is m + k. A greater one changes nothing; one that is too small is refused on the first call, where
            the same rule, turned by random elements, gives another average. Finite groups need none.
        samples: for an average over so many random elements; 1000 if the elements cannot be listed and no degree is
            given.
        seed: of the random elements.
        check: whether the first call makes sure, by one more evaluation for the turned rule and for one element alone,
            that the degree is large enough and that f takes a batch. For a function that is no polynomial, and an
            average that is only near the exact one, say no.

    Returns:
        A function. Its method `with_error` gives the standard error besides.

    Raises:
        InputError: if the group is not compact; is known by generators alone, and infinite or to be sampled; or has no
            exact quadrature and one is asked for; on a call, if what f takes or gives has another size than its
            representation, is not finite, or the degree is too small.

    >>> from physym.symmetry import O
    >>> from physym.symmetry.linear.representations import T
    >>> square = average(lambda x: x[..., 0] ** 2, O(3), T(1), T(0), degree=2)
    >>> float(square(np.array([3.0, 0.0, 4.0])).round(12))
    8.333333333333
    """
    if not isinstance(group, Group):
        raise InputError(f"group: expected one of physym.symmetry such as SO(3), given {group!r}")
    for name, rho in (("rho_in", rho_in), ("rho_out", rho_out)):
        if not isinstance(rho, Rep) and not callable(rho):
            raise InputError(f"{name}: expected a representation made of T, V and PSEUDO, given {rho!r}")
    if not callable(f):
        raise InputError(f"f: expected a function of an array, given {f!r}")
    check_compact(group)
    if degree is not None and samples is not None:
        raise InputError("average: expected a degree (exact) or samples (random), given both; leave out one")
    if degree is not None:
        check_degree(degree)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: expected an integer >= 0, given {seed!r}")
    rng = np.random.default_rng(seed)
    if samples is None:
        try:
            rule = group.elements() if degree is None and group.finite else None
        except InputError:  # too many to list
            rule = None
        if rule is not None:
            return Average(f, rho_in, rho_out, rule, np.full(len(rule), 1 / len(rule)), exact=True, check=check)
        if degree is not None:
            turn = None if group.finite else group.random(rng, 2)
            return Average(f, rho_in, rho_out, *_rule(group, degree), exact=True, degree=degree, turn=turn, check=check)
        samples = _SAMPLES
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 2:
        raise InputError(f"samples: expected an integer >= 2, which tells an error, given {samples!r}")
    if any(isinstance(part, MatrixGroup) for part in parts(group)):
        raise InputError(
            f"samples: expected a group whose random elements are uniform, given {group!r}, known by generators; leave"
            " out the samples, and all of its elements are taken"
        )
    elements = group.random(rng, samples)
    return Average(f, rho_in, rho_out, elements, np.full(samples, 1 / samples), exact=False, check=check)


def _rule(group: Group, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """The exact quadrature of a group."""
    try:
        return group.quadrature(degree)
    except InputError as error:
        if group.finite:  # too many to list
            raise
        raise InputError(
            f"{group!r}: expected a group with an exact quadrature (finite groups, SO(2), O(2), SO(3), O(3), these"
            " about an axis, and products), given one without; take random ones, samples= instead of degree="
        ) from error


def _act(rho: Representation, g: np.ndarray, x: Any, *, scalar: bool = False) -> Any:  # noqa: ANN401
    """ρ(g_b) x_b of arrays of numpy or torch (elements, ..., dim), or of one (1, ..., dim) that is the same for all.

    Of any shape (elements, ...) if the representation is a number, where that is allowed.
    """
    if isinstance(rho, Rep) and not is_tensor(x) and not (scalar and rho.dim(g.shape[-1]) == 1):
        flat = x.reshape(len(x), -1, x.shape[-1]) if x.ndim > 1 else x[:, None, None]
        return act_each(rho, g, flat).reshape(len(g), *x.shape[1:])
    found = matrices(rho, g)
    if scalar and found.shape[-1] == 1:
        x, found = together(x, found.reshape(-1, *(1,) * (x.ndim - 1)))
        return x * found
    if x.ndim < 2 or x.shape[-1] != found.shape[-1]:
        raise InputError(
            f"values: expected {found.shape[-1]} entries along the last axis, given the shape {tuple(x.shape[1:])}"
        )
    x, found = together(x, found.swapaxes(-1, -2).reshape(len(g), *(1,) * (x.ndim - 3), *found.shape[1:]))
    return (x[:, None] @ found)[:, 0] if x.ndim == 2 else x @ found


def _sum(weights: np.ndarray, values: Any) -> Any:  # noqa: ANN401
    values, weights = together(values, weights.reshape(-1, *(1,) * (values.ndim - 1)))
    return (values * weights).sum(0)
