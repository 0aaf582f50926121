"""Invariants to equivariants: from the invariants of V x W* to the equivariant maps V -> W.

If h: V -> W is equivariant, then f(v, ℓ) = ℓ(h(v)) is an invariant of V x W* of degree 1 in ℓ, and h is its derivative
with respect to ℓ. So of generators f_j of the invariants of V x W* that are homogeneous in ℓ, those of degree 0
generate the invariants of V, those of degree 1 give the generators of the equivariants,

    F_j(v) = Σ_i ∂f_j(v, ℓ)/∂ℓ_i e_i,    h = Σ_j P_j(f_1, ..., f_r) F_j,

and the others are not needed. The derivatives are with respect to the coordinates ℓ_i in the *dual* basis. Often ℓ is
written as a vector w through a form, ℓ = ⟨·, w⟩ = Mw, in which f is then given, as in ⟨v, w⟩ = vᵀηw of space-time. Then
∂f/∂w = MᵀF is a covector, ηv in the example (-Jv in Sp), which does not move with g unless g is orthogonal: the result
is not equivariant, and no error says so. The form raises its index: give the group.

Sources: B. Malgrange, as told by G. W. Schwarz, Lifting smooth homotopies of orbit spaces (Publications mathématiques
de l'IHÉS 51, 1980); B. Blum-Smith and S. Villar, Machine learning and invariant theory (Notices of the AMS 70, 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from physym.symmetry.groups import Group
from physym.symmetry.vectors.forms import Form, form_of
from simulators.errors import InputError

if TYPE_CHECKING:
    import sympy
    import torch

__all__ = ["Generators", "equivariants_from_invariants", "equivariants_torch"]


class Generators(NamedTuple):
    """What the invariants of V x W* say about V.

    Attributes:
        invariants: the generators of degree 0 in the dual variables: generators of the invariants of V.
        equivariants: columns (dim W, 1), generators of the equivariant maps V -> W over these.
    """

    invariants: tuple[sympy.Expr, ...]
    equivariants: tuple[sympy.Matrix, ...]


def equivariants_from_invariants(
    generators: Sequence[sympy.Expr], dual: Sequence[sympy.Symbol], group: Group | Form | None = None
) -> Generators:
    """The generators of the equivariant maps V -> W from those of the invariants of V x W*.

    Args:
        generators: polynomials in the variables of V and in the dual ones, each homogeneous in the latter.
        dual: ℓ_1, ..., ℓ_m, the coordinates of W* in the dual basis; with `group`, the components of a vector w of W.
        group: whose form makes w a covector; see the module.

    Returns:
        The invariants, and the equivariants in the order of the generators of degree 1.

    Raises:
        InputError: if the generators are no sequence, or one is no polynomial in the dual variables, or not homogeneous
            in them.

    >>> import sympy
    >>> x, l = sympy.symbols("x1:4"), sympy.symbols("l1:4")
    >>> power_sums = [sum(a**k * b for a, b in zip(x, l)) for k in range(3)]
    >>> [list(column) for column in equivariants_from_invariants(power_sums, l).equivariants]
    [[1, 1, 1], [x1, x2, x3], [x1**2, x2**2, x3**2]]
    """
    import sympy

    if isinstance(generators, sympy.Basic | str) or not isinstance(generators, Iterable):
        raise InputError(f"generators: expected a sequence of polynomials, given {generators}; give [{generators}]")
    if not isinstance(dual, Iterable):
        raise InputError(f"dual: expected a sequence of SymPy symbols, given {dual}; give [{dual}]")
    dual = list(dual)
    if not dual or not all(isinstance(one, sympy.Symbol) for one in dual) or len(set(dual)) < len(dual):
        raise InputError(f"dual: expected different SymPy symbols, given {dual}")
    metric = sympy.eye(len(dual)) if group is None else _inverse_of(_fitting(form_of(group), len(dual)))
    fixed, moving = [], []
    for given in generators:
        if isinstance(given, str):
            raise InputError(
                f"generators: expected SymPy expressions, given the text {given!r}; sympy.sympify reads it, and runs"
                " what it says"
            )
        try:
            expression = sympy.sympify(given)
        except (sympy.SympifyError, TypeError, AttributeError, SyntaxError) as error:
            raise InputError(f"generators: expected polynomials in {dual}, given {given!r}, which is none") from error
        if not isinstance(expression, sympy.Expr) or not expression.is_polynomial(*dual):
            raise InputError(f"generators: expected polynomials in {dual}, given {given}")
        degrees = {sum(powers) for powers in sympy.Poly(expression, *dual).monoms()} if expression != 0 else {0}
        if len(degrees) > 1:
            raise InputError(
                f"generators: expected polynomials homogeneous in {dual}, given {given} of degrees"
                f" {sorted(degrees)}; split it, each part is an invariant"
            )
        degree = degrees.pop()
        if degree == 0 and expression != 0:
            fixed.append(sympy.expand(expression))
        if degree == 1:
            slope = sympy.Matrix([sympy.diff(expression, one) for one in dual])
            moving.append((metric * slope).applyfunc(sympy.expand))
    return Generators(tuple(fixed), tuple(moving))


def _fitting(form: Form, size: int) -> Form:
    if form.dim != size:
        raise InputError(f"dual: expected {form.dim} variables for this form, given {size}")
    if form.hermitian:
        raise InputError("group: expected a bilinear form, given a Hermitian one; its derivatives are not defined here")
    return form


def _inverse_of(form: Form) -> sympy.Matrix:
    """M⁻ᵀ with rational numbers where they are that."""
    import sympy

    return sympy.Matrix(form.matrix.T).applyfunc(sympy.nsimplify).inv()


def equivariants_torch(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    dim: int,
    group: Group | Form | None = None,
    axes: int = 2,
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Equivariant maps V -> W as torch functions, by differentiating invariants of V x W*.

    The derivative is taken at ℓ = 0. So any invariant that is differentiable there will do, such as a net of
    invariants: what is of degree 1 in ℓ is what counts. The maps can be differentiated in turn, and their weights
    learned.

    Args:
        function: f(v, ℓ) of arrays v (..., n, d) and ℓ (..., dim), to numbers (...,), or (..., k) for k of
            them. Each entry of ... has its own answer, as usual in batches.
        dim: the dimension of W.
        group: whose form makes ℓ a covector, if the function takes a vector of W instead; see the module.
        axes: how many axes of v belong to V; those before them are a batch. 2 for several vectors.

    Returns:
        A function of tensors v, those of integers taken as the default floats, to tensors (..., dim) or (..., k, dim).

    Raises:
        InputError: if `function`, `dim` or `axes` does not fit; and when the maps are given no tensor, or one of fewer
            axes, or the function answers with none, or with another shape.

    >>> import torch
    >>> moment = equivariants_torch(lambda v, l: torch.linalg.det(torch.cat([v, l[None]])), 3)
    >>> moment(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).tolist()
    [0.0, 0.0, 1.0]
    """
    if not callable(function):
        raise InputError(f"function: expected a function of v and ℓ, given {function!r}")
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or dim < 1:
        raise InputError(f"dim: expected the dimension of W, an integer >= 1, given {dim!r}")
    if isinstance(axes, bool) or not isinstance(axes, int | np.integer) or axes < 0:
        raise InputError(f"axes: expected the number of axes of V, an integer >= 0, given {axes!r}")
    form = None if group is None else _fitting(form_of(group), dim)

    def equivariant(v: torch.Tensor) -> torch.Tensor:
        import torch

        if not isinstance(v, torch.Tensor) or v.ndim < axes:
            given = f"the shape {tuple(v.shape)}" if isinstance(v, torch.Tensor) else f"{type(v).__name__}"
            raise InputError(f"v: expected a tensor of torch with {axes} axes or more, given {given}; see `axes`")
        v = v if v.is_floating_point() or v.is_complex() else v.to(torch.get_default_dtype())
        batch = tuple(v.shape[: v.ndim - axes])
        with torch.enable_grad():
            dual = torch.zeros(*batch, dim, dtype=v.dtype, device=v.device, requires_grad=True)
            values = function(v, dual)
            if not isinstance(values, torch.Tensor):
                raise InputError(f"function: expected one that gives a tensor, given one with {type(values).__name__}")
            shape = tuple(values.shape)
            single = shape == batch
            if not single and shape[:-1] != batch:
                wanted = f"{batch} or {batch} and one more axis"
                raise InputError(f"function: expected numbers of the shape {wanted}, given {shape}; see `axes`")
            columns = values[..., None] if single else values
            slopes = [_slope(columns[..., k].sum(), dual) for k in range(columns.shape[-1])]
            found = torch.stack(slopes, dim=-2) if slopes else dual.new_zeros(*batch, 0, dim)
            raised = found if form is None else _raised(found, form)
        raised = raised[..., 0, :] if single else raised
        return raised if torch.is_grad_enabled() else raised.detach()

    return equivariant


def _slope(value: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
    """The derivative by the dual variable, zero where there is none of it."""
    import torch

    if not value.requires_grad:
        return torch.zeros_like(dual)
    slope = torch.autograd.grad(value, dual, create_graph=True, allow_unused=True)[0]
    return torch.zeros_like(dual) if slope is None else slope


def _raised(covectors: torch.Tensor, form: Form) -> torch.Tensor:
    import torch

    return covectors @ torch.as_tensor(np.linalg.inv(form.matrix), dtype=covectors.dtype, device=covectors.device)
