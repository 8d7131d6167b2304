"""What the commands that fit have in common: fit, say what came out, write it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from delssome._version import __version__
from delssome.cli.console import listening, say
from delssome.connectome import matrix_to_edges
from delssome.costs import COST_NAMES
from delssome.evaluation import Target
from delssome.fitting import MeanFieldFitter
from delssome.report import figures, summary, summary_text, tables, write_results
from delssome.simulation import Acquisition, SimulationEvaluator

__all__ = ["describe", "fit_and_write"]

HOW: dict[Any, str] = {
    None: "simulated",
    "deep": "predicted by the network",
    "linear": "predicted by theory",
}


def describe(scan: Acquisition) -> str:
    """Describe a scan in words.

    Parameters
    ----------
    scan : Acquisition

    Returns
    -------
    str
    """
    return (
        f"scan of {scan.n_frames} frames, TR {scan.tr:g} s, FCD window "
        f"{scan.fcd_window} frames, burn-in {scan.burn_in:g} s"
    )


def fit_and_write(
    fitter: MeanFieldFitter,
    X: NDArray[np.float64],
    region_names: Sequence[str],
    out: Path,
    started: float,
    cohort: Bunch | None = None,
) -> None:
    """Fit, print the table and write the folder.

    Parameters
    ----------
    fitter : MeanFieldFitter
        With its model, search and verification.
    X : ndarray of shape (n_subjects, n_features)
    region_names : sequence of str of length n_rois
    out : Path
        Folder of the results.
    started : float
        When the command started, of :func:`time.perf_counter`.
    cohort : Bunch, default=None
        As :func:`delssome.datasets.make_cohort` gives it: it knows the truth.
    """
    model: Any = fitter.model
    search: Any = fitter.search
    verification: Any = fitter.verification
    say(
        f"2/3 fit    {model.name} model by {type(search).__name__}, restarts of "
        f"{search.max_iter} generations of {search.popsize} candidates, every one "
        f"{HOW[fitter.surrogate]}; then the best {verification.n_finalists} are "
        "simulated afresh"
    )
    said: list[str] = []
    with listening(said):
        fitter.fit(X)
    truth = None if cohort is None else cohort.ei_ratio.mean(axis=0)
    found = summary(fitter, truth)
    if cohort is not None:
        found["truth"]["costs"] = _costs_of(fitter, cohort.group_theta)
    say(f"\n{summary_text(found)}\n")
    scan = fitter.acquisition_
    results: dict[str, Any] = {
        "delssome": __version__,
        "random_state": fitter.random_state,
        "n_subjects": len(X),
        "n_rois": len(region_names),
        "acquisition": {**asdict(scan), "window": scan.fcd_window, "dt": scan.step},
        "surrogate": fitter.surrogate,
        "warnings": said,
        **found,
    }
    files = write_results(
        out,
        tables(fitter, region_names, truth),
        figures(fitter, region_names, truth),
        results,
    )
    say(f"3/3 write  {', '.join(path.name for path in files)} in {out}")
    say(f"done in {time.perf_counter() - started:.0f} s")


def _costs_of(fitter: MeanFieldFitter, theta: ArrayLike) -> dict[str, float]:
    """Simulate other coefficients as `fit` does its winner and give their costs."""
    evaluator = SimulationEvaluator(
        fitter.model_,
        fitter.acquisition_,
        fitter.simulator_,
        n_fcd_bins=fitter.n_fcd_bins,
    )
    target = Target(fitter.sc_, matrix_to_edges(fitter.fc_), fitter.fcd_cdf_)
    rng = np.random.default_rng(fitter.random_state)
    candidates = fitter.space_.candidates(theta, target.sc)
    evaluation = evaluator.evaluate(candidates, target, rng)
    costs = dict(zip(COST_NAMES, evaluation.costs[0].tolist(), strict=True))
    return {**costs, "total": float(evaluation.total[0])}
