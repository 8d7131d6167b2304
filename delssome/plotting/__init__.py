"""Figures at paper size: displays of fitted estimators, and plots of studies' tables.

A display draws what an estimator holds, by ``from_estimator``, or data of any other
origin, by its parameters and ``plot``, as those of scikit-learn do. Functions plot the
tables of :mod:`delssome.study`, and `plot_report` a whole fit. What a model reads out
has the model's own name on the axes.
"""

from delssome.plotting.brain import BrainDisplay
from delssome.plotting.comparison import ComparisonDisplay
from delssome.plotting.effects import plot_effects
from delssome.plotting.fc import FCDisplay
from delssome.plotting.fcd import FCDDisplay, FCDMatrixDisplay
from delssome.plotting.history import HistoryDisplay
from delssome.plotting.identifiability import IdentifiabilityDisplay
from delssome.plotting.population import PopulationDisplay
from delssome.plotting.posterior import PosteriorDisplay
from delssome.plotting.readout import ReadoutDisplay
from delssome.plotting.report import plot_report
from delssome.plotting.study import (
    plot_age,
    plot_centiles,
    plot_map_correlation,
    plot_retest,
)
from delssome.plotting.verification import VerificationDisplay

__all__ = [
    "BrainDisplay",
    "ComparisonDisplay",
    "FCDDisplay",
    "FCDMatrixDisplay",
    "FCDisplay",
    "HistoryDisplay",
    "IdentifiabilityDisplay",
    "PopulationDisplay",
    "PosteriorDisplay",
    "ReadoutDisplay",
    "VerificationDisplay",
    "plot_age",
    "plot_centiles",
    "plot_effects",
    "plot_map_correlation",
    "plot_report",
    "plot_retest",
]
