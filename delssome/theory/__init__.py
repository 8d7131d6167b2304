"""Linear-noise theory: the statistics of a model around its fixed point.

Derivation, range of validity and measured accuracy: ``doc/theory.rst`` and
``doc/results.md``.
"""

from delssome.theory.assumptions import check_assumptions
from delssome.theory.closure import Closure, close
from delssome.theory.effective import Effective, effective_parameters
from delssome.theory.escape import escape_features, range_violation, start_holds
from delssome.theory.evaluator import TheoryEvaluator

__all__ = [
    "Closure",
    "Effective",
    "TheoryEvaluator",
    "check_assumptions",
    "close",
    "effective_parameters",
    "escape_features",
    "range_violation",
    "start_holds",
]
