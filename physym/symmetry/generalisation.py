"""What symmetry buys: how much lower the risk is after averaging over the group, in closed form and measured.

For any f with E|f(x)|² < ∞, inputs whose distribution the group leaves as it is, and an equivariant target with noise
of mean 0, averaging lowers the risk by exactly what it removes (Elesedy and Zaidi):

    risk(f) - risk(Qf) = E|f(x) - Qf(x)|².

In linear regression, y = Θx + ξ with Θ (k, d), x ~ N(0, s_x² 1) and ξ ~ N(0, s² 1), let Ψ be the orthogonal projection
of matrices (k, d) on the equivariant ones, m their dimension, Ψ⊥ = 1 - Ψ, and Θ̂ the estimate of least squares from n
samples, that of least norm if there are several. Its expected gap, before less after averaging, is

    n > d + 1:   s² (k d - m)/(n - d - 1) - s_x² |Ψ⊥Θ|²,
    n < d - 1:   s² (k d - m) n/(d (d - n - 1)) + s_x² (E|Ψ⊥(ΘP)|² - 2 (n/d) |Ψ⊥Θ|²),

and infinite between if there is noise. P is the projection on the span of n random directions,

    E[P_ab P_ce] = α δ_ab δ_ce + β (δ_ac δ_be + δ_ae δ_bc),    β = n (d - n)/(d (d - 1)(d + 2)),    α = n/d - (d + 1) β.

If y is a number and Θ invariant these are the formulas of Elesedy and Zaidi; for n > d + 1 and any Θ, the exchange of
bias for variance of Huang, Levie and Villar, which pays up to the number of samples where the gap is 0.

Sources: B. Elesedy and S. Zaidi, Provably strict generalisation benefit for equivariant models (ICML 2021); N. Huang,
R. Levie and S. Villar, Approximately equivariant graph networks (NeurIPS 2023).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from physym.symmetry.averaging.poses import SCALARS
from physym.symmetry.averaging.reynolds import Average, check_compact
from physym.symmetry.groups import Group
from physym.symmetry.linear.maps import equivariant_basis
from physym.symmetry.linear.representations import Rep, V
from physym.symmetry.weighted_inputs import weighted_inputs
from simulators.errors import InputError
from simulators.parameters import count, setting

__all__ = ["Regression", "asymmetry"]

_BATCH = 2**22
_LENGTH = 1e-8


def asymmetry(averaged: Average, inputs: ArrayLike) -> tuple[float, float]:
    """E|f(x) - Qf(x)|², what averaging takes off the risk of a function, from a sample of inputs.

    Args:
        averaged: Qf, made by `physym.symmetry.averaging.reynolds.average`; an exact one.
        inputs: x (n, dim_in), independent, of a distribution that the group leaves as it is.

    Returns:
        The mean over the sample and its standard error.

    Raises:
        InputError: if the average is not exact (its sampling error would be counted), or there are fewer than 2 inputs.

    >>> from physym.symmetry import O
    >>> from physym.symmetry.averaging.reynolds import average
    >>> from physym.symmetry.linear.representations import T
    >>> odd = average(lambda x: x[..., :1] ** 3, O(1), T(1), T(0), degree=3)
    >>> asymmetry(odd, [[1.0], [-1.0]])
    (1.0, 0.0)
    """
    inputs = np.asarray(inputs)
    if not isinstance(averaged, Average) or not averaged.exact:
        raise InputError("averaged: expected an exact average, given one with sampling errors; give a degree")
    if inputs.ndim != 2 or len(inputs) < 2:
        raise InputError(f"inputs: expected at least two, (n, dim), given the shape {inputs.shape}")
    squares = np.abs(np.asarray(averaged.f(inputs)) - averaged(inputs)) ** 2
    return _mean(squares.reshape(len(inputs), -1).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Regression:
    """Linear regression of noisy values y = Θx + ξ on normally distributed inputs, and what averaging gains.

    Args:
        theta: Θ (dim_out, dim_in), or (dim_in,) if dim_out is 1; it need not be equivariant.
        group: a group whose matrices are orthogonal.
        rep_in: how it acts on x.
        rep_out: how it acts on y.
        scale: s_x, the standard deviation of each component of x.
        noise: s, that of each component of ξ.

    Raises:
        InputError: if the sizes do not fit, the group is complex, not compact or not orthogonal, or scale is not > 0
            and noise >= 0.

    >>> from physym.symmetry import S
    >>> task = Regression([1.0, 1.0, 1.0], S(3), noise=0.5)
    >>> task.gap(14), task.gap(4)
    (0.05, inf)
    """

    theta: ArrayLike
    group: Group
    rep_in: Rep = V
    rep_out: Rep = SCALARS
    scale: float = 1.0
    noise: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.group, Group) or self.group.complex:
            raise InputError(f"group: expected a real one of physym.symmetry such as S(3), given {self.group!r}")
        check_compact(self.group)
        elements = self.group.discrete_generators()
        if np.abs(elements @ elements.swapaxes(-1, -2) - np.eye(self.group.dim)).max(initial=0.0) > _LENGTH:
            raise InputError(
                f"group: expected orthogonal matrices, given {self.group!r} with others; take the coordinates"
                " A^(1/2) x, A the mean of gᵀg, in which they are"
            )
        for rep in (self.rep_in, self.rep_out):
            if not isinstance(rep, Rep):
                raise InputError(f"representation: expected one made of T, V and PSEUDO, given {rep!r}")
        shape = (self.rep_out.dim(self.group), self.rep_in.dim(self.group))
        try:
            theta = np.asarray(self.theta)
        except ValueError as error:
            raise InputError(f"theta: expected the shape {shape}, given rows of several lengths") from error
        if theta.dtype.kind not in "bifu" or not np.all(np.isfinite(theta)):
            raise InputError(f"theta: expected finite real numbers, given {theta.dtype}")
        if theta.shape not in (shape, shape[1:] if shape[0] == 1 else shape):
            raise InputError(f"theta: expected the shape {shape}, given {theta.shape}")
        for name, least in (("scale", ">"), ("noise", ">=")):
            value = setting(name, getattr(self, name), ranges=False)
            if value < 0 or (value == 0 and least == ">"):
                raise InputError(f"{name}: expected a number {least} 0, given {value!r}")
            object.__setattr__(self, name, float(value))
        object.__setattr__(self, "theta", theta.astype(float).reshape(shape))

    @functools.cached_property
    def basis(self) -> np.ndarray:
        """An orthonormal basis (m, dim_out, dim_in) of the equivariant matrices."""
        return equivariant_basis(self.group, self.rep_in, self.rep_out)

    def project(self, theta: np.ndarray) -> np.ndarray:
        """Ψ of matrices (..., dim_out, dim_in): their average over the group."""
        return np.tensordot(np.tensordot(theta, self.basis, axes=([-2, -1], [1, 2])), self.basis, axes=1)

    @property
    def complement(self) -> int:
        """The number k d - m: in how many dimensions matrices are not equivariant."""
        return self.theta.size - len(self.basis)

    @property
    def bias(self) -> float:
        """s_x² |Ψ⊥Θ|²: the risk that no equivariant map is without, besides the noise."""
        return self.scale**2 * float(np.sum((self.theta - self.project(self.theta)) ** 2))

    def gap(self, samples: float) -> float:
        """The expected risk of least squares less that of its average over the group.

        Args:
            samples: n, at least 1; it need not be an integer, so that one can see where curves cross.

        Raises:
            InputError: unless it is a number >= 1.
        """
        n, d = _count(samples), self.theta.shape[1]
        variance = self.complement * _variance(n, d, self.noise**2 if self.complement else 0.0)
        if n >= d:
            return variance - self.bias
        rest = self.theta - self.project(self.theta)
        beta = n * (d - n) / (d * (d - 1) * (d + 2))
        alpha = n / d - (d + 1) * beta
        # the two contractions of the projection Ψ⊥ = 1 - Σ B ⊗ B with two Θ
        rows = (d * np.sum(self.theta**2)) - np.sum((self.basis.swapaxes(-1, -2) @ self.theta) ** 2)
        products = self.basis @ self.theta.T
        crossed = np.sum(self.theta**2) - np.sum(products * products.swapaxes(-1, -2))
        kept = (alpha - 2 * n / d) * np.sum(rest**2) + beta * (rows + crossed)
        return variance + self.scale**2 * float(kept)

    def risk(self, samples: float, *, averaged: bool = False) -> float:
        """The expected risk E|Θ̂x - Θx|² of least squares, the noise of new values left out.

        Args:
            samples: n, at least 1.
            averaged: whether of its average over the group.

        Raises:
            InputError: unless samples is a number >= 1.
        """
        n, d = _count(samples), self.theta.shape[1]
        variance = len(self.theta) * d * _variance(n, d, self.noise**2)
        if np.isinf(variance) and averaged and self.complement == self.theta.size:
            return self.bias  # nothing is left to estimate
        unseen = max(0.0, 1 - n / d) * self.scale**2 * float(np.sum(self.theta**2))
        return variance + unseen - (self.gap(n) if averaged and np.isfinite(variance) else 0.0)

    def risk_constrained(self, samples: float) -> float:
        """The expected risk of least squares among the invariant maps alone, the noise of new values left out.

        The p invariant combinations of inputs are all it sees; what the others contribute to y is noise to it. It is
        better than the average of least squares if Θ is invariant, and worse if Θ is far from it.

        Args:
            samples: n, at least 1.

        Raises:
            InputError: unless samples is a number >= 1, and the group leaves y as it is.
        """
        n = _count(samples)
        if any(factors or p for factors, p in self.rep_out.terms):
            raise InputError(f"rep_out: expected scalars for a closed form, given {self.rep_out!r}; take `risk`")
        outputs = len(self.theta)
        p = len(self.basis) // outputs
        if not p:
            return self.bias
        seen = self.scale**2 * float(np.sum(self.project(self.theta) ** 2))
        variance = p * _variance(n, p, outputs * self.noise**2 + self.bias)
        return self.bias + variance + max(0.0, 1 - n / p) * seen

    def crossing(self, subgroup: Regression | None = None) -> float:
        """The number of samples n > d + 1 up to which averaging lowers the risk; infinite if Θ is equivariant.

        Args:
            subgroup: the same regression with a smaller group: up to which number averaging over the greater one is
                better than over this. The default is the group of the identity alone, no averaging.

        Raises:
            InputError: if the other regression is not the same, or its group is not smaller.
        """
        fewer, bias = self.complement, self.bias
        if subgroup is not None:
            same = np.array_equal(self.theta, subgroup.theta)
            if not same or (self.scale, self.noise) != (subgroup.scale, subgroup.noise):
                raise InputError("subgroup: expected the same theta, scale and noise with another group, given others")
            if not np.allclose(subgroup.project(self.basis), self.basis):
                raise InputError(f"subgroup: expected a subgroup of {self.group!r}, given {subgroup.group!r}")
            fewer, bias = fewer - subgroup.complement, bias - subgroup.bias
        if bias <= 1e-12 * self.scale**2 * float(np.sum(self.theta**2)):
            return np.inf
        return self.theta.shape[1] + 1 + self.noise**2 * fewer / bias

    def measured_gap(self, samples: int, trials: int = 1000, seed: int = 0) -> tuple[float, float]:
        """The gap from random data: the mean of so many estimates, and its standard error.

        The error is infinite where the gap is: |n - d| <= 1, with noise and a group that removes something.

        Args:
            samples: n in each trial.
            trials: how many.
            seed: of the data.

        Raises:
            InputError: unless all are integers, samples >= 1, trials >= 2 and seed >= 0.
        """
        before, after = self.measured_risks(samples, trials, seed)
        mean, error = _mean(before - after)
        return mean, error if np.isfinite(self.gap(samples)) else np.inf

    def measured_risks(self, samples: int, trials: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Unbiased estimates of `risk` (trials,) from random data: of least squares, and of its average.

        Of normal inputs X (n, d) the risk has infinite variance for |n - d| <= 3: those that are nearly of lower rank
        are rare and weigh much. So half of the trials draw such ones more often, and each is weighed by the ratio of
        the densities, which makes the variance finite for |n - d| >= 2; see `weighted_inputs`.

        Raises:
            InputError: unless all are integers, samples >= 1, trials >= 2 and seed >= 0.
        """
        samples, trials = count("samples", samples), count("trials", trials, 2)
        rng = np.random.default_rng(count("seed", seed, 0))
        k, d = self.theta.shape
        at_once = max(1, _BATCH // (samples * (k + d)))
        before, after = [], []
        for start in range(0, trials, at_once):
            x, inverse, weights = weighted_inputs(rng, (min(at_once, trials - start), samples, d))
            y = self.scale * x @ self.theta.T + self.noise * rng.standard_normal((*x.shape[:2], k))
            found = (inverse @ y).swapaxes(-1, -2) / self.scale
            for risks, estimate in ((before, found), (after, self.project(found))):
                risks.append(weights * self.scale**2 * np.sum((estimate - self.theta) ** 2, axis=(-2, -1)))
        return np.concatenate(before), np.concatenate(after)


def _variance(n: float, d: int, noise: float) -> float:
    """E tr (XᵀX)⁺ s_x² s²/d, the mean square error of each estimated coefficient of least squares that noise makes."""
    if noise == 0:
        return 0.0
    if n > d + 1:
        return noise / (n - d - 1)
    return noise * n / (d * (d - n - 1)) if n < d - 1 else np.inf


def _count(samples: float) -> float:
    if isinstance(samples, bool) or not isinstance(samples, int | float | np.number) or not samples >= 1:
        raise InputError(f"samples: expected a number >= 1, given {samples!r}")
    return samples


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
