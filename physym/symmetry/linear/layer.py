"""Linear layers that commute with a group of matrices.

A representation is a sum of types such as T(0), V and T(2), each with a multiplicity. A linear map W between two of
them commutes with the group if its block from a type U to a type W' is a combination of the maps that do,

    W[n, m] = Σ_b c[n, m, b] B_b,    B = equivariant_basis(group, U, W'),

so that the basis of a pair of types is computed once, whatever the multiplicities.

Source: M. Finzi, M. Welling and A. G. Wilson, "A practical method for constructing equivariant multilayer perceptrons
for arbitrary matrix groups" (ICML 2021).
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from physym.symmetry.groups import Group
from physym.symmetry.linear.maps import equivariant_basis
from physym.symmetry.linear.representations import Rep, T, Term
from simulators.errors import InputError

__all__ = ["EquivariantLinear", "check_input", "check_real", "frozen", "size_of", "types_of"]


class EquivariantLinear(nn.Module):
    """y = W x + b with W and b that commute with a group: ρ'(g) (W x + b) = W ρ(g) x + b.

    Args:
        group: of real matrices.
        rep_in: of x.
        rep_out: of y.
        bias: whether there is b, a combination of the invariants of rep_out.
        dtype: of the numbers.

    Raises:
        InputError: if an argument is none of these, or the bases are too large.

    >>> from physym.symmetry import SO, V
    >>> linear = EquivariantLinear(SO(3), 2 * V, V + T(0))
    >>> linear(torch.zeros(5, 6, dtype=torch.float64)).shape, sum(p.numel() for p in linear.parameters())
    (torch.Size([5, 4]), 3)
    """

    def __init__(
        self, group: Group, rep_in: Rep, rep_out: Rep, *, bias: bool = True, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__()
        check_real(group, dtype, rep_in, rep_out)
        self.inputs, self.outputs = types_of(rep_in), types_of(rep_out)
        self._widths = [count * size_of(group, term) for term, count in self.inputs.items()]
        self._heights = [count * size_of(group, term) for term, count in self.outputs.items()]
        self.coefficients = nn.ParameterDict()
        for a, (out, n) in enumerate(self.outputs.items()):
            bases = [equivariant_basis(group, Rep((term,)), Rep((out,))) for term in self.inputs]
            maps = sum(len(basis) * m for basis, m in zip(bases, self.inputs.values(), strict=True))
            for b, (basis, m) in enumerate(zip(bases, self.inputs.values(), strict=True)):
                if not len(basis):
                    continue
                # kept with the weights, which mean nothing in another basis
                self.register_buffer(f"basis_{a}_{b}", torch.tensor(basis, dtype=dtype))
                scale = (size_of(group, out) / maps) ** 0.5
                self.coefficients[f"{a}_{b}"] = nn.Parameter(scale * torch.randn(n, m, len(basis), dtype=dtype))
            fixed = equivariant_basis(group, T(0), Rep((out,)))[:, :, 0]
            if bias and len(fixed):
                self.register_buffer(f"fixed_{a}", torch.tensor(fixed, dtype=dtype))
                self.coefficients[f"{a}"] = nn.Parameter(torch.zeros(n, len(fixed), dtype=dtype))
        for name, rep in (("from", rep_in), ("to", rep_out)):
            order = _grouped(group, rep)
            moved = not np.array_equal(order, np.arange(len(order)))
            self.register_buffer(f"order_{name}", torch.tensor(np.argsort(order)) if moved else None, persistent=False)
        self.register_buffer("zero", torch.zeros((), dtype=dtype), persistent=False)
        self.kept: tuple[torch.Tensor, torch.Tensor] | None = None

    def weight(self) -> torch.Tensor:
        """W (dim_out, dim_in)."""
        if self.kept is not None:
            return self.kept[0]
        rows = []
        for a, height in enumerate(self._heights):
            row = []
            for b, width in enumerate(self._widths):
                name = f"{a}_{b}"
                if name in self.coefficients:
                    basis = getattr(self, f"basis_{name}")
                    block = torch.einsum("nmb,bkl->nkml", self.coefficients[name], basis).reshape(height, width)
                else:
                    block = self.zero.expand(height, width)
                row.append(block)
            rows.append(torch.cat(row, dim=1))
        weight = torch.cat(rows)
        weight = weight if self.order_from is None else weight[:, self.order_from]
        return weight if self.order_to is None else weight[self.order_to]

    def bias(self) -> torch.Tensor:
        """The invariant vector b (dim_out,)."""
        if self.kept is not None:
            return self.kept[1]
        parts = []
        for a, height in enumerate(self._heights):
            if f"{a}" in self.coefficients:
                parts.append((self.coefficients[f"{a}"] @ getattr(self, f"fixed_{a}")).reshape(height))
            else:
                parts.append(self.zero.expand(height))
        bias = torch.cat(parts)
        return bias if self.order_to is None else bias[self.order_to]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Y (..., dim_out) of x (..., dim_in).

        Raises:
            InputError: if x is no tensor of the dtype of the weights, or has another number of components.
        """
        check_input(x, sum(self._widths), self.zero.dtype)
        return nn.functional.linear(x, self.weight(), self.bias())


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Put together the matrices of every `EquivariantLinear` once, for many calls between which no weight changes."""
    layers = [layer for layer in network.modules() if isinstance(layer, EquivariantLinear)]
    try:
        with torch.no_grad():
            for layer in layers:
                layer.kept = layer.weight(), layer.bias()
        yield
    finally:
        for layer in layers:
            layer.kept = None


def types_of(rep: Rep) -> Counter[Term]:
    """Each type of a representation, and how often it occurs."""
    return Counter(rep.terms)


def size_of(group: Group, term: Term) -> int:
    """The dimension of one type."""
    return group.dim ** len(term[0])


def _grouped(group: Group, rep: Rep) -> np.ndarray:
    """Where the entries of a representation stand if terms of one type stand together."""
    sizes = [size_of(group, term) for term in rep.terms]
    ends = np.cumsum([0, *sizes])
    own = [np.arange(a, b) for a, b in itertools.pairwise(ends)]
    return np.concatenate(
        [own[n] for term in types_of(rep) for n, other in enumerate(rep.terms) if other == term] or [np.arange(0)]
    )


def check_real(group: Group, dtype: torch.dtype, *reps: Rep) -> None:
    """Refuse what a network of real numbers cannot be made of.

    Raises:
        InputError: unless the group is real, the dtype one of floats, and the representations are some and not empty.
    """
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise InputError(f"dtype: expected torch.float64 or torch.float32, given {dtype!r}")
    if not isinstance(group, Group) or group.complex:
        raise InputError(f"group: expected one of real matrices such as SO(3), given {group!r}")
    for rep in reps:
        if not isinstance(rep, Rep) or not rep.terms:
            raise InputError(f"representation: expected one made of T, V and PSEUDO, not empty, given {rep!r}")


def check_input(x: torch.Tensor, wanted: int, dtype: torch.dtype) -> None:
    """Refuse what is no tensor (..., n) of a dtype, n being as wanted; under autocast any dtype will do.

    Raises:
        InputError: if it is something else.
    """
    if not isinstance(x, torch.Tensor):
        raise InputError(
            f"x: expected a tensor of {dtype}, given {type(x).__name__}; take torch.as_tensor(x, dtype={dtype})"
        )
    if x.dtype != dtype and not torch.is_autocast_enabled(x.device.type):
        raise InputError(f"x: expected a tensor of {dtype}, as the weights, given {x.dtype}; take x.to({dtype})")
    if x.ndim == 0 or x.shape[-1] != wanted:
        raise InputError(f"x: expected {wanted} components along the last axis, given the shape {tuple(x.shape)}")
