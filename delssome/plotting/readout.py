"""Figure of what a model reads out: by region, by network, against a truth."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.names import in_order
from delssome.fitting import MeanFieldPosterior
from delssome.plotting.grouping import arrange, height_of, label_rows, marks
from delssome.plotting.source import (
    Z_90,
    Fitted,
    check_alike,
    check_estimator,
    check_of_regions,
)
from delssome.plotting.style import (
    ACCENT,
    DARK,
    GREY,
    PALE,
    SINGLE,
    correlation,
    new_axes,
    points_high,
    styled,
)
from delssome.plotting.wording import in_sentence, three_digits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ReadoutDisplay"]

Array = NDArray[np.float64]

MANY = 100  # points of a scatter that large markers would hide


class ReadoutDisplay:
    """What a model reads out of all regions: sorted, by network, or against a truth.

    Parameters
    ----------
    readout : array-like of shape (n_rois,)
        For instance the E/I ratio of the FIC model.
    readouts : array-like of shape (n_alike, n_rois), default=None
        Maps of searches that ended at the same cost: their range is drawn. It is
        the optimiser's, and less than what the data leave open.
    interval : array-like of shape (n_rois, 2), default=None
        Ends of an interval of every region, drawn as a bar.
    interval_name : str, default="90 % interval"
        What it is, for the legend.
    name : str, default="E/I ratio"
        What it is, for the axes: the model's ``readout_name``.
    region_names : sequence of str of length n_rois, default=None
        Labels of the regions, where there is room for all; else regions are put
        together by the network, lobe or side that their names tell. None: only their
        order.
    networks : sequence of str of length n_rois, or dict by region, default=None
        Network of each region: regions are drawn by network, sorted by its mean.
    truth : array-like of shape (n_rois,), default=None
        Known values of simulated data, against which these are plotted.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from delssome.plotting import ReadoutDisplay
    >>> display = ReadoutDisplay([2.1, 2.6, 2.4], name="E/I ratio").plot()
    >>> display.ax_.get_xlabel()
    'E/I ratio'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        readout: ArrayLike,
        readouts: ArrayLike | None = None,
        *,
        interval: ArrayLike | None = None,
        interval_name: str = "90 % interval",
        name: str = "E/I ratio",
        region_names: Sequence[str] | None = None,
        networks: Sequence[str] | Mapping[str, str] | None = None,
        truth: ArrayLike | None = None,
    ) -> None:
        (self.readout,) = check_alike(1, readout=readout)
        ordered: Any = in_order(networks, region_names, "networks")
        truth = in_order(truth, region_names, "truth")
        check_of_regions(
            len(self.readout), region_names=region_names, networks=ordered, truth=truth
        )
        if ordered is not None and truth is not None:
            raise ValueError("networks and truth are two figures: give one of them.")
        self.readouts = np.asarray(
            self.readout[None] if readouts is None else readouts, dtype=np.float64
        )
        self.interval = None
        if interval is not None:
            self.interval = np.asarray(interval, dtype=np.float64)
            if self.interval.shape != (len(self.readout), 2):
                raise ValueError(
                    "interval must hold a low and a high end for each of the "
                    f"{len(self.readout)} regions, got shape {self.interval.shape}."
                )
        self.interval_name = interval_name
        self.name = name
        self.region_names = region_names
        self.networks = None if ordered is None else np.asarray(ordered)
        self.truth = None if truth is None else np.asarray(truth, dtype=np.float64)

    @classmethod
    def from_estimator(
        cls,
        fitter: Fitted,
        *,
        region_names: Sequence[str] | None = None,
        networks: Sequence[str] | Mapping[str, str] | None = None,
        truth: ArrayLike | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot the map of a fit and what is open of it, by the name of its model.

        Parameters
        ----------
        fitter : MeanFieldFitter or MeanFieldPosterior
            Fitted. Intervals of a posterior are its own; those of a fit are what its
            FC leaves open (``identifiability_``), if theory describes it.
        region_names, networks, truth
            As above.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure, one column wide, with height for all
            names.

        Returns
        -------
        ReadoutDisplay
        """
        check_estimator(fitter)
        return cls(
            fitter.readout_,
            **_what_is_open(fitter),
            name=fitter.model_.readout_name,
            region_names=region_names,
            networks=networks,
            truth=truth,
        ).plot(ax)

    @styled
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure, one column wide, with height for all names.

        Returns
        -------
        ReadoutDisplay
        """
        if self.truth is not None:
            ax = new_axes(SINGLE, 2.9) if ax is None else ax
            self._against_truth(ax, self.truth)
        elif self.networks is not None:
            n_networks = len(np.unique(self.networks))
            ax = new_axes(SINGLE, 0.8 + 0.2 * n_networks) if ax is None else ax
            self._by_network(ax, self.networks)
        else:
            if ax is None:
                ax = new_axes(SINGLE, height_of(len(self.readout), self.region_names))
            self._by_region(ax)
        self.figure_, self.ax_ = ax.figure, ax
        return self

    def _by_region(self, ax: "Axes") -> None:
        shown = arrange(self.readout, self.region_names, points_high(ax))
        order, mean = shown.order, self.readout.mean()
        rows = np.arange(len(order))
        size, thin = marks(ax, len(rows))
        if self.interval is not None:
            low, high = self.interval[order].T
            label = self.interval_name
            ax.hlines(rows, low, high, color=PALE, lw=2.5, zorder=0, label=label)
        if len(self.readouts) > 1:
            low, high = _span(self.readouts[:, order])
            label = f"range over {len(self.readouts)} restarts"
            ax.hlines(rows, low, high, color=GREY, lw=thin, zorder=1, label=label)
        label = f"mean {three_digits(mean)}"
        ax.axvline(mean, color=GREY, ls="--", lw=0.8, label=label)
        ax.plot(
            self.readout[order], rows, ls="", marker="o", ms=size, mew=0, color=DARK
        )
        ax.set(xlabel=self.name, ylim=(-1, len(order)))
        label_rows(ax, shown)
        _finish(ax)

    def _by_network(self, ax: "Axes", of: NDArray[np.str_]) -> None:
        networks = np.unique(of)
        means = np.array([self.readout[of == k].mean() for k in networks])
        order = np.argsort(means, kind="stable")
        rows, names = np.arange(len(order)), []
        for row, k in enumerate(order):
            values = np.sort(self.readout[of == networks[k]])
            # A little up or down, so that equal ones do not hide each other.
            y = row + 0.4 * (np.arange(len(values)) * 0.618 % 1 - 0.5)
            ax.plot(values, y, ls="", marker="o", ms=3, mec=DARK, mfc="white", mew=0.7)
            names.append(f"{networks[k]} ({len(values)})")
        ax.vlines(
            means[order], rows - 0.38, rows + 0.38, color=ACCENT, lw=1.6, label="mean"
        )
        ax.set_yticks(rows, names)
        ax.tick_params(axis="y", length=0)
        ax.set(xlabel=f"{self.name} of regions", ylim=(-0.6, len(order) - 0.4))
        _finish(ax)

    def _against_truth(self, ax: "Axes", truth: Array) -> None:
        readout = self.readout
        low, high = _span(self.readouts)
        values = [truth, low, high]
        if self.interval is not None:
            ends, label = self.interval.T, self.interval_name
            ax.vlines(truth, *ends, color=PALE, lw=2.5, zorder=0, label=label)
            values += [*ends]
        if len(self.readouts) > 1:
            label = f"range over {len(self.readouts)} restarts"
            ax.vlines(truth, low, high, color=GREY, lw=0.8, zorder=1, label=label)
        size = 4 if len(truth) <= MANY else 2
        ax.plot(
            truth, readout, ls="", marker="o", ms=size, mfc="white", mec=DARK, mew=0.7
        )
        middle = (truth.mean(), truth.mean())
        ax.axline(middle, slope=1, color=GREY, ls="--", lw=0.8, zorder=0, label="equal")
        ax.set(
            xlim=_limits(truth),
            ylim=_limits(np.concatenate(values)),
            xlabel=f"True {in_sentence(self.name)}",
            ylabel=f"Recovered {in_sentence(self.name)}",
            title=f"r = {correlation(truth, readout):.2f} over {len(truth)} regions",
        )
        ax.set_box_aspect(1)
        ax.locator_params(nbins=5)
        ax.legend(loc="best")


def _what_is_open(fitter: Fitted) -> dict[str, Any]:
    """Give the intervals of a posterior, or spread and intervals of a fit."""
    if isinstance(fitter, MeanFieldPosterior):
        return {
            "interval": fitter.readout_interval_,
            "interval_name": f"{100 * fitter.interval:g} % interval",
        }
    found: dict[str, Any] = {"readouts": fitter.readouts_}
    known = fitter.identifiability_
    if known is not None:
        half = Z_90 * known.readout_sd[:, None] * [-1, 1]
        found["interval"] = fitter.readout_[:, None] + half
        found["interval_name"] = "90 % of what FC leaves open"
    return found


def _finish(ax: "Axes") -> None:
    """Put the legend where no point can be, and full numbers at the ticks."""
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.locator_params(axis="x", nbins=5)


def _limits(values: Array) -> tuple[float, float]:
    margin = 0.06 * np.ptp(values) or 0.1
    return values.min() - margin, values.max() + margin


def _span(maps: Array) -> tuple[Array, Array]:
    return maps.min(axis=0), maps.max(axis=0)
