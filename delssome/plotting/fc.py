"""Figure of the empirical and the simulated functional connectivity."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome import matrix_to_edges
from delssome.plotting.grouping import groups_of, in_groups
from delssome.plotting.source import (
    Fitted,
    check_alike,
    check_estimator,
    check_of_regions,
    empirical_and_simulated,
)
from delssome.plotting.style import (
    DARK,
    DOUBLE,
    GREY,
    correlation,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["FCDisplay"]

MANY = 5000  # edges of which points would hide each other


class FCDisplay:
    """Empirical and simulated FC side by side, and edge against edge.

    Parameters
    ----------
    fc, fc_simulated : array-like of shape (n_rois, n_rois)
    region_names : sequence of str of length n_rois, default=None
        By whose networks, lobes or sides regions are put together, if they tell any.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : tuple of four Axes
        Empirical matrix, simulated matrix, edge against edge (points, or of many their
        density, darker where there are more), colour bar.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.observables import fc_matrix
    >>> from delssome.plotting import FCDisplay
    >>> fc, fc_simulated = fc_matrix(np.random.default_rng(0).normal(size=(2, 60, 4)))
    >>> display = FCDisplay(fc, fc_simulated).plot()
    >>> len(display.axes_)
    4
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        fc: ArrayLike,
        fc_simulated: ArrayLike,
        *,
        region_names: Sequence[str] | None = None,
    ) -> None:
        self.fc, self.fc_simulated = check_alike(2, fc=fc, fc_simulated=fc_simulated)
        check_of_regions(len(self.fc), region_names=region_names)
        self.region_names = region_names

    @classmethod
    def from_estimator(
        cls,
        fitter: Fitted,
        X: ArrayLike | None = None,
        *,
        region_names: Sequence[str] | None = None,
        figure: "Figure | SubFigure | None" = None,
    ) -> Self:
        """Plot what a fit found.

        Parameters
        ----------
        fitter : MeanFieldFitter or MeanFieldPosterior
            Fitted.
        X : array-like of shape (n_subjects, n_features), default=None
            Other subjects to compare with, averaged as a group and simulated with
            their own connectome. None: those of the fit.
        region_names : sequence of str of length n_rois, default=None
            As above.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, two columns wide.

        Returns
        -------
        FCDisplay
        """
        check_estimator(fitter)
        fcs = empirical_and_simulated(fitter, X)[0]
        return cls(*fcs, region_names=region_names).plot(figure)

    @styled
    def plot(self, figure: "Figure | SubFigure | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            None: a new figure, two columns wide.

        Returns
        -------
        FCDisplay
        """
        figure = new_figure(DOUBLE, 2.2) if figure is None else figure
        axes = figure.subplots(1, 3, width_ratios=(1, 1, 0.95))
        empirical, simulated = map(matrix_to_edges, (self.fc, self.fc_simulated))
        limit = max(np.abs(empirical).max(), np.abs(simulated).max())
        names = [] if self.region_names is None else list(map(str, self.region_names))
        groups = groups_of(names) if names else None
        rows = None if groups is None else in_groups(groups)
        for ax, matrix, title in (
            (axes[0], self.fc, "Empirical FC"),
            (axes[1], self.fc_simulated, "Simulated FC"),
        ):
            if rows is not None:
                matrix = matrix[np.ix_(rows.order, rows.order)]
            shown = np.ma.array(matrix, mask=np.eye(len(matrix), dtype=bool))
            image = ax.imshow(
                shown, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
            )
            ax.set(title=title, xlabel="Region", xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
            for start in () if rows is None else rows.starts:
                ax.axhline(start - 0.5, color="k", lw=0.4)
                ax.axvline(start - 0.5, color="k", lw=0.4)
        if rows is None:
            axes[0].set_ylabel("Region")
        else:
            axes[0].set_yticks(rows.places, rows.labels, fontsize=6)
            axes[0].tick_params(axis="y", length=0)
        bar = figure.colorbar(
            image, ax=axes[:2].tolist(), shrink=0.8, label="Correlation"
        )

        ax = axes[2]
        if len(empirical) > MANY:
            _density(ax, empirical, simulated)
        else:
            size = np.clip(800 / len(empirical), 1.5, 10)
            how: dict[str, Any] = {"color": DARK, "alpha": 0.5, "rasterized": True}
            ax.scatter(empirical, simulated, s=size, lw=0, **how)
        _identity(ax, np.concatenate([empirical, simulated]))
        gap = simulated.mean() - empirical.mean()
        ax.set(
            xlabel="Empirical FC",
            ylabel="Simulated FC",
            title=f"r = {correlation(empirical, simulated):.2f}, mean diff. {gap:+.2f}",
        )
        self.figure_, self.axes_ = figure, (*axes, bar.ax)
        return self


def _density(
    ax: "Axes", empirical: NDArray[np.float64], simulated: NDArray[np.float64]
) -> None:
    """Draw how many edges there are, from white, where points would hide each other."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("edges", ["0.85", DARK])
    ax.hexbin(
        empirical,
        simulated,
        gridsize=45,
        mincnt=1,
        bins="log",
        cmap=shades,
        lw=0.1,
        rasterized=True,
    )


def _identity(ax: "Axes", values: NDArray[np.float64]) -> None:
    """Draw where both are equal, on axes of equal length."""
    low, high = values.min(), values.max()
    margin = 0.04 * (high - low)
    limits = (low - margin, high + margin)
    ax.plot(limits, limits, color=GREY, ls="--", lw=0.8, zorder=0)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.locator_params(nbins=5)
