"""A multilayer perceptron that commutes with a group of matrices: linear maps, gates and products of tensors.

Between linear maps (`physym.symmetry.linear.layer`) scalars s go through SiLU; tensors t are multiplied by a scalar
of their own, and those of two or more factors also take in the product of two smaller ones:

    s -> s σ(s),    t -> σ(g) (t + u ⊗ v),

without which no square of a vector, and so no length, would ever be seen. Everything commutes with the group
exactly, whatever the weights.

Source: M. Finzi, M. Welling and A. G. Wilson, "A practical method for constructing equivariant multilayer perceptrons
for arbitrary matrix groups" (ICML 2021), whose bilinear layer the products stand for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from physym.symmetry.groups import Group
from physym.symmetry.linear.layer import EquivariantLinear, check_input, check_real, size_of, types_of
from physym.symmetry.linear.representations import Rep, T, Term, V
from simulators.errors import InputError

__all__ = ["EquivariantMLP", "spread_over_types"]

_SCALAR: Term = ((), 0)


class EquivariantMLP(nn.Module):
    """A multilayer perceptron f(ρ(g) x) = ρ'(g) f(x) of linear maps, gates and products of tensors.

    A straight path carries the part that is linear in x, as it does in the perceptron without symmetry; it begins at 0.

    Args:
        group: of real matrices.
        rep_in: of x.
        rep_out: of y.
        hidden: representation of each hidden layer, or how many scalars it has, to which `spread_over_types` adds
            vectors and matrices; one for all layers, or a sequence.
        layers: how many hidden layers, if `hidden` is not a sequence; 2 by default.
        dtype: of the numbers.

    Raises:
        InputError: if an argument is none of these, or the bases are too large.

    >>> from physym.symmetry import SO
    >>> net = EquivariantMLP(SO(3), 2 * V, V, hidden=8, layers=2)
    >>> x, turn = torch.ones(6, dtype=torch.float64), SO(3).random(np.random.default_rng(0))
    >>> bool(np.allclose(net(torch.tensor((2 * V).act(turn, x.numpy()))).detach(), turn @ net(x).detach().numpy()))
    True
    """

    def __init__(
        self,
        group: Group,
        rep_in: Rep,
        rep_out: Rep,
        *,
        hidden: int | Rep | Sequence[int | Rep] = 32,
        layers: int | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_real(group, dtype, rep_in, rep_out)
        self.sizes = rep_in.dim(group), rep_out.dim(group)
        reps = [rep_in, *_hidden(hidden, layers)]
        self.hidden = nn.ModuleList(_Layer(group, a, b, dtype) for a, b in itertools.pairwise(reps))
        self.last = EquivariantLinear(group, reps[-1], rep_out, dtype=dtype)
        self.straight = EquivariantLinear(group, rep_in, rep_out, bias=False, dtype=dtype)
        with torch.no_grad():
            for p in self.straight.parameters():
                p.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Y (..., dim_out) of x (..., dim_in).

        Raises:
            InputError: if x is no tensor of the dtype of the weights, or has another number of components.
        """
        check_input(x, self.sizes[0], self.last.zero.dtype)
        # components first, so that what is done to a type is done to one stretch of memory
        columns = x.reshape(-1, x.shape[-1]).T
        for layer in self.hidden:
            columns = layer(columns)
        return self.last(columns.T).reshape(*x.shape[:-1], self.sizes[1]) + self.straight(x)


class _Layer(nn.Module):
    """A linear map, then gates and products, of columns (dim, points).

    Gates, and both factors of the products, are made once for every component that they multiply, by repeating rows of
    the linear map.
    """

    def __init__(self, group: Group, rep_in: Rep, rep_out: Rep, dtype: torch.dtype) -> None:
        super().__init__()
        types = dict(types_of(rep_out))
        scalars = types.pop(_SCALAR, 0)
        tensors = [term for term, count in types.items() for _ in range(count)]
        pairs = [_halves(term) for term in tensors if len(term[0]) > 1]
        wanted = [_SCALAR] * (scalars + len(tensors)) + tensors
        wanted += [left for left, _ in pairs] + [right for _, right in pairs]
        self.linear = EquivariantLinear(group, rep_in, Rep(tuple(wanted)), dtype=dtype)
        sizes = [size_of(group, term) for term in tensors]
        begin = scalars + len(tensors)
        gates = np.repeat(np.arange(scalars, begin), sizes)
        lefts, rights = [np.arange(0)], [np.arange(0)]
        first = begin + sum(sizes)
        second = first + sum(size_of(group, left) for left, _ in pairs)
        for a, b in ((size_of(group, left), size_of(group, right)) for left, right in pairs):
            lefts.append(np.repeat(np.arange(first, first + a), b))
            rights.append(np.tile(np.arange(second, second + b), a))
            first, second = first + a, second + b
        plain = np.arange(scalars), gates, np.arange(begin, begin + sum(sizes))
        rows = np.concatenate([*plain, *lefts, *rights])
        self.register_buffer("rows", torch.tensor(rows), persistent=False)
        product = sum(len(left) for left in lefts)
        self.sizes = [scalars, len(gates), sum(sizes) - product, product, product, product]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.addmm(self.linear.bias()[self.rows, None], self.linear.weight()[self.rows], x)
        scalars, gates, plain, paired, left, right = y.split(self.sizes)
        tensors = torch.cat([plain, torch.addcmul(paired, left, right)])
        return torch.cat([nn.functional.silu(scalars), torch.sigmoid(gates) * tensors])


def spread_over_types(scalars: int) -> Rep:
    """The hidden representation of a width: so many T(0), a quarter as many V, an eighth as many T(2), at least one.

    >>> spread_over_types(8)
    T(0) + T(0) + T(0) + T(0) + T(0) + T(0) + T(0) + T(0) + V + V + T(2)
    """
    return scalars * T(0) + max(1, scalars // 4) * V + max(1, scalars // 8) * T(2)


def _hidden(hidden: int | Rep | Sequence[int | Rep], layers: int | None) -> list[Rep]:
    if isinstance(hidden, int | np.integer | Rep):
        count = 2 if layers is None else layers
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise InputError(f"layers: expected an integer >= 1, given {layers!r}")
        hidden = [hidden] * int(count)
    elif layers is not None:
        raise InputError(f"layers: expected none beside a sequence of hidden layers, given {layers!r}")
    found = []
    for one in hidden if isinstance(hidden, Iterable) else (hidden,):
        width = isinstance(one, int | np.integer) and not isinstance(one, bool) and one >= 1
        if not (width or (isinstance(one, Rep) and one.terms)):
            raise InputError(f"hidden: expected widths >= 1 or representations such as 8 * T(0) + 4 * V, given {one!r}")
        found.append(_in_order(one) if isinstance(one, Rep) else spread_over_types(int(one)))
    if not found:
        raise InputError("hidden: expected at least one layer, given none")
    return found


def _in_order(rep: Rep) -> Rep:
    """The same terms, type by type, as layers give them: scalars, what has one factor, then what has products."""
    types = types_of(rep)
    order = sorted(types, key=lambda term: (term != _SCALAR, len(term[0]) > 1))
    return Rep(tuple(term for term in order for _ in range(types[term])))


def _halves(term: Term) -> tuple[Term, Term]:
    factors, p = term
    cut = (len(factors) + 1) // 2
    return (factors[:cut], p), (factors[cut:], 0)
