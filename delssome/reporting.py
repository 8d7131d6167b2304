"""What a fit leaves behind: a table to read, and a folder of tables and figures."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import io
import json
import math
import os
from pathlib import Path

import numpy as np

from delssome.report_html import html_report
from delssome.utils import write_atomically

__all__ = ["check_out", "figures", "summary", "summary_text", "tables", "write_results"]

MOST_NAMES = 120  # regions listed one a line in a figure


def check_out(folder, overwrite=False):
    """Refuse a folder for results that cannot be written or has other content.

    Parameters
    ----------
    folder : str or Path
    overwrite : bool, default=False
        Accept a folder that is not empty.

    Returns
    -------
    Path
        Not created yet.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out {folder} is a file; name a folder.")
    if folder.is_dir() and not overwrite and any(folder.iterdir()):
        raise ValueError(
            f"--out {folder} is not empty; name another folder or add --overwrite."
        )
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ValueError(f"--out {folder} cannot be written in {existing}.")
    return folder


def summary(fitter, truth=None):
    """Give the main results of a fit as a nested dict of plain numbers.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    truth : array-like of shape (n_rois,), default=None
        Known E/I ratio of simulated data.

    Returns
    -------
    dict
        ``costs_in_search`` and ``costs_verified`` by term and in total, ``noise`` (by
        how much the finalists' total costs moved when simulated again, median),
        ``in_range``, ``rates_hz`` and ``ei_ratio`` (mean, min, max), ``ei_ratio_sd``
        (of its mean, over ``n_alike`` searches), ``spectral_radius``,
        ``coefficients``, and ``truth`` if it is known.
    """
    table = fitter.verification_
    winner = int(np.flatnonzero(table.selected)[0])
    names = (*fitter.costs_, "total")
    shift = np.abs(table.simulated_total - table.predicted_total)
    shift = shift[np.isfinite(shift)]
    result = {
        "costs_in_search": {n: float(table[f"predicted_{n}"][winner]) for n in names},
        "costs_verified": {**fitter.costs_, "total": fitter.cost_},
        "cost_sd": fitter.cost_sd_,
        "noise": float(np.median(shift)) if len(shift) else None,
        "in_range": fitter.in_range_,
        "finalists_in_range": int(np.count_nonzero(table.in_range)),
        "n_finalists": len(table.in_range),
        "n_evaluations": int(fitter.history_.n_evaluations[-1]),
        "rates_hz": _spread(fitter.rates_),
        "ei_ratio": _spread(fitter.ei_ratio_),
        "ei_ratio_sd": float(np.std(fitter.ei_ratios_.mean(axis=1))),
        "n_alike": len(fitter.ei_ratios_),
        "spectral_radius": fitter.spectral_radius_,
        "coefficients": dict(
            zip(fitter.param_names_, fitter.params_.tolist(), strict=True)
        ),
    }
    if truth is not None:
        result["truth"] = {
            "ei_ratio": _spread(truth),
            "ei_ratio_correlation": float(np.corrcoef(fitter.ei_ratio_, truth)[0, 1]),
        }
    return result


def summary_text(results):
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
    columns = [
        ("in the search", results["costs_in_search"]),
        ("simulated afresh", results["costs_verified"]),
    ]
    truth = results.get("truth", {})
    if "costs" in truth:
        columns.append(("true parameters", truth["costs"]))
    lines = ["cost".ljust(16) + "".join(title.rjust(20) for title, _ in columns)]
    for name in columns[0][1]:
        cells = "".join(f"{costs[name]:20.3f}" for _, costs in columns)
        lines.append(f"  {name:14}{cells}")
    rates, ei_ratio = results["rates_hz"], results["ei_ratio"]
    verdict = "within" if results["in_range"] else "OUTSIDE"
    lines += [
        f"firing rates    {rates['min']:.2f} to {rates['max']:.2f} Hz over regions, "
        f"{verdict} the plausible range",
        f"E/I ratio       {_mean_and_range(ei_ratio)}",
    ]
    if truth:
        lines += [
            f"  true          {_mean_and_range(truth['ei_ratio'])}",
            f"  correlation   {truth['ei_ratio_correlation']:.2f} "
            "over regions, recovered with true",
        ]
    lines.append(
        f"finalists       {results['finalists_in_range']} of {results['n_finalists']} "
        f"in range, best of {results['n_evaluations']} candidates"
    )
    if results["noise"] is not None:
        lines.append(
            f"noise           costs of finalists simulated again moved by "
            f"{results['noise']:.2f} (median);\n"
            "                smaller differences in cost mean nothing"
        )
    return "\n".join(lines)


