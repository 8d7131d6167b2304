"""Maps, spreads and effects on the brain, for files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from delssome.fitting import MeanFieldPosterior, PopulationFitter
from delssome.plotting.source import Fitted
from delssome.report.figures import safe
from delssome.saying import listening

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["brain_files", "effect_brains"]

Files = tuple[
    dict[str, Callable[[], "Figure"]], dict[str, Callable[[Mapping[str, bytes]], str]]
]


def brain_files(estimator: Fitted | PopulationFitter, **how: Any) -> Files:
    """Give what draws a map on the brain, without pyplot, and what lays out a page.

    Parameters
    ----------
    estimator : MeanFieldFitter, MeanFieldPosterior or PopulationFitter
        Fitted.
    **how
        Parameters of :class:`~delssome.plotting.BrainDisplay`, `atlas` or
        `coordinates` among them.

    Returns
    -------
    figures : dict of str to callable
        ``brain.png`` and, where it is known how far the map is open or differs between
        people, ``brain_spread.png``.
    pages : dict of str to callable
        ``brain.html``, which can be turned.

    Examples
    --------
    Where `region_names` are those of the atlas, in any spelling of sides::

        figures, pages = brain_files(fitter, atlas="desikan", region_names=names)
        figures["brain.png"]().savefig("brain.png")
        Path("brain.html").write_text(pages["brain.html"]({}))
    """
    from delssome.plotting import BrainDisplay

    draw = partial(BrainDisplay.from_estimator, estimator, **how)
    legend = isinstance(estimator, MeanFieldPosterior)
    figures: dict[str, Callable[[], Figure]] = {}
    figures["brain.png"] = partial(_figure, draw, legend)
    if _has_spread(estimator):
        spread = partial(draw, show="spread")
        figures["brain_spread.png"] = partial(_figure, spread, False)
    return figures, {"brain.html": partial(_page, draw)}


def effect_brains(table: "DataFrame", name: str, **how: Any) -> Files:
    """Give what draws effects on the brain, a figure and a page a term.

    Parameters
    ----------
    table, name
        As of :func:`effect_figures`.
    **how
        As of :func:`brain_files`.

    Returns
    -------
    figures, pages : dict of str to callable
        ``brain_age.png`` and ``brain_age.html`` of the term ``age``.
    """
    from delssome.plotting import BrainDisplay

    how.pop("region_names", None)  # those of the table
    figures: dict[str, Callable[[], Figure]] = {}
    pages: dict[str, Callable[[Mapping[str, bytes]], str]] = {}
    for term in table.index.get_level_values(0).unique():
        draw = partial(
            BrainDisplay.from_effects,
            table.loc[term],
            name=name,
            term=str(term),
            **how,
        )
        figures[f"brain_{safe(term)}.png"] = partial(_figure, draw, True)
        pages[f"brain_{safe(term)}.html"] = partial(_page, draw)
    return figures, pages


def _has_spread(estimator: Fitted | PopulationFitter) -> bool:
    if isinstance(estimator, PopulationFitter):
        return len(estimator.readout_) - len(estimator.failures_) > 1
    if isinstance(estimator, MeanFieldPosterior):
        return True
    return estimator.identifiability_ is not None


def _figure(draw: partial[Any], legend: bool) -> "Figure":
    from matplotlib.figure import Figure

    from delssome.plotting.style import SINGLE

    height = 2.75 if draw.keywords.get("coordinates") is None else 1.75
    figure = Figure(figsize=(SINGLE, height + 0.3 * legend), layout="constrained")
    with listening():  # the page lists regions that are not drawn
        draw(figure=figure)
    return figure


def _page(draw: partial[Any], _: Mapping[str, bytes]) -> str:
    from matplotlib.figure import Figure

    with listening():
        page: str = draw(figure=Figure()).to_html()
    return page
