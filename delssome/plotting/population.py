"""Figure of a population: the E/I map of every subject, and how well each is fitted."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.fitting import PopulationFitter
from delssome.plotting.source import check_estimator
from delssome.plotting.style import ACCENT, DARK, DOUBLE, GREY, new_figure, styled

__all__ = ["PopulationDisplay"]


class PopulationDisplay:
    """E/I maps of all fits as an image, and the costs of all fits.

    Parameters
    ----------
    ei_ratio : array-like of shape (n_fits, n_rois)
        Rows of NaN are fits that failed.
    cost : array-like of shape (n_fits,)
    in_range : array-like of bool, shape (n_fits,)
    networks : sequence of str of length n_rois, default=None
        Network of each region, by which regions are put together. None: regions are
        sorted by their mean over fits.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : tuple of three Axes
        Maps, costs, colour bar.

    See Also
    --------
    plot_age, plot_effects : Figures of the tables of :mod:`delssome.study`.
    """

    def __init__(self, ei_ratio, cost, in_range, *, networks=None):
        self.ei_ratio = np.asarray(ei_ratio, dtype=np.float64)
        self.cost = np.asarray(cost, dtype=np.float64)
        self.in_range = np.asarray(in_range, dtype=bool)
        n_rois = self.ei_ratio.shape[1]
        if networks is not None and np.shape(networks) != (n_rois,):
            raise ValueError(
                f"networks must hold one entry for each of the {n_rois} regions, got "
                f"shape {np.shape(networks)}."
            )
        self.networks = None if networks is None else np.asarray(networks)

    @classmethod
    def from_estimator(cls, population, *, networks=None, figure=None):
        """Plot the fits of a population.

        Parameters
        ----------
        population : PopulationFitter
            Fitted.
        networks : sequence of str of length n_rois, default=None
            Network of each region. None: regions are sorted by their mean.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, two columns wide.

        Returns
        -------
        PopulationDisplay
        """
        check_estimator(population, PopulationFitter)
        return cls(
            population.ei_ratio_,
            population.cost_,
            population.in_range_,
            networks=networks,
        ).plot(figure)

    @styled
    def plot(self, figure=None):
        """Draw.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            None: a new figure, two columns wide.

        Returns
        -------
        PopulationDisplay
        """
        figure = new_figure(DOUBLE, 2.8) if figure is None else figure
        maps, costs = figure.subplots(1, 2, width_ratios=(1.5, 1))
        known = np.isfinite(self.cost)
        self._draw_maps(maps, known)
        bar = figure.colorbar(maps.images[0], ax=maps, label="E/I ratio", shrink=0.85)

        rank = np.arange(np.count_nonzero(known))
        order = np.flatnonzero(known)[np.argsort(self.cost[known], kind="stable")]
        inside = self.in_range[order]
        for which, marker, colour, label in (
            (inside, "o", DARK, "in range"),
            (~inside, "x", ACCENT, "out of range"),
        ):
            if which.any():
                costs.plot(
                    rank[which],
                    self.cost[order][which],
                    ls="",
                    marker=marker,
                    mfc="white",
                    mec=colour,
                    label=f"{label}: {np.count_nonzero(which)}",
                )
        if len(rank):
            median = np.median(self.cost[known])
            costs.axhline(
                median, color=GREY, ls="--", lw=0.8, label=f"median {median:.2f}"
            )
            costs.legend(loc="upper left")
        costs.set(xlabel="Fit, sorted by cost", ylabel="Total cost, simulated")
        costs.xaxis.get_major_locator().set_params(integer=True)
        n_failed = np.count_nonzero(~known)
        if n_failed:
            costs.set_title(f"{n_failed} of {len(known)} fits failed")
        self.figure_, self.axes_ = figure, (maps, costs, bar.ax)
        return self

    def _draw_maps(self, ax, known):
        mean = self.ei_ratio[known].mean(axis=0)
        if self.networks is None:
            order = np.argsort(mean, kind="stable")
            ax.set(xlabel="Region, sorted by its mean", xticks=[])
        else:
            order = np.lexsort((mean, self.networks))
            names, first = np.unique(self.networks[order], return_index=True)
            ends = np.append(first[1:], len(order))
            ax.set_xticks((first + ends - 1) / 2, names, rotation=45, ha="right")
            ax.tick_params(axis="x", length=0)
            for start in first[1:]:
                ax.axvline(start - 0.5, color="white", lw=1)
        ax.imshow(
            np.ma.masked_invalid(self.ei_ratio[:, order]),
            cmap="cividis",
            aspect="auto",
            interpolation="nearest",
        )
        ax.set(ylabel="Fit", facecolor="white")
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.spines[:].set_visible(True)
