"""The figures of a fit, for files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from delssome.plotting.source import Fitted

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["effect_figures", "figures"]


def figures(
    estimator: Fitted,
    region_names: Sequence[str],
    truth: ArrayLike | None = None,
) -> dict[str, Callable[[], "Figure"]]:
    """Give what draws the figures of a fit, without pyplot: nothing is left open.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        Fitted.
    region_names : sequence of str of length n_rois
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data.

    Returns
    -------
    dict of str to callable
        By file name, each gives a matplotlib Figure: ``report.png``, and what the model
        reads out (``ei_ratio.png`` of FIC).
    """
    key = estimator.model_.readout_key
    return {
        "report.png": partial(_report, estimator, region_names, truth),
        f"{key}.png": partial(_regions, estimator, region_names),
    }


def _report(
    estimator: Fitted, region_names: Sequence[str], truth: ArrayLike | None
) -> "Figure":
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from delssome.plotting import plot_report
    from delssome.plotting.style import DOUBLE, STYLE

    with rc_context(STYLE):
        figure = Figure(figsize=(DOUBLE, 7.4), layout="constrained")
        plot_report(estimator, figure, region_names=region_names, truth=truth)
    return figure


def _regions(estimator: Fitted, region_names: Sequence[str]) -> "Figure":
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from delssome.plotting import ReadoutDisplay
    from delssome.plotting.grouping import height_of
    from delssome.plotting.style import SINGLE, STYLE

    height = height_of(len(region_names), region_names)
    with rc_context(STYLE):
        figure = Figure(figsize=(SINGLE, height), layout="constrained")
        ReadoutDisplay.from_estimator(
            estimator, region_names=region_names, ax=figure.subplots()
        )
    return figure


def effect_figures(table: "DataFrame", name: str) -> dict[str, Callable[[], "Figure"]]:
    """Give what draws effects over regions, a figure a covariate or term.

    Parameters
    ----------
    table : pandas.DataFrame
        Of which the first level of the index is the covariate, the others ``kind`` and
        ``name``.
    name : str
        Of what is read out.

    Returns
    -------
    dict of str to callable
        By file name, each gives a matplotlib Figure, without pyplot.
    """
    found: dict[str, Callable[[], Figure]] = {}
    for term in table.index.get_level_values(0).unique():
        safe = "".join(c if c.isalnum() else "_" for c in str(term))
        found[f"effect_{safe}.png"] = partial(_effects, table.loc[term], term, name)
    return found


def _effects(rows: "DataFrame", term: object, name: str) -> "Figure":
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from delssome.plotting import plot_effects
    from delssome.plotting.grouping import height_of
    from delssome.plotting.style import SINGLE, STYLE

    names = list(map(str, rows.loc["region"].index))
    with rc_context(STYLE):
        figure = Figure(
            figsize=(SINGLE, height_of(len(names), names)), layout="constrained"
        )
        plot_effects(rows, "effect", figure.subplots(), name=name, term=str(term))
    return figure
