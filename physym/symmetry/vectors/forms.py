"""The forms that the classical groups keep.

A classical group is all matrices g that keep a form,

    ⟨u, v⟩ = uᵀ M v  or, over the complex numbers,  uᴴ M v,      ⟨gu, gv⟩ = ⟨u, v⟩,

and, if it is a special one, volumes too: det g = 1. The form says everything that invariant theory wants to know about
the group: which products of vectors are invariant, and how a covector becomes a vector.

    O(d), SO(d)        M = 1
    O(1,d), SO⁺(1,d)   M = η = diag(1, -1, ..., -1)
    Sp(2n)             M = J = [[0, 1], [-1, 0]]: antisymmetric; volumes are kept with the form
    U(d), SU(d)        M = 1, Hermitian

Arrays are of numpy or of torch: what stands here works on both, and differentiates in torch.

Source: H. Weyl, The Classical Groups (Princeton 1939).
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from physym.symmetry.groups import SO, SU, AboutAxis, Group, Lorentz, O, Sp, U
from simulators.errors import InputError

__all__ = ["Array", "Form", "array_of", "checked", "constant", "det", "form_of", "module_of", "numbers", "subsets"]

Array = Any
"""An array of numpy or a tensor of torch."""

_LIKE = 1e-12


@dataclass(frozen=True, eq=False)
class Form:
    """A non-degenerate form, and whether volumes are kept too.

    Whatever is asked of vectors, such as `invariants`, `equivariant`, `recover` and `align`, takes it in place of a
    group: ``Form(np.diag([1.0, 1.0, -1.0, -1.0]))`` stands for O(2,2).

    Args:
        matrix: M (d, d), real and symmetric or antisymmetric; with `hermitian`, Hermitian.
        hermitian: whether the first vector is conjugated: ⟨u, v⟩ = uᴴ M v.
        volume: whether only the elements of determinant 1 are meant.
        future: whether only those are meant that keep the sign of the first component of vectors of positive length, as
            SO⁺(1,d) does: past stays past. No polynomial sees it.

    Raises:
        InputError: if the matrix is of another kind, or has no inverse.
    """

    matrix: np.ndarray
    hermitian: bool = False
    volume: bool = False
    future: bool = False

    def __post_init__(self) -> None:
        matrix = numbers(self.matrix, "form").copy()
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
            raise InputError(f"form: expected a matrix of numbers (d, d), given the shape {matrix.shape}")
        if not self.hermitian and np.iscomplexobj(matrix):
            raise InputError("form: expected a real matrix, given a complex one; say hermitian=True")
        size = np.abs(matrix).max()
        signs = (1,) if self.hermitian else (1, -1)
        if all(np.abs(matrix.conj().T - sign * matrix).max() > _LIKE * size for sign in signs):
            kinds = "Hermitian" if self.hermitian else "symmetric or antisymmetric"
            raise InputError(f"form: expected a {kinds} matrix, given another")
        if np.linalg.cond(matrix) * _LIKE > 1:
            raise InputError("form: expected a matrix with an inverse, given one without; leave out what it ignores")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return len(self.matrix)

    @property
    def skew(self) -> bool:
        """Whether ⟨u, v⟩ = -⟨v, u⟩."""
        sums = np.abs(self.matrix.T + self.matrix).max()
        return not self.hermitian and bool(sums <= _LIKE * np.abs(self.matrix).max())

    def products(self, first: Array, second: Array) -> Array:
        """⟨u_i, v_j⟩ (..., n, m) of vectors (..., n, d) and (..., m, d)."""
        matrix = constant(self.matrix, second)
        return (first.conj() if self.hermitian else first) @ (matrix @ second.swapaxes(-1, -2))

    def raised(self, covectors: Array) -> Array:
        """The vectors w (..., d) with ⟨w, v⟩ = ℓ(v) for all v (with ⟨v, w⟩ conjugated), of covectors ℓ (..., d).

        A covector moves with g⁻ᵀ and the vector with g. For the orthogonal groups they are the same numbers.
        """
        inverse = constant(np.linalg.inv(self.matrix), covectors)
        found = covectors @ inverse
        return found.conj() if self.hermitian else found

    def kept_by(self, element: np.ndarray) -> float:
        """How far a matrix (d, d) is from keeping the form: the largest entry of gᴴMg - M, over |g|²."""
        moved = self.products(element.T, element.T)
        return float(np.abs(moved - self.matrix).max() / max(1.0, np.linalg.norm(element, 2) ** 2))


def form_of(group: Group | Form) -> Form:
    """The form that a group keeps.

    Raises:
        InputError: if it is none of the classical groups.

    >>> form_of(SO(3)).volume
    True
    """
    if isinstance(group, Form):
        return group
    match group:
        case Lorentz():
            return Form(group.metric, volume=group.proper, future=group.proper)
        case Sp():
            return Form(group.form)
        case SU():
            return Form(np.eye(group.dim), hermitian=True, volume=True)
        case U():
            return Form(np.eye(group.dim), hermitian=True)
        case SO():
            return Form(np.eye(group.dim), volume=True)
        case O():
            return Form(np.eye(group.dim))
    remedy = "average over it instead"
    if isinstance(group, AboutAxis):
        remedy = "take the axis as one more vector, and O(3) for O(2) or SO(3) for SO(2)"
    raise InputError(f"group: expected O, SO, Lorentz, Sp, U, SU or a Form, given {group!r}; {remedy}")


def module_of(array: Array) -> Any:  # noqa: ANN401
    """The module whose functions work on an array: torch for tensors, numpy for everything else."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(array, torch.Tensor) else np


