"""One figure that tells the whole fit."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from sklearn.utils.validation import check_is_fitted

from delssome.plotting.ei_ratio import plot_ei_ratio
from delssome.plotting.fc import plot_fc
from delssome.plotting.fcd import plot_fcd_cdf
from delssome.plotting.history import plot_history
from delssome.plotting.style import DOUBLE, new_figure, styled
from delssome.plotting.verification import plot_verification

__all__ = ["plot_report"]

MOST_NAMES = 24  # region names that can be read in this figure


@styled
def plot_report(fitter, figure=None, *, region_names=None, truth=None):
    """Plot FC, FCD, search, verification and E/I ratio of a fit in one figure.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    figure : matplotlib Figure, default=None
        Where to draw. None: a new figure, two columns wide.
    region_names : sequence of str of length n_rois, default=None
        Labels of the regions, shown if there are at most 24.
    truth : array-like of shape (n_rois,), default=None
        Known E/I ratio of simulated data.

    Returns
    -------
    Figure
    """
    check_is_fitted(fitter)
    if figure is None:
        figure = new_figure(DOUBLE, 7.4)
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(2.2, 2.5, 2.7))
    plot_fc(fitter, top)
    fcd, history = middle.subplots(1, 2)
    plot_fcd_cdf(fitter, fcd)
    plot_history(fitter, history)
    verification, ei_ratio = bottom.subplots(1, 2)
    plot_verification(fitter, verification)
    if region_names is not None and len(region_names) > MOST_NAMES:
        region_names = None
    plot_ei_ratio(fitter, ei_ratio, region_names=region_names, truth=truth)
    panels = (*top.axes[:3], fcd, history, verification, ei_ratio)
    for letter, ax in zip("abcdefg", panels, strict=True):
        ax.annotate(
            letter,
            (0, 1),
            (-18, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            ha="center",
        )
    return figure
