"""Figure of what data know of a fit: how much of the prior's spread is left."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from delssome.fitting import MeanFieldFitter
from delssome.plotting.source import check_estimator
from delssome.plotting.style import DARK, GREY, PALE, SINGLE, new_axes, styled
from delssome.plotting.wording import in_sentence
from delssome.theory import Identifiability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["IdentifiabilityDisplay"]


class IdentifiabilityDisplay:
    """Standard deviations after the data, as shares of those before.

    Parameters
    ----------
    known : Identifiability
        ``identifiability_`` of a fit, or what :func:`delssome.theory.identifiability`
        says of scans that are yet to be taken.
    names : sequence of str, default=None
        Coefficients to show. None: all.
    name : str, default="E/I ratio"
        What is read out: the model's ``readout_name``.

    Attributes
    ----------
    figure_ : Figure or SubFigure
    ax_ : Axes
        Of what is read out the mean over regions, its level, and the median region; of
        the regions' relaxation over coupling and noise the median; coefficients. At 1
        the data know nothing, at 0 all.

    Examples
    --------
    Of a fit, and of eight scans that are yet to be taken::

        IdentifiabilityDisplay.from_estimator(fitter)
        known = identifiability(space, theta, sc, Acquisition(), n_scans=8)
        IdentifiabilityDisplay(known).plot()
    """

    def __init__(
        self,
        known: Identifiability,
        names: Sequence[str] | None = None,
        *,
        name: str = "E/I ratio",
    ) -> None:
        self.known = known
        self.names = known.names if names is None else list(names)
        self.name = name

    @classmethod
    def from_estimator(
        cls, fitter: MeanFieldFitter, *, ax: "Axes | None" = None
    ) -> Self:
        """Plot what the FC of a fit knows of it, by the name of its model.

        Parameters
        ----------
        fitter : MeanFieldFitter
            Fitted. Posteriors have :class:`PosteriorDisplay`.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure, one column wide.

        Returns
        -------
        IdentifiabilityDisplay
        """
        check_estimator(fitter, MeanFieldFitter)
        known = fitter.identifiability_
        if known is None:
            raise ValueError("Theory does not say what these data know of the fit.")
        # Of regions that depart from the maps there are too many.
        names = fitter.space_.following.names
        return cls(known, names, name=fitter.model_.readout_name).plot(ax)

    @property
    def shares(self) -> dict[str, float]:
        """What is left of the prior's standard deviation, by what it is of."""
        known, what = self.known, in_sentence(self.name)
        readout = known.readout_sd / known.readout_prior_sd
        found = {
            f"mean {what} (level)": known.mean_readout_sd / known.mean_readout_prior_sd,
            f"{what}, a region": float(np.median(readout)),
        }
        for name, after, before in (
            ("relaxation/coupling", known.relaxation_sd, known.relaxation_prior_sd),
            ("relative noise", known.noise_sd, known.noise_prior_sd),
        ):
            found[f"{name}, a region"] = float(np.median(after / before))
        for name in self.names:
            k = known.names.index(name)
            found[name] = float(known.sd[k] / known.prior_sd[k])
        return {name: x for name, x in found.items() if np.isfinite(x)}

    @styled
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: a new figure, one column wide.

        Returns
        -------
        IdentifiabilityDisplay
        """
        shares = self.shares
        if ax is None:
            ax = new_axes(SINGLE, 0.7 + 0.15 * len(shares))
        rows, values = np.arange(len(shares))[::-1], np.array([*shares.values()])
        ax.barh(rows, np.ones(len(rows)), color=PALE, height=0.7, label="before")
        ax.barh(rows, values, color=DARK, height=0.35, label="after the data")
        for row, value in zip(rows, values, strict=True):
            place = (max(value, 1.0), row)
            ax.annotate(
                f"{value:.2f}",
                place,
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=6,
            )
        ax.axvline(1.0, color=GREY, lw=0.6, ls="--", zorder=0)
        ax.set_yticks(rows, [*shares], fontsize=6)
        ax.tick_params(axis="y", length=0)
        ax.set(
            xlabel="Standard deviation, in that of the prior",
            xlim=(0, 1.12 * max(1.0, values.max())),
        )
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.2
        )
        self.figure_, self.ax_ = ax.figure, ax
        return self