def constant(matrix: np.ndarray, like: Array) -> Array:
    """A matrix as an array of the kind of another one."""
    torch = module_of(like)
    if torch is np:
        return matrix
    return torch.as_tensor(np.array(matrix), dtype=like.dtype, device=like.device)


def array_of(given: Array, name: str) -> Array:
    """Tensors of torch as they are, all else as an array of numpy.

    Raises:
        InputError: if it is none.
    """
    if module_of(given) is not np:
        return given
    try:
        return np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name}: expected one array of numbers, given lists of several lengths, or others") from error


def numbers(given: Array, name: str, *, real: bool = False) -> np.ndarray:
    """An array of numpy of finite numbers, in double precision; complex ones unless `real`.

    Raises:
        InputError: if it is none, or a tensor of torch.
    """
    if module_of(given) is not np:
        raise InputError(f"{name}: expected an array of numpy, given a tensor; give its .detach().cpu().numpy()")
    array = array_of(given, name)
    if array.dtype.kind not in ("biuf" if real else "biufc"):
        raise InputError(f"{name}: expected {'real ' * real}numbers, given an array of {array.dtype}")
    with np.errstate(over="ignore"):
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)
    if not np.all(np.isfinite(array)):
        raise InputError(f"{name}: expected finite numbers, given nan or infinite ones")
    return array


def checked(vectors: Array, form: Form, name: str = "vectors") -> Array:
    """Vectors (..., n, d), those of numpy in double precision, tensors of floats as they are.

    Raises:
        InputError: if they have another shape, are not finite (of numpy arrays alone; it would make tensors wait), or
            are complex where the form is real.
    """
    if module_of(vectors) is np:
        vectors = numbers(vectors, name)
        turning = np.iscomplexobj(vectors)
    else:
        turning = vectors.is_complex()
        if not turning and not vectors.is_floating_point():
            vectors = vectors.to(module_of(vectors).get_default_dtype())
        if not turning and np.iscomplexobj(form.matrix):
            vectors = vectors + 0j
    if vectors.ndim < 2 or vectors.shape[-1] != form.dim:
        raise InputError(f"{name}: expected an array (..., n, {form.dim}), given the shape {tuple(vectors.shape)}")
    if turning and not form.hermitian:
        raise InputError(f"{name}: expected real numbers, given complex ones; take U or SU, whose form is Hermitian")
    return vectors


def det(matrices: Array) -> Array:
    """The determinants (...,) of matrices (..., d, d).

    Torch has none in half precision, and differentiates none below the default one: they go through the greater.
    """
    module = module_of(matrices)
    if module is np:
        return np.linalg.det(matrices)
    wide = module.promote_types(matrices.dtype, module.promote_types(module.get_default_dtype(), module.float32))
    return module.linalg.det(matrices.to(wide)).to(matrices.dtype)


def subsets(count: int, size: int) -> np.ndarray:
    """All increasing selections (selection, size) of so many out of a number of vectors, in lexicographic order."""
    found = list(itertools.combinations(range(count), size))
    return np.array(found, dtype=np.int64).reshape(len(found), size)
