"""What a study leaves behind: effects, the people behind them, and the fits."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from delssome.plotting.page import (
    folded,
    lines_of,
    page,
    paragraph,
    picture,
    table,
)
from delssome.plotting.source import found_effects
from delssome.plotting.wording import in_sentence, sentence, three_digits
from delssome.report.figures import safe
from delssome.report.html import AGAIN, FITS, settings

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["study_report", "term_summary"]


def term_summary(table: "DataFrame") -> dict[str, dict[str, Any]]:
    """Give the effect on the mean, and in how many regions it is known, by term.

    Parameters
    ----------
    table : pandas.DataFrame
        As of :func:`effect_figures`.

    Returns
    -------
    dict of str to dict
        ``effect``, ``low``, ``high``, ``n_known``, ``n_rois`` and ``known``, in words.
    """
    found = {}
    for term in table.index.get_level_values(0).unique():
        rows = table.loc[term]
        known, says = found_effects(rows.loc["region"])
        mean = rows.loc[("mean", "mean")]
        found[str(term)] = {
            **{name: float(mean[name]) for name in ("effect", "low", "high")},
            "n_known": int(known.sum()),
            "n_rois": len(known),
            "known": says,
        }
    return found


def study_report(
    results: Mapping[str, Any], images: Mapping[str, bytes], config: str = ""
) -> str:
    """Lay out a page: effects and where they are, people, how well the model fits.

    Parameters
    ----------
    results : dict
        With ``title``, ``model``, ``readout_name``, ``terms`` (:func:`term_summary`),
        ``interval``, ``people`` and ``fits`` (sentences), ``rows`` (of a table of
        fits), ``scan``, ``warnings``, ``delssome``, ``command`` and ``read``; and
        ``caveats`` (sentences), if effects want any: they follow the first.
    images : dict of str to bytes
        PNG of :func:`effect_figures`, :func:`effect_brains`, of ``people.png``,
        ``norms.png``, ``regions.png`` and :func:`brain_files`, as far as there are.
    config : str, default=""
        Options that repeat it, as TOML.

    Returns
    -------
    str

    Examples
    --------
    >>> from delssome.report import study_report
    >>> age = {"effect": -0.02, "low": -0.03, "high": -0.01}
    >>> age |= {"n_known": 3, "n_rois": 68, "known": "FDR below 0.05"}
    >>> results = {
    ...     "title": "E/I and age", "model": "FIC", "readout_name": "E/I ratio",
    ...     "terms": {"age": age}, "interval": 0.95, "people": ["40 people"],
    ...     "fits": [], "rows": [], "scan": "TR 0.72 s, 1200 frames", "warnings": [],
    ...     "delssome": "0.1.0",
    ... }
    >>> "Mean E/I ratio changes by -0.02" in study_report(results, images={})
    True
    """
    name, caveats = results["readout_name"], results.get("caveats", [])
    sections = {
        f"{name} and {term}": _effect(results, term, images, [] if k else caveats)
        for k, term in enumerate(results["terms"])
    }
    first = "" if sections else lines_of(results["warnings"], "warning")
    if sections:
        title = next(iter(sections))
        sections[title] += lines_of(results["warnings"], "warning")
    people = f"{name} of every person"
    regions = picture(images.get("regions.png"), f"{name} of every region", "narrow")
    sections["Individuals"] = (
        first
        + lines_of(results["people"])
        + picture(images.get("norms.png"), "Centiles of norms, and people", "narrow")
        + picture(images.get("people.png"), people)
    )
    sections |= {
        FITS: lines_of(results["fits"])
        + table(results["rows"])
        + folded(f"{name} of every region", regions),
        AGAIN: settings(results, sentence(results["scan"]), config),
    }
    return page(results["title"], sections)


def _effect(
    results: Mapping[str, Any],
    term: str,
    images: Mapping[str, bytes],
    caveats: Sequence[str],
) -> str:
    found, what = results["terms"][term], in_sentence(results["readout_name"])
    effect, low, high = (three_digits(found[key]) for key in ("effect", "low", "high"))
    sure = found["low"] > 0 or found["high"] < 0
    unit = f"{term}" if "[" in term else f"one unit of {term}"
    said = (
        f"Mean {what} changes by {effect} with {unit} "
        f"({100 * results['interval']:g} % interval {low} to {high})"
        + ("" if sure else ": which way is not known")
        + f". In {found['n_known']} of {found['n_rois']} regions: {found['known']}."
    )
    drawn = images.get(f"brain_{safe(term)}.png")
    brain = picture(drawn, f"Effect of {term} on the brain", "narrow")
    if brain:
        to = f"brain_{safe(term)}.html"
        brain += f'<p><a href="{to}">{to}</a> can be turned and names regions.</p>'
    regions = picture(
        images.get(f"effect_{safe(term)}.png"), f"Effect of {term} on regions", "narrow"
    )
    if brain:
        regions = folded("Every region, with its interval", regions)
    return paragraph(said, "lead") + lines_of(caveats) + brain + regions
