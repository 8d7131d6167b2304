"""Figure of models compared in data that they were not fitted to."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING, Self

import numpy as np

from delssome.fitting import ModelComparison
from delssome.plotting.style import (
    ACCENT,
    DARK,
    DOUBLE,
    GREY,
    LIGHT,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["ComparisonDisplay"]


class ComparisonDisplay:
    """How well models explain held-out data, and how much worse than the best each is.

    Parameters
    ----------
    comparison : ModelComparison

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : ndarray of Axes, shape (2,)
        Left, costs, where they were simulated: a line joins those of one fold, and
        crosses are winners that left the plausible range; otherwise what models leave
        unexplained of the FC of held-out subjects. Right, what decides: intervals that
        reach the dashed line belong to models that the data do not tell from the best.

    Examples
    --------
    ::

        found = compare_models([FIC(), MFM()], X)
        ComparisonDisplay(found).plot().figure_.savefig("models.png")
    """

    def __init__(self, comparison: ModelComparison) -> None:
        if not isinstance(comparison, ModelComparison):
            raise TypeError(
                "comparison must be what compare_models gives, got "
                f"{type(comparison).__name__}."
            )
        self.comparison = comparison

    @styled
    def plot(self, figure: "Figure | SubFigure | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, two columns wide.

        Returns
        -------
        ComparisonDisplay
        """
        found = self.comparison
        order = found.order
        if figure is None:
            figure = new_figure(DOUBLE, 1.2 + 0.3 * len(order))
        held_out, beyond = figure.subplots(1, 2, sharey=True)
        if np.isnan(found.costs).all():
            self._draw_unexplained(held_out, order)
        else:
            self._draw_folds(held_out, order)
        self._draw_differences(beyond, order)
        names = [found.names[k] for k in order]
        held_out.set_yticks(range(len(order)), names)
        held_out.set(ylim=(len(order) - 0.5, -0.5))
        figure.suptitle(found.says(), fontsize="medium")
        self.figure_, self.axes_ = figure, np.array([held_out, beyond])
        return self

    def _draw_folds(self, ax: "Axes", order: np.ndarray) -> None:
        totals = self.comparison.totals[order]
        totals = np.where(np.isfinite(totals), totals, np.nan)
        inside = self.comparison.in_range[order]
        rows = np.arange(len(order))
        ax.plot(totals, rows, color=LIGHT, lw=0.6, zorder=1)
        y = np.broadcast_to(rows[:, None], totals.shape)
        ax.plot(totals[inside], y[inside], ls="", marker="o", ms=3.5, mfc="w", mec=DARK)
        ax.plot(totals[~inside], y[~inside], ls="", marker="x", color=ACCENT)
        ax.vlines(np.nanmean(totals, axis=1), rows - 0.25, rows + 0.25, color=DARK)
        ax.set(xlabel="Held-out cost, one point a fold")

    def _draw_unexplained(self, ax: "Axes", order: np.ndarray) -> None:
        left = self.comparison.unexplained[order]
        rows = np.arange(len(order))
        y = np.broadcast_to(rows[:, None], left.shape)
        ax.plot(left, y, ls="", marker="o", ms=3.5, mfc="w", mec=DARK)
        ax.vlines(np.nanmean(left, axis=1), rows - 0.25, rows + 0.25, color=DARK)
        ax.axvline(1.0, color=ACCENT, ls="--", lw=0.8, zorder=0)
        ax.set(xlabel="Unexplained, one point a subject (1: noise)")

    def _draw_differences(self, ax: "Axes", order: np.ndarray) -> None:
        found = self.comparison
        ordered = (x[order] for x in found.differences())
        for row, (difference, low, high) in enumerate(zip(*ordered, strict=True)):
            if row and np.isfinite(difference):
                if np.isfinite(low):
                    ax.hlines(row, low, high, color=GREY, lw=1.0, zorder=1)
                face = DARK if low > 0 else "white"
                ax.plot(difference, row, marker="o", mec=DARK, mfc=face)
        ax.axvline(0.0, color=ACCENT, ls="--", lw=0.8, zorder=0)
        what = "cost" if found.criterion == "cost" else "nats a subject"
        ax.set(
            xlabel=f"Worse than {found.lowest} ({what}), {found.level:.0%} intervals"
        )
        ax.tick_params(axis="y", length=0)
