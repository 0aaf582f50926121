"""How good a learned law is: its rollouts against the truth, what drifts, and one page with pictures and origins."""

from physym.evaluation.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
