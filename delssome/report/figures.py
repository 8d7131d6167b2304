"""The figures of a fit, of a population and of effects, for files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from delssome.fitting import MeanFieldPosterior, PopulationFitter
from delssome.plotting.source import Fitted
from delssome.plotting.style import DOUBLE, SINGLE, STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from delssome.study import Norms

__all__ = [
    "effect_figures",
    "figures",
    "norms_figure",
    "people_figure",
    "population_figures",
    "region_figure",
    "safe",
]

Figures = dict[str, Callable[[], "Figure"]]


def figures(
    estimator: Fitted,
    region_names: Sequence[str],
    truth: ArrayLike | None = None,
) -> Figures:
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
        By file name, each gives a matplotlib Figure: what the model reads out
        (``ei_ratio.png`` of FIC), what the data know of it (``known.png``, if theory
        says it), ``fc.png``, ``fcd.png``, of a fit ``search.png``, and all of it in
        one, ``report.png``.

    Examples
    --------
    ::

        for name, draw in figures(fitter, data.region_names).items():
            draw().savefig(name, dpi=300)
    """
    from delssome.plotting import FCDDisplay, FCDisplay, ReadoutDisplay, plot_report
    from delssome.plotting.grouping import height_of

    names: dict[str, Any] = {"region_names": region_names}
    readout = partial(ReadoutDisplay.from_estimator, estimator, **names)
    height = height_of(len(region_names), region_names)
    found: Figures = {
        f"{estimator.model_.readout_key}.png": partial(_on_axes, readout, height),
        "fc.png": partial(
            _whole, partial(FCDisplay.from_estimator, estimator, **names), 2.2
        ),
        "fcd.png": partial(
            _on_axes, partial(FCDDisplay.from_estimator, estimator), 2.4
        ),
        "report.png": partial(
            _whole, partial(plot_report, estimator, truth=truth, **names), 7.4
        ),
    }
    if isinstance(estimator, MeanFieldPosterior):
        from delssome.plotting import PosteriorDisplay

        posterior = partial(PosteriorDisplay.from_estimator, estimator)
        height = 0.9 + 0.14 * len(estimator.space_.following.names)
        return found | {"known.png": partial(_whole, posterior, max(2.7, height))}
    if estimator.identifiability_ is not None:
        from delssome.plotting import IdentifiabilityDisplay

        known = partial(IdentifiabilityDisplay.from_estimator, estimator)
        height = 1.4 + 0.15 * len(estimator.space_.following.names)
        found["known.png"] = partial(_on_axes, known, height)
    return found | {"search.png": partial(_whole, partial(_search, estimator), 2.8)}


def _search(fitter: Fitted, figure: Any) -> None:
    from delssome.plotting import HistoryDisplay, VerificationDisplay

    history, verification = figure.subplots(1, 2, width_ratios=(1.4, 1))
    HistoryDisplay.from_estimator(fitter, ax=history)  # type: ignore[arg-type]
    VerificationDisplay.from_estimator(fitter, ax=verification)  # type: ignore[arg-type]


def _on_axes(draw: Callable[..., Any], height: float) -> "Figure":
    """Draw on the axes of a figure, one column wide."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(SINGLE, height), layout="constrained")
        draw(ax=figure.subplots())
    return figure


def _whole(draw: Callable[..., Any], height: float) -> "Figure":
    """Draw a whole figure, two columns wide."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(DOUBLE, height), layout="constrained")
        draw(figure=figure)
    return figure


def region_figure(
    readout: ArrayLike, interval: ArrayLike, region_names: Sequence[str], **how: Any
) -> Callable[[], "Figure"]:
    """Give what draws a map with an interval of every region.

    Parameters
    ----------
    readout : array-like of shape (n_rois,)
    interval : array-like of shape (n_rois, 2)
    region_names : sequence of str of length n_rois
    **how
        Further parameters of :class:`~delssome.plotting.ReadoutDisplay`.
    """
    from delssome.plotting import ReadoutDisplay
    from delssome.plotting.grouping import height_of

    display = ReadoutDisplay(
        readout, interval=interval, region_names=region_names, **how
    )
    height = height_of(len(region_names), region_names)
    return partial(_on_axes, display.plot, height)


