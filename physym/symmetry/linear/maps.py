"""All linear maps that commute with a group: bases of them, and how many there are.

W: U -> W' is equivariant if ρ'(g) W = W ρ(g) for all g. As a tensor of W' ⊗ U* it is then invariant, and it is so if
and only if for generators A of the Lie algebra and discrete generators h

    dρ(A) w = 0,    ρ(h) w = w.

If the generators are signed permutations, the invariants are those of `physym.symmetry.linear.orbits`, else those of
`physym.symmetry.linear.null_space`. How many there are is also the average of the character of W' ⊗ U* over the group
(Schur), which needs no basis.

Source: M. Finzi, M. Welling and A. G. Wilson, "A practical method for constructing equivariant multilayer perceptrons
for arbitrary matrix groups" (ICML 2021), for the constraints.
"""

from __future__ import annotations

import numpy as np

from physym.symmetry.groups import Group, Product
from physym.symmetry.linear.null_space import null_space
from physym.symmetry.linear.orbits import check_size, is_signed_permutation, orbits
from physym.symmetry.linear.representations import Rep, T, Term
from simulators.errors import InputError

__all__ = ["dimension", "equivariant_basis", "invariant_basis"]

_SMALL = 2**23
_FEW = 2**24
_MOST_KEPT = 64
_kept: dict[tuple[Group, Term], np.ndarray] = {}


def equivariant_basis(group: Group, rep_in: Rep, rep_out: Rep) -> np.ndarray:
    """An orthonormal basis of the linear maps from one representation to another that commute with a group.

    Args:
        group: of matrices.
        rep_in: of what the maps take, made of `T`, `V` and `PSEUDO`.
        rep_out: of what they give.

    Returns:
        (maps, dim_out, dim_in), real unless the group is complex; the sums of products of two maps are 0 or 1. Blocks
        come in the order of the terms of rep_out, then of rep_in.

    Raises:
        InputError: if an argument is none of these, or the basis would hold more than 2^28 numbers.

    >>> from physym.symmetry import SO
    >>> equivariant_basis(SO(3), T(1), T(2)).shape
    (1, 9, 3)
    """
    _check(group, rep_in, rep_out)
    heights = _sizes(group, rep_out)
    widths = _sizes(group, rep_in)
    blocks = []
    for (out, p), top, height in zip(rep_out.terms, _starts(heights), heights, strict=True):
        for (taken, q), left, width in zip(rep_in.terms, _starts(widths), widths, strict=True):
            block = _invariants(group, (out + tuple(not star for star in taken), (p + q) % 2))
            blocks.append((block.reshape(len(block), height, width), top, left))
    if len(blocks) == 1:
        return blocks[0][0] if blocks[0][0].flags.writeable else blocks[0][0].copy()
    count = sum(len(block) for block, _, _ in blocks)
    shape = (count, sum(heights), sum(widths))
    check_size(shape)
    found = np.zeros(shape, complex if group.complex else float)
    row = 0
    for block, top, left in blocks:
        found[row : row + len(block), top : top + block.shape[1], left : left + block.shape[2]] = block
        row += len(block)
    return found


def invariant_basis(group: Group, rep: Rep) -> np.ndarray:
    """An orthonormal basis (n, dim) of the vectors of a representation that a group leaves as they are.

    Raises:
        InputError: if an argument is none of these, or the basis would hold more than 2^28 numbers.

    >>> from physym.symmetry import SO
    >>> (invariant_basis(SO(2), T(2)) * 2**0.5).round(12).shape
    (2, 4)
    """
    return equivariant_basis(group, T(0), rep)[:, :, 0]


def dimension(group: Group, rep_in: Rep, rep_out: Rep) -> int:
    """How many independent linear maps commute with a group, by averaging the character over the group.

    Raises:
        InputError: if no rule is known for averages over the group's classes; then `equivariant_basis` tells.

    >>> from physym.symmetry import SO
    >>> [dimension(SO(3), T(0), T(k)) for k in range(7)]
    [1, 0, 1, 1, 3, 6, 15]
    """
    _check(group, rep_in, rep_out)
    both = rep_out * rep_in.dual
    eigenvalues, weights = group.classes(both.degree)
    value = float((weights @ both.character(eigenvalues)).real)
    return round(value)


def _check(group: Group, *reps: Rep) -> None:
    if not isinstance(group, Group):
        raise InputError(f"group: expected one of physym.symmetry such as SO(3), given {group!r}")
    for rep in reps:
        if not isinstance(rep, Rep):
            raise InputError(f"representation: expected one made of T, V and PSEUDO, given {rep!r}")
        if group.complex and any(p for _, p in rep.terms):
            raise InputError(f"representation: expected none with PSEUDO for the complex {group!r}, given {rep!r}")


def _sizes(group: Group, rep: Rep) -> list[int]:
    return [group.dim ** len(factors) for factors, _ in rep.terms]


def _starts(sizes: list[int]) -> list[int]:
    return [int(n) for n in np.cumsum([0, *sizes[:-1]])] if sizes else []


def _invariants(group: Group, term: Term) -> np.ndarray:
    """An orthonormal basis (n, dim**k) of the invariants of one tensor product.

    Small ones are kept, since the layers of a network ask for the same again and again, and not to be written to.
    """
    found = _kept.get((group, term))
    if found is None:
        found = _found(group, term)
        if found.nbytes <= _SMALL:
            found.flags.writeable = False
            while len(_kept) >= _MOST_KEPT:
                _kept.pop(next(iter(_kept)), None)
            _kept[group, term] = found
    return found


def _found(group: Group, term: Term) -> np.ndarray:
    check_size((group.dim ** len(term[0]),))
    if isinstance(group, Product) and group.on == "matrices":
        return _of_product(group, term)
    flat, discrete = group.lie_algebra(), group.discrete_generators()
    if not len(flat) and all(is_signed_permutation(h) for h in discrete):
        total = group.dim ** len(term[0])
        if total > _FEW:
            # what is too much to hold is refused before it is looked for
            check_size((dimension(group, T(0), Rep((term,))), total))
        return orbits(group.dim, discrete, term)
    return null_space(group, flat, discrete, term)


def _of_product(group: Product, term: Term) -> np.ndarray:
    """A tensor of matrices is one of rows times one of columns: so are its invariants under independent groups."""
    factors, pseudo = term
    a, b, k = group.first.dim, group.second.dim, len(factors)
    # det(g ⊗ h) = det(g)^b det(h)^a
    first = _invariants(group.first, (factors, pseudo * b % 2))
    second = _invariants(group.second, (factors, pseudo * a % 2))
    check_size((len(first) * len(second), (a * b) ** k))
    tensors = np.multiply.outer(first.reshape(-1, *(a,) * k), second.reshape(-1, *(b,) * k))
    pairs = [axis for n in range(k) for axis in (1 + n, k + 2 + n)]
    return tensors.transpose(0, k + 1, *pairs).reshape(len(first) * len(second), (a * b) ** k)
