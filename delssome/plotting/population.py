"""Figure of a population: the map of every subject, and how well each is fitted."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.fitting import PopulationFitter
from delssome.plotting.grouping import in_groups
from delssome.plotting.source import check_estimator, check_of_regions
from delssome.plotting.style import ACCENT, DARK, DOUBLE, GREY, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["PopulationDisplay"]


class PopulationDisplay:
    """What a model reads out of all fits as an image, and the costs of all fits.

    Parameters
    ----------
    readout : array-like of shape (n_fits, n_rois)
        For instance E/I ratios. Rows of NaN are fits that failed.
    cost : array-like of shape (n_fits,), default=None
        None: maps alone.
    in_range : array-like of bool, shape (n_fits,), default=None
        None: of a model that bounds nothing.
    name : str, default="E/I ratio"
        What is read out, for the colour bar: the model's ``readout_name``.
    row : str, default="Fit"
        What a row is.
    networks : sequence of str of length n_rois, default=None
        Network of each region, by which regions are put together. None: regions are
        sorted by their mean over fits.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : tuple of Axes
        Maps, costs (if there are any), colour bar.

    See Also
    --------
    plot_age, plot_effects : Figures of the tables of :mod:`delssome.study`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import PopulationDisplay
    >>> ei_ratio = np.random.default_rng(0).normal(2.5, 0.2, (5, 8))  # people, regions
    >>> display = PopulationDisplay(ei_ratio, cost=[0.7, 0.6, 0.8, 0.7, 0.6]).plot()
    >>> len(display.axes_)
    3
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        readout: ArrayLike,
        cost: ArrayLike | None = None,
        in_range: ArrayLike | None = None,
        *,
        name: str = "E/I ratio",
        row: str = "Fit",
        networks: Sequence[str] | None = None,
    ) -> None:
        self.readout = np.asarray(readout, dtype=np.float64)
        self.cost = None if cost is None else np.asarray(cost, dtype=np.float64)
        self.in_range = None if in_range is None else np.asarray(in_range, dtype=bool)
        self.name = name
        self.row = row
        check_of_regions(self.readout.shape[1], networks=networks)
        self.networks = None if networks is None else np.asarray(networks)

    @classmethod
    def from_estimator(
        cls,
        population: PopulationFitter,
        *,
        networks: Sequence[str] | None = None,
        figure: "Figure | SubFigure | None" = None,
    ) -> Self:
        """Plot the fits of a population, by the name that their model gives the maps.

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
        model = population.model_
        return cls(
            population.readout_,
            population.cost_,
            None if model.rate is None else population.in_range_,
            name=model.readout_name,
            networks=networks,
        ).plot(figure)

    @styled
    def plot(self, figure: "Figure | SubFigure | None" = None) -> Self:
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
        if self.cost is None:
            axes = [figure.subplots()]
        else:
            axes = [*figure.subplots(1, 2, width_ratios=(1.5, 1))]
            self._draw_costs(axes[1], self.cost)
        known = np.asarray(np.isfinite(self.readout).all(axis=1))
        self._draw_maps(axes[0], known)
        bar = figure.colorbar(
            axes[0].images[0], ax=axes[0], label=self.name, shrink=0.85
        )
        self.figure_, self.axes_ = figure, (*axes, bar.ax)
        return self

    def _draw_costs(self, ax: "Axes", cost: NDArray[np.float64]) -> None:
        """Draw the costs of fits, sorted."""
        known = np.isfinite(cost)
        rank = np.arange(np.count_nonzero(known))
        order = np.flatnonzero(known)[np.argsort(cost[known], kind="stable")]
        if self.in_range is None:
            kinds = [(np.ones(len(order), dtype=bool), "o", DARK, "fits")]
        else:
            inside = self.in_range[order]
            kinds = [
                (inside, "o", DARK, "in range"),
                (~inside, "x", ACCENT, "out of range"),
            ]
        for which, marker, colour, label in kinds:
            if which.any():
                ax.plot(
                    rank[which],
                    cost[order][which],
                    ls="",
                    marker=marker,
                    mfc="white",
                    mec=colour,
                    label=f"{label}: {np.count_nonzero(which)}",
                )
        if len(rank):
            median = np.median(cost[known])
            ax.axhline(
                float(median),
                color=GREY,
                ls="--",
                lw=0.8,
                label=f"median {median:.2f}",
            )
            ax.legend(loc="upper left")
        ax.set(xlabel="Fit, sorted by cost", ylabel="Total cost, simulated")
        ax.locator_params(axis="x", integer=True)
        n_failed = np.count_nonzero(~known)
        if n_failed:
            ax.set_title(f"{n_failed} of {len(known)} fits failed")

    def _draw_maps(self, ax: "Axes", known: NDArray[np.bool_]) -> None:
        """Draw one row for every fit."""
        mean = self.readout[known].mean(axis=0)
        if self.networks is None:
            order = np.argsort(mean, kind="stable")
            ax.set(xlabel="Region, sorted by its mean", xticks=[])
        else:
            rows = in_groups(list(self.networks), mean)
            order = rows.order
            ax.set_xticks(rows.places, rows.labels, rotation=45, ha="right")
            ax.tick_params(axis="x", length=0)
            for start in rows.starts:
                ax.axvline(start - 0.5, color="white", lw=1)
        ax.imshow(
            np.ma.masked_invalid(self.readout[:, order]),
            cmap="cividis",
            aspect="auto",
            interpolation="nearest",
        )
        ax.set(ylabel=self.row, facecolor="white")
        ax.locator_params(axis="y", integer=True)
        ax.spines[:].set_visible(True)
