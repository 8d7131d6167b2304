"""Estimators that fit circuit models."""

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
