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
    """Held-out costs of models, fold by fold, and what each costs beyond the best.

    Parameters
    ----------
    comparison : ModelComparison

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : ndarray of Axes, shape (2,)
        Left, a line joins the costs of one fold, and crosses are winners that left the
        plausible range. Right, intervals that reach the dashed line belong to models
        that the data do not tell from the best.
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
        order = np.argsort(found.totals.mean(axis=1), kind="stable")
        if figure is None:
            figure = new_figure(DOUBLE, 1.2 + 0.3 * len(order))
        costs, beyond = figure.subplots(1, 2, sharey=True)
        self._draw_folds(costs, order)
        self._draw_differences(beyond, order)
        names = [found.names[k] for k in order]
        costs.set_yticks(range(len(order)), names)
        costs.set(ylim=(len(order) - 0.5, -0.5))
        figure.suptitle(found.says(), fontsize="medium")
        self.figure_, self.axes_ = figure, np.array([costs, beyond])
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
        ax.set(xlabel=f"Beyond {found.lowest}, {found.level:.0%} intervals")
        ax.tick_params(axis="y", length=0)
