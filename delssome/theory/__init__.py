"""Linear-noise theory: the statistics of a model around its fixed point."""

from delssome.theory.evaluator import TheoryEvaluator, TheoryStatistics

__all__ = ["TheoryEvaluator", "TheoryStatistics"]
