"""The main results of a fit: as numbers, and laid out for reading."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.fitting import MeanFieldFitter, MeanFieldPosterior
from delssome.plotting.source import Fitted
from delssome.plotting.style import correlation
from delssome.plotting.wording import three_digits, two_digits
from delssome.report.caveats import caveats
from delssome.report.known import known, known_text

__all__ = ["mean_and_range", "range_text", "spread_text", "summary", "summary_text"]

LABEL = 17  # width of what stands before the numbers, if no name needs more
WIDTH = 88  # of lines


def summary(estimator: Fitted, truth: ArrayLike | None = None) -> dict[str, Any]:
    """Give the main results of a fit as a nested dict of plain numbers.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        Fitted.
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data, such as its E/I ratio.

    Returns
    -------
    dict
        ``model``, ``readout_key`` and ``readout_name``, as the model calls itself and
        what it reads out; under the readout's key (``ei_ratio`` of FIC) its mean, min
        and max over regions; ``known``, what the data know of it
        (:func:`delssome.report.known`), if that can be said; ``caveats``, a list of
        sentences; ``costs_verified`` by term and in total, simulated; ``in_range``,
        ``rates_hz`` (mean, min, max) if the model bounds a rate; ``coefficients``, and
        ``truth`` if it is known.

        Of a fit also ``costs_in_search``, ``noise`` (by how much the finalists' total
        costs moved when simulated again, median), ``spectral_radius`` if theory
        describes it, and, with ``_spread_over_restarts`` after the readout's key, the
        SD of its mean over ``n_alike`` searches: the optimiser's, no uncertainty.

        Of a posterior also ``map_correlations`` (mean, low, high), ``log_evidence``,
        ``share_in_range`` and ``n_draws``.

    Examples
    --------
    >>> from delssome import CMAES, Acquisition, MeanFieldFitter
    >>> from delssome.datasets import make_cohort
    >>> from delssome.report import summary
    >>> scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
    >>> cohort = make_cohort(n_subjects=1, n_rois=8, acquisition=scan, random_state=0)
    >>> fitter = MeanFieldFitter(
    ...     surrogate=None, acquisition=scan, search=CMAES(popsize=8, max_iter=2),
    ...     random_state=0,
    ... ).fit(cohort.X)
    >>> results = summary(fitter, truth=cohort.ei_ratio[0])
    >>> results["readout_name"], list(results["ei_ratio"])
    ('E/I ratio', ['mean', 'min', 'max'])
    """
    model = estimator.model_
    result: dict[str, Any] = {
        "model": model.name,
        "readout_key": model.readout_key,
        "readout_name": model.readout_name,
        model.readout_key: _spread(estimator.readout_),
    }
    found = known(estimator)
    if found is not None:
        result["known"] = found
    result["caveats"] = caveats(estimator)
    if isinstance(estimator, MeanFieldPosterior):
        result |= _of_posterior(estimator)
    else:
        result |= _of_fit(estimator)
    result["costs_verified"] = {**estimator.costs_, "total": estimator.cost_}
    result["cost_sd"] = estimator.cost_sd_
    result["in_range"] = estimator.in_range_
    if model.rate is not None:
        result["rates_hz"] = _spread(estimator.rates_)
    # Departures of regions are in the tables.
    shown = set(estimator.space_.following.names)
    coefficients = zip(estimator.param_names_, estimator.params_.tolist(), strict=True)
    result["coefficients"] = {name: x for name, x in coefficients if name in shown}
    if truth is not None:
        result["truth"] = {
            model.readout_key: _spread(np.asarray(truth, dtype=np.float64)),
            f"{model.readout_key}_correlation": correlation(estimator.readout_, truth),
        }
    return result


def _of_fit(fitter: MeanFieldFitter) -> dict[str, Any]:
    """Give what a search and its verification have, and a posterior has not."""
    table, key = fitter.verification_, fitter.model_.readout_key
    winner = int(np.flatnonzero(table.selected)[0])
    shift = np.abs(table.simulated_total - table.predicted_total)
    shift = shift[np.isfinite(shift)]
    result: dict[str, Any] = {
        f"{key}_spread_over_restarts": float(np.std(fitter.readouts_.mean(axis=1))),
        "n_alike": len(fitter.readouts_),
    }
    if np.isfinite(fitter.spectral_radius_):
        result["spectral_radius"] = fitter.spectral_radius_
    return {
        **result,
        "costs_in_search": {
            name: float(table[f"predicted_{name}"][winner])
            for name in (*fitter.costs_, "total")
        },
        "noise": float(np.median(shift)) if len(shift) else None,
        "finalists_in_range": int(np.count_nonzero(table.in_range)),
        "n_finalists": len(table.in_range),
        "n_evaluations": int(fitter.history_.n_evaluations[-1]),
    }


def _of_posterior(posterior: MeanFieldPosterior) -> dict[str, Any]:
    """Give what a posterior has, and a fit has not."""
    return {
        "map_correlations": posterior.map_correlations_.tolist(),
        "log_evidence": posterior.log_evidence_,
        "share_in_range": posterior.share_in_range_,
        "n_draws": len(posterior.draws_),
        "n_evaluations": posterior.n_evaluations_,
    }


def summary_text(results: Mapping[str, Any]) -> str:
    """Lay the results out for reading: the map, what is known of it, then the costs.

    Parameters
    ----------
    results : dict
        As `summary` gives it; ``results["truth"]["costs"]``, the costs of the
        parameters that made the data, are a further column.

    Returns
    -------
    str
        Several lines.

    Examples
    --------
    ::

        print(summary_text(summary(fitter)))

    prints lines such as ``E/I ratio        2.57 (2.41 to 2.70) over regions``.
    """
    key, name = results["readout_key"], results["readout_name"]
    truth = results.get("truth", {})
    rows = [(name, f"{mean_and_range(results[key])} over regions")]
    if truth:
        r = truth[f"{key}_correlation"]
        rows += [
            ("  true", mean_and_range(truth[key])),
            ("  correlation", f"{r:.2f} over regions, recovered with true"),
        ]
    rows.append(("these data know", known_text(results)))
    if "known" in results:
        n_scans = two_digits(results["known"]["n_scans"])
        said = f"what is left of FC counts as noise: as much as {n_scans} scans have"
        rows.append(("", said))
    if results.get("n_alike", 1) > 1:
        rows.append(("restarts", spread_text(results)))
    rows += [("caveat", said) for said in results["caveats"]]
    width = max(LABEL, len(name) + 2)
    return "\n".join(
        [
            *(_row(label, text, width) for label, text in rows),
            *_cost_lines(results, width),
            *(_row(label, text, width) for label, text in _how_sure_of_costs(results)),
        ]
    )


def _how_sure_of_costs(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say whether rates are in range, and by how much costs move."""
    rows = [("firing rates", range_text(results))]
    if "n_draws" in results:
        said = f"{results['n_draws']}, of {results['n_evaluations']} candidates"
        rows.append(("draws", said))
    if "n_finalists" in results:
        said = (
            f"{results['finalists_in_range']} of {results['n_finalists']} "
            f"{'in range' if 'rates_hz' in results else 'without divergence'}, "
            f"best of {results['n_evaluations']} candidates"
        )
        rows.append(("finalists", said))
    if results.get("noise") is not None:
        said = (
            f"costs of finalists simulated again moved by {results['noise']:.2f} "
            "(median); smaller differences in cost mean nothing"
        )
        rows.append(("noise", said))
    return rows


