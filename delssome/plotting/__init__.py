"""Figures of fits and of studies, one function each, at paper size."""

from delssome.plotting.ei_ratio import plot_ei_ratio
from delssome.plotting.fc import plot_fc
from delssome.plotting.fcd import plot_fcd_cdf
from delssome.plotting.history import plot_history
from delssome.plotting.report import plot_report
from delssome.plotting.study import (
    plot_age,
    plot_centiles,
    plot_effects,
    plot_map_correlation,
    plot_retest,
)
from delssome.plotting.verification import plot_verification

__all__ = [
    "plot_age",
    "plot_centiles",
    "plot_effects",
    "plot_ei_ratio",
    "plot_fc",
    "plot_fcd_cdf",
    "plot_history",
    "plot_map_correlation",
    "plot_report",
    "plot_retest",
    "plot_verification",
]
