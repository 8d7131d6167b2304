"""The map of a fit on the brain, for files."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from delssome.fitting import MeanFieldPosterior, PopulationFitter
from delssome.plotting.source import Fitted
from delssome.saying import listening

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["brain_files"]


def brain_files(
    estimator: Fitted | PopulationFitter, **how: Any
) -> tuple[
    dict[str, Callable[[], "Figure"]], dict[str, Callable[[Mapping[str, bytes]], str]]
]:
    """Give what draws a map on the brain, without pyplot, and what lays out a page.

    Parameters
    ----------
    estimator : MeanFieldFitter, MeanFieldPosterior or PopulationFitter
        Fitted.
    **how
        Parameters of :class:`~delssome.plotting.BrainDisplay`, `atlas` among them.

    Returns
    -------
    figures : dict of str to callable
        ``brain.png``.
    pages : dict of str to callable
        ``brain.html``, which can be turned.
    """
    return (
        {"brain.png": partial(_figure, estimator, how)},
        {"brain.html": partial(_page, estimator, how)},
    )


def _figure(estimator: Fitted | PopulationFitter, how: dict[str, Any]) -> "Figure":
    from matplotlib.figure import Figure

    from delssome.plotting.style import SINGLE

    height = 3.05 if isinstance(estimator, MeanFieldPosterior) else 2.75
    figure = Figure(figsize=(SINGLE, height), layout="constrained")
    _display(estimator, how, figure)
    return figure


def _page(
    estimator: Fitted | PopulationFitter, how: dict[str, Any], _: Mapping[str, bytes]
) -> str:
    from matplotlib.figure import Figure

    page: str = _display(estimator, how, Figure()).to_html()
    return page


def _display(
    estimator: Fitted | PopulationFitter, how: dict[str, Any], figure: "Figure"
) -> Any:
    from delssome.plotting import BrainDisplay

    with listening():  # the page lists regions that are not drawn
        return BrainDisplay.from_estimator(estimator, figure=figure, **how)