def _row(label: str, text: str, width: int) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=label.ljust(width),
        subsequent_indent=" " * width,
    )


def _cost_lines(results: Mapping[str, Any], width: int) -> list[str]:
    columns = [("simulated afresh", results["costs_verified"])]
    if "costs_in_search" in results:
        columns.insert(0, ("in the search", results["costs_in_search"]))
    truth = results.get("truth", {})
    if "costs" in truth:
        columns.append(("true parameters", truth["costs"]))
    lines = ["cost".ljust(width) + "".join(title.rjust(20) for title, _ in columns)]
    for name in columns[0][1]:
        cells = "".join(f"{costs[name]:20.3f}" for _, costs in columns)
        lines.append(f"  {name}".ljust(width) + cells)
    return lines


def spread_text(results: Mapping[str, Any]) -> str:
    """Say how far restarts ended apart, and that this is no uncertainty.

    Parameters
    ----------
    results : dict
        As `summary` gives it, of a fit.

    Returns
    -------
    str
    """
    spread = results[f"{results['readout_key']}_spread_over_restarts"]
    return (
        f"the mean differs by {three_digits(spread)} (SD) over {results['n_alike']} "
        "searches that ended alike: the optimiser's spread, not what the data leave "
        "open"
    )


def range_text(results: Mapping[str, Any]) -> str:
    """Say whether simulations stayed in range, or that the model has none.

    Parameters
    ----------
    results : dict
        As `summary` gives it.

    Returns
    -------
    str
    """
    if "rates_hz" in results:
        rates = results["rates_hz"]
        verdict = "within" if results["in_range"] else "OUTSIDE"
        return (
            f"{rates['min']:.2f} to {rates['max']:.2f} Hz over regions, {verdict} the "
            "plausible range"
        )
    verdict = "no repeat diverged" if results["in_range"] else "some repeats DIVERGED"
    return f"the {results['model']} model bounds none; {verdict}"


def mean_and_range(spread: Mapping[str, float]) -> str:
    """Write mean, min and max.

    Parameters
    ----------
    spread : dict
        ``mean``, ``min`` and ``max``.

    Returns
    -------
    str
    """
    mean, low, high = (three_digits(spread[name]) for name in ("mean", "min", "max"))
    return f"{mean} ({low} to {high})"


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "min": float(values.min()),
        "max": float(values.max()),
    }
