"""Figure of the course of a search and what verification made of it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted

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

__all__ = ["plot_history"]


MOST_MARKERS = 40  # generations of a restart that can be told apart


@styled
def plot_history(fitter, ax=None):
    """Plot the costs of all generations, the verified ones and the reported one.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    ax : matplotlib Axes, default=None
        Where to draw. None: a new figure, one column wide.

    Returns
    -------
    Axes
        A second vertical axis, behind, holds the share of candidates in range.
    """
    check_is_fitted(fitter)
    ax = new_axes(SINGLE, 2.6) if ax is None else ax
    history, verification = fitter.history_, fitter.verification_
    evaluations = history.n_evaluations
    popsize = np.diff(evaluations, prepend=0)

    behind = ax.twinx()
    ax.set_zorder(behind.get_zorder() + 1)
    ax.patch.set_visible(False)
    behind.bar(
        evaluations - popsize / 2,
        history.n_in_range / popsize,
        width=popsize,
        color=PALE,
        lw=0,
    )
    behind.set(ylim=(0, 1), yticks=(0, 0.5, 1))
    behind.set_ylabel("Share in range (bars)", color=GREY)
    behind.tick_params(colors=GREY)
    behind.spines["right"].set(visible=True, color=GREY)

    for restart in np.unique(history.restart):
        of = history.restart == restart
        first = restart == history.restart[0]
        few = np.count_nonzero(of) <= MOST_MARKERS
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

    where = _evaluations_of(verification, history)
    for wanted, marker, label in (
        (verification.in_range, "o", "verified"),
        (~verification.in_range, "x", "verified, out of range"),
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
    reported = f"reported {fitter.cost_:.2f}"
    ax.axhline(fitter.cost_, color=ACCENT, lw=0.9, ls="-.", label=reported)
    ax.set(xlabel="Evaluations", ylabel="Total cost", xlim=(0, 1.02 * evaluations[-1]))
    ax.locator_params(axis="x", nbins=4)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.2)
    return ax


def _evaluations_of(verification, history):
    """Give the running count at which each finalist had been evaluated."""
    same = (verification.restart[:, None] == history.restart) & (
        verification.generation[:, None] == history.generation
    )
    return history.n_evaluations[same.argmax(axis=1)]
