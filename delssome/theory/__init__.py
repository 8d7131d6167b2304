"""Linear-noise theory: the statistics of a model around its fixed point.

Derivation, range of validity and measured accuracy: ``doc/theory.rst`` and
``doc/results.md``.
"""

from delssome.theory.assumptions import (
    check_assumptions,
    reason_against,
    reason_against_circuit,
    reason_against_reduction,
)
from delssome.theory.closure import Closure, close, expected_readout
from delssome.theory.effective import (
    Effective,
    effective_parameters,
    effective_regions,
)
from delssome.theory.escape import (
    escape_features,
    price_of_escape,
    range_violation,
    start_holds,
)
from delssome.theory.evaluator import TheoryEvaluator
from delssome.theory.fc_noise import (
    choose_edges,
    fc_covariance,
    fisher_z,
    noise_of_z,
)
from delssome.theory.identifiability import Identifiability, identifiability
from delssome.theory.linearisation import averages_at_rest
from delssome.theory.sensitivity import Sensitivity
from delssome.theory.spectra import Spectra

__all__ = [
    "Closure",
    "Effective",
    "Identifiability",
    "Sensitivity",
    "Spectra",
    "TheoryEvaluator",
    "averages_at_rest",
    "check_assumptions",
    "choose_edges",
    "close",
    "effective_parameters",
    "effective_regions",
    "escape_features",
    "expected_readout",
    "fc_covariance",
    "fisher_z",
    "identifiability",
    "noise_of_z",
    "price_of_escape",
    "range_violation",
    "reason_against",
    "reason_against_circuit",
    "reason_against_reduction",
    "start_holds",
]
