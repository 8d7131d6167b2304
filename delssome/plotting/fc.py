"""Figure of the empirical and the simulated functional connectivity."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted

from delssome.connectome import matrix_to_edges
from delssome.plotting.style import (
    DARK,
    DOUBLE,
    GREY,
    correlation,
    new_figure,
    styled,
)

__all__ = ["plot_fc"]


@styled
def plot_fc(fitter, figure=None):
    """Plot empirical and simulated FC side by side, and edge against edge.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    figure : matplotlib Figure or SubFigure, default=None
        Where to draw. None: a new figure, two columns wide.

    Returns
    -------
    Figure or SubFigure
        Axes: empirical matrix, simulated matrix, scatter of edges, colour bar.
    """
    check_is_fitted(fitter)
    if figure is None:
        figure = new_figure(DOUBLE, 2.2)
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 0.95))
    empirical, simulated = map(matrix_to_edges, (fitter.fc_, fitter.fc_simulated_))
    limit = max(np.abs(empirical).max(), np.abs(simulated).max())
    for ax, matrix, title in zip(
        axes,
        (fitter.fc_, fitter.fc_simulated_),
        ("Empirical FC", "Simulated FC"),
        strict=False,
    ):
        shown = np.ma.array(matrix, mask=np.eye(len(matrix), dtype=bool))
        image = ax.imshow(
            shown, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
        )
        ax.set(title=title, xlabel="Region", xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    axes[0].set_ylabel("Region")
    figure.colorbar(image, ax=axes[:2].tolist(), shrink=0.8, label="Correlation")

    ax = axes[2]
    size = np.clip(800 / len(empirical), 1.5, 10)
    ax.scatter(
        empirical, simulated, s=size, color=DARK, alpha=0.5, lw=0, rasterized=True
    )
    _identity(ax, np.concatenate([empirical, simulated]))
    gap = simulated.mean() - empirical.mean()
    ax.set(
        xlabel="Empirical FC",
        ylabel="Simulated FC",
        title=f"r = {correlation(empirical, simulated):.2f}, mean diff. {gap:+.2f}",
    )
    return figure


def _identity(ax, values):
    low, high = values.min(), values.max()
    margin = 0.04 * (high - low)
    limits = (low - margin, high + margin)
    ax.plot(limits, limits, color=GREY, ls="--", lw=0.8, zorder=0)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.locator_params(nbins=5)
