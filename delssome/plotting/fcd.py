"""Figure of the empirical and the simulated FCD distribution."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted

from delssome.plotting.style import ACCENT, DARK, LIGHT, SINGLE, new_axes, styled

__all__ = ["plot_fcd_cdf"]


@styled
def plot_fcd_cdf(fitter, ax=None):
    """Plot both cumulative FCD distributions and the largest gap between them.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    ax : matplotlib Axes, default=None
        Where to draw. None: a new figure, one column wide.

    Returns
    -------
    Axes
        The gap is the Kolmogorov-Smirnov distance, the cost term ``fcd_ks``.
    """
    check_is_fitted(fitter)
    ax = new_axes(SINGLE, 2.4) if ax is None else ax
    empirical, simulated = fitter.fcd_cdf_, fitter.fcd_cdf_simulated_
    # An entry of the CDF counts all values below the upper edge of its bin.
    edges = np.linspace(-1, 1, len(empirical) + 1)[1:]
    ax.plot(edges, empirical, color=DARK, label="empirical")
    ax.plot(edges, simulated, color=LIGHT, ls="--", label="simulated")

    widest = int(np.argmax(np.abs(simulated - empirical)))
    ends = sorted((empirical[widest], simulated[widest]))
    where, gap = edges[widest], ends[1] - ends[0]
    ax.plot([where] * 2, ends, color=ACCENT, marker="_", lw=1, label=f"KS = {gap:.2f}")

    low = min(np.searchsorted(cdf, 0.002) for cdf in (empirical, simulated))
    high = max(np.searchsorted(cdf, 0.998) for cdf in (empirical, simulated))
    margin = 0.05 * (edges[high] - edges[low])
    ax.set(
        xlim=(max(edges[low] - margin, -1.02), min(edges[high] + margin, 1.02)),
        ylim=(-0.03, 1.03),
        xlabel="FCD (correlation between windows)",
        ylabel="Cumulative share",
    )
    ax.legend(loc="best", handlelength=2.2)
    return ax
