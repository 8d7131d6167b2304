"""Figures of a fitted MeanFieldFitter, one function each, at paper size."""

from delssome.plotting.ei_ratio import plot_ei_ratio
from delssome.plotting.fc import plot_fc
from delssome.plotting.fcd import plot_fcd_cdf
from delssome.plotting.history import plot_history
from delssome.plotting.report import plot_report
from delssome.plotting.verification import plot_verification

__all__ = [
    "plot_ei_ratio",
    "plot_fc",
    "plot_fcd_cdf",
    "plot_history",
    "plot_report",
    "plot_verification",
]
