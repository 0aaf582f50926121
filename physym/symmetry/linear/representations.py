"""Representations: how the elements of a group of matrices act on tensors.

V is the space that the matrices of a group act on. From it are made the dual V*, on which g acts by the inverse
transposed, tensor products, the powers T(k) = V ⊗ ... ⊗ V, sums such as 3 V + T(2), and twists by the sign of the
determinant (pseudotensors). A representation is named without a group and can be used with any:

    (ρ(g) t)_{ab...} = sign(det g)^p Σ g_{aa'} g_{bb'} ... t_{a'b'...},
    (dρ(A) t)_{ab...} = Σ A_{aa'} t_{a'b...} + Σ A_{bb'} t_{ab'...} + ...,

which is applied index by index: the Kronecker product is never formed. Tensors are flattened in the order of memory of
numpy, the last index fastest; the terms of a sum lie one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError

__all__ = ["PSEUDO", "Rep", "T", "V"]

Term = tuple[tuple[bool, ...], int]
"""Of each factor whether it is the dual, and the power of the sign of the determinant."""


@dataclass(frozen=True)
class Rep:
    """A sum of tensor products of V and V*; made by `T`, `V`, `PSEUDO`, +, * and `dual`.

    Attributes:
        terms: of each the factors, True for V*, and 1 if the determinant's sign multiplies it.

    >>> V + 2 * T(2), T(1, 1) * V.dual, (PSEUDO * V).dual
    (V + T(2) + T(2), T(1, 2), P*V*)
    """

    terms: tuple[Term, ...]

    def __add__(self, other: Rep) -> Rep:
        return Rep(self.terms + _rep(other).terms)

    def __mul__(self, other: Rep | int) -> Rep:
        if isinstance(other, int | np.integer) and not isinstance(other, bool):
            if other < 0:
                raise InputError(f"representation: expected a multiple >= 0, given {other}; take its dual")
            return Rep(self.terms * int(other))
        right = _rep(other)
        return Rep(tuple((a + b, (p + q) % 2) for a, p in self.terms for b, q in right.terms))

    def __rmul__(self, other: int) -> Rep:
        return self * other

    def __pow__(self, power: int) -> Rep:
        if isinstance(power, bool) or not isinstance(power, int | np.integer) or power < 0:
            raise InputError(f"representation: expected a power that is an integer >= 0, given {power!r}")
        found = T(0)
        for _ in range(power):
            found = found * self
        return found

    @property
    def dual(self) -> Rep:
        """The representation of linear functions of it."""
        return Rep(tuple((tuple(not star for star in factors), p) for factors, p in self.terms))

    def __repr__(self) -> str:
        return " + ".join(_name(term) for term in self.terms) or "0"

    def dim(self, group: object) -> int:
        """Its dimension, for a group or the dimension of V."""
        size = getattr(group, "dim", group)
        return sum(size ** len(factors) for factors, _ in self.terms)

    @property
    def degree(self) -> int:
        """The largest number of factors of a term."""
        return max((len(factors) for factors, _ in self.terms), default=0)

    def act(self, g: np.ndarray, tensors: np.ndarray) -> np.ndarray:
        """ρ(g) t of flat tensors t (..., dim), arrays of numpy.

        Args:
            g: an element (d, d), or one for each tensor (..., d, d).
            tensors: t; its axes but the last are those of g but the last two, or broadcast with them.

        Raises:
            InputError: if they are no numbers of numpy, the sizes do not fit, g has no inverse where one is needed, or
                is complex where the sign of its determinant is.

        >>> turns = np.array([[[0.0, -1.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, -1.0]]])
        >>> V.act(turns, [[1.0, 2.0], [3.0, 4.0]]).tolist()
        [[-2.0, 1.0], [-3.0, -4.0]]
        """
        g = array_of_numpy(g, "matrix")
        if g.ndim > 2:
            return self._act_each(g, tensors)
        g, tensors, parts = self._parts(g, tensors)
        starred = any(any(factors) for factors, _ in self.terms)
        inverse = _inverse(g).T if starred else g
        sign = orientation(g) if any(p for _, p in self.terms) else 1.0
        found = []
        for (factors, p), part in zip(self.terms, parts, strict=True):
            for axis, star in enumerate(factors):
                part = _along(inverse if star else g, part, axis - len(factors))
            found.append((part * sign if p else part).reshape(*tensors.shape[:-1], len(g) ** len(factors)))
        return np.concatenate(found, axis=-1) if found else tensors

    def _act_each(self, g: np.ndarray, tensors: np.ndarray) -> np.ndarray:
        """Each ρ(g_b) on its own tensor."""
        from physym.symmetry.linear.batched import act_each

        tensors = array_of_numpy(tensors, "tensors")
        try:
            lead = np.broadcast_shapes(g.shape[:-2], tensors.shape[:-1])
        except ValueError as error:
            raise InputError(
                f"tensors: expected one for each of {g.shape[:-2]} elements, given the shape {tensors.shape}; give"
                " tensors[..., None, :] for all with each"
            ) from error
        elements = np.broadcast_to(g, (*lead, *g.shape[-2:])).reshape(-1, *g.shape[-2:])
        if g.shape[-1] != g.shape[-2]:
            raise InputError(f"matrix: expected ones (..., d, d), given the shape {g.shape}")
        rows = np.broadcast_to(tensors, (*lead, *tensors.shape[-1:]))
        return act_each(self, elements, rows.reshape(-1, 1, rows.shape[-1])).reshape(*lead, self.dim(g.shape[-1]))

    def derivative(self, a: np.ndarray, tensors: np.ndarray) -> np.ndarray:
        """dρ(A) t of an element A of the Lie algebra and flat tensors t (..., dim), arrays of numpy.

        Raises:
            InputError: if they are no numbers of numpy, or the sizes do not fit.
        """
        a, tensors, parts = self._parts(a, tensors)
        found = []
        for (factors, _), part in zip(self.terms, parts, strict=True):
            total = np.zeros(part.shape, np.result_type(a, part))
            for axis, star in enumerate(factors):
                total = total + _along(-a.T if star else a, part, axis - len(factors))
            found.append(total.reshape(*tensors.shape[:-1], len(a) ** len(factors)))
        return np.concatenate(found, axis=-1) if found else tensors

    def matrix(self, g: np.ndarray) -> np.ndarray:
        """ρ(g) (dim, dim), written out.

        Raises:
            InputError: as `act`.
        """
        g = _square(g)
        return self.act(g, np.eye(self.dim(len(g)))).T

    def character(self, eigenvalues: np.ndarray) -> np.ndarray:
        """The trace of ρ(g) from the eigenvalues (..., dim V) of g.

        Raises:
            InputError: if they are no numbers of numpy.
        """
        eigenvalues = array_of_numpy(eigenvalues, "eigenvalues")
        own, star = eigenvalues.sum(axis=-1), (1 / eigenvalues).sum(axis=-1)
        sign = np.sign(np.prod(eigenvalues, axis=-1).real)  # real but for rounding, where it is used
        total = np.zeros(own.shape, complex)
        for factors, p in self.terms:
            duals = sum(factors)
            total = total + own ** (len(factors) - duals) * star**duals * (sign if p else 1.0)
        return total

    def _parts(self, matrix: np.ndarray, tensors: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        matrix, tensors = _square(matrix), array_of_numpy(tensors, "tensors")
        size, total = len(matrix), self.dim(len(matrix))
        if tensors.ndim == 0 or tensors.shape[-1] != total:
            raise InputError(f"tensors: expected {total} entries of {self!r} in the last axis, given {tensors.shape}")
        ends = np.cumsum([size ** len(factors) for factors, _ in self.terms])[:-1]
        flat = np.split(tensors, ends, axis=-1)
        parts = [
            part.reshape((*tensors.shape[:-1], *(size,) * len(factors)))
            for part, (factors, _) in zip(flat, self.terms, strict=False)
        ]
        return matrix, tensors, parts


def T(power: int, dual: int = 0) -> Rep:
    """Tensors: the product V ⊗ ... ⊗ V ⊗ V* ⊗ ... ⊗ V*; without factors, scalars.

    Args:
        power: factors V.
        dual: factors V* after them.

    Raises:
        InputError: unless both are integers >= 0.
    """
    for count in (power, dual):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise InputError(f"T: expected numbers of factors that are integers >= 0, given {count!r}")
    return Rep((((False,) * int(power) + (True,) * int(dual), 0),))


V = T(1)
"""The space that the matrices of a group act on."""

PSEUDO = Rep((((), 1),))
"""Pseudoscalars, which change sign with the determinant; PSEUDO * T(k) are pseudotensors."""


def _rep(given: object) -> Rep:
    if not isinstance(given, Rep):
        raise InputError(f"representation: expected one made of T, V and PSEUDO, given {given!r}")
    return given


def array_of_numpy(given: object, name: str, remedy: str = "take .detach().cpu().numpy()") -> np.ndarray:
    """Numbers as an array of numpy.

    Raises:
        InputError: if they are none, or a tensor of torch, whose derivatives would be lost.
    """
    if hasattr(given, "new_tensor"):
        raise InputError(f"{name}: expected an array of numpy, given a tensor of torch; {remedy}")
    try:
        found = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name}: expected one array, given lists of several lengths") from error
    if found.dtype.kind not in "bifuc":
        raise InputError(f"{name}: expected numbers, given an array of {found.dtype}")
    return found


def _square(matrix: object) -> np.ndarray:
    found = array_of_numpy(matrix, "matrix")
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise InputError(f"matrix: expected one (d, d), given the shape {found.shape}")
    return found


def _name(term: Term) -> str:
    factors, p = term
    duals = sum(factors)
    if factors == (False,) * (len(factors) - duals) + (True,) * duals:
        plain = {(1, 0): "V", (0, 1): "V*"}.get((len(factors) - duals, duals))
        name = plain or (f"T({len(factors) - duals}, {duals})" if duals else f"T({len(factors)})")
    else:
        name = "⊗".join("V*" if star else "V" for star in factors)
    if not p:
        return name
    return f"P*{name}" if factors else "P"


def _along(matrix: np.ndarray, tensor: np.ndarray, axis: int) -> np.ndarray:
    """A matrix on one index of a tensor."""
    return np.moveaxis(np.moveaxis(tensor, axis, -1) @ matrix.T, -1, axis)


def orientation(g: np.ndarray) -> float:
    """The sign of the determinant of a real matrix.

    Raises:
        InputError: if it is complex.
    """
    if np.iscomplexobj(g):
        raise InputError("PSEUDO: expected real matrices, whose determinant has a sign, given complex ones")
    return float(np.sign(np.linalg.det(g)))


def _inverse(g: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.inv(g)
    except np.linalg.LinAlgError as error:
        raise InputError("matrix: expected one with an inverse, since V* occurs; given determinant 0") from error
