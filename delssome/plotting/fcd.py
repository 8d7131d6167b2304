"""Figures of FC dynamics: distributions with the gap between them, and matrices."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from delssome.models import Candidates
from delssome.observables import check_bold, fcd_matrix
from delssome.plotting.source import (
    Fitted,
    check_alike,
    check_estimator,
    empirical_and_simulated,
)
from delssome.plotting.style import (
    ACCENT,
    DARK,
    DOUBLE,
    LIGHT,
    SINGLE,
    new_axes,
    new_figure,
    styled,
)
from delssome.simulation import simulate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["FCDDisplay", "FCDMatrixDisplay"]


class FCDDisplay:
    """Both cumulative FCD distributions and the largest gap between them.

    Parameters
    ----------
    fcd_cdf, fcd_cdf_simulated : array-like of shape (n_fcd_bins,)
        Over equal bins of [-1, 1].

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes
        The gap is the Kolmogorov-Smirnov distance, the cost term ``fcd_ks``.

    See Also
    --------
    FCDMatrixDisplay : The matrices that these are distributions of.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.observables import fcd_cdf
    >>> from delssome.plotting import FCDDisplay
    >>> bold, simulated = np.random.default_rng(0).normal(size=(2, 60, 4))
    >>> display = FCDDisplay(fcd_cdf(bold, 10), fcd_cdf(simulated, 10)).plot()
    >>> display.ax_.get_ylabel()
    'Cumulative share'
    >>> plt.close(display.figure_)
    """

    def __init__(self, fcd_cdf: ArrayLike, fcd_cdf_simulated: ArrayLike) -> None:
        self.fcd_cdf, self.fcd_cdf_simulated = check_alike(
            1, fcd_cdf=fcd_cdf, fcd_cdf_simulated=fcd_cdf_simulated
        )

    @classmethod
    def from_estimator(
        cls,
        fitter: Fitted,
        X: ArrayLike | None = None,
        *,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot what a fit found.

        Parameters
        ----------
        fitter : MeanFieldFitter or MeanFieldPosterior
            Fitted.
        X : array-like of shape (n_subjects, n_features), default=None
            Other subjects to compare with, averaged as a group and simulated with
            their own connectome. None: those of the fit.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure, one column wide.

        Returns
        -------
        FCDDisplay
        """
        check_estimator(fitter)
        return cls(*empirical_and_simulated(fitter, X)[1]).plot(ax)

    @styled
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure, one column wide.

        Returns
        -------
        FCDDisplay
        """
        ax = new_axes(SINGLE, 2.4) if ax is None else ax
        empirical, simulated = self.fcd_cdf, self.fcd_cdf_simulated
        # An entry of the CDF counts all values below the upper edge of its bin.
        edges = np.linspace(-1, 1, len(empirical) + 1)[1:]
        ax.plot(edges, empirical, color=DARK, label="empirical")
        ax.plot(edges, simulated, color=LIGHT, ls="--", label="simulated")

        widest = int(np.argmax(np.abs(simulated - empirical)))
        ends = sorted((empirical[widest], simulated[widest]))
        gap = f"KS = {ends[1] - ends[0]:.2f}"
        ax.plot([edges[widest]] * 2, ends, color=ACCENT, marker="_", lw=1, label=gap)

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
        self.figure_, self.ax_ = ax.figure, ax
        return self


class FCDMatrixDisplay:
    """FCD matrices: correlation between the FC of all pairs of sliding windows.

    Parameters
    ----------
    fcds : dict of str to array-like of shape (n_windows, n_windows)
        Matrices by title, side by side on one scale.
    tr : float, default=None
        Seconds from one window to the next, for axes in minutes. None: windows.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    axes_ : tuple of Axes
        One for each matrix, then the colour bar.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.observables import fcd_matrix
    >>> from delssome.plotting import FCDMatrixDisplay
    >>> bold = np.random.default_rng(0).normal(size=(60, 4))
    >>> fcd = fcd_matrix(bold, window=10)
    >>> display = FCDMatrixDisplay({"Empirical FCD": fcd}, tr=2.0).plot()
    >>> display.axes_[0].get_title()
    'Empirical FCD'
    >>> plt.close(display.figure_)
    """

    def __init__(self, fcds: Mapping[str, ArrayLike], tr: float | None = None) -> None:
        self.fcds = {title: np.asarray(fcd) for title, fcd in fcds.items()}
        self.tr = tr

    @classmethod
    def from_estimator(
        cls,
        fitter: Fitted,
        bold: ArrayLike | None = None,
        *,
        random_state: int = 0,
        figure: "Figure | SubFigure | None" = None,
    ) -> Self:
        """Plot one simulated scan, beside a scan that was measured.

        Parameters
        ----------
        fitter : MeanFieldFitter or MeanFieldPosterior
            Fitted.
        bold : array-like of shape (n_frames, n_rois), default=None
            A scan with the TR of the fit, as the pipeline left it. None: the simulated
            one alone.
        random_state : int, default=0
            Seed of the simulated scan. Scans differ: look at more than one.
        figure : matplotlib Figure or SubFigure, default=None
            Where to draw. None: a new figure, two columns wide.

        Returns
        -------
        FCDMatrixDisplay
        """
        check_estimator(fitter)
        scan = fitter.acquisition_
        fcds = {}
        if bold is not None:
            whole = np.shape(bold)[0] == scan.n_frames
            mask = scan.mask if whole else None
            bold = check_bold(bold, scan.fcd_window, kept=mask)
            if bold.shape[1] != fitter.n_rois_:
                raise ValueError(
                    f"bold must have one column for each of the {fitter.n_rois_} "
                    f"regions of the fit, got shape {bold.shape}."
                )
            fcds["Empirical FCD"] = fcd_matrix(bold, scan.fcd_window, mask)
        simulator = fitter.simulator_
        simulation = simulate(
            Candidates(fitter.model_, fitter.regional_params_, fitter.sc_),
            scan,
            [[random_state]],
            backend=simulator.backend,
            device=simulator.device,
            dtype=simulator.dtype,
        )
        fcds["Simulated FCD"] = fcd_matrix(
            simulation.bold[0, 0], scan.fcd_window, scan.mask
        )
        return cls(fcds, scan.tr).plot(figure)

    @styled
    def plot(self, figure: "Figure | SubFigure | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            None: a new figure, two columns wide, or one for a single matrix.

        Returns
        -------
        FCDMatrixDisplay
        """
        n = len(self.fcds)
        if figure is None:
            figure = new_figure(SINGLE if n == 1 else DOUBLE, 2.8)
        axes = np.atleast_1d(figure.subplots(1, n))
        # The diagonal, all near 1, would take the best part of the scale.
        pairs = [fcd[np.triu_indices_from(fcd, 1)] for fcd in self.fcds.values()]
        low, high = np.nanquantile(np.concatenate(pairs), (0.01, 0.99))
        for ax, (title, fcd) in zip(axes, self.fcds.items(), strict=True):
            end = len(fcd) * (1 if self.tr is None else self.tr / 60)
            image = ax.imshow(
                fcd,
                cmap="cividis",
                vmin=low,
                vmax=high,
                interpolation="nearest",
                extent=(0, end, end, 0),
            )
            label = "Window" if self.tr is None else "Start of window (min)"
            ax.set(title=title, xlabel=label)
            ax.locator_params(nbins=5)
            ax.spines[:].set_visible(True)
        axes[0].set_ylabel(label)
        bar = figure.colorbar(
            image,
            ax=axes.tolist(),
            shrink=0.85,
            extend="both",
            label="Correlation between windows",
        )
        self.figure_, self.axes_ = figure, (*axes, bar.ax)
        return self
