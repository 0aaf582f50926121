"""Types of the channels of a field, and how they lie in one tensor.

`Types` tells how many channels there are of each type (order, pseudo): {(0, 0): 16, (1, 0): 16} are 16 scalars and 16
vectors. Packed, they are one tensor (batch, entries, *space): types in increasing order, the channels of a type, and
the components (x, y, z) of a channel, the last of which varies fastest. Space axes are (y, x) or (z, y, x).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from simulators.errors import InputError
from simulators.parameters import count as check_count

__all__ = ["Type", "Types", "check_count", "check_types", "entries", "layout", "pack", "parts", "type_name", "unpack"]

Type = tuple[int, int]
Types = dict[Type, int]
Fields = Mapping[Type, torch.Tensor]


def check_types(name: str, types: Mapping[Type, int], dim: int) -> Types:
    """The types in increasing order, those without a channel left out.

    Raises:
        InputError: unless keys are (order, pseudo) and values counts of channels, at least one of them positive.
    """
    if not _is_whole(dim) or dim not in (1, 2, 3):
        raise InputError(f"dim: expected 1, 2 or 3, given {dim!r}")
    found: Types = {}
    for key, channels in types.items() if isinstance(types, Mapping) else ():
        fits = isinstance(key, tuple) and len(key) == 2 and all(_is_whole(n) for n in key)
        if not fits or key[0] < 0 or key[1] not in (0, 1):
            raise InputError(f"{name}: expected types (tensor order, pseudo) such as (1, 0), given {key!r}")
        if not _is_whole(channels) or channels < 0:
            raise InputError(f"{name}: expected a number of channels >= 0 for {key}, given {channels!r}")
        if channels:
            found[int(key[0]), int(key[1])] = int(channels)
    if not found:
        raise InputError(f"{name}: expected channels by type, such as {{(0, 0): 16, (1, 0): 16}}, given {types!r}")
    return dict(sorted(found.items()))


def _is_whole(value: object) -> bool:
    """Whether it is an integer of Python or numpy, and no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def type_name(key: Type) -> str:
    """The name that people give a type: scalar, pseudovector, tensor of order 2."""
    order, pseudo = key
    plain = ("scalar", "vector")[order] if order < 2 else f"tensor of order {order}"
    return f"pseudo{plain}" if pseudo else plain


def entries(types: Mapping[Type, int], dim: int) -> int:
    """How many numbers a cell holds."""
    return sum(channels * dim**order for (order, _), channels in types.items())


def layout(types: Mapping[Type, int], dim: int) -> dict[Type, slice]:
    """Where each type lies in the packed tensor.

    >>> layout({(1, 0): 3, (0, 0): 2}, dim=2)
    {(0, 0): slice(0, 2, None), (1, 0): slice(2, 8, None)}
    """
    found, at = {}, 0
    for key, channels in sorted(types.items()):
        size = channels * dim ** key[0]
        found[key] = slice(at, at + size)
        at += size
    return found


def pack(fields: Fields, types: Mapping[Type, int], dim: int) -> torch.Tensor:
    """Fields (batch, channels, *(dim,)*order, *space) by type as one tensor.

    Raises:
        InputError: if a type is absent, or a field has another shape than its type says.
    """
    found = parts(fields, types, dim)
    return torch.cat(found, dim=1) if len(found) > 1 else found[0]


def parts(fields: Fields, types: Mapping[Type, int], dim: int) -> list[torch.Tensor]:
    """The parts of a packed tensor, (batch, entries of a type, *space), in the order of types.

    Raises:
        InputError: if a type is absent, or a field has another shape than its type says.
    """
    if set(fields) != set(types):
        wanted, given = (", ".join(map(str, sorted(of))) for of in (types, fields))
        raise InputError(f"expected fields of the types {wanted}; given {given}")
    space, found = None, []
    for key, channels in sorted(types.items()):
        field, order = fields[key], key[0]
        wanted = (channels, *(dim,) * order)
        shape = tuple(field.shape)
        space = shape[2 + order :] if space is None else space
        if shape[1:] != (*wanted, *space) or len(space) != dim:
            raise InputError(
                f"{type_name(key)}s {key}: expected the shape (batch, {', '.join(map(str, wanted))}, {dim} axes of"
                f" space), given {shape}; components stand before space"
            )
        found.append(field.reshape(shape[0], -1, *space))
    return found


def unpack(packed: torch.Tensor, types: Mapping[Type, int], dim: int) -> dict[Type, torch.Tensor]:
    """The views of a packed tensor by type, (batch, channels, *(dim,)*order, *space)."""
    places = layout(types, dim)
    # one split, whose gradient is one concatenation, where slices would each fill a tensor with zeros
    pieces = packed.split([where.stop - where.start for where in places.values()], dim=1)
    return {
        key: piece.unflatten(1, (types[key], *(dim,) * key[0])) if key[0] else piece
        for key, piece in zip(places, pieces, strict=True)
    }
