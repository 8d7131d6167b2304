"""One figure that tells the whole fit."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from delssome.fitting import MeanFieldFitter
from delssome.plotting.fc import FCDisplay
from delssome.plotting.fcd import FCDDisplay
from delssome.plotting.history import HistoryDisplay
from delssome.plotting.readout import ReadoutDisplay
from delssome.plotting.source import check_estimator
from delssome.plotting.style import DOUBLE, new_figure, styled
from delssome.plotting.verification import VerificationDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_report"]

MOST_NAMES = 24  # region names that can be read in this figure


@styled
def plot_report(
    fitter: MeanFieldFitter,
    figure: "Figure | None" = None,
    *,
    region_names: Sequence[str] | None = None,
    truth: ArrayLike | None = None,
) -> "Figure":
    """Plot FC, FCD, search, verification and readout of a fit in one figure.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    figure : matplotlib Figure, default=None
        Where to draw. None: a new figure, two columns wide.
    region_names : sequence of str of length n_rois, default=None
        Labels of the regions, shown if there are at most 24.
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data, such as its E/I ratio.

    Returns
    -------
    Figure
    """
    check_estimator(fitter, MeanFieldFitter)
    if figure is None:
        figure = new_figure(DOUBLE, 7.4)
    rows: Any = figure.subfigures(3, 1, height_ratios=(2.2, 2.5, 2.7))
    top, middle, bottom = rows
    fc = FCDisplay.from_estimator(fitter, figure=top)
    fcd, history = middle.subplots(1, 2)
    FCDDisplay.from_estimator(fitter, ax=fcd)
    HistoryDisplay.from_estimator(fitter, ax=history)
    verification, readout = bottom.subplots(1, 2)
    VerificationDisplay.from_estimator(fitter, ax=verification)
    if region_names is not None and len(region_names) > MOST_NAMES:
        region_names = None
    ReadoutDisplay.from_estimator(
        fitter, region_names=region_names, truth=truth, ax=readout
    )
    panels = (*fc.axes_[:3], fcd, history, verification, readout)
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
