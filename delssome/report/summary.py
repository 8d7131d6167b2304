"""The main results of a fit: as numbers, and laid out for reading."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.fitting import MeanFieldFitter
from delssome.plotting.style import correlation
from delssome.plotting.wording import three_digits

__all__ = ["mean_and_range", "range_text", "summary", "summary_text"]

LABEL = 16  # width of what stands before the numbers, if no name needs more


def summary(fitter: MeanFieldFitter, truth: ArrayLike | None = None) -> dict[str, Any]:
    """Give the main results of a fit as a nested dict of plain numbers.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    truth : array-like of shape (n_rois,), default=None
        Known readout of simulated data, such as its E/I ratio.

    Returns
    -------
    dict
        ``model``, ``readout_key`` and ``readout_name``, as the model calls itself and
        what it reads out; ``costs_in_search`` and ``costs_verified`` by term and in
        total, ``noise`` (by how much the finalists' total costs moved when simulated
        again, median), ``in_range``, under the readout's key (``ei_ratio`` of FIC) its
        mean, min and max over regions, and with ``_sd`` the SD of its mean over
        ``n_alike`` searches; ``coefficients``, and ``truth`` if it is known.
        ``rates_hz`` (mean, min, max) is there if the model bounds a rate, and
        ``spectral_radius`` if theory describes it.
    """
    model, table = fitter.model_, fitter.verification_
    key = model.readout_key
    winner = int(np.flatnonzero(table.selected)[0])
    names = (*fitter.costs_, "total")
    shift = np.abs(table.simulated_total - table.predicted_total)
    shift = shift[np.isfinite(shift)]
    result: dict[str, Any] = {
        "model": model.name,
        "readout_key": key,
        "readout_name": model.readout_name,
        "costs_in_search": {n: float(table[f"predicted_{n}"][winner]) for n in names},
        "costs_verified": {**fitter.costs_, "total": fitter.cost_},
        "cost_sd": fitter.cost_sd_,
        "noise": float(np.median(shift)) if len(shift) else None,
        "in_range": fitter.in_range_,
        "finalists_in_range": int(np.count_nonzero(table.in_range)),
        "n_finalists": len(table.in_range),
        "n_evaluations": int(fitter.history_.n_evaluations[-1]),
    }
    if model.rate is not None:
        result["rates_hz"] = _spread(fitter.rates_)
    result[key] = _spread(fitter.readout_)
    result[f"{key}_sd"] = float(np.std(fitter.readouts_.mean(axis=1)))
    result["n_alike"] = len(fitter.readouts_)
    if np.isfinite(fitter.spectral_radius_):
        result["spectral_radius"] = fitter.spectral_radius_
    result["coefficients"] = dict(
        zip(fitter.param_names_, fitter.params_.tolist(), strict=True)
    )
    if truth is not None:
        result["truth"] = {
            key: _spread(np.asarray(truth, dtype=np.float64)),
            f"{key}_correlation": correlation(fitter.readout_, truth),
        }
    return result


def summary_text(results: Mapping[str, Any]) -> str:
    """Lay the results out for reading.

    Parameters
    ----------
    results : dict
        As `summary` gives it; ``results["truth"]["costs"]``, the costs of the
        parameters that made the data, are a third column.

    Returns
    -------
    str
        Several lines.
    """
    key, name = results["readout_key"], results["readout_name"]
    truth = results.get("truth", {})
    width = max(LABEL, len(name) + 2)
    lines = _cost_lines(results, width)
    rows = [
        ("firing rates", range_text(results)),
        (name, mean_and_range(results[key])),
    ]
    if truth:
        r = truth[f"{key}_correlation"]
        rows += [
            ("  true", mean_and_range(truth[key])),
            ("  correlation", f"{r:.2f} over regions, recovered with true"),
        ]
    rows.append(
        (
            "finalists",
            f"{results['finalists_in_range']} of {results['n_finalists']} "
            f"{'in range' if 'rates_hz' in results else 'without divergence'}, "
            f"best of {results['n_evaluations']} candidates",
        )
    )
    if results["noise"] is not None:
        rows += [
            (
                "noise",
                "costs of finalists simulated again moved by "
                f"{results['noise']:.2f} (median);",
            ),
            ("", "smaller differences in cost mean nothing"),
        ]
    return "\n".join([*lines, *(label.ljust(width) + text for label, text in rows)])


def _cost_lines(results: Mapping[str, Any], width: int) -> list[str]:
    columns = [
        ("in the search", results["costs_in_search"]),
        ("simulated afresh", results["costs_verified"]),
    ]
    truth = results.get("truth", {})
    if "costs" in truth:
        columns.append(("true parameters", truth["costs"]))
    lines = ["cost".ljust(width) + "".join(title.rjust(20) for title, _ in columns)]
    for name in columns[0][1]:
        cells = "".join(f"{costs[name]:20.3f}" for _, costs in columns)
        lines.append(f"  {name}".ljust(width) + cells)
    return lines


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
