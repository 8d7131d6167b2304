"""Estimators that fit circuit models."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING

from delssome._lazy import attach

if TYPE_CHECKING:
    from delssome.fitting.comparing import compare_models
    from delssome.fitting.comparison import ModelComparison
    from delssome.fitting.fitter import MeanFieldFitter
    from delssome.fitting.outcome import Outcome
    from delssome.fitting.pooled import PooledPosterior
    from delssome.fitting.population import PopulationFitter
    from delssome.fitting.posterior import MeanFieldPosterior
    from delssome.fitting.verification import Verification

__all__ = [
    "MeanFieldFitter",
    "MeanFieldPosterior",
    "ModelComparison",
    "Outcome",
    "PooledPosterior",
    "PopulationFitter",
    "Verification",
    "compare_models",
]

# Loaded when they are asked for: a worker of a population needs its fitter alone.
_HOMES = {
    "MeanFieldFitter": "fitter",
    "MeanFieldPosterior": "posterior",
    "ModelComparison": "comparison",
    "Outcome": "outcome",
    "PooledPosterior": "pooled",
    "PopulationFitter": "population",
    "Verification": "verification",
    "compare_models": "comparing",
}

__getattr__, __dir__ = attach(__name__, _HOMES)
