"""Laws as people write them: a/(1 + b/c) is a*c/(b + c), and e^-x / sinh x is 2 / (e^2x - 1)."""

from __future__ import annotations

import sympy

__all__ = ["complexity", "rooted", "tidy"]

_SAME, _SMALL = 1e-9, 60


def complexity(expression: sympy.Expr) -> int:
    """The number of symbols, numbers and operations of an expression."""
    return sum(1 for _ in sympy.preorder_traversal(expression))


def tidy(expression: sympy.Expr) -> sympy.Expr:
    """The same expression in its shortest form among a few: common denominators, factors, fewer signs, exp for sinh.

    What the assumptions of its symbols allow is used: with real x and positive y, √((x² + y²)²) is x² + y².

    >>> x, y = sympy.symbols("x y")
    >>> tidy(3 * x * sympy.exp(-x / 2) / sympy.sinh(x / 2)), tidy(x / (1 + x / y))
    (6*x/(exp(x) - 1), x*y/(x + y))
    """
    plain = _exponential(expression)
    forms = [plain, sympy.together(plain)]
    if sympy.count_ops(plain) <= _SMALL:
        forms += [sympy.powdenest(_factored(form)) for form in forms]
        forms += [sympy.factor_terms(forms[-1]), sympy.powsimp(forms[-1])]
    # of equally short forms the first one stands
    return min((form for given in forms for form in (sympy.signsimp(given), given)), key=complexity)


def rooted(expression: sympy.Expr) -> sympy.Expr:
    """With products of roots under one root, as people write them; right wherever every one of the roots is real.

    Over symbols known to be positive SymPy parts the root again.

    >>> l, g = sympy.symbols("l g")
    >>> rooted(2 * sympy.pi * sympy.sqrt(l) / sympy.sqrt(g))
    2*pi*sqrt(l/g)
    """
    if not expression.args:
        return expression
    expression = expression.func(*map(rooted, expression.args))
    if not isinstance(expression, sympy.Mul):
        return expression
    others, roots = [], {}
    for factor in expression.args:
        base, power = factor.as_base_exp()
        if power.is_Rational and not power.is_Integer and not base.is_number:
            roots.setdefault(abs(power), []).append((base, sympy.sign(power)))
        else:
            others.append(factor)
    for power, parts in roots.items():
        # none above the line is better written as 1/√(x y) than as √(1/(x y))
        side = 1 if any(sign > 0 for _, sign in parts) else -1
        others.append(sympy.Mul(*(base ** (side * sign) for base, sign in parts)) ** (side * power))
    return sympy.Mul(*others)


def _factored(expression: sympy.Expr) -> sympy.Expr:
    """With sums under roots and below the line brought to factors, where a square may come out."""
    if not expression.args:
        return expression
    expression = expression.func(*map(_factored, expression.args))
    if isinstance(expression, sympy.Pow) and isinstance(expression.base, sympy.Add):
        try:
            return sympy.factor(sympy.together(expression.base)) ** expression.exp
        except sympy.PolynomialError:
            return expression
    return expression


def _exponential(expression: sympy.Expr) -> sympy.Expr:
    """With 1/(exp(x) ± 1) in place of products of exp with 1/sinh or 1/cosh."""
    if not expression.args:
        return expression
    expression = expression.func(*map(_exponential, expression.args))
    if not isinstance(expression, sympy.Mul):
        return expression
    factors = list(expression.args)
    for part in expression.args:
        base, power = part.as_base_exp()
        if not (isinstance(base, sympy.sinh | sympy.cosh) and power.is_Integer and power < 0):
            continue
        argument = base.args[0]
        for other in factors:
            sign = _sign(other, argument * -power)
            if sign:
                # sinh x = e^±x (1 - e^∓2x) / ±2, and cosh likewise
                beside = 1 if isinstance(base, sympy.cosh) else -1
                factor = 1 if beside > 0 or sign < 0 else -1
                factors.remove(other)
                factors[factors.index(part)] = (2 * factor / (sympy.exp(-2 * sign * argument) + beside)) ** -power
                break
    return sympy.Mul(*factors)


def _sign(factor: sympy.Expr, argument: sympy.Expr) -> int:
    """1 or -1 if the factor is exp(argument) or exp(-argument), up to rounding; else 0."""
    if not isinstance(factor, sympy.exp):
        return 0
    ratio = factor.args[0] / argument
    if not ratio.is_number or abs(abs(float(ratio)) - 1) > _SAME:
        return 0
    return 1 if ratio > 0 else -1
