"""Figure of effects, contrasts or slopes by region."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING

import numpy as np

from delssome.plotting.grouping import arrange, height_of, label_rows, marks
from delssome.plotting.source import found_effects
from delssome.plotting.style import (
    ACCENT,
    DARK,
    GREY,
    SINGLE,
    new_axes,
    points_high,
    styled,
)
from delssome.plotting.wording import effect_label, three_digits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

__all__ = ["plot_effects"]


@styled
def plot_effects(
    table: "DataFrame",
    column: str = "effect",
    ax: "Axes | None" = None,
    *,
    kind: str = "region",
    alpha: float = 0.05,
    name: str = "E/I ratio",
    term: str | None = None,
) -> "Axes":
    """Plot effects or contrasts of regions or networks, sorted.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`delssome.study.contrast` gives it; or the rows of one term of
        :func:`~delssome.study.map_effects`, or of one covariate of
        :meth:`.PooledPosterior.to_frame`.
    column : str, default="effect"
        What to show: "effect" or "r"; of a contrast "difference" or "d".
    ax : matplotlib Axes, default=None
        Where to draw. None: a new figure, one column wide.
    kind : {"region", "network"}, default="region"
    alpha : float, default=0.05
        False discovery rate below which points are filled; those of a posterior are
        where its interval does not hold 0.
    name : str, default="E/I ratio"
        What was compared, for the axis: the model's ``readout_name``.
    term : str, default=None
        Of what it is the effect, for the axis.

    Returns
    -------
    Axes
        Effects and differences carry intervals; the line is the mean over regions.
        Regions for whose names there is no room are put together by the network, lobe
        or side that names tell.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import plot_effects
    >>> from delssome.study import contrast
    >>> maps = np.random.default_rng(0).normal(2.5, 0.2, (20, 3))  # people, regions
    >>> group = {"group": ["control", "patient"] * 10}
    >>> table = contrast(maps, group, "group", ("patient", "control"))
    >>> ax = plot_effects(table, "d")
    >>> plt.close(ax.figure)
    """
    rows = table.loc[kind]
    names = list(map(str, rows.index))
    if ax is None:
        ax = new_axes(SINGLE, height_of(len(rows), names))
    shown = arrange(rows[column], names, points_high(ax))
    _draw_effects(ax, rows.iloc[shown.order], column, alpha)
    label_rows(ax, shown)
    mean = table.loc[("mean", "mean"), column]
    said = f"mean {three_digits(mean)}"
    ax.axvline(0, color=GREY, lw=0.6, zorder=0)
    ax.axvline(mean, color=ACCENT, ls="--", lw=0.8, zorder=0, label=said)
    ax.set(xlabel=effect_label(column, name, term), ylim=(-1, len(rows)))
    ax.locator_params(axis="x", nbins=5)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        borderaxespad=0.2,
        markerscale=3.0 / marks(ax, len(rows))[0],
    )
    return ax


def _draw_effects(ax: "Axes", rows: "DataFrame", column: str, alpha: float) -> None:
    """Draw one point a row, filled where it was found."""
    y = np.arange(len(rows))
    size, thin = marks(ax, len(rows))
    if column in ("effect", "difference"):
        ax.hlines(y, rows["low"], rows["high"], color=GREY, lw=thin, zorder=1)
    found, says = found_effects(rows, alpha)
    for which, face, label in (
        (found, DARK, f"{says}: {found.sum()} of {len(rows)}"),
        (~found, "white", None),
    ):
        ax.plot(
            rows[column].to_numpy()[which],
            y[which],
            ls="",
            marker="o",
            ms=size,
            mec=DARK,
            mfc=face,
            mew=0.6 * size / 3.0,
            label=label,
        )
