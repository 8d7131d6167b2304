"""Figure of what a search said of its finalists and what simulation says."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import Bunch

from delssome.fitting import MeanFieldFitter
from delssome.plotting.source import check_estimator
from delssome.plotting.style import ACCENT, DARK, GREY, SINGLE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["VerificationDisplay"]


class VerificationDisplay:
    """The finalists' cost in the search against their cost simulated afresh.

    Parameters
    ----------
    verification : Bunch
        ``verification_`` of a :class:`~delssome.MeanFieldFitter`. Of a model that
        bounds no rate it has no ``rate_min``, and no range is spoken of.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes
        Points above the dashed line cost more than the search believed. Finalists
        that diverged have no cost and are counted in the title.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sklearn.utils import Bunch
    >>> from delssome.plotting import VerificationDisplay
    >>> table = Bunch(  # fitter.verification_
    ...     predicted_total=np.array([0.61, 0.63, 0.66]),
    ...     simulated_total=np.array([0.64, 0.62, 0.70]),
    ...     in_range=np.array([True, True, False]),
    ...     selected=np.array([False, True, False]),
    ... )
    >>> display = VerificationDisplay(table).plot()
    >>> plt.close(display.figure_)
    """

    def __init__(self, verification: Bunch) -> None:
        self.verification = verification

    @classmethod
    def from_estimator(
        cls, fitter: MeanFieldFitter, *, ax: "Axes | None" = None
    ) -> Self:
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
    def plot(self, ax: "Axes | None" = None) -> Self:
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
        shown = np.isfinite(table.predicted_total) & np.isfinite(table.simulated_total)
        self._draw_finalists(ax, shown)
        if shown.any():
            values = np.concatenate(
                [table.predicted_total[shown], table.simulated_total[shown]]
            )
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

    def _draw_finalists(self, ax: "Axes", shown: np.ndarray) -> None:
        table = self.verification
        bounded = "rate_min" in table
        inside, outside = (
            ("in range", "out of range")
            if bounded
            else (
                "finalists",
                "diverged in part",
            )
        )
        circle: dict[str, Any] = {"marker": "o", "mec": DARK, "mfc": "white"}
        cross: dict[str, Any] = {"marker": "x", "mec": DARK}
        ring: dict[str, Any] = {"marker": "o", "mec": ACCENT, "mfc": "none", "ms": 9}
        for wanted, style, label in (
            (table.in_range, circle, inside),
            (~table.in_range, cross, outside),
            (table.selected, ring, "selected"),
        ):
            wanted = wanted & shown
            if wanted.any():
                ax.plot(
                    table.predicted_total[wanted],
                    table.simulated_total[wanted],
                    ls="",
                    label=label,
                    **style,
                )
