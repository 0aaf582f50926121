"""The group that a net of bodies commutes with: named or given, stored as JSON, and placed about gravity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from physym.data import Signature
from physym.symmetry.groups import SO, AboutAxis, Group, MatrixGroup, O, Rosette
from simulators.errors import InputError

__all__ = ["check_group", "placed", "read_group", "turning_along", "write_group"]

_KNOWN = "O(3), SO(3), O(2), SO(2), Dn or Cn such as D6"
_ZERO = 1e-9


def check_group(given: str | Group) -> str | Group:
    """The name of a known group, or a group of orthogonal matrices.

    Raises:
        InputError: if it is neither.
    """
    if isinstance(given, Group):
        flat, discrete = given.lie_algebra(), given.discrete_generators()
        orthogonal = not given.complex
        orthogonal = orthogonal and all(np.allclose(a, -a.T, atol=_ZERO) for a in flat)
        if not orthogonal or not all(np.allclose(h @ h.T, np.eye(given.dim), atol=_ZERO) for h in discrete):
            raise InputError(f"group: expected a group of orthogonal matrices, given {given!r}")
        return given
    if not isinstance(given, str) or (_plane(given) is None and given not in ("O(3)", "SO(3)")):
        raise InputError(f"group: expected {_KNOWN}, or a group of physym.symmetry; given {given!r}")
    return given


def _plane(name: str) -> Group | None:
    """The group of the plane that is named, if one is."""
    found = re.fullmatch(r"([DC])([1-9][0-9]?)", name)
    if found:
        return Rosette(int(found[2]), reflections=found[1] == "D")
    return {"O(2)": O(2), "SO(2)": SO(2)}.get(name)


def write_group(group: str | Group) -> str | dict[str, Any]:
    """A name, or the generators, as JSON holds them."""
    if isinstance(group, str):
        return group
    generators = {"lie_algebra": group.lie_algebra().tolist(), "discrete": group.discrete_generators().tolist()}
    return {"name": repr(group), **generators}


def read_group(written: str | Mapping[str, Any]) -> str | Group:
    """What `write_group` wrote; a group that was not named is the one that its generators generate."""
    return written if isinstance(written, str) else MatrixGroup(**written)


def placed(group: str | Group, signature: Signature) -> tuple[Group, np.ndarray | None]:
    """The group of matrices for data, and the direction (i,) that it keeps, if the data name one.

    Groups of the plane act about the one vector parameter that all samples share, such as gravity.

    Raises:
        InputError: if there is no such parameter for a group that needs one, or the group acts on another dimension.
    """
    vectors = [v for v in signature.parameters if v.tensor_order]
    shared = [np.array(signature.defaults[v.name]) for v in vectors if v.name in signature.defaults and not v.dims]
    axis = shared[0] / np.linalg.norm(shared[0]) if len(vectors) == len(shared) == 1 and np.any(shared[0]) else None
    if isinstance(group, str):
        plane = _plane(group)
        if plane is None:
            group = O(3) if group == "O(3)" else SO(3)
        elif axis is None or len(axis) != 3:
            given = ", ".join(v.name for v in vectors) or "none"
            raise InputError(
                f"group {group!r}: expected one vector parameter in space, shared by all samples and not zero, as the"
                f" axis; given {given}; take group='O(3)', or a group of physym.symmetry"
            )
        else:
            group = AboutAxis(plane, axis=tuple(axis.tolist()))
    size = signature.sizes.get("i")
    if size != group.dim:
        about = f"AboutAxis({group!r}), or a name such as 'D6'" if (size, group.dim) == (3, 2) else "net='mlp'"
        raise InputError(f"group {group!r}: expected vectors of {group.dim} components, given {size}; take {about}")
    if axis is None or size == 1:
        return group, None
    still = [a @ axis for a in group.lie_algebra()] + [h @ axis - axis for h in group.discrete_generators()]
    return group, axis if np.allclose(still, 0.0, atol=_ZERO) else None


def turning_along(group: Group, axis: np.ndarray | None) -> Group:
    """The group that a law commutes with if the axis turns along with the states.

    It is SO(d), or O(d) if there are reflections, where the group holds all rotations about the axis, or, without an
    axis, all rotations; else the group.
    """
    size = group.dim - (axis is not None)
    if np.linalg.matrix_rank(group.lie_algebra().reshape(-1, group.dim**2)) < size * (size - 1) // 2:
        return group
    mirrored = any(np.linalg.det(h) < 0 for h in group.discrete_generators())
    return O(group.dim) if mirrored else SO(group.dim)
