"""Estimators that fit mean-field models."""

from delssome.fitting.fitter import MeanFieldFitter
from delssome.fitting.population import PopulationFitter

__all__ = ["MeanFieldFitter", "PopulationFitter"]
