"""Tensors of space as sums of irreducible ones: Clebsch-Gordan decomposition for SO(3) and O(3).

The irreducible representation of order l acts on the symmetric traceless tensors of rank l, of which there are 2l+1;
O(3) has two of each, told apart by their parity, what -1 does. In the orthonormal basis E_l (2l+1, 3^l) of the real
solid harmonics, for m from -l to l (for l = 1: y, z, x),

    D^l(g) = E_l (g ⊗ ... ⊗ g) E_lᵀ.

A tensor power is decomposed factor by factor, since l ⊗ 1 = (l-1) + l + (l+1). The three maps C with
C (D^l ⊗ g) = D^{l'} C are, up to normalisation,

    l' = l + 1:  E_{l+1} (E_lᵀ ⊗ 1),
    l' = l:      C_{m,na} = (dD^l(L_a))_{mn}, with L_a the rotations about the axes a, which changes parity,
    l' = l - 1:  that of l - 1 to l, transposed.

Source: Wigner, "Group theory" (1959); for Cartesian tensors Coope, Snider and McCourt (J. Chem. Phys. 43, 1965).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from physym.symmetry.groups import SO, Group, O
from physym.symmetry.linear.representations import Rep, T, Term
from simulators.errors import InputError

__all__ = ["Irrep", "clebsch_gordan", "decompose", "harmonic_tensors", "irrep"]

_HIGHEST = 10
_LARGEST = 3**8


class Irrep(NamedTuple):
    """An irreducible representation of SO(3) or O(3).

    Attributes:
        l: the order; its dimension is 2l+1.
        parity: 1 or -1, by which -1 acts; 0 for SO(3), which has no such element.
    """

    l: int  # noqa: E741  the name in the field
    parity: int = 0


def decompose(rep: Rep, group: Group) -> dict[Irrep, int]:
    """How often each irreducible representation occurs, in the order of l and then of parity.

    Args:
        rep: made of `T`, `V` and `PSEUDO`.
        group: SO(3) or O(3).

    Raises:
        InputError: if the group is another.

    >>> decompose(T(2), SO(3))
    {Irrep(l=0, parity=0): 1, Irrep(l=1, parity=0): 1, Irrep(l=2, parity=0): 1}
    """
    parities = _has_parity(group, rep)
    total: dict[Irrep, int] = {}
    for factors, p in rep.terms:
        found = {Irrep(0, (-1) ** p if parities else 0): 1}
        for _ in factors:
            more: dict[Irrep, int] = {}
            for one, count in found.items():
                for other in _times_vector(one):
                    more[other] = more.get(other, 0) + count
            found = more
        for one, count in found.items():
            total[one] = total.get(one, 0) + count
    return dict(sorted(total.items()))


def clebsch_gordan(rep: Rep, group: Group) -> np.ndarray:
    """An orthogonal matrix that makes a representation block diagonal, with irreducible blocks.

    Args:
        rep: made of `T`, `V` and `PSEUDO`.
        group: SO(3) or O(3).

    Returns:
        Q (dim, dim), such that Q ρ(g) Qᵀ has the blocks `irrep(l, g, parity)`, each as often as `decompose` says and
        in its order.

    Raises:
        InputError: if the group is another, or the representation has more than 6,561 components.

    >>> q = clebsch_gordan(T(2), O(3))
    >>> bool(np.allclose(abs(q[0]), np.eye(3).ravel() / 3**0.5))
    True
    """
    parities = _has_parity(group, rep)
    total = rep.dim(3)
    if total > _LARGEST:
        raise InputError(f"representation: expected at most {_LARGEST} components, given {total}; take fewer factors")
    blocks = []
    begin = 0
    for term in rep.terms:
        size = 3 ** len(term[0])
        for one, rows in _split(term, parities):
            wide = np.zeros((len(rows), total))
            wide[:, begin : begin + size] = rows
            blocks.append((one, wide))
        begin += size
    blocks.sort(key=lambda block: block[0])
    return np.concatenate([rows for _, rows in blocks]) if blocks else np.zeros((0, 0))


def irrep(l: int, g: np.ndarray, parity: int = 0) -> np.ndarray:  # noqa: E741
    """D^l(g), real and orthogonal.

    Args:
        l: the order, 0 to 10.
        g: an orthogonal matrix (3, 3).
        parity: 1 or -1, by which -1 acts; 0 for that of a tensor of rank l, (-1)^l.

    Returns:
        (2l+1, 2l+1).

    Raises:
        InputError: if l or parity is none of these, or g is not orthogonal.

    >>> irrep(1, np.diag([1.0, 1.0, -1.0])).round(12) + 0.0
    array([[ 1.,  0.,  0.],
           [ 0., -1.,  0.],
           [ 0.,  0.,  1.]])
    """
    basis = harmonic_tensors(l)
    if parity not in (-1, 0, 1):
        raise InputError(f"parity: expected 1, -1, or 0 for (-1)^l; given {parity!r}")
    g = np.asarray(g, dtype=float)
    if g.shape != (3, 3) or not np.allclose(g @ g.T, np.eye(3), atol=1e-6):
        raise InputError(f"g: expected an orthogonal matrix (3, 3), given the shape {g.shape} or one that is not")
    turned = basis @ T(l).act(g, basis).T
    return turned * (np.sign(np.linalg.det(g)) if parity == -((-1) ** l) else 1.0)


@functools.lru_cache(maxsize=16)
def harmonic_tensors(l: int) -> np.ndarray:  # noqa: E741
    """The real solid harmonics as symmetric traceless tensors, orthonormal; not to be written to.

    Args:
        l: the order, 0 to 10.

    Returns:
        E (2l+1, 3^l), for m from -l to l; E_m · (x ⊗ ... ⊗ x) is r^l times the harmonic that varies as sin |m|φ (m < 0)
        or cos mφ about z.

    Raises:
        InputError: unless l is an integer from 0 to 10.
    """
    if isinstance(l, bool) or not isinstance(l, int | np.integer) or not 0 <= l <= _HIGHEST:
        raise InputError(f"l: expected an integer from 0 to {_HIGHEST}, given {l!r}")
    index = np.indices((3,) * l).reshape(l, -1) if l else np.zeros((0, 1), int)
    a, b, c = ((index == axis).sum(axis=0) for axis in range(3))
    factorials = np.array([math.factorial(n) for n in range(l + 1)], dtype=float)
    # x^a y^b z^c is the symmetric tensor with a! b! c! / l! at each place that has these counts
    share = factorials[a] * factorials[b] * factorials[c] / factorials[l]
    found = np.array([_harmonic(l, m)[a, b, c] * share for m in range(-l, l + 1)])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found.flags.writeable = False
    return found


def _harmonic(l: int, m: int) -> np.ndarray:  # noqa: E741
    """Coefficients (l+1, l+1, l+1) of x^a y^b z^c in a real solid harmonic, up to a factor."""
    found = np.zeros((l + 1, l + 1, l + 1))
    n = abs(m)
    for k in range((l - n) // 2 + 1):
        power = l - 2 * k - n
        outer = (-1) ** k * math.comb(l, k) * math.comb(2 * l - 2 * k, l) * math.perm(l - 2 * k, n)
        for i, j in ((one, other) for one in range(k + 1) for other in range(k - one + 1)):
            # r^2k = Σ k!/(i! j! (k-i-j)!) x^2i y^2j z^2(k-i-j)
            inner = outer * math.comb(k, i) * math.comb(k - i, j)
            for q in range(n + 1):
                # (x + i y)^n, of which m > 0 takes the real part and m < 0 the imaginary
                if q % 2 == int(m < 0):
                    place = (2 * i + n - q, 2 * j + q, power + 2 * (k - i - j))
                    found[place] += inner * math.comb(n, q) * (-1) ** (q // 2)
    return found


def _has_parity(group: Group, rep: Rep) -> bool:
    if type(group) not in (O, SO) or group.dim != 3:
        raise InputError(f"group: expected SO(3) or O(3), given {group!r}")
    if not isinstance(rep, Rep):
        raise InputError(f"representation: expected one made of T, V and PSEUDO, given {rep!r}")
    return type(group) is O


def _times_vector(one: Irrep) -> list[Irrep]:
    """What an irreducible tensor times a vector holds."""
    orders = [1] if one.l == 0 else [one.l - 1, one.l, one.l + 1]
    return [Irrep(order, -one.parity) for order in orders]


def _split(term: Term, parities: bool) -> list[tuple[Irrep, np.ndarray]]:
    """The irreducible parts of one tensor product, as rows (2l+1, 3^k)."""
    factors, p = term
    found = [(Irrep(0, (-1) ** p if parities else 0), np.ones((1, 1)))]
    for _ in factors:
        found = [
            (other, np.einsum("mna,nx->mxa", _coupling(one.l, other.l), rows).reshape(2 * other.l + 1, -1))
            for one, rows in found
            for other in _times_vector(one)
        ]
    return found


@functools.lru_cache(maxsize=64)
def _coupling(l: int, other: int) -> np.ndarray:  # noqa: E741
    """The equivariant map C (2l'+1, 2l+1, 3) from D^l ⊗ V onto D^l', with orthonormal rows."""
    if other == l + 1:
        basis = harmonic_tensors(l)
        found = np.einsum("mxa,nx->mna", harmonic_tensors(other).reshape(2 * other + 1, -1, 3), basis)
    elif other == l - 1:
        found = np.einsum("nma->mna", _coupling(other, l))
    else:
        basis = harmonic_tensors(l)
        # L_a e_b = e_a x e_b
        axes = np.cross(np.eye(3)[:, None], np.eye(3)[None]).swapaxes(1, 2)
        found = np.stack([basis @ T(l).derivative(one, basis).T for one in axes], axis=-1)
    return found / np.sqrt((found**2).sum(axis=(1, 2)))[:, None, None]
