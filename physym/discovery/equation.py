"""What a law in closed form is made of: its equations and the typed constants that were found in data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulators.schema import Variable

if TYPE_CHECKING:
    import sympy

__all__ = ["Constant", "Equation", "Point"]

Point = tuple[int, float, str]
"""Of a Pareto front: the number of terms, the error, the terms as text."""


@dataclass(frozen=True)
class Constant:
    """A number of a law that was found in data.

    Attributes:
        name: its symbol in the law's expressions, and the name of the parameter in the datasets that the law writes.
        value: a number, or the components of a vector.
        error: its standard error, of each component; 0 if it is exact. It is statistical: what all data have wrong
            alike is not in it.
        units: as the variables of the data write theirs.
        parameters: the product of the data's parameters that it equals within its uncertainty, if there is one.
    """

    name: str
    value: float | tuple[float, ...]
    error: float | tuple[float, ...]
    units: str
    parameters: str = ""

    @property
    def order(self) -> int:
        """1 for a vector, 0 for a number."""
        return int(isinstance(self.value, tuple))

    def variable(self) -> Variable:
        """Its type."""
        told = f"constant {self.name}" + (f" = {self.parameters}" if self.parameters else "")
        return Variable(self.name, self.units, told, self.name, (), self.order, role="parameter")


@dataclass(frozen=True)
class Equation:
    """One equation of a law: left = expression.

    Attributes:
        left: text such as "dv/dt" or "H".
        units: of both sides.
        expression: a sum over symbols of the states, the parameters and the constants by their names.
        latex: how LaTeX writes those symbols that SymPy would not write well, by their names.
    """

    left: str
    units: str
    expression: sympy.Expr
    latex: Mapping[str, str] = field(default_factory=dict)
