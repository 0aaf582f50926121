"""Products of tensors: the polynomial nonlinearity, which is exact for quadratic laws such as u·∇u.

Two tensors a and b of orders k and l, multiplied cell by cell and channel by channel, with n pairs of indices summed
over, give one of order k + l - 2n whose parity is the product of theirs. The Levi-Civita symbol gives the others, of
the opposite parity: in three dimensions ε_{ijk} a_j b_k, in two ε_{ij} a_i b_j and the quarter turn ε_{ij} a_j b.

Source: Gregory et al. 2023 (GeometricImageNet) for contractions; with scalars, vectors and pseudoscalars alone the
paths are those of the geometric product of the plane (Brandstetter et al., Clifford neural layers, 2022).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from physym.models.fields.types import Type, Types, check_types, type_name, unpack
from simulators.errors import InputError

__all__ = ["Path", "TensorProduct", "levi_civita", "paths"]


@dataclass(frozen=True)
class Path:
    """One way to multiply two tensors.

    Attributes:
        left, right: their types.
        contracted: how many of the last indices of the left are summed with as many first ones of the right.
        twisted: whether a Levi-Civita symbol is summed with what is left.
    """

    left: Type
    right: Type
    contracted: int
    twisted: bool

    def result(self, dim: int) -> Type:
        """The type of the product."""
        order = self.left[0] + self.right[0] - 2 * self.contracted
        parity = self.left[1] ^ self.right[1]
        if not self.twisted:
            return order, parity
        both = min(self.left[0], self.right[0]) > self.contracted
        return order + (dim - 4 if both else dim - 2), 1 - parity


def levi_civita(dim: int) -> torch.Tensor:
    """The Levi-Civita symbol ε (*(dim,)*dim): 1 for even permutations of (x, y, z), -1 for odd ones, else 0."""
    found = torch.zeros((dim,) * dim)
    for order in itertools.permutations(range(dim)):
        turns = sum(order[a] > order[b] for a in range(dim) for b in range(a + 1, dim))
        found[order] = -1.0 if turns % 2 else 1.0
    return found


def paths(left: Type, right: Type, dim: int) -> list[Path]:
    """All ways to multiply two tensors.

    A twist takes one index of each of the two factors; in two dimensions, where one factor has none left, it turns the
    first index of the other.
    """
    found = []
    for contracted in range(min(left[0], right[0]) + 1):
        found.append(Path(left, right, contracted, False))
        free = (left[0] - contracted, right[0] - contracted)
        if (dim in (2, 3) and min(free) > 0) or (dim == 2 and max(free) > 0):
            found.append(Path(left, right, contracted, True))
    return found


def _einsum(path: Path, dim: int) -> str:
    """The subscripts of a path; components stand after the channel, space after them."""
    k, n = path.left[0], path.contracted
    names = "abcdefghij"
    left, right = names[:k], names[k - n : k] + names[k : k + path.right[0] - n]
    kept_left, kept_right = left[: k - n], right[n:]
    if not path.twisted:
        return f"zq{left}...,zq{right}...->zq{kept_left}{kept_right}..."
    if kept_left and kept_right:
        turned = kept_left[-1] + kept_right[0]
        extra = "" if dim == 2 else "k"
        return f"{extra}{turned},zq{left}...,zq{right}...->zq{extra}{kept_left[:-1]}{kept_right[1:]}..."
    kept = kept_left + kept_right
    return f"k{kept[0]},zq{left}...,zq{right}...->zqk{kept[1:]}..."


class TensorProduct(nn.Module):
    """Products of two packed fields, channel by channel, a learned number for each way and channel.

    A type of the outputs with c channels takes the first c channels of every pair of types that leads to it; a type
    with fewer channels than that is left out there.

    Args:
        left: channels by type of the first factor.
        right: channels by type of the second.
        outputs: channels by type of the sum.
        dim: of the grid.

    Raises:
        InputError: if nothing leads to a type of the outputs.
    """

    def __init__(
        self, left: Mapping[Type, int], right: Mapping[Type, int], outputs: Mapping[Type, int], dim: int
    ) -> None:
        super().__init__()
        self.left: Types = check_types("left", left, dim)
        self.right: Types = check_types("right", right, dim)
        self.outputs: Types = check_types("outputs", outputs, dim)
        self.dim = dim
        every = [p for a in self.left for b in self.right for p in paths(a, b, dim)]
        self.ways: dict[Type, list[Path]] = {}
        for key, channels in self.outputs.items():
            enough = [p for p in every if min(self.left[p.left], self.right[p.right]) >= channels]
            self.ways[key] = [p for p in enough if p.result(dim) == key]
            if not self.ways[key]:
                raise InputError(
                    f"outputs: no product of {channels} channels leads to {type_name(key)}; take other types, or fewer"
                    " channels"
                )
        self.weights = nn.ParameterList(
            [
                torch.randn(len(ways), self.outputs[key], *(1,) * (key[0] + dim)) / math.sqrt(len(ways))
                for key, ways in self.ways.items()
            ]
        )
        self.register_buffer("twist", levi_civita(dim) if dim > 1 else None, persistent=False)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The product of packed fields."""
        return self.multiply(unpack(left, self.left, self.dim), unpack(right, self.right, self.dim))

    def multiply(self, left: Mapping[Type, torch.Tensor], right: Mapping[Type, torch.Tensor]) -> torch.Tensor:
        """The packed product of fields by type, (batch, channels, *(dim,)*order, *space)."""
        parts = []
        for (key, ways), weights in zip(self.ways.items(), self.weights, strict=True):
            total: torch.Tensor | None = None
            channels = self.outputs[key]
            for way, weight in zip(ways, weights, strict=True):
                a, b = left[way.left][:, :channels], right[way.right][:, :channels]
                # the weight goes to the factor with fewer entries
                if way.left[0] <= way.right[0]:
                    a = a * weight.reshape(channels, *(1,) * (way.left[0] + self.dim))
                else:
                    b = b * weight.reshape(channels, *(1,) * (way.right[0] + self.dim))
                term = self._multiplied(way, a, b)
                total = term if total is None else total + term
            parts.append(total.flatten(1, 1 + key[0]))  # type: ignore[union-attr]
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def _multiplied(self, way: Path, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """One product, (batch, channels, *components, *space); those of low order without einsum, which is slower."""
        k, n = way.left[0], way.right[0]
        if not way.twisted and not way.contracted and (not k or not n):
            return (
                a.reshape(*a.shape[:2], *(1,) * n, *a.shape[2:]) * b
                if not k
                else a * b.reshape(*b.shape[:2], *(1,) * k, *b.shape[2:])
            )
        if not way.twisted and k == n == 1 and way.contracted:
            return (a * b).sum(dim=2)
        if way.twisted and self.dim == 2 and k == n == 1 and not way.contracted:
            return a[:, :, 0] * b[:, :, 1] - a[:, :, 1] * b[:, :, 0]
        if way.twisted and self.dim == 2 and k + n == 1:
            scalar, vector = (a, b) if n else (b, a)
            return torch.stack([scalar * vector[:, :, 1], -scalar * vector[:, :, 0]], dim=2)
        given = (self.twist, a, b) if way.twisted else (a, b)
        return torch.einsum(_einsum(way, self.dim), *given)
