"""What the commands that fit have in common: read, fit, say what came out, write it."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from delssome._version import __version__
from delssome.cli.brain import check_brain
from delssome.cli.config import toml_of
from delssome.cli.console import listening, say
from delssome.cli.inputs import Inputs, check_data_options, read_inputs
from delssome.cli.models import load_model
from delssome.connectome import matrix_to_edges
from delssome.costs import COST_NAMES
from delssome.evaluation import Evaluator, Target
from delssome.fitting import MeanFieldFitter, MeanFieldPosterior
from delssome.fitting.posing import components_of
from delssome.models import Model
from delssome.report import (
    brain_files,
    check_out,
    figures,
    html_report,
    summary,
    summary_text,
    tables,
    write_results,
)
from delssome.simulation import Acquisition, SimulationEvaluator

__all__ = [
    "STORE",
    "describe",
    "fit_and_write",
    "fit_files",
    "prepare",
    "read_of",
    "say_done",
]

# Folder within that of results, of what is kept to go on from.
STORE = "kept"

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
        + "".join(f", {step}" for step in scan.processing)
    )


def prepare(args: Namespace, each: bool = False) -> tuple[Path, Model, Inputs]:
    """Check the folder of results, make the model, read the data, and say what it is.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``delssome fit`` and the like.
    each : bool, default=False
        Whether subjects are no group; then `out` may hold what is kept to go on from.

    Returns
    -------
    out : Path
    model : Model
    inputs : Inputs
    """
    out = check_out(args.out, args.overwrite, [STORE] if each else [])
    check_data_options(args)
    model = load_model(args.model, args.map_signs)
    inputs = read_inputs(args)
    n, maps = len(inputs.X), inputs.maps
    who = f"{n} subjects as a group" if n > 1 else "1 subject or group"
    say(
        f"1/3 read   {f'{n} subjects' if each else who}, "
        f"{len(inputs.region_names)} regions, {0 if maps is None else maps.shape[1]} "
        f"maps; {describe(inputs.acquisition)}"
    )
    return out, model, inputs


def fit_files(
    args: Namespace,
    make: Callable[[Namespace, Model, Inputs], MeanFieldFitter | MeanFieldPosterior],
) -> None:
    """Read the user's files, fit and write.

    Parameters
    ----------
    args : argparse.Namespace
    make : callable
        Gives the estimator of these options.
    """
    started = time.perf_counter()
    out, model, inputs = prepare(args)
    brain = check_brain(args, inputs.region_names, inputs.data.get("atlas_regions"))
    fit_and_write(
        make(args, model, inputs),
        inputs.X,
        inputs.region_names,
        out,
        started,
        inputs.data,
        args,
        brain,
    )


def fit_and_write(
    estimator: MeanFieldFitter | MeanFieldPosterior,
    X: NDArray[np.float64],
    region_names: Sequence[str],
    out: Path,
    started: float,
    data: Bunch,
    args: Namespace,
    brain: dict[str, Any] | None = None,
) -> None:
    """Fit, print the table and write the folder.

    Parameters
    ----------
    estimator : MeanFieldFitter or MeanFieldPosterior
        With its components, none of them None.
    X : ndarray of shape (n_subjects, n_features)
    region_names : sequence of str of length n_rois
    out : Path
        Folder of the results.
    started : float
        When the command started, of :func:`time.perf_counter`.
    data : Bunch
        What was read: its ``notes``, and of derivatives what was ``found``, are
        written, too. Or of :func:`delssome.datasets.make_cohort`, which knows the
        truth.
    args : argparse.Namespace
        Options of the command, to be written as well.
    brain : dict, default=None
        How the map is drawn on the brain, as :func:`.check_brain` gives it.
    """
    say(f"2/3 {_how(estimator)}")
    said: list[str] = []
    with listening(said):
        estimator.fit(X)
    truth = data.ei_ratio.mean(axis=0) if "ei_ratio" in data else None
    found = summary(estimator, truth)
    if truth is not None:
        found["truth"]["costs"] = _costs_of(estimator, data.group_theta)
    scan = estimator.acquisition_
    results: dict[str, Any] = {
        "delssome": __version__,
        "command": args.command,
        "random_state": estimator.random_state,
        "n_subjects": len(X),
        "n_rois": len(region_names),
        "acquisition": {
            **asdict(scan),
            "window": scan.fcd_window,
            "dt": scan.step,
            "processing": list(scan.processing),
        },
        "surrogate": _name(estimator.surrogate),
        "warnings": said,
        "read": read_of(data),
        **found,
    }
    written = tables(estimator, region_names, truth)
    if "found" in data:
        written["files.csv"] = {k: data.found[k].tolist() for k in data.found}
    drawn, pages = ({}, {}) if brain is None else brain_files(estimator, **brain)
    config = toml_of(args)
    try:  # first of all: what can be printed can be read again
        files = write_results(
            out,
            written,
            {**figures(estimator, region_names, truth), **drawn},
            results,
            {"config.toml": config},
            {"report.html": partial(html_report, results, config=config), **pages},
        )
    finally:
        say(f"\n{summary_text(found)}\n")
    say_done(files, started)


def say_done(files: Sequence[Path], started: float) -> None:
    """Say what was written where, and how long all took.

    Parameters
    ----------
    files : sequence of Path
    started : float
        As of :func:`fit_and_write`.
    """
    names = ", ".join(path.name for path in files)
    say(f"3/3 write  {names} in {files[0].parent}")
    say(f"done in {time.perf_counter() - started:.0f} s")


def read_of(data: Bunch) -> dict[str, Any]:
    """Give what was said while reading.

    Parameters
    ----------
    data : Bunch
    """
    names = ("subject_ids", "dropped_regions", "pipeline", "summary", "notes")
    # All of an atlas without names of its own, also regions that are left out.
    return {name: data[name] for name in (*names, "atlas_regions") if name in data}


def _how(estimator: MeanFieldFitter | MeanFieldPosterior) -> str:
    """Say what is about to be done."""
    model: Any = estimator.model
    predicted = HOW[estimator.surrogate]
    if isinstance(estimator, MeanFieldPosterior):
        sampler: Any = estimator.sampler
        noise = "noise and error of the model not told apart, without --n-scans"
        if estimator.n_scans is not None:
            noise = f"noise at least that of --n-scans {estimator.n_scans:g}"
        how = (
            f" by {type(sampler).__name__}, {sampler.n_particles} particles, "
            f"FC {predicted}"
        )
        if estimator.departure:
            how = ", every region its own, by Laplace, FC by theory"
        return (
            f"infer  {model.name} model{how}; {noise}; then a typical draw is simulated"
        )
    search = components_of(estimator).search
    verification: Any = estimator.verification
    n = verification.n_finalists
    if estimator.departure:
        return (
            f"fit    {model.name} model, every region its own, by descents in the "
            f"gradient of costs {predicted}; then their ends are simulated afresh"
        )
    return (
        f"fit    {model.name} model by {type(search).__name__}, restarts of "
        f"{search.max_iter} generations of {search.popsize} candidates, every one "
        f"{predicted}; then the best{'' if n is None else f' {n}'} are simulated afresh"
    )


def _costs_of(
    fitter: MeanFieldFitter | MeanFieldPosterior, theta: ArrayLike
) -> dict[str, float]:
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


def _name(surrogate: object) -> str | None:
    """Name what ranked candidates; of networks of the user's own what they learned."""
    if surrogate is None or isinstance(surrogate, str):
        return surrogate
    digest = surrogate.digest() if isinstance(surrogate, Evaluator) else ""
    return f"{type(surrogate).__name__} {digest[:12]}".rstrip()