def population_figures(
    population: PopulationFitter, region_names: Sequence[str]
) -> Figures:
    """Give what draws a population: its mean map, and the maps of all.

    Parameters
    ----------
    population : PopulationFitter
        Fitted.
    region_names : sequence of str of length n_rois

    Returns
    -------
    dict of str to callable
        ``ei_ratio.png`` of FIC, mean and deviation between people, and
        ``population.png``.
    """
    from delssome.plotting import PopulationDisplay
    from delssome.plotting.grouping import groups_of

    model = population.model_
    draw = partial(
        PopulationDisplay.from_estimator, population, networks=groups_of(region_names)
    )
    found: Figures = {"population.png": partial(_whole, draw, 2.8)}
    maps = population.readout_[np.isfinite(population.readout_).all(axis=1)]
    if len(maps) > 1:
        mean, sd = maps.mean(axis=0), maps.std(axis=0, ddof=1)
        found[f"{model.readout_key}.png"] = region_figure(
            mean,
            np.column_stack([mean - sd, mean + sd]),
            region_names,
            interval_name="SD between people",
            name=f"{model.readout_name}, mean of {len(maps)}",
        )
    return found


def people_figure(
    readouts: ArrayLike, region_names: Sequence[str], **how: Any
) -> Callable[[], "Figure"]:
    """Give what draws the maps of people, one in a row.

    Parameters
    ----------
    readouts : array-like of shape (n_people, n_rois)
    region_names : sequence of str of length n_rois
    **how
        Further parameters of :class:`~delssome.plotting.PopulationDisplay`.
    """
    from delssome.plotting import PopulationDisplay
    from delssome.plotting.grouping import groups_of

    networks = groups_of(region_names)
    display = PopulationDisplay(readouts, row="Person", networks=networks, **how)
    return partial(_whole, display.plot, 2.8)


def norms_figure(
    norms: "Norms",
    value: ArrayLike,
    age: ArrayLike,
    sex: ArrayLike | None,
    site: ArrayLike | None,
    **how: Any,
) -> Callable[[], "Figure"]:
    """Give what draws people among centiles of norms.

    Parameters
    ----------
    norms : Norms
        Fitted.
    value, age, sex, site : array-like of shape (n_people,)
        As of its `fit`.
    **how
        Further parameters of :func:`~delssome.plotting.plot_centiles`.
    """
    from delssome.plotting import plot_centiles

    draw = partial(plot_centiles, norms, value, age, sex=sex, site=site, **how)
    return partial(_on_axes, draw, 2.4)


def effect_figures(table: "DataFrame", name: str) -> Figures:
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

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from delssome.report import effect_figures
    >>> from delssome.study import map_effects
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"age": rng.uniform(8, 23, 20)})
    >>> effects = map_effects(rng.normal(2.5, 0.2, (20, 3)), people, "age")
    >>> figures = effect_figures(effects, name="E/I ratio")
    >>> list(figures)  # figures["effect_age.png"]().savefig("effect_age.png")
    ['effect_age.png']
    """
    found: Figures = {}
    for term in table.index.get_level_values(0).unique():
        draw = partial(_effects, table.loc[term], str(term), name)
        found[f"effect_{safe(term)}.png"] = draw
    return found


def safe(term: object) -> str:
    """Write a term as a part of a file's name."""
    return "".join(c if c.isalnum() else "_" for c in str(term))


def _effects(rows: "DataFrame", term: str, name: str) -> "Figure":
    from delssome.plotting import plot_effects
    from delssome.plotting.grouping import height_of

    names = list(map(str, rows.loc["region"].index))
    draw = partial(plot_effects, rows, "effect", name=name, term=term)
    return _on_axes(draw, height_of(len(names), names))
