"""Linear-noise theory: the statistics of a model around its fixed point.

Derivation, range of validity and measured accuracy: ``doc/theory.rst`` and
``doc/results.md``.
"""

from delssome.theory.closure import Closure, close
from delssome.theory.escape import escape_features, range_violation, start_holds
from delssome.theory.evaluator import TheoryEvaluator, TheoryStatistics

__all__ = [
    "Closure",
    "TheoryEvaluator",
    "TheoryStatistics",
    "close",
    "escape_features",
    "range_violation",
    "start_holds",
]
