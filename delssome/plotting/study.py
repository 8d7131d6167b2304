"""Figures of studies: age, centiles, references, test and retest."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from delssome.plotting.source import check_alike
from delssome.plotting.style import (
    ACCENT,
    DARK,
    DOUBLE,
    GREY,
    LIGHT,
    PALE,
    SINGLE,
    new_axes,
    new_figure,
    styled,
)
from delssome.plotting.wording import in_sentence, two_digits
from delssome.study import Norms, centile_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame, Series

__all__ = [
    "plot_age",
    "plot_centiles",
    "plot_map_correlation",
    "plot_retest",
]

# Centile curves are drawn where so many subjects are within this share of the range.
FEWEST, WITHIN = 5, 0.1
# Of norms.
CENTILES = (2.5, 5.0, 25.0, 50.0, 75.0, 95.0, 97.5)


@styled
def plot_age(
    value: ArrayLike,
    age: ArrayLike,
    ax: "Axes | None" = None,
    *,
    truth: ArrayLike | None = None,
    level: float = 0.95,
    name: str = "E/I ratio",
) -> "Axes":
    """Plot a measure of subjects, such as mean E/I, against age with its regression.

    Parameters
    ----------
    value, age : array-like of shape (n_subjects,)
        Subjects with NaN are left out.
    ax : matplotlib Axes, default=None
        Where to draw. None: a new figure, one column wide.
    truth : array-like of shape (n_subjects,), default=None
        Known values of simulated subjects.
    level : float, default=0.95
        Of the band around the regression line.
    name : str, default="E/I ratio"
        Of what `value` is the mean, for the axis: the model's ``readout_name``.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import plot_age
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(8, 23, 30)
    >>> ax = plot_age(2.8 - 0.02 * age + rng.normal(0, 0.1, 30), age)
    >>> ax.get_ylabel()
    'Mean E/I ratio'
    >>> plt.close(ax.figure)
    """
    import statsmodels.api as sm

    ax = new_axes(SINGLE, 2.4) if ax is None else ax
    value, age = check_alike(1, value=value, age=age)
    known = np.isfinite(value)
    value, age = value[known], age[known]
    if truth is not None:
        truth = np.asarray(truth, dtype=float)[known]
        ax.plot(age, truth, ls="", marker="x", ms=3, color=LIGHT, label="true")
    ax.plot(age, value, ls="", marker="o", ms=3, mfc="white", mec=DARK, mew=0.6)
    fit = sm.OLS(value, sm.add_constant(age)).fit()
    grid = np.linspace(age.min(), age.max(), 50)
    band = fit.get_prediction(sm.add_constant(grid)).conf_int(alpha=1 - level)
    slope, (low, high) = fit.params[1], fit.conf_int(1 - level)[1]

    def signed(x: float) -> str:
        return f"{'+' if x > 0 else ''}{two_digits(x)}"

    ax.plot(
        grid,
        fit.predict(sm.add_constant(grid)),
        color=DARK,
        label=f"{signed(slope)} per year [{signed(low)}, {signed(high)}]",
    )
    ax.fill_between(grid, *band.T, color=DARK, alpha=0.15, lw=0)
    ax.set(xlabel="Age (years)", ylabel=f"Mean {in_sentence(name)}")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2, ncols=2)
    return ax


@styled
def plot_centiles(
    fitted: Bunch | Norms,
    value: ArrayLike,
    age: ArrayLike,
    ax: "Axes | None" = None,
    *,
    sex: ArrayLike | None = None,
    site: ArrayLike | None = None,
    name: str = "E/I ratio",
    over: str = "Age (years)",
) -> "Axes":
    """Plot subjects and centile curves over age.

    Parameters
    ----------
    fitted : Bunch or Norms
        As :func:`delssome.study.fit_centiles` gives it, without covariates; or fitted
        :class:`~delssome.study.Norms`.
    value, age : array-like of shape (n_subjects,)
    ax : matplotlib Axes, default=None
        Where to draw. None: a new figure, one column wide.
    sex, site : array-like of shape (n_subjects,), default=None
        Of norms that have them: curves are the mean over those of all subjects.
    name : str, default="E/I ratio"
        Of what `value` is the mean, for the axis: the model's ``readout_name``.
    over : str, default="Age (years)"
        What `age` is, for the axis.

    Returns
    -------
    Axes
        Curves end, or have a gap, where fewer than five subjects are within a tenth of
        the range of ages: splines say what they like there.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import plot_centiles
    >>> from delssome.study import fit_centiles
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(8, 23, 100)
    >>> ei_ratio = 2.8 - 0.02 * age + rng.normal(0, 0.1, 100)
    >>> ax = plot_centiles(fit_centiles(ei_ratio, age), ei_ratio, age)
    >>> plt.close(ax.figure)
    """
    ax = new_axes(SINGLE, 2.4) if ax is None else ax
    value, age = check_alike(1, value=value, age=age)
    known = np.isfinite(value) & np.isfinite(age)
    value, age = value[known], age[known]
    ax.plot(age, value, ls="", marker="o", ms=2, color=GREY, mew=0, alpha=0.5)
    grid = np.linspace(age.min(), age.max(), 100)
    if isinstance(fitted, Norms):
        curves = _curves_of(fitted, grid, sex, site)
    else:
        curves = centile_of(fitted, grid)
    near = np.abs(grid[:, None] - age) <= WITHIN * np.ptp(age)
    told = near.sum(axis=1) >= FEWEST
    for centile, curve in curves.items():
        middle = centile == 50
        shown = np.where(told, curve, np.nan)
        ax.plot(grid, shown, color=DARK, lw=1.6 if middle else 0.8)
    last = np.flatnonzero(told)[-1] if told.any() else -1
    for centile, height in _apart(ax, curves.iloc[last].sort_values()).items():
        ax.annotate(
            f"{centile:g}",
            (grid[last], height),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6,
        )
    ax.set(xlabel=over, ylabel=f"Mean {in_sentence(name)}")
    return ax


def _curves_of(
    norms: Norms, grid: ArrayLike, sex: ArrayLike | None, site: ArrayLike | None
) -> "DataFrame":
    """Average the curves of all kinds of people, by how many there are of each."""
    import pandas as pd

    grid = np.asarray(grid)
    given = {"sex": sex, "site": site}
    kinds = pd.DataFrame({k: np.asarray(x) for k, x in given.items() if x is not None})
    counts = kinds.value_counts() if len(kinds.columns) else pd.Series({(): 1})
    curves = [
        n
        * norms.values(
            CENTILES,
            grid,
            **{k: np.repeat(x, len(grid)) for k, x in zip(kinds, kind, strict=True)},
        )
        for kind, n in counts.items()
    ]
    return pd.DataFrame(sum(curves) / counts.sum(), index=grid, columns=CENTILES)


def _apart(ax: "Axes", heights: "Series", points: float = 7.0) -> "Series":
    """Move heights, sorted, as far apart as labels of so many points need."""
    axes_points = ax.get_window_extent().height * 72 / ax.figure.dpi
    steps = np.arange(len(heights)) * points * np.ptp(ax.get_ylim()) / axes_points
    moved = np.maximum.accumulate(heights - steps) + steps
    return moved - (moved - heights).mean()


@styled
def plot_map_correlation(
    found: Bunch,
    values: ArrayLike,
    reference: ArrayLike,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure | SubFigure":
    """Plot a map against a reference, and the correlation among rotated maps.

    Parameters
    ----------
    found : Bunch
        As :func:`delssome.study.correlate_maps` gives it.
    values, reference : array-like of shape (n_rois,)
    figure : matplotlib Figure or SubFigure, default=None
        Where to draw. None: a new figure, two columns wide.

    Returns
    -------
    Figure or SubFigure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import plot_map_correlation
    >>> from delssome.study import correlate_maps
    >>> rng = np.random.default_rng(0)
    >>> places, receptor, ei_ratio = rng.normal(size=(30, 3)), *rng.normal(size=(2, 30))
    >>> found = correlate_maps(
    ...     ei_ratio, receptor, places, inputs=None, n_rotations=50, random_state=0
    ... )
    >>> figure = plot_map_correlation(found, ei_ratio, receptor)
    >>> plt.close(figure)
    """
    figure = new_figure(DOUBLE, 2.4) if figure is None else figure
    scatter, null = figure.subplots(1, 2)
    scatter.plot(reference, values, ls="", marker="o", mfc="white", mec=DARK, mew=0.6)
    scatter.set(
        xlabel="Reference map", ylabel="Map", title=f"Spearman r = {found.r:.2f}"
    )
    null.hist(found.null, bins=30, color=PALE, edgecolor=GREY, lw=0.5)
    null.axvline(found.r, color=ACCENT)
    null.set(xlabel="Correlation of rotated maps", ylabel="Rotations", xlim=(-1, 1))
    null.set_title("circular: no p" if found.circular else f"p = {found.p:.3g}")
    return figure


@styled
def plot_retest(
    found: Bunch, figure: "Figure | SubFigure | None" = None
) -> "Figure | SubFigure":
    """Plot how alike maps of the same and of different subjects are.

    Parameters
    ----------
    found : Bunch
        As :func:`delssome.study.retest` gives it.
    figure : matplotlib Figure or SubFigure, default=None
        Where to draw. None: a new figure, two columns wide.

    Returns
    -------
    Figure or SubFigure

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from delssome.plotting import plot_retest
    >>> from delssome.study import retest
    >>> rng = np.random.default_rng(0)
    >>> people = rng.normal(2.5, 0.2, (7, 30))
    >>> first, second = people + rng.normal(0, 0.1, (2, 7, 30))
    >>> figure = plot_retest(retest(first, second))
    >>> plt.close(figure)
    """
    figure = new_figure(DOUBLE, 2.6) if figure is None else figure
    matrix, points = figure.subplots(1, 2)
    image = matrix.imshow(found.similarity, cmap="cividis", interpolation="nearest")
    matrix.set(xlabel="Subject, second scan", ylabel="Subject, first scan")
    matrix.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=matrix, label="Correlation of maps", shrink=0.85)
    icc = found.icc.loc[("mean", "mean"), "icc"]
    rng = np.random.default_rng(0)  # of the sideways scatter alone
    for place, values, color in (
        (0, found.within, DARK),
        (1, found.between, LIGHT),
    ):
        x = place + rng.uniform(-0.15, 0.15, len(values))
        points.plot(x, values, ls="", marker="o", ms=3, mfc="white", mec=color, mew=0.7)
        points.hlines(np.median(values), place - 0.3, place + 0.3, color=color)
        points.text(
            place + 0.32, np.median(values), f"{np.median(values):.2f}", va="center"
        )
    points.set_xticks([0, 1], ["same subject", "different subjects"])
    points.set(
        xlim=(-0.5, 1.7),
        ylabel="Correlation of maps",
        title=f"{found.identified:.0%} identified, ICC of mean {icc:.2f}",
    )
    return figure
