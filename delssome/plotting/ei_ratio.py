"""Figure of the excitation/inhibition ratio: by region, by network, against a truth."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from delssome.fitting import MeanFieldFitter
from delssome.plotting.source import check_alike, check_estimator
from delssome.plotting.style import (
    ACCENT,
    DARK,
    GREY,
    PALE,
    SINGLE,
    correlation,
    new_axes,
    styled,
)

__all__ = ["EIRatioDisplay"]


class EIRatioDisplay:
    """E/I ratio of all regions: sorted, by network, or against a known truth.

    Parameters
    ----------
    ei_ratio : array-like of shape (n_rois,)
    ei_ratios : array-like of shape (n_alike, n_rois), default=None
        Maps of searches that ended at the same cost: their range is drawn, which is
        what the data leave open.
    region_names : sequence of str of length n_rois, default=None
        Labels of the regions. None: only their order.
    networks : sequence of str of length n_rois, default=None
        Network of each region: regions are drawn by network, sorted by its mean.
    truth : array-like of shape (n_rois,), default=None
        Known E/I ratio of simulated data, against which this one is plotted.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes
    """

    def __init__(
        self, ei_ratio, ei_ratios=None, *, region_names=None, networks=None, truth=None
    ):
        (self.ei_ratio,) = check_alike(1, ei_ratio=ei_ratio)
        n_rois = len(self.ei_ratio)
        for name, values in (
            ("region_names", region_names),
            ("networks", networks),
            ("truth", truth),
        ):
            if values is not None and np.shape(values) != (n_rois,):
                raise ValueError(
                    f"{name} must hold one entry for each of the {n_rois} regions, "
                    f"got shape {np.shape(values)}."
                )
        if networks is not None and truth is not None:
            raise ValueError("networks and truth are two figures: give one of them.")
        if ei_ratios is None:
            ei_ratios = self.ei_ratio[None]
        self.ei_ratios = np.asarray(ei_ratios, dtype=np.float64)
        self.region_names = region_names
        self.networks = None if networks is None else np.asarray(networks)
        self.truth = None if truth is None else np.asarray(truth, dtype=np.float64)

    @classmethod
    def from_estimator(
        cls, fitter, *, region_names=None, networks=None, truth=None, ax=None
    ):
        """Plot the map of a fit.

        Parameters
        ----------
        fitter : MeanFieldFitter
            Fitted.
        region_names, networks, truth
            As above.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure, one column wide, with height for all
            names.

        Returns
        -------
        EIRatioDisplay
        """
        check_estimator(fitter, MeanFieldFitter)
        return cls(
            fitter.ei_ratio_,
            fitter.ei_ratios_,
            region_names=region_names,
            networks=networks,
            truth=truth,
        ).plot(ax)

    @styled
    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure, one column wide, with height for all names.

        Returns
        -------
        EIRatioDisplay
        """
        if self.truth is not None:
            ax = new_axes(SINGLE, 2.9) if ax is None else ax
            self._against_truth(ax)
        elif self.networks is not None:
            n_networks = len(np.unique(self.networks))
            ax = new_axes(SINGLE, 0.8 + 0.2 * n_networks) if ax is None else ax
            self._by_network(ax)
        else:
            names = 0 if self.region_names is None else len(self.ei_ratio)
            height = max(2.0, 0.6 + 0.115 * names) if names else 2.6
            ax = new_axes(SINGLE, height) if ax is None else ax
            self._by_region(ax)
        self.figure_, self.ax_ = ax.figure, ax
        return self

    def _by_region(self, ax):
        order = np.argsort(self.ei_ratio, kind="stable")
        rows, mean = np.arange(len(order)), self.ei_ratio.mean()
        label = f"mean {mean:.2f}"
        if len(self.ei_ratios) > 1:
            # What is open of the level is said in words: drawn for every region it
            # would hide what is known of the pattern.
            levels = self.ei_ratios.mean(axis=1)
            label += f" ({levels.min():.2f} to {levels.max():.2f})"
            low, high = _span(self.ei_ratios - levels[:, None] + mean)
            ax.hlines(
                rows,
                low[order],
                high[order],
                color=PALE,
                lw=2.5,
                zorder=0,
                label=f"range of {len(levels)} fits as good, at one mean",
            )
        ax.axvline(mean, color=GREY, ls="--", lw=0.8, label=label)
        ax.plot(self.ei_ratio[order], rows, ls="", marker="o", ms=3, color=DARK)
        ax.set(xlabel="E/I ratio", ylim=(-1, len(order)))
        if self.region_names is None:
            ax.set(ylabel="Region, sorted", yticks=[])
        else:
            names = [self.region_names[k] for k in order]
            ax.set_yticks(rows, names, fontsize=6)
            ax.tick_params(axis="y", length=0)
        _finish(ax)

    def _by_network(self, ax):
        networks = np.unique(self.networks)
        means = np.array([self.ei_ratio[self.networks == k].mean() for k in networks])
        order = np.argsort(means, kind="stable")
        rows, names = np.arange(len(order)), []
        for row, k in enumerate(order):
            values = np.sort(self.ei_ratio[self.networks == networks[k]])
            # A little up or down, so that equal ones do not hide each other.
            y = row + 0.4 * (np.arange(len(values)) * 0.618 % 1 - 0.5)
            ax.plot(values, y, ls="", marker="o", ms=3, mec=DARK, mfc="white", mew=0.7)
            names.append(f"{networks[k]} ({len(values)})")
        ax.vlines(
            means[order], rows - 0.38, rows + 0.38, color=ACCENT, lw=1.6, label="mean"
        )
        ax.set_yticks(rows, names)
        ax.tick_params(axis="y", length=0)
        ax.set(xlabel="E/I ratio of regions", ylim=(-0.6, len(order) - 0.4))
        _finish(ax)

    def _against_truth(self, ax):
        truth, ei_ratio = self.truth, self.ei_ratio
        low, high = _span(self.ei_ratios)
        if len(self.ei_ratios) > 1:
            label = f"range of {len(self.ei_ratios)} fits as good"
            ax.vlines(truth, low, high, color=PALE, lw=1.5, zorder=0, label=label)
        ax.plot(truth, ei_ratio, ls="", marker="o", mfc="white", mec=DARK)
        values = np.concatenate([truth, low, high])
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


def _finish(ax):
    """Put the legend where no point can be, and full numbers at the ticks."""
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.locator_params(axis="x", nbins=5)


def _span(maps):
    return maps.min(axis=0), maps.max(axis=0)
