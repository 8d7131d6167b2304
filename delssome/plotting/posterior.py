"""Figure of a posterior: the mean and every coefficient, before and after the data."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.fitting import MeanFieldPosterior
from delssome.plotting.source import check_alike, check_estimator
from delssome.plotting.style import DARK, DOUBLE, GREY, PALE, new_figure, styled
from delssome.plotting.wording import in_sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["PosteriorDisplay"]

Array = NDArray[np.float64]

N_BINS = 30


class PosteriorDisplay:
    """What the data change: the mean of what is read out, and every coefficient.

    Parameters
    ----------
    mean, prior_mean : array-like of shape (n_draws,), (n_prior_draws,)
        Average over regions of what a model reads out, of draws after and before the
        data.
    coefficients, prior_coefficients : array-like of shape (n_draws, n_params), \
(n_prior_draws, n_params)
        Draws in the coordinates of a search, which one axis can hold: intercepts, at
        the mean of the maps, in ranges of their parameter, and slopes in quarters of it
        per standard deviation of a map.
    names : sequence of str of length n_params
    interval : float, default=0.9
        Probability that the intervals hold, equal-tailed.
    name : str, default="E/I ratio"
        What is read out, for the axis: the model's ``readout_name``.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : tuple of two Axes
        Histograms of the mean, and intervals of the coefficients. Where either sign is
        possible before the data, the probability of a positive one stands at the right.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import PosteriorDisplay
    >>> rng = np.random.default_rng(0)
    >>> mean, prior_mean = rng.normal(2.5, 0.1, 100), rng.normal(2.5, 0.5, 100)
    >>> draws, prior_draws = rng.normal(0, 0.2, (100, 2)), rng.normal(0, 1, (100, 2))
    >>> names = ["w_EI_0", "w_EI_1"]
    >>> display = PosteriorDisplay(mean, prior_mean, draws, prior_draws, names).plot()
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        mean: ArrayLike,
        prior_mean: ArrayLike,
        coefficients: ArrayLike,
        prior_coefficients: ArrayLike,
        names: Sequence[str],
        *,
        interval: float = 0.9,
        name: str = "E/I ratio",
    ) -> None:
        (self.mean,) = check_alike(1, mean=mean)
        (self.prior_mean,) = check_alike(1, prior_mean=prior_mean)
        (self.coefficients,) = check_alike(2, coefficients=coefficients)
        (self.prior_coefficients,) = check_alike(
            2, prior_coefficients=prior_coefficients
        )
        widths = {self.coefficients.shape[1], self.prior_coefficients.shape[1]}
        if widths != {len(names)}:
            raise ValueError(
                f"coefficients and prior_coefficients must have a column for each of "
                f"the {len(names)} names, got {sorted(widths)} columns."
            )
        self.names = names
        self.interval = interval
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        posterior: MeanFieldPosterior,
        *,
        figure: "Figure | SubFigure | None" = None,
    ) -> Self:
        """Plot a posterior, by the name that its model gives what it reads out.

        Parameters
        ----------
        posterior : MeanFieldPosterior
            Fitted.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, two columns wide.

        Returns
        -------
        PosteriorDisplay
        """
        check_estimator(posterior, MeanFieldPosterior)
        space = posterior.space_
        # Of regions that depart from the maps there are too many.
        names = space.following.names
        shown = [space.names.index(name) for name in names]
        return cls(
            posterior.readout_draws_.mean(axis=1),
            posterior.prior_readout_draws_.mean(axis=1),
            space.x(posterior.draws_)[:, shown],
            space.x(posterior.prior_draws_)[:, shown],
            names,
            interval=posterior.interval,
            name=posterior.model_.readout_name,
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
        PosteriorDisplay
        """
        if figure is None:
            figure = new_figure(DOUBLE, max(2.7, 0.7 + 0.14 * len(self.names)))
        mean, coefficients = figure.subplots(1, 2)
        self._draw_mean(mean)
        self._draw_coefficients(coefficients)
        self.figure_, self.axes_ = figure, (mean, coefficients)
        return self

    def _draw_mean(self, ax: "Axes") -> None:
        for draws, color, fill, label in (
            (self.prior_mean, PALE, True, "prior"),
            (self.mean, DARK, False, "posterior"),
        ):
            counts, edges = np.histogram(draws, N_BINS)
            ax.stairs(counts / counts.max(), edges, color=color, fill=fill, label=label)
        ax.set(xlabel=f"Mean {in_sentence(self.name)}", yticks=[])
        ax.set_ylabel("Density, in parts of its peak")
        ax.locator_params(axis="x", nbins=5)
        ax.legend(loc="best")

    def _draw_coefficients(self, ax: "Axes") -> None:
        tail = (1.0 - self.interval) / 2.0
        rows = np.arange(len(self.names))[::-1]
        for draws, color, width, label in (
            (self.prior_coefficients, PALE, 5.0, "prior"),
            (self.coefficients, DARK, 1.4, "posterior"),
        ):
            ends = np.quantile(draws, (tail, 1.0 - tail), axis=0)
            ax.hlines(rows, *ends, color=color, lw=width, label=label)
        ax.plot(self.coefficients.mean(axis=0), rows, ls="", marker="o", ms=3, c=DARK)
        ax.axvline(0.0, color=GREY, lw=0.6, ls="--", zorder=0)
        prior = self.prior_coefficients
        open_ = (prior.min(axis=0) < 0) & (prior.max(axis=0) > 0)
        positive = (self.coefficients > 0).mean(axis=0)
        beside: dict[str, Any] = {"fontsize": 6, "annotation_clip": False}
        for row, p in zip(rows[open_], positive[open_], strict=True):
            place = (1.02, row)
            coordinates = ("axes fraction", "data")
            ax.annotate(f"{p:.2f}", place, xycoords=coordinates, va="center", **beside)
        if open_.any():
            ax.annotate("P(> 0)", (1.02, 1.0), xycoords="axes fraction", **beside)
        ax.set_yticks(rows, self.names, fontsize=6)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("Coefficient, in ranges (slopes: in quarters)")
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.2
        )
