"""What many fits leave behind: numbers of all of them, and a page to read."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any

import numpy as np

from delssome.costs import COST_NAMES
from delssome.fitting import PopulationFitter
from delssome.plotting.page import lines_of, page, paragraph, picture, table
from delssome.plotting.wording import (
    in_sentence,
    sentence,
    three_digits,
    two_digits,
)
from delssome.report.html import AGAIN, COST, FITS, KNOW, maps, settings

__all__ = ["population_report", "population_summary"]


def population_summary(population: PopulationFitter) -> dict[str, Any]:
    """Give the main results of many fits as plain numbers.

    Parameters
    ----------
    population : PopulationFitter
        Fitted.

    Returns
    -------
    dict
        ``n_subjects``, ``n_failed``, ``n_in_range`` (None of a model that bounds no
        rate) and ``failures``; ``mean_readout``, mean and standard deviation over
        people of the mean over regions; of posteriors ``mean_readout_sd``, the median
        of what a scan leaves open of it, and ``p_pattern``, of the probability that the
        pattern is the right way up; ``cost_median`` and ``costs``, median, lowest and
        highest, by term.
    """
    there = np.isfinite(population.readout_).all(axis=1)
    found: dict[str, Any] = {
        "n_subjects": len(there),
        "n_failed": len(population.failures_),
        "n_in_range": None
        if population.model_.rate is None
        else int(population.in_range_.sum()),
        "failures": {str(k): v for k, v in population.failures_.items()},
        "cost_median": None,
    }
    if not there.any():
        return found
    means = population.readout_[there].mean(axis=1)
    found["mean_readout"] = [float(means.mean()), float(means.std())]
    for name, key in (
        ("mean_readout_sd_", "mean_readout_sd"),
        ("pattern_probability_", "p_pattern"),
    ):
        if hasattr(population, name):
            found[key] = float(np.nanmedian(getattr(population, name)))
    terms = [*population.costs_[there].T, population.cost_[there]]
    found["costs"] = {
        name: [float(np.median(x)), float(x.min()), float(x.max())]
        for name, x in zip([*COST_NAMES, "total"], terms, strict=True)
    }
    found["cost_median"] = found["costs"]["total"][0]
    return found


def population_report(
    results: Mapping[str, Any], images: Mapping[str, bytes], config: str = ""
) -> str:
    """Lay out a page: mean map and who differs, what is known, then fits and costs.

    Parameters
    ----------
    results : dict
        As :func:`population_summary` gives it, with ``model``, ``readout_key``,
        ``readout_name``, ``kind``, ``n_rois``, ``scan``, ``read``, ``warnings``,
        ``delssome``, ``random_state`` and ``command``.
    images : dict of str to bytes
        PNG of :func:`population_figures` and :func:`brain_files`, by file name.
    config : str, default=""
        Options that repeat it, as TOML.

    Returns
    -------
    str

    Examples
    --------
    >>> from delssome.report import population_report
    >>> results = {  # population_summary(population) gives most of it
    ...     "n_subjects": 2, "n_failed": 0, "failures": {}, "n_in_range": 2,
    ...     "mean_readout": [2.5, 0.2], "costs": {"total": [0.7, 0.6, 0.8]},
    ...     "model": "FIC", "readout_key": "ei_ratio", "readout_name": "E/I ratio",
    ...     "kind": "fits", "n_rois": 68, "scan": "TR 0.72 s, 1200 frames",
    ...     "warnings": [], "delssome": "0.1.0",
    ... }
    >>> page = population_report(results, images={})
    >>> "FIC model: fits of 2 subjects, 68 regions" in page
    True
    """
    n, name = results["n_subjects"], results["readout_name"]
    return page(
        f"{results['model']} model: {results['kind']} of {n} subjects, "
        f"{results['n_rois']} regions",
        {
            f"{name} by region": _map(results, images),
            KNOW: _known(results),
            FITS: _fit(results),
            COST: _cost(results),
            AGAIN: settings(results, sentence(results["scan"]), config),
        },
    )


def _map(results: Mapping[str, Any], images: Mapping[str, bytes]) -> str:
    key, name = results["readout_key"], results["readout_name"]
    lead = ""
    if "mean_readout" in results:
        mean, sd = results["mean_readout"]
        lead = (
            f"Mean {in_sentence(name)} {three_digits(mean)}, SD between people "
            f"{two_digits(sd)}."
        )
    return (
        paragraph(lead, "lead")
        + maps(images, f"{key}.png", name, "")
        + picture(images.get("population.png"), f"{name} of all subjects, and costs")
        + paragraph("Rows are subjects, columns regions.")
    )


def _known(results: Mapping[str, Any]) -> str:
    what, said = in_sentence(results["readout_name"]), []
    if "mean_readout_sd" in results:
        sd = two_digits(results["mean_readout_sd"])
        said.append(
            f"A scan knows mean {what} to +-{sd} (median), and people differ by "
            f"{two_digits(results['mean_readout'][1])} (SD)."
        )
    if "p_pattern" in results:
        said.append(
            "The pattern over regions is the right way up with probability "
            f"{results['p_pattern']:.2f} (median)."
        )
    said.append(
        "Levels of single fits lie anywhere on what a scan leaves open: for slopes "
        "over age, groups or drugs infer all scans at once (delssome pooled)."
    )
    return lines_of(results["warnings"], "warning") + lines_of(said)


def _fit(results: Mapping[str, Any]) -> str:
    rows = [
        [name, *(f"{x:.3f}" for x in found)]
        for name, found in results.get("costs", {}).items()
    ]
    return table(rows, ["", "median", "best", "worst"])


def _cost(results: Mapping[str, Any]) -> str:
    n, failed = results["n_subjects"], results["n_failed"]
    said = f"{n} subjects, of which {failed} failed."
    if results["n_in_range"] is not None:
        said += f" {results['n_in_range']} fits are in the plausible range."
    said += " Costs are simulated afresh, with noise that took no part in the choice."
    failures = [list(one) for one in results["failures"].items()]
    return paragraph(said) + table(failures, ["failed", ""])
