"""Estimators that fit mean-field models."""

from delssome.fitting.fitter import MeanFieldFitter

__all__ = ["MeanFieldFitter"]
