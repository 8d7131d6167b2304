"""Figure of the course of a search and what verification made of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from delssome.fitting import MeanFieldFitter
from delssome.plotting.source import check_estimator
from delssome.plotting.style import (
    ACCENT,
    DARK,
    GREY,
    LIGHT,
    PALE,
    SINGLE,
    new_axes,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HistoryDisplay"]

MOST_MARKERS = 40  # generations of a restart that can be told apart


class HistoryDisplay:
    """Costs of all generations, the verified ones and the reported one.

    Parameters
    ----------
    history, verification : Bunch
        ``history_`` and ``verification_`` of a :class:`~delssome.MeanFieldFitter`.
    cost : float
        What is reported, ``cost_``.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes
        A second vertical axis, behind, holds the share of candidates in range. Of a
        model that bounds no rate (`verification` has no ``rate_min``) these are the
        stable ones, and the axis is left out if all are.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from delssome import CMAES, Acquisition, MeanFieldFitter
    >>> from delssome.datasets import make_cohort
    >>> from delssome.plotting import HistoryDisplay
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=1, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     surrogate=None, acquisition=scan, search=CMAES(popsize=8, max_iter=2),
    ...     random_state=0,
    ... ).fit(cohort.X)
    >>> display = HistoryDisplay.from_estimator(fitter)
    >>> display.ax_.get_xlabel()
    'Evaluations'
    >>> plt.close(display.figure_)
    """

    def __init__(self, history: Bunch, verification: Bunch, cost: float) -> None:
        self.history = history
        self.verification = verification
        self.cost = cost

    @classmethod
    def from_estimator(
        cls, fitter: MeanFieldFitter, *, ax: "Axes | None" = None
    ) -> Self:
        """Plot the search of a fit.

        Parameters
        ----------
        fitter : MeanFieldFitter
            Fitted.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure, one column wide.

        Returns
        -------
        HistoryDisplay
        """
        check_estimator(fitter, MeanFieldFitter)
        return cls(fitter.history_, fitter.verification_, fitter.cost_).plot(ax)

    @styled
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure, one column wide.

        Returns
        -------
        HistoryDisplay
        """
        ax = new_axes(SINGLE, 2.6) if ax is None else ax
        evaluations = self.history.n_evaluations
        self._draw_share(ax)
        self._draw_restarts(ax)
        self._draw_verified(ax)
        reported = f"reported {self.cost:.2f}"
        ax.axhline(self.cost, color=ACCENT, lw=0.9, ls="-.", label=reported)
        ax.set(
            xlabel="Evaluations", ylabel="Total cost", xlim=(0, 1.02 * evaluations[-1])
        )
        ax.locator_params(axis="x", nbins=4)
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.2
        )
        self.figure_, self.ax_ = ax.figure, ax
        return self

    @property
    def _is_bounded(self) -> bool:
        return "rate_min" in self.verification

    def _draw_share(self, ax: "Axes") -> None:
        """Draw bars behind: how many candidates of a generation are in range."""
        evaluations = self.history.n_evaluations
        popsize = np.diff(evaluations, prepend=0)
        share = self.history.n_in_range / popsize
        if not self._is_bounded and (share == 1).all():
            return
        behind = ax.twinx()
        ax.set_zorder(behind.get_zorder() + 1)
        ax.patch.set_visible(False)
        behind.bar(evaluations - popsize / 2, share, width=popsize, color=PALE, lw=0)
        behind.set(ylim=(0, 1), yticks=(0, 0.5, 1))
        what = "in range" if self._is_bounded else "stable"
        behind.set_ylabel(f"Share {what} (bars)", color=GREY)
        behind.tick_params(colors=GREY)
        behind.spines["right"].set(visible=True, color=GREY)

    def _draw_restarts(self, ax: "Axes") -> None:
        """Draw the best and the median of every generation, restart after restart."""
        history, evaluations = self.history, self.history.n_evaluations
        popsize = np.diff(evaluations, prepend=0)
        # A search that comes back to a restart starts a line anew.
        changes = np.flatnonzero(np.diff(history.restart)) + 1
        for of in np.split(np.arange(len(history.restart)), changes):
            first = of[0] == 0
            few = len(of) <= MOST_MARKERS
            ax.plot(
                evaluations[of],
                history.best_total[of],
                color=DARK,
                marker="." if few else None,
                label="best, searched" if first else None,
            )
            ax.plot(
                evaluations[of],
                history.median_total[of],
                color=LIGHT,
                ls="--",
                label="median, searched" if first else None,
            )
            if not first:
                start = evaluations[of][0] - popsize[of][0]
                ax.axvline(start, color=GREY, ls=":", lw=0.8)

    def _draw_verified(self, ax: "Axes") -> None:
        """Draw the simulated costs of the finalists where they were found."""
        verification = self.verification
        where = _evaluations_of(verification, self.history)
        outside = "out of range" if self._is_bounded else "diverged"
        for wanted, marker, label in (
            (verification.in_range, "o", "verified"),
            (~verification.in_range, "x", f"verified, {outside}"),
        ):
            if wanted.any():
                ax.plot(
                    where[wanted],
                    verification.simulated_total[wanted],
                    ls="",
                    marker=marker,
                    mfc="white",
                    mec=ACCENT,
                    label=label,
                )


def _evaluations_of(verification: Bunch, history: Bunch) -> NDArray[np.int64]:
    """Give the running count at which each finalist had been evaluated."""
    same = (verification.restart[:, None] == history.restart) & (
        verification.generation[:, None] == history.generation
    )
    return history.n_evaluations[same.argmax(axis=1)]
