"""How good, how fast: figures from labelled pictures and from the clock."""

from perception.evaluation.evaluate import PARTS, Report, evaluate, measure

__all__ = ["PARTS", "Report", "evaluate", "measure"]
