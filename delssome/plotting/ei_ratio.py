"""Figure of the regional excitation/inhibition ratio."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted

from delssome.plotting.style import (
    DARK,
    GREY,
    PALE,
    SINGLE,
    correlation,
    new_axes,
    styled,
)

__all__ = ["plot_ei_ratio"]


@styled
def plot_ei_ratio(fitter, ax=None, *, region_names=None, truth=None):
    """Plot the E/I ratio of all regions, sorted, or against the truth.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    ax : matplotlib Axes, default=None
        Where to draw. None: a new figure, one column wide, with height for all
        names.
    region_names : sequence of str of length n_rois, default=None
        Labels of the regions. None: only their order.
    truth : array-like of shape (n_rois,), default=None
        Known E/I ratio of simulated data, against which the recovered one is
        plotted.

    Returns
    -------
    Axes
    """
    check_is_fitted(fitter)
    n_rois = len(fitter.ei_ratio_)
    if truth is not None:
        truth = np.asarray(truth, dtype=np.float64)
        if truth.shape != (n_rois,):
            raise ValueError(
                f"truth must hold one value for each of the {n_rois} regions, "
                f"got shape {truth.shape}."
            )
        ax = new_axes(SINGLE, 2.9) if ax is None else ax
        return _against_truth(ax, fitter.ei_ratio_, truth)
    if region_names is not None and len(region_names) != n_rois:
        raise ValueError(
            f"region_names must hold one name for each of the {n_rois} regions, "
            f"got {len(region_names)}."
        )
    if ax is None:
        height = 2.6 if region_names is None else max(2.0, 0.6 + 0.115 * n_rois)
        ax = new_axes(SINGLE, height)
    return _sorted(ax, fitter.ei_ratio_, region_names)


def _sorted(ax, ei_ratio, region_names):
    order = np.argsort(ei_ratio, kind="stable")
    rows, mean = np.arange(len(order)), ei_ratio.mean()
    ax.axvline(mean, color=GREY, ls="--", lw=0.8, label=f"mean {mean:.2f}")
    ax.hlines(rows, mean, ei_ratio[order], color=PALE, lw=1.5, zorder=0)
    ax.plot(ei_ratio[order], rows, ls="", marker="o", ms=3, color=DARK)
    ax.set(xlabel="E/I ratio", ylim=(-1, len(order)))
    if region_names is None:
        ax.set(ylabel="Region, sorted", yticks=[])
    else:
        ax.set_yticks(rows, [region_names[k] for k in order], fontsize=6)
        ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower right")
    return ax


def _against_truth(ax, ei_ratio, truth):
    ax.plot(truth, ei_ratio, ls="", marker="o", mfc="white", mec=DARK)
    values = np.concatenate([truth, ei_ratio])
    margin = 0.06 * np.ptp(values)
    limits = (values.min() - margin, values.max() + margin)
    ax.plot(limits, limits, color=GREY, ls="--", lw=0.8, zorder=0, label="equal")
    ax.set(
        xlim=limits,
        ylim=limits,
        xlabel="True E/I ratio",
        ylabel="Recovered E/I ratio",
        title=f"r = {correlation(truth, ei_ratio):.2f} over {len(truth)} regions",
    )
    ax.set_box_aspect(1)
    ax.locator_params(nbins=5)
    ax.legend(loc="lower right")
    return ax