def tables(fitter, region_names, truth=None):
    """Give the tables of a fit, columns by name.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    region_names : sequence of str of length n_rois
    truth : array-like of shape (n_rois,), default=None
        Known E/I ratio of simulated data, a column of ``ei_ratio.csv``.

    Returns
    -------
    dict of str to dict of str to sequence
        By file name: regional parameters, coefficients, E/I ratio, verification and
        history.
    """
    n_rois, theta = len(region_names), fitter.verification_.theta
    parameters = {
        name: np.broadcast_to(values, n_rois)
        for name, values in fitter.regional_params_.items()
    }
    ei_ratio = {"region": region_names, "ei_ratio": fitter.ei_ratio_}
    if len(fitter.ei_ratios_) > 1:
        ei_ratio["sd_over_restarts"] = fitter.ei_ratios_.std(axis=0, ddof=1)
    if truth is not None:
        ei_ratio["truth"] = truth
    table = fitter.verification_
    verification = {k: v for k, v in table.items() if np.ndim(v) == 1}
    return {
        "parameters.csv": {
            "region": region_names,
            **parameters,
            "rate_hz": fitter.rates_,
        },
        "coefficients.csv": {"name": fitter.param_names_, "value": fitter.params_},
        "ei_ratio.csv": ei_ratio,
        "verification.csv": {
            **verification,
            **dict(zip(fitter.param_names_, theta.T, strict=True)),
        },
        "history.csv": dict(fitter.history_),
    }


def figures(fitter, region_names, truth=None):
    """Draw the figures of a fit, without pyplot: nothing is shown or left open.

    Parameters
    ----------
    fitter : MeanFieldFitter
        Fitted.
    region_names : sequence of str of length n_rois
    truth : array-like of shape (n_rois,), default=None

    Returns
    -------
    dict of str to matplotlib Figure
        By file name.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from delssome.plotting import EIRatioDisplay, plot_report
    from delssome.plotting.style import DOUBLE, SINGLE, STYLE

    n_rois = len(region_names)
    names = region_names if n_rois <= MOST_NAMES else None
    height = 2.6 if names is None else max(2.0, 0.6 + 0.115 * n_rois)
    with rc_context(STYLE):
        report = Figure(figsize=(DOUBLE, 7.4), layout="constrained")
        plot_report(fitter, report, region_names=names, truth=truth)
        regions = Figure(figsize=(SINGLE, height), layout="constrained")
        EIRatioDisplay.from_estimator(fitter, region_names=names, ax=regions.subplots())
    return {"report.png": report, "ei_ratio.png": regions}


def write_results(folder, tables, figures, results):
    """Write all results; each file appears whole or not at all.

    Parameters
    ----------
    folder : str or Path
        Created if need be.
    tables, figures : dict
        As `tables` and `figures` give them.
    results : dict
        Written as ``summary.json``, and with the figures as ``report.html``.

    Returns
    -------
    list of Path
        The files.
    """
    contents = {}
    for name, columns in tables.items():
        contents[name] = _csv(columns).encode()
    for name, figure in figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=200)
        contents[name] = buffer.getvalue()
    if {"report.png", "ei_ratio.png"} <= contents.keys():
        contents["report.html"] = html_report(results, contents).encode()
    text = json.dumps(_without_nan(results), indent=2, allow_nan=False)
    contents["summary.json"] = f"{text}\n".encode()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def _without_nan(value):
    """Put null where JSON has no number: NaN and infinity."""
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _csv(columns):
    """Lay out columns as CSV; floats keep all their digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
    )
    return buffer.getvalue()


def _spread(values):
    return {
        "mean": float(np.mean(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }


def _mean_and_range(spread):
    return f"{spread['mean']:.2f} ({spread['min']:.2f} to {spread['max']:.2f})"
