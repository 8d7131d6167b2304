"""Figure of what a search said of its finalists and what simulation says."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.fitting import MeanFieldFitter
from delssome.plotting.source import check_estimator
from delssome.plotting.style import ACCENT, DARK, GREY, SINGLE, new_axes, styled

__all__ = ["VerificationDisplay"]


class VerificationDisplay:
    """The finalists' cost in the search against their cost simulated afresh.

    Parameters
    ----------
    verification : Bunch
        ``verification_`` of a :class:`~delssome.MeanFieldFitter`.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes
        Points above the dashed line cost more than the search believed. Finalists
        that diverged have no cost and are counted in the title.
    """

    def __init__(self, verification):
        self.verification = verification

    @classmethod
    def from_estimator(cls, fitter, *, ax=None):
        """Plot the finalists of a fit.

        Parameters
        ----------
        fitter : MeanFieldFitter
            Fitted.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure, one column wide.

        Returns
        -------
        VerificationDisplay
        """
        check_estimator(fitter, MeanFieldFitter)
        return cls(fitter.verification_).plot(ax)

    @styled
    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure, one column wide.

        Returns
        -------
        VerificationDisplay
        """
        ax = new_axes(SINGLE, 2.9) if ax is None else ax
        table = self.verification
        predicted, simulated = table.predicted_total, table.simulated_total
        shown = np.isfinite(predicted) & np.isfinite(simulated)
        for wanted, style, label in (
            (table.in_range, {"marker": "o", "mfc": "white"}, "in range"),
            (~table.in_range, {"marker": "x"}, "out of range"),
            (table.selected, {"marker": "o", "ms": 9, "mfc": "none"}, "selected"),
        ):
            wanted = wanted & shown
            if wanted.any():
                colour = ACCENT if label == "selected" else DARK
                ax.plot(
                    predicted[wanted],
                    simulated[wanted],
                    ls="",
                    label=label,
                    **{"mec": colour, **style},
                )
        if shown.any():
            values = np.concatenate([predicted[shown], simulated[shown]])
            margin = max(0.08 * np.ptp(values), 0.01)
            limits = (values.min() - margin, values.max() + margin)
            ax.plot(
                limits, limits, color=GREY, ls="--", lw=0.8, zorder=0, label="equal"
            )
            ax.set(xlim=limits, ylim=limits)
            ax.legend(loc="best", handletextpad=0.4)
        ax.set(xlabel="Total cost in the search", ylabel="Total cost, simulated afresh")
        ax.set_box_aspect(1)
        ax.locator_params(nbins=5)
        if not shown.all():
            ax.set_title(f"{np.count_nonzero(~shown)} of {len(shown)} diverged")
        self.figure_, self.ax_ = ax.figure, ax
        return self
