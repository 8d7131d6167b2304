"""One figure that tells the whole fit."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from delssome.fitting import MeanFieldPosterior
from delssome.plotting.fc import FCDisplay
from delssome.plotting.fcd import FCDDisplay
from delssome.plotting.history import HistoryDisplay
from delssome.plotting.posterior import PosteriorDisplay
from delssome.plotting.readout import ReadoutDisplay
from delssome.plotting.source import Fitted, check_estimator
from delssome.plotting.style import DOUBLE, new_figure, styled
from delssome.plotting.verification import VerificationDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_report"]


@styled
def plot_report(
    fitter: Fitted,
    figure: "Figure | None" = None,
    *,
    region_names: Sequence[str] | None = None,
    truth: ArrayLike | None = None,
) -> "Figure":
    """Plot FC, FCD, search, verification and readout of a fit in one figure.

    Of a posterior, the mean and all coefficients before and after the data stand in
    place of search and verification.

    Parameters
    ----------
    fitter : MeanFieldFitter or MeanFieldPosterior
        Fitted.
    figure : matplotlib Figure, default=None
        Where to draw. None: a new figure, two columns wide.
    region_names : sequence of str of length n_rois, default=None
        Labels of the regions, or where there is no room, of what they tell: network,
        lobe or side.
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data, such as its E/I ratio.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from delssome import CMAES, Acquisition, MeanFieldFitter
    >>> from delssome.datasets import make_cohort
    >>> from delssome.plotting import plot_report
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=1, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     surrogate=None, acquisition=scan, search=CMAES(popsize=8, max_iter=2),
    ...     random_state=0,
    ... ).fit(cohort.X)
    >>> figure = plot_report(fitter)  # figure.savefig("report.png")
    >>> plt.close(figure)
    """
    check_estimator(fitter)
    if figure is None:
        figure = new_figure(DOUBLE, 7.4)
    rows: Any = figure.subfigures(3, 1, height_ratios=(2.2, 2.5, 2.7))
    top, middle, bottom = rows
    fc = FCDisplay.from_estimator(fitter, region_names=region_names, figure=top)
    if isinstance(fitter, MeanFieldPosterior):
        fcd, readout = middle.subplots(1, 2)
        more = PosteriorDisplay.from_estimator(fitter, figure=bottom).axes_
        panels = (*fc.axes_[:3], fcd, readout, *more)
    else:
        fcd, history = middle.subplots(1, 2)
        HistoryDisplay.from_estimator(fitter, ax=history)
        verification, readout = bottom.subplots(1, 2)
        VerificationDisplay.from_estimator(fitter, ax=verification)
        panels = (*fc.axes_[:3], fcd, history, verification, readout)
    FCDDisplay.from_estimator(fitter, ax=fcd)
    ReadoutDisplay.from_estimator(
        fitter, region_names=region_names, truth=truth, ax=readout
    )
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
