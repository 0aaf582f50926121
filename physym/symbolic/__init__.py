"""Laws as formulas: units-equivariant symbolic regression."""

from physym.symbolic.constants import NATURE, Constant
from physym.symbolic.front import Candidate, Front
from physym.symbolic.regressor import SymbolicRegressor

__all__ = ["NATURE", "Candidate", "Constant", "Front", "SymbolicRegressor"]
